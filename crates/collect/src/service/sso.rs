//! IAM Identity Center: permission sets, users, groups, and who is assigned what in which account.
//!
//! Asked once, of the management account or a delegated administrator, in the region where Identity Center lives.
//!
//! Assignments can be asked for in two ways. By principal it is one call for each user and group, and the management
//! account alone may make it. By account it is one call for each permission set in each account that has it: more in
//! an organization of many accounts, fewer in one of many users. The cheaper one is taken.
//!
//! Which role a permission set made in an account is not told; `analyze` finds it by the role's name.

use std::collections::BTreeMap;

use aws_sdk_identitystore::types::{Group, MemberId, User, UserStatus};
use aws_sdk_ssoadmin::types::{
    CustomerManagedPolicyReference, InstanceMetadata, PermissionSet, PermissionsBoundary, PrincipalType,
    RegionScope,
};
use aws_types::SdkConfig;
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{Record, Ref};
use sv0_model::small::SmallMap;

use super::account::BY_DEFAULT;
use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_INSTANCES: Call = Call {
    operation: "ListInstances",
    actions: &["sso:ListInstances"],
    absent: &[],
    without: "whether there is an Identity Center, and what its users may do, is not known",
};
const LIST_SETS: Call = Call {
    operation: "ListPermissionSets",
    actions: &["sso:ListPermissionSets"],
    absent: GONE,
    without: "permission sets are not known, and so not what Identity Center's users may do",
};
const DESCRIBE_SET: Call = Call {
    operation: "DescribePermissionSet",
    actions: &["sso:DescribePermissionSet"],
    absent: GONE,
    without: "the permission set's name, and so its role in each account, is not known",
};
const GET_INLINE: Call = Call {
    operation: "GetInlinePolicyForPermissionSet",
    actions: &["sso:GetInlinePolicyForPermissionSet"],
    absent: GONE,
    without: "the permission set's inline policy is not known",
};
const LIST_MANAGED: Call = Call {
    operation: "ListManagedPoliciesInPermissionSet",
    actions: &["sso:ListManagedPoliciesInPermissionSet"],
    absent: GONE,
    without: "which of AWS's policies the permission set has is not known",
};
const LIST_CUSTOMER: Call = Call {
    operation: "ListCustomerManagedPolicyReferencesInPermissionSet",
    actions: &["sso:ListCustomerManagedPolicyReferencesInPermissionSet"],
    absent: GONE,
    without: "which of the accounts' own policies the permission set has is not known",
};
const GET_BOUNDARY: Call = Call {
    operation: "GetPermissionsBoundaryForPermissionSet",
    actions: &["sso:GetPermissionsBoundaryForPermissionSet"],
    absent: GONE,
    without: "the permission set's permissions boundary is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["sso:ListTagsForResource"],
    absent: GONE,
    without: "the permission set's tags are not known",
};
const LIST_BY_PRINCIPAL: Call = Call {
    operation: "ListAccountAssignmentsForPrincipal",
    actions: &["sso:ListAccountAssignmentsForPrincipal"],
    absent: GONE,
    without: "which accounts the user or group may enter is not known",
};
const LIST_SET_ACCOUNTS: Call = Call {
    operation: "ListAccountsForProvisionedPermissionSet",
    actions: &["sso:ListAccountsForProvisionedPermissionSet"],
    absent: GONE,
    without: "which accounts have the permission set, and so who may use it, is not known",
};
const LIST_BY_ACCOUNT: Call = Call {
    operation: "ListAccountAssignments",
    actions: &["sso:ListAccountAssignments"],
    absent: GONE,
    without: "who has the permission set in the account is not known",
};
const LIST_USERS: Call = Call {
    operation: "ListUsers",
    actions: &["identitystore:ListUsers"],
    absent: GONE,
    without: "Identity Center's users are not known",
};
const LIST_GROUPS: Call = Call {
    operation: "ListGroups",
    actions: &["identitystore:ListGroups"],
    absent: GONE,
    without: "Identity Center's groups are not known",
};
const LIST_MEMBERS: Call = Call {
    operation: "ListGroupMemberships",
    actions: &["identitystore:ListGroupMemberships"],
    absent: GONE,
    without: "who is in the group is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "sso",
    title: "IAM Identity Center",
    clients: &["SSO Admin", "identitystore"],
    scope: Scope::Organization,
    reads: "permission sets: policies, permissions boundary, tags; users, groups and who is in them; assignments to \
            accounts",
    calls: &[
        &LIST_INSTANCES,
        &LIST_SETS,
        &DESCRIBE_SET,
        &GET_INLINE,
        &LIST_MANAGED,
        &LIST_CUSTOMER,
        &GET_BOUNDARY,
        &LIST_TAGS,
        &LIST_BY_PRINCIPAL,
        &LIST_SET_ACCOUNTS,
        &LIST_BY_ACCOUNT,
        &LIST_USERS,
        &LIST_GROUPS,
        &LIST_MEMBERS,
    ],
    collect: |cx| collect(cx).boxed(),
};

