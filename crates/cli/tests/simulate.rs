//! `sv0 simulate` as its user meets it, and against the JSON schema that describes it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .arg("simulate")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(args: &[&str], input: &str) -> (Vec<Value>, Output) {
    let mut child = start(args);
    let mut to = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // The command may end before it has read everything.
        let _ = to.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    (
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        output,
    )
}

fn request(id: usize) -> Value {
    let resource = if id.is_multiple_of(2) {
        "arn:aws:s3:::b/*"
    } else {
        "arn:aws:s3:::c/*"
    };
    json!({
        "id": id,
        "principal": "arn:aws:iam::111111111111:user/bob",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/x",
        "identity_policies": [{ "Version": "2012-10-17", "Statement":
            { "Effect": "Allow", "Action": "s3:*", "Resource": resource } }],
    })
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let lines: String = (0..3000).map(|id| format!("{}\n", request(id))).collect();
    let file = std::env::temp_dir().join(format!("sv0-simulate-{}.jsonl", std::process::id()));
    std::fs::write(&file, &lines).unwrap();
    for (args, input) in [
        (vec![], lines.as_str()),
        (vec!["--threads", "4", file.to_str().unwrap()], ""),
        (vec!["-", "--threads", "1"], lines.as_str()),
    ] {
        let (answers, output) = run(&args, input);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(answers.len(), 3000);
        for (id, answer) in answers.iter().enumerate() {
            assert_eq!(answer["id"], id);
            let wanted = if id.is_multiple_of(2) {
                "allowed"
            } else {
                "implicit_deny"
            };
            assert_eq!(answer["decision"], wanted);
        }
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_bad_line_does_not_stop_the_rest() {
    let input = format!(
        "{}\n\nnonsense\n{{\"id\":\"x\",\"principal\":\"*\"}}\n{}",
        request(0),
        request(1)
    );
    let (answers, output) = run(&[], &input);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[1]["line"], 3);
    assert_eq!(answers[2]["id"], "x");
    assert!(
        answers[2]["error"]
            .as_str()
            .unwrap()
            .starts_with("line 4: missing field `action`")
    );
    assert_eq!(answers[3]["decision"], "implicit_deny");
}

#[test]
fn an_answer_does_not_wait_for_the_next_request() {
    let mut child = start(&[]);
    let mut to = child.stdin.take().unwrap();
    let mut from = BufReader::new(child.stdout.take().unwrap());
    for id in 0..3 {
        writeln!(to, "{}", request(id)).unwrap();
        to.flush().unwrap();
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], id);
    }
    drop(to);
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_input_and_no_file() {
    let (answers, output) = run(&[], "");
    assert_eq!((answers.len(), output.status.code()), (0, Some(0)));
    let (_, output) = run(&["/nonexistent/requests.jsonl"], "");
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/requests.jsonl"));
}

/// The names of an object that the schema describes, and those that must be there.
fn described(schema: &Value, name: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let definition = &schema["$defs"][name];
    let all = definition["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let needed = definition["required"].as_array().unwrap();
    (
        all,
        needed.iter().map(|n| n.as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn the_schema_describes_what_is_printed_and_read() {
    let text = include_str!("../../../docs/simulate.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");

    let unknown = json!([{ "key": "aws:SourceIp", "presence": "known", "value": "unknown" }]);
    let condition = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let policy = |condition: &Value| {
        json!({ "Version": "2012-10-17", "Statement":
            [{ "Sid": "S", "Effect": "Allow", "Action": "s3:Nothing", "NotResource": "x", "Condition": condition },
             { "Sid": "T", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition }] })
    };
    let mut if_so = request(0);
    if_so["unknown"] = unknown.clone();
    if_so["explain"] = json!(true);
    if_so["identity_policies"] = json!([{ "name": "p", "policy": policy(&condition) }]);
    // An operator that AWS does not have: nobody knows a request that it lets through.
    let mut nobody_knows = if_so.clone();
    nobody_knows["identity_policies"] =
        json!([policy(&json!({ "IpAdress": { "aws:SourceIp": "10.0.0.0/8" } }))]);
    let mut odd = request(1);
    odd["action"] = json!("s3:NoSuchAction");
    let input = [request(0), if_so, nobody_knows, odd]
        .map(|r| r.to_string())
        .join("\n");
    let (answers, _) = run(&[], &format!("{input}\n{{}}"));

    let (all, needed) = described(&schema, "decision");
    let mut seen = BTreeSet::new();
    for answer in &answers[..4] {
        let names: BTreeSet<String> = answer.as_object().unwrap().keys().cloned().collect();
        assert!(names.is_subset(&all) && needed.is_subset(&names), "{answer}");
        seen.extend(names);
    }
    assert_eq!(seen, all, "every field of a decision is shown once");
    let names: BTreeSet<String> = answers[4].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, described(&schema, "error").1);

    // Every field of a request is read, and with null as with nothing.
    let (all, needed) = described(&schema, "request");
    for name in all.difference(&needed) {
        let mut asked = request(0);
        if name != "id" && name != "identity_policies" {
            asked[name.as_str()] = Value::Null;
            let (answers, _) = run(&[], &asked.to_string());
            assert_eq!(answers[0]["decision"], "allowed", "{name}: {}", answers[0]);
        }
    }
}
