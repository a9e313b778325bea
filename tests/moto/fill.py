#!/usr/bin/env python3
"""Create the IAM entities of a snapshot, account by account, in a running moto server that is empty.

fill.py --endpoint URL --snapshot crates/demo/data/acme.jsonl
"""
from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from botocore.exceptions import ClientError

import serve

KINDS = ("iam_policy", "iam_group", "iam_user", "iam_role", "service_linked_role")


def read(path: str) -> list[dict]:
    """The IAM records of an uncompressed snapshot."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    if not lines or "end" not in lines[-1]:
        raise SystemExit(f"{path}: no end line, so the snapshot is truncated")
    return [line for line in lines if line.get("kind") in KINDS]


def fill(endpoint: str, snapshot: str) -> Counter:
    """Creates everything; returns how many of each kind."""
    records = read(snapshot)
    clients = {account: serve.iam(endpoint, account) for account in sorted({r["account"] for r in records})}
    # What is pointed at comes first: policies before whoever has them, groups before their members.
    for kind in KINDS:
        for record in (r for r in records if r["kind"] == kind):
            try:
                CREATE[kind](clients[record["account"]], record)
            except ClientError as error:
                raise SystemExit(f"{record['id']}: {error}") from None
    return Counter(r["kind"] for r in records)


def policy(iam, record):
    arn = iam.create_policy(PolicyName=record["name"], Path=path(record), PolicyDocument=slot(record, "document")[0][1])
    same(record, arn["Policy"]["Arn"])


def group(iam, record):
    made = iam.create_group(GroupName=record["name"], Path=path(record))
    same(record, made["Group"]["Arn"])
    grant(iam, "group", record)


def user(iam, record):
    if refs(record, "SUBJECT_TO"):
        raise SystemExit(f"{record['id']}: moto cannot hold the permissions boundary of a user")
    made = iam.create_user(UserName=record["name"], Path=path(record), Tags=tags(record))
    same(record, made["User"]["Arn"])
    grant(iam, "user", record)
    for arn in refs(record, "MEMBER_OF"):
        iam.add_user_to_group(UserName=record["name"], GroupName=arn.rsplit("/", 1)[1])


def role(iam, record):
    attrs = record.get("attrs", {})
    made = iam.create_role(
        RoleName=record["name"], Path=path(record), AssumeRolePolicyDocument=slot(record, "trust")[0][1],
        Description=attrs.get("description", ""), MaxSessionDuration=attrs.get("max_session_duration", 3600),
        Tags=tags(record), **{"PermissionsBoundary": arn for arn in refs(record, "SUBJECT_TO")})
    same(record, made["Role"]["Arn"])
    grant(iam, "role", record)
    for arn in attrs.get("instance_profiles", []):
        profile = arn.rsplit("/", 1)[1]
        iam.create_instance_profile(InstanceProfileName=profile)
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=record["name"])


def service_linked_role(iam, record):
    # …:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling: its service makes it.
    made = iam.create_service_linked_role(AWSServiceName=record["id"].split("/")[2])
    same(record, made["Role"]["Arn"])


CREATE = dict(zip(KINDS, (policy, group, user, role, service_linked_role)))


def grant(iam, kind: str, record):
    """Inline and attached policies; IAM's calls for users, groups and roles differ only in the name."""
    name = {f"{kind.title()}Name": record["name"]}
    for policy_name, document in slot(record, "inline"):
        getattr(iam, f"put_{kind}_policy")(**name, PolicyName=policy_name, PolicyDocument=document)
    for arn in refs(record, "HAS_POLICY"):
        getattr(iam, f"attach_{kind}_policy")(**name, PolicyArn=arn)


def slot(record, which: str) -> list[tuple[str | None, str]]:
    """(name, text) of the policies in a slot."""
    return [(p.get("name"), json.dumps(p["document"])) for p in record.get("policies", []) if p["slot"] == which]


def refs(record, rel: str) -> list[str]:
    return [ref["to"] for ref in record.get("refs", []) if ref["rel"] == rel]


def tags(record) -> list[dict]:
    return [{"Key": key, "Value": value} for key, value in record.get("tags", {}).items()]


def path(record) -> str:
    """`/copy-of-aws/` of `arn:aws:iam::1:policy/copy-of-aws/Name`."""
    between = record["id"].split("/")[1:-1]
    return "/" + "".join(part + "/" for part in between)


def same(record, arn: str):
    if arn != record["id"]:
        raise SystemExit(f"{record['id']}: moto made {arn}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, help="URL of the moto server")
    parser.add_argument("--snapshot", required=True, help="uncompressed snapshot (.jsonl)")
    args = parser.parse_args()
    for kind, count in sorted(fill(args.endpoint, args.snapshot).items()):
        print(f"{count:4} {kind}", file=sys.stderr)
