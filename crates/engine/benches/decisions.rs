//! One decision after the other: four thousand different requests, each with five identity policies, a boundary, three
//! levels of SCPs, an RCP and a bucket policy, some 28 statements in all. Compiled, and plain beside it.
//!
//! `cargo bench -p sv0-engine --bench decisions`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up says where"
)]

mod organisation;

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use organisation::{ACTIONS, Lots, Organisation, account, add_all, bucket};
use sv0_engine::compiled::{Action, Facts, Layers, Library, PolicyId, Question, Resource, Who};
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule, Verdict, decide};
use sv0_iam::managed;
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, parse};

fn main() {
    describe();
    divan::main();
}

const REQUESTS: usize = 4_096;

/// A request as it is asked.
struct Asked {
    /// Which principal.
    member: usize,
    action: &'static str,
    /// What is known of the bucket and the action: its place among the targets.
    target: usize,
    resource: String,
    owner: String,
    /// What is known of both, in one.
    merged: Context,
    identity: Vec<PolicyId>,
    boundaries: Vec<PolicyId>,
    scps: Vec<Vec<PolicyId>>,
    policy: Vec<PolicyId>,
}

struct World {
    /// The principals: caller, taken apart, and what is known.
    members: Vec<(Caller, Who, Context)>,
    /// What is known of each bucket and action.
    targets: Vec<Context>,
    library: Library,
    rcps: Vec<Vec<PolicyId>>,
    asked: Vec<Asked>,
}

/// Principals with exactly five identity policies and a boundary, as in the yardstick.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let organisation = Organisation::new(2_000);
    let mut library = Library::new();
    let mut lots = Lots::new(7);
    let rcps: Vec<Vec<PolicyId>> = organisation
        .rcps
        .iter()
        .map(|level| add_all(&mut library, level))
        .collect();
    let members: Vec<_> = organisation
        .members
        .iter()
        .filter(|member| member.account.is_some())
        .collect();
    // What may be attached to anybody: neither AWS's largest documents nor a handful only.
    let pool: Vec<_> = members
        .iter()
        .flat_map(|member| &member.identity)
        .filter(|policy| (2..=6).contains(&policy.statements.len()))
        .collect();
    let boundary = members
        .iter()
        .find_map(|member| member.boundary.as_ref())
        .expect("a boundary");
    let mut distinct = pool.clone();
    distinct.sort_by_key(|policy| std::ptr::from_ref::<Policy>(policy));
    distinct.dedup_by_key(|policy| std::ptr::from_ref::<Policy>(policy));
    let near: Vec<Vec<_>> = (0..organisation.bucket_policies.len())
        .map(|number| {
            let name = bucket(number);
            distinct
                .iter()
                .copied()
                .filter(|policy| speaks_of(policy, &name))
                .collect()
        })
        .collect();
    let asked = (0..REQUESTS)
        .map(|_| {
            let home = lots.below(members.len());
            let member = members[home];
            let number = lots.below(organisation.bucket_policies.len());
            // Somebody who has to do with the bucket: two of the policies speak of it, where so many do.
            let near = &near[number];
            let action = lots.below(ACTIONS.len());
            let on_top = organisation.facts_of_bucket(number, ACTIONS[action]);
            let mut merged = member.context.clone();
            merged.set_action(ACTIONS[action]);
            on_top
                .entries()
                .for_each(|(key, fact)| merged.set_fact(key, fact));
            let identity = (0..5).map(|n| {
                let policy = if n < 2 && !near.is_empty() {
                    near[lots.below(near.len())]
                } else {
                    lots.one(&pool)
                };
                library.add_shared(policy)
            });
            let identity = identity.collect();
            let scps = &organisation.scps[member.account.expect("an account")];
            Asked {
                member: home,
                action: ACTIONS[action],
                target: number * ACTIONS.len() + action,
                resource: format!(
                    "arn:aws:s3:::{}/home/{}/{}.csv",
                    bucket(number),
                    lots.one(&["data", "web"]),
                    lots.below(1_000)
                ),
                owner: account(number % organisation.accounts),
                merged,
                identity,
                boundaries: vec![library.add_shared(boundary)],
                scps: scps.iter().map(|level| add_all(&mut library, level)).collect(),
                policy: vec![library.add_shared(&organisation.bucket_policies[number])],
            }
        })
        .collect();
    let targets = (0..organisation.bucket_policies.len())
        .flat_map(|number| ACTIONS.iter().map(move |action| (number, action)))
        .map(|(number, action)| organisation.facts_of_bucket(number, action))
        .collect();
    let members = members
        .iter()
        .map(|member| {
            (
                member.caller.clone(),
                Who::new(&member.caller),
                member.context.clone(),
            )
        })
        .collect();
    World {
        members,
        targets,
        library,
        rcps,
        asked,
    }
});

fn speaks_of(policy: &Policy, bucket: &str) -> bool {
    let elements = policy
        .statements
        .iter()
        .filter_map(|statement| statement.resource.as_ref());
    elements
        .flat_map(|element| &element.patterns)
        .any(|pattern| pattern.as_str().contains(bucket))
}

impl Asked {
    fn layers<'a>(&'a self, world: &'a World) -> Layers<'a> {
        Layers {
            identity: &self.identity,
            boundaries: &self.boundaries,
            scps: Some(&self.scps),
            rcps: Some(&world.rcps),
            resource: &self.policy,
            ..Layers::default()
        }
    }

