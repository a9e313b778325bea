//! One JSON request in, one JSON decision out: the evaluator for whoever wants to test it.
//!
//! The format is in `docs/simulate.md` and `docs/simulate.schema.json`. A request says everything that bears on it: no
//! input but the line is read, and a context key that the line does not name is absent. Keys listed as `unknown` make
//! the answer `allowed_if` where they decide; then some completion of them is looked for that is really allowed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::catalog::Catalog;
use crate::condition::{Context, Fact, Family, Quantifier, date, ip};
use crate::decide::{
    Attached, Decision, Doubt, Hit, Layer, Policies, Request, Requirement, ResourceRule, Verdict,
    context_keys, decide,
};
use crate::name::principal::CallerKind;
use crate::name::{Arn, Caller};
use crate::syntax::ast::{Condition, Effect, Policy, PrincipalEntry, Statement};
use crate::syntax::resource::ResourceName;
use crate::syntax::{Flavor, Severity, parse};
use crate::tri::Tri;

/// Completions of the unknown keys that are tried at most.
pub const MAX_COMPLETIONS: usize = 4096;

/// What compiled policies may take before they are forgotten, measured by their text.
const CACHE_BYTES: usize = 16 << 20;

/// A value that no policy is likely to name.
const FRESH: &str = "sv0-any";
const FRESH_ARN: &str = "arn:aws:iam::000000000000:role/sv0-any";

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// It was no request; the answer says why.
    Failed,
    /// It was blank: there is no answer.
    Blank,
}

/// Answers requests, and remembers the policies that it has compiled.
#[derive(Debug, Default)]
pub struct Simulator {
    cache: FxHashMap<Flavor, FxHashMap<Box<str>, Arc<Compiled>>>,
    held: usize,
}

/// A policy as it stands in requests.
#[derive(Debug)]
struct Compiled {
    policy: Policy,
    name: Option<String>,
    /// What is odd about it.
    remarks: Vec<String>,
}

impl Simulator {
    /// Answers a line: appends one line of JSON to `out`. `number` is for the message where the line is no request.
    pub fn answer(&mut self, number: usize, line: &[u8], out: &mut Vec<u8>) -> Outcome {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Outcome::Blank;
        }
        match self.decided(line) {
            Ok(answer) => {
                write(&answer, out);
                Outcome::Answered
            }
            Err(error) => {
                let id = serde_json::from_slice(line)
                    .ok()
                    .and_then(|line: JustId<'_>| line.id);
                write(&Failed::new(id, number, &error), out);
                Outcome::Failed
            }
        }
    }

    /// Writes the answer to a line that cannot be read at all.
    pub fn refuse(number: usize, why: &str, out: &mut Vec<u8>) {
        write(&Failed::new(None, number, why), out);
    }

    fn decided<'a>(&mut self, line: &'a [u8]) -> Result<Answer<'a>, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("not UTF-8: {error}"))?;
        let asked: Asked<'a> = serde_json::from_str(text).map_err(|error| tidy(&error))?;
        let case = Case::new(self, &asked)?;
        Ok(case.answer(asked.id))
    }

    fn compile(&mut self, raw: &RawValue, flavor: Flavor) -> Result<Arc<Compiled>, String> {
        let text = raw.get();
        let of_flavor = self.cache.entry(flavor).or_default();
        if let Some(known) = of_flavor.get(text) {
            return Ok(Arc::clone(known));
        }
        let compiled = Arc::new(compile(text, flavor)?);
        self.held += text.len();
        if self.held > CACHE_BYTES {
            self.held = text.len();
            self.cache.clear();
        }
        let of_flavor = self.cache.entry(flavor).or_default();
        of_flavor.insert(text.into(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

fn write(answer: &impl Serialize, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *out, answer);
    debug_assert!(
        written.is_ok(),
        "memory takes everything, and everything here has a JSON form"
    );
    out.push(b'\n');
}

/// serde_json's message; "line 1" would be taken for the line of the file.
fn tidy(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

/// A policy may be its document, the document's text in a string, or `{"name": …, "policy": either}`.
fn compile(text: &str, flavor: Flavor) -> Result<Compiled, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped<'a> {
        name: Option<String>,
        #[serde(borrow)]
        policy: &'a RawValue,
    }
    let (name, text) = match serde_json::from_str::<Wrapped<'_>>(text) {
        Ok(wrapped) => (wrapped.name, wrapped.policy.get()),
        Err(_) => (None, text),
    };
    let document: Cow<'_, str> = if text.starts_with('"') {
        serde_json::from_str::<String>(text)
            .map_err(|error| tidy(&error))?
            .into()
    } else {
        text.into()
    };
    let (policy, diagnostics) = parse(&document, flavor);
    let remark = |d: &crate::syntax::Diagnostic| match d.severity {
        Severity::Error => format!("AWS would refuse this: {d}"),
        Severity::Warning => d.to_string(),
    };
    let remarks: Vec<String> = diagnostics.iter().map(remark).collect();
    match policy {
        Some(policy) => Ok(Compiled {
            policy,
            name,
            remarks,
        }),
        None => Err(diagnostics
            .first()
            .map_or_else(|| "no policy".to_owned(), ToString::to_string)),
    }
}

