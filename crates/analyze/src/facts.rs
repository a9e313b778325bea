//! What the graph knows about a request before it is made: the context keys that AWS would fill in. Everything else
//! stays unknown.
//!
//! Source: IAM User Guide, "AWS global condition context keys"; semantics rules 25, 41 to 46.

use sv0_iam::condition::Context;
use sv0_iam::name::Arn;
use sv0_iam::name::principal::{Caller, CallerKind};
use sv0_model::graph::NodeId;

use crate::world::World;

/// What is known about the caller, the same for all its requests.
#[must_use]
pub fn caller(world: &World, caller: &Caller, node: Option<NodeId>) -> Context {
    let mut context = Context::open();
    // A direct call: nothing of what services add when they call on someone's behalf.
    for key in [
        "aws:CalledVia",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
    ] {
        context.set_absent(key);
    }
    context.set("aws:ViaAWSService", "false");
    // Every SDK uses TLS; who asks can choose it.
    context.set("aws:SecureTransport", "true");
    match caller.kind {
        CallerKind::Service => service(&mut context, caller),
        CallerKind::Anonymous => anonymous(&mut context),
        CallerKind::Federated => federated(&mut context, caller),
        _ => iam(world, &mut context, caller, node),
    }
    context
}

fn iam(world: &World, context: &mut Context, caller: &Caller, node: Option<NodeId>) {
    for key in [
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "kms:ViaService",
    ] {
        context.set_absent(key);
    }
    context.set("aws:PrincipalIsAWSService", "false");
    organisation(world, context, "Principal", caller.account.as_deref());
    if let Some(account) = caller.account.as_deref() {
        context.set("aws:PrincipalAccount", account);
        context.set("kms:CallerAccount", account);
    }
    match caller.kind {
        CallerKind::User => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:PrincipalArn", caller.id.as_str());
            if let Some(name) = Arn::parse(&caller.id).map(|arn| arn.name().to_owned()) {
                context.set("aws:username", name);
            }
        }
        CallerKind::Role | CallerKind::RoleSession => {
            context.set("aws:PrincipalType", "AssumedRole");
            match (&caller.role_arn, caller.kind) {
                (Some(role), _) => context.set("aws:PrincipalArn", role.as_str()),
                (None, CallerKind::Role) => context.set("aws:PrincipalArn", caller.id.as_str()),
                (None, _) => context.set_unknown("aws:PrincipalArn", false),
            }
            context.set_absent("aws:username");
            context.set_unknown("aws:TokenIssueTime", false);
            context.set_unknown("aws:userid", false);
        }
        CallerKind::Root => {
            context.set("aws:PrincipalType", "Account");
            context.set("aws:PrincipalArn", caller.id.as_str());
            context.set_absent("aws:username");
        }
        _ => {
            context.set_unknown("aws:PrincipalArn", false);
            context.set_unknown("aws:PrincipalType", false);
        }
    }
    // Which tags somebody has whom nobody collected is not known.
    if let Some(node) = node.filter(|node| world.principals.contains_key(node)) {
        let brought = trust_allows(world, node, "sts:TagSession");
        for (key, value) in &world.node(node).record.tags {
            let key = format!("aws:PrincipalTag/{key}");
            // A session tag overrides the role's own of the same name.
            if brought {
                context.set_unknown(&key, false);
            } else {
                context.set(&key, value.as_str());
            }
        }
        if !brought {
            context.close_prefix("aws:PrincipalTag");
        }
        // A source identity is set where a role is assumed, and only where its trust policy lets it be set. A user's own
        // credentials have none.
        if !trust_allows(world, node, "sts:SetSourceIdentity") {
            context.set_absent("aws:SourceIdentity");
        }
    }
}

/// Whether a role's trust policy lets somebody do something beside becoming it: bring tags along into its sessions
/// (`sts:TagSession`: then its principal tags are unknown), set who is behind them (`sts:SetSourceIdentity`).
pub(crate) fn trust_allows(world: &World, role: NodeId, action: &str) -> bool {
    let Some(principal) = world.principals.get(&role) else {
        return false;
    };
    match principal.trust.and_then(|tag| world.attachment(tag)) {
        Some(trust) => trust.policy.statements.iter().any(|statement| {
            statement.effect == sv0_iam::syntax::Effect::Allow && statement.action.matches(action)
        }),
        // Nobody has read what it says; a user has none.
        None => matches!(principal.caller.kind, CallerKind::Role | CallerKind::RoleSession),
    }
}

