//! Random requests of a wider and odder vocabulary than `worlds`: every operator on every key, ARNs that are no ARNs,
//! callers of all kinds, actions that nobody has, both versions of the language.

#![allow(
    dead_code,
    reason = "each test that includes this file uses its own part of it"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, parse};

const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::111111111111:user/team/alice",
    "arn:aws:iam::111111111111:role/App",
    "arn:aws:iam::111111111111:role/team/App",
    "arn:aws-cn:iam::111111111111:role/team/App",
    "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    "arn:aws:sts::111111111111:assumed-role/App/s1",
    "arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForX/s1",
    "arn:aws:sts::222222222222:assumed-role/App/s1",
    "arn:aws:sts::111111111111:federated-user/fred",
    "arn:aws:iam::111111111111:root",
    "111111111111",
    "222222222222",
    "arn:aws:s3:::bucket",
    "arn:aws:iam::111111111111:oidc-provider/idp.example.com",
    "token.actions.githubusercontent.com",
    "lambda.amazonaws.com",
    "cognito-identity.amazonaws.com",
    "*",
    "odd",
];
const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::222222222222:root"),
    ("AWS", "arn:aws:iam::111111111111:user/alice"),
    ("AWS", "arn:aws:iam::111111111111:user/team/alice"),
    ("AWS", "arn:aws:iam::111111111111:role/App"),
    ("AWS", "arn:aws:iam::111111111111:role/team/App"),
    ("AWS", "arn:aws:iam::222222222222:role/App"),
    (
        "AWS",
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    ),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/App/s1"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/App/s2"),
    ("AWS", "arn:aws:sts::111111111111:federated-user/fred"),
    ("AWS", "arn:aws:s3:::other"),
    ("AWS", "arn:aws:iam::111111111111:role/*"),
    ("AWS", "AIDAEXAMPLEEXAMPLE00"),
    ("Service", "lambda.amazonaws.com"),
    ("Service", "LAMBDA.amazonaws.com"),
    ("Federated", "token.actions.githubusercontent.com"),
    (
        "Federated",
        "arn:aws:iam::111111111111:oidc-provider/idp.example.com",
    ),
    ("Federated", "cognito-identity.amazonaws.com"),
];
pub(crate) const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "S3:GETOBJECT",
    "s3:ListBucket",
    "s3:NoSuchAction",
    "nosuch:Thing",
    "nocolon",
    "s3:Get, s3:Put",
    "iam:PassRole",
    "IAM:GetUser",
    "sts:AssumeRole",
    "sts:AssumeRoot",
    "sts:GetCallerIdentity",
    "kms:RetireGrant",
    "kms:Decrypt",
    "sqs:SendMessage",
    "dynamodb:GetItem",
    "execute-api:Invoke",
    "iam:DeleteRole",
];
const ACTION_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*:*",
    "s3:*",
    "S3:get*",
    "s3:*Object",
    "s3:Get?bject",
    "s3:NoSuch*",
    "nosuch:*",
    "iam:*",
    "iam:PassRole",
    "sts:*",
    "sts:AssumeRole",
    "kms:*",
    "sqs:SendMessage*",
    "dynamodb:*Item",
    "s*:*",
    "*:Get*",
    "nocolon",
    "s3:ListBucket",
    "s3:GetObject",
    "execute-api:*",
];
pub(crate) const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/a",
    "arn:aws:s3:::data/home/x/a",
    "arn:aws:s3:::data/é/a",
    "arn:aws:s3:::Data/line\nbreak",
    "arn:aws:s3:eu-west-1:111111111111:accesspoint/ap",
    "arn:aws:iam::111111111111:role/team/App",
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X",
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:kms:eu-west-1:111111111111:key/k1",
    "arn:aws:sqs:eu-west-1:111111111111:queue-x",
    "arn:aws:dynamodb:eu-west-1:111111111111:table/T/index/i",
    "arn:aws:execute-api:eu-west-1:111111111111:abc/prod/GET/x",
    "arn:AWS:S3:::data/a",
    "arn:aws:logs:eu-west-1:111111111111:log-group:g:log-stream:s",
    "data/a",
    "arn:aws:s3",
    "",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "*",
    "**",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/?",
    "arn:aws:s3:::data/?/a",
    "arn:aws:s3:::*/a",
    "arn:aws:s3:::*a*a",
    "arn:aws:s3:::*/home/*/a",
    "arn:AWS:s3:::data/a",
    "arn:aws:S3:::*",
    "arn:aws:s3:*",
    "arn:aws:s3",
    "arn:aws:*",
    "arn:aws",
    "arn",
    "arn:*:*:*:*:*",
    "arn:*:s3:*:*:data/a",
    "arn:aws:iam::111111111111:role/*",
    "arn:aws:iam::111111111111:r*",
    "arn:aws:iam::*:role/team/A?p",
    "arn:aws:iam::111111111111:*",
    "arn:aws:iam::*:${aws:PrincipalTag/kind}/*",
    "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}",
    "arn:aws:kms:*:*:key/*",
    "arn:aws:kms:eu-?est-1:1*:key/k1",
    "arn:aws:kms:${aws:RequestedRegion}:*:key/k1",
    "arn:aws:sqs:*:*:queue-*",
    "arn:aws:sqs:*:*:${aws:PrincipalTag/team}*",
    "arn:aws:dynamodb:*:*:table/T",
    "arn:aws:dynamodb:*:*:table/T*",
    "arn:aws:dynamodb:*:*:table/*/index/*",
    "arn:aws:execute-api:*:*:abc/*/GET/*",
    "arn:aws:logs:*:*:log-group:*",
    "arn:aws:logs:*:*:*:log-stream:s",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team, 'x'}/${*}",
    "arn:aws:s3:::${aws:PrincipalTag/team}*",
    "arn:aws:s3:::${aws:PrincipalTag/none, ''}*",
    "arn:aws:${aws:PrincipalTag/kind}:::data/a",
    "${aws:PrincipalTag/team}/a",
    "${aws:PrincipalTag/team}",
    "data/a",
    "data/*",
    "arn:aws:s3:::${aws:TagKeys}/a",
    "arn:aws:s3:::data/${",
];
/// Keys and what they may be.
pub(crate) const KEYS: &[(&str, &[&str])] = &[
    (
        "aws:PrincipalTag/team",
        &["x", "data", "*", "a:b", "", "É", "é", "ς", "İ"],
    ),
    ("aws:PrincipalTag/kind", &["role", "s3", "true", "key"]),
    ("aws:principaltag/Other", &["x"]),
    (
        "aws:SourceIp",
        &["10.1.2.3", "203.0.113.9", "2001:db8::1", "10.0.0.0/8", "odd"],
    ),
    ("aws:MultiFactorAuthPresent", &["true", "FALSE", "odd"]),
    (
        "aws:SourceArn",
        &[
            "arn:aws:sns:eu-west-1:111111111111:x-a",
            "arn:aws:s3:::data",
            "odd",
            "a:b:c:d:e:f:g",
        ],
    ),
    (
        "aws:PrincipalArn",
        &[
            "arn:aws:iam::111111111111:role/team/App",
            "arn:aws:iam::111111111111:user/alice",
        ],
    ),
    ("aws:PrincipalAccount", &["111111111111", "222222222222"]),
    ("aws:username", &["alice", "bob"]),
    ("aws:RequestedRegion", &["eu-west-1", "us-east-1"]),
    ("s3:max-keys", &["5", "10", "1e1", "-1", "1e999", "many"]),
    (
        "aws:CurrentTime",
        &["2026-01-01T00:00:00Z", "1893456000", "2026", "odd"],
    ),
    ("aws:TagKeys", &["x", "y,z", "x,y", ",", "É"]),
    ("odd:binary", &["QQ==", "QUI=", "QR==", "Q"]),
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
    "NoSuchOperator",
];
const WANTED: &[&str] = &[
    "x",
    "X",
    "*",
    "?",
    "x*",
    "data",
    "true",
    "False",
    "5",
    "7",
    "10.0",
    "1e1",
    "1e999",
    "2026-01-01",
    "1893456000",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "2001:db8::/32",
    "10.1.2.3",
    "QQ==",
    "QR==",
    "QUI=",
    "É",
    "é",
    "Σ",
    "i̇",
    "alice",
    "111111111111",
    "eu-*",
    "us-east-1",
    "arn:aws:sns:*:*:x-?",
    "arn:aws:s3:::data",
    "arn:aws:s3:::*",
    "arn:*:iam::*:role/*",
    "a:*",
    "a:b:c:d:e:*",
    "*:b:c:d:e:f:g",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/kind}",
    "${aws:username, 'x'}",
    "${aws:TagKeys}",
    "arn:aws:sns:*:*:${aws:PrincipalTag/team}*",
    "arn:aws:${aws:PrincipalTag/kind}:::${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team}:*:*:*:*:*",
    "${*}",
    "a${?}b",
    "${aws:PrincipalTag/none, '*'}",
    "${",
    "",
];

