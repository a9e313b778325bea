//! Everything that is known, ready to be asked: the graph, the compiled policies, who has which, and the organisation's
//! ceilings. Made once by [`crate::normalize`], then only read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};
use sv0_iam::decide::{Attached, Layer};
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::Policy;
use sv0_model::coverage::Gap;
use sv0_model::graph::{Graph, Node, NodeId};
use sv0_model::kind::{EntityType, Kind, Slot};
use sv0_model::path::{EntityRef, StatementRef};
use sv0_model::record::{Place, PolicyText};

use crate::everybody::{Compiled, Everybody};
use crate::reach::Reaching;

/// A policy in its place. Its index in [`World::attachments`] is the `tag` of evaluator hits.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The document.
    pub policy: Arc<Policy>,
    /// The document's text.
    pub text: PolicyText,
    /// What people call it.
    pub name: String,
    /// Its ARN, or the id of the entity that holds it.
    pub id: String,
    /// What it is for its holder.
    pub slot: Slot,
    /// The group, OU or root through which it applies.
    pub via: Option<NodeId>,
}

impl Attachment {
    /// Where it was read.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.text.place.as_deref()
    }
}

/// An identity that can ask.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Which.
    pub node: NodeId,
    /// As the evaluator knows it.
    pub caller: Caller,
    /// Identity policies: inline, managed, of groups.
    pub identity: Vec<u32>,
    /// The permissions boundary.
    pub boundary: Option<u32>,
    /// The boundary's ARN, where its document is not in the input.
    pub boundary_missing: Option<String>,
    /// Attached policies whose documents are not in the input.
    pub missing: Vec<String>,
    /// For roles: the trust policy.
    pub trust: Option<u32>,
}

/// An AWS account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its node, where collected.
    pub node: Option<NodeId>,
    /// Its name.
    pub name: Option<String>,
    /// Whether anything in it was collected.
    pub collected: bool,
    /// Whether it belongs to the organisation; none where no organisation was collected.
    pub member: Option<bool>,
    /// Whether it is the management account, which no SCP or RCP binds.
    pub management: bool,
    /// SCPs, one list a level, root first; none where they do not bind or are not known.
    pub scps: Option<Vec<Vec<u32>>>,
    /// RCPs likewise.
    pub rcps: Option<Vec<Vec<u32>>>,
    /// The name of each level, root first.
    pub levels: Vec<NodeId>,
    /// `o-…/r-…/ou-…/`, as `aws:PrincipalOrgPaths` has it.
    pub org_path: Option<String>,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub struct World {
    /// Entities and structural edges.
    pub graph: Graph,
    /// Policies in their places.
    pub attachments: Vec<Attachment>,
    /// Identities that can ask, by node.
    pub principals: BTreeMap<NodeId, Principal>,
    /// Resource policies of resources and workloads, by node.
    pub resource_policies: FxHashMap<NodeId, Vec<u32>>,
    /// Which actions each policy tells apart.
    pub alike: crate::alike::Policies,
    /// Accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// The organisation's id, such as `o-uskqxxsb6u`.
    pub org_id: Option<String>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Which of them concern what.
    pub coverage: crate::coverage::Coverage,
    /// Findings of the policy parser, by document.
    pub policy_problems: Vec<PolicyProblem>,
    /// The user's rules for what is sensitive.
    pub(crate) rules: crate::normalize::rules::Rules,
    /// Its policies for the engine, until they are taken over by `everybody`.
    pub(crate) compiled: Mutex<Option<Compiled>>,
    /// The accounts that have some kinds of entity, made when it is first asked for: see `steps::technique`.
    pub(crate) kinds: OnceLock<FxHashMap<Kind, FxHashSet<String>>>,
    /// Made when it is first asked for.
    pub(crate) everybody: OnceLock<Everybody>,
    /// Likewise.
    pub(crate) reaching: OnceLock<Reaching>,
}

/// What is wrong with one policy document.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyProblem {
    /// The policy's name.
    pub policy: String,
    /// The entity that holds it.
    pub holder: String,
    /// Where it was read.
    pub place: Option<Place>,
    /// The document.
    pub text: Arc<str>,
    /// What is wrong.
    pub diagnostic: sv0_iam::syntax::Diagnostic,
}

