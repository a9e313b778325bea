//! Everybody who can act, as one population of the engine, and all policies compiled into its library: what is asked of
//! very many at once is asked here.

use std::sync::{Arc, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_engine::compiled::{Library, PolicyId};
use sv0_engine::index::{Builder, ChainId, NewPrincipal, Population, PrincipalId};
use sv0_iam::syntax::Policy;
use sv0_model::graph::NodeId;

use crate::ask::Asker;
use crate::world::{Account, World};

/// Levels of SCPs or RCPs, root first.
type Levels = Vec<Vec<PolicyId>>;

/// Policies in their places, compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    library: Library,
    /// By tag.
    policies: Vec<PolicyId>,
}

impl Compiled {
    /// Compiles the policies of all attachments, in the order of their tags.
    pub(crate) fn new<'a>(attached: impl IntoIterator<Item = &'a Arc<Policy>>) -> Self {
        let mut library = Library::new();
        let policies = attached
            .into_iter()
            .map(|policy| library.add_shared(policy))
            .collect();
        Self { library, policies }
    }
}

/// Everybody who can act: collected users and roles, and the strangers that policies name.
#[derive(Debug)]
pub struct Everybody {
    population: Population,
    /// By principal.
    nodes: Vec<NodeId>,
    /// By node: the principal's number and one, or nothing.
    numbers: Vec<u32>,
    /// By tag.
    policies: Vec<PolicyId>,
    /// By account, where RCPs apply.
    rcps: FxHashMap<String, Levels>,
    /// Principals with a boundary that is not in the input: nothing about them is certain.
    unsure: Vec<bool>,
}

