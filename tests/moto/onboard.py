#!/usr/bin/env python3
"""What `sv0 onboard` writes is what CloudFormation and Terraform take, and says the same in all its formats.

onboard.py --sv0 target/debug/sv0
"""
from __future__ import annotations

import argparse
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import hcl2

FEATURES = {
    "core": [],
    "evidence from S3": ["--trail-bucket", "acme-org-trail-logs"],
    "evidence by Athena": ["--athena-workgroup", "primary", "--athena-results-bucket", "acme-results"],
    "evidence as it happens": ["--event-queue", "arn:aws:sqs:us-east-1:111111111111:sv0-events"],
    "all, and who may take the role": [
        "--trail-bucket", "a-logs,b-logs", "--athena-workgroup", "primary", "--athena-results-bucket", "acme-results",
        "--event-queue", "arn:aws:sqs:us-east-1:111111111111:sv0-events",
        "--evidence-key", "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "--trust", "arn:aws:iam::111111111111:role/scanner", "--external-id", "acme-7f3c"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sv0-onboard-") as temporary:
        for name, options in FEATURES.items():
            check(args.sv0, pathlib.Path(temporary), name, options)
    print(f"onboard: {len(FEATURES)} passed, 0 failed", flush=True)


def check(sv0: str, directory: pathlib.Path, name: str, options: list[str]):
    def onboard(kind: str) -> str:
        done = subprocess.run([sv0, "onboard", "--format", kind, *options], text=True, capture_output=True, check=True)
        return done.stdout

    policies = json.loads(onboard("policy"))
    template = directory / "template.yaml"
    template.write_text(onboard("cloudformation"), encoding="utf-8")
    lint = pathlib.Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([str(lint), str(template)], text=True, capture_output=True)
    assert done.returncode == 0, f"{name}: cfn-lint says\n{done.stdout}{done.stderr}"

    # A template is JSON's data model but for its short forms (`!Ref`), which the policies do not use.
    text = template.read_text(encoding="utf-8")
    for purpose, policy in policies.items():
        assert f'"${{RoleName}}-{purpose}"' in text, f"{name}: the template lacks policy {purpose}"
        for statement in policy["Statement"]:
            for value in sum((statement.get(key, []) for key in ("Action", "Resource", "NotResource")), []):
                assert json.dumps(value) in text, f"{name}: the template lacks {value}"

    module = hcl2.load(io.StringIO(onboard("terraform")))
    resources = [kind for block in module["resource"] for kind in block]
    attached = sum("aws_iam_role_policy_attachment" in kind for kind in resources)
    assert attached == len(policies), f"{name}: {attached} policies attached, {len(policies)} made"
    terraform = onboard("terraform")
    for policy in policies.values():
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                assert json.dumps(action) in terraform, f"{name}: the module lacks {action}"


if __name__ == "__main__":
    main()
