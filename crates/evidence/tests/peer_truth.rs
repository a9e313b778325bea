//! Held against the ground truth of another generator: `SV0_TRAIL_TRUTH` names folders that `gen_trail.py` has written.
//! `make evidence-truth` makes them where that generator is; elsewhere this test has nothing to read, and says so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sv0_evidence::event::Outcome;
use sv0_evidence::identity::IdentityType;
use sv0_evidence::origin::{Origin, Why};
use sv0_evidence::source::Local;
use sv0_evidence::time::Window;
use sv0_evidence::{Evidence, Reading, SessionId};

fn text(path: PathBuf) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn lines(path: PathBuf) -> Vec<Value> {
    text(path)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Sessions of which a record of their own can be read: not lost (L), not only the resource owner's copy (S).
fn with_own_records(folder: &Path) -> BTreeSet<u64> {
    let events = text(folder.join("truth_events.tsv.gz"));
    let own = events.lines().skip(1).filter_map(|line| {
        let [_, session, _, flags] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        (!flags.contains(['L', 'S', 'N'])).then(|| session.parse().unwrap())
    });
    own.collect()
}

/// An origin as the generator writes it.
fn origin(evidence: &Evidence, session: SessionId) -> String {
    match evidence.origin(session) {
        Origin::User { arn } => format!("iamuser:{arn}"),
        Origin::Root { account } => format!("root:{account}"),
        Origin::IdentityCenter { name } => format!("idc:{name}"),
        Origin::Oidc { provider, subject } if provider.starts_with("token.actions") => {
            format!("github:{subject}")
        }
        Origin::Oidc { provider, subject } => format!("irsa:{provider}:{subject}"),
        Origin::Workload {
            service,
            name,
            region,
            account,
        } => match service.as_str() {
            "ec2.amazonaws.com" => format!("ec2:arn:aws:ec2:{region}:{account}:instance/{name}"),
            "lambda.amazonaws.com" => format!("lambda:arn:aws:lambda:{region}:{account}:function:{name}"),
            "ecs-tasks.amazonaws.com" => {
                // The truth names the ECS service, after which the generator has named the role.
                let hops = evidence.hops(session);
                let role = hops
                    .first()
                    .map_or_else(|| role_of_task(evidence, name), |hop| hop.to.clone());
                let (_, task) = role.split_once("ecs-task-").unwrap();
                format!("ecs:arn:aws:ecs:{region}:{account}:service/main/{task}")
            }
            _ => format!("x509:{}", evidence.source_identity(session)),
        },
        Origin::Service { name } => format!("awsservice:{name}"),
        Origin::External { account, principal } => format!("external:{account}:{principal}"),
        Origin::Anonymous => "anonymous".into(),
        other => format!("?{other}"),
    }
}

/// The role that ECS took for a task.
fn role_of_task(evidence: &Evidence, task: &str) -> String {
    let mut hops = evidence.sessions().flat_map(|session| {
        evidence
            .hops(session)
            .into_iter()
            .take(1)
            .map(move |hop| (session, hop))
    });
    let of_task = hops.find(
        |(session, _)| matches!(evidence.origin(*session), Origin::Workload { name, .. } if name == task),
    );
    of_task.map_or_else(|| "?ecs-task-".into(), |(_, hop)| hop.to)
}

fn principal(evidence: &Evidence, session: SessionId) -> String {
    match evidence.kind(session) {
        IdentityType::SamlUser => format!("idc:{}", evidence.principal(session)),
        IdentityType::WebIdentityUser => origin(evidence, session),
        _ => evidence.principal(session).to_owned(),
    }
}

fn read(folder: &Path) -> Reading {
    let source = Local::new(vec![folder.join("lake")]);
    sv0_evidence::read(&source, Window::ALL, &|_, _| {}).unwrap()
}

fn check(folder: &Path) {
    let reading = read(folder);
    let evidence = &reading.evidence;
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();

    // Every damaged object is named, and nothing else is.
    let named: BTreeSet<&str> = reading
        .problems
        .list
        .iter()
        .map(|one| one.object.as_str())
        .collect();
    let damaged: Vec<String> = manifest["corrupt"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            folder
                .join("lake")
                .join(one["path"].as_str().unwrap())
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(
        named,
        damaged.iter().map(String::as_str).collect(),
        "{:?}",
        reading.problems
    );

    // Sessions: every chain that can be resolved is, and none to somebody else.
    let mut mine: BTreeMap<(String, String), Vec<SessionId>> = BTreeMap::new();
    for session in evidence.sessions() {
        let created = evidence
            .created(session)
            .map_or(String::new(), |time| time.to_string());
        mine.entry((evidence.principal_id(session).to_owned(), created))
            .or_default()
            .push(session);
    }
    let own = with_own_records(folder);
    let (mut resolved, mut unresolved, mut hops) = (0, 0, 0);
    for truth in lines(folder.join("truth_sessions.jsonl.gz")) {
        let (Some(id), Some(created)) = (truth["principalId"].as_str(), truth["creationDate"].as_str())
        else {
            continue;
        };
        if !own.contains(&truth["session"].as_u64().unwrap()) || truth["kind"] == "rootsess" {
            continue;
        }
        let found = mine.get(&(id.to_owned(), created.to_owned()));
        let found = found.unwrap_or_else(|| panic!("no session for {truth}"));
        let key = truth["accessKeyId"].as_str().unwrap_or_default();
        let found: Vec<SessionId> = found
            .iter()
            .copied()
            .filter(|one| found.len() == 1 || [key, ""].contains(&evidence.access_key(*one)))
            .collect();
        assert!(!found.is_empty(), "no session for {truth}");
        for session in found {
            let got = origin(evidence, session);
            if truth["resolvable"] == true {
                assert_eq!(got, truth["origin"].as_str().unwrap(), "{truth}");
                // The records of the chain, where both name them.
                let events: Vec<String> = evidence
                    .hops(session)
                    .iter()
                    .map(|hop| hop.event.to_string())
                    .collect();
                let wanted: Vec<&str> = truth["hops"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(|hop| hop["event"].as_str())
                    .collect();
                if !wanted.is_empty() {
                    assert_eq!(events, wanted, "{truth}");
                }
                hops += events.len();
                resolved += 1;
            } else {
                assert!(
                    got.starts_with('?') || got == truth["origin"].as_str().unwrap(),
                    "invented: {got} for {truth}"
                );
                unresolved += 1;
            }
        }
    }

    // Counts, by origin, principal, call and resource.
    type Key = (String, String, String, String, String);
    let mut mine: BTreeMap<Key, (u64, String, String)> = BTreeMap::new();
    let mut unknown: BTreeMap<(String, String, String, String), u64> = BTreeMap::new();
    for row in evidence.uses().filter(|row| row.outcome == Outcome::Success) {
        let start = origin(evidence, row.session);
        let who = principal(evidence, row.session);
        let (first, last) = (row.first.to_string(), row.last.to_string());
        if start.starts_with('?') {
            *unknown
                .entry((
                    row.source.into(),
                    row.name.into(),
                    row.resource.into(),
                    String::new(),
                ))
                .or_default() += row.count;
            continue;
        }
        let key = (
            start,
            who,
            row.source.into(),
            row.name.into(),
            row.resource.into(),
        );
        let entry = mine.entry(key).or_insert((0, first.clone(), last.clone()));
        entry.0 += row.count;
        entry.1 = entry.1.clone().min(first);
        entry.2 = entry.2.clone().max(last);
    }
    let (mut rows, mut events, mut less) = (0, 0, 0);
    for truth in lines(folder.join("truth_agg.jsonl.gz")) {
        let text = |name: &str| truth[name].as_str().unwrap().to_owned();
        let key = (
            text("origin"),
            text("principal"),
            text("eventSource"),
            text("eventName"),
            text("resource"),
        );
        let count = truth["count"].as_u64().unwrap();
        rows += 1;
        events += count;
        let got = mine.remove(&key).unwrap_or((0, String::new(), String::new()));
        assert!(got.0 <= count, "more than there was: {got:?} for {truth}");
        if got.0 == count {
            assert_eq!((got.1, got.2), (text("first"), text("last")), "{truth}");
            continue;
        }
        // What is missing must be among what is said to be of unknown origin.
        let missing = count - got.0;
        let left = unknown.get_mut(&(key.2, key.3, key.4, String::new()));
        let left = left.unwrap_or_else(|| panic!("{missing} events are missing: {truth}"));
        assert!(*left >= missing, "{missing} events are missing: {truth}");
        *left -= missing;
        less += missing;
    }
    assert!(
        mine.is_empty(),
        "there was no such thing: {:?}",
        mine.iter().next()
    );
    assert_eq!(unknown.values().sum::<u64>(), 0, "{unknown:?}");
    println!(
        "{}: {resolved} sessions resolved, {unresolved} not resolvable, {hops} hops with their records; {rows} rows, {events} events, of these {less} of an origin said to be unknown; {:?}",
        folder.display(),
        evidence.totals()
    );
    // Beyond the chains that nobody can resolve, only calls are left of which nothing but the owner's copy can be read.
    let most = manifest["events_unresolvable"].as_u64().unwrap() + owners_copies(evidence);
    assert!(less <= most, "{less} of at most {most}");
}

fn owners_copies(evidence: &Evidence) -> u64 {
    let only = |session| {
        matches!(
            evidence.origin(session),
            Origin::Unknown {
                why: Why::OwnersCopyOnly
            }
        )
    };
    evidence
        .uses()
        .filter(|row| only(row.session))
        .map(|row| row.count)
        .sum()
}

#[test]
fn every_resolvable_chain_is_resolved_and_none_is_invented() {
    let Some(folders) = std::env::var_os("SV0_TRAIL_TRUTH") else {
        println!("SKIPPED: SV0_TRAIL_TRUTH names no folders of gen_trail.py");
        return;
    };
    for folder in std::env::split_paths(&folders) {
        check(&folder);
    }
}

/// 55 real files of a public data set (`SV0_TRAIL_REAL`): nothing is lost, and every session of a role that is resolved
/// comes from a call that is in them.
#[test]
fn real_files_are_read_whole() {
    let Some(folder) = std::env::var_os("SV0_TRAIL_REAL") else {
        println!("SKIPPED: SV0_TRAIL_REAL names no folder of real files");
        return;
    };
    let folder = PathBuf::from(folder);
    let source = Local::new(vec![folder.clone()]);
    let reading = sv0_evidence::read(&source, Window::ALL, &|_, _| {}).unwrap();
    let evidence = &reading.evidence;
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);

    // A second reader, which knows nothing of ours.
    let mut records: BTreeMap<String, Value> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".json.gz") {
            let file: Value = serde_json::from_str(&text(path)).unwrap();
            for record in file["Records"].as_array().unwrap() {
                records.insert(record["eventID"].as_str().unwrap().to_owned(), record.clone());
            }
        }
    }
    assert_eq!(
        evidence.totals().records - evidence.totals().duplicates,
        records.len() as u64
    );
    // Each call by who and what, whatever it was on: of several resources the one that it was on most counts.
    let mut theirs: BTreeMap<(String, String, bool), u64> = BTreeMap::new();
    for record in records.values() {
        let failed = record.get("errorCode").is_some()
            || record["responseElements"].to_string().contains("\"Failure\"");
        let key = (
            record["eventSource"].to_string(),
            record["eventName"].to_string(),
            failed,
        );
        *theirs.entry(key).or_default() += 1;
    }
    let mut ours: BTreeMap<(String, String, bool), u64> = BTreeMap::new();
    for row in evidence.uses() {
        let key = (
            format!("{:?}", row.source),
            format!("{:?}", row.name),
            row.outcome != Outcome::Success,
        );
        *ours.entry(key).or_default() += row.count;
    }
    let mut several = 0;
    for (key, count) in &theirs {
        let mine = ours.get(key).copied().unwrap_or_default();
        assert!(mine >= *count, "{key:?}: {mine} of {count}");
        several += u64::from(mine > *count);
    }
    assert!(several < 5, "calls on several resources are few: {several}");

    let (mut resolved, mut unresolved) = (0, BTreeMap::new());
    for session in evidence
        .sessions()
        .filter(|session| evidence.kind(*session) == IdentityType::AssumedRole)
    {
        let hops = evidence.hops(session);
        for hop in &hops {
            let mint = &records[&hop.event.to_string()];
            assert_eq!(mint["eventSource"], "sts.amazonaws.com");
        }
        let id = evidence.principal_id(session);
        if let Some(last) = hops.last() {
            let mint = &records[&last.event.to_string()];
            let named = &mint["responseElements"]["assumedRoleUser"]["assumedRoleId"];
            if named.is_null() {
                // EC2's own calls name the instance in the request only.
                let name = mint["requestParameters"]["roleSessionName"].as_str().unwrap();
                assert!(id.ends_with(&format!(":{name}")));
                assert!(
                    matches!(evidence.origin(session), Origin::Workload { name: found, .. } if found == name)
                );
            } else {
                assert_eq!(named, id);
            }
            resolved += 1;
        } else {
            *unresolved
                .entry(evidence.origin(session).to_string())
                .or_insert(0) += 1;
        }
    }
    println!(
        "{} records; {resolved} sessions of roles resolved, not: {unresolved:?}",
        records.len()
    );
    assert!(resolved > 0);
}
