//! The text of an object → its records.
//!
//! A file of CloudTrail is `{"Records": […]}`; EventBridge wraps one record in `{"detail": …}`; a record can stand by
//! itself; and several of these can follow each other. An object is taken whole or not at all: where its JSON breaks off,
//! nothing of it counts, so that a repaired or repeated delivery changes nothing but what it adds. A single record that
//! lacks what every record has, or that holds bytes that are no text, is left out and told, and the others count.

use crate::event::{Event, Recent, RecordError};
use crate::json::{JsonError, Kind, Scanner};
use crate::problem::ProblemKind;

/// What an object holds.
#[derive(Debug, Default)]
pub struct Document<'a> {
    /// Its records.
    pub events: Vec<Event<'a>>,
    /// Records that are none: the first's reason, and how many.
    pub bad: Option<(String, u64)>,
    recent: Recent<'a>,
}

/// Reads the text of an object.
pub fn read(text: &[u8]) -> Result<Document<'_>, (ProblemKind, String)> {
    read_into(text, Vec::new())
}

/// The same, into the memory of a list that is needed no more: [`Document::empty`] of the object before.
pub fn read_into<'a>(
    text: &'a [u8],
    memory: Vec<Event<'static>>,
) -> Result<Document<'a>, (ProblemKind, String)> {
    let json = |error: JsonError| (ProblemKind::Json, error.to_string());
    let mut document = Document {
        events: emptied(memory),
        ..Document::default()
    };
    let mut scanner = Scanner::new(text);
    let mut found = false;
    while !scanner.is_at_end() {
        match scanner.kind().map_err(json)? {
            Kind::Object => found |= one(&mut scanner, &mut document).map_err(json)?,
            // A list of records, as `aws cloudtrail` and other tools write it.
            Kind::Array => {
                scanner
                    .array(|element| {
                        if element.kind()? == Kind::Object {
                            found |= one(element, &mut document)?;
                            return Ok(());
                        }
                        element.skip().map(|_| ())
                    })
                    .map_err(json)?;
            }
            _ => return Err(json(JsonError::Unexpected(scanner.at()))),
        }
    }
    if found {
        return Ok(document);
    }
    Err((
        ProblemKind::NotCloudTrail,
        "it is JSON, but holds no records of CloudTrail".into(),
    ))
}

/// One JSON object: a file, an envelope, or a record. Says whether it is any of these.
fn one<'a>(scanner: &mut Scanner<'a>, document: &mut Document<'a>) -> Result<bool, JsonError> {
    let start = scanner.clone();
    let (mut found, mut bare) = (false, false);
    scanner.object(|name, value| match (name, value.kind()?) {
        (b"Records", Kind::Array) => {
            found = true;
            value.array(|value| document.record(value))
        }
        (b"detail", Kind::Object) => {
            found = true;
            document.record(value)
        }
        _ => {
            bare |= name == b"eventID" || name == b"eventSource";
            value.skip().map(|_| ())
        }
    })?;
    if !found && bare {
        document.record(&mut start.clone())?;
    }
    Ok(found || bare)
}

impl<'a> Document<'a> {
    /// The list's memory, for the next object: there are megabytes of it, and the system would have to clear them again.
    #[must_use]
    pub fn empty(self) -> Vec<Event<'static>> {
        emptied(self.events)
    }

    /// One record. Only what makes the rest unreadable is an error.
    fn record(&mut self, scanner: &mut Scanner<'a>) -> Result<(), JsonError> {
        if scanner.kind()? != Kind::Object {
            scanner.skip()?;
            self.bad("it is no object");
            return Ok(());
        }
        let start = scanner.clone();
        match Event::read(scanner, &mut self.recent) {
            Ok(event) => self.events.push(event),
            Err(RecordError::Json(JsonError::Text(at))) => {
                *scanner = start;
                scanner.skip()?;
                self.bad(&JsonError::Text(at).to_string());
            }
            Err(RecordError::Json(error)) => return Err(error),
            Err(lacks) => self.bad(&lacks.to_string()),
        }
        Ok(())
    }

    fn bad(&mut self, why: &str) {
        self.bad.get_or_insert_with(|| (why.to_owned(), 0)).1 += 1;
    }
}

/// A list without what was in it: what events borrow ends before the list does. The standard library keeps the memory where a
/// list is made of another in place.
#[expect(clippy::unnecessary_filter_map, reason = "a filter would not change the type")]
fn emptied<'b>(events: Vec<Event<'_>>) -> Vec<Event<'b>> {
    events.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;

    const RECORD: &str = r#"{"eventID":"1","eventTime":"2026-11-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject"}"#;

    fn count(text: &str) -> usize {
        read(text.as_bytes()).unwrap().events.len()
    }

    #[test]
    fn every_wrapping_holds_the_same_records() {
        assert_eq!(count(&format!(r#"{{"Records":[{RECORD},{RECORD}]}}"#)), 2);
        assert_eq!(
            count(&format!(
                r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{RECORD}}}"#
            )),
            1
        );
        assert_eq!(count(RECORD), 1);
        assert_eq!(count(&format!("{RECORD}\n{RECORD}\n")), 2);
        assert_eq!(count(&format!("[{RECORD},{RECORD}]")), 2);
        assert_eq!(count(r#"{"Records":[]}"#), 0);
        assert_eq!(
            count(&format!("\u{feff}{{\"Records\":[{RECORD}]}}")),
            1,
            "a byte order mark"
        );
    }

    #[test]
    fn what_is_no_trail_is_told() {
        for (text, kind) in [
            (&b"<?xml version=\"1.0\"?>"[..], ProblemKind::Json),
            (b"{\"Records\":[{\"eventID\":\"1\"", ProblemKind::Json),
            (b"{\"logFiles\":[]}", ProblemKind::NotCloudTrail),
            (b"[]", ProblemKind::NotCloudTrail),
            (b"\xff\xfe{\x00}\x00", ProblemKind::Json),
        ] {
            assert_eq!(
                read(text).unwrap_err().0,
                kind,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn one_bad_record_does_not_take_the_others() {
        let text = format!(r#"{{"Records":[{RECORD},{{"eventID":"2"}},7,{RECORD}]}}"#);
        let document = read(text.as_bytes()).unwrap();
        assert_eq!(document.events.len(), 2);
        assert_eq!(document.bad, Some(("it has no usable `eventTime`".into(), 2)));
        let mut bytes = format!(r#"{{"Records":[{RECORD},{RECORD}]}}"#).into_bytes();
        let at = bytes.windows(2).position(|two| two == b"s3").unwrap();
        bytes[at] = 0xff;
        let document = read(&bytes).unwrap();
        assert_eq!((document.events.len(), document.bad.unwrap().1), (1, 1));
    }
}
