"""Whose credentials a scan uses, and what it says where there are none: a step of scan.py."""
from __future__ import annotations

import json
import os
import pathlib
import subprocess

import scan

BOOTSTRAP_ID, BOOTSTRAP_SECRET = "AKIAIOSFODNN7EXAMPLE", "CANARY-bootstrap-secret"
# What stands for 1Password's command line.
OP = """#!/bin/sh
[ "$1 $2" = "read --no-newline" ] || exit 2
case "$3" in
  op://sv0/acme/key-id) printf %s {id} ;;
  op://sv0/acme/secret) printf %s {secret} ;;
  *) echo "[ERROR] could not find item $3" >&2; exit 1 ;;
esac
"""


def check(suite: scan.Suite) -> str:
    """Each way to come by credentials; gives what to say about it."""
    folder = suite.directory / "bin"
    folder.mkdir(exist_ok=True)
    op = folder / "op"
    op.write_text(OP.format(id=BOOTSTRAP_ID, secret=BOOTSTRAP_SECRET), encoding="utf-8")
    op.chmod(0o755)
    file = suite.directory / "external-id"
    file.write_text(scan.EXTERNAL_ID + "\n", encoding="utf-8")
    member = next(r["account"] for r in suite.world.expected() if r["kind"] == "lambda_function")
    role = f"arn:aws:iam::{member}:role/{scan.ROLE}"
    bare = {name: value for name, value in suite.environment().items()
            if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    bare["PATH"] = f"{folder}:{os.environ['PATH']}"
    few = ["--services", "sqs,account"]

    def run(command: str, *arguments: str, environment=None) -> subprocess.CompletedProcess:
        path = suite.fresh("access")
        out = ["--out", str(path)] if command == "scan" else []
        return subprocess.run([suite.sv0, command, *out, *arguments, "--output", "json"], text=True, capture_output=True,
                              timeout=60, env=environment or suite.environment(), stdin=subprocess.DEVNULL)

    def expect(name: str, done, code: int, *said: str):
        text = done.stdout + done.stderr
        suite.check(done.returncode == code, f"{name}: exit {done.returncode}, not {code}: {text[-500:]}")
        for part in said:
            suite.check(part in " ".join(text.split()), f"{name}: does not say {part!r}: {text[-500:]}")
        suite.check(BOOTSTRAP_SECRET not in text, f"{name}: prints the secret")

    bootstrap = ["--bootstrap-key-id", "op://sv0/acme/key-id", "--bootstrap-secret", "op://sv0/acme/secret"]
    done = run("scan", "--role-arn", role, "--external-id", f"file:{file}", *bootstrap, *few, environment=bare)
    expect("a bootstrap key by op, the external id from a file", done, 0, '"records": 2')
    done = run("scan", "--role-arn", role, "--external-id", "env:SV0_TEST_ID", *bootstrap, *few,
               environment={**bare, "SV0_TEST_ID": scan.EXTERNAL_ID})
    expect("the external id from the environment", done, 0)
    done = run("scan", "--accounts", member, "--role-name", scan.ROLE, "--external-id", scan.EXTERNAL_ID, *few)
    expect("a list of accounts", done, 0, '"accounts": 1')
    done = run("scan", *few)
    expect("the account of the credentials", done, 0, '"records": 0')

    done = run("scan", "--role-arn", role, "--bootstrap-key-id", "op://sv0/acme/none", *bootstrap[2:], environment=bare)
    expect("an item that 1Password lacks", done, 4, "op read op://sv0/acme/none", "could not find item")
    done = run("scan", "--role-arn", role, "--bootstrap-key-id", "env:SV0_NOT_SET", *bootstrap[2:], environment=bare)
    expect("a variable that is not set", done, 4, "`SV0_NOT_SET` is not set")
    done = run("scan", "--bootstrap-key-id", "x", "--bootstrap-secret", BOOTSTRAP_SECRET + "-typed")
    suite.check(done.returncode == 64, f"a secret on the command line: exit {done.returncode}")
    done = run("scan", environment=bare)
    expect("no credentials", done, 4, "there are no AWS credentials")
    done = run("scan", "--org", "--role-name", scan.ROLE, "--external-id", "wrong", *few, environment=None)
    expect("a wrong external id", done, 2, "cannot be entered", "AccessDenied")
    done = run("scan", "--accounts", "12", *few)
    expect("no account", done, 64, "twelve digits")
    done = run("scan", "--services", "sqs,sqss")
    expect("no service", done, 64, "there is no service `sqss`")
    done = run("scan", "--out", str(pathlib.Path("/nonexistent/x.jsonl")))
    suite.check(done.returncode != 0, "a folder that is not there")

    done = run("doctor", "--org", "--role-name", scan.ROLE, "--external-id", scan.EXTERNAL_ID)
    # A build without the three large services says that it cannot tell about them.
    expect("doctor", done, 2 if suite.not_built() else 0)
    calls = {(row["service"], row["operation"]): row["outcome"] for row in json.loads(done.stdout)["calls"]}
    suite.check(calls["iam", "GetAccountAuthorizationDetails"] == "works", "doctor: GAAD does not work")
    suite.check("denied" not in calls.values(), "doctor: something is denied")
    suite.proxy.set_plan({"faults": [{"service": "sqs", "kind": "denied"}]})
    done = run("doctor", "--role-arn", role, "--external-id", scan.EXTERNAL_ID)
    suite.proxy.set_plan()
    expect("doctor without SQS", done, 2, "AccessDenied", "who may send to them")
    return "12 ways in, 2 of doctor"
