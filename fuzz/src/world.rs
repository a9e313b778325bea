//! Random requests with everything that bears on them: callers and resources of all kinds, whole and odd ones, policies
//! in every layer. Policies are written as JSON and parsed, so the parser is in the loop.

use std::fmt;

use serde_json::{Map, Value, json};
use sv0_iam::condition::{Context, Fact};
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, parse};

use crate::condition::context;
use crate::pick::Pick;
use crate::vocabulary::{keys, operator, wanted};

// The tests of the engine ask the compiled evaluator in the same way.
#[path = "../../crates/engine/tests/asking/mod.rs"]
mod asking;
pub(crate) use asking::compiled;

const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::111111111111:user/team/alice",
    "arn:aws:iam::111111111111:role/team/App",
    "arn:aws:iam::111111111111:role/App",
    "arn:aws:sts::111111111111:assumed-role/App/s1",
    "arn:aws:sts::111111111111:assumed-role/App/s2",
    "arn:aws:sts::111111111111:federated-user/fred",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::222222222222:user/carol",
    "arn:aws:sts::222222222222:assumed-role/App/s1",
    "arn:aws-cn:iam::111111111111:role/team/App",
    "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    "arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForX/s1",
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
    ("AWS", "222222222222"),
    ("AWS", "arn:aws:iam::111111111111:root"),
    ("AWS", "arn:aws:iam::111111111111:user/alice"),
    ("AWS", "arn:aws:iam::111111111111:user/team/alice"),
    ("AWS", "arn:aws:iam::222222222222:user/carol"),
    ("AWS", "arn:aws:iam::111111111111:role/App"),
    ("AWS", "arn:aws:iam::111111111111:role/team/App"),
    ("AWS", "arn:aws:iam::222222222222:role/App"),
    ("AWS", "arn:aws-cn:iam::111111111111:role/team/App"),
    (
        "AWS",
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    ),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/App/s1"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/App/s2"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/App"),
    ("AWS", "arn:aws:sts::111111111111:federated-user/fred"),
    ("AWS", "arn:aws:s3:::other"),
    ("AWS", "arn:aws:iam::111111111111:role/*"),
    ("AWS", "AIDAEXAMPLEEXAMPLE00"),
    ("AWS", ""),
    ("Service", "lambda.amazonaws.com"),
    ("Service", "LAMBDA.amazonaws.com"),
    ("Federated", "token.actions.githubusercontent.com"),
    (
        "Federated",
        "arn:aws:iam::111111111111:oidc-provider/idp.example.com",
    ),
    ("Federated", "cognito-identity.amazonaws.com"),
    (
        "CanonicalUser",
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
    ),
];
pub const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "kms:Decrypt",
    "S3:GETOBJECT",
    "s3:ListAllMyBuckets",
    "s3:NoSuchAction",
    "nosuch:Thing",
    "nocolon",
    "",
    "s3:",
    ":x",
    "s3:Get, s3:Put",
    "iam:PassRole",
    "IAM:GetUser",
    "iam:DeleteRole",
    "iam:CreatePolicyVersion",
    "sts:AssumeRole",
    "sts:AssumeRoot",
    "sts:GetCallerIdentity",
    "kms:RetireGrant",
    "kms:DeleteAlias",
    "sqs:SendMessage",
    "dynamodb:GetItem",
    "execute-api:Invoke",
    "ec2:RunInstances",
];
const ACTION_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    "s3:*",
    "s3:*",
    "S3:get*",
    "s3:*Object",
    "s3:Get?bject",
    "s3:GetObject",
    "s3:PutObject",
    "s3:List*",
    "kms:*",
    "kms:Decrypt",
    "*:*",
    "s3:NoSuch*",
    "nosuch:*",
    "iam:*",
    "iam:PassRole",
    "sts:*",
    "sts:AssumeRole",
    "sqs:SendMessage*",
    "dynamodb:*Item",
    "s*:*",
    "*:Get*",
    "nocolon",
    "execute-api:*",
    "ec2:Run*",
    "s3:**",
    "s3:",
    "",
    "s3:Get*, s3:Put*",
];
pub const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data/a",
    "arn:aws:s3:::data/home/x/a",
    "arn:aws:s3:::data",
    "arn:aws:kms:eu-west-1:111111111111:key/k1",
    "*",
    "arn:aws:s3:::data/é/a",
    "arn:aws:s3:::data/${x}/a",
    "arn:aws:s3:::Data/line\nbreak",
    "arn:aws:s3:eu-west-1:111111111111:accesspoint/ap",
    "arn:aws:iam::111111111111:role/team/App",
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/R",
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:kms:eu-west-1:111111111111:alias/aws/s3",
    "arn:aws:sqs:eu-west-1:111111111111:queue-x",
    "arn:aws:dynamodb:eu-west-1:111111111111:table/T/index/i",
    "arn:aws:dynamodb:eu-west-1:111111111111:table/T",
    "arn:aws:execute-api:eu-west-1:111111111111:abc/prod/GET/x",
    "arn:aws:ec2:eu-west-1:111111111111:instance/i-1",
    "arn:AWS:S3:::data/a",
    "arn:aws:É:::data/a",
    "arn:aws:logs:eu-west-1:111111111111:log-group:g:log-stream:s",
    "data/a",
    "arn:aws:s3",
    "",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/home/*",
    "arn:aws:s3:::data*",
    "arn:aws:s3:::data/?",
    "arn:aws:s3:::data/?/a",
    "arn:aws:s3:::*/a",
    "arn:aws:s3:::*a*a",
    "arn:aws:s3:::*/home/*/a",
    "arn:AWS:s3:::data/a",
    "arn:aws:S3:::*",
    "arn:aws:é:::*",
    "arn:aws:s3:*",
    "arn:aws:s3",
    "arn:aws:*",
    "arn:aws",
    "arn",
    "**",
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
    "arn:aws:kms:*:*:alias/*",
    "arn:aws:sqs:*:*:queue-*",
    "arn:aws:sqs:*:*:${aws:PrincipalTag/team}*",
    "arn:aws:dynamodb:*:*:table/T",
    "arn:aws:dynamodb:*:*:table/T*",
    "arn:aws:dynamodb:*:*:table/*/index/*",
    "arn:aws:execute-api:*:*:abc/*/GET/*",
    "arn:aws:ec2:*:*:*/*",
    "arn:aws:logs:*:*:log-group:*",
    "arn:aws:logs:*:*:*:log-stream:s",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/${aws:username}",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team, 'x'}/${*}",
    "arn:aws:s3:::${aws:PrincipalTag/team}*",
    "arn:aws:s3:::data/${$}{x}/*",
    "arn:aws:s3:::data/${x}/*",
    "arn:aws:s3:::${aws:PrincipalTag/none, ''}*",
    "arn:aws:s3:::${odd:key}",
    "arn:aws:${aws:PrincipalTag/kind}:::data/a",
    "arn:aws:s3::${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team}/a",
    "${aws:PrincipalTag/team}",
    "data/a",
    "data/*",
    "arn:aws:s3:::${aws:TagKeys}/a",
    "arn:aws:s3:::data/${",
];

