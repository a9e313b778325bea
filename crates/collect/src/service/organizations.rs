//! AWS Organizations: accounts, organizational units, service and resource control policies, delegated administrators.
//!
//! Asked once, of the management account or a delegated administrator. From a member account most of it is refused.

use aws_sdk_organizations::types::{AccountStatus, ChildType, PolicyType, TargetType};
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, tags};

const NO_ORGANIZATION: &[&str] = &["AWSOrganizationsNotInUseException"];

const DESCRIBE_ORGANIZATION: Call = Call {
    operation: "DescribeOrganization",
    actions: &["organizations:DescribeOrganization"],
    absent: NO_ORGANIZATION,
    without: "whether there is an organization is not known: its SCPs and RCPs may deny what is shown as allowed",
};
const LIST_ROOTS: Call = Call {
    operation: "ListRoots",
    actions: &["organizations:ListRoots"],
    absent: NO_ORGANIZATION,
    without: "the tree of organizational units is not known, and so not which SCPs apply to an account",
};
const LIST_ACCOUNTS: Call = Call {
    operation: "ListAccounts",
    actions: &["organizations:ListAccounts"],
    absent: NO_ORGANIZATION,
    without: "which accounts there are is not known",
};
const LIST_CHILDREN: Call = Call {
    operation: "ListChildren",
    actions: &["organizations:ListChildren"],
    absent: &["ParentNotFoundException"],
    without: "what is below this organizational unit is not known, and so not which SCPs apply there",
};
const DESCRIBE_OU: Call = Call {
    operation: "DescribeOrganizationalUnit",
    actions: &["organizations:DescribeOrganizationalUnit"],
    absent: &["OrganizationalUnitNotFoundException"],
    without: "the name of the organizational unit is not known",
};
const LIST_POLICIES: Call = Call {
    operation: "ListPolicies",
    actions: &["organizations:ListPolicies"],
    absent: NO_ORGANIZATION,
    without: "service or resource control policies are not known: they may deny what is shown as allowed",
};
const DESCRIBE_POLICY: Call = Call {
    operation: "DescribePolicy",
    actions: &["organizations:DescribePolicy"],
    absent: &["PolicyNotFoundException"],
    without: "what the control policy says is not known: it may deny what is shown as allowed",
};
const LIST_TARGETS: Call = Call {
    operation: "ListTargetsForPolicy",
    actions: &["organizations:ListTargetsForPolicy"],
    absent: &["PolicyNotFoundException"],
    without: "what the control policy is attached to is not known: it may deny what is shown as allowed",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["organizations:ListTagsForResource"],
    absent: &["TargetNotFoundException"],
    without: "the account's tags are not known",
};
const LIST_DELEGATED: Call = Call {
    operation: "ListDelegatedAdministrators",
    actions: &["organizations:ListDelegatedAdministrators"],
    absent: NO_ORGANIZATION,
    without: "which accounts administer services for the whole organization is not known",
};
const LIST_DELEGATED_SERVICES: Call = Call {
    operation: "ListDelegatedServicesForAccount",
    actions: &["organizations:ListDelegatedServicesForAccount"],
    absent: &["AccountNotRegisteredException"],
    without: "which services the account administers is not known",
};
const LIST_SERVICE_ACCESS: Call = Call {
    operation: "ListAWSServiceAccessForOrganization",
    actions: &["organizations:ListAWSServiceAccessForOrganization"],
    absent: NO_ORGANIZATION,
    without: "which AWS services the organization trusts is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "organizations",
    title: "AWS Organizations",
    clients: &["Organizations"],
    scope: Scope::Organization,
    reads: "the organization, its units and accounts, SCPs and RCPs with their targets, delegated administrators, trusted services",
    calls: &[
        &DESCRIBE_ORGANIZATION,
        &LIST_ROOTS,
        &LIST_ACCOUNTS,
        &LIST_CHILDREN,
        &DESCRIBE_OU,
        &LIST_POLICIES,
        &DESCRIBE_POLICY,
        &LIST_TARGETS,
        &LIST_TAGS,
        &LIST_DELEGATED,
        &LIST_DELEGATED_SERVICES,
        &LIST_SERVICE_ACCESS,
    ],
    collect: |cx| collect(cx).boxed(),
};

/// The fact that holds the accounts: `[{"id","name","arn","status"}]`. Absent where they could not be listed.
pub(crate) const ACCOUNTS: &str = "accounts";
/// The fact that holds `{"id","management_account"}`.
pub(crate) const ORGANIZATION: &str = "organization";

