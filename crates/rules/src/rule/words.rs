//! How findings say things: short, with names, for people who do not know IAM by heart.

use sv0_analyze::World;
use sv0_analyze::words::one_line;
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Sensitivity};

use crate::ground::Held;

/// `role Admin in Prod`.
pub(crate) fn name(world: &World, node: NodeId) -> String {
    let record = &world.node(node).record;
    let label = world.label(node);
    let account = record.account.as_deref().map(|id| world.account_label(id));
    match (record.kind, account) {
        (Kind::Anonymous | Kind::ExternalAccount | Kind::ResourceScope, _) | (_, None) => label,
        (kind, Some(account)) => format!("{} {label} in {}", kind.label(), one_line(&account)),
    }
}

/// A few names: `A, B and 3 more`.
pub(crate) fn some(names: impl IntoIterator<Item = String>, most: usize) -> String {
    let all: Vec<String> = names.into_iter().collect();
    let left = all.len().saturating_sub(most);
    let shown: Vec<&str> = all.iter().take(most).map(String::as_str).collect();
    match (shown.as_slice(), left) {
        ([], _) => "nothing".into(),
        (shown, 0) => match shown.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
            None => String::new(),
        },
        (shown, left) => format!("{} and {left} more", shown.join(", ")),
    }
}

/// A few entities.
pub(crate) fn names(world: &World, nodes: &[NodeId], most: usize) -> String {
    some(nodes.iter().map(|node| world.label(*node)), most)
}

/// `3 pieces of restricted data (A, B and C)`.
pub(crate) fn data(world: &World, held: &[Held], most: usize) -> String {
    let top = held
        .iter()
        .map(|held| world.node(held.resource).sensitivity)
        .max();
    let kind = match top {
        Some(Sensitivity::Unknown) | None => "unclassified data".to_owned(),
        Some(sensitivity) => format!("{sensitivity} data"),
    };
    let names: Vec<NodeId> = held.iter().map(|held| held.resource).collect();
    format!("{kind}: {}", self::names(world, &names, most))
}

/// `1 role`, `2 roles`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
