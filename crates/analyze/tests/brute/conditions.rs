//! Conditions of many kinds.
//!
//! Of those that a chain hands from hop to hop (`joint`) there is MFA, in some organisations. Session tags, source identity
//! and session names are left out: they have a table of their own (`tests/joint.rs`).

use serde_json::{Value, json};

use super::organisation::{Made, ORG};
use super::random::Random;

/// A condition for a policy that bears on requests of any kind.
pub(crate) fn any(random: &mut Random, made: &Made) -> Value {
    let account = random.pick(&made.accounts).clone();
    if made.mfa && random.chance(30) {
        return match random.below(6) {
            0 | 1 => json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            2 => json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
            3 => json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
            4 => json!({"Null": {"aws:MultiFactorAuthAge": random.pick(&["true", "false"])}}),
            _ => json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}),
        };
    }
    match random.below(20) {
        0 => json!({"StringEquals": {"aws:PrincipalOrgID": ORG}}),
        1 => json!({"StringNotEquals": {"aws:PrincipalOrgID": ORG}}),
        2 => json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        3 => json!({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}),
        4 => json!({"StringEquals": {"aws:PrincipalTag/team": random.pick(&["red", "blue"])}}),
        5 => json!({"StringNotEquals": {"aws:PrincipalTag/team": "red"}}),
        6 => json!({"StringEquals": {"aws:ResourceAccount": account}}),
        7 => json!({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}),
        8 => json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{account}:role/*")}}),
        9 => json!({"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:user/*", "arn:aws:iam::*:role/R1"]}}),
        10 => json!({"Bool": {"aws:SecureTransport": random.pick(&["true", "false"])}}),
        11 => json!({"Null": {"aws:PrincipalTag/team": random.pick(&["true", "false"])}}),
        12 => json!({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}),
        13 => json!({"StringEquals": {"aws:PrincipalAccount": [account]}}),
        14 => json!({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}),
        15 => {
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": format!("{ORG}/r-ab12/ou-ab12-data/*")}})
        }
        16 => json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        17 => json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        18 => json!({"Null": {"aws:TokenIssueTime": random.pick(&["true", "false"])}}),
        _ => {
            json!({"StringEquals": {"aws:ResourceOrgID": ORG}, "Bool": {"aws:PrincipalIsAWSService": "false"}})
        }
    }
}

/// One that narrows a grant to anyone.
pub(crate) fn of_anyone(random: &mut Random, made: &Made) -> Value {
    let account = random.pick(&made.accounts).clone();
    match random.below(6) {
        0 => json!({"StringEquals": {"aws:PrincipalOrgID": ORG}}),
        1 => json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{account}:*/R*")}}),
        2 => json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        3 => json!({"StringEquals": {"aws:PrincipalAccount": account}}),
        4 => json!({"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
        _ => json!({"ArnEquals": {"aws:PrincipalArn": random.pick(&made.principals)}}),
    }
}

/// One that trust policies have.
pub(crate) fn of_trust(random: &mut Random, made: &Made) -> Value {
    match random.below(4) {
        0 => json!({"StringEquals": {"sts:ExternalId": "secret-handshake"}}),
        1 => json!({"StringEquals": {"aws:PrincipalOrgID": ORG}}),
        _ => any(random, made),
    }
}
