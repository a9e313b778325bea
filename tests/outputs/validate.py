#!/usr/bin/env python3
"""Findings in other tools' formats, against what those tools publish.

  SARIF  the JSON schema of SARIF 2.1.0 (OASIS), `sarif-schema-2.1.0.json` beside this file
  OCSF   the models that Prowler publishes for OCSF (py-ocsf-models): what all findings have. They have no class 2008 yet, so its
         own rules (one of two results has to be there, accessors in one of them) are checked here, as schema.ocsf.io gives them
  ASFF   the shape of BatchImportFindings in the AWS SDK's own model (botocore), the limits of its documentation, and moto's
         Security Hub, which has to take every finding

Each check is also made of a document that is wrong in one place, and has to fail there: a check that cannot fail is none.
"""
import argparse
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
PARSER = argparse.ArgumentParser()
PARSER.add_argument("--sv0", required=True)
ARGS = PARSER.parse_args()


def sv0(*args):
    run = subprocess.run([ARGS.sv0, "findings", "--demo", *args], capture_output=True, text=True, check=False)
    assert run.returncode == 0, (run.returncode, run.stderr)
    return run.stdout


def has_to_fail(what, check, document):
    try:
        check(document)
    except Exception:  # whatever the validator raises
        return
    sys.exit(f"outputs: {what} is wrong, and nobody noticed")


# ---- SARIF