/// A request and all that bears on it.
pub struct World {
    pub caller: Caller,
    pub action: &'static str,
    pub resource: &'static str,
    pub owner: Option<&'static str>,
    pub context: Context,
    identity: Vec<Document>,
    pub identity_unknown: bool,
    boundaries: Vec<Document>,
    session: Option<Vec<Document>>,
    scps: Option<Vec<Vec<Document>>>,
    rcps: Option<Vec<Vec<Document>>>,
    policy: Vec<Document>,
    endpoint: Option<Vec<Document>>,
    required: bool,
    public: bool,
}

/// A policy and its text.
struct Document {
    text: String,
    policy: Policy,
}

/// Whether a document has principals, and whether it grants in most cases.
#[derive(Clone, Copy)]
struct Shape {
    flavor: Flavor,
    /// How many of a hundred statements allow.
    allow: u8,
    /// Whether it mostly lets everything pass at first, so that other layers are heard.
    open: bool,
}

impl World {
    pub fn new(pick: &mut Pick<'_>) -> Self {
        let caller = caller(pick);
        let action = if pick.chance(60) {
            pick.of(&ACTIONS[..4])
        } else {
            pick.of(ACTIONS)
        };
        let resource = if pick.chance(60) {
            pick.of(&RESOURCES[..4])
        } else {
            pick.of(RESOURCES)
        };
        let owner = pick.of(&[
            Some("111111111111"),
            Some("111111111111"),
            Some("222222222222"),
            None,
        ]);
        let shape = |flavor, allow, open| Shape { flavor, allow, open };
        let own = shape(Flavor::Identity, 85, false);
        let levels = |pick: &mut Pick<'_>, shape: Shape| {
            pick.maybe(25, |pick| {
                pick.many(0, 2, |pick| pick.many(0, 2, |pick| document(pick, shape)))
            })
        };
        Self {
            caller,
            action,
            resource,
            owner,
            identity: pick.many(0, 3, |pick| document(pick, own)),
            identity_unknown: pick.chance(10),
            boundaries: pick
                .maybe(25, |pick| {
                    pick.many(1, 2, |pick| document(pick, shape(Flavor::Identity, 40, true)))
                })
                .unwrap_or_default(),
            session: pick.maybe(20, |pick| {
                pick.many(0, 2, |pick| document(pick, shape(Flavor::Identity, 60, true)))
            }),
            scps: levels(pick, shape(Flavor::Scp, 40, true)),
            rcps: levels(pick, shape(Flavor::Rcp, 50, false)),
            policy: pick.many(0, 2, |pick| document(pick, shape(Flavor::Resource, 80, false))),
            endpoint: pick.maybe(20, |pick| {
                pick.many(0, 2, |pick| document(pick, shape(Flavor::Resource, 50, true)))
            }),
            required: pick.chance(20),
            public: pick.chance(15),
            context: context(pick),
        }
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            caller: &self.caller,
            action: self.action,
            resource: ResourceName::new(self.resource),
            resource_account: self.owner,
            context: &self.context,
        }
    }

    pub fn policies(&self) -> Policies<'_> {
        Policies {
            identity: attached(&self.identity),
            identity_unknown: self.identity_unknown,
            boundaries: attached(&self.boundaries),
            session: self.session.as_deref().map(attached),
            scps: attached_levels(self.scps.as_ref()),
            rcps: attached_levels(self.rcps.as_ref()),
            resource: attached(&self.policy),
            endpoint: self.endpoint.as_deref().map(attached),
            resource_rule: if self.required {
                ResourceRule::Required
            } else {
                ResourceRule::Either
            },
            block_public_access: self.public,
        }
    }
}

