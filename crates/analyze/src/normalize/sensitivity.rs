//! How sensitive data is, from tags and types. Unknown stays unknown.

use sv0_model::graph::Node;
use sv0_model::kind::{Kind, Sensitivity};

use crate::world::World;

/// Tag keys that classify data, in lower case, best first.
const CLASS_KEYS: &[&str] = &[
    "classification",
    "data-classification",
    "dataclassification",
    "data_classification",
    "sensitivity",
];

/// Tag keys that name a data domain, in lower case, best first.
const DOMAIN_KEYS: &[&str] = &[
    "data-domain",
    "data_domain",
    "datadomain",
    "domain",
    "app",
    "application",
    "owner",
    "team",
];

pub(super) fn classify(world: &mut World) {
    for (_, node) in world.graph.nodes_mut() {
        node.sensitivity = of(node);
        node.data_domain = tag(node, DOMAIN_KEYS).map(str::to_owned);
    }
}

fn of(node: &Node) -> Sensitivity {
    let by_tag = tag(node, CLASS_KEYS).map_or(Sensitivity::Unknown, level);
    // What a secret store holds is secret whatever the tag says.
    let by_type = match node.record.kind {
        Kind::SecretsManagerSecret => Sensitivity::Restricted,
        Kind::SsmParameter
            if node.record.attrs.get("type").and_then(|v| v.as_str()) == Some("SecureString") =>
        {
            Sensitivity::Restricted
        }
        _ => Sensitivity::Unknown,
    };
    by_tag.max(by_type)
}

/// What a classification tag's value means.
#[must_use]
pub fn level(value: &str) -> Sensitivity {
    match value.trim().to_ascii_lowercase().as_str() {
        "public" | "open" | "low" => Sensitivity::Public,
        "internal" | "private" | "partner" | "medium" => Sensitivity::Internal,
        "confidential" | "sensitive" | "high" | "customer" => Sensitivity::Confidential,
        "restricted" | "secret" | "top-secret" | "pci" | "phi" | "pii" | "hipaa" | "gdpr" | "critical" => {
            Sensitivity::Restricted
        }
        _ => Sensitivity::Unknown,
    }
}

fn tag<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| {
        node.record
            .tags
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        assert_eq!(level("CONFIDENTIAL"), Sensitivity::Confidential);
        assert_eq!(level(" pii "), Sensitivity::Restricted);
        assert_eq!(level("banana"), Sensitivity::Unknown);
    }
}
