//! Random small organisations, as records of a snapshot.

use serde_json::{Value, json};

use super::conditions;
use super::random::Random;

pub(crate) const ORG: &str = "o-example123";
const ROOT: &str = "r-ab12";
const OU: &str = "ou-ab12-data";
/// The account of somebody else, of which nothing is collected.
const VENDOR: &str = "999999999999";
/// An account of the organisation of which nothing is collected.
const BLIND: &str = "444444444444";

/// What there is to refer to.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) accounts: Vec<String>,
    pub(crate) principals: Vec<String>,
    /// Whether its policies ask for MFA.
    pub(crate) mfa: bool,
    /// Whether its roles are assumed in long chains.
    chained: bool,
    roles: Vec<(String, String)>,
    users: Vec<(String, String)>,
    functions: Vec<(String, String)>,
    buckets: Vec<(String, String)>,
    tables: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    queues: Vec<(String, String)>,
    keys: Vec<(String, String)>,
}

/// The records of the organisation of a seed.
pub(crate) fn records(seed: u64) -> Vec<Value> {
    let random = &mut Random::new(seed);
    let made = names(random);
    let mut out = Vec::new();
    if random.chance(70) {
        organisation(random, &made, &mut out);
    }
    identities(random, &made, &mut out);
    workloads(random, &made, &mut out);
    data(random, &made, &mut out);
    no_grants_to_the_bounded(&mut out);
    out
}

/// What a boundary means for a grant of a key, AWS does not say.
fn no_grants_to_the_bounded(records: &mut [Value]) {
    let is_bounded = |record: &&Value| {
        let refs = record["refs"].as_array();
        refs.is_some_and(|refs| refs.iter().any(|one| one["rel"] == "SUBJECT_TO"))
    };
    let bounded: Vec<Value> = records
        .iter()
        .filter(is_bounded)
        .map(|record| record["id"].clone())
        .collect();
    for record in records {
        if let Some(grants) = record.pointer_mut("/attrs/grants").and_then(Value::as_array_mut) {
            grants.retain(|grant| !bounded.contains(&grant["grantee"]));
        }
    }
}

