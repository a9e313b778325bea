//! Records → [`World`]: nodes, structural edges, compiled policies, ceilings.
//!
//! Generic on purpose: the slots and refs of a record say everything that is needed for nearly all services. What is
//! special has a file of its own: [`identity`] (who has which policies), [`organization`] (the tree and its ceilings),
//! [`sensitivity`] and [`rules`] (what is sensitive, and the user's word on it), [`infer`] (what several records say
//! together) with [`environment`], [`calls`], [`images`], [`clusters`] and [`anywhere`] for one subject each, [`reach`]
//! (what a role can use by name, which turns guesses into conclusions), [`acl`] (access control lists as policies), [`named`] (resources that policies name but
//! nobody collected), [`strangers`] (accounts and principals that policies name but nobody collected), [`aliases`] (other
//! names of the same thing), [`library`] (policy documents, read once each).

pub(crate) mod acl;
mod aliases;
pub(crate) mod anywhere;
pub(crate) mod calls;
mod clusters;
pub(crate) mod environment;
mod identity;
mod images;
mod infer;
pub(crate) mod library;
pub(crate) mod named;
mod organization;
mod reach;
pub mod rules;
pub mod sensitivity;
mod strangers;
pub(crate) mod unreadable;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::name::Arn;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::{Flavor, Policy};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::{Confidence, Graph, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind, Slot};
use sv0_model::record::{PolicySlot, Record};

pub use self::library::flavor;
use self::library::{Library, Texts};
use self::rules::Rules;
use crate::world::{Account, Attachment, World};

/// Builds the world from what was read.
#[must_use]
pub fn build(records: Vec<Record>, gaps: Vec<Gap>) -> World {
    build_with(records, gaps, &Rules::default())
}

/// The same, with the user's own rules for what is sensitive.
#[must_use]
pub fn build_with(mut records: Vec<Record>, gaps: Vec<Gap>, rules: &Rules) -> World {
    let mut world = World {
        gaps,
        rules: rules.clone(),
        ..World::default()
    };
    records.iter_mut().for_each(acl::as_policy);
    let texts = Texts::of(&mut records);
    // Documents are read beside the making of the graph, which knows nothing of them.
    let (library, ()) = rayon::join(
        || Library::compile(texts),
        || {
            insert(&mut world, records);
            connect(&mut world);
            accounts(&mut world);
        },
    );
    organization::ceilings(&mut world, &library);
    identity::principals(&mut world, &library);
    resource_policies(&mut world, &library);
    // From here on no policy is attached any more, so they are compiled beside the rest.
    let policies: Vec<Arc<Policy>> = world.attachments.iter().map(|a| Arc::clone(&a.policy)).collect();
    let (compiled, ()) = rayon::join(
        || crate::everybody::Compiled::new(&policies),
        || {
            strangers::name(&mut world);
            named::resources(&mut world);
            infer::all(&mut world);
            sensitivity::classify(&mut world, rules);
            crate::scope::nodes(&mut world);
            library.report(&mut world);
            world.gaps.sort();
            world.gaps.dedup();
            world.coverage = crate::coverage::Coverage::new(&world.gaps);
        },
    );
    world.compiled = std::sync::Mutex::new(Some(compiled));
    world
}

/// What people call a document.
pub(crate) fn name_of(record: &Record, slot: &PolicySlot) -> String {
    slot.name.clone().unwrap_or_else(|| slot_name(record, slot.slot))
}

/// Whether what is concluded about calls of APIs is the same for two policies of their roles.
pub(crate) fn calls_alike(world: &World, secrets: &named::Secrets, a: &Policy, b: &Policy) -> bool {
    calls::asked().all(|(kind, actions)| {
        let uses = |policy| reach::used(world, secrets, policy, kind, actions);
        uses(a) == uses(b)
    })
}

fn slot_name(record: &Record, slot: Slot) -> String {
    let what = match slot {
        Slot::Trust => "trust policy",
        Slot::Key => "key policy",
        Slot::Endpoint => "endpoint policy",
        Slot::Resource => match record.kind {
            Kind::S3Bucket => "bucket policy",
            Kind::LambdaFunction => "function policy",
            Kind::EcrRepository => "repository policy",
            Kind::SqsQueue => "queue policy",
            Kind::SnsTopic => "topic policy",
            Kind::EventBus => "bus policy",
            _ => "resource policy",
        },
        Slot::Inline => "inline policy",
        Slot::Document => return record.name.clone(),
    };
    format!(
        "{what} of {}",
        if record.name.is_empty() {
            &record.id
        } else {
            &record.name
        }
    )
}

