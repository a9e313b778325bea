use proptest::prelude::*;
use sv0_iam::syntax::{Flavor, parse};

use super::*;

/// The conditions of a `Condition` element.
fn conditions(json: &str) -> Vec<Condition> {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{json}}}}}"#
    );
    parse(&text, Flavor::Identity).0.unwrap().statements[0]
        .conditions
        .clone()
}

/// Every condition of `yes` must hold, and none of `no`.
fn solved(key: &str, yes: &str, no: &str) -> Search<Value> {
    let (yes, no) = (conditions(yes), conditions(no));
    let literals: Vec<Literal<'_>> = yes
        .iter()
        .map(|condition| Literal {
            condition,
            holds: true,
        })
        .chain(no.iter().map(|condition| Literal {
            condition,
            holds: false,
        }))
        .collect();
    solve(
        &Wanted {
            literals,
            bounds: vec![],
        },
        Domain::of(key, true),
        &Context::open(),
    )
}

#[test]
fn text() {
    let both =
        r#"{"StringLike":{"aws:PrincipalTag/a":"prod-*"},"StringNotEquals":{"aws:PrincipalTag/a":"prod-x"}}"#;
    let Search::Found(Value::One(found)) = solved("aws:PrincipalTag/a", both, "{}") else {
        panic!()
    };
    assert!(found.starts_with("prod-") && found != "prod-x");
    let contradiction =
        r#"{"StringEquals":{"aws:PrincipalTag/a":"b"},"StringNotLike":{"aws:PrincipalTag/a":"?"}}"#;
    assert!(solved("aws:PrincipalTag/a", contradiction, "{}").is_empty());
    // A negated operator is content with an absent key.
    let without = solved(
        "aws:SourceVpce",
        r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
        "{}",
    );
    assert_eq!(without, Search::Found(Value::Absent));
}

#[test]
fn what_is_no_base64_equals_nothing() {
    let equal = r#"{"BinaryEquals":{"odd:key":"*"}}"#;
    assert!(solved("odd:key", equal, "{}").is_empty());
    let text = r#"{"StringEquals":{"odd:key":"*"}}"#;
    assert_eq!(
        solved("odd:key", text, equal),
        Search::Found(Value::One("*".into()))
    );
}

