//! From JSON to the syntax tree. Odd elements are reported and the rest is kept.
//!
//! Source: IAM User Guide, "IAM JSON policy element reference" and "Grammar of the IAM JSON policy language".

use std::collections::HashSet;
use std::fmt;

use crate::condition::{Operator, operator::distance};
use crate::name::{ActionPattern, Arn, arn::is_account_id};
use crate::syntax::ast::{
    ActionElement, Condition, Effect, Policy, PrincipalElement, PrincipalEntry, ResourceElement, Statement,
};
use crate::syntax::diagnostic::{Diagnostic, Severity};
use crate::syntax::json::{self, Member, Node, Value};
use crate::syntax::resource::ResourcePattern;
use crate::syntax::template::{Template, Variables};

/// Where a policy is attached, which decides the elements it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavor {
    /// Identity, session or boundary policy: no `Principal`, needs `Resource`.
    Identity,
    /// Resource policy: needs `Principal`.
    Resource,
    /// Trust policy: needs `Principal`, has no `Resource`.
    Trust,
    /// SCP: no `Principal`.
    Scp,
    /// RCP: `Principal` is `*`.
    Rcp,
}

/// Reads a policy document.
///
/// The policy is `None` only where the text is not JSON or not an object.
#[must_use]
pub fn parse(text: &str, flavor: Flavor) -> (Option<Policy>, Vec<Diagnostic>) {
    let mut parser = Parser {
        flavor,
        diagnostics: Vec::new(),
    };
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let policy = match json::parse_from(text, mark) {
        Ok(value) => parser.policy(&value),
        Err(error) => {
            let what = if error.truncated {
                "the document is cut off"
            } else {
                "the document is not JSON"
            };
            parser.diagnostics.push(Diagnostic {
                severity: Severity::Error,
                code: "not-json",
                message: format!("{what}: {}", error.message),
                help: None,
                path: String::new(),
                offset: error.offset,
                length: 1,
            });
            None
        }
    };
    (policy, parser.diagnostics)
}

