//! The world with a change made, and what is different there. It is built from the changed records, as any input is, so a fix
//! is judged by all that sv0 knows.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sv0_analyze::World;
use sv0_analyze::normalize::{self, flavor};
use sv0_analyze::steps::Steps;
use sv0_engine::compare::{self, Kind as Compared};
use sv0_iam::syntax::parse;
use sv0_model::finding::{DocumentChange, Finding, Fix, Proof};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};

use super::{Bench, Idea, Place, document, terraform};
use crate::ground::Ground;
use crate::observed::broken;
use crate::rule::{RULES, Rule, rule};

/// What there was before a change.
#[derive(Debug, Default)]
pub struct Before {
    /// Pairs of origin and sensitive data with a path; none where there are too many.
    pairs: Option<BTreeSet<(String, String)>>,
    /// The findings of all rules; none where the world is large.
    findings: Option<BTreeSet<String>>,
}

/// Entities up to which everything is compared.
const SMALL: usize = 5_000;

impl Before {
    pub(super) fn of(ground: &Ground<'_>) -> Self {
        let small = ground.world.graph.len() <= SMALL;
        Self {
            pairs: small.then(|| pairs(ground)).flatten(),
            findings: small.then(|| ids(ground, RULES.iter())),
        }
    }
}

/// What a world was made from.
#[must_use]
pub fn records(world: &World) -> Vec<Record> {
    let collected = world.graph.nodes().filter(|(_, node)| !node.stub);
    // Services were not collected: they are there because somebody trusts them.
    collected
        .filter(|(_, node)| !matches!(node.record.kind, Kind::ServicePrincipal | Kind::ResourceScope))
        .map(|(_, node)| node.record.clone())
        .collect()
}

fn pairs(ground: &Ground<'_>) -> Option<BTreeSet<(String, String)>> {
    let paths = ground.all_paths()?.iter();
    Some(
        paths
            .map(|path| (path.origin.id.clone(), path.target.id.clone()))
            .collect(),
    )
}

fn ids<'r>(ground: &Ground<'_>, rules: impl Iterator<Item = &'r Rule>) -> BTreeSet<String> {
    let each = rules.flat_map(|rule| {
        let drafts = rule.check(ground);
        drafts
            .into_iter()
            .map(|draft| draft.id(ground.world, rule))
            .collect::<Vec<_>>()
    });
    each.collect()
}

/// Makes a change, and looks at what comes of it. None where it cannot be made.
pub(super) fn attempt(bench: &Bench<'_>, finding: &Finding, ideas: &[Idea]) -> Option<Fix> {
    let mut records = bench.records.clone();
    let mut documents: Vec<DocumentChange> = Vec::new();
    let mut detach: Vec<(String, String)> = Vec::new();
    let mut delete: Vec<String> = Vec::new();
    let mut settings: Vec<String> = Vec::new();
    let mut opens_nothing = true;
    // Later statements first, so that the numbers of the others stay.
    let mut ordered: Vec<&Idea> = ideas.iter().collect();
    ordered.sort_by_key(|idea| std::cmp::Reverse(place(idea).map_or(0, |place| place.statement)));
    for idea in ordered {
        match idea {
            Idea::Detach { policy, from } => {
                let record = records.iter_mut().find(|record| record.id == *from)?;
                let before = record.refs.len();
                record
                    .refs
                    .retain(|r| !(r.rel == EdgeKind::HasPolicy && r.to == *policy));
                if record.refs.len() == before {
                    return None;
                }
                detach.push((policy.clone(), owner(bench.ground.world, from)));
            }
            Idea::BlockPublicAccess { bucket } => {
                let record = records.iter_mut().find(|record| record.id == *bucket)?;
                let all = [
                    "block_public_acls",
                    "ignore_public_acls",
                    "block_public_policy",
                    "restrict_public_buckets",
                ];
                let on: serde_json::Map<String, Value> =
                    all.iter().map(|key| ((*key).to_owned(), json!(true))).collect();
                record.attrs.insert("block_public_access", Value::Object(on));
                settings.push(format!(
                    "Block Public Access of {}: all four on",
                    label(bench.ground.world, bucket)
                ));
            }
            Idea::Delete { entity } => {
                records.retain(|record| record.id != *entity);
                delete.push(entity.clone());
            }
            Idea::Deny { .. } | Idea::Guard { .. } => {
                documents.push(added(bench.ground.world, &mut records, idea)?)
            }
            _ => {
                let (change, narrower) = edit(bench.ground.world, &mut records, idea)?;
                opens_nothing &= narrower;
                // Two changes to one document are one.
                match documents.iter_mut().find(|known| {
                    known.holder == change.holder
                        && known.slot == change.slot
                        && known.policy == change.policy
                }) {
                    Some(known) => known.after = change.after,
                    None => documents.push(change),
                }
            }
        }
    }
    for change in &mut documents {
        let empty = String::new();
        let (before, after) = (
            change.before.as_ref().unwrap_or(&empty),
            change.after.as_ref().unwrap_or(&empty),
        );
        change.diff = document::diff(before, after, &format!("{}.json", file_name(&change.policy)));
    }
    let world = normalize::build_with(records.clone(), bench.ground.world.gaps.clone(), bench.rules);
    let steps = Steps::build(&world);
    let after = Ground::new(&world, &steps, bench.ground.today.clone());
    let proof = compare_worlds(bench, finding, &after, opens_nothing, ideas)?;
    let terraform = terraform::of(bench.ground.world, ideas, &documents, &detach, &delete);
    Some(Fix {
        kind: ideas.first()?.kind(),
        title: title(bench.ground.world, ideas, &documents),
        documents,
        detach,
        delete,
        settings,
        terraform,
        proof,
    })
}

