//! Asking a hop again, with what the chain hands to its caller.

use sv0_iam::condition::Context;
use sv0_iam::decide::Verdict;
use sv0_iam::syntax::template::Template;
use sv0_model::graph::NodeId;
use sv0_model::path::{ConditionText, PathVerdict};

use super::hop::{Asked, Hop};
use super::session::{Session, SourceIdentity};
use super::{Choice, Rejudged};
use crate::access::access_filtered;
use crate::ask::{Asker, Target};
use crate::words;
use crate::world::World;

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) verdict: PathVerdict,
    pub(super) conditions: Vec<ConditionText>,
    pub(super) actions: Vec<String>,
}

impl Hop<'_, '_> {
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
                Asked::Lever(target) => self.ask_lever(world, &asker, target),
            });
        self.sum(said.collect())
    }

    fn as_before(&self) -> Said {
        Said {
            verdict: if self.hangs_on.is_empty() {
                PathVerdict::Allowed
            } else {
                PathVerdict::AllowedIf
            },
            conditions: self.hangs_on.to_vec(),
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

    /// Asks for a role. A tag that is inherited may show in the request, or not: AWS does not say.
    fn ask_role(
        &self,
        world: &World,
        asker: &Asker<'_>,
        role: NodeId,
        session: &Session,
        choice: &Choice,
    ) -> Said {
        let inherited = |name: &String| session.tags.get(name).is_some_and(|tag| tag.transitive);
        let shown: &[bool] = if choice.tags.keys().any(inherited) {
            &[false, true]
        } else {
            &[false]
        };
        let said = shown
            .iter()
            .map(|shown| self.request_role(world, asker, role, session, choice, *shown));
        self.sum(said.collect())
    }

    fn request_role(
        &self,
        world: &World,
        asker: &Asker<'_>,
        role: NodeId,
        session: &Session,
        choice: &Choice,
        shown: bool,
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
                let before = session.tags.get(name).filter(|tag| tag.transitive && shown);
                let tag = tag.as_ref().or(before);
                match tag.and_then(|tag| tag.value.as_deref()) {
                    Some(value) => context.set(&key, value),
                    None if session.other_tags => {}
                    None => context.set_absent(&key),
                }
            }
            self.tell_transitive(&mut context, session, choice);
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
        let mut conditions = words::requirements(world, asker, &answer);
        conditions.retain(|c| !c.text.is_empty());
        Said {
            verdict,
            conditions,
            actions: self.actions.iter().map(ToString::to_string).collect(),
        }
    }

    /// Which tags are set transitive, where all of those that the policies speak of are followed.
    fn tell_transitive(&self, context: &mut Context, session: &Session, choice: &Choice) {
        let keys = self.conditions().filter(|c| &*c.key == "sts:transitivetagkeys");
        let mut names: Vec<&str> = keys.flat_map(|c| &c.values).map(Template::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let followed = |name: &&str| choice.tags.get(&name.to_ascii_lowercase());
        let inherits = session.other_tags || session.tags.values().any(|tag| tag.transitive);
        if names.is_empty() || inherits || !names.iter().all(|name| followed(name).is_some()) {
            return;
        }
        names.retain(|name| followed(name).is_some_and(|tag| tag.as_ref().is_some_and(|tag| tag.transitive)));
        if names.is_empty() {
            context.set_absent("sts:TransitiveTagKeys");
        } else {
            let names = names.into_iter().map(str::to_owned);
            context.set_many("sts:TransitiveTagKeys", names.collect());
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

    /// By whatever way it may be, which may be another than before.
    fn ask_lever(&self, world: &World, asker: &Asker<'_>, target: NodeId) -> Said {
        let Some(step) = crate::steps::pull(world, asker, target) else {
            return Said {
                verdict: PathVerdict::Denied,
                ..self.as_before()
            };
        };
        let actions = step.action.iter().flat_map(|all| all.split(" + "));
        Said {
            verdict: step.verdict,
            actions: actions.map(str::to_owned).collect(),
            conditions: step.conditions,
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
        let same = said.conditions == self.hangs_on && said.actions.len() == self.actions.len();
        let exact = matches!(self.asked, Asked::Role(_) | Asked::Access(_) | Asked::Lever(_));
        let out = Rejudged {
            verdict: said.verdict,
            conditions: said.conditions,
            actions: said.actions,
        };
        (exact && !same).then_some(out)
    }
}

fn path_verdict(verdict: Verdict) -> PathVerdict {
    match verdict {
        Verdict::Allowed => PathVerdict::Allowed,
        Verdict::AllowedIf => PathVerdict::AllowedIf,
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => PathVerdict::Denied,
    }
}
