//! What a catalogue hands out: small handles on its rows.

use super::Catalog;
use super::table::{ActionRow, KeyRow, ResourceTypeRow, Rows, ServiceRow, UseRow};
use std::fmt;

/// What an action does, ordered by weight, as the Service Authorization Reference groups actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Sees that things exist.
    List,
    /// Changes tags only.
    Tagging,
    /// Reads contents or configuration.
    Read,
    /// Creates, changes or deletes.
    Write,
    /// Changes who has access ("Permissions management").
    Permissions,
}

impl AccessLevel {
    /// Every level, the lightest first.
    pub const ALL: &'static [Self] = &[
        Self::List,
        Self::Tagging,
        Self::Read,
        Self::Write,
        Self::Permissions,
    ];

    /// The stable text used in files and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Tagging => "tagging",
            Self::Read => "read",
            Self::Write => "write",
            Self::Permissions => "permissions",
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for AccessLevel {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.as_str() == text)
            .ok_or(())
    }
}

/// The rank of an action in its catalogue: `0..n`, by lower-case full name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(pub u32);

impl ActionId {
    /// The rank as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A service.
#[derive(Clone, Copy)]
pub struct Service<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) row: &'a ServiceRow,
}

impl<'a> Service<'a> {
    /// The prefix of its actions, `s3`.
    #[must_use]
    pub fn prefix(self) -> &'a str {
        self.catalog.text(self.row.prefix)
    }

    /// What AWS calls it, `Amazon S3`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.catalog.text(self.row.name)
    }

    /// Whether resource control policies bear on it; see [`Catalog::rcp_supports`] for single actions.
    #[must_use]
    pub fn rcp_supported(self) -> bool {
        !self.catalog.text(self.row.rcp).is_empty()
    }

    /// Its actions, by name.
    pub fn actions(self) -> impl ExactSizeIterator<Item = Action<'a>> {
        self.catalog.actions_in(self.row.actions.range())
    }

    /// Its resource types, by name.
    pub fn resource_types(self) -> impl ExactSizeIterator<Item = ResourceType<'a>> {
        let catalog = self.catalog;
        self.row
            .resource_types
            .of(&catalog.resource_types)
            .iter()
            .map(move |row| ResourceType { catalog, row })
    }

    /// Its condition keys, by name.
    pub fn condition_keys(self) -> impl ExactSizeIterator<Item = ConditionKey<'a>> {
        let catalog = self.catalog;
        self.row
            .keys
            .of(&catalog.keys)
            .iter()
            .map(move |row| ConditionKey { catalog, row })
    }
}

/// An action.
#[derive(Clone, Copy)]
pub struct Action<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) id: ActionId,
    pub(super) row: &'a ActionRow,
}

impl<'a> Action<'a> {
    /// Its rank.
    #[must_use]
    pub fn id(self) -> ActionId {
        self.id
    }

    /// Its full name as AWS writes it, `s3:GetObject`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.catalog.text(self.row.name)
    }

    /// Its name without the service, `GetObject`.
    #[must_use]
    pub fn short_name(self) -> &'a str {
        self.name().split_once(':').map_or("", |(_, name)| name)
    }

    /// The prefix of its service, `s3`.
    #[must_use]
    pub fn service(self) -> &'a str {
        self.catalog
            .service_at(self.row.service)
            .map_or("", Service::prefix)
    }

    /// What it does.
    #[must_use]
    pub fn access_level(self) -> AccessLevel {
        self.row.level
    }

    /// The resource types it is on, by name; none if policies can allow it on `*` only.
    pub fn resource_types(self) -> impl ExactSizeIterator<Item = ResourceUse<'a>> {
        let catalog = self.catalog;
        self.row
            .resources
            .of(&catalog.uses)
            .iter()
            .map(move |row| ResourceUse { catalog, row })
    }

    /// The condition keys it has whatever it is on; those of [`ResourceUse::condition_keys`] and the global ones
    /// come on top.
    pub fn condition_keys(self) -> impl Iterator<Item = ConditionKey<'a>> {
        keys(self.catalog, self.row.keys)
    }

    /// Full names of the actions that a caller needs besides, `iam:PassRole`.
    pub fn dependent_actions(self) -> impl ExactSizeIterator<Item = &'a str> {
        let catalog = self.catalog;
        self.row
            .dependents
            .of(&catalog.name_lists)
            .iter()
            .map(move |span| catalog.text(*span))
    }

    /// Whether it is on no resource type, so that a policy can allow it on `*` only.
    #[must_use]
    pub fn is_wildcard_only(self) -> bool {
        self.row.resources.range().is_empty()
    }
}

