//! The scanner, held against serde_json.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// Everything that the scanner sees, as serde_json would have it.
fn read(scanner: &mut Scanner<'_>) -> Result<Value> {
    Ok(match scanner.kind()? {
        Kind::Object => {
            let mut map = serde_json::Map::new();
            scanner.object(|name, inner| {
                let name: String = serde_json::from_slice(&[b"\"", name, b"\""].concat()).unwrap();
                map.insert(name, read(inner)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        Kind::Array => {
            let mut list = Vec::new();
            scanner.array(|inner| {
                list.push(read(inner)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        Kind::String => Value::String(scanner.string()?.text()?.into_owned()),
        Kind::Other => {
            serde_json::from_slice(scanner.skip()?).map_err(|_| JsonError::Unexpected(scanner.at()))?
        }
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        any::<String>().prop_map(Value::String),
        r#"[a-z"\\/ ü名]{0,60}"#.prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_read_as_serde_json_reads_it(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut scanner = Scanner::new(text.as_bytes());
        prop_assert_eq!(read(&mut scanner).unwrap(), value);
        prop_assert!(scanner.is_at_end());
        let mut over = Scanner::new(text.as_bytes());
        prop_assert_eq!(over.skip().unwrap().len(), text.len(), "skipping ends where reading ends");
    }

    #[test]
    fn a_text_that_is_cut_is_an_error(value in value(), part in 0.0..1.0_f64) {
        let text = serde_json::to_string(&Value::Array(vec![value])).unwrap();
        let cut = &text.as_bytes()[..(text.len() as f64 * part) as usize];
        prop_assert!(Scanner::new(cut).skip().is_err());
        prop_assert!(read(&mut Scanner::new(cut)).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic_or_run_on(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&mut Scanner::new(&bytes));
        let _ = Scanner::new(&bytes).skip();
    }
}

#[test]
fn escapes_are_undone() {
    let text = r#""\u00fc\ud83d\ude00\/\n\ud83d""#;
    let raw = Scanner::new(text.as_bytes()).string().unwrap();
    assert_eq!(raw.text().unwrap(), "ü😀/\n\u{fffd}");
    assert!(Scanner::new(br#""\x""#).string().unwrap().text().is_err());
    assert!(Scanner::new(b"\"\xff\"").string().unwrap().text().is_err());
}

#[test]
fn closing_brackets_alone_are_no_value() {
    for text in ["}", "]", "{]", ",", ":", ""] {
        assert!(
            Scanner::new(text.as_bytes())
                .object(|_, s| s.skip().map(|_| ()))
                .is_err(),
            "{text}"
        );
    }
}
