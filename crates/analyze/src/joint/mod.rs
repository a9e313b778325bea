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
//! | of an IAM user | MFA may be shown; no source identity, no `aws:FederatedProvider` | "Secure API access with MFA"; "Monitor and control actions taken with assumed roles" |
//! | that a service gives to what it runs | never MFA; no source identity; session name of Lambda functions and EC2 instances | "Secure API access with MFA" (only `AssumeRole` and `GetSessionToken` of a user take it) |
//! | of a Lambda function | `lambda:SourceFunctionArn` is the function; nobody else has the key | Lambda, "Using source function ARN to control function access behavior" |
//! | of an EC2 instance | `ec2:SourceInstanceARN` is the instance; nobody else has it, nor `aws:Ec2InstanceSourceVpc` | "AWS global condition context keys"; EC2, "Condition keys" |
//! | of EKS Pod Identity | transitive tags `kubernetes-namespace`, `kubernetes-service-account` | EKS, "Grant Pods access to AWS resources based on tags" |
//! | of Identity Center | never MFA that AWS sees; `identitystore:UserId` is the user's; session name is the user's | Identity Center, "Using predefined attributes … for access control" |
//! | of a SAML or OIDC provider | never MFA that AWS sees; `aws:FederatedProvider` is the provider | "Secure API access with MFA"; "AWS global condition context keys" |
//! | of a role that a user assumed | MFA is left open: AWS says that it is not carried, and CloudTrail shows that it was | "Secure API access with MFA" |
//! | of a role that a role assumed | never MFA | the same page; semantics rule 42 |
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
//! Network keys (`aws:SourceIp`, `aws:SourceVpc`, …), time (`aws:CurrentTime`, `aws:TokenIssueTime`), `sts:ExternalId`,
//! `aws:TagKeys` and `sts:TransitiveTagKeys`: requests of one chain are made at different times and from different places,
//! or nothing later depends on it. A user's MFA is asked for anew at each of the user's own requests. Where a value hangs on a
//! policy variable that nobody knows, it is left open. Leaving something open never hides a path.

mod hop;
mod session;
mod values;

use std::collections::BTreeMap;

use sv0_iam::syntax::Condition;
use sv0_model::graph::NodeId;
use sv0_model::path::{BlockedBy, ConditionText, PathVerdict};

use crate::steps::Step;
use crate::world::World;
use hop::{Gives, Hop, Said};
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

/// Questions that are asked for one chain at most.
const MOST: usize = 400;
/// Tags that are followed along one chain at most.
const MOST_TAGS: usize = 3;

/// Joins the hops of a chain. None where the chain changes nothing.
#[must_use]
pub fn join(world: &World, origin: NodeId, steps: &[&Step], end: Option<&End<'_>>) -> Option<Joined> {
    let conditional = |conditions: &[ConditionText]| hop::mentions(conditions).next().is_some();
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
        let mut trial = Trial {
            chain: &chain,
            shared: &shared,
            tally: vec![Tally::default(); chain.hops.len()],
            asked: 0,
            reached: false,
        };
        trial.visit(0, &chain.start);
        if trial.asked < MOST {
            trial.conclude(&mut out);
        }
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
        let start = if world.node(origin).record.kind == sv0_model::kind::Kind::IamUser {
            Session::of_user(None)
        } else {
            Session::unknown(None)
        };
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

/// How a hop came out over all values that the hops before it leave.
#[derive(Debug, Clone, Default)]
struct Tally {
    said: Vec<Said>,
    refused: bool,
    by: Option<usize>,
}

/// Trying values.
struct Trial<'c, 'a, 'w> {
    chain: &'c Chain<'a, 'w>,
    shared: &'c Shared,
    tally: Vec<Tally>,
    asked: usize,
    reached: bool,
}