/// The place of an element, such as `Statement[2].Condition`: put into words only where something is wrong with it.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Statement(usize),
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    const fn join(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    const fn at(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Statement(index) => write!(f, "Statement[{index}]"),
            Self::Key(Path::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

struct Parser {
    flavor: Flavor,
    diagnostics: Vec<Diagnostic>,
}

/// A stretch of the document.
type Span = (usize, usize);

const fn span(value: &Value<'_>) -> Span {
    (value.start, value.end)
}

const fn key_span(member: &Member<'_>) -> Span {
    (member.start, member.end)
}

impl Parser {
    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        path: Path<'_>,
        at: Span,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            message: message.into(),
            help,
            path: path.to_string(),
            offset: at.0,
            length: at.1.saturating_sub(at.0),
        });
    }

    fn error(&mut self, code: &'static str, path: Path<'_>, at: Span, message: impl Into<String>) {
        self.report(Severity::Error, code, path, at, message, None);
    }

    fn warn(&mut self, code: &'static str, path: Path<'_>, at: Span, message: impl Into<String>, help: &str) {
        self.report(Severity::Warning, code, path, at, message, Some(help.to_owned()));
    }

    fn policy(&mut self, value: &Value<'_>) -> Option<Policy> {
        let Node::Object(members) = &value.node else {
            let kind = value.node.kind();
            self.error(
                "not-an-object",
                Path::Root,
                span(value),
                format!("a policy is an object, this is {kind}"),
            );
            return None;
        };
        self.repeated(members, Path::Root);
        let mut modern = false;
        let mut id = None;
        let mut statements = Vec::new();
        for member in members {
            match &*member.key {
                "Version" => match &member.value.node {
                    Node::String(version) if version == "2012-10-17" => modern = true,
                    Node::String(version) if version == "2008-10-17" => {}
                    _ => self.report(
                        Severity::Error,
                        "unknown-version",
                        Path::Root.join("Version"),
                        span(&member.value),
                        "the policy version is neither 2012-10-17 nor 2008-10-17",
                        Some("use `\"Version\": \"2012-10-17\"`".into()),
                    ),
                },
                "Id" => id = self.text(&member.value, Path::Root.join("Id")),
                _ => {}
            }
        }
        let mut found = false;
        for member in members {
            match &*member.key {
                "Statement" => {
                    found = true;
                    match &member.value.node {
                        Node::Array(items) => {
                            statements.reserve_exact(items.len());
                            for (index, item) in items.iter().enumerate() {
                                statements.extend(self.statement(item, index, modern));
                            }
                        }
                        _ => {
                            statements.reserve_exact(1);
                            statements.extend(self.statement(&member.value, 0, modern));
                        }
                    }
                }
                "Version" | "Id" => {}
                other => {
                    let here = Path::Root.join(other);
                    self.unknown_element(other, here, key_span(member), &["Version", "Id", "Statement"]);
                }
            }
        }
        if !found {
            self.error(
                "no-statement",
                Path::Root,
                span(value),
                "the policy has no `Statement`",
            );
        }
        Some(Policy {
            modern,
            id,
            statements,
        })
    }

    fn repeated(&mut self, members: &[Member<'_>], path: Path<'_>) {
        // Objects of policies are small; a set is for one that somebody made large on purpose.
        let mut seen = HashSet::new();
        for (index, member) in members.iter().enumerate() {
            let given = if members.len() <= 16 {
                members.iter().take(index).any(|other| other.key == member.key)
            } else {
                !seen.insert(&*member.key)
            };
            if given {
                let place = path.join(&member.key);
                self.error(
                    "repeated-key",
                    place,
                    key_span(member),
                    format!("`{}` is given twice", member.key),
                );
            }
        }
    }

    fn unknown_element(&mut self, name: &str, path: Path<'_>, at: Span, known: &[&str]) {
        let near = known
            .iter()
            .min_by_key(|k| distance(name, k))
            .filter(|k| distance(name, k) <= 3);
        self.report(
            Severity::Error,
            "unknown-element",
            path,
            at,
            format!("`{name}` is not an element of the policy language"),
            near.map(|near| format!("did you mean `{near}`?")),
        );
    }

    fn text(&mut self, value: &Value<'_>, path: Path<'_>) -> Option<Box<str>> {
        match &value.node {
            Node::String(text) => Some((**text).into()),
            other => {
                let kind = other.kind();
                self.error(
                    "wrong-type",
                    path,
                    span(value),
                    format!("this needs a string, not {kind}"),
                );
                None
            }
        }
    }

    fn statement(&mut self, value: &Value<'_>, index: usize, modern: bool) -> Option<Statement> {
        const KNOWN: &[&str] = &[
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let path = Path::Statement(index);
        let Node::Object(members) = &value.node else {
            let kind = value.node.kind();
            self.error(
                "wrong-type",
                path,
                span(value),
                format!("a statement is an object, this is {kind}"),
            );
            return None;
        };
        self.repeated(members, path);
        let variables = if modern {
            Variables::Expanded
        } else {
            Variables::Literal
        };
        let (mut sid, mut effect, mut principal, mut action, mut resource) = (None, None, None, None, None);
        let mut conditions = Vec::new();
        let both = |parser: &mut Self, taken: bool, member: &Member<'_>, here: Path<'_>| {
            if taken {
                let other = member
                    .key
                    .strip_prefix("Not")
                    .map_or(format!("Not{}", member.key), str::to_owned);
                let message = format!("a statement has `{}` or `{other}`, not both", member.key);
                parser.error("both-forms", here, key_span(member), message);
            }
        };
        for member in members {
            let here = path.join(&member.key);
            match &*member.key {
                "Sid" => sid = self.text(&member.value, here),
                "Effect" => effect = self.effect(&member.value, here),
                "Principal" | "NotPrincipal" => {
                    both(self, principal.is_some(), member, here);
                    let entries = self.principals(&member.value, here);
                    principal = Some(PrincipalElement {
                        negated: &*member.key == "NotPrincipal",
                        entries,
                    });
                }
                "Action" | "NotAction" => {
                    both(self, action.is_some(), member, here);
                    let patterns = self.actions(&member.value, here);
                    action = Some(ActionElement {
                        negated: &*member.key == "NotAction",
                        patterns,
                    });
                }
                "Resource" | "NotResource" => {
                    both(self, resource.is_some(), member, here);
                    let patterns = self.resources(&member.value, here, variables);
                    resource = Some(ResourceElement {
                        negated: &*member.key == "NotResource",
                        patterns,
                    });
                }
                "Condition" => self.conditions(&member.value, here, variables, &mut conditions),
                other => self.unknown_element(other, here, key_span(member), KNOWN),
            }
        }
        let Some(effect) = effect else {
            if !members.iter().any(|m| &*m.key == "Effect") {
                self.error(
                    "no-effect",
                    path,
                    span(value),
                    "the statement has no `Effect`; it was left out",
                );
            }
            return None;
        };
        let Some(action) = action else {
            let message = "the statement has no `Action` and no `NotAction`; it was left out";
            self.error("no-action", path, span(value), message);
            return None;
        };
        let statement = Statement {
            index,
            sid: sid.filter(|sid| !sid.is_empty()),
            effect,
            principal,
            action,
            resource,
            conditions,
            start: value.start,
            end: value.end,
        };
        self.review(&statement, path);
        Some(statement)
    }

    /// Elements that the kind of policy needs or forbids, and forms that rarely say what was meant.
    fn review(&mut self, statement: &Statement, path: Path<'_>) {
        let at = (statement.start, statement.end);
        match self.flavor {
            Flavor::Identity | Flavor::Scp => {
                if statement.principal.is_some() {
                    let message = "this kind of policy has no `Principal`; the element is ignored";
                    self.error("principal-not-allowed", path.join("Principal"), at, message);
                }
                if statement.resource.is_none() {
                    let message = "the statement has no `Resource` and no `NotResource`; it matches nothing";
                    self.error("no-resource", path, at, message);
                }
            }
            Flavor::Resource | Flavor::Trust | Flavor::Rcp => {
                if statement.principal.is_none() {
                    self.error(
                        "no-principal",
                        path,
                        at,
                        "the statement names no `Principal`; it matches nobody",
                    );
                }
            }
        }
        let Some(principal) = &statement.principal else {
            return;
        };
        if principal.negated && statement.effect == Effect::Allow {
            self.warn(
                "allow-not-principal",
                path.join("NotPrincipal"),
                at,
                "`Allow` with `NotPrincipal` lets in everyone who is not listed, anonymous callers too",
                "name who may come in with `Principal`, or narrow `*` by a condition",
            );
        }
        for entry in &principal.entries {
            match entry {
                PrincipalEntry::UniqueId(id) => self.warn(
                    "deleted-principal",
                    path.join("Principal"),
                    at,
                    format!("`{id}` is the id of a deleted principal and matches nobody"),
                    "remove it",
                ),
                PrincipalEntry::Other(text) => self.error(
                    "unknown-principal",
                    path.join("Principal"),
                    at,
                    format!(
                        "`{text}` is neither an ARN, an account id, a service nor `*`; it matches nobody"
                    ),
                ),
                _ => {}
            }
        }
    }

    fn effect(&mut self, value: &Value<'_>, path: Path<'_>) -> Option<Effect> {
        match &value.node {
            Node::String(text) if text == "Allow" => Some(Effect::Allow),
            Node::String(text) if text == "Deny" => Some(Effect::Deny),
            Node::String(text) => {
                self.report(
                    Severity::Error,
                    "unknown-effect",
                    path,
                    span(value),
                    format!("`{text}` is no effect; the statement was left out"),
                    Some("use `Allow` or `Deny`, spelled so".into()),
                );
                None
            }
            other => {
                let kind = other.kind();
                self.error(
                    "wrong-type",
                    path,
                    span(value),
                    format!("this needs a string, not {kind}"),
                );
                None
            }
        }
    }

    /// A string or an array of strings, each with its place.
    fn strings<'v>(&mut self, value: &'v Value<'_>, path: Path<'_>) -> Vec<(&'v str, Span)> {
        match &value.node {
            Node::String(text) => vec![(text, span(value))],
            Node::Array(items) => items
                .iter()
                .enumerate()
                .filter_map(|(i, item)| match &item.node {
                    Node::String(text) => Some((&**text, span(item))),
                    other => {
                        let message = format!("this needs a string, not {}", other.kind());
                        self.error("wrong-type", path.at(i), span(item), message);
                        None
                    }
                })
                .collect(),
            other => {
                let message = format!("this needs a string or an array of strings, not {}", other.kind());
                self.error("wrong-type", path, span(value), message);
                Vec::new()
            }
        }
    }

    fn actions(&mut self, value: &Value<'_>, path: Path<'_>) -> Vec<ActionPattern> {
        self.strings(value, path)
            .into_iter()
            .map(|(text, at)| {
                if !text.contains(':') && text != "*" {
                    self.report(
                        Severity::Error,
                        "odd-action",
                        path,
                        at,
                        format!("`{text}` names no service; it matches nothing"),
                        Some(format!("write `service:{text}`, or `*` for everything")),
                    );
                } else if text.contains([' ', ',']) {
                    let message = format!("`{text}` holds a blank or comma; it matches nothing");
                    self.error("odd-action", path, at, message);
                }
                ActionPattern::new(text)
            })
            .collect()
    }

    fn resources(&mut self, value: &Value<'_>, path: Path<'_>, variables: Variables) -> Vec<ResourcePattern> {
        self.strings(value, path)
            .into_iter()
            .map(|(text, at)| {
                if !text.starts_with("arn:") && !text.starts_with('*') && !text.starts_with("${") {
                    let message = format!("`{text}` is neither an ARN nor `*`");
                    self.warn("odd-resource", path, at, message, "write the whole ARN");
                }
                if variables == Variables::Literal && text.contains('$') && text.contains("${") {
                    self.warn(
                        "variable-not-expanded",
                        path,
                        at,
                        format!("`{text}` has a variable, which only version 2012-10-17 expands"),
                        "set `\"Version\": \"2012-10-17\"`",
                    );
                }
                ResourcePattern::new(text, variables)
            })
            .collect()
    }

    fn principals(&mut self, value: &Value<'_>, path: Path<'_>) -> Vec<PrincipalEntry> {
        match &value.node {
            Node::String(text) if text == "*" => vec![PrincipalEntry::Anyone],
            Node::String(text) => vec![aws_principal(text)],
            Node::Object(members) => {
                self.repeated(members, path);
                let mut out = Vec::new();
                for member in members {
                    let here = path.join(&member.key);
                    let make: fn(&str) -> PrincipalEntry = match &*member.key {
                        "AWS" => aws_principal,
                        "Service" => |text| PrincipalEntry::Service(text.into()),
                        "Federated" => |text| PrincipalEntry::Federated(text.into()),
                        "CanonicalUser" => |text| PrincipalEntry::CanonicalUser(text.into()),
                        other => {
                            let known = ["AWS", "Service", "Federated", "CanonicalUser"];
                            self.unknown_element(other, here, key_span(member), &known);
                            continue;
                        }
                    };
                    out.extend(
                        self.strings(&member.value, here)
                            .into_iter()
                            .map(|(text, _)| make(text)),
                    );
                }
                out
            }
            other => {
                let message = format!("this needs `\"*\"` or an object, not {}", other.kind());
                self.error("wrong-type", path, span(value), message);
                Vec::new()
            }
        }
    }

    fn conditions(
        &mut self,
        value: &Value<'_>,
        path: Path<'_>,
        variables: Variables,
        out: &mut Vec<Condition>,
    ) {
        let Node::Object(operators) = &value.node else {
            let message = format!("a condition is an object, this is {}", value.node.kind());
            self.error("wrong-type", path, span(value), message);
            // A condition that cannot be read must not make its statement unconditional.
            out.push(undecidable("", ""));
            return;
        };
        self.repeated(operators, path);
        for member in operators {
            let here = path.join(&member.key);
            let operator = Operator::parse(&member.key);
            if operator.is_none() {
                self.report(
                    Severity::Error,
                    "unknown-operator",
                    here,
                    key_span(member),
                    format!(
                        "`{}` is not a condition operator; the statement cannot be decided",
                        member.key
                    ),
                    Operator::suggest(&member.key).map(|near| format!("did you mean `{near}`?")),
                );
            }
            let Node::Object(keys) = &member.value.node else {
                let message = format!("this needs an object of keys, not {}", member.value.node.kind());
                self.error("wrong-type", here, span(&member.value), message);
                out.push(undecidable(&member.key, ""));
                continue;
            };
            self.repeated(keys, here);
            out.reserve_exact(keys.len());
            for key in keys {
                let values = self.values(&key.value, here.join(&key.key));
                out.push(Condition {
                    operator,
                    operator_text: (*member.key).into(),
                    key: key.key.to_ascii_lowercase().into(),
                    key_text: (*key.key).into(),
                    values: values.iter().map(|v| Template::new(v, variables)).collect(),
                    offset: key.start,
                });
            }
        }
    }

    /// Condition values: AWS takes booleans and numbers for their text.
    fn values(&mut self, value: &Value<'_>, path: Path<'_>) -> Vec<String> {
        let items = match &value.node {
            Node::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        items
            .iter()
            .filter_map(|item| match &item.node {
                Node::String(text) => Some(text.to_string()),
                Node::Bool(flag) => Some(flag.to_string()),
                Node::Number(number) => Some((*number).to_owned()),
                other => {
                    let message = format!("a condition value is a string, not {}", other.kind());
                    self.error("wrong-type", path, span(item), message);
                    None
                }
            })
            .collect()
    }
}

fn undecidable(operator: &str, key: &str) -> Condition {
    Condition {
        operator: None,
        operator_text: operator.into(),
        key: key.into(),
        key_text: key.into(),
        values: Vec::new(),
        offset: 0,
    }
}

/// Reads an entry of `{"AWS": …}`.
fn aws_principal(text: &str) -> PrincipalEntry {
    if text == "*" {
        return PrincipalEntry::Anyone;
    }
    if is_account_id(text) {
        return PrincipalEntry::Account(text.into());
    }
    match Arn::parse(text) {
        Some(arn) if arn.service == "iam" && arn.resource == "root" => {
            PrincipalEntry::Account(arn.account.into())
        }
        Some(arn) if matches!(arn.service, "iam" | "sts") => PrincipalEntry::Arn(text.into()),
        Some(_) => PrincipalEntry::Other(text.into()),
        None => {
            let unique = text.len() >= 16
                && text.starts_with('A')
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if unique {
                PrincipalEntry::UniqueId(text.into())
            } else {
                PrincipalEntry::Other(text.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str, flavor: Flavor) -> Vec<String> {
        parse(text, flavor)
            .1
            .iter()
            .map(|d| format!("{}: {d} ({:?})", d.code, d.help))
            .collect()
    }

    #[test]
    fn one_statement_need_not_be_an_array() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let (policy, diagnostics) = parse(text, Flavor::Identity);
        assert_eq!((policy.unwrap().statements.len(), diagnostics.len()), (1, 0));
    }

    #[test]
    fn typos_are_named_with_their_place() {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Actoin":"x","Action":"s3:*","Resource":"*",
            "Condition":{"StringEqals":{"aws:username":"x"}}}]}"#;
        let (policy, diagnostics) = parse(text, Flavor::Identity);
        assert_eq!(policy.unwrap().statements[0].conditions[0].operator, None);
        assert_eq!(diagnostics.len(), 2);
        assert_eq!(diagnostics[1].path, "Statement[0].Condition.StringEqals");
        assert_eq!(diagnostics[1].line_column(text), (2, 26));
        assert_eq!(
            diagnostics[1].help.as_deref(),
            Some("did you mean `StringEquals`?")
        );
    }

    #[test]
    fn a_byte_order_mark_moves_no_position() {
        let text =
            "\u{feff}{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"allow\",\"Action\":\"*\"}}";
        let (_, diagnostics) = parse(text, Flavor::Identity);
        let place = diagnostics[0].offset..diagnostics[0].offset + diagnostics[0].length;
        assert_eq!(&text[place], "\"allow\"");
    }

    #[test]
    fn principals() {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":
            ["*","111111111111","arn:aws:iam::1:root","arn:aws:iam::1:role/R","AROAEXAMPLEEXAMPLE00"],"Service":"ec2.amazonaws.com"}}]}"#;
        let (policy, _) = parse(text, Flavor::Trust);
        let entries = policy.unwrap().statements[0].principal.clone().unwrap().entries;
        assert_eq!(entries[0], PrincipalEntry::Anyone);
        assert_eq!(entries[1], PrincipalEntry::Account("111111111111".into()));
        assert_eq!(entries[2], PrincipalEntry::Account("1".into()));
        assert!(matches!(entries[4], PrincipalEntry::UniqueId(_)));
        assert!(matches!(entries[5], PrincipalEntry::Service(_)));
    }

    #[test]
    fn a_broken_document_says_where() {
        insta::assert_debug_snapshot!(messages(r#"{"Statement":[{"Effect":"Allow""#, Flavor::Identity), @r#"
        [
            "not-json: the document is cut off: expected `,` or `}`, but the document ends here (None)",
        ]
        "#);
        insta::assert_debug_snapshot!(messages(r#"[1]"#, Flavor::Identity), @r#"
        [
            "not-an-object: a policy is an object, this is an array (None)",
        ]
        "#);
    }

    #[test]
    fn the_good_statements_of_a_bad_document_are_kept() {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"allow","Action":"a:b","Resource":"*"},7,
            {"Effect":"Deny","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Resource":"*"}]}"#;
        let (policy, diagnostics) = parse(text, Flavor::Identity);
        let policy = policy.unwrap();
        assert_eq!(policy.statements.len(), 1);
        assert_eq!(policy.statements[0].index, 2);
        assert_eq!(
            diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(),
            ["unknown-effect", "wrong-type", "no-action"]
        );
    }

    #[test]
    fn a_condition_that_is_no_object_never_loosens_its_statement() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":"x"}}"#;
        let (policy, _) = parse(text, Flavor::Identity);
        assert_eq!(policy.unwrap().statements[0].conditions.len(), 1);
    }
}
