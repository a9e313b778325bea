//! A hop of a chain as a question that can be asked again, with other facts about its caller.

use std::collections::BTreeSet;

use sv0_iam::condition::Operator;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::template::{Template, Variables};
use sv0_iam::syntax::{Condition, Statement};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::path::ConditionText;

use super::session::{Cares, Session, SourceIdentity};
use super::{End, values};
use crate::ask::{Asker, Target};
use crate::steps::Step;
use crate::world::World;

/// Keys that hang on how credentials came to be, in lower case.
const KEYS: [&str; 12] = [
    "aws:multifactorauth",
    "aws:sourceidentity",
    "sts:sourceidentity",
    "aws:federatedprovider",
    "aws:principaltag/",
    "aws:userid",
    "lambda:sourcefunctionarn",
    "ec2:sourceinstancearn",
    "aws:ec2instancesourcevpc",
    "aws:ec2instancesourceprivateipv4",
    "identitystore:userid",
    SESSION,
];

/// How [`words`] says that a policy names one session of a role.
pub(super) const SESSION: &str = "role session has the name";

/// What conditions mention of what hangs on how credentials came to be.
pub(crate) fn mentions(conditions: &[ConditionText]) -> impl Iterator<Item = &'static str> {
    let texts = conditions
        .iter()
        .flat_map(|c| std::iter::once(&c.text).chain(&c.key).chain(&c.values));
    let all: String = texts.map(|text| text.to_ascii_lowercase() + "\n").collect();
    KEYS.into_iter().filter(move |key| all.contains(key))
}

/// The credentials with which the chain goes on after a hop.
pub(super) enum Gives {
    /// The same as before.
    Same,
    /// These, whatever the credentials were before.
    These(Session),
    /// A session of a role, by `sts:AssumeRole`.
    Assumed(NodeId),
}

/// What is asked.
pub(super) enum Asked {
    /// Nothing that can be asked again.
    Nothing,
    /// For a role's credentials.
    Role(NodeId),
    /// For several actions on one entity, of which not all facts are known here: only a denial counts.
    Several(NodeId),
    /// For what the identity can do to a resource.
    Access(NodeId),
    /// For whatever sets an entity in motion.
    Lever(NodeId),
}

/// One hop.
pub(super) struct Hop<'a, 'w> {
    pub(super) text: String,
    pub(super) gives: Gives,
    pub(super) mentions: BTreeSet<&'static str>,
    pub(super) asker: Option<Asker<'w>>,
    pub(super) asked: Asked,
    pub(super) actions: Vec<&'a str>,
    /// What it hangs on as judged by itself.
    pub(super) hangs_on: &'a [ConditionText],
    /// The statements that may decide it.
    statements: Vec<&'w Statement>,
    pub(super) cares: Cares,
}

impl<'a, 'w> Hop<'a, 'w> {
    /// `before` is the chain up to where the step starts.
    pub(super) fn of_step(world: &'w World, at: usize, step: &'a Step, before: &[NodeId]) -> Self {
        let actions: Vec<&str> = step
            .action
            .as_deref()
            .map_or(Vec::new(), |all| all.split(" + ").collect());
        let caller = || Some(Asker::node(world, step.from)).filter(|_| can_ask(world, step.from));
        let (asker, asked) = match step.edge {
            EdgeKind::Assumes if step.action.as_deref() == Some("sts:AssumeRole") => {
                (caller(), Asked::Role(step.to))
            }
            EdgeKind::CanEscalateTo => {
                let scope = world.node(step.to).record.kind == Kind::ResourceScope;
                let on = step.on.unwrap_or(if scope { step.from } else { step.to });
                (caller(), Asked::Several(on))
            }
            EdgeKind::Invokes | EdgeKind::SendsTo | EdgeKind::PushTo | EdgeKind::CanAccess
                if crate::steps::is_lever(world, step.to) =>
            {
                (caller(), Asked::Lever(step.to))
            }
            EdgeKind::Invokes | EdgeKind::SendsTo | EdgeKind::PushTo | EdgeKind::CanAccess => {
                (caller(), Asked::Access(step.to))
            }
            _ => (None, Asked::Nothing),
        };
        let gives = gives(world, at, step, before);
        Self::new(
            world,
            (step.text.clone(), gives),
            asker,
            asked,
            actions,
            &step.conditions,
        )
    }

