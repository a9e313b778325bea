//! What is answered.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HOST, Server};
use crate::config::Config;

/// One question of each kind.
const QUESTIONS: &[&str] = &[
    "/meta",
    "/overview",
    "/search?q=elliot",
    "/actions?q=s3:getob",
    "/entities?type=resource&sensitivity=restricted",
    "/entity?id=Elliot",
    "/edges?id=Elliot&direction=out",
    "/document?policy_id=arn:aws:iam::222222222222:policy/AllSafeAssumeVault",
    "/paths?from=Elliot",
    "/paths?to=CustomerRecords",
    "/paths?from=LockedReader&blocked=true",
    "/who-can?action=s3:GetObject&resource=acme-prod-customer-exports",
    "/can?id=Elliot",
    "/explain?principal=Elliot&action=s3:GetObject&resource=acme-prod-customer-exports",
    "/blast-radius?id=Elliot",
    "/reached-by?id=CustomerRecords",
    "/choke-points",
    "/compare",
    "/findings",
    "/suppressions",
    "/rules",
    "/evidence",
    "/who-did?action=dynamodb:GetItem&resource=CustomerRecords",
    "/unused",
    "/coverage",
];

#[test]
fn every_question_has_an_answer_and_is_not_sent_twice() {
    let server = Server::new("questions");
    for question in QUESTIONS {
        let got = server.get(question);
        assert_eq!(
            got.status,
            StatusCode::OK,
            "{question}: {}",
            String::from_utf8_lossy(&got.body)
        );
        assert_eq!(got.header("content-type"), "application/json", "{question}");
        let tag = got.header("etag").to_owned();
        let token = format!("Bearer {}", server.viewer);
        let headers = [("authorization", token.as_str()), ("if-none-match", tag.as_str())];
        let again = server.ask(&Method::GET, &format!("/api/v1{question}"), &headers, "");
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{question}");
        assert!(again.body.is_empty());
    }
}

#[test]
fn the_answers_are_those_of_the_command_line() {
    // The command line's own tests hold these against AWS's rules; here it is only that nothing is lost on the way.
    let server = Server::new("same");
    let reached = server.get("/reached-by?id=CustomerRecords").json();
    assert_eq!(
        reached["total"].as_u64().unwrap() as usize,
        reached["origins"].as_array().unwrap().len()
    );
    let paths = server.get("/paths?from=SecOpsAdmin&to=CustomerRecords").json();
    let path = &paths["items"][0];
    assert!(
        path["execution_30d"].as_u64().unwrap() > 0,
        "its evidence is there: {path}"
    );
    let one = format!(
        "/path?id={}&from={}&to={}",
        path["id"].as_str().unwrap(),
        path["origin"]["id"].as_str().unwrap(),
        path["target"]["id"].as_str().unwrap()
    );
    assert_eq!(&server.get(&one).json(), path);
}

#[test]
fn where_there_is_no_path_what_is_nearest_is_told() {
    let server = Server::new("nearest");
    let got = server
        .get("/paths?from=LockedReader&to=acme-prod-kms-locked")
        .json();
    assert_eq!(got["total"], 0);
    let nearest = &got["no_path"]["nearest"];
    assert_eq!(nearest["verdict"], "denied");
    assert!(
        nearest["blocked_by"][0]["text"].as_str().unwrap().contains("key"),
        "{nearest}"
    );
    let id = nearest["id"].as_str().unwrap();
    let one = server.get(&format!(
        "/path?id={id}&from=LockedReader&to=acme-prod-kms-locked"
    ));
    assert_eq!(
        one.status,
        StatusCode::OK,
        "a stopped path can be linked to as well"
    );
}