fn names(random: &mut Random) -> Made {
    let mut made = Made {
        mfa: random.chance(35),
        chained: random.chance(20),
        ..Made::default()
    };
    for n in 1..=2 + random.below(2) {
        made.accounts.push(n.to_string().repeat(12));
    }
    let accounts = made.accounts.clone();
    let mut make = |count: usize, name: &dyn Fn(&str, usize) -> String| -> Vec<(String, String)> {
        (0..count)
            .map(|n| {
                let account = random.pick(&accounts).clone();
                (name(&account, n), account)
            })
            .collect()
    };
    made.users = make(2, &|account, n| format!("arn:aws:iam::{account}:user/user-{n}"));
    made.roles = make(3, &|account, n| format!("arn:aws:iam::{account}:role/R{n}"));
    made.functions = make(1, &|account, n| {
        format!("arn:aws:lambda:eu-west-1:{account}:function:f{n}")
    });
    made.buckets = make(2, &|_, n| format!("arn:aws:s3:::bucket-{n}"));
    made.tables = make(1, &|account, n| {
        format!("arn:aws:dynamodb:eu-west-1:{account}:table/t{n}")
    });
    made.secrets = make(1, &|account, n| {
        format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:s{n}-AbCdEf")
    });
    made.queues = make(1, &|account, n| format!("arn:aws:sqs:us-east-1:{account}:q{n}"));
    made.keys = make(2, &|account, n| {
        format!("arn:aws:kms:eu-west-1:{account}:key/0000000{n}-0000-0000-0000-000000000000")
    });
    // Not all organisations are of one size.
    let (users, roles) = (random.below(3), random.below(4));
    for n in 2..2 + users {
        let account = random.pick(&accounts).clone();
        made.users
            .push((format!("arn:aws:iam::{account}:user/user-{n}"), account));
    }
    for n in 3..3 + roles {
        let account = random.pick(&accounts).clone();
        let path = if random.chance(20) { "team/" } else { "" };
        made.roles
            .push((format!("arn:aws:iam::{account}:role/{path}R{n}"), account));
    }
    let both = made.users.iter().chain(&made.roles);
    made.principals = both.map(|(id, _)| id.clone()).collect();
    made
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn with(mut statement: Value, condition: Option<Value>) -> Value {
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}

fn sometimes(random: &mut Random, made: &Made, percent: usize) -> Option<Value> {
    random.chance(percent).then(|| conditions::any(random, made))
}

fn organisation(random: &mut Random, made: &Made, out: &mut Vec<Value>) {
    let management = &made.accounts[0];
    out.push(json!({"kind": "aws_organization", "id": format!("arn:aws:organizations::{management}:organization/{ORG}"),
        "account": management, "attrs": {"id": ORG, "management_account": management}}));
    out.push(json!({"kind": "aws_ou", "id": ROOT, "name": "Root", "account": management}));
    out.push(json!({"kind": "aws_ou", "id": OU, "name": "Data", "account": management, "refs": [{"rel": "MEMBER_OF", "to": ROOT}]}));
    let mut levels = vec![ROOT.to_owned(), OU.to_owned()];
    let blind = [BLIND.to_owned()];
    for (n, account) in made.accounts.iter().chain(&blind).enumerate() {
        // One may be outside.
        if n > 0 && random.chance(20) {
            continue;
        }
        let id = format!("arn:aws:organizations::{management}:account/{ORG}/{account}");
        let parent = if random.chance(50) { ROOT } else { OU };
        out.push(
            json!({"kind": "aws_account", "id": id, "name": format!("Account {n}"), "account": account,
            "refs": [{"rel": "MEMBER_OF", "to": parent}]}),
        );
        levels.push(id);
    }
    if random.chance(70) {
        scps(random, made, &levels, out);
    }
    if random.chance(50) {
        rcps(random, made, &levels, out);
    }
}

fn ceiling(kind: &str, name: &str, management: &str, document: &Value, on: &[String]) -> Value {
    let refs: Vec<Value> = on
        .iter()
        .map(|to| json!({"rel": "CONSTRAINS", "to": to}))
        .collect();
    json!({"kind": kind, "id": name, "name": name, "account": management,
        "policies": [{"slot": "document", "document": document}], "refs": refs})
}

fn scps(random: &mut Random, made: &Made, levels: &[String], out: &mut Vec<Value>) {
    let management = &made.accounts[0];
    // AWS wants a policy on every level.
    let (mut full, mut narrow) = (Vec::new(), Vec::new());
    for level in levels {
        if random.chance(85) {
            full.push(level.clone());
        } else {
            narrow.push(level.clone());
        }
    }
    let everything = document(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})]);
    out.push(ceiling("scp", "p-FullAWSAccess", management, &everything, &full));
    if !narrow.is_empty() {
        let some = with(
            json!({"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "sts:*", "lambda:*", "dynamodb:*"], "Resource": "*"}),
            sometimes(random, made, 30),
        );
        out.push(ceiling("scp", "p-allow", management, &document(&[some]), &narrow));
    }
    for n in 0..random.below(3) {
        let statement = match random.below(4) {
            0 => json!({"Effect": "Deny", "NotAction": ["sts:*", "iam:*"], "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}),
            1 => {
                json!({"Effect": "Deny", "Action": actions(random), "Resource": "*", "Condition": conditions::any(random, made)})
            }
            2 => {
                json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": random.pick(&made.roles).0})
            }
            _ => {
                json!({"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:s3:::bucket-0*", "arn:aws:iam::*:role/*", "arn:aws:lambda:*"],
                "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/R2"}}})
            }
        };
        let on = [random.pick(levels).clone()];
        out.push(ceiling(
            "scp",
            &format!("p-deny{n}"),
            management,
            &document(&[statement]),
            &on,
        ));
    }
}

