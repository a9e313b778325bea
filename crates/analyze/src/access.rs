//! What a principal can do to one resource: every action that the catalogue has for it, policy layers, the KMS key that
//! guards it, Block Public Access. What is granted somewhere and yet denied is kept, with what blocks it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{Hit, Layer, Verdict};
use sv0_iam::name::Arn;
use sv0_iam::name::principal::{CallerKind, Named};
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::resource::Scope;

use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind};
use sv0_model::path::{BlockedBy, ConditionText};

use crate::alike::{Actions, Alike};
use crate::ask::{Answer, Asker, Target, mentions, resource_mentions};
use crate::facts::RequestFacts;
use crate::grants::{self, Grant, Opens};
use crate::objects;
use crate::scope;
use crate::words;
use crate::world::World;

/// What a principal can do to a resource.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Actions that are allowed, or allowed under conditions.
    pub allowed: Vec<Allowed>,
    /// Actions that some policy grants and another layer denies.
    pub blocked: Vec<Blocked>,
    /// Whether the resource's key policy is not in the input.
    pub kms_not_evaluated: bool,
}

impl Access {
    /// What is allowed, one group for each set of conditions: what is certain must not lend its certainty to what is not.
    #[must_use]
    pub fn by_conditions(&self) -> Vec<Vec<&Allowed>> {
        let mut groups: BTreeMap<&[ConditionText], Vec<&Allowed>> = BTreeMap::new();
        for allowed in &self.allowed {
            groups.entry(&allowed.conditions).or_default().push(allowed);
        }
        groups.into_values().collect()
    }
}

/// One action that is allowed.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The action, as the catalogue spells it.
    pub action: &'static str,
    /// What it does.
    pub level: AccessLevel,
    /// The part of the resource: its ARN, or a pattern below it.
    pub scope: String,
    /// Whether it hangs on conditions.
    pub verdict: Verdict,
    /// What has to hold.
    pub conditions: Vec<ConditionText>,
    /// The policies that grant it: layer, tag, statement.
    pub sources: Vec<Source>,
    /// The key that the data is decrypted or encrypted with on the way, where one is asked.
    pub key: Option<NodeId>,
}

/// A statement that grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Identity or resource.
    pub layer: Layer,
    /// The policy in its place.
    pub tag: u32,
    /// The statement's index.
    pub statement: usize,
}

/// One action that is granted and denied.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// The action.
    pub action: &'static str,
    /// What it would do.
    pub level: AccessLevel,
    /// The policies that would grant it.
    pub sources: Vec<Source>,
    /// What stands in the way.
    pub by: Vec<BlockedBy>,
}

/// A part of a resource that actions are asked about.
#[derive(Debug, Clone)]
pub struct Part {
    /// The ARN that stands for it.
    pub(crate) arn: String,
    /// What the ARN stands for.
    pub(crate) scope: String,
    pub(crate) actions: Actions,
    pub(crate) facts: RequestFacts,
}

impl Part {
    /// One ARN that stands for itself.
    pub(crate) fn named(arn: String, actions: &Actions) -> Self {
        Self {
            scope: arn.clone(),
            arn,
            actions: actions.clone(),
            facts: &[],
        }
    }
}

/// The name that stands for any object, item or index of a resource.
pub const ANY: &str = "sv0-any";

/// Asks everything about one resource.
#[must_use]
pub fn access(world: &World, asker: &Asker<'_>, resource: NodeId) -> Access {
    access_filtered(world, asker, resource, &|_| true)
}

/// Asks about the actions that pass a filter.
#[must_use]
pub fn access_filtered(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    wanted: &dyn Fn(&str) -> bool,
) -> Access {
    if world.node(resource).record.kind == Kind::ResourceScope {
        return scope::access(world, asker, resource);
    }
    if !could_touch(world, asker, resource) {
        return Access::default();
    }
    ask_parts(world, asker, resource, &parts(world, asker, resource), wanted)
}

