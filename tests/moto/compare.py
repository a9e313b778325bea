"""Is a snapshot what the world holds? Record by record, field by field, with the few differences that are moto's."""
from __future__ import annotations

import copy
import json
import pathlib
import re
from dataclasses import dataclass

import overlay

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class Snapshot:
    head: str  # the first line: it has the time
    body: str  # the other lines
    records: list[dict]
    gaps: list[dict]


def read(path: str | pathlib.Path) -> Snapshot:
    """A snapshot, checked for what its format promises: head, records in order, gaps, end."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    head, _, body = text.partition("\n")
    lines = [json.loads(line) for line in body.splitlines()]
    records = [line for line in lines if "kind" in line]
    gaps = [line["gap"] for line in lines if "gap" in line]
    assert json.loads(head)["sv0_snapshot"]["version"] == 1, head
    assert lines and lines[-1].get("end") == {"records": len(records), "gaps": len(gaps)}, f"the end: {lines[-1:]}"
    order = [(record["kind"], record["id"]) for record in records]
    assert order == sorted(set(order)), "records are not in order, or some are there twice"
    return Snapshot(head, body, records, gaps)


def differences(expected: list[dict], found: list[dict]) -> list[str]:
    """Each difference as a line that says which record, which field, what was expected and what there was."""
    want = {(record["kind"], record["id"]): record for record in expected}
    have = {(record["kind"], record["id"]): record for record in found}
    lines = [f"{kind} {name}: is not in the snapshot" for kind, name in sorted(want.keys() - have.keys())]
    lines += [f"{kind} {name}: nobody made it: {json.dumps(have[kind, name])[:300]}"
              for kind, name in sorted(have.keys() - want.keys())]
    for kind, name in sorted(want.keys() & have.keys()):
        moment = have[kind, name].get("created_at")
        if moment is not None and not MOMENT.fullmatch(moment):
            lines.append(f"{kind} {name} .created_at: {moment} is not ISO 8601 in UTC, to the second")
        compare(plain(want[kind, name]), plain(have[kind, name]), f"{kind} {name} ", lines)
    return lines


def as_read(records: list[dict]) -> list[dict]:
    """The demo's records as a scan has them. Where two services each tell a half, the demo has joined them already; a
    snapshot of a scan holds both halves, and sv0 joins them when it reads it (analyze/src/normalize/infer.rs):

    - which entity a finding is about, says the finding
    - which functions a bucket's notifications and a topic's subscriptions start, say the bucket and the topic
    - which roles a permission set made, say the roles' names
    - which role an instance has, says the instance profile
    """
    records = copy.deepcopy(records)
    for record in records:
        record["refs"] = [ref for ref in record.get("refs", []) if not joined(ref)]
        if record["kind"] == "ec2_instance":
            for ref in record["refs"]:
                if ref["rel"] == "RUNS_AS":
                    ref["to"] = record["attrs"]["instance_profile"]
    return records


def joined(ref: dict) -> bool:
    how = ref.get("attrs", {}).get("how")
    return ref["rel"] in ("HAS_FINDING", "PROVISIONS") or how in ("bucket notification", "topic subscription")


def plain(record: dict) -> dict:
    """What is compared of a record: everything but what the world cannot decide, and where order means nothing, none.

    created_at                is moto's now, or nothing where AWS's own API tells none
    the organization's name   AWS has none for organizations; "acme" is the demo's own
    """
    record = copy.deepcopy(record)
    record.pop("created_at", None)
    if record["kind"] == "aws_organization":
        record.pop("name", None)
    record["refs"] = keyed((f'{ref["rel"]} {ref["to"]}', ref.get("attrs", {})) for ref in record.get("refs", []))
    record["policies"] = keyed((" ".join([slot["slot"], slot.get("name") or ""]), slot["document"])
                               for slot in record.get("policies", []))
    for key in ("refs", "policies", "attrs", "tags"):
        if not record.get(key):
            record.pop(key, None)
    return record


def keyed(pairs) -> dict[str, list]:
    """By name, each with its values in an order that means nothing: a group may be assigned a set in many accounts."""
    found: dict[str, list] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: sorted(values, key=lambda value: json.dumps(value, sort_keys=True)) for name, values in found.items()}


def compare(want, have, where: str, lines: list[str]):
    if isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(want.keys() | have.keys()):
            if key not in have:
                lines.append(f"{where}.{key}: expected {short(want[key])}, is not there")
            elif key not in want:
                lines.append(f"{where}.{key}: not expected, is {short(have[key])}")
            else:
                compare(want[key], have[key], f"{where}.{key}", lines)
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for number, (one, other) in enumerate(zip(want, have)):
            compare(one, other, f"{where}[{number}]", lines)
    elif want != have:
        lines.append(f"{where}: expected {short(want)}, is {short(have)}")


def short(value) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 300 else text[:300] + "…"


def show(lines: list[str], most: int = 40) -> str:
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(["", *(f"    {line}" for line in lines[:most]), *more])


assert MOMENT.fullmatch(overlay.THEN)
