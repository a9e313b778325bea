//! The operators, each with what it accepts and a near miss. The rules as a whole are in `tests/corpus`.

use super::*;
use crate::syntax::template::{Template, Variables};

fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
    Condition {
        operator: Operator::parse(operator),
        operator_text: operator.into(),
        key: key.to_ascii_lowercase().into(),
        key_text: key.into(),
        values: values
            .iter()
            .map(|v| Template::new(v, Variables::Expanded))
            .collect(),
        offset: 0,
    }
}

fn with(value: &str, operator: &str, wanted: &[&str]) -> Tri {
    let mut context = Context::closed();
    context.set("k", value);
    holds(&condition(operator, "K", wanted), &context)
}

fn without(operator: &str, wanted: &[&str]) -> Tri {
    holds(&condition(operator, "k", wanted), &Context::closed())
}

fn many(values: &[&str], operator: &str, wanted: &[&str]) -> Tri {
    let mut context = Context::closed();
    context.set_many("k", values.iter().map(ToString::to_string).collect());
    holds(&condition(operator, "k", wanted), &context)
}

#[test]
fn strings() {
    assert_eq!(with("a", "StringEquals", &["b", "a"]), Tri::True);
    assert_eq!(with("a*", "StringEquals", &["a*"]), Tri::True);
    assert_eq!(with("ab", "StringEquals", &["a*"]), Tri::False);
    assert_eq!(with("A", "stringequals", &["a"]), Tri::False);
    assert_eq!(with("A", "StringEqualsIgnoreCase", &["a"]), Tri::True);
    assert_eq!(with("a:b/c", "StringLike", &["a*c"]), Tri::True);
    assert_eq!(with("a", "StringNotEquals", &["a", "b"]), Tri::False);
    assert_eq!(with("c", "StringNotEquals", &["a", "b"]), Tri::True);
}

#[test]
fn absent_keys() {
    assert_eq!(without("StringEquals", &["a"]), Tri::False);
    assert_eq!(without("StringNotEquals", &["a"]), Tri::True);
    assert_eq!(without("StringEqualsIfExists", &["a"]), Tri::True);
    assert_eq!(without("ForAllValues:StringEquals", &["a"]), Tri::True);
    assert_eq!(without("ForAnyValue:StringEquals", &["a"]), Tri::False);
    assert_eq!(without("ForAnyValue:StringNotEquals", &["a"]), Tri::False);
    assert_eq!(without("ForAnyValue:StringEqualsIfExists", &["a"]), Tri::False);
    assert_eq!(without("ForAnyValue:StringNotEqualsIfExists", &["a"]), Tri::False);
    assert_eq!(without("Null", &["true"]), Tri::True);
    assert_eq!(with("", "Null", &["true"]), Tri::False);
    assert_eq!(with("", "Null", &["false"]), Tri::True);
}

#[test]
fn sets() {
    assert_eq!(
        many(&["a"], "StringEquals", &["a"]),
        Tri::False,
        "a plain operator needs a single value"
    );
    assert_eq!(
        many(&["a", "b"], "ForAllValues:StringEquals", &["a", "b", "c"]),
        Tri::True
    );
    assert_eq!(
        many(&["a", "d"], "ForAllValues:StringEquals", &["a", "b", "c"]),
        Tri::False
    );
    assert_eq!(many(&["a", "d"], "ForAnyValue:StringEquals", &["d"]), Tri::True);
    assert_eq!(
        with("a", "ForAnyValue:StringEquals", &["a"]),
        Tri::True,
        "quantifiers accept single values"
    );
}

#[test]
fn numbers_dates_bools_bytes() {
    assert_eq!(with("10", "NumericLessThanEquals", &["10.0"]), Tri::True);
    assert_eq!(with("10 ", "NumericEquals", &["10"]), Tri::False);
    assert_eq!(
        with("NaN", "NumericNotEquals", &["10"]),
        Tri::True,
        "what is no number equals nothing"
    );
    assert_eq!(
        with("2026-01-01T00:00:00Z", "DateLessThan", &["2026-01-01T00:00:01Z"]),
        Tri::True
    );
    assert_eq!(
        with("1767225600", "DateEquals", &["2026-01-01T01:00:00+01:00"]),
        Tri::True
    );
    assert_eq!(with("2026-02-30", "DateEquals", &["2026-02-30"]), Tri::False);
    assert_eq!(with("TRUE", "Bool", &["true"]), Tri::True);
    assert_eq!(with("yes", "Bool", &["true"]), Tri::False);
    assert_eq!(with("QmluYXJ5", "BinaryEquals", &["QmluYXJ5"]), Tri::True);
}

