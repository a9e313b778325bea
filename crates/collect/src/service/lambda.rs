//! AWS Lambda: functions, who may call them, what starts them and which layers they share.
//!
//! Which image an image function runs is told by `GetFunction` alone, which gives out a link to the code of functions
//! that are no images. So it is asked of image functions only, and nothing but the image's name is taken from it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration, FunctionConfiguration, FunctionUrlConfig, LayerVersionsListItem,
    PackageType,
};
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{Record, Ref};
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, repository, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_FUNCTIONS: Call = Call {
    operation: "ListFunctions",
    actions: &["lambda:ListFunctions"],
    absent: &[],
    without: "functions, the roles that they run as, and who may call them are not known there",
};
const LIST_MAPPINGS: Call = Call {
    operation: "ListEventSourceMappings",
    actions: &["lambda:ListEventSourceMappings"],
    absent: &[],
    without: "which queues and streams start functions is not known",
};
const GET_POLICY: Call = Call {
    operation: "GetPolicy",
    actions: &["lambda:GetPolicy"],
    // A function, or an alias, that has none.
    absent: GONE,
    without: "the function's policy is not known: others may call or change it in ways that are not shown",
};
const LIST_ALIASES: Call = Call {
    operation: "ListAliases",
    actions: &["lambda:ListAliases"],
    absent: GONE,
    without: "the function's aliases, which may have policies of their own, are not known",
};
const LIST_URLS: Call = Call {
    operation: "ListFunctionUrlConfigs",
    actions: &["lambda:ListFunctionUrlConfigs"],
    absent: GONE,
    without: "whether the function can be called from the internet by a URL is not known",
};
const GET_FUNCTION: Call = Call {
    operation: "GetFunction",
    actions: &["lambda:GetFunction"],
    absent: GONE,
    without: "the image that the function runs is not known: whoever may push to its repository may change the \
              code, which is not shown",
};
const LIST_TAGS: Call = Call {
    operation: "ListTags",
    actions: &["lambda:ListTags"],
    absent: GONE,
    without: "the function's tags, and so conditions on tags, are not known",
};
const LIST_LAYERS: Call = Call {
    operation: "ListLayers",
    actions: &["lambda:ListLayers"],
    absent: &[],
    without: "layers, whose code runs in functions that use them, are not known",
};
const LIST_LAYER_VERSIONS: Call = Call {
    operation: "ListLayerVersions",
    actions: &["lambda:ListLayerVersions"],
    absent: GONE,
    without: "the versions of the layer that functions use are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "lambda",
    title: "AWS Lambda",
    clients: &["Lambda"],
    scope: Scope::Regional,
    reads: "functions: role, policy, aliases and their policies, URL, event sources, layers, key, network, names of environment variables, tags; layers",
    calls: &[
        &LIST_FUNCTIONS,
        &LIST_MAPPINGS,
        &GET_FUNCTION,
        &GET_POLICY,
        &LIST_ALIASES,
        &LIST_URLS,
        &LIST_TAGS,
        &LIST_LAYERS,
        &LIST_LAYER_VERSIONS,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_lambda::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_lambda);
    let functions = cx
        .pages(
            &LIST_FUNCTIONS,
            None,
            |marker| client.list_functions().set_marker(marker).send(),
            |page| (page.functions.unwrap_or_default(), page.next_marker),
        )
        .await
        .items;
    let used: BTreeSet<String> = functions.iter().flat_map(layer_arns).collect();
    layers(cx, &client, used).await;
    if functions.is_empty() {
        return;
    }
    let mappings = cx
        .pages(
            &LIST_MAPPINGS,
            None,
            |marker| client.list_event_source_mappings().set_marker(marker).send(),
            |page| (page.event_source_mappings.unwrap_or_default(), page.next_marker),
        )
        .await;
    let unread = mappings.unread.as_deref();
    let sources = &sources(mappings.items);
    let client = &client;
    cx.each(functions, |function| async move {
        let arn = function.function_arn.clone().unwrap_or_default();
        let name = function.function_name.clone().unwrap_or_default();
        let has_image = is_image(&function);
        let mut record = Record::of(cx, Kind::LambdaFunction, arn.as_str(), name);
        function_facts(&mut record, function);
        record.refs.extend(sources.get(&arn).cloned().unwrap_or_default());
        if let Some(unread) = unread {
            record.lacks(unread);
        }
        if has_image {
            image(cx, client, &mut record).await;
        }
        about(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

fn is_image(function: &FunctionConfiguration) -> bool {
    function.package_type == Some(PackageType::Image)
}

fn function_facts(record: &mut Record, function: FunctionConfiguration) {
    let layers: Vec<String> = layer_arns(&function).collect();
    record.refer_if(EdgeKind::RunsAs, function.role);
    record.refer_if(EdgeKind::EncryptedWith, function.kms_key_arn);
    record.fact_if(
        "runtime",
        function.runtime.map(|runtime| runtime.as_str().to_owned()),
    );
    record.fact_if("handler", function.handler);
    // Functions that are older than images have none.
    let package = function.package_type.unwrap_or(PackageType::Zip);
    record.fact("package_type", package.as_str());
    if !layers.is_empty() {
        record.fact("layers", layers);
    }
    // Only the names: the values go no further than this.
    let environment = function.environment;
    let error = environment.as_ref().and_then(|found| found.error.as_ref());
    match error.map(|error| error.error_code.clone().unwrap_or_default()) {
        Some(code) => record.lacks(&format!("names of environment variables: {code}")),
        None => {
            let variables = environment.and_then(|found| found.variables).unwrap_or_default();
            let mut keys: Vec<String> = variables.into_keys().collect();
            keys.sort();
            record.fact("env_keys", keys);
        }
    }
    if let Some(network) = function
        .vpc_config
        .filter(|network| network.vpc_id.as_deref().is_some_and(|id| !id.is_empty()))
    {
        record.fact_if("vpc", network.vpc_id);
        record.fact("security_groups", network.security_group_ids.unwrap_or_default());
    }
    let letters = function.dead_letter_config.and_then(|letters| letters.target_arn);
    record.fact_if("dead_letter_target", letters);
}

fn layer_arns(function: &FunctionConfiguration) -> impl Iterator<Item = String> + '_ {
    function.layers().iter().filter_map(|layer| layer.arn.clone())
}

/// The image of an image function.
async fn image(cx: &Cx, client: &Client, record: &mut Record) {
    let answer = cx
        .call(&GET_FUNCTION, Some(&record.id), || {
            client.get_function().function_name(&record.name).send()
        })
        .await
        .or_lacks(record);
    // The answer's link to code, and all else in it, goes no further than this.
    let Some(image) = answer
        .and_then(|answer| answer.code)
        .and_then(|code| code.image_uri)
    else {
        return;
    };
    record.refer_if(EdgeKind::DeployedFrom, repository(&image, cx.partition()));
    record.fact("image", image);
}

/// What starts each function, by the function's ARN.
fn sources(mappings: Vec<EventSourceMappingConfiguration>) -> BTreeMap<String, Vec<Ref>> {
    let mut found: BTreeMap<String, Vec<Ref>> = BTreeMap::new();
    for mapping in mappings {
        let (Some(function), Some(source)) = (mapping.function_arn, mapping.event_source_arn) else {
            // A Kafka cluster outside AWS has no ARN.
            continue;
        };
        let mut attrs = SmallMap::from([("how", Value::from("event source mapping"))]);
        let (function, alias) = split(&function);
        if let Some(alias) = alias {
            attrs.insert("alias".to_owned(), alias.into());
        }
        if mapping
            .state
            .is_some_and(|state| matches!(state.as_str(), "Disabled" | "Disabling"))
        {
            attrs.insert("state".to_owned(), "disabled".into());
        }
        found.entry(function.to_owned()).or_default().push(Ref {
            rel: EdgeKind::TriggeredBy,
            to: source,
            attrs,
        });
    }
    found
}

/// `arn:aws:lambda:…:function:name:live` is the function and the alias (or version) `live`.
fn split(arn: &str) -> (&str, Option<&str>) {
    match arn.match_indices(':').nth(6) {
        Some((at, _)) => (
            arn.get(..at).unwrap_or(arn),
            arn.get(at + 1..).filter(|alias| !alias.is_empty()),
        ),
        None => (arn, None),
    }
}

async fn about(cx: &Cx, client: &Client, record: &mut Record) {
    let (id, name) = (record.id.clone(), record.name.clone());
    let policy = policy(cx, client, &id, &name, None).await.or_lacks(record);
    if let Some(text) = &policy {
        record.policy(Slot::Resource, None, text);
    }

    let mut aliases: Vec<String> = cx
        .pages(
            &LIST_ALIASES,
            Some(&id),
            |marker| {
                client
                    .list_aliases()
                    .function_name(&name)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.aliases.unwrap_or_default(), page.next_marker),
        )
        .await
        .or_lacks(record)
        .into_iter()
        .filter_map(|alias| alias.name)
        .collect();
    aliases.sort();
    for alias in &aliases {
        let of_alias = self::policy(cx, client, &id, &name, Some(alias))
            .await
            .or_lacks(record);
        // A stand-in for AWS may answer with the function's own.
        if let Some(text) = of_alias.filter(|text| Some(text) != policy.as_ref()) {
            record.policy(Slot::Resource, Some(alias), &text);
        }
    }
    if !aliases.is_empty() {
        record.fact("aliases", aliases);
    }

    let urls = cx
        .pages(
            &LIST_URLS,
            Some(&id),
            |marker| {
                client
                    .list_function_url_configs()
                    .function_name(&name)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.function_url_configs, page.next_marker),
        )
        .await
        .or_lacks(record);
    url_facts(record, urls);

    let found = cx
        .call(&LIST_TAGS, Some(&id), || client.list_tags().resource(&id).send())
        .await
        .or_lacks(record);
    record.tags = tags(found.and_then(|answer| answer.tags).unwrap_or_default());
}

async fn policy(cx: &Cx, client: &Client, id: &str, name: &str, alias: Option<&str>) -> Answer<String> {
    let answer = cx
        .call(&GET_POLICY, Some(id), || {
            client
                .get_policy()
                .function_name(name)
                .set_qualifier(alias.map(str::to_owned))
                .send()
        })
        .await;
    match answer {
        Answer::Got(answer) => answer.policy.map_or(Answer::Absent, Answer::Got),
        Answer::Absent => Answer::Absent,
        Answer::Unread(what) => Answer::Unread(what),
    }
}

/// A function has a URL, and so may each of its aliases: the one that is open to the most comes first.
fn url_facts(record: &mut Record, mut urls: Vec<FunctionUrlConfig>) {
    urls.sort_by_key(|url| {
        let alias = split(&url.function_arn).1.map(str::to_owned);
        (url.auth_type.as_str() != "NONE", alias, url.function_url.clone())
    });
    let Some(first) = urls.first() else { return };
    record.fact("function_url", first.function_url.as_str());
    record.fact("function_url_auth", first.auth_type.as_str());
    if urls.len() > 1 {
        let all = urls.iter().map(|url| {
            let alias = split(&url.function_arn).1;
            json!({"alias": alias, "auth": url.auth_type.as_str(), "url": url.function_url})
        });
        record.fact("function_urls", Value::from_iter(all));
    }
}

/// The latest version of each layer, and older ones that functions here use.
async fn layers(cx: &Cx, client: &Client, mut used: BTreeSet<String>) {
    let listed = cx
        .pages(
            &LIST_LAYERS,
            None,
            |marker| client.list_layers().set_marker(marker).send(),
            |page| (page.layers.unwrap_or_default(), page.next_marker),
        )
        .await;
    let mut older = Vec::new();
    for layer in listed {
        let name = layer.layer_name.unwrap_or_default();
        if let Some(version) = layer.latest_matching_version {
            used.remove(version.layer_version_arn().unwrap_or_default());
            cx.record(layer_record(cx, &name, version));
        }
        let prefix = format!("{}:", layer.layer_arn.unwrap_or_default());
        if used.iter().any(|arn| arn.starts_with(&prefix)) {
            older.push(name);
        }
    }
    let used = &used;
    cx.each(older, |name| async move {
        let versions = cx
            .pages(
                &LIST_LAYER_VERSIONS,
                Some(&cx.arn("lambda", &format!("layer:{name}"))),
                |marker| {
                    client
                        .list_layer_versions()
                        .layer_name(&name)
                        .set_marker(marker)
                        .send()
                },
                |page| (page.layer_versions.unwrap_or_default(), page.next_marker),
            )
            .await;
        for version in versions {
            if used.contains(version.layer_version_arn().unwrap_or_default()) {
                cx.record(layer_record(cx, &name, version));
            }
        }
    })
    .await;
}

fn layer_record(cx: &Cx, name: &str, version: LayerVersionsListItem) -> Record {
    let arn = version.layer_version_arn.unwrap_or_default();
    let mut record = Record::of(cx, Kind::LambdaLayer, arn, name);
    record.fact("version", version.version);
    let mut runtimes: Vec<String> = version
        .compatible_runtimes
        .unwrap_or_default()
        .into_iter()
        .map(|runtime| runtime.as_str().to_owned())
        .collect();
    runtimes.sort();
    record.fact("runtimes", runtimes);
    record.created_at = version.created_date.as_deref().and_then(moment);
    record
}

/// `2026-01-05T10:00:00.123+0000`, always in UTC, without the fraction.
fn moment(text: &str) -> Option<String> {
    let seconds = text.get(..19)?;
    (seconds.as_bytes().get(10) == Some(&b'T')).then(|| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_lambda::types::{EnvironmentError, EnvironmentResponse, FunctionUrlAuthType, Layer, Runtime};

    const ARN: &str = "arn:aws:lambda:us-east-1:1:function:f";

    fn made(function: FunctionConfiguration) -> Value {
        let mut record = Record::new(Kind::LambdaFunction, ARN);
        function_facts(&mut record, function);
        crate::text::settle(&mut record);
        serde_json::to_value(record).unwrap()
    }

    #[test]
    fn of_the_environment_only_names_are_kept() {
        let record = made(
            FunctionConfiguration::builder()
                .role("arn:aws:iam::1:role/R")
                .runtime(Runtime::from("python3.12"))
                .handler("app.handler")
                .layers(
                    Layer::builder()
                        .arn("arn:aws:lambda:us-east-1:1:layer:l:1")
                        .build(),
                )
                .environment(
                    EnvironmentResponse::builder()
                        .variables("TOKEN", "hush")
                        .variables("A", "hush")
                        .build(),
                )
                .build(),
        );
        assert_eq!(
            record,
            json!({
                "kind": "lambda_function", "id": ARN,
                "attrs": {
                    "env_keys": ["A", "TOKEN"], "handler": "app.handler",
                    "layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"],
                    "package_type": "Zip", "runtime": "python3.12",
                },
                "refs": [{"rel": "RUNS_AS", "to": "arn:aws:iam::1:role/R"}],
            })
        );
    }

    #[test]
    fn an_environment_that_cannot_be_decrypted_is_said() {
        let error = EnvironmentError::builder()
            .error_code("AccessDeniedException")
            .build();
        let environment = EnvironmentResponse::builder().error(error).build();
        let record = made(FunctionConfiguration::builder().environment(environment).build());
        assert!(record["attrs"].get("env_keys").is_none());
        assert_eq!(
            record["partial"],
            "names of environment variables: AccessDeniedException"
        );
    }

    #[test]
    fn a_mapping_may_name_an_alias() {
        let mapping = |function: &str, state: &str| {
            EventSourceMappingConfiguration::builder()
                .function_arn(function)
                .event_source_arn("arn:aws:sqs:us-east-1:1:q")
                .state(state)
                .build()
        };
        let found = sources(vec![
            mapping(ARN, "Disabled"),
            mapping(&format!("{ARN}:live"), "Enabled"),
        ]);
        let attrs: Vec<Value> = found[ARN]
            .iter()
            .map(|one| serde_json::to_value(&one.attrs).unwrap())
            .collect();
        assert_eq!(
            attrs,
            [
                json!({"how": "event source mapping", "state": "disabled"}),
                json!({"how": "event source mapping", "alias": "live"}),
            ]
        );
    }

    #[test]
    fn the_most_open_url_comes_first() {
        let url = |arn: &str, auth, url: &str| {
            FunctionUrlConfig::builder()
                .function_arn(arn)
                .function_url(url)
                .auth_type(auth)
                .creation_time("")
                .last_modified_time("")
                .build()
                .unwrap()
        };
        let mut record = Record::new(Kind::LambdaFunction, ARN);
        let alias = format!("{ARN}:live");
        url_facts(
            &mut record,
            vec![
                url(ARN, FunctionUrlAuthType::AwsIam, "https://a/"),
                url(&alias, FunctionUrlAuthType::None, "https://b/"),
            ],
        );
        assert_eq!(record.attrs["function_url"], "https://b/");
        assert_eq!(record.attrs["function_url_auth"], "NONE");
        assert_eq!(record.attrs["function_urls"][1]["auth"], "AWS_IAM");
    }

    #[test]
    fn moments_lose_their_fraction() {
        assert_eq!(
            moment("2026-01-05T10:00:00.123+0000").as_deref(),
            Some("2026-01-05T10:00:00Z")
        );
        assert_eq!(moment("yesterday"), None);
    }
}
