//! The documents of the AWS managed policies, built into the program: for an attachment to a policy whose text
//! was not collected. The collected text is always the better one: AWS changes these policies, and the copy is
//! of one day.
//!
//! Made by `xtask managed-policies` from moto: a first line that says what it is, then one policy a line by ARN.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::Read;
use std::sync::OnceLock;

/// An AWS managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// Its ARN, `arn:aws:iam::aws:policy/ReadOnlyAccess`.
    pub arn: Box<str>,
    /// Its default version at the time, `v3`.
    pub version: Box<str>,
    /// That version's policy document, JSON.
    pub document: Box<str>,
}

/// Where the documents come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Meta {
    /// The name of the package they were taken from.
    pub source: String,
    /// That package's version.
    pub version: String,
    /// How many there are.
    pub count: usize,
}

/// The document of a managed policy, by its exact ARN.
#[must_use]
pub fn document(arn: &str) -> Option<&'static ManagedPolicy> {
    let all = all();
    let index = all.binary_search_by(|policy| (*policy.arn).cmp(arn)).ok()?;
    all.get(index)
}

/// Every policy, by ARN.
#[must_use]
pub fn all() -> &'static [ManagedPolicy] {
    &embedded().1
}

/// Where they come from.
#[must_use]
pub fn meta() -> &'static Meta {
    &embedded().0
}

/// Decoded at the first call. A test holds that it decodes; broken, it would be no policies.
fn embedded() -> &'static (Meta, Vec<ManagedPolicy>) {
    static EMBEDDED: OnceLock<(Meta, Vec<ManagedPolicy>)> = OnceLock::new();
    EMBEDDED.get_or_init(|| decode(include_bytes!("../data/managed-policies.jsonl.gz")).unwrap_or_default())
}

fn decode(bytes: &[u8]) -> Result<(Meta, Vec<ManagedPolicy>), std::io::Error> {
    #[derive(Deserialize)]
    struct Line<'a> {
        arn: &'a str,
        version: &'a str,
        #[serde(borrow)]
        document: &'a RawValue,
    }
    let mut text = String::with_capacity(bytes.len().saturating_mul(8));
    flate2::bufread::GzDecoder::new(bytes).read_to_string(&mut text)?;
    let mut lines = text.lines();
    let meta: Meta = serde_json::from_str(lines.next().unwrap_or_default())?;
    let mut policies = Vec::with_capacity(meta.count.min(text.len()));
    for line in lines {
        let Line {
            arn,
            version,
            document,
        } = serde_json::from_str(line)?;
        policies.push(ManagedPolicy {
            arn: arn.into(),
            version: version.into(),
            document: document.get().into(),
        });
    }
    Ok((meta, policies))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_whole() {
        let (meta, policies) = decode(include_bytes!("../data/managed-policies.jsonl.gz")).unwrap();
        assert_eq!(meta.count, policies.len());
        assert!(policies.len() >= 1_300, "{}", policies.len());
        assert_eq!((super::meta(), all()), (&meta, &*policies));
        for policy in all() {
            assert!(
                policy.arn.starts_with("arn:aws:iam::aws:policy/"),
                "{}",
                policy.arn
            );
            assert!(policy.version.starts_with('v'), "{}", policy.arn);
            let json: serde_json::Value = serde_json::from_str(&policy.document).unwrap();
            assert!(json.get("Statement").is_some(), "{}", policy.arn);
        }
        assert!(policies.is_sorted_by(|a, b| a.arn < b.arn));
    }

    #[test]
    fn by_arn() {
        let admin = document("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        let json: serde_json::Value = serde_json::from_str(&admin.document).unwrap();
        assert_eq!(json["Statement"][0]["Action"], "*");
        assert!(document("arn:aws:iam::aws:policy/job-function/Billing").is_some());
        assert_eq!(document("arn:aws:iam::aws:policy/NoSuch"), None);
    }

    #[test]
    fn damage_is_an_error() {
        assert!(decode(b"").is_err());
        let bytes = include_bytes!("../data/managed-policies.jsonl.gz");
        assert!(decode(&bytes[..bytes.len() / 2]).is_err());
    }
}