#[test]
fn addresses() {
    assert_eq!(with("203.0.113.9", "IpAddress", &["203.0.113.0/24"]), Tri::True);
    assert_eq!(with("203.0.114.9", "IpAddress", &["203.0.113.0/24"]), Tri::False);
    assert_eq!(with("8.8.8.8", "IpAddress", &["0.0.0.0/0"]), Tri::True);
    assert_eq!(with("2001:db8::1", "IpAddress", &["2001:db8::/32"]), Tri::True);
    assert_eq!(with("2001:db8::1", "IpAddress", &["0.0.0.0/0"]), Tri::False);
    assert_eq!(with("2001:db8::1", "NotIpAddress", &["0.0.0.0/0"]), Tri::True);
    assert_eq!(with("203.0.113.9", "IpAddress", &["203.0.113.0/33"]), Tri::False);
}

#[test]
fn arns() {
    let role = "arn:aws:iam::123456789012:role/team/app";
    assert_eq!(with(role, "ArnLike", &["arn:aws:iam::*:role/*"]), Tri::True);
    assert_eq!(with(role, "ArnEquals", &["arn:aws:iam::*:role/*"]), Tri::True);
    assert_eq!(
        with(role, "ArnLike", &["arn:aws:iam:*:role/*"]),
        Tri::False,
        "fields do not melt together"
    );
    assert_eq!(with(role, "ArnNotLike", &["arn:aws:iam::*:role/*"]), Tri::False);
}

#[test]
fn unknown_facts_stay_unknown() {
    let mut context = Context::closed();
    context.set_unknown("k", true);
    let ask = |operator: &str, wanted: &[&str]| holds(&condition(operator, "k", wanted), &context);
    assert_eq!(ask("StringEquals", &["a"]), Tri::Unknown);
    assert_eq!(
        ask("ForAllValues:StringLike", &["*"]),
        Tri::True,
        "true whether there or not"
    );
    assert_eq!(ask("StringLike", &["*"]), Tri::Unknown);
    assert_eq!(ask("Null", &["true"]), Tri::Unknown);
    assert_eq!(ask("NoSuchOperator", &["a"]), Tri::Unknown);
}

#[test]
fn a_star_matches_every_value_but_no_list() {
    let mut context = Context::closed();
    let mut ask = |operator: &str, key: &str| {
        context.set_unknown(key, false);
        holds(&condition(operator, key, &["*"]), &context)
    };
    assert_eq!(ask("StringLike", "aws:username"), Tri::True);
    assert_eq!(ask("StringLike", "aws:TagKeys"), Tri::False);
    assert_eq!(
        ask("StringLike", "idp.example.com:groups"),
        Tri::Unknown,
        "nobody knows whether it is a list"
    );
    assert_eq!(ask("StringNotLike", "idp.example.com:groups"), Tri::False);
    assert_eq!(ask("ForAnyValue:StringLike", "idp.example.com:groups"), Tri::True);
}

#[test]
fn an_offset_has_a_sign_and_is_less_than_a_day() {
    let read = |zone: &str| date::parse(&format!("2026-01-01T00:00:00{zone}"));
    assert_eq!(read("Z"), read("+00:00"));
    assert!(read("-23:59").is_some());
    for zone in ["Z05:30", "+24:00", "+05:60", "+0530", "05:30"] {
        assert_eq!(read(zone), None, "{zone}");
    }
}

#[test]
fn typos_get_a_suggestion() {
    assert_eq!(Operator::suggest("StringEqals").as_deref(), Some("StringEquals"));
    assert_eq!(
        Operator::suggest("ForAnyValues:StringLikes").as_deref(),
        Some("ForAnyValue:StringLike")
    );
    assert_eq!(Operator::suggest("Banana"), None);
    assert_eq!(Operator::parse("NullIfExists"), None);
    assert_eq!(
        Operator::parse("ForAnyValue:stringlikeifexists")
            .unwrap()
            .to_string(),
        "ForAnyValue:StringLikeIfExists"
    );
}