/// Asks about one action on one name at or below a resource, such as an object of a bucket: keys and public-access
/// blocks count as they do for the resource as a whole.
#[must_use]
pub fn access_on(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    arn: &str,
    action: &'static str,
) -> Access {
    access_by(world, asker, resource, arn, action, &[])
}

/// The same about requests of which more is known.
pub(crate) fn access_by(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    arn: &str,
    action: &'static str,
    facts: RequestFacts,
) -> Access {
    let weight = Catalog::embedded()
        .action(action)
        .map_or(AccessLevel::Read, |found| level(found.access_level()));
    let part = Part {
        arn: arn.to_owned(),
        scope: arn.to_owned(),
        actions: Actions::from([(action, weight)]),
        facts,
    };
    ask_parts(world, asker, resource, &[part], &|_| true)
}

fn ask_parts(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    parts: &[Part],
    wanted: &dyn Fn(&str) -> bool,
) -> Access {
    let mut asking = Asking {
        world,
        asker,
        resource,
        gates: FxHashMap::default(),
        seen: BTreeMap::new(),
        out: Access::default(),
    };
    let alike = Alike::new(
        world,
        asker,
        Target {
            arn: world.id(resource),
            node: Some(resource),
        },
    );
    for part in parts {
        let mut answers: FxHashMap<u64, Option<Rc<Said>>> = FxHashMap::default();
        // A single action is like no other; and lists that were made for one question are not to be remembered.
        let classes = if part.actions.len() > 1 {
            alike.classes(&part.actions)
        } else {
            vec![None; part.actions.len()]
        };
        for (&(action, level), class) in part.actions.iter().zip(classes) {
            if !wanted(action) {
                continue;
            }
            let said = match class {
                Some(class) => answers
                    .entry(class)
                    .or_insert_with(|| asking.ask(part, action))
                    .clone(),
                None => asking.ask(part, action),
            };
            if let Some(said) = said {
                asking.tell(part, action, level, &said);
            }
        }
    }
    // What is allowed on some part is not blocked as a whole.
    let mut out = asking.out;
    let allowed: Vec<&str> = out.allowed.iter().map(|a| a.action).collect();
    out.blocked.retain(|b| !allowed.contains(&b.action));
    out
}

/// What the policies say of one action, and of all that are alike.
struct Said {
    answer: Answer,
    sources: Vec<Source>,
    /// For what is allowed: what has to hold. None for what is granted and denied.
    allowed: Option<(Verdict, Vec<ConditionText>)>,
}

/// One caller and one resource, while they are asked about.
struct Asking<'a, 'w> {
    world: &'w World,
    asker: &'a Asker<'w>,
    resource: NodeId,
    /// What the resource's key says, by operation and the service that asks for it.
    gates: FxHashMap<(&'static str, &'static str), Gate>,
    seen: BTreeMap<&'static str, usize>,
    out: Access,
}

impl Asking<'_, '_> {
    /// Asks about one action; nothing where there is nothing to tell.
    fn ask(&self, part: &Part, action: &'static str) -> Option<Rc<Said>> {
        let (world, asker, resource) = (self.world, self.asker, self.resource);
        if !granted_somewhere(world, asker, resource, action) {
            return None;
        }
        let target = Target {
            arn: &part.arn,
            node: Some(resource),
        };
        let answer = asker.ask_knowing(action, target, part.facts);
        let sources = sources(&answer.decision.hits);
        let unknown = unknown_policy(world, asker, resource, &answer);
        let allowed = if !answer.verdict().possible() && unknown.is_none() {
            let owner = world.account_of(resource);
            let same_account = owner.is_none() || asker.caller.account.as_deref() == owner;
            let kind = asker.caller.kind;
            if !meant(&answer.decision.hits, kind, same_account)
                || !worth_telling(world, asker, resource, &sources)
            {
                return None;
            }
            None
        } else {
            let mut conditions = words::requirements(world, asker, &answer);
            let mut verdict = answer.verdict();
            if let Some(text) = unknown {
                verdict = Verdict::AllowedIf;
                conditions.push(words::plain(text));
            }
            Some((verdict, conditions))
        };
        Some(Rc::new(Said {
            answer,
            sources,
            allowed,
        }))
    }

