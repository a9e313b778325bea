//! Keys, operators and values that conditions and requests are made of. Small, so that they meet.

use std::sync::OnceLock;

use sv0_engine::keys::Value;
use sv0_iam::catalog::Catalog;

use crate::pick::Pick;

/// A condition key and what it may be.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    /// What AWS may send.
    pub values: &'static [&'static str],
    /// What it never sends, and what a policy or whoever asks may say all the same.
    pub odd: &'static [&'static str],
    /// Whether it may have a single value, and whether it may have a list.
    pub one: bool,
    pub many: bool,
}

type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "aws:PrincipalTag/team",
        &[
            "x", "y", "data", "*", "a:b", "", "É", "é", "home/x", "${x}", "X", "ς", "İ", "i\u{307}",
            "\u{212a}", "k", "Σ", "i",
        ],
        &[],
    ),
    (
        "aws:PrincipalTag/kind",
        &["role", "s3", "key", "user", "true", "?", "x"],
        &[],
    ),
    ("aws:ResourceTag/team", &["x", "X", "data", "y"], &[]),
    (
        "aws:SourceIp",
        &["10.1.2.3", "203.0.113.9", "2001:db8::1", "0.0.0.0"],
        &["10.0.0.0/8", "odd", ""],
    ),
    (
        "aws:MultiFactorAuthPresent",
        &["true", "false"],
        &["FALSE", "odd", ""],
    ),
    ("aws:SecureTransport", &["true", "false"], &["True"]),
    (
        "aws:SourceArn",
        &[
            "arn:aws:sns:eu-west-1:111111111111:x-a",
            "arn:aws:s3:::data",
            "arn:aws:iam::111111111111:role/x",
        ],
        &["odd", "a:b:c:d:e:f:g", "*"],
    ),
    (
        "aws:PrincipalArn",
        &[
            "arn:aws:iam::111111111111:role/team/App",
            "arn:aws:iam::111111111111:user/alice",
        ],
        &["x"],
    ),
    ("aws:PrincipalAccount", &["111111111111", "222222222222"], &[]),
    ("aws:username", &["alice", "bob", "x"], &[]),
    ("aws:RequestedRegion", &["eu-west-1", "us-east-1"], &[]),
    (
        "s3:max-keys",
        &["5", "10", "7.5", "-1", "1e1", "1000000000000000000000"],
        &["many", "1e999", "", "+7"],
    ),
    ("aws:MultiFactorAuthAge", &["0", "300", "301"], &["-", "inf"]),
    (
        "aws:CurrentTime",
        &["2026-01-01T00:00:00Z", "1893456000", "2026-01-01T00:00:00.5Z"],
        &["2026", "odd", "0"],
    ),
    (
        "aws:TokenIssueTime",
        &["2026-01-01T00:00:00Z", "2025-12-31T23:59:59+01:00"],
        &[],
    ),
    ("aws:TagKeys", &["x", "y", "z", "É", ""], &[]),
    (
        "aws:PrincipalOrgPaths",
        &["o-1/r-1/ou-1/", "o-1/r-1/ou-2/", "o-2/"],
        &[],
    ),
    (
        "odd:key",
        &["x", "y", "5", "10.1.2.3", "true", "arn:aws:s3:::data", "QQ=="],
        &["${x}"],
    ),
];

/// The keys; which of them are lists, AWS's tables say.
pub fn keys() -> &'static [Key] {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = |(name, values, odd): &Row| {
            let known = Catalog::embedded().find_condition_key(name);
            Key {
                name,
                values,
                odd,
                one: known.is_none_or(|key| !key.is_multivalued()),
                many: known.is_none_or(|key| key.is_multivalued()),
            }
        };
        ROWS.iter().map(key).collect()
    })
}

impl Key {
    /// A value that AWS may send.
    pub fn value(&self, pick: &mut Pick<'_>) -> Value {
        if self.one && (!self.many || pick.chance(50)) {
            Value::One(pick.of(self.values).to_owned())
        } else {
            let values = pick.some(self.values, 1, 3);
            Value::Many(values.into_iter().map(str::to_owned).collect())
        }
    }

