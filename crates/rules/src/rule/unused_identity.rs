//! Roles, users and keys that nobody used for ninety days: authority that nobody would miss.
//!
//! Only what IAM says itself: when a role or a key was last used. Where it says nothing, nothing is concluded.

use sv0_model::finding::Severity;
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;

use super::trust::is_reserved;
use super::words::name;
use crate::day::number as day;
use crate::draft::Draft;
use crate::ground::Ground;

/// Days without use after which something counts as unused; what Access Analyzer takes by default.
const DAYS: i64 = 90;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let Some(today) = ground.today.as_deref().and_then(day) else {
        return Vec::new();
    };
    let people = ground.world.principals.keys().copied();
    people.filter_map(|node| one(ground, node, today)).collect()
}

fn one(ground: &Ground<'_>, node: NodeId, today: i64) -> Option<Draft> {
    let world = ground.world;
    let record = &world.node(node).record;
    if is_reserved(world, node) || !matches!(record.kind, Kind::IamRole | Kind::IamUser) {
        return None;
    }
    let mut last: Option<i64> = None;
    let mut known = false;
    if let Some(value) = record.attrs.get("last_used") {
        known = true;
        let text = value
            .as_str()
            .or_else(|| value.get("date").and_then(|d| d.as_str()));
        last = text.and_then(day);
    }
    for key in record
        .attrs
        .get("access_keys")
        .and_then(|keys| keys.as_array())
        .into_iter()
        .flatten()
    {
        if let Some(used) = key.get("last_used").and_then(|used| used.as_str()).and_then(day) {
            known = true;
            last = last.max(Some(used));
        }
    }
    if !known {
        return None;
    }
    let made = record.created_at.as_deref().and_then(day);
    // Somebody who was made yesterday had no time.
    let since = last.or(made)?;
    let days = today - since;
    if days < DAYS {
        return None;
    }
    let what = if last.is_some() {
        format!("was last used {days} days ago")
    } else {
        format!("was never used in the {days} days since it was made")
    };
    let mut out = Draft::new(node, format!("{} {what}", name(world, node)));
    out.impact = ground.leads_to(node);
    out.exposure = ground.exposure(node);
    out.sentences.push(format!(
        "IAM says that it {what}. What it can do, it can do all the same."
    ));
    out.at_most = Some((
        if out.impact.points() >= 3 {
            Severity::Low
        } else {
            Severity::Informational
        },
        "nobody is known to use it".into(),
    ));
    Some(out)
}
