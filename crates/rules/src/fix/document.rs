//! Policy documents as JSON: edited, and printed with the elements in the order that people write them in.

use serde_json::Value;
use similar::TextDiff;

/// The order in which AWS's documentation writes elements.
const ORDER: &[&str] = &[
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Prints a document; ends with a newline.
#[must_use]
pub fn print(document: &Value) -> String {
    let mut out = String::new();
    write(&mut out, document, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = |out: &mut String, depth: usize| (0..depth).for_each(|_| out.push_str("  "));
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<&String> = map.keys().collect();
            let place = |key: &str| {
                ORDER
                    .iter()
                    .position(|known| *known == key)
                    .unwrap_or(ORDER.len())
            };
            keys.sort_by_key(|key| (place(key), key.as_str()));
            out.push_str("{\n");
            for (at, key) in keys.iter().enumerate() {
                indent(out, depth + 1);
                out.push_str(&Value::String((*key).clone()).to_string());
                out.push_str(": ");
                if let Some(value) = map.get(*key) {
                    write(out, value, depth + 1);
                }
                out.push_str(if at + 1 < keys.len() { ",\n" } else { "\n" });
            }
            indent(out, depth);
            out.push('}');
        }
        // Short lists of texts read best on one line.
        Value::Array(list)
            if list.len() == 1 && list.iter().all(|one| !one.is_object() && !one.is_array()) =>
        {
            out.push_str(&value.to_string());
        }
        Value::Array(list) if !list.is_empty() => {
            out.push_str("[\n");
            for (at, one) in list.iter().enumerate() {
                indent(out, depth + 1);
                write(out, one, depth + 1);
                out.push_str(if at + 1 < list.len() { ",\n" } else { "\n" });
            }
            indent(out, depth);
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Both documents as a unified diff.
#[must_use]
pub fn diff(before: &str, after: &str, name: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

/// The statements of a document, which may stand alone without a list.
fn statements(document: &mut Value) -> Option<&mut Vec<Value>> {
    let place = document.get_mut("Statement")?;
    if place.is_object() {
        *place = Value::Array(vec![place.take()]);
    }
    place.as_array_mut()
}

/// One statement.
pub fn statement(document: &mut Value, at: usize) -> Option<&mut Value> {
    statements(document)?.get_mut(at)
}

/// Takes a statement out; gives whether one is left.
pub fn remove_statement(document: &mut Value, at: usize) -> Option<bool> {
    let list = statements(document)?;
    if at >= list.len() {
        return None;
    }
    list.remove(at);
    Some(!list.is_empty())
}

/// Adds a statement.
pub fn add_statement(document: &mut Value, statement: Value) -> Option<()> {
    statements(document)?.push(statement);
    Some(())
}

/// Takes texts out of an element that is a text or a list of texts; gives whether something is left. None where one of them
/// is not there.
pub fn remove_texts(element: &mut Value, texts: &[String]) -> Option<bool> {
    let list: Vec<Value> = match element {
        Value::String(_) => vec![element.clone()],
        Value::Array(list) => list.clone(),
        _ => return None,
    };
    let is_gone = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| texts.iter().any(|t| t.eq_ignore_ascii_case(text)))
    };
    let left: Vec<Value> = list.iter().filter(|value| !is_gone(value)).cloned().collect();
    if list.len() == left.len() {
        return None;
    }
    let some = !left.is_empty();
    *element = match left.as_slice() {
        [one] => one.clone(),
        _ => Value::Array(left),
    };
    Some(some)
}

/// Adds a condition to a statement. None where it has one with this operator and key already.
pub fn add_condition(statement: &mut Value, operator: &str, key: &str, values: &[String]) -> Option<()> {
    let value = match values {
        [one] => Value::String(one.clone()),
        many => Value::Array(many.iter().cloned().map(Value::String).collect()),
    };
    let map = statement.as_object_mut()?;
    let conditions = map
        .entry("Condition")
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    let operators = conditions.as_object_mut()?;
    // What asks for this key already asks for too little.
    for (_, keys) in operators.iter_mut() {
        if let Some(keys) = keys.as_object_mut() {
            keys.retain(|known, _| !known.eq_ignore_ascii_case(key));
        }
    }
    operators.retain(|_, keys| keys.as_object().is_none_or(|keys| !keys.is_empty()));
    let keys = operators
        .entry(operator)
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    keys.as_object_mut()?.insert(key.to_owned(), value);
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_printed_as_people_write_it() {
        let document = json!({
            "Statement": [{"Resource": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": ["true"]}}}],
            "Version": "2012-10-17"
        });
        let text = print(&document);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn texts_are_taken_out_of_lists_and_single_ones() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut list = json!(["a:B", "a:C"]);
        assert_eq!(remove_texts(&mut list, &texts(&["A:b"])), Some(true));
        assert_eq!(list, json!("a:C"));
        assert_eq!(remove_texts(&mut list, &texts(&["a:D"])), None);
        assert_eq!(remove_texts(&mut list, &texts(&["a:C"])), Some(false));
    }

    #[test]
    fn a_condition_takes_the_place_of_one_that_asks_for_less() {
        let mut statement = json!({"Condition": {"StringLike": {"x:SUB": "repo:*", "x:aud": "sts"}}});
        add_condition(&mut statement, "StringEquals", "x:sub", &["repo:a/b".into()]).unwrap();
        assert_eq!(
            statement,
            json!({"Condition": {"StringLike": {"x:aud": "sts"}, "StringEquals": {"x:sub": "repo:a/b"}}})
        );
    }

    #[test]
    fn a_statement_that_stands_alone_is_one() {
        let mut document = json!({"Statement": {"Effect": "Allow"}});
        assert!(statement(&mut document, 0).is_some());
        assert_eq!(remove_statement(&mut document, 0), Some(false));
        assert_eq!(remove_statement(&mut document, 0), None);
    }
}
