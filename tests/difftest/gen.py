#!/usr/bin/env python3
"""Writes N requests of `sv0 simulate` (docs/simulate.md), a JSON document a line; the same seed gives the same requests.

Whole requests, weighted to the traps of AWS's evaluation: most elements are derived from the request and then bent a
little, so that about half of them match. Only what the other evaluator accepts is made: its actions, its context keys
with their types, policies that pass its validation.
"""

import argparse
import json
import random
import sys

A, B, C = "111111111111", "222222222222", "333333333333"
REGION = "eu-west-1"

# action, resource template, whose policies it may have: none, "policy" or "required" (key or trust policy)
ACTIONS = [
    ("s3:GetObject", "arn:aws:s3:::data/home/{user}/report.csv", "policy"),
    ("s3:GetObject", "arn:aws:s3:::data/a*b", "policy"),
    ("s3:PutObject", "arn:aws:s3:::data/Team/x:y/z", "policy"),
    ("s3:ListBucket", "arn:aws:s3:::data", "policy"),
    ("s3:DeleteBucketPolicy", "arn:aws:s3:::data", "policy"),
    ("s3:ListAllMyBuckets", "*", None),
    ("kms:Decrypt", "arn:aws:kms:{region}:{owner}:key/1234abcd-12ab-34cd-56ef-1234567890ab", "required"),
    ("kms:Decrypt", "arn:aws:kms:{region}:{owner}:key/1234abcd-12ab-34cd-56ef-1234567890ab", "required"),
    ("kms:CreateGrant", "arn:aws:kms:{region}:{owner}:key/mrk-1234abcd12ab34cd56ef1234567890ab", "required"),
    ("kms:DeleteAlias", "arn:aws:kms:{region}:{owner}:alias/app", None),
    ("kms:DeleteAlias", "arn:aws:kms:{region}:{owner}:alias/aws/s3", None),
    ("kms:ListAliases", "*", None),
    ("sts:AssumeRole", "arn:aws:iam::{owner}:role/team/Target", "required"),
    ("sts:AssumeRole", "arn:aws:iam::{owner}:role/Target", "required"),
    ("sts:TagSession", "arn:aws:iam::{owner}:role/team/Target", "required"),
    ("sts:GetCallerIdentity", "*", None),
    ("iam:PassRole", "arn:aws:iam::{owner}:role/team/Target", None),
    ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::{owner}:role/Target", None),
    ("iam:PassRole", "arn:aws:iam::{owner}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef", None),
    ("iam:DeletePolicyVersion", "arn:aws:iam::aws:policy/ReadOnlyAccess", None),
    ("iam:DeletePolicyVersion", "arn:aws:iam::{owner}:policy/ReadOnlyAccess", None),
    ("iam:GetUser", "arn:aws:iam::{owner}:user/div/{user}", None),
    ("iam:ListUsers", "*", None),
    ("dynamodb:GetItem", "arn:aws:dynamodb:{region}:{owner}:table/Orders", "policy"),
    ("dynamodb:Query", "arn:aws:dynamodb:{region}:{owner}:table/Orders/index/by-day", "policy"),
    ("sqs:SendMessage", "arn:aws:sqs:{region}:{owner}:jobs", "policy"),
    ("sns:Publish", "arn:aws:sns:{region}:{owner}:news", "policy"),
    ("lambda:InvokeFunction", "arn:aws:lambda:{region}:{owner}:function:resize", "policy"),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:{region}:{owner}:secret:db/{user}-AbCdEf", "policy"),
    ("ssm:GetParameter", "arn:aws:ssm:{region}:{owner}:parameter/app/{user}", None),
    ("ec2:TerminateInstances", "arn:aws:ec2:{region}:{owner}:instance/i-0123456789abcdef0", None),
    ("ec2:DescribeInstances", "*", None),
    ("logs:DescribeLogGroups", "arn:aws:logs:{region}:{owner}:log-group:app:*", None),
    ("execute-api:Invoke", "arn:aws:execute-api:{region}:{owner}:a1b2c3/prod/GET/pets", "policy"),
    ("ecr:BatchGetImage", "arn:aws:ecr:{region}:{owner}:repository/app/web", "policy"),
]
# What the other evaluator cannot be asked is left out of the table above: a resource with a wildcard is a question
# about many resources there.
ACTIONS = [a for a in ACTIONS if a[1] == "*" or "*" not in a[1]]

