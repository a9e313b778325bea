"""Which AWS call is this HTTP request? Service, operation, account and region, read from the request alone.

JSON services name the operation in X-Amz-Target, the query and EC2 protocols in the form field Action; the REST
services only by method and path, which are matched against botocore's own models. Services have boto3's names.
"""
from __future__ import annotations

import base64
import functools
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import botocore.session

# Every service that the collector may call; models load on first use. An unknown one keeps its signing name.
SERVICES = """accessanalyzer account apigateway apigatewayv2 apprunner athena autoscaling bedrock bedrock-agent
bedrock-agentcore-control cloudformation cloudtrail codebuild cognito-idp config dynamodb ec2 ecr ecs efs eks elasticache
elbv2 events glue guardduty iam identitystore inspector2 kinesis kms lambda logs opensearch organizations pipes ram rds
redshift rolesanywhere s3 s3control sagemaker scheduler secretsmanager sns sqs ssm sso-admin stepfunctions sts""".split()

SESSION = botocore.session.get_session()
KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Call:
    """One request, named."""
    service: str
    operation: str
    protocol: str  # json, query, ec2, rest-json, rest-xml or smithy-rpc-v2-cbor
    account: str | None  # None: a key that moto did not make
    region: str
    key: str  # access key id
    method: str
    path: str  # still percent-encoded, without the query
    query: list[tuple[str, str]] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    label: dict[str, str] = field(default_factory=dict)  # what stood for {FunctionName} and the like in the path


def name(method: str, target: str, headers, body: bytes) -> Call:
    """`target` is the request target: path and query."""
    url = urlsplit(target)
    query = parse_qsl(url.query, keep_blank_values=True)
    key, region, signing = _scope(headers.get("Authorization") or "")
    form = []
    if (headers.get("Content-Type") or "").startswith(FORM):
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    service, operation, label = _operation(method, url.path, query, signing, headers, dict(form))
    protocol = _protocol(service, headers, form)
    return Call(service, operation, protocol, account_of(key), region, key, method, url.path, query, form, label)


def account_of(key: str) -> str | None:
    """The account that is written into an access key id: moto does it as AWS does."""
    if not re.fullmatch(r"A[KS]IA[A-Z2-7]{16}", key):
        return None
    high = int.from_bytes(base64.b32decode(key[4:12]), "big") - 549755813888
    number = high * 2 + (KEY_ALPHABET.index(key[12]) >= 16)
    return f"{number:012d}" if 0 <= number < 10**12 else None


@functools.cache
def model(service: str):
    """botocore's model of a service, or None. ec2's takes most of a second to load, once."""
    return SESSION.get_service_model(service) if service in SERVICES else None


def operation_model(service: str, operation: str):
    found = model(service)
    return found.operation_model(operation) if found and operation in found.operation_names else None


# ---- how a request says what it is --------------------------------------------------------------------------------

def _scope(authorization: str) -> tuple[str, str, str]:
    """Access key, region and service of `Credential=KEY/20260105/us-east-1/iam/aws4_request`."""
    found = re.search(r"Credential=([^/,\s]+)/\d+/([^/]*)/([^/]*)/", authorization)
    return found.groups() if found else ("", "", "")


def _operation(method, path, query, signing, headers, form) -> tuple[str, str, dict]:
    if target := headers.get("X-Amz-Target"):
        prefix, operation = target.rsplit(".", 1)
        return _targets().get(prefix, signing), operation, {}
    if found := re.fullmatch(r"/service/([^/]+)/operation/([^/]+)", path):  # smithy-rpc-v2-cbor
        return _targets().get(found[1], signing), found[2], {}
    if "Action" in form:
        return _by_signing().get(signing, [signing])[0], form["Action"], {}
    return _rest(method, path, dict(query), signing)


def _rest(method, path, query, signing) -> tuple[str, str, dict]:
    best, score = (signing or "unsigned", f"{method} {path}", {}), (-1, -1)
    for service in _by_signing().get(signing, []):
        if signing == "s3" and (service == "s3control") != path.startswith("/v20180820/"):
            continue
        for operation, verb, pattern, wanted, literal in _routes(service):
            found = pattern.fullmatch(path) if verb == method else None
            if not found or not all(k in query and (v is None or query[k] == v) for k, v in wanted.items()):
                continue
            if (len(wanted), literal) > score:
                best, score = (service, operation, found.groupdict()), (len(wanted), literal)
    return best


@functools.cache
def _routes(service: str) -> list[tuple]:
    """(operation, method, pattern of the path, query that must be there, characters that are no label)."""
    routes = []
    for operation in model(service).operation_names:
        http = model(service).operation_model(operation).http
        if not http or model(service).operation_model(operation).deprecated:
            continue
        path, _, query = http["requestUri"].partition("?")
        wanted = {k: v or None for k, _, v in (part.partition("=") for part in query.split("&") if part)}
        # A label of two parts, {ResourceArn} say, comes percent-encoded, so it is one segment; {Key+} is many.
        pieces = re.split(r"(\{[^}]+\})", path.rstrip("/"))
        pattern = "".join(_piece(piece) for piece in pieces)
        literal = sum(len(piece) for piece in pieces if not piece.startswith("{"))
        routes.append((operation, http["method"], re.compile(pattern + "/?"), wanted, literal))
    return routes


def _piece(piece: str) -> str:
    if not piece.startswith("{"):
        return re.escape(piece)
    label = piece.strip("{}")
    return f"(?P<{re.sub(r'[^A-Za-z0-9]', '_', label.rstrip('+'))}>{'.+' if label.endswith('+') else '[^/]+'})"


def _protocol(service: str, headers, form) -> str:
    if "rpc-v2-cbor" in (headers.get("Smithy-Protocol") or ""):
        return "smithy-rpc-v2-cbor"
    if headers.get("X-Amz-Target"):
        return "json"
    found = model(service)
    if found is None:
        return "query" if form else "rest-json"
    return found.metadata["protocol"]


@functools.cache
def _metadata() -> dict[str, dict]:
    return {service: model(service).metadata for service in SERVICES}


@functools.cache
def _targets() -> dict[str, str]:
    return {meta["targetPrefix"]: service for service, meta in _metadata().items() if "targetPrefix" in meta}


@functools.cache
def _by_signing() -> dict[str, list[str]]:
    """Several services share a signing name: bedrock, apigateway, s3."""
    names: dict[str, list[str]] = {}
    for service, meta in _metadata().items():
        names.setdefault(meta.get("signingName") or meta["endpointPrefix"], []).append(service)
    return names
