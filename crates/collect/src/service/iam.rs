//! AWS IAM: users, groups, roles and policies, what signs in as them, and whom the account trusts to say who somebody is.
//!
//! One paginated call gives nearly all of it (`GetAccountAuthorizationDetails`). What it leaves out is asked for:
//! a role's description and session length, a user's keys, password and devices, the identity providers, and policies
//! that are nobody's but a boundary.
//!
//! Keys, passwords and devices are asked for user by user. The credential report would answer for all users at once,
//! but is up to four hours old (IAM User Guide, "Generate credential reports"), so that what was mended would still
//! show; and it does not name the keys, which is what a secret that holds one is found by.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput as Page;
use aws_sdk_iam::types::{
    AccessKeyMetadata, AttachedPermissionsBoundary, AttachedPolicy, EntityType, GroupDetail,
    ManagedPolicyDetail, PolicyDetail, Role, RoleDetail, Tag, UserDetail,
};
use aws_smithy_types::DateTime;
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, tags, time};

const NO_SUCH: &[&str] = &["NoSuchEntity"];

const GET_DETAILS: Call = Call {
    operation: "GetAccountAuthorizationDetails",
    actions: &["iam:GetAccountAuthorizationDetails"],
    absent: &[],
    without: "users, groups, roles and their policies are not known: who may do what in the account cannot be told",
};
const LIST_ROLES: Call = Call {
    operation: "ListRoles",
    actions: &["iam:ListRoles"],
    absent: &[],
    without: "how long sessions of roles may last, and what roles are described as, is not known",
};
const LIST_USERS: Call = Call {
    operation: "ListUsers",
    actions: &["iam:ListUsers"],
    absent: &[],
    without: "when users last signed in with a password is not known",
};
const LIST_ACCESS_KEYS: Call = Call {
    operation: "ListAccessKeys",
    actions: &["iam:ListAccessKeys"],
    absent: NO_SUCH,
    without: "the user's access keys are not known, and so not which secrets hold one",
};
const GET_LAST_USED: Call = Call {
    operation: "GetAccessKeyLastUsed",
    actions: &["iam:GetAccessKeyLastUsed"],
    absent: NO_SUCH,
    without: "when the user's access key was last used is not known",
};
const LIST_MFA: Call = Call {
    operation: "ListMFADevices",
    actions: &["iam:ListMFADevices"],
    absent: NO_SUCH,
    without: "whether the user has a second factor is not known",
};
const GET_LOGIN_PROFILE: Call = Call {
    operation: "GetLoginProfile",
    actions: &["iam:GetLoginProfile"],
    absent: NO_SUCH,
    without: "whether the user can sign in to the console is not known",
};
const GET_POLICY: Call = Call {
    operation: "GetPolicy",
    actions: &["iam:GetPolicy"],
    absent: NO_SUCH,
    without: "the policy is not known: what it allows, or cuts as a boundary, is not shown",
};
const GET_POLICY_VERSION: Call = Call {
    operation: "GetPolicyVersion",
    actions: &["iam:GetPolicyVersion"],
    absent: NO_SUCH,
    without: "the policy's document is not known: what it allows, or cuts as a boundary, is not shown",
};
const LIST_OIDC: Call = Call {
    operation: "ListOpenIDConnectProviders",
    actions: &["iam:ListOpenIDConnectProviders"],
    absent: &[],
    without: "which web identity providers the account trusts is not known",
};
const GET_OIDC: Call = Call {
    operation: "GetOpenIDConnectProvider",
    actions: &["iam:GetOpenIDConnectProvider"],
    absent: NO_SUCH,
    without: "for which audiences the account trusts the web identity provider is not known",
};
const LIST_SAML: Call = Call {
    operation: "ListSAMLProviders",
    actions: &["iam:ListSAMLProviders"],
    absent: &[],
    without: "which SAML identity providers the account trusts is not known",
};
const GET_SAML: Call = Call {
    operation: "GetSAMLProvider",
    actions: &["iam:GetSAMLProvider"],
    absent: NO_SUCH,
    without: "who stands behind the SAML identity provider is not known",
};
const LIST_ALIASES: Call = Call {
    operation: "ListAccountAliases",
    actions: &["iam:ListAccountAliases"],
    absent: &[],
    without: "the account's alias is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "iam",
    title: "AWS IAM",
    clients: &["IAM"],
    scope: Scope::Global,
    reads: "users, groups, roles and service-linked roles; inline, managed and boundary policies; trust; instance profiles; access keys and their last use; passwords and second factors; OIDC and SAML providers; account alias",
    calls: &[
        &GET_DETAILS,
        &LIST_ROLES,
        &LIST_USERS,
        &LIST_ACCESS_KEYS,
        &GET_LAST_USED,
        &LIST_MFA,
        &GET_LOGIN_PROFILE,
        &GET_POLICY,
        &GET_POLICY_VERSION,
        &LIST_OIDC,
        &GET_OIDC,
        &LIST_SAML,
        &GET_SAML,
        &LIST_ALIASES,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_iam::Client;

/// The most that IAM gives at a time.
const PAGE: i32 = 1000;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_iam);
    let pages = cx
        .pages(
            &GET_DETAILS,
            None,
            |marker| {
                client
                    .get_account_authorization_details()
                    .filter(EntityType::User)
                    .filter(EntityType::Role)
                    .filter(EntityType::Group)
                    .filter(EntityType::LocalManagedPolicy)
                    .filter(EntityType::AwsManagedPolicy)
                    .max_items(PAGE)
                    .set_marker(marker)
                    .send()
            },
            |mut page: Page| {
                let next = page.marker.take();
                (vec![page], next)
            },
        )
        .await;
    let (mut found_users, mut found_groups) = (Vec::new(), Vec::new());
    let (mut found_roles, mut found_policies) = (Vec::new(), Vec::new());
    for page in pages {
        found_users.extend(page.user_detail_list.unwrap_or_default());
        found_groups.extend(page.group_detail_list.unwrap_or_default());
        found_roles.extend(page.role_detail_list.unwrap_or_default());
        found_policies.extend(page.policies.unwrap_or_default());
    }

    let mut used = BTreeSet::new();
    let mut keep = |record: Record| {
        let points = |rel| matches!(rel, EdgeKind::HasPolicy | EdgeKind::SubjectTo);
        let targets = record.refs.iter().filter(|reference| points(reference.rel));
        used.extend(targets.map(|reference| reference.to.clone()));
        record
    };
    let mut group_arns = BTreeMap::new();
    for group in found_groups {
        let name = group.group_name.clone().unwrap_or_default();
        let arn = group.arn.clone().unwrap_or_default();
        let mut record = Record::of(cx, Kind::IamGroup, arn.as_str(), name.as_str());
        group_facts(&mut record, group);
        group_arns.insert(name, arn);
        cx.record(keep(record));
    }
    let mut users = Vec::new();
    for user in found_users {
        let (arn, name) = (user.arn.as_deref(), user.user_name.as_deref());
        let mut record = Record::of(
            cx,
            Kind::IamUser,
            arn.unwrap_or_default(),
            name.unwrap_or_default(),
        );
        user_facts(&mut record, user, &group_arns);
        users.push(keep(record));
    }
    let mut roles = Vec::new();
    for role in found_roles {
        let (arn, name) = (role.arn.as_deref(), role.role_name.as_deref());
        let mut record = Record::of(
            cx,
            role_kind(role.path.as_deref().unwrap_or_default()),
            arn.unwrap_or_default(),
            name.unwrap_or_default(),
        );
        role_facts(&mut record, role);
        roles.push(keep(record));
    }

    policies(cx, &client, found_policies, used).await;
    if !roles.is_empty() {
        describe_roles(cx, &client, roles).await;
    }
    if !users.is_empty() {
        sign_in(cx, &client, users).await;
    }
    oidc(cx, &client).await;
    saml(cx, &client).await;
    alias(cx, &client).await;
}

