//! S3 Block Public Access: where `RestrictPublicBuckets` is on and the bucket's policy is public, only AWS services and
//! the owner's account get in; anonymous callers and other accounts are refused, also those that a statement names
//! (rule 14).
//!
//! Not here: the three other settings, which bear on ACLs and on the writing of policies; access points, whose policies
//! are judged a little differently.
//!
//! Source: S3 User Guide, "Blocking public access to your Amazon S3 storage": "Block public access settings" and "The
//! meaning of 'public'"
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>).

use std::net::IpAddr;

use super::{Policies, Request};
use crate::condition::{Family, Quantifier, ip::Range};
use crate::name::Arn;
use crate::name::principal::CallerKind;
use crate::syntax::ast::{Condition, Effect, Policy, PrincipalElement, PrincipalEntry, Statement};

/// Keys that say who or from where. A statement that asks for fixed values of one of them is not public, whoever its
/// `Principal` is. S3 names the keys of the second block one by one; those of the first are its "AWS principal, user,
/// role, or service principal (e.g. `aws:PrincipalOrgID`)".
const PINS: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    //
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether a bucket policy is public as S3 means it: it is, unless everything that it grants is granted to fixed values
/// of certain things: principals, networks, sources.
///
/// A value is fixed if it has no wildcard and no policy variable. `aws:SourceIp` is fixed where no range is broader than
/// /8 (IPv4) or /32 (IPv6); `s3:DataAccessPointArn` where it fixes the account of the access point.
#[must_use]
pub fn is_public(policy: &Policy) -> bool {
    let mut grants = policy.statements.iter().filter(|s| s.effect == Effect::Allow);
    grants.any(|statement| !pinned(statement))
}

/// Whether `RestrictPublicBuckets` refuses a request by a caller of another account, or of none.
pub(super) fn refuses(request: &Request<'_>, policies: &Policies<'_>) -> bool {
    policies.block_public_access
        && request.caller.kind != CallerKind::Service
        && request
            .action
            .get(..3)
            .is_some_and(|head| head.eq_ignore_ascii_case("s3:"))
        && policies
            .resource
            .iter()
            .any(|attached| is_public(attached.policy))
}

/// Whether a statement grants to fixed principals only, or under a condition that fixes who or from where.
fn pinned(statement: &Statement) -> bool {
    // Without `Principal` it grants to nobody.
    statement.principal.as_ref().is_none_or(fixed_principals) || statement.conditions.iter().any(pins)
}

fn fixed_principals(element: &PrincipalElement) -> bool {
    let fixed = |entry: &PrincipalEntry| match entry {
        PrincipalEntry::Account(_)
        | PrincipalEntry::Arn(_)
        | PrincipalEntry::UniqueId(_)
        | PrincipalEntry::Service(_)
        | PrincipalEntry::CanonicalUser(_) => is_fixed(entry.as_str()),
        // S3's first example of a public policy is one for `graph.facebook.com`.
        PrincipalEntry::Anyone | PrincipalEntry::Federated(_) | PrincipalEntry::Other(_) => false,
    };
    !element.negated && element.entries.iter().all(fixed)
}

/// Whether a condition holds for fixed values only, and only where the key is there.
fn pins(condition: &Condition) -> bool {
    let Some(operator) = condition.operator else {
        return false;
    };
    if operator.negated || operator.if_exists || operator.quantifier == Quantifier::ForAll {
        return false;
    }
    let every = |fixed: fn(&str) -> bool| condition.values.iter().all(|value| fixed(value.as_str()));
    match operator.family {
        Family::Ip => &*condition.key == "aws:sourceip" && every(is_narrow),
        Family::StringEquals | Family::StringEqualsIgnoreCase | Family::StringLike | Family::Arn => {
            match &*condition.key {
                "s3:dataaccesspointarn" => every(fixes_account),
                key => PINS.contains(&key) && every(is_fixed),
            }
        }
        Family::Numeric(_) | Family::Date(_) | Family::Bool | Family::Binary | Family::Null => false,
    }
}

