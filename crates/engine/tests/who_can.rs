//! Who-can over a population is asking each of its principals one by one, of the compiled evaluator and of the plain one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

mod asking;
mod odd;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sv0_engine::compiled::{Action, Library, PolicyId, Resource};
use sv0_engine::index::{Builder, Bundle, ChainId, NewPrincipal, Population, Reach, Scratch, Target, reach};
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule, Verdict, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, parse};

#[derive(Debug, Clone)]
struct Member {
    caller: Caller,
    /// One of a few sets of documents.
    identity: Index,
    identity_unknown: bool,
    boundary: Option<Index>,
    chain: Option<Index>,
    /// One of a few contexts, and facts of its own.
    context: Index,
    own: Vec<(&'static str, &'static str)>,
}

#[derive(Debug, Clone)]
struct Asked {
    action: &'static str,
    resource: &'static str,
    owner: Option<&'static str>,
    policy: Vec<Value>,
    rcps: Option<Vec<Vec<Value>>>,
    endpoint: Option<Vec<Value>>,
    required: bool,
    block_public_access: bool,
    on_top: Option<Context>,
}

#[derive(Debug, Clone)]
struct Everything {
    pool: Vec<Value>,
    sets: Vec<Vec<Index>>,
    chains: Vec<Vec<Vec<Value>>>,
    contexts: Vec<Context>,
    members: Vec<Member>,
    asked: Vec<Asked>,
}

fn member() -> impl Strategy<Value = Member> {
    let rarely = |chance| prop::bool::weighted(chance);
    let own: Vec<(&str, &str)> = odd::KEYS
        .iter()
        .flat_map(|(key, values)| values.iter().map(|value| (*key, *value)))
        .collect();
    let own = subsequence(own, 0..=2).boxed();
    // Roles of one account, so that principals have company.
    let roles = ["App", "team/App", "Web", "team/Db"]
        .map(|name| Caller::parse(&format!("arn:aws:iam::111111111111:role/{name}")));
    let parts = (
        prop_oneof![2 => odd::caller(), 3 => select(Vec::from(roles))],
        any::<Index>(),
        rarely(0.05),
        prop::option::weighted(0.1, any::<Index>()),
        prop::option::weighted(0.5, any::<Index>()),
        any::<Index>(),
        prop_oneof![2 => Just(Vec::new()), 1 => own],
    );
    parts.prop_map(
        |(caller, identity, identity_unknown, boundary, chain, context, own)| Member {
            caller,
            identity,
            identity_unknown,
            boundary,
            chain,
            context,
            own,
        },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    let owner = select(
        &[
            Some("111111111111"),
            Some("111111111111"),
            Some("222222222222"),
            None,
        ][..],
    );
    let sometimes = 0.25;
    (
        (select(odd::ACTIONS), select(odd::RESOURCES), owner),
        prop_oneof![1 => Just(Vec::new()), 2 => vec(odd::document(0.85, true), 1..=2)],
        prop::option::weighted(sometimes, vec(vec(odd::document(0.5, true), 0..=1), 0..=2)),
        prop::option::weighted(0.15, vec(odd::ceiling(true), 0..=2)),
        (
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            any::<bool>(),
        ),
        prop::option::weighted(0.5, odd::context()),
    )
        .prop_map(
            |(
                (action, resource, owner),
                policy,
                rcps,
                endpoint,
                (required, block_public_access, says),
                mut on_top,
            )| {
                if let (true, Some(context)) = (says, &mut on_top) {
                    context.set_action(action);
                }
                Asked {
                    action,
                    resource,
                    owner,
                    policy,
                    rcps,
                    endpoint,
                    required,
                    block_public_access,
                    on_top,
                }
            },
        )
}

fn everything() -> impl Strategy<Value = Everything> {
    // Contexts that are all alike are the rule; that some are open and some closed, the exception.
    let contexts = vec(odd::context(), 1..=2);
    (
        vec(odd::document(0.85, false), 1..=4),
        vec(vec(any::<Index>(), 0..=3), 1..=2),
        vec(vec(vec(odd::ceiling(false), 0..=2), 0..=2), 1..=2),
        contexts,
        vec(member(), 1..=16),
        vec(asked(), 1..=3),
    )
        .prop_map(|(pool, sets, chains, contexts, members, asked)| Everything {
            pool,
            sets,
            chains,
            contexts,
            members,
            asked,
        })
}

fn read(document: &Value, flavor: Flavor) -> Policy {
    parse(&document.to_string(), flavor).0.unwrap()
}

fn read_all(documents: &[Value], flavor: Flavor) -> Vec<Policy> {
    documents.iter().map(|document| read(document, flavor)).collect()
}

fn read_levels(levels: &[Vec<Value>], flavor: Flavor) -> Vec<Vec<Policy>> {
    levels.iter().map(|level| read_all(level, flavor)).collect()
}

fn attached<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Vec<Attached<'a>> {
    policies
        .into_iter()
        .map(|policy| Attached { policy, tag: 0 })
        .collect()
}

