//! What a question names, checked before it is answered: an action that is none, or one that has nothing to do with the
//! resource, would be answered with "nobody".

use sv0_iam::catalog::Catalog;
use sv0_iam::name::Arn;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, EntityType, Kind};

use crate::world::{LookupError, World};

/// Why a question cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskError {
    /// A name means nothing, or several things.
    Lookup(LookupError),
    /// An action is none.
    Action {
        /// As given.
        action: String,
        /// What to do.
        help: String,
    },
    /// An action has nothing to do with the resource.
    Mismatch {
        /// As given.
        action: String,
        /// As given.
        resource: String,
    },
    /// A name means something that makes no requests itself.
    NoPrincipal {
        /// As people call it.
        name: String,
        /// What it is.
        kind: &'static str,
    },
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Action { action, .. } => write!(f, "`{action}` is not an action"),
            Self::Mismatch { action, resource } => write!(f, "`{action}` does not apply to `{resource}`"),
            Self::NoPrincipal { name, kind } => {
                write!(f, "`{name}` is an {kind}, which makes no requests itself")
            }
        }
    }
}

impl std::error::Error for AskError {}

/// Checks an action that must be one; patterns are let through where the service exists.
///
/// # Errors
///
/// Where the catalogue has no such action or service, with what is near.
pub fn action(action: &str) -> Result<(), AskError> {
    let catalog = Catalog::embedded();
    let wrong = |help: String| {
        Err(AskError::Action {
            action: action.to_owned(),
            help,
        })
    };
    let Some((service, name)) = action.split_once(':') else {
        return wrong("write `service:Action`, such as `s3:GetObject`".into());
    };
    if name.contains(['*', '?']) || catalog.action(action).is_some() {
        return Ok(());
    }
    match (catalog.service(service), catalog.suggest_action(action)) {
        (_, Some(near)) => wrong(format!("did you mean `{near}`?")),
        (None, None) => wrong(match catalog.suggest_service(service) {
            Some(near) => format!("no service has the prefix `{service}`; did you mean `{near}`?"),
            None => format!("no service has the prefix `{service}`"),
        }),
        (Some(_), None) => wrong(format!("`sv0 catalog {service}` lists the actions of {service}")),
    }
}

/// The same of an action that must be a single one.
///
/// # Errors
///
/// Likewise, and for patterns.
pub fn single_action(name: &str) -> Result<(), AskError> {
    action(name)?;
    if name.contains(['*', '?']) {
        return Err(AskError::Action {
            action: name.to_owned(),
            help: "`explain` takes one action; `who-can` takes patterns".to_owned(),
        });
    }
    Ok(())
}

/// Refuses a pair of action and resource of different services, which would be answered with "nobody".
///
/// # Errors
///
/// For such a pair.
pub fn applies(action: &str, resource: &str) -> Result<(), AskError> {
    let Some(found) = Catalog::embedded().action(action) else {
        return Ok(());
    };
    let service = |arn: &str| Arn::parse(arn).map(|arn| arn.service.to_owned());
    let Some(asked) = service(resource) else {
        return Ok(());
    };
    let templates = found.resource_types().filter_map(|usage| usage.resource_type());
    let on: Vec<String> = templates
        .filter_map(|kind| service(kind.arn_template()))
        .collect();
    if on.is_empty() || on.contains(&asked) || on.iter().any(|service| service.contains("${")) {
        return Ok(());
    }
    Err(AskError::Mismatch {
        action: action.to_owned(),
        resource: resource.to_owned(),
    })
}

/// Who makes the requests of what a name means: an identity itself, a workload's role.
///
/// # Errors
///
/// Where the name means nothing, several things, or something that makes no requests.
pub fn principal(world: &World, name: &str) -> Result<NodeId, AskError> {
    let node = match world.lookup(name, &[EntityType::Identity]) {
        Ok(node) => node,
        Err(error) => world
            .lookup(name, &[EntityType::Workload])
            .map_err(|_| AskError::Lookup(error))?,
    };
    let role = world.graph.targets(node, EdgeKind::RunsAs).next();
    let kind = world.node(node).record.kind;
    if role.is_none()
        && matches!(
            kind,
            Kind::SsoUser | Kind::SsoGroup | Kind::SsoPermissionSet | Kind::IamGroup
        )
    {
        return Err(AskError::NoPrincipal {
            name: world.label(node),
            kind: kind.label(),
        });
    }
    Ok(role.unwrap_or(node))
}
