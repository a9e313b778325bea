#!/usr/bin/env python3
"""Is the harness right? world.py, overlay.py and proxy.py, tried with boto3 before any collector is blamed.

proxy_test.py — every answer of the overlay parses; every list is the same in pages as in one; every fault comes out as
the error that AWS's own SDK makes of it; a base key, an external id and a session that ends do what they do in AWS.
"""
from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import time
import urllib.request
from json import JSONDecodeError

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import aws_api
import proxy
import serve
import world

ROLE, EXTERNAL_ID = "AccessGraphReadOnly", "acme-7f3c"
PROD, EU = "333333333333", "eu-west-1"
# Lists of the demo: account (the snapshot's), service, operation, parameters, and more than one thing in most of them.
LISTS = [
    ("111111111111", "organizations", "ListAccounts", {}),
    ("111111111111", "organizations", "ListPolicies", {"Filter": "SERVICE_CONTROL_POLICY"}),
    ("111111111111", "organizations", "ListTargetsForPolicy", {"PolicyId": "p-FullAWSAccess"}),
    ("111111111111", "organizations", "ListChildren", {"ParentId": "r-hiri", "ChildType": "ORGANIZATIONAL_UNIT"}),
    ("111111111111", "organizations", "ListOrganizationalUnitsForParent", {"ParentId": "r-hiri"}),
    ("111111111111", "organizations", "ListAWSServiceAccessForOrganization", {}),
    ("111111111111", "organizations", "ListDelegatedAdministrators", {}),
    ("111111111111", "sso-admin", "ListPermissionSets", {
        "InstanceArn": "arn:aws:sso:::instance/ssoins-1oiew2sfmlmqtyzs"}),
    ("111111111111", "identitystore", "ListUsers", {"IdentityStoreId": "d-uqlsgoga34"}),
    ("111111111111", "identitystore", "ListGroups", {"IdentityStoreId": "d-uqlsgoga34"}),
    (PROD, "iam", "GetAccountAuthorizationDetails", {}),
    (PROD, "iam", "ListRoles", {}),
    (PROD, "iam", "ListUsers", {}),
    (PROD, "iam", "ListPolicies", {"Scope": "Local"}),
    (PROD, "iam", "ListInstanceProfiles", {}),
    (PROD, "iam", "ListAttachedRolePolicies", {"RoleName": "InvoiceExporterRole"}),
    (PROD, "iam", "ListAccessKeys", {"UserName": "AllSafeProd"}),
    (PROD, "account", "ListRegions", {}),
    (PROD, "lambda", "ListFunctions", {}),
    (PROD, "lambda", "ListEventSourceMappings", {}),
    (PROD, "lambda", "ListLayers", {}),
    (PROD, "lambda", "ListAliases", {"FunctionName": "invoice-exporter"}),
    (PROD, "lambda", "ListFunctionUrlConfigs", {"FunctionName": "invoice-exporter"}),
    (PROD, "kms", "ListKeys", {}),
    (PROD, "kms", "ListAliases", {}),
    (PROD, "kms", "ListGrants", {"KeyId": "2aef24e7-0c5c-42aa-8ccc-324c7b0bf2a2"}),
    (PROD, "ecs", "ListClusters", {}),
    (PROD, "ecs", "ListTaskDefinitions", {}),
    (PROD, "ecs", "ListServices", {"cluster": "payments"}),
    (PROD, "ecr", "DescribeRepositories", {}),
    (PROD, "ecr", "DescribeImages", {"repositoryName": "payments/api"}),
    (PROD, "ecr", "ListImages", {"repositoryName": "payments/api"}),
    (PROD, "ec2", "DescribeInstances", {}),
    (PROD, "ec2", "DescribeSecurityGroups", {}),
    (PROD, "ec2", "DescribeSubnets", {}),
    (PROD, "ec2", "DescribeVpcEndpoints", {}),
    (PROD, "ec2", "DescribeIamInstanceProfileAssociations", {}),
    (PROD, "apigateway", "GetRestApis", {}),
    (PROD, "apigateway", "GetResources", {"restApiId": "hi2gd0n8ra"}),
    (PROD, "apigatewayv2", "GetApis", {}),
    (PROD, "apigatewayv2", "GetRoutes", {"ApiId": "auefzfjn"}),
    (PROD, "apigatewayv2", "GetIntegrations", {"ApiId": "auefzfjn"}),
    (PROD, "bedrock-agent", "ListAgents", {}),
    (PROD, "bedrock-agent", "ListKnowledgeBases", {}),
    (PROD, "bedrock-agent", "ListAgentActionGroups", {"agentId": "support-agent552fe51c", "agentVersion": "DRAFT"}),
    (PROD, "bedrock", "ListGuardrails", {}),
    (PROD, "stepfunctions", "ListStateMachines", {}),
    (PROD, "events", "ListEventBuses", {}),
    (PROD, "events", "ListRules", {"EventBusName": "orders"}),
    (PROD, "events", "ListTargetsByRule", {"EventBusName": "orders", "Rule": "order-created"}),
    (PROD, "pipes", "ListPipes", {}),
    (PROD, "scheduler", "ListSchedules", {}),
    (PROD, "scheduler", "ListScheduleGroups", {}),
    (PROD, "secretsmanager", "ListSecrets", {}),
    (PROD, "ssm", "DescribeParameters", {}),
    (PROD, "ssm", "ListDocuments", {"Filters": [{"Key": "Owner", "Values": ["Self"]}]}),
    (PROD, "dynamodb", "ListTables", {}),
    (PROD, "rds", "DescribeDBClusters", {}),
    (PROD, "rds", "DescribeDBInstances", {}),
    (PROD, "sqs", "ListQueues", {}),
    (PROD, "sns", "ListTopics", {}),
    (PROD, "sns", "ListSubscriptionsByTopic", {"TopicArn": "arn:aws:sns:us-east-1:333333333333:order-alerts"}),
    (PROD, "s3", "ListBuckets", {}),
    (PROD, "eks", "ListClusters", {}),
    (PROD, "eks", "ListNodegroups", {"clusterName": "apps"}),
    (PROD, "eks", "ListPodIdentityAssociations", {"clusterName": "apps"}),
    (PROD, "eks", "ListAccessEntries", {"clusterName": "apps"}),
    (PROD, "glue", "GetJobs", {}),
    (PROD, "codebuild", "ListProjects", {}),
    (PROD, "rolesanywhere", "ListTrustAnchors", {}),
    (PROD, "rolesanywhere", "ListProfiles", {}),
    (PROD, "inspector2", "ListFindings", {}),
    (PROD, "apprunner", "ListServices", {}),
    (PROD, "cloudformation", "DescribeStacks", {}),
    (PROD, "autoscaling", "DescribeAutoScalingGroups", {}),
    ("444444444444", "sagemaker", "ListNotebookInstances", {}),
    ("222222222222", "accessanalyzer", "ListAnalyzers", {}),
    ("222222222222", "accessanalyzer", "ListFindingsV2", {
        "analyzerArn": "arn:aws:access-analyzer:us-east-1:222222222222:analyzer/org"}),
    ("111111111111", "cloudtrail", "ListTrails", {}),
]
# What stands where a parameter is required and the overlay does not ask for it.
ANY = {"agentVersion": "DRAFT", "imageId": {"imageTag": "latest"},
       "InstanceArn": "arn:aws:sso:::instance/ssoins-1234567890123456"}
