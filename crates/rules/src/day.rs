//! Days, without a clock: what is old is old on the day that it is asked.

/// The days since 1970-01-01 of an ISO 8601 date; more text may follow the day.
#[must_use]
pub fn number(text: &str) -> Option<i64> {
    let mut parts = text.get(..10)?.split('-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Howard Hinnant's "days_from_civil": years begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Whether a text is a day that there is, such as `2027-01-31`, and nothing else.
#[must_use]
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && number(text).is_some_and(|days| of(days) == text)
}

/// The date of a number of days since 1970-01-01.
#[must_use]
pub fn of(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{is_day, number, of};

    #[test]
    fn days_that_there_are() {
        for day in ["2026-01-31", "2028-02-29", "2000-02-29", "1970-01-01"] {
            assert!(is_day(day), "{day}");
        }
        for text in [
            "2026-02-31",
            "2027-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-1-31",
            "2026-01-31T00",
            "x",
            "",
        ] {
            assert!(!is_day(text), "{text}");
        }
    }

    #[test]
    fn days_are_counted() {
        assert_eq!(number("1970-01-01"), Some(0));
        assert_eq!(number("2026-01-05T10:00:00Z"), Some(20_458));
        assert_eq!(
            number("2024-03-01").zip(number("2024-02-28")).map(|(a, b)| a - b),
            Some(2)
        );
        assert_eq!(number("never"), None);
        assert_eq!(number("2026-13-01"), None);
    }

    #[test]
    fn a_day_is_its_number() {
        for day in (-200_000..200_000).step_by(97) {
            assert_eq!(number(&of(day)), Some(day), "{}", of(day));
        }
    }
}
