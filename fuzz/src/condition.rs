//! Conditions: no panic; what is said while something is unknown stays true once it is known; the solver for one key
//! finds values that are right, and says that there is none only where none is; dates, addresses and numbers are read as
//! others read them.

use chrono::DateTime;
use sv0_engine::keys::{Domain, Literal, Value, Wanted, solve};
use sv0_engine::lang::Search;
use sv0_iam::condition::{Context, Fact, Operator, binary, date, holds, ip, numeric};
use sv0_iam::syntax::ast::Condition;
use sv0_iam::syntax::template::{Resolved, Template, Variables};
use sv0_iam::tri::Tri;

use crate::pick::Pick;
use crate::vocabulary::{Key, keys, operator, wanted};

pub fn check(data: &[u8]) {
    let mut pick = Pick::new(data);
    match pick.below(4) {
        0 => parsers(&mut pick),
        1 | 2 => solver(&mut pick),
        _ => three_values(&mut pick),
    }
}

/// A condition on a key.
fn condition(pick: &mut Pick<'_>, key: &Key, most: usize) -> Condition {
    let name = operator(pick, key);
    let parsed = Operator::parse(&name);
    if let Some(parsed) = parsed {
        // `ArnEquals` is written as it is, and read as `ArnLike`.
        let again = Operator::parse(&parsed.to_string());
        assert_eq!(again, Some(parsed), "{name}");
    }
    let variables = if pick.chance(10) {
        Variables::Literal
    } else {
        Variables::Expanded
    };
    let least = usize::from(!pick.chance(3));
    let values = pick.many(least, most, |pick| {
        let text = if pick.chance(10) {
            pick.text(&['a', 'x', '*', '?', '$', '{', '}', ':', '1', '.', '-', 'É'], 8)
        } else {
            wanted(pick, key).to_owned()
        };
        Template::new(&text, variables)
    });
    Condition {
        operator: parsed,
        operator_text: name.into(),
        key: key.name.to_ascii_lowercase().into(),
        key_text: key.name.into(),
        values,
        offset: 0,
    }
}

/// A context in which much is unknown.
pub fn context(pick: &mut Pick<'_>) -> Context {
    let mut out = if pick.chance(50) {
        Context::open()
    } else {
        Context::closed()
    };
    for key in keys() {
        match pick.below(6) {
            0 => out.set_unknown(key.name, true),
            1 => out.set_unknown(key.name, false),
            2 => out.set_absent(key.name),
            3 | 4 => out.set_fact(key.name, key.any_value(pick).fact()),
            _ => {}
        }
    }
    if pick.chance(10) {
        out.close_prefix(pick.of(&["aws:PrincipalTag", "AWS:resourceTAG", "odd"]));
    }
    out
}

/// The context with something that AWS may send for all that is unknown.
pub fn completed(pick: &mut Pick<'_>, context: &Context) -> Context {
    let mut out = Context::closed();
    for key in keys() {
        match context.get(key.name) {
            Fact::Unknown { maybe_absent: true } if pick.chance(35) => out.set_absent(key.name),
            Fact::Unknown { .. } => out.set_fact(key.name, key.value(pick).fact()),
            known => out.set_fact(key.name, known),
        }
    }
    out
}

// ---- three values ----

fn three_values(pick: &mut Pick<'_>) {
    let key = pick.of(keys());
    let condition = condition(pick, &key, 3);
    let context = context(pick);
    let before = holds(&condition, &context);
    for _ in 0..8 {
        let later = completed(pick, &context);
        let after = holds(&condition, &later);
        assert!(
            before == Tri::Unknown || before == after,
            "{before:?}, then {after:?}: {condition:?}\nin {context:?}\nthen {later:?}"
        );
        // With everything known, only what AWS does not know is unknown.
        assert_eq!(
            after == Tri::Unknown,
            condition.operator.is_none(),
            "{condition:?} in {later:?}"
        );
        for value in &condition.values {
            template(value, &context, &later);
        }
    }
}

