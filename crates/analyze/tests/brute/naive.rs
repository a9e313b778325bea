//! The organisation as the naive search reads it: records, the policies in them, and what AWS knows about a request
//! before it is made (`semantics.md`; IAM User Guide, "AWS global condition context keys").
//!
//! Nothing here comes from `sv0-analyze`: what is shared is the evaluator, which has tests of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sv0_iam::condition::Context;
use sv0_iam::name::principal::{Caller, CallerKind};
use sv0_iam::syntax::{Effect, Flavor, Policy, PrincipalEntry, parse};

/// One record.
pub(crate) struct Entity {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attrs: Value,
    /// Of a key: to whom it grants what, as a statement of its policy, and of the grantee's.
    grants: Vec<(String, Policy, Policy)>,
    policies: Vec<(String, Policy)>,
    refs: Vec<(String, String)>,
}

impl Entity {
    fn read(record: &Value) -> Self {
        let text = |key: &str| record[key].as_str().map(str::to_owned);
        let list = |key: &str| record[key].as_array().cloned().unwrap_or_default();
        let kind = text("kind").unwrap();
        let policies = list("policies").into_iter().map(|slot| {
            let name = slot["slot"].as_str().unwrap().to_owned();
            let flavor = match (kind.as_str(), name.as_str()) {
                ("scp", _) => Flavor::Scp,
                ("rcp", _) => Flavor::Rcp,
                (_, "trust") => Flavor::Trust,
                (_, "resource" | "key") => Flavor::Resource,
                _ => Flavor::Identity,
            };
            let (policy, problems) = parse(&slot["document"].to_string(), flavor);
            assert!(problems.is_empty(), "{} {problems:?}", record["id"]);
            (name, policy.unwrap())
        });
        let tags = record["tags"].as_object().into_iter().flatten();
        Self {
            id: text("id").unwrap(),
            account: text("account"),
            region: text("region"),
            tags: tags
                .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            attrs: record["attrs"].clone(),
            grants: grants(record),
            policies: policies.collect(),
            refs: list("refs")
                .iter()
                .map(|one| {
                    let of = |key: &str| one[key].as_str().unwrap().to_owned();
                    (of("rel"), of("to"))
                })
                .collect(),
            kind,
        }
    }

    pub(crate) fn policies(&self, slot: &str) -> impl Iterator<Item = &Policy> {
        let all = self.policies.iter().filter(move |(name, _)| name == slot);
        all.map(|(_, policy)| policy)
    }

    /// What the grants of a key let somebody do, on either side: a grant needs no other permission, and denials stop it
    /// (KMS Developer Guide, "Troubleshooting AWS KMS permissions").
    pub(crate) fn grants(&self, who: &str) -> impl Iterator<Item = (&Policy, &Policy)> {
        let all = self.grants.iter().filter(move |(grantee, ..)| grantee == who);
        all.map(|(_, key, identity)| (key, identity))
    }

    pub(crate) fn refs(&self, rel: &str) -> impl Iterator<Item = &str> {
        let all = self.refs.iter().filter(move |(of, _)| of == rel);
        all.map(|(_, to)| to.as_str())
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    fn is_tenant(&self) -> bool {
        matches!(self.kind.as_str(), "aws_organization" | "aws_ou" | "aws_account")
    }

    pub(crate) fn name(&self) -> &str {
        self.id.rsplit(['/', ':']).next().unwrap()
    }
}

fn grants(record: &Value) -> Vec<(String, Policy, Policy)> {
    let all = record["attrs"]["grants"].as_array().into_iter().flatten();
    all.map(|grant| {
        let operations = grant["operations"].as_array().unwrap().iter();
        let actions: Vec<String> = operations
            .map(|one| format!("kms:{}", one.as_str().unwrap()))
            .collect();
        let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": record["id"]});
        let policy = |statement: &Value, flavor| {
            let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
            parse(&text, flavor).0.unwrap()
        };
        let identity = policy(&statement, Flavor::Identity);
        statement["Principal"] = json!({"AWS": grant["grantee"]});
        let grantee = grant["grantee"].as_str().unwrap().to_owned();
        (grantee, policy(&statement, Flavor::Resource), identity)
    })
    .collect()
}

/// Somebody who can make requests.
pub(crate) struct Who<'a> {
    /// Its id in the graph.
    pub(crate) id: String,
    pub(crate) caller: Caller,
    /// What is known of it, the same for all its requests.
    pub(crate) context: Context,
    pub(crate) identity: Vec<&'a Policy>,
    pub(crate) identity_unknown: bool,
    pub(crate) boundary: Vec<&'a Policy>,
    /// It has a boundary, and nobody knows what that says.
    pub(crate) boundary_missing: bool,
}