/// With so few users and groups it is not worth counting which way of asking for assignments is cheaper.
const FEW: usize = 500;

/// One Identity Center.
struct Center {
    sso: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    instance: String,
    identity_store: String,
    /// The account that has it.
    owner: String,
}

async fn collect(cx: &Cx) {
    let Some((config, instances)) = home(cx).await else {
        return;
    };
    for instance in instances {
        let config = match instance.primary_region.as_deref() {
            Some(region) if !region.is_empty() => cx.sdk_in(region),
            _ => config.clone(),
        };
        let center = Center {
            sso: client!(config: &config, aws_sdk_ssoadmin),
            store: client!(config: &config, aws_sdk_identitystore),
            owner: instance
                .owner_account_id
                .unwrap_or_else(|| cx.account().to_owned()),
            instance: instance.instance_arn.unwrap_or_default(),
            identity_store: instance.identity_store_id.unwrap_or_default(),
        };
        about(cx, &center).await;
    }
}

/// Where Identity Center lives, which nothing tells but asking there; there is one at most.
async fn home(cx: &Cx) -> Option<(SdkConfig, Vec<InstanceMetadata>)> {
    let others: &[&str] = match cx.partition() {
        "aws" => BY_DEFAULT,
        "aws-cn" => &["cn-north-1", "cn-northwest-1"],
        "aws-us-gov" => &["us-gov-west-1", "us-gov-east-1"],
        _ => &[],
    };
    let others = others.iter().copied().filter(|region| *region != cx.region());
    for region in std::iter::once(cx.region()).chain(others) {
        let config = cx.sdk_in(region);
        let client = client!(config: &config, aws_sdk_ssoadmin);
        let client = &client;
        let found = cx
            .pages(
                &LIST_INSTANCES,
                None,
                |token| {
                    client
                        .list_instances()
                        // Instances of all regions, where that is offered; others are told of in their own only.
                        .region_scope(RegionScope::AllRegions)
                        .max_results(100)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.instances.unwrap_or_default(), page.next_token),
            )
            .await;
        // Who is refused in one region is refused in all, and one gap tells as much as seventeen.
        if !found.items.is_empty() || found.unread.is_some() {
            return Some((config, found.items));
        }
    }
    None
}