fn is_fixed(value: &str) -> bool {
    !value.contains(['*', '?']) && !value.contains("${")
}

/// RFC 1918's ranges, which S3 exempts, are all narrow enough.
fn is_narrow(value: &str) -> bool {
    Range::parse(value).is_some_and(|range| match range.address {
        IpAddr::V4(_) => range.prefix >= 8,
        IpAddr::V6(_) => range.prefix >= 32,
    })
}

fn fixes_account(value: &str) -> bool {
    !value.contains("${") && Arn::parse(value).is_some_and(|arn| arn.account_id().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Flavor, parse};
    use serde_json::{Value, json};

    fn public(principal: Value, condition: Value) -> bool {
        let text = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": "111111111111" }, "Action": "s3:*", "Resource": "*" },
            { "Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": "*", "Condition": condition },
            { "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
        ]});
        is_public(&parse(&text.to_string(), Flavor::Resource).0.unwrap())
    }

    #[test]
    fn the_examples_of_the_guide() {
        assert!(public(json!({ "Federated": "graph.facebook.com" }), json!({})));
        assert!(public(json!("*"), json!({})));
        assert!(public(
            json!("*"),
            json!({ "StringLike": { "aws:SourceVpc": "vpc-*" } })
        ));
        assert!(!public(
            json!("*"),
            json!({ "StringEquals": { "aws:SourceVpc": "vpc-91237329" } })
        ));
        assert!(public(
            json!("*"),
            json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/1" } })
        ));
        let points = |arn: &str| json!({ "ArnLike": { "s3:DataAccessPointArn": arn } });
        assert!(!public(
            json!("*"),
            points("arn:aws:s3:us-west-2:123456789012:accesspoint/*")
        ));
        assert!(public(
            json!("*"),
            points("arn:aws:s3:us-west-2:*:accesspoint/mine")
        ));
    }

    #[test]
    fn principals() {
        assert!(!public(
            json!({ "Service": "cloudtrail.amazonaws.com" }),
            json!({})
        ));
        assert!(!public(
            json!({ "AWS": ["222222222222", "arn:aws:iam::222222222222:role/R"] }),
            json!({})
        ));
        assert!(!public(
            json!({ "CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be" }),
            json!({})
        ));
        assert!(public(json!({ "AWS": ["222222222222", "*"] }), json!({})));
        assert!(!public(
            json!("*"),
            json!({ "StringEquals": { "aws:PrincipalOrgID": "o-abcdefghij" } })
        ));
        assert!(
            public(
                json!("*"),
                json!({ "StringEquals": { "aws:PrincipalTag/team": "data" } })
            ),
            "any account can tag"
        );
        assert!(public(
            json!("*"),
            json!({ "StringLike": { "aws:userid": "AROAEXAMPLE:*" } })
        ));
        assert!(public(
            json!("*"),
            json!({ "StringEquals": { "aws:userid": "${aws:userid}" } })
        ));
    }

    #[test]
    fn a_condition_that_an_absent_key_meets_fixes_nothing() {
        let vpc = |operator: &str| json!({ operator: { "aws:SourceVpc": "vpc-1" } });
        assert!(public(json!("*"), vpc("StringEqualsIfExists")));
        assert!(public(json!("*"), vpc("StringNotEquals")));
        assert!(public(json!("*"), vpc("ForAllValues:StringEquals")));
        assert!(!public(json!("*"), vpc("ForAnyValue:StringEquals")));
    }

    #[test]
    fn ranges() {
        let ip = |range: &str| public(json!("*"), json!({ "IpAddress": { "aws:SourceIp": [range] } }));
        assert!(ip("0.0.0.0/0") && ip("10.0.0.0/7") && ip("2001::/31") && ip("nonsense"));
        assert!(!ip("203.0.113.0/24") && !ip("10.0.0.0/8") && !ip("2001:db8::/32") && !ip("203.0.113.7"));
        assert!(public(
            json!("*"),
            json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" } })
        ));
    }
}
