//! Laws that hold for every request, whatever the policies: checked on random ones.
//!
//! The policies are made of a small vocabulary, so that statements do match and layers do disagree; the last test
//! measures that. They are written as JSON and parsed, so the parser is in the loop.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use sv0_iam::condition::Context;
use sv0_iam::decide::{
    Attached, Decision, Hit, Policies, Request, Requirement, ResourceRule, Verdict, context_keys, decide,
};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Effect, Flavor, Policy, Severity, parse};

// ---- the vocabulary ----

const OURS: &str = "111111111111";
const THEIRS: &str = "222222222222";
const ROLE: &str = "arn:aws:iam::111111111111:role/team/App";
const SESSIONS: [&str; 3] = [
    "arn:aws:sts::111111111111:assumed-role/App/s1",
    "arn:aws:sts::111111111111:assumed-role/App/s2",
    "arn:aws:sts::111111111111:assumed-role/App/s3",
];
const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/alice",
    SESSIONS[0],
    "arn:aws:sts::111111111111:federated-user/fred",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::222222222222:user/carol",
    "lambda.amazonaws.com",
    "*",
];
const PRINCIPALS: &[&str] = &[
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
const ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "kms:Decrypt"];
const ACTION_PATTERNS: &[&str] = &[
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
const RESOURCES: &[&str] = &[
    "arn:aws:s3:::data/a",
    "arn:aws:s3:::data/home/x/a",
    "arn:aws:kms:eu-west-1:111111111111:key/k1",
];
const RESOURCE_PATTERNS: &[&str] = &[
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
const KEYS: &[(&str, bool, &[&str])] = &[
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
const CONDITIONS: &[(&str, &str, &[&str])] = &[
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
struct Statement {
    allow: bool,
    not_principal: bool,
    principals: Vec<&'static str>,
    not_action: bool,
    actions: Vec<&'static str>,
    not_resource: bool,
    resources: Vec<&'static str>,
    conditions: Vec<(&'static str, &'static str, Vec<&'static str>)>,
}

impl Statement {
    /// `Allow *` or `Deny *`.
    fn everything(allow: bool) -> Self {
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

    fn json(&self, principals: bool) -> Value {
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

type Document = Vec<Statement>;

/// A request and all that bears on it.
#[derive(Debug, Clone)]
struct World {
    caller: &'static str,
    action: &'static str,
    resource: &'static str,
    owner: &'static str,
    required: bool,
    identity: Vec<Document>,
    boundaries: Vec<Document>,
    session: Option<Vec<Document>>,
    scps: Option<Vec<Vec<Document>>>,
    rcps: Option<Vec<Vec<Document>>>,
    policy: Vec<Document>,
    endpoint: Option<Vec<Document>>,
    /// What is known of each of [`KEYS`].
    keys: Vec<Known>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Value(usize),
    Absent,
    Unknown,
    /// There, with a value nobody knows.
    Present,
}

fn statement(allow: u32) -> impl Strategy<Value = Statement> {
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

fn document(allow: u32) -> BoxedStrategy<Document> {
    vec(statement(allow), 1..=4).boxed()
}

/// A ceiling, which mostly lets everything pass and then takes something away.
fn ceiling() -> BoxedStrategy<Document> {
    let parts = (prop::bool::weighted(0.8), vec(statement(40), 0..=2));
    let whole = parts.prop_map(|(open, mut rest)| {
        if open {
            rest.insert(0, Statement::everything(true));
        }
        rest
    });
    whole.boxed()
}

fn sometimes<T: std::fmt::Debug + Clone + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.2, strategy)
}

/// Requests with the given callers; `unknown` says whether keys may be unknown.
fn world(callers: &'static [&'static str], unknown: bool) -> impl Strategy<Value = World> {
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

fn compile(document: &Document, flavor: Flavor) -> Policy {
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

fn all(documents: &[Document], flavor: Flavor) -> Vec<Policy> {
    documents.iter().map(|d| compile(d, flavor)).collect()
}

fn levels(levels: Option<&Vec<Vec<Document>>>, flavor: Flavor) -> Option<Vec<Vec<Policy>>> {
    levels.map(|levels| levels.iter().map(|level| all(level, flavor)).collect())
}

fn attached(policies: &[Policy]) -> Vec<Attached<'_>> {
    policies
        .iter()
        .zip(0..)
        .map(|(policy, tag)| Attached { policy, tag })
        .collect()
}

fn attached_levels(levels: Option<&Vec<Vec<Policy>>>) -> Option<Vec<Vec<Attached<'_>>>> {
    levels.map(|levels| levels.iter().map(|level| attached(level)).collect())
}

/// The compiled policies of a world.
struct Compiled {
    identity: Vec<Policy>,
    boundaries: Vec<Policy>,
    session: Option<Vec<Policy>>,
    scps: Option<Vec<Vec<Policy>>>,
    rcps: Option<Vec<Vec<Policy>>>,
    policy: Vec<Policy>,
    endpoint: Option<Vec<Policy>>,
}

impl Compiled {
    fn policies(&self, required: bool) -> Policies<'_> {
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
    fn compile(&self) -> Compiled {
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

    fn caller(&self) -> Caller {
        let mut caller = Caller::parse(self.caller);
        if caller.role_name().is_some() {
            caller.role_arn = Some(ROLE.to_owned());
        }
        if self.caller.contains("federated-user") {
            caller.by_user = Some("arn:aws:iam::111111111111:user/alice".to_owned());
        }
        caller
    }

    fn context(&self) -> Context {
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

    fn ask(&self) -> Decision {
        self.ask_of(&self.compile())
    }

    fn ask_of(&self, compiled: &Compiled) -> Decision {
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

    fn context_keys(&self) -> Vec<String> {
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

    fn documents(&mut self) -> Vec<&mut Document> {
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
    fn unions(&mut self) -> Vec<&mut Vec<Document>> {
        let mut out = vec![&mut self.identity, &mut self.policy];
        out.extend(&mut self.session);
        out.extend(&mut self.endpoint);
        out.extend(self.scps.iter_mut().flatten());
        out.extend(self.rcps.iter_mut().flatten());
        out
    }

    /// Every way to fill in what is not known, up to `limit` of them, from `start` on.
    fn completions(&self, start: usize, limit: usize) -> Vec<Self> {
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

/// How far an answer goes: denied, perhaps, allowed.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::ExplicitDeny | Verdict::ImplicitDeny => 0,
        Verdict::AllowedIf => 1,
        Verdict::Allowed => 2,
    }
}

/// Whether an answer has what another one asks for: its grants, and none of its denials.
fn meets(answer: &Decision, requirements: &[Requirement]) -> bool {
    !requirements.is_empty()
        && requirements.iter().all(|requirement| match requirement {
            Requirement::ForeignIdentity => false,
            Requirement::Hit(wanted) => {
                let place = |h: &Hit| (h.layer, h.level, h.tag, h.statement, h.named);
                let there = answer.hits.iter().any(|hit| place(hit) == place(wanted));
                there == (wanted.effect == Effect::Allow)
            }
        })
}

fn describe(decision: &Decision) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "{} {:?} {:#?}",
        decision.verdict, decision.blocks, decision.hits
    );
    out
}

const ROLES: &[&str] = &[ROLE];
const ACCOUNTS: &[&str] = &[OURS, THEIRS];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_denial_more_never_gives_access(world in world(CALLERS, true), denial in statement(0), place in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut more = world.clone();
        let mut documents = more.documents();
        let at = place.index(documents.len());
        documents[at].push(denial);
        let after = more.ask();
        prop_assert!(rank(after.verdict) <= rank(before.verdict), "{} became {}", before.verdict, after.verdict);
        prop_assert!(before.verdict != Verdict::ExplicitDeny || after.verdict == Verdict::ExplicitDeny);
    }

    #[test]
    fn a_grant_less_never_gives_access(world in world(CALLERS, true), which in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut fewer = world.clone();
        let mut grants: Vec<(usize, usize)> = Vec::new();
        for (d, document) in fewer.documents().iter().enumerate() {
            grants.extend(document.iter().enumerate().filter(|(_, s)| s.allow).map(|(s, _)| (d, s)));
        }
        prop_assume!(!grants.is_empty());
        let (document, statement) = grants[which.index(grants.len())];
        fewer.documents()[document].remove(statement);
        let after = fewer.ask();
        prop_assert!(rank(after.verdict) <= rank(before.verdict), "{} became {}", before.verdict, after.verdict);
    }

    #[test]
    fn a_key_that_is_not_named_changes_nothing(world in world(CALLERS, false)) {
        let (before, named) = (world.ask(), world.context_keys());
        for (index, (key, _, values)) in KEYS.iter().enumerate() {
            if named.iter().any(|name| name.eq_ignore_ascii_case(key)) {
                continue;
            }
            for known in (0..values.len()).map(Known::Value).chain([Known::Absent]) {
                let mut other = world.clone();
                other.keys[index] = known;
                let after = other.ask();
                prop_assert_eq!(rank(after.verdict), rank(before.verdict), "{} is {:?}", key, known);
            }
        }
    }

    #[test]
    fn order_does_not_matter(world in world(CALLERS, true), by in 0_usize..6) {
        let before = world.ask();
        let mut turned = world.clone();
        for document in turned.documents() {
            document.reverse();
            let by = by % document.len().max(1);
            document.rotate_left(by);
        }
        for policies in turned.unions() {
            policies.reverse();
        }
        let after = turned.ask();
        prop_assert_eq!(before.verdict, after.verdict);
        prop_assert_eq!(before.blocks, after.blocks);
        prop_assert_eq!(before.hits.len(), after.hits.len());
    }

    #[test]
    fn policies_may_be_split(world in world(CALLERS, true), at in 0_usize..3) {
        let before = world.ask();
        let mut split = world.clone();
        for policies in split.unions() {
            let mut parts = Vec::new();
            for document in policies.iter() {
                let (head, tail) = document.split_at(at.min(document.len()));
                parts.extend([head.to_vec(), tail.to_vec()]);
            }
            *policies = parts;
        }
        let after = split.ask();
        prop_assert_eq!(before.verdict, after.verdict);
        prop_assert_eq!(before.blocks, after.blocks);
    }

    #[test]
    fn a_level_that_allows_everything_changes_nothing(world in world(CALLERS, true), place in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut more = world.clone();
        let levels = more.scps.get_or_insert_default();
        let at = place.index(levels.len() + 1);
        levels.insert(at, vec![vec![Statement::everything(true)]]);
        prop_assert_eq!(before.verdict, more.ask().verdict);
        let mut fewer = world;
        fewer.rcps.get_or_insert_default().push(vec![vec![Statement::everything(true)]]);
        prop_assert_eq!(before.verdict, fewer.ask().verdict);
    }

    #[test]
    fn a_fully_known_request_has_no_ifs(world in world(CALLERS, false)) {
        let decision = world.ask();
        prop_assert!(decision.verdict != Verdict::AllowedIf, "{}", describe(&decision));
        prop_assert!(decision.requirements.is_empty());
        prop_assert_eq!(decision.verdict == Verdict::Allowed, decision.blocks.is_empty());
    }

    /// The answer to a question about all requests holds for each of them.
    #[test]
    fn what_is_not_known_is_bounded(world in world(CALLERS, true), start in 0_usize..10_000) {
        let compiled = world.compile();
        let decision = world.ask_of(&compiled);
        for concrete in world.completions(start, 48) {
            let answer = concrete.ask_of(&compiled);
            let fits = match decision.verdict {
                Verdict::Allowed => answer.verdict == Verdict::Allowed,
                Verdict::AllowedIf => answer.verdict != Verdict::AllowedIf,
                Verdict::ImplicitDeny => !answer.verdict.possible(),
                Verdict::ExplicitDeny => answer.verdict == Verdict::ExplicitDeny,
            };
            prop_assert!(fits, "{:?}: {}, but {}", concrete.keys, describe(&answer), describe(&decision));
            let met = meets(&answer, &decision.requirements);
            prop_assert!(!met || answer.verdict == Verdict::Allowed, "{:?}: {}, but {}", concrete.keys, describe(&answer), describe(&decision));
        }
        prop_assert_eq!(decision.verdict == Verdict::AllowedIf, !decision.requirements.is_empty());
    }

    /// A question about a role is one about all of its sessions.
    #[test]
    fn a_role_stands_for_its_sessions(world in world(ROLES, false)) {
        let compiled = world.compile();
        let decision = world.ask_of(&compiled);
        for session in SESSIONS {
            let answer = World { caller: session, ..world.clone() }.ask_of(&compiled);
            let fits = decision.verdict == Verdict::AllowedIf || rank(answer.verdict) == rank(decision.verdict);
            prop_assert!(fits, "{session}: {}, but {}", describe(&answer), describe(&decision));
        }
    }

    /// A question about somebody of an account is one about each of its principals, whatever their own policies.
    #[test]
    fn an_account_stands_for_its_principals(world in world(ACCOUNTS, false)) {
        let mut world = World { identity: Vec::new(), boundaries: Vec::new(), session: None, ..world };
        let decision = world.ask();
        for caller in CALLERS.iter().copied().chain(SESSIONS).filter(|caller| caller.contains(world.caller)) {
            for identity in [vec![], vec![vec![Statement::everything(true)]]] {
                let answer = World { caller, identity, ..world.clone() }.ask();
                let fits = decision.verdict == Verdict::AllowedIf || rank(answer.verdict) == rank(decision.verdict);
                prop_assert!(fits, "{caller}: {}, but {}", describe(&answer), describe(&decision));
            }
        }
        world.scps = None;
        prop_assert!(rank(world.ask().verdict) >= rank(decision.verdict));
    }

    /// Damage gives a diagnostic, never a panic; and a document cut short is not read as a shorter one.
    #[test]
    fn damaged_documents_are_reported(document in document(70), cut in any::<prop::sample::Index>(), junk in "[\\x00-\\x7f]{0,3}") {
        let statements: Vec<Value> = document.iter().map(|s| s.json(true)).collect();
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let at = cut.index(text.len());
        let (policy, problems) = parse(&text[..at], Flavor::Resource);
        prop_assert!(policy.is_none() && problems.iter().any(|p| p.code == "not-json"));
        let damaged = format!("{}{junk}{}", &text[..at], &text[at..]);
        let (policy, problems) = parse(&damaged, Flavor::Resource);
        prop_assert!(policy.is_some() || problems.iter().any(|p| p.severity == Severity::Error));
        for problem in problems {
            let (line, column) = problem.line_column(&damaged);
            prop_assert!(line >= 1 && column >= 1 && problem.offset <= damaged.len());
        }
    }
}

/// The random requests are worth asking: no answer is rare.
#[test]
fn the_requests_are_of_all_kinds() {
    let mut runner = TestRunner::deterministic();
    let mut share = |unknown: bool| {
        let strategy = world(CALLERS, unknown);
        let mut count = [0_u32; 3];
        for _ in 0..1_000 {
            let world = strategy.new_tree(&mut runner).unwrap().current();
            count[usize::from(rank(world.ask().verdict))] += 1;
        }
        count.map(|n| n / 10)
    };
    let [denied, _, allowed] = share(false);
    assert!(
        allowed >= 15 && denied >= 15,
        "known: {allowed} % allowed, {denied} % denied"
    );
    eprintln!("known: {allowed} % allowed, {denied} % denied");
    let [denied, perhaps, allowed] = share(true);
    eprintln!("unknown: {allowed} % allowed, {perhaps} % perhaps, {denied} % denied");
    assert!(
        allowed >= 15 && perhaps >= 5 && denied >= 15,
        "unknown: {allowed} % allowed, {perhaps} % perhaps, {denied} % denied"
    );
}