async fn about(cx: &Cx, center: &Center) {
    let sets = permission_sets(cx, center).await;
    let users = cx
        .pages(
            &LIST_USERS,
            None,
            |token| {
                center
                    .store
                    .list_users()
                    .identity_store_id(&center.identity_store)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.users, page.next_token),
        )
        .await;
    let groups = cx
        .pages(
            &LIST_GROUPS,
            None,
            |token| {
                center
                    .store
                    .list_groups()
                    .identity_store_id(&center.identity_store)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.groups, page.next_token),
        )
        .await;
    let mut users: BTreeMap<String, Record> = users
        .into_iter()
        .map(|user| (user.user_id.clone(), user_record(cx, center, user)))
        .collect();
    let mut groups: BTreeMap<String, Record> = groups
        .into_iter()
        .map(|group| (group.group_id.clone(), group_record(cx, center, group)))
        .collect();
    members(cx, center, &mut users, &mut groups).await;

    let principals = users.len() + groups.len();
    // What others than the management account ask by principal is refused.
    let pairs = if center.owner == cx.account() && principals <= FEW {
        None
    } else {
        let pairs = accounts_of(cx, center, &sets).await;
        (center.owner != cx.account() || pairs.len() < principals).then_some(pairs)
    };
    match pairs {
        Some(pairs) => by_account(cx, center, pairs, &mut users, &mut groups).await,
        None => {
            by_principal(cx, center, PrincipalType::User, &mut users).await;
            by_principal(cx, center, PrincipalType::Group, &mut groups).await;
        }
    }
    users
        .into_values()
        .chain(groups.into_values())
        .for_each(|record| cx.record(record));
}

/// Gives the ARNs of the permission sets.
async fn permission_sets(cx: &Cx, center: &Center) -> Vec<String> {
    let sets = cx
        .pages(
            &LIST_SETS,
            None,
            |token| {
                center
                    .sso
                    .list_permission_sets()
                    .instance_arn(&center.instance)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.permission_sets.unwrap_or_default(), page.next_token),
        )
        .await
        .items;
    cx.each(sets.iter(), |arn| permission_set(cx, center, arn)).await;
    sets
}

