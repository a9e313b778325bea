//! Every chain, one by one: each move and each end is a request that the plain evaluator decides, and the exact one where
//! facts are unknown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sv0_engine::exact::refine;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule, Verdict, decide};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Policy, Statement};

use super::naive::{Entity, Organisation, Who};

/// What may be done: for certain, or under conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Able {
    Surely,
    Perhaps,
}

/// Two answers to one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// The plain evaluator's, which takes each statement by itself.
    pub(crate) plain: Option<Able>,
    /// Over all that the unknown facts may be.
    pub(crate) exact: Option<Able>,
}

impl Said {
    const NO: Self = Self {
        plain: None,
        exact: None,
    };
    const YES: Self = Self {
        plain: Some(Able::Surely),
        exact: Some(Able::Surely),
    };

    /// Two cases of which nobody knows which it is.
    fn unsure(self, other: Self) -> Self {
        let one = |a: Option<Able>, b: Option<Able>| if a == b { a } else { Some(Able::Perhaps) };
        Self {
            plain: one(self.plain, other.plain),
            exact: one(self.exact, other.exact),
        }
    }

    /// Both have to be allowed.
    fn and(self, other: Self) -> Self {
        let both = |a: Option<Able>, b: Option<Able>| Some(a?.max(b?));
        Self {
            plain: both(self.plain, other.plain),
            exact: both(self.exact, other.exact),
        }
    }

    /// One of them is enough.
    fn or(self, other: Self) -> Self {
        let either = |a: Option<Able>, b: Option<Able>| a.into_iter().chain(b).min();
        Self {
            plain: either(self.plain, other.plain),
            exact: either(self.exact, other.exact),
        }
    }
}

/// Actions by name.
pub(crate) type Can = BTreeMap<&'static str, Said>;

/// Chains by the ids on them, the target last, with the actions at the end; the action is nothing where the target is what
/// the chain becomes.
pub(crate) type Paths = BTreeMap<Vec<String>, BTreeMap<&'static str, Told>>;

/// What a path says of an action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// Whether all of the chain is certain.
    pub(crate) able: Able,
    /// Whether it may be left out: something before it on the chain can do the same, and it depends on words whether the
    /// chain may contradict that.
    pub(crate) optional: bool,
}

/// Whether credentials may show multi-factor authentication (`joint`: IAM User Guide, "Secure API access with MFA").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mfa {
    /// A user's: nobody knows. So it is with strangers'.
    Open,
    /// A role's that a user, or nobody knows who, assumed: left open, but not for the next role.
    Once,
    /// A role's that a role assumed, or that a service gave to a workload.
    Never,
}

/// What a request shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// Nobody knows.
    Anything,
    Absent,
    False,
}

/// One request: caller, action, ARN, the service that makes it on the caller's behalf, and MFA.
type Asked = (String, String, String, Option<String>, Shown);

/// What a chain has come to.
#[derive(Debug, Clone, Copy)]
struct State {
    role_hops: usize,
    able: Able,
    mfa: Mfa,
}

/// A search in one organisation.
pub(crate) struct Search<'a> {
    pub(crate) organisation: &'a Organisation,
    everybody: BTreeMap<String, Who<'a>>,
    answers: RefCell<BTreeMap<Asked, Said>>,
    ends: RefCell<BTreeMap<(String, String, Shown), Rc<Can>>>,
    moves: RefCell<BTreeMap<(String, Mfa), Moves>>,
    /// Names below buckets that policies speak of.
    objects: Vec<(String, String)>,
    /// Whether some policy asks for MFA.
    pub(crate) asks_for_mfa: bool,
}

/// A move to the next entity.
struct Step {
    to: String,
    able: Able,
    role: bool,
    mfa: Mfa,
}

/// Everything that comes next.
type Moves = Rc<Vec<Step>>;

/// At most so many roles are assumed, and so many moves made (`model.md`).
const ROLE_HOPS: usize = 5;
const MOVES: usize = 14;

impl<'a> Search<'a> {
    pub(crate) fn new(organisation: &'a Organisation) -> Self {
        let everybody = organisation.everybody();
        Self {
            organisation,
            everybody: everybody.into_iter().map(|who| (who.id.clone(), who)).collect(),
            answers: RefCell::default(),
            ends: RefCell::default(),
            moves: RefCell::default(),
            objects: objects(organisation),
            asks_for_mfa: asks_for_mfa(organisation),
        }
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Who<'a>> {
        self.everybody.values()
    }

