//! Amazon ECR: repositories, who may push and pull, and the images that are likely to run.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecr::types::{FindingSeverity, ImageDetail, ImageIdentifier, Repository};
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const GONE: &[&str] = &["RepositoryNotFoundException"];

const DESCRIBE_REPOSITORIES: Call = Call {
    operation: "DescribeRepositories",
    actions: &["ecr:DescribeRepositories"],
    absent: &[],
    without: "image repositories, and who may push to them, are not known there",
};
const GET_POLICY: Call = Call {
    operation: "GetRepositoryPolicy",
    actions: &["ecr:GetRepositoryPolicy"],
    absent: &["RepositoryPolicyNotFoundException", "RepositoryNotFoundException"],
    without: "the repository's policy is not known: others may push or pull who are not shown",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["ecr:ListTagsForResource"],
    absent: GONE,
    without: "the repository's tags, and so conditions on tags, are not known",
};
const DESCRIBE_IMAGES: Call = Call {
    operation: "DescribeImages",
    actions: &["ecr:DescribeImages"],
    absent: GONE,
    without: "the repository's images are not known",
};
const DESCRIBE_FINDINGS: Call = Call {
    operation: "DescribeImageScanFindings",
    actions: &["ecr:DescribeImageScanFindings"],
    absent: &[
        "ScanNotFoundException",
        "ImageNotFoundException",
        "RepositoryNotFoundException",
    ],
    without: "what the scan of the image found is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "ecr",
    title: "Amazon ECR",
    clients: &["ECR"],
    scope: Scope::Regional,
    reads: "repositories: policy, encryption, mutability of tags, tags; the latest images that have a tag or were pulled, with how many vulnerabilities their scan found",
    calls: &[
        &DESCRIBE_REPOSITORIES,
        &GET_POLICY,
        &LIST_TAGS,
        &DESCRIBE_IMAGES,
        &DESCRIBE_FINDINGS,
    ],
    collect: |cx| collect(cx).boxed(),
};

/// How many images of a repository are kept: those that were pushed or pulled last.
const KEPT: usize = 100;
/// Of how many of these the scan is asked for by itself, where the list of images does not tell.
const SCANS: usize = 10;

