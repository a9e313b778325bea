//! Which resources a call was on, as ARNs; `*` where the record names none.
//!
//! `resources[]` says it best, but few services fill it. Else the request's parameters do, by name, id, URL or ARN; a table
//! says where each service has them. An ARN made from a name can lack what only the account knows: the path of a role, the
//! last six characters of a secret. Such ARNs are what they are; whoever joins them must compare them so
//! ([`crate::names`]).
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents" (`resources`), and the Service Authorization Reference (ARN
//! formats).

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::event::Event;
use crate::identity::within;
use crate::json::{JsonError, Kind, Scanner};

/// Resources of a call, at least one.
pub type Resources<'a> = SmallVec<[Cow<'a, str>; 2]>;

/// Where a service's requests name what they are on. `{}` in a template stands for the value, `{p}`, `{r}`, `{a}` for
/// partition, region and account. A service's rows are tried in order: the first that finds something counts.
struct Row {
    service: &'static str,
    field: &'static str,
    template: &'static str,
}

const fn row(service: &'static str, field: &'static str, template: &'static str) -> Row {
    Row {
        service,
        field,
        template,
    }
}

const ROWS: &[Row] = &[
    row("athena", "workGroup", "arn:{p}:athena:{r}:{a}:workgroup/{}"),
    row(
        "cloudformation",
        "stackName",
        "arn:{p}:cloudformation:{r}:{a}:stack/{}",
    ),
    row("cloudtrail", "name", "arn:{p}:cloudtrail:{r}:{a}:trail/{}"),
    row("codebuild", "projectName", "arn:{p}:codebuild:{r}:{a}:project/{}"),
    row("dynamodb", "tableName", "arn:{p}:dynamodb:{r}:{a}:table/{}"),
    row("ec2", "groupId", "arn:{p}:ec2:{r}:{a}:security-group/{}"),
    row("ec2", "volumeId", "arn:{p}:ec2:{r}:{a}:volume/{}"),
    row("ec2", "snapshotId", "arn:{p}:ec2:{r}::snapshot/{}"),
    row("ec2", "imageId", "arn:{p}:ec2:{r}::image/{}"),
    row("ec2", "instanceId", "arn:{p}:ec2:{r}:{a}:instance/{}"),
    row("ec2", "vpcId", "arn:{p}:ec2:{r}:{a}:vpc/{}"),
    row("ec2", "subnetId", "arn:{p}:ec2:{r}:{a}:subnet/{}"),
    row("ecr", "repositoryName", "arn:{p}:ecr:{r}:{a}:repository/{}"),
    row("ecs", "taskDefinition", "arn:{p}:ecs:{r}:{a}:task-definition/{}"),
    row("eks", "name", "arn:{p}:eks:{r}:{a}:cluster/{}"),
    row("events", "eventBusName", "arn:{p}:events:{r}:{a}:event-bus/{}"),
    row("glue", "jobName", "arn:{p}:glue:{r}:{a}:job/{}"),
    row("iam", "roleName", "arn:{p}:iam::{a}:role/{}"),
    row("iam", "userName", "arn:{p}:iam::{a}:user/{}"),
    row("iam", "groupName", "arn:{p}:iam::{a}:group/{}"),
    row("iam", "policyArn", "{}"),
    row(
        "iam",
        "instanceProfileName",
        "arn:{p}:iam::{a}:instance-profile/{}",
    ),
    row("kinesis", "streamName", "arn:{p}:kinesis:{r}:{a}:stream/{}"),
    row("lambda", "functionName", "arn:{p}:lambda:{r}:{a}:function:{}"),
    row("logs", "logGroupName", "arn:{p}:logs:{r}:{a}:log-group:{}"),
    row("rds", "dBInstanceIdentifier", "arn:{p}:rds:{r}:{a}:db:{}"),
    row("rds", "dBClusterIdentifier", "arn:{p}:rds:{r}:{a}:cluster:{}"),
    row("rds-data", "resourceArn", "{}"),
    row("rdsdata", "resourceArn", "{}"),
    row(
        "sagemaker",
        "endpointName",
        "arn:{p}:sagemaker:{r}:{a}:endpoint/{}",
    ),
    row(
        "sagemaker",
        "notebookInstanceName",
        "arn:{p}:sagemaker:{r}:{a}:notebook-instance/{}",
    ),
    row(
        "secretsmanager",
        "secretId",
        "arn:{p}:secretsmanager:{r}:{a}:secret:{}",
    ),
    row("sns", "topicArn", "{}"),
    row("ssm", "name", "arn:{p}:ssm:{r}:{a}:parameter/{}"),
    row("states", "stateMachineArn", "{}"),
    row("sts", "roleArn", "{}"),
];