// ---- requests ----

#[derive(Deserialize)]
struct JustId<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    principal: Cow<'a, str>,
    principal_account: Option<String>,
    principal_role: Option<String>,
    federated_by: Option<String>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    resource: Cow<'a, str>,
    resource_account: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    context: BTreeMap<String, Known>,
    #[serde(default, deserialize_with = "or_default")]
    unknown: Vec<Unknown>,
    #[serde(borrow, default)]
    identity_policies: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    resource_policy: Option<&'a RawValue>,
    #[serde(borrow, default)]
    permission_boundaries: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    session_policy: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_control_policies: Option<Vec<Vec<&'a RawValue>>>,
    #[serde(borrow, default)]
    resource_control_policies: Option<Vec<Vec<&'a RawValue>>>,
    #[serde(borrow, default)]
    endpoint_policies: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "or_default")]
    block_public_access: bool,
    #[serde(default, deserialize_with = "or_default")]
    explain: bool,
}

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Something known of a context key.
#[derive(Debug, Clone, PartialEq)]
enum Known {
    One(String),
    Many(Vec<String>),
    Absent,
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Known;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or a list of strings for a multivalued key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Known, E> {
                Ok(Known::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Known, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = items.next_element()? {
                    out.push(item);
                }
                Ok(Known::Many(out))
            }
        }
        from.deserialize_any(OneOrMany)
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => to.serialize_str(text),
            Self::Many(texts) => texts.serialize(to),
            Self::Absent => to.serialize_none(),
        }
    }
}