    /// All paths from an origin.
    pub(crate) fn paths(&self, origin: &str) -> Paths {
        let mut out = Paths::new();
        let role = self.is(origin, "iam_role");
        let state = State {
            role_hops: 0,
            able: Able::Surely,
            mfa: if role { Mfa::Once } else { Mfa::Open },
        };
        self.walk(&mut vec![origin.to_owned()], state, &mut out);
        out
    }

    fn is(&self, id: &str, kind: &str) -> bool {
        let entity = self.organisation.entities.get(id);
        entity.is_some_and(|one| one.is(kind))
    }

    fn walk(&self, chain: &mut Vec<String>, state: State, out: &mut Paths) {
        let here = chain.last().unwrap().clone();
        let entity = self.organisation.entities.get(&here);
        if chain.len() > 1 && entity.is_some_and(|one| !is_data(one)) {
            let told = Told {
                able: state.able,
                optional: false,
            };
            out.entry(chain.clone()).or_default().insert("", told);
        }
        if self.everybody.contains_key(&here) {
            let data = self.organisation.entities.values().filter(|one| is_data(one));
            for target in data.filter(|one| !chain.contains(&one.id)) {
                let actions = self.new_at_the_end(chain, state, target);
                if !actions.is_empty() {
                    let path = chain.iter().chain([&target.id]).cloned();
                    out.insert(path.collect(), actions);
                }
            }
        }
        if chain.len() > MOVES {
            return;
        }
        for step in self.moves(&here, state.mfa).iter() {
            let next = State {
                role_hops: state.role_hops + usize::from(step.role),
                able: state.able.max(step.able),
                mfa: step.mfa,
            };
            if next.role_hops <= ROLE_HOPS && !chain.contains(&step.to) {
                chain.push(step.to.clone());
                self.walk(chain, next, out);
                chain.pop();
            }
        }
    }

