//! Two versions of a policy: what does the new one allow that the old one did not? With a request that shows it.
//!
//! Each document is taken by itself: it allows what some `Allow` matches and no `Deny` does. For a policy that names
//! principals, whoever either version names is asked about, and for each account one more who is not named, and
//! strangers: nobody else can be told apart by a policy.

use rustc_hash::FxHashMap;
use sv0_iam::catalog::{ActionId, Catalog};
use sv0_iam::condition::Context;
use sv0_iam::decide::Layer;
use sv0_iam::name::principal::CallerKind;
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::ast::{Effect, Policy, PrincipalEntry, Statement};
use sv0_iam::syntax::resource::{ResourceName, ShortArn};

use crate::actions::alike;
use crate::forms::forms_of_all;
use crate::formula::{Atoms, Formula};
use crate::lang::Search;
use crate::matching::{Asked, Form, Match, Reading, Subject, all_or_nothing, matching};
use crate::solve::{Example, Room, solve};

/// What kind of policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An identity policy, a permissions boundary or a session policy.
    Identity,
    /// A resource's policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
}

impl Kind {
    const fn reading(self) -> Reading {
        let (layer, principals, short) = match self {
            Self::Identity => (Layer::Identity, false, ShortArn::Pad),
            Self::Resource | Self::Trust => (Layer::Resource, true, ShortArn::IfWildcard),
            Self::Scp => (Layer::Scp, false, ShortArn::IfTrailingStar),
            Self::Rcp => (Layer::Rcp, true, ShortArn::IfTrailingStar),
        };
        Reading {
            layer,
            level: 0,
            principals,
            short,
            bounded: false,
        }
    }
}

/// Something that the new version allows and the old one does not.
#[derive(Debug, Clone)]
pub struct Gain {
    /// Who gains it; none where the policy names nobody.
    pub principal: Option<String>,
    /// The actions of which some requests are newly allowed, in order.
    pub actions: Vec<ActionId>,
    /// The statements of the new version that allow it, by their index.
    pub statements: Vec<usize>,
    /// A request that shows it; none where the search was too long to find one.
    pub example: Option<Shown>,
}

/// A request that the new version allows and the old one does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The action.
    pub action: ActionId,
    /// The resource.
    pub resource: String,
    /// The context keys that matter.
    pub example: Example,
}

/// Finds what `new` allows and `old` does not, grouped by principal and by the statements that bear on an action.
#[must_use]
pub fn gains(old: &Policy, new: &Policy, kind: Kind) -> Vec<Gain> {
    let statements: Vec<&Statement> = old.statements.iter().chain(&new.statements).collect();
    let groups = alike(&statements);
    let mut out = Vec::new();
    for (principal, caller, context) in callers(&statements, kind) {
        for group in &groups {
            let versions = Versions {
                old,
                new,
                kind,
                caller: &caller,
                context: &context,
            };
            let mut gain = Gain {
                principal: principal.clone(),
                actions: Vec::new(),
                statements: Vec::new(),
                example: None,
            };
            let mine: Vec<(&Statement, ShortArn)> = group
                .statements
                .iter()
                .filter_map(|at| statements.get(*at))
                .map(|statement| (*statement, kind.reading().short))
                .collect();
            let mut seen: FxHashMap<Vec<bool>, bool> = FxHashMap::default();
            for (form, actions) in forms_of_all(&group.actions) {
                let plain = all_or_nothing(mine.iter().copied(), &versions.asked(form));
                if let Some(is_new) = plain.as_ref().and_then(|key| seen.get(key)) {
                    if *is_new {
                        gain.actions.extend(actions);
                    }
                    continue;
                }
                let first = actions.first().copied();
                let name = first
                    .and_then(|id| Catalog::embedded().action_by_id(id))
                    .map_or("", |a| a.name());
                let found = versions.new_on(form, name, &mut gain.statements);
                if let Some(key) = plain {
                    seen.insert(key, !found.is_empty());
                }
                match found {
                    Search::Empty => continue,
                    Search::GaveUp => {}
                    Search::Found(example) => {
                        let resource = example.resource.clone().unwrap_or_else(|| "*".into());
                        let better = gain.example.is_none();
                        if let (true, Some(action)) = (better, first) {
                            gain.example = Some(Shown {
                                action,
                                resource,
                                example,
                            });
                        }
                    }
                }
                gain.actions.extend(actions);
            }
            if gain.actions.is_empty() {
                continue;
            }
            gain.actions.sort_unstable();
            gain.actions.dedup();
            gain.statements.sort_unstable();
            gain.statements.dedup();
            out.push(gain);
        }
    }
    out
}

struct Versions<'v> {
    old: &'v Policy,
    new: &'v Policy,
    kind: Kind,
    caller: &'v Caller,
    context: &'v Context,
}

impl<'v> Versions<'v> {
    fn asked<'q>(&'q self, form: Option<&'q Form>) -> Asked<'q> {
        Asked {
            caller: self.caller,
            subject: form.map_or(Subject::Named(ResourceName::new("*")), Subject::Open),
            context: self.context,
        }
    }

