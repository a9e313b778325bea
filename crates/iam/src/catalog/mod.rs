//! The IAM catalogue: which services, actions, resource types and condition keys AWS has.
//!
//! It is data, not policy language: what it does not know is `None` or an empty list, never an error, because
//! AWS adds actions every day. The embedded copy is made by `xtask catalog`; `--catalog FILE` reads another.
//!
//! A [`Catalog`] is one text (the format of `format.rs`) with sorted tables of spans into it. Everything handed
//! out is a small `Copy` handle. Lookups ignore case, as IAM does, except in ARNs.
//!
//! Invariant: actions are sorted by lower-case full name, so an [`ActionId`] is a rank, and the actions of a
//! service, or those that begin with `s3:get`, are a range.

mod carried;
mod format;
mod suggest;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod view;

pub use format::CatalogError;
pub use view::{AccessLevel, Action, ActionId, ConditionKey, ResourceType, ResourceUse, Service};

use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::OnceLock;
use table::{ActionRow, ArnRow, KeyRow, ResourceTypeRow, Rows, ServiceRow, Span, UseRow};

/// What [`Catalog::embedded`] gives.
static IN_USE: OnceLock<Catalog> = OnceLock::new();

/// Where a catalogue comes from and how much is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// The name of the package it was made from.
    pub source: String,
    /// That package's version.
    pub version: String,
    /// The day the package's data was collected, `2026-09-26`.
    pub date: String,
    /// The version of the same package that the dependent actions come from; later ones lack them.
    pub dependents: String,
    /// How many services.
    pub services: usize,
    /// How many actions.
    pub actions: usize,
    /// How many resource types.
    pub resource_types: usize,
    /// How many condition keys, each counted for every service that has it; the global ones are not counted.
    pub condition_keys: usize,
}

/// An IAM catalogue; immutable.
#[derive(Default)]
pub struct Catalog {
    meta: Meta,
    text: String,
    /// By `prefix:`, so in the order of their actions.
    services: Vec<ServiceRow>,
    /// By full name.
    actions: Vec<ActionRow>,
    /// By service, then name.
    resource_types: Vec<ResourceTypeRow>,
    arns: Vec<ArnRow>,
    uses: Vec<UseRow>,
    /// The global keys, then those of each service; each part by name.
    keys: Vec<KeyRow>,
    global_keys: Rows,
    key_lists: Vec<u32>,
    name_lists: Vec<Span>,
    /// Indices into `arns` by the service segment of the template.
    arns_by_service: FxHashMap<Box<str>, Vec<u32>>,
    /// One for each of `keys`; found when first asked for.
    carriers: Vec<carried::Carriers>,
}