fn insert(world: &mut World, records: Vec<Record>) {
    world.graph.reserve(records.len());
    for mut record in records {
        if record.name.is_empty() {
            record.name = Arn::parse(&record.id).map_or_else(String::new, |arn| arn.name().to_owned());
        }
        // Collected as a resource like any other; it is somebody, like a provider of tokens.
        let resource_type = record.attrs.get("resource_type").and_then(|v| v.as_str());
        if resource_type == Some("AWS::RolesAnywhere::TrustAnchor") {
            record.kind = Kind::TrustAnchor;
        }
        if let Err(second) = world.graph.insert(record) {
            world.gaps.push(Gap {
                account: second.account.clone(),
                region: None,
                service: None,
                call: String::new(),
                entity: Some(second.id.clone()),
                reason: Reason::Damaged,
                detail: format!("`{}` is in the input twice; the first was used", second.id),
                consequence: "answers about it follow the first version only".into(),
            });
        }
    }
}

/// Refs become edges; what they lead to and nobody collected becomes a stub.
fn connect(world: &mut World) {
    let names = Names::of(&world.graph);
    let nodes: Vec<NodeId> = world.graph.nodes().map(|(id, _)| id).collect();
    for from in nodes {
        // Lent while the graph grows, and given back.
        let refs = world
            .graph
            .node_mut(from)
            .map(|node| std::mem::take(&mut node.record.refs))
            .unwrap_or_default();
        for reference in &refs {
            let to = match names.find(&world.graph, reference) {
                Some(found) => found,
                None => stub(world, &reference.to, stub_kind(reference.rel, &reference.to)),
            };
            let text = |key: &str| reference.attrs.get(key).and_then(|v| v.as_str());
            let confidence = if text("confidence") == Some("inferred") {
                Confidence::Inferred
            } else {
                Confidence::Certain
            };
            let note = text("account").or_else(|| text("how")).map(str::to_owned);
            world.graph.connect(reference.rel, from, to, confidence, note);
        }
        if let Some(node) = world.graph.node_mut(from) {
            node.record.refs = refs;
        }
    }
}

/// What refs call entities.
pub(crate) struct Names {
    /// By account and name.
    groups: FxHashMap<(String, String), NodeId>,
    aliases: aliases::Aliases,
}

impl Names {
    /// The names that a graph's records tell.
    pub(crate) fn of(graph: &Graph) -> Self {
        let groups = graph
            .nodes()
            .filter(|(_, node)| node.record.kind == Kind::IamGroup)
            .filter_map(|(id, node)| Some(((node.record.account.clone()?, node.record.name.clone()), id)))
            .collect();
        Self {
            groups,
            aliases: aliases::Aliases::of(graph),
        }
    }

    /// The entity that a ref leads to, if it is known.
    pub(crate) fn find(&self, graph: &Graph, reference: &sv0_model::record::Ref) -> Option<NodeId> {
        graph
            .find(&reference.to)
            // Authorization details name a user's groups without their path.
            .or_else(|| member_group(reference, &self.groups))
            .or_else(|| self.aliases.find(graph, &reference.to))
    }
}

fn member_group(
    reference: &sv0_model::record::Ref,
    groups: &FxHashMap<(String, String), NodeId>,
) -> Option<NodeId> {
    let arn = Arn::parse(&reference.to).filter(|_| reference.rel == EdgeKind::MemberOf)?;
    let name = arn.resource.strip_prefix("group/")?;
    groups.get(&(arn.account.to_owned(), name.to_owned())).copied()
}

/// A node for something that was only named.
pub(crate) fn stub(world: &mut World, id: &str, kind: Kind) -> NodeId {
    let node = world.graph.stub(kind, id);
    if let (Some(entry), Some(arn)) = (world.graph.node_mut(node), Arn::parse(id))
        && entry.stub
        && entry.record.name.is_empty()
    {
        entry.record.name = arn.name().to_owned();
        entry.record.account = arn.account_id().map(str::to_owned);
        entry.record.region = (!arn.region.is_empty()).then(|| arn.region.to_owned());
    }
    node
}

