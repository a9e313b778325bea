use serde_json::{Value, json};

use super::*;

const BOB: &str = "arn:aws:iam::111111111111:user/bob";

fn ask_line(line: &str) -> (Value, Outcome) {
    let mut out = Vec::new();
    let outcome = Simulator::default().answer(7, line.as_bytes(), &mut out);
    (serde_json::from_slice(&out).unwrap(), outcome)
}

/// Asks about bob reading an object, with more fields.
fn ask(more: Value) -> Value {
    let mut request = json!({ "id": "q", "principal": BOB, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/home/bob/x" });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    let (answer, outcome) = ask_line(&request.to_string());
    assert_eq!(outcome, Outcome::Answered, "{answer}");
    assert_eq!(answer["id"], "q");
    answer
}

fn allow(condition: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "A", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition }
    ]})
}

fn unknown(key: &str, presence: &str, value: &str) -> Value {
    json!({ "key": key, "presence": presence, "value": value })
}

#[test]
fn a_decision_and_its_reasons() {
    let answer = ask(json!({ "identity_policies": [{ "name": "p", "policy": allow(json!({})) }] }));
    assert_eq!(answer["decision"], "allowed");
    assert_eq!(
        answer["deciding"],
        json!([{ "layer": "identity", "policy": "identity_policies[0]", "name": "p", "statement": 0, "sid": "A",
                 "effect": "Allow", "certain": true }])
    );
    assert!(answer.get("warnings").is_none() && answer.get("condition").is_none());

    let answer = ask(json!({
        "identity_policies": [allow(json!({}))],
        "permission_boundaries": [allow(json!({ "Bool": { "aws:SecureTransport": "true" } }))],
        "service_control_policies": [[allow(json!({}))], []],
    }));
    assert_eq!(answer["decision"], "implicit_deny");
    assert_eq!(
        answer["blocked_by"],
        json!([{ "layer": "boundary", "level": 0, "explicit": false }, { "layer": "scp", "level": 1, "explicit": false }])
    );
}

