//! Random requests with all that bears on them, for the laws that are checked on them: those of the plain evaluator here,
//! and those of the engine, which includes this file.
//!
//! The policies are made of a small vocabulary, so that statements do match and layers do disagree. They are written as
//! JSON and parsed, so the parser is in the loop.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(missing_docs, reason = "a test's vocabulary")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Decision, Policies, Request, ResourceRule, context_keys, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, Severity, parse};

// ---- the vocabulary ----

pub const OURS: &str = "111111111111";
pub const THEIRS: &str = "222222222222";
pub const ROLE: &str = "arn:aws:iam::111111111111:role/team/App";
pub const SESSIONS: [&str; 3] = [
    "arn:aws:sts::111111111111:assumed-role/App/s1",
    "arn:aws:sts::111111111111:assumed-role/App/s2",
    "arn:aws:sts::111111111111:assumed-role/App/s3",
];
pub const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/alice",
    SESSIONS[0],
    "arn:aws:sts::111111111111:federated-user/fred",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::222222222222:user/carol",
    "lambda.amazonaws.com",
    "*",
];
pub const PRINCIPALS: &[&str] = &[
    "*",
    OURS,
    THEIRS,
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::111111111111:user/alice",
    ROLE,
    SESSIONS[0],
    SESSIONS[1],
    "arn:aws:sts::111111111111:federated-user/fred",
    "arn:aws:iam::222222222222:user/carol",
    "arn:aws:iam::111111111111:role/team/*",
    "AROAEXAMPLEEXAMPLE00",
];
pub const ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "kms:Decrypt"];
pub const ACTION_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    "s3:*",
    "s3:*",
    "S3:get*",
    "s3:*Object",
    "s3:GetObject",
    "kms:*",
    "kms:Decrypt",
    "s*:*",
];
pub const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data/a",
    "arn:aws:s3:::data/home/x/a",
    "arn:aws:kms:eu-west-1:111111111111:key/k1",
];
pub const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/home/*",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::data/home/${aws:PrincipalTag/team, 'x'}/?",
    "arn:aws:kms:*:*:key/*",
    "arn:aws:kms:eu-west-1:*:${aws:PrincipalTag/kind}/k1",
    "arn:aws:s3*",
    "arn:aws:s3",
    "arn:*:*:*:*:${aws:PrincipalTag/team}",
];
/// Keys, whether they hold lists, and values they may have.
pub const KEYS: &[(&str, bool, &[&str])] = &[
    (
        "aws:PrincipalTag/team",
        false,
        &["x", "y", "*", "data/a", ":data"],
    ),
    ("aws:PrincipalTag/kind", false, &["key", "user"]),
    ("aws:SourceIp", false, &["10.1.2.3", "203.0.113.9", "2001:db8::1"]),
    ("aws:MultiFactorAuthPresent", false, &["true", "false"]),
    (
        "aws:SourceArn",
        false,
        &["arn:aws:sns:eu-west-1:111111111111:x-a", "arn:aws:s3:::data"],
    ),
    ("s3:max-keys", false, &["5", "10", "many"]),
    ("aws:CurrentTime", false, &["2026-01-01T00:00:00Z", "1893456000"]),
    ("aws:TagKeys", true, &["x", "y,z", "x,y", ""]),
];
/// Operators with keys and values to try them on; the key may be left to chance.
pub const CONDITIONS: &[(&str, &str, &[&str])] = &[
    ("StringEquals", "aws:PrincipalTag/team", &["x", "y"]),
    (
        "StringNotEquals",
        "aws:PrincipalTag/team",
        &["x", "${aws:PrincipalTag/kind}"],
    ),
    ("StringLike", "aws:PrincipalTag/team", &["*", "x*", "?"]),
    ("StringLikeIfExists", "aws:PrincipalTag/team", &["*", "y"]),
    ("StringNotLike", "aws:PrincipalTag/team", &["*", "z*"]),
    (
        "StringEqualsIgnoreCase",
        "aws:PrincipalTag/kind",
        &["KEY", "${aws:PrincipalTag/team}"],
    ),
    (
        "IpAddress",
        "aws:SourceIp",
        &["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"],
    ),
    ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8", "0.0.0.0/0"]),
    (
        "Bool",
        "aws:MultiFactorAuthPresent",
        &["true", "false", "${aws:PrincipalTag/team}"],
    ),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", &["false"]),
    ("Null", "aws:MultiFactorAuthPresent", &["true", "false"]),
    (
        "ArnLike",
        "aws:SourceArn",
        &[
            "*",
            "arn:aws:sns:*:*:*",
            "arn:aws:sns:*:*:${aws:PrincipalTag/team}-*",
        ],
    ),
    (
        "ArnLike",
        "aws:SourceArn",
        &["arn:aws:s3:::data", "arn:aws:s3::${aws:PrincipalTag/team}"],
    ),
    ("ArnNotEquals", "aws:SourceArn", &["arn:aws:s3:::*", "*"]),
    (
        "NumericLessThanEquals",
        "s3:max-keys",
        &["7", "${aws:PrincipalTag/team}"],
    ),
    ("NumericNotEquals", "s3:max-keys", &["5"]),
    ("DateLessThan", "aws:CurrentTime", &["2028-01-01", "1609459200"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", &["x", "y"]),
    ("ForAllValues:StringEquals", "aws:TagKeys", &["x", "y"]),
    ("ForAllValues:StringNotLike", "aws:TagKeys", &["z*"]),
    ("ForAnyValue:StringLikeIfExists", "aws:TagKeys", &["*", "z"]),
    ("StringLikeIfExists", "aws:TagKeys", &["*"]),
    ("StringNotEquals", "aws:TagKeys", &["x"]),
    ("Null", "aws:TagKeys", &["true"]),
];

// ---- random policies ----

#[derive(Debug, Clone)]
pub struct Statement {
    pub allow: bool,
    pub not_principal: bool,
    pub principals: Vec<&'static str>,
    pub not_action: bool,
    pub actions: Vec<&'static str>,
    pub not_resource: bool,
    pub resources: Vec<&'static str>,
    pub conditions: Vec<(&'static str, &'static str, Vec<&'static str>)>,
}

impl Statement {
    /// `Allow *` or `Deny *`.
    pub fn everything(allow: bool) -> Self {
        let (actions, resources, principals) = (vec!["*"], vec!["*"], vec!["*"]);
        let (not_principal, not_action, not_resource, conditions) = (false, false, false, Vec::new());
        Self {
            allow,
            not_principal,
            principals,
            not_action,
            actions,
            not_resource,
            resources,
            conditions,
        }
    }

    pub fn json(&self, principals: bool) -> Value {
        let mut out = Map::new();
        let not = |yes: bool, name: &str| {
            if yes {
                format!("Not{name}")
            } else {
                name.to_owned()
            }
        };
        out.insert("Effect".into(), if self.allow { "Allow" } else { "Deny" }.into());
        out.insert(not(self.not_action, "Action"), json!(self.actions));
        out.insert(not(self.not_resource, "Resource"), json!(self.resources));
        if principals {
            let (services, others): (Vec<&str>, Vec<&str>) = self
                .principals
                .iter()
                .partition(|p| p.ends_with(".amazonaws.com"));
            out.insert(
                not(self.not_principal, "Principal"),
                json!({ "AWS": others, "Service": services }),
            );
        }
        let mut conditions: Map<String, Value> = Map::new();
        for (operator, key, values) in &self.conditions {
            conditions.entry(*operator).or_insert_with(|| json!({}))[*key] = json!(values);
        }
        out.insert("Condition".into(), conditions.into());
        out.into()
    }
}

pub type Document = Vec<Statement>;

/// A request and all that bears on it.
#[derive(Debug, Clone)]
pub struct World {
    pub caller: &'static str,
    pub action: &'static str,
    pub resource: &'static str,
    pub owner: &'static str,
    pub required: bool,
    pub identity: Vec<Document>,
    pub boundaries: Vec<Document>,
    pub session: Option<Vec<Document>>,
    pub scps: Option<Vec<Vec<Document>>>,
    pub rcps: Option<Vec<Vec<Document>>>,
    pub policy: Vec<Document>,
    pub endpoint: Option<Vec<Document>>,
    /// What is known of each of [`KEYS`].
    pub keys: Vec<Known>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    Value(usize),
    Absent,
    Unknown,
    /// There, with a value nobody knows.
    Present,
}

pub fn statement(allow: u32) -> impl Strategy<Value = Statement> {
    let rarely = |chance: f64| prop::bool::weighted(chance);
    let condition = select(CONDITIONS).prop_flat_map(|(operator, key, values)| {
        (
            Just(operator),
            Just(key),
            subsequence(values, 1..=values.len().min(2)),
        )
    });
    let conditions = prop_oneof![1 => Just(Vec::new()), 1 => vec(condition, 1..=2)];
    let principals = prop_oneof![1 => Just(vec!["*"]), 2 => subsequence(PRINCIPALS, 1..=4), 1 => Just(vec!["lambda.amazonaws.com"])];
    let names = (
        rarely(0.15),
        principals,
        rarely(0.08),
        vec(select(ACTION_PATTERNS), 1..=2),
    );
    let things = (rarely(0.08), vec(select(RESOURCE_PATTERNS), 1..=2), conditions);
    (prop::bool::weighted(f64::from(allow) / 100.0), names, things).prop_map(|(allow, names, things)| {
        let (not_principal, principals, not_action, actions) = names;
        let (not_resource, resources, conditions) = things;
        Statement {
            allow,
            not_principal,
            principals,
            not_action,
            actions,
            not_resource,
            resources,
            conditions,
        }
    })
}

pub fn document(allow: u32) -> BoxedStrategy<Document> {
    vec(statement(allow), 1..=4).boxed()
}

/// A ceiling, which mostly lets everything pass and then takes something away.
pub fn ceiling() -> BoxedStrategy<Document> {
    let parts = (prop::bool::weighted(0.8), vec(statement(40), 0..=2));
    let whole = parts.prop_map(|(open, mut rest)| {
        if open {
            rest.insert(0, Statement::everything(true));
        }
        rest
    });
    whole.boxed()
}

pub fn sometimes<T: std::fmt::Debug + Clone + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.2, strategy)
}

/// Requests with the given callers; `unknown` says whether keys may be unknown.
pub fn world(callers: &'static [&'static str], unknown: bool) -> impl Strategy<Value = World> {
    let yes = prop::bool::weighted;
    let asked = (
        select(callers),
        select(ACTIONS),
        select(RESOURCES),
        yes(0.9),
        yes(0.15),
    );
    let mine = (
        vec(document(92), 1..=3),
        sometimes(vec(ceiling(), 1..=2)).prop_map(Option::unwrap_or_default),
        sometimes(vec(document(85), 0..=2)),
    );
    let others = (
        sometimes(vec(vec(ceiling(), 1..=2), 1..=2)),
        sometimes(vec(vec(document(50), 0..=1), 1..=2)),
        vec(document(85), 0..=2),
        sometimes(vec(ceiling(), 1..=2)),
    );
    let keys: Vec<_> = KEYS
        .iter()
        .map(|(_, _, values)| {
            let value = (0..values.len()).prop_map(Known::Value);
            let (here, doubt) = (if unknown { 2 } else { 4 }, u32::from(unknown));
            prop_oneof![here => value, 2 => Just(Known::Absent), 3 * doubt => Just(Known::Unknown), doubt => Just(Known::Present)]
        })
        .collect();
    (asked, mine, others, keys).prop_map(|(asked, mine, others, keys)| {
        let (caller, action, resource, home, required) = asked;
        let (identity, boundaries, session) = mine;
        let (scps, rcps, policy, endpoint) = others;
        let owner = if home { OURS } else { THEIRS };
        World {
            caller,
            action,
            resource,
            owner,
            required,
            identity,
            boundaries,
            session,
            scps,
            rcps,
            policy,
            endpoint,
            keys,
        }
    })
}

// ---- asking ----

pub fn compile(document: &Document, flavor: Flavor) -> Policy {
    let principals = matches!(flavor, Flavor::Resource | Flavor::Rcp);
    let statements: Vec<Value> = document.iter().map(|s| s.json(principals)).collect();
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let (policy, problems) = parse(&text, flavor);
    let expected = |code: &str| matches!(code, "unknown-principal");
    assert!(
        problems
            .iter()
            .all(|p| p.severity == Severity::Warning || expected(p.code)),
        "{text}: {problems:?}"
    );
    policy.unwrap()
}

pub fn all(documents: &[Document], flavor: Flavor) -> Vec<Policy> {
    documents.iter().map(|d| compile(d, flavor)).collect()
}

pub fn levels(levels: Option<&Vec<Vec<Document>>>, flavor: Flavor) -> Option<Vec<Vec<Policy>>> {
    levels.map(|levels| levels.iter().map(|level| all(level, flavor)).collect())
}

pub fn attached(policies: &[Policy]) -> Vec<Attached<'_>> {
    policies
        .iter()
        .zip(0..)
        .map(|(policy, tag)| Attached { policy, tag })
        .collect()
}

pub fn attached_levels(levels: Option<&Vec<Vec<Policy>>>) -> Option<Vec<Vec<Attached<'_>>>> {
    levels.map(|levels| levels.iter().map(|level| attached(level)).collect())
}

/// The compiled policies of a world.
pub struct Compiled {
    pub identity: Vec<Policy>,
    pub boundaries: Vec<Policy>,
    pub session: Option<Vec<Policy>>,
    pub scps: Option<Vec<Vec<Policy>>>,
    pub rcps: Option<Vec<Vec<Policy>>>,
    pub policy: Vec<Policy>,
    pub endpoint: Option<Vec<Policy>>,
}

impl Compiled {
    pub fn policies(&self, required: bool) -> Policies<'_> {
        Policies {
            identity: attached(&self.identity),
            identity_unknown: false,
            boundaries: attached(&self.boundaries),
            session: self.session.as_deref().map(attached),
            scps: attached_levels(self.scps.as_ref()),
            rcps: attached_levels(self.rcps.as_ref()),
            resource: attached(&self.policy),
            endpoint: self.endpoint.as_deref().map(attached),
            resource_rule: if required {
                ResourceRule::Required
            } else {
                ResourceRule::Either
            },
            block_public_access: false,
        }
    }
}

impl World {
    pub fn compile(&self) -> Compiled {
        Compiled {
            identity: all(&self.identity, Flavor::Identity),
            boundaries: all(&self.boundaries, Flavor::Identity),
            session: self.session.as_ref().map(|s| all(s, Flavor::Identity)),
            scps: levels(self.scps.as_ref(), Flavor::Scp),
            rcps: levels(self.rcps.as_ref(), Flavor::Rcp),
            policy: all(&self.policy, Flavor::Resource),
            endpoint: self.endpoint.as_ref().map(|e| all(e, Flavor::Resource)),
        }
    }

    pub fn caller(&self) -> Caller {
        let mut caller = Caller::parse(self.caller);
        if caller.role_name().is_some() {
            caller.role_arn = Some(ROLE.to_owned());
        }
        if self.caller.contains("federated-user") {
            caller.by_user = Some("arn:aws:iam::111111111111:user/alice".to_owned());
        }
        caller
    }

    pub fn context(&self) -> Context {
        let mut context = Context::closed();
        for ((key, list, values), known) in KEYS.iter().zip(&self.keys) {
            match known {
                Known::Value(index) if *list => {
                    let values = values[*index].split(',').filter(|v| !v.is_empty());
                    context.set_many(key, values.map(str::to_owned).collect());
                }
                Known::Value(index) => context.set(key, values[*index]),
                Known::Absent => context.set_absent(key),
                Known::Unknown => context.set_unknown(key, true),
                Known::Present => context.set_unknown(key, false),
            }
        }
        context
    }

    pub fn ask(&self) -> Decision {
        self.ask_of(&self.compile())
    }

    pub fn ask_of(&self, compiled: &Compiled) -> Decision {
        let (caller, context) = (self.caller(), self.context());
        let request = Request {
            caller: &caller,
            action: self.action,
            resource: ResourceName::new(self.resource),
            resource_account: Some(self.owner),
            context: &context,
        };
        decide(&request, &compiled.policies(self.required))
    }

    pub fn context_keys(&self) -> Vec<String> {
        let (compiled, caller, context) = (self.compile(), self.caller(), self.context());
        let request = Request {
            caller: &caller,
            action: self.action,
            resource: ResourceName::new(self.resource),
            resource_account: Some(self.owner),
            context: &context,
        };
        context_keys(&request, &compiled.policies(self.required))
    }

    pub fn documents(&mut self) -> Vec<&mut Document> {
        let levels = [&mut self.scps, &mut self.rcps]
            .into_iter()
            .flatten()
            .flatten()
            .flatten();
        let mut out: Vec<&mut Document> = Vec::new();
        out.extend(&mut self.identity);
        out.extend(&mut self.boundaries);
        out.extend(self.session.iter_mut().flatten());
        out.extend(&mut self.policy);
        out.extend(self.endpoint.iter_mut().flatten());
        out.extend(levels);
        out
    }

    /// The lists of policies in which the policies add up: all but boundaries, of which each must allow.
    pub fn unions(&mut self) -> Vec<&mut Vec<Document>> {
        let mut out = vec![&mut self.identity, &mut self.policy];
        out.extend(&mut self.session);
        out.extend(&mut self.endpoint);
        out.extend(self.scps.iter_mut().flatten());
        out.extend(self.rcps.iter_mut().flatten());
        out
    }

    /// Every way to fill in what is not known, up to `limit` of them, from `start` on.
    pub fn completions(&self, start: usize, limit: usize) -> Vec<Self> {
        let choices: Vec<Vec<Known>> = KEYS
            .iter()
            .zip(&self.keys)
            .map(|((_, _, values), known)| {
                let values = values.iter().enumerate().filter(|(_, value)| !value.is_empty());
                let values = values.map(|(index, _)| Known::Value(index));
                match known {
                    Known::Unknown => values.chain([Known::Absent]).collect(),
                    Known::Present => values.collect(),
                    known => Vec::from([*known]),
                }
            })
            .collect();
        let total: usize = choices.iter().map(Vec::len).product();
        (0..total.min(limit))
            .map(|n| {
                let mut rest = if total <= limit {
                    n
                } else {
                    (start + n * (total / limit)) % total
                };
                let pick = |options: &Vec<Known>| {
                    let picked = options[rest % options.len()];
                    rest /= options.len();
                    picked
                };
                Self {
                    keys: choices.iter().map(pick).collect(),
                    ..self.clone()
                }
            })
            .collect()
    }
}