/// Those that somebody has, and every one that is the account's own.
async fn policies(cx: &Cx, client: &Client, found: Vec<ManagedPolicyDetail>, mut used: BTreeSet<String>) {
    for policy in found {
        let arn = policy.arn.clone().unwrap_or_default();
        let wanted = used.remove(&arn);
        if !wanted && is_of_aws(&arn) {
            continue;
        }
        let mut record = policy_record(cx, &arn);
        policy_facts(&mut record, policy);
        cx.record(record);
    }
    cx.each(used, |arn| async move {
        let policy = cx
            .call(&GET_POLICY, Some(&arn), || {
                client.get_policy().policy_arn(&arn).send()
            })
            .await;
        let Some(policy) = policy.got().and_then(|answer| answer.policy) else {
            return;
        };
        let mut record = policy_record(cx, &arn);
        let version = policy.default_version_id.unwrap_or_default();
        record.fact("attachable", policy.is_attachable);
        record.fact_if("path", policy.path);
        record.fact_if("description", policy.description);
        record.fact("default_version", version.as_str());
        record.made(policy.create_date.as_ref());
        record.tags = tag_map(policy.tags);
        let version = cx
            .call(&GET_POLICY_VERSION, Some(&arn), || {
                client
                    .get_policy_version()
                    .policy_arn(&arn)
                    .version_id(&version)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        let text = version
            .and_then(|answer| answer.policy_version)
            .and_then(|version| version.document);
        if let Some(text) = text {
            record.policy(Slot::Document, None, &text);
        }
        cx.record(record);
    })
    .await;
}

/// `arn:aws:iam::aws:policy/…` belongs to no account.
fn is_of_aws(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

fn policy_record(cx: &Cx, arn: &str) -> Record {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let mut record = Record::of(cx, Kind::IamPolicy, arn, name);
    if is_of_aws(arn) {
        record.account = None;
    }
    record
}

fn policy_facts(record: &mut Record, policy: ManagedPolicyDetail) {
    let versions = policy.policy_version_list.unwrap_or_default();
    record.fact("attachable", policy.is_attachable);
    record.fact_if("path", policy.path);
    record.fact_if("description", policy.description);
    record.fact_if("default_version", policy.default_version_id);
    record.fact("versions", versions.len());
    record.made(policy.create_date.as_ref());
    let default = versions.into_iter().find(|version| version.is_default_version);
    if let Some(text) = default.and_then(|version| version.document) {
        record.policy(Slot::Document, None, &text);
    }
}

fn group_facts(record: &mut Record, group: GroupDetail) {
    inline(record, group.group_policy_list);
    attached(record, group.attached_managed_policies);
    record.made(group.create_date.as_ref());
}

fn user_facts(record: &mut Record, user: UserDetail, groups: &BTreeMap<String, String>) {
    inline(record, user.user_policy_list);
    attached(record, user.attached_managed_policies);
    boundary(record, user.permissions_boundary);
    record.tags = tag_map(user.tags);
    record.made(user.create_date.as_ref());
    for name in user.group_list.unwrap_or_default() {
        record.refer_if(EdgeKind::MemberOf, groups.get(&name).cloned());
    }
}

/// Service-linked roles are AWS's: nobody in the account can change what they may do.
fn role_kind(path: &str) -> Kind {
    if path.starts_with("/aws-service-role/") {
        Kind::ServiceLinkedRole
    } else {
        Kind::IamRole
    }
}

fn role_facts(record: &mut Record, role: RoleDetail) {
    inline(record, role.role_policy_list);
    attached(record, role.attached_managed_policies);
    boundary(record, role.permissions_boundary);
    if let Some(text) = role.assume_role_policy_document {
        record.policy(Slot::Trust, None, &text);
    }
    let mut profiles: Vec<String> = role
        .instance_profile_list
        .unwrap_or_default()
        .into_iter()
        .map(|profile| profile.arn)
        .collect();
    profiles.sort();
    if !profiles.is_empty() {
        record.fact("instance_profiles", profiles);
    }
    record.fact_if("path", role.path);
    record.fact_if(
        "last_used",
        moment(role.role_last_used.and_then(|used| used.last_used_date)),
    );
    record.tags = tag_map(role.tags);
    record.made(role.create_date.as_ref());
}

fn inline(record: &mut Record, policies: Option<Vec<PolicyDetail>>) {
    for policy in policies.unwrap_or_default() {
        let text = policy.policy_document.unwrap_or_default();
        record.policy(Slot::Inline, policy.policy_name.as_deref(), &text);
    }
}

fn attached(record: &mut Record, policies: Option<Vec<AttachedPolicy>>) {
    for policy in policies.unwrap_or_default() {
        record.refer_if(EdgeKind::HasPolicy, policy.policy_arn);
    }
}

fn boundary(record: &mut Record, boundary: Option<AttachedPermissionsBoundary>) {
    let arn = boundary.and_then(|boundary| boundary.permissions_boundary_arn);
    record.refer_if(EdgeKind::SubjectTo, arn);
}

fn tag_map(list: Option<Vec<Tag>>) -> SmallMap<String> {
    tags(
        list.unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value)),
    )
}

fn moment(at: Option<DateTime>) -> Option<String> {
    at.as_ref().and_then(time)
}

async fn describe_roles(cx: &Cx, client: &Client, roles: Vec<Record>) {
    let listed = cx
        .pages(
            &LIST_ROLES,
            None,
            |marker| client.list_roles().max_items(PAGE).set_marker(marker).send(),
            |page| (page.roles, page.marker),
        )
        .await;
    let unread = listed.unread;
    let mut described: BTreeMap<String, Role> = listed
        .items
        .into_iter()
        .map(|role| (role.arn.clone(), role))
        .collect();
    for mut record in roles {
        match described.remove(&record.id) {
            Some(role) => {
                record.fact_if("description", role.description);
                record.fact_if("max_session_duration", role.max_session_duration);
            }
            None => {
                if let Some(unread) = &unread {
                    record.lacks(unread);
                }
            }
        }
        cx.record(record);
    }
}

async fn sign_in(cx: &Cx, client: &Client, users: Vec<Record>) {
    let listed = cx
        .pages(
            &LIST_USERS,
            None,
            |marker| client.list_users().max_items(PAGE).set_marker(marker).send(),
            |page| (page.users, page.marker),
        )
        .await;
    let unread = listed.unread.as_deref();
    let last: &BTreeMap<String, String> = &listed
        .items
        .into_iter()
        .filter_map(|user| Some((user.arn, moment(user.password_last_used)?)))
        .collect();
    cx.each(users, |mut record| async move {
        if let Some(unread) = unread {
            record.lacks(unread);
        }
        record.fact_if("password_last_used", last.get(&record.id).cloned());
        user_sign_in(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

async fn user_sign_in(cx: &Cx, client: &Client, record: &mut Record) {
    let (id, name) = (record.id.clone(), record.name.clone());
    let profile = cx
        .call(&GET_LOGIN_PROFILE, Some(&id), || {
            client.get_login_profile().user_name(&name).send()
        })
        .await;
    match profile {
        Answer::Got(_) => record.fact("console", true),
        Answer::Absent => record.fact("console", false),
        Answer::Unread(what) => record.lacks(&what),
    }

    let devices = cx
        .pages(
            &LIST_MFA,
            Some(&id),
            |marker| {
                client
                    .list_mfa_devices()
                    .user_name(&name)
                    .max_items(PAGE)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.mfa_devices, page.marker),
        )
        .await;
    let known = devices.unread.is_none();
    let devices = devices.or_lacks(record);
    if known || !devices.is_empty() {
        record.fact("mfa", !devices.is_empty());
    }

    let keys = cx
        .pages(
            &LIST_ACCESS_KEYS,
            Some(&id),
            |marker| {
                client
                    .list_access_keys()
                    .user_name(&name)
                    .max_items(PAGE)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.access_key_metadata, page.marker),
        )
        .await;
    let known = keys.unread.is_none();
    let mut facts = Vec::new();
    for key in keys.or_lacks(record) {
        let key_id = key.access_key_id.clone().unwrap_or_default();
        let last = cx
            .call(&GET_LAST_USED, Some(&id), || {
                client.get_access_key_last_used().access_key_id(&key_id).send()
            })
            .await
            .or_lacks(record)
            .and_then(|answer| answer.access_key_last_used)
            .and_then(|used| used.last_used_date);
        facts.push(access_key(&key, moment(last)));
    }
    if known || !facts.is_empty() {
        facts.sort_by_key(Value::to_string);
        record.fact("access_keys", facts);
    }
}

fn access_key(key: &AccessKeyMetadata, last_used: Option<String>) -> Value {
    let status = key.status.as_ref().map_or("", |status| status.as_str());
    let mut fact = json!({"id": key.access_key_id, "status": status});
    if let (Some(last), Some(fact)) = (last_used, fact.as_object_mut()) {
        fact.insert("last_used".into(), last.into());
    }
    fact
}

async fn oidc(cx: &Cx, client: &Client) {
    let listed = cx
        .call(&LIST_OIDC, None, || {
            client.list_open_id_connect_providers().send()
        })
        .await;
    let providers = listed
        .got()
        .and_then(|answer| answer.open_id_connect_provider_list);
    let arns = providers
        .unwrap_or_default()
        .into_iter()
        .filter_map(|entry| entry.arn);
    cx.each(arns, |arn| async move {
        let name = arn.split_once('/').map_or(arn.as_str(), |(_, name)| name);
        let mut record = Record::of(cx, Kind::OidcProvider, arn.as_str(), name);
        let found = cx
            .call(&GET_OIDC, Some(&arn), || {
                client
                    .get_open_id_connect_provider()
                    .open_id_connect_provider_arn(&arn)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(found) = found {
            record.fact_if("url", found.url.map(https));
            let mut clients = found.client_id_list.unwrap_or_default();
            clients.sort();
            record.fact("client_ids", clients);
            record.tags = tag_map(found.tags);
            record.made(found.create_date.as_ref());
        }
        cx.record(record);
    })
    .await;
}

/// IAM takes the URL with its scheme and gives it without.
fn https(url: String) -> String {
    if url.is_empty() || url.contains("://") {
        url
    } else {
        format!("https://{url}")
    }
}

async fn saml(cx: &Cx, client: &Client) {
    let listed = cx
        .call(&LIST_SAML, None, || client.list_saml_providers().send())
        .await;
    let providers = listed.got().and_then(|answer| answer.saml_provider_list);
    cx.each(providers.unwrap_or_default(), |entry| async move {
        let arn = entry.arn.unwrap_or_default();
        let name = arn.split_once('/').map_or(arn.as_str(), |(_, name)| name);
        let mut record = Record::of(cx, Kind::SamlProvider, arn.as_str(), name);
        record.made(entry.create_date.as_ref());
        let found = cx
            .call(&GET_SAML, Some(&arn), || {
                client.get_saml_provider().saml_provider_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(found) = found {
            let metadata = found.saml_metadata_document.unwrap_or_default();
            record.fact_if("url", entity_id(&metadata));
            record.tags = tag_map(found.tags);
        }
        cx.record(record);
    })
    .await;
}

/// Who a SAML metadata document says that it is: the `entityID` of its first element that has one.
fn entity_id(metadata: &str) -> Option<String> {
    let (_, rest) = metadata.split_once("entityID")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let value = rest.strip_prefix(quote)?.split(quote).next()?;
    Some(value.replace("&amp;", "&"))
}

async fn alias(cx: &Cx, client: &Client) {
    let Some(id) = cx.account_arn() else { return };
    let aliases = cx
        .pages(
            &LIST_ALIASES,
            None,
            |marker| {
                client
                    .list_account_aliases()
                    .max_items(PAGE)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.account_aliases, page.marker),
        )
        .await;
    // An account has one at most.
    let alias = aliases.into_iter().next();
    if let Some(alias) = alias {
        let mut record = Record::of(cx, Kind::AwsAccount, id, "");
        record.fact("alias", alias);
        cx.record(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_iam::types::{InstanceProfile, PolicyVersion, RoleLastUsed, StatusType};

    #[test]
    fn a_role_has_its_trust_its_policies_and_its_profiles() {
        let at = DateTime::from_secs(1_767_607_200);
        let profile = InstanceProfile::builder()
            .path("/")
            .instance_profile_name("P")
            .instance_profile_id("AIPA")
            .arn("arn:aws:iam::1:instance-profile/P")
            .create_date(at)
            .set_roles(Some(Vec::new()))
            .build()
            .unwrap();
        let role = RoleDetail::builder()
            .path("/")
            .assume_role_policy_document("%7B%22Statement%22%3A%5B%5D%7D")
            .role_policy_list(
                PolicyDetail::builder()
                    .policy_name("I")
                    .policy_document("{}")
                    .build(),
            )
            .attached_managed_policies(
                AttachedPolicy::builder()
                    .policy_arn("arn:aws:iam::aws:policy/A")
                    .build(),
            )
            .permissions_boundary(
                AttachedPermissionsBoundary::builder()
                    .permissions_boundary_arn("arn:aws:iam::1:policy/B")
                    .build(),
            )
            .instance_profile_list(profile)
            .role_last_used(RoleLastUsed::builder().last_used_date(at).build())
            .create_date(at)
            .build();
        let mut record = Record::new(Kind::IamRole, "arn:aws:iam::1:role/R");
        role_facts(&mut record, role);
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            json!({
                "kind": "iam_role", "id": "arn:aws:iam::1:role/R",
                "attrs": {
                    "path": "/", "last_used": "2026-01-05T10:00:00Z",
                    "instance_profiles": ["arn:aws:iam::1:instance-profile/P"],
                },
                "policies": [
                    {"slot": "inline", "name": "I", "document": {}},
                    {"slot": "trust", "document": {"Statement": []}},
                ],
                "refs": [
                    {"rel": "HAS_POLICY", "to": "arn:aws:iam::aws:policy/A"},
                    {"rel": "SUBJECT_TO", "to": "arn:aws:iam::1:policy/B"},
                ],
                "created_at": "2026-01-05T10:00:00Z",
            })
        );
    }

    #[test]
    fn a_policy_is_its_default_version() {
        let version = |document: &str, default| {
            PolicyVersion::builder()
                .document(document)
                .is_default_version(default)
                .build()
        };
        let policy = ManagedPolicyDetail::builder()
            .default_version_id("v1")
            .is_attachable(true)
            .policy_version_list(version("{\"v\":2}", false))
            .policy_version_list(version("{\"v\":1}", true))
            .build();
        let mut record = Record::new(Kind::IamPolicy, "p");
        policy_facts(&mut record, policy);
        assert_eq!(record.policies.len(), 1);
        assert_eq!(record.policies[0].document.as_str(), "{\"v\":1}");
        assert_eq!(record.attrs["versions"], 2);
        assert!(is_of_aws("arn:aws:iam::aws:policy/A") && !is_of_aws("arn:aws:iam::1:policy/aws"));
    }

    #[test]
    fn a_key_that_was_never_used_says_nothing_of_it() {
        let key = AccessKeyMetadata::builder()
            .access_key_id("AKIA")
            .status(StatusType::Active)
            .build();
        assert_eq!(access_key(&key, None), json!({"id": "AKIA", "status": "Active"}));
        assert_eq!(access_key(&key, Some("t".into()))["last_used"], "t");
    }

    #[test]
    fn metadata_names_the_identity_provider() {
        assert_eq!(
            entity_id("<E xmlns='x' entityID='https://idp/a?b=1&amp;c=2'>").as_deref(),
            Some("https://idp/a?b=1&c=2")
        );
        assert_eq!(entity_id("<E entityID = \"urn:x\"/>").as_deref(), Some("urn:x"));
        assert_eq!(entity_id("<E entityID=>"), None);
        assert_eq!(entity_id(""), None);
        assert_eq!(https("token.example/x".into()), "https://token.example/x");
    }
}
