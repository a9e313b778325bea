//! `eventSource` and `eventName` → the IAM actions that the call needed.
//!
//! Most names are the action's: `ec2.amazonaws.com` and `StartInstances` are `ec2:StartInstances`. The rest are told by a
//! few small tables (`tables.rs`) and by the embedded catalogue, which says whether an action is one. A record proves the
//! primary action of its call and no other: whether GetObject also needed GetObjectVersion, or RunInstances iam:PassRole,
//! hangs on its parameters.

mod tables;

use sv0_iam::catalog::Catalog;
use tables::{DATA, NO_API, PREFIXES, RENAMED, SILENT};

/// Whether CloudTrail can show that an action was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// As a management event, which every trail keeps that is not told otherwise.
    Management,
    /// As a data event, which a trail keeps only where it is told to.
    Data,
    /// Never by itself.
    Never,
}

/// How the use of an IAM action, `s3:GetObject`, is recorded.
#[must_use]
pub fn recorded(action: &str) -> Recorded {
    if SILENT.iter().any(|silent| silent.eq_ignore_ascii_case(action)) {
        return Recorded::Never;
    }
    let Some((prefix, name)) = action.split_once(':') else {
        return Recorded::Management;
    };
    if prefix.eq_ignore_ascii_case("s3") {
        // S3: what is on objects, and the listing of a bucket's objects.
        let on_objects = Catalog::embedded().action(action).is_some_and(|action| {
            action.resource_types().any(|of| of.name() == "object")
                || action.short_name() == "ListBucket"
                || action.short_name() == "ListBucketVersions"
        });
        return if on_objects {
            Recorded::Data
        } else {
            Recorded::Management
        };
    }
    let data = DATA.iter().any(|(service, names)| {
        service.eq_ignore_ascii_case(prefix)
            && names
                .iter()
                .any(|one| *one == "*" || one.eq_ignore_ascii_case(name))
    });
    if data {
        Recorded::Data
    } else {
        Recorded::Management
    }
}

/// The prefix that policies use for an `eventSource`, such as `cloudwatch` for `monitoring.amazonaws.com`.
#[must_use]
pub fn prefix(source: &str) -> &str {
    let label = source.strip_suffix(".amazonaws.com").unwrap_or(source);
    PREFIXES
        .iter()
        .find(|(event, _)| *event == label)
        .map_or(label, |(_, policy)| policy)
}

/// The IAM actions of a call, as the catalogue writes them; the first is the primary one. None where the event is no API
/// call, or the catalogue knows no such action.
#[must_use]
pub fn actions(source: &str, name: &str) -> Vec<&'static str> {
    let catalog = Catalog::embedded();
    let prefix = prefix(source);
    if NO_API.contains(&prefix) {
        return Vec::new();
    }
    let name = without_date(name);
    let known = |name: &str| {
        catalog
            .action(&format!("{prefix}:{name}"))
            .map(sv0_iam::catalog::Action::name)
    };
    if let Some((_, _, names)) = RENAMED
        .iter()
        .find(|(of, event, _)| *of == prefix && *event == name)
    {
        return names.iter().filter_map(|name| known(name)).collect();
    }
    if let Some(found) = known(name) {
        return vec![found];
    }
    if prefix == "apigateway" {
        // The control plane of API Gateway has one action a verb.
        let verb = match name {
            _ if name.starts_with("Get") => "GET",
            _ if name.starts_with("Create") || name.starts_with("Import") => "POST",
            _ if name.starts_with("Put") => "PUT",
            _ if name.starts_with("Update") => "PATCH",
            _ if name.starts_with("Delete") => "DELETE",
            _ => return Vec::new(),
        };
        return known(verb).into_iter().collect();
    }
    Vec::new()
}