    /// A request on a resource of the form that is newly allowed; notes the statements that may allow it.
    fn new_on(&self, form: Option<&Form>, action: &str, notes: &mut Vec<usize>) -> Search<Example> {
        let asked = self.asked(form);
        let mut atoms = Atoms::default();
        let before = self.allowed(self.old, action, &asked, &mut atoms).0;
        let (now, by) = self.allowed(self.new, action, &asked, &mut atoms);
        let newly = now.and(before.negate());
        if newly == Formula::FALSE {
            return Search::Empty;
        }
        let room = Room {
            subject: asked.subject,
            context: self.context,
            choices: &[],
        };
        let found = solve(&newly, &atoms, &room);
        if !found.is_empty() {
            notes.extend(by);
        }
        found
    }

    /// When a version allows it, and the statements that may.
    fn allowed(
        &self,
        policy: &'v Policy,
        action: &str,
        asked: &Asked<'_>,
        atoms: &mut Atoms<'v>,
    ) -> (Formula, Vec<usize>) {
        let mut matches: Vec<Match<'v>> = Vec::new();
        for statement in policy.statements.iter().filter(|s| s.action.matches(action)) {
            matching(statement, 0, asked, self.kind.reading(), atoms, &mut matches);
        }
        let of = |effect: Effect| matches.iter().filter(move |m| m.statement.effect == effect);
        let denied = Formula::any(of(Effect::Deny).map(|m| m.when.clone()));
        // RCPFullAWSAccess is always attached.
        let granted = if self.kind == Kind::Rcp {
            Formula::TRUE
        } else {
            Formula::any(of(Effect::Allow).map(|m| m.when.clone()))
        };
        let by = of(Effect::Allow).map(|m| m.statement.index).collect();
        (granted.and(denied.negate()), by)
    }
}

/// An account that no policy names.
const STRANGER: &str = "arn:aws:iam::000000000000:role/sv0-any";

/// Who can be told apart by the statements, with what is known of them.
fn callers(statements: &[&Statement], kind: Kind) -> Vec<(Option<String>, Caller, Context)> {
    if !kind.reading().principals {
        return vec![(None, Caller::parse(STRANGER), Context::open())];
    }
    let mut ids: Vec<String> = Vec::new();
    let mut add = |id: String| {
        if !ids.contains(&id) {
            ids.push(id);
        }
    };
    let entries = statements
        .iter()
        .filter_map(|s| s.principal.as_ref())
        .flat_map(|p| &p.entries);
    for entry in entries {
        match entry {
            PrincipalEntry::Account(id) => add(format!("arn:aws:iam::{}:role/sv0-any", account(id))),
            PrincipalEntry::Arn(arn) => {
                add(arn.to_string());
                if let Some(id) = Arn::parse(arn).and_then(|arn| arn.account_id().map(str::to_owned)) {
                    add(format!("arn:aws:iam::{id}:role/sv0-any"));
                }
            }
            PrincipalEntry::Service(name) => add(name.to_string()),
            PrincipalEntry::Federated(provider) => add(provider.to_string()),
            PrincipalEntry::Anyone
            | PrincipalEntry::UniqueId(_)
            | PrincipalEntry::CanonicalUser(_)
            | PrincipalEntry::Other(_) => {}
        }
    }
    add(STRANGER.to_owned());
    add("*".to_owned());
    ids.into_iter()
        .map(|id| {
            let caller = Caller::parse(&id);
            let context = known(&caller);
            let shown = match id.as_str() {
                STRANGER => "anybody else's role".to_owned(),
                "*" => "anonymous".to_owned(),
                _ => match (id.strip_suffix(":role/sv0-any"), caller.account.as_deref()) {
                    (Some(_), Some(account)) => format!("any other principal of {account}"),
                    _ => id,
                },
            };
            (Some(shown), caller, context)
        })
        .collect()
}

/// The account of an id or a root ARN.
fn account(text: &str) -> String {
    Arn::parse(text)
        .and_then(|arn| arn.account_id())
        .unwrap_or(text)
        .to_owned()
}

/// What is known of a caller by who it is.
fn known(caller: &Caller) -> Context {
    let mut out = Context::open();
    let service = caller.kind == CallerKind::Service;
    out.set(
        "aws:PrincipalIsAWSService",
        if service { "true" } else { "false" },
    );
    if let Some(account) = &caller.account {
        out.set("aws:PrincipalAccount", account.as_str());
    }
    match caller.kind {
        CallerKind::User | CallerKind::Role | CallerKind::Root => {
            out.set("aws:PrincipalArn", caller.id.as_str())
        }
        CallerKind::Service => {
            out.set("aws:PrincipalServiceName", caller.id.as_str());
            for key in [
                "aws:PrincipalArn",
                "aws:PrincipalAccount",
                "aws:PrincipalOrgID",
                "aws:PrincipalOrgPaths",
            ] {
                out.set_absent(key);
            }
        }
        CallerKind::Anonymous => {
            for key in [
                "aws:PrincipalArn",
                "aws:PrincipalAccount",
                "aws:PrincipalOrgID",
                "aws:PrincipalOrgPaths",
                "aws:userid",
                "aws:username",
            ] {
                out.set_absent(key);
            }
            out.close_prefix("aws:PrincipalTag");
        }
        _ => {}
    }
    out
}
