#!/usr/bin/env python3
"""Writes seeds/policy and seeds/simulate: what the text targets begin with.

From the policies of the demo organisation and the cases of crates/iam/tests/corpus, a few of each shape. The seeds of the
other targets are rows of choices that libFuzzer found: `--some N FROM TO` takes N of a minimised corpus, of all lengths.
`make fuzz-seeds` does both.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MOST = 40


# What neither has, and AWS would refuse.
ODD = [
    "[1]",
    "\ufeff{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"allow\",\"Action\":\"*\"},7]}",
    '{"Statement":[{"Effect":"Allow"',
    '{"Version":1,"Version":"2012-10-17","Id":{},"Id":"é","Extra":null,"Statement":[]}',
    '{"Statement":{"Effect":"Deny","NotAction":["a:b",1],"Action":"x","NotResource":"*","Resource":[{}],"Sid":true}}',
    '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":"x"}}',
    '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":"x","StringEqals":{"a":"b"},'
    '"Null":{"k":[true,1e5,null],"k":"false"}}}}',
    '{"Statement":{"Effect":"Allow","Principal":["*"],"NotPrincipal":{"AWS":["*",1],"Srvice":"x","CanonicalUser":"c",'
    '"AWS":"arn:aws:iam::1:root"},"Action":"s3:*"}}',
    '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username, \'x\'}/${*}/${","Sid":""}}',
    '{"\\u0041\\ud83d\\ude00":"\\n\\/\\u00e9","a":[-0.5E+10,1e-7,0,[[[[{}]]]]]}',
]


def statement(text):
    """`Allow s3:Get*, s3:List* on * to 111111111111`, as crates/iam/tests/cases reads it."""
    effect, rest = text.split(" ", 1)
    rest, _, to = rest.partition(" to ")
    actions, _, on = rest.partition(" on ")
    out = {"Effect": effect, "Action": re.split(r",\s*", actions)}
    if on:
        out["Resource"] = re.split(r",\s*", on)
    if to:
        names = re.split(r",\s*", to)
        service = [n for n in names if n.endswith(".amazonaws.com")]
        out["Principal"] = {"AWS": [n for n in names if n not in service], "Service": service}
    return out


def document(policy):
    if isinstance(policy, str):
        if policy.startswith("{"):
            return policy
        policy = {"Statement": [policy]}
    elif "Effect" in policy:
        policy = {"Statement": [policy]}
    out = dict(policy)
    version = out.pop("Version", "2012-10-17")
    statements = out.pop("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    out["Statement"] = [statement(s) if isinstance(s, str) else s for s in statements]
    return {"Version": version, **out} if version else out


def documents(value):
    value = [] if value is None else value if isinstance(value, list) else [value]
    return [document(policy) for policy in value]


def request(case):
    """A case of the corpus as a line for `sv0 simulate`; none where the format cannot say it."""
    if case.get("identity_unknown") or case.get("open"):
        return None
    same = "principal principal_account federated_by action resource resource_account context block_public_access"
    out = {name: case[name] for name in same.split() if case.get(name) is not None}
    out["principal_role"] = case.get("role")
    unknown = [(key, "unknown") for key in case.get("unknown", [])]
    unknown += [(key, "known") for key in case.get("unknown_value", [])]
    out["unknown"] = [{"key": k, "presence": p, "value": "unknown"} for k, p in unknown]
    identity = documents(case.get("identity"))
    if "if" in case:
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": case["if"]}
        identity.append(document(everything))
    lists = {"identity_policies": identity}
    for name, field in [
        ("resource_policy", "resource_policy"),
        ("session_policy", "session"),
        ("permission_boundaries", "boundaries"),
        ("endpoint_policies", "endpoint"),
    ]:
        lists[name] = documents(case[field]) if case.get(field) is not None else None
    for name, field in [("service_control_policies", "scps"), ("resource_control_policies", "rcps")]:
        lists[name] = [documents(level) for level in case[field]] if case.get(field) is not None else None
    return {k: v for k, v in {**out, **lists}.items() if v not in (None, [])}


def shape(value):
    """What a document is made of: names of elements and operators, not what they say."""
    if isinstance(value, dict):
        return tuple(sorted((k if len(k) < 30 else "", shape(v)) for k, v in value.items()))
    if isinstance(value, list):
        return tuple(sorted({shape(v) for v in value}, key=repr))
    return ""


def few(texts, room):
    """The shortest of each shape, and of those some of all lengths."""
    best = {}
    for text in sorted(set(texts), key=lambda t: (len(t), t)):
        try:
            best.setdefault(shape(json.loads(text)), text)
        except ValueError:
            best.setdefault(text, text)
    found = [text for text in best.values() if len(text) < 1500]
    step = max(1, len(found) / room)
    return [found[int(i * step)] for i in range(min(room, len(found)))]


def write(target, texts):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for number, text in enumerate(texts):
        (folder / f"{number:02}.json").write_text(text)


def compact(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    cases = []
    for path in sorted((ROOT / "crates/iam/tests/corpus").glob("*.json")):
        corpus = json.loads(path.read_text())
        # deferred.json lists rules, not cases.
        cases += [{**corpus.get("defaults", {}), **case} for case in corpus.get("cases", [])]
    requests = [found for found in map(request, cases) if found]
    write("simulate", few([compact(r) for r in requests], MOST))

    policies = []
    with open(ROOT / "crates/demo/data/acme.jsonl") as lines:
        for line in lines:
            policies += [compact(p["document"]) for p in json.loads(line).get("policies", []) if "document" in p]
    for found in requests:
        for field, value in found.items():
            if "polic" in field or "boundar" in field:
                flat = [p for level in value for p in (level if isinstance(level, list) else [level])]
                policies += [compact(p) for p in flat]
    write("policy", few(policies, MOST - len(ODD)) + ODD)


def some(number, source, target):
    """Names are what libFuzzer gives, the hash of what is in a file."""
    files = sorted(pathlib.Path(source).iterdir(), key=lambda f: (f.stat().st_size, f.name))
    step = max(1, len(files) / number)
    for old in pathlib.Path(target).iterdir():
        old.unlink()
    for file in [files[int(i * step)] for i in range(min(number, len(files)))]:
        (pathlib.Path(target) / file.name[:12]).write_bytes(file.read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--some"]:
        some(int(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        main()
