//! Matching statements against a request: what all layers share.

use super::{Attached, Doubt, Hit, Layer, Request};
use crate::condition;
use crate::name::principal::{CallerKind, Named, named, spared, ways};
use crate::syntax::ast::{Effect, ResourceElement, Statement};
use crate::syntax::resource::ShortArn;
use crate::tri::Tri;

/// How a layer reads the elements that differ between layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) layer: Layer,
    pub(super) level: usize,
    /// Whether `Principal` is read.
    pub(super) principals: bool,
    pub(super) short: ShortArn,
    /// Whether the caller has a permissions boundary, which `NotPrincipal` never spares (rule 18).
    pub(super) bounded: bool,
}

/// The statements of some policies that match the request, or may.
pub(super) fn hits(policies: &[Attached<'_>], request: &Request<'_>, reading: Reading, out: &mut Vec<Hit>) {
    for attached in policies {
        for statement in &attached.policy.statements {
            matching(statement, request, reading, attached.tag, out);
        }
    }
}

fn matching(statement: &Statement, request: &Request<'_>, reading: Reading, tag: u32, out: &mut Vec<Hit>) {
    if !statement.action.matches(request.action) {
        return;
    }
    let who = if reading.principals {
        principals(statement, request, reading)
    } else {
        [Some((None, Tri::True)), None]
    };
    if who == [None, None] {
        return;
    }
    let mut doubts = Vec::new();
    match &statement.resource {
        Some(element) => match resource(element, request, reading.short) {
            Tri::False => return,
            Tri::True => {}
            Tri::Unknown => doubts.extend(unknown_variables(element, request).map(Doubt::Variable)),
        },
        // Only policies that hang on the resource itself may leave it out (rule 30).
        None if !reading.principals || reading.layer == Layer::Rcp => return,
        None => {}
    }
    for (index, condition) in statement.conditions.iter().enumerate() {
        match condition::holds(condition, request.context) {
            Tri::False => return,
            Tri::True => {}
            Tri::Unknown => doubts.push(Doubt::Condition(index)),
        }
    }
    for (named, tri) in who.into_iter().flatten() {
        let mut doubts = doubts.clone();
        if tri == Tri::Unknown {
            let somebody = request.caller.kind == CallerKind::Account;
            doubts.insert(0, if somebody { Doubt::Somebody } else { Doubt::Session });
        }
        out.push(Hit {
            layer: reading.layer,
            level: reading.level,
            tag,
            statement: statement.index,
            effect: statement.effect,
            certainty: if doubts.is_empty() {
                Tri::True
            } else {
                Tri::Unknown
            },
            named,
            doubts,
        });
    }
}

/// A way in which a statement speaks of the caller, and whether it does.
type Way = Option<(Option<Named>, Tri)>;

/// How the statement speaks of the caller: for certain, and perhaps more closely. A statement without `Principal`
/// speaks of nobody.
fn principals(statement: &Statement, request: &Request<'_>, reading: Reading) -> [Way; 2] {
    let Some(element) = &statement.principal else {
        return [None, None];
    };
    if !element.negated {
        let mut ways = ways(element, request.caller).map(|(named, tri)| (Some(named), tri));
        return [ways.next(), ways.next()];
    }
    let tri = match statement.effect {
        Effect::Deny if reading.bounded => Tri::True,
        Effect::Deny => spared(element, request.caller).negate(),
        Effect::Allow => named(element, request.caller)
            .map_or(Tri::False, |(_, tri)| tri)
            .negate(),
    };
    [(tri != Tri::False).then_some((Some(Named::Anyone), tri)), None]
}

fn resource(element: &ResourceElement, request: &Request<'_>, short: ShortArn) -> Tri {
    let any = element
        .patterns
        .iter()
        .map(|pattern| pattern.matches(&request.resource, request.context, short))
        .fold(Tri::False, Tri::or);
    if element.negated { any.negate() } else { any }
}

fn unknown_variables<'a>(
    element: &'a ResourceElement,
    request: &'a Request<'_>,
) -> impl Iterator<Item = String> + 'a {
    element
        .patterns
        .iter()
        .flat_map(|pattern| pattern.variables())
        .filter(|key| matches!(request.context.get(key), condition::Fact::Unknown { .. }))
        .map(str::to_owned)
}