impl Known {
    fn fact(&self) -> Fact<'_> {
        match self {
            Self::One(text) => Fact::One(text),
            Self::Many(texts) => Fact::Many(texts),
            Self::Absent => Fact::Absent,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unknown {
    key: String,
    presence: Knowledge,
    value: Knowledge,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Knowledge {
    Known,
    Unknown,
}

// ---- answers ----

#[derive(Serialize)]
struct Failed<'a> {
    id: Option<&'a RawValue>,
    line: usize,
    error: String,
}

impl<'a> Failed<'a> {
    fn new(id: Option<&'a RawValue>, line: usize, error: &str) -> Self {
        Self {
            id,
            line,
            error: format!("line {line}: {error}"),
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    id: Option<&'a RawValue>,
    decision: &'static str,
    blocked_by: Vec<BlockedBy>,
    deciding: Vec<Deciding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Vec<Needed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_witness: Option<NoWitness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct BlockedBy {
    layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    explicit: bool,
}

#[derive(Serialize)]
struct Deciding {
    layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    effect: &'static str,
    certain: bool,
}

#[derive(Serialize)]
struct Needed {
    /// In words, all of it.
    text: String,
    /// Whether it belongs to a denial, so that not all of it may hold.
    negated: bool,
    layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<usize>,
    all: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Witness {
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(serialize_with = "as_map")]
    context: Vec<(String, Known)>,
}

fn as_map<S: Serializer>(pairs: &[(String, Known)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(pairs.len()))?;
    for (key, value) in pairs {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

#[derive(Serialize)]
struct NoWitness {
    tried: usize,
    complete: bool,
    text: &'static str,
}

// ---- from one to the other ----

/// Where a policy stands in the request.
struct Place {
    path: String,
    compiled: Arc<Compiled>,
}

/// Tags of policies, layer by layer: indexes of places.
#[derive(Default)]
struct Tags {
    identity: Vec<u32>,
    boundaries: Vec<u32>,
    session: Option<Vec<u32>>,
    scps: Option<Vec<Vec<u32>>>,
    rcps: Option<Vec<Vec<u32>>>,
    resource: Vec<u32>,
    endpoint: Option<Vec<u32>>,
}

/// A key of which not everything is known.
struct Open {
    key: String,
    lower: String,
    maybe_absent: bool,
    /// The value that it has if it is there, where that is known.
    value: Option<Known>,
}

struct Case {
    caller: Caller,
    action: String,
    resource: String,
    resource_account: Option<String>,
    context: Context,
    open: Vec<Open>,
    places: Vec<Place>,
    tags: Tags,
    rule: ResourceRule,
    block_public_access: bool,
    explain: bool,
    warnings: Vec<String>,
}

/// The places of a request's policies, while they are collected.
struct Collector<'s> {
    simulator: &'s mut Simulator,
    places: Vec<Place>,
    warnings: Vec<String>,
}

impl Collector<'_> {
    fn one(&mut self, raw: &RawValue, flavor: Flavor, path: String) -> Result<u32, String> {
        let compiled = self
            .simulator
            .compile(raw, flavor)
            .map_err(|error| format!("{path}: {error}"))?;
        let remarks = compiled.remarks.iter();
        self.warnings
            .extend(remarks.map(|remark| format!("{path}: {remark}")));
        let tag = u32::try_from(self.places.len()).map_err(|_| "too many policies".to_owned())?;
        self.places.push(Place { path, compiled });
        Ok(tag)
    }

    fn list(
        &mut self,
        list: Option<&Vec<&RawValue>>,
        flavor: Flavor,
        field: &str,
    ) -> Result<Vec<u32>, String> {
        let items = list.into_iter().flatten().enumerate();
        items
            .map(|(at, raw)| self.one(raw, flavor, format!("{field}[{at}]")))
            .collect()
    }

    /// One policy, or a list of them.
    fn some(
        &mut self,
        raw: Option<&RawValue>,
        flavor: Flavor,
        field: &str,
    ) -> Result<Option<Vec<u32>>, String> {
        let Some(raw) = raw else {
            return Ok(None);
        };
        if raw.get().starts_with('[') {
            let list: Vec<&RawValue> =
                serde_json::from_str(raw.get()).map_err(|error| format!("{field}: {}", tidy(&error)))?;
            return self.list(Some(&list), flavor, field).map(Some);
        }
        self.one(raw, flavor, field.to_owned()).map(|tag| Some(vec![tag]))
    }

    fn levels(
        &mut self,
        levels: Option<&Vec<Vec<&RawValue>>>,
        flavor: Flavor,
        field: &str,
    ) -> Result<Option<Vec<Vec<u32>>>, String> {
        let Some(levels) = levels else {
            return Ok(None);
        };
        let lists = levels
            .iter()
            .enumerate()
            .map(|(level, list)| self.list(Some(list), flavor, &format!("{field}[{level}]")));
        lists.collect::<Result<_, _>>().map(Some)
    }
}

/// Whether the resource's own policy must allow even within the account: KMS keys and role trust (rules 5 and 6).
fn resource_rule(action: &str, resource: &str) -> ResourceRule {
    let Some((service, _)) = action.split_once(':') else {
        return ResourceRule::Either;
    };
    let Some(arn) = Arn::parse(resource) else {
        return ResourceRule::Either;
    };
    let of = |wanted: &str, owner: &str, word: &str| {
        service.eq_ignore_ascii_case(wanted)
            && arn.service == owner
            && arn.typed().is_some_and(|(kind, _)| kind == word)
    };
    if of("kms", "kms", "key") || of("sts", "iam", "role") {
        ResourceRule::Required
    } else {
        ResourceRule::Either
    }
}

impl Case {
    fn new(simulator: &mut Simulator, asked: &Asked<'_>) -> Result<Self, String> {
        let (action, resource) = (&*asked.action, &*asked.resource);
        match action.split_once(':') {
            Some((service, name))
                if !service.is_empty() && !name.is_empty() && !action.contains(['*', '?']) => {}
            _ => {
                return Err(format!(
                    "`{action}` is not an action: give one, such as s3:GetObject"
                ));
            }
        }
        if resource.is_empty() {
            return Err(
                "`resource` is empty: give an ARN, or `*` for actions that take no resource".to_owned(),
            );
        }
        let mut caller = Caller::parse(&asked.principal);
        if asked.principal_account.is_some() {
            caller.account.clone_from(&asked.principal_account);
        }
        caller.role_arn.clone_from(&asked.principal_role);
        caller.by_user.clone_from(&asked.federated_by);

        let mut warnings = Vec::new();
        if Catalog::embedded().id_of(action).is_none() {
            warnings.push(format!("`{action}` is no action that this sv0 knows"));
        }
        let rule = resource_rule(action, resource);
        let trust =
            rule == ResourceRule::Required && Arn::parse(resource).is_some_and(|a| a.service == "iam");
        let resource_flavor = if trust { Flavor::Trust } else { Flavor::Resource };
        if rule == ResourceRule::Required && asked.resource_policy.is_none() {
            let what = if trust {
                "a role has a trust policy"
            } else {
                "a key has a key policy"
            };
            warnings.push(format!(
                "resource_policy: none is given, but {what}; without one nobody is allowed"
            ));
        }

        let mut collector = Collector {
            simulator,
            places: Vec::new(),
            warnings,
        };
        let c = &mut collector;
        let tags = Tags {
            identity: c.list(
                asked.identity_policies.as_ref(),
                Flavor::Identity,
                "identity_policies",
            )?,
            boundaries: c.list(
                asked.permission_boundaries.as_ref(),
                Flavor::Identity,
                "permission_boundaries",
            )?,
            session: c.some(asked.session_policy, Flavor::Identity, "session_policy")?,
            scps: c.levels(
                asked.service_control_policies.as_ref(),
                Flavor::Scp,
                "service_control_policies",
            )?,
            rcps: c.levels(
                asked.resource_control_policies.as_ref(),
                Flavor::Rcp,
                "resource_control_policies",
            )?,
            resource: c
                .some(asked.resource_policy, resource_flavor, "resource_policy")?
                .unwrap_or_default(),
            endpoint: Some(c.list(
                asked.endpoint_policies.as_ref(),
                Flavor::Resource,
                "endpoint_policies",
            )?)
            .filter(|tags| !tags.is_empty()),
        };
        let Collector { places, warnings, .. } = collector;

        let mut context = Context::closed();
        for (key, value) in &asked.context {
            context.set_fact(key, value.fact());
        }
        let mut open: Vec<Open> = Vec::new();
        for unknown in &asked.unknown {
            let lower = unknown.key.to_ascii_lowercase();
            let given = asked
                .context
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(&unknown.key))
                .map(|(_, value)| value.clone());
            let value = match unknown.value {
                Knowledge::Unknown => None,
                Knowledge::Known => Some(given.ok_or_else(|| {
                    format!(
                        "unknown: the value of `{}` is said to be known, but `context` has none",
                        unknown.key
                    )
                })?),
            };
            let maybe_absent = unknown.presence == Knowledge::Unknown;
            if !maybe_absent && value.is_some() {
                continue;
            }
            open.retain(|other| other.lower != lower);
            context.set_unknown(&lower, maybe_absent);
            open.push(Open {
                key: unknown.key.clone(),
                lower,
                maybe_absent,
                value,
            });
        }
        let resource_account = asked
            .resource_account
            .clone()
            .or_else(|| Arn::parse(resource)?.account_id().map(str::to_owned));
        Ok(Self {
            caller,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account,
            context,
            open,
            places,
            tags,
            rule,
            block_public_access: asked.block_public_access,
            explain: asked.explain,
            warnings,
        })
    }

    fn request<'a>(&'a self, caller: &'a Caller, context: &'a Context) -> Request<'a> {
        Request {
            caller,
            action: &self.action,
            resource: ResourceName::new(&self.resource),
            resource_account: self.resource_account.as_deref(),
            context,
        }
    }

    fn policies(&self) -> Policies<'_> {
        let attached = |tags: &[u32]| -> Vec<Attached<'_>> {
            tags.iter()
                .filter_map(|tag| {
                    let place = self.places.get(*tag as usize)?;
                    Some(Attached {
                        policy: &place.compiled.policy,
                        tag: *tag,
                    })
                })
                .collect()
        };
        let levels = |levels: &Option<Vec<Vec<u32>>>| {
            levels
                .as_ref()
                .map(|levels| levels.iter().map(|tags| attached(tags)).collect())
        };
        Policies {
            identity: attached(&self.tags.identity),
            identity_unknown: false,
            boundaries: attached(&self.tags.boundaries),
            session: self.tags.session.as_deref().map(attached),
            scps: levels(&self.tags.scps),
            rcps: levels(&self.tags.rcps),
            resource: attached(&self.tags.resource),
            endpoint: self.tags.endpoint.as_deref().map(attached),
            resource_rule: self.rule,
            block_public_access: self.block_public_access,
        }
    }

