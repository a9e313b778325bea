//! Which objects of a prefix a window needs.
//!
//! CloudTrail writes `[prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/yyyy/mm/dd/…`. Organizations, accounts and regions are
//! found by their folders; what lies beside them (digests, insights, other services' logs) is not entered. Below a region the
//! keys are in the order of days, so one listing begins at the first day that is needed and ends at the last: a region with
//! nothing in it costs one request. Where there is no `AWSLogs`, everything is looked at by name.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sv0_evidence::source::layout::{LATE, look};
use sv0_evidence::source::{Listing, Object};
use sv0_evidence::time::{Time, Window};

use super::{Files, LIST_OBJECTS};
use crate::failure::Failure;

/// Listings at a time.
const BESIDE: usize = 32;
/// So many folders above `AWSLogs` are searched for it: those of a trail's own prefix.
const DEPTH: usize = 4;

/// What is to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Work {
    /// The folders of a folder, and what lies in it; so many levels above are behind us.
    Folders(String, usize),
    /// Everything that begins so.
    All(String),
    /// The days of a region.
    Days(String),
}

/// What came of it.
#[derive(Default)]
struct Found {
    objects: Vec<Object>,
    left: Vec<sv0_evidence::source::layout::Left>,
    more: Vec<Work>,
}

/// The days that a window needs, as keys have them; both are listed.
struct Days {
    window: Window,
    from: Time,
    first: String,
    last: String,
}

impl Days {
    fn new(window: Window, from: Time) -> Self {
        let day = |time: Time| {
            let text = time.to_string();
            text.get(..10).unwrap_or_default().replace('-', "/")
        };
        Self {
            window,
            from,
            first: day(window.since.minus(Window::LOOKBACK).max(from)),
            last: day(window.until.plus(LATE)),
        }
    }
}

/// Lists what a window needs that was delivered from a moment on.
pub(super) async fn list(
    files: &Files,
    prefix: &str,
    window: Window,
    from: Time,
) -> Result<Listing, Failure> {
    let days = &Days::new(window, from);
    let mut listing = Listing::default();
    let first = begin(prefix);
    let mut work = vec![first.clone()];
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < BESIDE
            && let Some(next) = work.pop()
        {
            running.push(async move { (done(files, &next, days).await, next) });
        }
        let Some((found, of)) = running.next().await else {
            break;
        };
        match found {
            Ok(found) => {
                listing.objects.extend(found.objects);
                for left in found.left {
                    *listing.left.entry(left).or_default() += 1;
                }
                work.extend(found.more);
            }
            // What was asked for cannot be listed: that is no part of an answer.
            Err(failure) if of == first => return Err(failure),
            Err(failure) => {
                let (Work::Folders(prefix, _) | Work::All(prefix) | Work::Days(prefix)) = &of;
                listing
                    .failed
                    .push((format!("s3://{}/{prefix}", files.bucket), failure.message));
            }
        }
    }
    listing.objects.sort();
    listing.objects.dedup();
    Ok(listing)
}

/// Where to begin: a prefix is a folder, unless it names a file.
fn begin(prefix: &str) -> Work {
    if [".json", ".json.gz", ".jsonl", ".jsonl.gz"]
        .iter()
        .any(|end| prefix.ends_with(end))
    {
        return Work::All(prefix.to_owned());
    }
    if prefix.is_empty() || prefix.ends_with('/') {
        return next(prefix, 0);
    }
    next(&format!("{prefix}/"), 0)
}

/// What to do with a folder, by its name.
fn next(folder: &str, depth: usize) -> Work {
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let Some(at) = parts.iter().rposition(|part| *part == "AWSLogs") else {
        return if depth < DEPTH {
            Work::Folders(folder.to_owned(), depth)
        } else {
            Work::All(folder.to_owned())
        };
    };
    let below = parts.get(at + 1..).unwrap_or_default();
    // An organization's trail has its id before the account.
    let below = match below {
        [first, rest @ ..] if first.starts_with("o-") => rest,
        other => other,
    };
    match below {
        [] | [_] | [_, "CloudTrail"] => Work::Folders(folder.to_owned(), depth),
        [_, "CloudTrail", _] => Work::Days(folder.to_owned()),
        _ => Work::All(folder.to_owned()),
    }
}

/// Whether a folder below an account is CloudTrail's, or the folder is none below an account.
fn is_entered(parent: &str, child: &str) -> bool {
    let name = |folder: &str| folder.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
    let (of, name) = (name(parent).unwrap_or_default(), name(child).unwrap_or_default());
    let is_account = of.len() == 12 && of.bytes().all(|byte| byte.is_ascii_digit());
    let in_logs = parent.split('/').any(|part| part == "AWSLogs");
    !(in_logs && is_account) || name == "CloudTrail"
}