    /// What the last of a chain can do to a target, but for what an earlier one can do as surely.
    ///
    /// That is judged by what each can do by itself. What the chain may contradict at an entity on the way, which is what
    /// hangs on MFA, need not be contradicted further on; whether something hangs on it, words tell, which this does not
    /// read.
    fn new_at_the_end(
        &self,
        chain: &[String],
        state: State,
        target: &Entity,
    ) -> BTreeMap<&'static str, Told> {
        let (last, before) = chain.split_last().unwrap();
        let before: Vec<(bool, Rc<Can>)> = before
            .iter()
            .enumerate()
            .filter(|(_, id)| self.everybody.contains_key(*id))
            .map(|(at, id)| (at > 0, self.can(id, target, Shown::Anything)))
            .collect();
        let alone = self.can(last, target, Shown::Anything);
        let mut out = BTreeMap::new();
        for (action, said) in self.can_with(last, target, state.mfa) {
            let (Some(able), Some(by_itself)) = (said.exact, alone.get(action).and_then(|said| said.exact))
            else {
                continue;
            };
            let known = before
                .iter()
                .filter_map(|(handed, can)| Some((*handed, can.get(action)?.exact?)))
                .filter(|(_, known)| *known <= by_itself);
            let known: Vec<(bool, Able)> = known.collect();
            let unsure =
                |(handed, able): &(bool, Able)| *handed && *able == Able::Perhaps && self.asks_for_mfa;
            if known.iter().all(unsure) {
                let told = Told {
                    able: able.max(state.able),
                    optional: !known.is_empty(),
                };
                out.insert(action, told);
            }
        }
        out
    }

    /// What comes next after an entity.
    fn moves(&self, from: &str, mfa: Mfa) -> Moves {
        let key = (from.to_owned(), mfa);
        if let Some(found) = self.moves.borrow().get(&key) {
            return Rc::clone(found);
        }
        let found = Rc::new(self.look_for_moves(from, mfa));
        self.moves.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    fn look_for_moves(&self, from: &str, mfa: Mfa) -> Vec<Step> {
        let organisation = self.organisation;
        let mut out = Vec::new();
        let mut go = |to: &str, said: Option<Said>, role: bool, mfa: Mfa| {
            if let Some(able) = said.and_then(|said| said.exact) {
                let to = to.to_owned();
                out.push(Step { to, able, role, mfa });
            }
        };
        if let Some(who) = self.everybody.get(from) {
            let roles = organisation.of_kind("iam_role");
            for role in roles.filter(|role| role.id != from) {
                let ask = |shown| self.ask(who, "sts:AssumeRole", &role.id, role, None, shown);
                // A role that is assumed by a role is not assumed with MFA.
                let said = match mfa {
                    Mfa::Open => ask(Shown::Anything),
                    Mfa::Once | Mfa::Never => ask(Shown::Absent).unsure(ask(Shown::False)),
                };
                let then = if mfa == Mfa::Open { Mfa::Once } else { Mfa::Never };
                go(&role.id, Some(said), true, then);
            }
            for function in organisation.of_kind("lambda_function") {
                // Its versions and aliases run the same code, under ARNs of their own.
                let version = format!("{}:sv0-any", function.id);
                let one = |arn, shown| self.ask(who, "lambda:InvokeFunction", arn, function, None, shown);
                let ask = |shown| one(&function.id, shown).or(one(&version, shown));
                let said = match mfa {
                    Mfa::Open | Mfa::Once => ask(Shown::Anything),
                    Mfa::Never => ask(Shown::Absent).unsure(ask(Shown::False)),
                };
                go(&function.id, Some(said), false, Mfa::Open);
            }
            let secrets = organisation.of_kind("secrets_manager_secret");
            for secret in secrets.filter(|secret| self.holder(secret).is_some()) {
                let can = self.can_with(from, secret, mfa);
                let read = can.get("secretsmanager:GetSecretValue").copied();
                go(&secret.id, read, false, Mfa::Open);
            }
        }
        let Some(entity) = organisation.entities.get(from) else {
            return out;
        };
        if let Some(user) = self.holder(entity) {
            go(user, Some(Said::YES), false, Mfa::Open);
        }
        if entity.is("lambda_function") {
            let service = organisation.service("lambda.amazonaws.com", entity);
            let roles = entity.refs("RUNS_AS");
            for role in roles.filter_map(|id| organisation.entities.get(id)) {
                let said = self.ask(
                    &service,
                    "sts:AssumeRole",
                    &role.id,
                    role,
                    Some(&entity.id),
                    Shown::Absent,
                );
                go(&role.id, Some(said), false, Mfa::Never);
            }
        }
        out
    }

    /// The user whose access key a secret holds, as its description tells.
    fn holder(&self, secret: &Entity) -> Option<&str> {
        let text = secret
            .attrs
            .get("description")
            .filter(|_| secret.is("secrets_manager_secret"))?
            .as_str()?;
        let mut users = self.organisation.of_kind("iam_user").filter(|user| {
            user.attrs["access_keys"].is_array() && text.split(' ').any(|word| word == user.name())
        });
        users.next().map(|user| user.id.as_str())
    }

    /// What somebody can do to data with credentials of which it is known whether they show MFA.
    fn can_with(&self, who: &str, target: &Entity, mfa: Mfa) -> Can {
        if mfa != Mfa::Never {
            return (*self.can(who, target, Shown::Anything)).clone();
        }
        let (absent, no) = (
            self.can(who, target, Shown::Absent),
            self.can(who, target, Shown::False),
        );
        let mut out = Can::new();
        for action in absent.keys().chain(no.keys()) {
            let of = |can: &Can| can.get(action).copied().unwrap_or(Said::NO);
            out.insert(*action, of(&absent).unsure(of(&no)));
        }
        out
    }

    /// What somebody can do to data, by action, whatever is known of MFA.
    pub(crate) fn can_at_all(&self, who: &str, target: &Entity) -> Rc<Can> {
        self.can(who, target, Shown::Anything)
    }

    fn can(&self, who: &str, target: &Entity, shown: Shown) -> Rc<Can> {
        // Without a policy that asks for MFA it does not matter.
        let shown = if self.asks_for_mfa { shown } else { Shown::Anything };
        let key = (who.to_owned(), target.id.clone(), shown);
        if let Some(found) = self.ends.borrow().get(&key) {
            return Rc::clone(found);
        }
        let found = Rc::new(self.look_at(&self.everybody[who], target, shown));
        self.ends.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    fn look_at(&self, who: &Who<'_>, target: &Entity, shown: Shown) -> Can {
        let mut out = Can::new();
        for (arn, service, kind) in self.parts(who, target) {
            let actions = Catalog::embedded().actions_of(service);
            let on_it = actions.filter(|action| action.resource_types().any(|usage| usage.name() == kind));
            for action in on_it.map(|action| action.name()) {
                let said = self.ask(who, action, &arn, target, None, shown);
                if said.plain.is_none() {
                    continue;
                }
                let said = said.and(self.key(who, action, target, shown));
                if said.plain.is_some() {
                    let known = out.entry(action).or_insert(Said::NO);
                    *known = known.or(said);
                }
            }
        }
        out
    }

    /// The ARNs that a target's actions are on, with service and resource type.
    fn parts(&self, who: &Who<'_>, target: &Entity) -> Vec<(String, &'static str, &'static str)> {
        let id = &target.id;
        match target.kind.as_str() {
            "s3_bucket" => {
                let name = who.caller.id.rsplit('/').next().unwrap();
                let mut names = vec![format!("{id}/some-object")];
                let below = self
                    .objects
                    .iter()
                    .filter(|(bucket, _)| bucket == id || bucket.contains('*'));
                names.extend(below.map(|(_, object)| {
                    let object = object.replace("${aws:username}", name);
                    format!("{id}/{object}")
                }));
                names.sort();
                names.dedup();
                let objects = names.into_iter().map(|arn| (arn, "s3", "object"));
                std::iter::once((id.clone(), "s3", "bucket"))
                    .chain(objects)
                    .collect()
            }
            "dynamodb_table" => vec![
                (id.clone(), "dynamodb", "table"),
                (format!("{id}/index/some-index"), "dynamodb", "index"),
            ],
            "secrets_manager_secret" => vec![(id.clone(), "secretsmanager", "Secret")],
            "sqs_queue" => vec![(id.clone(), "sqs", "queue")],
            other => panic!("{other} holds no data here"),
        }
    }

    /// What the key that encrypts a target says of an action on it.
    fn key(&self, who: &Who<'_>, action: &str, target: &Entity, shown: Shown) -> Said {
        let operations = operations(action);
        if operations.is_empty() {
            return Said::YES;
        }
        let Some(id) = target.refs("ENCRYPTED_WITH").next() else {
            // A secret without a key is under aws/secretsmanager, a key that is its own account's alone.
            let own = who.caller.account.as_deref() == target.account.as_deref();
            let foreign = target.is("secrets_manager_secret") && !own;
            return if foreign { Said::NO } else { Said::YES };
        };
        let Some(key) = self.organisation.entities.get(id) else {
            // Nobody knows what its policy says.
            let perhaps = Some(Able::Perhaps);
            return Said {
                plain: perhaps,
                exact: perhaps,
            };
        };
        let service = action.split(':').next().unwrap();
        let via = format!("{service}.{}.amazonaws.com", key.region.as_deref().unwrap());
        operations.iter().fold(Said::YES, |all, operation| {
            all.and(self.ask(who, operation, &key.id, key, Some(&via), shown))
        })
    }

    /// One request. `on_behalf` is the service through which it is made, or for a service what it acts for.
    fn ask(
        &self,
        who: &Who<'_>,
        action: &str,
        arn: &str,
        entity: &Entity,
        on_behalf: Option<&str>,
        shown: Shown,
    ) -> Said {
        let key = (
            who.id.clone(),
            action.to_owned(),
            arn.to_owned(),
            on_behalf.map(str::to_owned),
            shown,
        );
        if let Some(found) = self.answers.borrow().get(&key) {
            return *found;
        }
        let found = self.decide(who, action, arn, entity, on_behalf, shown);
        self.answers.borrow_mut().insert(key, found);
        found
    }

    fn decide(
        &self,
        who: &Who<'_>,
        action: &str,
        arn: &str,
        entity: &Entity,
        on_behalf: Option<&str>,
        shown: Shown,
    ) -> Said {
        let mut context = self.organisation.request(&who.context, action, entity);
        if let (Some(via), true) = (on_behalf, entity.is("kms_key")) {
            context.set("kms:ViaService", via);
        }
        if shown != Shown::Anything {
            context.set_absent("aws:MultiFactorAuthAge");
            context.set_absent("aws:MultiFactorAuthPresent");
        }
        if shown == Shown::False {
            context.set("aws:MultiFactorAuthPresent", "false");
        }
        let slot = match entity.kind.as_str() {
            "iam_role" => "trust",
            "kms_key" => "key",
            _ => "resource",
        };
        let levels = |kind: &str, account: Option<&str>| {
            let levels = self.organisation.ceilings(kind, account)?;
            Some(levels.into_iter().map(attach).collect())
        };
        let (grants, of_grants): (Vec<&Policy>, Vec<&Policy>) = entity.grants(&who.id).unzip();
        let policies = Policies {
            identity: attach(who.identity.iter().copied().chain(of_grants).collect()),
            identity_unknown: who.identity_unknown,
            boundaries: attach(who.boundary.clone()),
            scps: levels("scp", who.caller.account.as_deref()),
            rcps: levels("rcp", entity.account.as_deref()),
            resource: attach(entity.policies(slot).chain(grants).collect()),
            resource_rule: if slot == "resource" {
                ResourceRule::Either
            } else {
                ResourceRule::Required
            },
            block_public_access: entity.attrs["block_public_access"]["restrict_public_buckets"] == true,
            ..Policies::default()
        };
        let request = Request {
            caller: &who.caller,
            action,
            resource: ResourceName::new(arn),
            resource_account: entity.account.as_deref(),
            context: &context,
        };
        let able = |verdict: Verdict| match verdict {
            // What a boundary says that nobody has read is unknown.
            Verdict::Allowed if !who.boundary_missing => Some(Able::Surely),
            Verdict::Allowed | Verdict::AllowedIf => Some(Able::Perhaps),
            _ => None,
        };
        let plain = decide(&request, &policies).verdict;
        let exact = if plain == Verdict::AllowedIf {
            refine(&request, &policies, &[]).verdict
        } else {
            plain
        };
        Said {
            plain: able(plain),
            exact: able(exact),
        }
    }
}

fn is_data(entity: &Entity) -> bool {
    matches!(
        entity.kind.as_str(),
        "s3_bucket" | "dynamodb_table" | "secrets_manager_secret" | "sqs_queue"
    )
}

fn attach(policies: Vec<&Policy>) -> Vec<Attached<'_>> {
    let tagged = policies.into_iter().zip(0..);
    tagged.map(|(policy, tag)| Attached { policy, tag }).collect()
}