OTHER_ACTIONS = ["s3:GetObjectTagging", "ec2:RunInstances", "sts:AssumeRoleWithSAML", "kms:Encrypt", "iam:ListRoles", "sqs:ReceiveMessage"]

# key: (type, values that it has)
KEYS = {
    "aws:SourceIp": ("ip", ["203.0.113.7", "10.1.2.3", "2001:db8::7", "203.0.113.0"]),
    "aws:VpcSourceIp": ("ip", ["10.1.2.3", "10.255.0.1"]),
    "aws:username": ("string", ["alice", "bob"]),
    "aws:userid": ("string", ["AIDACKCEVSQ6C2EXAMPLE", "AROACKCEVSQ6C2EXAMPLE:s1"]),
    "aws:PrincipalArn": ("arn", []),
    "aws:PrincipalAccount": ("string", [A, B]),
    "aws:PrincipalType": ("string", ["User", "AssumedRole"]),
    "aws:PrincipalOrgID": ("string", ["o-aaaaaaaaaa", "o-bbbbbbbbbb"]),
    "aws:PrincipalOrgPaths": ("strings", ["o-aaaaaaaaaa/r-ab12/ou-ab12-11111111/", "o-aaaaaaaaaa/r-ab12/ou-ab12-22222222/"]),
    "aws:ResourceAccount": ("string", [A, B]),
    "aws:ResourceOrgID": ("string", ["o-aaaaaaaaaa", "o-bbbbbbbbbb"]),
    "aws:PrincipalTag/team": ("string", ["blue", "Blue", "a*b", "red?"]),
    "aws:PrincipalTag/project": ("string", ["home", "data", "blue"]),
    "aws:RequestTag/team": ("string", ["blue", "red"]),
    "aws:TagKeys": ("strings", ["team", "cost-center", "Owner"]),
    "aws:CalledVia": ("strings", ["athena.amazonaws.com", "cloudformation.amazonaws.com"]),
    "aws:CalledViaFirst": ("string", ["athena.amazonaws.com", "cloudformation.amazonaws.com"]),
    "aws:RequestedRegion": ("string", ["eu-west-1", "us-east-1"]),
    "aws:SourceVpc": ("string", ["vpc-11111111", "vpc-22222222"]),
    "aws:SourceVpce": ("string", ["vpce-11111111", "vpce-22222222"]),
    "aws:SecureTransport": ("bool", ["true", "false"]),
    "aws:MultiFactorAuthPresent": ("bool", ["true", "false"]),
    "aws:ViaAWSService": ("bool", ["true", "false"]),
    "aws:PrincipalIsAWSService": ("bool", ["true", "false"]),
    "aws:MultiFactorAuthAge": ("number", ["300", "3600", "86400"]),
    "aws:CurrentTime": ("date", ["2026-06-01T12:00:00Z", "2026-01-01T00:00:00Z"]),
    "aws:EpochTime": ("date", ["1780315200", "1767225600"]),
    "aws:TokenIssueTime": ("date", ["2026-06-01T11:00:00Z"]),
    "aws:SourceArn": ("arn", ["arn:aws:s3:::data", f"arn:aws:lambda:{REGION}:{A}:function:resize", f"arn:aws:sns:{REGION}:{B}:news"]),
    "aws:SourceAccount": ("string", [A, B]),
    "aws:SourceIdentity": ("string", ["alice", "admin"]),
    "aws:UserAgent": ("string", ["aws-cli/2.15 Python/3.11", "console"]),
    "aws:Referer": ("string", ["https://example.com/", "https://example.com/a b"]),
}

OPERATORS = {
    "string": ["StringEquals", "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
               "StringLike", "StringLike", "StringNotLike"],
    "strings": ["StringEquals", "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"],
    "arn": ["ArnEquals", "ArnLike", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringEquals", "StringLike", "StringNotLike"],
    "ip": ["IpAddress", "IpAddress", "NotIpAddress"],
    "bool": ["Bool", "Bool", "StringEquals"],
    "number": ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
               "NumericGreaterThanEquals"],
    "date": ["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"],
}

FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Case:
    def __init__(self, seed, number):
        self.r = random.Random(f"{seed}/{number}")
        self.number = number

    def maybe(self, chance):
        return self.r.random() < chance

    def swap_case(self, text):
        return "".join(c.upper() if self.maybe(0.5) else c.lower() for c in text)

    def make(self):
        r = self.r
        self.user = r.choice(["alice", "bob"])
        self.same = self.maybe(0.65)
        self.account = A
        self.owner = A if self.same else r.choice([B, B, C])
        action, resource, policy = r.choice(ACTIONS)
        if resource == "*":
            self.owner = A
        self.kind = r.choices(
            ["user", "role", "session", "federated", "root", "service", "anonymous", "linked"],
            [30, 20, 28, 6, 2, 8, 4, 2],
        )[0]
        if self.kind in ("service", "anonymous") and policy is None:
            self.kind = "user"
        if self.kind == "anonymous" and action.startswith(("sts:", "kms:")):
            self.kind = "session"
        if action.startswith("sts:") and self.kind == "federated":
            self.kind = "session"
        self.action = action
        self.policy_kind = policy
        self.resource = resource.format(region=REGION, owner=self.owner, user=self.user)
        self.principal = self.make_principal()
        self.context = self.make_context()
        q = {
            "id": f"{self.number}",
            "principal": self.principal,
            "action": self.swap_case(action) if self.maybe(0.02) else action,
            "resource": self.resource,
            "resource_account": self.owner,
            "context": self.context,
        }
        if self.kind == "federated":
            q["federated_by"] = f"arn:aws:iam::{A}:user/{self.user}"
        if self.kind == "session" and self.maybe(0.3):
            q["principal_role"] = self.role
        iam = self.kind not in ("service", "anonymous")
        if iam:
            q["identity_policies"] = [self.policy("identity") for _ in range(r.choices([0, 1, 2, 3], [12, 60, 20, 8])[0])]
            if self.maybe(0.22) and self.kind != "root":
                q["permission_boundaries"] = [self.policy("boundary")]
            if self.kind in ("role", "session", "federated") and self.maybe(0.2):
                q["session_policy"] = self.policy("session")
            if self.maybe(0.28):
                q["service_control_policies"] = [self.level("scp") for _ in range(r.choice([1, 2, 3]))]
        # The other evaluator does not know which services RCPs support.
        supported = action.split(":")[0] in ("s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb", "ecr", "logs")
        if self.maybe(0.25 if supported else 0.01):
            q["resource_control_policies"] = [self.level("rcp") for _ in range(r.choice([1, 1, 2]))]
        has_policy = {"policy": 0.55, "required": 1.0}.get(policy, 0.0)
        if not self.same and policy:
            has_policy = 0.93
        if not iam and policy:
            has_policy = 0.97
        # The other evaluator takes it that a role without trust policy trusts everybody of its account.
        if self.maybe(has_policy) or (policy is None and action.startswith("iam:") and "role/" in resource and self.maybe(0.2)):
            q["resource_policy"] = self.policy("trust" if action.startswith(("sts:", "iam:")) else "resource")
        if self.maybe(0.05):
            q["endpoint_policies"] = [self.policy("endpoint")]
        if action.startswith("s3:") and self.maybe(0.5):
            q["block_public_access"] = True
        return q

    def make_principal(self):
        r, user = self.r, self.user
        self.role = r.choice([f"arn:aws:iam::{A}:role/App", f"arn:aws:iam::{A}:role/team/App", f"arn:aws:iam::{A}:role/App"])
        if self.kind == "user":
            return r.choice([f"arn:aws:iam::{A}:user/{user}", f"arn:aws:iam::{A}:user/div/{user}"])
        if self.kind == "role":
            return self.role
        if self.kind == "session":
            return f"arn:aws:sts::{A}:assumed-role/App/s1"
        if self.kind == "federated":
            return f"arn:aws:sts::{A}:federated-user/{user}"
        if self.kind == "root":
            return f"arn:aws:iam::{A}:root"
        if self.kind == "linked":
            self.role = f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
            return self.role
        if self.kind == "service":
            return r.choice(["lambda.amazonaws.com", "cloudtrail.amazonaws.com", "s3.amazonaws.com"])
        return "anonymous"

    def make_context(self):
        r = self.r
        out = {}
        for key in r.sample(sorted(KEYS), r.choice([0, 2, 4, 6, 8])):
            out[key] = self.value_of(key)
        if self.kind not in ("service", "anonymous"):
            if self.maybe(0.7):
                out["aws:PrincipalArn"] = self.principal_arn()
            if self.kind == "user" and self.maybe(0.6):
                out["aws:username"] = self.user
        if self.maybe(0.05) and out:
            key = r.choice(sorted(out))
            out[self.swap_case(key) if "/" not in key else key] = out.pop(key)
        return out

    def principal_arn(self):
        if self.kind == "session":
            return self.role
        return self.principal if self.principal.startswith("arn:") else f"arn:aws:iam::{B}:role/Other"

    def value_of(self, key):
        kind, values = KEYS[key]
        if key == "aws:PrincipalArn":
            return self.principal_arn()
        if kind == "strings":
            return self.r.sample(values, self.r.choice([1, 2]))
        return self.r.choice(values)

    # ---- policies ----

    def level(self, flavor):
        r = self.r
        out = []
        if flavor == "scp":
            full = self.maybe(0.8)
            if full:
                out.append(FULL)
            if not full or self.maybe(0.4):
                if full or self.maybe(0.9):
                    out.append(self.policy("scp"))
        else:
            out = [self.policy("rcp") for _ in range(r.choice([0, 1, 1, 2]))]
        return out

    def policy(self, flavor):
        r = self.r
        count = r.choices([1, 2, 3], [65, 25, 10])[0]
        out = {"Version": "2012-10-17"}
        # Trust and resource policies of old.
        chance = 0.0 if flavor in ("scp", "rcp") else 0.06
        if self.maybe(chance):
            out["Version"] = "2008-10-17"
            if self.maybe(0.5):
                del out["Version"]
        deny_chance = {"identity": 0.12, "scp": 0.45, "rcp": 1.0, "boundary": 0.1}.get(flavor, 0.14)
        statements = []
        for index in range(count):
            effect = "Deny" if self.maybe(deny_chance) else "Allow"
            statements.append(self.statement(flavor, effect, index))
        # Once for real, so that denials are near misses and not all there is.
        if flavor != "rcp" and all(s["Effect"] == "Deny" for s in statements) and self.maybe(0.7):
            statements.append(self.statement(flavor, "Allow", count))
        out["Statement"] = statements[0] if len(statements) == 1 and self.maybe(0.3) else statements
        return out

    def statement(self, flavor, effect, index):
        out = {}
        if self.maybe(0.3):
            out["Sid"] = f"S{index}"
        out["Effect"] = effect
        if flavor in ("resource", "trust", "rcp", "endpoint"):
            out.update(self.principals(flavor, effect))
        out.update(self.actions(flavor, effect))
        if flavor != "trust":
            out.update(self.resources(flavor, effect))
        chance = {"Allow": 0.33, "Deny": 0.75}[effect]
        if self.maybe(chance):
            out["Condition"] = self.conditions()
        return out

    def actions(self, flavor, effect):
        r = self.r
        service, name = self.action.split(":")
        hit = [self.action, self.action, f"{service}:*", f"{service}:{name[:3]}*", f"{service}:*{name[3:]}",
               f"{service}:{name[:2]}?{name[3:]}", self.swap_case(self.action)]
        if flavor not in ("resource", "trust", "rcp"):
            hit.append("*")
        # AWS wants a resource policy to name its own service.
        other = [o for o in OTHER_ACTIONS if flavor not in ("resource", "trust") or o.startswith(service + ":")]
        miss = [f"{service}:{name}x", f"{service}:{name[:-1]}?x", f"{service}:{name[1:]}"] + other
        def one():
            return r.choice(hit) if self.maybe(0.85) else r.choice(miss)
        some = [one() for _ in range(r.choices([1, 2, 3], [70, 20, 10])[0])]
        value = some[0] if len(some) == 1 and self.maybe(0.7) else some
        if self.maybe(0.07) and flavor not in ("rcp",) and not (flavor == "scp" and effect == "Allow" and self.maybe(0.5)):
            return {"NotAction": r.choice(miss) if self.maybe(0.7) else value}
        return {"Action": value}

    def resources(self, flavor, effect):
        r = self.r
        some = [self.pattern(flavor) for _ in range(r.choices([1, 2, 3], [75, 18, 7])[0])]
        if flavor in ("identity", "boundary", "session", "scp") and self.maybe(0.25):
            some = ["*"]
        value = some[0] if len(some) == 1 and self.maybe(0.7) else some
        if self.maybe(0.09):
            return {"NotResource": value}
        return {"Resource": value}

    def pattern(self, flavor):
        r, arn = self.r, self.resource
        if arn == "*":
            return r.choice(["*", "*", "*", "arn:aws:*:*:*:*", "arn:aws:s3:::*", "arn:aws:iam::*:*"])
        if self.maybe(0.2):
            return "*"
        # AWS does not accept an RCP with a short ARN, nor an SCP with one that does not end in a star; the other
        # evaluator takes neither.
        shorts = {"rcp": 0, "scp": 1}.get(flavor, 2)
        fields = arn.split(":", 5)
        rest = fields[5]
        way = r.choices(
            ["exact", "star_end", "star_in", "question", "head_star", "account", "region", "short", "variable", "case_rest",
             "case_head", "type_star", "longer", "other", "escape", "cross", "middle_star"],
            [22, 16, 6, 5, 5, 3, 3, 4, 12, 3, 2, 3, 3, 4, 1, 3, 2],
        )[0]
        def build(rest=rest, **heads):
            names = ["arn", "partition", "service", "region", "account"]
            return ":".join([heads.get(n, f) for n, f in zip(names, fields[:5])] + [rest])
        if way == "exact":
            return arn
        if way == "star_end":
            cut = r.randrange(len(rest) // 2, len(rest) + 1)
            return build(rest[:cut] + "*")
        if way == "star_in":
            a = r.randrange(1, len(rest))
            b = r.randrange(a, len(rest))
            # The type word must stand.
            first = min([rest.find(c) for c in "/:" if c in rest] or [0]) + 1
            a, b = max(a, first), max(b, first)
            return build(rest[:a] + "*" + rest[b:])
        if way == "question":
            first = min([rest.find(c) for c in "/:" if c in rest] or [0]) + 1
            if first >= len(rest):
                return arn
            a = r.randrange(first, len(rest))
            return build(rest[:a] + "?" + (rest[a + 1:] if self.maybe(0.8) else rest[a:]))
        if way == "head_star":
            return build(partition="*", region=r.choice(["*", fields[3]]), account=r.choice(["*", fields[4]]))
        if way == "account":
            return build(account=r.choice([C, "1*", "*" + fields[4][1:], "?" * len(fields[4])]))
        if way == "region":
            return build(region=r.choice(["*", "eu-*", "us-east-1", "??-west-1"])) if fields[3] else arn
        if way == "short" and shorts:
            ends = ("", ":*", "*") if shorts == 2 else (":*", "*")
            return r.choice([":".join(fields[:n]) + end for n in (3, 4, 5) for end in ends])
        if way == "variable":
            key = r.choice(["aws:username", "aws:PrincipalTag/team", "aws:PrincipalTag/project", "aws:PrincipalAccount", "aws:TagKeys"])
            default = r.choice(["", "", "", ", 'alice'", ", 'home'", ", ''"])
            variable = "${" + (self.swap_case(key) if self.maybe(0.1) and "/" not in key else key) + default + "}"
            for word in (self.user, "home", "data"):
                if word in rest and self.maybe(0.8):
                    return build(rest.replace(word, variable))
            if fields[4] and self.maybe(0.3):
                return build(account="${aws:PrincipalAccount}")
            slash = rest.rfind("/")
            return build(rest[:slash + 1] + variable) if slash > 0 else build(rest + variable)
        if way == "case_rest":
            return build(self.swap_case(rest))
        if way == "case_head":
            return build(partition=self.swap_case(fields[1]), service=self.swap_case(fields[2]), region=self.swap_case(fields[3]))
        if way == "type_star":
            return build(r.choice([rest[0] + "*", "*" + rest[-4:], rest[:3] + "?" + rest[4:], "*/*", "*"]))
        if way == "longer":
            return build(rest + r.choice(["/*", "x", ":*", "/"]))
        if way == "escape":
            return build(rest.replace("a", "${*}", 1) if self.maybe(0.3) else rest[:-1] + "${?}")
        if way == "cross" and shorts:
            return r.choice(["arn:*", "arn:aws:*", f"arn:aws:{fields[2]}:*"] + (["arn:aws:*:" + rest] if shorts == 2 else []))
        if way == "middle_star":
            return build(service=r.choice(["*", fields[2][0] + "*"]))
        return r.choice(["arn:aws:s3:::other/*", f"arn:aws:sqs:{REGION}:{A}:other"])

    def principals(self, flavor, effect):
        r = self.r
        if flavor == "rcp":
            return {"Principal": "*"}
        if flavor == "endpoint":
            # The other evaluator takes nothing else, and reads no principals here.
            return {"Principal": "*"}
        if self.maybe(0.03 if effect == "Allow" else 0.12) and effect == "Deny":
            return {"NotPrincipal": self.principal_element(not_principal=True)}
        return {"Principal": self.principal_element()}

    def named(self):
        """A way to name the caller."""
        r, user = self.r, self.user
        ways = [self.principal]
        if self.kind in ("user", "federated"):
            ways = [self.principal, self.principal, A, f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:user/{user}"]
        elif self.kind in ("role", "linked"):
            ways = [self.role, self.role, self.role, A, f"arn:aws:iam::{A}:root"]
            if self.maybe(0.1):
                ways.append(f"arn:aws:sts::{A}:assumed-role/App/s1")
        elif self.kind == "session":
            ways = [self.role, self.role, self.principal, self.principal, A, f"arn:aws:iam::{A}:root",
                    f"arn:aws:sts::{A}:assumed-role/App/s2", f"arn:aws:iam::{A}:role/App"]
        elif self.kind == "root":
            ways = [self.principal, A]
        return r.choice(ways)

    def principal_element(self, not_principal=False):
        r = self.r
        if not not_principal and self.maybe(0.2):
            return r.choice(["*", {"AWS": "*"}])
        if self.kind == "service":
            if self.maybe(0.8):
                return {"Service": self.principal if self.maybe(0.8) else [self.principal, "ec2.amazonaws.com"]}
            return r.choice([{"Service": "ec2.amazonaws.com"}, {"AWS": A}])
        if self.kind == "anonymous":
            return r.choice(["*", {"AWS": "*"}, {"AWS": A}, {"Service": "ec2.amazonaws.com"}])
        other = [B, f"arn:aws:iam::{B}:root", f"arn:aws:iam::{A}:user/carol", f"arn:aws:iam::{A}:role/Other"]
        some = [self.named() if self.maybe(0.82) else r.choice(other) for _ in range(r.choices([1, 2, 3], [65, 25, 10])[0])]
        out = {"AWS": some[0] if len(some) == 1 and self.maybe(0.7) else some}
        if self.maybe(0.05):
            out["Service"] = "ec2.amazonaws.com"
        return out

    # ---- conditions ----

    def conditions(self):
        out = {}
        for _ in range(self.r.choices([1, 2, 3], [70, 22, 8])[0]):
            operator, key, values = self.condition()
            out.setdefault(operator, {})[key] = values
        return out

    def condition(self):
        r = self.r
        present = {k.lower(): v for k, v in self.context.items()}
        known = [k for k in sorted(KEYS) if k.lower() in present]
        key = r.choice(known) if known and self.maybe(0.72) else r.choice(sorted(KEYS))
        kind, values = KEYS[key]
        written = self.swap_case(key) if self.maybe(0.08) and "/" not in key else key
        if self.maybe(0.08):
            return "Null", written, r.choice(["true", "false", ["true", "false"], "TRUE"])
        operator = r.choice(OPERATORS[kind])
        have = present.get(key.lower())
        if isinstance(have, list):
            have = r.choice(have) if have else None
        if not values:
            values = [f"arn:aws:iam::{A}:role/Other", self.principal_arn()]
        def one():
            base = have if have is not None and self.maybe(0.65) else r.choice(values)
            return self.bend(base, kind, operator)
        some = [one() for _ in range(r.choices([1, 2, 3], [65, 25, 10])[0])]
        quantifier = ""
        if kind == "strings" and self.maybe(0.85) or kind != "strings" and self.maybe(0.04):
            quantifier = r.choice(["ForAllValues:", "ForAnyValue:"])
        if self.maybe(0.2):
            operator += "IfExists"
        operator = quantifier + operator
        if self.maybe(0.04):
            head, _, tail = operator.rpartition(":")
            operator = f"{head}:{self.swap_case(tail)}" if head else self.swap_case(tail)
        return operator, written, some[0] if len(some) == 1 and self.maybe(0.75) else some

    def bend(self, value, kind, operator):
        """A value of a condition, made from one that the key may have."""
        r = self.r
        like = "Like" in operator or operator.startswith("Arn")
        if kind == "ip":
            if ":" in value:
                return r.choice([value, "2001:db8::/32", "2001:0db8:0000::7", "::/0", "2001:db9::/32", "0.0.0.0/0", "2001:DB8::7/128"])
            octets = value.split(".")
            return r.choice([value, value + "/32", ".".join(octets[:3]) + ".0/24", "10.0.0.0/8", "0.0.0.0/0", "203.0.113.0/29",
                             "::/0", "203.0.113.128/25", ".".join(octets[:2]) + ".0.0/16"])
        if kind == "bool":
            return r.choice([value, "true", "false", value.upper(), value.capitalize()])
        if kind == "number":
            return r.choice([value, value, "300", "3600", str(int(value) + 1), value + ".0", value + ".5", "0"])
        if kind == "date":
            return r.choice([value, "2026-06-01T12:00:00Z", "2026-01-01T00:00:00Z", "1780315200", "2026-06-01T14:00:00+02:00",
                             "2026-06-01", "2027-01-01T00:00:00Z", "1999-12-31T23:59:59Z"])
        if self.maybe(0.1):
            variable = r.choice(["${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalAccount}", "${aws:PrincipalTag/none, 'blue'}",
                                 "${aws:SourceAccount}", "${aws:TagKeys}"])
            if kind == "arn":
                fields = value.split(":", 5)
                if len(fields) == 6:
                    return ":".join(fields[:4] + [r.choice(["${aws:PrincipalAccount}", fields[4]]), fields[5]])
            return variable
        if like and self.maybe(0.6):
            if kind == "arn":
                fields = value.split(":", 5)
                if len(fields) == 6:
                    # Not with fewer than six fields: what an ARN operator makes of those is not documented.
                    if not operator.startswith("Arn") and self.maybe(0.3):
                        return r.choice([":".join(fields[:2] + ["*"]), "*"])
                    return r.choice([
                        ":".join(fields[:5] + ["*"]),
                        ":".join(fields[:4] + ["*", fields[5]]),
                        ":".join(fields[:5] + [fields[5][:4] + "*"]),
                        ":".join(fields[:5] + [fields[5][:-1] + "?"]),
                        "arn:aws:iam::*:*",
                    ])
            cut = r.randrange(0, len(value) + 1)
            return r.choice([value[:cut] + "*", "*" + value[cut:], "*", value[:-1] + "?", "?" + value])
        if self.maybe(0.12):
            return r.choice([value.upper(), value.capitalize(), value + " ", value[:-1], value + "*"])
        return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    args = parser.parse_args()
    for number in range(args.first, args.first + args.n):
        json.dump(Case(args.seed, number).make(), sys.stdout, separators=(",", ":"))
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