type Client = aws_sdk_ecr::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_ecr);
    let repositories = cx
        .pages(
            &DESCRIBE_REPOSITORIES,
            None,
            |token| {
                client
                    .describe_repositories()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.repositories.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(repositories, |repository| async move {
        let name = repository.repository_name.clone().unwrap_or_default();
        let arn = repository.repository_arn.clone().unwrap_or_default();
        let mut record = Record::of(cx, Kind::EcrRepository, arn.as_str(), name.as_str());
        repository_facts(&mut record, repository, |key| cx.key(key));

        let policy = cx
            .call(&GET_POLICY, Some(&arn), || {
                client.get_repository_policy().repository_name(&name).send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(text) = policy.and_then(|answer| answer.policy_text) {
            record.policy(Slot::Resource, None, &text);
        }

        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client.list_tags_for_resource().resource_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        let list = found.and_then(|answer| answer.tags).unwrap_or_default();
        record.tags = tags(list.into_iter().map(|tag| (tag.key, tag.value)));

        images(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

fn repository_facts(record: &mut Record, repository: Repository, key: impl Fn(&str) -> String) {
    record.made(repository.created_at.as_ref());
    record.fact_if("uri", repository.repository_uri);
    let mutability = repository.image_tag_mutability;
    record.fact_if("tag_mutability", mutability.map(|tags| tags.as_str().to_owned()));
    let scanning = repository.image_scanning_configuration;
    record.fact(
        "scan_on_push",
        scanning.is_some_and(|scanning| scanning.scan_on_push),
    );
    let encryption = repository.encryption_configuration;
    let kms_key = encryption.and_then(|encryption| encryption.kms_key);
    record.refer_if(EdgeKind::EncryptedWith, kms_key.as_deref().map(key));
}

async fn images(cx: &Cx, client: &Client, repository: &mut Record) {
    let (arn, name) = (repository.id.clone(), repository.name.clone());
    let found = cx
        .pages(
            &DESCRIBE_IMAGES,
            Some(&arn),
            |token| {
                client
                    .describe_images()
                    .repository_name(&name)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.image_details.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(repository);
    let (images, left_out) = chosen(found);
    if left_out > 0 {
        repository.fact("images_left_out", left_out);
    }
    for (i, image) in images.into_iter().enumerate() {
        let Some(digest) = image.image_digest.clone() else {
            continue;
        };
        let id = format!("{arn}@{digest}");
        let mut record = Record::of(cx, Kind::ContainerImage, id.as_str(), image_name(&name, &image));
        record.made(image.image_pushed_at.as_ref());
        let mut list = image.image_tags.unwrap_or_default();
        list.sort();
        record.fact("tags", list);
        let mut counts = image
            .image_scan_findings_summary
            .and_then(|summary| summary.finding_severity_counts);
        // The list is silent about scans of today's basic scanner (ECR API Reference, DescribeImages).
        if counts.is_none() && i < SCANS {
            let identifier = ImageIdentifier::builder().image_digest(digest).build();
            counts = cx
                .call(&DESCRIBE_FINDINGS, Some(&id), || {
                    client
                        .describe_image_scan_findings()
                        .repository_name(&name)
                        .image_id(identifier.clone())
                        .max_results(1)
                        .send()
                })
                .await
                .or_lacks(&mut record)
                .and_then(|answer| answer.image_scan_findings)
                .and_then(|findings| findings.finding_severity_counts);
        }
        record.fact_if("scan_findings", severities(counts));
        repository.refer(EdgeKind::Hosts, id);
        cx.record(record);
    }
}

/// Images that may be running, latest first, and how many of these were too many. What has no tag and was never pulled
/// is a layer of something else, or rubbish.
fn chosen(images: Vec<ImageDetail>) -> (Vec<ImageDetail>, usize) {
    let mut images: Vec<ImageDetail> = images
        .into_iter()
        .filter(|image| !image.image_tags().is_empty() || image.last_recorded_pull_time.is_some())
        .collect();
    let at = |image: &ImageDetail| {
        let moments = [image.last_recorded_pull_time, image.image_pushed_at];
        moments
            .iter()
            .flatten()
            .map(aws_smithy_types::DateTime::secs)
            .max()
    };
    images.sort_by(|a, b| {
        at(b)
            .cmp(&at(a))
            .then_with(|| a.image_digest.cmp(&b.image_digest))
    });
    let left_out = images.len().saturating_sub(KEPT);
    images.truncate(KEPT);
    (images, left_out)
}

/// `payments/api:latest`, or `payments/api@sha256:…`.
fn image_name(repository: &str, image: &ImageDetail) -> String {
    match image.image_tags().iter().min() {
        Some(tag) => format!("{repository}:{tag}"),
        None => format!("{repository}@{}", image.image_digest().unwrap_or_default()),
    }
}

fn severities(counts: Option<HashMap<FindingSeverity, i32>>) -> Option<Value> {
    let counts: BTreeMap<String, i32> = counts?
        .into_iter()
        .map(|(severity, count)| (severity.as_str().to_owned(), count))
        .collect();
    (!counts.is_empty()).then(|| Value::from_iter(counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime;

    fn image(digest: &str, tag: Option<&str>, pushed: i64, pulled: Option<i64>) -> ImageDetail {
        ImageDetail::builder()
            .image_digest(digest)
            .set_image_tags(tag.map(|tag| vec![tag.to_owned()]))
            .image_pushed_at(DateTime::from_secs(pushed))
            .set_last_recorded_pull_time(pulled.map(DateTime::from_secs))
            .build()
    }

    #[test]
    fn images_that_may_run_are_kept_latest_first() {
        let (kept, left_out) = chosen(vec![
            image("a", Some("1"), 1, None),
            image("b", None, 9, None),
            image("c", None, 2, Some(5)),
        ]);
        let digests: Vec<_> = kept.iter().filter_map(|image| image.image_digest()).collect();
        assert_eq!((digests, left_out), (vec!["c", "a"], 0));
        let many = (0..150).map(|n| image(&format!("{n}"), Some("t"), n, None));
        assert_eq!(chosen(many.collect()).1, 50);
    }

    #[test]
    fn an_image_is_called_by_its_tag() {
        assert_eq!(image_name("r", &image("sha256:0", Some("1"), 0, None)), "r:1");
        assert_eq!(image_name("r", &image("sha256:0", None, 0, None)), "r@sha256:0");
    }
}
