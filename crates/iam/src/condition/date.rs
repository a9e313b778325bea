//! `DateEquals` and its kin: ISO 8601 (the W3C profile) or seconds since 1970, on either side (semantics rule 40).

use super::operator::Order;
use crate::syntax::template::Template;

/// Variables are not expanded here (semantics rule 31).
pub(super) fn compare(value: &str, wanted: &Template, order: Order) -> bool {
    parse(value)
        .zip(parse(wanted.as_str()))
        .is_some_and(|(v, w)| order.accepts(v.cmp(&w)))
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
///
/// Accepts `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, the last with `Thh:mm`, `:ss`, a fraction and `Z` or `±hh:mm`; or digits
/// alone, which are seconds (four digits are a year, as in AWS's W3C profile).
#[must_use]
pub fn parse(text: &str) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if text.len() != 4 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return text
            .parse::<i64>()
            .ok()
            .map(|seconds| i128::from(seconds) * SECOND);
    }
    let (date, time) = text
        .split_once(['T', 't'])
        .map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |m| number(m, 2))?;
    let day = parts.next().map_or(Some(1), |d| number(d, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let days = days_since_epoch(year, month, day);
    let nanos = match time {
        None => 0,
        Some(time) if date.len() == 10 => time_of_day(time)?,
        Some(_) => return None,
    };
    Some(i128::from(days) * 86_400 * SECOND + nanos)
}

/// Nanoseconds since midnight UTC; negative or past a day where the offset says so.
fn time_of_day(text: &str) -> Option<i128> {
    let cut = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at_checked(cut)?;
    let offset = match zone {
        "" | "Z" | "z" => 0,
        zone => {
            let (sign, clock) = zone.split_at_checked(1)?;
            let (hours, minutes) = clock.split_once(':')?;
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            match sign {
                _ if hours > 23 || minutes > 59 => return None,
                "+" => hours * 60 + minutes,
                "-" => -(hours * 60 + minutes),
                _ => return None,
            }
        }
    };
    let (clock, fraction) = clock
        .split_once('.')
        .map_or((clock, None), |(clock, f)| (clock, Some(f)));
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |s| number(s, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let nanos = match fraction {
        None => 0,
        Some(f) if (1..=9).contains(&f.len()) => {
            number(f, f.len())? * 10_i64.pow(9 - u32::try_from(f.len()).ok()?)
        }
        Some(_) => return None,
    };
    Some(i128::from((hour * 60 + minute - offset) * 60 + second) * 1_000_000_000 + i128::from(nanos))
}

fn number(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

const fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from civil, after Howard Hinnant's `chrono`-compatible algorithms.
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}