const fn place(idea: &Idea) -> Option<&Place> {
    match idea {
        Idea::Condition { place, .. }
        | Idea::Principals { place, .. }
        | Idea::Principal { place, .. }
        | Idea::Actions { place, .. }
        | Idea::Narrow { place, .. }
        | Idea::Statement { place } => Some(place),
        Idea::Detach { .. }
        | Idea::Deny { .. }
        | Idea::Guard { .. }
        | Idea::Delete { .. }
        | Idea::BlockPublicAccess { .. } => None,
    }
}

/// Edits one document; gives it as it was and is, and whether it allows nothing new.
fn edit(world: &World, records: &mut [Record], idea: &Idea) -> Option<(DocumentChange, bool)> {
    let at = place(idea)?;
    let record = records.iter_mut().find(|record| record.id == at.holder)?;
    let kind = record.kind;
    let fits = |slot: &&mut PolicySlot| slot.slot == at.slot && (at.name.is_none() || slot.name == at.name);
    let slot = record.policies.iter_mut().find(fits)?;
    let mut value: Value = serde_json::from_str(slot.document.as_str()).ok()?;
    let before = document::print(&value);
    let some = change(&mut value, idea)?;
    // A trust policy has to be there, and has to say something.
    if !some && at.slot == Slot::Trust {
        return None;
    }
    let after = document::print(&value);
    let (old, _) = parse(&before, flavor(kind, at.slot));
    let (new, _) = parse(&after, flavor(kind, at.slot));
    let narrower = match (old, new, some) {
        (_, _, false) => true,
        (Some(old), Some(new), true) => compare::gains(&old, &new, compared(kind, at.slot)).is_empty(),
        _ => return None,
    };
    let change = DocumentChange {
        holder: owner(world, &at.holder),
        slot: at.slot,
        policy: at.policy.clone(),
        before: Some(before),
        after: some.then(|| after.clone()),
        diff: String::new(),
    };
    if some {
        slot.document = PolicyText::new(after);
    } else if at.slot == Slot::Document {
        // A managed policy with no statement left grants nothing; it stays where it is attached.
        slot.document = PolicyText::new(r#"{"Version":"2012-10-17","Statement":[]}"#);
    } else {
        record
            .policies
            .retain(|slot| !(slot.slot == at.slot && (at.name.is_none() || slot.name == at.name)));
    }
    Some((change, narrower))
}

/// Changes a document; gives whether a statement is left.
fn change(value: &mut Value, idea: &Idea) -> Option<bool> {
    match idea {
        Idea::Statement { place } => document::remove_statement(value, place.statement),
        Idea::Condition {
            place,
            operator,
            key,
            values,
            ..
        } => {
            let statement = document::statement(value, place.statement)?;
            document::add_condition(statement, operator, key, values)?;
            Some(true)
        }
        Idea::Narrow {
            place,
            actions,
            resources,
        } => {
            let map = document::statement(value, place.statement)?.as_object_mut()?;
            map.remove("NotAction");
            map.remove("NotResource");
            map.insert("Action".into(), json!(actions));
            map.insert("Resource".into(), json!(resources));
            Some(true)
        }
        Idea::Actions { place, actions } => {
            let statement = document::statement(value, place.statement)?;
            let some = document::remove_texts(statement.get_mut("Action")?, actions)?;
            if some {
                Some(true)
            } else {
                document::remove_statement(value, place.statement)
            }
        }
        Idea::Principal { place, entry } => {
            let statement = document::statement(value, place.statement)?;
            let principal = statement.get_mut("Principal")?.as_object_mut()?;
            let written = [entry.clone(), format!("arn:aws:iam::{entry}:root")];
            let mut gone = false;
            for (_, list) in principal.iter_mut() {
                gone |= document::remove_texts(list, &written).is_some();
            }
            principal.retain(|_, list| list.as_array().is_none_or(|list| !list.is_empty()));
            let some = !principal.is_empty();
            if !gone {
                return None;
            }
            if some {
                Some(true)
            } else {
                document::remove_statement(value, place.statement)
            }
        }
        Idea::Principals {
            place,
            instead_of,
            names,
        } => {
            let statement = document::statement(value, place.statement)?;
            let aws = statement.get_mut("Principal")?.get_mut("AWS")?;
            let written: Vec<String> = instead_of
                .iter()
                .flat_map(|id| [id.clone(), format!("arn:aws:iam::{id}:root")])
                .collect();
            document::remove_texts(aws, &written)?;
            let mut list: Vec<Value> = match aws.take() {
                Value::Array(list) => list,
                one => vec![one],
            };
            list.extend(names.iter().cloned().map(Value::String));
            list.retain(|one| !one.is_null());
            *aws = match list.as_slice() {
                [one] => one.clone(),
                _ => Value::Array(list),
            };
            Some(true)
        }
        Idea::Detach { .. }
        | Idea::Deny { .. }
        | Idea::Guard { .. }
        | Idea::Delete { .. }
        | Idea::BlockPublicAccess { .. } => None,
    }
}

/// Adds a statement that denies, or a policy that does: a denial allows nothing.
fn added(world: &World, records: &mut Vec<Record>, idea: &Idea) -> Option<DocumentChange> {
    let denial = |actions: &[String], resources: Value, exempt: &[String], more: Option<Value>| {
        let mut statement = json!({
            "Sid": "Sv0DenyExceptNamed",
            "Effect": "Deny",
            "Action": actions,
            "Resource": resources,
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": exempt}},
        });
        if let (Some(principal), Some(map)) = (more, statement.as_object_mut()) {
            map.insert("Principal".into(), principal);
        }
        statement
    };
    match idea {
        Idea::Deny {
            holder,
            slot,
            actions,
            exempt,
        } => {
            let record = records.iter_mut().find(|record| record.id == *holder)?;
            let there = record.policies.iter_mut().find(|policy| policy.slot == *slot);
            let statement = denial(actions, json!("*"), exempt, Some(json!("*")));
            let before: Option<Value> = match &there {
                Some(there) => Some(serde_json::from_str(there.document.as_str()).ok()?),
                None => None,
            };
            let mut value = before
                .clone()
                .unwrap_or_else(|| json!({"Version": "2012-10-17", "Statement": []}));
            document::add_statement(&mut value, statement)?;
            let after = document::print(&value);
            match there {
                Some(there) => there.document = PolicyText::new(after.clone()),
                None => record.policies.push(PolicySlot {
                    slot: *slot,
                    name: None,
                    document: PolicyText::new(after.clone()),
                }),
            }
            Some(DocumentChange {
                holder: holder.clone(),
                slot: *slot,
                policy: format!("policy of {}", label(world, holder)),
                before: before.as_ref().map(document::print),
                after: Some(after),
                diff: String::new(),
            })
        }
        Idea::Guard {
            account,
            actions,
            resources,
            exempt,
        } => {
            let value = json!({
                "Version": "2012-10-17",
                "Statement": [denial(actions, json!(resources), exempt, None)],
            });
            let after = document::print(&value);
            let mut record = Record::new(Kind::Scp, "p-sv0guard");
            record.name = "Sv0Guard".into();
            record.account = world
                .accounts
                .iter()
                .find(|(_, account)| account.management)
                .map(|(id, _)| id.clone());
            record.refer(EdgeKind::Constrains, account.clone());
            record.policies.push(PolicySlot {
                slot: Slot::Document,
                name: None,
                document: PolicyText::new(after.clone()),
            });
            records.push(record);
            Some(DocumentChange {
                holder: account.clone(),
                slot: Slot::Document,
                policy: "Sv0Guard".into(),
                before: None,
                after: Some(after),
                diff: String::new(),
            })
        }
        _ => None,
    }
}

/// Who keeps the document of an entity: what Identity Center made is changed in its permission set.
fn owner(world: &World, id: &str) -> String {
    let made = world
        .graph
        .find(id)
        .filter(|_| id.contains(":role/aws-reserved/sso"));
    let set = made.and_then(|role| {
        world
            .graph
            .edges_to(role)
            .find(|edge| edge.kind == EdgeKind::Provisions)
    });
    set.map_or_else(|| id.to_owned(), |edge| world.id(edge.from).to_owned())
}

fn label(world: &World, id: &str) -> String {
    world
        .graph
        .find(id)
        .map_or_else(|| id.to_owned(), |node| world.label(node))
}

const fn compared(kind: Kind, slot: Slot) -> Compared {
    match (kind, slot) {
        (Kind::Scp, _) => Compared::Scp,
        (Kind::Rcp, _) => Compared::Rcp,
        (_, Slot::Trust) => Compared::Trust,
        (_, Slot::Resource | Slot::Key | Slot::Endpoint) => Compared::Resource,
        (_, Slot::Inline | Slot::Document) => Compared::Identity,
    }
}

/// What is different after a change.
fn compare_worlds(
    bench: &Bench<'_>,
    finding: &Finding,
    after: &Ground<'_>,
    narrower: bool,
    ideas: &[Idea],
) -> Option<Proof> {
    let rule = rule(finding.rule)?;
    let left = match &bench.before.findings {
        Some(_) => ids(after, RULES.iter()),
        None => ids(after, std::iter::once(rule)),
    };
    let finding_gone = !left.contains(&finding.id);
    let is_left = |path: &sv0_model::path::Path| {
        let ends = after
            .world
            .graph
            .find(&path.origin.id)
            .zip(after.world.graph.find(&path.target.id));
        ends.is_some_and(|(from, to)| {
            let found = after.paths(from, &[to]);
            found
                .iter()
                .any(|other| other.chain == path.chain && other.verdict == path.verdict)
        })
    };
    let cut = finding.paths.iter().filter(|path| !is_left(path)).count();
    let mut notes: Vec<String> = Vec::new();
    let mut text = vec![if finding_gone {
        "With the change made, the rule finds nothing here any more.".to_owned()
    } else {
        "The finding stays.".to_owned()
    }];
    if !finding.paths.is_empty() {
        text.push(format!(
            "{cut} of {} paths that are shown are gone.",
            finding.paths.len()
        ));
    }
    text.push(if narrower {
        "Compared as a whole, the new documents allow nothing that the old ones did not.".to_owned()
    } else {
        "The new document allows something that the old one did not.".to_owned()
    });
    let mut opens_nothing = narrower;
    let (mut also_lost, mut also_ends) = (0, Vec::new());
    match (&bench.before.pairs, pairs(after)) {
        (Some(before), Some(now)) => {
            let mine: BTreeSet<(String, String)> = finding
                .paths
                .iter()
                .map(|path| (path.origin.id.clone(), path.target.id.clone()))
                .collect();
            also_lost = before
                .difference(&now)
                .filter(|pair| !mine.contains(*pair))
                .count();
            // What was no origin before, because somebody became it, may be one now: that is nothing new.
            let known: BTreeSet<&String> = before.iter().map(|(origin, _)| origin).collect();
            let new = now
                .difference(before)
                .filter(|(origin, _)| known.contains(origin))
                .count();
            opens_nothing &= new == 0;
            if also_lost > 0 {
                notes.push(format!(
                    "{also_lost} other pairs of origin and sensitive data have no path any more: see whether somebody needs one."
                ));
            }
        }
        _ => notes.push("The organization is too large to compare all pairs of origin and data.".into()),
    }
    if let Some(before) = &bench.before.findings {
        also_ends = before
            .difference(&left)
            .filter(|id| **id != finding.id)
            .cloned()
            .collect();
        if !also_ends.is_empty() {
            notes.push(format!("It also ends {} other findings.", also_ends.len()));
        }
    }
    if ideas.iter().any(|idea| {
        matches!(
            idea,
            Idea::Condition {
                placeholder: true,
                ..
            }
        )
    }) {
        notes.push("The value is a placeholder: put in yours.".into());
    }
    let mut keeps_observed_use = None;
    match &bench.ground.observed {
        None => notes.push("There is no evidence of use to compare with: `--trail` names some.".to_owned()),
        Some(observed) => {
            let broken = broken(&observed.uses, bench.ground.world, after.world);
            keeps_observed_use = Some(broken.is_empty());
            if broken.is_empty() {
                text.push(format!(
                    "All {} uses that were seen are still allowed.",
                    observed.uses.len()
                ));
            } else {
                let shown = broken.iter().take(3).map(|one| {
                    let who = one.principal.rsplit('/').next().unwrap_or(&one.principal);
                    format!("{who}: {} on {}", one.action, one.resource)
                });
                let shown: Vec<String> = shown.collect();
                notes.push(format!(
                    "It stops {} of {} uses that were seen: {}.",
                    broken.len(),
                    observed.uses.len(),
                    shown.join("; ")
                ));
            }
        }
    }
    Some(Proof {
        finding_gone,
        paths_cut: cut,
        paths_before: finding.paths.len(),
        opens_nothing,
        also_ends,
        keeps_observed_use,
        also_lost,
        checked: text,
        notes,
    })
}

/// A fix in one line.
fn title(world: &World, ideas: &[Idea], documents: &[DocumentChange]) -> String {
    let is_last = |place: &Place| {
        let mine = |change: &&DocumentChange| change.policy == place.policy && change.slot == place.slot;
        documents
            .iter()
            .find(mine)
            .is_some_and(|change| change.after.is_none())
    };
    let label = |id: &str| {
        let id = owner(world, id);
        let account = world.graph.find(&id).and_then(|node| world.account_of(node));
        match account {
            Some(account) if id.contains(":role/") || id.contains(":user/") => {
                format!("{} in {}", label(world, &id), world.account_label(account))
            }
            _ => label(world, &id),
        }
    };
    let of = |place: &Place| {
        let holder = label(&place.holder);
        match place.slot {
            Slot::Trust => format!("the trust policy of {holder}"),
            Slot::Inline => format!("inline policy {} of {holder}", place.policy),
            Slot::Document => format!("policy {}", place.policy),
            Slot::Resource | Slot::Key | Slot::Endpoint => format!("the policy of {holder}"),
        }
    };
    let each = ideas.iter().map(|idea| match idea {
        Idea::Condition { place, key, .. } => format!("ask for {key} in {}", of(place)),
        Idea::Principals { place, .. } => {
            format!("name who may come in in {}, instead of the account", of(place))
        }
        Idea::Principal { place, entry } => format!("take {} out of {}", label(entry), of(place)),
        Idea::Actions { place, actions } => format!("take {} out of {}", actions.join(", "), of(place)),
        Idea::Narrow { place, .. } => format!("leave in {} what was seen in use", of(place)),
        Idea::Statement { place } if is_last(place) => {
            format!("delete {}, of which nothing is left", of(place))
        }
        Idea::Statement { place } => format!("take statement {} out of {}", place.statement + 1, of(place)),
        Idea::Detach { policy, from } => format!("detach {} from {}", label(policy), label(from)),
        Idea::Deny { holder, actions, .. } => format!(
            "deny {} on {} to everybody but {}",
            actions.join(", "),
            label(holder),
            exempt(world, idea)
        ),
        Idea::Guard { account, actions, .. } => format!(
            "deny {} in {} by a service control policy, for everybody but {}",
            actions.join(", "),
            label(account),
            exempt(world, idea)
        ),
        Idea::BlockPublicAccess { bucket } => format!("switch Block Public Access on for {}", label(bucket)),
        Idea::Delete { entity } => format!("delete {}, if nobody needs it", label(entity)),
    });
    let text = each.collect::<Vec<_>>().join("; ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn exempt(world: &World, idea: &Idea) -> String {
    match idea {
        Idea::Deny { exempt, .. } | Idea::Guard { exempt, .. } => {
            let names = exempt.iter().map(|arn| label(world, arn));
            let names: Vec<String> = names.collect();
            match names.as_slice() {
                [] => "nobody".into(),
                [one] => one.clone(),
                many => format!("{} administrators", many.len()),
            }
        }
        _ => String::new(),
    }
}

fn file_name(policy: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    policy.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}
