//! A made-up lake with everything that a reader must survive, against what is known to be in it; and whatever the parts,
//! the order and the way in, the same comes out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use proptest::prelude::*;
use sv0_bench::trail::{Count, Key, Lake, Options};
use sv0_evidence::fold::Fold;
use sv0_evidence::json::Scanner;
use sv0_evidence::source::{Listing, Object, Source, SourceError, layout};
use sv0_evidence::time::Window;
use sv0_evidence::{Evidence, Mechanism, document};

fn lake(seed: u64) -> Lake {
    Lake::new(Options {
        seed,
        sessions: 140,
        calls: 12,
    })
}

/// Objects in memory, every other one in gzip.
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn of(lake: &Lake) -> Self {
        let objects = lake.objects.iter().enumerate().map(|(at, object)| {
            let text = if at % 2 == 0 {
                object.text.clone()
            } else {
                gzip(&object.text)
            };
            (object.name.clone(), text)
        });
        Self(objects.collect())
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

impl Source for Memory {
    fn list(&self, window: Window) -> Result<Listing, SourceError> {
        let mut listing = Listing::default();
        for (name, bytes) in &self.0 {
            match layout::look(name, window) {
                Ok(delivered) => listing.objects.push(Object {
                    name: name.clone(),
                    size: bytes.len() as u64,
                    delivered,
                    tag: String::new(),
                }),
                Err(left) => *listing.left.entry(left).or_default() += 1,
            }
        }
        Ok(listing)
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.extend_from_slice(&self.0[&object.name]);
        Ok(())
    }
}

fn counts(evidence: &Evidence) -> BTreeMap<Key, Count> {
    let mut counts: BTreeMap<Key, Count> = BTreeMap::new();
    for row in evidence.uses() {
        let origin = evidence.origin(row.session);
        let key = Key {
            origin: format!("{} {origin}", origin.label()),
            principal: row.principal.into(),
            source: row.source.into(),
            name: row.name.into(),
            resource: row.resource.into(),
            outcome: row.outcome.as_str(),
        };
        let (first, last) = (row.first.to_string(), row.last.to_string());
        let count = counts.entry(key).or_insert(Count {
            count: 0,
            first: first.clone(),
            last: last.clone(),
        });
        count.count += row.count;
        count.first = count.first.clone().min(first);
        count.last = count.last.clone().max(last);
    }
    counts
}

/// Everything that evidence says, as text.
fn all(evidence: &Evidence) -> Vec<String> {
    let uses = evidence.uses().map(|row| {
        let (origin, hops) = (evidence.origin(row.session), evidence.hops(row.session));
        let session = (
            evidence.principal_id(row.session),
            evidence.created(row.session),
            evidence.access_key(row.session),
        );
        format!(
            "{origin:?} {hops:?} {session:?} {:?}",
            (
                row.principal,
                row.source,
                row.name,
                row.resource,
                row.via,
                row.outcome,
                row.count,
                row.first,
                row.last,
                row.address,
                row.event
            )
        )
    });
    let mut all: Vec<String> = uses
        .chain(evidence.visible().iter().map(|one| format!("{one:?}")))
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_in_the_lake_is_found_and_nothing_else() {
    let lake = lake(1);
    let reading = sv0_evidence::read(&Memory::of(&lake), Window::ALL, &|_, _| {}).unwrap();
    let found = counts(&reading.evidence);
    for (key, count) in &lake.truth.counts {
        assert_eq!(found.get(key), Some(count), "{key:?}");
    }
    for key in found.keys() {
        assert!(lake.truth.counts.contains_key(key), "there was no {key:?}");
    }
    let named: BTreeSet<String> = reading
        .problems
        .list
        .iter()
        .map(|one| one.object.clone())
        .collect();
    assert_eq!(named, lake.truth.damaged);
    assert_eq!(
        reading.listed.left_out.values().sum::<u64>(),
        3,
        "digest, insight, aggregated"
    );
    let totals = reading.evidence.totals();
    assert_eq!(totals.records, lake.truth.records);
    assert!(
        totals.duplicates > 20 && totals.addenda > 0,
        "the lake has what it is there for: {totals:?}"
    );
}

#[test]
fn every_hop_has_its_record() {
    let lake = lake(2);
    let evidence = sv0_evidence::read(&Memory::of(&lake), Window::ALL, &|_, _| {})
        .unwrap()
        .evidence;
    let mut found: BTreeSet<(String, Vec<String>)> = BTreeSet::new();
    let mut deepest = 0;
    for session in evidence.sessions() {
        let hops = evidence.hops(session);
        deepest = deepest.max(hops.len());
        assert!(
            hops.iter().all(|hop| hop.mechanism != Mechanism::GetSessionToken),
            "that is no hop"
        );
        let events = hops.iter().map(|hop| hop.event.to_string()).collect();
        found.insert((evidence.principal_id(session).to_owned(), events));
    }
    assert_eq!(deepest, 2);
    for chain in &lake.truth.chains {
        assert!(found.contains(chain), "{chain:?}");
    }
}

/// The fold of some objects.
fn fold<'a>(objects: impl Iterator<Item = &'a [u8]>, window: Window) -> Fold {
    fold_into(Fold::new(window), objects)
}

fn fold_into<'a>(mut fold: Fold, objects: impl Iterator<Item = &'a [u8]>) -> Fold {
    for text in objects {
        for event in document::read(text)
            .map(|document| document.events)
            .unwrap_or_default()
        {
            fold.add(&event);
        }
    }
    fold
}