impl Everybody {
    /// Takes everybody in.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let ready = world
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Compiled { library, policies } =
            ready.unwrap_or_else(|| Compiled::new(world.attachments.iter().map(|a| &a.policy)));
        let ids = |tags: &[u32]| -> Vec<PolicyId> {
            let ids = tags.iter().filter_map(|tag| policies.get(*tag as usize));
            ids.copied().collect()
        };
        let levels = |levels: &[Vec<u32>]| -> Levels { levels.iter().map(|tags| ids(tags)).collect() };
        let mut builder = Builder::new(library);
        let mut chains: FxHashMap<&str, ChainId> = FxHashMap::default();
        let mut rcps = FxHashMap::default();
        for (id, account) in &world.accounts {
            if let Some(scps) = &account.scps {
                chains.insert(id, builder.chain(levels(scps)));
            }
            if let Some(found) = &account.rcps {
                rcps.insert(id.clone(), levels(found));
            }
        }
        let all: Vec<NodeId> = world
            .principals
            .keys()
            .copied()
            .chain(crate::steps::stranger_nodes(world))
            .collect();
        let mut out = Self {
            population: Builder::default().build(),
            nodes: all,
            numbers: vec![0; world.graph.len()],
            policies: Vec::new(),
            rcps,
            unsure: Vec::new(),
        };
        // Contexts take longest, and are soon used up.
        for nodes in out.nodes.chunks(8_192) {
            let askers: Vec<Asker<'_>> = nodes.par_iter().map(|node| Asker::node(world, *node)).collect();
            for (asker, node) in askers.iter().zip(nodes) {
                let principal = world.principals.get(node);
                let identity = principal.map_or(Vec::new(), |principal| ids(&principal.identity));
                let boundary = principal.map_or(Vec::new(), |principal| ids(principal.boundary.as_slice()));
                let id = builder.add(&NewPrincipal {
                    caller: &asker.caller,
                    identity: &identity,
                    identity_unknown: asker.identity_unknown(),
                    boundaries: &boundary,
                    scps: asker
                        .caller
                        .account
                        .as_deref()
                        .and_then(|account| chains.get(account).copied()),
                    context: &asker.context,
                });
                if let Some(number) = out.numbers.get_mut(node.index()) {
                    *number = u32::try_from(id.index() + 1).unwrap_or(u32::MAX);
                }
                out.unsure
                    .push(principal.is_some_and(|principal| principal.boundary_missing.is_some()));
            }
        }
        out.population = builder.build();
        out.policies = policies;
        out
    }

    /// Puts another document in some places.
    pub(crate) fn replace(&mut self, tags: &[u32], policy: &Arc<Policy>) {
        let id = self.population.library_mut().add_shared(policy);
        for tag in tags {
            if let Some(place) = self.policies.get_mut(*tag as usize) {
                *place = id;
            }
        }
    }

    /// Puts an account under the ceilings that it has now.
    pub(crate) fn put_under(&mut self, id: &str, account: &Account) {
        if let Some(scps) = &account.scps {
            let levels = scps.iter().map(|tags| self.policies(tags)).collect();
            let chain = self.population.chain(levels);
            self.population.put_under(id, chain);
        }
        if let Some(rcps) = &account.rcps {
            let levels = rcps.iter().map(|tags| self.policies(tags)).collect();
            self.rcps.insert(id.to_owned(), levels);
        }
    }

    /// Gives principals the policies and facts that they have now.
    pub(crate) fn change(&mut self, world: &World, nodes: &[NodeId], askers: &[Asker<'_>]) {
        let mut own: Vec<(PrincipalId, Vec<PolicyId>, Vec<PolicyId>, &Asker<'_>)> = Vec::new();
        for (node, asker) in nodes.iter().zip(askers) {
            if let (Some(id), Some(principal)) = (self.principal(*node), world.principals.get(node)) {
                let boundary = self.policies(principal.boundary.as_slice());
                own.push((id, self.policies(&principal.identity), boundary, asker));
            }
        }
        let mut chains: FxHashMap<&str, ChainId> = FxHashMap::default();
        for asker in askers {
            let Some(account) = asker.caller.account.as_deref() else {
                continue;
            };
            let scps = world.accounts.get(account).and_then(|of| of.scps.as_ref());
            if let (Some(scps), false) = (scps, chains.contains_key(account)) {
                let levels = scps.iter().map(|tags| self.policies(tags)).collect();
                chains.insert(account, self.population.chain(levels));
            }
        }
        let changes: Vec<(PrincipalId, NewPrincipal<'_>)> = own
            .iter()
            .map(|(id, identity, boundaries, asker)| {
                let account = asker.caller.account.as_deref();
                let new = NewPrincipal {
                    caller: &asker.caller,
                    identity,
                    identity_unknown: asker.identity_unknown(),
                    boundaries,
                    scps: account.and_then(|account| chains.get(account).copied()),
                    context: &asker.context,
                };
                (*id, new)
            })
            .collect();
        self.population.change(&changes);
    }

    /// As the engine knows them.
    #[must_use]
    pub const fn population(&self) -> &Population {
        &self.population
    }

    /// Every policy in its place, compiled.
    #[must_use]
    pub const fn library(&self) -> &Library {
        self.population.library()
    }

    /// The node of a principal.
    #[must_use]
    pub fn node(&self, id: PrincipalId) -> Option<NodeId> {
        self.nodes.get(id.index()).copied()
    }

    /// The principal of a node, where it is one.
    #[must_use]
    pub fn principal(&self, node: NodeId) -> Option<PrincipalId> {
        let number = self.numbers.get(node.index())?.checked_sub(1)?;
        self.population.id(number as usize)
    }

    /// Whether a principal has a boundary that is not in the input.
    #[must_use]
    pub fn is_unsure(&self, id: PrincipalId) -> bool {
        self.unsure.get(id.index()).is_some_and(|unsure| *unsure)
    }

    /// The compiled policy of a tag.
    #[must_use]
    pub fn policy(&self, tag: u32) -> Option<PolicyId> {
        self.policies.get(tag as usize).copied()
    }

    /// The compiled policies of tags.
    #[must_use]
    pub fn policies(&self, tags: &[u32]) -> Vec<PolicyId> {
        tags.iter().filter_map(|tag| self.policy(*tag)).collect()
    }

    /// The RCPs of an account, root first; none where none applies.
    #[must_use]
    pub fn rcps(&self, account: Option<&str>) -> Option<&[Vec<PolicyId>]> {
        self.rcps.get(account?).map(Vec::as_slice)
    }
}
