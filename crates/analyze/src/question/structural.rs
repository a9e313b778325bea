//! The structural view: what policies grant when nothing limits it. Conditions count as met; denies, SCPs, RCPs,
//! boundaries, Block Public Access and key policies do not count. It is what the first phase of the plan shows, and the
//! upper bound of everything else: each real path is among the structural ones.

use std::collections::BTreeSet;

use sv0_iam::syntax::ast::Statement;
use sv0_iam::syntax::{Effect, Policy};
use sv0_model::coverage::Gap;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::Path;
use sv0_model::record::Record;

use crate::normalize;
use crate::normalize::rules::Rules;
use crate::variant::rewritten;
use crate::world::World;

/// What was left out, to be said of each path.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// The ids of what a KMS key encrypts.
    encrypted: BTreeSet<String>,
}

/// Builds the world of the structural view from what was read.
#[must_use]
pub fn build(mut records: Vec<Record>, gaps: Vec<Gap>, rules: &Rules) -> (World, LeftOut) {
    let mut left_out = LeftOut::default();
    records.retain(|record| !matches!(record.kind, Kind::Scp | Kind::Rcp));
    for record in &mut records {
        let before = record.refs.len();
        record.refs.retain(|r| r.rel != EdgeKind::EncryptedWith);
        if record.refs.len() < before {
            left_out.encrypted.insert(record.id.clone());
        }
        record.refs.retain(|r| r.rel != EdgeKind::SubjectTo);
        record.attrs.remove("block_public_access");
    }
    let world = normalize::build_with(records, gaps, rules);
    (
        rewritten(&world, &|attachment| unlimited(&attachment.policy)),
        left_out,
    )
}

/// A policy's grants, whatever they hang on; none where that is the policy as it is.
fn unlimited(policy: &Policy) -> Option<Policy> {
    let limits = |s: &Statement| s.effect == Effect::Deny || !s.conditions.is_empty();
    if !policy.statements.iter().any(limits) {
        return None;
    }
    let mut policy = policy.clone();
    policy.statements.retain(|s| s.effect == Effect::Allow);
    for statement in &mut policy.statements {
        statement.conditions.clear();
    }
    Some(policy)
}

impl LeftOut {
    /// Says of a path what was not evaluated for it.
    pub fn flag(&self, path: &mut Path) {
        path.conditions_not_evaluated = true;
        path.kms_not_evaluated = self.encrypted.contains(&path.target.id);
        for hop in &mut path.hops {
            // No condition was looked at, so none can be said to be absent.
            hop.text = hop.text.replace(" (no condition on the subject)", "");
        }
    }
}
