//! A Terraform plan (`terraform show -json PLAN`): what there is before and after it, as far as authority hangs on it.
//!
//! The plan holds the whole state before (`prior_state`) and after (`planned_values`), so each becomes records of its own. What
//! Terraform will know only after applying (`after_unknown`) is told where it matters: an ARN of something new is made up
//! from its name, a policy that cannot be known is a gap.
//!
//! * `state` — the resources of one state, with what they refer to;
//! * `records` — what each type of resource comes to.

mod records;
mod state;

use serde::Deserialize;
use serde_json::Value;
use sv0_model::coverage::Gap;
use sv0_model::record::Record;

use self::state::State;

/// A plan.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What there is.
    pub before: Vec<Record>,
    /// What there will be.
    pub after: Vec<Record>,
    /// Ids that are gone then.
    pub deleted: Vec<String>,
    /// What cannot be known before it is applied.
    pub gaps: Vec<Gap>,
    /// What Terraform will do, by address.
    pub actions: Vec<String>,
    /// Types of resource that bear on authority and are not read yet.
    pub not_read: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    format_version: String,
    #[serde(default)]
    prior_state: Option<Values>,
    #[serde(default)]
    planned_values: Option<Module>,
    #[serde(default)]
    resource_changes: Vec<Change>,
    #[serde(default)]
    configuration: Value,
}

#[derive(Deserialize)]
struct Values {
    #[serde(default)]
    values: Option<Module>,
}

#[derive(Deserialize)]
pub(crate) struct Module {
    root_module: Value,
}

#[derive(Deserialize)]
struct Change {
    address: String,
    change: Actions,
}

#[derive(Deserialize)]
struct Actions {
    actions: Vec<String>,
}

/// Why something is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not JSON, or not of this shape.
    #[error("it is no plan of `terraform show -json`: {0}")]
    Shape(String),
    /// Its version is one that did not exist when this was written.
    #[error("its format version is {0}; this sv0 reads version 1")]
    Version(String),
}

/// Whether a text looks like a plan.
#[must_use]
pub fn is_plan(text: &str) -> bool {
    let start: String = text.chars().take(400).collect();
    start.contains("\"format_version\"")
        && (start.contains("terraform_version") || text.contains("\"planned_values\""))
}