/// What each action on data needs of the key (the services' pages on encryption with AWS KMS).
fn operations(action: &str) -> &'static [&'static str] {
    match action {
        "s3:GetObject" | "s3:GetObjectVersion" | "s3:GetObjectTorrent" | "s3:GetObjectVersionTorrent" => {
            &["kms:Decrypt"]
        }
        "secretsmanager:GetSecretValue" | "secretsmanager:BatchGetSecretValue" | "sqs:ReceiveMessage" => {
            &["kms:Decrypt"]
        }
        "s3:PutObject"
        | "s3:ReplicateObject"
        | "secretsmanager:PutSecretValue"
        | "secretsmanager:UpdateSecret" => &["kms:GenerateDataKey"],
        "sqs:SendMessage" => &["kms:GenerateDataKey", "kms:Decrypt"],
        _ => {
            let items = [
                "GetItem",
                "BatchGetItem",
                "Query",
                "Scan",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "BatchWriteItem",
                "PartiQLSelect",
                "PartiQLInsert",
                "PartiQLUpdate",
                "PartiQLDelete",
            ];
            let name = action.strip_prefix("dynamodb:");
            if name.is_some_and(|name| items.contains(&name)) {
                &["kms:Decrypt"]
            } else {
                &[]
            }
        }
    }
}

