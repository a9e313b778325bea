//! Effective permissions as one policy document that says the same: readable, and fit for a policy simulator.
//!
//! Grants become `Allow` statements, denials `Deny` statements for the actions that are granted at all. What a policy
//! document cannot say is told beside it, never left out in silence.

use serde::Serialize;
use serde_json::{Map, Value, json};
use sv0_iam::catalog::ActionId;
use sv0_iam::condition::{Context, Fact, Family, Quantifier};
use sv0_iam::name::{Glob, glob};
use sv0_iam::syntax::ast::{Condition, Effect};
use sv0_iam::syntax::template::Template;

use crate::actions::{covered, patterns};
use crate::effective::Effective;
use crate::formula::has_variables;
use crate::lang::intersection;
use crate::scope::{Arn, Scope};

/// A policy document as it is printed: the elements in the order in which people read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl Statement {
    fn new(effect: &'static str, actions: Vec<String>) -> Self {
        Self {
            effect,
            action: list(actions),
            resource: None,
            not_resource: None,
            condition: None,
        }
    }
}

/// A policy document, and what it could not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The document.
    pub policy: Policy,
    /// In which respects it says more than the truth: one line each. Never less.
    pub wider: Vec<String>,
    /// What it leaves out although it may be allowed: one line each.
    pub missing: Vec<String>,
}

/// Writes it.
#[must_use]
pub fn document(effective: &Effective<'_>, context: &Context) -> Document {
    let mut wider = Vec::new();
    let mut statements = Vec::new();
    for grant in &effective.grants {
        let actions = patterns(&grant.actions);
        let name = actions.first().cloned().unwrap_or_default();
        let mut out = Statement::new("Allow", actions);
        resources(&grant.scope, &name, &mut out, &mut wider);
        conditions(&grant.conditions, context, &name, &mut out, &mut wider);
        statements.push(out);
    }
    for denial in &effective.denials {
        let mine: Vec<ActionId> = {
            let all = covered(&denial.source.statement.action);
            denial
                .actions
                .iter()
                .filter(|id| all.binary_search(id).is_ok())
                .copied()
                .collect()
        };
        if mine.is_empty() {
            continue;
        }
        let actions = patterns(&mine);
        let name = actions.first().cloned().unwrap_or_default();
        let mut out = Statement::new("Deny", actions);
        let scope = denial.source.scope(context);
        resources(&scope, &name, &mut out, &mut wider);
        conditions(&denial.conditions, context, &name, &mut out, &mut wider);
        statements.push(out);
    }
    debug_assert!(
        effective
            .denials
            .iter()
            .all(|d| d.source.statement.effect == Effect::Deny)
    );
    let missing = if effective.undecided.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "{}: too many statements bear on them to be put in one; ask `sv0 who-can` about one of them",
            patterns(&effective.undecided).join(", ")
        )]
    };
    Document {
        policy: Policy {
            version: "2012-10-17",
            statement: statements,
        },
        wider,
        missing,
    }
}

/// One text as such, several as a list.
fn list(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 {
        texts.remove(0).into()
    } else {
        texts.into()
    }
}

fn resources(scope: &Scope, name: &str, out: &mut Statement, wider: &mut Vec<String>) {
    let texts = |arns: &[Arn]| arns.iter().map(Arn::to_text).collect::<Vec<_>>();
    if scope.none_of.is_empty() {
        out.resource = Some(list(texts(&scope.any_of)));
    } else if scope.any_of == [Arn::Any] {
        out.not_resource = Some(list(texts(&scope.none_of)));
    } else {
        out.resource = Some(list(texts(&scope.any_of)));
        wider.push(format!("{name} …: not on {}", texts(&scope.none_of).join(", ")));
    }
    for also in &scope.also {
        wider.push(format!("{name} …: only on {}", texts(also).join(", ")));
    }
}

/// One operator on one key.
struct Line {
    operator: String,
    key: String,
    values: Vec<String>,
}

fn conditions(
    all: &[&Condition],
    context: &Context,
    name: &str,
    out: &mut Statement,
    wider: &mut Vec<String>,
) {
    let mut lines: Vec<Line> = Vec::new();
    for condition in all {
        let line = Line {
            operator: condition.operator.map_or_else(
                || condition.operator_text.to_string(),
                |operator| operator.to_string(),
            ),
            key: condition.key_text.to_string(),
            values: condition
                .values
                .iter()
                .map(|value| text(condition, value, context))
                .collect(),
        };
        let like = |other: &&mut Line| {
            other.operator.eq_ignore_ascii_case(&line.operator) && other.key.eq_ignore_ascii_case(&line.key)
        };
        match lines.iter_mut().find(like) {
            None => lines.push(line),
            Some(before) => match both(condition, before, &line) {
                Some(values) => before.values = values,
                None => wider.push(format!("{name} …: also {}", condition.to_text())),
            },
        }
    }
    if lines.is_empty() {
        return;
    }
    let mut blocks: Map<String, Value> = Map::new();
    for line in lines {
        let block = blocks.entry(line.operator).or_insert_with(|| json!({}));
        if let Some(block) = block.as_object_mut() {
            block.insert(line.key, list(line.values));
        }
    }
    out.condition = Some(blocks.into());
}

