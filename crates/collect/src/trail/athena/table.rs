//! The table that is asked, and what its definition says.

use std::collections::BTreeMap;

/// `DATABASE.TABLE?workgroup=…&output=s3://…&catalog=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The database.
    pub database: String,
    /// The table.
    pub table: String,
    /// The workgroup that the query runs in; Athena's own choice is `primary`.
    pub workgroup: Option<String>,
    /// Where results go: `s3://…`; where the workgroup says, if nothing is said.
    pub output: Option<String>,
    /// The data catalogue; Athena's own choice is `AwsDataCatalog`.
    pub catalog: Option<String>,
}

const FORM: &str = "write athena://DATABASE.TABLE?workgroup=NAME&output=s3://BUCKET/PREFIX";

/// A name goes into the text of a query. None has other signs (Athena User Guide, "Name databases, tables, and columns").
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

impl Table {
    pub(super) fn name(&self) -> String {
        format!("athena://{}.{}", self.database, self.table)
    }

    /// Reads what follows `athena://`.
    pub(in crate::trail) fn parse(text: &str) -> Result<Self, String> {
        let (name, options) = text.split_once('?').unwrap_or((text, ""));
        let (database, table) = name
            .split_once('.')
            .filter(|(database, table)| is_name(database) && is_name(table))
            .ok_or(FORM)?;
        let mut parsed = Self {
            database: database.to_owned(),
            table: table.to_owned(),
            workgroup: None,
            output: None,
            catalog: None,
        };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or(FORM)?;
            let value = Some(value.to_owned());
            match name {
                "workgroup" => parsed.workgroup = value,
                "output" => parsed.output = value,
                "catalog" => parsed.catalog = value,
                _ => return Err(format!("`{name}` is none of workgroup, output, catalog; {FORM}")),
            }
        }
        Ok(parsed)
    }
}

/// A type of Hive's, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Struct(BTreeMap<String, Type>),
    Array(Box<Type>),
    /// `string`, `map<…>` and all others.
    Other(String),
}

/// What `SHOW CREATE TABLE` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) columns: BTreeMap<String, Type>,
    pub(super) partitions: Vec<String>,
    pub(super) properties: BTreeMap<String, String>,
}

impl Definition {
    /// Reads a definition. What cannot be read of it is not there, and missed by whoever needs it.
    pub(super) fn parse(text: &str) -> Self {
        let mut definition = Self::default();
        let lower = text.to_ascii_lowercase();
        let body = |from: usize| lower.get(from..).unwrap_or_default();
        if let Some(at) = lower.find('(') {
            definition.columns = columns(body(at + 1)).into_iter().collect();
        }
        if let Some(at) = lower.find("partitioned by")
            && let Some(open) = body(at).find('(')
        {
            let found = columns(body(at + open + 1));
            definition.partitions = found.iter().map(|(name, _)| name.clone()).collect();
            definition.columns.extend(found);
        }
        if let Some(at) = lower.find("tblproperties") {
            // Values as they are: a format's `MM` is no `mm`.
            definition.properties = properties(text.get(at..).unwrap_or_default());
        }
        definition
    }

    /// The type of a column, or of a field of it.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Type> {
        let (column, fields) = path.split_first()?;
        fields
            .iter()
            .try_fold(self.columns.get(*column)?, |of, field| match of {
                Type::Struct(fields) => fields.get(*field),
                _ => None,
            })
    }
}

/// `name type [COMMENT '…'], …` up to the parenthesis that closes.
fn columns(text: &str) -> Vec<(String, Type)> {
    let (mut all, mut piece) = (Vec::new(), String::new());
    let (mut depth, mut quoted) = (0_u32, false);
    for sign in text.chars() {
        match sign {
            '\'' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted && depth > 0 => depth -= 1,
            ')' if !quoted => break,
            ',' if !quoted && depth == 0 => {
                all.extend(column(&piece));
                piece.clear();
                continue;
            }
            _ => {}
        }
        piece.push(sign);
    }
    all.extend(column(&piece));
    all
}

fn column(text: &str) -> Option<(String, Type)> {
    let text = text.trim();
    let (name, rest) = match text.strip_prefix('`') {
        Some(text) => text.split_once('`')?,
        None => text.split_once(char::is_whitespace)?,
    };
    let rest = rest.split(" comment ").next().unwrap_or_default();
    let bare: String = rest.chars().filter(|sign| !sign.is_whitespace()).collect();
    Some((name.to_owned(), kind(&bare)))
}

/// `struct<a:string,b:array<…>>`.
fn kind(text: &str) -> Type {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>');
    if let Some(fields) = inner("struct") {
        let fields = split(fields)
            .into_iter()
            .filter_map(|field| field.split_once(':'))
            .map(|(name, of)| (name.trim_matches('`').to_owned(), kind(of)));
        return Type::Struct(fields.collect());
    }
    if let Some(of) = inner("array") {
        return Type::Array(Box::new(kind(of)));
    }
    Type::Other(text.to_owned())
}

/// At the commas that are in no brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_u32, 0, Vec::new());
    for (at, sign) in text.char_indices() {
        match sign {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(from..));
    parts
}

/// `'name'='value', …`
fn properties(text: &str) -> BTreeMap<String, String> {
    let quoted: Vec<&str> = text.split('\'').collect();
    // What is between quotes stands at odd places; an equals sign between two makes them a pair.
    let pairs = quoted
        .windows(4)
        .skip(1)
        .step_by(2)
        .filter_map(|four| match four {
            [name, equals, value, _] if equals.trim() == "=" => {
                Some(((*name).to_owned(), (*value).to_owned()))
            }
            _ => None,
        });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_address_has_a_table_and_where_to_ask() {
        let table = Table::parse("audit.cloud_trail?workgroup=sec&output=s3://results/a").unwrap();
        assert_eq!(
            (
                table.database.as_str(),
                table.table.as_str(),
                table.workgroup.as_deref(),
                table.output.as_deref()
            ),
            ("audit", "cloud_trail", Some("sec"), Some("s3://results/a"))
        );
        for wrong in ["t", "d.t?x=1", "d.t\"; drop", ".t", "d.t?workgroup"] {
            assert!(Table::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_definition_is_read() {
        let definition = Definition::parse(
            "CREATE EXTERNAL TABLE `audit.t`(\n  `eventversion` string COMMENT 'from, deserializer', \n  \
             `useridentity` struct<type:string,sessioncontext:struct<attributes:struct<creationdate:string>>> COMMENT 'x', \n  \
             `resources` array<struct<arn:string,accountid:string>> COMMENT '')\nPARTITIONED BY ( \n  `timestamp` string COMMENT '')\n\
             ROW FORMAT SERDE \n  'a.b.CloudTrailSerde' \nTBLPROPERTIES (\n  'projection.enabled'='true', \n  \
             'projection.timestamp.format'='yyyy/MM/dd')",
        );
        assert_eq!(definition.partitions, ["timestamp"]);
        let text = Type::Other("string".into());
        assert_eq!(definition.at(&["eventversion"]), Some(&text));
        let created = ["useridentity", "sessioncontext", "attributes", "creationdate"];
        assert_eq!(definition.at(&created), Some(&text));
        assert_eq!(definition.at(&["useridentity", "arn"]), None);
        assert!(matches!(definition.at(&["resources"]), Some(Type::Array(_))));
        assert_eq!(definition.properties["projection.timestamp.format"], "yyyy/MM/dd");
        assert_eq!(Definition::parse("nothing of the kind"), Definition::default());
    }
}