fn rcps(random: &mut Random, made: &Made, levels: &[String], out: &mut Vec<Value>) {
    let management = &made.accounts[0];
    let everything =
        document(&[json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})]);
    out.push(ceiling(
        "rcp",
        "p-RCPFullAWSAccess",
        management,
        &everything,
        levels,
    ));
    let service = *random.pick(&["s3:*", "sts:AssumeRole", "secretsmanager:*", "sqs:*", "kms:*"]);
    let condition = if random.chance(60) {
        json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})
    } else {
        conditions::any(random, made)
    };
    let statement = json!({"Effect": "Deny", "Principal": "*", "Action": service, "Resource": "*", "Condition": condition});
    let on = [random.pick(levels).clone()];
    out.push(ceiling(
        "rcp",
        "p-perimeter",
        management,
        &document(&[statement]),
        &on,
    ));
}

/// Actions on data, functions and keys.
fn actions(random: &mut Random) -> Value {
    match random.below(14) {
        0 => json!("s3:GetObject"),
        1 => json!(["s3:GetObject", "s3:PutObject"]),
        2 => json!(["s3:ListBucket", "s3:Get*"]),
        3 => json!("s3:DeleteObject"),
        4 => json!("s3:*"),
        5 => json!(["dynamodb:GetItem", "dynamodb:Query"]),
        6 => json!(["dynamodb:PutItem", "dynamodb:DescribeTable"]),
        7 => json!("secretsmanager:GetSecretValue"),
        8 => json!(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]),
        9 => json!(["sqs:SendMessage", "sqs:ReceiveMessage"]),
        10 | 11 => json!("lambda:InvokeFunction"),
        12 => json!(["kms:Decrypt", "kms:GenerateDataKey"]),
        _ => json!(["kms:*", "sqs:*"]),
    }
}

/// What a statement may be about, for actions as above.
fn on(random: &mut Random, made: &Made, actions: &Value) -> Value {
    let text = actions.to_string();
    let pool = if text.contains("s3:") {
        let bucket = random.pick(&made.buckets).0.clone();
        return match random.below(7) {
            0 => json!("*"),
            1 => json!(format!("{bucket}/*")),
            2 => json!(format!("{bucket}/{}/*", random.pick(&["logs", "open", "home"]))),
            3 => json!([bucket, format!("{bucket}/logs/*")]),
            4 => json!(format!(
                "{bucket}/{}/*",
                random.pick(&["${aws:username}", "home"])
            )),
            _ => json!([bucket, format!("{bucket}/*")]),
        };
    } else if text.contains("dynamodb:") {
        &made.tables
    } else if text.contains("secretsmanager:") {
        &made.secrets
    } else if text.contains("kms:") {
        &made.keys
    } else if text.contains("sqs:") {
        &made.queues
    } else if text.contains("lambda:") {
        &made.functions
    } else {
        return json!("*");
    };
    match random.below(4) {
        0 | 1 => json!("*"),
        2 => json!(random.pick(pool).0),
        _ => json!([random.pick(pool).0, format!("{}/index/*", random.pick(pool).0)]),
    }
}

/// A statement of an identity policy or a boundary.
fn granting(random: &mut Random, made: &Made) -> Value {
    if random.chance(if made.chained { 65 } else { 35 }) {
        let role = &random.pick(&made.roles).0;
        let resource = match random.below(4) {
            0 => json!("*"),
            1 => json!("arn:aws:iam::*:role/R*"),
            _ => json!(role),
        };
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource});
        return with(statement, sometimes(random, made, 20));
    }
    let actions = actions(random);
    let resource = on(random, made, &actions);
    let condition = sometimes(random, made, 25);
    with(
        json!({"Effect": "Allow", "Action": actions, "Resource": resource}),
        condition,
    )
}

