#!/usr/bin/env python3
"""Writes trail.jsonl: thirty days of a made-up CloudTrail of the demo organisation, a record a line.

    python3 crates/demo/data/make_trail.py

Everything in it is invented: ids, addresses, times. The same bytes each time. What it shows is told in README.md.
"""
import datetime as dt
import hashlib
import json
import pathlib

MANAGEMENT, SECOPS, PROD, DEV = (digit * 12 for digit in "1234")
START = dt.datetime(2025, 12, 6, 10, tzinfo=dt.timezone.utc)
records = []


def at(day, clock):
    """So many days after the start of the window, at a time of day."""
    hour, minute, second = (int(part) for part in clock.split(":"))
    return (START + dt.timedelta(days=day)).replace(hour=hour, minute=minute, second=second)


def iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def made(kind, *parts):
    """A made-up id that is the same each time."""
    digest = hashlib.sha256(":".join((kind, *map(str, parts))).encode()).hexdigest()
    if kind == "uuid":
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    length = 16 if kind in ("AKIA", "ASIA") else 17
    return kind + "".join(letters[int(digest[n * 2:n * 2 + 2], 16) % 32] for n in range(length))


class Caller:
    def __init__(self, identity, account, address, console=False):
        self.identity, self.account, self.address, self.console = identity, account, address, console
        self.arn = identity.get("arn", "")


def user(account, name, address):
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Caller({"type": "IAMUser", "principalId": made("AIDA", arn), "arn": arn, "accountId": account, "userName": name,
                   "sessionContext": {"attributes": {"creationDate": iso(at(0, "08:00:00")), "mfaAuthenticated": "true"}}},
                  account, address, console=True)


def service(name):
    return Caller({"type": "AWSService", "invokedBy": name}, None, name)


def call(who, time, source, name, request, resources, response=None, data=False, owner=None, error=None, region="us-east-1",
         through=None, shared=None):
    number = len(records)
    account = who.account or owner
    identity = dict(who.identity)
    if who.identity["type"] in ("IAMUser", "AssumedRole") and "accessKeyId" not in identity:
        identity["accessKeyId"] = made("ASIA", "console", number)
    if through:
        identity["invokedBy"] = through
    record = {
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": iso(time), "eventSource": source + ".amazonaws.com",
        "eventName": name, "awsRegion": region, "sourceIPAddress": through or who.address, "userAgent": through or "made-up",
        "requestParameters": request, "responseElements": None if error else response,
        "requestID": made("uuid", "request", number), "eventID": made("uuid", "event", number),
        "readOnly": not name.startswith(("Put", "Create", "Delete", "Update")), "resources": resources,
        "eventType": "AwsApiCall", "managementEvent": not data, "recipientAccountId": account,
        "eventCategory": "Data" if data else "Management",
    }
    if error:
        record["errorCode"] = error
        record["errorMessage"] = "access denied"
    if who.console:
        record["sessionCredentialFromConsole"] = "true"
    if shared or who.account is None:
        record["sharedEventID"] = made("uuid", "shared", number)
    records.append(record)
    if owner and who.account and owner != who.account:
        record["sharedEventID"] = made("uuid", "shared", number)
        copy = dict(record, eventID=made("uuid", "copy", number), recipientAccountId=owner,
                    userIdentity={"type": "AWSAccount", "principalId": identity["principalId"], "accountId": account})
        copy.pop("sessionCredentialFromConsole", None)
        records.append(copy)


def assume(who, time, account, role, name, console=False, how="AssumeRole", path="/", hours=1):
    arn = f"arn:aws:iam::{account}:role{path}{role}"
    role_id = made("AROA", arn)
    key = made("ASIA", arn, name, iso(time))
    call(who, time, "sts", how, {"roleArn": arn, "roleSessionName": name, "durationSeconds": hours * 3600},
         [{"accountId": account, "type": "AWS::IAM::Role", "ARN": arn}],
         {"credentials": {"accessKeyId": key, "expiration": iso(time + dt.timedelta(hours=hours))},
          "assumedRoleUser": {"assumedRoleId": f"{role_id}:{name}", "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}"}},
         owner=account)
    identity = {"type": "AssumedRole", "principalId": f"{role_id}:{name}",
                "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}", "accountId": account,
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": role_id, "arn": arn, "accountId": account,
                                                     "userName": role},
                                   "attributes": {"creationDate": iso(time), "mfaAuthenticated": "false"}}}
    if not console:
        identity["accessKeyId"] = key
    return Caller(identity, account, who.address, console)


def get_object(who, time, bucket, key, name="GetObject", owner=PROD, error=None):
    call(who, time, "s3", name, {"bucketName": bucket, "key": key, "Host": f"{bucket}.s3.amazonaws.com"},
         [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
          {"accountId": owner, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}], data=True, owner=owner, error=error)


