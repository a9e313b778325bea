//! What a chain hands on: a path whose hops contradict each other is not a path.
//!
//! Each hop was judged by itself, with facts about its caller that know nothing of how the caller got its credentials. Along
//! a chain that is known. So every hop that hangs on conditions is asked again with what the chain hands to it, and what
//! is the same at several hops is tried with values that all of them can live with.
//!
//! # What is known because of how credentials came to be
//!
//! | credentials | fact | AWS page |
//! |---|---|---|
//! | of an IAM user | MFA may be shown; no source identity, no `aws:FederatedProvider`, no `identitystore:UserId` | "Secure API access with MFA"; "Monitor and control actions taken with assumed roles" |
//! | that a service gives to what it runs | never MFA; functions and instances: no source identity, no session tags, and their name is the session's | "Secure API access with MFA" (only `AssumeRole` and `GetSessionToken` of a user take it) |
//! | of a Lambda function | `lambda:SourceFunctionArn` is the function; nobody else has the key | Lambda, "Using source function ARN to control function access behavior" |
//! | of an EC2 instance | `ec2:SourceInstanceARN` is the instance; nobody else has it, nor `aws:Ec2InstanceSourceVpc` | "AWS global condition context keys"; EC2, "Condition keys" |
//! | of EKS Pod Identity | transitive tags `kubernetes-namespace`, `kubernetes-service-account`, unless tags are switched off | EKS, "Grant Pods access to AWS resources based on tags" |
//! | of Identity Center | never MFA that AWS sees; `identitystore:UserId` is the user's; session name is the user's | Identity Center, "Using predefined attributes … for access control" |
//! | of a SAML or OIDC provider | never MFA that AWS sees; OIDC: `aws:FederatedProvider` is there | "Secure API access with MFA"; "AWS global condition context keys" |
//! | of a role that a user assumed | MFA is left open: AWS says that it is not carried, and CloudTrail shows that it was | "Secure API access with MFA" |
//! | of a role that a role assumed | never MFA; `sts:AssumeRole` itself by any role: never MFA | the same page; semantics rule 42 |
//! | of any session | `aws:SourceIdentity` only where the trust policy allows `sts:SetSourceIdentity` | "Monitor and control actions taken with assumed roles" |
//!
//! # What is the same at several hops
//!
//! | here | there | AWS page |
//! |---|---|---|
//! | `aws:RequestTag/x` where a role is assumed | `aws:PrincipalTag/x` of the session; passing it needs `sts:TagSession`; without it, the role's own tag | "Pass session tags in AWS STS" |
//! | a session tag that is set transitive | the same tag of every later session; it overrides the role's own and cannot be passed anew | the same page, "Chaining roles with session tags" |
//! | `sts:SourceIdentity` | `aws:SourceIdentity` of that session and all later ones, for good; each role on the way needs `sts:SetSourceIdentity` | "Monitor and control actions taken with assumed roles" |
//! | `sts:RoleSessionName` | the name in `aws:userid` and in the session's ARN, for that session only | "IAM and AWS STS condition context keys" |
//!
//! # What is not joined
//!
//! Network keys (`aws:SourceIp`, `aws:SourceVpc`, …), time (`aws:CurrentTime`, `aws:TokenIssueTime`), `sts:ExternalId` and
//! `aws:TagKeys`: requests of one chain are made at different times and from different places,
//! or nothing later depends on it. A user's MFA is asked for anew at each of the user's own requests. Where a value hangs on a
//! policy variable that nobody knows, it is left open. Leaving something open never hides a path.

mod asking;
mod hop;
mod session;
mod telling;
mod trial;
mod values;

pub(crate) use hop::mentions;

use std::collections::BTreeMap;

use sv0_iam::syntax::Condition;
use sv0_model::graph::NodeId;
use sv0_model::path::{BlockedBy, ConditionText, PathVerdict};

use crate::steps::Step;
use crate::world::World;
use hop::{Gives, Hop};
use session::{Session, Tag};

/// How a path ends: what an identity can do to a resource.
#[derive(Debug, Clone)]
pub struct End<'a> {
    /// Who.
    pub identity: NodeId,
    /// On what.
    pub target: NodeId,
    /// Which actions, all under the same conditions.
    pub actions: Vec<&'a str>,
    /// The conditions; none where it is certain.
    pub conditions: &'a [ConditionText],
}

