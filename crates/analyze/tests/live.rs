//! A world that is kept up to date is the world that is built from the changed records: the same steps, the same access to
//! everything, the same paths, after one random edit of a policy document after the other.
//!
//! `SV0_LONG=1` makes very many edits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sv0_analyze::live::{Done, Edit, Live};
use sv0_analyze::normalize;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::reach::{Room, is_asked};
use sv0_analyze::steps::Steps;
use sv0_analyze::world::World;
use sv0_model::kind::Slot;
use sv0_model::record::{PolicyText, Record};

/// The part; what is certain, possible, blocked.
type Masks = (usize, u128, u128, u128);

/// Everything that is told of a world, by names.
#[derive(Debug, PartialEq)]
struct Told {
    /// Steps, with their words.
    steps: BTreeSet<(String, String, String, String)>,
    /// The same the other way round.
    into: BTreeSet<(String, String, String)>,
    /// By resource and principal: masks of actions, part by part.
    access: BTreeMap<(String, String), Vec<Masks>>,
    /// Structural edges.
    edges: BTreeSet<String>,
    gaps: Vec<String>,
    documents: BTreeMap<String, String>,
    principals: usize,
}

impl Told {
    fn of(world: &World, steps: &Steps) -> Self {
        let id = |node| world.id(node).to_owned();
        let words = |found| {
            steps.describe(world, found).map_or(String::new(), |step| {
                format!(
                    "{} {:?} {:?} {:?}",
                    step.text, step.statements, step.conditions, step.blocked
                )
            })
        };
        let told = steps.all().map(|found| {
            let kind = format!("{:?} {:?}", found.edge, found.verdict);
            (id(found.from), id(found.to), kind, words(found))
        });
        let steps_of_all = told.collect();
        let ends = world.graph.nodes().flat_map(|(node, _)| steps.to(node));
        let into = ends
            .map(|found| {
                (
                    id(found.from),
                    id(found.to),
                    format!("{:?} {:?}", found.edge, found.verdict),
                )
            })
            .collect();
        let mut access: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let reaching = world.reaching();
        let (mut room, mut hits) = (Room::default(), Vec::new());
        for (node, entity) in world.graph.nodes().filter(|(_, n)| is_asked(n.record.kind)) {
            let parts = reaching.parts(world, node);
            hits.clear();
            reaching.who(world, node, &parts, &mut room, &mut hits);
            for hit in &hits {
                let who = world.everybody().node(hit.principal).unwrap();
                let what = (hit.part, hit.certain, hit.possible, hit.blocked);
                let key = (entity.record.id.clone(), id(who));
                access.entry(key).or_default().push(what);
            }
        }
        access.values_mut().for_each(|rows| rows.sort());
        let edges = world.graph.edges().iter().map(|edge| {
            format!(
                "{:?} {} {} {:?} {:?}",
                edge.kind,
                id(edge.from),
                id(edge.to),
                edge.confidence,
                edge.note
            )
        });
        let attached = world.attachments.iter();
        Self {
            steps: steps_of_all,
            into,
            access,
            edges: edges.collect(),
            gaps: world.gaps.iter().map(|gap| format!("{gap:?}")).collect(),
            documents: attached
                .map(|a| {
                    (
                        format!("{} {:?} {} {:?}", a.id, a.slot, a.name, a.via),
                        a.text.as_str().to_owned(),
                    )
                })
                .collect(),
            principals: world.principals.len(),
        }
    }
}

/// The paths from a few origins, by names.
fn paths(world: &World, steps: &Steps, random: &mut Random) -> BTreeSet<String> {
    let finder = Finder::new(world, steps);
    let mut origins = finder.origins();
    // Numbers of nodes may differ, names do not.
    origins.sort_by_key(|node| world.id(*node).to_owned());
    let targets = finder.targets();
    let mut out = BTreeSet::new();
    for _ in 0..4.min(origins.len()) {
        let origin = origins[random.below(origins.len())];
        let found = finder.from(
            origin,
            &targets,
            Options {
                blocked: true,
                ..Options::default()
            },
        );
        for path in found.paths {
            out.insert(serde_json::to_string(&path).unwrap());
        }
    }
    out
}

#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64*, by Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % n.max(1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

const ACTIONS: &[&str] = &[
    "*",
    "s3:*",
    "s3:GetObject",
    "s3:PutObject",
    "sts:AssumeRole",
    "iam:PassRole",
    "iam:*",
    "kms:*",
    "kms:Decrypt",
    "lambda:*",
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "dynamodb:GetItem",
    "dynamodb:*",
    "secretsmanager:GetSecretValue",
    "sqs:*",
    "sns:Publish",
    "iam:CreateAccessKey",
    "iam:UpdateAssumeRolePolicy",
];

