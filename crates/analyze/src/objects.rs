//! The names below a bucket that policies single out, such as `bucket/logs/*`: what may be done to the objects of a bucket
//! is asked once for any name, and once for each of these.
//!
//! A policy singles a name out by allowing it, or by sparing it where it denies; whose policy it is, and whether it is an
//! identity policy, a boundary, an SCP or the bucket's own, does not matter: the question is asked of all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_engine::index::PrincipalId;
use sv0_iam::condition::Context;
use sv0_iam::syntax::ast::ResourceElement;
use sv0_iam::syntax::resource::Scope;
use sv0_iam::syntax::{Effect, Policy, ResourcePattern, Statement};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;

use crate::access::may_mean;
use crate::ask::{Asker, Target};
use crate::world::World;

/// Names that one bucket is asked about at most, for one caller or for everybody.
const MOST: usize = 12;

/// The name of an object, and the pattern that it stands for.
type Name = (String, String);

/// What a statement lets through of all resources: those that it allows, or those that it spares when it denies.
fn lets_through(statement: &Statement) -> Option<&ResourceElement> {
    let element = statement.resource.as_ref()?;
    (element.negated == (statement.effect == Effect::Deny)).then_some(element)
}

fn patterns(policy: &Policy) -> impl Iterator<Item = &ResourcePattern> {
    let elements = policy.statements.iter().filter_map(lets_through);
    elements.flat_map(|element| &element.patterns)
}

/// The bucket of a pattern for objects, as it is written, and what is below it.
fn split(pattern: &ResourcePattern) -> Option<(&str, &str)> {
    let (bucket, below) = pattern.as_str().split_once('/')?;
    bucket.contains(":s3:::").then_some((bucket, below))
}

fn is_of_many(bucket: &str) -> bool {
    bucket.contains(['*', '?'])
}

/// An object of a bucket that a pattern covers, and the pattern as far as it is about this bucket. None for a pattern
/// that covers all objects of the bucket, or none.
fn name(bucket: &str, pattern: &ResourcePattern, context: &Context) -> Option<Name> {
    let prefix = format!("{bucket}/");
    let (written, below) = split(pattern)?;
    if below == "*" {
        return None;
    }
    let example = pattern.example(context, 'x')?;
    if is_of_many(written) {
        let rest = example.split_once('/')?.1;
        return (!rest.is_empty()).then(|| (format!("{prefix}{rest}"), format!("{prefix}{below}")));
    }
    let rest = example.strip_prefix(&prefix)?;
    (!rest.is_empty()).then(|| (example.clone(), pattern.as_str().to_owned()))
}

fn add(names: &mut Vec<Name>, found: Option<Name>) {
    if let Some(found) = found
        && names.len() < MOST
        && !names.iter().any(|(arn, _)| *arn == found.0)
    {
        names.push(found);
    }
}

/// The names below a bucket that the policies single out which bear on the requests of one caller.
pub(crate) fn singled_out(world: &World, asker: &Asker<'_>, bucket: NodeId) -> Vec<Name> {
    let mut out = Vec::new();
    let id = world.id(bucket);
    let wide = format!("{id}/*");
    let Some(scope) = Scope::parse(&wide) else {
        return out;
    };
    let (mine, theirs) = asker.bearing(Target {
        arn: id,
        node: Some(bucket),
    });
    let attached = mine
        .iter()
        .chain(&theirs)
        .filter_map(|tag| world.attachment(*tag));
    for pattern in attached.flat_map(|attachment| patterns(&attachment.policy)) {
        if pattern.overlaps(&scope) {
            add(&mut out, name(id, pattern, &asker.context));
        }
    }
    out
}

/// The names below buckets that some policy singles out.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By bucket: how many policies single a name out. Patterns with variables, which mean another name for each caller,
    /// do not count here.
    of_one: FxHashMap<String, BTreeMap<Name, u32>>,
    /// In how many places each policy is: by where it lies in memory.
    places: FxHashMap<usize, u32>,
    /// Patterns that may be about many buckets.
    of_many: Vec<ResourcePattern>,
    /// By bucket: patterns with variables, and whom they mean what for.
    personal: FxHashMap<String, Vec<(PrincipalId, String)>>,
}

impl Names {
    /// Reads all policies.
    pub(crate) fn new(world: &World) -> Self {
        let mut out = Self::default();
        for attachment in &world.attachments {
            if !out.add_policy(&attachment.policy) {
                continue;
            }
            for pattern in of_many(&attachment.policy) {
                if !out.of_many.contains(pattern) {
                    out.of_many.push(pattern.clone());
                }
            }
        }
        out.of_callers(world);
        out.of_buckets(world);
        for names in out.personal.values_mut() {
            names.sort();
            names.dedup();
        }
        out
    }

    /// Whether it is the first of its places.
    fn add_policy(&mut self, policy: &Arc<Policy>) -> bool {
        let places = self.places.entry(Arc::as_ptr(policy).addr()).or_default();
        *places += 1;
        let first = *places == 1;
        if first {
            for (bucket, name) in fixed(policy) {
                let names = match self.of_one.get_mut(bucket) {
                    Some(names) => names,
                    None => self.of_one.entry(bucket.to_owned()).or_default(),
                };
                *names.entry(name).or_default() += 1;
            }
        }
        first
    }

