//! The one query: which columns it asks for, what it leaves out by day, and how its rows become records again.
//!
//! Columns are asked for one by one, so that no cast of a structure to JSON is needed, which versions of Athena do differently;
//! the record is put together from them with CloudTrail's own names. What is JSON in the table stays as it is.

use serde_json::{Map, Value};
use sv0_evidence::source::layout::LATE;
use sv0_evidence::time::{DAY, Time, Window};

use super::table::{Definition, Table, Type};

/// How a value stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// JSON, in a column of texts.
    Json,
    /// `ARN` and type of each entry, from a list of structures.
    Resources,
}

/// A value of a record: its path there, which in the table is the same in small letters; and what is lost without it. Nothing
/// works where that is empty.
struct Field(&'static str, Form, &'static str);

const FIELDS: &[Field] = &[
    Field("eventID", Form::Text, ""),
    Field("eventTime", Form::Text, ""),
    Field("eventSource", Form::Text, ""),
    Field("eventName", Form::Text, ""),
    Field("awsRegion", Form::Text, ""),
    Field("sourceIPAddress", Form::Text, ""),
    Field("errorCode", Form::Text, ""),
    Field("recipientAccountId", Form::Text, ""),
    Field("readOnly", Form::Flag, ""),
    Field("requestParameters", Form::Json, ""),
    Field("responseElements", Form::Json, ""),
    Field("resources", Form::Resources, ""),
    Field("userIdentity.type", Form::Text, ""),
    Field("userIdentity.principalId", Form::Text, ""),
    Field("userIdentity.arn", Form::Text, ""),
    Field("userIdentity.accountId", Form::Text, ""),
    Field("userIdentity.accessKeyId", Form::Text, ""),
    Field("userIdentity.userName", Form::Text, ""),
    Field("userIdentity.invokedBy", Form::Text, ""),
    Field(
        "userIdentity.sessionContext.attributes.creationDate",
        Form::Text,
        "",
    ),
    Field("userIdentity.sessionContext.sessionIssuer.arn", Form::Text, ""),
    Field(
        "userIdentity.identityProvider",
        Form::Text,
        "the provider of people and workloads that come by SAML or OIDC is not known",
    ),
    Field(
        "userIdentity.sessionContext.sourceIdentity",
        Form::Text,
        "source identities do not confirm origins",
    ),
    Field(
        "userIdentity.sessionContext.assumedRoot",
        Form::Flag,
        "sessions of sts:AssumeRoot are taken for the root user's own",
    ),
    Field(
        "userIdentity.onBehalfOf.userId",
        Form::Text,
        "people of Identity Center on whose behalf a service calls are not known",
    ),
    Field(
        "userIdentity.onBehalfOf.identityStoreArn",
        Form::Text,
        NOTHING_MORE,
    ),
    Field(
        "sharedEventID",
        Form::Text,
        "two accounts' copies of one call count twice",
    ),
    Field(
        "sessionCredentialFromConsole",
        Form::Flag,
        "sessions of the console are many instead of one",
    ),
    Field("eventCategory", Form::Text, NOTHING_MORE),
    Field("managementEvent", Form::Flag, NOTHING_MORE),
    Field(
        "addendum.reason",
        Form::Text,
        "corrections count besides what they correct",
    ),
    Field("addendum.originalEventID", Form::Text, NOTHING_MORE),
];

/// Another field says it.
const NOTHING_MORE: &str = "-";

/// A query, and how to read its answer.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) parameters: Vec<String>,
    /// What the table lacks, in sentences.
    pub(super) lacks: Vec<String>,
    columns: Vec<(&'static str, Form)>,
}

