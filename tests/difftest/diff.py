#!/usr/bin/env python3
"""Asks sv0 and another evaluator the same generated requests and compares the answers.

gen.py → `sv0 simulate` and oracle.mjs (@cloud-copilot/iam-simulate, a process of its own). A disagreement is made
smaller as long as it stays, and is then looked up in exceptions.json: cases settled from AWS's documentation. What is
not there fails the run.

Exit codes: 0 no unexplained disagreement; 1 some; 2 the run itself failed.
"""

import argparse
import collections
import copy
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Broken(Exception):
    pass


class Evaluators:
    def __init__(self, sv0, node, modules, jobs):
        self.sv0 = [sv0, "simulate", "-"]
        self.oracle = [node, str(HERE / "oracle.mjs")]
        self.env = dict(os.environ)
        if modules:
            # ES modules know no NODE_PATH: the script is run from beside its modules.
            script = Path(modules).resolve().parent / "oracle.mjs"
            if script != HERE / "oracle.mjs":
                script.write_text((HERE / "oracle.mjs").read_text())
            self.oracle = [node, str(script)]
        self.jobs = jobs

    def run(self, command, lines, allowed_codes):
        done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, env=self.env)
        if done.returncode not in allowed_codes:
            raise Broken(f"{command[0]}: exit code {done.returncode}: {done.stderr[-2000:]}")
        out = [json.loads(line) for line in done.stdout.splitlines()]
        if len(out) != len(lines):
            raise Broken(f"{command[0]}: {len(lines)} requests, {len(out)} answers")
        return out

    def ask(self, requests):
        """(ours, theirs) for each; an answer is a decision, or `error: …`."""
        if not requests:
            return []
        lines = [json.dumps(q, separators=(",", ":")) for q in requests]
        size = max(200, -(-len(lines) // self.jobs))
        parts = [lines[i:i + size] for i in range(0, len(lines), size)]
        with ThreadPoolExecutor(self.jobs + 1) as pool:
            ours = pool.submit(self.run, self.sv0, lines, (0, 2))
            theirs = [pool.submit(self.run, self.oracle, part, (0,)) for part in parts]
            ours = ours.result()
            theirs = [answer for part in theirs for answer in part.result()]
        return [(self.word(a), self.word(b)) for a, b in zip(ours, theirs)]

    @staticmethod
    def word(answer):
        if answer.get("ignored"):
            return f"error: ignored context keys {answer['ignored']}"
        return answer.get("decision") or f"error: {answer.get('error')}"


def usable(pair):
    return not any(word.startswith("error") for word in pair)


# ---- making it smaller ----

POLICY_LISTS = ("identity_policies", "permission_boundaries", "endpoint_policies")
LEVELS = ("service_control_policies", "resource_control_policies")
SINGLE = ("resource_policy", "session_policy")
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def smaller(q):
    """Requests that are one step smaller."""

    def edited(edit):
        out = copy.deepcopy(q)
        edit(out)
        return out

    # Without a trust policy it would be another question, which the other evaluator answers otherwise.
    keep = ("resource_policy",) if q["action"].lower().startswith("sts:") else ()
    for field in POLICY_LISTS + LEVELS + SINGLE + ("context", "principal_role", "block_public_access"):
        if q.get(field) and field not in keep:
            yield edited(lambda o, f=field: o.pop(f))
    for key in list(q.get("context") or {}):
        yield edited(lambda o, k=key: o["context"].pop(k))
    for field in POLICY_LISTS + LEVELS:
        for i in range(len(q.get(field) or [])):
            if len(q[field]) > 1:
                yield edited(lambda o, f=field, i=i: o[f].pop(i))
    for field in LEVELS:
        for i, level in enumerate(q.get(field) or []):
            for j in range(len(level)):
                yield edited(lambda o, f=field, i=i, j=j: o[f][i].pop(j))
    for path in policy_paths(q):
        policy = at(q, path)
        if path[0] in POLICY_LISTS and policy != FULL and path[0] != "endpoint_policies":
            yield edited(lambda o, p=path: put(o, p, copy.deepcopy(FULL)))
        statements = policy["Statement"]
        if isinstance(statements, dict):
            yield edited(lambda o, p=path: at(o, p).update(Statement=[at(o, p)["Statement"]]))
            continue
        for i, statement in enumerate(statements):
            if len(statements) > 1:
                yield edited(lambda o, p=path, i=i: at(o, p)["Statement"].pop(i))
            for element in ("Condition", "Sid"):
                if element in statement:
                    yield edited(lambda o, p=path, i=i, e=element: at(o, p)["Statement"][i].pop(e))
            for operator, keys in statement.get("Condition", {}).items():
                if len(statement["Condition"]) > 1:
                    yield edited(lambda o, p=path, i=i, x=operator: at(o, p)["Statement"][i]["Condition"].pop(x))
                for key, values in keys.items():
                    if len(keys) > 1:
                        yield edited(lambda o, p=path, i=i, x=operator, k=key:
                                     at(o, p)["Statement"][i]["Condition"][x].pop(k))
                    if isinstance(values, list):
                        for v in values:
                            yield edited(lambda o, p=path, i=i, x=operator, k=key, v=v:
                                         at(o, p)["Statement"][i]["Condition"][x].update({k: v}))
            for element, plain in (("Action", q["action"]), ("Resource", "*")):
                value = statement.get(element)
                if isinstance(value, list):
                    for v in value:
                        yield edited(lambda o, p=path, i=i, e=element, v=v: at(o, p)["Statement"][i].update({e: v}))
                elif value is not None and value != plain:
                    yield edited(lambda o, p=path, i=i, e=element, v=plain: at(o, p)["Statement"][i].update({e: v}))
            for element, instead in (("NotAction", "Action"), ("NotResource", "Resource")):
                if element in statement:
                    value = statement[element]
                    if isinstance(value, list):
                        for v in value:
                            yield edited(lambda o, p=path, i=i, e=element, v=v: at(o, p)["Statement"][i].update({e: v}))
                    plain = q["action"] if instead == "Action" else "*"
                    def turn(o, p=path, i=i, e=element, n=instead, v=plain):
                        at(o, p)["Statement"][i].pop(e)
                        at(o, p)["Statement"][i][n] = v
                    yield edited(turn)
            for element in ("Principal", "NotPrincipal"):
                value = statement.get(element)
                if isinstance(value, dict):
                    for kind, names in value.items():
                        if len(value) > 1:
                            yield edited(lambda o, p=path, i=i, e=element, k=kind: at(o, p)["Statement"][i][e].pop(k))
                        if isinstance(names, list):
                            for name in names:
                                yield edited(lambda o, p=path, i=i, e=element, k=kind, n=name:
                                             at(o, p)["Statement"][i][e].update({k: n}))
                    if element == "Principal":
                        yield edited(lambda o, p=path, i=i: at(o, p)["Statement"][i].update(Principal="*"))
        if policy.get("Version") != "2012-10-17":
            yield edited(lambda o, p=path: put(o, p, {"Version": "2012-10-17", "Statement": at(o, p)["Statement"]}))


def policy_paths(q):
    for field in POLICY_LISTS:
        for i in range(len(q.get(field) or [])):
            yield (field, i)
    for field in LEVELS:
        for i, level in enumerate(q.get(field) or []):
            for j in range(len(level)):
                yield (field, i, j)
    for field in SINGLE:
        if q.get(field):
            yield (field,)


def at(q, path):
    for step in path:
        q = q[step]
    return q


def put(q, path, value):
    at(q, path[:-1])[path[-1]] = value


def weight(q):
    text = json.dumps(q)
    # A statement in a list is plainer than one that is not, `2012-10-17` than no version.
    return len(text) - 4 * text.count('"Statement": [') - 40 * text.count('"2012-10-17"')


def minimise(evaluators, cases):
    """Makes all disagreements smaller, a step a round."""
    active = dict(enumerate(cases))
    while active:
        tries, owners = [], []
        for index, (q, _) in active.items():
            for candidate in smaller(q):
                if weight(candidate) < weight(q):
                    tries.append(candidate)
                    owners.append(index)
        best = {}
        for candidate, owner, pair in zip(tries, owners, evaluators.ask(tries)):
            if pair == cases[owner][1] and (owner not in best or weight(candidate) < weight(best[owner])):
                best[owner] = candidate
        for index, candidate in best.items():
            cases[index] = (candidate, cases[index][1])
        active = {index: cases[index] for index in best}
    return cases


# ---- exceptions ----

def matches(exception, q, pair):
    """Whether an exception speaks of a minimised disagreement.

    `match`: `ours`, `theirs`: decisions; `fields`: for each, a regular expression that is found in the field's compact
    JSON, or null where the request must not have the field; `request`: the same for the whole request.
    """
    match = exception["match"]
    for side, word in zip(("ours", "theirs"), pair):
        if side in match and word not in match[side]:
            return False
    if "request" in match and not re.search(match["request"], compact({k: v for k, v in q.items() if k != "id"})):
        return False
    for field, pattern in match.get("fields", {}).items():
        value = q.get(field)
        if pattern is None:
            if value:
                return False
        elif value is None or not re.search(pattern, value if isinstance(value, str) else compact(value)):
            return False
    return True


def compact(value):
    return json.dumps(value, separators=(",", ":"))


# ---- the run ----

def table(counts):
    words = ["allowed", "allowed_if", "implicit_deny", "explicit_deny"]
    print(f"{'sv0 ↓   iam-simulate →':24}" + "".join(f"{w:>15}" for w in words if w != "allowed_if"))
    for a in words:
        if any(counts[a, b] for b in words):
            print(f"{a:24}" + "".join(f"{counts[a, b]:>15,}" for b in words if b != "allowed_if"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=int(os.environ.get("N") or 2000), help="cases (N)")
    parser.add_argument("--seed", default=os.environ.get("SEED") or "1", help="seed of the generator (SEED)")
    parser.add_argument("--sv0", default="sv0", help="the program to test")
    parser.add_argument("--node", default="node")
    parser.add_argument("--modules", help="the node_modules to use (default: the one beside this file)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--chunk", type=int, default=10000)
    parser.add_argument("--show", type=int, default=10, help="unexplained disagreements to print")
    parser.add_argument("--out", help="writes every minimised disagreement here, a JSON document a line")
    args = parser.parse_args()

    evaluators = Evaluators(args.sv0, args.node, args.modules, args.jobs)
    exceptions = json.loads((HERE / "exceptions.json").read_text())["exceptions"]
    counts, refused, explained = collections.Counter(), collections.Counter(), collections.Counter()
    unexplained, written = [], []
    for first in range(0, args.n, args.chunk):
        size = min(args.chunk, args.n - first)
        made = subprocess.run(
            [sys.executable, str(HERE / "gen.py"), "-n", str(size), "--seed", args.seed, "--first", str(first)],
            capture_output=True, text=True, check=True)
        requests = [json.loads(line) for line in made.stdout.splitlines()]
        cases = []
        for q, pair in zip(requests, evaluators.ask(requests)):
            if not usable(pair):
                side = "sv0" if pair[0].startswith("error") else "iam-simulate"
                refused[side, pair[0] if side == "sv0" else pair[1]] += 1
                continue
            counts[pair] += 1
            if pair[0] != pair[1]:
                cases.append((q, pair))
        for q, pair in minimise(evaluators, cases):
            found = next((e for e in exceptions if matches(e, q, pair)), None)
            written.append({"exception": found and found["id"], "ours": pair[0], "theirs": pair[1], "request": q})
            if found:
                explained[found["id"]] += 1
            else:
                unexplained.append((q, pair))
        if args.n > args.chunk:
            print(f"… {first + size:,} of {args.n:,}, {len(unexplained)} unexplained", file=sys.stderr)

    if args.out:
        Path(args.out).write_text("".join(compact(w) + "\n" for w in written))
    asked, agreed = sum(counts.values()), sum(c for (a, b), c in counts.items() if a == b)
    print(f"{args.n:,} requests, seed {args.seed}: {asked:,} compared, {agreed:,} agreed "
          f"({100 * agreed / max(asked, 1):.2f} %), {sum(explained.values()):,} reasoned exceptions, "
          f"{len(unexplained):,} unexplained")
    table(counts)
    for (side, why), count in refused.most_common(8):
        print(f"{count:>8,} refused by {side}: {why[:200]}")
    for exception in exceptions:
        if explained[exception["id"]]:
            print(f"{explained[exception['id']]:>8,} {exception['id']}: {exception['what']}")
    for q, (ours, theirs) in unexplained[:args.show]:
        print(f"\nunexplained: sv0 says {ours}, iam-simulate {theirs}\n{json.dumps(q)}")
    # What sv0 refuses to read is its fault, or the generator's.
    if unexplained or any(side == "sv0" for side, _ in refused):
        return 1
    if asked < args.n * 0.98:
        print("the generator makes too many requests that iam-simulate refuses")
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Broken, OSError, subprocess.CalledProcessError) as error:
        print(f"difftest: {error}", file=sys.stderr)
        sys.exit(2)