    /// Takes down what was said of an action.
    fn tell(&mut self, part: &Part, action: &'static str, level: AccessLevel, said: &Said) {
        let (world, asker, resource) = (self.world, self.asker, self.resource);
        let out = &mut self.out;
        let blocked = |by: Vec<BlockedBy>| Blocked {
            action,
            level,
            sources: said.sources.clone(),
            by,
        };
        let Some((verdict, conditions)) = &said.allowed else {
            if out.blocked.iter().any(|b| b.action == action) {
                return;
            }
            let by = words::blocks(world, asker, action, Some(resource), &said.answer.decision);
            out.blocked.push(blocked(by));
            return;
        };
        let (mut verdict, mut conditions, sources) = (*verdict, conditions.clone(), said.sources.clone());
        let mut key = None;
        let service = action.split(':').next().unwrap_or_default();
        for operation in kms_operations(action) {
            let gate = self.gates.entry((operation, service));
            match &*gate.or_insert_with(|| gate_of(world, asker, resource, operation, service)) {
                Gate::Open => {}
                Gate::Opened(by) => key = Some(*by),
                Gate::Unknown(text) => {
                    out.kms_not_evaluated = true;
                    verdict = Verdict::AllowedIf;
                    conditions.push(words::plain(text.clone()));
                }
                Gate::If(by, more) => {
                    key = Some(*by);
                    verdict = Verdict::AllowedIf;
                    conditions.extend(more.iter().cloned());
                }
                Gate::Shut(by) => {
                    let by = by.iter().cloned().map(|mut by| {
                        by.text = format!("{action} needs {operation} on its key: {}", by.text);
                        by
                    });
                    push_blocked(out, blocked(by.collect()));
                    return;
                }
            }
        }
        conditions.sort();
        conditions.dedup();
        let found = Allowed {
            action,
            level,
            scope: part.scope.clone(),
            verdict,
            conditions,
            sources,
            key,
        };
        match self.seen.get(action).and_then(|at| out.allowed.get_mut(*at)) {
            // A part adds what it grants beyond the parts before it.
            Some(before) => {
                if before.verdict == Verdict::AllowedIf && found.verdict == Verdict::Allowed {
                    before.verdict = found.verdict;
                    before.conditions.clear();
                }
                if !before.scope.split(", ").any(|scope| scope == found.scope) {
                    before.scope = format!("{}, {}", before.scope, found.scope);
                }
                before.sources.extend(found.sources);
                before.sources.sort_unstable();
                before.sources.dedup();
            }
            None => {
                self.seen.insert(action, out.allowed.len());
                out.allowed.push(found);
            }
        }
    }
}

/// What an answer hangs on where nothing was collected about the resource: whose it is, and what its own policy says.
fn unknown_policy(world: &World, asker: &Asker<'_>, resource: NodeId, answer: &Answer) -> Option<String> {
    let node = world.node(resource);
    if !node.stub || !asker.caller.is_iam() {
        return None;
    }
    let foreign = node.record.account.as_deref() != asker.caller.account.as_deref();
    let only_its_policy = answer
        .decision
        .blocks
        .iter()
        .all(|b| b.layer == Layer::Resource && !b.explicit);
    let label = world.label(resource);
    match (&node.record.account, answer.verdict().possible()) {
        (None, true) => Some(format!(
            "{label}, which was not collected, is of the same account, or its policy lets the caller in"
        )),
        (Some(_), false) if foreign && only_its_policy => Some(format!(
            "the policy of {label}, which was not collected, lets the caller in"
        )),
        _ => None,
    }
}

fn push_blocked(out: &mut Access, blocked: Blocked) {
    if !out.blocked.iter().any(|b| b.action == blocked.action) {
        out.blocked.push(blocked);
    }
}

