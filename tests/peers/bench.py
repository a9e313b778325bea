#!/usr/bin/env python3
"""Measures sv0 beside another evaluator: the same generated organisation, the same folder, the same questions.

`sv0 bench generate` → `sv0 who-can` and who_can.mjs (@cloud-copilot/iam-simulate, a process of its own). The answers
are compared principal by principal before anything is measured. Where something is encrypted with a key, sv0 also asks
whether the key lets the principal read; the other evaluator is then asked the same, and both its answers are joined. A
difference must be one that ../difftest/exceptions.json settles from AWS's documentation.

Writes a Markdown report. Exit codes: 0 the answers agree; 1 they do not; 2 the run itself failed.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERDICTS = ["allowed", "allowed_if"]
# Those of ../difftest/exceptions.json that such an organisation can meet.
SETTLED = ["variable-no-value-not-resource"]


class Broken(Exception):
    pass


class Run:
    """One process: its output, its CPU seconds (user + sys), its peak memory in MB.

    A process that this one starts counts this one's memory as its own up to then; GNU time, being small, tells the
    truth.
    """

    def __init__(self, command):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as peak:
            timed = ["/usr/bin/time", "--quiet", "-f", "%M", "-o", peak.name, *command]
            process = subprocess.Popen(timed, stdout=out, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            errors.seek(0)
            self.output = out.read()
            if process.returncode != 0:
                raise Broken(f"{command}: exit code {process.returncode}: {errors.read()[-2000:].decode()}")
            self.memory = int(Path(peak.name).read_text()) / 1024
        self.cpu = usage.ru_utime + usage.ru_stime

    def json(self):
        return json.loads(self.output)


class Measured:
    """Several runs of the same."""

    def __init__(self, commands, repeats):
        runs = [[Run(command) for command in commands] for _ in range(repeats)]
        cpu = [sum(run.cpu for run in each) for each in runs]
        self.cpu, self.low, self.high = statistics.median(cpu), min(cpu), max(cpu)
        self.memory = max(run.memory for each in runs for run in each)

    def __str__(self):
        return f"{self.cpu:.2f} s ({self.low:.2f}–{self.high:.2f}), {self.memory:.0f} MB"


class Question:
    def __init__(self, args, folder, name, question):
        self.name, self.about = name, question["about"]
        self.action, self.target = question["action"], question["target"]
        store = folder / "iam-data/aws/aws"
        self.sv0 = [args.sv0, "who-can", self.action, self.target, "--input", str(folder), "-o", "json"]
        ask = [args.node, str(args.script), str(store)]
        self.peer = [ask + [self.action, self.target]]
        key, service = encrypted_with(store, question)
        if key:
            self.peer.append(ask + ["kms:Decrypt", key, service])

    def compare(self):
        """Gives how many principals were asked about, who can by sv0, and where the other says otherwise."""
        answer = Run(self.sv0).json()
        ours = {}
        for who in answer["direct"]:
            ours.setdefault(who["principal"]["id"], []).append(who["verdict"])
        ours = {arn: min(verdicts, key=VERDICTS.index) for arn, verdicts in ours.items()}
        parts = [Run(command).json() for command in self.peer]
        theirs = parts[0]["who"]
        for part in parts[1:]:
            both = theirs.keys() & part["who"].keys()
            theirs = {arn: max(theirs[arn], part["who"][arn], key=VERDICTS.index) for arn in both}
        differences = {
            arn: f"sv0 {ours.get(arn, 'denied')}, iam-simulate {theirs.get(arn, 'denied')}"
            for arn in sorted(ours.keys() | theirs.keys())
            if ours.get(arn) != theirs.get(arn)
        }
        return parts[0]["simulated"], ours, differences

    def settled(self, arn):
        """The exception that a statement which denies the principal falls under, if one does."""
        explain = [self.sv0[0], "explain", arn, *self.sv0[2:]]
        statements = [statement for layer in Run(explain).json()["layers"] for statement in layer["statements"]]
        for exception in json.loads((HERE / "../difftest/exceptions.json").read_text())["exceptions"]:
            pattern = exception["match"].get("request", "")
            for statement in statements if exception["id"] in SETTLED else []:
                text = json.dumps(json.loads(statement["text"]), separators=(",", ":"))
                if statement["effect"] == "Deny" and re.search(pattern, text):
                    return f"{exception['id']}, {exception['what']}"
        return None


def encrypted_with(store, question):
    """The key of a bucket or secret, and the service that reads with it."""
    _, _, service, region, _, rest = question["target"].split(":", 5)
    account = store / "accounts" / question["account"]
    if service == "s3":
        folder = account / "s3" / rest.split("/")[0]
        key = json.loads((folder / "encryption.json").read_text())[0]["ApplyServerSideEncryptionByDefault"]
        key = key.get("KMSMasterKeyID")
        region = json.loads((folder / "metadata.json").read_text())["region"]
    elif service == "secretsmanager":
        name = rest.split(":", 1)[1].lower().replace("/", "%2f")
        key = json.loads((account / service / region / "secret" / name / "metadata.json").read_text()).get("kmsKey")
    else:
        key = None
    return key, f"{service}.{region}.amazonaws.com"


def machine():
    model = "unknown"
    with open("/proc/cpuinfo") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
        model = models[0] if models else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}; load {load}"


def one_size(args, size, folder):
    where = folder / size
    generate = [args.sv0, "bench", "generate", "--preset", size, "--seed", str(args.seed), "-o", "json"]
    generated = Run(generate + ["--format", "iam-collect", "--out", str(where)])
    manifest = generated.json()
    snapshot = folder / f"{size}.sv0.jsonl.zst"
    Run(generate + ["--out", str(snapshot)])
    counts = manifest["counts"]
    print(f"\n### {size}: {counts['iam_role'] + counts['service_linked_role']:,} roles, {counts['iam_user']:,} users, "
          f"{counts['aws_account']:,} accounts\n")
    print(f"{manifest['files']:,} files, generated in {generated.cpu:.2f} CPU s with {generated.memory:.0f} MB.\n")
    print("| question | who can | sv0 | sv0, snapshot | iam-simulate | CPU | memory |")
    print("|---|---|---|---|---|---|---|")
    wrong, settled = [], []
    for name, found in sorted(manifest["questions"].items()):
        if "action" not in found or (args.questions and name not in args.questions):
            continue
        question = Question(args, where, name, found)
        simulated, who, differences = question.compare()
        for arn, difference in differences.items():
            exception = question.settled(arn)
            line = f"{size}, {name}: {arn}: {difference}"
            if exception:
                settled.append(f"{line} ({exception})")
            else:
                wrong.append(line)
        sure = sum(verdict == "allowed" for verdict in who.values())
        sv0 = Measured([question.sv0], args.repeats)
        whole = Measured([[str(snapshot) if part == str(where) else part for part in question.sv0]], args.repeats)
        peer = Measured(question.peer, args.peer_repeats)
        asked = f"{name}, {found['action']}" + (" and its key" if len(question.peer) > 1 else "")
        print(f"| {asked} | {sure} + {len(who) - sure} if, of {simulated:,} | {sv0} | {whole} | {peer} | "
              f"{peer.cpu / sv0.cpu:.1f} × | {peer.memory / sv0.memory:.1f} × |", flush=True)
    for name in ["typical_role", "admin_role"]:
        if name in manifest["questions"] and not args.questions:
            command = [args.sv0, "can", manifest["questions"][name]["target"], "-o", "json", "--input"]
            sv0, whole = (Measured([command + [str(path)]], args.repeats) for path in (where, snapshot))
            print(f"| {name}, everything it can | | {sv0} | {whole} | no such question | | |", flush=True)
    return wrong, settled


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sv0", required=True)
    parser.add_argument("--modules", required=True, type=Path, help="node_modules with iam-simulate")
    parser.add_argument("--node", default="node")
    parser.add_argument("--sizes", default="s,m")
    parser.add_argument("--questions", default="", help="only these, such as organization_object,table")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=5, help="of sv0")
    parser.add_argument("--peer-repeats", type=int, default=3)
    args = parser.parse_args()
    args.questions = [name for name in args.questions.split(",") if name]
    # ES modules know no NODE_PATH: the script is run from beside its modules.
    args.script = args.modules.resolve().parent / "who_can.mjs"
    args.script.write_text((HERE / "who_can.mjs").read_text())
    package = args.modules / "@cloud-copilot/iam-simulate/package.json"
    if not os.access("/usr/bin/time", os.X_OK):
        print("error: /usr/bin/time is missing: Debian and Ubuntu need `apt install time`", file=sys.stderr)
        return 2
    try:
        load = f"import {json.dumps(str(package.parent / 'dist/esm/index.js'))}"
        start = Measured([[args.node, "--input-type=module", "-e", load]], 3)
        version = [Run([program, "--version"]).output.decode().split()[-1] for program in (args.sv0, args.node)]
        print(f"{time.strftime('%Y-%m-%d')}, {machine()}. sv0 {version[0]}, iam-simulate "
              f"{json.loads(package.read_text())['version']}, node {version[1]}; seed {args.seed}. CPU seconds (user + "
              f"sys): median (least–most) of {args.repeats} runs of sv0 and {args.peer_repeats} of iam-simulate; peak "
              f"memory. Starting node with iam-simulate alone: {start}.")
        with tempfile.TemporaryDirectory(prefix="sv0-peers-") as folder:
            sizes = [one_size(args, size, Path(folder)) for size in args.sizes.split(",")]
    except (Broken, OSError, KeyError, ValueError) as error:
        print(f"error: {error!r}", file=sys.stderr)
        return 2
    wrong, settled = (sum(lists, []) for lists in zip(*sizes))
    for lines, head in [(settled, "Differences that are settled:"), (wrong, "Differences that are not:")]:
        if lines:
            print(f"\n{head}\n")
            print("\n".join(f"- {line}" for line in lines))
    if wrong:
        return 1
    print(f"\nAll {'other ' if settled else ''}answers agree, principal by principal.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
