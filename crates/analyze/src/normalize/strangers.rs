//! Accounts and principals that trust and resource policies let in and that were not collected: they become nodes, so
//! that paths from them can be shown.

use std::collections::BTreeSet;

use sv0_iam::name::Arn;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::kind::{Kind, Slot};

use crate::world::World;

pub(super) fn name(world: &mut World) {
    let mut accounts = BTreeSet::new();
    let mut principals = BTreeSet::new();
    let mut anyone = false;
    for attachment in &world.attachments {
        if !matches!(attachment.slot, Slot::Trust | Slot::Resource | Slot::Key) {
            continue;
        }
        let statements = attachment
            .policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Allow);
        for entry in statements
            .filter_map(|s| s.principal.as_ref())
            .filter(|p| !p.negated)
            .flat_map(|p| &p.entries)
        {
            match entry {
                PrincipalEntry::Account(id) if !collected(world, id) => {
                    accounts.insert(id.to_string());
                }
                PrincipalEntry::Arn(arn) => {
                    let account = Arn::parse(arn).and_then(|arn| arn.account_id());
                    if account.is_some_and(|id| !collected(world, id)) && world.graph.find(arn).is_none() {
                        principals.insert(arn.to_string());
                    }
                }
                PrincipalEntry::Anyone => anyone = true,
                _ => {}
            }
        }
    }
    for account in accounts {
        let known = world.accounts.get(&account).and_then(|a| a.name.clone());
        let node = world
            .graph
            .stub(Kind::ExternalAccount, &format!("arn:aws:iam::{account}:root"));
        if let Some(node) = world.graph.node_mut(node) {
            node.record.name = known.unwrap_or_else(|| account.clone());
            node.record.account = Some(account);
        }
    }
    for principal in principals {
        super::stub(world, &principal, Kind::ExternalPrincipal);
    }
    if anyone {
        let node = world.graph.stub(Kind::Anonymous, "*");
        if let Some(node) = world.graph.node_mut(node) {
            node.record.name = "anyone".into();
        }
    }
}

fn collected(world: &World, account: &str) -> bool {
    world.accounts.get(account).is_some_and(|a| a.collected)
}