/// A hop as the chain leaves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejudged {
    /// Whether it is real on this chain.
    pub verdict: PathVerdict,
    /// What has still to hold.
    pub conditions: Vec<ConditionText>,
    /// For the end: the actions that are left.
    pub actions: Vec<String>,
}

/// What comes of joining a chain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Joined {
    /// By hop, the end last: where the chain changes it.
    pub hops: Vec<Option<Rejudged>>,
    /// Where the hops contradict each other: why. The later of them is denied then.
    pub blocked: Option<BlockedBy>,
}

impl Joined {
    fn block(&mut self, at: usize, hop: &Hop<'_, '_>, by: BlockedBy) {
        if let Some(slot) = self.hops.get_mut(at) {
            *slot = Some(hop.denied());
        }
        self.blocked = Some(by);
    }
}

/// What the caller of `sts:AssumeRole` chooses, of what matters later.
#[derive(Debug, Clone, Default)]
struct Choice {
    /// By name in lower case; none where the tag is not passed.
    tags: BTreeMap<String, Option<Tag>>,
    /// Outer none: not looked at. Inner none: not passed.
    source_identity: Option<Option<String>>,
    name: Option<String>,
}

/// Tags that are followed along one chain at most.
const MOST_TAGS: usize = 3;

/// Joins the hops of a chain. None where the chain changes nothing.
#[must_use]
pub fn join(world: &World, origin: NodeId, steps: &[&Step], end: Option<&End<'_>>) -> Option<Joined> {
    let conditional = |conditions: &[ConditionText]| mentions(conditions).next().is_some();
    let any = steps.iter().any(|step| conditional(&step.conditions))
        || end.is_some_and(|end| conditional(end.conditions));
    if !any || steps.iter().any(|step| step.verdict == PathVerdict::Denied) {
        return None;
    }
    let chain = Chain::of(world, origin, steps, end);
    let mut out = Joined {
        hops: vec![None; chain.hops.len()],
        blocked: None,
    };
    // First what is known for certain, then what is to be chosen.
    let mut session = chain.start.clone();
    for (at, hop) in chain.hops.iter().enumerate() {
        if hop.hears(&session) {
            let said = hop.ask(world, &session, &Choice::default());
            if said.verdict == PathVerdict::Denied {
                out.block(at, hop, chain.against(at, &session));
                return Some(out);
            }
            if let Some(slot) = out.hops.get_mut(at) {
                *slot = hop.changed(said);
            }
        }
        session = chain.next(at, &session, &Choice::default())?;
    }
    let shared = chain.shared();
    if !shared.is_empty() {
        trial::run(&chain, &shared, &mut out);
    }
    (out != Joined {
        hops: vec![None; chain.hops.len()],
        blocked: None,
    })
    .then_some(out)
}

/// The hops of a path as questions.
struct Chain<'a, 'w> {
    world: &'w World,
    start: Session,
    hops: Vec<Hop<'a, 'w>>,
}

/// What several hops have in common, with the values to try.
#[derive(Debug, Default)]
struct Shared {
    tags: BTreeMap<String, Vec<String>>,
    source_identity: Option<Vec<String>>,
    name: Option<Vec<String>>,
}

impl Shared {
    fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.source_identity.is_none() && self.name.is_none()
    }
}

