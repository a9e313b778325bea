//! Numbers, dates and addresses: the constants of the conditions cut the line into intervals, and the comparisons are
//! the same all over an interval. So it is enough to try one value of each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sv0_iam::condition::{Family, date, ip};

use super::{Kind, Literal};

/// Values to try: with comparisons of one family, and a key of the type that goes with it, one of them fits if any does.
pub(super) fn candidates(literals: &[Literal<'_>], kind: Kind) -> Vec<String> {
    let mut out = Vec::new();
    let constants = |wanted: fn(Family) -> bool| {
        literals
            .iter()
            .filter(move |l| l.condition.operator.is_some_and(|o| wanted(o.family)))
            .flat_map(|l| l.condition.values.iter().map(|value| value.as_str()))
    };
    let has = |wanted: fn(Family) -> bool| {
        literals
            .iter()
            .any(|l| l.condition.operator.is_some_and(|o| wanted(o.family)))
    };
    if kind == Kind::Ip || has(|f| f == Family::Ip) {
        addresses(constants(|f| f == Family::Ip), &mut out);
    }
    if kind == Kind::Numeric || has(|f| matches!(f, Family::Numeric(_))) {
        numbers(constants(|f| matches!(f, Family::Numeric(_))), &mut out);
    }
    if kind == Kind::Date || has(|f| matches!(f, Family::Date(_))) {
        dates(constants(|f| matches!(f, Family::Date(_))), &mut out);
    }
    match kind {
        Kind::Bool => out.extend(["true".to_owned(), "false".to_owned()]),
        // Text that is no number and no address fails every such comparison, and so satisfies its negation.
        Kind::Text => out.push("x".into()),
        Kind::Arn => out.push("arn:x:x:::x".into()),
        Kind::Numeric | Kind::Date | Kind::Ip => {}
    }
    // Odd mixtures: what other comparisons name.
    out.extend(constants(super::text::is_text).map(str::to_owned));
    out
}

/// Whether all comparisons are of one family, and the key's values of the form that goes with it or plain text.
pub(super) fn one_family(literals: &[Literal<'_>], kind: Kind) -> bool {
    let families: Vec<Kind> = literals
        .iter()
        .filter_map(|l| l.condition.operator)
        .map(|operator| match operator.family {
            Family::Ip => Kind::Ip,
            Family::Numeric(_) => Kind::Numeric,
            Family::Date(_) => Kind::Date,
            _ => Kind::Text,
        })
        .collect();
    families.iter().all(|family| {
        families.first() == Some(family) && (kind == Kind::Text || kind == Kind::Bool || kind == *family)
    })
}

fn numbers<'a>(constants: impl Iterator<Item = &'a str>, out: &mut Vec<String>) {
    let mut points: Vec<f64> = constants
        .filter_map(|text| text.parse().ok())
        .filter(|n: &f64| n.is_finite())
        .collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
        out.extend(["1", "-1e999", "1e999"].map(str::to_owned));
        return;
    };
    let between = points.windows(2).filter_map(|pair| {
        let [low, high] = pair else { return None };
        // A whole number reads better, where there is one. To a large one, one cannot be added.
        let whole = (low + 1.0).floor();
        Some(if low < &whole && whole < *high {
            whole
        } else {
            low / 2.0 + high / 2.0
        })
    });
    let all = points
        .iter()
        .copied()
        .chain(between)
        .chain([first - 1.0, last + 1.0]);
    out.extend(all.map(|n| n.to_string()));
    // Beyond what one can be added to, and what is read as infinity.
    let far = ["-1e308", "1e308", "-1.79e308", "1.79e308", "-1e999", "1e999"];
    out.extend(far.map(str::to_owned));
}

fn dates<'a>(constants: impl Iterator<Item = &'a str>, out: &mut Vec<String>) {
    const DAY: i128 = 86_400_000_000_000;
    let mut points: Vec<i128> = constants.filter_map(date::parse).collect();
    points.sort_unstable();
    points.dedup();
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
        out.push("2026-01-01T00:00:00Z".into());
        return;
    };
    let between = points.windows(2).filter_map(|pair| {
        let [low, high] = pair else { return None };
        (high - low > 1).then(|| low + (high - low) / 2)
    });
    let all = points
        .iter()
        .copied()
        .chain(between)
        .chain([first - DAY, last + DAY]);
    out.extend(all.filter_map(|nanos| moment(nanos).or_else(|| seconds(nanos))));
}

/// A moment as whole seconds since 1970, which have years beyond 9999; none where no such number is read.
fn seconds(nanos: i128) -> Option<String> {
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    // Four digits would be read as a year; so few seconds are in one that is written the other way.
    Some(seconds.to_string())
}

/// A moment as ISO 8601, to the nanosecond where it has to be; none outside the years 0 to 9999.
fn moment(nanos: i128) -> Option<String> {
    const SECOND: i128 = 1_000_000_000;
    let (seconds, fraction) = (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND));
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil from days, after Howard Hinnant's `chrono`-compatible algorithms.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i128::from(month <= 2);
    let fraction = if fraction == 0 {
        String::new()
    } else {
        format!(".{fraction:09}")
    };
    (0..=9999).contains(&year).then(|| {
        let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    })
}

/// Every interval begins at the first address of some range, or right after the last one of some.
fn addresses<'a>(constants: impl Iterator<Item = &'a str>, out: &mut Vec<String>) {
    let mut found: Vec<IpAddr> = vec![
        Ipv4Addr::new(203, 0, 113, 77).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77).into(),
    ];
    for range in constants.filter_map(ip::Range::parse) {
        match range.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shr(range.prefix).unwrap_or(0);
                let first = u32::from(address) & !mask;
                found.push(Ipv4Addr::from(first).into());
                found.extend(
                    (first | mask)
                        .checked_add(1)
                        .map(|next| IpAddr::from(Ipv4Addr::from(next))),
                );
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shr(range.prefix).unwrap_or(0);
                let first = u128::from(address) & !mask;
                found.push(Ipv6Addr::from(first).into());
                found.extend(
                    (first | mask)
                        .checked_add(1)
                        .map(|next| IpAddr::from(Ipv6Addr::from(next))),
                );
            }
        }
    }
    found.push(Ipv4Addr::UNSPECIFIED.into());
    found.push(Ipv6Addr::UNSPECIFIED.into());
    out.extend(found.into_iter().map(|address| address.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_back() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59Z",
            "1999-12-31T00:00:01.500000000Z",
        ] {
            assert_eq!(moment(date::parse(text).unwrap()).unwrap(), text);
        }
    }
}
