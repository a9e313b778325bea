//! A lake that grows, read in many runs that are interrupted and fail in part, says what it says when it is read once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use sv0_bench::trail::{Lake, Options};
use sv0_evidence::Evidence;
use sv0_evidence::problem::ProblemKind;
use sv0_evidence::source::{Listing, Object, Source, SourceError, layout};
use sv0_evidence::state::{Keep, State, StateError, StateFile, TakeError};
use sv0_evidence::time::{DAY, Time, Window};

/// A lake of which some is there, and some cannot be fetched.
#[derive(Default)]
struct Growing {
    objects: BTreeMap<String, Vec<u8>>,
    broken: Vec<String>,
    fetched: Mutex<Vec<String>>,
}

impl Source for Growing {
    fn list(&self, window: Window) -> Result<Listing, SourceError> {
        let mut listing = Listing::default();
        for (name, bytes) in &self.objects {
            match layout::look(name, window) {
                Ok(delivered) => listing.objects.push(Object {
                    name: name.clone(),
                    size: bytes.len() as u64,
                    delivered,
                    tag: bytes.len().to_string(),
                }),
                Err(left) => *listing.left.entry(left).or_default() += 1,
            }
        }
        Ok(listing)
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        if self.broken.contains(&object.name) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.fetched.lock().unwrap().push(object.name.clone());
        bytes.extend_from_slice(&self.objects[&object.name]);
        Ok(())
    }
}

/// Everything that evidence says, as text.
fn all(evidence: &Evidence) -> Vec<String> {
    let uses = evidence.uses().map(|row| {
        let (origin, hops) = (evidence.origin(row.session), evidence.hops(row.session));
        let who = (evidence.principal_id(row.session), evidence.created(row.session));
        let what = (
            row.principal,
            row.source,
            row.name,
            row.resource,
            row.via,
            row.outcome,
        );
        let how = (row.count, row.first, row.last, row.address, row.event);
        format!("{origin:?} {hops:?} {who:?} {what:?} {how:?}")
    });
    let visible = evidence.visible().iter().map(|one| format!("{one:?}"));
    let mut all: Vec<String> = uses.chain(visible).collect();
    all.push(format!("{:?}", evidence.totals()));
    all.sort();
    all
}

/// One run of a process: what is in the file, what is new, and back. It dies before it writes for the `lives`-th time.
fn run(source: &Growing, file: &StateFile, now: Time, lives: u32) -> Result<State, TakeError> {
    let mut state = file.read()?.unwrap_or_else(|| State::new(Window::ALL));
    let left = Cell::new(lives);
    let mut write = |state: &State| {
        if left.get() == 0 {
            return Err(StateError::Busy {
                path: "(it dies here)".into(),
            });
        }
        left.set(left.get() - 1);
        file.write(state)
    };
    let keep = Keep {
        now,
        late: 3 * DAY,
        every: Duration::ZERO,
        write: &mut write,
    };
    state.take("lake", source, Some(keep), &|_, _| {})?;
    Ok(state)
}

fn delivered(name: &str) -> Time {
    layout::look(name, Window::ALL)
        .ok()
        .flatten()
        .unwrap_or(Time::MIN)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Objects turn up in time, or up to two days late; some runs die, in some a few objects cannot be fetched.
    #[test]
    fn many_runs_say_what_one_says(
        seed in 0_u64..1000,
        late in prop::collection::vec(0_u32..2 * DAY, 64),
        runs in prop::collection::vec((1_u32..6 * DAY, 0_u32..9, any::<prop::sample::Index>()), 1..9),
    ) {
        let lake = Lake::new(Options { seed, sessions: 56, calls: 6 });
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::take(&folder.path().join("state")).unwrap();
        let first = lake.objects.iter().map(|object| delivered(&object.name)).filter(|at| *at > Time::MIN).min();
        let mut now = first.unwrap();
        let mut source = Growing::default();
        let appear = |source: &mut Growing, now: Time| {
            for (at, object) in lake.objects.iter().enumerate() {
                if delivered(&object.name).plus(late[at % late.len()]) < now {
                    source.objects.insert(object.name.clone(), object.text.clone());
                }
            }
        };
        for (passed, lives, broken) in runs {
            now = now.plus(passed);
            appear(&mut source, now);
            source.broken = source.objects.keys().skip(broken.index(20)).step_by(7).cloned().collect();
            let _ = run(&source, &file, now, lives);
        }
        now = Time::MAX;
        appear(&mut source, now);
        source.broken.clear();
        run(&source, &file, now, u32::MAX).unwrap();
        let kept = file.read().unwrap().unwrap().reading(Time::MAX);
        let once = sv0_evidence::read(&source, Window::ALL, &|_, _| {}).unwrap();
        prop_assert_eq!(all(&kept.evidence), all(&once.evidence));
        prop_assert_eq!(kept.problems, once.problems);
        prop_assert_eq!(kept.listed.objects, once.listed.objects);
        // Nothing that was written down is fetched again.
        source.fetched.lock().unwrap().clear();
        run(&source, &file, now, u32::MAX).unwrap();
        prop_assert_eq!(source.fetched.into_inner().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn what_could_not_be_fetched_is_told_and_tried_again() {
    let lake = Lake::new(Options {
        seed: 7,
        sessions: 20,
        calls: 4,
    });
    let folder = tempfile::tempdir().unwrap();
    let file = StateFile::take(&folder.path().join("state")).unwrap();
    let mut source = Growing::default();
    for object in &lake.objects {
        source.objects.insert(object.name.clone(), object.text.clone());
    }
    let bad = source
        .objects
        .keys()
        .find(|name| delivered(name) > Time::MIN)
        .unwrap()
        .clone();
    source.broken = vec![bad.clone()];
    let unread = |state: &State| {
        let copy = state.problems();
        copy.list
            .iter()
            .filter(|one| one.kind == ProblemKind::Unreadable)
            .map(|one| one.object.clone())
            .collect::<Vec<_>>()
    };
    // Years after: all days are long settled.
    let state = run(&source, &file, Time::MAX, u32::MAX).unwrap();
    assert_eq!(unread(&state), std::slice::from_ref(&bad));
    source.broken.clear();
    source.fetched.lock().unwrap().clear();
    let state = run(&source, &file, Time::MAX, u32::MAX).unwrap();
    assert_eq!(unread(&state), Vec::<String>::new());
    assert_eq!(*source.fetched.lock().unwrap(), [bad]);
}

#[test]
fn a_state_file_is_used_by_one_run_and_never_half_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let file = StateFile::take(&path).unwrap();
    assert!(file.read().unwrap().is_none());
    assert!(matches!(StateFile::take(&path), Err(StateError::Busy { .. })));
    let source = Growing {
        objects: Lake::new(Options {
            seed: 9,
            sessions: 20,
            calls: 4,
        })
        .objects
        .into_iter()
        .map(|object| (object.name, object.text))
        .collect(),
        ..Growing::default()
    };
    run(&source, &file, Time(u32::MAX), u32::MAX).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            matches!(file.read(), Err(StateError::Damaged { .. })),
            "cut after {length}"
        );
    }
    for at in [20, whole.len() / 3, whole.len() - 9] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        std::fs::write(&path, &bytes).unwrap();
        assert!(
            matches!(file.read(), Err(StateError::Damaged { .. })),
            "flipped at {at}"
        );
    }
    std::fs::write(&path, &whole).unwrap();
    assert!(file.read().unwrap().is_some());
    drop(file);
    StateFile::take(&path).unwrap();
}
