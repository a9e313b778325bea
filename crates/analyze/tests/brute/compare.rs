//! The naive search beside the product, and the smallest organisation in which they differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::reach::Room;
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_model::graph::NodeId;
use sv0_model::kind::EdgeKind;
use sv0_model::path::PathVerdict;

use super::naive::Organisation;
use super::search::{Able, Paths, Search, Told};

/// What was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Chains, by origin.
    pub(crate) paths: usize,
    /// Entities on the longest.
    pub(crate) longest: usize,
    /// Actions of somebody on some data.
    pub(crate) answers: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.paths += other.paths;
        self.answers += other.answers;
        self.longest = self.longest.max(other.longest);
    }

    /// Whether there is enough of everything to be worth comparing.
    pub(crate) const fn is_much(&self) -> bool {
        self.paths > 2_000 && self.answers > 5_000 && self.longest > 6
    }
}

/// The records as a snapshot that `sv0 paths` reads.
pub(crate) fn snapshot(records: &[Value]) -> String {
    let header = json!({"sv0_snapshot": {"version": 1, "created_at": "2026-11-22T10:00:00Z", "tool": "test", "source": "brute"}});
    let end = json!({"end": {"records": records.len(), "gaps": 0}});
    let lines = std::iter::once(&header).chain(records).chain([&end]);
    lines.map(|line| format!("{line}\n")).collect()
}

/// Compares everything; says what differs first.
pub(crate) fn compare(records: &[Value]) -> Result<Tally, String> {
    let loaded = sv0_input::load_snapshot_text("brute", &snapshot(records));
    assert_eq!(loaded.records.len(), records.len(), "{:?}", loaded.gaps);
    let world = normalize::build(loaded.records, loaded.gaps);
    let organisation = Organisation::read(records);
    let search = Search::new(&organisation);
    let mut tally = Tally::default();
    reach(&world, &search, &mut tally)?;
    paths(&world, &search, &mut tally)?;
    Ok(tally)
}

/// The data of the organisation, as both sides know it.
fn data(world: &World, search: &Search<'_>) -> Vec<NodeId> {
    let kinds = [
        "s3_bucket",
        "dynamodb_table",
        "secrets_manager_secret",
        "sqs_queue",
    ];
    let all = kinds.iter().flat_map(|kind| search.organisation.of_kind(kind));
    all.map(|one| world.graph.find(&one.id).unwrap()).collect()
}

/// Asking about everybody at once, and about each.
fn reach(world: &World, search: &Search<'_>, tally: &mut Tally) -> Result<(), String> {
    let (reaching, everybody) = (world.reaching(), world.everybody());
    let mut room = Room::default();
    for resource in data(world, search) {
        let (parts, mut hits) = (reaching.parts(world, resource), Vec::new());
        reaching.who(world, resource, &parts, &mut room, &mut hits);
        let mut together: BTreeMap<(String, &str), Able> = BTreeMap::new();
        for hit in &hits {
            let who = world.id(everybody.node(hit.principal).unwrap());
            let family = reaching.family_of(world, &parts[hit.part]);
            for action in family.bundle.actions(hit.possible) {
                let surely = family.bundle.actions(hit.certain).any(|other| other == action);
                let able = if surely { Able::Surely } else { Able::Perhaps };
                let known = together.entry((who.to_owned(), action)).or_insert(able);
                *known = able.min(*known);
            }
        }
        let entity = &search.organisation.entities[world.id(resource)];
        let mut alone = BTreeSet::new();
        for who in search.everybody() {
            let can = search.can_at_all(&who.id, entity);
            let possible = can
                .iter()
                .filter_map(|(action, said)| Some((*action, said.plain?)));
            alone.extend(possible.map(|(action, able)| ((who.id.clone(), action), able)));
        }
        tally.answers += alone.len();
        let together: BTreeSet<_> = together.into_iter().collect();
        differ(&format!("who can reach {}", entity.id), &together, &alone)?;
    }
    Ok(())
}

fn differ<T: Ord + std::fmt::Debug>(
    what: &str,
    product: &BTreeSet<T>,
    naive: &BTreeSet<T>,
) -> Result<(), String> {
    let few = |some: Vec<&T>| -> String { some.iter().take(6).map(|one| format!("\n  {one:?}")).collect() };
    let more = few(product.difference(naive).collect());
    let missing = few(naive.difference(product).collect());
    if more.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{what}\nfound by the product only:{more}\nfound by the naive search only:{missing}"
    ))
}

