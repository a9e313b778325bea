//! Of many who can only those that are shown are put into words; what is counted and shown is the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use sv0_analyze::normalize;
use sv0_analyze::paths::Finder;
use sv0_analyze::question::who_can::{subject, who_can_some};
use sv0_analyze::steps::Steps;
use sv0_bench::{Organization, Preset};
use sv0_model::kind::Kind;

#[test]
fn the_first_of_many_are_the_first_of_all() {
    let organization = Organization::new(5, Preset::M.size());
    let world = normalize::build(organization.records().collect(), Vec::new());
    let steps = Steps::build(&world);
    let finder = Finder::new(&world, &steps);
    let mut most = 0;
    let mut asked = 0;
    let buckets = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::S3Bucket);
    for (_, bucket) in buckets.step_by(7) {
        for action in ["s3:GetObject", "s3:*", "s3:PutBucketPolicy"] {
            let about = subject(&world, &bucket.record.id).unwrap();
            let (all, totals) = who_can_some(&world, &steps, &finder, action, &about, usize::MAX);
            let principals: BTreeSet<&str> = all.direct.iter().map(|who| who.principal.id.as_str()).collect();
            assert_eq!(totals.direct, principals.len());
            assert_eq!(
                (totals.through, totals.stopped),
                (all.through.len(), all.stopped.len())
            );
            let (few, same) = who_can_some(&world, &steps, &finder, action, &about, 20);
            assert_eq!(totals, same, "{action} on {}", bucket.record.id);
            let text = |answer: &sv0_analyze::question::WhoCan, most: usize| {
                let mut answer = answer.clone();
                answer.direct.truncate(most);
                answer.through.truncate(most);
                answer.stopped.truncate(most);
                serde_json::to_string_pretty(&answer).unwrap()
            };
            assert_eq!(text(&few, 20), text(&all, 20), "{action} on {}", bucket.record.id);
            most = most.max(totals.direct + totals.stopped);
            asked += 1;
        }
    }
    assert!(
        asked > 30 && most > 300,
        "{asked} questions, at most {most} candidates"
    );
}
