//! One question to the plain evaluator, with everything that bears on it: whose policies, whose ceilings, which
//! resource policy, which facts.

use std::borrow::Cow;
use std::sync::OnceLock;

use sv0_engine::exact::{Exact, refine};
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Decision, Policies, Request, ResourceRule, Verdict, decide};
use sv0_iam::name::Arn;
use sv0_iam::name::principal::{Caller, CallerKind};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Effect, Flavor, Policy, parse};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::facts::{self, RequestFacts};
use crate::world::{Principal, World};

/// A caller with what is known about it, ready for many questions.
#[derive(Debug, Clone)]
pub struct Asker<'w> {
    world: &'w World,
    /// As the evaluator knows it.
    pub caller: Caller,
    /// Its node, where it has one.
    pub node: Option<NodeId>,
    principal: Option<Cow<'w, Principal>>,
    /// Whether it has a policy beside its own that allows everything.
    unlimited: bool,
    /// Facts about it.
    pub context: Context,
}

/// What counts beside the policies that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// A grant of a KMS key.
    Grant,
    /// A policy of the target that lets the caller in, in the place of its own.
    Rewritten,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the evaluator says.
    pub decision: Decision,
    /// A boundary that is attached but not in the input, on which the answer hangs.
    pub boundary_missing: bool,
    /// Where the answer hangs on unknown facts: a request that is allowed and one that is not, where they were found.
    pub examples: Option<Box<Exact>>,
}

impl Answer {
    /// The verdict, with what is missing taken into account.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.decision.verdict {
            Verdict::Allowed if self.boundary_missing => Verdict::AllowedIf,
            verdict => verdict,
        }
    }
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The ARN, or `*`.
    pub arn: &'a str,
    /// The entity whose policies, tags and account count.
    pub node: Option<NodeId>,
}

impl<'w> Asker<'w> {
    /// A caller that has a node: a user, role, account, provider.
    #[must_use]
    pub fn node(world: &'w World, node: NodeId) -> Self {
        let principal = world.principals.get(&node);
        let caller = principal.map_or_else(
            || {
                let record = &world.node(node).record;
                match record.kind {
                    Kind::Anonymous => Caller::parse("*"),
                    Kind::ExternalAccount => Caller::parse(record.account.as_deref().unwrap_or_default()),
                    _ => Caller::parse(&record.id),
                }
            },
            |principal| principal.caller.clone(),
        );
        let context = facts::caller(world, &caller, Some(node));
        Self {
            world,
            caller,
            node: Some(node),
            principal: principal.map(Cow::Borrowed),
            unlimited: false,
            context,
        }
    }

    /// A caller without a node, such as a service.
    #[must_use]
    pub fn caller(world: &'w World, caller: Caller) -> Self {
        let context = facts::caller(world, &caller, None);
        Self {
            world,
            caller,
            node: None,
            principal: None,
            unlimited: false,
            context,
        }
    }

    /// The same caller, had it a policy beside its own that allows everything.
    pub(crate) fn with_everything(mut self) -> Self {
        self.unlimited = true;
        self
    }

    /// The same caller, were its own policies or its boundary other ones.
    pub(crate) fn supposing(mut self, change: impl FnOnce(&mut Principal)) -> Self {
        if let Some(principal) = &mut self.principal {
            change(principal.to_mut());
        }
        self
    }

    /// Whether the caller's identity policies could not be read: it was not collected.
    pub(crate) fn identity_unknown(&self) -> bool {
        self.principal.is_none() && self.caller.is_iam() && self.caller.kind != CallerKind::Root
    }

    /// The context for requests to a target.
    #[must_use]
    pub fn context_for(&self, action: &str, target: Target<'_>) -> Context {
        let mut context = self.context.clone();
        facts::resource(
            self.world,
            &mut context,
            action,
            target.arn,
            self.owner(target),
            target.node,
        );
        context
    }

    fn owner(&self, target: Target<'_>) -> Option<&str> {
        let by_node = target.node.and_then(|node| self.world.account_of(node));
        by_node.or_else(|| {
            let id = Arn::parse(target.arn)?.account_id()?;
            // The accounts of the world live as long as the world.
            self.world.accounts.get_key_value(id).map(|(id, _)| id.as_str())
        })
    }