    fn answer(self, id: Option<&RawValue>) -> Answer<'_> {
        let policies = self.policies();
        let mut decision = decide(&self.request(&self.caller, &self.context), &policies);
        if decision.verdict == Verdict::AllowedIf {
            decision = self.counted(&policies).unwrap_or(decision);
        }
        let (mut condition, mut witness, mut no_witness) = (None, None, None);
        if decision.verdict == Verdict::AllowedIf {
            condition = Some(decision.requirements.iter().map(|r| self.needed(r)).collect());
            match self.search(&policies, &decision) {
                Ok(found) => witness = Some(found),
                Err(none) => no_witness = Some(none),
            }
        }
        let context_keys = self
            .explain
            .then(|| context_keys(&self.request(&self.caller, &self.context), &policies));
        let blocked_by = decision.blocks.iter().map(|block| BlockedBy {
            layer: block.layer.as_str(),
            level: level(block.layer, block.level),
            explicit: block.explicit,
        });
        let deciding = decision.deciding().map(|hit| self.deciding(hit));
        let (blocked_by, deciding) = (blocked_by.collect(), deciding.collect());
        drop(policies);
        Answer {
            id,
            decision: decision.verdict.as_str(),
            blocked_by,
            deciding,
            condition,
            witness,
            no_witness,
            context_keys,
            warnings: self.warnings,
        }
    }

    fn statement(&self, hit: &Hit) -> Option<&Statement> {
        let place = self.places.get(hit.tag as usize)?;
        let mut statements = place.compiled.policy.statements.iter();
        statements.find(|statement| statement.index == hit.statement)
    }

    fn path(&self, hit: &Hit) -> String {
        self.places
            .get(hit.tag as usize)
            .map_or_else(String::new, |place| place.path.clone())
    }

    fn deciding(&self, hit: &Hit) -> Deciding {
        let place = self.places.get(hit.tag as usize);
        Deciding {
            layer: hit.layer.as_str(),
            level: level(hit.layer, hit.level),
            policy: self.path(hit),
            name: place.and_then(|place| place.compiled.name.clone()),
            statement: hit.statement,
            sid: self
                .statement(hit)
                .and_then(|s| s.sid.as_deref())
                .map(str::to_owned),
            effect: effect(hit.effect),
            certain: hit.certainty == Tri::True,
        }
    }

    fn needed(&self, requirement: &Requirement) -> Needed {
        let hit = match requirement {
            Requirement::ForeignIdentity => {
                let text = "an identity policy of the principal allows it".to_owned();
                return Needed {
                    text: text.clone(),
                    negated: false,
                    layer: Layer::Identity.as_str(),
                    policy: None,
                    statement: None,
                    all: vec![Part {
                        text,
                        key: None,
                        operator: None,
                        values: None,
                    }],
                };
            }
            Requirement::Hit(hit) => hit,
        };
        let statement = self.statement(hit);
        let all: Vec<Part> = hit.doubts.iter().map(|doubt| part(doubt, statement)).collect();
        let texts: Vec<&str> = all.iter().map(|part| part.text.as_str()).collect();
        let negated = hit.effect == Effect::Deny;
        let text = if negated {
            format!("not ({})", texts.join(" and "))
        } else {
            texts.join(" and ")
        };
        Needed {
            text,
            negated,
            layer: hit.layer.as_str(),
            policy: Some(self.path(hit)),
            statement: Some(hit.statement),
            all,
        }
    }

    /// The exact answer where every value is known and only presence is not: each combination is asked.
    fn counted(&self, policies: &Policies<'_>) -> Option<Decision> {
        let choices: Option<Vec<Vec<Known>>> = self
            .open
            .iter()
            .map(|open| Some(vec![open.value.clone()?, Known::Absent]))
            .collect();
        let choices = choices?;
        if choices.is_empty() || combinations(&choices) > MAX_COMPLETIONS {
            return None;
        }
        let (mut allowed, mut denied): (Option<Decision>, Option<Decision>) = (None, None);
        let mut at = vec![0; choices.len()];
        let mut context = self.context.clone();
        loop {
            self.complete(&mut context, &choices, &at);
            let decision = decide(&self.request(&self.caller, &context), policies);
            match decision.verdict {
                Verdict::AllowedIf => return None,
                Verdict::Allowed => allowed = Some(decision),
                // The mildest denial: that a statement denies in some cases only is not why.
                Verdict::ImplicitDeny => denied = Some(decision),
                Verdict::ExplicitDeny => denied = denied.or(Some(decision)),
            }
            if allowed.is_some() && denied.is_some() {
                return None;
            }
            if !advance(&mut at, &choices) {
                return allowed.or(denied);
            }
        }
    }

    fn complete(&self, context: &mut Context, choices: &[Vec<Known>], at: &[usize]) {
        for ((open, choices), index) in self.open.iter().zip(choices).zip(at) {
            if let Some(value) = choices.get(*index) {
                context.set_fact(&open.lower, value.fact());
            }
        }
    }

    /// Looks for a completion of what is unknown that is allowed for certain.
    fn search(&self, policies: &Policies<'_>, decision: &Decision) -> Result<Witness, NoWitness> {
        if decision.requirements.contains(&Requirement::ForeignIdentity) {
            return Err(NoWitness {
                tried: 0,
                complete: false,
                text: "an account is no principal: name one, and give its identity policies",
            });
        }
        let statements: Vec<&Statement> = decision
            .hits
            .iter()
            .filter_map(|hit| self.statement(hit))
            .collect();
        let choices: Vec<Vec<Known>> = self
            .open
            .iter()
            .map(|open| self.choices(open, &statements))
            .collect();
        let callers = self.callers(decision, &statements);
        let mut tried = 0;
        let mut context = self.context.clone();
        for caller in &callers {
            let mut at = vec![0; choices.len()];
            loop {
                if tried == MAX_COMPLETIONS {
                    return Err(NoWitness {
                        tried,
                        complete: false,
                        text: "no completion was found that is allowed; there are more than were tried",
                    });
                }
                tried += 1;
                self.complete(&mut context, &choices, &at);
                let verdict = decide(&self.request(caller, &context), policies).verdict;
                if verdict == Verdict::Allowed {
                    let values = choices.iter().zip(&at);
                    let pairs = self.open.iter().zip(values);
                    return Ok(Witness {
                        principal: (caller.id != self.caller.id).then(|| caller.id.clone()),
                        context: pairs
                            .filter_map(|(open, (choices, index))| {
                                Some((open.key.clone(), choices.get(*index)?.clone()))
                            })
                            .collect(),
                    });
                }
                if !advance(&mut at, &choices) {
                    break;
                }
            }
        }
        Err(NoWitness {
            tried,
            complete: true,
            text: "none of the values that the statements suggest is allowed: their conditions may contradict each \
                   other",
        })
    }

    /// The callers to try: where a statement names one session of the role that asks, its sessions.
    fn callers(&self, decision: &Decision, statements: &[&Statement]) -> Vec<Caller> {
        let by_session = decision
            .hits
            .iter()
            .any(|hit| hit.doubts.contains(&Doubt::Session));
        let role = Arn::parse(&self.caller.id).zip(self.caller.role_name());
        let (true, CallerKind::Role, Some((arn, name))) = (by_session, self.caller.kind, role) else {
            return vec![self.caller.clone()];
        };
        let prefix = format!("arn:{}:sts::{}:assumed-role/{name}/", arn.partition, arn.account);
        let entries = statements
            .iter()
            .filter_map(|s| s.principal.as_ref())
            .flat_map(|p| &p.entries);
        let mut sessions: Vec<String> = entries
            .filter_map(|entry| match entry {
                PrincipalEntry::Arn(arn) if arn.starts_with(&prefix) => Some(arn.to_string()),
                _ => None,
            })
            .collect();
        sessions.push(format!("{prefix}{FRESH}"));
        sessions.sort();
        sessions.dedup();
        let session = |id: String| {
            let mut caller = Caller::parse(&id);
            caller.account.clone_from(&self.caller.account);
            caller.role_arn = Some(self.caller.id.clone());
            caller
        };
        sessions.into_iter().map(session).collect()
    }

    /// The values of a key that the statements tell apart, as far as they are easily found.
    fn choices(&self, open: &Open, statements: &[&Statement]) -> Vec<Known> {
        if let Some(value) = &open.value {
            return vec![value.clone(), Known::Absent];
        }
        // Values that hold unknown variables are tried with one that is the same everywhere.
        let mut fresh = self.context.clone();
        for other in &self.open {
            fresh.set(&other.lower, FRESH);
        }
        let mut texts: Vec<String> = Vec::new();
        let (mut plain, mut quantified, mut arns) = (false, false, false);
        for condition in statements.iter().flat_map(|s| &s.conditions) {
            let own = *condition.key == *open.lower;
            if let (true, Some(operator)) = (own, condition.operator) {
                let list = operator.quantifier != Quantifier::None;
                quantified |= list;
                plain |= !list && operator.family != Family::Null;
                arns |= operator.family == Family::Arn;
                offers(condition, operator.family, &fresh, &mut texts);
            } else if !own {
                let values = condition.values.iter();
                for value in values.filter(|v| v.variables().any(|key| *key == *open.lower)) {
                    match self.context.get(&condition.key) {
                        Fact::One(known) => solved(value.as_str(), known, &mut texts),
                        Fact::Many(known) => known.iter().for_each(|k| solved(value.as_str(), k, &mut texts)),
                        Fact::Absent | Fact::Unknown { .. } => {}
                    }
                }
            }
        }
        let patterns = statements
            .iter()
            .filter_map(|s| s.resource.as_ref())
            .flat_map(|r| &r.patterns);
        for pattern in patterns.filter(|p| p.variables().contains(&&*open.lower)) {
            solved(pattern.as_str(), &self.resource, &mut texts);
        }
        if arns {
            texts.push(FRESH_ARN.to_owned());
        }
        texts.push(FRESH.to_owned());
        let mut seen = std::collections::HashSet::new();
        texts.retain(|text| seen.insert(text.clone()));

        let known = Catalog::embedded().find_condition_key(&open.lower);
        let (one, many) = match known {
            Some(key) => (!key.is_multivalued(), key.is_multivalued()),
            None => (plain || !quantified, quantified),
        };
        let mut out = Vec::new();
        if many {
            out.extend(texts.iter().map(|text| Known::Many(vec![text.clone()])));
            if texts.len() > 2 {
                let named = texts.iter().filter(|text| *text != FRESH && *text != FRESH_ARN);
                out.push(Known::Many(named.cloned().collect()));
            }
        }
        if one {
            out.extend(texts.into_iter().map(Known::One));
        }
        if open.maybe_absent {
            out.push(Known::Absent);
        }
        out
    }
}

