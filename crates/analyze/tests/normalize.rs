//! What normalisation makes of each service's records: records in, edges and steps out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_model::graph::Confidence;
use sv0_model::kind::EdgeKind;
use sv0_model::path::PathVerdict;

fn world(records: Value) -> World {
    let records = serde_json::from_value(records).unwrap();
    normalize::build(records, Vec::new())
}

/// The edges of one kind, by the last words of their ends, with how they are known.
fn edges(world: &World, kind: EdgeKind) -> Vec<String> {
    let short = |id: &str| id.rsplit([':', '/']).next().unwrap_or(id).to_owned();
    let edges = world.graph.edges().iter().filter(|edge| edge.kind == kind);
    edges
        .map(|edge| {
            let sure = match edge.confidence {
                Confidence::Certain => "certain",
                Confidence::Inferred => "inferred",
            };
            format!(
                "{} → {}: {sure}, {}",
                short(world.id(edge.from)),
                short(world.id(edge.to)),
                edge.note.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

/// The verdict of the step between two entities.
fn step(world: &World, edge: EdgeKind, from: &str, to: &str) -> Option<PathVerdict> {
    let (from, to) = (world.graph.find(from).unwrap(), world.graph.find(to).unwrap());
    let steps = Steps::build(world);
    let found = steps.from(from).find(|step| step.to == to && step.edge == edge);
    found.map(|step| step.verdict)
}

fn role(name: &str, service: &str, statements: Value) -> Value {
    json!({
        "kind": "iam_role", "id": format!("arn:aws:iam::111111111111:role/{name}"), "name": name,
        "account": "111111111111",
        "policies": [
            {"slot": "trust", "document": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}},
            {"slot": "inline", "name": "p", "document": {"Version": "2012-10-17", "Statement": statements}},
        ],
    })
}

fn allow(action: &str, resource: &str) -> Value {
    json!([{"Effect": "Allow", "Action": action, "Resource": resource}])
}

fn entity(kind: &str, arn: &str) -> Value {
    json!({"kind": kind, "id": arn, "name": arn.rsplit([':', '/']).next(), "account": "111111111111", "region": "r"})
}

fn with(mut record: Value, key: &str, value: Value) -> Value {
    record[key] = value;
    record
}

const TABLE: &str = "arn:aws:dynamodb:r:111111111111:table/Orders";
const OTHER: &str = "arn:aws:dynamodb:r:111111111111:table/Clients";
const QUEUE: &str = "arn:aws:sqs:r:111111111111:jobs";
const FUNCTION: &str = "arn:aws:lambda:r:111111111111:function:f";
const MACHINE: &str = "arn:aws:states:r:111111111111:stateMachine:flow";
const ROLE: &str = "arn:aws:iam::111111111111:role/R";

fn function(keys: Value) -> Value {
    with(
        with(
            entity("lambda_function", FUNCTION),
            "attrs",
            json!({"env_keys": keys}),
        ),
        "refs",
        json!([{"rel": "RUNS_AS", "to": ROLE}]),
    )
}

#[test]
fn an_environment_key_alone_is_no_edge() {
    let read = |keys: Value, statements: Value| {
        let world = world(json!([
            function(keys),
            role("R", "lambda.amazonaws.com", statements),
            entity("dynamodb_table", TABLE),
            entity("dynamodb_table", OTHER),
        ]));
        edges(&world, EdgeKind::ReadsFrom)
    };
    let one = allow("dynamodb:GetItem", TABLE);
    assert_eq!(
        read(json!(["TABLE_NAME", "STAGE"]), one.clone()),
        [
            "f → Orders: inferred, environment key TABLE_NAME; this is the only DynamoDB table that its role's \
          policies let it read"
        ]
    );
    let both = json!([{"Effect": "Allow", "Action": "dynamodb:*", "Resource": [TABLE, OTHER]}]);
    assert_eq!(
        read(json!(["CLIENTS_TABLE", "TABLE"]), both),
        [
            "f → Clients: inferred, environment key CLIENTS_TABLE holds its name, and its role's policies let it be \
          read by name"
        ]
    );
    // A star may mean any table; a role that only writes reads none; a key that names nothing is none.
    assert_eq!(
        read(json!(["TABLE_NAME"]), allow("dynamodb:GetItem", "*")),
        [""; 0]
    );
    assert_eq!(
        read(json!(["TABLE_NAME"]), allow("dynamodb:PutItem", TABLE)),
        [""; 0]
    );
    assert_eq!(read(json!(["STAGE"]), one), [""; 0]);
}

#[test]
fn calls_of_a_state_machine() {
    let machine = with(
        with(
            entity("state_machine", MACHINE),
            "attrs",
            json!({"calls": [
                {"action": "dynamodb:getItem", "target": TABLE},
                {"action": "dynamodb:putItem", "target": OTHER},
                {"action": "sqs:sendMessage", "target": QUEUE},
                {"action": "ecs:runTask", "target": "arn:aws:ecs:r:111111111111:task-definition/api"},
            ]}),
        ),
        "refs",
        json!([
            {"rel": "RUNS_AS", "to": ROLE},
            {"rel": "INVOKES", "to": "arn:aws:ecs:r:111111111111:task-definition/api", "attrs": {"how": "ecs:runTask"}},
        ]),
    );
    let world = world(json!([
        machine,
        role("R", "states.amazonaws.com", allow("sqs:SendMessage", QUEUE)),
        entity("dynamodb_table", TABLE),
        entity("sqs_queue", QUEUE),
        entity("ecs_task", "arn:aws:ecs:r:111111111111:task-definition/api:9"),
        entity("ecs_task", "arn:aws:ecs:r:111111111111:task-definition/api:10"),
    ]));
    assert_eq!(
        edges(&world, EdgeKind::ReadsFrom),
        ["flow → Orders: certain, dynamodb:getItem"]
    );
    assert_eq!(
        edges(&world, EdgeKind::Invokes),
        [
            "flow → 10: certain, ecs:runTask",
            "flow → jobs: certain, sqs:sendMessage"
        ]
    );
    // Its role may send, and may run no task.
    assert_eq!(
        step(&world, EdgeKind::Invokes, MACHINE, QUEUE),
        Some(PathVerdict::Allowed)
    );
    let task = "arn:aws:ecs:r:111111111111:task-definition/api:10";
    assert_eq!(
        step(&world, EdgeKind::Invokes, MACHINE, task),
        Some(PathVerdict::Denied)
    );
}

#[test]
fn integrations_of_an_api() {
    let api = "arn:aws:apigateway:r::/restapis/x";
    let edges_of = |targets: &[&str], resource: &str| {
        let integrations: Vec<Value> = targets
            .iter()
            .map(|target| json!({"route": "POST /jobs", "target": target}))
            .collect();
        let record = with(
            with(
                entity("api_gateway", api),
                "attrs",
                json!({"integrations": integrations}),
            ),
            "refs",
            json!([{"rel": "RUNS_AS", "to": ROLE}]),
        );
        let world = world(json!([
            record,
            role(
                "R",
                "apigateway.amazonaws.com",
                allow("sqs:SendMessage", resource)
            ),
            entity("sqs_queue", QUEUE),
        ]));
        edges(&world, EdgeKind::Invokes)
    };
    assert_eq!(
        edges_of(&["sqs:path/111111111111/jobs"], "*"),
        ["x → jobs: certain, POST /jobs"]
    );
    assert_eq!(
        edges_of(&["SQS-SendMessage"], QUEUE),
        [
            "x → jobs: inferred, POST /jobs: SQS-SendMessage, and this is the only SQS queue to which the API's role \
          may send"
        ]
    );
    assert_eq!(edges_of(&["SQS-SendMessage", "example.com"], "*"), [""; 0]);
}

#[test]
fn images_and_who_may_pull_and_push_them() {
    let repository = "arn:aws:ecr:r:111111111111:repository/team/api";
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = format!("{repository}@{digest}");
    let registry = "111111111111.dkr.ecr.r.amazonaws.com/team/api";
    let deployed = json!([{"rel": "DEPLOYED_FROM", "to": repository}]);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]},
        {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "ecr:*",
         "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}},
    ]});
    let world = world(json!([
        with(
            with(
                entity("ecr_repository", repository),
                "policies",
                json!([{"slot": "resource", "document": policy}])
            ),
            "refs",
            json!([{"rel": "HOSTS", "to": image}]),
        ),
        with(
            entity("container_image", &image),
            "attrs",
            json!({"tags": ["latest", "v1"]})
        ),
        with(
            with(
                function(json!([])),
                "attrs",
                json!({"image": format!("{registry}:v1")})
            ),
            "refs",
            deployed.clone(),
        ),
        with(
            with(
                entity("ecs_task", "arn:aws:ecs:r:111111111111:task-definition/t:1"),
                "attrs",
                json!({"images": [format!("{registry}:v1@{digest}"), format!("{registry}:gone"), "nginx"]}),
            ),
            "refs",
            deployed,
        ),
        role("R", "ec2.amazonaws.com", allow("s3:GetObject", "*")),
    ]));
    assert_eq!(
        edges(&world, EdgeKind::ExecutedBy),
        [
            format!("api@{digest} → f: inferred, by its tag v1, which may have moved since")
                .replace("api@sha256:", ""),
            format!("api@{digest} → 1: certain, by its digest").replace("api@sha256:", ""),
        ]
    );
    let condition = "if StringEquals aws:SourceVpc \"vpc-1\"";
    assert_eq!(
        edges(&world, EdgeKind::PullAccess),
        [
            "api → root: certain, -".to_owned(),
            format!("api → R: certain, {condition}")
        ]
    );
    assert_eq!(
        edges(&world, EdgeKind::PushAccess),
        [format!("api → R: certain, {condition}")]
    );
}