    /// Asks, with the context that the graph gives.
    #[must_use]
    pub fn ask(&self, action: &str, target: Target<'_>) -> Answer {
        let context = self.context_for(action, target);
        self.ask_in(action, target, &context)
    }

    /// Asks about a request of which more is known.
    pub(crate) fn ask_knowing(&self, action: &str, target: Target<'_>, facts: RequestFacts) -> Answer {
        let mut context = self.context_for(action, target);
        for (key, value) in facts {
            context.set(key, *value);
        }
        self.ask_in(action, target, &context)
    }

    /// Asks in a given context.
    #[must_use]
    pub fn ask_in(&self, action: &str, target: Target<'_>, context: &Context) -> Answer {
        self.answer(action, target, context, Beside::Nothing)
    }

    /// Asks about something that a grant of a KMS key lets the caller do: no policy of the caller or of the key has to
    /// allow it, and ceilings and denials hold as ever.
    pub(crate) fn ask_granted(&self, action: &str, target: Target<'_>, context: &Context) -> Answer {
        self.answer(action, target, context, Beside::Grant)
    }

    /// Asks about something, had the caller written the target's own policy: that lets it do everything.
    pub(crate) fn ask_rewritten(&self, action: &str, target: Target<'_>, context: &Context) -> Answer {
        self.answer(action, target, context, Beside::Rewritten)
    }

    fn answer(&self, action: &str, target: Target<'_>, context: &Context, beside: Beside) -> Answer {
        let owner = self.owner(target);
        let request = Request {
            caller: &self.caller,
            action,
            resource: ResourceName::new(target.arn),
            resource_account: owner,
            context,
        };
        let mut policies = self.policies(action, target, owner);
        if let (Beside::Grant | Beside::Rewritten, Some((identity, resource))) = (beside, everything()) {
            if beside == Beside::Rewritten {
                policies.resource.clear();
                policies.block_public_access = false;
            }
            policies.identity.push(unnamed(identity));
            policies.resource.push(unnamed(resource));
        }
        let mut decision = decide(&request, &policies);
        // The plain evaluator takes each statement by itself; together they may leave no case, or every case.
        let examples = (decision.verdict == Verdict::AllowedIf).then(|| {
            let exact = refine(&request, &policies, &[]);
            decision.verdict = exact.verdict;
            if exact.verdict == Verdict::Allowed {
                decision.requirements.clear();
            }
            Box::new(exact)
        });
        Answer {
            decision,
            examples,
            boundary_missing: self
                .principal
                .as_ref()
                .is_some_and(|p| p.boundary_missing.is_some()),
        }
    }

    /// The caller's own policies and their ceilings, whatever it asks for.
    #[must_use]
    pub fn own_policies(&self) -> Policies<'w> {
        self.policies("*", Target { arn: "*", node: None }, None)
    }

    /// Every policy, by tag, that bears on requests for something about a target other than becoming it: those of the
    /// caller's side, and those of the resource's.
    pub(crate) fn bearing(&self, target: Target<'_>) -> (Vec<u32>, Vec<u32>) {
        let world = self.world;
        let account = |id: Option<&str>| id.and_then(|id| world.accounts.get(id));
        let (mine, theirs) = (
            account(self.caller.account.as_deref()),
            account(self.owner(target)),
        );
        let scps = mine
            .and_then(|account| account.scps.as_ref())
            .into_iter()
            .flatten()
            .flatten();
        let rcps = theirs
            .and_then(|account| account.rcps.as_ref())
            .into_iter()
            .flatten()
            .flatten();
        let own = self
            .principal
            .iter()
            .flat_map(|p| p.identity.iter().chain(&p.boundary));
        let resource = target.node.and_then(|node| world.resource_policies.get(&node));
        (
            own.chain(scps).copied().collect(),
            resource.into_iter().flatten().chain(rcps).copied().collect(),
        )
    }

    fn policies(&self, action: &str, target: Target<'_>, owner: Option<&str>) -> Policies<'w> {
        let world = self.world;
        let levels = |levels: &Option<Vec<Vec<u32>>>| {
            levels
                .as_ref()
                .map(|levels| levels.iter().map(|tags| world.attached(tags)).collect())
        };
        let mine = self
            .caller
            .account
            .as_deref()
            .and_then(|account| world.accounts.get(account));
        let theirs = owner.and_then(|account| world.accounts.get(account));
        let mut policies = Policies {
            scps: mine.and_then(|account| levels(&account.scps)),
            rcps: theirs.and_then(|account| levels(&account.rcps)),
            ..Policies::default()
        };
        if let Some(principal) = &self.principal {
            policies.identity = world.attached(&principal.identity);
            policies.boundaries = world.attached(principal.boundary.as_slice());
        } else {
            policies.identity_unknown = self.identity_unknown();
        }
        if let (true, Some((identity, _))) = (self.unlimited, everything()) {
            policies.identity.push(unnamed(identity));
        }
        if let Some(node) = target.node {
            if is_assume(action) {
                let trust = world.principals.get(&node).and_then(|p| p.trust);
                policies.resource = world.attached(trust.as_slice());
                policies.resource_rule = ResourceRule::Required;
            } else {
                let tags = world.resource_policies.get(&node).map_or(&[][..], Vec::as_slice);
                policies.resource = world.attached(tags);
                policies.block_public_access = restricts_public_buckets(&world.node(node).record);
                if world.node(node).record.kind == Kind::KmsKey && !world.node(node).stub {
                    policies.resource_rule = ResourceRule::Required;
                }
            }
        }
        policies
    }
}