/// Whether any grant of the caller overlaps the resource, or the resource has a policy that may mean the caller: skips most
/// pairs of principal and resource at once.
fn could_touch(world: &World, asker: &Asker<'_>, resource: NodeId) -> bool {
    let node = world.node(resource);
    let owner = node.record.account.as_deref();
    let foreign = owner.is_some() && owner != asker.caller.account.as_deref();
    if let Some(tags) = world.resource_policies.get(&resource) {
        let mut policies = tags.iter().filter_map(|tag| world.attachment(*tag));
        return !foreign || policies.any(|attachment| may_mean(&attachment.policy, asker));
    }
    // A foreign account's resource needs a policy of its own that lets the caller in.
    if foreign && !node.stub {
        return false;
    }
    let id = world.id(resource);
    let Some(principal) = asker.node.and_then(|node| world.principals.get(&node)) else {
        return false;
    };
    let Some(arn) = Arn::parse(id) else { return true };
    // A cluster is reached by its data API and its database users too, under ARNs of their own.
    let cluster = matches!(world.node(resource).record.kind, Kind::RdsCluster);
    let services: &[&str] = if cluster {
        &["rds", "rds-data", "rds-db"]
    } else {
        &[arn.service]
    };
    // Whatever lies below counts.
    let wide = format!("{id}*");
    let Some(scope) = Scope::parse(&wide) else {
        return true;
    };
    principal
        .identity
        .iter()
        .filter_map(|tag| world.attachment(*tag))
        .any(|attachment| {
            attachment.policy.statements.iter().any(|statement| {
                let action = &statement.action;
                statement.effect == Effect::Allow
                    && (action.negated
                        || action
                            .patterns
                            .iter()
                            .any(|p| services.iter().any(|service| p.covers_service(service))))
                    && statement.resource.as_ref().is_some_and(|element| {
                        cluster
                            || element.negated
                            || element.patterns.iter().any(|pattern| pattern.overlaps(&scope))
                    })
            })
        })
}

/// Whether a resource's policy grants to anyone, to the caller's account, or to somebody of it.
pub(crate) fn may_mean(policy: &sv0_iam::syntax::Policy, asker: &Asker<'_>) -> bool {
    let account = asker.caller.account.as_deref();
    let granting = policy.statements.iter().filter(|s| s.effect == Effect::Allow);
    granting.filter_map(|s| s.principal.as_ref()).any(|element| {
        element.negated
            || element.entries.iter().any(|entry| match entry {
                PrincipalEntry::Account(id) => account == Some(&**id),
                PrincipalEntry::Arn(arn) => {
                    **arn == *asker.caller.id || account.is_some_and(|account| arn.contains(account))
                }
                PrincipalEntry::UniqueId(_) => false,
                PrincipalEntry::Anyone
                | PrincipalEntry::Service(_)
                | PrincipalEntry::Federated(_)
                | PrincipalEntry::CanonicalUser(_)
                | PrincipalEntry::Other(_) => true,
            })
    })
}

/// Only policies that mention an action can grant it: skips most of a service's actions at once.
fn granted_somewhere(world: &World, asker: &Asker<'_>, resource: NodeId, action: &str) -> bool {
    mentions(world, asker, action) || resource_mentions(world, resource, action)
}

/// Whether some statement grants to the caller itself; a resource policy that names the caller's account only leaves the
/// matter to that account (rule 3), and one that lets anyone in does not mean each stranger, but whoever has no name.
fn meant(hits: &[Hit], kind: CallerKind, same_account: bool) -> bool {
    hits.iter().any(|hit| {
        hit.effect == Effect::Allow
            && match hit.layer {
                Layer::Identity => true,
                Layer::Resource => match hit.named {
                    Some(Named::Account) => kind == CallerKind::Account,
                    Some(Named::Anyone) => same_account || kind == CallerKind::Anonymous,
                    _ => true,
                },
                _ => false,
            }
    })
}