/// What CloudTrail writes where it leaves a value out.
const HIDDEN: &[&str] = &["HIDDEN_DUE_TO_SECURITY_REASONS", "omitted", "***"];

/// The resources of a call.
#[must_use]
pub fn resources<'a>(event: &Event<'a>) -> Resources<'a> {
    let service = event
        .source
        .strip_suffix(".amazonaws.com")
        .unwrap_or(&event.source);
    let listed = listed(service, event);
    if !listed.is_empty() {
        return listed;
    }
    // What cannot be read says nothing; the record as a whole was read.
    let mut found = named(service, event).unwrap_or_default();
    if found.is_empty() {
        found.push(Cow::Borrowed("*"));
    }
    found
}

/// Those that `resources[]` names. S3 lists the object and then its bucket: a call on an object is on the object. STS
/// lists the role, and the provider that vouched.
fn listed<'a>(service: &str, event: &Event<'a>) -> Resources<'a> {
    let of_kind = |kind: &str| -> Resources<'a> {
        event
            .resources
            .iter()
            .filter(|one| one.kind == kind)
            .map(|one| one.arn.clone())
            .collect()
    };
    let mut found = match service {
        "s3" => of_kind("AWS::S3::Object"),
        "sts" => of_kind("AWS::IAM::Role"),
        _ => SmallVec::new(),
    };
    if found.is_empty() {
        found = event.resources.iter().map(|one| one.arn.clone()).collect();
    }
    found.dedup();
    found
}

/// The top-level strings of a request that a table may ask for.
struct Place<'e> {
    partition: &'static str,
    region: &'e str,
    account: &'e str,
}

impl Place<'_> {
    fn fill(&self, template: &str, value: &str) -> String {
        template
            .replace("{p}", self.partition)
            .replace("{r}", self.region)
            .replace("{a}", self.account)
            .replace("{}", value)
    }
}

fn named<'a>(service: &str, event: &Event<'a>) -> Result<Resources<'a>, JsonError> {
    if !event.request.starts_with(b"{") {
        return Ok(SmallVec::new());
    }
    // Old records lack the recipient; then the caller's account is the best that is known.
    let account = if event.recipient.is_empty() {
        event.who().account
    } else {
        event.recipient.clone()
    };
    let place = Place {
        partition: partition(&event.region),
        region: &event.region,
        account: &account,
    };
    let scanner = Scanner::new(event.request);
    match (service, &*event.name) {
        ("s3", _) => return s3(scanner, &place),
        ("sqs", _) => return sqs(scanner, &place),
        ("sts", "AssumeRoot") => {
            let target = field(scanner, b"targetPrincipal")?;
            return Ok(target
                .map(|target| {
                    if target.starts_with("arn:") {
                        target
                    } else {
                        Cow::Owned(format!("arn:{}:iam::{target}:root", place.partition))
                    }
                })
                .into_iter()
                .collect());
        }
        ("dynamodb", name) if name.starts_with("Batch") => return dynamodb_batch(scanner, &place),
        ("ec2", name) if name.starts_with("Describe") => return Ok(SmallVec::new()),
        ("ec2", _) => {
            let items = ec2_instances(scanner.clone(), &place)?;
            if !items.is_empty() {
                return Ok(items);
            }
        }
        _ => {}
    }
    by_table(service, scanner, &place)
}

fn by_table<'a>(
    service: &str,
    mut scanner: Scanner<'a>,
    place: &Place<'_>,
) -> Result<Resources<'a>, JsonError> {
    let first = ROWS.partition_point(|row| row.service < service);
    let rows = ROWS
        .get(first..)
        .unwrap_or_default()
        .iter()
        .take_while(|row| row.service == service);
    let rows: SmallVec<[&Row; 8]> = rows.collect();
    let mut best: Option<(usize, Cow<'a, str>)> = None;
    let mut arn: Option<Cow<'a, str>> = None;
    scanner.object(|name, value| {
        let Some(raw) = value.maybe_string()? else {
            return Ok(());
        };
        if let Some(at) = rows.iter().position(|row| row.field.as_bytes() == name) {
            if best.as_ref().is_none_or(|(rank, _)| at < *rank) {
                best = Some((at, raw.text()?));
            }
        } else if arn.is_none() && is_own_arn(name) && raw.bytes().starts_with(b"arn:") {
            arn = Some(raw.text()?);
        }
        Ok(())
    })?;
    let Some((at, value)) = best else {
        return Ok(arn.into_iter().collect());
    };
    if HIDDEN.contains(&&*value) || value.is_empty() {
        return Ok(SmallVec::new());
    }
    let template = rows.get(at).map_or("{}", |row| row.template);
    if value.starts_with("arn:") {
        return Ok(smallvec![value]);
    }
    if template == "{}" {
        return Ok(SmallVec::new());
    }
    // The parameter of a path begins with a slash, which the template has already.
    let value = if service == "ssm" {
        value.trim_start_matches('/')
    } else {
        &*value
    };
    Ok(smallvec![Cow::Owned(place.fill(template, value))])
}

