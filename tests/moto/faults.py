"""The fault plan: which request is answered with what goes wrong on a network and in AWS.

A plan is JSON: {"faults": [RULE…], "pages": {"size": 2, "empty_first": true}, "session_seconds": 20}. A rule has a
`kind`; which calls it is for (`service`, `operation`, `account`, `region`, and for sts:AssumeRole `into`, the account of
the role: one or a list; absent: any); and how often: `share` of the requests (0.3; seeded by `seed`, so the same
requests in every run), `in_a_row` at most for one request (3), `times` in all. Kinds:

  throttle           each service's own throttling error
  denied             each service's own access-denied error
  failure            500 or 503 (`status`), with the service's own error body, or without any (`body`: false)
  reset, reset_mid   the connection is reset before the answer, in the middle of it
  truncate           half of the answer, then the connection ends as if that were all; Content-Length says otherwise
  slow               `seconds` before the answer
  expired            ExpiredToken: an access key (the first `keys` of each account) works for `after` calls, then fails
                     for `calls` calls, for ever if that is absent; STS itself is spared
"""
from __future__ import annotations

import hashlib
import threading
from collections import Counter

from aws_api import Call

KINDS = ("throttle", "denied", "failure", "reset", "reset_mid", "truncate", "slow", "expired")
FIELDS = ("service", "operation", "account", "region")


class Plan:
    def __init__(self, plan: dict | None = None):
        self.plan = plan or {}
        self.rules = self.plan.get("faults", [])
        for rule in self.rules:
            if rule.get("kind") not in KINDS:
                raise ValueError(f"{rule}: kind is one of {', '.join(KINDS)}")
        self.session_seconds = self.plan.get("session_seconds")
        self._lock = threading.Lock()
        self._seen: Counter = Counter()  # attempts of one request under one rule, faults in a row, faults in all
        self._keys: dict[str, list[str]] = {}  # account: its access keys in the order of their first call
        self._calls: Counter = Counter()  # calls by access key

    def pick(self, call: Call, request: str) -> dict | None:
        """The rule that strikes this request, or None. `request` is the same for every attempt of one request."""
        with self._lock:
            self._count(call)
            for number, rule in enumerate(self.rules):
                if matches(rule, call) and self._strikes(number, rule, call, request):
                    return rule
        return None

    def _strikes(self, number, rule, call, request) -> bool:
        if rule["kind"] == "expired":
            return self._expired(rule, call)
        attempt, row, total = (number, request), (number, request, "row"), (number, "total")
        self._seen[attempt] += 1
        lot = hashlib.sha256(f'{rule.get("seed", 1)}/{request}/{self._seen[attempt]}'.encode()).digest()
        strikes = int.from_bytes(lot[:4], "big") < rule.get("share", 1.0) * 2**32
        # What is denied stays denied; the rest passes after a while, or no retry would ever be enough.
        lasting = rule["kind"] == "denied" or rule.get("share", 1.0) >= 1.0
        if strikes and not lasting and self._seen[row] >= rule.get("in_a_row", 3):
            strikes = False
        if strikes and self._seen[total] >= rule.get("times", 10**9):
            strikes = False
        self._seen[row] = self._seen[row] + 1 if strikes else 0
        self._seen[total] += strikes
        return strikes

    def _count(self, call):
        keys = self._keys.setdefault(call.account, [])
        if call.key not in keys:
            keys.append(call.key)
        if call.service != "sts":
            self._calls[call.key] += 1

    def _expired(self, rule, call) -> bool:
        if call.service == "sts" or self._keys[call.account].index(call.key) >= rule.get("keys", 1):
            return False
        over = self._calls[call.key] - rule.get("after", 0)
        return 0 < over <= rule.get("calls", 10**9)


def matches(rule: dict, call: Call) -> bool:
    has = {key: getattr(call, key) for key in FIELDS}
    has["into"] = dict(call.form).get("RoleArn", "::::").split(":")[4]
    for key, value in has.items():
        wanted = rule.get(key)
        if wanted is not None and value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True