impl<'a, 'w> Chain<'a, 'w> {
    fn of(world: &'w World, origin: NodeId, steps: &[&'a Step], end: Option<&'a End<'a>>) -> Self {
        let mut hops: Vec<Hop<'a, 'w>> = Vec::new();
        let mut before = vec![origin];
        for (at, step) in steps.iter().enumerate() {
            hops.push(Hop::of_step(world, at, step, &before));
            before.push(step.to);
        }
        hops.extend(end.map(|end| Hop::of_end(world, end)));
        let start = Session::of_somebody(world, None, origin);
        Self { world, start, hops }
    }

    /// The credentials after a hop. None where the request fails.
    fn next(&self, at: usize, session: &Session, choice: &Choice) -> Option<Session> {
        match &self.hops.get(at)?.gives {
            Gives::Same => Some(session.clone()),
            Gives::These(given) => Some(given.clone()),
            Gives::Assumed(role) => session.assume(self.world, at, *role, choice),
        }
    }

    /// Whether the credentials with which a hop is made come of a request whose tags, name and so on were chosen.
    fn chosen(&self, at: usize) -> bool {
        let given = self.hops.get(..at).unwrap_or_default().iter().rev();
        let mut given = given.skip_while(|hop| matches!(hop.gives, Gives::Same));
        given
            .next()
            .is_some_and(|hop| matches!(hop.gives, Gives::Assumed(_)))
    }

    /// What has to be tried with values.
    fn shared(&self) -> Shared {
        let mut out = Shared::default();
        let assumed = |hop: &Hop<'_, '_>| matches!(hop.gives, Gives::Assumed(_));
        if !self.hops.iter().any(assumed) {
            return out;
        }
        let later = |wanted: &dyn Fn(&str) -> bool| {
            let hops = self.hops.iter().enumerate();
            let mut hops =
                hops.filter(|(at, hop)| self.chosen(*at) && hop.mentions.iter().any(|key| wanted(key)));
            hops.next().is_some()
        };
        if later(&|key| key == "aws:principaltag/") {
            let hops = self.hops.iter().enumerate().filter(|(at, _)| self.chosen(*at));
            let mut names: Vec<String> = hops
                .flat_map(|(_, hop)| hop.conditions())
                .filter_map(|c| c.key.strip_prefix("aws:principaltag/").map(str::to_owned))
                .collect();
            names.sort();
            names.dedup();
            for name in names {
                let (passed, carried) = (
                    format!("aws:requesttag/{name}"),
                    format!("aws:principaltag/{name}"),
                );
                if let Some(values) = self.values(&[&passed], &[&carried])
                    && out.tags.len() < MOST_TAGS
                {
                    out.tags.insert(name, values);
                }
            }
        }
        // Whoever has one hands it on at the next role, and has to be allowed to.
        let sets = |hop: &Hop<'_, '_>| hop.mentions.contains("sts:sourceidentity");
        let set = self.hops.iter().position(sets);
        let handed_on = set.is_some_and(|at| self.hops.iter().skip(at + 1).any(assumed));
        if handed_on || later(&|key| key == "aws:sourceidentity") {
            out.source_identity = self.values(&["sts:sourceidentity"], &["aws:sourceidentity"]);
        }
        if later(&|key| key == "aws:userid" || key == hop::SESSION) {
            out.name = self.values(&["sts:rolesessionname"], &["aws:userid"]);
        }
        out
    }

    /// Values to try for something that is called `passed` where it is chosen, and `carried` in the session.
    fn values(&self, passed: &[&str], carried: &[&str]) -> Option<Vec<String>> {
        let mut conditions: Vec<Condition> = Vec::new();
        for (at, hop) in self.hops.iter().enumerate() {
            let chosen = self.chosen(at);
            if !chosen && !matches!(hop.gives, Gives::Assumed(_)) {
                continue;
            }
            let ours = |key: &str| passed.contains(&key) || (chosen && carried.contains(&key));
            if hop.variables().any(|key| ours(&key)) {
                return None;
            }
            for condition in hop.conditions().filter(|c| ours(&c.key)) {
                let filled = values::filled(condition, &hop.asker.as_ref()?.context)?;
                conditions.push(if &*filled.key == "aws:userid" {
                    values::of_name(&filled)?
                } else {
                    filled
                });
            }
            if passed.contains(&"sts:rolesessionname") {
                conditions.extend(hop.named_sessions());
            }
        }
        values::candidates(&conditions)
    }

    /// Why a hop is impossible with the credentials that the chain hands to it.
    fn against(&self, at: usize, session: &Session) -> BlockedBy {
        let hop = self.hops.get(at);
        let text = hop.map_or("", |hop| hop.text.as_str());
        let alone = hop.and_then(|hop| {
            let keys = hop.heard(session);
            let shut = |key: &&String| {
                let said = hop.ask(self.world, &session.only(key), &Choice::default());
                said.verdict == PathVerdict::Denied
            };
            keys.iter().find(shut).or(keys.first()).cloned()
        });
        let key = alone.unwrap_or_default();
        let asked = hop
            .and_then(|hop| hop.asked_of(&key))
            .map_or(String::new(), |asked| format!(", if {asked}"));
        let from = match session.by.and_then(|by| self.hops.get(by)) {
            Some(by) => format!("but credentials that come of “{}”", by.text),
            None => "but the origin's own credentials".to_owned(),
        };
        let spelled = sv0_engine::keys::spelled(&key);
        let words = session.words(&key);
        self.block(at, format!("{text}{asked}; {from} {words} ({spelled})"))
    }

    fn block(&self, at: usize, text: String) -> BlockedBy {
        BlockedBy {
            layer: "chain".into(),
            explicit: false,
            action: self.hops.get(at).map_or(String::new(), Hop::action),
            statement: None,
            text,
        }
    }
}
