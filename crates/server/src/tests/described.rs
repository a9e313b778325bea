//! The API's description.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::Server;

/// Every `$ref` in a document.
fn refs<'a>(value: &'a Value, out: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref") {
                out.insert(to);
            }
            map.values().for_each(|value| refs(value, out));
        }
        Value::Array(list) => list.iter().for_each(|value| refs(value, out)),
        _ => {}
    }
}

#[test]
fn it_names_every_endpoint_and_leads_nowhere_that_is_not_there() {
    let server = Server::new("described");
    let document = server.ask(&Method::GET, "/openapi.json", &[], "").json();
    assert_eq!(document["openapi"], "3.1.0");
    for endpoint in crate::api::endpoints() {
        let operation =
            &document["paths"][format!("/api/v1{}", endpoint.path)][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.operation);
        assert_ne!(
            operation["responses"]["200"]["content"],
            Value::Null,
            "{}",
            endpoint.path
        );
    }
    let mut all = BTreeSet::new();
    refs(&document, &mut all);
    assert!(all.len() > 30);
    for to in all {
        let pointer = to.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{to}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Path", "Finding", "WhoAnswer", "EntityRef"] {
        assert!(
            schemas.keys().any(|key| key.starts_with(name)),
            "{name}: {:?}",
            schemas.keys()
        );
    }
}

#[test]
fn the_page_is_made_for_this_api() {
    let server = Server::new("page-api");
    let now = server.ask(&Method::GET, "/openapi.json", &[], "").body;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
    if std::env::var_os("SV0_WRITE_DOCS").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    assert!(
        std::fs::read(file).unwrap() == now,
        "the API changed: SV0_WRITE_DOCS=1 cargo test -p sv0-server, then `npm run types` and `make web`"
    );
}