#[test]
fn one_by_one_and_wrapped_by_event_bridge_they_are_the_same() {
    let lake = lake(3);
    let texts = || {
        lake.objects
            .iter()
            .filter(|object| object.name.contains("/CloudTrail/"))
            .map(|object| object.text.as_slice())
    };
    let whole = fold(texts(), Window::ALL).finish();
    let mut single = Fold::new(Window::ALL);
    for text in texts() {
        let Ok(document) = document::read(text) else {
            continue;
        };
        let mut records = Vec::new();
        let _ = Scanner::new(text)
            .object(|_, value| value.array(|record| record.skip().map(|raw| records.push(raw))));
        assert_eq!(records.len(), document.events.len());
        for record in records {
            let envelope = [
                b"{\"version\":\"0\",\"source\":\"aws.s3\",\"detail\":",
                record,
                b"}",
            ]
            .concat();
            single.add(&document::read(&envelope).unwrap().events[0]);
        }
    }
    assert_eq!(all(&single.finish()), all(&whole));
}

#[test]
fn a_window_counts_its_own_and_knows_what_came_before() {
    let lake = lake(4);
    let window = Window {
        since: sv0_evidence::time::Time::parse("2026-10-10").unwrap(),
        until: sv0_evidence::time::Time::parse("2026-10-20").unwrap(),
    };
    let reading = sv0_evidence::read(&Memory::of(&lake), window, &|_, _| {}).unwrap();
    assert!(
        reading.listed.left_out.values().sum::<u64>() > 3,
        "objects of other days are not read"
    );
    let known: BTreeSet<String> = lake.truth.counts.keys().map(|key| key.origin.clone()).collect();
    let mut rows = 0;
    for row in reading.evidence.uses() {
        assert!(window.contains(row.first) && window.contains(row.last));
        let origin = reading.evidence.origin(row.session);
        assert!(
            known.contains(&format!("{} {origin}", origin.label())),
            "{origin:?} {row:?}"
        );
        rows += 1;
    }
    assert!(rows > 100);
}

#[test]
fn what_files_hold_around_a_window_changes_nothing() {
    let time = |text: &str| sv0_evidence::time::Time::parse(text).unwrap();
    let window = Window {
        since: time("2026-11-10"),
        until: time("2026-11-11"),
    };
    let record = |id: u32, at: &str, identity: &str| {
        format!(
            r#"{{"eventID":"{id}","eventTime":"{at}","eventSource":"s3.amazonaws.com","eventName":"GetObject",
            "recipientAccountId":"111111111111","userIdentity":{identity}}}"#
        )
    };
    // The resource owner's copy has the id of the caller's role; the caller's own records its name.
    let copy = r#"{"type":"AWSAccount","accountId":"222222222222","principalId":"AROAEXAMPLE:s"}"#;
    let own = r#"{"type":"AssumedRole","accountId":"222222222222","principalId":"AROAEXAMPLE:s",
        "sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::222222222222:role/r"}}}"#;
    let inside = record(1, "2026-11-10T12:00:00Z", copy);
    let says = |records: &[&str]| all(&fold(records.iter().map(|text| text.as_bytes()), window).finish());
    let alone = says(&[&inside]);
    // Whether a file holds these, too, hangs on when it was delivered. Rows and messages have no files.
    for at in ["2026-11-08T11:59:59Z", "2026-11-11T00:00:00Z"] {
        assert_eq!(says(&[&inside, &record(2, at, own)]), alone, "{at}");
    }
    assert_ne!(
        says(&[&inside, &record(2, "2026-11-08T12:00:00Z", own)]),
        alone,
        "36 hours before"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Parts may be of any size, overlap, and come in any order, and have any room for ids before they go to a file.
    #[test]
    fn the_parts_of_a_lake_merge_into_the_whole(
        seed in 0_u64..1000,
        places in prop::collection::vec(0_usize..4, 400),
        twice in prop::collection::vec(any::<bool>(), 400),
        turn in 0_usize..4,
        rooms in prop::collection::vec(prop_oneof![Just(usize::MAX), 20_usize..300], 4),
    ) {
        let lake = Lake::new(Options { seed, sessions: 56, calls: 6 });
        let whole = fold(lake.objects.iter().map(|object| object.text.as_slice()), Window::ALL).finish();
        let mut parts: Vec<Fold> = (0..4).map(|part| {
            let mine = lake.objects.iter().enumerate().filter(|(at, _)| {
                places[at % 400] == part || twice[at % 400] && (places[at % 400] + 1) % 4 == part
            });
            fold_into(Fold::with_room(Window::ALL, rooms[part]), mine.map(|(_, object)| object.text.as_slice()))
        }).collect();
        parts.rotate_left(turn);
        let mut merged = parts.pop().unwrap();
        for part in parts {
            merged.merge(part);
        }
        let merged = merged.finish();
        let overlap = merged.totals().records - whole.totals().records;
        prop_assert!(merged.totals().duplicates <= whole.totals().duplicates + overlap);
        prop_assert_eq!(all(&merged), all(&whole));
    }
}