/// A broad grant that stops at the account's border is not worth telling, unless the other side meant the caller.
fn worth_telling(world: &World, asker: &Asker<'_>, resource: NodeId, sources: &[Source]) -> bool {
    let owner = world.account_of(resource);
    let same = owner.is_none() || asker.caller.account.as_deref() == owner;
    same || sources.iter().any(|source| source.layer == Layer::Resource)
}

pub(crate) fn sources(hits: &[Hit]) -> Vec<Source> {
    let mut out: Vec<Source> = hits
        .iter()
        .filter(|hit| hit.effect == Effect::Allow && matches!(hit.layer, Layer::Identity | Layer::Resource))
        .map(|hit| Source {
            layer: hit.layer,
            tag: hit.tag,
            statement: hit.statement,
        })
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The parts of a resource and the actions that apply to each.
fn parts(world: &World, asker: &Asker<'_>, resource: NodeId) -> Vec<Part> {
    let record = &world.node(resource).record;
    let below = match record.kind {
        Kind::S3Bucket => objects::singled_out(world, asker, resource),
        _ => Vec::new(),
    };
    parts_of(world, resource, &below)
}

/// The same, where the names below it that count are known.
pub(crate) fn parts_of(world: &World, resource: NodeId, below: &[(String, String)]) -> Vec<Part> {
    let record = &world.node(resource).record;
    let id = record.id.as_str();
    let part = |arn: String, scope: String, actions| Part {
        arn,
        scope,
        actions,
        facts: &[],
    };
    match record.kind {
        Kind::S3Bucket => {
            let mut out = vec![part(id.to_owned(), id.to_owned(), of_type("s3", "bucket"))];
            let objects = of_type("s3", "object");
            out.push(part(format!("{id}/{ANY}"), format!("{id}/*"), objects.clone()));
            for (arn, scope) in below {
                out.push(part(arn.clone(), scope.clone(), objects.clone()));
            }
            out
        }
        Kind::DynamodbTable => {
            let mut out = vec![part(id.to_owned(), id.to_owned(), of_type("dynamodb", "table"))];
            out.push(part(
                format!("{id}/index/{ANY}"),
                format!("{id}/index/*"),
                of_type("dynamodb", "index"),
            ));
            out
        }
        Kind::RdsCluster => {
            let mut out = vec![part(id.to_owned(), id.to_owned(), of_type("rds", "cluster"))];
            out.push(part(id.to_owned(), id.to_owned(), of_type("rds-data", "cluster")));
            out.extend(database_users(record).into_iter().map(|arn| {
                let scope = arn.clone();
                part(arn, scope, of_type("rds-db", "db-user"))
            }));
            out
        }
        Kind::SecretsManagerSecret => vec![part(full_secret(id), id.to_owned(), of_arn(id))],
        _ => vec![part(id.to_owned(), id.to_owned(), of_arn(id))],
    }
}

/// A stub's ARN may lack the six random characters at its end; `?` wildcards then have something to match.
fn full_secret(id: &str) -> String {
    let tail = id.rsplit('-').next().unwrap_or_default();
    if tail.len() == 6 && tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
        id.to_owned()
    } else {
        format!("{id}-sv0any")
    }
}

/// Signing in to a database as a user is an action of its own, on an ARN made from the cluster's resource id.
fn database_users(record: &sv0_model::record::Record) -> Option<String> {
    let resource_id = ["resource_id", "db_cluster_resource_id", "dbi_resource_id"]
        .iter()
        .find_map(|key| record.attrs.get(key).and_then(|v| v.as_str()))?;
    let arn = Arn::parse(&record.id)?;
    Some(format!(
        "arn:{}:rds-db:{}:{}:dbuser:{resource_id}/{ANY}",
        arn.partition, arn.region, arn.account
    ))
}

/// The catalogue's actions on one resource type.
fn of_type(service: &str, resource_type: &str) -> Actions {
    of_types(&[(service, resource_type)], false)
}

