//! The resources of one state of Terraform, and what they refer to where a value is not known yet.

use std::collections::BTreeMap;

use serde_json::Value;

/// One resource.
#[derive(Debug)]
pub(super) struct Resource {
    /// Such as `module.a.aws_iam_role.b["x"]`.
    pub(super) address: String,
    pub(super) kind: String,
    pub(super) values: Value,
}

impl Resource {
    /// A text, where it is known and not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let list = self.values.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The objects of a block.
    pub(super) fn blocks(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.values
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

/// One state.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) resources: BTreeMap<String, Resource>,
    pub(super) account: &'a str,
    /// By address without indexes and attribute: the addresses that the configuration refers to there.
    references: BTreeMap<(String, String), Vec<String>>,
}

impl<'a> State<'a> {
    pub(super) fn new(root: Option<Value>, configuration: &Value, account: &'a str) -> Self {
        let mut resources = BTreeMap::new();
        if let Some(root) = root {
            collect(&root, &mut resources);
        }
        let mut references = BTreeMap::new();
        if let Some(module) = configuration.get("root_module") {
            refer(module, "", &mut references);
        }
        Self {
            resources,
            account,
            references,
        }
    }

    pub(super) fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Resource> {
        self.resources
            .values()
            .filter(move |resource| resource.kind == kind)
    }

    /// The resource of some kinds that an attribute refers to in the configuration.
    pub(super) fn referred(&self, from: &Resource, attribute: &str, kinds: &[&str]) -> Option<&Resource> {
        let key = (plain(&from.address), attribute.to_owned());
        let module = from
            .address
            .rsplit_once(&format!("{}.", from.kind))
            .map_or("", |(module, _)| module);
        let index = from.address.find('[').and_then(|at| from.address.get(at..));
        self.references.get(&key)?.iter().find_map(|reference| {
            let address = format!("{module}{reference}");
            // With `count` or `for_each` on both, the same index is meant.
            let with_index = index.map(|index| format!("{address}{index}"));
            let found = with_index
                .and_then(|address| self.resources.get(&address))
                .or_else(|| self.resources.get(&address))?;
            kinds.contains(&found.kind.as_str()).then_some(found)
        })
    }
}

/// An address without indexes.
fn plain(address: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    for c in address.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn collect(module: &Value, out: &mut BTreeMap<String, Resource>) {
    for resource in module
        .get("resources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |key: &str| resource.get(key).and_then(Value::as_str).map(str::to_owned);
        let managed = text("mode").as_deref() != Some("data");
        let (Some(address), Some(kind), true) = (text("address"), text("type"), managed) else {
            continue;
        };
        let values = resource.get("values").cloned().unwrap_or_default();
        out.insert(
            address.clone(),
            Resource {
                address,
                kind,
                values,
            },
        );
    }
    for child in module
        .get("child_modules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect(child, out);
    }
}

fn refer(module: &Value, prefix: &str, out: &mut BTreeMap<(String, String), Vec<String>>) {
    for resource in module
        .get("resources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some(address) = resource.get("address").and_then(Value::as_str) else {
            continue;
        };
        for (attribute, expression) in resource
            .get("expressions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let list = expression.get("references").and_then(Value::as_array);
            let names: Vec<String> = list
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            if !names.is_empty() {
                out.insert((format!("{prefix}{address}"), attribute.clone()), names);
            }
        }
    }
    for (name, call) in module
        .get("module_calls")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if let Some(child) = call.get("module") {
            refer(child, &format!("{prefix}module.{name}."), out);
        }
    }
}

/// The account that ARNs in a text name most.
pub(super) fn account_in(text: &str) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, _) in text.match_indices("arn:aws") {
        let account = text.get(at..).and_then(|rest| rest.split(':').nth(4));
        let is_account = |id: &&str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        if let Some(account) = account.filter(is_account) {
            *counts.entry(account).or_default() += 1;
        }
    }
    let most = counts
        .into_iter()
        .max_by_key(|(id, count)| (*count, std::cmp::Reverse(*id)));
    most.map(|(id, _)| id.to_owned())
}
