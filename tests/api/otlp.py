"""What a collector of OpenTelemetry gets: a span for each request, the log, nothing secret; and that nothing waits for one that
is not there.

Usage: otlp.py --sv0 PATH
"""

import argparse
import gzip
import http.server
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(http.server.BaseHTTPRequestHandler):
    traces: list = []
    logs: list = []
    resources: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/v1/traces":
            sent = ExportTraceServiceRequest.FromString(body)
            for one in sent.resource_spans:
                Collector.resources.append(plain(one.resource.attributes))
                Collector.traces += [span for scope in one.scope_spans for span in scope.spans]
        elif self.path == "/v1/logs":
            sent = ExportLogsServiceRequest.FromString(body)
            for one in sent.resource_logs:
                Collector.logs += [record for scope in one.scope_logs for record in scope.log_records]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def plain(attributes) -> dict:
    def value(one):
        kind = one.WhichOneof("value")
        return getattr(one, kind) if kind else None

    return {one.key: value(one.value) for one in attributes}


def ask(url: str, token: str) -> int:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def served(sv0: str, folder: str, endpoint: str, ask_for) -> tuple[int, float, str]:
    """Runs a server with this collector, asks it things, and ends it as a cluster does: its code, how long that took, its log."""
    tokens = f"{folder}/tokens-{time.monotonic_ns()}.toml"
    made = subprocess.run(
        [sv0, "token", "--tokens", tokens, "--name", "reader", "--role", "viewer"], check=True, capture_output=True, text=True
    )
    server = subprocess.Popen(
        [sv0, "serve", "--demo", "--tokens", tokens],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    url = server.stdout.readline().strip()
    assert url, server.stderr.read()
    ask_for(url, made.stdout.strip())
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    _, log = server.communicate(timeout=60)
    return server.returncode, time.monotonic() - began, log


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--sv0", required=True)
    sv0 = args.parse_args().sv0
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    given = []

    def questions(url, token):
        given.append(token)
        assert ask(f"{url}/api/v1/meta", token) == 200
        assert ask(f"{url}/api/v1/search?q=Customer", token) == 200
        assert ask(f"{url}/api/v1/search?q=Customer", token) == 200
        assert ask(f"{url}/api/v1/findings/none", token) == 404
        assert ask(f"{url}/api/v1/meta", "sv0_wrong") == 401

    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        code, took, log = served(sv0, folder, endpoint, questions)
        assert code == 0, log
        spans = [(span.name, plain(span.attributes), span) for span in Collector.traces]
        found = [(name, said["http.response.status_code"], said.get("enduser.id")) for name, said, _ in spans]
        assert sorted(found, key=str) == sorted(
            [
                ("GET /api/v1/meta", 200, "token:reader"),
                ("GET /api/v1/search", 200, "token:reader"),
                ("GET /api/v1/search", 200, "token:reader"),
                ("GET /api/v1/findings/{id}", 404, "token:reader"),
                ("GET /api/v1/meta", 401, None),
            ],
            key=str,
        ), found
        assert all(span.kind == 2 and span.end_time_unix_nano > span.start_time_unix_nano for _, _, span in spans)
        assert sum(said.get("sv0.kept", False) for name, said, _ in spans if "search" in name) == 1, "the second was kept"
        resource = Collector.resources[0]
        assert resource["service.name"] == "sv0" and resource["deployment.environment"] == "test", resource
        audit = [plain(record.attributes) for record in Collector.logs]
        assert {one.get("user") for one in audit if "user" in one} == {"token:reader"}, audit
        everything = str(Collector.traces) + str(Collector.logs)
        assert given[0] not in everything, "the token was sent"
        print(f"{len(spans)} spans and {len(audit)} records of the log reached the collector, {took:.1f} s after the end was asked for")

        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            code, took, log = served(sv0, folder, endpoint, questions)
        assert code == 0 and took < 25, (code, took, log)
        assert "panicked" not in log, log
        print(f"without a collector it ended after {took:.1f} s")


if __name__ == "__main__":
    main()