def table(who, time, name, table_name, account=PROD):
    call(who, time, "dynamodb", name, {"tableName": table_name, "key": {"pk": "HIDDEN_DUE_TO_SECURITY_REASONS"}},
         [{"accountId": account, "type": "AWS::DynamoDB::Table", "ARN": f"arn:aws:dynamodb:us-east-1:{account}:table/{table_name}"}],
         data=True, owner=account)


# SecOpsAdmin, in the console, through the role that Organizations leaves in each account.
admin = user(SECOPS, "SecOpsAdmin", "203.0.113.10")
for day, clock, reads in ((12, "14:02:11", 3), (24, "09:41:07", 2)):
    began = at(day, clock)
    session = assume(admin, began, PROD, "OrganizationAccountAccessRole", "SecOpsAdmin", console=True)
    call(session, began + dt.timedelta(seconds=40), "dynamodb", "DescribeTable", {"tableName": "CustomerRecords"}, None)
    for n in range(reads):
        table(session, began + dt.timedelta(seconds=65 + 31 * n), "Query" if n else "GetItem", "CustomerRecords")

# The invoice exporter: the one bucket that it is for, by name.
for day in range(0, 29, 2):
    began = at(day, "09:00:00")
    exporter = assume(service("lambda.amazonaws.com"), began, PROD, "InvoiceExporterRole", "invoice-exporter")
    exporter.address = "198.51.100.7"
    call(exporter, began + dt.timedelta(seconds=1), "s3", "ListObjects",
         {"bucketName": "acme-prod-invoices", "list-type": "2", "prefix": "2025/"},
         [{"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::acme-prod-invoices/2025/"},
          {"accountId": PROD, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::acme-prod-invoices"}], data=True, owner=PROD)
    for n in range(3):
        get_object(exporter, began + dt.timedelta(seconds=2 + n), "acme-prod-invoices", f"2025/12/invoice-{day * 3 + n:04d}.pdf")

# A person of Identity Center looks around in Prod.
alice = Caller({"type": "SAMLUser", "principalId": "made-up=:alice@acme.example", "userName": "alice@acme.example",
                "identityProvider": "made-up="}, None, "203.0.113.21")
session = assume(alice, at(20, "11:15:00"), PROD, "AWSReservedSSO_AdminAccess_adb92530ccaa75be", "alice@acme.example",
                 console=True, how="AssumeRoleWithSAML", path="/aws-reserved/sso.amazonaws.com/")
call(session, at(20, "11:16:20"), "dynamodb", "DescribeTable", {"tableName": "CustomerRecords"}, None)
call(session, at(20, "11:17:02"), "iam", "ListRoles", None, None)

# A pipeline deploys.
job = Caller({"type": "WebIdentityUser", "principalId": "token.actions.githubusercontent.com:sts.amazonaws.com:repo:acme/payments:ref:refs/heads/main",
              "userName": "repo:acme/payments:ref:refs/heads/main", "identityProvider": "token.actions.githubusercontent.com"},
             None, "192.0.2.44")
session = assume(job, at(27, "16:30:00"), PROD, "GitHubActionsDeploy", "GitHubActions", how="AssumeRoleWithWebIdentity")
call(session, at(27, "16:30:09"), "ecr", "GetAuthorizationToken", None, None)

# Dev reads reports of Prod; somebody who may not is refused.
bob = Caller({"type": "SAMLUser", "principalId": "made-up=:bob@acme.example", "userName": "bob@acme.example",
              "identityProvider": "made-up="}, None, "203.0.113.34")
caller = assume(bob, at(16, "05:58:00"), DEV, "AWSReservedSSO_DataScientist_afbca838cde6caa2", "bob@acme.example", console=True,
                how="AssumeRoleWithSAML", path="/aws-reserved/sso.amazonaws.com/", hours=8)
session = assume(caller, at(16, "06:00:00"), DEV, "ReportReader", "nightly")
for n in range(2):
    get_object(session, at(16, f"06:00:{10 + n}"), "acme-prod-shared-reports", f"daily/{n}.csv")
session = assume(caller, at(16, "06:20:00"), DEV, "ReportReaderNoIdentity", "nightly")
get_object(session, at(16, "06:20:10"), "acme-prod-shared-reports", "daily/0.csv", error="AccessDenied")

# The management account has a trail too, with nothing of interest in it.
call(service("config.amazonaws.com"), at(3, "03:00:00"), "organizations", "DescribeOrganization", None, None, owner=MANAGEMENT)
call(admin, at(12, "14:00:30"), "iam", "GetUser", {"userName": "SecOpsAdmin"}, None)

records.sort(key=lambda record: (record["eventTime"], record["eventID"]))
out = pathlib.Path(__file__).with_name("trail.jsonl")
with out.open("w") as file:
    for record in records:
        file.write(json.dumps(record, separators=(",", ":"), sort_keys=True) + "\n")
print(f"{out}: {len(records)} records")
