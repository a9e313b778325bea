//! A hop of a chain as a question that can be asked again, with other facts about its caller.

use std::collections::BTreeSet;

use sv0_iam::condition::{Context, Operator};
use sv0_iam::decide::Verdict;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::template::{Template, Variables};
use sv0_iam::syntax::{Condition, Statement};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::path::{ConditionText, PathVerdict};

use super::session::{Cares, Session, SourceIdentity};
use super::{Choice, End, Rejudged, values};
use crate::access::access_filtered;
use crate::ask::{Asker, Target};
use crate::steps::Step;
use crate::words;
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
pub(super) fn mentions(conditions: &[ConditionText]) -> impl Iterator<Item = &'static str> {
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
enum Asked {
    /// Nothing that can be asked again.
    Nothing,
    /// For a role's credentials.
    Role(NodeId),
    /// For several actions on one entity, of which not all facts are known here: only a denial counts.
    Several(NodeId),
    /// For what the identity can do to a resource.
    Access(NodeId),
}

/// One hop.
pub(super) struct Hop<'a, 'w> {
    pub(super) text: String,
    pub(super) gives: Gives,
    pub(super) mentions: BTreeSet<&'static str>,
    pub(super) asker: Option<Asker<'w>>,
    asked: Asked,
    actions: Vec<&'a str>,
    conditions: &'a [ConditionText],
    /// The statements that may decide it.
    statements: Vec<&'w Statement>,
    cares: Cares,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) verdict: PathVerdict,
    conditions: Vec<ConditionText>,
    actions: Vec<String>,
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
            conditions,
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
            Asked::Role(node) | Asked::Several(node) | Asked::Access(node) => (node, self.actions.clone()),
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
                        name.is_some_and(|name| session.tags.contains_key(name))
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
            .conditions
            .iter()
            .filter(about)
            .map(|c| c.text.as_str())
            .collect();
        (!found.is_empty()).then(|| found.join(" and "))
    }

    /// Asks with what the chain hands to the caller. What cannot be asked stays as it was.
    pub(super) fn ask(&self, world: &World, session: &Session, choice: &Choice) -> Said {
        let Some(base) = &self.asker else {
            return self.as_before();
        };
        let said = session
            .callers(base, self.cares)
            .into_iter()
            .map(|asker| match self.asked {
                Asked::Nothing => self.as_before(),
                Asked::Role(role) => self.ask_role(world, &asker, role, session, choice),
                Asked::Several(on) => self.ask_several(world, &asker, on),
                Asked::Access(target) => self.ask_access(world, &asker, target),
            });
        self.sum(said.collect())
    }

    fn as_before(&self) -> Said {
        Said {
            verdict: if self.conditions.is_empty() {
                PathVerdict::Allowed
            } else {
                PathVerdict::AllowedIf
            },
            conditions: self.conditions.to_vec(),
            actions: self.actions.iter().map(ToString::to_string).collect(),
        }
    }

    /// One answer of several that may each be the case.
    fn sum(&self, all: Vec<Said>) -> Said {
        let first = all.iter().find(|said| said.verdict != PathVerdict::Denied);
        let Some(first) = first.or(all.first()).cloned() else {
            return self.as_before();
        };
        if all
            .iter()
            .all(|said| said.verdict == first.verdict && said.actions == first.actions)
        {
            return first;
        }
        let mut out = self.as_before();
        out.verdict = PathVerdict::AllowedIf;
        out.actions
            .retain(|action| all.iter().any(|said| said.actions.contains(action)));
        out
    }

    fn ask_role(
        &self,
        world: &World,
        asker: &Asker<'_>,
        role: NodeId,
        session: &Session,
        choice: &Choice,
    ) -> Said {
        let target = Target {
            arn: world.id(role),
            node: Some(role),
        };
        let source = match (&choice.source_identity, &session.source_identity) {
            (Some(chosen), _) => chosen.clone(),
            (None, _) => None,
        };
        let request = |action: &str| -> Context {
            let mut context = asker.context_for(action, target);
            for (name, tag) in &choice.tags {
                let key = format!("aws:RequestTag/{name}");
                match tag.as_ref().and_then(|tag| tag.value.as_deref()) {
                    Some(value) => context.set(&key, value),
                    // A tag that is inherited may show in the request or not.
                    None if session.tags.get(name).is_some_and(|tag| tag.transitive) => {}
                    None => context.set_absent(&key),
                }
            }
            match (&choice.source_identity, &source) {
                (None, _) => {}
                (Some(_), Some(who)) => context.set("sts:SourceIdentity", who.as_str()),
                (Some(_), None) => context.set_absent("sts:SourceIdentity"),
            }
            if let Some(name) = &choice.name {
                context.set("sts:RoleSessionName", name.as_str());
            }
            context
        };
        let answer = asker.ask_in("sts:AssumeRole", target, &request("sts:AssumeRole"));
        let mut verdict = path_verdict(answer.verdict());
        let mut beside = Vec::new();
        if choice.tags.values().any(Option::is_some) {
            beside.push(("sts:TagSession", request("sts:TagSession")));
        }
        // Whoever has a source identity hands it on, and has to be allowed to.
        if let Some(who) = source.as_deref().or(match &session.source_identity {
            SourceIdentity::Set(who) => Some(who.as_str()),
            _ => None,
        }) {
            let mut context = request("sts:SetSourceIdentity");
            context.set("sts:SourceIdentity", who);
            beside.push(("sts:SetSourceIdentity", context));
        }
        for (action, context) in beside {
            if verdict != PathVerdict::Denied {
                verdict = verdict.max(path_verdict(asker.ask_in(action, target, &context).verdict()));
            }
        }
        Said {
            verdict,
            conditions: words::requirements(world, asker, &answer),
            actions: Vec::new(),
        }
    }

    fn ask_several(&self, world: &World, asker: &Asker<'_>, on: NodeId) -> Said {
        let target = Target {
            arn: world.id(on),
            node: Some(on),
        };
        // Those that make something new are asked elsewhere, on whatever may be made.
        let new = self.actions.contains(&"iam:PassRole");
        let shut = self
            .actions
            .iter()
            .filter(|action| !new || **action == "iam:PassRole")
            .any(|action| !asker.ask(action, target).verdict().possible());
        Said {
            verdict: if shut {
                PathVerdict::Denied
            } else {
                PathVerdict::AllowedIf
            },
            ..self.as_before()
        }
    }

    fn ask_access(&self, world: &World, asker: &Asker<'_>, target: NodeId) -> Said {
        let found = access_filtered(world, asker, target, &|action| self.actions.contains(&action));
        let certain = found.allowed.iter().all(|a| a.verdict == Verdict::Allowed);
        let mut conditions: Vec<ConditionText> =
            found.allowed.iter().flat_map(|a| a.conditions.clone()).collect();
        conditions.sort();
        conditions.dedup();
        Said {
            verdict: match (found.allowed.is_empty(), certain) {
                (true, _) => PathVerdict::Denied,
                (false, true) => PathVerdict::Allowed,
                (false, false) => PathVerdict::AllowedIf,
            },
            conditions,
            actions: found.allowed.iter().map(|a| a.action.to_owned()).collect(),
        }
    }

    /// The hop where it contradicts one before.
    pub(super) fn denied(&self) -> Rejudged {
        let said = self.as_before();
        Rejudged {
            verdict: PathVerdict::Denied,
            conditions: said.conditions,
            actions: said.actions,
        }
    }

    /// An answer, if it says something else than the hop did.
    pub(super) fn changed(&self, said: Said) -> Option<Rejudged> {
        let same = said.conditions == self.conditions && said.actions.len() == self.actions.len();
        let exact = matches!(self.asked, Asked::Role(_) | Asked::Access(_));
        let out = Rejudged {
            verdict: said.verdict,
            conditions: said.conditions,
            actions: said.actions,
        };
        (exact && !same).then_some(out)
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

fn path_verdict(verdict: Verdict) -> PathVerdict {
    match verdict {
        Verdict::Allowed => PathVerdict::Allowed,
        Verdict::AllowedIf => PathVerdict::AllowedIf,
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => PathVerdict::Denied,
    }
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
            let provider = matches!(kind(step.from), Kind::OidcProvider | Kind::SamlProvider);
            Session::of_provider(world, at, step.to, provider.then(|| world.id(step.from)))
        }
        EdgeKind::RunsAs => {
            let workload = before
                .iter()
                .rev()
                .find(|node| kind(**node).entity_type() == EntityType::Workload);
            Session::of_workload(world, at, *workload.unwrap_or(&step.from))
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
        EdgeKind::HoldsCredentialFor if kind(step.to) == Kind::IamUser => Session::of_user(Some(at)),
        _ => Session::unknown(Some(at)),
    };
    Gives::These(session)
}