    pub(super) fn of_end(world: &'w World, end: &'a End<'a>) -> Self {
        let text = format!(
            "{} can reach {}",
            world.label(end.identity),
            world.label(end.target)
        );
        let asker = Some(Asker::node(world, end.identity));
        let asked = Asked::Access(end.target);
        Self::new(
            world,
            (text, Gives::Same),
            asker,
            asked,
            end.actions.clone(),
            end.conditions,
        )
    }

    fn new(
        world: &'w World,
        (text, gives): (String, Gives),
        asker: Option<Asker<'w>>,
        asked: Asked,
        actions: Vec<&'a str>,
        conditions: &'a [ConditionText],
    ) -> Self {
        let mut out = Self {
            text,
            gives,
            mentions: mentions(conditions).collect(),
            asker,
            asked,
            actions,
            hangs_on: conditions,
            statements: Vec::new(),
            cares: Cares::default(),
        };
        out.statements = out.deciding(world);
        let ids: Vec<&Condition> = out.conditions().filter(|c| &*c.key == "aws:userid").collect();
        out.cares = Cares {
            mfa: out.mentions.contains("aws:multifactorauth"),
            user_id: !ids.is_empty() && ids.iter().all(|c| values::of_name(c).is_some()),
            session: out.mentions.contains(SESSION),
            role: matches!(out.asked, Asked::Role(_)),
        };
        out
    }

    /// The action, where it is one; else the first.
    pub(super) fn action(&self) -> String {
        self.actions
            .first()
            .map_or(String::new(), |action| (*action).to_owned())
    }

    /// The statements, on either side, that may have a say.
    fn deciding(&self, world: &'w World) -> Vec<&'w Statement> {
        let Some(asker) = &self.asker else {
            return Vec::new();
        };
        let (target, mut actions) = match self.asked {
            Asked::Nothing => return Vec::new(),
            Asked::Role(node) | Asked::Several(node) | Asked::Access(node) | Asked::Lever(node) => {
                (node, self.actions.clone())
            }
        };
        let bearing = |node: NodeId| {
            let (mine, theirs) = asker.bearing(Target {
                arn: world.id(node),
                node: Some(node),
            });
            mine.into_iter().chain(theirs)
        };
        let mut tags: Vec<u32> = bearing(target).collect();
        if matches!(self.asked, Asked::Role(_)) {
            actions.extend(["sts:TagSession", "sts:SetSourceIdentity"]);
            tags.extend(world.principals.get(&target).and_then(|p| p.trust));
        }
        let keys: Vec<NodeId> = world.graph.targets(target, EdgeKind::EncryptedWith).collect();
        let of_key = ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"];
        if !keys.is_empty() {
            actions.extend(of_key);
            tags.extend(keys.into_iter().flat_map(bearing));
        }
        tags.sort_unstable();
        tags.dedup();
        let attached = tags.into_iter().filter_map(|tag| world.attachment(tag));
        attached
            .flat_map(|attachment| &attachment.policy.statements)
            .filter(|statement| actions.iter().any(|action| statement.action.matches(action)))
            .collect()
    }

    /// The conditions that may have a say.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &'w Condition> {
        self.statements.iter().flat_map(|statement| &statement.conditions)
    }

