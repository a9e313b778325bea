//! Amazon SageMaker AI: notebook instances and the roles that whoever opens one acts as.

use aws_sdk_sagemaker::operation::describe_notebook_instance::DescribeNotebookInstanceOutput;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const LIST_NOTEBOOKS: Call = Call {
    operation: "ListNotebookInstances",
    actions: &["sagemaker:ListNotebookInstances"],
    absent: &[],
    without: "notebooks are not known there: whoever may open one acts with its role, which is not shown",
};
const DESCRIBE_NOTEBOOK: Call = Call {
    operation: "DescribeNotebookInstance",
    actions: &["sagemaker:DescribeNotebookInstance"],
    absent: &[],
    without: "the notebook's role is not known: whoever may open it acts with that role, which is not shown",
};
const LIST_TAGS: Call = Call {
    operation: "ListTags",
    actions: &["sagemaker:ListTags"],
    absent: &[],
    without: "the notebook's tags, and so conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "sagemaker",
    title: "Amazon SageMaker AI",
    clients: &["SageMaker"],
    scope: Scope::Regional,
    reads: "notebook instances: role, internet access, root access, key, network, tags",
    calls: &[&LIST_NOTEBOOKS, &DESCRIBE_NOTEBOOK, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_sagemaker);
    let notebooks = cx
        .pages(
            &LIST_NOTEBOOKS,
            None,
            |token| {
                client
                    .list_notebook_instances()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.notebook_instances.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(notebooks, |summary| async move {
        let arn = summary.notebook_instance_arn.unwrap_or_default();
        let name = summary.notebook_instance_name.unwrap_or_default();
        let mut record = Record::of(cx, Kind::SagemakerNotebook, arn.as_str(), name.as_str());
        record.made(summary.creation_time.as_ref());
        let found = cx
            .call(&DESCRIBE_NOTEBOOK, Some(&arn), || {
                client
                    .describe_notebook_instance()
                    .notebook_instance_name(&name)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(found) = found {
            facts(cx, &mut record, found);
        }
        let found = cx
            .pages(
                &LIST_TAGS,
                Some(&arn),
                |token| {
                    client
                        .list_tags()
                        .resource_arn(&arn)
                        .max_results(100)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.tags.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        record.tags = tags(
            found
                .into_iter()
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))),
        );
        cx.record(record);
    })
    .await;
}

fn facts(cx: &Cx, record: &mut Record, notebook: DescribeNotebookInstanceOutput) {
    record.refer_if(EdgeKind::RunsAs, notebook.role_arn);
    let key = notebook.kms_key_id.filter(|key| !key.is_empty());
    record.refer_if(EdgeKind::EncryptedWith, key.map(|key| cx.key(&key)));
    let enabled = |text: Option<&str>| text == Some("Enabled");
    let internet = notebook.direct_internet_access;
    record.fact(
        "direct_internet_access",
        enabled(internet.as_ref().map(|access| access.as_str())),
    );
    let root = notebook.root_access;
    record.fact(
        "root_access",
        enabled(root.as_ref().map(|access| access.as_str())),
    );
    record.fact_if("subnet", notebook.subnet_id);
}