/// An organisation that was read.
pub(crate) struct Organisation {
    pub(crate) entities: BTreeMap<String, Entity>,
    /// The organisation's id and its management account.
    org: Option<(String, String)>,
    /// Accounts in the organisation: the ids of the levels above and of the account itself, root first.
    members: BTreeMap<String, Vec<String>>,
}

impl Organisation {
    pub(crate) fn read(records: &[Value]) -> Self {
        let all = records.iter().map(Entity::read);
        let entities: BTreeMap<String, Entity> = all.map(|one| (one.id.clone(), one)).collect();
        let org = entities
            .values()
            .find(|one| one.is("aws_organization"))
            .map(|one| {
                let of = |key: &str| one.attrs[key].as_str().unwrap().to_owned();
                (of("id"), of("management_account"))
            });
        let mut members = BTreeMap::new();
        for one in entities
            .values()
            .filter(|one| one.is("aws_account") && org.is_some())
        {
            let mut levels = vec![one.id.clone()];
            let mut at = one;
            while let Some(above) = at.refs("MEMBER_OF").next().and_then(|id| entities.get(id)) {
                levels.push(above.id.clone());
                at = above;
            }
            levels.reverse();
            members.insert(one.account.clone().unwrap(), levels);
        }
        Self {
            entities,
            org,
            members,
        }
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Entity> {
        self.entities.values().filter(move |one| one.is(kind))
    }

    /// Accounts of which something was collected.
    fn is_collected(&self, account: &str) -> bool {
        let mut all = self.entities.values().filter(|one| !one.is_tenant());
        all.any(|one| one.account.as_deref() == Some(account))
    }

    /// The SCPs or RCPs that bind an account, level by level. None where none do: the management account, accounts outside
    /// the organisation, and where the organisation has none (rules 20 to 24).
    pub(crate) fn ceilings(&self, kind: &str, account: Option<&str>) -> Option<Vec<Vec<&Policy>>> {
        let (account, (_, management)) = (account?, self.org.as_ref()?);
        let levels = self.members.get(account)?;
        if account == management || self.of_kind(kind).next().is_none() {
            return None;
        }
        let at = |level: &String| {
            let there = self
                .of_kind(kind)
                .filter(move |one| one.refs("CONSTRAINS").any(|to| to == level));
            there.flat_map(|one| one.policies("document")).collect()
        };
        Some(levels.iter().map(at).collect())
    }

    /// Users and roles, the strangers that policies let in, and anyone.
    pub(crate) fn everybody(&self) -> Vec<Who<'_>> {
        let ours = |one: &&Entity| one.is("iam_user") || one.is("iam_role");
        let mut out: Vec<Who<'_>> = self
            .entities
            .values()
            .filter(ours)
            .map(|one| self.principal(one))
            .collect();
        out.extend(self.strangers().into_iter().map(|id| self.stranger(&id)));
        out
    }

