//! How long it takes until the steps of a whole organisation are right again after one policy document changed, beside
//! working everything out anew.
//!
//! `make bench-live ROLES=100000`: everything else is in proportion. That both come to the same is a test:
//! `crates/analyze/tests/live.rs`.

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sv0_analyze::live::{Done, Edit, Live};
use sv0_analyze::normalize;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::steps::Steps;
use sv0_analyze::world::World;
use sv0_bench::Organization;
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicyText, Record};

/// The allocator of the `sv0` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "scale/size.rs"]
mod size;

/// Documents of each kind that are changed.
const SAMPLES: usize = 40;

fn main() {
    let roles = std::env::var("ROLES").map_or(Ok(100_000), |text| text.parse());
    let roles: usize = roles.expect("a number of roles");
    let records: Vec<Record> = Organization::new(7, size::of(roles)).records().collect();
    let anew = {
        let records = records.clone();
        let start = Instant::now();
        let world = normalize::build(records, Vec::new());
        std::hint::black_box(Steps::build(&world));
        start.elapsed()
    };
    let mut live = Live::new(records, Vec::new(), &Rules::default());
    println!(
        "{} entities, {} steps; the world and its steps anew: {:.2} s\n",
        live.world().graph.len(),
        live.steps().all().count(),
        anew.as_secs_f64()
    );
    println!(
        "| document | changes | principals and entities concerned | median | slowest | anew ÷ median | built again |"
    );
    println!("|---|---|---|---|---|---|---|");
    let wanted = std::env::var("CASES").unwrap_or_default();
    for (name, kind, slot, new) in cases().into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        let mut times: Vec<Duration> = Vec::new();
        let (mut concerned, mut rebuilt) = (Vec::new(), 0);
        for edit in edits(live.world(), kind, slot, &new) {
            let start = Instant::now();
            match live.apply(&edit).expect("a document of this organisation") {
                Done::Updated {
                    principals, targets, ..
                } => {
                    times.push(start.elapsed());
                    if std::env::var_os("TELL").is_some() {
                        println!("<!-- {}: {:?} -->", edit.holder, start.elapsed());
                    }
                    concerned.push(principals.len() + targets.len());
                }
                Done::Rebuilt(reason) => {
                    rebuilt += 1;
                    println!("<!-- {}: {reason} -->", edit.holder);
                }
            }
        }
        times.sort_unstable();
        concerned.sort_unstable();
        let (Some(slowest), Some(most)) = (times.last(), concerned.last()) else {
            println!("| {name} | 0 | | | | | {rebuilt} |");
            continue;
        };
        let median = times[times.len() / 2];
        let range = format!("{} to {most}", concerned[0]);
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "| {name} | {} | {range} | {} | {} | {:.0} | {rebuilt} |",
            times.len(),
            ms(median),
            ms(*slowest),
            anew.as_secs_f64() / median.as_secs_f64(),
        );
    }
}

type Case = (&'static str, Kind, Slot, Value);

/// What is changed: a statement more.
fn cases() -> Vec<Case> {
    let read = json!({"Effect": "Allow", "Action": ["s3:GetObject", "sts:AssumeRole"], "Resource": "*"});
    let somebody = json!({"Effect": "Allow", "Principal": {"AWS": "{account}"}, "Action": "s3:GetObject", "Resource": "{id}/*"});
    let trust = json!({"Effect": "Allow", "Principal": {"AWS": "{account}"}, "Action": "sts:AssumeRole"});
    let key = json!({"Effect": "Allow", "Principal": {"AWS": "{account}"}, "Action": "kms:Decrypt", "Resource": "*"});
    let deny = json!({"Effect": "Deny", "Action": "s3:PutBucketPolicy", "Resource": "*"});
    let fence = json!({"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}});
    vec![
        (
            "a role's inline policy",
            Kind::IamRole,
            Slot::Inline,
            read.clone(),
        ),
        ("a managed policy", Kind::IamPolicy, Slot::Document, read),
        ("a role's trust policy", Kind::IamRole, Slot::Trust, trust),
        ("a bucket policy", Kind::S3Bucket, Slot::Resource, somebody),
        ("a key policy", Kind::KmsKey, Slot::Key, key),
        ("an SCP: one action is denied", Kind::Scp, Slot::Document, deny),
        (
            "an SCP: most regions are denied",
            Kind::Scp,
            Slot::Document,
            fence,
        ),
    ]
}

/// Changes of some documents of a kind, spread over all of them.
fn edits(world: &World, kind: Kind, slot: Slot, new: &Value) -> Vec<Edit> {
    let mut documents = Vec::new();
    for (_, node) in world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == kind && !node.stub)
    {
        for found in node.record.policies.iter().filter(|found| found.slot == slot) {
            documents.push((&node.record, found));
        }
    }
    let accounts: Vec<&str> = world
        .accounts
        .iter()
        .filter(|(_, account)| account.collected)
        .map(|(id, _)| id.as_str())
        .collect();
    let every = (documents.len() / SAMPLES).max(1);
    let some = documents.into_iter().step_by(every).take(SAMPLES);
    some.enumerate()
        .map(|(number, (record, found))| {
            let mut document: Value = serde_json::from_str(found.document.as_str()).expect("JSON");
            if document["Statement"].is_object() {
                document["Statement"] = json!([document["Statement"]]);
            }
            let account = accounts[number % accounts.len()];
            let statement = new
                .to_string()
                .replace("{account}", account)
                .replace("{id}", &record.id);
            let statement: Value = serde_json::from_str(&statement).expect("JSON");
            document["Statement"]
                .as_array_mut()
                .expect("statements")
                .push(statement);
            Edit {
                holder: record.id.clone(),
                slot,
                name: found.name.clone(),
                document: PolicyText::new(document.to_string()),
            }
        })
        .collect()
}
