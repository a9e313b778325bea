//! The API's description, OpenAPI 3.1, made from the endpoints and the types that they take and give.

use http::Method;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::auth::Role;
use crate::endpoint::Endpoint;
use crate::problem::Problem;

/// The document.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let refs = |settings: SchemaSettings| {
        settings.with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut given = refs(SchemaSettings::draft2020_12().for_serialize()).into_generator();
    let mut taken = refs(SchemaSettings::draft2020_12().for_deserialize())
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let problem = given.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints {
        let mut operation = Map::new();
        operation.insert("operationId".into(), endpoint.operation.into());
        operation.insert("summary".into(), endpoint.summary.into());
        operation.insert("security".into(), json!([{ "token": [] }, { "session": [] }]));
        if endpoint.role > Role::Viewer {
            let text = format!("Needs the role {}.", endpoint.role);
            operation.insert("description".into(), text.into());
        }
        let mut parameters = Vec::new();
        if endpoint.path.contains("{id}") {
            parameters.push(json!({
                "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
                "description": "The finding's id.",
            }));
        }
        if let Some(query) = endpoint.query {
            parameters.extend(query_parameters(query(&mut taken).as_value()));
        }
        if endpoint.method != Method::GET {
            parameters.push(json!({
                "name": "X-SV0-CSRF", "in": "header", "required": false, "schema": { "type": "string" },
                "description": "`csrf` of `/meta`; not needed with a token.",
            }));
        }
        operation.insert("parameters".into(), parameters.into());
        if let Some(body) = endpoint.body {
            let taken = json!({
                "required": true,
                "content": { "application/json": { "schema": body(&mut taken) } },
            });
            operation.insert("requestBody".into(), taken);
        }
        let ok = match endpoint.answer {
            Some(answer) => json!({ "application/json": { "schema": answer(&mut given) } }),
            None => {
                let media = [
                    "application/json",
                    "application/jsonl",
                    "text/markdown",
                    "text/html",
                    "application/sarif+json",
                ];
                media
                    .iter()
                    .map(|media| ((*media).to_owned(), json!({})))
                    .collect::<Map<String, Value>>()
                    .into()
            }
        };
        let mut responses = Map::new();
        responses.insert(
            "200".into(),
            json!({ "description": "The answer", "content": ok }),
        );
        if endpoint.method == Method::GET {
            responses.insert(
                "304".into(),
                json!({ "description": "As `If-None-Match` has it" }),
            );
        }
        let told = [
            ("401", "Not signed in"),
            ("403", "The role, the host or the CSRF token is wrong"),
            (
                "404",
                "Nothing is called so, or sv0 was started without what this needs",
            ),
            ("409", "Several things are called so"),
            ("413", "The body is too large"),
            ("422", "The request cannot be understood"),
            ("429", "Too many requests"),
            ("503", "Still being worked out"),
        ];
        for (status, text) in told {
            responses.insert(
                status.into(),
                json!({ "description": text, "content": { "application/problem+json": { "schema": problem } } }),
            );
        }
        operation.insert("responses".into(), responses.into());
        let method = endpoint.method.as_str().to_lowercase();
        let path = paths
            .entry(format!("/api/v1{}", endpoint.path))
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(method, operation.into());
        }
    }
    let schemas = given.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sv0",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Who or what can reach which data in an AWS organization, along which chain of authority, on whose say-so, whether it ever happened, and the smallest change that stops it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An API token: `sv0 token`." },
                "session": { "type": "apiKey", "in": "cookie", "name": "sv0", "description": "A browser's session." },
            },
        },
    })
}

/// The properties of a query's type, as parameters.
fn query_parameters(schema: &Value) -> Vec<Value> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            without_null(&mut schema);
            let mut out = Map::new();
            out.insert("name".into(), name.as_str().into());
            out.insert("in".into(), "query".into());
            out.insert("required".into(), required.contains(&name.as_str()).into());
            out.insert("schema".into(), schema);
            if let Some(text) = description {
                out.insert("description".into(), text);
            }
            out.into()
        })
        .collect()
}

/// A query has no null: what may be missing is not required, and else has its type.
fn without_null(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    if let Some(Value::Array(each)) = schema.get_mut("anyOf") {
        each.retain(|one| one.get("type") != Some(&Value::from("null")));
        if let [one] = each.as_slice() {
            *schema = one.clone();
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}
