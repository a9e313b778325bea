#!/usr/bin/env python3
"""What a scan costs: sv0 beside a plain boto3 sweep of the same facts, on the same moto. Prints Markdown.

bench_scan.py --sv0 target/release/sv0 [--scale 500]

The organisation is the demo's with N roles, N buckets and N functions more. The proxy keeps answers, and all runs but
the first get theirs from it, so that moto's own slowness (150 calls a second) is in no comparison. Clients are compared
by the CPU that they use and by their peak memory; wall time is mostly the proxy's.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter

import proxy
import scan
import serve
import world

REGIONS = ("us-east-1", "eu-west-1")
SERVICES = "account,iam,lambda,s3"
TAGS = re.compile(r"Tag(s|ging)|Tags")

# The same facts as sv0 reads of these services, as one would write it with boto3.
SWEEP = '''
import os, sys, boto3
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
from botocore.exceptions import ClientError
accounts, threads = sys.argv[1].split(","), int(sys.argv[2])
config = Config(retries={"max_attempts": 3}, max_pool_connections=64, s3={"addressing_style": "path"})
session = boto3.Session(region_name="us-east-1")
def soft(call, **arguments):
    try: return call(**arguments)
    except ClientError: return None
def bucket(s3, name):
    for call in ("get_bucket_location", "get_bucket_policy", "get_bucket_acl", "get_bucket_ownership_controls",
                 "get_public_access_block", "get_bucket_encryption", "get_bucket_tagging",
                 "get_bucket_notification_configuration"):
        soft(getattr(s3, call), Bucket=name)
def function(client, found):
    name = found["FunctionName"]
    soft(client.get_policy, FunctionName=name)
    for call in ("list_aliases", "list_function_url_configs"): soft(getattr(client, call), FunctionName=name)
    soft(client.list_tags, Resource=found["FunctionArn"])
sts = session.client("sts", config=config)
for account in accounts:
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/AccessGraphReadOnly", RoleSessionName="sweep",
                           ExternalId="acme-7f3c")["Credentials"]
    given = dict(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                 aws_session_token=keys["SessionToken"], config=config)
    iam, s3 = session.client("iam", **given), session.client("s3", **given)
    with ThreadPoolExecutor(threads) as pool:
        for _ in iam.get_paginator("get_account_authorization_details").paginate(): pass
        for _ in iam.get_paginator("list_roles").paginate(): pass
        for found in s3.list_buckets()["Buckets"]: pool.submit(bucket, s3, found["Name"])
        for region in ("us-east-1", "eu-west-1"):
            client = session.client("lambda", region_name=region, **given)
            for page in client.get_paginator("list_functions").paginate():
                for found in page["Functions"]: pool.submit(function, client, found)
'''


# Starts a command and tells what it used. A process of its own, because a child's peak memory begins with its parent's.
MEASURE = """
import json, os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]), file=sys.stderr)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", required=True)
    parser.add_argument("--scale", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sv0-bench-") as temporary, serve.moto() as moto:
        directory = pathlib.Path(temporary)
        made = world.World(moto, world.read(world.SNAPSHOT), args.scale).build()
        with proxy.Proxy(moto, made.overlay(), made.facts(), {scan.ROLE: scan.EXTERNAL_ID}, scan.MANAGEMENT) as running:
            suite = scan.Suite(args.sv0, directory, running, made, None)
            accounts = sorted({r["account"] for r in made.expected() if r["kind"] == "aws_account"})
            rows = []

            def measure(name: str, command: list[str]):
                for old in directory.glob("*.jsonl*"):
                    old.unlink()
                running.take_log()
                start = time.monotonic()
                done = subprocess.run([sys.executable, "-c", MEASURE, *command], text=True, capture_output=True,
                                      env=suite.environment())
                seconds = time.monotonic() - start
                code, cpu, memory = json.loads(done.stderr.splitlines()[-1])
                log = running.take_log()
                rows.append((name, code, seconds, cpu, memory, len(log)))
                print(f"{name}: {seconds:.1f} s, {len(log)} calls", file=sys.stderr, flush=True)
                return log

            everything = measure("sv0, all services, moto answers", suite.command(directory / "a.jsonl"))
            measure("sv0, all services", suite.command(directory / "a.jsonl"))
            measure(f"sv0, {SERVICES}", suite.command(directory / "a.jsonl", "--services", "organizations," + SERVICES))
            for threads in (1, 16):
                measure(f"boto3, iam, lambda, s3, {threads} at a time",
                        [sys.executable, "-c", SWEEP, ",".join(accounts), str(threads)])
    print(f"\n{args.scale} roles, buckets and functions beside the demo's:\n")
    print("| client | exit | wall s | CPU s | peak MB | calls | CPU ms a call |\n|---|---|---|---|---|---|---|")
    for name, code, wall, cpu, memory, calls in rows:
        print(f"| {name} | {code} | {wall:.1f} | {cpu:.2f} | {memory:.0f} | {calls} | {1000 * cpu / max(calls, 1):.2f} |")
    count = Counter(entry["operation"] for entry in everything)
    tags = sum(n for operation, n in count.items() if TAGS.search(operation))
    places = len({(e["account"], e["region"]) for e in everything if TAGS.search(e["operation"])})
    fewest = len(everything) - tags + places
    print(f"\n{len(everything)} calls; {tags} of them ask one entity for its tags, which `tag:GetResources` could give for "
          f"{places} accounts and regions in {places} or a few more. Beside the {fewest} that would remain: "
          f"{len(everything) / fewest:.2f} times as many.")


if __name__ == "__main__":
    main()