fn service(context: &mut Context, caller: &Caller) {
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", caller.id.as_str());
    context.set("aws:PrincipalType", "Service");
    for key in [
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:username",
        // No one has signed in: a trust policy that asks for MFA keeps the service itself out.
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
    ] {
        context.set_absent(key);
    }
    context.close_prefix("aws:PrincipalTag");
}

fn anonymous(context: &mut Context) {
    context.set("aws:PrincipalType", "Anonymous");
    context.set("aws:PrincipalIsAWSService", "false");
    for key in [
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "kms:CallerAccount",
        "aws:username",
        "aws:userid",
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:TokenIssueTime",
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
    ] {
        context.set_absent(key);
    }
    context.close_prefix("aws:PrincipalTag");
}

/// A caller with a token or assertion and no AWS identity yet.
fn federated(context: &mut Context, caller: &Caller) {
    anonymous(context);
    context.set_absent("aws:PrincipalType");
    context.set("aws:FederatedProvider", caller.id.as_str());
}

/// `aws:PrincipalOrgID` or `aws:ResourceOrgID` and their paths.
fn organisation(world: &World, context: &mut Context, whose: &str, account: Option<&str>) {
    let (id, paths) = (format!("aws:{whose}OrgID"), format!("aws:{whose}OrgPaths"));
    let known = account.and_then(|account| world.accounts.get(account));
    match (&world.org_id, known.and_then(|a| a.member)) {
        (Some(org), Some(true)) => {
            context.set(&id, org.as_str());
            match known.and_then(|a| a.org_path.clone()) {
                Some(path) => context.set_many(&paths, vec![path]),
                None => context.set_unknown(&paths, false),
            }
        }
        // A foreign account may be in an organisation of its own; it is not in this one.
        (Some(_), _) if account.is_some() => {
            context.set(&id, "(another organization or none)");
            context.set_many(&paths, vec!["(another organization or none)".into()]);
        }
        _ => {
            context.set_unknown(&id, true);
            context.set_unknown(&paths, true);
        }
    }
}

/// What is known of a request beside who makes it and on what: keys and values.
pub(crate) type RequestFacts = &'static [(&'static str, &'static str)];

/// Adds what is known about the resource.
pub fn resource(
    world: &World,
    context: &mut Context,
    action: &str,
    arn: &str,
    owner: Option<&str>,
    node: Option<NodeId>,
) {
    // Keys that the action never carries are absent, not unknown (rule 41).
    context.set_action(action);
    let service = action.split(':').next().unwrap_or_default();
    target(world, context, service, arn, owner, node);
}

/// What is known about the resource, for whatever action of a service.
pub fn target(
    world: &World,
    context: &mut Context,
    service: &str,
    arn: &str,
    owner: Option<&str>,
    node: Option<NodeId>,
) {
    organisation(world, context, "Resource", owner);
    if let Some(owner) = owner {
        context.set("aws:ResourceAccount", owner);
        context.set("s3:ResourceAccount", owner);
    }
    let parsed = Arn::parse(arn);
    let region = node.and_then(|node| world.node(node).record.region.clone());
    let region = region.or_else(|| {
        parsed
            .map(|arn| arn.region.to_owned())
            .filter(|region| !region.is_empty())
    });
    match (service, region) {
        // Global services sign in us-east-1 (rule 25); STS is called in any region.
        ("iam" | "organizations" | "route53" | "cloudfront" | "support", _) => {
            context.set("aws:RequestedRegion", "us-east-1")
        }
        ("sts", _) | (_, None) => context.set_unknown("aws:RequestedRegion", false),
        (_, Some(region)) => context.set("aws:RequestedRegion", region),
    }
    if let Some(node) = node.filter(|node| !world.node(*node).stub) {
        let record = &world.node(node).record;
        // S3 buckets carry no aws:ResourceTag unless attribute-based access control is switched on (rule 41).
        let tagged = parsed.is_none_or(|arn| arn.service != "s3");
        if tagged {
            for (key, value) in &record.tags {
                context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
                context.set(&format!("{service}:ResourceTag/{key}"), value.as_str());
            }
        }
        context.close_prefix("aws:ResourceTag");
        context.close_prefix(&format!("{service}:ResourceTag"));
    }
}

/// Facts of a service that acts for one resource of an account: what guards against the confused deputy.
pub fn on_behalf_of(world: &World, context: &mut Context, source_arn: &str, account: Option<&str>) {
    context.set("aws:SourceArn", source_arn);
    match account {
        Some(account) => {
            context.set("aws:SourceAccount", account);
            organisation(world, context, "Source", Some(account));
        }
        None => context.set_unknown("aws:SourceAccount", true),
    }
}
