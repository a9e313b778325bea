"""What moto answers otherwise than AWS: the calls it lacks, and the answers that are set right on their way.

A call that moto lacks comes back as an HTML page with 500 or 404. AWS would say that there is nothing: an empty list
where the answer is a list, ResourceNotFoundException where one thing was asked for. What there is, the overlay says.
"""
from __future__ import annotations

import datetime
import hashlib
import json
import re
import xml.etree.ElementTree as ET

import aws_error
import pages
from aws_api import Call, operation_model

LISTING = ("List", "Describe", "Search", "BatchGet")


def lacks(status: int, content_type: str) -> bool:
    return status in (404, 500) and content_type.startswith("text/html")


def policy_id(arn: str) -> str:
    return "ANPA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()


def empty(call: Call) -> tuple[int, dict, bytes]:
    """AWS's answer where there is nothing."""
    found = operation_model(call.service, call.operation)
    members = found.output_shape.members if found and found.output_shape else {}
    lists = [shape.serialization.get("name", key) for key, shape in members.items() if shape.type_name == "list"]
    listing = call.operation.startswith(LISTING) or pages.how(call.service, call.operation)
    if not lists or not listing:
        return aws_error.not_found(call)
    if call.protocol in ("json", "rest-json"):
        return 200, {"Content-Type": "application/json"}, json.dumps({key: [] for key in lists}).encode()
    if call.protocol == "query":
        inner = f"<{call.operation}Result/>"
    else:
        inner = "".join(f"<{key}/>" for key in lists)
    return 200, {"Content-Type": "text/xml"}, f"<{call.operation}Response>{inner}</{call.operation}Response>".encode()


def asked(call: Call, target: str, body: bytes) -> tuple[str, bytes]:
    """The request as moto wants it."""
    if (call.service, call.operation) == ("kms", "GetKeyPolicy") and b"PolicyName" not in body:
        # A key has one policy, so AWS does not ask for its name; moto then finds none.
        return target, json.dumps({**json.loads(body), "PolicyName": "default"}).encode()
    if (call.service, call.operation) == ("bedrock-agent", "GetAgent") and not target.endswith("/"):
        # The Rust SDK asks for /agents/ID, botocore for /agents/ID/, and moto takes what is before the last slash.
        return target + "/", body
    return target, body