impl Query {
    /// The query for a window, for what was delivered from a moment on.
    pub(super) fn new(table: &Table, of: &Definition, window: Window, from: Time) -> Result<Self, String> {
        let (mut columns, mut selected, mut lacks, mut missing) = (vec![], vec![], vec![], vec![]);
        let mut whole: Vec<&str> = Vec::new();
        for Field(path, form, without) in FIELDS {
            let lower = path.to_ascii_lowercase();
            let parts: Vec<&str> = lower.split('.').collect();
            // A structure that the table keeps as JSON is taken whole.
            let (top, rest) = path.split_once('.').unwrap_or((path, ""));
            let as_text = is_text(of.at(parts.get(..1).unwrap_or_default()));
            if as_text && !rest.is_empty() {
                if !whole.contains(&top) {
                    whole.push(top);
                    selected.push(quoted(parts.get(..1).unwrap_or_default()));
                    columns.push((top, Form::Json));
                }
                continue;
            }
            let Some(found) = of.at(&parts) else {
                match *without {
                    "" => missing.push(lower),
                    NOTHING_MORE => {}
                    without => lacks.push(format!("without `{lower}`, {without}")),
                }
                continue;
            };
            let name = quoted(&parts);
            let (expression, form) = match (form, found) {
                (Form::Resources, Type::Array(_)) => (resources(&name), Form::Resources),
                (Form::Resources | Form::Json, Type::Other(of)) if of == "string" => (name, Form::Json),
                (Form::Resources | Form::Json, _) => {
                    missing.push(format!("{lower} as a string of JSON"));
                    continue;
                }
                (form, Type::Other(of)) if of == "string" => (name, *form),
                (form, _) => (format!("CAST({name} AS varchar)"), *form),
            };
            columns.push((path, form));
            selected.push(expression);
        }
        let category = ["eventcategory", "managementevent"];
        if category.iter().all(|name| of.at(&[name]).is_none()) {
            missing.push("eventcategory or managementevent".into());
        }
        if !missing.is_empty() {
            return Err(format!(
                "the table lacks {}; docs/evidence.md has a definition that has all",
                missing.join(", ")
            ));
        }
        let names = selected.iter().enumerate();
        let list: Vec<String> = names.map(|(at, value)| format!("{value} AS c{at}")).collect();
        let mut query = Self {
            text: format!(
                "SELECT {} FROM \"{}\".\"{}\" WHERE \"eventtime\" >= ? AND \"eventtime\" < ?",
                list.join(", "),
                table.database,
                table.table
            ),
            parameters: Vec::new(),
            lacks,
            columns,
        };
        let day = day(of);
        let mut since = window.since.minus(Window::LOOKBACK);
        if day.is_none() {
            since = since.max(from.minus(LATE));
            query.lacks.push(
                "the table has no partition by day that sv0 knows: Athena reads all of it, and bills that"
                    .into(),
            );
        }
        query.parameters = vec![literal(&since.to_string()), literal(&window.until.to_string())];
        if let Some((expression, format)) = day {
            let first = window.since.minus(Window::LOOKBACK).max(from);
            let after = window.until.plus(LATE).plus(DAY);
            query
                .text
                .push_str(&format!(" AND {expression} >= ? AND {expression} < ?"));
            query
                .parameters
                .extend([first, after].map(|time| literal(&written(time, &format))));
        }
        Ok(query)
    }

    /// Whether a row is the one with the columns' names, which comes first.
    pub(super) fn is_head(&self, row: &[Option<&str>]) -> bool {
        row.len() == self.columns.len()
            && row
                .iter()
                .enumerate()
                .all(|(at, value)| *value == Some(format!("c{at}").as_str()))
    }

    /// A row as a record; `false` where something in it that should be JSON is none.
    pub(super) fn record(&self, row: &[Option<&str>], out: &mut String) -> bool {
        let mut record = Map::new();
        let (mut raw, mut fine) = (String::new(), true);
        for ((path, form), value) in self.columns.iter().zip(row) {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            match form {
                Form::Text => put(&mut record, path, Value::from(value)),
                Form::Flag => put(&mut record, path, flag(value)),
                Form::Resources => put(&mut record, path, entries(value)),
                Form::Json if serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok() => {
                    raw.push_str(&format!(",\"{path}\":{value}"));
                }
                Form::Json => fine = false,
            }
        }
        let text = Value::Object(record).to_string();
        out.push_str(text.strip_suffix('}').unwrap_or(&text));
        out.push_str(&raw);
        out.push('}');
        fine
    }
}

fn is_text(of: Option<&Type>) -> bool {
    matches!(of, Some(Type::Other(of)) if of == "string")
}

/// `"a"."b"`.
fn quoted(parts: &[&str]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("\"{part}\"")).collect();
    parts.join(".")
}

/// A parameter is the text of a literal (Athena User Guide, "Use execution parameters").
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Each entry a line, ARN and type with a tab between them.
fn resources(name: &str) -> String {
    format!(
        "array_join(transform({name}, r -> concat(coalesce(r.\"arn\", ''), chr(9), coalesce(r.\"type\", ''))), chr(10))"
    )
}

fn entries(text: &str) -> Value {
    let entries = text.lines().filter_map(|line| {
        let (arn, kind) = line.split_once('\t')?;
        let mut entry = Map::new();
        if !arn.is_empty() {
            entry.insert("ARN".into(), arn.into());
        }
        if !kind.is_empty() {
            entry.insert("type".into(), kind.into());
        }
        Some(Value::Object(entry))
    });
    entries.collect()
}

fn flag(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        other => Value::from(other),
    }
}

