//! Who can do one thing to one object, of 1,000 to 100,000 principals: a different bucket and action each time.
//!
//! `cargo bench -p sv0-engine --bench who_can`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up says where"
)]

mod organisation;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use organisation::{ACTIONS, Organisation, account, bucket};
use sv0_engine::compiled::{Action, Facts, PolicyId, Resource};
use sv0_engine::index::{Population, PrincipalId, Scratch, Target, WhoCan};
use sv0_iam::decide::{ResourceRule, Verdict};

fn main() {
    describe();
    divan::main();
}

struct World {
    organisation: Organisation,
    population: Population,
    policies: Vec<PolicyId>,
    rcps: Vec<Vec<PolicyId>>,
}

/// One organisation of each size, made once.
fn world(principals: usize) -> &'static World {
    static WORLDS: LazyLock<Mutex<HashMap<usize, &'static World>>> = LazyLock::new(Mutex::default);
    let mut worlds = WORLDS.lock().unwrap();
    worlds.entry(principals).or_insert_with(|| {
        let organisation = Organisation::new(principals);
        let mut population = organisation.population();
        let library = population.library_mut();
        let policies = organisation
            .bucket_policies
            .iter()
            .map(|policy| library.add_shared(policy))
            .collect();
        let rcps = organisation
            .rcps
            .iter()
            .map(|level| organisation::add_all(library, level))
            .collect();
        Box::leak(Box::new(World {
            organisation,
            population,
            policies,
            rcps,
        }))
    })
}

/// A question about a bucket, with everything prepared that does not hang on the principals.
struct Asked {
    action: Action<'static>,
    resource: String,
    owner: String,
    policy: Vec<PolicyId>,
    facts: Facts<'static>,
}

fn questions(world: &'static World) -> Vec<Asked> {
    let buckets = world.policies.len();
    let about = |n: usize| (n * 37 % buckets, ACTIONS[n % ACTIONS.len()]);
    questions_about(world, (0..512).map(about).collect())
}

fn questions_about(world: &'static World, about: Vec<(usize, &'static str)>) -> Vec<Asked> {
    about
        .into_iter()
        .enumerate()
        .map(|(n, (number, action))| Asked {
            action: Action::new(action),
            resource: format!("arn:aws:s3:::{}/home/data/{n}.csv", bucket(number)),
            owner: account(number % world.organisation.accounts),
            policy: vec![world.policies[number]],
            facts: world
                .population
                .library()
                .facts(&world.organisation.facts_of_bucket(number, action)),
        })
        .collect()
}

fn ask(world: &World, asked: &Asked, scratch: &mut Scratch) -> WhoCan {
    let resource = Resource::new(&asked.resource);
    world
        .population
        .who_can(&target(world, asked, &resource), scratch)
}

fn target<'a>(world: &'a World, asked: &'a Asked, resource: &'a Resource<'a>) -> Target<'a> {
    Target {
        action: &asked.action,
        resource,
        resource_account: Some(&asked.owner),
        policies: &asked.policy,
        rcps: Some(&world.rcps),
        endpoint: None,
        resource_rule: ResourceRule::Either,
        block_public_access: false,
        facts: Some(&asked.facts),
    }
}

/// Says what is asked, and that asking all is asking each.
#[expect(clippy::print_stdout, reason = "the bench says what it measures")]
fn describe() {
    let world = world(10_000);
    let mut scratch = Scratch::default();
    let (mut allowed, mut perhaps) = (0, 0);
    let questions = questions(world);
    for (n, asked) in questions.iter().enumerate() {
        let answer = ask(world, asked, &mut scratch);
        allowed += answer.allowed.len();
        perhaps += answer.allowed_if.len();
        if n % 64 == 0 {
            let resource = Resource::new(&asked.resource);
            let mut each = WhoCan::default();
            for id in all(&world.population) {
                match world.population.ask(id, &target(world, asked, &resource)) {
                    Some(Verdict::Allowed) => each.allowed.push(id),
                    Some(Verdict::AllowedIf) => each.allowed_if.push(id),
                    _ => {}
                }
            }
            assert_eq!(answer, each);
        }
    }
    let population = &world.population;
    println!(
        "{} principals in {} groups, {} documents; a question finds {} allowed and {} allowed_if on average",
        population.len(),
        population.groups(),
        population.library().len(),
        allowed / questions.len(),
        perhaps / questions.len(),
    );
}

fn all(population: &Population) -> Vec<PrincipalId> {
    (0..population.len())
        .filter_map(|index| population.id(index))
        .collect()
}

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// One question after the other, each about another bucket; a tenth of them are open to the organisation.
#[divan::bench(args = SIZES)]
fn warm(bencher: Bencher<'_, '_>, principals: usize) {
    let world = world(principals);
    ask_in_turn(bencher, world, &questions(world));
}

/// The dearest kind: the bucket's policy grants to everybody of the organisation, so that all who have a policy that
/// grants are asked, in whatever account.
#[divan::bench(args = SIZES)]
fn warm_open_to_all(bencher: Bencher<'_, '_>, principals: usize) {
    let world = world(principals);
    // Reading is what these buckets are open for.
    let open = (0..world.policies.len())
        .step_by(10)
        .map(|number| (number, "s3:GetObject"));
    let questions = questions_about(world, open.collect());
    ask_in_turn(bencher, world, &questions);
}

fn ask_in_turn(bencher: Bencher<'_, '_>, world: &'static World, questions: &[Asked]) {
    let mut scratch = Scratch::default();
    questions.iter().for_each(|asked| {
        ask(world, asked, &mut scratch);
    });
    let at = Cell::new(0);
    bencher.bench_local(|| {
        at.set((at.get() + 1) % questions.len());
        black_box(ask(world, &questions[at.get()], &mut scratch))
    });
}

/// The same, principal by principal, of the compiled evaluator.
#[divan::bench(args = [1_000, 10_000], sample_count = 20, sample_size = 1)]
fn one_by_one(bencher: Bencher<'_, '_>, principals: usize) {
    let world = world(principals);
    let questions = questions(world);
    let ids = all(&world.population);
    let at = Cell::new(0);
    bencher.counter(ItemsCount::new(principals)).bench_local(|| {
        at.set((at.get() + 1) % questions.len());
        let asked = &questions[at.get()];
        let resource = Resource::new(&asked.resource);
        let target = target(world, asked, &resource);
        ids.iter()
            .filter(|id| world.population.ask(**id, &target).is_some_and(Verdict::possible))
            .count()
    });
}

/// From parsed policies and contexts to the first answer: compiling, indexing, asking.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn cold(bencher: Bencher<'_, '_>, principals: usize) {
    let world = world(principals);
    let questions = questions(world);
    bencher.bench_local(|| {
        let population = world.organisation.population();
        // Documents get the same ids whenever they are added in the same order.
        let asked = &questions[3];
        let resource = Resource::new(&asked.resource);
        let facts = population
            .library()
            .facts(&world.organisation.facts_of_bucket(3 * 37, asked.action.name()));
        let target = Target {
            facts: Some(&facts),
            ..target(world, asked, &resource)
        };
        let answer = population.who_can(&target, &mut Scratch::default());
        black_box((&answer, &population));
    });
}