/// Whether a parameter's name says that its ARN is what the call is on: `resourceArn`, `secretArn`, `arn`; but not
/// `roleArn`, which is what the call hands over.
fn is_own_arn(name: &[u8]) -> bool {
    let ends = |end: &[u8]| {
        name.len() >= end.len()
            && name
                .get(name.len() - end.len()..)
                .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ends(b"arn") && !ends(b"rolearn") && !ends(b"kmskeyarn") && !ends(b"policyarn")
}

/// One string of a request's top level.
fn field<'a>(mut scanner: Scanner<'a>, wanted: &[u8]) -> Result<Option<Cow<'a, str>>, JsonError> {
    let mut found = None;
    scanner.object(|name, value| {
        let raw = value.maybe_string()?;
        if name == wanted
            && let Some(raw) = raw
        {
            found = Some(raw.text()?);
        }
        Ok(())
    })?;
    Ok(found.filter(|text: &Cow<'a, str>| !text.is_empty()))
}

fn s3<'a>(mut scanner: Scanner<'a>, place: &Place<'_>) -> Result<Resources<'a>, JsonError> {
    let (mut bucket, mut key) = (None, None);
    scanner.object(|name, value| {
        let raw = value.maybe_string()?;
        match (name, raw) {
            (b"bucketName", Some(raw)) => bucket = Some(raw.text()?),
            (b"key", Some(raw)) => key = Some(raw.text()?),
            _ => {}
        }
        Ok(())
    })?;
    let Some(bucket) = bucket.filter(|bucket| !bucket.is_empty()) else {
        return Ok(SmallVec::new());
    };
    // An access point stands in its place by ARN.
    let head = if bucket.starts_with("arn:") {
        bucket.into_owned()
    } else {
        format!("arn:{}:s3:::{bucket}", place.partition)
    };
    let key = key.filter(|key| !key.is_empty());
    Ok(smallvec![Cow::Owned(
        key.map_or(head.clone(), |key| format!("{head}/{key}"))
    )])
}

/// `https://sqs.eu-west-1.amazonaws.com/111111111111/orders`
fn sqs<'a>(scanner: Scanner<'a>, place: &Place<'_>) -> Result<Resources<'a>, JsonError> {
    let url = field(scanner.clone(), b"queueUrl")?;
    let of_url = url.as_deref().and_then(|url| {
        let mut parts = url.rsplit('/');
        let (queue, account) = (parts.next()?, parts.next()?);
        sv0_iam::name::arn::is_account_id(account).then(|| (account.to_owned(), queue.to_owned()))
    });
    let (account, queue) = match of_url {
        Some(found) => found,
        None => match field(scanner, b"queueName")? {
            Some(name) => (place.account.to_owned(), name.into_owned()),
            None => return Ok(SmallVec::new()),
        },
    };
    Ok(smallvec![Cow::Owned(format!(
        "arn:{}:sqs:{}:{account}:{queue}",
        place.partition, place.region
    ))])
}

/// `requestItems`: an object by table.
fn dynamodb_batch<'a>(mut scanner: Scanner<'a>, place: &Place<'_>) -> Result<Resources<'a>, JsonError> {
    let mut tables = Resources::new();
    scanner.object(|name, value| {
        if name != b"requestItems" {
            return value.skip().map(|_| ());
        }
        within(value, |table, value| {
            let table = String::from_utf8_lossy(table);
            tables.push(if table.starts_with("arn:") {
                table
            } else {
                Cow::Owned(place.fill("arn:{p}:dynamodb:{r}:{a}:table/{}", &table))
            });
            value.skip().map(|_| ())
        })
    })?;
    Ok(tables)
}

/// `instancesSet.items[].instanceId`, as the calls on instances have it.
fn ec2_instances<'a>(mut scanner: Scanner<'a>, place: &Place<'_>) -> Result<Resources<'a>, JsonError> {
    let mut found = Resources::new();
    scanner.object(|name, value| {
        if name != b"instancesSet" {
            return value.skip().map(|_| ());
        }
        within(value, |name, items| {
            if name != b"items" || items.kind()? != Kind::Array {
                return items.skip().map(|_| ());
            }
            items.array(|item| {
                within(item, |name, value| {
                    let raw = value.maybe_string()?;
                    if name == b"instanceId"
                        && let Some(raw) = raw
                    {
                        found.push(Cow::Owned(
                            place.fill("arn:{p}:ec2:{r}:{a}:instance/{}", &raw.text()?),
                        ));
                    }
                    Ok(())
                })
            })
        })
    })?;
    Ok(found)
}

/// The partition of a region.
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