fn add_all(library: &mut Library, policies: &[Policy]) -> Vec<PolicyId> {
    policies.iter().map(|policy| library.add(policy)).collect()
}

fn add_levels(library: &mut Library, levels: &[Vec<Policy>]) -> Vec<Vec<PolicyId>> {
    levels.iter().map(|level| add_all(library, level)).collect()
}

fn overruled(context: &Context, by: &Context) -> Context {
    let mut out = context.clone();
    by.entries().for_each(|(key, fact)| out.set_fact(key, fact));
    let action = by
        .action()
        .and_then(|action| Catalog::embedded().action_by_id(action));
    if let Some(action) = action {
        out.set_action(action.name());
    }
    out
}

/// What a member has: as it is in the end, or as it was before.
fn new_principal<'a>(
    world: &Everything,
    member: &'a Member,
    context: &'a Context,
    pool: &[PolicyId],
    chains: &[ChainId],
    identity: &'a mut Vec<PolicyId>,
    boundary: &'a mut Vec<PolicyId>,
) -> NewPrincipal<'a> {
    identity.extend(
        member
            .identity
            .get(&world.sets)
            .iter()
            .map(|index| *index.get(pool)),
    );
    boundary.extend(member.boundary.map(|index| *index.get(pool)));
    NewPrincipal {
        caller: &member.caller,
        identity,
        identity_unknown: member.identity_unknown,
        boundaries: boundary,
        scps: member.chain.map(|index| *index.get(chains)),
        context,
    }
}

