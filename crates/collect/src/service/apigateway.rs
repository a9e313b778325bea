//! Amazon API Gateway: REST, HTTP and WebSocket APIs, who may call them, and what they run.
//!
//! Templates, parameters and the values of stage variables are not kept: only what an integration's address names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apigateway::types::{EndpointType, Resource, RestApi, Stage};
use aws_sdk_apigatewayv2::types as v2;
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::service::events::host;
use crate::text::{RecordExt, tags};

const GET: &[&str] = &["apigateway:GET"];
const GONE: &[&str] = &["NotFoundException"];

const GET_REST_APIS: Call = Call {
    operation: "GetRestApis",
    actions: GET,
    absent: &[],
    without: "REST APIs, and who may call them, are not known there",
};
const GET_RESOURCES: Call = Call {
    operation: "GetResources",
    actions: GET,
    absent: GONE,
    without: "what the REST API runs, and who may call it, is not known",
};
const GET_APIS: Call = Call {
    operation: "GetApis",
    actions: GET,
    absent: &[],
    without: "HTTP and WebSocket APIs are not known there",
};
const GET_ROUTES: Call = Call {
    operation: "GetRoutes",
    actions: GET,
    absent: GONE,
    without: "which routes the API has, and who may call them, is not known",
};
const GET_INTEGRATIONS: Call = Call {
    operation: "GetIntegrations",
    actions: GET,
    absent: GONE,
    without: "what the API runs is not known",
};
const GET_STAGES: Call = Call {
    operation: "GetStages",
    actions: GET,
    absent: GONE,
    without: "at which addresses the API can be called is not known",
};
const GET_AUTHORIZERS: Call = Call {
    operation: "GetAuthorizers",
    actions: GET,
    absent: GONE,
    without: "who decides about calls of the API is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "apigateway",
    title: "Amazon API Gateway",
    clients: &["API Gateway", "ApiGatewayV2"],
    scope: Scope::Regional,
    reads: "REST, HTTP and WebSocket APIs: policy, routes and their authorization, integrations and their roles, stages, authorizers, tags",
    calls: &[
        &GET_REST_APIS,
        &GET_RESOURCES,
        &GET_APIS,
        &GET_ROUTES,
        &GET_INTEGRATIONS,
        &GET_STAGES,
        &GET_AUTHORIZERS,
    ],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    rest_apis(cx).await;
    other_apis(cx).await;
}

/// What both generations of the service say of a route.
#[derive(Debug, Default)]
struct Route {
    /// `GET /orders`
    name: String,
    /// `NONE`, `AWS_IAM`, `CUSTOM`, `COGNITO_USER_POOLS`, `JWT`.
    authorization: String,
    authorizer: Option<String>,
    api_key: bool,
    integration: Option<Integration>,
}

/// What a route runs.
#[derive(Debug, Default, Clone)]
struct Integration {
    /// `AWS_PROXY`, `HTTP`, `MOCK` …
    form: String,
    /// What HTTP APIs call an integration with a service: `StepFunctions-StartExecution`.
    subtype: Option<String>,
    uri: String,
    /// The machine that an integration with Step Functions starts.
    machine: Option<String>,
    /// The role that it calls as.
    role: Option<String>,
}

/// Who decides about calls.
#[derive(Debug, Default)]
struct Authorizer {
    id: String,
    name: String,
    form: String,
    /// The function that decides.
    uri: Option<String>,
    role: Option<String>,
    /// User pools, or who issues the tokens.
    trusts: Vec<String>,
}

/// A stage's name and its variables, which integrations' addresses may hold.
type Stages = BTreeMap<String, HashMap<String, String>>;

