//! Worlds to ask, and who reaches what in them, found in two ways.

#![allow(dead_code, reason = "not every test file needs all of it")]

use std::collections::BTreeSet;

use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::question::WhatIf;
use sv0_analyze::question::links::Links;
use sv0_analyze::question::what_if::{Change, ChangeError, edit, what_if};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::path::PathVerdict;
use sv0_model::record::{PolicySlot, PolicyText, Record};

pub(crate) struct Built {
    pub(crate) records: Vec<Record>,
    pub(crate) world: World,
    pub(crate) steps: Steps,
}

impl Built {
    pub(crate) fn new(records: Vec<Record>) -> Self {
        let world = normalize::build(records.clone(), Vec::new());
        let steps = Steps::build(&world);
        Self {
            records,
            world,
            steps,
        }
    }

    pub(crate) fn demo() -> Self {
        Self::new(sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT).records)
    }

    pub(crate) fn finder(&self) -> Finder<'_> {
        Finder::new(&self.world, &self.steps)
    }

    pub(crate) fn node(&self, name: &str) -> NodeId {
        self.world.lookup(name, &[]).unwrap_or_else(|e| panic!("{e}"))
    }

    pub(crate) fn what_if(&self, changes: &[Change]) -> Result<WhatIf, ChangeError> {
        let finder = self.finder();
        let edited = edit(&self.world, &self.steps, &finder, self.records.clone(), changes)?;
        Ok(what_if(&self.world, &self.steps, edited, None))
    }
}

/// Roles that trust and may assume each other at random, some of which read one of a few tagged buckets; users who may
/// assume some of them. Every grant is a policy of its own, so that several may say the same.
pub(crate) fn random(seed: u64) -> Built {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = move |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let account = "111122223333";
    let role = |n: u64| format!("arn:aws:iam::{account}:role/R{n}");
    let statement = |action: &str, resource: &str| {
        PolicyText::new(format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
        ))
    };
    let roles = 5 + below(4);
    let mut records = Vec::new();
    for bucket in 0..3 {
        let mut record = Record::new(Kind::S3Bucket, format!("arn:aws:s3:::b{bucket}"));
        record.account = Some(account.into());
        record.tags.insert("classification", "restricted".into());
        records.push(record);
    }
    for n in 0..roles + 2 {
        let user = n >= roles;
        let id = if user {
            format!("arn:aws:iam::{account}:user/U{n}")
        } else {
            role(n)
        };
        let mut record = Record::new(if user { Kind::IamUser } else { Kind::IamRole }, id);
        record.account = Some(account.into());
        if !user {
            let document = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"sts:AssumeRole"}}]}}"#
            );
            record.policies.push(PolicySlot {
                slot: Slot::Trust,
                name: None,
                document: PolicyText::new(document),
            });
        }
        for policy in 0..1 + below(3) {
            let document = if below(3) == 0 && !user {
                statement("s3:GetObject", &format!("arn:aws:s3:::b{}/*", below(3)))
            } else {
                statement("sts:AssumeRole", &role(below(roles)))
            };
            record.policies.push(PolicySlot {
                slot: Slot::Inline,
                name: Some(format!("p{policy}")),
                document,
            });
        }
        records.push(record);
    }
    Built::new(records)
}

pub(crate) type Pairs = BTreeSet<(String, String)>;

/// Who reaches what, by the paths.
pub(crate) fn by_paths(built: &Built, targets: &[NodeId], certain: bool) -> Pairs {
    let finder = built.finder();
    let options = Options {
        routes: 50,
        ..Options::default()
    };
    let mut out = Pairs::new();
    for origin in finder.origins() {
        let found = finder.from(origin, targets, options);
        assert!(!found.cut);
        let kept = found.paths.into_iter();
        out.extend(
            kept.filter(|p| !certain || p.verdict == PathVerdict::Allowed)
                .map(|p| (p.origin.id, p.target.id)),
        );
    }
    out
}

/// The same, by the links.
pub(crate) fn by_links(
    built: &Built,
    targets: &[NodeId],
    certain: bool,
    without: Option<(EdgeKind, NodeId, NodeId)>,
) -> Pairs {
    let finder = built.finder();
    let origins = finder.origins();
    let links = Links::new(
        &built.world,
        &built.steps,
        &finder,
        &origins,
        targets,
        Options::default(),
    );
    let mut out = Pairs::new();
    for origin in origins {
        let reached = links.reach(origin, &|link| {
            (!certain || link.verdict == PathVerdict::Allowed)
                && without != Some((link.edge, link.from, link.to))
        });
        for target in reached.targets() {
            out.insert((
                built.world.id(origin).to_owned(),
                built.world.id(target).to_owned(),
            ));
        }
    }
    out
}

/// The demo organisation and some random ones.
pub(crate) fn all() -> Vec<Built> {
    std::iter::once(Built::demo())
        .chain((1..=25).map(random))
        .collect()
}