    /// The keys that are variables in what may have a say.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        let conditions = self.conditions().flat_map(|c| &c.values);
        let values = conditions.flat_map(|value| value.variables().map(str::to_owned).collect::<Vec<_>>());
        let resources = self
            .statements
            .iter()
            .filter_map(|statement| statement.resource.as_ref());
        let patterns = resources.flat_map(|element| &element.patterns);
        let resources = patterns.flat_map(|pattern| {
            pattern
                .variables()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        });
        values.chain(resources)
    }

    /// The names of sessions of the caller's role that statements name as principals, as conditions on the name.
    pub(super) fn named_sessions(&self) -> Vec<Condition> {
        let role = self.asker.as_ref().and_then(|asker| asker.caller.role_name());
        let elements = self
            .statements
            .iter()
            .filter_map(|statement| statement.principal.as_ref());
        let names = elements
            .flat_map(|element| &element.entries)
            .filter_map(|entry| match entry {
                PrincipalEntry::Arn(arn) => {
                    let (_, rest) = arn.split_once(":assumed-role/")?;
                    rest.rsplit_once('/').filter(|(of, _)| Some(*of) == role)
                }
                _ => None,
            });
        let condition = |name: &str| Condition {
            operator: Operator::parse("StringEquals"),
            operator_text: "StringEquals".into(),
            key: "sts:rolesessionname".into(),
            key_text: "sts:RoleSessionName".into(),
            values: vec![Template::new(name, Variables::Literal)],
            offset: 0,
        };
        names.map(|(_, name)| condition(name)).collect()
    }

    /// The keys on which the hop hangs and of which something is known for certain.
    pub(super) fn heard(&self, session: &Session) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for mention in &self.mentions {
            match *mention {
                "aws:multifactorauth" if session.without_mfa(self.cares.role) => {
                    out.push("aws:multifactorauthpresent".into());
                }
                "aws:sourceidentity" if session.source_identity != SourceIdentity::Open => {
                    out.push((*mention).to_owned());
                }
                "aws:principaltag/" => {
                    let known = |c: &&Condition| {
                        let name = c.key.strip_prefix("aws:principaltag/");
                        name.is_some_and(|name| session.closed || session.tags.contains_key(name))
                    };
                    out.extend(self.conditions().filter(known).map(|c| c.key.to_string()));
                }
                "aws:userid" | SESSION if session.name.is_some() => out.push((*mention).to_owned()),
                key if session.given.contains_key(key) => out.push(key.to_owned()),
                _ => {}
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// Whether what is known of the caller's credentials may change the answer.
    pub(super) fn hears(&self, session: &Session) -> bool {
        self.asker.is_some() && !self.heard(session).is_empty()
    }

    /// What the hop hangs on, in words: what is said of a key, or all.
    pub(super) fn asked_of(&self, key: &str) -> Option<String> {
        let about = |c: &&ConditionText| c.text.to_ascii_lowercase().contains(key);
        let found: Vec<&str> = self
            .hangs_on
            .iter()
            .filter(about)
            .map(|c| c.text.as_str())
            .collect();
        (!found.is_empty()).then(|| found.join(" and "))
    }
}

/// Whether an entity makes requests.
fn can_ask(world: &World, node: NodeId) -> bool {
    world.principals.contains_key(&node)
        || matches!(
            world.node(node).record.kind,
            Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous
        )
}

/// The credentials that a step gives.
fn gives(world: &World, at: usize, step: &Step, before: &[NodeId]) -> Gives {
    let kind = |node: NodeId| world.node(node).record.kind;
    let session = match step.edge {
        EdgeKind::Assumes if step.action.as_deref() == Some("sts:AssumeRole") => {
            return Gives::Assumed(step.to);
        }
        EdgeKind::MemberOf => return Gives::Same,
        EdgeKind::Assumes => {
            let token = step.action.as_deref() == Some("sts:AssumeRoleWithWebIdentity");
            Session::of_provider(world, at, step.to, token)
        }
        EdgeKind::RunsAs => {
            let is_workload = |node: &&NodeId| kind(**node).entity_type() == EntityType::Workload;
            match before.iter().rev().find(is_workload) {
                Some(workload)
                    if kind(*workload) != Kind::ExternalWorkload && kind(step.to) != Kind::IamUser =>
                {
                    Session::of_workload(world, at, *workload, step.to)
                }
                _ => Session::of_somebody(world, Some(at), step.to),
            }
        }
        EdgeKind::Assigned => {
            let user = before.iter().rev().find(|node| kind(**node) == Kind::SsoUser);
            Session::of_identity_center(world, at, user.copied())
        }
        EdgeKind::CanEscalateTo
            if step
                .action
                .as_deref()
                .is_some_and(|all| all.contains("iam:PassRole")) =>
        {
            Session::of_passed_role(at)
        }
        _ => Session::of_somebody(world, Some(at), step.to),
    };
    Gives::These(session)
}
