//! The syntax tree of a policy document, with everything that can be compiled once already compiled.

use crate::condition::Operator;
use crate::name::ActionPattern;
use crate::syntax::resource::ResourcePattern;
use crate::syntax::template::Template;

/// A policy document.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether `Version` is `2012-10-17`, so that variables are expanded.
    pub modern: bool,
    /// `Id`, where given.
    pub id: Option<Box<str>>,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its place in the document, from zero.
    pub index: usize,
    /// `Sid`, where given.
    pub sid: Option<Box<str>>,
    /// What it does.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`.
    pub principal: Option<PrincipalElement>,
    /// `Action` or `NotAction`.
    pub action: ActionElement,
    /// `Resource` or `NotResource`; trust policies have neither.
    pub resource: Option<ResourceElement>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Byte offset of its first character in the document.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
}

impl Statement {
    /// Its path in the document, such as `Statement[2]`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("Statement[{}]", self.index)
    }
}

/// What a statement does where it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionElement {
    /// Whether it is `NotAction`.
    pub negated: bool,
    /// The patterns.
    pub patterns: Vec<ActionPattern>,
}

impl ActionElement {
    /// Whether the element covers a concrete action.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(action)) != self.negated
    }
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceElement {
    /// Whether it is `NotResource`.
    pub negated: bool,
    /// The patterns.
    pub patterns: Vec<ResourcePattern>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalElement {
    /// Whether it is `NotPrincipal`.
    pub negated: bool,
    /// Who is named.
    pub entries: Vec<PrincipalEntry>,
}

/// One name in a `Principal` element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrincipalEntry {
    /// `*`, or `{"AWS": "*"}`.
    Anyone,
    /// An account: its id, or the ARN of its root.
    Account(Box<str>),
    /// A user, role, session or federated user, by ARN.
    Arn(Box<str>),
    /// A unique id (AIDA…, AROA…) of a deleted principal: matches nobody.
    UniqueId(Box<str>),
    /// An AWS service.
    Service(Box<str>),
    /// A SAML or OIDC provider: ARN or domain.
    Federated(Box<str>),
    /// An S3 canonical user.
    CanonicalUser(Box<str>),
    /// Anything that is none of these; kept, and matches nobody.
    Other(Box<str>),
}

impl PrincipalEntry {
    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Anyone => "*",
            Self::Account(text)
            | Self::Arn(text)
            | Self::UniqueId(text)
            | Self::Service(text)
            | Self::Federated(text)
            | Self::CanonicalUser(text)
            | Self::Other(text) => text,
        }
    }
}

/// One key of one operator of a `Condition` element.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The operator; none where AWS knows no such operator, and then nothing can be decided.
    pub operator: Option<Operator>,
    /// The operator as written.
    pub operator_text: Box<str>,
    /// The key in lower case.
    pub key: Box<str>,
    /// The key as written.
    pub key_text: Box<str>,
    /// Any of these.
    pub values: Vec<Template>,
    /// Byte offset of the key in the document.
    pub offset: usize,
}

impl Condition {
    /// The condition in one line: `StringEquals aws:PrincipalOrgID = "o-1"`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let values: Vec<String> = self
            .values
            .iter()
            .map(|v| format!("\"{}\"", v.as_str()))
            .collect();
        match values.as_slice() {
            [one] => format!("{} {} {one}", self.operator_text, self.key_text),
            many => format!("{} {} [{}]", self.operator_text, self.key_text, many.join(", ")),
        }
    }
}