/// What a template may come to is no less than what it comes to.
fn template(template: &Template, before: &Context, after: &Context) {
    let pattern = match template.pattern(after) {
        Resolved::Pattern(glob) => Some(glob.into_owned()),
        Resolved::Nothing => None,
        Resolved::AtMost(_) => panic!("nothing is unknown: {template:?}"),
    };
    let example = pattern.as_ref().map(|glob| glob.example('x'));
    let example = example.as_deref();
    match template.pattern(before) {
        Resolved::Pattern(glob) => assert_eq!(Some(&*glob), pattern.as_ref(), "{template:?}"),
        Resolved::Nothing => assert_eq!(pattern, None, "{template:?}"),
        Resolved::AtMost(widest) => {
            assert!(example.is_none_or(|text| widest.matches(text)), "{template:?}");
        }
    }
    assert!(
        example.is_none_or(|text| template.widest().matches(text)),
        "{template:?}"
    );
    if let (Err(widest), Ok(Some(text))) = (template.literal(before), template.literal(after)) {
        assert!(widest.matches(&text), "{template:?}");
    }
}

// ---- one key ----

fn solver(pick: &mut Pick<'_>) {
    let key = pick.of(keys());
    let mut conditions = pick.many(1, 4, |pick| condition(pick, &key, 3));
    // Nobody knows when an unknown operator holds; the formula keeps it apart.
    conditions.retain(|condition| condition.operator.is_some());
    let asked: Vec<bool> = conditions.iter().map(|_| pick.chance(65)).collect();
    // Whatever else the values hang on is known, or not.
    let mut context = if pick.chance(30) {
        context(pick)
    } else {
        Context::closed()
    };
    let maybe_absent = pick.chance(60);
    context.set_unknown(key.name, maybe_absent);
    let literals = conditions.iter().zip(&asked);
    let wanted = Wanted {
        literals: literals
            .map(|(condition, holds)| Literal {
                condition,
                holds: *holds,
            })
            .collect(),
        bounds: Vec::new(),
    };
    let fits = |value: &Value| {
        let mut context = context.clone();
        context.set_fact(key.name, value.fact());
        wanted
            .literals
            .iter()
            .all(|literal| holds(literal.condition, &context) == Tri::from(literal.holds))
    };
    let said = || {
        let each = wanted
            .literals
            .iter()
            .map(|l| format!("{} {}", l.holds, l.condition.to_text()));
        format!("{} in {context:?}", each.collect::<Vec<_>>().join("\n"))
    };
    match solve(&wanted, Domain::of(key.name, maybe_absent), &context) {
        Search::Found(value) => {
            assert!(fits(&value), "{value:?} is not right: {}", said());
            let there = match &value {
                Value::Absent => maybe_absent,
                Value::One(_) => key.one,
                Value::Many(values) => key.many && !values.is_empty(),
            };
            assert!(there, "{value:?} is nothing that {} can be", key.name);
        }
        Search::GaveUp => {}
        Search::Empty => {
            let mut tried: Vec<Value> = (0..8).map(|_| key.value(pick)).collect();
            tried.extend(
                key.values
                    .iter()
                    .filter(|_| key.one)
                    .map(|v| Value::One((*v).to_owned())),
            );
            if maybe_absent {
                tried.push(Value::Absent);
            }
            // What the conditions name, where it has the form of the key's values.
            for text in conditions.iter().flat_map(|c| &c.values).map(Template::as_str) {
                if sendable(&key, text) {
                    tried.extend(key.one.then(|| Value::One(text.to_owned())));
                    tried.extend(key.many.then(|| Value::Many(vec![text.to_owned()])));
                }
            }
            for value in tried {
                assert!(!fits(&value), "{value:?} was missed: {}", said());
            }
        }
    }
}

/// Whether AWS might send a text for a key.
fn sendable(key: &Key, text: &str) -> bool {
    use sv0_iam::catalog::Catalog;
    let known = Catalog::embedded().find_condition_key(key.name);
    match known.map(|key| key.element_type()) {
        Some("ARN") => false,
        Some("Bool") => text == "true" || text == "false",
        Some("Numeric") => numeric::parse(text).is_some_and(f64::is_finite),
        Some("Date") => date::parse(text).is_some(),
        Some("IPAddress") => text.parse::<std::net::IpAddr>().is_ok(),
        _ => true,
    }
}