def sarif(document):
    import jsonschema

    schema = json.loads((HERE / "sarif-schema-2.1.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(document)
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    seen = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        # What GitHub's code scanning wants beyond the schema.
        place = result["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", place["artifactLocation"]["uri"]), place
        seen.add(result["partialFingerprints"]["sv0Finding/v1"])
        for flow in result.get("codeFlows", []):
            assert len(flow["threadFlows"][0]["locations"]) >= 2
    assert len(seen) == len(run["results"])


def check_sarif(baseline, accepted):
    document = json.loads(sv0("-o", "sarif", "--baseline", baseline, "--suppressions", accepted))
    sarif(document)
    results = document["runs"][0]["results"]
    states = {result.get("baselineState") for result in results}
    assert "new" in states and "unchanged" in states, states
    assert any(result.get("suppressions") for result in results)
    assert any(result.get("codeFlows") for result in results)
    for path in (["version"], ["runs", 0, "tool"], ["runs", 0, "results", 0, "message"]):
        wrong = copy.deepcopy(document)
        place = wrong
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        has_to_fail(f"SARIF without {path}", sarif, wrong)
    return len(results)


# ---- OCSF


def ocsf(event):
    from py_ocsf_models.events.findings.finding import Finding
    from py_ocsf_models.objects.finding_info import FindingInformation
    from py_ocsf_models.objects.metadata import Metadata
    from py_ocsf_models.objects.remediation import Remediation
    from py_ocsf_models.objects.resource_details import ResourceDetails

    base = {name: value for name, value in event.items() if name in Finding.model_fields}
    Finding.model_validate(base)
    FindingInformation.model_validate(event["finding_info"])
    Metadata.model_validate(event["metadata"])
    Remediation.model_validate(event["remediation"])
    for resource in event["resources"]:
        ResourceDetails.model_validate(resource)
    # The class: schema.ocsf.io, "IAM Analysis Finding".
    assert event["class_uid"] == 2008 and event["category_uid"] == 2
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    results = [name for name in ("access_analysis_result", "permission_analysis_results", "identity_activity_metrics") if event.get(name)]
    assert results, "one of the results has to be there"
    if "access_analysis_result" in results:
        assert event["access_analysis_result"]["accessors"], "accessors are required"
        for user in event["access_analysis_result"]["accessors"]:
            assert user.get("uid") or user.get("name")
    assert isinstance(event["time"], int) and event["time"] > 0


def check_ocsf(baseline, accepted):
    lines = sv0("-o", "ocsf", "--baseline", baseline, "--suppressions", accepted).splitlines()
    events = [json.loads(line) for line in lines]
    for event in events:
        ocsf(event)
    assert {event["status_id"] for event in events} == {1, 3}
    assert any("access_analysis_result" in event for event in events)
    assert any("permission_analysis_results" in event for event in events)
    for name in ("finding_info", "metadata", "activity_id", "severity_id", "time"):
        wrong = copy.deepcopy(events[0])
        del wrong[name]
        has_to_fail(f"OCSF without {name}", ocsf, wrong)
    wrong = copy.deepcopy(events[0])
    wrong.pop("access_analysis_result", None)
    wrong.pop("permission_analysis_results", None)
    has_to_fail("OCSF without a result", ocsf, wrong)
    return len(events)


# ---- ASFF


def asff_shape():
    import botocore.session

    client = botocore.session.Session().create_client(
        "securityhub", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return client.meta.service_model.operation_model("BatchImportFindings").input_shape


# AWS Security Hub User Guide, "AWS Security Finding Format": what the SDK's model does not hold.
LIMITS = {"Title": 256, "Description": 1024, "Id": 512, "GeneratorId": 512, "ProductName": 128, "CompanyName": 128}
TYPES = re.compile(r"^(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data Identifications)(/[^/]+){0,2}$")


def asff(document, shape):
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(document, shape)
    assert not report.has_errors(), report.generate_report()
    for finding in document["Findings"]:
        for name, most in LIMITS.items():
            assert 0 < len(finding[name]) <= most, (name, len(finding[name]))
        # Required by the guide, though not by the SDK's model.
        assert finding["Severity"]["Label"] in ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
        assert 1 <= len(finding["Resources"]) <= 32
        assert len(finding.get("ProductFields", {})) <= 50
        assert all(len(name) <= 128 and len(value) <= 2048 for name, value in finding.get("ProductFields", {}).items())
        assert len(finding["Remediation"]["Recommendation"]["Text"]) <= 512
        assert all(TYPES.match(kind) for kind in finding["Types"]), finding["Types"]
        assert re.fullmatch(r"\d{12}", finding["AwsAccountId"])
        assert re.fullmatch(r"arn:aws:securityhub:[a-z0-9-]+:\d{12}:product/\d{12}/default", finding["ProductArn"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", finding["CreatedAt"])
        for resource in finding["Resources"]:
            other = resource["Details"]["Other"]
            assert all(len(value) <= 1024 for value in other.values())


def check_asff(baseline, accepted):
    import boto3
    from moto import mock_aws

    document = json.loads(sv0("-o", "asff", "--baseline", baseline, "--suppressions", accepted))
    shape = asff_shape()
    asff(document, shape)
    assert any(finding["Workflow"]["Status"] == "SUPPRESSED" for finding in document["Findings"])
    for name in ("Severity", "Resources", "Title", "ProductArn", "UpdatedAt"):
        wrong = copy.deepcopy(document)
        del wrong["Findings"][0][name]
        has_to_fail(f"ASFF without {name}", lambda wrong: asff(wrong, shape), wrong)
    wrong = copy.deepcopy(document)
    wrong["Findings"][0]["Title"] = "x" * 257
    has_to_fail("ASFF with a title that is too long", lambda wrong: asff(wrong, shape), wrong)
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    with mock_aws():
        hub = boto3.client("securityhub", region_name="us-east-1")
        hub.enable_security_hub()
        # A hundred at once.
        for start in range(0, len(document["Findings"]), 100):
            answer = hub.batch_import_findings(Findings=document["Findings"][start : start + 100])
            assert answer["FailedCount"] == 0, answer["FailedFindings"][:3]
        count = 0
        for page in hub.get_paginator("get_findings").paginate():
            count += len(page["Findings"])
        assert count == len(document["Findings"]), (count, len(document["Findings"]))
    return len(document["Findings"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        baseline = pathlib.Path(folder, "known.json")
        sv0("--write-baseline", str(baseline))
        known = json.loads(baseline.read_text())
        known["findings"] = known["findings"][1:]
        baseline.write_text(json.dumps(known))
        accepted = pathlib.Path(folder, "accepted.yaml")
        accepted.write_text("suppressions:\n  - rule: unrotated-secret\n    reason: rotated by hand\n    by: ann\n")
        for name, check in (("SARIF", check_sarif), ("OCSF", check_ocsf), ("ASFF", check_asff)):
            count = check(str(baseline), str(accepted))
            print(f"  {name}: {count} findings fit, and what is wrong in one place does not")


if __name__ == "__main__":
    main()