    fn principal<'a>(&'a self, entity: &'a Entity) -> Who<'a> {
        let groups = entity.refs("MEMBER_OF").filter_map(|id| self.entities.get(id));
        let holders = std::iter::once(entity).chain(groups);
        let managed = |id: &str| self.entities.get(id)?.policies("document").next();
        let identity = holders.flat_map(|holder| {
            let attached = holder.refs("HAS_POLICY").filter_map(managed);
            holder.policies("inline").chain(attached)
        });
        let caller = Caller::parse(&entity.id);
        let mut context = self.of_iam(&caller);
        for (key, value) in &entity.tags {
            context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
        }
        context.close_prefix("aws:PrincipalTag");
        context.set_absent("aws:SourceIdentity");
        let boundary: Vec<&Policy> = entity.refs("SUBJECT_TO").filter_map(managed).collect();
        Who {
            id: entity.id.clone(),
            caller,
            context,
            identity: identity.collect(),
            identity_unknown: false,
            boundary_missing: boundary.len() < entity.refs("SUBJECT_TO").count(),
            boundary,
        }
    }

    /// Accounts and principals that some policy lets in and of whose account nothing was collected; `*` for anyone.
    fn strangers(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for entity in self.entities.values() {
            let slots = ["trust", "resource", "key"];
            let policies = slots.iter().flat_map(|slot| entity.policies(slot));
            let statements = policies.flat_map(|policy| &policy.statements);
            let granting = statements.filter(|statement| statement.effect == Effect::Allow);
            let elements = granting.filter_map(|statement| statement.principal.as_ref());
            for entry in elements.filter(|e| !e.negated).flat_map(|e| &e.entries) {
                match entry {
                    PrincipalEntry::Anyone => {
                        out.insert("*".to_owned());
                    }
                    PrincipalEntry::Account(id) if !self.is_collected(id) => {
                        out.insert(format!("arn:aws:iam::{id}:root"));
                    }
                    PrincipalEntry::Arn(arn) => {
                        let account = arn.split(':').nth(4).unwrap();
                        if !self.is_collected(account) {
                            out.insert(arn.to_string());
                        }
                    }
                    _ => {}
                }
            }
        }
        out
    }

