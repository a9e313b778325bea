//! Which context keys an answer hangs on: those that, with another value, or by being there or not, could turn a
//! denial into an allowed request, or the reverse, while everything else stays as it is.
//!
//! Plainly: every key that a statement in question mentions is taken for unknown in its turn, and the request is decided
//! again. So it costs as many decisions as there are such keys, and is for those who ask for it. Two keys that would have
//! to change together are not found; a key of conditions that contradict each other may be named although no value of it
//! helps, as with `allowed_if`.

use std::collections::BTreeMap;

use super::{Attached, Decision, Doubt, Hit, Layer, Policies, Request, Verdict, decide};
use crate::condition::{Context, Fact};
use crate::syntax::ast::Statement;

/// The keys by which it could change whether a request is allowed, in alphabetical order, as the policies spell them.
/// Where the answer is `allowed_if`: the unknown keys that it hangs on.
///
/// Which of the two denials it is, explicit or implicit, is no change.
#[must_use]
pub fn context_keys(request: &Request<'_>, policies: &Policies<'_>) -> Vec<String> {
    let decision = decide(request, policies);
    let keys = if decision.verdict == Verdict::AllowedIf {
        doubted(&decision, policies, request.context)
    } else {
        let mut keys = mentioned(request, policies);
        keys.retain(|key, _| could_change(key, decision.verdict, request, policies));
        keys
    };
    keys.into_values().collect()
}

/// Keys by their lower case, with their spelling.
type Keys = BTreeMap<String, String>;

fn could_change(key: &str, before: Verdict, request: &Request<'_>, policies: &Policies<'_>) -> bool {
    let mut context = request.context.clone();
    context.set_unknown(key, true);
    let request = Request {
        context: &context,
        ..*request
    };
    let after = decide(&request, policies).verdict;
    after == Verdict::AllowedIf || after.possible() != before.possible()
}

/// The keys of the statements that may match the request in some context or other: those of the conditions and of the
/// variables.
fn mentioned(request: &Request<'_>, policies: &Policies<'_>) -> Keys {
    let open = Context::open();
    let anyhow = Request {
        context: &open,
        ..*request
    };
    let mut keys = Keys::new();
    for hit in decide(&anyhow, policies).hits {
        for statement in statements(policies, &hit) {
            let patterns = statement.resource.iter().flat_map(|element| &element.patterns);
            for variable in patterns.flat_map(|pattern| pattern.variables()) {
                note(&mut keys, variable);
            }
            for condition in &statement.conditions {
                note(&mut keys, &condition.key_text);
                for variable in condition.values.iter().flat_map(|value| value.variables()) {
                    note(&mut keys, variable);
                }
            }
        }
    }
    keys
}

/// The unknown keys because of which statements are uncertain.
fn doubted(decision: &Decision, policies: &Policies<'_>, context: &Context) -> Keys {
    let mut keys = Keys::new();
    let unknown = |key: &str| matches!(context.get(key), Fact::Unknown { .. });
    for hit in &decision.hits {
        for doubt in &hit.doubts {
            match doubt {
                Doubt::Condition(index) => {
                    let conditions = statements(policies, hit).filter_map(|s| s.conditions.get(*index));
                    for condition in conditions {
                        if unknown(&condition.key) {
                            note(&mut keys, &condition.key_text);
                        }
                        let variables = condition.values.iter().flat_map(|value| value.variables());
                        for variable in variables.filter(|key| unknown(key)) {
                            note(&mut keys, variable);
                        }
                    }
                }
                Doubt::Variable(key) => note(&mut keys, key),
                // Who asks is no key.
                Doubt::Session | Doubt::Somebody => {}
            }
        }
    }
    keys
}

/// A variable's key is kept in lower case, so a condition's spelling is preferred.
fn note(keys: &mut Keys, key: &str) {
    let lower = key.to_ascii_lowercase();
    match keys.get_mut(&lower) {
        Some(spelling) if *spelling == lower => key.clone_into(spelling),
        Some(_) => {}
        None => {
            keys.insert(lower, key.to_owned());
        }
    }
}

/// The statement of a hit; several, where the asker has given policies of one layer the same tag.
fn statements<'p>(policies: &Policies<'p>, hit: &Hit) -> impl Iterator<Item = &'p Statement> + use<'p> {
    let level = |levels: &Option<Vec<Vec<Attached<'p>>>>| {
        levels
            .as_ref()
            .and_then(|levels| levels.get(hit.level))
            .cloned()
            .unwrap_or_default()
    };
    let attached: Vec<Attached<'p>> = match hit.layer {
        Layer::Identity => policies.identity.clone(),
        Layer::Boundary => policies.boundaries.get(hit.level).copied().into_iter().collect(),
        Layer::Session => policies.session.clone().unwrap_or_default(),
        Layer::Scp => level(&policies.scps),
        Layer::Rcp => level(&policies.rcps),
        Layer::Resource => policies.resource.clone(),
        Layer::Endpoint => policies.endpoint.clone().unwrap_or_default(),
        Layer::Protected | Layer::BlockPublicAccess => Vec::new(),
    };
    let (tag, index) = (hit.tag, hit.statement);
    attached
        .into_iter()
        .filter(move |attached| attached.tag == tag)
        .flat_map(move |attached| {
            attached
                .policy
                .statements
                .iter()
                .filter(move |s| s.index == index)
        })
}
