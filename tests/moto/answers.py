"""Does sv0 answer the demo's scenarios over a snapshot as it does over the demo itself?"""
from __future__ import annotations

import json
import pathlib
import subprocess

SCENARIOS = pathlib.Path(__file__).resolve().parents[2] / "crates/demo/data/scenarios.json"
SECONDS = 120


def scenarios() -> list[dict]:
    return json.loads(SCENARIOS.read_text(encoding="utf-8"))


def verdict(expect: str, found: list, blocked: list) -> bool:
    """Do the open and the blocked paths show what the scenario expects? What is suppressed may leave something open."""
    if any("error" in path for path in found + blocked):
        return False
    # c-neg says that a role cannot be passed. It cannot; but a notebook that runs as it may be opened, if it is in service
    # (docs/paths.md, row uc1-not): nothing that is certain is found.
    certain = [path for path in found if path["verdict"] == "allowed"]
    return {"path": bool(found), "suppressed": bool(blocked), "none": not certain}[expect]


def paths(sv0: str, source: str, target: str, *more: str) -> list[dict]:
    """sv0's paths, or its error."""
    command = [sv0, "paths", "--from", source, "--to", target, "--limit", "0", "--output", "json", *more]
    done = subprocess.run(command, text=True, capture_output=True, timeout=SECONDS)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return [{"error": f"exit code {done.returncode}"}]


def check(sv0: str, snapshot: str, world, without: set[str] = frozenset()) -> list[str]:
    """A line for each scenario that comes out differently. `world` knows moto's ids for the demo's; `without` are ids:
    of what is not in the snapshot by intention, and of scenarios that need more than is read."""
    wrong = []
    for scenario in scenarios():
        if without & {scenario["id"], scenario["source"], scenario["target"]}:
            continue
        now, what = world.now(scenario), f'{scenario["id"]} ({scenario["title"]})'
        demo = [paths(sv0, scenario["source"], scenario["target"], "--demo", *more) for more in ((), ("--blocked",))]
        here = [paths(sv0, now["source"], now["target"], "--input", snapshot, *more) for more in ((), ("--blocked",))]
        if not verdict(scenario["expect"], *demo):
            wrong.append(f'{what}: not even the demo says {scenario["expect"]}')
        elif not verdict(scenario["expect"], *here):
            wrong.append(f'{what}: not {scenario["expect"]}: {json.dumps(here)[:300]}')
        elif chains(here) != chains(world.now(demo)):
            wrong.append(f'{what}: {scenario["expect"]}, but not in the same ways:\n      {chains(here)}\n      '
                         f"{chains(world.now(demo))}")
    return wrong


def check_manifest(sv0: str, snapshot: str, manifest: dict, without: set[str] = frozenset()) -> list[str]:
    """The scenarios of a world that somebody else built."""
    wrong = []
    for scenario in manifest["scenarios"]:
        if without & {scenario["id"], scenario["source"], scenario["target"]}:
            continue
        here = [paths(sv0, scenario["source"], scenario["target"], "--input", snapshot, *more)
                for more in ((), ("--blocked",))]
        if not verdict(scenario["expect"], *here):
            wrong.append(f'{scenario["id"]} ({scenario["title"]}): not {scenario["expect"]}: {json.dumps(here)[:300]}')
    return wrong


def chains(found) -> list:
    """What the paths go through, and what blocks them."""
    if isinstance(found, dict):
        return [found.get("chain"), [block["layer"] for block in found.get("blocked_by", [])], found.get("error")]
    return sorted((chains(one) for one in found), key=json.dumps)