    fn policies<'a>(&'a self, world: &'a World) -> Policies<'a> {
        let all = |ids: &[PolicyId]| -> Vec<Attached<'a>> {
            ids.iter()
                .map(|id| Attached {
                    policy: world.library.policy(*id).unwrap(),
                    tag: 0,
                })
                .collect()
        };
        Policies {
            identity: all(&self.identity),
            boundaries: all(&self.boundaries),
            scps: Some(self.scps.iter().map(|level| all(level)).collect()),
            rcps: Some(world.rcps.iter().map(|level| all(level)).collect()),
            resource: all(&self.policy),
            resource_rule: ResourceRule::Either,
            ..Policies::default()
        }
    }

    fn request<'a>(&'a self, world: &'a World) -> Request<'a> {
        Request {
            caller: &world.members[self.member].0,
            action: self.action,
            resource: ResourceName::new(&self.resource),
            resource_account: Some(&self.owner),
            context: &self.merged,
        }
    }
}

/// What is known of every principal, bucket and action, compiled.
struct Known<'a> {
    members: Vec<Facts<'a>>,
    targets: Vec<Facts<'a>>,
}

impl<'a> Known<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            members: world
                .members
                .iter()
                .map(|(_, _, context)| world.library.facts(context))
                .collect(),
            targets: world
                .targets
                .iter()
                .map(|context| world.library.facts(context))
                .collect(),
        }
    }
}

/// An action and resource taken apart.
struct Prepared<'a> {
    asked: &'a Asked,
    action: Action<'a>,
    resource: Resource<'a>,
}

impl<'a> Prepared<'a> {
    fn new(asked: &'a Asked) -> Self {
        Self {
            asked,
            action: Action::new(asked.action),
            resource: Resource::new(&asked.resource),
        }
    }

    fn decide(&self, world: &World, known: &Known<'_>) -> Verdict {
        let question = Question {
            who: &world.members[self.asked.member].1,
            action: &self.action,
            resource: &self.resource,
            resource_account: Some(&self.asked.owner),
            facts: &known.members[self.asked.member],
            more: Some(&known.targets[self.asked.target]),
        };
        world.library.decide(&question, &self.asked.layers(world))
    }
}

/// Says what is asked, and that both evaluators answer alike.
#[expect(clippy::print_stdout, reason = "the bench says what it measures")]
fn describe() {
    let world = &*WORLD;
    let known = Known::new(world);
    let (mut verdicts, mut statements) = ([0; 4], 0);
    for asked in &world.asked {
        let policies = asked.policies(world);
        let plain = decide(&asked.request(world), &policies).verdict;
        assert_eq!(plain, Prepared::new(asked).decide(world, &known));
        verdicts[plain as usize] += 1;
        let scps = policies.scps.iter().flatten().flatten();
        let rcps = policies.rcps.iter().flatten().flatten();
        let all = policies
            .identity
            .iter()
            .chain(&policies.boundaries)
            .chain(&policies.resource)
            .chain(scps)
            .chain(rcps);
        statements += all
            .map(|attached| attached.policy.statements.len())
            .sum::<usize>();
    }
    let [allowed, perhaps, implicit, explicit] = verdicts;
    let average = statements / REQUESTS;
    println!(
        "{REQUESTS} requests, {average} statements each on average, {} documents:",
        world.library.len()
    );
    println!("{allowed} allowed, {perhaps} allowed_if, {implicit} implicit_deny, {explicit} explicit_deny");
}

/// Callers, actions, resources and facts taken apart before.
#[divan::bench]
fn compiled(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let known = Known::new(world);
    let prepared: Vec<Prepared<'_>> = world.asked.iter().map(Prepared::new).collect();
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        prepared.iter().for_each(|prepared| {
            black_box(prepared.decide(world, &known));
        });
    });
}

/// Action and resource as text, taken apart for every request.
#[divan::bench]
fn compiled_from_text(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let known = Known::new(world);
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        for asked in &world.asked {
            black_box(Prepared::new(asked).decide(world, &known));
        }
    });
}

/// The plain evaluator with everything at hand.
#[divan::bench]
fn plain(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let prepared: Vec<_> = world
        .asked
        .iter()
        .map(|asked| (asked.request(world), asked.policies(world)))
        .collect();
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        for (request, policies) in &prepared {
            black_box(decide(request, policies).verdict);
        }
    });
}

fn managed_policies() -> Vec<Policy> {
    managed::all()
        .iter()
        .filter_map(|policy| parse(&policy.document, Flavor::Identity).0)
        .collect()
}

/// All of AWS's managed policies, parsed before.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn compile_managed_policies(bencher: Bencher<'_, '_>) {
    let policies = managed_policies();
    bencher.counter(ItemsCount::new(policies.len())).bench_local(|| {
        let mut library = Library::new();
        policies.iter().for_each(|policy| {
            library.add(policy);
        });
        library
    });
}

/// The same when they are there already, as a thousand roles share them.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn find_managed_policies_again(bencher: Bencher<'_, '_>) {
    let policies = managed_policies();
    let mut library = Library::new();
    policies.iter().for_each(|policy| {
        library.add(policy);
    });
    bencher.counter(ItemsCount::new(policies.len())).bench_local(|| {
        policies.iter().for_each(|policy| {
            black_box(library.add(policy));
        });
    });
}
