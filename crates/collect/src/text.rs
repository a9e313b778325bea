//! From AWS's ways of writing things to the snapshot's.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::percent::decode_policy;
use sv0_model::record::{PolicySlot, PolicyText, Record, Ref};
use sv0_model::small::SmallMap;

use crate::cx::Cx;

/// A moment, to the second: fractions differ between one answer and the next.
pub(crate) fn time(at: &DateTime) -> Option<String> {
    DateTime::from_secs(at.secs()).fmt(Format::DateTime).ok()
}

/// A moment of this machine's clock, ISO 8601 in UTC.
#[must_use]
pub fn timestamp(at: std::time::SystemTime) -> String {
    time(&DateTime::from(at)).unwrap_or_default()
}

/// The repository of an image in a private ECR registry, of `…dkr.ecr…amazonaws.com/name:tag` or `…@sha256:…`. None of
/// any other image.
pub(crate) fn repository(image: &str, partition: &str) -> Option<String> {
    let (host, path) = image.split_once('/')?;
    let mut labels = host.split('.');
    let first = labels.next()?;
    // `1.dkr.ecr.eu-west-1.amazonaws.com` (also `ecr-fips`), or `1.dkr-ecr.eu-west-1.on.aws`.
    let (account, region) = match labels.next()? {
        "dkr" => match labels.next()? {
            "ecr" | "ecr-fips" => (first, labels.next()?),
            _ => return None,
        },
        "dkr-ecr" | "dkr-ecr-fips" => (first, labels.next()?),
        _ => return None,
    };
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    let name = path.split('@').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    (is_account && !name.is_empty())
        .then(|| format!("arn:{partition}:ecr:{region}:{account}:repository/{name}"))
}

/// Tags of any of AWS's shapes, made into pairs by the caller.
pub(crate) fn tags<K: Into<String>, V: Into<String>>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> SmallMap<String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

/// What service modules do with records.
pub(crate) trait RecordExt: Sized {
    /// A record of the unit's account and region.
    fn of(cx: &Cx, kind: Kind, id: impl Into<String>, name: impl Into<String>) -> Self;
    /// A fact that is always known.
    fn fact(&mut self, key: &str, value: impl Into<Value>);
    /// A fact where AWS gave one; empty texts count as none.
    fn fact_if<V: Into<Value>>(&mut self, key: &str, value: Option<V>);
    /// A ref where AWS gave a target; empty texts count as none.
    fn refer_if(&mut self, rel: EdgeKind, to: Option<impl Into<String>>);
    /// A ref that says how.
    fn refer_how(&mut self, rel: EdgeKind, to: impl Into<String>, how: impl Into<String>);
    /// A policy document in its slot.
    fn policy(&mut self, slot: Slot, name: Option<&str>, text: &str);
    /// When it was made.
    fn made(&mut self, at: Option<&DateTime>);
    /// Says that something about it could not be read.
    fn lacks(&mut self, what: &str);
}

impl RecordExt for Record {
    fn of(cx: &Cx, kind: Kind, id: impl Into<String>, name: impl Into<String>) -> Self {
        let mut record = Self::new(kind, id);
        record.name = name.into();
        record.account = Some(cx.account().to_owned());
        record.region = cx.is_regional().then(|| cx.region().to_owned());
        record
    }

    fn fact(&mut self, key: &str, value: impl Into<Value>) {
        self.attrs.insert(key.to_owned(), value.into());
    }

    fn fact_if<V: Into<Value>>(&mut self, key: &str, value: Option<V>) {
        let value = value.map(Into::into).unwrap_or(Value::Null);
        let nothing = value.is_null() || value.as_str() == Some("");
        if !nothing {
            self.attrs.insert(key.to_owned(), value);
        }
    }

    fn refer_if(&mut self, rel: EdgeKind, to: Option<impl Into<String>>) {
        if let Some(to) = to.map(Into::into).filter(|to: &String| !to.is_empty()) {
            self.refer(rel, to);
        }
    }

    fn refer_how(&mut self, rel: EdgeKind, to: impl Into<String>, how: impl Into<String>) {
        self.refs.push(Ref {
            rel,
            to: to.into(),
            attrs: SmallMap::from([("how", Value::String(how.into()))]),
        });
    }

    fn policy(&mut self, slot: Slot, name: Option<&str>, text: &str) {
        self.policies.push(PolicySlot {
            slot,
            name: name.map(str::to_owned),
            // IAM gives some percent-encoded and others plain.
            document: PolicyText::new(decode_policy(text.to_owned())),
        });
    }

    fn made(&mut self, at: Option<&DateTime>) {
        self.created_at = at.and_then(time);
    }

    fn lacks(&mut self, what: &str) {
        match &mut self.partial {
            Some(partial) => {
                partial.push_str("; ");
                partial.push_str(what);
            }
            None => self.partial = Some(what.to_owned()),
        }
    }
}

/// A record as the snapshot orders it: refs, and policies of a slot, sorted, since AWS lists them in any order.
pub(crate) fn settle(record: &mut Record) {
    record.refs.sort_by(|a, b| {
        (a.rel.as_str(), &a.to)
            .cmp(&(b.rel.as_str(), &b.to))
            .then_with(|| text_of(a).cmp(&text_of(b)))
    });
    record.refs.dedup();
    record
        .policies
        .sort_by(|a, b| (a.slot.as_str(), &a.name).cmp(&(b.slot.as_str(), &b.name)));
}

fn text_of(reference: &Ref) -> String {
    serde_json::to_string(&reference.attrs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_encoded_and_plain() {
        let document = |text: &str| {
            let mut record = Record::new(Kind::IamRole, "r");
            record.policy(Slot::Trust, None, text);
            record.policies[0].document.as_str().to_owned()
        };
        assert_eq!(
            document("%7B%22Sid%22%3A%22a+b%20%C3%A9%22%7D"),
            r#"{"Sid":"a+b é"}"#
        );
        assert_eq!(document(r#"{"Sid":"50%25"}"#), r#"{"Sid":"50%25"}"#);
        assert_eq!(document("%7B%"), "{%");
    }

    #[test]
    fn images_of_ecr_have_a_repository() {
        let expected = Some("arn:aws:ecr:us-east-1:333333333333:repository/payments/api".to_owned());
        let own = "333333333333.dkr.ecr.us-east-1.amazonaws.com/payments/api";
        for image in [
            own.to_owned(),
            format!("{own}:latest"),
            format!("{own}@sha256:00"),
            format!("{own}:1.0@sha256:00"),
            "333333333333.dkr.ecr-fips.us-east-1.amazonaws.com/payments/api:1".to_owned(),
            "333333333333.dkr-ecr.us-east-1.on.aws/payments/api:1".to_owned(),
        ] {
            assert_eq!(repository(&image, "aws"), expected, "{image}");
        }
        for image in [
            "nginx",
            "library/nginx:1",
            "public.ecr.aws/nginx/nginx:1",
            "ghcr.io/a/b",
            "1.dkr.ecr.x.y/",
        ] {
            assert_eq!(repository(image, "aws"), None, "{image}");
        }
    }

    #[test]
    fn moments_have_no_fractions() {
        let at = DateTime::from_secs_and_nanos(1_767_607_200, 123_456_789);
        assert_eq!(time(&at).as_deref(), Some("2026-01-05T10:00:00Z"));
    }
}
