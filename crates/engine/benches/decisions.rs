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
    caller: Caller,
    who: Who,
    action: &'static str,
    resource: String,
    owner: String,
    /// What is known of the caller, of the bucket, and of both.
    context: Context,
    on_top: Context,
    merged: Context,
    identity: Vec<PolicyId>,
    boundaries: Vec<PolicyId>,
    scps: Vec<Vec<PolicyId>>,
    policy: Vec<PolicyId>,
}

struct World {
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
            let member = lots.one(&members);
            let number = lots.below(organisation.bucket_policies.len());
            // Somebody who has to do with the bucket: two of the policies speak of it, where so many do.
            let near = &near[number];
            let on_top = organisation.facts_of_bucket(number);
            let mut merged = member.context.clone();
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
                caller: member.caller.clone(),
                who: Who::new(&member.caller),
                action: ACTIONS[lots.below(ACTIONS.len())],
                resource: format!(
                    "arn:aws:s3:::{}/home/{}/{}.csv",
                    bucket(number),
                    lots.one(&["data", "web"]),
                    lots.below(1_000)
                ),
                owner: account(number % organisation.accounts),
                context: member.context.clone(),
                on_top,
                merged,
                identity,
                boundaries: vec![library.add_shared(boundary)],
                scps: scps.iter().map(|level| add_all(&mut library, level)).collect(),
                policy: vec![library.add_shared(&organisation.bucket_policies[number])],
            }
        })
        .collect();
    World { library, rcps, asked }
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

    fn request(&self) -> Request<'_> {
        Request {
            caller: &self.caller,
            action: self.action,
            resource: ResourceName::new(&self.resource),
            resource_account: Some(&self.owner),
            context: &self.merged,
        }
    }
}

struct Prepared<'a> {
    asked: &'a Asked,
    action: Action<'a>,
    resource: Resource<'a>,
    facts: Facts<'a>,
    on_top: Facts<'a>,
}

impl<'a> Prepared<'a> {
    fn new(world: &'a World, asked: &'a Asked) -> Self {
        Self {
            asked,
            action: Action::new(asked.action),
            resource: Resource::new(&asked.resource),
            facts: world.library.facts(&asked.context),
            on_top: world.library.facts(&asked.on_top),
        }
    }

    fn decide(&self, world: &World) -> Verdict {
        let question = Question {
            who: &self.asked.who,
            action: &self.action,
            resource: &self.resource,
            resource_account: Some(&self.asked.owner),
            facts: &self.facts,
            more: Some(&self.on_top),
        };
        world.library.decide(&question, &self.asked.layers(world))
    }
}

/// Says what is asked, and that both evaluators answer alike.
#[expect(clippy::print_stdout, reason = "the bench says what it measures")]
fn describe() {
    let world = &*WORLD;
    let (mut verdicts, mut statements) = ([0; 4], 0);
    for asked in &world.asked {
        let policies = asked.policies(world);
        let plain = decide(&asked.request(), &policies).verdict;
        assert_eq!(plain, Prepared::new(world, asked).decide(world));
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

/// Caller, action, resource and facts taken apart before.
#[divan::bench]
fn compiled(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let prepared: Vec<Prepared<'_>> = world
        .asked
        .iter()
        .map(|asked| Prepared::new(world, asked))
        .collect();
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        prepared.iter().for_each(|prepared| {
            black_box(prepared.decide(world));
        });
    });
}

/// Only the caller and its facts taken apart before: action and resource as text, the bucket's facts as a context.
#[divan::bench]
fn compiled_from_text(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let facts: Vec<Facts<'_>> = world
        .asked
        .iter()
        .map(|asked| world.library.facts(&asked.context))
        .collect();
    bencher.counter(ItemsCount::new(REQUESTS)).bench_local(|| {
        for (asked, facts) in world.asked.iter().zip(&facts) {
            let question = Question {
                who: &asked.who,
                action: &Action::new(asked.action),
                resource: &Resource::new(&asked.resource),
                resource_account: Some(&asked.owner),
                facts,
                more: Some(&world.library.facts(&asked.on_top)),
            };
            black_box(world.library.decide(&question, &asked.layers(world)));
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
        .map(|asked| (asked.request(), asked.policies(world)))
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
