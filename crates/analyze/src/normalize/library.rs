//! Policy documents, each distinct text read once, and what is wrong with them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_iam::catalog::Catalog;
use sv0_iam::name::Arn;
use sv0_iam::syntax::{Diagnostic, Flavor, Policy, Severity, parse};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};

use super::slot_name;
use crate::world::{PolicyProblem, World};

/// Policy documents, each distinct text compiled once.
pub(crate) struct Library {
    /// Where a text stands in `compiled`.
    places: FxHashMap<(SameText, Flavor), u32>,
    compiled: Vec<Compiled>,
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

/// A document in which nothing is wrong.
pub(crate) fn read_whole(text: &str, flavor: Flavor) -> Option<Arc<Policy>> {
    let Compiled { policy, diagnostics } = Compiled::new(text, flavor);
    policy.filter(|_| diagnostics.is_empty())
}

/// Where a document is used, for messages.
struct Use {
    text: PolicyText,
    /// Which document.
    compiled: u32,
    policy: String,
    holder: String,
}

/// The grammar of a document in its place.
pub fn flavor(kind: Kind, slot: Slot) -> Flavor {
    match (kind, slot) {
        (Kind::Scp, _) => Flavor::Scp,
        (Kind::Rcp, _) => Flavor::Rcp,
        (_, Slot::Inline | Slot::Document) => Flavor::Identity,
        (_, Slot::Trust) => Flavor::Trust,
        (_, Slot::Resource | Slot::Key | Slot::Endpoint) => Flavor::Resource,
    }
}

/// The texts of policy documents, each once, and where each use of one stands among them.
pub(super) struct Texts {
    places: FxHashMap<(SameText, Flavor), u32>,
    distinct: Vec<(Arc<str>, Flavor)>,
}

impl Texts {
    /// Equal texts are made one, so that each is in memory once.
    pub(super) fn of(records: &mut [Record]) -> Self {
        let mut by_text: FxHashMap<Flavor, FxHashMap<Arc<str>, u32>> = FxHashMap::default();
        let mut places = FxHashMap::default();
        let mut distinct: Vec<(Arc<str>, Flavor)> = Vec::new();
        for record in records {
            let kind = record.kind;
            for slot in &mut record.policies {
                let (text, flavor) = (&mut slot.document, flavor(kind, slot.slot));
                let known = by_text.entry(flavor).or_default();
                if let Some(place) = known.get(text.as_str()) {
                    if let Some((same, _)) = distinct.get(*place as usize) {
                        text.share(same);
                    }
                    continue;
                }
                let place = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
                known.insert(text.shared(), place);
                places.insert((SameText(text.shared()), flavor), place);
                distinct.push((text.shared(), flavor));
            }
        }
        Self { places, distinct }
    }
}

/// The documents of a record, each with what it is to be read as.
fn slots(record: &Record) -> impl Iterator<Item = (&Record, &PolicySlot, Flavor)> {
    let slots = record.policies.iter();
    slots.map(move |slot| (record, slot, flavor(record.kind, slot.slot)))
}

impl Library {
    /// Reads every text.
    pub(super) fn compile(texts: Texts) -> Self {
        let compiled = texts
            .distinct
            .into_par_iter()
            .map(|(text, flavor)| Compiled::new(&text, flavor))
            .collect();
        Self {
            places: texts.places,
            compiled,
        }
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

    /// Where documents with something wrong in them are used. There are few.
    fn uses(&self, world: &World) -> Vec<Use> {
        let mut uses = Vec::new();
        if self.compiled.iter().all(|one| one.diagnostics.is_empty()) {
            return uses;
        }
        for (record, slot, flavor) in world.graph.nodes().flat_map(|(_, node)| slots(&node.record)) {
            if let Some(place) = self.place(&slot.document, flavor)
                && self.at(place).is_some_and(|one| !one.diagnostics.is_empty())
            {
                uses.push(Use {
                    text: slot.document.clone(),
                    compiled: place,
                    policy: slot.name.clone().unwrap_or_else(|| slot_name(record, slot.slot)),
                    holder: record.id.clone(),
                });
            }
        }
        uses
    }

    /// Tells what is wrong with documents: as problems, and as gaps where part of a document does not count.
    pub(super) fn report(self, world: &mut World) {
        for usage in &self.uses(world) {
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
