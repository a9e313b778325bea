//! Changes to what was read, as somebody would make them: another policy document, an edge or an entity less. They are
//! made to the records, so that the world is built from them as from any input.

use std::collections::BTreeSet;

use sv0_iam::syntax::{Severity, parse};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Kind, Slot};
use sv0_model::record::{Place, PolicySlot, PolicyText, Record};

use crate::normalize::{Names, flavor};
use crate::paths::Finder;
use crate::steps::Steps;
use crate::world::{LookupError, World};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another document for a policy.
    Policy {
        /// The policy, or `holder/name`, or `role/trust`.
        name: String,
        /// Where the document is from, for messages.
        file: String,
        /// The document.
        text: String,
    },
    /// An edge less.
    RemoveEdge {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// A managed policy less on one identity.
    Detach {
        /// The policy.
        policy: String,
        /// The identity or group.
        from: String,
    },
    /// An entity, or an inline policy, less.
    Delete {
        /// The entity, or `holder/name`.
        name: String,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeError {
    /// A name means nothing, or several things.
    Lookup(LookupError),
    /// A document is no policy.
    Document {
        /// Where it is from.
        file: String,
        /// What is wrong, each with its place.
        problems: Vec<String>,
    },
    /// It is not there to be changed, or cannot be changed so.
    Impossible {
        /// Why.
        why: String,
        /// What to do instead.
        help: String,
    },
}

impl From<LookupError> for ChangeError {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

/// Records after some changes.
#[derive(Debug, Clone, Default)]
pub struct Edited {
    /// The records.
    pub records: Vec<Record>,
    /// What was done, in words.
    pub done: Vec<String>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Ids that are no longer there: what only names them is nobody.
    pub deleted: BTreeSet<String>,
    /// Edges that are to be gone.
    pub removed: Vec<(String, String)>,
    /// Those of them that no record tells: they are concluded, and taken out of the world that is built.
    pub concluded: Vec<(String, String)>,
}

/// Makes some changes.
///
/// # Errors
///
/// At the first change that cannot be made.
pub fn edit(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    records: Vec<Record>,
    changes: &[Change],
) -> Result<Edited, ChangeError> {
    let mut editor = Editor {
        world,
        steps,
        finder,
        names: Names::of(&world.graph),
        out: Edited {
            records,
            ..Edited::default()
        },
    };
    for change in changes {
        match change {
            Change::Policy { name, file, text } => editor.policy(name, file, text)?,
            Change::RemoveEdge { from, to } => editor.remove_edge(from, to)?,
            Change::Detach { policy, from } => editor.detach(policy, from)?,
            Change::Delete { name } => editor.delete(name)?,
        }
    }
    Ok(editor.out)
}

pub(super) struct Editor<'a> {
    pub(super) world: &'a World,
    pub(super) steps: &'a Steps,
    pub(super) finder: &'a Finder<'a>,
    /// An entity has other names: a function with a version behind it, a group without its path.
    names: Names,
    pub(super) out: Edited,
}

impl Editor<'_> {
    /// The record of an entity; of two with one id, the first counts.
    pub(super) fn record(&mut self, node: NodeId) -> Result<&mut Record, ChangeError> {
        let id = self.world.id(node);
        let found = self.out.records.iter_mut().find(|record| record.id == id);
        found.ok_or_else(|| {
            impossible(
                format!("`{id}` was not collected: some policy only names it"),
                "change what names it, or read it into the snapshot",
            )
        })
    }

    fn policy(&mut self, name: &str, file: &str, text: &str) -> Result<(), ChangeError> {
        let (node, slot, inline) = self.place(name)?;
        let label = self.world.label(node);
        let kind = self.world.node(node).record.kind;
        if self.world.id(node).starts_with("arn:aws:iam::aws:") {
            return Err(impossible(
                format!("{label} is AWS's own policy, which nobody else changes"),
                "`--detach` takes it from an identity",
            ));
        }
        let (policy, problems) = parse(text, flavor(kind, slot));
        let (errors, warnings): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|p| p.severity == Severity::Error);
        let place = |problem: &sv0_iam::syntax::Diagnostic| {
            let (line, column) = problem.line_column(text);
            format!("{file}:{line}:{column}: {problem}")
        };
        if policy.is_none() || !errors.is_empty() {
            return Err(ChangeError::Document {
                file: file.to_owned(),
                problems: errors.iter().map(place).collect(),
            });
        }
        self.out.notes.extend(warnings.iter().map(place));
        let document = PolicyText::at(
            text,
            Place {
                file: file.into(),
                json_path: "".into(),
                line: Some(1),
                column: Some(1),
            },
        );
        let record = self.record(node)?;
        let there = record
            .policies
            .iter_mut()
            .find(|p| p.slot == slot && (slot != Slot::Inline || p.name == inline));
        let what = match slot {
            Slot::Inline => format!(
                "inline policy {} of {label}",
                inline.as_deref().unwrap_or_default()
            ),
            Slot::Trust => format!("the trust policy of {label}"),
            Slot::Document => label,
            Slot::Resource | Slot::Key | Slot::Endpoint => format!("the policy of {label}"),
        };
        let verb = if there.is_some() { "replaces" } else { "adds" };
        match there {
            Some(there) => there.document = document,
            None => record.policies.push(PolicySlot {
                slot,
                name: inline,
                document,
            }),
        }
        self.out.done.push(format!("{verb} {what} by {file}"));
        Ok(())
    }

    /// Whose document a name means, and which.
    fn place(&self, name: &str) -> Result<(NodeId, Slot, Option<String>), ChangeError> {
        let world = self.world;
        let error = match world.lookup(name, &[]) {
            Ok(node) => {
                let record = &world.node(node).record;
                let slot = match record.kind {
                    Kind::KmsKey => Slot::Key,
                    Kind::VpcEndpointPolicy => Slot::Endpoint,
                    kind => match kind.entity_type() {
                        EntityType::PermissionSet | EntityType::Ceiling => Slot::Document,
                        EntityType::Resource | EntityType::Workload => Slot::Resource,
                        _ => {
                            let inline = record.policies.iter().filter_map(|p| p.name.as_deref());
                            let names: Vec<String> = inline.map(|p| format!("`{name}/{p}`")).collect();
                            let trust = (kind == Kind::IamRole).then(|| format!("`{name}/trust`"));
                            let all: Vec<String> = trust.into_iter().chain(names).collect();
                            return Err(impossible(
                                format!("{} is an {}, not a policy", world.label(node), kind.label()),
                                &format!("say which of its policies: {}", all.join(", ")),
                            ));
                        }
                    },
                };
                return Ok((node, slot, None));
            }
            Err(error) => error,
        };
        let Some((holder, policy)) = name.rsplit_once('/') else {
            return Err(error.into());
        };
        // The message about the whole name is of more use than one about a part of it.
        let Ok(node) = world.lookup(holder, &[EntityType::Identity]) else {
            return Err(error.into());
        };
        match (world.node(node).record.kind, policy) {
            (Kind::IamRole, "trust") => Ok((node, Slot::Trust, None)),
            (Kind::IamRole | Kind::IamUser | Kind::IamGroup | Kind::SsoPermissionSet, _) => {
                Ok((node, Slot::Inline, Some(policy.to_owned())))
            }
            _ => Err(error.into()),
        }
    }

    fn detach(&mut self, policy: &str, from: &str) -> Result<(), ChangeError> {
        let policy = self
            .world
            .lookup(policy, &[EntityType::PermissionSet, EntityType::Ceiling])?;
        let holder = self.world.lookup(from, &[])?;
        if self.unlink(holder, policy) == 0 && self.unlink(policy, holder) == 0 {
            let (policy, holder) = (self.world.label(policy), self.world.label(holder));
            return Err(impossible(
                format!("{policy} is not attached to {holder}"),
                &format!("`sv0 can {holder}` lists the policies of an identity"),
            ));
        }
        let text = format!(
            "detaches {} from {}",
            self.world.label(policy),
            self.world.label(holder)
        );
        self.out.done.push(text);
        Ok(())
    }

    /// Takes the references of one entity to another away, and says how many there were. What is deleted has none.
    pub(super) fn unlink(&mut self, from: NodeId, to: NodeId) -> usize {
        let world = self.world;
        let id = world.id(from);
        let Some(record) = self.out.records.iter_mut().find(|record| record.id == id) else {
            return 0;
        };
        let before = record.refs.len();
        record
            .refs
            .retain(|r| self.names.find(&world.graph, r) != Some(to));
        before - record.refs.len()
    }

    fn delete(&mut self, name: &str) -> Result<(), ChangeError> {
        let world = self.world;
        let node = match world.lookup(name, &[]) {
            Ok(node) => node,
            Err(error) => return self.delete_inline(name, error),
        };
        self.record(node)?;
        let id = world.id(node).to_owned();
        self.out.records.retain(|record| record.id != id);
        let referring: BTreeSet<NodeId> = world.graph.edges_to(node).map(|edge| edge.from).collect();
        for from in referring {
            self.unlink(from, node);
        }
        let text = format!(
            "deletes {} ({})",
            world.label(node),
            world.node(node).record.kind.label()
        );
        self.out.done.push(text);
        self.out.deleted.insert(id);
        Ok(())
    }

    fn delete_inline(&mut self, name: &str, error: LookupError) -> Result<(), ChangeError> {
        let Ok((node, Slot::Inline, inline)) = self.place(name) else {
            return Err(error.into());
        };
        let record = self.record(node)?;
        let before = record.policies.len();
        record
            .policies
            .retain(|p| p.slot != Slot::Inline || p.name != inline);
        if record.policies.len() == before {
            return Err(error.into());
        }
        let text = format!(
            "deletes inline policy {} of {}",
            inline.unwrap_or_default(),
            self.world.label(node)
        );
        self.out.done.push(text);
        Ok(())
    }
}

pub(super) fn impossible(why: String, help: &str) -> ChangeError {
    ChangeError::Impossible {
        why,
        help: help.to_owned(),
    }
}
