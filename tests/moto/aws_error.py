"""Errors as AWS writes them: each protocol has its own place for the code, each service its own codes."""
from __future__ import annotations

import json
from xml.sax.saxutils import escape

from aws_api import model

REQUEST_ID = "00000000-0000-4000-8000-000000000000"

# (status, code). "" is what most services of the protocol say.
THROTTLED = {
    "json": {"": (400, "ThrottlingException"), "organizations": (400, "TooManyRequestsException"),
             "dynamodb": (400, "ProvisionedThroughputExceededException"), "apprunner": (400, "Throttling")},
    "query": {"": (400, "Throttling")},
    "ec2": {"": (503, "RequestLimitExceeded")},
    "rest-json": {"": (429, "TooManyRequestsException"), "bedrock": (429, "ThrottlingException"),
                  "bedrock-agent": (429, "ThrottlingException"), "accessanalyzer": (429, "ThrottlingException")},
    "rest-xml": {"": (503, "SlowDown")},
    "smithy-rpc-v2-cbor": {"": (400, "ThrottlingException")},
}
DENIED = {
    "json": {"": (400, "AccessDeniedException")},
    "query": {"": (403, "AccessDenied"), "sns": (403, "AuthorizationError")},
    "ec2": {"": (403, "UnauthorizedOperation")},
    "rest-json": {"": (403, "AccessDeniedException")},
    "rest-xml": {"": (403, "AccessDenied")},
    "smithy-rpc-v2-cbor": {"": (400, "AccessDeniedException")},
}
EXPIRED = {
    "json": {"": (400, "ExpiredTokenException")},
    "query": {"": (403, "ExpiredToken")},
    "ec2": {"": (400, "RequestExpired")},
    "rest-json": {"": (403, "ExpiredTokenException")},
    "rest-xml": {"": (400, "ExpiredToken")},
    "smithy-rpc-v2-cbor": {"": (400, "ExpiredTokenException")},
}
FAILED = {
    "json": {"": (500, "InternalFailure")},
    "query": {"": (500, "InternalFailure")},
    "ec2": {"": (500, "InternalError")},
    "rest-json": {"": (500, "InternalServerException")},
    "rest-xml": {"": (500, "InternalError")},
    "smithy-rpc-v2-cbor": {"": (500, "InternalFailure")},
}
MESSAGES = {id(THROTTLED): "Rate exceeded", id(EXPIRED): "The security token included in the request is expired",
            id(FAILED): "We encountered an internal error. Please try again."}


def standard(kind: dict, call, message: str | None = None) -> tuple[int, dict, bytes]:
    """One of the tables above, as `call`'s service says it: status, headers, body."""
    codes = kind.get(call.protocol, kind["rest-json"])
    status, code = codes.get(call.service, codes[""])
    return write(call, status, code, message or MESSAGES[id(kind)])


def denied(call) -> tuple[int, dict, bytes]:
    who = f"arn:aws:sts::{call.account}:assumed-role/e2e/e2e"
    return standard(DENIED, call, f"User: {who} is not authorized to perform: {call.service}:{call.operation}")


def not_found(call) -> tuple[int, dict, bytes]:
    code = "NoSuchEntity" if call.protocol == "query" else "ResourceNotFoundException"
    status = 400 if call.protocol == "json" else 404
    return write(call, status, code, f"{call.operation}: there is none")


def write(call, status: int, code: str, message: str) -> tuple[int, dict, bytes]:
    return WRITERS.get(call.protocol, _rest_json)(call, status, code, message)


def _json(call, status, code, message):
    # JSON 1.0 services say where the shape comes from, 1.1 services do not: a client must take what follows the #.
    known = model(call.service)
    version = known.metadata.get("jsonVersion", "1.1") if known else "1.1"
    prefix = f"com.amazonaws.{call.service}#" if version == "1.0" else ""
    body = json.dumps({"__type": prefix + code, "message": message}).encode()
    return status, {"Content-Type": f"application/x-amz-json-{version}", "x-amzn-RequestId": REQUEST_ID}, body


def _rest_json(call, status, code, message):
    # The code is in the header and may carry an address; the body has the message only.
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": REQUEST_ID,
               "x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/com.amazonaws.{call.service}/"}
    if status == 429:
        headers["Retry-After"] = "0"
    return status, headers, json.dumps({"message": message}).encode()


def _query(call, status, code, message):
    side = "Sender" if status < 500 else "Receiver"
    body = (f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>")
    return status, {"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID}, body.encode()


def _ec2(call, status, code, message):
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{REQUEST_ID}</RequestID></Response>")
    return status, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode()


def _rest_xml(call, status, code, message):
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    tail = "<RequestId>4442587FB7D0A2F9</RequestId>"
    if call.service == "s3":
        body = f"<Error>{error}{tail}<HostId>host</HostId></Error>"
    else:
        body = f"<ErrorResponse><Error>{error}</Error>{tail}</ErrorResponse>"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return status, {"Content-Type": "application/xml", "x-amz-request-id": "4442587FB7D0A2F9"}, (head + body).encode()


def _cbor(call, status, code, message):
    def text(value: str) -> bytes:
        raw = value.encode()
        return (bytes([0x60 + len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)])) + raw
    kind = f"com.amazonaws.{call.service}#{code}"
    body = b"\xa2" + text("__type") + text(kind) + text("message") + text(message[:200])
    return status, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body


WRITERS = {"json": _json, "rest-json": _rest_json, "query": _query, "ec2": _ec2, "rest-xml": _rest_xml,
           "smithy-rpc-v2-cbor": _cbor}