/// A name without the version of its API: `ListFunctions20150331`, `UpdateFunctionCode20150331v2`,
/// `CreateDistribution2020_05_31`. A digit that belongs to the name (`ListObjectsV2`) stays.
fn without_date(name: &str) -> &str {
    let trimmed = name
        .rfind('v')
        .filter(|at| {
            let rest = name.get(at + 1..).unwrap_or_default();
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
        })
        .and_then(|at| name.get(..at))
        .unwrap_or(name);
    for length in [8, 10] {
        let Some((head, date)) = trimmed
            .len()
            .checked_sub(length)
            .and_then(|at| trimmed.split_at_checked(at))
        else {
            continue;
        };
        let digits = if length == 8 {
            date.to_owned()
        } else {
            date.replace('_', "")
        };
        let shape =
            length == 8 || date.as_bytes().get(4) == Some(&b'_') && date.as_bytes().get(7) == Some(&b'_');
        if shape && digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !head.is_empty()
        {
            return head;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_date_and_nothing_else() {
        for (name, bare) in [
            ("ListFunctions20150331", "ListFunctions"),
            ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("GetMetricData", "GetMetricData"),
            ("Describev2", "Describev2"),
            ("20150331", "20150331"),
        ] {
            assert_eq!(without_date(name), bare);
        }
    }

    #[test]
    fn calls_have_the_actions_that_policies_name() {
        for (source, name, wanted) in [
            ("ec2.amazonaws.com", "StartInstances", &["ec2:StartInstances"][..]),
            (
                "lambda.amazonaws.com",
                "ListFunctions20150331",
                &["lambda:ListFunctions"],
            ),
            (
                "lambda.amazonaws.com",
                "GetFunction20150331v2",
                &["lambda:GetFunction"],
            ),
            ("lambda.amazonaws.com", "Invoke", &["lambda:InvokeFunction"]),
            (
                "monitoring.amazonaws.com",
                "DescribeAlarms",
                &["cloudwatch:DescribeAlarms"],
            ),
            ("email.amazonaws.com", "SendEmail", &["ses:SendEmail"]),
            ("s3.amazonaws.com", "ListObjectsV2", &["s3:ListBucket"]),
            ("s3.amazonaws.com", "HeadObject", &["s3:GetObject"]),
            (
                "s3.amazonaws.com",
                "CopyObject",
                &["s3:GetObject", "s3:PutObject"],
            ),
            (
                "kms.amazonaws.com",
                "ReEncrypt",
                &["kms:ReEncryptFrom", "kms:ReEncryptTo"],
            ),
            ("apigateway.amazonaws.com", "CreateRestApi", &["apigateway:POST"]),
            (
                "sts.amazonaws.com",
                "AssumeRoleWithSAML",
                &["sts:AssumeRoleWithSAML"],
            ),
            ("signin.amazonaws.com", "ConsoleLogin", &[]),
            ("nothing.amazonaws.com", "DoThings", &[]),
        ] {
            assert_eq!(actions(source, name), wanted, "{source} {name}");
        }
    }

    #[test]
    fn every_name_of_the_tables_is_in_the_catalogue() {
        let catalog = Catalog::embedded();
        for (prefix, _, names) in RENAMED {
            for name in *names {
                assert!(
                    catalog.action(&format!("{prefix}:{name}")).is_some(),
                    "{prefix}:{name}"
                );
            }
        }
        for (event, prefix) in PREFIXES {
            assert!(catalog.service(prefix).is_some(), "{event} → {prefix}");
        }
        for (prefix, names) in DATA {
            for name in names.iter().filter(|name| **name != "*") {
                assert!(
                    catalog.action(&format!("{prefix}:{name}")).is_some(),
                    "{prefix}:{name}"
                );
            }
        }
    }

    #[test]
    fn data_events_are_told_from_management_events() {
        for (action, how) in [
            ("s3:GetObject", Recorded::Data),
            ("s3:ListBucket", Recorded::Data),
            ("s3:GetBucketPolicy", Recorded::Management),
            ("s3:PutBucketPolicy", Recorded::Management),
            ("dynamodb:GetItem", Recorded::Data),
            ("dynamodb:DescribeTable", Recorded::Management),
            ("secretsmanager:GetSecretValue", Recorded::Management),
            ("kms:Decrypt", Recorded::Management),
            ("rds-data:ExecuteStatement", Recorded::Data),
            ("lambda:InvokeFunction", Recorded::Data),
            ("iam:PassRole", Recorded::Never),
        ] {
            assert_eq!(recorded(action), how, "{action}");
        }
    }
}
