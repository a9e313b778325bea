//! The plain evaluator: `decide(request, policies) → Decision`, straight from AWS's rules, with no cleverness.
//!
//! One policy layer a file ([`identity`], [`boundary`], [`session`], [`scp`], [`rcp`], [`resource`], [`endpoint`]); what
//! AWS refuses by itself is in [`protected`] and [`public_access`]; their composition is [`combine`]. Which context keys
//! could change an answer tells [`sensitivity`]. Everything faster is tested against this.
//!
//! A request may hold unknown facts. Then a statement may match *perhaps*, and the answer is taken twice: the lower
//! bound counts no uncertain grant and every uncertain denial, the upper bound the reverse. Where they differ the
//! answer is [`Verdict::AllowedIf`], with what would have to hold.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".

pub mod boundary;
pub mod combine;
pub mod endpoint;
pub mod identity;
pub mod layer;
pub mod protected;
pub mod public_access;
pub mod rcp;
pub mod resource;
pub mod scp;
pub mod sensitivity;
pub mod session;

use std::fmt;

use crate::condition::Context;
use crate::name::{Caller, principal::Named};
use crate::syntax::ast::{Effect, Policy};
use crate::syntax::resource::ResourceName;
use crate::tri::Tri;

pub use combine::{decide, refusals};
pub use sensitivity::context_keys;

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What for: a concrete action such as `s3:GetObject`.
    pub action: &'a str,
    /// On what; `*` for actions that take no resource.
    pub resource: ResourceName<'a>,
    /// Whose the resource is; the caller's account where it is none of anybody's.
    pub resource_account: Option<&'a str>,
    /// What else is known.
    pub context: &'a Context,
}

/// A policy in its place; `tag` is for the asker, who knows what it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Attached<'a> {
    /// The document.
    pub policy: &'a Policy,
    /// The asker's name for it.
    pub tag: u32,
}

/// Everything that bears on a request, layer by layer.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Identity policies of the caller: inline, managed, and those of its groups.
    pub identity: Vec<Attached<'a>>,
    /// Whether the caller's identity policies could not be read, as in a foreign account.
    pub identity_unknown: bool,
    /// Permissions boundaries, all of which must allow; none where there is no boundary.
    pub boundaries: Vec<Attached<'a>>,
    /// The session policies, any of which must allow; none where there is no session policy.
    pub session: Option<Vec<Attached<'a>>>,
    /// SCPs of the caller's account, one list a level, root first. None where no SCP applies (management account, no
    /// organisation). A level without any policy denies everything.
    pub scps: Option<Vec<Vec<Attached<'a>>>>,
    /// RCPs of the resource's account, one list a level, root first.
    pub rcps: Option<Vec<Vec<Attached<'a>>>>,
    /// The resource's own policies: bucket, key, trust, function policy …
    pub resource: Vec<Attached<'a>>,
    /// Policies of the VPC endpoint that the request goes through.
    pub endpoint: Option<Vec<Attached<'a>>>,
    /// Whether the resource policy must allow even within the account: KMS keys and role trust (rules 5 and 6).
    pub resource_rule: ResourceRule,
    /// Whether `RestrictPublicBuckets` is on for the S3 bucket: by itself, its account or its organisation. Whether the
    /// resource policies are public is for the evaluator to say ([`public_access`]).
    pub block_public_access: bool,
}

/// How a resource policy and identity policies go together within one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceRule {
    /// Either suffices (rule 2).
    #[default]
    Either,
    /// The resource policy must allow, directly or by delegating to the account (rules 5 and 6).
    Required,
}

/// A policy layer, or what stands in for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Identity policies.
    Identity,
    /// Permissions boundary.
    Boundary,
    /// Session policy.
    Session,
    /// Service control policies.
    Scp,
    /// Resource control policies.
    Rcp,
    /// The resource's policy.
    Resource,
    /// The VPC endpoint's policy.
    Endpoint,
    /// No policy: AWS itself, which protects what is its own ([`protected`]).
    Protected,
    /// No policy: S3 Block Public Access, of the bucket, its account or its organisation ([`public_access`]).
    BlockPublicAccess,
}

impl Layer {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::Scp => "scp",
            Self::Rcp => "rcp",
            Self::Resource => "resource",
            Self::Endpoint => "endpoint",
            Self::Protected => "protected",
            Self::BlockPublicAccess => "block_public_access",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A statement that matches the request, or may.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Where it is.
    pub layer: Layer,
    /// For SCPs and RCPs: the level, root = 0. For boundaries: which of them.
    pub level: usize,
    /// The asker's name for the policy.
    pub tag: u32,
    /// The statement's index in the document.
    pub statement: usize,
    /// What it does.
    pub effect: Effect,
    /// `True` or `Unknown`.
    pub certainty: Tri,
    /// In resource policies: how it names the caller.
    pub named: Option<Named>,
    /// Why it is uncertain.
    pub doubts: Vec<Doubt>,
}

/// Why it is not certain that a statement matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// This condition of the statement hangs on an unknown key: its index.
    Condition(usize),
    /// A policy variable in the resource is unknown: its key.
    Variable(String),
    /// The statement names one session of the role.
    Session,
    /// The statement names one principal of an account; the caller is somebody of that account.
    Somebody,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Allowed whatever the unknown facts are.
    Allowed,
    /// Allowed for some values of the unknown facts, as far as each statement tells by itself.
    AllowedIf,
    /// Nothing allows it, in at least one layer that must.
    ImplicitDeny,
    /// A statement denies it, or Block Public Access does.
    ExplicitDeny,
}

impl Verdict {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::AllowedIf => "allowed_if",
            Self::ImplicitDeny => "implicit_deny",
            Self::ExplicitDeny => "explicit_deny",
        }
    }

    /// Whether it is, or may be, allowed.
    #[must_use]
    pub const fn possible(self) -> bool {
        matches!(self, Self::Allowed | Self::AllowedIf)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A layer that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// Which.
    pub layer: Layer,
    /// For SCPs and RCPs: the level, root = 0. For boundaries: which of them.
    pub level: usize,
    /// Whether a statement denies, or Block Public Access; otherwise nothing allows, or nothing can ([`protected`]).
    pub explicit: bool,
}

/// What would have to hold for an uncertain answer to become "allowed".
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// The hit's doubts must turn out so that it matches (an `Allow`) or does not (a `Deny`).
    Hit(Hit),
    /// The foreign account's own policies must allow it.
    ForeignIdentity,
}

/// The answer and its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Every statement that matches or may, by layer.
    pub hits: Vec<Hit>,
    /// For denials: every layer that stands in the way.
    pub blocks: Vec<Block>,
    /// For `AllowedIf`: what would have to hold, all of it.
    pub requirements: Vec<Requirement>,
}

impl Decision {
    /// The statements that carry the answer: grants where it is (perhaps) allowed, the blocking denials otherwise.
    pub fn deciding(&self) -> impl Iterator<Item = &Hit> {
        let possible = self.verdict.possible();
        self.hits.iter().filter(move |hit| match hit.effect {
            Effect::Allow => possible,
            Effect::Deny => hit.certainty == Tri::True || possible,
        })
    }
}