/// A resource type as an action uses it.
#[derive(Clone, Copy)]
pub struct ResourceUse<'a> {
    catalog: &'a Catalog,
    row: &'a UseRow,
}

impl<'a> ResourceUse<'a> {
    /// The type's name, `object`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.resource_type().map_or("", ResourceType::name)
    }

    /// The type itself; a catalogue that was read always has it.
    #[must_use]
    pub fn resource_type(self) -> Option<ResourceType<'a>> {
        self.catalog.resource_type_at(self.row.resource_type)
    }

    /// Whether a request always names one.
    #[must_use]
    pub fn required(self) -> bool {
        self.row.required
    }

    /// The condition keys that the action has when it is on this type.
    pub fn condition_keys(self) -> impl Iterator<Item = ConditionKey<'a>> {
        keys(self.catalog, self.row.keys)
    }
}

/// A resource type.
#[derive(Clone, Copy)]
pub struct ResourceType<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) row: &'a ResourceTypeRow,
}

impl<'a> ResourceType<'a> {
    /// Its name, unique in its service: `bucket`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.catalog.text(self.row.name)
    }

    /// The prefix of the service that has it; its ARN may name another.
    #[must_use]
    pub fn service(self) -> &'a str {
        self.catalog
            .service_at(self.row.service)
            .map_or("", Service::prefix)
    }

    /// Its ARN template, `arn:${Partition}:s3:::${BucketName}`; a few types have several, this is the first.
    #[must_use]
    pub fn arn_template(self) -> &'a str {
        self.arn_templates().next().unwrap_or_default()
    }

    /// All its ARN templates.
    pub fn arn_templates(self) -> impl ExactSizeIterator<Item = &'a str> {
        let catalog = self.catalog;
        self.row
            .arns
            .of(&catalog.arns)
            .iter()
            .map(move |row| catalog.text(row.template))
    }

    /// The condition keys that requests on it have.
    pub fn condition_keys(self) -> impl Iterator<Item = ConditionKey<'a>> {
        keys(self.catalog, self.row.keys)
    }
}

/// A condition key.
#[derive(Clone, Copy)]
pub struct ConditionKey<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) row: &'a KeyRow,
}

impl<'a> ConditionKey<'a> {
    /// Its name as AWS writes it; a variable part is a placeholder, `aws:PrincipalTag/${TagKey}`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.catalog.text(self.row.name)
    }

    /// Its type: `String`, `ARN`, `Bool`, `Numeric`, `Date`, `IPAddress`, or `ArrayOf` one of them.
    #[must_use]
    pub fn value_type(self) -> &'a str {
        self.catalog.text(self.row.value_type)
    }

    /// Its type without `ArrayOf`.
    #[must_use]
    pub fn element_type(self) -> &'a str {
        let value_type = self.value_type();
        value_type.strip_prefix("ArrayOf").unwrap_or(value_type)
    }

    /// Whether a request can have several values of it.
    #[must_use]
    pub fn is_multivalued(self) -> bool {
        self.value_type().starts_with("ArrayOf")
    }
}

fn keys(catalog: &Catalog, list: Rows) -> impl Iterator<Item = ConditionKey<'_>> {
    let rows = list
        .of(&catalog.key_lists)
        .iter()
        .filter_map(|&index| catalog.keys.get(index as usize));
    rows.map(move |row| ConditionKey { catalog, row })
}

/// Shows a handle as its kind and name, not with the whole catalogue behind it.
macro_rules! debug_by {
    ($($kind:ident . $name:ident),+) => {
        $(impl fmt::Debug for $kind<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($kind)).field(&self.$name()).finish()
            }
        })+
    };
}
debug_by!(
    Service.prefix,
    Action.name,
    ResourceUse.name,
    ResourceType.arn_template,
    ConditionKey.name
);