/// Whom an entry of a `Principal` element means, where that is somebody: an account is its node, or a stranger's.
pub(crate) fn principal_node(world: &mut World, entry: &PrincipalEntry) -> Option<NodeId> {
    Some(match entry {
        PrincipalEntry::Account(id) => match world.accounts.get(&**id).and_then(|account| account.node) {
            Some(node) => node,
            None => world.graph.find(&format!("arn:aws:iam::{id}:root"))?,
        },
        PrincipalEntry::Arn(arn) => world.graph.find(arn)?,
        PrincipalEntry::Service(name) => service_node(world, name),
        PrincipalEntry::Federated(provider) if provider.contains(":saml-provider/") => {
            stub(world, provider, Kind::SamlProvider)
        }
        PrincipalEntry::Federated(provider) => stub(world, provider, Kind::OidcProvider),
        PrincipalEntry::Anyone => world.graph.find("*")?,
        PrincipalEntry::UniqueId(_) | PrincipalEntry::CanonicalUser(_) | PrincipalEntry::Other(_) => {
            return None;
        }
    })
}

/// An AWS service. There is no more to know of it than its name, so it is no stub.
fn service_node(world: &mut World, name: &str) -> NodeId {
    if let Some(found) = world.graph.find(name) {
        return found;
    }
    let mut record = Record::new(Kind::ServicePrincipal, name);
    record.name = name.to_owned();
    match world.graph.insert(record) {
        Ok(node) => node,
        Err(same) => world.graph.stub(Kind::ServicePrincipal, &same.id),
    }
}

/// What a ref most likely leads to.
fn stub_kind(rel: EdgeKind, id: &str) -> Kind {
    match rel {
        EdgeKind::HasPolicy | EdgeKind::SubjectTo => Kind::IamPolicy,
        EdgeKind::RunsAs | EdgeKind::PullsVia | EdgeKind::Provisions => Kind::IamRole,
        EdgeKind::EncryptedWith => Kind::KmsKey,
        EdgeKind::DeployedFrom => Kind::EcrRepository,
        _ => named::kind_of(id).unwrap_or(Kind::AwsResource),
    }
}

fn accounts(world: &mut World) {
    for (id, node) in world.graph.nodes() {
        let record = &node.record;
        let Some(account) = &record.account else {
            continue;
        };
        if !world.accounts.contains_key(account) {
            world.accounts.insert(account.clone(), Account::default());
        }
        let Some(entry) = world.accounts.get_mut(account) else {
            continue;
        };
        if record.kind == Kind::AwsAccount {
            entry.node = entry.node.or(Some(id));
            if entry.name.is_none() && !record.name.is_empty() {
                entry.name = Some(record.name.clone());
            }
        } else {
            entry.collected |= !node.stub && record.kind.entity_type() != EntityType::Tenant;
        }
    }
}

/// Attaches what hangs on resources and workloads themselves.
fn resource_policies(world: &mut World, library: &Library) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        for slot in &node.record.policies {
            if matches!(slot.slot, Slot::Resource | Slot::Key) {
                found.push((
                    id,
                    slot.document.clone(),
                    slot.slot,
                    name_of(&node.record, slot),
                    node.record.id.clone(),
                ));
            }
        }
    }
    let accounts = unreadable::collected(world);
    for (node, text, slot, name, holder) in found {
        let read = library
            .get(&text, Flavor::Resource)
            .map(|policy| (policy, text, name.clone()));
        let read = read.or_else(|| unreadable::stand_in(Flavor::Resource, &accounts, &name));
        if let Some((policy, text, name)) = read {
            let tag = attach(
                world,
                Attachment {
                    policy,
                    text,
                    name,
                    id: holder,
                    slot,
                    via: None,
                },
            );
            world.resource_policies.entry(node).or_default().push(tag);
        }
    }
}

pub(crate) fn attach(world: &mut World, attachment: Attachment) -> u32 {
    let tag = u32::try_from(world.attachments.len()).unwrap_or(u32::MAX);
    world.attachments.push(attachment);
    tag
}
