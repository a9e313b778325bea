//! Is there any request of a caller that fits a pattern and is allowed? "Can anything be written below `logs/` without
//! MFA?" is one question, whatever the names and the actions.

use std::collections::BTreeMap;

use sv0_iam::catalog::{ActionId, Catalog};
use sv0_iam::condition::Context;
use sv0_iam::decide::Policies;
use sv0_iam::name::{ActionPattern, Caller};
use sv0_iam::syntax::ast::Statement;
use sv0_iam::syntax::resource::{ResourceName, ResourcePattern, ShortArn};

use crate::actions::alike;
use crate::compose::{Question, Stands, compose};
use crate::forms::forms_of_all;
use crate::formula::{Atom, Formula};
use crate::lang::Search;
use crate::matching::{Set, Subject, set};
use crate::solve::{Example, Room, solve};

/// What requests are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Pattern<'p> {
    /// Who asks.
    pub caller: &'p Caller,
    /// The actions.
    pub action: &'p ActionPattern,
    /// The resources; none for every one.
    pub resource: Option<&'p ResourcePattern>,
    /// Whose the resources are; none where they are the caller's.
    pub resource_account: Option<&'p str>,
    /// What is known of the context; the rest may be anything.
    pub context: &'p Context,
}

/// A request that fits and is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The action.
    pub action: ActionId,
    /// The resource.
    pub resource: String,
    /// What the context must be.
    pub example: Example,
}

/// Looks for one.
#[must_use]
pub fn any(pattern: &Pattern<'_>, policies: &Policies<'_>) -> Search<Allowed> {
    let mut statements: Vec<&Statement> = Vec::new();
    let bare = question(pattern, "*", Subject::Named(ResourceName::new("*")));
    Stands::new(&bare, policies).every(&bare, policies, |statement, _, _| statements.push(statement));
    // Whether these bear on an action hangs on the action.
    let rcps = policies.rcps.iter().flatten().flatten();
    statements.extend(rcps.flat_map(|rcp| &rcp.policy.statements));
    let mut gave_up = false;
    let mut groups: Vec<Vec<ActionId>> = Vec::new();
    for group in alike(&statements) {
        let mut kinds: BTreeMap<(bool, bool, Option<&str>), Vec<ActionId>> = BTreeMap::new();
        for id in group.actions {
            let name = Catalog::embedded().action_by_id(id).map_or("", |a| a.name());
            if pattern.action.matches(name) {
                kinds.entry(kind(name)).or_default().push(id);
            }
        }
        groups.extend(kinds.into_values());
    }
    for wanted in groups {
        for (form, actions) in forms_of_all(&wanted) {
            let Some((id, action)) = actions
                .first()
                .and_then(|id| Some((*id, Catalog::embedded().action_by_id(*id)?.name())))
            else {
                continue;
            };
            let subject = form.map_or(Subject::Named(ResourceName::new("*")), Subject::Open);
            let mut composed = compose(&question(pattern, action, subject), policies);
            let inside = match (pattern.resource, form) {
                (None, _) => Formula::TRUE,
                // What takes no resource is asked about `*` only.
                (Some(resource), None) => Formula::Const(resource.is_any()),
                (Some(resource), Some(form)) => match set(resource, pattern.context, ShortArn::Pad, form) {
                    Set::All => Formula::TRUE,
                    Set::None => Formula::FALSE,
                    Set::Some(set) => Formula::Is(composed.atoms.intern(Atom::Inside(set)), true),
                    Set::Hangs => Formula::Is(
                        composed.atoms.intern(Atom::Resource(resource, ShortArn::Pad)),
                        true,
                    ),
                },
            };
            let room = Room {
                subject,
                context: pattern.context,
                choices: &[],
            };
            match solve(&composed.allowed.and(inside), &composed.atoms, &room) {
                Search::Found(example) => {
                    return Search::Found(Allowed {
                        action: id,
                        resource: example.resource.clone().unwrap_or_else(|| "*".into()),
                        example,
                    });
                }
                Search::GaveUp => gave_up = true,
                Search::Empty => {}
            }
        }
    }
    if gave_up { Search::GaveUp } else { Search::Empty }
}

/// What else tells actions apart, beside the statements that speak of them.
fn kind(name: &str) -> (bool, bool, Option<&str>) {
    const ALONE: &[&str] = &[
        "sts:GetCallerIdentity",
        "sts:AssumeRole",
        "sts:AssumeRoot",
        "kms:RetireGrant",
    ];
    (
        name.starts_with("iam:"),
        Catalog::embedded().rcp_supports(name),
        ALONE.contains(&name).then_some(name),
    )
}

fn question<'q>(pattern: &Pattern<'q>, action: &'q str, subject: Subject<'q>) -> Question<'q> {
    Question {
        caller: pattern.caller,
        action,
        subject,
        resource_account: pattern.resource_account,
        context: pattern.context,
    }
}

#[cfg(test)]
mod tests {
    use sv0_iam::decide::Attached;
    use sv0_iam::syntax::template::Variables;
    use sv0_iam::syntax::{Flavor, parse};

    use super::*;

    fn asked(action: &str, resource: &str, context: &Context) -> Search<Allowed> {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::logs*"},
            {"Effect":"Deny","Action":["s3:Put*","s3:Delete*"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}},
            {"Effect":"Deny","Action":"s3:DeleteObject*","Resource":"arn:aws:s3:::logs/*"}]}"#;
        let policy = parse(text, Flavor::Identity).0.unwrap();
        let policies = Policies {
            identity: vec![Attached {
                policy: &policy,
                tag: 0,
            }],
            ..Policies::default()
        };
        let caller = Caller::parse("arn:aws:iam::111111111111:user/ann");
        let action = ActionPattern::new(action);
        let resource = ResourcePattern::new(resource, Variables::Literal);
        let pattern = Pattern {
            caller: &caller,
            action: &action,
            resource: Some(&resource),
            resource_account: None,
            context,
        };
        any(&pattern, &policies)
    }

    #[test]
    fn is_there_any() {
        let open = Context::open();
        let found = asked("s3:*", "arn:aws:s3:::logs/*", &open).found().unwrap();
        assert!(found.resource.starts_with("arn:aws:s3:::logs/"), "{found:?}");
        assert!(asked("s3:DeleteObject", "arn:aws:s3:::logs/*", &open).is_empty());
        let elsewhere = asked("s3:DeleteObject", "*", &open).found().unwrap();
        assert!(
            elsewhere.resource.starts_with("arn:aws:s3:::logs"),
            "{elsewhere:?}"
        );
        assert!(asked("sqs:*", "*", &open).is_empty());
        let mut without = Context::open();
        without.set_absent("aws:MultiFactorAuthPresent");
        assert!(asked("s3:PutObject", "*", &without).is_empty());
    }
}