impl Trial<'_, '_, '_> {
    fn visit(&mut self, at: usize, session: &Session) {
        let Some(hop) = self.chain.hops.get(at) else {
            self.reached = true;
            return;
        };
        for choice in self.choices(at) {
            if self.asked >= MOST {
                return;
            }
            let next = self.chain.next(at, session, &choice);
            let said = next.is_some().then(|| {
                self.asked += 1;
                hop.ask(self.chain.world, session, &choice)
            });
            let possible = said
                .as_ref()
                .is_some_and(|said| said.verdict != PathVerdict::Denied);
            if let Some(tally) = self.tally.get_mut(at) {
                tally.by = session.by;
                tally.refused |= !possible;
                tally.said.extend(said.filter(|_| possible));
            }
            if let Some(next) = next.filter(|_| possible) {
                self.visit(at + 1, &next);
            }
        }
    }

    /// What the caller may choose at a hop.
    fn choices(&self, at: usize) -> Vec<Choice> {
        let mut out = vec![Choice::default()];
        let hops = &self.chain.hops;
        if !hops
            .get(at)
            .is_some_and(|hop| matches!(hop.gives, Gives::Assumed(_)))
        {
            return out;
        }
        let again = hops
            .iter()
            .skip(at + 1)
            .any(|hop| matches!(hop.gives, Gives::Assumed(_)));
        for (name, values) in &self.shared.tags {
            let mut tags = vec![None];
            for value in values {
                let tag = |transitive| {
                    Some(Tag {
                        value: Some(value.clone()),
                        transitive,
                    })
                };
                tags.push(tag(false));
                tags.extend(again.then(|| tag(true)));
            }
            out = spread(&out, &tags, |choice, tag| {
                choice.tags.insert(name.clone(), tag.clone());
            });
        }
        if let Some(values) = &self.shared.source_identity {
            let set: Vec<Option<String>> = std::iter::once(None)
                .chain(values.iter().cloned().map(Some))
                .collect();
            out = spread(&out, &set, |choice, set| {
                choice.source_identity = Some(set.clone())
            });
        }
        if let Some(values) = &self.shared.name {
            out = spread(&out, values, |choice, name| choice.name = Some(name.clone()));
        }
        out
    }

    /// Takes down what came out.
    fn conclude(self, out: &mut Joined) {
        if !self.reached {
            let visited = |tally: &Tally| tally.refused || !tally.said.is_empty();
            let Some(at) = self.tally.iter().rposition(visited) else {
                return;
            };
            let by = self.tally.get(at).and_then(|tally| tally.by);
            if let Some(hop) = self.chain.hops.get(at) {
                out.block(at, hop, self.contradiction(at, by));
            }
            return;
        }
        for ((hop, tally), slot) in self.chain.hops.iter().zip(&self.tally).zip(&mut out.hops) {
            // Where something is chosen, the conditions say what.
            if tally.said.is_empty() || tally.refused || matches!(hop.gives, Gives::Assumed(_)) {
                continue;
            }
            if tally.said.iter().all(|said| said.verdict == PathVerdict::Allowed)
                && let Some(said) = tally.said.first()
            {
                *slot = hop.changed(said.clone());
            }
        }
    }

    /// Which hops ask for different things, and of what.
    fn contradiction(&self, at: usize, by: Option<usize>) -> BlockedBy {
        let hops = &self.chain.hops;
        let text = |at: usize| hops.get(at).map_or("", |hop| hop.text.as_str());
        let asks = |key: &str| {
            hops.get(at)
                .is_some_and(|hop| hop.conditions().any(|c| &*c.key == key))
        };
        let tag = self
            .shared
            .tags
            .keys()
            .map(|name| format!("aws:principaltag/{name}"))
            .find(|key| asks(key));
        let key = tag.unwrap_or_else(|| {
            let rest = ["aws:sourceidentity", "sts:sourceidentity", "aws:userid"];
            let found = rest.iter().find(|key| asks(key));
            found.map_or("the role session's name", |key| *key).to_owned()
        });
        // The nearest hop before that has a say in it; else the one that gave out the credentials.
        let name = key
            .split_once('/')
            .map(|(_, name)| format!("aws:requesttag/{name}"));
        let says = |hop: &Hop<'_, '_>| {
            hop.conditions().any(|c| {
                let here = &*c.key;
                Some(here) == name.as_deref()
                    || here == key
                    || (here == "sts:sourceidentity" && key == "aws:sourceidentity")
                    || (here == "sts:rolesessionname" && name.is_none())
            })
        };
        let other = (0..at).rev().find(|at| hops.get(*at).is_some_and(says)).or(by);
        let spelled = sv0_engine::keys::spelled(&key);
        let asked = hops
            .get(at)
            .and_then(|hop| hop.asked_of(&key))
            .map_or(String::new(), |asked| format!(", if {asked}"));
        let with = other.map_or(String::new(), |other| {
            let first = hops.get(other).and_then(|hop| hop.asked_of(""));
            let first = first.map_or(String::new(), |first| format!(", if {first}"));
            format!("; but “{}”{first}", text(other))
        });
        self.chain.block(
            at,
            format!("{}{asked}{with}: no session meets both ({spelled})", text(at)),
        )
    }
}

/// Each of the choices with each of the options.
fn spread<T>(choices: &[Choice], options: &[T], set: impl Fn(&mut Choice, &T)) -> Vec<Choice> {
    let pairs = choices
        .iter()
        .flat_map(|choice| options.iter().map(move |option| (choice, option)));
    pairs
        .map(|(choice, option)| {
            let mut choice = choice.clone();
            set(&mut choice, option);
            choice
        })
        .collect()
}