impl Catalog {
    /// The catalogue in use: the one that is built into the program, decoded at the first call, unless another was put
    /// in its place ([`Catalog::put_in_use`]).
    pub fn embedded() -> &'static Self {
        // A test holds that it decodes; a program that had a broken one would know no action, and say so.
        IN_USE.get_or_init(|| Self::parse(include_bytes!("../../data/catalog.txt.gz")).unwrap_or_default())
    }

    /// Makes this the catalogue in use, for the whole process. That works once, and only before anything has asked for
    /// the embedded one, because answers of one process do not mix two catalogues. Says whether it did.
    #[must_use]
    pub fn put_in_use(self) -> bool {
        IN_USE.set(self).is_ok()
    }

    /// Reads a catalogue in the format of the embedded one, compressed with gzip or plain.
    pub fn parse(bytes: &[u8]) -> Result<Self, CatalogError> {
        format::read(bytes)
    }

    /// The catalogue in its plain text format; `parse` of it gives the same catalogue.
    #[must_use]
    pub fn to_text(&self) -> String {
        format::write(self)
    }

    /// Where it comes from and how much is in it.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The service with this prefix.
    #[must_use]
    pub fn service(&self, prefix: &str) -> Option<Service<'_>> {
        let index = self
            .services
            .binary_search_by(|row| cmp_prefix(self.text(row.prefix), prefix))
            .ok()?;
        self.service_at(index as u32)
    }

    /// Every service, in the order of their actions.
    pub fn services(&self) -> impl ExactSizeIterator<Item = Service<'_>> {
        self.services.iter().map(|row| Service { catalog: self, row })
    }

    /// The action with this full name, `s3:GetObject`.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<Action<'_>> {
        self.action_by_id(self.id_of(name)?)
    }

    /// Every action; the first has [`ActionId`] 0.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = Action<'_>> {
        self.actions_in(0..self.actions.len() as u32)
    }

    /// The rank of the action with this full name.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<ActionId> {
        let index = self
            .actions
            .binary_search_by(|row| cmp_fold(self.text(row.name), name))
            .ok()?;
        Some(ActionId(index as u32))
    }

    /// The action of this rank.
    #[must_use]
    pub fn action_by_id(&self, id: ActionId) -> Option<Action<'_>> {
        let row = self.actions.get(id.0 as usize)?;
        Some(Action {
            catalog: self,
            id,
            row,
        })
    }

    /// The ranks of the actions of a service; empty for an unknown one.
    #[must_use]
    pub fn action_range(&self, service: &str) -> Range<u32> {
        self.service(service).map_or(0..0, |s| s.row.actions.range())
    }

    /// The ranks of the actions whose full name begins with `prefix`, as `s3:Get` or nothing.
    #[must_use]
    pub fn action_prefix_range(&self, prefix: &str) -> Range<u32> {
        let head = |row: &ActionRow| {
            let name = self.text(row.name).as_bytes();
            cmp_bytes(name.get(..prefix.len()).unwrap_or(name), prefix.as_bytes())
        };
        let start = self.actions.partition_point(|row| head(row) == Ordering::Less);
        let end = self.actions.partition_point(|row| head(row) != Ordering::Greater);
        start as u32..end as u32
    }

    /// The actions of these ranks.
    pub fn actions_in(&self, ids: Range<u32>) -> impl ExactSizeIterator<Item = Action<'_>> {
        let rows = self
            .actions
            .get(ids.start as usize..ids.end as usize)
            .unwrap_or_default();
        rows.iter().enumerate().map(move |(offset, row)| {
            let id = ActionId(ids.start + offset as u32);
            Action {
                catalog: self,
                id,
                row,
            }
        })
    }

    /// The actions of a service; none for an unknown one.
    pub fn actions_of(&self, service: &str) -> impl ExactSizeIterator<Item = Action<'_>> {
        self.actions_in(self.action_range(service))
    }

    /// A resource type of a service, by name.
    #[must_use]
    pub fn resource_type(&self, service: &str, name: &str) -> Option<ResourceType<'_>> {
        let rows = self.service(service)?.row.resource_types;
        let types = rows.of(&self.resource_types);
        let row = types
            .binary_search_by(|row| cmp_fold(self.text(row.name), name))
            .ok()?;
        Some(ResourceType {
            catalog: self,
            row: types.get(row)?,
        })
    }

    /// The resource types of a service, by name; none for an unknown one.
    pub fn resource_types_of(&self, service: &str) -> impl ExactSizeIterator<Item = ResourceType<'_>> {
        let rows = self
            .service(service)
            .map(|s| s.row.resource_types)
            .unwrap_or_default();
        rows.of(&self.resource_types)
            .iter()
            .map(|row| ResourceType { catalog: self, row })
    }

    /// The resource types whose ARN template matches a concrete ARN, most specific first.
    ///
    /// Names hold slashes (`role/path/name`, object keys), so `${BucketName}` matches `bucket/key` as text. Hence
    /// of the templates that match, only those stay that explain the most `/` and `:` of the ARN. Then the
    /// service that the ARN names is before others that have a type for the same thing (`iam` before `sts`).
    #[must_use]
    pub fn resource_types_for_arn(&self, arn: &str) -> Vec<ResourceType<'_>> {
        let Some(arn) = template::Arn::split(arn) else {
            return Vec::new();
        };
        let candidates = self
            .arns_by_service
            .get(arn.service)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut found: Vec<(&ArnRow, ResourceType<'_>)> = candidates
            .iter()
            .filter_map(|&index| self.arns.get(index as usize))
            .filter(|row| template::matches_arn(self.text(row.template), &arn))
            .filter_map(|row| Some((row, self.resource_type_at(row.resource_type)?)))
            .collect();
        let most = found
            .iter()
            .map(|(row, _)| row.separators)
            .max()
            .unwrap_or_default();
        found.retain(|(row, _)| row.separators == most);
        found.sort_by_key(|(row, of)| {
            (
                of.service() != arn.service,
                std::cmp::Reverse(row.literal),
                row.stars,
                row.resource_type,
            )
        });
        found.dedup_by_key(|(row, _)| row.resource_type);
        found.into_iter().map(|(_, of)| of).collect()
    }

    /// A condition key as a service has it, else the global one. `s3:ExistingObjectTag/owner` finds
    /// `s3:ExistingObjectTag/${key}`.
    #[must_use]
    pub fn condition_key(&self, service: &str, key: &str) -> Option<ConditionKey<'_>> {
        let own = self.service(service).map(|s| s.row.keys).unwrap_or_default();
        self.key_in(own, key)
            .or_else(|| self.key_in(self.global_keys, key))
    }

    /// A condition key wherever it is: global, of the service it names, or of another (`saml:aud` is of `sts`).
    #[must_use]
    pub fn find_condition_key(&self, key: &str) -> Option<ConditionKey<'_>> {
        let prefix = key.split_once(':').map_or("", |(prefix, _)| prefix);
        self.key_in(self.global_keys, key)
            .or_else(|| self.key_in(self.service(prefix)?.row.keys, key))
            .or_else(|| self.services.iter().find_map(|row| self.key_in(row.keys, key)))
    }

    /// The condition keys of a service, by name; none for an unknown one.
    pub fn condition_keys_of(&self, service: &str) -> impl ExactSizeIterator<Item = ConditionKey<'_>> {
        let rows = self.service(service).map(|s| s.row.keys).unwrap_or_default();
        rows.of(&self.keys)
            .iter()
            .map(|row| ConditionKey { catalog: self, row })
    }

    /// The keys that a request to any service may have, by name.
    pub fn global_condition_keys(&self) -> impl ExactSizeIterator<Item = ConditionKey<'_>> {
        self.global_keys
            .of(&self.keys)
            .iter()
            .map(|row| ConditionKey { catalog: self, row })
    }

    /// Whether resource control policies bear on an action, `s3:GetObject`. An action that the catalogue does
    /// not have goes by its service.
    #[must_use]
    pub fn rcp_supports(&self, action: &str) -> bool {
        let Some((prefix, name)) = action.split_once(':') else {
            return false;
        };
        let Some(service) = self.service(prefix) else {
            return false;
        };
        let mut exempt = self
            .text(service.row.rcp)
            .split(',')
            .filter_map(|word| word.strip_prefix('!'));
        service.rcp_supported() && !exempt.any(|exempt| exempt.eq_ignore_ascii_case(name))
    }

    fn text(&self, span: Span) -> &str {
        span.of(&self.text)
    }

    fn service_at(&self, index: u32) -> Option<Service<'_>> {
        Some(Service {
            catalog: self,
            row: self.services.get(index as usize)?,
        })
    }

    fn resource_type_at(&self, index: u32) -> Option<ResourceType<'_>> {
        Some(ResourceType {
            catalog: self,
            row: self.resource_types.get(index as usize)?,
        })
    }

    fn key_in(&self, rows: Rows, key: &str) -> Option<ConditionKey<'_>> {
        let rows = rows.of(&self.keys);
        let row = match rows.binary_search_by(|row| cmp_fold(self.text(row.name), key)) {
            Ok(index) => rows.get(index),
            Err(_) => rows
                .iter()
                .find(|row| template::matches_key(self.text(row.name), key)),
        }?;
        Some(ConditionKey { catalog: self, row })
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

/// Compares names as IAM does: case of ASCII letters does not count.
fn cmp_fold(a: &str, b: &str) -> Ordering {
    cmp_bytes(a.as_bytes(), b.as_bytes())
}

fn cmp_bytes(a: &[u8], b: &[u8]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        // Mostly equal as they are: look at case only where they are not.
        if a != b {
            let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
            if order != Ordering::Equal {
                return order;
            }
        }
    }
    a.len().cmp(&b.len())
}

/// Compares service prefixes as the full names of their actions compare: as if each ended in a colon.
fn cmp_prefix(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|prefix| prefix.bytes().chain([b':']).map(|byte| byte.to_ascii_lowercase()));
    a.cmp(b)
}
