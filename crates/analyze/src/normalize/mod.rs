//! Records → [`World`]: nodes, structural edges, compiled policies, ceilings.
//!
//! Generic on purpose: the slots and refs of a record say everything that is needed for nearly all services. What is
//! special has a file of its own: [`identity`] (who has which policies), [`organization`] (the tree and its ceilings),
//! [`sensitivity`] and [`rules`] (what is sensitive, and the user's word on it), [`infer`] (what several records say
//! together) with [`environment`], [`calls`], [`images`], [`clusters`] and [`anywhere`] for one subject each, [`reach`]
//! (what a role can use by name, which turns guesses into conclusions), [`named`] (resources that policies name but
//! nobody collected), [`strangers`] (accounts and principals that policies name but nobody collected), [`aliases`] (other
//! names of the same thing).

mod aliases;
pub(crate) mod anywhere;
mod calls;
mod clusters;
mod environment;
mod identity;
mod images;
mod infer;
mod named;
mod organization;
mod reach;
pub mod rules;
pub mod sensitivity;
mod strangers;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_iam::catalog::Catalog;
use sv0_iam::name::Arn;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::{Diagnostic, Flavor, Policy, Severity, parse};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use self::rules::Rules;
use crate::world::{Account, Attachment, PolicyProblem, World};

/// Builds the world from what was read.
#[must_use]
pub fn build(records: Vec<Record>, gaps: Vec<Gap>) -> World {
    build_with(records, gaps, &Rules::default())
}

/// The same, with the user's own rules for what is sensitive.
#[must_use]
pub fn build_with(records: Vec<Record>, gaps: Vec<Gap>, rules: &Rules) -> World {
    let mut world = World {
        gaps,
        ..World::default()
    };
    let library = Library::compile(&records);
    insert(&mut world, records);
    connect(&mut world);
    accounts(&mut world);
    organization::ceilings(&mut world, &library);
    identity::principals(&mut world, &library);
    resource_policies(&mut world, &library);
    // From here on no policy is attached any more, so they are compiled beside the rest.
    let policies: Vec<Arc<Policy>> = world.attachments.iter().map(|a| Arc::clone(&a.policy)).collect();
    let (alike, ()) = rayon::join(
        || crate::alike::Policies::new(&policies),
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
    world.alike = alike;
    world
}

/// Policy documents, each distinct text compiled once.
pub(crate) struct Library {
    /// Where a text stands in `compiled`.
    places: FxHashMap<(SameText, Flavor), u32>,
    compiled: Vec<Compiled>,
    /// Uses of documents with something wrong in them.
    uses: Vec<Use>,
}

/// A text by where it lies in memory, which is its own as long as it is held here: texts are many and long, so each is
/// read once and then found by its address.
struct SameText(Arc<str>);

impl PartialEq for SameText {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SameText {}

impl Hash for SameText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).addr().hash(state);
    }
}

struct Compiled {
    policy: Option<Arc<Policy>>,
    diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    fn new(text: &str, flavor: Flavor) -> Self {
        let (policy, mut diagnostics) = parse(text, flavor);
        if let Some(policy) = &policy {
            diagnostics.extend(unknown_actions(policy, text));
        }
        Self {
            policy: policy.map(Arc::new),
            diagnostics,
        }
    }
}

/// Where a document is used, for messages.
struct Use {
    text: PolicyText,
    /// Which document.
    compiled: u32,
    policy: String,
    holder: String,
}

fn flavor(kind: Kind, slot: Slot) -> Flavor {
    match (kind, slot) {
        (Kind::Scp, _) => Flavor::Scp,
        (Kind::Rcp, _) => Flavor::Rcp,
        (_, Slot::Inline | Slot::Document) => Flavor::Identity,
        (_, Slot::Trust) => Flavor::Trust,
        (_, Slot::Resource | Slot::Key | Slot::Endpoint) => Flavor::Resource,
    }
}

impl Library {
    fn compile(records: &[Record]) -> Self {
        let slots = || {
            records.iter().flat_map(|record| {
                record
                    .policies
                    .iter()
                    .map(move |slot| (record, slot, flavor(record.kind, slot.slot)))
            })
        };
        let mut by_text: FxHashMap<(&str, Flavor), u32> = FxHashMap::default();
        let mut places = FxHashMap::default();
        let mut distinct = Vec::new();
        for (_, slot, flavor) in slots() {
            let text = &slot.document;
            let place = *by_text.entry((text.as_str(), flavor)).or_insert_with(|| {
                distinct.push((text.as_str(), flavor));
                u32::try_from(distinct.len() - 1).unwrap_or(u32::MAX)
            });
            places.insert((SameText(text.shared()), flavor), place);
        }
        let compiled = distinct
            .into_par_iter()
            .map(|(text, flavor)| Compiled::new(text, flavor))
            .collect();
        let mut library = Self {
            places,
            compiled,
            uses: Vec::new(),
        };
        // Few documents have something wrong in them; only those are looked for again.
        if library.compiled.iter().any(|one| !one.diagnostics.is_empty()) {
            for (record, slot, flavor) in slots() {
                let Some(place) = library.place(&slot.document, flavor) else {
                    continue;
                };
                if library.at(place).is_some_and(|one| !one.diagnostics.is_empty()) {
                    library.uses.push(Use {
                        text: slot.document.clone(),
                        compiled: place,
                        policy: slot.name.clone().unwrap_or_else(|| slot_name(record, slot.slot)),
                        holder: record.id.clone(),
                    });
                }
            }
        }
        library
    }