const CONDITIONS: &[&str] = &[
    r#"{"StringEquals":{"aws:PrincipalTag/team":"data"}}"#,
    r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
    r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
    r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/A*"}}"#,
    r#"{"ArnLike":{"aws:SourceArn":"arn:aws:*"}}"#,
    r#"{"StringEquals":{"sts:ExternalId":"x"}}"#,
    r#"{"StringEquals":{"ec2:Vpc":"a-key-that-nobody-spoke-of"}}"#,
];

/// Changes something of a document, in a way that is worth it.
fn edited(random: &mut Random, world: &World, slot: Slot, text: &str) -> Option<Value> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    if document["Statement"].is_object() {
        document["Statement"] = json!([document["Statement"]]);
    }
    let statements = document["Statement"].as_array_mut()?;
    let ids: Vec<&str> = world
        .graph
        .nodes()
        .map(|(_, node)| node.record.id.as_str())
        .collect();
    let principals: Vec<&str> = world.principals.keys().map(|node| world.id(*node)).collect();
    let named = matches!(slot, Slot::Trust | Slot::Resource | Slot::Key);
    let at = random.below(statements.len());
    let condition = *random.pick(CONDITIONS);
    match random.below(7) {
        0 if statements.len() > 1 => {
            statements.remove(at);
        }
        1 => {
            let effect = if random.chance(40) { "Deny" } else { "Allow" };
            let mut new = json!({"Effect": effect, "Action": *random.pick(ACTIONS)});
            if slot == Slot::Trust {
                new["Action"] =
                    json!(*random.pick(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]));
            } else {
                new["Resource"] = match random.below(4) {
                    0 => json!("*"),
                    1 => json!(format!("{}/logs/*", random.pick(&ids))),
                    _ => json!([*random.pick(&ids), format!("{}/*", random.pick(&ids))]),
                };
            }
            if named {
                new["Principal"] = match random.below(5) {
                    0 => json!("*"),
                    1 => json!({"Service": *random.pick(&["lambda.amazonaws.com", "ec2.amazonaws.com"])}),
                    2 => {
                        json!({"AWS": format!("arn:aws:iam::{}:root", principals.get(random.below(principals.len()))?.split(':').nth(4)?)})
                    }
                    _ => json!({"AWS": *random.pick(&principals)}),
                };
            }
            if random.chance(30) {
                new["Condition"] = serde_json::from_str::<Value>(condition).unwrap();
            }
            statements.push(new);
        }
        2 => {
            let effect = &mut statements.get_mut(at)?["Effect"];
            *effect = json!(if effect == "Allow" { "Deny" } else { "Allow" });
        }
        3 => statements.get_mut(at)?["Condition"] = serde_json::from_str::<Value>(condition).unwrap(),
        4 => {
            statements.get_mut(at)?.as_object_mut()?.remove("Condition")?;
        }
        5 if slot != Slot::Trust => {
            let statement = statements.get_mut(at)?.as_object_mut()?;
            statement.remove("NotResource");
            statement.insert("Resource".into(), json!(["*", *random.pick(&ids)]));
        }
        _ => {
            let statement = statements.get_mut(at)?.as_object_mut()?;
            statement.remove("NotAction");
            let action = if slot == Slot::Trust {
                "sts:*"
            } else {
                *random.pick(ACTIONS)
            };
            statement.insert("Action".into(), json!(action));
        }
    }
    Some(document)
}

/// Holder, slot, name, text.
type Document = (String, Slot, Option<String>, String);

#[derive(Default, Debug)]
struct Count {
    updated: usize,
    all_steps: usize,
    changed_something: usize,
    rebuilt: BTreeMap<&'static str, usize>,
    by_slot: BTreeMap<String, usize>,
}

fn records_of(world: &World) -> Vec<Record> {
    world
        .graph
        .nodes()
        .filter(|(_, node)| !node.stub && node.record.kind != sv0_model::kind::Kind::ServicePrincipal)
        .map(|(_, node)| node.record.clone())
        .collect()
}