fn denying(random: &mut Random, made: &Made) -> Value {
    let actions = actions(random);
    let resource = on(random, made, &actions);
    let percent = if random.chance(50) { 90 } else { 20 };
    let condition = sometimes(random, made, percent);
    match random.below(4) {
        0 => with(
            json!({"Effect": "Deny", "Action": actions, "NotResource": resource}),
            condition,
        ),
        1 => {
            json!({"Effect": "Deny", "NotAction": ["sts:AssumeRole", "s3:*", "lambda:*"], "Resource": resource})
        }
        _ => with(
            json!({"Effect": "Deny", "Action": actions, "Resource": resource}),
            condition,
        ),
    }
}

fn inline(random: &mut Random, made: &Made, most: usize) -> Vec<Value> {
    (0..random.below(most + 1))
        .map(|n| {
            let mut statements: Vec<Value> =
                (0..1 + random.below(2)).map(|_| granting(random, made)).collect();
            if random.chance(20) {
                statements.push(denying(random, made));
            }
            json!({"slot": "inline", "name": format!("p{n}"), "document": document(&statements)})
        })
        .collect()
}

fn tags(random: &mut Random) -> Value {
    match random.below(3) {
        0 => json!({"team": "red"}),
        1 => json!({"team": "blue"}),
        _ => json!({}),
    }
}

fn identities(random: &mut Random, made: &Made, out: &mut Vec<Value>) {
    // One boundary and one managed policy in each account.
    for account in &made.accounts {
        let mut statements: Vec<Value> = (0..2).map(|_| granting(random, made)).collect();
        if random.chance(60) {
            statements
                .push(json!({"Effect": "Allow", "Action": ["sts:*", "lambda:*", "s3:*"], "Resource": "*"}));
        }
        for name in ["Boundary", "Shared"] {
            let id = format!("arn:aws:iam::{account}:policy/{name}");
            out.push(
                json!({"kind": "iam_policy", "id": id, "name": name, "account": account,
                "policies": [{"slot": "document", "document": document(&statements)}]}),
            );
            statements = vec![granting(random, made)];
        }
    }
    let group_account = &made.users[0].1;
    let group = format!("arn:aws:iam::{group_account}:group/Staff");
    out.push(json!({"kind": "iam_group", "id": group, "name": "Staff", "account": group_account, "policies": inline(random, made, 1)}));
    for (id, account) in made.users.iter().chain(&made.roles) {
        let mut refs = Vec::new();
        for (rel, to, percent) in [("SUBJECT_TO", "Boundary", 20), ("HAS_POLICY", "Shared", 20)] {
            if random.chance(percent) {
                refs.push(json!({"rel": rel, "to": format!("arn:aws:iam::{account}:policy/{to}")}));
            }
        }
        let mut policies = inline(random, made, 2);
        let user = id.contains(":user/");
        let name = id.rsplit('/').next().unwrap();
        let mut attrs = json!({});
        if user {
            if account == group_account && random.chance(50) {
                refs.push(json!({"rel": "MEMBER_OF", "to": group}));
            }
            if random.chance(70) {
                attrs = json!({"access_keys": [{"id": "AKIAEXAMPLE", "status": "Active"}]});
            }
        } else {
            policies.push(json!({"slot": "trust", "document": trust(random, made, account)}));
        }
        out.push(json!({"kind": if user { "iam_user" } else { "iam_role" }, "id": id, "name": name, "account": account,
            "tags": tags(random), "attrs": attrs, "policies": policies, "refs": refs}));
    }
}

