//! AWS Systems Manager: parameters, never their values, and documents that the account shares.

use aws_sdk_ssm::types::{
    DocumentIdentifier, DocumentKeyValuesFilter, DocumentPermissionType, ParameterMetadata, ParameterTier,
    ResourceTypeForTagging,
};
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const DESCRIBE_PARAMETERS: Call = Call {
    operation: "DescribeParameters",
    actions: &["ssm:DescribeParameters"],
    absent: &[],
    without: "parameters, and who may read them, are not known there",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["ssm:ListTagsForResource"],
    absent: &["InvalidResourceId"],
    without: "the parameter's tags, and so its sensitivity and conditions on tags, are not known",
};
const GET_POLICIES: Call = Call {
    operation: "GetResourcePolicies",
    actions: &["ssm:GetResourcePolicies"],
    absent: &["ResourceNotFoundException"],
    without: "the parameter's policy is not known: others may have access that is not shown",
};
const LIST_DOCUMENTS: Call = Call {
    operation: "ListDocuments",
    actions: &["ssm:ListDocuments"],
    absent: &[],
    without: "the account's own documents, and whom they are shared with, are not known there",
};
const GET_SHARES: Call = Call {
    operation: "DescribeDocumentPermission",
    actions: &["ssm:DescribeDocumentPermission"],
    absent: &["InvalidDocument"],
    without: "whom the document is shared with is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "ssm",
    title: "AWS Systems Manager",
    clients: &["SSM"],
    scope: Scope::Regional,
    reads: "parameters, not their values: type, encryption, policy, tags; own documents: type, accounts that they are shared with, tags",
    calls: &[
        &DESCRIBE_PARAMETERS,
        &LIST_TAGS,
        &GET_POLICIES,
        &LIST_DOCUMENTS,
        &GET_SHARES,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_ssm::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_ssm);
    parameters(cx, &client).await;
    documents(cx, &client).await;
}

async fn parameters(cx: &Cx, client: &Client) {
    let parameters = cx
        .pages(
            &DESCRIBE_PARAMETERS,
            None,
            |token| {
                client
                    .describe_parameters()
                    .max_results(50)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.parameters.unwrap_or_default(), page.next_token),
        )
        .await;
    cx.each(parameters, |parameter| async move {
        let name = parameter.name.clone().unwrap_or_default();
        let arn = match &parameter.arn {
            Some(arn) => arn.clone(),
            None => cx.arn("ssm", &resource(&name)),
        };
        let mut record = Record::of(cx, Kind::SsmParameter, arn.as_str(), name.as_str());
        // Only parameters of the advanced tier may have a policy (Systems Manager User Guide, "Working with shared
        // parameters").
        let may_be_shared = parameter.tier == Some(ParameterTier::Advanced);
        parameter_facts(&mut record, parameter, |key| cx.key(key));
        if may_be_shared {
            let policies = cx
                .pages(
                    &GET_POLICIES,
                    Some(&arn),
                    |token| {
                        client
                            .get_resource_policies()
                            .resource_arn(&arn)
                            .max_results(50)
                            .set_next_token(token)
                            .send()
                    },
                    |page| (page.policies.unwrap_or_default(), page.next_token),
                )
                .await
                .or_lacks(&mut record);
            let several = policies.len() > 1;
            for policy in policies {
                let id = policy.policy_id.filter(|_| several);
                let text = policy.policy.unwrap_or_default();
                record.policy(Slot::Resource, id.as_deref(), &text);
            }
        }
        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client
                    .list_tags_for_resource()
                    .resource_type(ResourceTypeForTagging::Parameter)
                    .resource_id(&name)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        let list = found.and_then(|answer| answer.tag_list).unwrap_or_default();
        record.tags = tags(list.into_iter().map(|tag| (tag.key, tag.value)));
        cx.record(record);
    })
    .await;
}

/// `parameter/prod/db/host`, of the name with or without a slash at its front.
fn resource(name: &str) -> String {
    format!("parameter/{}", name.strip_prefix('/').unwrap_or(name))
}

fn parameter_facts(record: &mut Record, parameter: ParameterMetadata, key: impl Fn(&str) -> String) {
    record.fact_if("type", parameter.r#type.map(|kind| kind.as_str().to_owned()));
    record.fact_if("description", parameter.description);
    let id = parameter.key_id.filter(|id| !id.is_empty());
    record.refer_if(EdgeKind::EncryptedWith, id.as_deref().map(key));
}

async fn documents(cx: &Cx, client: &Client) {
    let own = DocumentKeyValuesFilter::builder()
        .key("Owner")
        .values("Self")
        .build();
    let documents = cx
        .pages(
            &LIST_DOCUMENTS,
            None,
            |token| {
                client
                    .list_documents()
                    .filters(own.clone())
                    .max_results(50)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.document_identifiers.unwrap_or_default(), page.next_token),
        )
        .await;
    cx.each(documents, |document| async move {
        let name = document.name.clone().unwrap_or_default();
        let arn = cx.arn("ssm", &format!("document/{name}"));
        let mut record = Record::of(cx, Kind::AwsResource, arn.as_str(), name.as_str());
        document_facts(&mut record, document);
        let mut shared = cx
            .pages(
                &GET_SHARES,
                Some(&arn),
                |token| {
                    client
                        .describe_document_permission()
                        .name(&name)
                        .permission_type(DocumentPermissionType::Share)
                        .max_results(200)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.account_ids.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        shared.sort();
        if !shared.is_empty() {
            // Twelve digits each, or `all`.
            record.fact("shared_with", shared);
        }
        cx.record(record);
    })
    .await;
}

fn document_facts(record: &mut Record, document: DocumentIdentifier) {
    record.fact("resource_type", "AWS::SSM::Document");
    let kind = document.document_type;
    record.fact_if("document_type", kind.map(|kind| kind.as_str().to_owned()));
    record.made(document.created_date.as_ref());
    let list = document.tags.unwrap_or_default();
    record.tags = tags(list.into_iter().map(|tag| (tag.key, tag.value)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ssm::types::ParameterType;

    #[test]
    fn a_parameter_has_its_key() {
        let mut record = Record::new(Kind::SsmParameter, "p");
        let parameter = ParameterMetadata::builder()
            .r#type(ParameterType::SecureString)
            .key_id("alias/aws/ssm")
            .build();
        parameter_facts(&mut record, parameter, |key| format!("arn:{key}"));
        assert_eq!(record.attrs["type"], "SecureString");
        assert_eq!(record.refs[0].to, "arn:alias/aws/ssm");
    }

    #[test]
    fn a_slash_at_the_front_is_not_doubled() {
        assert_eq!(resource("/prod/x"), "parameter/prod/x");
        assert_eq!(resource("x"), "parameter/x");
    }
}
