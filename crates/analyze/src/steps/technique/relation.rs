//! What must hold of a target, and of a principal and a target, besides what the principal may do.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use sv0_iam::name::Arn;
use sv0_iam::syntax::Effect;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};

use super::catalog::{Gain, Need, On, Technique, When, techniques};
use crate::access::ANY;
use crate::world::World;

/// Whether a technique works on an entity, whoever uses it.
pub(super) fn suits(world: &World, technique: &Technique, target: NodeId) -> bool {
    let node = world.node(target);
    let record = &node.record;
    if Some(record.kind) != technique.target || !is_there(technique, record.kind, node.stub) {
        return false;
    }
    // What AWS made for a service or for Identity Center nobody in the account can change.
    if record.kind == Kind::IamRole && record.id.contains(":role/aws-reserved/") {
        return false;
    }
    // AWS's own policies can be detached, and not rewritten.
    let detached = technique.asks(When::Denies);
    if record.kind == Kind::IamPolicy && !detached && is_of_aws(&record.id) {
        return false;
    }
    let fact = |name: &str, wanted: &toml::Value| {
        let known = record.attrs.get(name)?;
        let same = match wanted {
            toml::Value::Boolean(wanted) => known.as_bool() == Some(*wanted),
            toml::Value::String(wanted) => known
                .as_str()
                .is_some_and(|known| known.eq_ignore_ascii_case(wanted)),
            _ => false,
        };
        Some(same)
    };
    technique
        .is
        .iter()
        .all(|(name, wanted)| fact(name, wanted) == Some(true))
        && technique
            .is_not
            .iter()
            .all(|(name, not)| fact(name, not) != Some(true))
        && technique.when.iter().all(|what| fits(world, *what, target))
}

/// What is only named can be made; what is to be changed must be there. Policies and groups need no record of their own.
fn is_there(technique: &Technique, kind: Kind, stub: bool) -> bool {
    match kind {
        _ if technique.asks(When::Missing) => stub,
        Kind::IamPolicy | Kind::IamGroup => true,
        _ => !stub,
    }
}

fn is_of_aws(policy: &str) -> bool {
    policy.contains(":iam::aws:policy/")
}

/// The conditions that are the target's alone.
fn fits(world: &World, what: When, target: NodeId) -> bool {
    let record = &world.node(target).record;
    let text = |name: &str| record.attrs.get(name);
    match what {
        When::RunsAs => world.graph.targets(target, EdgeKind::RunsAs).next().is_some(),
        When::Bounded => world.graph.targets(target, EdgeKind::SubjectTo).next().is_some(),
        When::KeyLeft => keys(world, target).len() < 2,
        When::KeysFull => keys(world, target).len() >= 2,
        When::KeyOff => keys(world, target)
            .iter()
            .any(|key| key.get("status").and_then(Value::as_str) == Some("Inactive")),
        When::Console => text("console").is_none_or(|known| known.as_bool() == Some(true)),
        When::NoConsole => text("console").is_none_or(|known| known.as_bool() == Some(false)),
        When::Versions => text("versions").is_none_or(|known| known.as_u64() != Some(1)),
        When::NotManaging => {
            let account = record.account.as_deref().and_then(|id| world.accounts.get(id));
            account.is_some_and(|account| !account.management)
        }
        // These are asked about elsewhere.
        When::Itself
        | When::Attached
        | When::Denies
        | When::Member
        | When::Outside
        | When::Bounds
        | When::Assumable
        | When::Profile
        | When::Missing
        | When::Management
        | When::OwnAccount
        | When::SignedIn
        | When::ProvisionsIt => true,
    }
}