/// A request of the odd kind.
#[derive(Debug, Clone)]
pub(crate) struct Odd {
    pub(crate) caller: Caller,
    pub(crate) action: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) owner: Option<&'static str>,
    identity: Vec<Value>,
    identity_unknown: bool,
    boundaries: Vec<Value>,
    session: Option<Vec<Value>>,
    scps: Option<Vec<Vec<Value>>>,
    rcps: Option<Vec<Vec<Value>>>,
    pub(crate) policy: Vec<Value>,
    endpoint: Option<Vec<Value>>,
    required: bool,
    block_public_access: bool,
    pub(crate) context: Context,
}

fn condition() -> impl Strategy<Value = (String, String, Vec<&'static str>)> {
    let quantifier = select(&["", "", "", "ForAllValues:", "ForAnyValue:"][..]);
    let if_exists = prop::bool::weighted(0.25);
    let operator =
        (quantifier, select(OPERATORS), if_exists).prop_map(|(quantifier, operator, if_exists)| {
            format!(
                "{quantifier}{operator}{}",
                if if_exists { "IfExists" } else { "" }
            )
        });
    let keys = [
        &[
            "aws:PrincipalTag/absent",
            "aws:TokenIssueTime",
            "s3:prefix",
            "sqs:prefix",
            "aws:RequestTag/x",
            "AWS:username",
        ][..],
        &KEYS.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
    ]
    .concat();
    (
        operator,
        select(keys).prop_map(str::to_owned),
        vec(select(WANTED), 1..=3),
    )
}