type Client = aws_sdk_organizations::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_organizations);
    let client = &client;
    let answer = cx
        .call(&DESCRIBE_ORGANIZATION, None, || {
            client.describe_organization().send()
        })
        .await;
    let Answer::Got(answer) = answer else { return };
    let Some(organization) = answer.organization else {
        return;
    };
    let management = organization.master_account_id.unwrap_or_default();
    let id = organization.id.unwrap_or_default();
    cx.fact(ORGANIZATION, json!({"id": id, "management_account": management}));
    let entity = |kind, id: &str, name: &str| {
        let mut record = Record::of(cx, kind, id, name);
        record.account = Some(management.clone());
        record
    };

    let mut record = entity(
        Kind::AwsOrganization,
        organization.arn.as_deref().unwrap_or_default(),
        "",
    );
    record.fact("id", id.as_str());
    record.fact("management_account", management.as_str());
    record.fact_if(
        "feature_set",
        organization.feature_set.map(|set| set.as_str().to_owned()),
    );

    // From a member account it is neither refused nor empty by itself that tells: the list of accounts is refused.
    let accounts = cx
        .pages(
            &LIST_ACCOUNTS,
            None,
            |token| client.list_accounts().set_next_token(token).send(),
            |page| (page.accounts.unwrap_or_default(), page.next_token),
        )
        .await;
    let listed = accounts.unread.is_none();
    let accounts = accounts.items;
    if listed {
        let facts = accounts.iter().map(|account| {
            json!({
                "id": account.id, "name": account.name, "arn": account.arn,
                "status": status(account),
            })
        });
        cx.fact(ACCOUNTS, Value::from_iter(facts));
    }
    let root = tree(cx, client, &mut record, &entity, &accounts).await;
    record.fact_if("root", root);
    delegation(cx, client, &mut record).await;
    cx.record(record);
    policies(cx, client, &entity).await;
}

fn status(account: &aws_sdk_organizations::types::Account) -> String {
    let status = account.status.as_ref();
    status.map_or("", AccountStatus::as_str).to_owned()
}