fn keys(world: &World, user: NodeId) -> &[Value] {
    let keys = world.node(user).record.attrs.get("access_keys");
    keys.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a technique of a suitable target is one for a principal.
pub(super) fn relates(world: &World, technique: &Technique, from: NodeId, target: NodeId) -> bool {
    let account = world.account_of(from);
    let near = if technique.is_of_the_organisation() {
        let mine = account.and_then(|id| world.accounts.get(id));
        mine.is_some_and(|account| account.management)
    } else {
        account.is_some() && account == world.account_of(target)
    };
    let same = technique.target.is_none() || technique.asks(When::Itself);
    let mut itself = technique.needs.iter().filter(|need| need.on == On::Itself);
    near && same == (from == target)
        && itself.all(|need| is_for(world, need, from))
        && technique
            .when
            .iter()
            .all(|what| holds(world, *what, from, target))
        && (technique.gain != Gain::Limited || limits(world, target))
        && (technique.gain != Gain::Undenied || denies(world, from, target))
}

/// `iam:…User…` is on users, `iam:…Role…` on roles.
fn is_for(world: &World, need: &Need, from: NodeId) -> bool {
    match world.node(from).record.kind {
        Kind::IamUser => need.action.contains("User"),
        Kind::IamRole => need.action.contains("Role"),
        _ => false,
    }
}

/// The conditions that are the pair's.
fn holds(world: &World, what: When, from: NodeId, target: NodeId) -> bool {
    let is_user = world.node(from).record.kind == Kind::IamUser;
    let member = || {
        let mut groups = world.graph.targets(from, EdgeKind::MemberOf);
        groups.any(|group| group == target)
    };
    match what {
        When::Attached => own_policies(world, from).contains(&target),
        When::Denies => {
            let mut attached = world.graph.targets(from, EdgeKind::HasPolicy);
            attached.any(|policy| policy == target)
        }
        When::Member => is_user && member(),
        When::Outside => is_user && !member(),
        When::Bounds => {
            let mut bounds = world.graph.targets(from, EdgeKind::SubjectTo);
            bounds.any(|boundary| boundary == target)
        }
        When::SignedIn => is_of_identity_center(world, from),
        When::ProvisionsIt => {
            let mut roles = world.graph.targets(target, EdgeKind::Provisions);
            roles.any(|role| role == from)
        }
        // The others are the target's alone, or are asked of policies.
        _ => true,
    }
}

fn is_of_identity_center(world: &World, role: NodeId) -> bool {
    world.id(role).contains(":role/aws-reserved/sso.amazonaws.com/")
}

/// Whether something that a principal has, of a policy, an entity or a group, denies.
fn denies(world: &World, from: NodeId, holder: NodeId) -> bool {
    let principal = world.principals.get(&from);
    let mut tags = principal.iter().flat_map(|principal| &principal.identity);
    tags.any(|tag| is_denial(world, *tag, holder))
}

/// Whether a policy in its place is one that an entity holds or hands on, and denies something.
pub(super) fn is_denial(world: &World, tag: u32, holder: NodeId) -> bool {
    world.attachment(tag).is_some_and(|attachment| {
        let here =
            attachment.via == Some(holder) || attachment.via.is_none() && attachment.id == world.id(holder);
        let mut statements = attachment.policy.statements.iter();
        here && statements.any(|statement| statement.effect == Effect::Deny)
    })
}

/// Whether a ceiling keeps anything from anybody: what is not called `FullAWSAccess`.
fn limits(world: &World, ceiling: NodeId) -> bool {
    let id = world.id(ceiling);
    !id.ends_with("p-FullAWSAccess") && !id.ends_with("p-RCPFullAWSAccess")
}

/// Customer managed policies that are attached to the principal or its groups.
pub(super) fn own_policies(world: &World, from: NodeId) -> Vec<NodeId> {
    let holders = std::iter::once(from).chain(world.graph.targets(from, EdgeKind::MemberOf));
    holders.flat_map(|holder| rewritable(world, holder)).collect()
}

/// Customer managed policies that are attached to an entity.
pub(super) fn rewritable(world: &World, holder: NodeId) -> impl Iterator<Item = NodeId> {
    let attached = world.graph.targets(holder, EdgeKind::HasPolicy);
    attached.filter(|policy| !is_of_aws(world.id(*policy)))
}

/// What a technique hangs on that no record says, in words.
pub(super) fn doubts(world: &World, technique: &Technique, target: NodeId) -> Vec<String> {
    let record = &world.node(target).record;
    let mut out = Vec::new();
    if let Some(text) = &technique.if_also
        && !technique
            .shown_by
            .is_some_and(|kind| has_some(world, target, kind))
    {
        out.push(text.clone());
    }
    if technique.asks(When::Profile) && !has_profile(world, target) {
        out.push(format!("role {} has an instance profile", world.label(target)));
    }
    for (what, text) in [
        (When::Console, "has a console password"),
        (When::NoConsole, "has no console password"),
    ] {
        if technique.asks(what) && !record.attrs.contains_key("console") {
            out.push(format!("user {} {text}", world.label(target)));
        }
    }
    out
}

/// Whether the role is known to have an instance profile: its record says so, or an instance runs as the role.
fn has_profile(world: &World, role: NodeId) -> bool {
    let profiles = world.node(role).record.attrs.get("instance_profiles");
    let listed = profiles
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    let mut workloads = world.graph.sources(role, EdgeKind::RunsAs);
    listed || workloads.any(|workload| world.node(workload).record.kind == Kind::Ec2Instance)
}

/// Whether the account of a target has an entity of a kind.
fn has_some(world: &World, target: NodeId, kind: Kind) -> bool {
    let account = world.account_of(target).unwrap_or_default();
    let all = world.kinds.get_or_init(|| {
        let mut kinds: FxHashMap<Kind, FxHashSet<String>> = FxHashMap::default();
        for (_, node) in world.graph.nodes().filter(|(_, node)| !node.stub) {
            if let Some(account) = node.record.account.clone().filter(|_| shows(node.record.kind)) {
                kinds.entry(node.record.kind).or_default().insert(account);
            }
        }
        kinds
    });
    all.get(&kind).is_some_and(|accounts| accounts.contains(account))
}

/// Whether some technique asks if an account has an entity of a kind.
fn shows(kind: Kind) -> bool {
    techniques()
        .iter()
        .any(|technique| technique.shown_by == Some(kind))
}

/// The ARN of a target, as policies name it.
pub(super) fn arn_of(world: &World, target: NodeId) -> &str {
    let record = &world.node(target).record;
    let stated = record.attrs.get("arn").and_then(Value::as_str);
    stated
        .filter(|_| !record.id.starts_with("arn:"))
        .unwrap_or(&record.id)
}

/// The target as a request about it has it: accounts are the management account's to change, as their ARNs say.
pub(super) fn asked_as(world: &World, target: NodeId) -> (Option<NodeId>, Option<&str>) {
    match world.node(target).record.kind {
        Kind::AwsAccount => (
            None,
            Arn::parse(world.id(target)).and_then(|arn| arn.account_id()),
        ),
        _ => (Some(target), world.account_of(target)),
    }
}

/// The ARN of something that belongs to a target.
pub(super) fn fill<'t>(world: &World, template: &'t str, target: NodeId) -> Cow<'t, str> {
    if !template.contains('{') {
        return Cow::Borrowed(template);
    }
    let record = &world.node(target).record;
    let cluster = record.id.split('/').nth(1).unwrap_or_default();
    // An agent is named by its id, which is the end of its ARN.
    let name = record.id.rsplit('/').next().unwrap_or_default();
    let filled = template
        .replace("{arn}", arn_of(world, target))
        .replace("{name}", name)
        .replace("{account}", record.account.as_deref().unwrap_or_default())
        .replace("{region}", record.region.as_deref().unwrap_or("us-east-1"))
        .replace("{cluster}", cluster)
        .replace("{any}", ANY);
    Cow::Owned(filled)
}