    /// Somebody of whom nothing is known but the name.
    fn stranger(&self, id: &str) -> Who<'_> {
        // The root's ARN stands for the account: for somebody in it.
        let somebody = id.strip_suffix(":root").and_then(|id| id.split(':').nth(4));
        let caller = Caller::parse(somebody.unwrap_or(id));
        let context = if caller.kind == CallerKind::Anonymous {
            anonymous()
        } else {
            self.of_iam(&caller)
        };
        Who {
            id: id.to_owned(),
            identity_unknown: caller.is_iam(),
            caller,
            context,
            identity: Vec::new(),
            boundary: Vec::new(),
            boundary_missing: false,
        }
    }

    fn of_iam(&self, caller: &Caller) -> Context {
        let mut out = direct();
        // What services bring along is not there.
        for key in [
            "aws:SourceArn",
            "aws:SourceAccount",
            "aws:SourceOrgID",
            "aws:SourceOrgPaths",
            "kms:ViaService",
            "aws:PrincipalServiceName",
            "aws:PrincipalServiceNamesList",
        ] {
            out.set_absent(key);
        }
        out.set("aws:PrincipalIsAWSService", "false");
        let account = caller.account.as_deref().unwrap();
        self.tell_organisation(&mut out, "Principal", account);
        out.set("aws:PrincipalAccount", account);
        out.set("kms:CallerAccount", account);
        match caller.kind {
            CallerKind::User => {
                out.set("aws:PrincipalType", "User");
                out.set("aws:PrincipalArn", caller.id.as_str());
                out.set("aws:username", caller.id.rsplit('/').next().unwrap());
            }
            CallerKind::Role => {
                out.set("aws:PrincipalType", "AssumedRole");
                out.set("aws:PrincipalArn", caller.id.as_str());
                out.set_absent("aws:username");
                out.set_unknown("aws:TokenIssueTime", false);
            }
            CallerKind::Account => out.set_unknown("aws:PrincipalArn", false),
            other => panic!("{other:?} is nobody that an organisation here has"),
        }
        out
    }

    /// `aws:…OrgID` and `aws:…OrgPaths`.
    fn tell_organisation(&self, context: &mut Context, whose: &str, account: &str) {
        let (id, paths) = (format!("aws:{whose}OrgID"), format!("aws:{whose}OrgPaths"));
        match (&self.org, self.members.get(account)) {
            (None, _) => {
                context.set_unknown(&id, true);
                context.set_unknown(&paths, true);
            }
            (Some((org, _)), Some(levels)) => {
                context.set(&id, org.as_str());
                let above = levels.split_last().unwrap().1;
                context.set_many(&paths, vec![format!("{org}/{}/", above.join("/"))]);
            }
            // It may have one of its own, which is another.
            (Some(_), None) => {
                context.set(&id, "o-another1234");
                context.set_many(&paths, vec!["o-another1234/r-zz99/".to_owned()]);
            }
        }
    }

    /// What is known of a request of a caller about something: an action, an ARN, and whose tags, region and account
    /// count.
    pub(crate) fn request(&self, who: &Context, action: &str, entity: &Entity) -> Context {
        let mut out = who.clone();
        out.set_action(action);
        let account = entity.account.as_deref().unwrap();
        self.tell_organisation(&mut out, "Resource", account);
        out.set("aws:ResourceAccount", account);
        out.set("s3:ResourceAccount", account);
        let service = action.split(':').next().unwrap();
        match &entity.region {
            Some(region) => out.set("aws:RequestedRegion", region.as_str()),
            // STS is called in any region.
            None => out.set_unknown("aws:RequestedRegion", false),
        }
        // Buckets show their tags only with attribute-based access control switched on (rule 41).
        for (key, value) in entity.tags.iter().filter(|_| !entity.is("s3_bucket")) {
            out.set(&format!("aws:ResourceTag/{key}"), value.as_str());
            out.set(&format!("{service}:ResourceTag/{key}"), value.as_str());
        }
        out.close_prefix("aws:ResourceTag");
        out.close_prefix(&format!("{service}:ResourceTag"));
        out
    }

    /// A service that acts for one of its resources (rules 9 and 43).
    pub(crate) fn service(&self, name: &str, of: &Entity) -> Who<'_> {
        let mut context = direct();
        context.set("aws:PrincipalIsAWSService", "true");
        context.set("aws:PrincipalServiceName", name);
        context.set("aws:PrincipalType", "Service");
        context.set("aws:SourceArn", of.id.as_str());
        let account = of.account.as_deref().unwrap();
        context.set("aws:SourceAccount", account);
        self.tell_organisation(&mut context, "Source", account);
        nobody(&mut context);
        Who {
            id: name.to_owned(),
            caller: Caller::parse(name),
            context,
            identity: Vec::new(),
            identity_unknown: false,
            boundary: Vec::new(),
            boundary_missing: false,
        }
    }
}

/// A request that somebody makes without a service in between, over TLS.
fn direct() -> Context {
    let mut out = Context::open();
    for key in ["aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"] {
        out.set_absent(key);
    }
    out.set("aws:ViaAWSService", "false");
    out.set("aws:SecureTransport", "true");
    out
}

/// No principal, and so none of its keys.
fn nobody(context: &mut Context) {
    for key in [
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:username",
    ] {
        context.set_absent(key);
    }
    context.close_prefix("aws:PrincipalTag");
}

fn anonymous() -> Context {
    let mut out = direct();
    out.set("aws:PrincipalType", "Anonymous");
    out.set("aws:PrincipalIsAWSService", "false");
    nobody(&mut out);
    for key in [
        "aws:userid",
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:TokenIssueTime",
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "kms:CallerAccount",
    ] {
        out.set_absent(key);
    }
    out
}