#[test]
fn who_may_start_pods_has_the_roles_of_service_accounts() {
    let cluster = "arn:aws:eks:r:111111111111:cluster/c";
    let account = format!("{cluster}#prod/api");
    let entry = |name: &str, policy: &str, namespaces: Value| {
        let policy = format!("arn:aws:eks::aws:cluster-access-policy/{policy}");
        let mut entry =
            json!({"principal": format!("arn:aws:iam::111111111111:role/{name}"), "policies": [policy]});
        if !namespaces.is_null() {
            entry["namespaces"] = json!({policy: namespaces});
        }
        entry
    };
    let none = json!([]);
    let world = world(json!([
        with(
            with(
                entity("eks_cluster", cluster),
                "attrs",
                json!({"access_entries": [
                    entry("Admin", "AmazonEKSClusterAdminPolicy", Value::Null),
                    entry("Editor", "AmazonEKSEditPolicy", json!(["pro*"])),
                    entry("Elsewhere", "AmazonEKSEditPolicy", json!(["dev"])),
                    entry("Viewer", "AmazonEKSViewPolicy", Value::Null),
                ]})
            ),
            "refs",
            json!([{"rel": "RUNS", "to": account}]),
        ),
        with(
            with(entity("eks_service_account", &account), "name", json!("prod/api")),
            "refs",
            json!([{"rel": "RUNS_AS", "to": ROLE}]),
        ),
        role("R", "pods.eks.amazonaws.com", none.clone()),
        role("Admin", "ec2.amazonaws.com", none.clone()),
        role("Editor", "ec2.amazonaws.com", none),
    ]));
    assert_eq!(
        edges(&world, EdgeKind::Invokes),
        [
            "Admin → c: certain, access entry with AmazonEKSClusterAdminPolicy",
            "Editor → api: certain, access entry with AmazonEKSEditPolicy in namespace pro*",
        ]
    );
}

