//! The generated organisation: the same bytes for the same seed, of the shape that it promises, and read by sv0 without
//! damage in each format.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sv0_analyze::normalize;
use sv0_bench::{Manifest, Organization, Preset, Size, gaad, iam_collect};
use sv0_input::{Format, Loaded, snapshot};
use sv0_model::coverage::Reason;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

const SEED: u64 = 7;

fn small() -> Organization {
    Organization::new(SEED, Preset::S.size())
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn load(path: PathBuf) -> Loaded {
    sv0_input::load(&[path]).unwrap()
}

fn header() -> snapshot::Header {
    snapshot::Header {
        version: snapshot::VERSION,
        created_at: "2026-01-05T10:00:00Z".into(),
        tool: "test".into(),
        source: "test".into(),
    }
}

/// FNV-1a.
fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                out.insert(name, fs::read(path).unwrap());
            }
        }
    }
    out
}

/// AWS's own policies stand as this sv0 has them embedded; they are no part of what is pinned.
fn is_of_aws(record: &Record) -> bool {
    record.id.starts_with("arn:aws:iam::aws:policy/")
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let line = |record: Record| serde_json::to_string(&record).unwrap() + "\n";
    let pinned = |seed| {
        let org = Organization::new(seed, Preset::S.size());
        let lines = org.records().filter(|record| !is_of_aws(record)).map(line);
        hash(lines.flat_map(String::into_bytes).collect::<Vec<u8>>())
    };
    assert_eq!(pinned(SEED), pinned(SEED));
    assert_ne!(pinned(SEED), pinned(8));
    // A change here makes every earlier measurement incomparable: say so in CHANGELOG.md.
    assert_eq!(pinned(SEED), 7_804_189_292_341_741_333);
}

#[test]
fn every_format_is_written_the_same_twice() {
    let (once, twice) = (folder("once"), folder("twice"));
    for to in [&once, &twice] {
        gaad::write(&small(), &to.join("gaad")).unwrap();
        iam_collect::write(&small(), &to.join("iam-collect")).unwrap();
        snapshot::write_stream(
            &to.join("org.sv0.jsonl.zst"),
            &header(),
            small().records().map(Ok),
            &[],
        )
        .unwrap();
    }
    assert!(files(&once) == files(&twice));
}

#[test]
fn no_policy_draws_a_diagnostic() {
    let loaded = Loaded {
        records: Organization::new(SEED, Preset::M.size()).records().collect(),
        ..Loaded::default()
    };
    let world = normalize::build(loaded.records, loaded.gaps);
    let own: Vec<String> = world
        .policy_problems
        .iter()
        .filter(|problem| !problem.holder.starts_with("arn:aws:iam::aws:policy/"))
        .map(|problem| format!("{}: {}", problem.holder, problem.diagnostic))
        .collect();
    assert!(own.is_empty(), "{own:#?}");
    assert!(world.gaps.is_empty(), "{:#?}", world.gaps);
}

