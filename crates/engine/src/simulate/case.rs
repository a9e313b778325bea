//! From a request to its answer.

use std::sync::Arc;

use serde_json::value::RawValue;
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{
    Attached, Decision, Doubt, Hit, Layer, Policies, Request, Requirement, ResourceRule, Verdict,
    context_keys, decide,
};
use sv0_iam::name::principal::CallerKind;
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::Flavor;
use sv0_iam::syntax::ast::{Effect, Statement};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::tri::Tri;

use super::answer::{Answer, BlockedBy, Deciding, Needed, NoWitness, Part, Witness};
use super::asked::{Asked, Knowledge, Known};
use super::{Compiled, Simulator, tidy};
use crate::exact::{Exact, refine};
use crate::keys::Value;
use crate::solve::Example;

/// Where a policy stands in the request.
pub(super) struct Place {
    path: String,
    compiled: Arc<Compiled>,
}

/// Tags of policies, layer by layer: indexes of places.
#[derive(Default)]
pub(super) struct Tags {
    identity: Vec<u32>,
    boundaries: Vec<u32>,
    session: Option<Vec<u32>>,
    scps: Option<Vec<Vec<u32>>>,
    rcps: Option<Vec<Vec<u32>>>,
    resource: Vec<u32>,
    endpoint: Option<Vec<u32>>,
}

/// A key of which not everything is known.
pub(super) struct Open {
    key: String,
    lower: String,
    /// The value that it has if it is there, where that is known.
    value: Option<Known>,
}

pub(super) struct Case {
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
pub(super) struct Collector<'s> {
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
pub(super) fn resource_rule(action: &str, resource: &str) -> ResourceRule {
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
    pub(super) fn new(simulator: &mut Simulator, asked: &Asked<'_>) -> Result<Self, String> {
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
            context.set_fact(key, Value::from(value.clone()).fact());
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

    pub(super) fn answer(self, id: Option<&RawValue>) -> Answer<'_> {
        let policies = self.policies();
        let mut decision = decide(&self.request(&self.caller, &self.context), &policies);
        let (mut condition, mut witness, mut no_witness, mut counterexample) = (None, None, None, None);
        if decision.verdict == Verdict::AllowedIf {
            let exact = refine(
                &self.request(&self.caller, &self.context),
                &policies,
                &self.choices(),
            );
            if exact.verdict == Verdict::AllowedIf {
                condition = Some(decision.requirements.iter().map(|r| self.needed(r)).collect());
                counterexample = exact.counter.as_ref().map(|example| self.witness(example));
                match self.provable(exact.witness.as_ref()) {
                    Ok(found) => witness = Some(self.witness(found)),
                    Err(text) => no_witness = Some(NoWitness { text }),
                }
            } else {
                decision = self.settled(&policies, &exact);
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
            counterexample,
            context_keys,
            warnings: self.warnings,
        }
    }

    /// Keys of which the value is known, if they are there.
    fn choices(&self) -> Vec<(String, Vec<Value>)> {
        let known = |open: &Open| {
            Some((
                open.lower.clone(),
                vec![open.value.clone()?.into(), Value::Absent],
            ))
        };
        self.open.iter().filter_map(known).collect()
    }

    /// The decision where every case comes out the same: the reasons are those of one case.
    fn settled(&self, policies: &Policies<'_>, exact: &Exact) -> Decision {
        let example = exact.witness.as_ref().or(exact.counter.as_ref());
        let (caller, context) = match example {
            Some(example) => (self.caller_of(example), example.context(&self.context)),
            None => (self.caller.clone(), self.context.clone()),
        };
        let mut decision = decide(&self.request(&caller, &context), policies);
        decision.verdict = exact.verdict;
        decision
    }

    /// An example that is a whole request.
    fn provable<'e>(&self, example: Option<&'e Example>) -> Result<&'e Example, &'static str> {
        match example {
            _ if self.caller.kind == CallerKind::Account => {
                Err("an account is no principal: name one, and give its identity policies")
            }
            Some(example) => Ok(example),
            None => Err("no completion was found that is allowed, and it was not proven that there is none"),
        }
    }

    fn witness(&self, example: &Example) -> Witness {
        let caller = self.caller_of(example);
        let value = |open: &Open| {
            let found = example.keys.iter().find(|(key, _)| *key == open.lower);
            found.map_or(Known::Absent, |(_, value)| value.clone().into())
        };
        Witness {
            principal: (caller.id != self.caller.id).then_some(caller.id),
            context: self
                .open
                .iter()
                .map(|open| (open.key.clone(), value(open)))
                .collect(),
        }
    }

    /// The caller of an example: the session that a statement names, or one that none does.
    fn caller_of(&self, example: &Example) -> Caller {
        let session = match (&example.caller, self.caller.kind) {
            (Some(session), CallerKind::Role) => session.clone(),
            (None, CallerKind::Role) if !example.not_callers.is_empty() => {
                let role = Arn::parse(&self.caller.id).zip(self.caller.role_name());
                let Some((arn, name)) = role else {
                    return self.caller.clone();
                };
                format!(
                    "arn:{}:sts::{}:assumed-role/{name}/sv0-any",
                    arn.partition, arn.account
                )
            }
            _ => return self.caller.clone(),
        };
        let mut caller = Caller::parse(&session);
        caller.account.clone_from(&self.caller.account);
        caller.role_arn = Some(self.caller.id.clone());
        caller
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