    /// Any value at all.
    pub fn any_value(&self, pick: &mut Pick<'_>) -> Value {
        let text = |pick: &mut Pick<'_>| {
            let list = if pick.chance(25) && !self.odd.is_empty() {
                self.odd
            } else {
                self.values
            };
            pick.of(list).to_owned()
        };
        if pick.chance(if self.many { 70 } else { 8 }) {
            Value::Many(pick.many(0, 3, text))
        } else {
            Value::One(text(pick))
        }
    }
}

pub const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// Operators that go with a key's values, so that conditions are often about something.
fn fitting(key: &Key) -> &'static [&'static str] {
    let known = Catalog::embedded().find_condition_key(key.name);
    match known.map(|key| key.element_type()) {
        Some("ARN") => &[
            "ArnLike",
            "ArnNotLike",
            "ArnEquals",
            "StringLike",
            "StringEquals",
            "Null",
        ],
        Some("Bool") => &["Bool", "Null", "StringEquals"],
        Some("Numeric") => &OPERATORS[6..12],
        Some("Date") => &OPERATORS[12..18],
        Some("IPAddress") => &["IpAddress", "NotIpAddress", "Null"],
        _ => &OPERATORS[..6],
    }
}

/// An operator for a key: `ForAnyValue:StringLikeIfExists`.
pub fn operator(pick: &mut Pick<'_>, key: &Key) -> String {
    if pick.chance(2) {
        return "NoSuchOperator".to_owned();
    }
    let base = if pick.chance(25) {
        pick.of(OPERATORS)
    } else {
        pick.of(fitting(key))
    };
    let quantifier = match pick.chance(if key.many { 75 } else { 12 }) {
        true => pick.of(&["ForAnyValue:", "ForAllValues:"]),
        false => "",
    };
    let tail = if base != "Null" && pick.chance(20) {
        "IfExists"
    } else {
        ""
    };
    format!("{quantifier}{base}{tail}")
}

/// What conditions compare with, beside the values of their own key.
const WANTED: &[&str] = &[
    "*",
    "?",
    "x*",
    "*x",
    "?*",
    "true",
    "False",
    "5",
    "7",
    "10.0",
    "1e1",
    "1e999",
    "-1e999",
    "100000000000000000",
    "100000000000000032",
    "1.5e308",
    "2026-01-01",
    "9999-12-31T23:59:59Z",
    "0000-01-01",
    "253402300800",
    "10.0.0.0/8",
    "10.1.2.3/31",
    "0.0.0.0/0",
    "255.255.255.255",
    "2001:db8::/32",
    "::/0",
    "::ffff:10.1.2.3",
    "QQ==",
    "QR==",
    "QUI=",
    "É",
    "Σ",
    "K",
    "İ",
    "i̇",
    "alice",
    "eu-*",
    "arn:aws:sns:*:*:x-?",
    "arn:aws:s3:::*",
    "arn:*:iam::*:role/*",
    "arn:aws:*",
    "a:*",
    "*:b:c:d:e:f:g",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/kind}",
    "${AWS:username, 'x'}",
    "${aws:TagKeys}",
    "${odd:key}",
    "arn:aws:sns:*:*:${aws:PrincipalTag/team}*",
    "arn:aws:${aws:PrincipalTag/kind}:::${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team}:*:*:*:*:*",
    "${aws:PrincipalTag/team}-${aws:PrincipalTag/kind}",
    "${*}",
    "a${?}b",
    "${$}{x}",
    "${aws:PrincipalTag/none, '*'}",
    "${",
    "",
];

/// A value that a condition on a key compares with.
pub fn wanted(pick: &mut Pick<'_>, key: &Key) -> &'static str {
    match pick.below(4) {
        0 => pick.of(WANTED),
        1 if !key.odd.is_empty() => pick.of(key.odd),
        _ => pick.of(key.values),
    }
}