async fn done(files: &Files, work: &Work, days: &Days) -> Result<Found, Failure> {
    let mut found = Found::default();
    let (prefix, delimiter, after, last) = match work {
        Work::Folders(prefix, _) => (prefix, Some("/"), None, None),
        Work::All(prefix) => (prefix, None, None, None),
        Work::Days(prefix) => {
            let last = format!("{prefix}{}", days.last);
            (prefix, None, Some(format!("{prefix}{}/", days.first)), Some(last))
        }
    };
    let mut token = None;
    loop {
        let page = page(files, prefix, delimiter, after.as_deref(), token.as_ref()).await?;
        for folder in page.common_prefixes.unwrap_or_default() {
            let folder = folder.prefix.unwrap_or_default();
            if let Work::Folders(_, depth) = work
                && is_entered(prefix, &folder)
            {
                found.more.push(next(&folder, depth + 1));
            }
        }
        let mut beyond = false;
        for object in page.contents.unwrap_or_default() {
            let key = object.key.unwrap_or_default();
            // Keys of the last day begin with it.
            beyond |= last
                .as_ref()
                .is_some_and(|last| key.get(..last.len()).unwrap_or(&key) > last.as_str());
            if beyond {
                break;
            }
            let name = format!("s3://{}/{key}", files.bucket);
            match look(&name, days.window) {
                Ok(delivered) if delivered.is_some_and(|at| at < days.from) => {}
                Ok(delivered) => found.objects.push(Object {
                    name,
                    size: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                    delivered,
                    tag: object.e_tag.unwrap_or_default(),
                }),
                Err(left) => found.left.push(left),
            }
        }
        let more = page.next_continuation_token.filter(|next| !next.is_empty());
        if beyond || more.is_none() || more == token {
            return Ok(found);
        }
        token = more;
    }
}

async fn page(
    files: &Files,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    token: Option<&String>,
) -> Result<ListObjectsV2Output, Failure> {
    let request = || {
        files
            .client
            .list_objects_v2()
            .bucket(&files.bucket)
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_start_after(after.map(str::to_owned))
            .set_continuation_token(token.cloned())
            .send()
    };
    files
        .line
        .send((&files.region, "s3"), &LIST_OBJECTS, request)
        .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_folder_says_what_is_in_it() {
        let folders = |text: &str| Work::Folders(text.into(), 0);
        for prefix in [
            "",
            "AWSLogs/",
            "a/b/AWSLogs/",
            "AWSLogs/o-1/",
            "AWSLogs/111111111111/",
            "AWSLogs/o-1/111111111111/",
            "p/AWSLogs/o-1/111111111111/CloudTrail/",
        ] {
            assert_eq!(begin(prefix), folders(prefix), "{prefix}");
        }
        assert_eq!(
            begin("AWSLogs"),
            folders("AWSLogs/"),
            "a folder, not the beginning of a name"
        );
        for prefix in [
            "AWSLogs/111111111111/CloudTrail/eu-west-1/",
            "p/AWSLogs/o-1/111111111111/CloudTrail/eu-west-1/",
        ] {
            assert_eq!(begin(prefix), Work::Days(prefix.into()));
        }
        for prefix in ["AWSLogs/111111111111/CloudTrail/eu-west-1/2026/", "x/y.json.gz"] {
            assert_eq!(begin(prefix), Work::All(prefix.into()));
        }
        assert_eq!(
            next("a/b/c/d/", DEPTH),
            Work::All("a/b/c/d/".into()),
            "no search without end"
        );
    }

    #[test]
    fn what_lies_beside_is_not_entered() {
        let account = "p/AWSLogs/o-1/111111111111/";
        for (child, entered) in [
            ("CloudTrail", true),
            ("CloudTrail-Digest", false),
            ("Config", false),
        ] {
            assert_eq!(
                is_entered(account, &format!("{account}{child}/")),
                entered,
                "{child}"
            );
        }
        assert!(is_entered("p/AWSLogs/", "p/AWSLogs/o-1/"));
        assert!(is_entered("111111111111/", "111111111111/copies/"), "no AWSLogs");
    }

    #[test]
    fn days_go_from_what_gave_out_credentials_to_what_comes_late() {
        let time = |text: &str| Time::parse(text).unwrap();
        let window = Window {
            since: time("2026-11-03T06:00:00Z"),
            until: time("2026-11-05"),
        };
        let days = Days::new(window, Time::MIN);
        assert_eq!(
            (days.first.as_str(), days.last.as_str()),
            ("2026/11/01", "2026/11/07")
        );
        assert_eq!(Days::new(window, time("2026-11-04")).first, "2026/11/04");
        assert_eq!(Days::new(Window::ALL, Time::MIN).first, "1970/01/01");
    }
}
