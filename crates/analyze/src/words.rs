//! Conditions, statements and denials in plain words, with names rather than ids.

use sv0_iam::condition::{Family, Operator, Quantifier, operator::Order};
use sv0_iam::decide::{Block, Decision, Doubt, Hit, Layer, Requirement};
use sv0_iam::syntax::{Condition, Effect};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;
use sv0_model::path::{BlockedBy, ConditionText, StatementRef};

use crate::ask::{Answer, Asker, is_assume};
use crate::normalize::acl;
use crate::world::World;

/// A condition in words: `aws:SourceIp is in 10.0.0.0/8`.
#[must_use]
pub fn condition(condition: &Condition) -> String {
    let key: &str = if *condition.key_text == *acl::GRANT {
        "what the access control list grants to everyone"
    } else {
        &condition.key_text
    };
    let values: Vec<&str> = condition
        .values
        .iter()
        .map(sv0_iam::syntax::Template::as_str)
        .collect();
    let Some(operator) = condition.operator else {
        return format!(
            "`{}` on {key}, an operator that AWS does not know, would have to hold",
            condition.operator_text
        );
    };
    let list = one_of(&values);
    let phrase = verb(operator, &values);
    let text = match operator.family {
        Family::Null => format!("{key} {phrase}"),
        _ => format!("{key} {phrase} {list}"),
    };
    let text = match operator.quantifier {
        Quantifier::None => text,
        Quantifier::ForAll => format!("every value of {text}, or there is none"),
        Quantifier::ForAny => format!("some value of {text}"),
    };
    if operator.if_exists {
        format!("{text}, or is absent")
    } else {
        text
    }
}

fn one_of(values: &[&str]) -> String {
    match values {
        [] => "(nothing)".into(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} or {two}"),
        [first, second, rest @ ..] => format!("{first}, {second} or {} more", rest.len()),
    }
}

fn verb(operator: Operator, values: &[&str]) -> &'static str {
    let not = operator.negated;
    let pick = |yes, no| if not { no } else { yes };
    match operator.family {
        Family::StringEquals | Family::StringEqualsIgnoreCase | Family::Binary => pick("is", "is not"),
        Family::StringLike => pick("matches", "does not match"),
        Family::Arn => pick("matches", "does not match"),
        Family::Bool => pick("is", "is not"),
        Family::Ip => pick("is in", "is not in"),
        Family::Numeric(order) => match order {
            Order::Equal => pick("is", "is not"),
            Order::Less => "is less than",
            Order::AtMost => "is at most",
            Order::Greater => "is more than",
            Order::AtLeast => "is at least",
        },
        Family::Date(order) => match order {
            Order::Equal => pick("is", "is not"),
            Order::Less => "is before",
            Order::AtMost => "is not after",
            Order::Greater => "is after",
            Order::AtLeast => "is not before",
        },
        Family::Null if values.iter().any(|v| v.eq_ignore_ascii_case("true")) => "is absent",
        Family::Null => "is there",
    }
}

/// What would have to hold for an uncertain answer.
#[must_use]
pub fn requirements(world: &World, asker: &Asker<'_>, answer: &Answer) -> Vec<ConditionText> {
    let mut out = Vec::new();
    if !answer.decision.verdict.possible() {
        return out;
    }
    for requirement in &answer.decision.requirements {
        match requirement {
            Requirement::ForeignIdentity => {
                let account = asker.caller.account.as_deref().unwrap_or("the caller's account");
                out.push(plain(format!(
                    "account {account}, which was not collected, allows it on its side"
                )));
            }
            Requirement::Hit(hit) => out.extend(doubts(world, hit)),
        }
    }
    if answer.boundary_missing {
        out.push(plain(
            "the permissions boundary, which is not in the input, allows it".into(),
        ));
    }
    out.sort();
    out.dedup();
    out
}

/// A condition that is not about a context key.
#[must_use]
pub fn plain(text: String) -> ConditionText {
    ConditionText {
        text,
        key: None,
        operator: None,
        values: Vec::new(),
        negated: false,
    }
}

