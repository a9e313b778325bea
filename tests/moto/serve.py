#!/usr/bin/env python3
"""Start moto_server on a free loopback port and print its URL; it ends with this script (Ctrl-C or TERM).

From Python: `with serve.moto() as url: ...`, and `serve.client(url, account, service)` for a client in an account.
"""
from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import boto3
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

REGION = "us-east-1"
START_SECONDS = 60
# Neither AWS's 1300 images nor its 1500 managed policies: seconds to load, and not the demo's.
SETTINGS = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
# Nothing leaves this machine: no proxy, and no retry that would hide a server error for seconds.
CONFIG = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=60,
                s3={"addressing_style": "path"})
SESSION = boto3.Session()  # one: the models of the services load once


@contextlib.contextmanager
def moto():
    """A moto server of its own, empty; yields its URL and kills it at the end."""
    with tempfile.TemporaryFile("w+") as log:
        # Port 0: the kernel picks a free one, and the server says which.
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **SETTINGS})
        try:
            yield _wait(server, log)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server, log) -> str:
    """The URL, once the server listens on it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        log.seek(0)
        said = log.read()
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", said):
            return found.group(1)
        if server.poll() is not None:
            raise SystemExit(f"moto_server ended with {server.returncode} before it was ready:\n{said}")
        time.sleep(0.05)
    raise SystemExit(f"moto_server was not ready within {START_SECONDS} s:\n{said}")


def iam(endpoint: str, account: str):
    """An IAM client that acts in `account`."""
    return client(endpoint, account, "iam")


def client(endpoint: str, account: str, service: str, region: str = REGION):
    """A client that acts in `account`. moto takes the account from the credentials and checks nothing else."""
    return SESSION.client(service, endpoint_url=endpoint, region_name=region, config=CONFIG, **_keys(endpoint, account))


@functools.cache
def _keys(endpoint: str, account: str) -> dict[str, str]:
    sts = SESSION.client("sts", endpoint_url=endpoint, region_name=REGION, config=CONFIG,
                         aws_access_key_id="AKIABOOTSTRAP0000000", aws_secret_access_key="x")
    role = f"arn:aws:iam::{account}:role/e2e"
    try:
        keys = sts.assume_role(RoleArn=role, RoleSessionName="e2e")["Credentials"]
    except EndpointConnectionError as error:
        raise SystemExit(f"no moto server there: {error}") from None
    return {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"]}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), moto() as url:
        print(url, flush=True)
        signal.pause()
