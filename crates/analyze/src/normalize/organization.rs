//! The organisation's tree, and which SCPs and RCPs bind each account, level by level.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::syntax::{Flavor, Policy};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::PolicyText;

use super::attach;
use super::library::Library;
use crate::world::{Attachment, World};

pub(super) fn ceilings(world: &mut World, library: &Library) {
    let organization = world
        .graph
        .nodes()
        .find(|(_, node)| node.record.kind == Kind::AwsOrganization)
        .map(|(id, node)| (id, node.record.clone()));
    let Some((_, organization)) = organization else {
        unknown(world);
        return;
    };
    let id = organization
        .attrs
        .get("id")
        .and_then(|v| v.as_str())
        .map(str::to_owned);
    let id = id.or_else(|| organization.id.rsplit('/').next().map(str::to_owned));
    let management = organization
        .attrs
        .get("management_account")
        .and_then(|v| v.as_str())
        .map(str::to_owned);
    world.org_id.clone_from(&id);

    // What hangs on the root and on an OU is attached once, however many accounts are below it.
    astray(world);
    let mut attached = FxHashMap::default();
    let ids: Vec<String> = world.accounts.keys().cloned().collect();
    for account in ids {
        let node = world.accounts.get(&account).and_then(|a| a.node);
        let levels = node.map(|node| levels(world, node)).unwrap_or_default();
        let path = node.map(|node| {
            let mut path = id.clone().unwrap_or_default();
            for level in levels.iter().filter(|level| **level != node) {
                path.push('/');
                path.push_str(world.id(*level));
            }
            path.push('/');
            path
        });
        let is_broken = node.is_some_and(|node| is_broken(world, node, &levels));
        let is_management = management.as_deref() == Some(account.as_str());
        let mut scps = levels
            .iter()
            .map(|level| policies(world, library, &mut attached, *level, Kind::Scp))
            .collect::<Vec<_>>();
        let mut rcps = levels
            .iter()
            .map(|level| policies(world, library, &mut attached, *level, Kind::Rcp))
            .collect::<Vec<_>>();
        if is_broken && !is_management {
            lost(world, &account);
            scps.insert(0, above(world, &account, Flavor::Scp));
            rcps.insert(0, above(world, &account, Flavor::Rcp));
        }
        // An organisation without the policy type enabled has none attached anywhere: then nothing binds.
        let enabled = |levels: &Vec<Vec<u32>>| levels.iter().any(|level| !level.is_empty());
        if let Some(entry) = world.accounts.get_mut(&account) {
            entry.member = Some(node.is_some());
            entry.management = is_management;
            entry.org_path = path;
            entry.scps = Some(scps).filter(|levels| node.is_some() && !is_management && enabled(levels));
            entry.rcps = Some(rcps).filter(|levels| node.is_some() && !is_management && enabled(levels));
            entry.levels = levels;
        }
    }
}

/// Root first, the account last.
fn levels(world: &World, account: NodeId) -> Vec<NodeId> {
    let mut out = vec![account];
    let mut at = account;
    while let Some(parent) = world.graph.targets(at, EdgeKind::MemberOf).next() {
        // A tree is at most seven levels deep; a longer walk is a loop in damaged input.
        if world.node(parent).record.kind != Kind::AwsOu || out.len() > 16 || out.contains(&parent) {
            break;
        }
        out.push(parent);
        at = parent;
    }
    out.reverse();
    out
}

/// Whether the way from an account up ends elsewhere than at a root: at something that is not in the input, or in a loop. An
/// account that says nothing of where it stands stands by itself.
fn is_broken(world: &World, account: NodeId, levels: &[NodeId]) -> bool {
    let Some(top) = levels.first() else { return false };
    let is_root = world.id(*top).starts_with("r-");
    let mut above = world.graph.targets(*top, EdgeKind::MemberOf).peekable();
    if is_root || *top == account && above.peek().is_none() {
        return false;
    }
    !above.any(|above| world.node(above).record.kind == Kind::AwsOrganization)
}

