//! What stands for a document that cannot be read: it may grant and it may deny, and nobody knows what. Left out, a denial in it
//! would be taken for none, and what it grants for something that nobody has.
//!
//! It is a policy like any other, under a condition on a key that no request is known to carry or not to carry, so that every
//! answer that hangs on it is told as hanging on it, by each evaluator in its own way.

use std::sync::Arc;

use sv0_iam::syntax::{Flavor, Policy, parse};
use sv0_model::record::PolicyText;

use crate::world::World;

/// The keys of the conditions. They are two: that it grants something does not mean that it denies it as well.
pub(crate) const KEYS: [&str; 2] = ["sv0:PolicyNotReadGrants", "sv0:PolicyNotReadDenies"];

/// The text that stands for one of a kind. What it may grant, it may grant to the accounts that were collected, which then need
/// a permission of their own: to suppose that it lets everybody in would bury what is known.
fn text(flavor: Flavor, accounts: &[String]) -> Option<String> {
    let [grants, denies] = KEYS.map(|key| format!(r#""Condition":{{"Bool":{{"{key}":"true"}}}}"#));
    let names: Vec<String> = accounts
        .iter()
        .map(|account| format!(r#""arn:aws:iam::{account}:root""#))
        .collect();
    let principals = format!(r#""Principal":{{"AWS":[{}]}}"#, names.join(","));
    let statements = match flavor {
        Flavor::Scp => format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"*","Resource":"*",{denies}}}"#
        ),
        Flavor::Rcp => format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}},{{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*",{denies}}}"#
        ),
        Flavor::Trust if !accounts.is_empty() => {
            format!(r#"{{"Effect":"Allow",{principals},"Action":"sts:AssumeRole",{grants}}}"#)
        }
        Flavor::Resource if !accounts.is_empty() => format!(
            r#"{{"Effect":"Allow",{principals},"Action":"*","Resource":"*",{grants}}},{{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*",{denies}}}"#
        ),
        _ => return None,
    };
    Some(format!(
        r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#
    ))
}

/// The accounts that were collected.
pub(crate) fn collected(world: &World) -> Vec<String> {
    let collected = world.accounts.iter().filter(|(_, account)| account.collected);
    collected.map(|(id, _)| id.clone()).collect()
}

/// What stands for a document, its text, and what it is called.
pub(crate) fn stand_in(
    flavor: Flavor,
    accounts: &[String],
    name: &str,
) -> Option<(Arc<Policy>, PolicyText, String)> {
    let text = text(flavor, accounts)?;
    let policy = parse(&text, flavor).0?;
    Some((
        Arc::new(policy),
        PolicyText::new(text),
        format!("{name} (could not be read)"),
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_policy_without_mistakes() {
        let accounts = ["111111111111".to_owned()];
        for flavor in [Flavor::Scp, Flavor::Rcp, Flavor::Trust, Flavor::Resource] {
            let text = text(flavor, &accounts).unwrap();
            let (policy, diagnostics) = parse(&text, flavor);
            assert!(
                policy.is_some() && diagnostics.is_empty(),
                "{flavor:?}: {diagnostics:?}"
            );
        }
    }
}