/// Reads a plan. `account` is whose it is, where its ARNs do not say.
///
/// # Errors
///
/// Where it is none.
pub fn read(name: &str, text: &str, account: Option<&str>) -> Result<Plan, PlanError> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| PlanError::Shape(error.to_string()))?;
    if !document.format_version.starts_with("1.") {
        return Err(PlanError::Version(document.format_version));
    }
    let account = account.map(str::to_owned).or_else(|| state::account_in(text));
    let account = account.as_deref().unwrap_or("000000000000");
    let mut out = Plan::default();
    let before = document.prior_state.and_then(|prior| prior.values);
    let before = State::new(
        before.map(|module| module.root_module),
        &document.configuration,
        account,
    );
    let after = State::new(
        document.planned_values.map(|module| module.root_module),
        &document.configuration,
        account,
    );
    out.before = records::of(name, &before, &mut Vec::new(), &mut Vec::new());
    out.after = records::of(name, &after, &mut out.gaps, &mut out.not_read);
    out.deleted = out
        .before
        .iter()
        .filter(|record| out.after.iter().all(|other| other.id != record.id))
        .map(|record| record.id.clone())
        .collect();
    out.not_read.sort();
    out.not_read.dedup();
    for change in document.resource_changes {
        let verbs: Vec<&str> = change.change.actions.iter().map(String::as_str).collect();
        let verb = match verbs.as_slice() {
            ["no-op"] | ["read"] => continue,
            ["create"] => "creates",
            ["update"] => "changes",
            ["delete"] => "deletes",
            _ => "replaces",
        };
        out.actions.push(format!("{verb} {}", change.address));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use serde_json::json;
    use sv0_model::kind::{EdgeKind, Slot};

    fn plan(resources: &Value, configuration: &Value) -> Plan {
        let text = json!({
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {"resources": resources}},
            "configuration": {"root_module": {"resources": configuration}},
        });
        let text = text.to_string();
        assert!(is_plan(&text));
        read("plan.json", &text, Some("111111111111")).unwrap()
    }

    fn resource(address: &str, values: &Value) -> Value {
        let kind = address.rsplit('.').nth(1).unwrap();
        json!({"address": address, "mode": "managed", "type": kind, "values": values})
    }

    #[test]
    fn what_is_not_known_yet_is_followed_through_the_configuration() {
        let plan = plan(
            &json!([
                resource(
                    "aws_iam_role.a",
                    &json!({"name": "a", "assume_role_policy": "{}", "permissions_boundary": null})
                ),
                resource(
                    "aws_iam_policy.p",
                    &json!({"name": "p", "path": "/team/", "policy": "{}"})
                ),
                resource("aws_iam_role_policy_attachment.x", &json!({"role": "a"})),
                resource(
                    "aws_iam_role_policy.inline",
                    &json!({"role": "a", "name": "own", "policy": "{\"Statement\":[]}"})
                ),
            ]),
            &json!([{"address": "aws_iam_role_policy_attachment.x", "expressions": {"policy_arn": {"references": ["aws_iam_policy.p.arn", "aws_iam_policy.p"]}}}]),
        );
        assert!(plan.gaps.is_empty(), "{:?}", plan.gaps);
        let role = plan
            .after
            .iter()
            .find(|record| record.id == "arn:aws:iam::111111111111:role/a")
            .unwrap();
        let attached: Vec<&str> = role
            .refs
            .iter()
            .filter(|r| r.rel == EdgeKind::HasPolicy)
            .map(|r| r.to.as_str())
            .collect();
        assert_eq!(attached, ["arn:aws:iam::111111111111:policy/team/p"]);
        assert!(
            role.policies
                .iter()
                .any(|p| p.slot == Slot::Inline && p.name.as_deref() == Some("own"))
        );
    }

    #[test]
    fn a_document_that_nobody_knows_yet_is_a_gap() {
        let plan = plan(
            &json!([
                resource("aws_s3_bucket_policy.b", &json!({"bucket": "data"})),
                resource("aws_iam_account_alias.x", &json!({}))
            ]),
            &json!([]),
        );
        assert_eq!(plan.gaps.len(), 1);
        assert!(
            plan.gaps
                .iter()
                .all(|gap| gap.detail.contains("aws_s3_bucket_policy.b"))
        );
        assert_eq!(plan.not_read, ["aws_iam_account_alias"]);
        assert!(
            plan.after
                .iter()
                .any(|record| record.id == "arn:aws:s3:::data" && record.partial.is_some())
        );
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        assert!(matches!(read("x", "[]", None), Err(PlanError::Shape(_))));
        assert!(matches!(
            read("x", r#"{"format_version": "2.0"}"#, None),
            Err(PlanError::Version(_))
        ));
        assert!(!is_plan(r#"{"Version": "2012-10-17"}"#));
    }

    #[test]
    fn functions_get_their_permissions_as_one_policy() {
        let plan = plan(
            &json!([
                resource(
                    "aws_lambda_function.f",
                    &json!({"function_name": "f", "role": "arn:aws:iam::111111111111:role/r"})
                ),
                resource(
                    "aws_lambda_permission.one",
                    &json!({"function_name": "f", "principal": "s3.amazonaws.com", "source_account": "111111111111"})
                ),
                resource(
                    "aws_lambda_permission.two",
                    &json!({"function_name": "f", "principal": "222222222222"})
                ),
            ]),
            &json!([]),
        );
        let function = plan.after.iter().find(|record| record.name == "f").unwrap();
        let policy = function
            .policies
            .iter()
            .find(|p| p.slot == Slot::Resource)
            .unwrap();
        let value: Value = serde_json::from_str(policy.document.as_str()).unwrap();
        assert_eq!(value["Statement"].as_array().unwrap().len(), 2);
    }
}
