#!/usr/bin/env python3
"""CloudTrail's records from S3, Athena and SQS (moto) say what the same records say from a folder, byte for byte.

trail.py --sv0 target/debug/sv0

The records are the demo's, as an organisation's trail and one account's own trail would deliver them (so some come twice).
S3 is read through the proxy, which throttles, fails and hangs up; which objects were listed and fetched is in its log.
"""
from __future__ import annotations

import argparse
import contextlib
import datetime
import gzip
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

import proxy
import serve

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
RECORDS = REPOSITORY / "crates/demo/data/trail.jsonl"
DOCS = REPOSITORY / "docs/evidence.md"
MANAGEMENT, OWN_TRAIL = "111111111111", "333333333333"
# The demo's thirty days.
WINDOW = ("--since", "2025-12-06T10:00:00Z", "--until", "2026-01-05T10:00:00Z")
BUCKET = "acme-trail-logs"
SV0_SECONDS = 120
# Everything in the answer but what differs by nature: how many objects, messages or pages it came in.
APART = ("listed", "problems")
FAULTS = {"faults": [
    {"kind": "throttle", "service": "s3", "share": 0.04, "in_a_row": 2, "seed": 1},
    {"kind": "failure", "service": "s3", "share": 0.05, "in_a_row": 2, "seed": 2},
    {"kind": "reset_mid", "service": "s3", "share": 0.06, "in_a_row": 2, "seed": 3},
    {"kind": "truncate", "service": "s3", "operation": "GetObject", "share": 0.06, "in_a_row": 2, "seed": 4},
]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", required=True, help="the binary, with the AWS SDK in it")
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sv0-trail-") as temporary, serve.moto() as url, proxy.Proxy(url) as between:
        test = Test(args.sv0, pathlib.Path(temporary), url, between)
        steps = [test.s3, test.commands, test.s3_days, test.s3_state, test.s3_failures, test.athena, test.athena_lacks,
                 test.sqs, test.sqs_dies, test.usage]
        for step in steps:
            step()
            print(f"{time.monotonic() - start:6.1f} s  {step.__name__}", file=sys.stderr, flush=True)
    print(f"trail: {len(steps)} passed, 0 failed", flush=True)


class Test:
    def __init__(self, sv0: str, directory: pathlib.Path, url: str, between: proxy.Proxy):
        self.sv0, self.directory, self.url, self.proxy = sv0, directory, url, between
        self.records = [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
        self.objects = deliver(self.records)
        self.delivered = [record for key, records in self.objects.items() for record in records]
        assert len(self.delivered) > len(self.records), "no record comes twice"
        folder = directory / "folder"
        write(folder, self.objects)
        self.wanted = self.evidence("--trail", str(folder), *WINDOW)
        assert self.wanted["totals"]["duplicates"] > 10 and len(self.wanted["lines"]) > 20, self.wanted["totals"]
        # From a folder, once more: the answer does not change from run to run.
        assert text(self.evidence("--trail", str(folder), *WINDOW)) == text(self.wanted)
        self.s3_client = serve.client(url, MANAGEMENT, "s3")
        self.s3_client.create_bucket(Bucket=BUCKET)

    # ---- sv0 ------------------------------------------------------------------------------------------------------

    def environment(self, url: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("AWS_") and not name.lower().endswith("_proxy") and name != "SV0_SNAPSHOT"}
        keys = serve._keys(self.url, MANAGEMENT)
        return {**kept, "AWS_ENDPOINT_URL": url, "AWS_REGION": serve.REGION, "NO_PROXY": "*",
                "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"], "AWS_SESSION_TOKEN": keys["aws_session_token"],
                "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"], "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}

    def run(self, *arguments: str, url: str | None = None, before=None) -> subprocess.CompletedProcess:
        self.proxy.cache.clear()
        return subprocess.run([self.sv0, *arguments], text=True, capture_output=True, timeout=SV0_SECONDS,
                              env=self.environment(url or self.proxy.url), preexec_fn=before)

    def evidence(self, *arguments: str, code: int = 0, url: str | None = None) -> dict:
        done = self.run("evidence", *arguments, "--output", "json", "--limit", "0", url=url)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stderr[-3000:]}"
        answer = json.loads(done.stdout)
        answer["said"] = done.stderr
        return answer

    def same(self, answer: dict, totals: bool = True):
        """The answer is that of the folder."""
        assert text(answer, totals) == text(self.wanted, totals), differences(answer, self.wanted)

    def log(self, operation: str) -> list[str]:
        return [entry["path"] for entry in self.proxy.take_log() if entry["operation"] == operation and entry["status"] == 200]

    # ---- S3 -------------------------------------------------------------------------------------------------------

    def put(self, prefix: str, objects: dict):
        for key, records in objects.items():
            self.s3_client.put_object(Bucket=BUCKET, Key=prefix + key, Body=packed(records))

    def s3(self):
        """Organisation and account prefixes, a prefix of the trail's own, the whole bucket, copies without a layout."""
        self.put("audit/", self.objects)
        beside = {"audit/AWSLogs/o-acme/333333333333/CloudTrail-Digest/us-east-1/2025/12/20/d.json.gz": b"no",
                  "audit/AWSLogs/o-acme/333333333333/Config/us-east-1/2025/12/20/c.json.gz": b"no",
                  "audit/AWSLogs/o-acme/333333333333/CloudTrail-Insight/us-east-1/2025/12/20/i.json.gz": b"no"}
        for key, body in beside.items():
            self.s3_client.put_object(Bucket=BUCKET, Key=key, Body=body)
        self.proxy.set_plan(FAULTS)
        self.proxy.take_log()
        self.same(self.evidence("--trail", f"s3://{BUCKET}/audit", *WINDOW))
        log = self.proxy.take_log()
        fetched = {key_of(entry["path"]) for entry in log if entry["operation"] == "GetObject"}
        assert fetched == {f"audit/{key}" for key in self.objects}, "every object of CloudTrail's, and none beside them"
        kinds = {entry["fault"] for entry in log if entry["fault"]}
        assert kinds == {"throttle", "failure", "reset_mid", "truncate"}, kinds
        self.proxy.set_plan()
        both = [f"s3://{BUCKET}/audit/AWSLogs/o-acme/", f"s3://{BUCKET}/audit/AWSLogs/{OWN_TRAIL}/"]
        self.same(self.evidence("--trail", *both, *WINDOW))
        self.same(self.evidence("--trail", f"s3://{BUCKET}", *WINDOW))
        flat = {f"copies/{number}.json.gz": records for number, records in enumerate(self.objects.values())}
        self.put("", flat)
        self.same(self.evidence("--trail", f"s3://{BUCKET}/copies", *WINDOW))
        assert "there is no record" in self.evidence("--trail", f"s3://{BUCKET}/nothing", *WINDOW)["said"]
        # A long list comes in pages of a thousand; the large object in parts.
        self.put("paged/", self.objects)
        some = next(key for key in self.objects if "us-east-1" in key and "o-acme" in key)
        region = some.split("/us-east-1/")[0] + "/us-east-1/2025/12/05/"
        for number in range(1001):
            self.s3_client.put_object(Bucket=BUCKET, Key=f"paged/{region}{number:04}.txt", Body=b"")
        self.proxy.take_log()
        paged = self.evidence("--trail", f"s3://{BUCKET}/paged", *WINDOW)
        self.same(paged)
        assert paged["listed"]["left_out"] == {"other": 1001}, paged["listed"]
        assert any("continuation-token" in path for path in self.log("ListObjectsV2")), "no list had a second page"
        large = json.dumps({"Records": self.delivered}) + " " * (20 << 20)
        self.s3_client.put_object(Bucket=BUCKET, Key="large/all.json", Body=large.encode())
        self.proxy.take_log()
        self.same(self.evidence("--trail", f"s3://{BUCKET}/large", *WINDOW))
        parts = [entry["status"] for entry in self.proxy.take_log() if entry["operation"] == "GetObject"]
        assert parts == [206] * 3, parts

    def commands(self):
        """Every command that asks what was seen says the same of the bucket as of the folder."""
        for command in (("who-did", "dynamodb:Query", "CustomerRecords"), ("unused", "InvoiceExporterRole"),
                        ("rightsize", "invoice-exporter"), ("paths", "--from", "SecOpsAdmin", "--to", "CustomerRecords"),
                        ("findings",)):
            folder, bucket = (self.run(*command, "--demo", "--trail", place, *WINDOW, "--output", "json")
                              for place in (str(self.directory / "folder"), f"s3://{BUCKET}/audit"))
            assert folder.returncode == bucket.returncode == 0, f"{command}: {bucket.stderr[-2000:]}{folder.stderr[-2000:]}"
            assert bucket.stdout == folder.stdout and len(json.loads(bucket.stdout)) > 0, command

    def s3_days(self):
        """Only the days that a window needs are listed and fetched."""
        self.proxy.take_log()
        window = ("--since", "2025-12-22T00:00:00Z", "--until", "2025-12-23T00:00:00Z")
        answer = self.evidence("--trail", f"s3://{BUCKET}/audit", *window)
        log = self.proxy.take_log()
        fetched = {day(entry["path"]) for entry in log if entry["operation"] == "GetObject"}
        assert fetched and fetched <= {"2025/12/20", "2025/12/21", "2025/12/22", "2025/12/23", "2025/12/24", "2025/12/25"}, fetched
        listed = [entry["path"] for entry in log if entry["operation"] == "ListObjectsV2"]
        regions = {re.search(r"prefix=([^&]*)", path)[1] for path in listed if "start-after" in path}
        assert len(regions) == len([path for path in listed if "start-after" in path]) > 2, listed
        here = self.evidence("--trail", str(self.directory / "folder"), *window)
        assert text(answer) == text(here), differences(answer, here)

    def s3_state(self):
        """A lake that grows, with files that come late: each run fetches what is new, and all say what one run says."""
        state = str(self.directory / "s3.state")
        place = f"s3://{BUCKET}/growing"
        keys = sorted(self.objects, key=lambda key: (day(key), key))
        late = keys[3::5]
        parts = [[key for key in keys[:len(keys) // 2] if key not in late], [key for key in keys[len(keys) // 2:] if key not in late], late]
        # Days long past are late by far more than three.
        more = ("--state", state, "--late-days", "4000")
        for number, part in enumerate(parts):
            self.put("growing/", {key: self.objects[key] for key in part})
            self.proxy.take_log()
            answer = self.evidence("--trail", place, *(WINDOW if number == 0 else ()), *more)
            assert {key_of(path) for path in self.log("GetObject")} == {f"growing/{key}" for key in part}, number
        self.same(answer)
        assert answer["listed"]["objects"] == len(keys)
        self.proxy.take_log()
        self.same(self.evidence("--trail", place, *more))
        assert not self.log("GetObject"), "what was read is fetched again"
        self.same(self.evidence("--state", state))
        wrong = self.run("evidence", "--state", state, "--since", "2025-01-01")
        assert wrong.returncode == 64 and says(wrong, "2025-12-06"), wrong.stderr
        assert os.stat(state).st_mode & 0o77 == 0, "others can read the state file"

    def s3_failures(self):
        """What cannot be read is told, with its name; with a state it is tried again."""
        bad = next(key for key in sorted(self.objects) if OWN_TRAIL not in key)
        prefix = "broken/"
        self.put(prefix, {key: records for key, records in self.objects.items() if key != bad})
        self.s3_client.put_object(Bucket=BUCKET, Key=prefix + bad, Body=packed(self.objects[bad])[:-20])
        state = ("--state", str(self.directory / "broken.state"), "--late-days", "4000")
        answer = self.evidence("--trail", f"s3://{BUCKET}/broken", *WINDOW, *state, code=2)
        assert [(one["object"], one["kind"]) for one in answer["problems"]["list"]] == [(f"s3://{BUCKET}/{prefix}{bad}", "gzip")]
        self.s3_client.put_object(Bucket=BUCKET, Key=prefix + bad, Body=packed(self.objects[bad]))
        self.same(self.evidence("--trail", f"s3://{BUCKET}/broken", *state))
        # No right to read any object: that is no absence of events.
        self.proxy.set_plan({"faults": [{"kind": "denied", "service": "s3", "operation": "GetObject"}]})
        denied = self.evidence("--trail", f"s3://{BUCKET}/audit", *WINDOW, code=2)
        assert denied["problems"]["counts"] == {"unreadable": len(self.objects)}, denied["problems"]["counts"]
        assert "s3:GetObject: AccessDenied" in denied["said"], denied["said"]
        self.proxy.set_plan({"faults": [{"kind": "denied", "service": "s3", "operation": "ListObjectsV2"}]})
        refused = self.run("evidence", "--trail", f"s3://{BUCKET}/audit", *WINDOW)
        assert refused.returncode == 4 and says(refused, "s3:ListBucket: AccessDenied"), refused.stderr
        self.proxy.set_plan()
        missing = self.run("evidence", "--trail", "s3://no-such-bucket-here", *WINDOW)
        assert missing.returncode == 4 and says(missing, "NoSuchBucket"), missing.stderr

    # ---- Athena ---------------------------------------------------------------------------------------------------

    def queue_results(self, *results: list[list[str | None]]):
        """What moto answers to the next queries, one after another."""
        body = {"account_id": MANAGEMENT, "region": serve.REGION, "results": [
            {"rows": [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows],
             "column_info": []} for rows in results]}
        request = urllib.request.Request(f"{self.url}/moto-api/static/athena/query-results", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def queries(self) -> list[dict]:
        client = serve.client(self.url, MANAGEMENT, "athena")
        found = [client.get_query_execution(QueryExecutionId=one)["QueryExecution"]
                 for one in client.list_query_executions()["QueryExecutionIds"]]
        return found

    def athena(self):
        """The documented table: its definition is looked at, one query with parameters, pages of rows."""
        definition = [[line] for line in documented().splitlines()]
        place = "athena://audit.cloudtrail?workgroup=primary&output=s3://" + BUCKET + "/results/"
        # Which columns sv0 asks for it says itself, in a query that gets no rows.
        self.queue_results(definition, [])
        self.evidence("--trail", place, *WINDOW)
        query = next(one for one in self.queries() if one["Query"].startswith("SELECT"))
        columns = [part.rsplit(" AS ", 1)[0] for part in re.split(r"(?<= AS c\d), |(?<= AS c\d\d), ",
                                                                     query["Query"].removeprefix("SELECT ").split(" FROM ")[0])]
        head = [f"c{number}" for number in range(len(columns))]
        rows = [[value(record, column) for column in columns] for record in self.delivered]
        self.proxy.set_plan({"faults": [{"kind": "throttle", "service": "athena", "share": 0.2}],
                             "pages": {"size": 30, "empty_first": True}})
        self.queue_results(definition, [head, *rows])
        self.proxy.take_log()
        answer = self.evidence("--trail", place, *WINDOW)
        pages = len(self.log("GetQueryResults"))
        assert pages > len(rows) / 30, f"{pages} pages"
        self.same(answer)
        self.proxy.set_plan()
        # The same rows twice, in two runs with one state: each counts once.
        state = ("--state", str(self.directory / "athena.state"))
        for part in (rows[:50], rows):
            self.queue_results(definition, [head, *part])
            answer = self.evidence("--trail", place, *(WINDOW if part is not rows else ()), *state)
        self.same(answer, totals=False)

    def athena_lacks(self):
        """A definition without what is needed is refused before it is asked; without less, it is told."""
        lines = documented().splitlines()
        place = "athena://audit.cloudtrail"
        self.queue_results([[line] for line in lines if "requestparameters" not in line])
        refused = self.run("evidence", "--trail", place, *WINDOW)
        assert refused.returncode == 4 and says(refused, "requestparameters"), refused.stderr
        self.queue_results([[line] for line in lines if "sharedeventid" not in line], [])
        told = self.evidence("--trail", place, *WINDOW)
        assert "two accounts' copies of one call count twice" in told["said"], told["said"]
        self.queue_results([])
        absent = self.run("evidence", "--trail", place, *WINDOW)
        assert absent.returncode == 4, absent.stderr

    # ---- SQS ------------------------------------------------------------------------------------------------------

    def make_queue(self, name: str, dead: bool = True):
        client = serve.client(self.url, MANAGEMENT, "sqs")
        attributes = {}
        if dead:
            other = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
            arn = client.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
        return client, client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def sqs(self):
        """Envelopes of EventBridge in any order, some twice; a poison message is left to the redrive policy."""
        client, url = self.make_queue("trail")
        state = str(self.directory / "sqs.state")
        bodies = [json.dumps(envelope(record)) for record in self.delivered]
        bodies = bodies[1::2] + bodies[0::2]
        arguments = ("--trail", f"sqs://{url}", "--state", state)
        for number, part in enumerate((bodies[:40], bodies[40:], bodies[10:20])):
            send(client, url, part)
            answer = self.evidence(*arguments, *(WINDOW if number == 0 else ()))
            assert left(client, url) == 0, "what was written down is not deleted"
            if number == 1:
                self.same(answer)
        assert answer["totals"]["duplicates"] == self.wanted["totals"]["duplicates"] + 10
        self.same(answer, totals=False)
        send(client, url, ["<poison/>", json.dumps({"source": "aws.s3", "detail": {"reason": "PutObject"}})])
        poisoned = self.evidence(*arguments, code=2)
        assert sorted(poisoned["problems"]["counts"].items()) == [("json", 1), ("record", 1)], poisoned["problems"]
        assert left(client, url) == 2, "what cannot be used must not be deleted"
        assert "2 messages could not be used" in poisoned["said"] and "dead-letter" in poisoned["said"], poisoned["said"]
        self.same(poisoned, totals=False)
        client, bare = self.make_queue("bare", dead=False)
        send(client, bare, bodies)
        told = self.evidence("--trail", f"sqs://{bare}", "--state", state + "2", *WINDOW)
        assert "no redrive policy" in told["said"], told["said"]
        self.same(told)

    def sqs_dies(self):
        """A run that cannot write its state deletes nothing."""
        client, url = self.make_queue("dies")
        send(client, url, [json.dumps(envelope(record)) for record in self.delivered])
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # noqa: E731: no file may have a byte
        done = self.run("evidence", "--trail", f"sqs://{url}", "--state", str(self.directory / "dies.state"), *WINDOW, before=full)
        assert done.returncode not in (0, 2), done.stderr
        assert left(client, url) == len(self.delivered), "messages are deleted that nobody wrote down"

    def usage(self):
        """What cannot work says so before AWS is asked."""
        self.proxy.take_log()
        for place, said in (("sqs://sqs.us-east-1.amazonaws.com/1/q", "needs a state file"), ("s3://", "BUCKET"),
                            ("athena://x", "DATABASE.TABLE")):
            done = self.run("evidence", "--trail", place)
            assert done.returncode == 64 and says(done, said), done.stderr
        assert not self.proxy.take_log()


# ---- the records as AWS delivers them ---------------------------------------------------------------------------------

def deliver(records: list[dict]) -> dict[str, list[dict]]:
    """Keys below a trail's prefix, with their records: the organisation's trail, and one account's own."""
    objects: dict[str, list[dict]] = {}
    for record in records:
        account, region = record["recipientAccountId"], record["awsRegion"]
        happened = datetime.datetime.fromisoformat(record["eventTime"])
        for logs in ("AWSLogs/o-acme", *(["AWSLogs"] if account == OWN_TRAIL else [])):
            at = happened + datetime.timedelta(minutes=5)
            stamp = f"{at:%Y%m%dT%H%M}Z"
            name = f"{account}_CloudTrail_{region}_{stamp}_{uuid.uuid5(uuid.NAMESPACE_URL, logs + stamp).hex[:16]}.json.gz"
            key = f"{logs}/{account}/CloudTrail/{region}/{at:%Y/%m/%d}/{name}"
            objects.setdefault(key, []).append(record)
    return objects


def packed(records: list[dict]) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)


def write(folder: pathlib.Path, objects: dict[str, list[dict]]):
    for key, records in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(records))


def envelope(record: dict) -> dict:
    """As EventBridge sends it."""
    return {"version": "0", "id": str(uuid.uuid4()), "detail-type": "AWS API Call via CloudTrail",
            "source": "aws." + record["eventSource"].split(".")[0], "account": record["recipientAccountId"],
            "time": record["eventTime"], "region": record["awsRegion"], "resources": [], "detail": record}


def send(client, url: str, bodies: list[str]):
    for at in range(0, len(bodies), 10):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[at:at + 10])]
        assert not client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def left(client, url: str) -> int:
    """Messages in a queue, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(count) for count in client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def documented() -> str:
    """The definition of a table in the documentation, as SHOW CREATE TABLE would give it."""
    return re.search(r"```sql\n(CREATE EXTERNAL TABLE.*?)```", DOCS.read_text(encoding="utf-8"), re.S)[1]


def value(record: dict, column: str) -> str | None:
    """What Athena gives for a column: small letters find any letters, structures of JSON stay text."""
    if column.startswith("array_join"):
        entries = record.get("resources")
        return entries and "\n".join(f'{entry.get("ARN") or ""}\t{entry.get("type") or ""}' for entry in entries)
    found: object = record
    for name in re.findall(r'"([^"]+)"', column):
        members = {key.lower(): inner for key, inner in found.items()} if isinstance(found, dict) else {}
        found = members.get(name)
    if found is None or isinstance(found, str):
        return found
    return json.dumps(found)


# ---- answers ----------------------------------------------------------------------------------------------------------

def text(answer: dict, totals: bool = True) -> str:
    """What must be the same, byte for byte."""
    apart = {*APART, "said", *(() if totals else ("totals",))}
    return json.dumps({name: part for name, part in answer.items() if name not in apart})


def differences(got: dict, wanted: dict) -> str:
    parts = [f"{name}: {json.dumps(got[name])[:600]}\n   not {json.dumps(wanted[name])[:600]}"
             for name in wanted if name in got and name not in (*APART, "said") and got[name] != wanted[name]]
    return "\n".join(parts) + "\n" + got["said"][-1000:]


def says(done: subprocess.CompletedProcess, wanted: str) -> bool:
    """Whether a message has these words, however it is broken into lines."""
    def bare(words: str) -> str:
        return re.sub(r"[\s│]", "", words)
    return bare(wanted) in bare(done.stderr)


def day(path: str) -> str:
    return re.search(r"/(\d{4}/\d\d/\d\d)/", path)[1]


def key_of(path: str) -> str:
    """`GET /bucket/key?x-id=GetObject`."""
    return path.split(" ", 1)[1].split("?")[0].removeprefix(f"/{BUCKET}/")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
