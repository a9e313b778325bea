//! AWS Secrets Manager: secrets, who may read them and how they are rotated. Never what they hold.

use aws_sdk_secretsmanager::types::SecretListEntry;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags, time};

const LIST_SECRETS: Call = Call {
    operation: "ListSecrets",
    actions: &["secretsmanager:ListSecrets"],
    absent: &[],
    without: "secrets, and who may read them, are not known there",
};
const GET_POLICY: Call = Call {
    operation: "GetResourcePolicy",
    actions: &["secretsmanager:GetResourcePolicy"],
    absent: &["ResourceNotFoundException"],
    without: "the secret's policy is not known: others may have access that is not shown",
};

pub(crate) const SERVICE: Service = Service {
    name: "secretsmanager",
    title: "AWS Secrets Manager",
    clients: &["Secrets Manager"],
    scope: Scope::Regional,
    reads: "secrets, not what they hold: policy, encryption, rotation, last access, tags",
    calls: &[&LIST_SECRETS, &GET_POLICY],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_secretsmanager);
    let secrets = cx
        .pages(
            &LIST_SECRETS,
            None,
            |token| {
                client
                    .list_secrets()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.secret_list.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(secrets, |secret| async move {
        let arn = secret.arn.clone().unwrap_or_default();
        let name = secret.name.clone().unwrap_or_default();
        let mut record = Record::of(cx, Kind::SecretsManagerSecret, arn.as_str(), name);
        secret_facts(&mut record, secret, |key| cx.key(key));
        let policy = cx
            .call(&GET_POLICY, Some(&arn), || {
                client.get_resource_policy().secret_id(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(text) = policy.and_then(|answer| answer.resource_policy) {
            record.policy(Slot::Resource, None, &text);
        }
        cx.record(record);
    })
    .await;
}

fn secret_facts(record: &mut Record, secret: SecretListEntry, key: impl Fn(&str) -> String) {
    record.made(secret.created_date.as_ref());
    record.fact_if("description", secret.description);
    record.fact_if("owning_service", secret.owning_service);
    // Without one the account's `aws/secretsmanager` key is used, which everyone in the account may use through the
    // service.
    record.refer_if(
        EdgeKind::EncryptedWith,
        secret.kms_key_id.filter(|id| !id.is_empty()).as_deref().map(key),
    );
    let rotated = secret.rotation_enabled.unwrap_or_default();
    record.fact("rotation", rotated);
    if rotated {
        record.fact_if("rotation_lambda", secret.rotation_lambda_arn);
        record.fact_if("rotation_role", secret.external_secret_rotation_role_arn);
        let rules = secret.rotation_rules;
        record.fact_if(
            "rotation_days",
            rules.as_ref().and_then(|rules| rules.automatically_after_days),
        );
        record.fact_if(
            "rotation_schedule",
            rules.and_then(|rules| rules.schedule_expression),
        );
    }
    // A day, not a moment: Secrets Manager tells no more.
    record.fact_if("last_accessed", secret.last_accessed_date.as_ref().and_then(time));
    record.fact_if(
        "replica_of",
        secret
            .primary_region
            .filter(|region| Some(region) != record.region.as_ref()),
    );
    record.tags = tags(
        secret
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_secretsmanager::types::{RotationRulesType, Tag};
    use serde_json::json;

    #[test]
    fn a_secret_that_is_rotated() {
        let mut record = Record::new(Kind::SecretsManagerSecret, "s");
        let secret = SecretListEntry::builder()
            .description("")
            .kms_key_id("alias/k")
            .rotation_enabled(true)
            .rotation_lambda_arn("arn:f")
            .rotation_rules(RotationRulesType::builder().automatically_after_days(30).build())
            .tags(Tag::builder().key("a").value("b").build())
            .build();
        secret_facts(&mut record, secret, |key| format!("arn:{key}"));
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "secrets_manager_secret", "id": "s", "tags": {"a": "b"},
                "attrs": {"rotation": true, "rotation_days": 30, "rotation_lambda": "arn:f"},
                "refs": [{"rel": "ENCRYPTED_WITH", "to": "arn:alias/k"}],
            })
        );
    }
}