/// A value as this document has to say it.
fn text(condition: &Condition, value: &Template, context: &Context) -> String {
    match condition.operator {
        // Not every comparison knows variables (semantics rule 31).
        Some(operator) if !has_variables(operator.family) => value.as_str().to_owned(),
        // In the language of 2008 nothing is a variable.
        _ if value.fixed().is_some() => value.as_str().replace("${", "${$}{"),
        _ => filled(value, context),
    }
}

/// A value with what is known of its variables filled in.
fn filled(value: &Template, context: &Context) -> String {
    let mut text = value.as_str().to_owned();
    for key in value.variables() {
        let Fact::One(known) = context.get(key) else {
            continue;
        };
        let known = known
            .replace('$', "${$}")
            .replace('*', "${*}")
            .replace('?', "${?}");
        // The variable stands as it was written, in any case and with blanks or a default.
        let mut rest = text.as_str();
        let mut done = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inner, tail)) = after.split_once('}') else {
                break;
            };
            done.push_str(before);
            let own = inner.split(',').next().unwrap_or(inner).trim();
            if own.eq_ignore_ascii_case(key) {
                done.push_str(&known);
            } else {
                done.push_str("${");
                done.push_str(inner);
                done.push('}');
            }
            rest = tail;
        }
        done.push_str(rest);
        text = done;
    }
    text
}

/// The values for which both lines hold; none where one line cannot say that.
fn both(condition: &Condition, a: &Line, b: &Line) -> Option<Vec<String>> {
    let operator = condition.operator?;
    if a.values == b.values {
        return Some(a.values.clone());
    }
    let open = |line: &Line| line.values.iter().any(|value| value.contains("${"));
    if operator.quantifier == Quantifier::ForAny {
        return None;
    }
    if operator.negated {
        let mut values = a.values.clone();
        values.extend(b.values.iter().filter(|value| !a.values.contains(value)).cloned());
        return Some(values);
    }
    if open(a) || open(b) {
        return None;
    }
    let values: Vec<String> = match operator.family {
        Family::StringEquals => a
            .values
            .iter()
            .filter(|value| b.values.contains(value))
            .cloned()
            .collect(),
        Family::StringLike => {
            let mut out: Vec<Glob> = Vec::new();
            for x in &a.values {
                for y in &b.values {
                    out.extend(intersection(&Glob::new(x), &Glob::new(y))?);
                }
            }
            out.iter().map(glob::Glob::to_string).collect()
        }
        _ => return None,
    };
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use sv0_iam::decide::{Attached, Policies};
    use sv0_iam::name::Caller;
    use sv0_iam::syntax::{Flavor, parse};

    use super::*;

    /// The values of the one condition of what is written for one statement.
    fn written(version: &str, condition: &str) -> Value {
        let text = format!(
            r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{condition}}}}}"#
        );
        let policy = parse(&text, Flavor::Identity).0.unwrap();
        let policies = Policies {
            identity: vec![Attached {
                policy: &policy,
                tag: 0,
            }],
            ..Policies::default()
        };
        let mut context = Context::open();
        context.set("aws:username", "10.0.0.0/8");
        let caller = Caller::parse("arn:aws:iam::111111111111:user/ann");
        let effective = crate::effective::effective(&caller, &policies, &context);
        let written = document(&effective, &context);
        written.policy.statement[0].condition.clone().unwrap()
    }

    #[test]
    fn variables_are_filled_in_where_they_are_variables() {
        let text = r#"{"StringEquals":{"odd:key":"${aws:username}"}}"#;
        assert_eq!(
            written("2012-10-17", text),
            json!({ "StringEquals": { "odd:key": "10.0.0.0/8" } })
        );
        assert_eq!(
            written("2008-10-17", text),
            json!({ "StringEquals": { "odd:key": "${$}{aws:username}" } }),
            "the old language has no variables, and the document is of the new one"
        );
        let address = r#"{"NotIpAddress":{"aws:SourceIp":"${aws:username}"}}"#;
        assert_eq!(
            written("2012-10-17", address),
            json!({ "NotIpAddress": { "aws:SourceIp": "${aws:username}" } }),
            "addresses know no variables"
        );
    }
}
