//! What runs as a role: Lambda functions, EC2 instances, ECS tasks.

use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::account::{entity, tag};
use crate::document::{Statement, Who, slot};
use crate::names::{self, REGIONS, STAGES, TEAMS};
use crate::organization::{Family, Organization};
use crate::role;
use crate::store::{self, Store};

pub(crate) const FUNCTIONS: Family = Family {
    kind: Kind::LambdaFunction,
    within: |org, account| org.functions.range(account),
    id: |org, number| Some(place(org, Kind::LambdaFunction, number).arn),
    record: function,
};

pub(crate) const INSTANCES: Family = Family {
    kind: Kind::Ec2Instance,
    within: |org, account| org.instances.range(account),
    id: |org, number| Some(place(org, Kind::Ec2Instance, number).arn),
    record: instance,
};

pub(crate) const TASKS: Family = Family {
    kind: Kind::EcsTask,
    within: |org, account| org.tasks.range(account),
    id: |org, number| Some(place(org, Kind::EcsTask, number).arn),
    record: task,
};

/// A workload, as far as others need to know it.
pub(crate) struct Place {
    pub(crate) arn: String,
    account: usize,
    region: &'static str,
    name: String,
}

pub(crate) fn place(org: &Organization, kind: Kind, number: usize) -> Place {
    let mut rng = org.rng(kind.as_str(), number);
    let region = rng.pick(&REGIONS);
    let name = names::thing(&mut rng, number);
    let (spread, rest) = match kind {
        Kind::LambdaFunction => (&org.functions, format!("function:{name}")),
        Kind::Ec2Instance => (&org.instances, format!("instance/i-{}", rng.hex(17))),
        _ => (&org.tasks, format!("task-definition/{name}:1")),
    };
    let service = match kind {
        Kind::LambdaFunction => "lambda",
        Kind::Ec2Instance => "ec2",
        _ => "ecs",
    };
    let account = spread.account(number);
    Place {
        arn: format!("arn:aws:{service}:{region}:{}:{rest}", names::account(account)),
        account,
        region,
        name,
    }
}

fn begin(org: &Organization, kind: Kind, number: usize) -> (Record, Place) {
    let place = place(org, kind, number);
    let mut record = entity(org, kind, place.arn.clone(), &place.name, place.account, number);
    record.region = Some(place.region.to_owned());
    let mut rng = org.rng("workload-tags", number);
    if rng.percent(50) {
        tag(&mut record, rng.pick(&TEAMS), rng.pick(&STAGES));
    }
    (record, place)
}

fn function(org: &Organization, number: usize) -> Record {
    let (mut record, place) = begin(org, Kind::LambdaFunction, number);
    let mut rng = org.rng("function-record", number);
    record.attrs.insert(
        "runtime",
        rng.pick(&["java21", "nodejs22.x", "python3.12"]).into(),
    );
    let invoke = || Statement::allow(["lambda:InvokeFunction"]).on([place.arn.clone()]);
    let id = names::account(place.account);
    let policy = match rng.below(100) {
        0..18 => Some(
            invoke()
                .sid("Api")
                .to(Who::service("apigateway.amazonaws.com"))
                .when(
                    "ArnLike",
                    "AWS:SourceArn",
                    [format!(
                        "arn:aws:execute-api:{}:{id}:{}/*",
                        place.region,
                        rng.hex(10)
                    )],
                ),
        ),
        18..30 => Some(invoke().sid("Uploads").to(Who::service("s3.amazonaws.com")).when(
            "StringEquals",
            "AWS:SourceAccount",
            [id],
        )),
        30..36 => {
            role::any(org, &mut rng, None).map(|role| invoke().sid("Others").to(Who::aws([role.arn()])))
        }
        _ => None,
    };
    if let Some(policy) = policy {
        record.policies.push(slot(Slot::Resource, None, &[policy]));
    }
    if let Some(role) = role::of_service(org, &mut rng, place.account, "lambda.amazonaws.com") {
        record.refer(EdgeKind::RunsAs, role.arn());
    }
    let queues = org.spread_of(Store::Queue).range(place.account);
    if rng.percent(15) && !queues.is_empty() {
        let queue = store::place(org, Store::Queue, rng.within(&queues));
        record.refer(EdgeKind::TriggeredBy, queue.arn);
    }
    record
}

fn instance(org: &Organization, number: usize) -> Record {
    let (mut record, place) = begin(org, Kind::Ec2Instance, number);
    let mut rng = org.rng("instance-record", number);
    record
        .attrs
        .insert("imds", rng.pick(&["optional", "required", "required"]).into());
    if let Some(role) = role::of_service(org, &mut rng, place.account, "ec2.amazonaws.com") {
        record
            .attrs
            .insert("instance_profile", role::profile(&role).into());
        record.refer(EdgeKind::RunsAs, role.arn());
    }
    record
}

fn task(org: &Organization, number: usize) -> Record {
    let (mut record, place) = begin(org, Kind::EcsTask, number);
    let mut rng = org.rng("task-record", number);
    let keys: Vec<Value> = vec!["DB_HOST".into(), "LOG_LEVEL".into()];
    record.attrs.insert("env_keys", keys.into());
    for relation in [EdgeKind::PullsVia, EdgeKind::RunsAs] {
        if let Some(role) = role::of_service(org, &mut rng, place.account, "ecs-tasks.amazonaws.com") {
            record.refer(relation, role.arn());
        }
    }
    record
}