/// Every path from every origin.
fn paths(world: &World, search: &Search<'_>, tally: &mut Tally) -> Result<(), String> {
    let steps = Steps::build(world);
    let finder = Finder::new(world, &steps);
    let entities = search.organisation.entities.values();
    let becoming = entities
        .filter(|one| matches!(one.kind.as_str(), "iam_user" | "iam_role" | "lambda_function"))
        .map(|one| world.graph.find(&one.id).unwrap());
    let targets: Vec<NodeId> = data(world, search).into_iter().chain(becoming).collect();
    let mut origins: Vec<&str> = search.everybody().map(|who| who.id.as_str()).collect();
    origins.extend(
        search
            .organisation
            .of_kind("lambda_function")
            .map(|one| one.id.as_str()),
    );
    for origin in finder.origins() {
        let id = world.id(origin);
        if !origins.contains(&id) && !world.node(origin).stub {
            return Err(format!("{id} is an origin for the product only"));
        }
    }
    for id in origins {
        let Some(origin) = world.graph.find(id) else {
            return Err(format!("the product does not know of {id}"));
        };
        let product = of_product(&finder, origin, &targets)?;
        let naive = search.paths(id);
        tally.paths += naive.len();
        tally.longest = naive.keys().map(Vec::len).chain([tally.longest]).max().unwrap();
        // What is joined along a chain is joined action by action here, and path by path there: which actions there are is
        // the same, and not how certain they are.
        let told = |chain: &[String], action: &str, able: Able| {
            let able = if search.asks_for_mfa {
                String::new()
            } else {
                format!("{able:?} ")
            };
            format!("{}: {able}{action}", chain.join(" → "))
        };
        let flat = |paths: &Paths, wanted: &dyn Fn(&[String], &str, Told) -> bool| -> BTreeSet<String> {
            let all = paths
                .iter()
                .flat_map(|(chain, actions)| actions.iter().map(move |(action, one)| (chain, *action, *one)));
            all.filter(|(chain, action, one)| wanted(chain, action, *one))
                .map(|(chain, action, one)| told(chain, action, one.able))
                .collect()
        };
        let is_told = |chain: &[String], action: &str| {
            product
                .get(chain)
                .is_some_and(|actions| actions.contains_key(action))
        };
        let naive = flat(&naive, &|chain, action, one| {
            !one.optional || is_told(chain, action)
        });
        differ(
            &format!("paths from {id}"),
            &flat(&product, &|_, _, _| true),
            &naive,
        )?;
    }
    Ok(())
}

fn of_product(finder: &Finder<'_>, origin: NodeId, targets: &[NodeId]) -> Result<Paths, String> {
    let options = Options {
        routes: 1_000_000,
        budget: 1_000_000,
        ..Options::default()
    };
    let found = finder.from(origin, targets, options);
    if found.cut {
        return Err("the budget of the search ran out".to_owned());
    }
    let mut out = Paths::new();
    for path in found.paths {
        // Techniques and triggers are not moves here.
        let ours = |edge: EdgeKind| {
            matches!(
                edge,
                EdgeKind::MemberOf
                    | EdgeKind::Assumes
                    | EdgeKind::RunsAs
                    | EdgeKind::Invokes
                    | EdgeKind::CanAccess
                    | EdgeKind::HoldsCredentialFor
            )
        };
        if path.hops.iter().any(|hop| !ours(hop.edge)) {
            continue;
        }
        let able = match path.verdict {
            PathVerdict::Allowed => Able::Surely,
            PathVerdict::AllowedIf => Able::Perhaps,
            PathVerdict::Denied => return Err(format!("{} is denied and was not asked for", path.id)),
        };
        let hops = path.hops.iter().filter(|hop| hop.edge != EdgeKind::MemberOf);
        let chain = std::iter::once(path.origin.id.clone()).chain(hops.map(|hop| hop.to.id.clone()));
        let catalog = sv0_iam::catalog::Catalog::embedded();
        let actions = path
            .actions
            .iter()
            .map(|action| catalog.action(action).unwrap().name());
        let here = out.entry(chain.collect()).or_default();
        let none = path.actions.is_empty().then_some("");
        for action in actions.chain(none) {
            let optional = false;
            let known = here.entry(action).or_insert(Told { able, optional });
            known.able = able.min(known.able);
        }
    }
    Ok(out)
}

/// Leaves out whatever can be left out while the two still differ: records, then policies and references, then
/// statements and conditions.
pub(crate) fn smallest(mut records: Vec<Value>) -> (Vec<Value>, String) {
    let mut words = compare(&records).unwrap_err();
    loop {
        let mut smaller = None;
        for candidate in without_something(&records) {
            if let Ok(Err(found)) = std::panic::catch_unwind(|| compare(&candidate)) {
                smaller = Some((candidate, found));
                break;
            }
        }
        match smaller {
            Some(found) => (records, words) = found,
            None => return (records, words),
        }
    }
}

fn without_something(records: &[Value]) -> impl Iterator<Item = Vec<Value>> {
    let mut places = Vec::new();
    for (n, record) in records.iter().enumerate() {
        places.push(format!("/{n}"));
        inner(record, &format!("/{n}"), &mut places);
    }
    places.into_iter().map(move |place| {
        let mut all = json!(records);
        let (holder, last) = place.rsplit_once('/').unwrap();
        match all.pointer_mut(holder).unwrap() {
            Value::Array(list) => {
                list.remove(last.parse().unwrap());
            }
            Value::Object(fields) => {
                fields.remove(last);
            }
            _ => {}
        }
        all.as_array().unwrap().clone()
    })
}

/// The places of what a record can do without.
fn inner(record: &Value, at: &str, out: &mut Vec<String>) {
    for list in ["policies", "refs"] {
        for (n, one) in record[list].as_array().into_iter().flatten().enumerate() {
            // A role has a trust policy.
            if one["slot"] != "trust" {
                out.push(format!("{at}/{list}/{n}"));
            }
        }
    }
    for field in ["tags", "attrs"] {
        if record[field].as_object().is_some_and(|fields| !fields.is_empty())
            && record["kind"] != "aws_organization"
            && record["kind"] != "kms_key"
        {
            out.push(format!("{at}/{field}"));
        }
    }
    for (n, slot) in record["policies"].as_array().into_iter().flatten().enumerate() {
        let statements = slot["document"]["Statement"].as_array().unwrap();
        for (m, statement) in statements.iter().enumerate() {
            let place = format!("{at}/policies/{n}/document/Statement/{m}");
            if statements.len() > 1 {
                out.push(place.clone());
            }
            if statement.get("Condition").is_some() {
                out.push(format!("{place}/Condition"));
            }
            for key in ["Action", "Resource", "NotResource"] {
                let many = statement[key].as_array().filter(|many| many.len() > 1);
                out.extend((0..many.map_or(0, Vec::len)).map(|n| format!("{place}/{key}/{n}")));
            }
        }
    }
}