fn statement(allow: f64, names: bool) -> BoxedStrategy<Value> {
    let rarely = prop::bool::weighted;
    let conditions = prop_oneof![2 => Just(Vec::new()), 2 => vec(condition(), 1..=2)];
    let resources = prop_oneof![5 => vec(select(RESOURCE_PATTERNS), 1..=3).prop_map(Some), 1 => Just(None)];
    let principals = prop_oneof![
        1 => Just(vec![("AWS", "*")]),
        4 => vec(select(PRINCIPALS), 1..=4),
    ];
    let parts = (
        rarely(allow),
        (rarely(0.15), principals, rarely(0.1)),
        (rarely(0.1), vec(select(ACTION_PATTERNS), 1..=3)),
        (rarely(0.1), resources),
        conditions,
    );
    let json = move |(
        allow,
        (not_principal, principals, nobody),
        (not_action, actions),
        (not_resource, resources),
        conditions,
    ): Parts| {
        let not = |yes: bool, name: &str| format!("{}{name}", if yes { "Not" } else { "" });
        let mut out = Map::new();
        out.insert("Effect".into(), if allow { "Allow" } else { "Deny" }.into());
        out.insert(not(not_action, "Action"), json!(actions));
        if let Some(resources) = resources.or((!names).then(|| vec!["*"])) {
            out.insert(not(not_resource, "Resource"), json!(resources));
        }
        if names && !nobody {
            let mut element: Map<String, Value> = Map::new();
            for (kind, name) in principals {
                if let Some(list) = element.entry(kind).or_insert_with(|| json!([])).as_array_mut() {
                    list.push(name.into());
                }
            }
            out.insert(not(not_principal, "Principal"), element.into());
        }
        let mut all: Map<String, Value> = Map::new();
        for (operator, key, values) in conditions {
            if let Some(of) = all
                .entry::<String>(operator)
                .or_insert_with(|| json!({}))
                .as_object_mut()
            {
                of.insert(key, json!(values));
            }
        }
        out.insert("Condition".into(), all.into());
        Value::Object(out)
    };
    parts.prop_map(json).boxed()
}

