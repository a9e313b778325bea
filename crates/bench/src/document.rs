//! Policy documents: statements put together, and written with their elements in the order that people write them.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use sv0_model::kind::Slot;
use sv0_model::record::{PolicySlot, PolicyText};

/// One text, or a list: AWS takes both, and documents in the wild have both.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn new<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut all: Vec<String> = texts.into_iter().map(Into::into).collect();
        match (all.len(), all.pop()) {
            (1, Some(only)) => Self::One(only),
            (_, last) => {
                all.extend(last);
                Self::Many(all)
            }
        }
    }
}

/// Whom a statement is about.
#[derive(Clone)]
pub(crate) enum Who {
    /// Everyone.
    Everyone,
    /// Principals of one type: `AWS`, `Service`, `Federated`.
    Named(&'static str, Vec<String>),
}

impl Who {
    pub(crate) fn aws<T: Into<String>>(arns: impl IntoIterator<Item = T>) -> Self {
        Self::Named("AWS", arns.into_iter().map(Into::into).collect())
    }

    pub(crate) fn service(name: &str) -> Self {
        Self::Named("Service", vec![name.to_owned()])
    }

    pub(crate) fn federated(arn: String) -> Self {
        Self::Named("Federated", vec![arn])
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everyone => serializer.serialize_str("*"),
            Self::Named(kind, names) => {
                serializer.collect_map([(kind, Texts::new(names.iter().map(String::as_str)))])
            }
        }
    }
}

/// One statement.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_action: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Texts>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<String, Texts>>,
}

impl Statement {
    fn new<T: Into<String>>(effect: &'static str, actions: impl IntoIterator<Item = T>) -> Self {
        Self {
            sid: None,
            effect,
            principal: None,
            action: Some(Texts::new(actions)),
            not_action: None,
            resource: None,
            not_resource: None,
            condition: BTreeMap::new(),
        }
    }

    pub(crate) fn allow<T: Into<String>>(actions: impl IntoIterator<Item = T>) -> Self {
        Self::new("Allow", actions)
    }

    pub(crate) fn deny<T: Into<String>>(actions: impl IntoIterator<Item = T>) -> Self {
        Self::new("Deny", actions)
    }

    /// Turns `Action` into `NotAction`.
    pub(crate) fn all_but(mut self) -> Self {
        self.not_action = self.action.take();
        self
    }

    /// Turns `Resource` into `NotResource`.
    pub(crate) fn everywhere_but(mut self) -> Self {
        self.not_resource = self.resource.take();
        self
    }

    pub(crate) fn sid(mut self, sid: impl Into<String>) -> Self {
        self.sid = Some(sid.into());
        self
    }

    pub(crate) fn to(mut self, who: Who) -> Self {
        self.principal = Some(who);
        self
    }

    pub(crate) fn on<T: Into<String>>(mut self, resources: impl IntoIterator<Item = T>) -> Self {
        self.resource = Some(Texts::new(resources));
        self
    }

    pub(crate) fn when<T: Into<String>>(
        mut self,
        operator: &'static str,
        key: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.condition
            .entry(operator)
            .or_default()
            .insert(key.into(), Texts::new(values));
        self
    }
}

/// The text of a document.
pub(crate) fn document(statements: &[Statement]) -> PolicyText {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document<'s> {
        version: &'static str,
        statement: &'s [Statement],
    }
    let document = Document {
        version: "2012-10-17",
        statement: statements,
    };
    // Texts, lists and maps with text keys: nothing that JSON lacks.
    PolicyText::new(serde_json::to_string(&document).unwrap_or_default())
}

/// A document in its place.
pub(crate) fn slot(slot: Slot, name: Option<String>, statements: &[Statement]) -> PolicySlot {
    PolicySlot {
        slot,
        name,
        document: document(statements),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stand_in_the_order_that_people_write_them() {
        let statement = Statement::deny(["s3:*"])
            .sid("Tls")
            .to(Who::Everyone)
            .on(["arn:aws:s3:::b", "arn:aws:s3:::b/*"])
            .when("Bool", "aws:SecureTransport", ["false"]);
        assert_eq!(
            document(&[statement]).as_str(),
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#
        );
        let who = Who::aws(["arn:aws:iam::111111111111:root"]);
        assert_eq!(
            serde_json::to_string(&Statement::allow(["iam:*"]).all_but().to(who)).unwrap(),
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"NotAction":"iam:*"}"#
        );
    }
}
