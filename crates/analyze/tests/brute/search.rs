//! Every chain, one by one: each move and each end is a request that the plain evaluator decides, and the exact one where
//! facts are unknown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use sv0_engine::exact::refine;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule, Verdict, decide};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Effect, Policy};

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

/// Chains by the ids on them, the target last, with the actions at the end and whether all of the chain is certain; the
/// action is nothing where the target is what the chain becomes.
pub(crate) type Paths = BTreeMap<Vec<String>, BTreeMap<&'static str, Able>>;

/// One request: caller, action, ARN, and the service that makes it on the caller's behalf.
type Asked = (String, String, String, Option<String>);

/// A search in one organisation.
pub(crate) struct Search<'a> {
    pub(crate) organisation: &'a Organisation,
    everybody: BTreeMap<String, Who<'a>>,
    answers: RefCell<BTreeMap<Asked, Said>>,
    ends: RefCell<BTreeMap<(String, String), std::rc::Rc<Can>>>,
    moves: RefCell<BTreeMap<String, std::rc::Rc<Vec<Step>>>>,
    /// Names below buckets that policies speak of.
    objects: Vec<String>,
}

/// A move to the next entity.
struct Step {
    to: String,
    able: Able,
    role: bool,
}

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
        }
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Who<'a>> {
        self.everybody.values()
    }

    /// All paths from an origin.
    pub(crate) fn paths(&self, origin: &str) -> Paths {
        let mut out = Paths::new();
        self.walk(&mut vec![origin.to_owned()], (0, Able::Surely), &mut out);
        out
    }

    fn walk(&self, chain: &mut Vec<String>, (role_hops, so_far): (usize, Able), out: &mut Paths) {
        let here = chain.last().unwrap().clone();
        let entity = self.organisation.entities.get(&here);
        if chain.len() > 1 && entity.is_some_and(|one| !is_data(one)) {
            out.entry(chain.clone()).or_default().insert("", so_far);
        }
        if self.everybody.contains_key(&here) {
            let data = self.organisation.entities.values().filter(|one| is_data(one));
            for target in data.filter(|one| !chain.contains(&one.id)) {
                let actions = self.new_at_the_end(chain, target);
                if !actions.is_empty() {
                    let path = chain.iter().chain([&target.id]).cloned();
                    let actions = actions
                        .into_iter()
                        .map(|(action, able)| (action, able.max(so_far)));
                    out.insert(path.collect(), actions.collect());
                }
            }
        }
        if chain.len() > MOVES {
            return;
        }
        for step in self.moves(&here).iter() {
            let role_hops = role_hops + usize::from(step.role);
            if role_hops <= ROLE_HOPS && !chain.contains(&step.to) {
                chain.push(step.to.clone());
                self.walk(chain, (role_hops, so_far.max(step.able)), out);
                chain.pop();
            }
        }
    }

    /// What the last of a chain can do to a target, but for what an earlier one can do as surely.
    fn new_at_the_end(&self, chain: &[String], target: &Entity) -> Vec<(&'static str, Able)> {
        let (last, before) = chain.split_last().unwrap();
        let before: Vec<_> = before
            .iter()
            .filter(|id| self.everybody.contains_key(*id))
            .map(|id| self.can(id, target))
            .collect();
        let told = |action: &str, able: Able| {
            let known = before.iter().filter_map(|can| can.get(action)?.exact);
            known.min().is_some_and(|known| known <= able)
        };
        let now = self.can(last, target);
        let possible = now
            .iter()
            .filter_map(|(action, said)| Some((*action, said.exact?)));
        possible.filter(|(action, able)| !told(action, *able)).collect()
    }

    /// What comes next after an entity.
    fn moves(&self, from: &str) -> std::rc::Rc<Vec<Step>> {
        if let Some(found) = self.moves.borrow().get(from) {
            return std::rc::Rc::clone(found);
        }
        let found = std::rc::Rc::new(self.look_for_moves(from));
        self.moves
            .borrow_mut()
            .insert(from.to_owned(), std::rc::Rc::clone(&found));
        found
    }

    fn look_for_moves(&self, from: &str) -> Vec<Step> {
        let mut out = Vec::new();
        let mut go = |to: &str, said: Option<Said>, role: bool| {
            if let Some(able) = said.and_then(|said| said.exact) {
                let to = to.to_owned();
                out.push(Step { to, able, role });
            }
        };
        if let Some(who) = self.everybody.get(from) {
            for role in self
                .organisation
                .of_kind("iam_role")
                .filter(|role| role.id != from)
            {
                let said = self.ask(who, "sts:AssumeRole", &role.id, role, None);
                go(&role.id, Some(said), true);
            }
            for function in self.organisation.of_kind("lambda_function") {
                let said = self.ask(who, "lambda:InvokeFunction", &function.id, function, None);
                go(&function.id, Some(said), false);
            }
            let secrets = self.organisation.of_kind("secrets_manager_secret");
            for secret in secrets.filter(|secret| self.holder(secret).is_some()) {
                let can = self.can(from, secret);
                go(
                    &secret.id,
                    can.get("secretsmanager:GetSecretValue").copied(),
                    false,
                );
            }
        }
        let Some(entity) = self.organisation.entities.get(from) else {
            return out;
        };
        if let Some(user) = self.holder(entity) {
            go(user, Some(Said::YES), false);
        }
        if entity.is("lambda_function") {
            let service = self.organisation.service("lambda.amazonaws.com", entity);
            let roles = entity.refs("RUNS_AS");
            for role in roles.filter_map(|id| self.organisation.entities.get(id)) {
                let said = self.ask(&service, "sts:AssumeRole", &role.id, role, Some(&entity.id));
                go(&role.id, Some(said), false);
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

    /// What somebody can do to data, by action.
    pub(crate) fn can(&self, who: &str, target: &Entity) -> std::rc::Rc<Can> {
        let key = (who.to_owned(), target.id.clone());
        if let Some(found) = self.ends.borrow().get(&key) {
            return std::rc::Rc::clone(found);
        }
        let found = std::rc::Rc::new(self.look_at(&self.everybody[who], target));
        self.ends.borrow_mut().insert(key, std::rc::Rc::clone(&found));
        found
    }

    fn look_at(&self, who: &Who<'_>, target: &Entity) -> Can {
        let mut out = Can::new();
        for (arn, service, kind) in self.parts(who, target) {
            let actions = Catalog::embedded().actions_of(service);
            let on_it = actions.filter(|action| action.resource_types().any(|usage| usage.name() == kind));
            for action in on_it.map(|action| action.name()) {
                let said = self.ask(who, action, &arn, target, None);
                if said.plain.is_none() {
                    continue;
                }
                let said = said.and(self.key(who, action, target));
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
                    .filter(|object| object.starts_with(&format!("{id}/")));
                names.extend(below.map(|object| object.replace("${aws:username}", name)));
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
    fn key(&self, who: &Who<'_>, action: &str, target: &Entity) -> Said {
        let Some(operation) = operation(action) else {
            return Said::YES;
        };
        let Some(id) = target.refs("ENCRYPTED_WITH").next() else {
            return Said::YES;
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
        self.ask(who, operation, &key.id, key, Some(&via))
    }

    /// One request. `on_behalf` is the service through which it is made, or for a service what it acts for.
    fn ask(&self, who: &Who<'_>, action: &str, arn: &str, entity: &Entity, on_behalf: Option<&str>) -> Said {
        let key = (
            who.id.clone(),
            action.to_owned(),
            arn.to_owned(),
            on_behalf.map(str::to_owned),
        );
        if let Some(found) = self.answers.borrow().get(&key) {
            return *found;
        }
        let found = self.decide(who, action, arn, entity, on_behalf);
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
    ) -> Said {
        let mut context = self.organisation.request(&who.context, action, entity);
        if let (Some(via), true) = (on_behalf, entity.is("kms_key")) {
            context.set("kms:ViaService", via);
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
fn operation(action: &str) -> Option<&'static str> {
    Some(match action {
        "s3:GetObject" | "s3:GetObjectVersion" | "s3:GetObjectTorrent" | "s3:GetObjectVersionTorrent" => {
            "kms:Decrypt"
        }
        "secretsmanager:GetSecretValue" | "secretsmanager:BatchGetSecretValue" | "sqs:ReceiveMessage" => {
            "kms:Decrypt"
        }
        "s3:PutObject"
        | "s3:ReplicateObject"
        | "secretsmanager:PutSecretValue"
        | "secretsmanager:UpdateSecret"
        | "sqs:SendMessage" => "kms:GenerateDataKey",
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
            let name = action.strip_prefix("dynamodb:")?;
            items.contains(&name).then_some("kms:Decrypt")?
        }
    })
}

/// An object for every pattern that some policy has for objects of a named bucket, whatever it says about them.
fn objects(organisation: &Organisation) -> Vec<String> {
    let slots = ["inline", "document", "resource"];
    let all = organisation.entities.values();
    let policies = all.flat_map(|entity| slots.into_iter().flat_map(|slot| entity.policies(slot)));
    let statements = policies.flat_map(|policy| &policy.statements);
    let elements = statements
        .filter(|statement| matches!(statement.effect, Effect::Allow | Effect::Deny))
        .filter_map(|statement| statement.resource.as_ref());
    let patterns = elements.flat_map(|element| &element.patterns);
    let objects = patterns.filter(|pattern| pattern.as_str().contains('/'));
    let objects = objects.map(|pattern| pattern.as_str().replace('*', "some-object"));
    let all: BTreeSet<String> = objects.filter(|arn| arn.starts_with("arn:aws:s3:::")).collect();
    all.into_iter().collect()
}