#[test]
fn letters_that_are_equal_in_ways_of_their_own() {
    // Beside each other as the evaluator has them: the Kelvin sign is a k, the dotted capital I is two letters in lower
    // case, and a sigma hangs on where in the word it stands.
    for (one, other) in [
        ("k", "\u{212a}"),
        ("\u{130}", "i\u{307}"),
        ("ΑΣ", "ας"),
        ("É", "é"),
    ] {
        for (one, other) in [(one, other), (other, one)] {
            let text = format!(
                r#"{{"StringEqualsIgnoreCase":{{"odd:key":"{one}"}},"StringEquals":{{"odd:key":"{other}"}}}}"#
            );
            assert!(!solved("odd:key", &text, "{}").is_empty(), "{text}");
            let not = format!(r#"{{"StringEqualsIgnoreCase":{{"odd:key":"{one}"}}}}"#);
            let text = format!(r#"{{"StringEquals":{{"odd:key":"{other}"}}}}"#);
            assert_eq!(solved("odd:key", &text, &not).found(), None, "{text} {not}");
        }
    }
}

#[test]
fn numbers_that_one_cannot_be_added_to() {
    let between = |low: &str, high: &str| {
        let text = format!(
            r#"{{"NumericGreaterThan":{{"s3:max-keys":"{low}"}},"NumericLessThan":{{"s3:max-keys":"{high}"}}}}"#
        );
        matches!(solved("s3:max-keys", &text, "{}"), Search::Found(Value::One(_)))
    };
    assert!(between("100000000000000000", "100000000000000064"));
    assert!(between("-1.5e308", "1.5e308"));
    assert!(between("1e308", "1e999"));
    let endless = r#"{"NumericEquals":{"s3:max-keys":"-1e999"}}"#;
    assert_eq!(
        solved("s3:max-keys", endless, "{}"),
        Search::Found(Value::One("-1e999".into()))
    );
    assert!(!between("5", "5"));
}

#[test]
fn moments_outside_four_digits_of_years() {
    let asked = |operator: &str, moment: &str| {
        let text = format!(r#"{{"{operator}":{{"aws:CurrentTime":"{moment}"}}}}"#);
        solved("aws:CurrentTime", &text, "{}")
    };
    let equal = asked("DateEquals", "100000000000000032");
    assert_eq!(equal, Search::Found(Value::One("100000000000000032".into())));
    assert!(matches!(
        asked("DateGreaterThan", "9999-12-31T23:59:59Z"),
        Search::Found(_)
    ));
    assert!(matches!(asked("DateLessThan", "0000-01-01"), Search::Found(_)));
}

#[test]
fn addresses() {
    let inside =
        r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NotIpAddress":{"aws:SourceIp":["10.0.0.0/9"]}}"#;
    assert_eq!(
        solved("aws:SourceIp", inside, "{}"),
        Search::Found(Value::One("10.128.0.0".into()))
    );
    let none = r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NotIpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/9"]}}"#;
    assert!(solved("aws:SourceIp", none, "{}").is_empty());
}

#[test]
fn numbers_and_dates() {
    let between = r#"{"NumericGreaterThan":{"aws:MultiFactorAuthAge":"3"},"NumericLessThan":{"aws:MultiFactorAuthAge":"4"}}"#;
    assert_eq!(
        solved("aws:MultiFactorAuthAge", between, "{}"),
        Search::Found(Value::One("3.5".into()))
    );
    let never = r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"},"DateLessThan":{"aws:CurrentTime":"2025-01-01"}}"#;
    assert!(solved("aws:CurrentTime", never, "{}").is_empty());
}

#[test]
fn a_boolean_has_two_values() {
    let key = "aws:MultiFactorAuthPresent";
    let neither = r#"{"Bool":{"aws:MultiFactorAuthPresent":["true","false"]}}"#;
    assert_eq!(solved(key, "{}", neither), Search::Found(Value::Absent));
    let present = r#"{"Null":{"aws:MultiFactorAuthPresent":"false"}}"#;
    assert!(solved(key, present, neither).is_empty());
}

#[test]
fn lists() {
    let key = "aws:TagKeys";
    let all = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    let some_other = r#"{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}}"#;
    assert!(
        solved(
            key,
            &format!(
                "{}, {}",
                all.trim_end_matches('}').to_owned() + "}",
                some_other.trim_start_matches('{')
            ),
            "{}"
        )
        .is_empty()
    );
    // Not for all values: a list with another value.
    let Search::Found(Value::Many(values)) = solved(key, "{}", all) else {
        panic!()
    };
    assert!(values.iter().any(|v| v != "a" && v != "b"));
    let two =
        r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"},"ForAnyValue:StringLike":{"aws:TagKeys":"b*"}}"#;
    let Search::Found(Value::Many(values)) = solved(key, two, "{}") else {
        panic!()
    };
    assert_eq!(values, ["a", "b"]);
}

#[test]
fn arns() {
    let yes = r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111111111111:*"},"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:us-*:*:*"}}"#;
    let Search::Found(Value::One(found)) = solved("aws:SourceArn", yes, "{}") else {
        panic!()
    };
    assert!(
        found.starts_with("arn:aws:sns:") && !found.starts_with("arn:aws:sns:us-"),
        "{found}"
    );
}

/// Conditions on one key, and values that a search by hand would try.
fn condition() -> impl Strategy<Value = (&'static str, &'static str, Vec<&'static str>)> {
    let text = [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringEqualsIfExists",
        "StringNotLikeIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringNotLike",
    ];
    let values = ["a", "b", "A", "a*", "*", "?", "*b", "ab"];
    let text = (
        prop::sample::select(text.to_vec()),
        prop::sample::subsequence(values.to_vec(), 1..3),
    )
        .prop_map(|(o, v)| (o, "custom:key", v));
    let null = prop::sample::select(vec!["true", "false"]).prop_map(|v| ("Null", "custom:key", vec![v]));
    prop_oneof![6 => text, 1 => null]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever small list of small values is tried, it is found if there is one; and what is found is right.
    #[test]
    fn a_solution_is_right_and_none_is_missed(parts in prop::collection::vec((condition(), any::<bool>()), 1..4)) {
        let built: Vec<(Condition, bool)> = parts.iter().map(|((operator, key, values), holds)| {
            let values: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
            let one = conditions(&format!(r#"{{"{operator}":{{"{key}":[{}]}}}}"#, values.join(",")));
            (one[0].clone(), *holds)
        }).collect();
        let literals: Vec<Literal<'_>> = built.iter().map(|(condition, holds)| Literal { condition, holds: *holds }).collect();
        let satisfied = |value: &Value| {
            let mut context = Context::closed();
            context.set_fact("custom:key", value.fact());
            literals.iter().all(|l| (super::holds(l.condition, &context) == Tri::True) == l.holds)
        };
        let words = ["", "a", "b", "A", "B", "ab", "aB", "x", "ba", "xb"];
        let mut tried = vec![Value::Absent];
        tried.extend(words.iter().map(|w| Value::One((*w).to_owned())));
        for a in words {
            tried.push(Value::Many(vec![a.to_owned()]));
            for b in words {
                tried.push(Value::Many(vec![a.to_owned(), b.to_owned()]));
            }
        }
        match solve(&Wanted { literals: literals.clone(), bounds: vec![] }, Domain::of("custom:key", true), &Context::closed()) {
            Search::Found(value) => prop_assert!(satisfied(&value), "{value:?} {parts:?}"),
            Search::Empty => prop_assert!(!tried.iter().any(satisfied), "{parts:?}"),
            Search::GaveUp => prop_assert!(false, "gave up: {parts:?}"),
        }
    }
}
