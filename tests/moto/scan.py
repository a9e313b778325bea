#!/usr/bin/env python3
"""`sv0 scan` from end to end: the demo organisation in moto, read through a proxy that is AWS at its worst.

scan.py --sv0 target/debug/sv0 [--only STEP,…] [--scale N] [--keep DIR] [--world ../shared/world]

The snapshot must be the demo's, record for record, and the same byte for byte however AWS throttles, fails, hangs up
and cuts its lists; what is denied must be missing, told, and nothing else; what was read before a kill -9 is not read
again; no value that is nobody's business is anywhere; and sv0's answers over it are those over the demo.
"""
from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import answers
import compare
import proxy
import serve
import world

ROLE, EXTERNAL_ID, MANAGEMENT = "AccessGraphReadOnly", "acme-7f3c", "111111111111"
SCAN_SECONDS = 300
# Gaps of a scan of which everything was granted: a region is disabled; the debug build leaves out three large services.
USUAL = ("region_disabled", "not_supported", "not_offered")
# The kinds that come of a service, where a test leaves one out.
KINDS = {"ec2": {"ec2_instance", "vpc_endpoint_policy"}, "glue": {"glue_job"}, "sagemaker": {"sagemaker_notebook"},
         "lambda": {"lambda_function", "lambda_layer"}, "dynamodb": {"dynamodb_table"},
         "iam": {"iam_user", "iam_group", "iam_role", "iam_policy", "service_linked_role", "oidc_provider",
                 "saml_provider"}}
# Organisation-wide: read in the management account, whatever account they are about.
OF_MANAGEMENT = {"aws_organization", "aws_ou", "aws_account", "scp", "rcp", "sso_user", "sso_group",
                 "sso_permission_set"}
# botocore's name of a service: what sv0 may call it, where that is something else.
SERVICES = {"accessanalyzer": ["access-analyzer"], "stepfunctions": ["states", "sfn"], "s3control": ["s3control", "s3"],
            "sso-admin": ["sso"], "bedrock-agent": ["bedrock-agent", "bedrock"],
            "apigatewayv2": ["apigatewayv2", "apigateway"], "identitystore": ["identitystore", "sso"]}
# Read once for an account, wherever the calls go.
EVERYWHERE = ("account", "iam", "identitystore", "organizations", "s3", "sso", "sts")


@dataclass
class Done:
    """What a scan did."""
    code: int
    said: str  # stdout and stderr
    path: pathlib.Path
    log: list[dict]
    seconds: float
    snapshot: compare.Snapshot | None = None

    def faults(self) -> int:
        return sum(1 for entry in self.log if entry["fault"])