/// The catalogue's actions on the type that an ARN has.
fn of_arn(arn: &str) -> Actions {
    let service = Arn::parse(arn).map(|arn| arn.service).unwrap_or_default();
    let types = Catalog::embedded().resource_types_for_arn(arn);
    let own: Vec<(&str, &str)> = types
        .iter()
        .filter(|found| found.service() == service)
        .map(|found| (found.service(), found.name()))
        .collect();
    of_types(&own, true)
}

/// The catalogue's actions on some resource types, by name or in the order of the catalogue; asked again, the very same
/// list.
pub(crate) fn of_types(types: &[(&str, &str)], sorted: bool) -> Actions {
    static KNOWN: OnceLock<Mutex<FxHashMap<(String, bool), Actions>>> = OnceLock::new();
    let name: Vec<String> = types
        .iter()
        .map(|(service, name)| format!("{service}:{name}"))
        .collect();
    let known = KNOWN.get_or_init(Mutex::default);
    // A poisoned lock means that another thread died while inserting; the map itself is whole.
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.entry((name.join(" "), sorted)).or_insert_with(|| {
        let of_one = |(service, name): &(&str, &str)| -> Vec<(&'static str, AccessLevel)> {
            Catalog::embedded()
                .actions_of(service)
                .filter(|action| action.resource_types().any(|usage| usage.name() == *name))
                // AWS lists signing in to a database under "permissions management"; what it gives is the data.
                .map(|action| match *service {
                    "rds-db" => (action.name(), AccessLevel::Write),
                    _ => (action.name(), level(action.access_level())),
                })
                .collect()
        };
        let mut all: Vec<_> = types.iter().flat_map(of_one).collect();
        if sorted {
            all.sort_unstable();
            all.dedup();
        }
        all.into()
    });
    Actions::clone(found)
}

/// The catalogue's word for what an action does, as the model has it.
#[must_use]
pub const fn level(level: sv0_iam::catalog::AccessLevel) -> AccessLevel {
    use sv0_iam::catalog::AccessLevel as Theirs;
    match level {
        Theirs::List => AccessLevel::List,
        Theirs::Tagging => AccessLevel::Tagging,
        Theirs::Read => AccessLevel::Read,
        Theirs::Write => AccessLevel::Write,
        Theirs::Permissions => AccessLevel::Permissions,
    }
}

/// Whether something beside policies lets the request through.
enum Gate {
    Open,
    /// The key lets the caller use it.
    Opened(NodeId),
    /// It hangs on a document that is not in the input.
    Unknown(String),
    /// The key lets the caller use it under conditions.
    If(NodeId, Vec<ConditionText>),
    Shut(Vec<BlockedBy>),
}

fn gate_of(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    operation: &'static str,
    service: &str,
) -> Gate {
    match key_of(world, resource) {
        KeyOf::None => Gate::Open,
        KeyOf::Customer(key) => {
            let of = |grant: Grant<'_>| grant.opens(&world.node(resource).record);
            gate_of_key(world, asker, key, operation, service, &of)
        }
        // A service that acts for its resource is in the account with it.
        KeyOf::Managed(_) if asker.caller.kind == CallerKind::Service => Gate::Open,
        KeyOf::Managed(account) if asker.caller.account.as_deref() == Some(account) => Gate::Open,
        KeyOf::Managed(account) => Gate::Shut(vec![BlockedBy {
            layer: "kms".into(),
            explicit: false,
            action: operation.into(),
            statement: None,
            text: format!(
                "it is encrypted with an AWS managed key, which only {} itself can use; sharing takes a key of the customer's own",
                world.account_label(account)
            ),
        }]),
    }
}

/// What a resource is encrypted with, as far as it keeps anybody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOf<'w> {
    /// Nothing that does, or nobody knows.
    None,
    /// A key of AWS's in an account: it lets in whoever the service lets in, of that account and no other (KMS Developer
    /// Guide, "AWS managed keys").
    Managed(&'w str),
    /// A key with a policy of its own.
    Customer(NodeId),
}

