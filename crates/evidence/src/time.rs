//! Moments as CloudTrail writes them: whole seconds, UTC.
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents" (`eventTime`: UTC, ISO 8601, by the second).

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Seconds since 1970-01-01T00:00:00Z. CloudTrail began in 2013; `u32` ends in 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub u32);

/// Seconds of a day.
pub const DAY: u32 = 86_400;
/// Seconds of an hour.
pub const HOUR: u32 = 3_600;

impl Time {
    /// Before everything.
    pub const MIN: Self = Self(0);
    /// After everything.
    pub const MAX: Self = Self(u32::MAX);

    /// Reads what the program's date parser reads (`2026-11-01`, `2026-11-01T10:00:00Z`, seconds since 1970), from 1970
    /// to 2106.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::quick(text.as_bytes()).or_else(|| {
            let nanoseconds = sv0_iam::condition::date::parse(text)?;
            u32::try_from(nanoseconds.div_euclid(1_000_000_000))
                .ok()
                .map(Self)
        })
    }

    /// `2026-11-01T10:00:00Z`, the form that every record has; none for any other.
    fn quick(text: &[u8]) -> Option<Self> {
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            mo1,
            mo2,
            b'-',
            d1,
            d2,
            b'T',
            h1,
            h2,
            b':',
            mi1,
            mi2,
            b':',
            s1,
            s2,
            b'Z',
        ] = *text
        else {
            return None;
        };
        let mut wrong = false;
        let mut digit = |byte: u8| {
            let value = byte.wrapping_sub(b'0');
            wrong |= value > 9;
            u32::from(value & 15)
        };
        let year = digit(y1) * 1000 + digit(y2) * 100 + digit(y3) * 10 + digit(y4);
        let month = digit(mo1) * 10 + digit(mo2);
        let day = digit(d1) * 10 + digit(d2);
        let [hour, minute, second] = [(h1, h2), (mi1, mi2), (s1, s2)].map(|(a, b)| digit(a) * 10 + digit(b));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(leap),
            _ => 31,
        };
        if wrong
            || !(1970..=2105).contains(&year)
            || !(1..=12).contains(&month)
            || !(1..=longest).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        Some(Self(
            days(year, month, day) * DAY + hour * HOUR + minute * 60 + second,
        ))
    }

    /// So many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// So many seconds earlier.
    #[must_use]
    pub const fn minus(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// Days since 1970-01-01. A year counts from March, so that the leap day is its last.
const fn days(year: u32, month: u32, day: u32) -> u32 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 719,468 days lie between 0000-03-01 and 1970-01-01; 400 years have 146,097.
        let whole = self.0 / DAY + 719_468;
        let (era, of_era) = (whole / 146_097, whole % 146_097);
        let of_cycle = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * of_cycle + of_cycle / 4 - of_cycle / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = era * 400 + of_cycle + u32::from(month <= 2);
        let second = self.0 % DAY;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / HOUR,
            second / 60 % 60,
            second % 60
        )
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// From when to when: events at `since` and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub since: Time,
    /// The second after the last.
    pub until: Time,
}

impl Window {
    /// Everything.
    pub const ALL: Self = Self {
        since: Time::MIN,
        until: Time::MAX,
    };
    /// A session lasts 36 hours at most (GetSessionToken, GetFederationToken); so long before a window its credentials
    /// may have been given out.
    pub const LOOKBACK: u32 = 36 * HOUR;

    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, time: Time) -> bool {
        self.since <= time && time < self.until
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn every_day_of_a_century_is_read_and_written() {
        for day in 0..49_000_u32 {
            let time = Time(day * DAY + day % DAY);
            assert_eq!(Time::quick(time.to_string().as_bytes()), Some(time), "{time}");
            assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn the_quick_way_agrees_with_the_general_one() {
        for text in [
            "2024-02-29T23:59:59Z",
            "2000-01-01T00:00:00Z",
            "1999-12-31T12:00:00Z",
        ] {
            let general = sv0_iam::condition::date::parse(text).unwrap() / 1_000_000_000;
            assert_eq!(
                i128::from(Time::quick(text.as_bytes()).unwrap().0),
                general,
                "{text}"
            );
        }
        assert_eq!(Time::parse("2023-07-10"), Time::parse("2023-07-10T00:00:00Z"));
        assert_eq!(
            Time::parse("2023-07-10T00:00:00.250Z"),
            Time::parse("2023-07-10T00:00:00Z")
        );
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-07-10T24:00:00Z",
            "yesterday",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