// ---- dates, addresses, numbers ----

const CLOCK: [char; 16] = [
    '0', '1', '2', '3', '5', '6', '9', '-', ':', 'T', 'Z', '+', '.', 'z', 't', '4',
];
const ADDRESS: [char; 12] = ['0', '1', '2', '5', '.', ':', '/', 'f', 'a', '8', '3', '+'];
const NUMBER: [char; 12] = ['0', '1', '9', '.', 'e', 'E', '+', '-', 'i', 'n', 'f', ' '];

fn parsers(pick: &mut Pick<'_>) {
    let text = match pick.below(5) {
        0 => pick.text(&CLOCK, 30),
        1 => clock(pick),
        2 => pick.text(&ADDRESS, 24),
        3 => pick.text(&NUMBER, 12),
        _ => pick.text(&['A', 'Q', 'R', '=', 'a', '+', '/', '-', ' '], 9),
    };
    dates(&text);
    addresses(&text);
    if let Some(number) = numeric::parse(&text) {
        assert!(!number.is_nan() && text.parse::<f64>() == Ok(number), "{text}");
    }
    let _ = binary::is_base64(&text);
    let _ = Operator::suggest(&text);
    let _ = Operator::parse(&text);
}

/// A moment that is nearly right.
fn clock(pick: &mut Pick<'_>) -> String {
    let two = |pick: &mut Pick<'_>| {
        pick.of(&[
            "00", "01", "12", "29", "30", "31", "23", "59", "60", "24", "13", "99",
        ])
    };
    let year = pick.of(&["2026", "0000", "9999", "1970", "2024", "1900", "2000"]);
    let (month, day) = (two(pick), two(pick));
    let mut out = format!("{year}-{month}-{day}");
    if pick.chance(90) {
        let (hour, minute, second) = (two(pick), two(pick), two(pick));
        out += &format!("{}{hour}:{minute}:{second}", pick.of(&["T", "t", " "]));
        out += pick.of(&["", ".5", ".000000001", ".", ".1234567890"]);
        out += pick.of(&[
            "Z", "+01:00", "-23:59", "+24:00", "Z05:30", "z", "", "+0100", "-00:00",
        ]);
    }
    out
}

fn dates(text: &str) {
    let ours = date::parse(text);
    // The whole form is RFC 3339's.
    let whole = text.len() >= 20
        && text.as_bytes().get(10).is_some_and(|b| matches!(b, b'T' | b't'))
        && text.as_bytes().get(16) == Some(&b':')
        && text
            .get(19..)
            .is_some_and(|tail| tail.contains(['Z', 'z', '+', '-']));
    if !whole {
        return;
    }
    let theirs = DateTime::parse_from_rfc3339(text).ok();
    // A leap second is theirs in other words, and they know no more than nanoseconds.
    let leap = text.get(17..19) == Some("60");
    let long = text
        .get(19..)
        .is_some_and(|tail| tail.bytes().filter(u8::is_ascii_digit).count() > 9);
    if leap || long {
        return;
    }
    let nanos =
        theirs.map(|t| i128::from(t.timestamp()) * 1_000_000_000 + i128::from(t.timestamp_subsec_nanos()));
    assert_eq!(ours, nanos, "{text}");
}

fn addresses(text: &str) {
    let ours = ip::Range::parse(text);
    let bare = text.parse::<std::net::IpAddr>();
    if let Ok(address) = bare {
        let range = ours.expect("an address is a range");
        assert!(range.contains(address), "{text}");
    }
    let Some(range) = ours else { return };
    let width = if range.address.is_ipv4() { 32 } else { 128 };
    assert!(range.prefix <= width && range.contains(range.address), "{text}");
    let everything = if range.address.is_ipv4() {
        "0.0.0.0/0"
    } else {
        "::/0"
    };
    assert!(ip::Range::parse(everything).is_some_and(|all| all.contains(range.address)));
}