async fn permission_set(cx: &Cx, center: &Center, arn: &str) {
    let (sso, instance) = (&center.sso, center.instance.as_str());
    let id = Some(arn);
    let mut record = identity(cx, center, Kind::SsoPermissionSet, arn);
    record.fact("instance", instance);
    let answer = cx
        .call(&DESCRIBE_SET, id, || {
            let call = sso.describe_permission_set();
            call.instance_arn(instance).permission_set_arn(arn).send()
        })
        .await
        .or_lacks(&mut record);
    if let Some(set) = answer.and_then(|answer| answer.permission_set) {
        set_facts(&mut record, set);
    }
    let inline = cx
        .call(&GET_INLINE, id, || {
            let call = sso.get_inline_policy_for_permission_set();
            call.instance_arn(instance).permission_set_arn(arn).send()
        })
        .await
        .or_lacks(&mut record)
        .and_then(|answer| answer.inline_policy);
    // Where there is none the text is empty.
    if let Some(text) = inline.filter(|text| !text.trim().is_empty()) {
        record.policy(Slot::Inline, None, &text);
    }
    let managed = cx
        .pages(
            &LIST_MANAGED,
            id,
            |token| {
                let call = sso.list_managed_policies_in_permission_set();
                call.instance_arn(instance)
                    .permission_set_arn(arn)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| {
                (
                    page.attached_managed_policies.unwrap_or_default(),
                    page.next_token,
                )
            },
        )
        .await
        .or_lacks(&mut record);
    let managed = managed.into_iter().filter_map(|policy| policy.arn);
    record.fact("managed_policies", sorted(managed));
    let customer = cx
        .pages(
            &LIST_CUSTOMER,
            id,
            |token| {
                let call = sso.list_customer_managed_policy_references_in_permission_set();
                call.instance_arn(instance)
                    .permission_set_arn(arn)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| {
                (
                    page.customer_managed_policy_references.unwrap_or_default(),
                    page.next_token,
                )
            },
        )
        .await
        .or_lacks(&mut record);
    record.fact(
        "customer_managed_policies",
        sorted(customer.iter().map(own_policy)),
    );
    let boundary = cx
        .call(&GET_BOUNDARY, id, || {
            let call = sso.get_permissions_boundary_for_permission_set();
            call.instance_arn(instance).permission_set_arn(arn).send()
        })
        .await
        .or_lacks(&mut record)
        .and_then(|answer| answer.permissions_boundary);
    record.fact_if("permissions_boundary", boundary.and_then(boundary_name));
    let found = cx
        .pages(
            &LIST_TAGS,
            id,
            |token| {
                let call = sso.list_tags_for_resource();
                call.instance_arn(instance)
                    .resource_arn(arn)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.tags.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(&mut record);
    record.tags = tags(found.into_iter().map(|tag| (tag.key, tag.value)));
    cx.record(record);
}

fn set_facts(record: &mut Record, set: PermissionSet) {
    record.name = set.name.unwrap_or_default();
    record.made(set.created_date.as_ref());
    record.fact_if("session_duration", set.session_duration);
}

/// A policy of the account where the permission set is used: its path and name.
fn own_policy(policy: &CustomerManagedPolicyReference) -> String {
    format!("{}{}", policy.path().unwrap_or("/"), policy.name())
}

fn boundary_name(boundary: PermissionsBoundary) -> Option<String> {
    let own = boundary
        .customer_managed_policy_reference
        .as_ref()
        .map(own_policy);
    own.or(boundary.managed_policy_arn)
}

fn sorted(list: impl Iterator<Item = String>) -> Value {
    let mut list: Vec<String> = list.collect();
    list.sort();
    list.into()
}

/// A record of the account that has the Identity Center, which need not be the one that is asked.
fn identity(cx: &Cx, center: &Center, kind: Kind, id: &str) -> Record {
    let mut record = Record::of(cx, kind, id, "");
    record.account = Some(center.owner.clone());
    record.fact("identity_store", center.identity_store.as_str());
    record
}

fn user_record(cx: &Cx, center: &Center, user: User) -> Record {
    let id = user_id(cx, &user.user_id);
    let mut record = identity(cx, center, Kind::SsoUser, &id);
    user_facts(&mut record, user);
    record
}

/// The only personal data that is kept is what a person needs to know who is meant.
fn user_facts(record: &mut Record, user: User) {
    record.made(user.created_at.as_ref());
    record.name = user.user_name.unwrap_or_else(|| user.user_id.clone());
    record.fact_if("display_name", user.display_name);
    record.fact("user_id", user.user_id);
    if user.user_status == Some(UserStatus::Disabled) {
        record.fact("disabled", true);
    }
}

fn group_record(cx: &Cx, center: &Center, group: Group) -> Record {
    let mut record = identity(cx, center, Kind::SsoGroup, &group_id(cx, &group.group_id));
    record.made(group.created_at.as_ref());
    record.name = group.display_name.unwrap_or_else(|| group.group_id.clone());
    record.fact("group_id", group.group_id);
    record
}

fn user_id(cx: &Cx, id: &str) -> String {
    format!("arn:{}:identitystore:::user/{id}", cx.partition())
}

fn group_id(cx: &Cx, id: &str) -> String {
    format!("arn:{}:identitystore:::group/{id}", cx.partition())
}

async fn members(
    cx: &Cx,
    center: &Center,
    users: &mut BTreeMap<String, Record>,
    groups: &mut BTreeMap<String, Record>,
) {
    let ids: Vec<String> = groups.keys().cloned().collect();
    let found = cx
        .gather(ids, |id| async move {
            let arn = group_id(cx, &id);
            let members = cx
                .pages(
                    &LIST_MEMBERS,
                    Some(&arn),
                    |token| {
                        center
                            .store
                            .list_group_memberships()
                            .identity_store_id(&center.identity_store)
                            .group_id(&id)
                            .max_results(100)
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.group_memberships, page.next_token),
                )
                .await;
            (id, arn, members)
        })
        .await;
    for (id, arn, members) in found {
        let Some(group) = groups.get_mut(&id) else {
            continue;
        };
        for member in members.or_lacks(group) {
            if let Some(MemberId::UserId(user)) = member.member_id
                && let Some(user) = users.get_mut(&user)
            {
                user.refer(EdgeKind::MemberOf, arn.as_str());
            }
        }
    }
}

fn assign(record: &mut Record, set: Option<String>, account: Option<String>) {
    if let (Some(set), Some(account)) = (set, account) {
        record.refs.push(Ref {
            rel: EdgeKind::Assigned,
            to: set,
            attrs: SmallMap::from([("account", Value::String(account))]),
        });
    }
}

async fn by_principal(cx: &Cx, center: &Center, kind: PrincipalType, records: &mut BTreeMap<String, Record>) {
    let asked: Vec<(String, String)> = records
        .iter()
        .map(|(id, record)| (id.clone(), record.id.clone()))
        .collect();
    let kind = &kind;
    let found = cx
        .gather(asked, |(id, arn)| async move {
            let assignments = cx
                .pages(
                    &LIST_BY_PRINCIPAL,
                    Some(&arn),
                    |token| {
                        center
                            .sso
                            .list_account_assignments_for_principal()
                            .instance_arn(&center.instance)
                            .principal_type(kind.clone())
                            .principal_id(&id)
                            .max_results(100)
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.account_assignments.unwrap_or_default(), page.next_token),
                )
                .await;
            (id, assignments)
        })
        .await;
    for (id, assignments) in found {
        let Some(record) = records.get_mut(&id) else {
            continue;
        };
        for assignment in assignments.or_lacks(record) {
            // A user's answer has the assignments of the user's groups too.
            if assignment.principal_id.as_ref() == Some(&id) {
                assign(record, assignment.permission_set_arn, assignment.account_id);
            }
        }
    }
}

/// Each permission set with each account that has it.
async fn accounts_of(cx: &Cx, center: &Center, sets: &[String]) -> Vec<(String, String)> {
    let found = cx
        .gather(sets.iter().cloned(), |set| async move {
            let accounts = cx
                .pages(
                    &LIST_SET_ACCOUNTS,
                    Some(&set),
                    |token| {
                        center
                            .sso
                            .list_accounts_for_provisioned_permission_set()
                            .instance_arn(&center.instance)
                            .permission_set_arn(&set)
                            .max_results(100)
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.account_ids.unwrap_or_default(), page.next_token),
                )
                .await;
            (set, accounts.items)
        })
        .await;
    found
        .into_iter()
        .flat_map(|(set, accounts)| accounts.into_iter().map(move |account| (set.clone(), account)))
        .collect()
}

async fn by_account(
    cx: &Cx,
    center: &Center,
    pairs: Vec<(String, String)>,
    users: &mut BTreeMap<String, Record>,
    groups: &mut BTreeMap<String, Record>,
) {
    let found = cx
        .gather(pairs, |(set, account)| async move {
            cx.pages(
                &LIST_BY_ACCOUNT,
                Some(&set),
                |token| {
                    center
                        .sso
                        .list_account_assignments()
                        .instance_arn(&center.instance)
                        .permission_set_arn(&set)
                        .account_id(&account)
                        .max_results(100)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.account_assignments.unwrap_or_default(), page.next_token),
            )
            .await
            .items
        })
        .await;
    for assignment in found.into_iter().flatten() {
        let id = assignment.principal_id.unwrap_or_default();
        let record = match assignment.principal_type {
            Some(PrincipalType::User) => users.get_mut(&id),
            _ => groups.get_mut(&id),
        };
        if let Some(record) = record {
            assign(record, assignment.permission_set_arn, assignment.account_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_of_the_account_or_of_aws() {
        let own = CustomerManagedPolicyReference::builder()
            .name("AnalystBoundary")
            .path("/");
        let own = PermissionsBoundary::builder().customer_managed_policy_reference(own.build().unwrap());
        assert_eq!(boundary_name(own.build()).as_deref(), Some("/AnalystBoundary"));
        let managed = PermissionsBoundary::builder().managed_policy_arn("arn");
        assert_eq!(boundary_name(managed.build()).as_deref(), Some("arn"));
    }

    #[test]
    fn an_assignment_tells_its_account() {
        let mut record = Record::new(Kind::SsoGroup, "x");
        assign(&mut record, Some("set".into()), Some("1".into()));
        assign(&mut record, Some("set".into()), None);
        let line = serde_json::to_string(&record.refs).unwrap();
        assert_eq!(line, r#"[{"rel":"ASSIGNED","to":"set","attrs":{"account":"1"}}]"#);
    }
}
