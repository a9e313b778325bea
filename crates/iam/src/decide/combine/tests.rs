//! Composition, rule by rule; the whole corpus is in `tests/corpus`.

use super::*;
use crate::condition::Context;
use crate::decide::Attached;
use crate::name::Caller;
use crate::syntax::resource::ResourceName;
use crate::syntax::{Flavor, Policy, parse};

fn policy(text: &str, flavor: Flavor) -> Policy {
    parse(text, flavor).0.unwrap()
}

fn allow(action: &str, resource: &str) -> Policy {
    policy(
        &format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}}}"#
        ),
        Flavor::Identity,
    )
}

fn at(policy: &Policy) -> Attached<'_> {
    Attached { policy, tag: 0 }
}

const ROLE: &str = "arn:aws:iam::111111111111:role/App";

fn ask(policies: &Policies<'_>, context: &Context, owner: &str) -> Decision {
    let caller = Caller::parse(ROLE);
    decide(
        &Request {
            caller: &caller,
            action: "s3:GetObject",
            resource: ResourceName::new("arn:aws:s3:::b/k"),
            resource_account: Some(owner),
            context,
        },
        policies,
    )
}

#[test]
fn same_account_needs_one_side_cross_account_both() {
    let grant = allow("s3:*", "*");
    let bucket = policy(
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}"#,
        Flavor::Resource,
    );
    let closed = Context::closed();
    let identity = Policies {
        identity: vec![at(&grant)],
        ..Policies::default()
    };
    let resource = Policies {
        resource: vec![at(&bucket)],
        ..Policies::default()
    };
    let both = Policies {
        identity: vec![at(&grant)],
        resource: vec![at(&bucket)],
        ..Policies::default()
    };
    assert_eq!(ask(&identity, &closed, "111111111111").verdict, Verdict::Allowed);
    assert_eq!(ask(&resource, &closed, "111111111111").verdict, Verdict::Allowed);
    assert_eq!(
        ask(&identity, &closed, "222222222222").verdict,
        Verdict::ImplicitDeny
    );
    let one_sided = ask(&resource, &closed, "222222222222");
    assert_eq!(
        one_sided.blocks,
        [Block {
            layer: Layer::Identity,
            level: 0,
            explicit: false
        }]
    );
    assert_eq!(ask(&both, &closed, "222222222222").verdict, Verdict::Allowed);
}

#[test]
fn a_boundary_cuts_and_a_level_without_allow_denies() {
    let (grant, narrow) = (allow("s3:*", "*"), allow("s3:ListBucket", "*"));
    let closed = Context::closed();
    let bounded = Policies {
        identity: vec![at(&grant)],
        boundaries: vec![at(&narrow)],
        ..Policies::default()
    };
    let answer = ask(&bounded, &closed, "111111111111");
    assert_eq!(answer.verdict, Verdict::ImplicitDeny);
    assert_eq!(
        answer.blocks,
        [Block {
            layer: Layer::Boundary,
            level: 0,
            explicit: false
        }]
    );
    let scps = Some(vec![vec![at(&grant)], vec![at(&narrow)]]);
    let ceiling = Policies {
        identity: vec![at(&grant)],
        scps,
        ..Policies::default()
    };
    assert_eq!(
        ask(&ceiling, &closed, "111111111111").blocks,
        [Block {
            layer: Layer::Scp,
            level: 1,
            explicit: false
        }]
    );
}

#[test]
fn unknown_facts_give_allowed_if_and_say_what() {
    let grant = policy(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}"#,
        Flavor::Identity,
    );
    let policies = Policies {
        identity: vec![at(&grant)],
        ..Policies::default()
    };
    let answer = ask(&policies, &Context::open(), "111111111111");
    assert_eq!(answer.verdict, Verdict::AllowedIf);
    assert!(
        matches!(answer.requirements.as_slice(), [Requirement::Hit(hit)] if hit.layer == Layer::Identity)
    );
    assert_eq!(
        ask(&policies, &Context::closed(), "111111111111").verdict,
        Verdict::ImplicitDeny
    );
}

#[test]
fn a_trust_policy_is_needed_and_may_delegate() {
    let grant = allow("sts:AssumeRole", "*");
    let trust = |principal: &str| {
        policy(
            &format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}}}"#
            ),
            Flavor::Trust,
        )
    };
    let caller = Caller::parse(ROLE);
    let context = Context::closed();
    let request = Request {
        caller: &caller,
        action: "sts:AssumeRole",
        resource: ResourceName::new("arn:aws:iam::111111111111:role/Target"),
        resource_account: Some("111111111111"),
        context: &context,
    };
    let verdict = |identity: &[Attached<'_>], trust: &Policy| {
        let policies = Policies {
            identity: identity.to_vec(),
            resource: vec![at(trust)],
            resource_rule: ResourceRule::Required,
            ..Policies::default()
        };
        decide(&request, &policies).verdict
    };
    let (root, direct, other) = (trust("111111111111"), trust(ROLE), trust("222222222222"));
    assert_eq!(verdict(&[at(&grant)], &root), Verdict::Allowed);
    assert_eq!(verdict(&[], &root), Verdict::ImplicitDeny);
    assert_eq!(
        verdict(&[], &direct),
        Verdict::Allowed,
        "naming the role itself needs no identity policy"
    );
    assert_eq!(verdict(&[at(&grant)], &other), Verdict::ImplicitDeny);
}

#[test]
fn somebody_of_a_foreign_account_is_allowed_if_that_account_allows() {
    let bucket = policy(
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::888888888888:root"},"Action":"s3:GetObject","Resource":"*"}}"#,
        Flavor::Resource,
    );
    let caller = Caller::parse("888888888888");
    let context = Context::open();
    let request = Request {
        caller: &caller,
        action: "s3:GetObject",
        resource: ResourceName::new("arn:aws:s3:::b/k"),
        resource_account: Some("111111111111"),
        context: &context,
    };
    let policies = Policies {
        resource: vec![at(&bucket)],
        ..Policies::default()
    };
    let answer = decide(&request, &policies);
    assert_eq!(answer.verdict, Verdict::AllowedIf);
    assert_eq!(answer.requirements, [Requirement::ForeignIdentity]);
}