fn trust(random: &mut Random, made: &Made, account: &str) -> Value {
    let mut statements = Vec::new();
    if made.chained && random.chance(70) {
        let some: Vec<&String> = (0..2).map(|_| random.pick(&made.principals)).collect();
        statements.push(json!({"Effect": "Allow", "Principal": {"AWS": some}, "Action": "sts:AssumeRole"}));
    }
    for _ in 0..1 + random.below(2) {
        let other = random.pick(&made.accounts);
        let (principal, percent) = match random.below(10) {
            0 => (json!({"AWS": random.pick(&made.principals)}), 20),
            1 => (
                json!({"AWS": [random.pick(&made.roles).0, random.pick(&made.users).0]}),
                20,
            ),
            2 => (json!({"AWS": format!("arn:aws:iam::{account}:root")}), 20),
            3 => (json!({"AWS": format!("arn:aws:iam::{other}:root")}), 30),
            4..=6 => (json!({"Service": "lambda.amazonaws.com"}), 0),
            7 => (json!({"AWS": random.pick(&[VENDOR, BLIND])}), 60),
            8 => (
                json!({"AWS": format!("arn:aws:iam::{}:role/Vendor", random.pick(&[VENDOR, BLIND]))}),
                50,
            ),
            _ => (json!(random.pick(&[json!("*"), json!({"AWS": "*"})])), 200),
        };
        let condition = match percent {
            200 => Some(conditions::of_anyone(random, made)),
            0 if random.chance(25) => Some(json!({"StringEquals": {"aws:SourceAccount": other}})),
            0 if random.chance(15) => Some(conditions::any(random, made)),
            _ => random.chance(percent).then(|| conditions::of_trust(random, made)),
        };
        statements.push(with(
            json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}),
            condition,
        ));
    }
    if random.chance(10) {
        statements.push(with(
            json!({"Effect": "Deny", "Principal": {"AWS": random.pick(&made.principals)}, "Action": "sts:AssumeRole"}),
            sometimes(random, made, 60),
        ));
    }
    document(&statements)
}

fn workloads(random: &mut Random, made: &Made, out: &mut Vec<Value>) {
    for (n, (id, account)) in made.functions.iter().enumerate() {
        let own: Vec<&String> = made
            .roles
            .iter()
            .filter(|(_, of)| of == account)
            .map(|(id, _)| id)
            .collect();
        let refs: Vec<Value> = if own.is_empty() {
            Vec::new()
        } else {
            vec![json!({"rel": "RUNS_AS", "to": random.pick(&own)})]
        };
        let policies = policy_of_resource(random, made, account, "lambda:InvokeFunction", &[json!(id)], 40);
        out.push(json!({"kind": "lambda_function", "id": id, "name": format!("f{n}"), "account": account, "region": "eu-west-1",
            "tags": tags(random), "policies": policies, "refs": refs}));
    }
}

/// None, or a policy of a function, bucket, queue …
fn policy_of_resource(
    random: &mut Random,
    made: &Made,
    account: &str,
    action: &str,
    on: &[Value],
    percent: usize,
) -> Vec<Value> {
    if !random.chance(percent) {
        return Vec::new();
    }
    let service = action.split(':').next().unwrap();
    let mut statements = Vec::new();
    for _ in 0..1 + random.below(2) {
        let action = if random.chance(30) {
            json!(format!("{service}:*"))
        } else {
            json!(action)
        };
        let resource = random.pick(on).clone();
        let other = random.pick(&made.accounts).clone();
        let allow = |principal: Value, condition: Option<Value>| {
            with(
                json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}),
                condition,
            )
        };
        let deny = |key: &str, principal: Value, condition: Option<Value>| {
            with(
                json!({"Effect": "Deny", key: principal, "Action": action, "Resource": resource}),
                condition,
            )
        };
        statements.push(match random.below(9) {
            0 | 1 => allow(
                json!({"AWS": random.pick(&made.principals)}),
                sometimes(random, made, 20),
            ),
            2 => allow(
                json!({"AWS": format!("arn:aws:iam::{other}:root")}),
                sometimes(random, made, 30),
            ),
            3 => allow(json!({"AWS": account}), None),
            4 => allow(json!("*"), Some(conditions::of_anyone(random, made))),
            5 => allow(json!({"AWS": VENDOR}), sometimes(random, made, 30)),
            6 => deny("Principal", json!("*"), Some(conditions::any(random, made))),
            7 => deny(
                "NotPrincipal",
                json!({"AWS": [random.pick(&made.principals), format!("arn:aws:iam::{account}:root")]}),
                sometimes(random, made, 30),
            ),
            _ => deny("Principal", json!({"AWS": random.pick(&made.principals)}), None),
        });
    }
    vec![json!({"slot": "resource", "document": document(&statements)})]
}

