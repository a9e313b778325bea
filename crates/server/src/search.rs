//! Finding an entity by anything that people know of it: its name, ARN, tag or account. All entities are looked through for
//! each question, which takes some milliseconds for 160,000; there is nothing to keep up to date.

use memchr::memmem;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_analyze::World;
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Sensitivity};
use sv0_model::path::EntityRef;

/// Where the words were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Matched {
    /// In the name.
    Name,
    /// In the id, mostly the ARN.
    Id,
    /// In a tag.
    Tag,
    /// In the account's name.
    Account,
}

/// Something that was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Hit {
    /// What.
    pub(crate) entity: EntityRef,
    /// What kind, in words.
    pub(crate) kind_label: &'static str,
    /// How sensitive, for data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sensitivity: Option<Sensitivity>,
    /// Where the words were found.
    pub(crate) matched: Matched,
    /// The text in which they were found.
    pub(crate) text: String,
}

struct Entry {
    node: NodeId,
    name: Box<str>,
    id: Box<str>,
    /// `key=value`, one a line.
    tags: Box<str>,
    account: Box<str>,
    /// Orders what fits equally well.
    weight: u8,
}

/// Lower-case texts of everything.
pub(crate) struct Index(Vec<Entry>);

impl Index {
    pub(crate) fn new(world: &World) -> Self {
        let nodes: Vec<_> = world.graph.nodes().collect();
        let entries = nodes.into_par_iter().map(|(node, it)| {
            let record = &it.record;
            let tags: Vec<String> = record
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}").to_lowercase())
                .collect();
            let account = record.account.as_deref().map(|id| world.account_label(id));
            Entry {
                node,
                name: world.label(node).to_lowercase().into(),
                id: record.id.to_lowercase().into(),
                tags: tags.join("\n").into(),
                account: account.unwrap_or_default().to_lowercase().into(),
                weight: weight(record.kind, it.sensitivity, it.stub),
            }
        });
        Self(entries.collect())
    }

    /// What has all words of a question, best first, and how many there are in all.
    pub(crate) fn find(
        &self,
        question: &str,
        fits: impl Fn(NodeId) -> bool + Sync,
    ) -> Vec<(NodeId, Matched)> {
        let lower = question.to_lowercase();
        let words: Vec<memmem::Finder<'_>> = lower.split_whitespace().map(memmem::Finder::new).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let whole = lower.trim();
        let mut hits: Vec<(u8, u8, usize, &Entry, Matched)> = self
            .0
            .par_iter()
            .filter_map(|entry| {
                let has = |text: &str| words.iter().all(|word| word.find(text.as_bytes()).is_some());
                let any = |text: &str| words.iter().any(|word| word.find(text.as_bytes()).is_some());
                let (rank, matched) = if *entry.name == *whole || *entry.id == *whole {
                    (0, Matched::Name)
                } else if entry.name.starts_with(whole) {
                    (1, Matched::Name)
                } else if has(&entry.name) {
                    (2, Matched::Name)
                } else if has(&entry.id) {
                    (3, Matched::Id)
                } else if entry.tags.lines().any(has) {
                    (4, Matched::Tag)
                } else {
                    // Words that are spread over name, tags and account: `prod bucket`.
                    let everywhere = |word: &memmem::Finder<'_>| {
                        [&entry.name, &entry.id, &entry.tags, &entry.account]
                            .iter()
                            .any(|text| word.find(text.as_bytes()).is_some())
                    };
                    let matched = if any(&entry.name) {
                        Matched::Name
                    } else {
                        Matched::Account
                    };
                    words.iter().all(everywhere).then_some((5, matched))?
                };
                fits(entry.node).then_some((rank, entry.weight, entry.name.len(), entry, matched))
            })
            .collect();
        hits.par_sort_unstable_by(|a, b| {
            (a.0, a.1, a.2, &a.3.name, &a.3.id).cmp(&(b.0, b.1, b.2, &b.3.name, &b.3.id))
        });
        hits.into_iter()
            .map(|(_, _, _, entry, matched)| (entry.node, matched))
            .collect()
    }
}

/// What people look for comes first: data and identities before policies, what was collected before what is only named.
fn weight(kind: Kind, sensitivity: Sensitivity, stub: bool) -> u8 {
    use sv0_model::kind::EntityType;
    let base = match kind.entity_type() {
        EntityType::Resource if sensitivity >= Sensitivity::Confidential => 0,
        EntityType::Identity | EntityType::Resource => 1,
        EntityType::Workload => 2,
        EntityType::Tenant => 3,
        _ => 4,
    };
    base + if stub { 10 } else { 0 }
}