fn doubts(world: &World, hit: &Hit) -> Vec<ConditionText> {
    let statement = world.attachment(hit.tag).and_then(|attachment| {
        attachment
            .policy
            .statements
            .iter()
            .find(|s| s.index == hit.statement)
    });
    let negated = hit.effect == Effect::Deny;
    let not_read = |found: &Condition| crate::normalize::unreadable::KEYS.contains(&&*found.key_text);
    if statement.is_some_and(|statement| statement.conditions.iter().any(not_read)) {
        let name = world.attachment(hit.tag).map_or("a policy", |found| &*found.name);
        let does = if negated { "does not deny it" } else { "allows it" };
        return vec![plain(format!("{name} {does}"))];
    }
    let mut out: Vec<ConditionText> = hit
        .doubts
        .iter()
        .map(|doubt| match doubt {
            Doubt::Condition(index) => match statement.and_then(|s| s.conditions.get(*index)) {
                Some(found) => ConditionText {
                    text: condition(found),
                    key: Some(found.key_text.to_string()),
                    operator: Some(found.operator_text.to_string()),
                    values: found.values.iter().map(|v| v.as_str().to_owned()).collect(),
                    negated,
                },
                None => plain("a condition holds".into()),
            },
            Doubt::Variable(key) => plain(format!("{key} has the value that the policy's resource asks for")),
            Doubt::Session => plain("the role session has the name that the policy asks for".into()),
            Doubt::Somebody => plain("the caller is the principal that the policy names".into()),
        })
        .collect();
    if negated {
        // All conditions of a denial together must not hold: one sentence, so that it is not read as several.
        let policy = world
            .attachment(hit.tag)
            .map_or(String::new(), |a| a.name.clone());
        let parts: Vec<String> = out.iter().map(|c| c.text.clone()).collect();
        let positive = statement.and_then(|s| match s.conditions.as_slice() {
            [one] => one.operator.filter(|o| o.negated && !o.if_exists).map(|o| {
                condition(&Condition {
                    operator: Some(Operator { negated: false, ..o }),
                    ..one.clone()
                })
            }),
            _ => None,
        });
        let text = match positive {
            Some(positive) => format!("{positive} (else {policy} denies)"),
            None => format!("not so that {} (else {policy} denies)", parts.join(" and ")),
        };
        out = match out.as_slice() {
            [one] => vec![ConditionText { text, ..one.clone() }],
            _ => vec![ConditionText {
                negated: true,
                ..plain(text)
            }],
        };
    }
    out
}

/// The statements that carry an answer, as output names them.
#[must_use]
pub fn statements(world: &World, decision: &Decision) -> Vec<StatementRef> {
    let mut out: Vec<StatementRef> = decision
        .deciding()
        .filter(|hit| {
            hit.effect == Effect::Deny
                || matches!(hit.layer, Layer::Identity | Layer::Resource | Layer::Boundary)
        })
        .filter_map(|hit| world.statement(hit.layer, hit.tag, hit.statement))
        .collect();
    out.sort();
    out.dedup();
    out
}

/// Line breaks in a name would let it speak for sv0.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r")
}

/// What stands in the way, layer by layer.
#[must_use]
pub fn blocks(
    world: &World,
    asker: &Asker<'_>,
    action: &str,
    target: Option<NodeId>,
    decision: &Decision,
) -> Vec<BlockedBy> {
    let mut out = Vec::new();
    for block in &decision.blocks {
        if let Some(text) = refusal(world, block, action, target) {
            out.push(BlockedBy {
                layer: block.layer.as_str().into(),
                explicit: block.explicit,
                action: action.into(),
                statement: None,
                text,
            });
        } else if block.explicit {
            let hits = decision.hits.iter().filter(|hit| {
                hit.effect == Effect::Deny && hit.layer == block.layer && hit.level == block.level
            });
            for hit in hits {
                let statement = world.statement(hit.layer, hit.tag, hit.statement);
                let text = denied_by(world, hit, action, statement.as_ref());
                out.push(BlockedBy {
                    layer: hit.layer.as_str().into(),
                    explicit: true,
                    action: action.into(),
                    statement,
                    text,
                });
            }
        } else {
            out.push(BlockedBy {
                layer: block.layer.as_str().into(),
                explicit: false,
                action: action.into(),
                statement: None,
                text: nothing_allows(world, asker, block, action, target),
            });
        }
    }
    if out.is_empty() && !decision.verdict.possible() {
        out.extend(contradiction(world, action, decision));
    }
    out.sort();
    out.dedup();
    out
}