/// A policy that nobody has attached: no attachment has this tag, there is nothing to show.
const fn unnamed(policy: &Policy) -> Attached<'_> {
    Attached {
        policy,
        tag: u32::MAX,
    }
}

/// Policies that allow everything, of a caller and of a resource. None only if the parser were damaged.
fn everything() -> Option<(&'static Policy, &'static Policy)> {
    static POLICIES: OnceLock<[Option<Policy>; 2]> = OnceLock::new();
    let [identity, resource] = POLICIES.get_or_init(|| {
        let identity = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let resource = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        [
            parse(identity, Flavor::Identity).0,
            parse(resource, Flavor::Resource).0,
        ]
    });
    identity.as_ref().zip(resource.as_ref())
}

/// Whether a bucket's record says that `RestrictPublicBuckets` is on, in any of the spellings that inputs have.
pub(crate) fn restricts_public_buckets(record: &Record) -> bool {
    let block = record
        .attrs
        .get("block_public_access")
        .filter(|_| record.kind == Kind::S3Bucket);
    ["restrict_public_buckets", "RestrictPublicBuckets"]
        .iter()
        .any(|key| block.and_then(|block| block.get(*key)?.as_bool()) == Some(true))
}

/// Whether an action asks for a role's credentials, or for what they are to carry, so that the trust policy is the resource
/// policy.
#[must_use]
pub fn is_assume(action: &str) -> bool {
    [
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRoleWithSAML",
        "sts:TagSession",
        "sts:SetSourceIdentity",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(action))
}

/// The grants that carry an allowed answer: identity and resource statements.
pub fn grants(decision: &Decision) -> impl Iterator<Item = &sv0_iam::decide::Hit> {
    use sv0_iam::decide::Layer;
    decision
        .hits
        .iter()
        .filter(|hit| hit.effect == Effect::Allow && matches!(hit.layer, Layer::Identity | Layer::Resource))
}

/// Whether some policy of the caller mentions an action in an `Allow`: without one, nothing of its own can grant it.
pub(crate) fn mentions(world: &World, asker: &Asker<'_>, action: &str) -> bool {
    let principal = asker.node.and_then(|node| world.principals.get(&node));
    principal.is_some_and(|principal| allows(world, &principal.identity, action))
}

/// Whether a resource's own policy mentions an action in an `Allow`.
pub(crate) fn resource_mentions(world: &World, resource: NodeId, action: &str) -> bool {
    world
        .resource_policies
        .get(&resource)
        .is_some_and(|tags| allows(world, tags, action))
}

fn allows(world: &World, tags: &[u32], action: &str) -> bool {
    tags.iter()
        .filter_map(|tag| world.attachment(*tag))
        .any(|attachment| {
            attachment
                .policy
                .statements
                .iter()
                .any(|s| s.effect == Effect::Allow && s.action.matches(action))
        })
}
