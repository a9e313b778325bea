//! Finding things by their names.

use schemars::JsonSchema;
use serde::Deserialize;
use sv0_iam::catalog::Catalog;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Sensitivity};

use crate::endpoint::Asking;
use crate::page::{Cursor, Page, limit};
use crate::problem::Problem;
use crate::search::{Hit, Matched};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Words, all of which must be in the name, ARN, tags or account's name.
    q: String,
    /// Only entities of this type.
    r#type: Option<EntityType>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

pub(super) fn search(asking: &Asking<'_>, search: Search) -> Result<Page<Hit>, Problem> {
    let world = asking.app.world();
    let fits = |node: NodeId| {
        let kind = world.node(node).record.kind;
        search.r#type.is_none_or(|wanted| kind.entity_type() == wanted)
    };
    let found = asking.app.index.find(&search.q, fits);
    let page = Page::of(found, search.cursor.as_ref(), limit(search.limit, 20))?;
    let items = page.items.into_iter().map(|(node, matched)| {
        let it = world.node(node);
        let entity = world.entity(node);
        let text = match matched {
            Matched::Name => entity.name.clone(),
            Matched::Id => entity.id.clone(),
            Matched::Account => entity.account_name.clone().unwrap_or_default(),
            Matched::Tag => {
                let lower = search.q.to_lowercase();
                let tags = it.record.tags.iter().map(|(key, value)| format!("{key}={value}"));
                let mut tags = tags.filter(|tag| {
                    let tag = tag.to_lowercase();
                    lower.split_whitespace().all(|word| tag.contains(word))
                });
                tags.next().unwrap_or_default()
            }
        };
        Hit {
            kind_label: entity.kind.label(),
            sensitivity: (it.sensitivity != Sensitivity::Unknown).then_some(it.sensitivity),
            entity,
            matched,
            text,
        }
    });
    Ok(Page {
        items: items.collect(),
        next: page.next,
        total: page.total,
        at_least: false,
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Actions {
    /// Part of the name, such as `s3:get`.
    q: String,
    /// How many at most.
    limit: Option<u16>,
}

pub(super) fn actions(_: &Asking<'_>, asked: Actions) -> Result<Vec<&'static str>, Problem> {
    let lower = asked.q.trim().to_lowercase();
    let mut found: Vec<(bool, &'static str)> = Catalog::embedded()
        .actions()
        .map(|action| action.name())
        .filter_map(|name| {
            let low = name.to_lowercase();
            low.contains(&lower).then(|| (!low.starts_with(&lower), name))
        })
        .collect();
    found.sort_unstable();
    found.truncate(limit(asked.limit, 20));
    Ok(found.into_iter().map(|(_, name)| name).collect())
}