/// Why a name means no single entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// Nothing is called that; what is nearest.
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that are near.
        near: Vec<String>,
    },
    /// Several are called that.
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
}

impl std::fmt::Display for LookupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { name, .. } if name.trim().is_empty() => write!(f, "no name was given"),
            Self::Unknown { name, near } if near.is_empty() => write!(f, "nothing is called `{name}`"),
            Self::Unknown { name, near } => {
                let near: Vec<String> = near.iter().map(|n| format!("`{n}`")).collect();
                write!(f, "nothing is called `{name}`; near: {}", near.join(", "))
            }
            Self::Ambiguous { name, ids } => {
                write!(f, "`{name}` may mean {} entities:", ids.len())?;
                ids.iter().take(12).try_for_each(|id| write!(f, "\n  {id}"))?;
                if ids.len() > 12 {
                    write!(f, "\n  … and {} more", ids.len() - 12)
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// Whether a node is what a name means.
type Matcher<'a> = dyn Fn(NodeId, &Node) -> bool + 'a;

impl World {
    /// Everybody who can act, as the engine asks about them. Nothing may be added to the world any more.
    #[must_use]
    pub fn everybody(&self) -> &Everybody {
        self.everybody.get_or_init(|| Everybody::new(self))
    }

    /// What questions about everybody share.
    #[must_use]
    pub fn reaching(&self) -> &Reaching {
        self.reaching.get_or_init(|| Reaching::new(self))
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }

    /// A node's id.
    #[must_use]
    pub fn id(&self, id: NodeId) -> &str {
        &self.graph.node(id).record.id
    }

    /// What people call a node.
    #[must_use]
    pub fn label(&self, id: NodeId) -> String {
        let node = self.graph.node(id);
        match node.record.kind {
            Kind::ExternalAccount => format!("account {} (external)", node.label()),
            Kind::Anonymous => "anyone on the internet".into(),
            _ => crate::words::one_line(node.label()),
        }
    }

    /// The account of a node.
    #[must_use]
    pub fn account_of(&self, id: NodeId) -> Option<&str> {
        self.graph.node(id).record.account.as_deref()
    }

    /// What people call an account.
    #[must_use]
    pub fn account_label(&self, account: &str) -> String {
        match self.accounts.get(account).and_then(|a| a.name.as_deref()) {
            Some(name) => crate::words::one_line(name),
            None => account.to_owned(),
        }
    }

    /// A node as output names it.
    #[must_use]
    pub fn entity(&self, id: NodeId) -> EntityRef {
        let node = self.graph.node(id);
        let account = node.record.account.clone();
        EntityRef {
            id: node.record.id.clone(),
            kind: node.record.kind,
            name: node.label().to_owned(),
            account_name: account
                .as_deref()
                .and_then(|a| self.accounts.get(a)?.name.clone()),
            account,
        }
    }

    /// A policy in its place.
    #[must_use]
    pub fn attachment(&self, tag: u32) -> Option<&Attachment> {
        self.attachments.get(tag as usize)
    }

    /// Policies as the evaluator takes them.
    #[must_use]
    pub fn attached<'a>(&'a self, tags: &[u32]) -> Vec<Attached<'a>> {
        tags.iter()
            .filter_map(|&tag| {
                self.attachment(tag).map(|a| Attached {
                    policy: &a.policy,
                    tag,
                })
            })
            .collect()
    }

    /// A statement as output names it.
    #[must_use]
    pub fn statement(&self, layer: Layer, tag: u32, index: usize) -> Option<StatementRef> {
        let attachment = self.attachment(tag)?;
        let statement = attachment.policy.statements.iter().find(|s| s.index == index)?;
        Some(StatementRef {
            layer: layer.as_str().into(),
            policy: crate::words::one_line(&attachment.name),
            policy_id: attachment.id.clone(),
            via: attachment.via.map(|via| self.label(via)),
            sid: statement.sid.as_deref().map(crate::words::one_line),
            json_path: statement.path(),
            effect: format!("{:?}", statement.effect),
        })
    }

    /// Finds the entity that a person means: an id; a name; the end of an ARN (`role/App`, `Prod/App`); any of them
    /// ignoring case, where only one fits. `wanted` narrows it to entity types.
    ///
    /// # Errors
    ///
    /// Where nothing, or more than one entity, is called that.
    pub fn lookup(&self, name: &str, wanted: &[EntityType]) -> Result<NodeId, LookupError> {
        if let Some(id) = self.graph.find(name) {
            return Ok(id);
        }
        // An empty variable of a script is no name, though ids may end with a slash.
        if name.trim().is_empty() {
            return Err(LookupError::Unknown {
                name: name.into(),
                near: Vec::new(),
            });
        }
        let fits =
            |id: NodeId| wanted.is_empty() || wanted.contains(&self.node(id).record.kind.entity_type());
        let pick = |matches: &Matcher<'_>| -> Vec<NodeId> {
            let all: Vec<NodeId> = self
                .graph
                .nodes()
                .filter(|(id, node)| fits(*id) && matches(*id, node))
                .map(|(id, _)| id)
                .collect();
            let real: Vec<NodeId> = all.iter().copied().filter(|id| !self.node(*id).stub).collect();
            if real.is_empty() { all } else { real }
        };
        // `Prod/App`: the account's name or id before the slash.
        let (account, short) = match name.split_once('/') {
            Some((head, rest)) => match self.account_named(head) {
                Some(account) => (Some(account), rest),
                None => (None, name),
            },
            None => (None, name),
        };
        let here = |node: &Node| {
            account
                .as_deref()
                .is_none_or(|a| node.record.account.as_deref() == Some(a))
        };
        // `333333333333/` is no entity of that account.
        if short.is_empty() {
            return Err(LookupError::Unknown {
                name: name.into(),
                near: Vec::new(),
            });
        }
        let tiers: [&Matcher<'_>; 4] = [
            &|_, node| here(node) && node.record.name == short,
            &|_, node| {
                here(node)
                    && Arn::parse(&node.record.id)
                        .is_some_and(|arn| arn.resource == short || arn.name() == short)
            },
            &|_, node| here(node) && node.record.name.eq_ignore_ascii_case(short),
            &|_, node| {
                here(node)
                    && node
                        .record
                        .id
                        .to_ascii_lowercase()
                        .ends_with(&format!("/{}", short.to_ascii_lowercase()))
            },
        ];
        for tier in tiers {
            let found = pick(tier);
            match found.as_slice() {
                [] => {}
                [one] => return Ok(*one),
                many => {
                    let mut ids: Vec<String> = many.iter().map(|id| self.id(*id).to_owned()).collect();
                    ids.sort();
                    return Err(LookupError::Ambiguous {
                        name: name.into(),
                        ids,
                    });
                }
            }
        }
        Err(LookupError::Unknown {
            name: name.into(),
            near: self.near(short, &fits),
        })
    }

    /// The id of an account given by id or name.
    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<String> {
        if self.accounts.contains_key(name) {
            return Some(name.to_owned());
        }
        let mut found = self.accounts.iter().filter(|(_, account)| {
            account
                .name
                .as_deref()
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
        });
        let first = found.next()?.0.clone();
        found.next().is_none().then_some(first)
    }

    fn near(&self, name: &str, fits: &dyn Fn(NodeId) -> bool) -> Vec<String> {
        let lower = name.to_ascii_lowercase();
        let limit = (name.len() / 3).max(2);
        let mut scored: Vec<(usize, String)> = self
            .graph
            .nodes()
            .filter(|(id, node)| fits(*id) && !node.record.name.is_empty())
            .filter_map(|(_, node)| {
                let candidate = &node.record.name;
                if candidate.len() > 64 {
                    return None;
                }
                let contains = candidate.to_ascii_lowercase().contains(&lower);
                let distance = sv0_iam::condition::operator::distance(name, candidate);
                (contains || distance <= limit)
                    .then(|| (if contains { 0 } else { distance }, candidate.clone()))
            })
            .collect();
        scored.sort();
        scored.dedup();
        scored.into_iter().take(5).map(|(_, name)| name).collect()
    }
}