#[test]
fn the_shape_is_as_promised() {
    let org = Organization::new(SEED, Preset::M.size());
    let records: Vec<Record> = org.records().filter(|record| !is_of_aws(record)).collect();
    let (mut all, mut everything, mut conditional) = (0, 0, 0);
    for record in &records {
        if !matches!(record.kind, Kind::IamRole | Kind::IamUser | Kind::IamPolicy)
            || record.name.starts_with("boundary-")
        {
            continue;
        }
        for policy in record
            .policies
            .iter()
            .filter(|p| matches!(p.slot, Slot::Inline | Slot::Document))
        {
            let document: Value = serde_json::from_str(policy.document.as_str()).unwrap();
            for statement in document["Statement"].as_array().unwrap() {
                all += 1;
                everything += usize::from(statement["Resource"] == "*");
                conditional += usize::from(statement.get("Condition").is_some());
            }
        }
    }
    let percent = |part: usize| part * 100 / all;
    assert!(all > 2_000, "{all}");
    assert!((8..=12).contains(&percent(everything)), "{}", percent(everything));
    assert!(
        (29..=37).contains(&percent(conditional)),
        "{}",
        percent(conditional)
    );

    let of = |kinds: &[Kind]| {
        records
            .iter()
            .filter(|r| kinds.contains(&r.kind))
            .collect::<Vec<_>>()
    };
    let share =
        |of: &[&Record], has: &dyn Fn(&Record) -> bool| of.iter().filter(|r| has(r)).count() * 100 / of.len();
    let refers = |rel: EdgeKind| move |r: &Record| r.refs.iter().any(|reference| reference.rel == rel);
    let stores = of(&[
        Kind::S3Bucket,
        Kind::DynamodbTable,
        Kind::SecretsManagerSecret,
        Kind::SqsQueue,
        Kind::SnsTopic,
    ]);
    let encrypted = share(&stores, &refers(EdgeKind::EncryptedWith));
    assert!((42..=58).contains(&encrypted), "{encrypted}");
    let roles = of(&[Kind::IamRole]);
    let bounded = share(&roles, &refers(EdgeKind::SubjectTo));
    assert!((8..=25).contains(&bounded), "{bounded}");
    let shared = |r: &Record| {
        r.refs
            .iter()
            .any(|reference| reference.to.contains("policy/platform-"))
    };
    assert!(share(&roles, &shared) > 60);
    let other_accounts = |r: &Record| {
        let trust = r.policies.iter().find(|p| p.slot == Slot::Trust).unwrap();
        let own = r.account.clone().unwrap();
        let text = trust.document.as_str();
        text.contains("arn:aws:iam::") && !text.contains(&own) && !text.contains("arn:aws:iam::aws")
    };
    assert!((5..=25).contains(&share(&roles, &other_accounts)));
    for kind in [Kind::LambdaFunction, Kind::Ec2Instance, Kind::EcsTask] {
        assert!(share(&of(&[kind]), &refers(EdgeKind::RunsAs)) > 95);
    }
    // Root, unit, unit, account.
    let parent = |id: &str| {
        let found = records.iter().find(|r| r.id == id).unwrap();
        found
            .refs
            .iter()
            .find(|r| r.rel == EdgeKind::MemberOf)
            .map(|r| r.to.clone())
    };
    for account in of(&[Kind::AwsAccount]).iter().filter(|r| r.name != "management") {
        let up = parent(&parent(&parent(&account.id).unwrap()).unwrap()).unwrap();
        assert!(up.starts_with("r-"), "{up}");
    }
}

/// What is damage, or is missing though the format could hold it.
fn damage(loaded: &Loaded) -> Vec<&str> {
    let real = loaded.gaps.iter().filter(|gap| gap.reason != Reason::NotInInput);
    real.map(|gap| gap.detail.as_str()).collect()
}

#[test]
fn a_snapshot_gives_the_records_back() {
    let path = folder("snapshot").join("org.sv0.jsonl.zst");
    let written = snapshot::write_stream(&path, &header(), small().records().map(Ok), &[]).unwrap();
    let loaded = load(path);
    assert_eq!((loaded.records.len(), loaded.gaps.len()), (written, 0));
    assert_eq!(loaded.records, small().records().collect::<Vec<_>>());
    assert_eq!(Manifest::new(&small()).entities, written);
}

#[test]
fn account_authorization_details_hold_the_same_identities() {
    let to = folder("gaad");
    assert_eq!(gaad::write(&small(), &to).unwrap(), 5);
    let loaded = load(to);
    assert_eq!(damage(&loaded), Vec::<&str>::new());
    assert!(loaded.sources.iter().all(|source| source.format == Format::Gaad));
    let iam = [
        Kind::IamUser,
        Kind::IamGroup,
        Kind::IamRole,
        Kind::ServiceLinkedRole,
        Kind::IamPolicy,
    ];
    same(&loaded, &|record| iam.contains(&record.kind), &|record| {
        for name in ["console", "mfa", "access_keys"] {
            record.attrs.remove(name);
        }
    });
}