fn asks_for_mfa(organisation: &Organisation) -> bool {
    let conditions = statements(organisation).flat_map(|statement| &statement.conditions);
    let mut keys = conditions.map(|condition| &*condition.key);
    keys.any(|key| key.starts_with("aws:multifactorauth"))
}

fn statements(organisation: &Organisation) -> impl Iterator<Item = &Statement> {
    let slots = ["inline", "document", "resource", "key", "trust"];
    let all = organisation.entities.values();
    let policies = all.flat_map(move |entity| slots.into_iter().flat_map(|slot| entity.policies(slot)));
    policies.flat_map(|policy| &policy.statements)
}

/// The patterns that some policy has for objects, whatever it says about them: of which bucket, and what is below it.
fn objects(organisation: &Organisation) -> Vec<(String, String)> {
    let elements = statements(organisation).filter_map(|statement| statement.resource.as_ref());
    let patterns = elements.flat_map(|element| &element.patterns);
    let objects = patterns.filter(|pattern| pattern.as_str().starts_with("arn:aws:s3:::"));
    let all: BTreeSet<(String, String)> = objects
        .filter_map(|pattern| pattern.as_str().split_once('/'))
        .map(|(bucket, below)| (bucket.to_owned(), below.replace('*', "some-object")))
        .collect();
    all.into_iter().collect()
}