    fn place(&self, text: &PolicyText, flavor: Flavor) -> Option<u32> {
        self.places.get(&(SameText(text.shared()), flavor)).copied()
    }

    fn at(&self, place: u32) -> Option<&Compiled> {
        self.compiled.get(place as usize)
    }

    /// The compiled policy of a text.
    pub(crate) fn get(&self, text: &PolicyText, flavor: Flavor) -> Option<Arc<Policy>> {
        self.at(self.place(text, flavor)?)?.policy.clone()
    }

    /// Tells what is wrong with documents: as problems, and as gaps where part of a document does not count.
    fn report(self, world: &mut World) {
        for usage in &self.uses {
            let Some(compiled) = self.at(usage.compiled) else {
                continue;
            };
            for diagnostic in &compiled.diagnostics {
                if diagnostic.severity == Severity::Error {
                    world.gaps.push(problem_gap(usage, diagnostic));
                }
                world.policy_problems.push(PolicyProblem {
                    policy: usage.policy.clone(),
                    holder: usage.holder.clone(),
                    place: usage.text.place.as_deref().cloned(),
                    text: usage.text.shared(),
                    diagnostic: diagnostic.clone(),
                });
            }
        }
    }
}

fn problem_gap(usage: &Use, diagnostic: &Diagnostic) -> Gap {
    let (line, column) = diagnostic.line_column(usage.text.as_str());
    let place = match usage.text.place.as_deref() {
        Some(place) => match place.line {
            Some(start) => format!("`{}`:{}: ", place.file, start + line - 1),
            None => format!(
                "`{}`, `{}`, line {line} column {column} of the document: ",
                place.file, place.json_path
            ),
        },
        None => String::new(),
    };
    let help = diagnostic
        .help
        .as_ref()
        .map_or(String::new(), |help| format!(" ({help})"));
    Gap {
        account: Arn::parse(&usage.holder)
            .and_then(|arn| arn.account_id())
            .map(str::to_owned),
        region: None,
        service: Some("iam".into()),
        call: String::new(),
        entity: Some(usage.holder.clone()),
        reason: Reason::Damaged,
        detail: format!(
            "{place}policy `{}` of `{}`: {diagnostic}{help}",
            usage.policy, usage.holder
        ),
        consequence:
            "the part concerned does not count as a grant, and undecidable conditions leave answers open"
                .into(),
    }
}

/// Actions that the catalogue does not know: a typo, or newer than the catalogue.
fn unknown_actions(policy: &Policy, text: &str) -> Vec<Diagnostic> {
    let catalog = Catalog::embedded();
    let mut out = Vec::new();
    for statement in &policy.statements {
        for pattern in &statement.action.patterns {
            let written = pattern.as_str();
            if !pattern.has_wildcard() && catalog.id_of(written).is_some() {
                continue;
            }
            let Some(service) = pattern.service() else {
                continue;
            };
            let (message, help) = if catalog.service(&service).is_none() {
                let near = catalog.suggest_service(&service);
                (
                    format!("no service has the prefix `{service}`"),
                    near.map(|n| format!("did you mean `{n}`?")),
                )
            } else if !pattern.has_wildcard() && catalog.action(written).is_none() {
                let near = catalog.suggest_action(written);
                (
                    format!("`{written}` is not an action that the catalogue knows"),
                    near.map(|n| format!("did you mean `{n}`?")),
                )
            } else {
                continue;
            };
            let body = text.get(statement.start..statement.end).unwrap_or_default();
            let offset = statement.start + body.find(written).unwrap_or(0);
            out.push(Diagnostic {
                severity: Severity::Warning,
                code: "unknown-action",
                message,
                help,
                path: format!(
                    "{}.{}",
                    statement.path(),
                    if statement.action.negated {
                        "NotAction"
                    } else {
                        "Action"
                    }
                ),
                offset,
                length: written.len(),
            });
        }
    }
    out
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
    let groups: FxHashMap<(String, String), NodeId> = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::IamGroup)
        .filter_map(|(id, node)| Some(((node.record.account.clone()?, node.record.name.clone()), id)))
        .collect();
    let aliases = aliases::Aliases::of(&world.graph);
    let nodes: Vec<NodeId> = world.graph.nodes().map(|(id, _)| id).collect();
    for from in nodes {
        // Lent while the graph grows, and given back.
        let refs = world
            .graph
            .node_mut(from)
            .map(|node| std::mem::take(&mut node.record.refs))
            .unwrap_or_default();
        for reference in &refs {
            let to = match world.graph.find(&reference.to) {
                Some(found) => found,
                // Authorization details name a user's groups without their path.
                None => match member_group(reference, &groups)
                    .or_else(|| aliases.find(&world.graph, &reference.to))
                {
                    Some(found) => found,
                    None => stub(world, &reference.to, stub_kind(reference.rel, &reference.to)),
                },
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
                    slot_name(&node.record, slot.slot),
                    node.record.id.clone(),
                ));
            }
        }
    }
    for (node, text, slot, name, holder) in found {
        if let Some(policy) = library.get(&text, Flavor::Resource) {
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
