//! How sensitive data is, and whose it is: from the user's rules, tags and types. Unknown stays unknown.

use sv0_model::graph::Node;
use sv0_model::kind::{Kind, Sensitivity};

use super::rules::Rules;
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

/// A rule of the user's comes before all else, a tag before the type.
pub(super) fn classify(world: &mut World, rules: &Rules) {
    for (_, node) in world.graph.nodes_mut() {
        node.sensitivity = rules.sensitivity(node).unwrap_or_else(|| of(node, rules));
        let domain = rules.domain(node);
        let domain = domain.or_else(|| match rules.domain_keys() {
            Some(keys) => tag(node, keys),
            None => tag(node, DOMAIN_KEYS),
        });
        node.data_domain = domain.map(str::to_owned);
    }
}

fn of(node: &Node, rules: &Rules) -> Sensitivity {
    let by_tag = match rules.classification_keys() {
        Some(keys) => tag(node, keys),
        None => tag(node, CLASS_KEYS),
    };
    let by_tag = by_tag.map_or(Sensitivity::Unknown, |value| {
        rules.word(value).unwrap_or_else(|| level(value))
    });
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

fn tag<'a>(node: &'a Node, keys: &[impl AsRef<str>]) -> Option<&'a str> {
    if node.record.tags.is_empty() {
        return None;
    }
    keys.iter().find_map(|key| {
        let key = key.as_ref();
        node.record
            .tags
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use sv0_model::record::Record;

    use super::*;

    #[test]
    fn the_users_rules_come_first() {
        let rules = Rules::parse(
            r#"
            [tags]
            classification = ["tier"]
            data_domain = ["unit"]
            [words]
            restricted = ["Red"]
            [[rule]]
            kind = ["secrets_manager_secret"]
            tag = { "Env*" = "dev*" }
            sensitivity = "internal"
            [[rule]]
            id = "arn:aws:s3:::pay-*"
            account = "1*"
            data_domain = "hr"
            "#,
        )
        .unwrap();
        let mut world = World::default();
        let mut add = |kind, id: &str, tags: &[(&str, &str)]| {
            let mut record = Record::new(kind, id);
            record.account = Some("11".into());
            record.tags = tags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
            world.graph.insert(record).unwrap()
        };
        let secret = add(Kind::SecretsManagerSecret, "dev", &[("environment", "DEV-1")]);
        let other = add(Kind::SecretsManagerSecret, "prod", &[("environment", "prod")]);
        let pay = add(
            Kind::S3Bucket,
            "arn:aws:s3:::pay-1",
            &[("Tier", "RED"), ("unit", "sales"), ("classification", "public")],
        );
        let bucket = add(
            Kind::S3Bucket,
            "arn:aws:s3:::b",
            &[("unit", "sales"), ("team", "x")],
        );
        classify(&mut world, &rules);
        let of = |id| (world.node(id).sensitivity, world.node(id).data_domain.as_deref());
        assert_eq!(of(secret), (Sensitivity::Internal, None));
        assert_eq!(of(other), (Sensitivity::Restricted, None));
        assert_eq!(of(pay), (Sensitivity::Restricted, Some("hr")));
        assert_eq!(of(bucket), (Sensitivity::Unknown, Some("sales")));
    }

    #[test]
    fn levels() {
        assert_eq!(level("CONFIDENTIAL"), Sensitivity::Confidential);
        assert_eq!(level(" pii "), Sensitivity::Restricted);
        assert_eq!(level("banana"), Sensitivity::Unknown);
    }
}