#[test]
fn a_certificate_of_a_trust_anchor_becomes_a_role() {
    let anchor = "arn:aws:rolesanywhere:r:111111111111:trust-anchor/a";
    let build_with = |profile: Value, source: &str, actions: Value| {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": actions,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }]});
        let mut role = role("R", "", json!([]));
        role["policies"][0]["document"] = trust;
        world(json!([
            with(
                entity("aws_resource", anchor),
                "attrs",
                json!({"resource_type": "AWS::RolesAnywhere::TrustAnchor", "enabled": true})
            ),
            with(
                entity("aws_resource", "arn:aws:rolesanywhere:r:111111111111:profile/p"),
                "attrs",
                profile
            ),
            role,
        ]))
    };
    let all = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    let build = |profile: Value, source: &str| build_with(profile, source, all.clone());
    let profile = |enabled: bool| json!({"resource_type": "AWS::RolesAnywhere::Profile", "enabled": enabled, "roles": [ROLE]});
    let open = build(profile(true), anchor);
    assert!(edges(&open, EdgeKind::Trusts).contains(&"R → a: certain, profile p".to_owned()));
    assert_eq!(
        step(&open, EdgeKind::Assumes, anchor, ROLE),
        Some(PathVerdict::Allowed)
    );
    let other = build(
        profile(true),
        "arn:aws:rolesanywhere:r:111111111111:trust-anchor/b",
    );
    assert_eq!(
        step(&other, EdgeKind::Assumes, anchor, ROLE),
        Some(PathVerdict::Denied)
    );
    let short = build_with(profile(true), anchor, json!("sts:AssumeRole"));
    assert_eq!(step(&short, EdgeKind::Assumes, anchor, ROLE), None);
    let disabled = build(profile(false), anchor);
    assert_eq!(step(&disabled, EdgeKind::Assumes, anchor, ROLE), None);
}

#[test]
fn trust_policies_name_services_and_roles() {
    let mut linked = role("AWSServiceRoleForX", "x.amazonaws.com", json!([]));
    linked["kind"] = json!("service_linked_role");
    let mut chained = role("C", "", json!([]));
    chained["policies"][0]["document"]["Statement"][0]["Principal"] = json!({"AWS": [ROLE, "222222222222"]});
    let world = world(json!([
        linked,
        chained,
        role("R", "ec2.amazonaws.com", json!([]))
    ]));
    assert_eq!(
        edges(&world, EdgeKind::Trusts),
        [
            "AWSServiceRoleForX → x.amazonaws.com: certain, -",
            "C → R: certain, -",
            "C → root: certain, -",
            "R → ec2.amazonaws.com: certain, -",
        ]
    );
}