/// Counts of verdicts, and how many principals were in company; panics where answers differ. `changed`: what some
/// members have is given to them after everybody was asked about already.
fn check(world: &Everything, changed: bool) -> ([u32; 4], usize) {
    let pool = read_all(&world.pool, Flavor::Identity);
    let chains: Vec<Vec<Vec<Policy>>> = world
        .chains
        .iter()
        .map(|chain| read_levels(chain, Flavor::Scp))
        .collect();
    let mut builder = Builder::default();
    let pool_ids = add_all(builder.library(), &pool);
    let chain_ids: Vec<_> = chains
        .iter()
        .map(|chain| {
            let levels = add_levels(builder.library(), chain);
            builder.chain(levels)
        })
        .collect();
    let contexts: Vec<Context> = world
        .members
        .iter()
        .map(|member| {
            let mut context = member.context.get(&world.contexts).clone();
            member
                .own
                .iter()
                .for_each(|(key, value)| context.set(key, *value));
            context
        })
        .collect();
    let mut ids = Vec::new();
    let nothing = Context::open();
    for (at, (member, context)) in world.members.iter().zip(&contexts).enumerate() {
        let (mut identity, mut boundary) = (Vec::new(), Vec::new());
        let mut new = new_principal(
            world,
            member,
            context,
            &pool_ids,
            &chain_ids,
            &mut identity,
            &mut boundary,
        );
        if changed && at % 3 != 0 {
            new.identity = &pool_ids[..at % pool_ids.len()];
            new.boundaries = &[];
            new.scps = chain_ids.get(at % 3).copied();
            new.identity_unknown = false;
            new.context = if at % 2 == 0 { &nothing } else { &contexts[0] };
        }
        ids.push(builder.add(&new));
    }
    let mut population = builder.build();
    let mut bundles = changed.then(Vec::new);
    if let Some(bundles) = &mut bundles {
        bundles.extend(services().map(|names| Bundle::new(&population, &names)));
        for asked in &world.asked {
            ask_before(&mut population, bundles, asked);
        }
        let mut room: Vec<(Vec<PolicyId>, Vec<PolicyId>)> = vec![Default::default(); ids.len()];
        let mut changes = Vec::new();
        for (((member, context), id), (identity, boundary)) in
            world.members.iter().zip(&contexts).zip(&ids).zip(&mut room)
        {
            changes.push((
                *id,
                new_principal(world, member, context, &pool_ids, &chain_ids, identity, boundary),
            ));
        }
        let mut at = 0;
        changes.retain(|_| {
            at += 1;
            (at - 1) % 3 != 0
        });
        // In two rounds, so that some find a population that was changed before.
        let (first, second) = changes.split_at(changes.len() / 2);
        population.change(first);
        bundles.iter_mut().for_each(|bundle| bundle.catch_up(&population));
        population.change(second);
    }
    let mut scratch = Scratch::default();
    let mut count = [0; 4];
    for asked in &world.asked {
        let policy = read_all(&asked.policy, Flavor::Resource);
        let rcps = asked.rcps.as_ref().map(|levels| read_levels(levels, Flavor::Rcp));
        let endpoint = asked
            .endpoint
            .as_ref()
            .map(|policies| read_all(policies, Flavor::Resource));
        let library = population.library_mut();
        let policy_ids = add_all(library, &policy);
        let rcp_ids = rcps.as_ref().map(|levels| add_levels(library, levels));
        let endpoint_ids = endpoint.as_ref().map(|policies| add_all(library, policies));
        let facts = asked
            .on_top
            .as_ref()
            .map(|context| population.library().facts(context));
        let resource_rule = if asked.required {
            ResourceRule::Required
        } else {
            ResourceRule::Either
        };
        let target = Target {
            action: &Action::new(asked.action),
            resource: &Resource::new(asked.resource),
            resource_account: asked.owner,
            policies: &policy_ids,
            rcps: rcp_ids.as_deref(),
            endpoint: endpoint_ids.as_deref(),
            resource_rule,
            block_public_access: asked.block_public_access,
            facts: facts.as_ref(),
        };
        let answer = population.who_can(&target, &mut scratch);
        for ((member, context), id) in world.members.iter().zip(&contexts).zip(&ids) {
            let context = asked
                .on_top
                .as_ref()
                .map_or_else(|| context.clone(), |top| overruled(context, top));
            let request = Request {
                caller: &member.caller,
                action: asked.action,
                resource: ResourceName::new(asked.resource),
                resource_account: asked.owner,
                context: &context,
            };
            let policies = Policies {
                identity: attached(
                    member
                        .identity
                        .get(&world.sets)
                        .iter()
                        .map(|index| index.get(&pool)),
                ),
                identity_unknown: member.identity_unknown,
                boundaries: attached(member.boundary.iter().map(|index| index.get(&pool))),
                session: None,
                scps: member
                    .chain
                    .map(|index| index.get(&chains).iter().map(attached).collect()),
                rcps: rcps.as_ref().map(|levels| levels.iter().map(attached).collect()),
                resource: attached(&policy),
                endpoint: endpoint.as_ref().map(attached),
                resource_rule,
                block_public_access: asked.block_public_access,
            };
            let plain = decide(&request, &policies).verdict;
            assert_eq!(
                population.ask(*id, &target),
                Some(plain),
                "asked alone: {member:?}"
            );
            let found = (answer.allowed.contains(id), answer.allowed_if.contains(id));
            let wanted = (plain == Verdict::Allowed, plain == Verdict::AllowedIf);
            assert_eq!(found, wanted, "asked with others: {member:?} {asked:?}");
            count[plain as usize] += 1;
        }
        assert!(answer.allowed.is_sorted() && answer.allowed_if.is_sorted());
        together(&population, asked, &target, bundles.as_mut());
    }
    (count, population.len().saturating_sub(population.groups()))
}

/// The actions that are asked about together, by service.
fn services() -> impl Iterator<Item = Vec<&'static str>> {
    let of = |name: &&'static str| name.split(':').next().unwrap();
    TOGETHER
        .chunk_by(move |a, b| of(a) == of(b))
        .map(<[&str]>::to_vec)
}

/// Fills what bundles keep, before anything changes.
fn ask_before(population: &mut Population, bundles: &mut [Bundle], asked: &Asked) {
    let policies = add_all(
        population.library_mut(),
        &read_all(&asked.policy, Flavor::Resource),
    );
    let mut room = reach::Scratch::default();
    let facts = asked.on_top.clone().unwrap_or_else(Context::open);
    for bundle in bundles {
        bundle.catch_up(population);
        let facts = population.library().facts(&facts);
        let question = Reach {
            resource: &Resource::new(asked.resource),
            resource_account: asked.owner,
            policies: &policies,
            rcps: None,
            resource_rule: ResourceRule::Either,
            block_public_access: false,
            facts: Some(&facts),
        };
        population.reach(bundle, &question, &mut room, &mut |_| {});
    }
}

