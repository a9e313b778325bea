#!/usr/bin/env python3
"""A proxy between a collector and moto: AWS where moto is not, faults where AWS has them, a log of every call.

proxy.py --upstream http://127.0.0.1:5600 [--listen 5700] [--overlay FILE] [--external-id ROLE=VALUE]

It names each request (aws_api.py), answers what moto lacks (overlay; missing.py), sets right what moto answers wrongly
(missing.py), cuts pages (pages.py), injects faults (faults.py), and refuses AssumeRole without the external id. Answers
of reads are kept: moto manages 150 calls a second, and a second scan then sees exactly what the first one saw.

GET /-/log is the log as JSON, DELETE /-/log empties it; POST /-/faults takes a fault plan; DELETE /-/cache forgets.
"""
from __future__ import annotations

import argparse
import datetime
import hashlib
import http.client
import json
import os
import re
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

import aws_api
import aws_error
import faults
import missing
import pages

HOP = ("connection", "transfer-encoding", "content-length", "date", "server", "keep-alive")
READS = ("List", "Get", "Describe", "BatchGet", "Search", "Lookup", "Head", "Query")
UPSTREAM_SECONDS = 120


class Proxy:
    """`with Proxy(moto, …) as proxy:` — listens on a port of its own; `proxy.url`."""

    def __init__(self, upstream: str, overlay=(), facts: dict | None = None, external_ids: dict | None = None,
                 management: str = "111111111111", port: int = 0):
        self.upstream = urlsplit(upstream)
        self.external_ids = external_ids or {}
        self.management = management
        self.repairs = missing.Repairs(facts)
        self.set_overlay(overlay)
        self.plan = faults.Plan()
        self.log: list[dict] = []
        self.cache: dict[tuple, tuple[int, dict, bytes, str]] = {}
        self.expires: dict[str, float] = {}  # access key: when, if the plan says so
        self.lock = threading.Lock()
        handler = type("BoundHandler", (Handler,), {"proxy": self})
        self.server = Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def set_overlay(self, overlay):
        self.overlay: dict[tuple[str, str], list[dict]] = {}
        for entry in overlay:
            self.overlay.setdefault((entry["service"], entry["operation"]), []).append(entry)

    def set_facts(self, facts: dict):
        self.repairs = missing.Repairs(facts)
        self.cache.clear()

    def set_plan(self, plan: dict | None = None):
        self.plan = faults.Plan(plan)

    def take_log(self) -> list[dict]:
        """The log since the last time."""
        with self.lock:
            log, self.log = self.log, []
        return log

    # ---- an answer ------------------------------------------------------------------------------------------------

    def answer(self, call: aws_api.Call, method, target, headers, body) -> tuple[int, dict, bytes, str]:
        """Status, headers, body, and who answered."""
        if self._is_expired(call):
            return (*aws_error.standard(aws_error.EXPIRED, call), "session over")
        if call.service == "sts" and call.operation == "AssumeRole":
            return self._assume_role(call, method, target, headers, body)
        token, target, body = pages.ask(call, target, body)
        status, out, data, who = self._whole(call, method, target, headers, body)
        if status != 200:
            return status, out, data, who
        plan = self.plan.plan.get("pages")
        page = pages.cut(call, data, token, request_id(call, target, body), pages.Cut(**plan) if plan else None)
        if page is None:
            return (*aws_error.write(call, 400, "InvalidNextToken", "the token belongs to another request"), "proxy")
        if page is not data:  # DynamoDB sends a checksum of the body
            out = {name: value for name, value in out.items() if name.lower() != "x-amz-crc32"}
        return status, out, page, who

    def _whole(self, call, method, target, headers, body) -> tuple[int, dict, bytes, str]:
        """The answer before its pages are cut."""
        key = (call.account, call.region, call.service, method, target, headers.get("X-Amz-Target"), body)
        if key in self.cache:
            return (*self.cache[key][:3], "cache")
        for entry in self.overlay.get((call.service, call.operation), []):
            if stands_for(entry, call, body):
                answer = 200, {"Content-Type": entry["content_type"]}, entry["body"].encode(), "overlay"
                break
        else:
            answer = self._moto(call, method, target, headers, body)
        if call.operation.startswith(READS) and answer[0] < 500:
            self.cache[key] = answer
        return answer

    def _moto(self, call, method, target, headers, body) -> tuple[int, dict, bytes, str]:
        target, body = missing.asked(call, target, body)
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=UPSTREAM_SECONDS)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name.lower() not in (*HOP, "expect", "accept-encoding"):
                connection.putheader(name, value)
        connection.putheader("x-moto-account-id", call.account)  # a key that moto did not make is management's
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if missing.lacks(response.status, response.headers.get("Content-Type") or ""):
            return (*missing.empty(call), "nobody")
        kept = {name: value for name, value in response.headers.items() if name.lower() not in HOP}
        if response.status == 200:
            data = self.repairs.set_right(call, data)
        return response.status, kept, data, "moto"

    def _assume_role(self, call, method, target, headers, body) -> tuple[int, dict, bytes, str]:
        form = dict(call.form)
        role = form.get("RoleArn", "")
        wanted = self.external_ids.get(role.rsplit("/", 1)[-1])
        if wanted and form.get("ExternalId") != wanted:
            message = f"User is not authorized to perform: sts:AssumeRole on resource: {role}"
            return (*aws_error.write(call, 403, "AccessDenied", message), "proxy")
        status, out, data, who = self._moto(call, method, target, headers, body)
        seconds = self.plan.session_seconds
        if status == 200 and seconds:
            until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
            stamp = until.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
            data = re.sub(rb"<Expiration>[^<]*<", b"<Expiration>" + stamp + b"<", data)
            key = re.search(rb"<AccessKeyId>([^<]*)<", data)[1].decode()
            self.expires[key] = until.timestamp()
        return status, out, data, who

    def _is_expired(self, call) -> bool:
        return call.service != "sts" and time.time() > self.expires.get(call.key, float("inf"))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    disable_nagle_algorithm = True

    def handle_error(self, request, client_address):
        pass  # a client that went away, killed perhaps


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def log_message(self, *_):
        pass

    def handle_call(self):
        body = self._body()
        if self.path.startswith("/-/"):
            return self._control(body)
        start = time.monotonic()
        proxy = self.proxy
        call = aws_api.name(self.command, self.path, self.headers, body)
        call.account = call.account or proxy.management
        request = request_id(call, self.path, body)
        rule = proxy.plan.pick(call, request)
        kind = rule["kind"] if rule else None
        token, _, _ = pages.ask(call, self.path, body)
        entry = {"at": time.time(), "service": call.service, "operation": call.operation, "account": call.account,
                 "region": call.region, "status": 0, "fault": kind, "request": request, "page": token, "key": call.key,
                 "path": f"{self.command} {self.path}", "by": "proxy"}
        with proxy.lock:  # before the answer, so that nothing that was sent is missing
            proxy.log.append(entry)
        if kind == "slow":
            time.sleep(rule.get("seconds", 1))
        if kind == "reset":
            return self._reset(b"")
        if kind in ("throttle", "denied", "failure", "expired"):
            status, headers, data = failing(rule, call)
        else:
            status, headers, data, entry["by"] = proxy.answer(call, self.command, self.path, self.headers, body)
        entry["status"] = status
        entry["seconds"] = round(time.monotonic() - start, 4)
        length = len(data)
        if kind == "truncate":
            length, data = max(length, 1000), data[:length // 2]
        whole = self._head(status, headers, length) + (b"" if self.command == "HEAD" else data)
        if kind == "reset_mid":
            return self._reset(whole[:len(whole) - max(1, len(data) // 2)])
        self.wfile.write(whole)
        if kind == "truncate":
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_call

    def _body(self) -> bytes:
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _head(self, status: int, headers: dict, length: int) -> bytes:
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join([*lines, f"Content-Length: {length}", "", ""])).encode("latin-1", "replace")

    def _reset(self, sent: bytes):
        """RST instead of FIN, after what was sent."""
        if sent:
            self.wfile.write(sent)
            time.sleep(0.01)  # a reset that overtakes the data would be a reset before the answer
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _control(self, body: bytes):
        proxy, what, status = self.proxy, (self.command, self.path), 200
        answer: object = {}
        if what == ("GET", "/-/log"):
            answer = proxy.log
        elif what == ("DELETE", "/-/log"):
            proxy.take_log()
        elif what == ("POST", "/-/faults"):
            try:
                proxy.set_plan(json.loads(body or b"{}"))
            except ValueError as error:
                status, answer = 400, {"error": str(error)}
        elif what == ("GET", "/-/faults"):
            answer = proxy.plan.plan
        elif what == ("DELETE", "/-/cache"):
            proxy.cache.clear()
        else:
            status = 404
        data = json.dumps(answer).encode()
        self.wfile.write(self._head(status, {"Content-Type": "application/json"}, len(data)) + data)


def request_id(call: aws_api.Call, target: str, body: bytes) -> str:
    """The same for every attempt of one request, and for all pages of one list."""
    _, target, body = pages.ask(call, target, body)
    url = urlsplit(target)
    if body[:1] == b"{":
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    elif call.form:
        body = repr(sorted(parse_qsl(body.decode(), keep_blank_values=True))).encode()
    query = sorted(parse_qsl(url.query, keep_blank_values=True))
    text = f"{call.account} {call.region} {call.service} {call.operation} {call.method} {url.path} {query} "
    return hashlib.sha256(text.encode() + body).hexdigest()[:16]


def failing(rule: dict, call: aws_api.Call) -> tuple[int, dict, bytes]:
    kind = rule["kind"]
    if kind == "throttle":
        return aws_error.standard(aws_error.THROTTLED, call)
    if kind == "denied":
        return aws_error.denied(call)
    if kind == "expired":
        return aws_error.standard(aws_error.EXPIRED, call)
    status, headers, body = aws_error.standard(aws_error.FAILED, call)
    if not rule.get("body", True):
        headers, body = {}, b""
    return rule.get("status", status), headers, body


def stands_for(entry: dict, call: aws_api.Call, body: bytes) -> bool:
    """Is this overlay entry the answer? Every parameter it names must be in the request."""
    if entry.get("account", call.account) != call.account:
        return False
    if call.service != "iam" and entry.get("region", call.region) != call.region:
        return False
    if "path" in entry and call.protocol == "rest-json" and plain(entry["path"]) != plain(call.path):
        return False
    sent = {**dict(call.query), **dict(call.form), **{name: unquote(value) for name, value in call.label.items()}}
    if body[:1] == b"{":
        sent.update(json.loads(body))
    return all(has(sent.get(name), value) for name, value in entry["params"].items())


def has(sent, wanted) -> bool:
    """Of an object only what is wanted of it."""
    if isinstance(sent, dict) and isinstance(wanted, dict):
        return all(has(sent.get(name), value) for name, value in wanted.items())
    return sent == wanted


def plain(path: str) -> str:
    return unquote(urlsplit(path).path).rstrip("/")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="URL of the moto server")
    parser.add_argument("--listen", type=int, default=0, help="port; default: any")
    parser.add_argument("--overlay", help="JSON file: a list of answers")
    parser.add_argument("--external-id", action="append", default=[], metavar="ROLE=VALUE")
    args = parser.parse_args()
    entries = json.load(open(args.overlay, encoding="utf-8")) if args.overlay else []
    ids = dict(pair.split("=", 1) for pair in args.external_id)
    with Proxy(args.upstream, entries, external_ids=ids, port=args.listen) as running:
        print(running.url, flush=True)
        threading.Event().wait()