/// Effect; principals, negated or none; actions; resources; conditions.
type Parts = (
    bool,
    (bool, Vec<(&'static str, &'static str)>, bool),
    (bool, Vec<&'static str>),
    (bool, Option<Vec<&'static str>>),
    Vec<(String, String, Vec<&'static str>)>,
);

pub(crate) fn document(allow: f64, names: bool) -> BoxedStrategy<Value> {
    let version = select(&["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"][..]);
    (version, vec(statement(allow, names), 0..=4))
        .prop_map(|(version, statements)| json!({ "Version": version, "Statement": statements }))
        .boxed()
}

/// A document that mostly lets everything pass, so that other layers are heard.
pub(crate) fn ceiling(names: bool) -> BoxedStrategy<Value> {
    let mut everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    if names {
        everything["Principal"] = "*".into();
    }
    let parts = (prop::bool::weighted(0.8), document(0.4, names));
    parts
        .prop_map(move |(open, mut document)| {
            if let (true, Some(statements)) = (open, document["Statement"].as_array_mut()) {
                statements.insert(0, everything.clone());
            }
            document
        })
        .boxed()
}

fn sometimes<T: std::fmt::Debug + Clone>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.25, strategy)
}

pub(crate) fn caller() -> impl Strategy<Value = Caller> {
    let arn = select(
        &[
            "arn:aws:iam::111111111111:role/team/App",
            "arn:aws:iam::111111111111:role/other/App",
        ][..],
    );
    (select(CALLERS), sometimes(arn), any::<bool>()).prop_map(|(text, role, by)| {
        let mut caller = Caller::parse(text);
        if text.contains("assumed-role") {
            caller.role_arn = role.map(str::to_owned);
        }
        if text.contains("federated-user") && by {
            caller.by_user = Some("arn:aws:iam::111111111111:user/alice".into());
        }
        caller
    })
}

/// What is known of each key; `unknown` says whether it may be left open.
pub(crate) fn context() -> impl Strategy<Value = Context> {
    let each: Vec<_> = KEYS
        .iter()
        .map(|(key, values)| {
            prop_oneof![
                4 => select(*values).prop_map(move |value| (*key, Some((value, false)), None)),
                1 => select(*values).prop_map(move |value| (*key, Some((value, true)), None)),
                2 => (0..4_u8).prop_map(move |what| (*key, None, Some(what))),
            ]
        })
        .collect();
    let closed = prop::collection::vec(
        select(&["aws:PrincipalTag", "AWS:principalTAG", "odd"][..]),
        0..=1,
    );
    (each, any::<bool>(), closed).prop_map(|(each, open, closed)| {
        let mut context = if open { Context::open() } else { Context::closed() };
        for (key, value, what) in each {
            match (value, what) {
                (Some((value, false)), _) if key != "aws:TagKeys" => context.set(key, value),
                (Some((value, _)), _) => {
                    let values = value.split(',').filter(|v| !v.is_empty());
                    context.set_many(key, values.map(str::to_owned).collect());
                }
                (None, Some(0)) => context.set_absent(key),
                (None, Some(1)) => context.set_unknown(key, true),
                (None, Some(2)) => context.set_unknown(key, false),
                _ => {}
            }
        }
        closed.iter().for_each(|prefix| context.close_prefix(prefix));
        context
    })
}

pub(crate) fn odd() -> impl Strategy<Value = Odd> {
    let yes = prop::bool::weighted;
    let owner = select(
        &[
            Some("111111111111"),
            Some("111111111111"),
            Some("222222222222"),
            None,
        ][..],
    );
    let asked = (
        caller(),
        select(ACTIONS),
        select(RESOURCES),
        owner,
        yes(0.2),
        (yes(0.1), yes(0.2), yes(0.5)),
    );
    let mine = (
        vec(document(0.85, false), 0..=3),
        sometimes(vec(ceiling(false), 1..=2)).prop_map(Option::unwrap_or_default),
        sometimes(vec(document(0.85, false), 0..=2)),
    );
    let others = (
        sometimes(vec(vec(ceiling(false), 0..=2), 0..=2)),
        sometimes(vec(vec(document(0.5, true), 0..=1), 0..=2)),
        vec(document(0.85, true), 0..=2),
        sometimes(vec(ceiling(true), 0..=2)),
    );
    (asked, mine, others, context()).prop_map(|(asked, mine, others, context)| {
        let (caller, action, resource, owner, required, (identity_unknown, block_public_access, says)) =
            asked;
        let mut context = context;
        if says {
            context.set_action(action);
        }
        let (identity, boundaries, session) = mine;
        let (scps, rcps, policy, endpoint) = others;
        Odd {
            caller,
            action,
            resource,
            owner,
            identity,
            identity_unknown,
            boundaries,
            session,
            scps,
            rcps,
            policy,
            endpoint,
            required,
            block_public_access,
            context,
        }
    })
}

/// The parsed policies of an odd request.
pub(crate) struct Parsed {
    identity: Vec<Policy>,
    boundaries: Vec<Policy>,
    session: Option<Vec<Policy>>,
    scps: Option<Vec<Vec<Policy>>>,
    rcps: Option<Vec<Vec<Policy>>>,
    policy: Vec<Policy>,
    endpoint: Option<Vec<Policy>>,
}

pub(crate) fn parsed(documents: &[Value], flavor: Flavor) -> Vec<Policy> {
    documents
        .iter()
        .filter_map(|document| parse(&document.to_string(), flavor).0)
        .collect()
}

fn attached(policies: &[Policy]) -> Vec<Attached<'_>> {
    policies
        .iter()
        .map(|policy| Attached { policy, tag: 0 })
        .collect()
}