fn put(record: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            record.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = record.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// By what the table is divided into days of delivery: an expression, and how it writes a day.
fn day(of: &Definition) -> Option<(String, String)> {
    let projected = of.partitions.iter().find_map(|name| {
        let property = |what: &str| of.properties.get(&format!("projection.{name}.{what}"));
        let format = property("format").filter(|_| property("type").is_some_and(|kind| kind == "date"))?;
        // Texts are in the order of days only where the year comes first.
        let (day, _) = format.split_once("dd")?;
        let in_order = day.starts_with("yyyy") && day.contains("MM") && !day.contains('H');
        in_order.then(|| (format!("\"{name}\""), format!("{day}dd")))
    });
    let parts = ["year", "month", "day"];
    let has = |part: &&str| of.partitions.iter().any(|name| name == part);
    projected.or_else(|| {
        parts.iter().all(has).then(|| {
            let two = |name: &str| format!("lpad(CAST(\"{name}\" AS varchar), 2, '0')");
            let expression = format!(
                "concat(CAST(\"year\" AS varchar), '/', {}, '/', {})",
                two("month"),
                two("day")
            );
            (expression, "yyyy/MM/dd".to_owned())
        })
    })
}

/// A day in a format of `yyyy`, `MM` and `dd`.
fn written(time: Time, format: &str) -> String {
    let text = time.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format
        .replace("yyyy", part(0, 4))
        .replace("MM", part(5, 7))
        .replace("dd", part(8, 10))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;

    /// The definition in docs/evidence.md.
    fn documented() -> String {
        let docs = include_str!("../../../../../docs/evidence.md");
        let from = docs.find("CREATE EXTERNAL TABLE").unwrap();
        let rest = &docs[from..];
        rest[..rest.find("```").unwrap()].to_owned()
    }

    fn table() -> Table {
        Table::parse("audit.trail").unwrap()
    }

    fn window() -> Window {
        Window {
            since: Time::parse("2026-11-03T12:00:00Z").unwrap(),
            until: Time::parse("2026-11-05").unwrap(),
        }
    }

    #[test]
    fn the_documented_table_has_all_and_is_read_by_day() {
        let of = Definition::parse(&documented());
        let query = Query::new(&table(), &of, window(), Time::MIN).unwrap();
        assert_eq!(query.lacks, Vec::<String>::new());
        assert!(
            query.text.ends_with(
                "FROM \"audit\".\"trail\" WHERE \"eventtime\" >= ? AND \"eventtime\" < ? AND \"timestamp\" >= ? AND \"timestamp\" < ?"
            ),
            "{}",
            query.text
        );
        assert_eq!(
            query.parameters,
            [
                "'2026-11-02T00:00:00Z'",
                "'2026-11-05T00:00:00Z'",
                "'2026/11/02'",
                "'2026/11/08'"
            ]
        );
        let later = Query::new(&table(), &of, window(), Time::parse("2026-11-04").unwrap()).unwrap();
        assert_eq!(later.parameters[2], "'2026/11/04'");
        assert_eq!(
            later.parameters[0], "'2026-11-02T00:00:00Z'",
            "late records are of earlier days"
        );
    }

    #[test]
    fn a_table_that_lacks_something_is_refused_or_told() {
        let text = documented();
        let without = |column: &str| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with(column));
            Definition::parse(&lines.collect::<Vec<_>>().join("\n"))
        };
        let wrong = Query::new(&table(), &without("responseelements"), window(), Time::MIN).unwrap_err();
        assert!(wrong.contains("responseelements"), "{wrong}");
        let told = Query::new(&table(), &without("sharedeventid"), window(), Time::MIN).unwrap();
        assert_eq!(told.lacks.len(), 1, "{:?}", told.lacks);
        assert!(Query::new(&table(), &Definition::default(), window(), Time::MIN).is_err());
        let mut whole = Definition::parse(&text);
        whole.partitions.clear();
        whole.properties.clear();
        let all = Query::new(&table(), &whole, window(), Time::parse("2026-11-04").unwrap()).unwrap();
        assert!(all.lacks[0].contains("partition"), "{:?}", all.lacks);
        assert_eq!(
            all.parameters,
            ["'2026-11-02T00:00:00Z'", "'2026-11-05T00:00:00Z'"]
        );
    }

    #[test]
    fn days_of_three_columns_are_one() {
        let mut of = Definition::parse(&documented());
        of.partitions = ["region", "year", "month", "day"].map(str::to_owned).to_vec();
        let query = Query::new(&table(), &of, window(), Time::MIN).unwrap();
        assert!(query.text.contains("lpad(CAST(\"month\" AS varchar), 2, '0')"));
        assert_eq!(query.parameters[3], "'2026/11/08'");
    }

    #[test]
    fn a_row_is_the_record_again() {
        let of = Definition::parse(&documented());
        let query = Query::new(&table(), &of, window(), Time::MIN).unwrap();
        let values = |path: &str| match path {
            "userIdentity.sessionContext.sessionIssuer.arn" => Some("arn:aws:iam::1:role/r"),
            "eventID" => Some("e\"1"),
            "readOnly" => Some("true"),
            "requestParameters" => Some("{\"a\": [1, 2]}"),
            "responseElements" => Some("{a=b}"),
            "resources" => Some("arn:aws:s3:::b/k\tAWS::S3::Object\narn:aws:s3:::b\t\n\t"),
            _ => None,
        };
        let row: Vec<Option<&str>> = query.columns.iter().map(|(path, _)| values(path)).collect();
        let mut text = String::new();
        assert!(!query.record(&row, &mut text), "one value is no JSON");
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            record,
            serde_json::json!({
                "eventID": "e\"1",
                "readOnly": true,
                "requestParameters": {"a": [1, 2]},
                "resources": [{"ARN": "arn:aws:s3:::b/k", "type": "AWS::S3::Object"}, {"ARN": "arn:aws:s3:::b"}, {}],
                "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/r"}}},
            })
        );
        assert!(!query.is_head(&row));
        let names: Vec<String> = (0..row.len()).map(|at| format!("c{at}")).collect();
        let head: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
        assert!(query.is_head(&head));
    }
}