/// What a resource is encrypted with. A secret that names no key is under `aws/secretsmanager` (Secrets Manager User Guide,
/// "Access AWS Secrets Manager secrets from a different account").
pub(crate) fn key_of(world: &World, resource: NodeId) -> KeyOf<'_> {
    let node = world.node(resource);
    let owner = node.record.account.as_deref();
    let Some(key) = world.graph.targets(resource, EdgeKind::EncryptedWith).next() else {
        let whole = !node.stub && node.record.partial.is_none();
        return match owner {
            Some(owner) if whole && node.record.kind == Kind::SecretsManagerSecret => KeyOf::Managed(owner),
            _ => KeyOf::None,
        };
    };
    let record = &world.node(key).record;
    if !is_open_key(record) {
        return KeyOf::Customer(key);
    }
    record
        .account
        .as_deref()
        .or(owner)
        .map_or(KeyOf::None, KeyOf::Managed)
}

/// Whether the key of a resource lets a caller do an action on it, and under which conditions.
pub(crate) fn through_key(
    world: &World,
    asker: &Asker<'_>,
    resource: NodeId,
    action: &str,
) -> (Verdict, Vec<ConditionText>) {
    let service = action.split(':').next().unwrap_or_default();
    let mut verdict = Verdict::Allowed;
    let mut hangs_on = Vec::new();
    for operation in kms_operations(action) {
        match gate_of(world, asker, resource, operation, service) {
            Gate::Open | Gate::Opened(_) => {}
            Gate::If(_, conditions) => {
                verdict = Verdict::AllowedIf;
                hangs_on.extend(conditions);
            }
            Gate::Unknown(text) => {
                verdict = Verdict::AllowedIf;
                hangs_on.push(words::plain(text));
            }
            Gate::Shut(_) => return (Verdict::ImplicitDeny, Vec::new()),
        }
    }
    (verdict, hangs_on)
}

fn gate_of_key(
    world: &World,
    asker: &Asker<'_>,
    key: NodeId,
    operation: &'static str,
    service: &str,
    opens: &dyn Fn(Grant<'_>) -> Opens,
) -> Gate {
    let record = &world.node(key).record;
    if world.node(key).stub {
        return Gate::Unknown(format!(
            "its key {}, whose policy is not in the input, lets it {operation}",
            record.id
        ));
    }
    let target = Target {
        arn: &record.id,
        node: Some(key),
    };
    let mut context = asker.context_for(operation, target);
    let region = record.region.as_deref().unwrap_or("us-east-1");
    context.set("kms:ViaService", format!("{service}.{region}.amazonaws.com"));
    let mut answer = asker.ask_in(operation, target, &context);
    let mut hangs = None;
    if answer.verdict() != Verdict::Allowed {
        match granted(record, asker, operation, opens) {
            Opens::Surely => answer = asker.ask_granted(operation, target, &context),
            // What the policies let through under conditions needs no grant.
            Opens::If(text) if !answer.verdict().possible() => {
                let by_grant = asker.ask_granted(operation, target, &context);
                if by_grant.verdict().possible() {
                    (answer, hangs) = (by_grant, Some(words::plain(text)));
                }
            }
            Opens::If(_) | Opens::No => {}
        }
    }
    match answer.verdict() {
        Verdict::Allowed if hangs.is_none() => Gate::Opened(key),
        Verdict::Allowed | Verdict::AllowedIf => {
            let mut conditions = words::requirements(world, asker, &answer);
            conditions.extend(hangs);
            Gate::If(key, conditions)
        }
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => {
            let mut by = words::blocks(world, asker, operation, Some(key), &answer.decision);
            for block in &mut by {
                block.layer = "kms".into();
            }
            Gate::Shut(by)
        }
    }
}

/// Whether a key is managed by AWS: then it lets everyone of its account through who is let through by the service.
fn is_open_key(key: &sv0_model::record::Record) -> bool {
    key.attrs.get("manager").and_then(|v| v.as_str()) == Some("AWS") || key.id.contains(":alias/aws/")
}

/// A grant of a key, as far as nothing denies what it gives.
pub(crate) struct Granted<'w> {
    /// Which grant of the key.
    pub(crate) number: usize,
    pub(crate) grant: Grant<'w>,
    pub(crate) grantee: NodeId,
    /// What it is for, and whether that is certain, constraints apart.
    pub(crate) operations: Vec<(&'static str, bool)>,
}

/// The grants of a key to principals that are known, for its use on behalf of a service.
pub(crate) fn granted_by<'w>(world: &'w World, key: NodeId, service: &str) -> Vec<Granted<'w>> {
    let mut out = Vec::new();
    for (number, grant) in grants::of(&world.node(key).record).enumerate() {
        let Some(grantee) = grant.grantee().and_then(|id| world.graph.find(id)) else {
            continue;
        };
        let asker = Asker::node(world, grantee);
        let operations = crate::reach::KMS.iter().copied();
        let open = operations.filter(|operation| grant.is_for(operation));
        let open = open.filter_map(|operation| {
            let gate = gate_of_key(world, &asker, key, operation, service, &|_| Opens::Surely);
            (!matches!(gate, Gate::Shut(_))).then_some((operation, !matches!(gate, Gate::If(..))))
        });
        out.push(Granted {
            number,
            grant,
            grantee,
            operations: open.collect(),
        });
    }
    out
}