fn data(random: &mut Random, made: &Made, out: &mut Vec<Value>) {
    for (id, account) in &made.keys {
        out.push(key(random, made, id, account));
    }
    let mut add = |kind: &str, (id, account): &(String, String), action: &str, below: Option<&str>| {
        let mut on = vec![json!(id)];
        on.extend(below.map(|below| json!([id, format!("{id}{below}")])));
        if kind == "s3_bucket" {
            on.push(json!(format!("{id}/home/${{aws:username}}/*")));
            on.push(json!(format!("{id}/logs/*")));
        }
        let policies = policy_of_resource(random, made, account, action, &on, 45);
        let mut refs = Vec::new();
        if random.chance(40) {
            let key = if random.chance(10) {
                "arn:aws:kms:eu-west-1:111111111111:key/99999999-0000-0000-0000-000000000000"
            } else {
                &random.pick(&made.keys).0
            };
            refs.push(json!({"rel": "ENCRYPTED_WITH", "to": key}));
        }
        let mut attrs = json!({});
        if kind == "s3_bucket" && random.chance(30) {
            attrs["block_public_access"] = json!({"restrict_public_buckets": true});
        }
        if kind == "secrets_manager_secret" && random.chance(60) {
            let user = random.pick(&made.users).0.rsplit('/').next().unwrap();
            attrs["description"] = json!(format!("access key of {user} for the build"));
        }
        let name = id.rsplit([':', '/']).next().unwrap();
        out.push(json!({"kind": kind, "id": id, "name": name, "account": account, "region": "eu-west-1", "tags": tags(random),
            "attrs": attrs, "policies": policies, "refs": refs}));
    };
    for bucket in &made.buckets {
        add("s3_bucket", bucket, "s3:GetObject", Some("/*"));
    }
    for table in &made.tables {
        add("dynamodb_table", table, "dynamodb:GetItem", Some("/index/*"));
    }
    for secret in &made.secrets {
        add(
            "secrets_manager_secret",
            secret,
            "secretsmanager:GetSecretValue",
            None,
        );
    }
    for queue in &made.queues {
        add("sqs_queue", queue, "sqs:SendMessage", None);
    }
}

fn key(random: &mut Random, made: &Made, id: &str, account: &str) -> Value {
    let root = json!({"AWS": format!("arn:aws:iam::{account}:root")});
    let mut statements = Vec::new();
    if random.chance(60) {
        statements.push(json!({"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}));
    }
    if random.chance(50) {
        let principal = match random.below(3) {
            0 => json!("*"),
            1 => json!({"AWS": format!("arn:aws:iam::{}:root", random.pick(&made.accounts))}),
            _ => json!({"AWS": random.pick(&made.principals)}),
        };
        let condition = match random.below(4) {
            0 => Some(json!({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}})),
            1 => Some(json!({"StringEquals": {"kms:CallerAccount": account}})),
            2 => Some(conditions::any(random, made)),
            _ => None,
        };
        statements.push(with(
            json!({"Effect": "Allow", "Principal": principal, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}),
            condition,
        ));
    }
    if random.chance(15) {
        let condition = sometimes(random, made, 60);
        statements.push(with(
            json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}),
            condition,
        ));
    }
    let mut attrs = json!({"manager": "CUSTOMER"});
    if random.chance(20) {
        attrs["grants"] = json!([{"grantee": random.pick(&made.principals), "operations": ["Decrypt"]}]);
    }
    json!({"kind": "kms_key", "id": id, "name": id.rsplit('/').next(), "account": account, "region": "eu-west-1", "attrs": attrs,
        "policies": [{"slot": "key", "document": document(&statements)}]})
}