impl Odd {
    pub(crate) fn parse(&self) -> Parsed {
        let levels = |levels: &Option<Vec<Vec<Value>>>, flavor| {
            let levels = levels.as_ref()?;
            Some(levels.iter().map(|level| parsed(level, flavor)).collect())
        };
        Parsed {
            identity: parsed(&self.identity, Flavor::Identity),
            boundaries: parsed(&self.boundaries, Flavor::Identity),
            session: self
                .session
                .as_ref()
                .map(|session| parsed(session, Flavor::Identity)),
            scps: levels(&self.scps, Flavor::Scp),
            rcps: levels(&self.rcps, Flavor::Rcp),
            policy: parsed(&self.policy, Flavor::Resource),
            endpoint: self
                .endpoint
                .as_ref()
                .map(|endpoint| parsed(endpoint, Flavor::Resource)),
        }
    }

    pub(crate) fn policies<'a>(&self, parsed: &'a Parsed) -> Policies<'a> {
        let levels = |levels: &'a Option<Vec<Vec<Policy>>>| {
            levels
                .as_ref()
                .map(|levels| levels.iter().map(|level| attached(level)).collect())
        };
        Policies {
            identity: attached(&parsed.identity),
            identity_unknown: self.identity_unknown,
            boundaries: attached(&parsed.boundaries),
            session: parsed.session.as_deref().map(attached),
            scps: levels(&parsed.scps),
            rcps: levels(&parsed.rcps),
            resource: attached(&parsed.policy),
            endpoint: parsed.endpoint.as_deref().map(attached),
            resource_rule: if self.required {
                ResourceRule::Required
            } else {
                ResourceRule::Either
            },
            block_public_access: self.block_public_access,
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            caller: &self.caller,
            action: self.action,
            resource: ResourceName::new(self.resource),
            resource_account: self.owner,
            context: &self.context,
        }
    }
}