#[test]
fn the_context_keys_that_could_change_the_answer_are_named_on_demand() {
    let policies = json!([
        { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/home/${aws:username}/*" },
            { "Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "true" } } },
            { "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": { "NotIpAddress": { "AWS:SourceIp": "10.0.0.0/8" } } },
        ]}
    ]);
    let known = |ip: &str, more: Value| {
        let mut request = json!({
            "context": { "aws:username": "bob", "aws:SourceIp": ip }, "identity_policies": policies.clone(), "explain": true
        });
        for (key, value) in more.as_object().unwrap() {
            request[key] = value.clone();
        }
        ask(request)
    };
    let allowed = known("10.1.2.3", json!({}));
    assert_eq!(allowed["decision"], "allowed");
    assert_eq!(
        allowed["context_keys"],
        json!(["AWS:SourceIp", "aws:username"]),
        "not the one of another service's statement"
    );
    let denied = known("203.0.113.7", json!({}));
    assert_eq!(denied["decision"], "explicit_deny");
    assert_eq!(
        denied["context_keys"],
        json!(["AWS:SourceIp"]),
        "another user name does not help"
    );
    let boundary = json!({ "permission_boundaries": [{ "Statement": { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" } }] });
    assert_eq!(known("10.1.2.3", boundary)["context_keys"], json!([]));
    let open = json!({ "unknown": [unknown("aws:SourceIp", "unknown", "unknown")] });
    let perhaps = known("10.1.2.3", open);
    assert_eq!(perhaps["decision"], "allowed_if");
    assert_eq!(perhaps["context_keys"], json!(["AWS:SourceIp"]));
    let plain = ask(json!({ "identity_policies": policies }));
    assert!(plain.get("context_keys").is_none());
}

#[test]
fn what_aws_refuses_by_itself_has_a_layer_and_no_statement() {
    let public =
        json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" } });
    let request = json!({ "principal": "*", "resource_account": "222222222222", "resource_policy": public });
    assert_eq!(ask(request.clone())["decision"], "allowed");
    let mut blocked = request;
    blocked["block_public_access"] = true.into();
    let answer = ask(blocked);
    assert_eq!(answer["decision"], "explicit_deny");
    assert_eq!(
        answer["blocked_by"],
        json!([{ "layer": "block_public_access", "explicit": true }])
    );
    assert_eq!(answer["deciding"], json!([]));

    let answer = ask(json!({
        "action": "iam:DeletePolicy",
        "resource": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "identity_policies": [{ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }],
    }));
    assert_eq!(
        answer["blocked_by"],
        json!([{ "layer": "protected", "explicit": false }])
    );
}

#[test]
fn a_policy_may_be_text_and_its_oddities_are_told() {
    let text = allow(json!({ "StringEqals": { "aws:x": "y" } })).to_string();
    let answer = ask(json!({ "identity_policies": [text] }));
    assert_eq!(
        answer["decision"], "allowed_if",
        "nobody knows what StringEqals means"
    );
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("identity_policies[0]: AWS would refuse this"),
        "{warning}"
    );
    assert!(
        answer["no_witness"]["text"]
            .as_str()
            .unwrap()
            .starts_with("no completion was found")
    );
}

#[test]
fn a_key_policy_and_a_trust_policy_are_needed() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/k";
    let all = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let answer = ask(json!({ "action": "kms:Decrypt", "resource": key, "identity_policies": [all] }));
    assert_eq!(
        answer["blocked_by"],
        json!([{ "layer": "resource", "explicit": false }])
    );
    assert!(answer["warnings"][0].as_str().unwrap().contains("key policy"));
    let alias = "arn:aws:kms:eu-west-1:111111111111:alias/a";
    let answer = ask(json!({ "action": "kms:DeleteAlias", "resource": alias, "identity_policies": [all] }));
    assert_eq!(answer["decision"], "allowed");

    let role = "arn:aws:iam::111111111111:role/R";
    let trust = json!({ "Version": "2012-10-17", "Statement":
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "111111111111" } } });
    let answer = ask(
        json!({ "action": "sts:AssumeRole", "resource": role, "identity_policies": [all], "resource_policy": trust }),
    );
    assert_eq!(answer["decision"], "allowed");
    assert!(answer.get("warnings").is_none());
}

#[test]
fn unknown_keys_and_a_witness() {
    let home = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/home/${aws:username}/*",
          "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" }, "NumericLessThan": { "aws:MultiFactorAuthAge": "300" } } },
        { "Effect": "Deny", "Action": "s3:*", "Resource": "*",
          "Condition": { "ForAllValues:StringNotLike": { "aws:PrincipalOrgPaths": "o-1/*" } } },
    ]});
    let answer = ask(json!({ "identity_policies": [home], "unknown": [
        unknown("aws:username", "unknown", "unknown"),
        unknown("aws:SourceIp", "known", "unknown"),
        unknown("aws:MultiFactorAuthAge", "unknown", "unknown"),
        unknown("aws:PrincipalOrgPaths", "unknown", "unknown"),
    ]}));
    assert_eq!(answer["decision"], "allowed_if");
    let witness = &answer["witness"]["context"];
    assert_eq!(witness["aws:username"], "bob");
    assert_eq!(witness["aws:MultiFactorAuthAge"], "299");
    assert_eq!(witness["aws:PrincipalOrgPaths"], json!(["o-1/"]));
    let condition = answer["condition"].as_array().unwrap();
    assert_eq!(condition.len(), 2);
    assert_eq!(condition[0]["all"][1]["operator"], "IpAddress");
    assert_eq!(condition[1]["negated"], true);
}

#[test]
fn a_witness_is_allowed_when_asked_again() {
    let conditions = [
        json!({ "StringLike": { "aws:PrincipalTag/t": "a*b?" }, "StringNotEquals": { "aws:PrincipalTag/t": "abx" } }),
        json!({ "StringEquals": { "aws:PrincipalTag/t": "${aws:username}" }, "Null": { "aws:username": "false" } }),
        json!({ "DateGreaterThan": { "aws:TokenIssueTime": "2026-01-01T00:00:00Z" } }),
        json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": "x" }, "ForAllValues:StringEquals": { "aws:TagKeys": ["x", "y"] } }),
        json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"] } }),
        json!({ "ArnNotLike": { "aws:SourceArn": "arn:aws:*:*:111111111111:*" }, "Null": { "aws:SourceArn": "false" } }),
        json!({ "BoolIfExists": { "aws:ViaAWSService": "true" }, "Null": { "aws:ViaAWSService": "false" } }),
    ];
    let keys = [
        "aws:PrincipalTag/t",
        "aws:username",
        "aws:TokenIssueTime",
        "aws:TagKeys",
        "aws:SourceIp",
        "aws:SourceArn",
        "aws:ViaAWSService",
    ];
    for condition in conditions {
        let policies = json!([allow(condition.clone())]);
        let open: Vec<Value> = keys
            .iter()
            .map(|key| unknown(key, "unknown", "unknown"))
            .collect();
        let answer = ask(json!({ "identity_policies": policies, "unknown": open }));
        assert_eq!(answer["decision"], "allowed_if", "{condition}");
        let mut context = answer["witness"]["context"]
            .as_object()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone();
        context.retain(|_, value| !value.is_null());
        let again = ask(json!({ "identity_policies": policies, "context": context }));
        assert_eq!(again["decision"], "allowed", "{condition}: {context:?}");
    }
}

#[test]
fn contradicting_conditions_are_a_denial() {
    let condition = json!({ "StringEquals": { "aws:PrincipalTag/t": "a" }, "StringLike": { "aws:PrincipalTag/t": "b*" } });
    let open = [unknown("aws:PrincipalTag/t", "known", "unknown")];
    let answer = ask(json!({ "identity_policies": [allow(condition)], "unknown": open }));
    assert_eq!(answer["decision"], "implicit_deny");
    assert_eq!(
        answer["blocked_by"],
        json!([{ "layer": "identity", "explicit": false }])
    );
}

#[test]
fn conditions_that_cover_every_case_are_no_conditions() {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } },
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": { "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } } },
    ]});
    let open = [unknown("aws:SourceIp", "unknown", "unknown")];
    let answer = ask(json!({ "identity_policies": [policy], "unknown": open }));
    assert_eq!(answer["decision"], "allowed");
    let deny = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } } },
        { "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } } },
    ]});
    let open = [unknown("aws:MultiFactorAuthPresent", "unknown", "unknown")];
    assert_eq!(
        ask(json!({ "identity_policies": [deny], "unknown": open }))["decision"],
        "explicit_deny"
    );
}

#[test]
fn many_unknown_keys_are_no_matter() {
    let keys: Vec<String> = (0..40).map(|n| format!("aws:PrincipalTag/k{n}")).collect();
    let each: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!(["a", "b"]))).collect();
    let mut never = each.clone();
    never.insert(keys[0].clone(), json!("c"));
    let open: Vec<Value> = keys.iter().map(|key| unknown(key, "known", "unknown")).collect();
    let condition = json!({ "StringEquals": each, "StringLike": never });
    let answer = ask(json!({ "identity_policies": [allow(condition)], "unknown": open }));
    assert_eq!(answer["decision"], "implicit_deny");
    let answer =
        ask(json!({ "identity_policies": [allow(json!({ "StringEquals": each }))], "unknown": open }));
    assert_eq!(answer["decision"], "allowed_if");
    assert_eq!(answer["witness"]["context"]["aws:PrincipalTag/k39"], "a");
    assert!(answer["counterexample"]["context"].is_object());
}

#[test]
fn presence_alone_is_counted_out() {
    let with = |operator: &str| {
        ask(json!({
            "identity_policies": [allow(json!({ operator: { "aws:SourceIp": "10.0.0.0/8" } }))],
            "context": { "aws:SourceIp": "10.1.1.1" },
            "unknown": [unknown("aws:sourceip", "unknown", "known")],
        }))
    };
    assert_eq!(with("IpAddressIfExists")["decision"], "allowed");
    assert_eq!(with("IpAddress")["decision"], "allowed_if");
    assert_eq!(
        with("IpAddress")["witness"]["context"]["aws:sourceip"],
        "10.1.1.1"
    );
    assert_eq!(
        with("NotIpAddress")["witness"]["context"]["aws:sourceip"],
        Value::Null
    );
}

#[test]
fn a_role_whose_session_decides() {
    let session = "arn:aws:sts::111111111111:assumed-role/R/s1";
    let policy = json!({ "Version": "2012-10-17", "Statement":
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": { "AWS": session } } });
    let answer = ask(
        json!({ "principal": "arn:aws:iam::111111111111:role/team/R", "resource_policy": policy,
        "resource_account": "111111111111" }),
    );
    assert_eq!(answer["decision"], "allowed_if");
    assert_eq!(answer["witness"]["principal"], session);
}

#[test]
fn bad_lines_say_why() {
    let error = |line: &str| {
        let (answer, outcome) = ask_line(line);
        assert_eq!(outcome, Outcome::Failed);
        assert_eq!(answer["line"], 7);
        (answer["id"].clone(), answer["error"].as_str().unwrap().to_owned())
    };
    let (id, text) =
        error(r#"{"id":4,"principal":"*","action":"s3:GetObject","resource":"*","policies":[]}"#);
    assert_eq!(id, 4);
    assert!(text.starts_with("line 7: unknown field `policies`"), "{text}");
    assert_eq!(error("{").0, Value::Null);
    assert!(
        error(r#"{"id":4,"principal":"*","action":"s3:Get*","resource":"*"}"#)
            .1
            .contains("not an action")
    );
    assert!(
        error(r#"{"principal":"*","action":"s3:GetObject","resource":""}"#)
            .1
            .contains("empty")
    );
    let (_, text) = error(r#"{"principal":"*","action":"a:b","resource":"*","identity_policies":[4]}"#);
    assert_eq!(
        text,
        "line 7: identity_policies[0]: a policy is an object, this is a number"
    );
    let (_, text) = error(r#"{"principal":"*","action":"a:b","resource":"*","context":{"k":1}}"#);
    assert!(text.contains("a string, or a list of strings"), "{text}");
    let known = r#"{"principal":"*","action":"a:b","resource":"*","unknown":[{"key":"k","presence":"unknown","value":"known"}]}"#;
    assert!(error(known).1.contains("`context` has none"));

    let mut out = Vec::new();
    assert_eq!(Simulator::default().answer(1, b" \r\n", &mut out), Outcome::Blank);
    assert_eq!(
        Simulator::default().answer(1, b"\xff\xfe", &mut out),
        Outcome::Failed
    );
}

#[test]
fn the_cache_tells_flavours_apart() {
    let document = json!({ "Version": "2012-10-17", "Statement":
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*" } });
    let answer = ask(json!({ "identity_policies": [document], "resource_policy": document }));
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().starts_with("identity_policies[0]"));
}