@dataclass
class Suite:
    sv0: str
    directory: pathlib.Path
    proxy: proxy.Proxy
    world: world.World | None
    manifest: dict | None = None
    partial: bool = False
    plain: Done | None = None
    passed: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)  # of the step under way

    # ---- running ----------------------------------------------------------------------------------------------------

    def command(self, path: pathlib.Path, *more: str) -> list[str]:
        return [self.sv0, "scan", "--org", "--role-name", ROLE, "--external-id", EXTERNAL_ID, "--out", str(path), *more]

    def environment(self) -> dict[str, str]:
        """Nothing of this machine's AWS settings; localhost by name, since S3 Control puts the account before it."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("AWS_") and not name.lower().endswith("_proxy") and name != "SV0_SNAPSHOT"}
        port = self.proxy.server.server_port
        return {**kept, "AWS_ENDPOINT_URL": f"http://localhost:{port}", "AWS_REGION": serve.REGION,
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "NO_PROXY": "*",
                "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_EC2_METADATA_DISABLED": "true"}

    def fresh(self, name: str) -> pathlib.Path:
        """Where a snapshot goes; nothing of an earlier run is there."""
        path = self.directory / f"{name}.jsonl"
        for old in (path, path.with_name(path.name + ".journal")):
            old.unlink(missing_ok=True)
        return path

    def scan(self, name: str, *more: str, plan: dict | None = None) -> Done:
        path = self.directory / f"{name}.jsonl" if "--resume" in more else self.fresh(name)
        self.proxy.set_plan(plan)
        self.proxy.take_log()
        start = time.monotonic()
        done = subprocess.run(self.command(path, *more), text=True, capture_output=True, timeout=SCAN_SECONDS,
                              env=self.environment(), stdin=subprocess.DEVNULL)
        result = Done(done.returncode, done.stdout + done.stderr, path, self.proxy.take_log(), time.monotonic() - start)
        self.proxy.set_plan()
        if done.returncode not in (0, 2):
            raise AssertionError(f"sv0 scan ended with {done.returncode}: {result.said[-2000:]}")
        result.snapshot = compare.read(path)
        return result

    def check(self, right: bool, what: str):
        if not right:
            self.wrong.append(what)

    def unusual(self, done: Done) -> list[dict]:
        return [gap for gap in done.snapshot.gaps if gap["reason"] not in USUAL]

    def not_built(self) -> set[str]:
        """Kinds whose services this build of sv0 leaves out and says so."""
        left = {gap["service"] for gap in self.plain.snapshot.gaps
                if gap["reason"] == "not_supported" and "account" not in gap}
        return set().union(*(KINDS[service] for service in left))

    def without_images(self) -> bool:
        """sv0 tells that it does not ask which image a function runs: the answer also has links to code."""
        return any(gap["reason"] == "not_supported" and gap.get("call") == "lambda:GetFunction"
                   for gap in self.plain.snapshot.gaps)

    def expected(self) -> list[dict]:
        """The world as far as sv0 says that it reads it."""
        left_out, called = self.not_built(), {entry["operation"] for entry in self.plain.log}
        if self.partial:
            left_out |= {r["kind"] for r in self.world.records} - {r["kind"] for r in self.plain.snapshot.records}
        records = [record for record in compare.as_read(self.world.expected()) if record["kind"] not in left_out]
        for record in records:
            if "GenerateServiceLastAccessedDetails" not in called:  # a job for each principal: sv0 does not start them
                record.get("attrs", {}).pop("service_last_accessed", None)
            if record["kind"] == "lambda_function" and self.without_images():
                record["attrs"].pop("image", None)
                record["refs"] = [ref for ref in record["refs"] if ref["rel"] != "DEPLOYED_FROM"]
        return records

    def same_as_plain(self, done: Done, least_faults: int):
        self.check(done.faults() >= least_faults, f"only {done.faults()} faults: the plan does nothing")
        if done.snapshot.body != self.plain.snapshot.body:
            lines = compare.differences(self.plain.snapshot.records, done.snapshot.records)
            lines += [f"gap: {json.dumps(gap)}" for gap in done.snapshot.gaps if gap not in self.plain.snapshot.gaps]
            self.check(False, f"not the snapshot of the scan without faults:{compare.show(lines)}")
        self.check(done.code == self.plain.code, f"exit code {done.code}, without faults {self.plain.code}")

    # ---- steps: each returns what to say about it -------------------------------------------------------------------

    def plain_scan(self) -> str:
        """Everything that was made is found, nothing else, nothing is said to be missing."""
        if self.world:
            lines = compare.differences(self.expected(), self.plain.snapshot.records)
            self.check(not lines, f"{len(lines)} differences:{compare.show(lines)}")
        unusual = self.unusual(self.plain)
        self.check(not unusual, f"gaps:{compare.show([json.dumps(gap) for gap in unusual])}")
        damage = any(gap["reason"] == "not_supported" for gap in self.plain.snapshot.gaps)
        self.check(self.plain.code == (2 if damage else 0), f"exit code {self.plain.code}")
        disabled = {gap["account"] for gap in self.plain.snapshot.gaps if gap["reason"] == "region_disabled"}
        accounts = {record["account"] for record in self.plain.snapshot.records if record["kind"] == "aws_account"}
        self.check(disabled == accounts, f"af-south-1 is disabled in {accounts}, told of {disabled}")
        return f"{len(self.plain.snapshot.records)} records, {len(self.plain.log)} calls"

    def calls(self) -> str:
        """Nothing is called but what --list-calls tells, and no write."""
        made = {(self.service(entry), entry["operation"]) for entry in self.plain.log}
        self.check(made <= self.declared, f"not declared: {sorted(made - self.declared)}")
        writes = [call for call in made if not re.match("(List|Get|Describe|BatchGet)[A-Z]|AssumeRole$", call[1])]
        self.check(not writes, f"no reads: {writes}")
        never = sorted(f"{service}:{operation}" for service, operation in self.declared - made)
        lacking = sorted({f'{e["service"]}:{e["operation"]}' for e in self.plain.log if e["by"] == "nobody"})
        return (f"{len(made)} of {len(self.declared)} declared calls made\n          not made in this world: "
                f"{', '.join(never) or 'none'}\n          answered with nothing, since moto lacks them: "
                f"{', '.join(lacking) or 'none'}")

    @functools.cached_property
    def declared(self) -> set[tuple[str, str]]:
        """Service and operation of every call that sv0 says it makes."""
        done = subprocess.run([self.sv0, "scan", "--list-calls", "--output", "json"], text=True, capture_output=True,
                              timeout=60, check=True)
        rows = json.loads(done.stdout)
        assert rows and all(row["actions"] for row in rows), "a call without an action"
        return {(row["service"], row["operation"]) for row in rows}

    def service(self, entry: dict) -> str:
        """sv0's name of the service that a call belongs to."""
        names = SERVICES.get(entry["service"], [entry["service"]])
        return next((name for name in names if (name, entry["operation"]) in self.declared), entry["service"])

    def unit(self, entry: dict) -> tuple:
        """Account, region and service: what sv0 reads as one, and what it does not read again."""
        service = self.service(entry)
        return entry["account"], None if service in EVERYWHERE else entry["region"], service

    def again(self) -> str:
        """A second scan gives the same bytes but for the first line; no value is in what it writes and says."""
        done = self.scan("again", "-v")
        self.same_as_plain(done, 0)
        for what, text in (("the snapshot", done.path.read_text(encoding="utf-8")), ("the log", done.said)):
            found = re.findall(r".{0,80}CANARY.{0,40}", text)
            self.check(not found, f"values in {what}:{compare.show(found)}")
        secret = [what for what in (EXTERNAL_ID, "AKIAIOSFODNN7EXAMPLE", "ASIA") if what in done.said]
        self.check(not secret, f"credentials in the log: {secret}")
        self.check("GetCallerIdentity" in done.said or "ListAccounts" in done.said, "-v tells no calls")
        return f"{len(done.said.splitlines())} lines of log"

    def pages(self) -> str:
        """Every list in pages of two, the first of them empty."""
        done = self.scan("pages", plan={"pages": {"size": 2, "empty_first": True}})
        self.same_as_plain(done, 0)
        followed = {f'{entry["service"]}:{entry["operation"]}' for entry in done.log if entry["page"]}
        bad = [entry["path"] for entry in done.log if entry["status"] >= 400 and entry["page"]]
        self.check(not bad, f"tokens of another request: {bad[:5]}")
        return f"{len(done.log)} calls, {len(followed)} lists followed"

    def throttling(self) -> str:
        """A third of all requests throttled, each service in its own words."""
        done = self.scan("throttling", plan={"faults": [{"kind": "throttle", "share": 0.3, "in_a_row": 4}]})
        self.same_as_plain(done, 50)
        return f"{done.faults()} of {len(done.log)} requests"

    def failures(self) -> str:
        """500 and 503, with the service's error and without any body."""
        done = self.scan("failures", plan={"faults": [
            {"kind": "failure", "share": 0.1, "seed": 1}, {"kind": "failure", "share": 0.1, "seed": 2, "status": 503},
            {"kind": "failure", "share": 0.1, "seed": 3, "status": 503, "body": False},
            {"kind": "failure", "share": 0.05, "seed": 4, "status": 500, "body": False}]})
        self.same_as_plain(done, 50)
        return f"{done.faults()} of {len(done.log)} requests"

    def network(self) -> str:
        """Connections that break before the answer and in it, and answers that stop half-way."""
        done = self.scan("network", plan={"faults": [
            {"kind": "reset", "share": 0.1, "seed": 5}, {"kind": "reset_mid", "share": 0.1, "seed": 6},
            {"kind": "truncate", "share": 0.1, "seed": 7}, {"kind": "slow", "share": 0.05, "seed": 8, "seconds": 1}]})
        self.same_as_plain(done, 50)
        return f"{done.faults()} of {len(done.log)} requests"

    def expiry(self) -> str:
        """Two sessions of every account end unasked after some calls: the role is taken again."""
        done = self.scan("expiry", plan={"faults": [
            {"kind": "expired", "after": 15, "keys": 2, "account": self.members()}]})
        self.same_as_plain(done, 2)
        return f"{done.faults()} refused, {taken(done)} roles taken"

    def short_sessions(self) -> str:
        """Sessions of three seconds: roles are taken again in time, nothing is refused."""
        done = self.scan("short_sessions", plan={"session_seconds": 3, "faults": [
            {"kind": "slow", "share": 0.3, "seed": 9, "seconds": 0.4}]})
        self.same_as_plain(done, 1)
        self.check(taken(done) > 1 + len(self.members()), f"{taken(done)} roles taken: no session ended")
        self.check(not any(entry["by"] == "session over" for entry in done.log), "sessions were used after their end")
        return f"{taken(done)} roles taken in {done.seconds:.0f} s"

    def everything(self) -> str:
        """All of it at once."""
        done = self.scan("everything", plan={"pages": {"size": 5, "empty_first": True}, "faults": [
            {"kind": "throttle", "share": 0.1, "seed": 11}, {"kind": "failure", "share": 0.05, "seed": 12},
            {"kind": "reset", "share": 0.05, "seed": 13}, {"kind": "reset_mid", "share": 0.05, "seed": 14},
            {"kind": "truncate", "share": 0.05, "seed": 15},
            {"kind": "expired", "after": 40, "account": self.members()}]})
        self.same_as_plain(done, 50)
        return f"{done.faults()} of {len(done.log)} requests"

    def denied(self) -> str:
        """What AWS refuses is missing and told; everything else is there."""
        prod, dev = self.account("Prod"), self.account("Dev")
        cases = [
            # A service in an account.
            ({"service": "lambda", "account": prod},
             {"account": prod, "service": "lambda", "call": "lambda:ListFunctions"},
             lambda r: r["account"] == prod and r["kind"] in KINDS["lambda"], None),
            # A service in one region.
            ({"service": "dynamodb", "account": prod, "region": "eu-west-1"},
             {"account": prod, "region": "eu-west-1", "service": "dynamodb", "call": "dynamodb:ListTables"},
             lambda r: r["account"] == prod and r["kind"] == "dynamodb_table" and r["region"] == "eu-west-1", None),
            # One call about each of many things.
            ({"service": "s3", "operation": "GetBucketPolicy", "account": prod},
             {"account": prod, "service": "s3", "call": "s3:GetBucketPolicy",
              "entity": "arn:aws:s3:::acme-prod-deny-list"},
             None, lambda r: r["account"] == prod and r["kind"] == "s3_bucket" and dropped(r, "policies")),
            # Key policies: an analysis without them must be told.
            ({"service": "kms", "operation": "GetKeyPolicy", "account": prod},
             {"account": prod, "service": "kms", "call": "kms:GetKeyPolicy"},
             None, lambda r: r["account"] == prod and r["kind"] == "kms_key" and dropped(r, "policies")),
            # The one call that tells most of an account.
            ({"service": "iam", "operation": "GetAccountAuthorizationDetails", "account": dev},
             {"account": dev, "service": "iam", "call": "iam:GetAccountAuthorizationDetails"},
             lambda r: r["account"] == dev and r["kind"] in KINDS["iam"] - {"oidc_provider", "saml_provider"}, None),
            # An account that cannot be entered.
            ({"service": "sts", "operation": "AssumeRole", "into": dev}, {"account": dev, "call": "sts:AssumeRole"},
             lambda r: r["account"] == dev and r["kind"] not in OF_MANAGEMENT, None),
        ]
        if self.partial:
            read = {entry["service"] for entry in self.plain.log}
            cases = [case for case in cases if case[0]["service"] in read]
        for number, (rule, gap, missing, changed) in enumerate(cases):
            done = self.scan(f"denied-{number}", plan={"faults": [{"kind": "denied", **rule}]})
            self._denied(done, rule, {**gap, "reason": "access_denied"}, missing, changed)
        return f"{len(cases)} refusals"

    def _denied(self, done: Done, rule: dict, gap: dict, missing, changed):
        """`missing` picks the records that must not be there, `changed` makes of the others what they must be."""
        want = []
        for record in json.loads(json.dumps(self.plain.snapshot.records)):
            if missing is None or not missing(record):
                if changed:
                    changed(record)
                want.append(record)
        have = json.loads(json.dumps(done.snapshot.records))
        partial = {record["id"]: record.pop("partial") for record in have if "partial" in record}
        lines = compare.differences(want, have)
        self.check(not lines, f"{rule}: {len(lines)} differences:{compare.show(lines)}")
        told = [one for one in done.snapshot.gaps if gap.items() <= one.items()]
        self.check(bool(told), f"{rule}: no gap {gap} among {self.unusual(done)[:5]}")
        self.check(all(one["detail"] and one["consequence"] for one in told), f"{rule}: a gap says nothing: {told}")
        others = [one for one in self.unusual(done) if one["reason"] != "access_denied"]
        self.check(not others, f"{rule}: other gaps: {others[:5]}")
        self.check(done.code == 2, f"{rule}: exit code {done.code}")
        if changed:
            self.check(bool(partial) and all(gap["call"] in why for why in partial.values()),
                       f"{rule}: records say of what they lack: {list(partial.items())[:5]}")

    def interrupted(self) -> str:
        """kill -9 at a third and at two thirds of the calls; then --resume: the same snapshot, nothing read twice."""
        whole, logs, said, path = len(self.plain.log), [], [], self.fresh("interrupted")
        slow = {"faults": [{"kind": "slow", "seconds": 6 * 6 / whole}]}  # six seconds, so that units end one by one
        for number, part in enumerate((0.33, 0.33, None)):
            self.proxy.set_plan(slow)
            self.proxy.take_log()
            more = ["--concurrency", "6", "-v", *(["--resume"] if number else [])]
            with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # a pipe would be full before the kill
                running = subprocess.Popen(self.command(path, *more), env=self.environment(), stdin=subprocess.DEVNULL,
                                           stdout=output, stderr=output)
                try:
                    if part is not None:
                        self._wait_for(running, int(whole * part))
                        running.kill()
                    running.wait(SCAN_SECONDS)
                finally:
                    running.kill()
                output.seek(0)
                said.append(output.read())
            logs.append((time.time(), self.proxy.take_log()))
            journal = path.with_name(path.name + ".journal")
            if part is not None:
                self.check(journal.exists(), f"no journal after kill -9: {said[-1][-500:]}")
                self.check(not path.exists(), "half a snapshot after kill -9")
                # Compressed, so this is no proof; the snapshot that is made of it is searched as well.
                self.check(b"CANARY" not in journal.read_bytes(), "values in the journal")
        self.proxy.set_plan()
        if running.returncode not in (0, 2):
            raise AssertionError(f"--resume ended with {running.returncode}: {said[-1][-2000:]}")
        self.check(not journal.exists(), "the journal is still there")
        last = Done(running.returncode, "".join(said), path, logs[-1][1], 0, compare.read(path))
        self.same_as_plain(last, 0)
        self.check("CANARY" not in last.said + last.snapshot.body, "values in the log or the snapshot")
        finished = self._read_twice(logs)
        return f"{[len(log) for _, log in logs]} calls, without kill {whole}; {finished} units finished before a kill"

    def _wait_for(self, running: subprocess.Popen, calls: int):
        end = time.monotonic() + SCAN_SECONDS
        while len(self.proxy.log) < calls and running.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        self.check(running.poll() is None, "the scan ended before it could be killed")

    def _read_twice(self, logs) -> int:
        """Units all of whose calls had been answered some time before a kill must not be asked again."""
        whole: dict[tuple, set[str]] = {}
        for entry in self.plain.log:
            whole.setdefault(self.unit(entry), set()).add(entry["request"])
        finished = 0
        for (killed, log), (_, after) in zip(logs, logs[1:]):
            answered: dict[tuple, set[str]] = {}
            latest: dict[tuple, float] = {}
            for entry in (e for e in log if e["status"]):
                answered.setdefault(self.unit(entry), set()).add(entry["request"])
                latest[self.unit(entry)] = entry["at"]
            done = {one for one, requests in answered.items()
                    if requests >= whole.get(one, {"?"}) and latest[one] < killed - 0.3 and one[2] != "sts"}
            twice = sorted({self.unit(entry) for entry in after} & done, key=str)
            self.check(not twice, f"units that had been finished are read again: {twice[:10]}")
            finished += len(done)
        self.check(finished > 0, "no unit had finished before the kills, so this shows nothing")
        return finished

    def deadline(self) -> str:
        """What time does not suffice for is told, and --resume reads it."""
        early = self.scan("deadline", "--deadline", "3s", "--concurrency", "8", plan={
            "faults": [{"kind": "slow", "seconds": 0.06 * 716 / len(self.plain.log)}]})
        self.check(early.code == 2, f"exit code {early.code} after the deadline")
        told = [gap for gap in early.snapshot.gaps if "deadline" in gap["detail"]]
        found, whole = len(early.snapshot.records), len(self.plain.snapshot.records)
        self.check(bool(told) and 0 < found < whole, f"after the deadline: {found} records of {whole}, told {told[:3]}")
        rest = self.scan("deadline", "--resume")
        self.same_as_plain(rest, 0)
        return f"{found} of {whole} records and {len(told)} units told missing; the rest with {len(rest.log)} calls"

    def answers(self) -> str:
        """sv0 says over the snapshot what it says over the demo."""
        path = str(self.plain.path)
        if self.manifest:
            without = {hop["from"] for scenario in self.manifest["scenarios"] for hop in scenario["hops"]
                       if ":instance/" in hop["from"]} if "ec2_instance" in self.not_built() else set()
            if self.without_images():
                without.add("e2")
            wrong = answers.check_manifest(self.sv0, path, self.manifest, without)
            count = len(self.manifest["scenarios"])
        else:
            without = {record["id"] for record in self.world.records if record["kind"] in self.not_built()}
            if self.without_images():  # scenario e2 goes through the image of this function
                without.add("e2")
            wrong = answers.check(self.sv0, path, self.world, without)
            count = len(answers.scenarios())
        self.check(not wrong, f"{len(wrong)} scenarios:{compare.show(wrong)}")
        left = f", without {', '.join(sorted(without))}" if without else ""
        return f"{count} scenarios{left}"

    # ---- the world --------------------------------------------------------------------------------------------------

    def account(self, name: str) -> str:
        return next(record["account"] for record in self.plain.snapshot.records
                    if record["kind"] == "aws_account" and record["name"] == name)

    def members(self) -> list[str]:
        return [record["account"] for record in self.plain.snapshot.records
                if record["kind"] == "aws_account" and record["account"] != MANAGEMENT]

    def access(self) -> str:
        """Credentials of each kind, and what is said where they do not do."""
        import access  # it has this module's names, too
        return access.check(self)

    def run(self, steps: list[str]) -> int:
        start = time.monotonic()
        self.plain = self.scan("plain")
        for step in steps:
            self.wrong, began = [], time.monotonic()
            try:
                said = getattr(self, step)()
            except Exception as error:  # the other steps are still worth their while
                self.wrong.append(f"{type(error).__name__}: {error}")
            seconds = time.monotonic() - began
            if self.wrong:
                self.failed += 1
                print(f"{seconds:6.1f} s  FAILED  {step}: " + "\n  ".join(cut(what) for what in self.wrong), flush=True)
            else:
                self.passed += 1
                print(f"{seconds:6.1f} s  {step}: {said}", flush=True)
        print(f"{time.monotonic() - start:6.1f} s  in all, the first scan took {self.plain.seconds:.1f} s", flush=True)
        print(f"scan e2e: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


STEPS = ("plain_scan", "calls", "again", "pages", "throttling", "failures", "network", "expiry", "short_sessions",
         "everything", "denied", "interrupted", "deadline", "access", "answers")
STEPS_OF_A_WORLD = ("plain_scan", "calls", "again", "pages", "everything", "interrupted", "answers")


def taken(done: Done) -> int:
    return sum(1 for entry in done.log if entry["operation"] == "AssumeRole" and entry["status"] == 200)


def cut(text: str) -> str:
    """Failures in a size that people read."""
    return "\n".join(line if len(line) < 400 else line[:400] + " …" for line in text.splitlines())


def dropped(record: dict, key: str) -> bool:
    record.pop(key, None)
    return True


def build_other(directory: str, endpoint: str, keep: pathlib.Path) -> tuple[dict, list]:
    """A world of another maker: its manifest and its overlay."""
    script = pathlib.Path(directory) / "build_world.py"
    if not script.is_file():
        raise SystemExit(f"--world {directory}: no build_world.py there")
    manifest, extra = keep / "manifest.json", keep / "overlay.json"
    done = subprocess.run([sys.executable, str(script), "--endpoint", endpoint, "--manifest", str(manifest),
                           "--overlay", str(extra), "--quiet"], text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}; it needs all of moto:\n{done.stderr[-2000:]}")
    return json.loads(manifest.read_text(encoding="utf-8")), json.loads(extra.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", required=True, help="the binary")
    parser.add_argument("--only", metavar="STEP,…", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="N roles, N buckets and N functions more")
    parser.add_argument("--world", metavar="DIR", help="the organisation that DIR/build_world.py makes, instead")
    parser.add_argument("--partial", action="store_true",
                        help="do not miss kinds of which nothing was found: while the collector is being written")
    parser.add_argument("--keep", metavar="DIR", help="write the snapshots here instead of a temporary directory")
    args = parser.parse_args()
    if not pathlib.Path(args.sv0).is_file():
        raise SystemExit(f"--sv0 {args.sv0}: no such file")
    steps = args.only.split(",") if args.only else list(STEPS_OF_A_WORLD if args.world else STEPS)
    if unknown := set(steps) - set(STEPS):
        raise SystemExit(f"--only: no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or moto would live on
    with tempfile.TemporaryDirectory(prefix="sv0-scan-") as temporary, serve.moto() as moto:
        directory = pathlib.Path(args.keep or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        made, manifest, facts = None, None, None
        if args.world:
            manifest, extra = build_other(args.world, moto, directory)
        else:
            made = world.World(moto, world.read(world.SNAPSHOT), args.scale).build()
            extra, facts = made.overlay(), made.facts()
        print(f"{time.monotonic() - start:6.1f} s  the organisation is in moto", flush=True)
        with proxy.Proxy(moto, extra, facts, {ROLE: EXTERNAL_ID}, MANAGEMENT) as running:
            return Suite(args.sv0, directory, running, made, manifest, args.partial).run(steps)


if __name__ == "__main__":
    sys.exit(main())
