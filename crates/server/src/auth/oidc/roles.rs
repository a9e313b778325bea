//! From what the provider says of somebody to what they may do.

use serde_json::{Map, Value};

use crate::auth::Role;

/// Which values of a claim give which role.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// The claim: its name, or names with dots between them for one within others (`realm_access.roles`).
    pub claim: String,
    /// Values that give the role of a viewer; `*` gives it to everybody whom the provider signs in.
    pub viewer: Vec<String>,
    /// Of an analyst.
    pub analyst: Vec<String>,
    /// Of an admin.
    pub admin: Vec<String>,
}

impl Roles {
    /// Whether anybody at all can get a role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.viewer.is_empty() && self.analyst.is_empty() && self.admin.is_empty()
    }

    /// Whether the claim is there.
    pub(crate) fn is_told(&self, claims: &Map<String, Value>) -> bool {
        find(claims, &self.claim).is_some()
    }

    /// The highest role that somebody's claims give; none where nothing gives one.
    pub(crate) fn of(&self, claims: &Map<String, Value>) -> Option<Role> {
        let values = find(claims, &self.claim).map(texts).unwrap_or_default();
        let gives = |wanted: &[String]| {
            wanted
                .iter()
                .any(|wanted| wanted == "*" || values.contains(&wanted.as_str()))
        };
        [
            (Role::Admin, &self.admin),
            (Role::Analyst, &self.analyst),
            (Role::Viewer, &self.viewer),
        ]
        .into_iter()
        .find(|(_, wanted)| gives(wanted))
        .map(|(role, _)| role)
    }
}

/// A claim by its name as it is (names are often addresses, which have dots), or else by the names on the way to it.
fn find<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// A list of texts, or one text. It is not cut at spaces: a group's name may have one.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles(claim: &str) -> Roles {
        let list = |value: &str| vec![value.to_owned()];
        Roles {
            claim: claim.to_owned(),
            viewer: list("everyone"),
            analyst: list("security"),
            admin: list("security admins"),
        }
    }

    fn role(roles: &Roles, claims: &Value) -> Option<Role> {
        roles.of(claims.as_object().unwrap())
    }

    #[test]
    fn the_highest_role_that_a_claim_gives() {
        let roles = roles("groups");
        let role = |claims| role(&roles, &claims);
        assert_eq!(
            role(json!({"groups": ["everyone", "security"]})),
            Some(Role::Analyst)
        );
        assert_eq!(role(json!({"groups": "security admins"})), Some(Role::Admin));
        assert_eq!(
            role(json!({"groups": ["Security"]})),
            None,
            "names are as they are"
        );
        assert_eq!(role(json!({"groups": ["security-2"]})), None);
        assert_eq!(role(json!({"groups": []})), None);
        assert_eq!(role(json!({"groups": {"security": true}})), None);
        assert_eq!(role(json!({"roles": ["security"]})), None, "another claim");
    }

    #[test]
    fn a_claim_within_others_and_one_with_dots_in_its_name() {
        let keycloak = json!({"realm_access": {"roles": ["security"]}});
        assert_eq!(role(&roles("realm_access.roles"), &keycloak), Some(Role::Analyst));
        let named = json!({"https://sv0.example.com/groups": ["security"]});
        assert_eq!(
            role(&roles("https://sv0.example.com/groups"), &named),
            Some(Role::Analyst)
        );
    }

    #[test]
    fn everybody_only_where_it_is_said() {
        let mut roles = roles("groups");
        assert_eq!(role(&roles, &json!({})), None);
        roles.viewer = vec!["*".to_owned()];
        assert_eq!(role(&roles, &json!({})), Some(Role::Viewer));
        assert!(!roles.is_empty() && Roles::default().is_empty());
    }
}