# One call of each protocol, and the codes of throttling, denial and expiry that AWS gives.
PROTOCOLS = [
    ("iam", "ListUsers", {}, "Throttling", "AccessDenied", "ExpiredToken"),
    ("ec2", "DescribeSubnets", {}, "RequestLimitExceeded", "UnauthorizedOperation", "RequestExpired"),
    ("kms", "ListKeys", {}, "ThrottlingException", "AccessDeniedException", "ExpiredTokenException"),
    ("dynamodb", "ListTables", {}, "ProvisionedThroughputExceededException", "AccessDeniedException",
     "ExpiredTokenException"),
    ("lambda", "ListFunctions", {}, "TooManyRequestsException", "AccessDeniedException", "ExpiredTokenException"),
    ("s3", "GetBucketTagging", {"Bucket": "acme-prod-invoices"}, "SlowDown", "AccessDenied", "ExpiredToken"),
    ("codebuild", "ListProjects", {}, "ThrottlingException", "AccessDeniedException", "ExpiredTokenException"),
]


class Test:
    def __init__(self, moto: str):
        self.moto = moto
        self.world = world.World(moto, world.read(world.SNAPSHOT)).build()
        self.proxy = proxy.Proxy(moto, self.world.overlay(), self.world.facts(), {ROLE: EXTERNAL_ID})
        self.passed, self.failures = 0, []

    def check(self, right: bool, what: str):
        if right:
            self.passed += 1
        else:
            self.failures.append(what)
            print(f"FAILED {what}", flush=True)

    def client(self, account: str, service: str, region=serve.REGION, **config):
        keys = serve._keys(self.moto, self.world.now(account))
        return serve.SESSION.client(service, endpoint_url=self.proxy.url, region_name=region,
                                    config=serve.CONFIG.merge(Config(**config)), **keys)

    def call(self, client, operation: str, **parameters) -> dict:
        answer = getattr(client, botocore.xform_name(operation))(**parameters)
        answer.pop("ResponseMetadata")
        return answer

    def code(self, client, operation: str, **parameters) -> str:
        """The code of the error, or the name of the exception where there is no answer."""
        try:
            self.call(client, operation, **parameters)
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (BotoCoreError, ResponseParserError, JSONDecodeError) as error:  # the last two: half an answer
            return type(error).__name__
        return "none"

    # ---- what is tried ----------------------------------------------------------------------------------------------

    def overlay(self):
        """botocore parses every answer, and the proxy finds it by the request that botocore makes."""
        for entry in self.world.overlay():
            shape = aws_api.operation_model(entry["service"], entry["operation"]).input_shape
            wire = {member.serialization.get("name", name): name for name, member in shape.members.items()}
            parameters = {wire.get(name, name): value for name, value in entry["params"].items()}
            for name in shape.required_members:
                parameters.setdefault(name, ANY.get(name))
            client = self.client(entry["account"], entry["service"], entry.get("region", serve.REGION))
            self.proxy.take_log()
            what = f'{entry["service"]}:{entry["operation"]} {entry["params"]}'
            try:
                answer = self.call(client, entry["operation"], **parameters)
            except (ClientError, BotoCoreError) as error:
                self.check(False, f"overlay {what}: {error}")
                continue
            by = self.proxy.take_log()[0]["by"]
            self.check(bool(answer) and by in ("overlay", "cache"), f"overlay {what}: {answer} by {by}")

    def names(self):
        """The proxy names every call as boto3 does."""
        for account, service, operation, parameters in LISTS:
            self.proxy.take_log()
            self.call(self.client(account, service), operation, **self.world.now(parameters))
            named = self.proxy.take_log()[0]
            self.check((named["service"], named["operation"], named["account"]) ==
                       (service, operation, self.world.now(account)), f"{service}:{operation} is named {named}")

    def pages(self):
        """In pages of one, with an empty first page, every list is what it is in one."""
        for account, service, operation, parameters in LISTS:
            parameters, client = self.world.now(parameters), self.client(account, service)
            self.proxy.set_plan()
            whole = self.call(client, operation, **parameters)
            self.proxy.set_plan({"pages": {"size": 1, "empty_first": True}})
            self.proxy.take_log()
            if client.can_paginate(botocore.xform_name(operation)):
                pager = client.get_paginator(botocore.xform_name(operation))
                try:
                    joined = pager.paginate(**parameters).build_full_result()
                except ClientError as error:
                    joined = {"error": str(error)}
            else:  # botocore has no paginator for these two: events:ListEventBuses, apprunner:ListServices
                joined, token = {}, {}
                while token is not None:
                    page = self.call(client, operation, **parameters, **token)
                    for key, value in page.items():
                        if isinstance(value, list):
                            joined.setdefault(key, []).extend(value)
                    token = {"NextToken": page["NextToken"]} if page.get("NextToken") else None
            lists = {key: value for key, value in whole.items() if isinstance(value, list)}
            same = all(joined.get(key) == value for key, value in lists.items())
            items, calls = sum(len(value) for value in lists.values()), len(self.proxy.take_log())
            smithy = service == "codebuild"  # CBOR in boto3, which pages.py does not cut; JSON in Rust
            self.check(same and (calls == items + 1 or smithy or not items),
                       f"{service}:{operation}: {items} items in {calls} pages\n  {lists}\n  {joined}")
        self.proxy.set_plan()

    def token_of_another_request(self):
        self.proxy.set_plan({"pages": {"size": 1}})
        client = self.client(PROD, "lambda")
        token = self.call(client, "ListFunctions")["NextMarker"]
        other = self.code(client, "ListEventSourceMappings", Marker=token)
        self.check(other == "InvalidNextToken", f"a token of another call: {other}")
        self.proxy.set_plan()

    def faults(self):
        for service, operation, parameters, throttled, denied, expired in PROTOCOLS:
            client = self.client(PROD, service)
            right = self.code(client, operation, **parameters)
            self.check(right == "none", f"{service}:{operation} without a fault: {right}")
            for plan, wanted in (
                ({"kind": "throttle"}, {throttled}),
                ({"kind": "denied", "service": service}, {denied}),
                ({"kind": "expired"}, {expired}),
                ({"kind": "failure"}, {"InternalFailure", "InternalError", "InternalServerException"}),
                ({"kind": "failure", "status": 503, "body": False}, {"503", "ResponseParserError", "Unknown"}),
                ({"kind": "failure", "status": 500, "body": False}, {"500", "ResponseParserError", "Unknown"}),
                ({"kind": "reset"}, {"ConnectionClosedError", "EndpointConnectionError"}),
                ({"kind": "reset_mid"}, {"ConnectionClosedError", "ResponseStreamingError", "IncompleteReadError"}),
                ({"kind": "throttle", "account": "111111111111"}, {"none"}),
                ({"kind": "denied", "operation": "Other"}, {"none"}),
            ):
                self.proxy.set_plan({"faults": [plan]})
                got = self.code(client, operation, **parameters)
                self.check(got in wanted, f"{service}:{operation} with {plan}: {got}, not {wanted}")
            self.proxy.set_plan({"faults": [{"kind": "slow", "seconds": 0.3}]})
            start = time.monotonic()
            self.call(client, operation, **parameters)
            self.check(time.monotonic() - start >= 0.3, f"{service}:{operation} is not slow")
        self.proxy.set_plan()

    def truncated(self):
        """Without botocore, which takes half a JSON document for an empty one."""
        self.proxy.set_plan({"faults": [{"kind": "truncate"}]})
        key = serve._keys(self.moto, self.world.now(PROD))["aws_access_key_id"]
        scope = f"AWS4-HMAC-SHA256 Credential={key}/20260105/us-east-1/lambda/aws4_request, SignedHeaders=host"
        request = urllib.request.Request(f"{self.proxy.url}/2015-03-31/functions/", headers={"Authorization": scope})
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).read()
            self.check(False, "a truncated answer is whole")
        except http.client.IncompleteRead as error:
            self.check(len(error.partial) > 0 and error.expected > 0, f"{error}")
        self.proxy.set_plan()

    def share(self):
        """30 % throttled: the same requests are struck each time, and botocore's retries get everything."""
        plan, struck = {"faults": [{"kind": "throttle", "share": 0.3, "in_a_row": 2}]}, []
        for _ in range(2):
            self.proxy.set_plan(plan)
            self.proxy.take_log()
            for account, service, operation, parameters in LISTS:
                self.code(self.client(account, service), operation, **self.world.now(parameters))
            struck.append([entry["request"] for entry in self.proxy.take_log() if entry["fault"]])
        share = len(struck[0]) / len(LISTS)
        self.check(struck[0] == struck[1] and 0.15 < share < 0.45, f"{share:.2f} were struck, {struck}")
        self.proxy.set_plan(plan)
        for account, service, operation, parameters in LISTS[::10]:
            client = self.client(account, service, retries={"total_max_attempts": 4, "mode": "standard"})
            got = self.code(client, operation, **self.world.now(parameters))
            self.check(got == "none", f"{service}:{operation} throttled with retries: {got}")
        self.proxy.set_plan()

    def sessions(self):
        """A base key is the management account's; AssumeRole wants the external id; sessions end when they say."""
        base = serve.SESSION.client("sts", endpoint_url=self.proxy.url, region_name=serve.REGION, config=serve.CONFIG,
                                    aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
        account = base.get_caller_identity()["Account"]
        self.check(account == "111111111111", f"the base key is in {account}")
        this = {"RoleArn": self.world.now(f"arn:aws:iam::{PROD}:role/{ROLE}"), "RoleSessionName": "e2e"}
        self.check(self.code(base, "AssumeRole", **this) == "AccessDenied", "no external id")
        self.check(self.code(base, "AssumeRole", **this, ExternalId="wrong") == "AccessDenied", "a wrong external id")
        self.proxy.set_plan({"session_seconds": 1})
        keys = base.assume_role(**this, ExternalId=EXTERNAL_ID)["Credentials"]
        self.proxy.set_plan()
        client = serve.SESSION.client(
            "sqs", endpoint_url=self.proxy.url, region_name=serve.REGION, config=serve.CONFIG,
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"])
        self.check(len(client.list_queues()["QueueUrls"]) == 2, "the session does not see the queues")
        time.sleep(2.1)
        got = self.code(client, "ListQueues")
        self.check(got == "ExpiredTokenException", f"after the session: {got}")
        self.proxy.set_plan({"faults": [{"kind": "expired", "after": 2, "calls": 1, "service": "sqs"}]})
        client = self.client(PROD, "sqs")
        codes = [self.code(client, "ListQueues") for _ in range(4)]
        self.check(codes == ["none", "none", "ExpiredTokenException", "none"], f"expiry in between: {codes}")
        self.proxy.set_plan()

    def control(self):
        """The control URL does what the methods do."""
        def ask(method, path, body=None):
            request = urllib.request.Request(self.proxy.url + path, method=method, data=body)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=10) as answer:
                return json.loads(answer.read())
        ask("POST", "/-/faults", json.dumps({"faults": [{"kind": "denied", "service": "sqs"}]}).encode())
        ask("DELETE", "/-/log")
        self.check(self.code(self.client(PROD, "sqs"), "ListQueues") == "AccessDeniedException", "POST /-/faults")
        log = ask("GET", "/-/log")
        self.check([entry["fault"] for entry in log] == ["denied"] and log[0]["status"] == 400, f"GET /-/log: {log}")
        ask("POST", "/-/faults", b"{}")
        self.check(ask("GET", "/-/faults") == {}, "GET /-/faults")

    def s3_control(self):
        """Its host is <account>.localhost; who it is for says the path."""
        real = socket.getaddrinfo
        socket.getaddrinfo = lambda host, *more, **named: real(
            "127.0.0.1" if str(host).endswith("localhost") else host, *more, **named)
        try:
            account = self.world.now(PROD)
            keys = serve._keys(self.moto, account)
            port = self.proxy.server.server_port
            client = serve.SESSION.client("s3control", endpoint_url=f"http://localhost:{port}", config=serve.CONFIG,
                                          region_name=serve.REGION, **keys)
            self.proxy.take_log()
            got = self.code(client, "GetPublicAccessBlock", AccountId=account)
            log = self.proxy.take_log()
            self.check(got == "NoSuchPublicAccessBlockConfiguration", f"s3control: {got}")
            named = [(entry["service"], entry["operation"]) for entry in log]
            self.check(named == [("s3control", "GetPublicAccessBlock")], f"s3control is named {named}")
        finally:
            socket.getaddrinfo = real


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or moto would live on
    start = time.monotonic()
    with serve.moto() as url:
        test = Test(url)
        print(f"{time.monotonic() - start:6.1f} s  world", flush=True)
        with test.proxy:
            for step in (test.overlay, test.names, test.pages, test.token_of_another_request, test.faults,
                         test.truncated, test.share,
                         test.sessions, test.control, test.s3_control):
                step()
                print(f"{time.monotonic() - start:6.1f} s  {step.__name__}", flush=True)
    print(f"proxy: {test.passed} passed, {len(test.failures)} failed", flush=True)
    sys.exit(1 if test.failures else 0)


if __name__ == "__main__":
    main()