class Repairs:
    """The answers that are set right. `facts` comes from whoever built the world; without it most stay as they are."""

    def __init__(self, facts: dict | None = None):
        facts = facts or {}
        self.management: dict = facts.get("management", {})
        self.last_used: dict[str, str] = facts.get("last_used", {})
        self.subscriptions: dict[str, int] = facts.get("subscriptions", {})
        self.scans: dict[str, dict] = facts.get("scans", {})

    def set_right(self, call: Call, body: bytes) -> bytes:
        repair = REPAIRS.get((call.service, call.operation)) or REPAIRS.get((call.service, "*"))
        return repair(self, call, body) if repair and body else body

    def iam(self, call: Call, body: bytes) -> bytes:
        """RoleLastUsed is the time of the last scan itself; GAAD's managed policies have no name and no id."""
        root = ET.fromstring(body)
        space = root.tag[:root.tag.index("}") + 1] if root.tag.startswith("{") else ""
        if space:
            ET.register_namespace("", space.strip("{}"))
        for entity in root.iter():
            arn = entity.findtext(f"{space}Arn") or ""
            used = entity.find(f"{space}RoleLastUsed")
            if used is not None:
                used.clear()
            if ":role/" in arn and arn in self.last_used:
                used = ET.SubElement(entity, f"{space}RoleLastUsed") if used is None else used
                ET.SubElement(used, f"{space}LastUsedDate").text = self.last_used[arn]
                ET.SubElement(used, f"{space}Region").text = "us-east-1"
            if ":policy/" in arn and entity.find(f"{space}PolicyName") is None:
                ET.SubElement(entity, f"{space}PolicyName").text = arn.rsplit("/", 1)[1]
                ET.SubElement(entity, f"{space}PolicyId").text = policy_id(arn)
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root)

    def function_policy(self, call: Call, body: bytes) -> bytes:
        """lambda:FunctionUrlAuthType is a condition; moto writes it beside the condition, under its parameter's name."""
        answer = json.loads(body)
        policy = json.loads(answer.get("Policy") or "null")
        if policy is None:
            return body
        for statement in policy["Statement"]:
            if value := statement.pop("FunctionUrlAuthType", None):
                equal = statement.setdefault("Condition", {}).setdefault("StringEquals", {})
                equal["lambda:FunctionUrlAuthType"] = value
        return json.dumps({**answer, "Policy": json.dumps(policy)}).encode()

    def organizations(self, call: Call, body: bytes) -> bytes:
        """AWS's own policies belong to nobody, and the management account has the name it was given."""
        text = re.sub(rb"organizations::\d{12}:policy/o-[a-z0-9]+/(\w+)/p-(RCP)?FullAWSAccess",
                      rb"organizations::aws:policy/\1/p-\2FullAWSAccess", body)
        if self.management:
            text = text.replace(b"master@example.com", self.management["email"].encode())
            text = re.sub(rb'"Name": ?"master"', f'"Name": "{self.management["name"]}"'.encode(), text)
        return text

    def root_element(self, call: Call, body: bytes) -> bytes:
        """The Rust SDK wants the outermost element to have AWS's name; moto names it by the call."""
        name = {"GetBucketNotificationConfiguration": "NotificationConfiguration"}.get(
            call.operation, f"{call.operation}Result")
        called = call.operation.removesuffix("Configuration")
        return re.sub(rf"(</?)({call.operation}|{called})Response\b".encode(), rf"\g<1>{name}".encode(), body)

    def agent_times(self, call: Call, body: bytes) -> bytes:
        """Bedrock writes moments as text; moto as seconds since 1970, which the Rust SDK refuses."""
        return re.sub(rb'("(?:created|updated|prepared)At": ?)(\d+)(\.\d+)?', _iso, body)

    def queues(self, call: Call, body: bytes) -> bytes:
        """A queue's URL names AWS's host."""
        host = f"https://sqs.{call.region}.amazonaws.com/".encode()
        return re.sub(rb"https?://(127\.0\.0\.1|localhost)(:\d+)?/", host, body)

    def topic(self, call: Call, body: bytes) -> bytes:
        """A topic tells how many subscriptions it has; moto always says none."""
        count = self.subscriptions.get(dict(call.form).get("TopicArn", ""), 0)
        return re.sub(rb"(<key>SubscriptionsConfirmed</key>\s*<value>)\d+", rb"\g<1>%d" % count, body)

    def images(self, call: Call, body: bytes) -> bytes:
        """DescribeImages tells the counts of the last scan."""
        answer = json.loads(body)
        for image in answer.get("imageDetails", []):
            counts = self.scans.get(f'{image.get("repositoryName")}@{image.get("imageDigest")}')
            if counts:
                image["imageScanFindingsSummary"] = {"findingSeverityCounts": counts}
        return json.dumps(answer).encode()


def _iso(found: re.Match) -> bytes:
    moment = datetime.datetime.fromtimestamp(int(found[2]), datetime.UTC)
    return found[1] + moment.strftime('"%Y-%m-%dT%H:%M:%SZ"').encode()


REPAIRS = {
    ("bedrock-agent", "*"): Repairs.agent_times,
    ("iam", "GetAccountAuthorizationDetails"): Repairs.iam,
    ("iam", "ListRoles"): Repairs.iam,
    ("iam", "GetRole"): Repairs.iam,
    ("lambda", "GetPolicy"): Repairs.function_policy,
    ("organizations", "*"): Repairs.organizations,
    ("sqs", "*"): Repairs.queues,
    ("s3", "GetBucketNotificationConfiguration"): Repairs.root_element,
    ("s3control", "*"): Repairs.root_element,
    ("sns", "GetTopicAttributes"): Repairs.topic,
    ("ecr", "DescribeImages"): Repairs.images,
}