/// The root, the units below it and the accounts in them; gives the root's id.
async fn tree(
    cx: &Cx,
    client: &Client,
    organization: &mut Record,
    entity: &impl Fn(Kind, &str, &str) -> Record,
    accounts: &[aws_sdk_organizations::types::Account],
) -> Option<String> {
    let roots = cx
        .pages(
            &LIST_ROOTS,
            None,
            |token| client.list_roots().set_next_token(token).send(),
            |page| (page.roots.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(organization);
    let mut parent_of: Vec<(String, String)> = Vec::new();
    let mut queue: Vec<String> = Vec::new();
    let mut first = None;
    for root in roots {
        let id = root.id.unwrap_or_default();
        let mut record = entity(Kind::AwsOu, &id, root.name.as_deref().unwrap_or_default());
        record.fact_if("arn", root.arn);
        record.refer(EdgeKind::MemberOf, organization.id.as_str());
        cx.record(record);
        let mut types: Vec<String> = root
            .policy_types
            .unwrap_or_default()
            .into_iter()
            .filter_map(|kind| kind.r#type.map(|kind| kind.as_str().to_owned()))
            .collect();
        types.sort();
        organization.fact("policy_types", types);
        first = first.or_else(|| Some(id.clone()));
        queue.push(id);
    }
    while let Some(parent) = queue.pop() {
        for kind in [ChildType::Account, ChildType::OrganizationalUnit] {
            let children = cx
                .pages(
                    &LIST_CHILDREN,
                    Some(&parent),
                    |token| {
                        client
                            .list_children()
                            .parent_id(&parent)
                            .child_type(kind.clone())
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.children.unwrap_or_default(), page.next_token),
                )
                .await;
            for id in children.into_iter().filter_map(|child| child.id) {
                if kind == ChildType::Account {
                    parent_of.push((id, parent.clone()));
                    continue;
                }
                let mut record = entity(Kind::AwsOu, &id, "");
                let found = cx
                    .call(&DESCRIBE_OU, Some(&id), || {
                        client
                            .describe_organizational_unit()
                            .organizational_unit_id(&id)
                            .send()
                    })
                    .await
                    .or_lacks(&mut record)
                    .and_then(|answer| answer.organizational_unit);
                if let Some(unit) = found {
                    record.name = unit.name.unwrap_or_default();
                    record.fact_if("arn", unit.arn);
                }
                record.refer(EdgeKind::MemberOf, parent.as_str());
                cx.record(record);
                queue.push(id);
            }
        }
    }
    let parent_of = &parent_of;
    cx.each(accounts, |account| async move {
        let id = account.id.as_deref().unwrap_or_default();
        let name = account.name.as_deref().unwrap_or_default();
        let mut record = Record::of(
            cx,
            Kind::AwsAccount,
            account.arn.as_deref().unwrap_or_default(),
            name,
        );
        record.account = Some(id.to_owned());
        record.fact("name", name);
        record.fact_if("email", account.email.as_deref());
        record.fact_if("status", Some(status(account)));
        record.made(account.joined_timestamp.as_ref());
        let parent = parent_of.iter().find(|(child, _)| child == id);
        record.refer_if(EdgeKind::MemberOf, parent.map(|(_, parent)| parent.as_str()));
        let found = cx
            .pages(
                &LIST_TAGS,
                Some(&record.id),
                |token| {
                    client
                        .list_tags_for_resource()
                        .resource_id(id)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.tags.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        record.tags = tags(found.into_iter().map(|tag| (tag.key, tag.value)));
        cx.record(record);
    })
    .await;
    first
}

async fn delegation(cx: &Cx, client: &Client, organization: &mut Record) {
    let administrators = cx
        .pages(
            &LIST_DELEGATED,
            None,
            |token| {
                client
                    .list_delegated_administrators()
                    .set_next_token(token)
                    .send()
            },
            |page| (page.delegated_administrators.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(organization);
    let mut delegated = serde_json::Map::new();
    for account in administrators.into_iter().filter_map(|account| account.id) {
        let services = cx
            .pages(
                &LIST_DELEGATED_SERVICES,
                Some(&account),
                |token| {
                    client
                        .list_delegated_services_for_account()
                        .account_id(&account)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.delegated_services.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(organization);
        let mut services: Vec<String> = services
            .into_iter()
            .filter_map(|service| service.service_principal)
            .collect();
        services.sort();
        delegated.insert(account, services.into());
    }
    if !delegated.is_empty() {
        organization.fact("delegated_administrators", delegated);
    }
    let trusted = cx
        .pages(
            &LIST_SERVICE_ACCESS,
            None,
            |token| {
                client
                    .list_aws_service_access_for_organization()
                    .set_next_token(token)
                    .send()
            },
            |page| {
                (
                    page.enabled_service_principals.unwrap_or_default(),
                    page.next_token,
                )
            },
        )
        .await
        .or_lacks(organization);
    let mut trusted: Vec<String> = trusted
        .into_iter()
        .filter_map(|service| service.service_principal)
        .collect();
    trusted.sort();
    if !trusted.is_empty() {
        organization.fact("trusted_services", trusted);
    }
}

async fn policies(cx: &Cx, client: &Client, entity: &impl Fn(Kind, &str, &str) -> Record) {
    let types = [
        (PolicyType::ServiceControlPolicy, Kind::Scp),
        (PolicyType::ResourceControlPolicy, Kind::Rcp),
    ];
    for (kind, record_kind) in types {
        let listed = cx
            .pages(
                &LIST_POLICIES,
                None,
                |token| {
                    client
                        .list_policies()
                        .filter(kind.clone())
                        .set_next_token(token)
                        .send()
                },
                |page| (page.policies.unwrap_or_default(), page.next_token),
            )
            .await;
        cx.each(listed, |summary| async move {
            let id = summary.id.unwrap_or_default();
            let mut record = entity(record_kind, &id, summary.name.as_deref().unwrap_or_default());
            record.fact_if("arn", summary.arn.clone());
            record.fact("aws_managed", summary.aws_managed);
            record.fact_if("description", summary.description.clone());
            let found = cx
                .call(&DESCRIBE_POLICY, Some(&id), || {
                    client.describe_policy().policy_id(&id).send()
                })
                .await
                .or_lacks(&mut record);
            if let Some(content) = found
                .and_then(|answer| answer.policy)
                .and_then(|policy| policy.content)
            {
                record.policy(Slot::Document, None, &content);
            }
            let targets = cx
                .pages(
                    &LIST_TARGETS,
                    Some(&id),
                    |token| {
                        client
                            .list_targets_for_policy()
                            .policy_id(&id)
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.targets.unwrap_or_default(), page.next_token),
                )
                .await
                .or_lacks(&mut record);
            for target in targets {
                let to = target.target_id.unwrap_or_default();
                match target.r#type {
                    // An account's record has its ARN for id.
                    Some(TargetType::Account) => {
                        record.refer_if(EdgeKind::Constrains, target.arn.or(Some(to)));
                    }
                    _ => record.refer(EdgeKind::Constrains, to),
                }
            }
            cx.record(record);
        })
        .await;
    }
}