#[test]
fn a_secret_that_names_an_access_key_holds_it() {
    let key = "AKIAIOSFODNN7EXAMPLE";
    let user = |status: &str| {
        with(
            with(
                entity("iam_user", "arn:aws:iam::111111111111:user/bob"),
                "attrs",
                json!({"access_keys": [{"id": key, "status": status}]}),
            ),
            "name",
            json!("bob"),
        )
    };
    let secret = with(
        entity(
            "secrets_manager_secret",
            "arn:aws:secretsmanager:r:111111111111:secret:s-AbCdEf",
        ),
        "attrs",
        json!({"description": format!("for {key}.")}),
    );
    let held = |status: &str| {
        let world = world(json!([user(status), secret.clone()]));
        edges(&world, EdgeKind::HoldsCredentialFor)
    };
    assert_eq!(
        held("Active"),
        [format!(
            "s-AbCdEf → bob: inferred, its description names access key {key} of IAM user bob"
        )]
    );
    assert_eq!(held("Inactive"), [""; 0]);
}

#[test]
fn a_queue_starts_a_function_whose_role_may_take_from_it() {
    let starts = |action: &str| {
        let function = with(
            function(json!([])),
            "refs",
            json!([{"rel": "RUNS_AS", "to": ROLE}, {"rel": "TRIGGERED_BY", "to": QUEUE}]),
        );
        let world = world(json!([
            function,
            entity("sqs_queue", QUEUE),
            role("R", "lambda.amazonaws.com", allow(action, QUEUE)),
        ]));
        step(&world, EdgeKind::TriggeredBy, QUEUE, FUNCTION)
    };
    assert_eq!(starts("sqs:ReceiveMessage"), Some(PathVerdict::Allowed));
    assert_eq!(starts("sqs:SendMessage"), Some(PathVerdict::Denied));
}

#[test]
fn a_topic_passes_on_to_a_queue_that_lets_it() {
    let topic = "arn:aws:sns:r:111111111111:news";
    let sends = |source: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": QUEUE, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}]});
        let queue = with(
            entity("sqs_queue", QUEUE),
            "policies",
            json!([{"slot": "resource", "document": policy}]),
        );
        let subscribed = json!({"subscriptions": [{"endpoint": QUEUE}]});
        let world = world(json!([
            with(entity("sns_topic", topic), "attrs", subscribed),
            queue
        ]));
        assert_eq!(
            edges(&world, EdgeKind::SendsTo),
            ["news → jobs: certain, topic subscription"]
        );
        step(&world, EdgeKind::SendsTo, topic, QUEUE)
    };
    assert_eq!(sends(topic), Some(PathVerdict::Allowed));
    assert_eq!(
        sends("arn:aws:sns:r:111111111111:other"),
        Some(PathVerdict::Denied)
    );
}

#[test]
fn a_table_starts_what_reads_its_stream() {
    let stream = format!("{TABLE}/stream/2026-01-01T00:00:00.000");
    let function = with(
        function(json!([])),
        "refs",
        json!([{"rel": "RUNS_AS", "to": ROLE}, {"rel": "TRIGGERED_BY", "to": stream}]),
    );
    let world = world(json!([
        function,
        entity("dynamodb_table", TABLE),
        role("R", "lambda.amazonaws.com", json!([])),
        role("Writer", "ec2.amazonaws.com", allow("dynamodb:PutItem", TABLE)),
    ]));
    assert_eq!(edges(&world, EdgeKind::TriggeredBy), ["f → Orders: certain, -"]);
    let writer = "arn:aws:iam::111111111111:role/Writer";
    assert_eq!(
        step(&world, EdgeKind::SendsTo, writer, TABLE),
        Some(PathVerdict::Allowed)
    );
}

#[test]
fn what_a_database_and_a_container_keep_elsewhere() {
    let secret = "arn:aws:secretsmanager:r:111111111111:secret:db-AbCdEf";
    let task = json!({"env_files": ["arn:aws:s3:::conf/app.env"], "registry_credentials": [secret]});
    let world = world(json!([
        entity("secrets_manager_secret", secret),
        entity("s3_bucket", "arn:aws:s3:::conf"),
        with(
            entity("rds_cluster", "arn:aws:rds:r:111111111111:cluster:db"),
            "attrs",
            json!({"master_user_secret": secret})
        ),
        with(
            entity("ecs_task", "arn:aws:ecs:r:111111111111:task-definition/t:1"),
            "attrs",
            task
        ),
    ]));
    assert_eq!(
        edges(&world, EdgeKind::HoldsCredentialFor),
        ["db-AbCdEf → db: certain, the password of its master user"]
    );
    assert_eq!(
        edges(&world, EdgeKind::ReadsFrom),
        [
            "1 → conf: certain, its variables are in a file there",
            "1 → db-AbCdEf: certain, credentials of the registry",
        ]
    );
}
