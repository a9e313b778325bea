//! An edge less. What is a reference in the configuration is taken out of it. What policies make is denied: the one end
//! may do nothing to the other, as an administrator would write it.

use serde_json::{Value, json};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, EntityType, Kind, Slot};
use sv0_model::path::PathVerdict;
use sv0_model::record::{PolicySlot, PolicyText};

use super::edit::{ChangeError, Editor, impossible};
use crate::world::World;

/// The name of what denies an edge.
const DENIAL: &str = "sv0-what-if";

impl Editor<'_> {
    pub(super) fn remove_edge(&mut self, from: &str, to: &str) -> Result<(), ChangeError> {
        let world = self.world;
        let name = from;
        let from = world.lookup(from, &[])?;
        let to = world.lookup(to, &[])?;
        let (a, b) = (world.label(from), world.label(to));
        let mut taken = self.unlink(from, to);
        // What starts a workload is told by the workload, whose image it runs likewise.
        if world
            .graph
            .edges_from(to)
            .any(|e| e.to == from && matches!(e.kind, EdgeKind::TriggeredBy | EdgeKind::DeployedFrom))
        {
            taken += self.unlink(to, from);
        }
        taken += self.unassign(from, to)?;
        if taken > 0 {
            self.out.done.push(format!("takes the edge {a} → {b} away"));
        }
        let made_by_policies: Vec<NodeId> = self
            .steps
            .from(from)
            .filter(|found| found.to == to)
            .filter_map(|found| self.steps.describe(world, found))
            .filter(|step| step.verdict != PathVerdict::Denied && step.action.is_some())
            .filter(|step| !matches!(step.edge, EdgeKind::RunsAs | EdgeKind::TriggeredBy))
            .map(|step| step.on.unwrap_or(to))
            .collect();
        let access = !self.finder.access(from, to).allowed.is_empty();
        // Where a workload calls another, the policy of the other only lets it: without the call there is no edge.
        let called = taken > 0 && world.node(from).record.kind.entity_type() == EntityType::Workload;
        if !called && (!made_by_policies.is_empty() || access) {
            let mut on = made_by_policies;
            on.push(to);
            on.sort_unstable();
            on.dedup();
            self.deny(from, to, &on)?;
        } else if taken == 0 {
            let concluded = world.graph.edges_from(from).any(|edge| edge.to == to)
                || world.graph.edges_to(from).any(|edge| edge.from == to);
            if !concluded || !self.steps.from(from).any(|step| step.to == to) {
                return Err(impossible(
                    format!("there is no edge from {a} to {b}"),
                    &format!("`sv0 paths --from '{name}'` shows the hops that there are"),
                ));
            }
            self.out.done.push(format!(
                "takes the edge {a} → {b} away, which is concluded and not configured"
            ));
            self.out
                .concluded
                .push((world.id(from).to_owned(), world.id(to).to_owned()));
        }
        self.out
            .removed
            .push((world.id(from).to_owned(), world.id(to).to_owned()));
        Ok(())
    }

    /// A person is assigned a permission set, and is shown as the role that it makes in an account.
    fn unassign(&mut self, from: NodeId, role: NodeId) -> Result<usize, ChangeError> {
        let world = self.world;
        let sets: Vec<String> = world
            .graph
            .sources(role, EdgeKind::Provisions)
            .map(|set| world.id(set).to_owned())
            .collect();
        if sets.is_empty() || world.node(from).stub {
            return Ok(0);
        }
        let account = world.account_of(role).map(str::to_owned);
        let record = self.record(from)?;
        let before = record.refs.len();
        record.refs.retain(|r| {
            let here = r.attrs.get("account").and_then(Value::as_str).map(str::to_owned);
            r.rel != EdgeKind::Assigned || !sets.contains(&r.to) || (here.is_some() && here != account)
        });
        Ok(before - record.refs.len())
    }

    /// Denies one entity everything on another: by a policy of its own, or where it has none by the other's.
    fn deny(&mut self, from: NodeId, to: NodeId, on: &[NodeId]) -> Result<(), ChangeError> {
        let world = self.world;
        let (a, b) = (world.label(from), world.label(to));
        let resources: Vec<String> = on.iter().flat_map(|node| arns(world, *node)).collect();
        let record = &world.node(from).record;
        match record.kind {
            Kind::IamUser | Kind::IamRole | Kind::IamGroup => {
                let number = self.out.removed.len() + 1;
                let document = json!({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Deny", "Action": "*", "Resource": resources}
                ]});
                self.record(from)?.policies.push(PolicySlot {
                    slot: Slot::Inline,
                    name: Some(format!("{DENIAL}-{number}")),
                    document: PolicyText::new(document.to_string()),
                });
                self.out.done.push(format!("denies {a} everything on {b}"));
                Ok(())
            }
            Kind::ExternalAccount | Kind::ExternalPrincipal => {
                self.deny_in(from, to, &json!({"AWS": record.id}), &resources)
            }
            Kind::OidcProvider | Kind::SamlProvider => {
                self.deny_in(from, to, &json!({"Federated": record.id}), &resources)
            }
            kind => Err(impossible(
                format!("nothing can be denied to {a} ({})", kind.label()),
                &format!("`--policy` puts another document in the place of the policy of {b}"),
            )),
        }
    }

    /// Adds a denial to the policy of what is reached.
    fn deny_in(
        &mut self,
        from: NodeId,
        to: NodeId,
        principal: &Value,
        resources: &[String],
    ) -> Result<(), ChangeError> {
        let (a, b) = (self.world.label(from), self.world.label(to));
        let record = self.record(to)?;
        let slots = [Slot::Trust, Slot::Resource, Slot::Key];
        let there = record.policies.iter_mut().find(|p| slots.contains(&p.slot));
        let none = || {
            impossible(
                format!("{b} has no policy that could deny {a}"),
                "`--policy` puts a document in the place of a policy",
            )
        };
        let there = there.ok_or_else(none)?;
        let mut document: Value = serde_json::from_str(there.document.as_str()).map_err(|_| none())?;
        let statement = if there.slot == Slot::Trust {
            json!({"Effect": "Deny", "Principal": principal, "Action": "sts:*"})
        } else {
            json!({"Effect": "Deny", "Principal": principal, "Action": "*", "Resource": resources})
        };
        match document.get_mut("Statement") {
            Some(Value::Array(list)) => list.push(statement),
            Some(one) => *one = json!([one.clone(), statement]),
            None => return Err(none()),
        }
        there.document = PolicyText::new(document.to_string());
        self.out
            .done
            .push(format!("denies {a} everything in the policy of {b}"));
        Ok(())
    }
}

/// An entity and all below it, as a `Resource` element has it.
fn arns(world: &World, node: NodeId) -> Vec<String> {
    let id = world.id(node);
    let mut out = vec![id.to_owned(), format!("{id}/*"), format!("{id}:*")];
    // AWS adds six characters to a secret's name, which not every input has.
    if world.node(node).record.kind == Kind::SecretsManagerSecret {
        out.push(format!("{id}-??????"));
    }
    out
}
