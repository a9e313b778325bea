//! AWS CloudFormation: stacks, and the roles that they work as. Never the values of parameters or outputs.

use aws_sdk_cloudformation::types::{Stack, StackStatus};
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const DESCRIBE_STACKS: Call = Call {
    operation: "DescribeStacks",
    // Without the name of a stack it needs both (CloudFormation API Reference, DescribeStacks).
    actions: &["cloudformation:DescribeStacks", "cloudformation:ListStacks"],
    absent: &[],
    without: "stacks are not known there: whoever may update one acts with its role, which is not shown",
};

pub(crate) const SERVICE: Service = Service {
    name: "cloudformation",
    title: "AWS CloudFormation",
    clients: &["CloudFormation"],
    scope: Scope::Regional,
    reads: "stacks: role, status, capabilities, tags; not parameters and outputs",
    calls: &[&DESCRIBE_STACKS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_cloudformation);
    let stacks = cx
        .pages(
            &DESCRIBE_STACKS,
            None,
            |token| client.describe_stacks().set_next_token(token).send(),
            |page| (page.stacks.unwrap_or_default(), page.next_token),
        )
        .await;
    for stack in stacks {
        if stack.stack_status == Some(StackStatus::DeleteComplete) {
            continue;
        }
        let name = stack.stack_name.clone().unwrap_or_default();
        let Some(id) = stack.stack_id.clone() else {
            continue;
        };
        let mut record = Record::of(cx, Kind::CloudformationStack, id, name);
        stack_facts(&mut record, stack);
        cx.record(record);
    }
}

fn stack_facts(record: &mut Record, stack: Stack) {
    record.made(stack.creation_time.as_ref());
    record.refer_if(EdgeKind::RunsAs, stack.role_arn);
    record.fact_if(
        "status",
        stack.stack_status.map(|status| status.as_str().to_owned()),
    );
    record.fact_if("parent", stack.parent_id);
    let mut capabilities: Vec<String> = stack
        .capabilities
        .unwrap_or_default()
        .into_iter()
        .map(|capability| capability.as_str().to_owned())
        .collect();
    capabilities.sort();
    if !capabilities.is_empty() {
        record.fact("capabilities", capabilities);
    }
    let pairs = stack.tags.unwrap_or_default().into_iter();
    record.tags = tags(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudformation::types::{Capability, Output, Parameter};
    use serde_json::json;

    #[test]
    fn parameters_and_outputs_stay_behind() {
        let stack = Stack::builder()
            .stack_status(StackStatus::UpdateComplete)
            .role_arn("arn:r")
            .capabilities(Capability::CapabilityNamedIam)
            .parameters(
                Parameter::builder()
                    .parameter_key("P")
                    .parameter_value("hush")
                    .build(),
            )
            .outputs(Output::builder().output_key("O").output_value("hush").build())
            .build();
        let mut record = Record::new(Kind::CloudformationStack, "s");
        stack_facts(&mut record, stack);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "cloudformation_stack", "id": "s",
                "attrs": {"capabilities": ["CAPABILITY_NAMED_IAM"], "status": "UPDATE_COMPLETE"},
                "refs": [{"rel": "RUNS_AS", "to": "arn:r"}],
            })
        );
    }
}