    /// Takes note that a policy in its place became another, where neither [reaches far](reaches_far). The buckets
    /// concerned are to be asked about again.
    pub(crate) fn change(&mut self, old: &Arc<Policy>, new: &Arc<Policy>) -> Vec<String> {
        self.add_policy(new);
        let address = Arc::as_ptr(old).addr();
        if let Some(places) = self.places.get_mut(&address) {
            *places -= 1;
            if *places == 0 {
                self.places.remove(&address);
                for (bucket, name) in fixed(old) {
                    if let Some(names) = self.of_one.get_mut(bucket)
                        && let Some(count) = names.get_mut(&name)
                    {
                        *count -= 1;
                        if *count == 0 {
                            names.remove(&name);
                        }
                    }
                }
            }
        }
        let both = fixed(old).chain(fixed(new));
        let mut out: Vec<String> = both.map(|(bucket, _)| bucket.to_owned()).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The names below a bucket.
    pub(crate) fn below(&self, bucket: &str) -> Vec<Name> {
        let mine = self.of_one.get(bucket);
        let mut out: Vec<Name> = mine
            .into_iter()
            .flat_map(BTreeMap::keys)
            .take(MOST)
            .cloned()
            .collect();
        let wide = format!("{bucket}/*");
        if let (false, Some(scope)) = (self.of_many.is_empty(), Scope::parse(&wide)) {
            let context = Context::closed();
            for pattern in self.of_many.iter().filter(|pattern| pattern.overlaps(&scope)) {
                add(&mut out, name(bucket, pattern, &context));
            }
        }
        out
    }

    /// The names below a bucket that mean one caller each.
    pub(crate) fn personal(&self, bucket: &str) -> &[(PrincipalId, String)] {
        self.personal.get(bucket).map_or(&[], Vec::as_slice)
    }

    /// Patterns with variables on the caller's side: its policies, its boundary, its SCPs.
    fn of_callers(&mut self, world: &World) {
        let mut known: FxHashMap<u32, Vec<&ResourcePattern>> = FxHashMap::default();
        for (node, principal) in &world.principals {
            let Some(id) = world.everybody().principal(*node) else {
                continue;
            };
            let account = world.account_of(*node).and_then(|id| world.accounts.get(id));
            let scps = account.and_then(|account| account.scps.as_ref());
            let tags = principal.identity.iter().chain(&principal.boundary);
            let mut asker = None;
            for tag in tags.chain(scps.into_iter().flatten().flatten()) {
                let patterns = known.entry(*tag).or_insert_with(|| with_variables(world, *tag));
                for pattern in patterns.iter() {
                    let asker = asker.get_or_insert_with(|| Asker::node(world, *node));
                    self.add_personal(id, pattern, asker);
                }
            }
        }
    }

    /// Patterns with variables in buckets' own policies: for everybody whom they may mean.
    fn of_buckets(&mut self, world: &World) {
        for (bucket, tags) in &world.resource_policies {
            if world.node(*bucket).record.kind != Kind::S3Bucket {
                continue;
            }
            for tag in tags {
                let patterns = with_variables(world, *tag);
                let Some(attachment) = world.attachment(*tag).filter(|_| !patterns.is_empty()) else {
                    continue;
                };
                for asker in crate::steps::askers(world) {
                    let id = asker.node.and_then(|node| world.everybody().principal(node));
                    let same = asker.caller.account.as_deref() == world.account_of(*bucket);
                    if let Some(id) = id.filter(|_| same || may_mean(&attachment.policy, &asker)) {
                        for pattern in &patterns {
                            self.add_personal(id, pattern, &asker);
                        }
                    }
                }
            }
        }
    }

    fn add_personal(&mut self, who: PrincipalId, pattern: &ResourcePattern, asker: &Asker<'_>) {
        let example = pattern.example(&asker.context, 'x');
        if let Some((bucket, _)) = example.as_deref().and_then(|arn| arn.split_once('/')) {
            let bucket = bucket.to_owned();
            let names = self.personal.entry(bucket).or_default();
            names.extend(example.map(|example| (who, example)));
        }
    }
}

/// The names that a policy singles out whoever asks, each with its bucket.
fn fixed(policy: &Policy) -> impl Iterator<Item = (&str, Name)> {
    let context = Context::closed();
    let fixed = patterns(policy).filter(|pattern| pattern.variables().is_empty());
    fixed.filter_map(move |pattern| {
        let (bucket, _) = split(pattern).filter(|(bucket, _)| !is_of_many(bucket))?;
        Some((bucket, name(bucket, pattern, &context)?))
    })
}

/// The patterns of a policy that single out names below many buckets.
fn of_many(policy: &Policy) -> impl Iterator<Item = &ResourcePattern> {
    let fixed = patterns(policy).filter(|pattern| pattern.variables().is_empty());
    fixed.filter(|pattern| split(pattern).is_some_and(|(bucket, below)| is_of_many(bucket) && below != "*"))
}

/// Whether names that a policy singles out hang on more than one bucket and the policy itself: on who asks, or on what
/// buckets there are.
pub(crate) fn reaches_far(policy: &Policy) -> bool {
    let personal = |pattern: &ResourcePattern| split(pattern).is_some() && !pattern.variables().is_empty();
    of_many(policy).next().is_some() || patterns(policy).any(personal)
}

fn with_variables(world: &World, tag: u32) -> Vec<&ResourcePattern> {
    let policy = world.attachment(tag).map(|attachment| &*attachment.policy);
    let all = policy.into_iter().flat_map(patterns);
    all.filter(|pattern| split(pattern).is_some() && !pattern.variables().is_empty())
        .collect()
}