async fn rest_apis(cx: &Cx) {
    let client = client!(cx, aws_sdk_apigateway);
    let apis = cx
        .pages(
            &GET_REST_APIS,
            None,
            |position| client.get_rest_apis().limit(500).set_position(position).send(),
            |page| (page.items.unwrap_or_default(), page.position),
        )
        .await;
    let client = &client;
    cx.each(apis, |api| async move {
        let id = api.id.clone().unwrap_or_default();
        let arn = arn(cx, &format!("restapis/{id}"));
        let mut record = Record::of(
            cx,
            Kind::ApiGateway,
            &arn,
            api.name.as_deref().unwrap_or_default(),
        );
        let resources = cx
            .pages(
                &GET_RESOURCES,
                Some(&arn),
                |position| {
                    client
                        .get_resources()
                        .rest_api_id(&id)
                        .embed("methods")
                        .limit(500)
                        .set_position(position)
                        .send()
                },
                |page| (page.items.unwrap_or_default(), page.position),
            )
            .await
            .or_lacks(&mut record);
        let stages = cx
            .call(&GET_STAGES, Some(&arn), || {
                client.get_stages().rest_api_id(&id).send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.item)
            .unwrap_or_default();
        let routes = rest_routes(resources);
        let mut authorizers = Vec::new();
        if routes.iter().any(|route| route.authorizer.is_some()) {
            authorizers = cx
                .pages(
                    &GET_AUTHORIZERS,
                    Some(&arn),
                    |position| {
                        client
                            .get_authorizers()
                            .rest_api_id(&id)
                            .limit(500)
                            .set_position(position)
                            .send()
                    },
                    |page| (page.items.unwrap_or_default(), page.position),
                )
                .await
                .or_lacks(&mut record)
                .into_iter()
                .map(|one| Authorizer {
                    id: one.id.unwrap_or_default(),
                    name: one.name.unwrap_or_default(),
                    form: one
                        .r#type
                        .map(|form| form.as_str().to_owned())
                        .unwrap_or_default(),
                    uri: one.authorizer_uri,
                    role: one.authorizer_credentials,
                    trusts: one.provider_arns.unwrap_or_default(),
                })
                .collect();
        }
        let stages = rest_stages(stages);
        let base = (!api.disable_execute_api_endpoint).then(|| {
            let suffix = if cx.partition() == "aws-cn" {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            format!("https://{id}.execute-api.{}.{suffix}", cx.region())
        });
        rest_facts(&mut record, api);
        route_facts(&mut record, &routes, &authorizers, &stages);
        address_facts(&mut record, base, &stages);
        cx.record(record);
    })
    .await;
}

fn arn(cx: &Cx, resource: &str) -> String {
    format!("arn:{}:apigateway:{}::/{resource}", cx.partition(), cx.region())
}

fn rest_facts(record: &mut Record, api: RestApi) {
    record.fact("protocol", "REST");
    record.fact_if("description", api.description);
    record.tags = tags(api.tags.unwrap_or_default());
    record.made(api.created_date.as_ref());
    if let Some(policy) = api.policy.filter(|policy| !policy.is_empty()) {
        record.policy(Slot::Resource, None, &unescaped(policy));
    }
    let endpoint = api.endpoint_configuration;
    let private = endpoint
        .as_ref()
        .and_then(|endpoint| endpoint.types.as_deref())
        .is_some_and(|types| types.contains(&EndpointType::Private));
    if private {
        record.fact("private", true);
        let mut from = endpoint
            .and_then(|endpoint| endpoint.vpc_endpoint_ids)
            .unwrap_or_default();
        from.sort();
        record.fact("vpc_endpoints", from);
    }
}

/// API Gateway gives a policy as the inside of a JSON string: `{\"Version\":…}`.
fn unescaped(policy: String) -> String {
    if serde_json::from_str::<Value>(&policy).is_ok() {
        return policy;
    }
    serde_json::from_str(&format!("\"{policy}\"")).unwrap_or(policy)
}

fn rest_stages(stages: Vec<Stage>) -> Stages {
    stages
        .into_iter()
        .map(|stage| {
            (
                stage.stage_name.unwrap_or_default(),
                stage.variables.unwrap_or_default(),
            )
        })
        .collect()
}

fn rest_routes(resources: Vec<Resource>) -> Vec<Route> {
    let mut routes = Vec::new();
    for resource in resources {
        let path = resource.path.unwrap_or_default();
        for (verb, method) in resource.resource_methods.unwrap_or_default() {
            let integration = method.method_integration.map(|one| Integration {
                form: one
                    .r#type
                    .map(|form| form.as_str().to_owned())
                    .unwrap_or_default(),
                uri: one
                    .integration_target
                    .filter(|to| !to.is_empty())
                    .or(one.uri)
                    .unwrap_or_default(),
                role: one.credentials,
                ..Integration::default()
            });
            routes.push(Route {
                name: format!("{verb} {path}"),
                authorization: method.authorization_type.unwrap_or_default(),
                authorizer: method.authorizer_id,
                api_key: method.api_key_required.unwrap_or_default(),
                integration,
            });
        }
    }
    routes
}

async fn other_apis(cx: &Cx) {
    let client = client!(cx, aws_sdk_apigatewayv2);
    let apis = cx
        .pages(
            &GET_APIS,
            None,
            |token| client.get_apis().max_results("100").set_next_token(token).send(),
            |page| (page.items.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(apis, |api| async move {
        let id = api.api_id.clone().unwrap_or_default();
        let arn = arn(cx, &format!("apis/{id}"));
        let mut record = Record::of(
            cx,
            Kind::ApiGateway,
            &arn,
            api.name.as_deref().unwrap_or_default(),
        );
        let integrations = cx
            .pages(
                &GET_INTEGRATIONS,
                Some(&arn),
                |token| {
                    let request = client.get_integrations().api_id(&id).max_results("100");
                    request.set_next_token(token).send()
                },
                |page| (page.items.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        let routes = cx
            .pages(
                &GET_ROUTES,
                Some(&arn),
                |token| {
                    let request = client.get_routes().api_id(&id).max_results("100");
                    request.set_next_token(token).send()
                },
                |page| (page.items.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        let stages = cx
            .pages(
                &GET_STAGES,
                Some(&arn),
                |token| {
                    let request = client.get_stages().api_id(&id).max_results("100");
                    request.set_next_token(token).send()
                },
                |page| (page.items.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        let stages: Stages = stages
            .into_iter()
            .map(|stage| {
                (
                    stage.stage_name.unwrap_or_default(),
                    stage.stage_variables.unwrap_or_default(),
                )
            })
            .collect();
        let routes = other_routes(routes, integrations);
        let mut authorizers = Vec::new();
        if routes.iter().any(|route| route.authorizer.is_some()) {
            authorizers = cx
                .pages(
                    &GET_AUTHORIZERS,
                    Some(&arn),
                    |token| {
                        let request = client.get_authorizers().api_id(&id).max_results("100");
                        request.set_next_token(token).send()
                    },
                    |page| (page.items.unwrap_or_default(), page.next_token),
                )
                .await
                .or_lacks(&mut record)
                .into_iter()
                .map(|one| Authorizer {
                    id: one.authorizer_id.unwrap_or_default(),
                    name: one.name.unwrap_or_default(),
                    form: one
                        .authorizer_type
                        .map(|form| form.as_str().to_owned())
                        .unwrap_or_default(),
                    uri: one.authorizer_uri,
                    role: one.authorizer_credentials_arn,
                    trusts: one
                        .jwt_configuration
                        .and_then(|tokens| tokens.issuer)
                        .into_iter()
                        .collect(),
                })
                .collect();
        }
        let open = !api.disable_execute_api_endpoint.unwrap_or_default();
        let base = api.api_endpoint.filter(|url| open && !url.is_empty());
        let protocol = api.protocol_type.map(|one| one.as_str().to_owned());
        record.fact_if("protocol", protocol);
        record.fact_if("description", api.description);
        record.tags = tags(api.tags.unwrap_or_default());
        record.made(api.created_date.as_ref());
        route_facts(&mut record, &routes, &authorizers, &stages);
        address_facts(&mut record, base, &stages);
        cx.record(record);
    })
    .await;
}

fn other_routes(routes: Vec<v2::Route>, integrations: Vec<v2::Integration>) -> Vec<Route> {
    let integrations: BTreeMap<String, Integration> = integrations
        .into_iter()
        .map(|one| {
            let machine = one
                .request_parameters
                .unwrap_or_default()
                .remove("StateMachineArn")
                .filter(|machine| machine.starts_with("arn:"));
            let integration = Integration {
                form: one
                    .integration_type
                    .map(|form| form.as_str().to_owned())
                    .unwrap_or_default(),
                subtype: one.integration_subtype,
                uri: one.integration_uri.unwrap_or_default(),
                machine,
                role: one.credentials_arn,
            };
            (one.integration_id.unwrap_or_default(), integration)
        })
        .collect();
    routes
        .into_iter()
        .map(|route| {
            let target = route.target.unwrap_or_default();
            let id = target.strip_prefix("integrations/").unwrap_or(&target);
            Route {
                name: route.route_key.unwrap_or_default(),
                authorization: route
                    .authorization_type
                    .map(|form| form.as_str().to_owned())
                    .unwrap_or_default(),
                authorizer: route.authorizer_id,
                api_key: route.api_key_required.unwrap_or_default(),
                integration: integrations.get(id).cloned(),
            }
        })
        .collect()
}

fn route_facts(record: &mut Record, routes: &[Route], authorizers: &[Authorizer], stages: &Stages) {
    let names: BTreeSet<&str> = routes.iter().map(|route| route.name.as_str()).collect();
    record.fact("routes", Vec::from_iter(names));

    // What answers by itself, as to a browser that asks before it calls, decides nothing.
    let mocked = |route: &&Route| route.integration.as_ref().is_some_and(|one| one.form == "MOCK");
    let mut deciding: Vec<&Route> = routes.iter().filter(|route| !mocked(route)).collect();
    // Who may connect to a WebSocket may send on all of its routes.
    if let Some(connect) = routes.iter().find(|route| route.name == "$connect") {
        deciding = vec![connect];
    }
    let weakest = deciding.iter().map(|route| weight(&route.authorization)).min();
    if let Some(weakest) = weakest {
        let open: Vec<&&Route> = deciding
            .iter()
            .filter(|route| weight(&route.authorization) == weakest)
            .collect();
        record.fact_if(
            "authorization",
            open.first().map(|route| route.authorization.clone()),
        );
        record.fact("api_key_required", open.iter().all(|route| route.api_key));
        if open.len() < deciding.len() {
            let names: BTreeSet<&str> = open.iter().map(|route| route.name.as_str()).collect();
            record.fact("authorization_of", Vec::from_iter(names));
        }
    }

    let mut roles: BTreeSet<&str> = BTreeSet::new();
    let mut others: BTreeSet<(String, String)> = BTreeSet::new();
    for route in routes {
        let Some(integration) = &route.integration else {
            continue;
        };
        roles.extend(integration.role.as_deref());
        for target in aims(integration, stages) {
            match target {
                Aim::Runs(arn) => record.refer_how(EdgeKind::Invokes, arn, route.name.as_str()),
                Aim::Calls(what) => _ = others.insert((route.name.clone(), what)),
            }
        }
    }
    let used: BTreeSet<&str> = routes
        .iter()
        .filter_map(|route| route.authorizer.as_deref())
        .collect();
    let mut deciders = BTreeMap::new();
    for one in authorizers.iter().filter(|one| used.contains(one.id.as_str())) {
        roles.extend(one.role.as_deref());
        for uri in one.uri.iter().flat_map(|uri| filled(uri, stages)) {
            if let Some(function) = function(&uri) {
                record.refer_how(EdgeKind::Invokes, function, format!("authorizer {}", one.name));
            }
        }
        let mut shown = json!({"name": one.name, "type": one.form});
        if let (false, Some(shown)) = (one.trusts.is_empty(), shown.as_object_mut()) {
            shown.insert("trusts".into(), one.trusts.clone().into());
        }
        deciders.insert(one.name.as_str(), shown);
    }
    if !deciders.is_empty() {
        record.fact("authorizers", Vec::from_iter(deciders.into_values()));
    }
    // `arn:aws:iam::*:user/*` means the credentials of the caller.
    for role in roles.into_iter().filter(|role| role.contains(":role/")) {
        record.refer(EdgeKind::RunsAs, role);
    }
    if !others.is_empty() {
        let others = others
            .into_iter()
            .map(|(route, target)| json!({"route": route, "target": target}));
        record.fact("integrations", Value::from_iter(others));
    }
}

/// How much a kind of authorization asks for; nothing comes first.
fn weight(authorization: &str) -> u8 {
    match authorization {
        "" | "NONE" => 0,
        "CUSTOM" => 1,
        "JWT" => 2,
        "COGNITO_USER_POOLS" => 3,
        _ => 4,
    }
}

fn address_facts(record: &mut Record, base: Option<String>, stages: &Stages) {
    let Some(base) = base else { return };
    // The default stage has no path.
    let mut urls: Vec<String> = stages
        .keys()
        .map(|stage| match stage.as_str() {
            "$default" => base.clone(),
            stage => format!("{base}/{stage}"),
        })
        .collect();
    urls.sort();
    if urls.len() > 1 {
        record.fact("urls", urls.clone());
    }
    record.fact_if("url", urls.into_iter().next());
}

/// Where an integration goes.
#[derive(Debug, PartialEq)]
enum Aim {
    /// A workload.
    Runs(String),
    /// A service's action, or a host.
    Calls(String),
}

fn aims(integration: &Integration, stages: &Stages) -> Vec<Aim> {
    if integration.form == "MOCK" {
        return Vec::new();
    }
    if let Some(machine) = &integration.machine {
        return vec![Aim::Runs(machine.clone())];
    }
    if let Some(subtype) = &integration.subtype {
        return vec![Aim::Calls(subtype.clone())];
    }
    filled(&integration.uri, stages)
        .into_iter()
        .map(|uri| match function(&uri) {
            Some(function) => Aim::Runs(function.to_owned()),
            None => Aim::Calls(service_or_host(&uri)),
        })
        .collect()
}

/// An address for each stage, with that stage's variables in it.
fn filled(uri: &str, stages: &Stages) -> BTreeSet<String> {
    if uri.is_empty() {
        return BTreeSet::new();
    }
    if !uri.contains("${stageVariables.") || stages.is_empty() {
        return BTreeSet::from([uri.to_owned()]);
    }
    stages
        .values()
        .map(|variables| {
            let mut uri = uri.to_owned();
            for (name, value) in variables {
                uri = uri.replace(&format!("${{stageVariables.{name}}}"), value);
            }
            uri
        })
        .collect()
}

/// The function of `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations`, or of its ARN.
fn function(uri: &str) -> Option<&str> {
    let arn = match uri.split_once("/functions/") {
        Some((front, rest)) if front.contains(":lambda:path/") => rest.rsplit_once('/')?.0,
        _ => uri,
    };
    (arn.starts_with("arn:") && arn.contains(":lambda:") && arn.contains(":function:")).then_some(arn)
}

/// `arn:aws:apigateway:eu-west-1:sqs:path/1/orders` → `sqs:path/1/orders`. Of other addresses only the host: paths and
/// queries may hold secrets.
fn service_or_host(uri: &str) -> String {
    let fields: Vec<&str> = uri.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", _, "apigateway", _, service, what] => {
            let what = what.split(['?', '#']).next().unwrap_or_default();
            format!("{service}:{what}")
        }
        ["arn", ..] => uri.to_owned(),
        _ => host(uri).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_apigateway::types as v1;

    const F: &str = "arn:aws:lambda:r:1:function:f";

    fn uri(function: &str) -> String {
        format!("arn:aws:apigateway:r:lambda:path/2015-03-31/functions/{function}/invocations")
    }

    fn method(authorization: &str, integration: v1::builders::IntegrationBuilder) -> v1::Method {
        v1::Method::builder()
            .authorization_type(authorization)
            .api_key_required(true)
            .method_integration(integration.build())
            .build()
    }

    #[test]
    fn a_rest_api() {
        let resource = Resource::builder()
            .path("/orders")
            .resource_methods(
                "POST",
                method(
                    "NONE",
                    v1::Integration::builder()
                        .r#type(v1::IntegrationType::AwsProxy)
                        .uri(uri(F)),
                ),
            )
            .resource_methods(
                "PUT",
                method(
                    "AWS_IAM",
                    v1::Integration::builder()
                        .r#type(v1::IntegrationType::Aws)
                        .uri("arn:aws:apigateway:r:dynamodb:action/PutItem")
                        .credentials("arn:aws:iam::1:role/R"),
                ),
            )
            .build();
        let stages = rest_stages(vec![Stage::builder().stage_name("prod").build()]);
        let mut record = Record::new(Kind::ApiGateway, "api");
        route_facts(&mut record, &rest_routes(vec![resource]), &[], &stages);
        address_facts(&mut record, Some("https://x".into()), &stages);
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "api_gateway", "id": "api",
                "attrs": {
                    "api_key_required": true, "authorization": "NONE", "authorization_of": ["POST /orders"],
                    "integrations": [{"route": "PUT /orders", "target": "dynamodb:action/PutItem"}],
                    "routes": ["POST /orders", "PUT /orders"], "url": "https://x/prod",
                },
                "refs": [
                    {"rel": "INVOKES", "to": F, "attrs": {"how": "POST /orders"}},
                    {"rel": "RUNS_AS", "to": "arn:aws:iam::1:role/R"},
                ],
            })
        );
    }

    #[test]
    fn an_address_may_name_a_function_by_a_variable() {
        let integration = Integration {
            form: "AWS_PROXY".into(),
            uri: uri("arn:aws:lambda:r:1:function:${stageVariables.name}"),
            ..Integration::default()
        };
        let of = |name: &str| HashMap::from([("name".to_owned(), name.to_owned())]);
        let stages = Stages::from([("dev".to_owned(), of("e")), ("prod".to_owned(), of("f"))]);
        let runs = |name: &str| Aim::Runs(format!("arn:aws:lambda:r:1:function:{name}"));
        assert_eq!(aims(&integration, &stages), [runs("e"), runs("f")]);
    }

    #[test]
    fn of_an_address_outside_only_the_host_is_kept() {
        assert_eq!(service_or_host("https://u:p@x.example/a?key=hush"), "x.example");
        assert_eq!(
            service_or_host("arn:aws:apigateway:r:sqs:path/1/orders?key=hush"),
            "sqs:path/1/orders"
        );
    }

    #[test]
    fn policies_come_escaped() {
        let policy = r#"{"Sid":"a"}"#;
        assert_eq!(unescaped(r#"{\"Sid\":\"a\"}"#.into()), policy);
        assert_eq!(unescaped(policy.into()), policy);
    }
}