/// What stands for the policies that nobody knows, above an account whose place is not known.
fn above(world: &mut World, account: &str, flavor: Flavor) -> Vec<u32> {
    let kind = if flavor == Flavor::Scp { "SCP" } else { "RCP" };
    let name = format!("an {kind} above account {account}");
    let stands = super::unreadable::stand_in(flavor, &[], &name);
    let tag = stands.map(|(policy, text, name)| {
        let attachment = Attachment {
            policy,
            text,
            name,
            id: account.to_owned(),
            slot: Slot::Document,
            via: None,
        };
        attach(world, attachment)
    });
    tag.into_iter().collect()
}

fn lost(world: &mut World, account: &str) {
    world.gaps.push(Gap {
        account: Some(account.to_owned()),
        region: None,
        service: Some("organizations".into()),
        call: "organizations:ListParents".into(),
        entity: None,
        reason: Reason::NotInInput,
        detail: format!(
            "the way from account {account} up to the organization's root is not whole in the input"
        ),
        consequence: "everything in this account hangs on policies that are not known".into(),
    });
}

/// Policies that hang on something that is not there hang on nothing, which is hardly what was meant.
fn astray(world: &mut World) {
    let mut gaps = Vec::new();
    for (node, kind) in world.graph.nodes() {
        if !matches!(kind.record.kind, Kind::Scp | Kind::Rcp) {
            continue;
        }
        let strays = world.graph.targets(node, EdgeKind::Constrains);
        gaps.extend(
            strays
                .filter(|target| world.node(*target).stub)
                .map(|target| Gap {
                    account: None,
                    region: None,
                    service: Some("organizations".into()),
                    call: "organizations:ListTargetsForPolicy".into(),
                    entity: Some(kind.record.id.clone()),
                    reason: Reason::NotInInput,
                    detail: format!(
                        "`{}` is attached to `{}`, which is not in the input",
                        kind.record.name,
                        world.id(target)
                    ),
                    consequence: "what it denies there is not known to be denied".into(),
                }),
        );
    }
    world.gaps.append(&mut gaps);
}

/// The tags of the policies of one kind that hang on one level.
type Tags = FxHashMap<(NodeId, Kind), Vec<u32>>;

fn policies(world: &mut World, library: &Library, known: &mut Tags, level: NodeId, kind: Kind) -> Vec<u32> {
    known
        .entry((level, kind))
        .or_insert_with(|| attach_all(world, library, level, kind))
        .clone()
}

fn attach_all(world: &mut World, library: &Library, level: NodeId, kind: Kind) -> Vec<u32> {
    let flavor = if kind == Kind::Scp {
        Flavor::Scp
    } else {
        Flavor::Rcp
    };
    let found: Vec<(String, String, PolicyText, Arc<Policy>)> = world
        .graph
        .sources(level, EdgeKind::Constrains)
        .map(|source| &world.node(source).record)
        .filter(|record| record.kind == kind)
        .filter_map(|record| {
            let slot = record.policies.iter().find(|slot| slot.slot == Slot::Document);
            let read = slot.and_then(|slot| {
                let policy = library.get(&slot.document, flavor)?;
                Some((policy, slot.document.clone(), record.name.clone()))
            });
            let (policy, text, name) =
                read.or_else(|| super::unreadable::stand_in(flavor, &[], &record.name))?;
            Some((record.id.clone(), name, text, policy))
        })
        .collect();
    found
        .into_iter()
        .map(|(id, name, text, policy)| {
            attach(
                world,
                Attachment {
                    policy,
                    text,
                    name,
                    id,
                    slot: Slot::Document,
                    via: Some(level),
                },
            )
        })
        .collect()
}

/// No organisation in the input: its ceilings are unknown, which is said rather than guessed.
fn unknown(world: &mut World) {
    if world.accounts.values().any(|account| account.collected) {
        world.gaps.push(Gap {
            account: None,
            region: None,
            service: Some("organizations".into()),
            call: "organizations:DescribeOrganization".into(),
            entity: None,
            reason: Reason::NotInInput,
            detail: "the input holds no organization: service and resource control policies are not known"
                .into(),
            consequence: "what is reported as allowed may be denied by an SCP or RCP".into(),
        });
    }
}