fn attached(documents: &[Document]) -> Vec<Attached<'_>> {
    let policies = documents.iter().map(|document| &document.policy);
    policies
        .zip(0..)
        .map(|(policy, tag)| Attached { policy, tag })
        .collect()
}

fn attached_levels(levels: Option<&Vec<Vec<Document>>>) -> Option<Vec<Vec<Attached<'_>>>> {
    levels.map(|levels| levels.iter().map(|level| attached(level)).collect())
}

fn caller(pick: &mut Pick<'_>) -> Caller {
    let text = if pick.chance(60) {
        pick.of(&CALLERS[..5])
    } else {
        pick.of(CALLERS)
    };
    let mut out = Caller::parse(text);
    if text.contains("assumed-role") {
        let roles = [
            "arn:aws:iam::111111111111:role/team/App",
            "arn:aws:iam::111111111111:role/other/App",
        ];
        out.role_arn = pick.maybe(60, |pick| pick.of(&roles).to_owned());
    }
    if text.contains("federated-user") {
        out.by_user = pick.maybe(60, |_| "arn:aws:iam::111111111111:user/alice".to_owned());
    }
    out
}

// ---- documents ----

fn document(pick: &mut Pick<'_>, shape: Shape) -> Document {
    let version = pick.of(&["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]);
    let mut statements = pick.many(0, 3, |pick| statement(pick, shape));
    if shape.open && pick.chance(80) {
        let mut everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        if names(shape.flavor) {
            everything["Principal"] = "*".into();
        }
        statements.insert(0, everything);
    }
    let text = json!({ "Version": version, "Statement": statements }).to_string();
    let (policy, problems) = parse(&text, shape.flavor);
    let policy = policy.unwrap_or_else(|| panic!("{text}: {problems:?}"));
    Document { text, policy }
}

fn names(flavor: Flavor) -> bool {
    matches!(flavor, Flavor::Resource | Flavor::Rcp | Flavor::Trust)
}

fn statement(pick: &mut Pick<'_>, shape: Shape) -> Value {
    let not = |yes: bool, name: &str| format!("{}{name}", if yes { "Not" } else { "" });
    let names = names(shape.flavor);
    let mut out = Map::new();
    let allow = pick.chance(shape.allow);
    out.insert("Effect".into(), if allow { "Allow" } else { "Deny" }.into());
    let negated = pick.chance(8);
    out.insert(not(negated, "Action"), json!(pick.some(ACTION_PATTERNS, 1, 2)));
    // Where a policy hangs on a resource, that may be left out; elsewhere it is an error.
    if !pick.chance(if names { 15 } else { 2 }) {
        let negated = pick.chance(8);
        let patterns = if pick.chance(50) {
            pick.some(&RESOURCE_PATTERNS[..8], 1, 2)
        } else {
            pick.some(RESOURCE_PATTERNS, 1, 3)
        };
        out.insert(not(negated, "Resource"), json!(patterns));
    }
    if pick.chance(if names { 95 } else { 2 }) {
        let negated = pick.chance(12);
        out.insert(not(negated, "Principal"), principals(pick));
    }
    if pick.chance(50) {
        let mut all: Map<String, Value> = Map::new();
        for _ in 0..pick.count(1, 2) {
            let key = pick.of(keys());
            let operator = operator(pick, &key);
            let values = pick.many(1, 2, |pick| wanted(pick, &key));
            let block = all.entry(operator).or_insert_with(|| json!({}));
            block[key.name] = json!(values);
        }
        out.insert("Condition".into(), all.into());
    }
    out.into()
}

fn principals(pick: &mut Pick<'_>) -> Value {
    if pick.chance(25) {
        return "*".into();
    }
    let mut element: Map<String, Value> = Map::new();
    for (kind, name) in pick.some(PRINCIPALS, 1, 4) {
        let list = element.entry(kind).or_insert_with(|| json!([]));
        list.as_array_mut().expect("a list").push(name.into());
    }
    element.into()
}

// ---- for people ----

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "caller {:?}", self.caller)?;
        writeln!(f, "{} on {:?} of {:?}", self.action, self.resource, self.owner)?;
        let mut all = |name: &str, documents: &[Document]| {
            documents
                .iter()
                .try_for_each(|document| writeln!(f, "{name}: {}", document.text))
        };
        all("identity", &self.identity)?;
        all("boundary", &self.boundaries)?;
        all("session", self.session.as_deref().unwrap_or_default())?;
        for (name, levels) in [("scp", &self.scps), ("rcp", &self.rcps)] {
            for (level, documents) in levels.iter().flatten().enumerate() {
                all(&format!("{name} {level}"), documents)?;
            }
        }
        all("resource", &self.policy)?;
        all("endpoint", self.endpoint.as_deref().unwrap_or_default())?;
        let layers = [
            ("session", self.session.as_ref().map(Vec::len)),
            ("scps", self.scps.as_ref().map(Vec::len)),
            ("rcps", self.rcps.as_ref().map(Vec::len)),
            ("endpoint", self.endpoint.as_ref().map(Vec::len)),
        ];
        writeln!(f, "there are {layers:?}")?;
        writeln!(
            f,
            "required {}, block public access {}, identity unknown {}",
            self.required, self.public, self.identity_unknown
        )?;
        let open = if self.context.is_open() { "open" } else { "closed" };
        let entries: Vec<(&str, Fact<'_>)> = self.context.entries().collect();
        writeln!(f, "{open} context {entries:?}")
    }
}