#[test]
fn an_iam_collect_folder_holds_the_same_and_only_lacks_what_it_never_has() {
    let to = folder("iam-collect");
    iam_collect::write(&small(), &to).unwrap();
    let loaded = load(to);
    assert_eq!(damage(&loaded), Vec::<&str>::new());
    assert_eq!(
        (loaded.gaps.len(), loaded.sources.len()),
        (1, 1),
        "{:#?}",
        loaded.gaps
    );
    let held = |record: &Record| !matches!(record.kind, Kind::Ec2Instance | Kind::EcsTask);
    same(&loaded, &held, &|record| {
        for name in ["console", "mfa", "access_keys", "runtime"] {
            record.attrs.remove(name);
        }
        record
            .refs
            .retain(|reference| reference.rel != EdgeKind::TriggeredBy);
        if record.kind == Kind::DynamodbTable {
            record.refs.clear();
        }
        if matches!(record.kind, Kind::AwsOu | Kind::AwsAccount) {
            record.created_at = None;
        }
        if matches!(record.kind, Kind::Scp | Kind::Rcp) {
            // The reader names policies by their ARNs.
            let arn = record
                .attrs
                .remove("arn")
                .and_then(|arn| arn.as_str().map(str::to_owned));
            record.id = arn.unwrap_or(std::mem::take(&mut record.id));
            record.account = record
                .account
                .clone()
                .filter(|account| record.id.contains(account.as_str()));
        }
    });
}

/// Holds what was loaded against what was generated, as far as the format goes.
fn same(loaded: &Loaded, held: &dyn Fn(&Record) -> bool, reduce: &dyn Fn(&mut Record)) {
    let used: Vec<&str> = loaded.records.iter().map(|r| r.id.as_str()).collect();
    let mut expected: Vec<Record> = small()
        .records()
        .filter(|record| held(record))
        // A policy of AWS's that nobody has is in no account.
        .filter(|record| !is_of_aws(record) || used.contains(&record.id.as_str()))
        .map(|mut record| {
            reduce(&mut record);
            record
        })
        .collect();
    let key = |record: &Record| (record.kind.as_str(), record.id.clone());
    expected.sort_by_key(key);
    assert_eq!(
        used,
        expected.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
        "the same entities"
    );
    for (found, expected) in loaded.records.iter().zip(&expected) {
        let (mut found, mut expected) = (found.clone(), expected.clone());
        for record in [&mut found, &mut expected] {
            record.refs.sort_by(|a, b| (a.rel, &a.to).cmp(&(b.rel, &b.to)));
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn the_questions_name_what_there_is() {
    for preset in [Preset::S, Preset::M] {
        let org = Organization::new(SEED, preset.size());
        let manifest = Manifest::new(&org);
        let ids: Vec<String> = org.records().map(|record| record.id).collect();
        for name in [
            "organization_object",
            "account_object",
            "encrypted_object",
            "table",
            "secret",
            "queue",
            "typical_role",
            "admin_role",
            "bounded_role",
        ] {
            let Some(question) = manifest.questions.get(name) else {
                assert!(preset == Preset::S && name == "admin_role", "{name}");
                continue;
            };
            let entity = question.target.trim_end_matches("/report.csv");
            assert!(ids.iter().any(|id| id == entity), "{name}: {}", question.target);
        }
    }
}

#[test]
fn a_size_is_kept_to() {
    let size = Size {
        users: 3,
        buckets: 17,
        ..Preset::S.size()
    };
    let manifest = Manifest::new(&Organization::new(SEED, size));
    let roles = manifest.counts["iam_role"] + manifest.counts["service_linked_role"];
    assert_eq!(
        (roles, manifest.counts["iam_user"], manifest.counts["s3_bucket"]),
        (100, 3, 17)
    );
}
