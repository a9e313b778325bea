//! The ways to set an entity in motion: by a request for it, for something below it or above it, through its URL.

use serde_json::Value;
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::access::ANY;
use crate::ask::resource_mentions;
use crate::facts::RequestFacts;
use crate::paths::is_data;
use crate::world::World;

/// One way.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// What the requests are for.
    pub(super) arn: String,
    pub(super) actions: &'static [&'static str],
    /// Whether it takes all of the actions, not just one.
    pub(super) together: bool,
    pub(super) facts: RequestFacts,
    /// What has to be so beside.
    pub(super) hangs_on: Option<String>,
}

impl Way {
    fn by(arn: String, actions: &'static [&'static str]) -> Self {
        Self {
            arn,
            actions,
            together: false,
            facts: &[],
            hangs_on: None,
        }
    }
}

/// What a call of a function says, and what a request to its URL says.
const CALLED: RequestFacts = &[("lambda:InvokedViaFunctionUrl", "false")];
const BY_URL: RequestFacts = &[("lambda:InvokedViaFunctionUrl", "true")];
const BY_OPEN_URL: RequestFacts = &[
    ("lambda:InvokedViaFunctionUrl", "true"),
    ("lambda:FunctionUrlAuthType", "NONE"),
];
const BY_SIGNED_URL: RequestFacts = &[
    ("lambda:InvokedViaFunctionUrl", "true"),
    ("lambda:FunctionUrlAuthType", "AWS_IAM"),
];

/// The ways to set an entity in motion that `actions` are on, beside the parts of what holds data.
pub(super) fn of(world: &World, node: NodeId, actions: &'static [&'static str]) -> Vec<Way> {
    let record = &world.node(node).record;
    let id = record.id.as_str();
    match record.kind {
        // Its versions and aliases run the same code or an earlier one (Service Authorization Reference, "AWS Lambda").
        Kind::LambdaFunction => {
            let called = [id.to_owned(), format!("{id}:{ANY}")];
            let mut out: Vec<Way> = called.map(|arn| Way::by(arn, actions)).into();
            out.iter_mut().for_each(|way| way.facts = CALLED);
            out.extend(urls(world, node));
            out
        }
        // It is invoked by one of its aliases (Service Authorization Reference, "Amazon Bedrock").
        Kind::BedrockAgent => {
            let alias = id.replacen(":agent/", ":agent-alias/", 1);
            vec![Way::by(format!("{alias}/{ANY}"), actions)]
        }
        Kind::SsmParameter => paths(id)
            .map(|arn| Way::by(arn, &["ssm:GetParametersByPath"]))
            .collect(),
        kind if is_data(kind) => Vec::new(),
        _ => vec![Way::by(id.to_owned(), actions)],
    }
}

/// Through the URLs of a function: that takes two permissions (Lambda Developer Guide, "Control access to Lambda function
/// URLs", since October 2025). Nobody signs requests to an open URL, so there identity policies do not count; that they are
/// asked all the same only matters to who may use URLs and may not call the function.
fn urls(world: &World, node: NodeId) -> Vec<Way> {
    let record = &world.node(node).record;
    let url = |alias: Option<&str>, facts, hangs_on| Way {
        arn: alias.map_or_else(|| record.id.clone(), |alias| format!("{}:{alias}", record.id)),
        actions: &["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"],
        together: true,
        facts,
        hangs_on,
    };
    let facts = |auth: Option<&str>| match auth {
        Some("NONE") => BY_OPEN_URL,
        Some(_) => BY_SIGNED_URL,
        None => BY_URL,
    };
    if let Some(all) = record.attrs.get("function_urls").and_then(Value::as_array) {
        let text = |one: &'_ Value, key| one.get(key).and_then(Value::as_str).map(str::to_owned);
        return all
            .iter()
            .map(|one| {
                url(
                    text(one, "alias").as_deref(),
                    facts(text(one, "auth").as_deref()),
                    None,
                )
            })
            .collect();
    }
    if let Some(auth) = record.attrs.get("function_url_auth").and_then(Value::as_str) {
        return vec![url(None, facts(Some(auth)), None)];
    }
    // Where nobody has asked for URLs, a policy that is made for one tells of it.
    if !asked_for_urls(record) && resource_mentions(world, node, "lambda:InvokeFunctionUrl") {
        let text = format!("{} has a function URL", world.label(node));
        return vec![url(None, BY_URL, Some(text))];
    }
    Vec::new()
}

/// Only the collector tells how a function is packed, and it asks for URLs too.
fn asked_for_urls(record: &Record) -> bool {
    record.partial.is_none() && record.attrs.contains_key("package_type")
}

/// Whoever may read a path of the hierarchy reads all parameters below it, whatever is said of those (Systems Manager User
/// Guide, "How Parameter Store authorizes parameter retrieval"). A path may end in a slash.
fn paths(id: &str) -> impl Iterator<Item = String> {
    let (before, name) = id.split_once(":parameter/").unwrap_or((id, ""));
    let levels: Vec<&str> = name.split('/').collect();
    let above = 1..levels.len();
    let mut out = Vec::new();
    for level in above {
        let path = levels.get(..level).unwrap_or_default().join("/");
        out.push(format!("{before}:parameter/{path}"));
        out.push(format!("{before}:parameter/{path}/"));
    }
    if !out.is_empty() {
        out.push(format!("{before}:parameter/"));
    }
    out.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_above_a_parameter() {
        let above = |id: &str| -> Vec<String> { paths(id).collect() };
        assert_eq!(
            above("arn:aws:ssm:r:1:parameter/a/b/c"),
            [
                "arn:aws:ssm:r:1:parameter/a",
                "arn:aws:ssm:r:1:parameter/a/",
                "arn:aws:ssm:r:1:parameter/a/b",
                "arn:aws:ssm:r:1:parameter/a/b/",
                "arn:aws:ssm:r:1:parameter/",
            ]
        );
        assert_eq!(above("arn:aws:ssm:r:1:parameter/alone"), Vec::<String>::new());
    }
}