/// How far the grants of a key let somebody do something: a third way past a key policy. Grantee and operation must fit
/// (rule 5), and the constraints.
fn granted(
    key: &sv0_model::record::Record,
    asker: &Asker<'_>,
    operation: &str,
    opens: &dyn Fn(Grant<'_>) -> Opens,
) -> Opens {
    let mut best = Opens::No;
    for grant in grants::of(key) {
        if grant.grantee() != Some(asker.caller.id.as_str()) || !grant.is_for(operation) {
            continue;
        }
        match opens(grant) {
            Opens::Surely => return Opens::Surely,
            Opens::If(text) if best == Opens::No => best = Opens::If(text),
            Opens::If(_) | Opens::No => {}
        }
    }
    best
}

/// What a data action asks of the key that encrypts the data: all of it. Sending to a queue or a topic may use a data key
/// again that was made before (Amazon SQS Developer Guide, "Key management"; Amazon SNS Developer Guide, "Managing
/// encryption keys and costs").
pub(crate) fn kms_operations(action: &str) -> &'static [&'static str] {
    match action {
        "s3:GetObject" | "s3:GetObjectVersion" | "s3:GetObjectTorrent" | "s3:GetObjectVersionTorrent" => {
            &["kms:Decrypt"]
        }
        "s3:PutObject" | "s3:ReplicateObject" => &["kms:GenerateDataKey"],
        "secretsmanager:GetSecretValue" | "secretsmanager:BatchGetSecretValue" => &["kms:Decrypt"],
        "secretsmanager:PutSecretValue" | "secretsmanager:UpdateSecret" => &["kms:GenerateDataKey"],
        "ssm:GetParameter" | "ssm:GetParameters" | "ssm:GetParametersByPath" | "ssm:GetParameterHistory" => {
            &["kms:Decrypt"]
        }
        "ssm:PutParameter" => &["kms:Encrypt"],
        "sqs:ReceiveMessage" => &["kms:Decrypt"],
        "sqs:SendMessage" | "sns:Publish" => &["kms:GenerateDataKey", "kms:Decrypt"],
        "dynamodb:GetItem"
        | "dynamodb:BatchGetItem"
        | "dynamodb:Query"
        | "dynamodb:Scan"
        | "dynamodb:PutItem"
        | "dynamodb:UpdateItem"
        | "dynamodb:DeleteItem"
        | "dynamodb:BatchWriteItem"
        | "dynamodb:PartiQLSelect"
        | "dynamodb:PartiQLInsert"
        | "dynamodb:PartiQLUpdate"
        | "dynamodb:PartiQLDelete" => &["kms:Decrypt"],
        _ => &[],
    }
}
