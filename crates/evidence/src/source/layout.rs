//! What the name of an object tells.
//!
//! `[prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/yyyy/mm/dd/ACCOUNT_CloudTrail_REGION_yyyymmddThhmmZ_XXXX.json.gz`,
//! beside which lie `CloudTrail-Digest`, `CloudTrail-Insight` and `CloudTrail-Aggregated`. The day is that of delivery.
//!
//! Source: CloudTrail User Guide, "Finding your CloudTrail log files" and "CloudTrail log file examples".

use schemars::JsonSchema;
use serde::Serialize;

use crate::time::{DAY, Time, Window};

/// Why an object was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// A digest: hashes of log files.
    Digest,
    /// Insights: unusual rates of calls that are recorded already.
    Insight,
    /// Aggregated data events: sums of calls that are recorded already, or that were switched off.
    Aggregated,
    /// Delivered before or after what the window can need.
    OutsideWindow,
    /// Neither `.json` nor `.json.gz`: something else in the same place.
    Other,
}

impl Left {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Digest => "digests",
            Self::Insight => "insights",
            Self::Aggregated => "aggregated events",
            Self::OutsideWindow => "delivered outside the window",
            Self::Other => "other files",
        }
    }
}

/// How long after an event's day objects are still looked at, in seconds: late records come days later, though rarely.
pub const LATE: u32 = 2 * DAY;

/// Whether to read an object, by its name; and when it was delivered, where the name says so.
pub fn look(name: &str, window: Window) -> Result<Option<Time>, Left> {
    let mut parts = name.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    for part in parts.chain([file]) {
        // The folder, or the file's name where a download has lost the folders.
        if part == "CloudTrail-Digest" || part.contains("_CloudTrail-Digest_") {
            return Err(Left::Digest);
        }
        if part == "CloudTrail-Insight" || part.contains("_CloudTrail-Insight_") {
            return Err(Left::Insight);
        }
        if part == "CloudTrail-Aggregated" || part.contains("_CloudTrail-Aggregated_") {
            return Err(Left::Aggregated);
        }
    }
    if ![".json", ".json.gz", ".jsonl", ".jsonl.gz"]
        .iter()
        .any(|end| file.ends_with(end))
    {
        return Err(Left::Other);
    }
    let delivered = stamp(file);
    if let Some(at) = delivered {
        let from = window.since.minus(Window::LOOKBACK);
        let to = window.until.plus(LATE);
        if at < from || at >= to {
            return Err(Left::OutsideWindow);
        }
    }
    Ok(delivered)
}

/// The moment in `…_CloudTrail_REGION_20260701T1205Z_xxxx.json.gz`.
fn stamp(file: &str) -> Option<Time> {
    let (_, rest) = file.split_once("_CloudTrail_")?;
    let text = rest.split('_').nth(1)?;
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 4 || !date.is_ascii() || !time.is_ascii() {
        return None;
    }
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    Time::parse(&format!(
        "{year}-{month}-{day}T{}:{}:00Z",
        time.get(..2)?,
        time.get(2..)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "p/AWSLogs/o-1/111111111111/CloudTrail/eu-west-1/2026/07/01/111111111111_CloudTrail_eu-west-1_20260701T1205Z_abcdefghijklmnop.json.gz";

    #[test]
    fn a_log_file_is_read_and_its_siblings_are_not() {
        assert_eq!(look(FILE, Window::ALL), Ok(Time::parse("2026-07-01T12:05:00Z")));
        for (folder, left) in [
            ("CloudTrail-Digest", Left::Digest),
            ("CloudTrail-Insight", Left::Insight),
            ("CloudTrail-Aggregated", Left::Aggregated),
        ] {
            assert_eq!(
                look(&FILE.replace("/CloudTrail/", &format!("/{folder}/")), Window::ALL),
                Err(left)
            );
            assert_eq!(
                look(&format!("1_{folder}_us-east-1_x.json.gz"), Window::ALL),
                Err(left)
            );
        }
        assert_eq!(
            look("AWSLogs/1/elasticloadbalancing/x.log.gz", Window::ALL),
            Err(Left::Other)
        );
        assert_eq!(look("my-events.json", Window::ALL), Ok(None));
    }

    #[test]
    fn a_window_needs_earlier_and_later_objects() {
        let window = |since: &str, until: &str| Window {
            since: Time::parse(since).unwrap_or(Time::MIN),
            until: Time::parse(until).unwrap_or(Time::MAX),
        };
        assert!(
            look(FILE, window("2026-07-02T23:00:00Z", "2026-07-04")).is_ok(),
            "its credentials may be used then"
        );
        assert!(
            look(FILE, window("2026-06-01", "2026-06-30T12:00:00Z")).is_ok(),
            "late records"
        );
        assert_eq!(
            look(FILE, window("2026-07-05", "2026-07-06")),
            Err(Left::OutsideWindow)
        );
        assert_eq!(
            look(FILE, window("2026-06-01", "2026-06-02")),
            Err(Left::OutsideWindow)
        );
        assert!(
            look("my-events.json", window("2026-07-05", "2026-07-06")).is_ok(),
            "a name that tells nothing"
        );
    }
}