#[test]
fn what_was_seen_is_an_edge() {
    let server = Server::new("executed");
    let out = server
        .get("/edges?id=InvoiceExporterRole&edge=EXECUTED&direction=out")
        .json();
    let bucket = out["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|edge| edge["to"]["name"] == "acme-prod-invoices")
        .unwrap_or_else(|| panic!("{out}"));
    assert!(bucket["seen"]["count"].as_u64().unwrap() > 10, "{bucket}");
    let back = server
        .get("/edges?id=acme-prod-invoices&edge=EXECUTED&direction=in")
        .json();
    assert_eq!(
        back["items"][0]["seen"], bucket["seen"],
        "both ends tell the same"
    );
    let never = server
        .get("/edges?id=LockedReader&edge=EXECUTED&direction=out")
        .json();
    assert_eq!(never["total"], 0);
}

#[test]
fn pages_have_everything_once() {
    let server = Server::new("pages");
    for (first, key) in [
        ("/entities?limit=37", "/entity/id"),
        ("/findings?limit=7", "/id"),
        ("/paths?from=Elliot&limit=5", "/id"),
        ("/search?q=a&limit=50", "/entity/id"),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        let total = loop {
            let page = server.get(&format!("{first}{cursor}")).json();
            let items = page["items"].as_array().unwrap();
            seen.extend(
                items
                    .iter()
                    .map(|item| item.pointer(key).unwrap().clone().to_string()),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break page["total"].as_u64().unwrap() as usize,
            }
        };
        assert_eq!(seen.len(), total, "{first}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), total, "{first}");
        assert!(total > 10, "{first}");
    }
}

#[test]
fn what_cannot_be_answered_says_why() {
    let server = Server::new("problems");
    let kind = |path: &str| {
        let got = server.get(path);
        let value = got.json();
        assert_eq!(value["status"], got.status.as_u16(), "{path}");
        assert_eq!(got.header("content-type"), "application/problem+json", "{path}");
        (got.status.as_u16(), value)
    };
    let (status, value) = kind("/entity?id=Eliot");
    assert_eq!(status, 404);
    assert_eq!(value["near"][0], "Elliot");
    let (status, value) = kind("/entity?id=OrganizationAccountAccessRole");
    assert_eq!(status, 409);
    assert!(value["near"].as_array().unwrap().len() > 1);
    for path in [
        "/entity",
        "/entity?id=Elliot&what=ever",
        "/paths",
        "/entities?limit=many",
        "/entities?cursor=x",
        "/who-can?action=s3:GetObjekt&resource=acme-prod-customer-exports",
        "/who-can?action=dynamodb:GetItem&resource=acme-prod-customer-exports",
        "/explain?principal=Elliot&action=s3:*&resource=acme-prod-customer-exports",
        "/findings?severity=terrible",
        "/export?format=pdf",
    ] {
        assert_eq!(kind(path).0, 422, "{path}");
    }
    for path in [
        "/findings/finding-0",
        "/findings?account=Nowhere",
        "/nothing",
        "/path?id=x&from=Elliot&to=CustomerRecords",
    ] {
        assert_eq!(kind(path).0, 404, "{path}");
    }
    let got = server.change(&Method::POST, "/meta", "{}");
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    let large = "x".repeat(5 << 20);
    assert_eq!(
        server.change(&Method::POST, "/what-if", &large).status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(
        server.change(&Method::POST, "/what-if", "{").status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        server.change(&Method::POST, "/what-if", "{}").status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[test]
fn a_finding_is_accepted_and_taken_back() {
    let server = Server::new("accept");
    let list = server.get("/findings").json();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let before = server.get("/overview").json()["findings"].clone();
    assert!(before.get("suppressed").is_none());
    let body = json!({ "reason": "a <b>known</b> risk: \"x\"\n# not a comment", "until": "2099-01-31" });
    let path = format!("/findings/{id}/suppress");
    let got = server.change(&Method::POST, &path, &body.to_string()).json();
    assert_eq!(got["status"]["state"], "suppressed");
    assert_eq!(got["status"]["reason"], body["reason"]);
    assert_eq!(got["status"]["by"], "token:analyst");
    let after = server.get("/overview").json();
    assert_eq!(
        after["findings"]["suppressed"], 1,
        "answers that were kept are not given again"
    );
    assert_ne!(after["top"][0]["id"], json!(id));
    let yaml = server.get("/suppressions").json()["yaml"]
        .as_str()
        .unwrap()
        .to_owned();
    sv0_rules::lifecycle::Suppressions::parse(&yaml).unwrap();
    let bad = json!({ "reason": "x", "until": "someday" }).to_string();
    assert_eq!(
        server.change(&Method::POST, &path, &bad).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let bad = json!({ "reason": "  ", "until": null }).to_string();
    assert_eq!(
        server.change(&Method::POST, &path, &bad).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let back = server.change(&Method::DELETE, &path, "").json();
    assert_eq!(back["status"]["state"], "open");
    assert_eq!(server.get("/overview").json()["findings"], before);
}

#[test]
fn the_same_snapshot_is_not_different() {
    let got = Server::new("no-difference").get("/compare").json();
    for field in ["changes", "gained", "lost", "new_findings", "gone_findings"] {
        assert_eq!(got[field], json!([]), "{field}");
    }
}

#[test]
fn a_findings_fix_can_be_tried() {
    let server = Server::new("fix");
    let list = server.get("/findings?rule=oidc-no-subject").json();
    let id = list["items"][0]["id"].as_str().unwrap();
    let finding = server.get(&format!("/findings/{id}")).json();
    let fix = &finding["fixes"][0];
    assert_eq!(fix["proof"]["finding_gone"], true);
    let document = &fix["documents"][0];
    let change = json!({ "documents": [{
        "policy_id": document["holder"], "slot": document["slot"], "policy": document["policy"],
        "json": document["after"],
    }] });
    let would = server
        .change(&Method::POST, "/what-if", &change.to_string())
        .json();
    assert_eq!(would["gained_total"], 0, "{would}");
    assert!(would["lost_total"].as_u64().unwrap() > 0);
    let cut = json!({ "remove_edges": [{ "from": "allsafe/prod-access-key", "to": "AllSafeProd" }] });
    let would = server.change(&Method::POST, "/what-if", &cut.to_string()).json();
    assert_eq!(would["lost_total"], 41, "as `sv0 what-if` says");
}

#[test]
fn every_format_is_a_file() {
    let server = Server::new("formats");
    for format in ["json", "jsonl", "markdown", "html", "sarif", "ocsf", "asff"] {
        let got = server.get(&format!("/export?format={format}"));
        assert_eq!(got.status, StatusCode::OK, "{format}");
        assert!(
            got.header("content-disposition")
                .starts_with("attachment; filename=\"sv0-findings."),
            "{format}"
        );
        assert!(got.body.len() > 1_000, "{format}");
    }
}

#[test]
fn a_document_comes_with_the_statement_that_decides() {
    let server = Server::new("document");
    let paths = server.get("/paths?from=Elliot").json();
    let mut looked = 0;
    for path in paths["items"].as_array().unwrap() {
        for statement in path["hops"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|hop| hop["statements"].as_array().into_iter().flatten())
        {
            let got = server.get(&format!(
                "/document?policy_id={}&policy={}",
                statement["policy_id"].as_str().unwrap(),
                statement["policy"].as_str().unwrap().replace(' ', "+")
            ));
            assert_eq!(
                got.status,
                StatusCode::OK,
                "{statement}: {}",
                String::from_utf8_lossy(&got.body)
            );
            let document: Value = serde_json::from_str(got.json()["json"].as_str().unwrap()).unwrap();
            let place = statement["json_path"].as_str().unwrap();
            let number: usize = place
                .trim_start_matches("Statement[")
                .trim_end_matches(']')
                .parse()
                .unwrap_or(0);
            let found = match &document["Statement"] {
                Value::Array(list) => &list[number],
                one => one,
            };
            assert_eq!(found["Effect"], statement["effect"], "{place}");
            looked += 1;
        }
    }
    assert!(looked > 10);
}

#[test]
fn large_answers_are_sent_small() {
    let server = Server::new("small");
    let token = format!("Bearer {}", server.viewer);
    let headers = [
        ("authorization", token.as_str()),
        ("accept-encoding", "br, gzip"),
        ("host", HOST),
    ];
    let got = server.ask(&Method::GET, "/api/v1/overview", &headers, "");
    assert_eq!(got.header("content-encoding"), "br");
    assert!(got.body.len() * 4 < server.get("/overview").body.len());
}

#[test]
fn hostile_names_stay_text() {
    // Whatever people call things, it is data: JSON that no browser takes for a page.
    let evil = "<img src=x onerror=alert(1)>";
    let text = sv0_demo::SNAPSHOT.replace("\"name\":\"Elliot\"", &format!("\"name\":\"{evil}\""));
    assert_ne!(text, sv0_demo::SNAPSHOT);
    let server = Server::of("hostile", &text, Config::default());
    let got = server.get("/entity?id=arn:aws:iam::222222222222:user/Elliot");
    assert_eq!(got.json()["entity"]["name"], evil);
    assert_eq!(got.header("content-type"), "application/json");
    let html = server.get("/export?format=html");
    assert!(html.header("content-disposition").starts_with("attachment"));
    assert!(!String::from_utf8_lossy(&html.body).contains(evil));
}
