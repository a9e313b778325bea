"""Cuts the lists that moto gives in one page, with each protocol's own token fields: the collector's loops get work.

What a list's fields are called is botocore's knowledge: its paginators, and for calls without one the model itself
(events:ListEventBuses has a NextToken, and botocore no paginator for it). A token says where the next page starts and
which request it belongs to: a client that changes the request between two pages is told that the token is bad.
"""
from __future__ import annotations

import functools
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from aws_api import SESSION, Call, operation_model

PREFIX = "sv0-page-"
# Lists inside of something, of JSON protocols: token asked for, token given, paths, more.
NESTED = {("athena", "GetQueryResults"): ("NextToken", "NextToken", ["ResultSet.Rows"], None)}


@dataclass
class Paged:
    """Names on the wire."""
    request_token: str
    token_in: str  # querystring, form or body
    token: str
    lists: list[str]
    more: str | None  # IsTruncated and its like


@dataclass
class Cut:
    """How: items a page, and whether the first page of every list is an empty one with a token, as AWS sometimes has."""
    size: int
    empty_first: bool = False


def ask(call: Call, target: str, body: bytes) -> tuple[str | None, str, bytes]:
    """The page's token if the request has one of ours, and the request without it."""
    paged = how(call.service, call.operation)
    if paged is None:
        return None, target, body
    if paged.token_in == "body":
        fields = json.loads(body) if body[:1] == b"{" else {}
        if not str(fields.get(paged.request_token) or "").startswith(PREFIX):
            return None, target, body
        token = fields.pop(paged.request_token)
        return token, target, json.dumps(fields).encode()
    text = body.decode() if paged.token_in == "form" else urlsplit(target).query
    pairs = parse_qsl(text, keep_blank_values=True)
    token = dict(pairs).get(paged.request_token) or ""
    if not token.startswith(PREFIX):
        return None, target, body
    rest = urlencode([pair for pair in pairs if pair[0] != paged.request_token])
    if paged.token_in == "form":
        return token, target, rest.encode()
    path = urlsplit(target).path
    return token, f"{path}?{rest}" if rest else path, body


def cut(call: Call, body: bytes, token: str | None, request: str, plan: Cut | None) -> bytes | None:
    """The page of `body`, which holds the whole list. `request` stands for the request; None: the token is not its."""
    offset = 0
    if token:
        found = re.fullmatch(PREFIX + r"(\d+)-(.+)", token)
        if not found or found[2] != request:
            return None
        offset = int(found[1])
    paged = how(call.service, call.operation)
    if paged is None or (plan is None and token is None) or call.protocol == "smithy-rpc-v2-cbor":
        return body
    size = plan.size if plan else 10**9
    start, end = (0, 0) if plan and plan.empty_first and not token else (offset, offset + size)
    following = f"{PREFIX}{end}-{request}"
    if call.protocol in ("json", "rest-json"):
        return _cut_json(paged, body, start, end, following)
    return _cut_xml(paged, call.operation, body, start, end, following)


@functools.cache
def how(service: str, operation: str) -> Paged | None:
    """How a call pages, or None."""
    found = operation_model(service, operation)
    if found is None or not found.output_shape or not found.input_shape:
        return None
    names = NESTED.get((service, operation)) or _paginator(service, operation) or _guess(found)
    if names is None:
        return None
    asked, token, lists, more = names
    protocol = found.service_model.metadata["protocol"]
    sent = found.input_shape.members[asked].serialization
    answer = found.output_shape.members
    if not all(key.split(".")[0] in answer for key in (token, *lists)):
        return None
    if protocol in ("query", "ec2"):
        where, wire = "form", asked
    elif sent.get("location") == "querystring":
        where, wire = "querystring", sent["name"]
    elif protocol == "rest-xml" and sent.get("location"):
        return None
    else:
        where, wire = "body", sent.get("name", asked)

    def answered(key):
        return key if "." in key else answer[key].serialization.get("name", key)

    return Paged(wire, where, answered(token), [answered(key) for key in lists], answered(more) if more else None)


def _paginator(service, operation):
    try:
        config = SESSION.get_paginator_model(service).get_paginator(operation)
    except Exception:  # botocore has an exception each for no paginators at all and none for this call
        return None
    lists = config["result_key"] if isinstance(config["result_key"], list) else [config["result_key"]]
    names = [config["input_token"], config["output_token"], *lists]
    if not all(isinstance(key, str) and key.isidentifier() for key in names):
        return None  # a path into the answer: DescribeStream and a few that nobody here calls
    return config["input_token"], config["output_token"], lists, config.get("more_results")


def _guess(found):
    """The one token that both sides have, the one list of the answer."""
    members = found.output_shape.members
    tokens = [key for key in members if key.lower() in ("nexttoken", "nextmarker", "marker")]
    lists = [key for key in members if members[key].type_name == "list"]
    asked = [key for key in found.input_shape.members if key.lower() in ("nexttoken", "marker")]
    if len(tokens) == len(lists) == len(asked) == 1:
        return asked[0], tokens[0], lists, None
    return None


def _cut_json(paged: Paged, body: bytes, start: int, end: int, following: str) -> bytes:
    answer = json.loads(body or b"{}")
    if answer.get(paged.token):
        return body  # moto pages this one itself and has not come to the end
    length = 0
    for key in paged.lists:  # several lists are walked one after the other, as IAM does
        holder = answer
        *above, key = key.split(".")
        for name in above:
            holder = holder.get(name) or {}
        items = holder.get(key) or []
        if key in holder:
            holder[key] = items[max(0, start - length):max(0, end - length)]
        length += len(items)
    if end < length:
        answer[paged.token] = following
    if paged.more:
        answer[paged.more] = end < length
    return json.dumps(answer).encode()


def _cut_xml(paged: Paged, operation: str, body: bytes, start: int, end: int, following: str) -> bytes:
    root = ET.fromstring(body)
    space = root.tag[:root.tag.index("}") + 1] if root.tag.startswith("{") else ""
    if space:
        ET.register_namespace("", space.strip("{}"))
    result = root.find(f"{space}{operation}Result")
    result = root if result is None else result
    token = result.find(space + paged.token)
    if token is not None and token.text:
        return body
    length = 0
    for key in paged.lists:
        holder = result.find(space + key)
        items = list(holder) if holder is not None else []
        for item in items[:max(0, start - length)] + items[max(0, end - length):]:
            holder.remove(item)
        length += len(items)
    if end < length:
        _put(result, space + paged.token, following)
    if paged.more:
        _put(result, space + paged.more, "true" if end < length else "false")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root)


def _put(parent, tag: str, text: str):
    found = parent.find(tag)
    if found is None:
        found = ET.SubElement(parent, tag)
    found.text = text