const fn level(layer: Layer, level: usize) -> Option<usize> {
    match layer {
        Layer::Scp | Layer::Rcp | Layer::Boundary => Some(level),
        _ => None,
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

fn part(doubt: &Doubt, statement: Option<&Statement>) -> Part {
    let text = |text: String| Part {
        text,
        key: None,
        operator: None,
        values: None,
    };
    match doubt {
        Doubt::Condition(index) => match statement.and_then(|s| s.conditions.get(*index)) {
            Some(condition) => Part {
                text: condition.to_text(),
                key: Some(condition.key_text.to_string()),
                operator: Some(condition.operator_text.to_string()),
                values: Some(condition.values.iter().map(|v| v.as_str().to_owned()).collect()),
            },
            None => text(format!("condition {index}")),
        },
        Doubt::Variable(key) => Part {
            key: Some(key.clone()),
            ..text(format!("`${{{key}}}` makes the resource match"))
        },
        Doubt::Session => text("the caller is the session that the statement names".to_owned()),
        Doubt::Somebody => text("the caller is the principal that the statement names".to_owned()),
    }
}

fn combinations(choices: &[Vec<Known>]) -> usize {
    choices.iter().fold(1, |all, some| all.saturating_mul(some.len()))
}

/// Counts on; false after the last combination.
fn advance(at: &mut [usize], choices: &[Vec<Known>]) -> bool {
    for (index, choices) in at.iter_mut().zip(choices) {
        *index += 1;
        if *index < choices.len() {
            return true;
        }
        *index = 0;
    }
    false
}

/// Values around those that a condition names.
fn offers(condition: &Condition, family: Family, context: &Context, out: &mut Vec<String>) {
    for value in &condition.values {
        let Ok(Some(text)) = value.literal(context) else {
            continue;
        };
        match family {
            Family::StringEquals | Family::StringEqualsIgnoreCase | Family::Binary => {
                out.push(text.into_owned())
            }
            Family::StringLike | Family::Arn => {
                let one = text.replace('?', "x");
                out.push(one.replace('*', ""));
                out.push(one.replace('*', FRESH));
            }
            Family::Numeric(_) => {
                out.push(text.to_string());
                if let Ok(number) = text.parse::<f64>() {
                    out.extend([number + 1.0, number - 1.0].map(|n| n.to_string()));
                }
            }
            Family::Date(_) => {
                out.push(text.to_string());
                if let Some(nanos) = date::parse(&text) {
                    let seconds = nanos.div_euclid(1_000_000_000);
                    out.extend([seconds - 1, seconds + 1].map(|s| s.to_string()));
                }
            }
            Family::Ip => {
                out.extend(ip::Range::parse(&text).map(|range| range.address.to_string()));
            }
            Family::Bool | Family::Null => {}
        }
    }
    match family {
        Family::Bool => out.extend(["true", "false"].map(str::to_owned)),
        Family::Ip => out.extend(["192.0.2.1", "203.0.113.1", "2001:db8::1", "fd00::1"].map(str::to_owned)),
        Family::Binary => out.push("c3YwLWFueQ==".to_owned()),
        _ => {}
    }
}

/// What a variable of `template` may have to be for it to give `wanted`.
fn solved(template: &str, wanted: &str, out: &mut Vec<String>) {
    if let Some((before, rest)) = template.split_once("${")
        && let Some((_, after)) = rest.split_once('}')
        && let Some(value) = wanted.strip_prefix(before).and_then(|w| w.strip_suffix(after))
        && !value.is_empty()
    {
        out.push(value.to_owned());
    }
    let pieces = wanted
        .split(['/', ':', '-', '_', '.'])
        .filter(|piece| !piece.is_empty());
    out.extend(pieces.take(16).map(str::to_owned));
    out.push(wanted.to_owned());
}

#[cfg(test)]
mod tests;