/// Makes random edits, and compares after each.
fn walk(records: Vec<Record>, seed: u64, edits: usize, count: &mut Count) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let rules = Rules::default();
    let mut live = Live::new(records, Vec::new(), &rules);
    for number in 0..edits {
        let world = live.world();
        // Of each kind as often as of the others.
        let mut by_kind: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for (kind, document) in world
            .graph
            .nodes()
            .filter(|(_, node)| !node.stub)
            .flat_map(|(_, node)| {
                // An access control list is told as a policy, and is none that somebody writes.
                let list = |name: &Option<String>| {
                    name.as_deref()
                        .is_some_and(|n| n.starts_with("access control list"))
                };
                let written = node.record.policies.iter().filter(move |slot| !list(&slot.name));
                written.map(|slot| {
                    let text = slot.document.as_str().to_owned();
                    let document = (node.record.id.clone(), slot.slot, slot.name.clone(), text);
                    (format!("{:?} {:?}", node.record.kind, slot.slot), document)
                })
            })
        {
            by_kind.entry(kind).or_default().push(document);
        }
        let kinds: Vec<&String> = by_kind.keys().collect();
        let kind = (*random.pick(&kinds)).clone();
        let (holder, slot, name, text) = random.pick(&by_kind[&kind]).clone();
        let Some(document) = edited(&mut random, world, slot, &text) else {
            continue;
        };
        let edit = Edit {
            holder,
            slot,
            name,
            document: PolicyText::new(document.to_string()),
        };
        // Shared answers are there before, as they are in a server.
        let before = Told::of(live.world(), live.steps());
        match live.apply(&edit).unwrap() {
            Done::Updated { difference, .. } => {
                count.updated += 1;
                count.all_steps += usize::from(difference.is_none());
                *count.by_slot.entry(kind).or_default() += 1;
            }
            Done::Rebuilt(reason) => *count.rebuilt.entry(reason).or_default() += 1,
        }
        let anew = normalize::build_with(records_of(live.world()), Vec::new(), &rules);
        let anew_steps = Steps::build(&anew);
        let kept = Told::of(live.world(), live.steps());
        let wanted = Told::of(&anew, &anew_steps);
        count.changed_something += usize::from(kept.steps != before.steps || kept.access != before.access);
        let name = format!("seed {seed}, edit {number}: {edit:?}");
        differ("edges", &kept.edges, &wanted.edges, &name);
        differ("steps", &kept.steps, &wanted.steps, &name);
        differ("steps into", &kept.into, &wanted.into, &name);
        let rows = |told: &Told| {
            told.access
                .iter()
                .map(|row| format!("{row:?}"))
                .collect::<BTreeSet<_>>()
        };
        differ("access", &rows(&kept), &rows(&wanted), &name);
        assert_eq!(kept, wanted, "{name}");
        if number % 4 == 0 {
            // Where very much changes, all steps are worked out in the world that is there.
            let all = Steps::build(live.world());
            let steps = Told::of(live.world(), &all).steps;
            differ("all steps", &steps, &wanted.steps, &name);
        }
        let some = random.clone();
        let kept = paths(live.world(), live.steps(), &mut some.clone());
        let wanted = paths(&anew, &anew_steps, &mut some.clone());
        differ("paths", &kept, &wanted, &name);
    }
}

fn differ<T: Ord + std::fmt::Debug>(what: &str, kept: &BTreeSet<T>, wanted: &BTreeSet<T>, name: &str) {
    let more: Vec<_> = kept.difference(wanted).take(6).collect();
    let less: Vec<_> = wanted.difference(kept).take(6).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "{name}\n{what}: kept only {more:#?}\nanew only {less:#?}"
    );
}

/// Walks soon end where nearly everything is denied: many short ones find more than a long one.
fn seeds(few: u64) -> std::ops::RangeInclusive<u64> {
    let long = std::env::var_os("SV0_LONG").is_some();
    1..=if long { few * 40 } else { few }
}

#[test]
fn the_demo_is_kept_up_to_date() {
    let mut count = Count::default();
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    for seed in seeds(4) {
        walk(loaded.records.clone(), seed, 15, &mut count);
    }
    println!("{count:?}");
    assert!(count.updated > 20 && count.changed_something > 10, "{count:?}");
}

#[test]
fn made_up_organisations_are_kept_up_to_date() {
    let mut count = Count::default();
    for seed in seeds(4) {
        let size = sv0_bench::Size {
            accounts: 3,
            roles: 40,
            users: 10,
            ..sv0_bench::Preset::S.size()
        };
        let records = sv0_bench::Organization::new(seed, size).records().collect();
        walk(records, seed, 15, &mut count);
    }
    println!("{count:?}");
    assert!(count.updated > 20 && count.changed_something > 10, "{count:?}");
    assert!(count.by_slot.len() >= 4, "{count:?}");
}