/// Asking about many actions at once is asking about each.
fn together(population: &Population, asked: &Asked, target: &Target<'_>, bundles: Option<&mut Vec<Bundle>>) {
    let service = asked.action.split(':').next().unwrap().to_ascii_lowercase();
    let names: Vec<&str> = services()
        .find(|names| names[0].starts_with(&format!("{service}:")))
        .unwrap_or_default();
    let made;
    let kept = bundles.and_then(|bundles| bundles.iter_mut().find(|bundle| bundle.names() == names));
    let bundle = match kept {
        Some(bundle) => {
            bundle.catch_up(population);
            &*bundle
        }
        None => {
            made = Bundle::new(population, &names);
            &made
        }
    };
    assert_eq!(bundle.names(), names);
    let mut facts = asked.on_top.clone().unwrap_or_else(Context::open);
    facts.set_action("");
    let library = population.library();
    let compiled = library.facts(&facts);
    let mut room = reach::Scratch::default();
    // Several resources, and again the first: what they share must not tell.
    let names = |head: &str| {
        odd::RESOURCES
            .iter()
            .copied()
            .filter(|name| name.starts_with(head))
            .collect()
    };
    let others: Vec<&str> = names(&asked.resource[..asked.resource.len().min(12)]);
    let owners = [target.resource_account, Some("333333333333")];
    for (resource, owner) in std::iter::once(asked.resource)
        .chain(others)
        .chain([asked.resource])
        .flat_map(|name| owners.map(|owner| (name, owner)))
    {
        let resource = Resource::new(resource);
        let question = Reach {
            resource: &resource,
            resource_account: owner,
            policies: target.policies,
            rcps: target.rcps,
            resource_rule: target.resource_rule,
            block_public_access: target.block_public_access,
            facts: Some(&compiled),
        };
        let mut rows = Vec::new();
        population.reach(bundle, &question, &mut room, &mut |row| rows.push(row));
        for (bit, name) in bundle.names().iter().enumerate() {
            let mut facts = facts.clone();
            facts.set_action(name);
            let compiled = library.facts(&facts);
            let action = Action::new(name);
            let target = Target {
                action: &action,
                resource: &resource,
                resource_account: owner,
                endpoint: None,
                facts: Some(&compiled),
                ..*target
            };
            let answer = population.who_can(&target, &mut Scratch::default());
            for id in (0..population.len()).filter_map(|at| population.id(at)) {
                let mut of_id = rows.iter().filter(|row| row.principal == id);
                let row = of_id.next();
                assert_eq!(of_id.next(), None, "told twice");
                let has = |mask: u128| mask >> bit & 1 == 1;
                let found = row.map_or((false, false), |row| (has(row.certain), has(row.possible)));
                let wanted = (
                    answer.allowed.contains(&id),
                    answer.allowed.contains(&id) || answer.allowed_if.contains(&id),
                );
                let who = population.who(id).unwrap().id();
                assert_eq!(
                    found,
                    wanted,
                    "{name} together: {who} {} {owner:?} {asked:?}",
                    resource.text()
                );
                assert!(row.is_none_or(|row| !has(row.blocked) || !has(row.possible)));
                if bit == 0 {
                    let alone = population.reach_of(bundle, id, &question, &mut room);
                    assert_eq!(
                        alone.as_ref(),
                        row,
                        "alone: {who} {} {owner:?} {asked:?}",
                        resource.text()
                    );
                }
            }
        }
    }
}

const TOGETHER: &[&str] = &[
    "iam:CreateUser",
    "iam:GetUser",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "kms:Decrypt",
    "kms:ScheduleKeyDeletion",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutObject",
    "sts:AssumeRole",
    "sts:AssumeRoot",
    "sts:TagSession",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: asking::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn asking_all_is_asking_each(world in everything()) {
        check(&world, false);
    }

    #[test]
    fn a_population_that_was_changed_is_one_made_anew(world in everything()) {
        check(&world, true);
    }
}

/// The random populations are worth asking: no answer is rare.
#[test]
fn the_populations_are_of_all_kinds() {
    let mut runner = TestRunner::deterministic();
    let (mut all, mut company) = ([0; 4], 0);
    for _ in 0..300 {
        let world = everything().new_tree(&mut runner).unwrap().current();
        let (count, more) = check(&world, false);
        company += more;
        all.iter_mut().zip(count).for_each(|(all, count)| *all += count);
    }
    let total: u32 = all.iter().sum();
    eprintln!("allowed, allowed_if, implicit_deny, explicit_deny of {total}: {all:?}; {company} in company");
    assert!(company > 600);
    assert!(all.iter().all(|count| *count * 50 >= total), "{all:?} of {total}");
}