/// Why nothing is left where statements that grant and statements that deny each hang on conditions: no request meets
/// them all.
fn contradiction(world: &World, action: &str, decision: &Decision) -> Option<BlockedBy> {
    let hits: Vec<&Hit> = decision
        .requirements
        .iter()
        .filter_map(|requirement| match requirement {
            Requirement::Hit(hit) => Some(hit),
            Requirement::ForeignIdentity => None,
        })
        .collect();
    let denial = hits.iter().find(|hit| hit.effect == Effect::Deny);
    let told = denial.or(hits.first())?;
    let mut all: Vec<String> = hits
        .iter()
        .flat_map(|hit| doubts(world, hit))
        .map(|c| c.text)
        .collect();
    all.sort();
    all.dedup();
    Some(BlockedBy {
        layer: told.layer.as_str().into(),
        explicit: denial.is_some(),
        action: action.into(),
        statement: world.statement(told.layer, told.tag, told.statement),
        text: format!(
            "no request meets all the conditions on {action} together: {}",
            all.join("; ")
        ),
    })
}

/// What AWS refuses by itself, where no statement denies.
pub(crate) fn refusal(world: &World, block: &Block, action: &str, target: Option<NodeId>) -> Option<String> {
    let label = target.map_or_else(|| "the resource".to_owned(), |node| world.label(node));
    match block.layer {
        Layer::Protected => Some(format!("AWS protects {label}: it refuses {action} to everyone")),
        Layer::BlockPublicAccess => Some(format!(
            "Block Public Access of {label} shuts out callers of other accounts, because its policy is public"
        )),
        Layer::Identity
        | Layer::Boundary
        | Layer::Session
        | Layer::Scp
        | Layer::Rcp
        | Layer::Resource
        | Layer::Endpoint => None,
    }
}

fn denied_by(world: &World, hit: &Hit, action: &str, statement: Option<&StatementRef>) -> String {
    let Some(attachment) = world.attachment(hit.tag) else {
        return format!("{} denies {action}", hit.layer);
    };
    let which = match statement.and_then(|s| s.sid.as_deref()) {
        Some(sid) => format!("statement {sid}"),
        None => format!("Statement[{}]", hit.statement),
    };
    let name = &attachment.name;
    match hit.layer {
        Layer::Scp | Layer::Rcp => {
            let kind = if hit.layer == Layer::Scp { "SCP" } else { "RCP" };
            let level = attachment
                .via
                .map_or(String::new(), |via| format!(" on {}", world.label(via)));
            format!("{kind} {name}{level} denies {action} ({which})")
        }
        Layer::Boundary => format!("the permissions boundary {name} denies {action} ({which})"),
        Layer::Resource => format!("the {name} denies {action} ({which})"),
        _ => format!("policy {name} denies {action} ({which})"),
    }
}

fn nothing_allows(
    world: &World,
    asker: &Asker<'_>,
    block: &Block,
    action: &str,
    target: Option<NodeId>,
) -> String {
    let who = asker
        .node
        .map_or_else(|| asker.caller.id.clone(), |node| world.label(node));
    match block.layer {
        Layer::Identity => format!("no policy of {who} allows {action}"),
        Layer::Boundary => {
            let boundary = asker.node.and_then(|node| world.principals.get(&node)?.boundary);
            let name = boundary
                .and_then(|tag| world.attachment(tag))
                .map_or("", |a| a.name.as_str());
            format!("the permissions boundary {name} of {who} does not allow {action}")
        }
        Layer::Session => format!("the session policy does not allow {action}"),
        Layer::Scp => {
            let account = asker
                .caller
                .account
                .as_deref()
                .and_then(|id| world.accounts.get(id));
            let level = account
                .and_then(|a| a.levels.get(block.level))
                .map_or(String::new(), |n| world.label(*n));
            format!("no SCP on {level} allows {action}")
        }
        Layer::Rcp => format!("an RCP denies {action}"),
        Layer::Endpoint => format!("the endpoint policy does not allow {action}"),
        // It refuses, and nothing is asked to allow.
        Layer::Protected | Layer::BlockPublicAccess => format!("AWS refuses {action}"),
        Layer::Resource => match target {
            Some(node) if is_assume(action) => {
                format!("the trust policy of {} does not let {who} in", world.label(node))
            }
            Some(node) => {
                let label = world.label(node);
                let has_policy = world.resource_policies.contains_key(&node);
                match (world.node(node).record.kind, has_policy) {
                    (Kind::KmsKey, true) => {
                        format!("the key policy of {label} neither names {who} nor leaves it to IAM policies")
                    }
                    (_, true) => {
                        format!("the resource policy of {label} does not let {who}, of another account, in")
                    }
                    (_, false) => {
                        format!("{label} is in another account and has no resource policy that lets {who} in")
                    }
                }
            }
            None => format!("the resource is in another account and nothing there allows {action}"),
        },
    }
}
