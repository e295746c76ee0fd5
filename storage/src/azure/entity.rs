//! A row as an Azure table entity: the fields of the JSON object as columns, so that the usual tools show and filter
//! them, and every object comes back as it was.
//!
//! * Text, truth values and whole numbers are columns of their own types (`Edm.String`, `Edm.Boolean`, `Edm.Int32`,
//!   `Edm.Int64`).
//! * Everything else (objects, lists, `null`, fractions, larger numbers, text with control characters) is JSON text in a
//!   text column; [`JSON_COLUMNS`] names those.
//! * A text column holds 32 Ki UTF-16 units; what is longer goes on in `Name__2`, `Name__3`, …
//! * Fields whose names no column can have, and those above [`FIELDS`], are one JSON object in [`OTHER_FIELDS`].

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::error::{StoreError, corrupt};

/// The column that names the columns which hold JSON text.
const JSON_COLUMNS: &str = "_json";
/// The column with the fields that have no column.
const OTHER_FIELDS: &str = "_other";
/// UTF-16 units in one column; the service takes 32,768.
const UNITS: usize = 32_000;
/// Fields with columns of their own. The service takes 252 columns, and long texts need several.
const FIELDS: usize = 120;
/// Longest name of a field with a column of its own; the service takes 255 with the number of a continuation.
const NAME: usize = 200;

const TYPE_SUFFIX: &str = "@odata.type";
const INT64: &str = "Edm.Int64";

/// What the service puts beside the columns, and what is its own.
const RESERVED: [&str; 3] = ["PartitionKey", "RowKey", "Timestamp"];

/// An entity read from the service.
pub(super) struct Stored {
    pub(super) row_key: String,
    /// The version, as lists carry it.
    pub(super) etag: Option<String>,
    pub(super) value: Vec<u8>,
}

/// The entity of a row; `value` is one JSON object.
pub(super) fn encode(partition: &str, row_key: &str, value: &[u8]) -> Result<Box<RawValue>, StoreError> {
    let text = Value::Object(columns(partition, row_key, value)?).to_string();
    RawValue::from_string(in_one_line(text)).map_err(|error| damaged(row_key, &error.to_string()))
}

/// JSON without the characters that some take for the end of a line although JSON does not: a transaction is text of
/// many lines, and is taken apart by lines.
fn in_one_line(json: String) -> String {
    const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];
    if !json.contains(BREAKS) {
        return json;
    }
    // They can only stand inside of texts, where an escape means the same.
    BREAKS
        .iter()
        .fold(json, |json, c| json.replace(*c, &format!("\\u{:04x}", *c as u32)))
}

fn columns(partition: &str, row_key: &str, value: &[u8]) -> Result<Map<String, Value>, StoreError> {
    let object: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(value).map_err(|error| StoreError::Invalid {
            reason: format!("the value of row {row_key} is not a JSON object: {error}"),
        })?;
    let mut entity = Map::new();
    let mut json_columns = Vec::new();
    let mut others = BTreeMap::new();
    for (name, field) in object {
        if !is_column_name(&name) || entity.len() >= FIELDS {
            others.insert(name, field);
            continue;
        }
        match Column::of(&field) {
            Column::Truth(truth) => {
                entity.insert(name, truth.into());
            }
            Column::Number(number) => {
                if i32::try_from(number).is_ok() {
                    entity.insert(name, number.into());
                } else {
                    entity.insert(format!("{name}{TYPE_SUFFIX}"), INT64.into());
                    entity.insert(name, number.to_string().into());
                }
            }
            Column::Text(text) => put_text(&mut entity, &name, &text),
            Column::Json => {
                put_text(&mut entity, &name, field.get());
                json_columns.push(name);
            }
        }
    }
    if !others.is_empty() {
        let text = serde_json::to_string(&others).map_err(|error| damaged(row_key, &error.to_string()))?;
        put_text(&mut entity, OTHER_FIELDS, &text);
    }
    if !json_columns.is_empty() {
        put_text(&mut entity, JSON_COLUMNS, &json_columns.join(" "));
    }
    entity.insert(RESERVED[0].to_owned(), partition.into());
    entity.insert(RESERVED[1].to_owned(), row_key.into());
    Ok(entity)
}

/// What a field is stored as.
enum Column {
    Truth(bool),
    Number(i64),
    Text(String),
    /// The text of the field as it is.
    Json,
}

impl Column {
    fn of(field: &RawValue) -> Self {
        match field.get() {
            "true" => Self::Truth(true),
            "false" => Self::Truth(false),
            // The one number that is read as another one.
            "-0" => Self::Json,
            text if text.starts_with('"') => match serde_json::from_str::<String>(text) {
                Ok(text) if is_plain(&text) => Self::Text(text),
                _ => Self::Json,
            },
            text => text.parse().map_or(Self::Json, Self::Number),
        }
    }
}

/// The row of an entity.
pub(super) fn decode(entity: Map<String, Value>) -> Result<Stored, StoreError> {
    let mut columns: BTreeMap<String, Value> = BTreeMap::new();
    let mut long = Vec::new();
    let (mut row_key, mut etag) = (None, None);
    for (name, value) in entity {
        match (name.as_str(), value) {
            ("RowKey", Value::String(key)) => row_key = Some(key),
            ("odata.etag", Value::String(tag)) => etag = Some(tag),
            (annotation, value) if annotation.ends_with(TYPE_SUFFIX) => {
                if value == INT64 {
                    long.push(annotation.trim_end_matches(TYPE_SUFFIX).to_owned());
                }
            }
            (column, _) if is_reserved(column) => {}
            (_, value) => {
                columns.insert(name, value);
            }
        }
    }
    let row_key = row_key.ok_or_else(|| damaged("?", "it has no row key"))?;
    let damage = |what: &str| damaged(&row_key, what);
    let json_columns = take_text(&mut columns, JSON_COLUMNS)
        .map_err(damage)?
        .unwrap_or_default();
    let mut object: BTreeMap<String, Box<RawValue>> =
        match take_text(&mut columns, OTHER_FIELDS).map_err(damage)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| damage(&error.to_string()))?,
            None => BTreeMap::new(),
        };
    for name in json_columns.split_terminator(' ') {
        let text = take_text(&mut columns, name)
            .map_err(damage)?
            .ok_or_else(|| damage(&format!("column {name} is missing")))?;
        let field = RawValue::from_string(text).map_err(|error| damage(&error.to_string()))?;
        object.insert(name.to_owned(), field);
    }
    while let Some((name, value)) = columns.pop_first() {
        let field = match value {
            Value::String(text) if long.contains(&name) => {
                let number: i64 = text
                    .parse()
                    .map_err(|_| damage(&format!("column {name} is no number")))?;
                Value::from(number)
            }
            Value::String(start) => {
                columns.insert(name.clone(), Value::String(start));
                let text = take_text(&mut columns, &name).map_err(damage)?;
                Value::String(text.unwrap_or_default())
            }
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other,
        };
        let field = to_raw_value(&field).map_err(|error| damage(&error.to_string()))?;
        object.insert(name, field);
    }
    let value = serde_json::to_vec(&object).map_err(|error| damage(&error.to_string()))?;
    Ok(Stored { row_key, etag, value })
}

/// A letter, then letters, digits and single low lines: the service asks for the name of a C# variable.
fn is_column_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && name.len() <= NAME
        && name.bytes().all(legal)
        && !name.contains("__")
        && !RESERVED.contains(&name)
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("odata.")
}

/// Text that every layer between here and the service carries unchanged.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| {
        !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
    })
}

fn continued(name: &str, part: usize) -> String {
    format!("{name}__{part}")
}

/// Text in as many columns as it needs.
fn put_text(entity: &mut Map<String, Value>, name: &str, text: &str) {
    if text.len() <= UNITS {
        // No text has more UTF-16 units than bytes.
        entity.insert(name.to_owned(), text.into());
        return;
    }
    let (mut part, mut start, mut units) = (1, 0, 0);
    let mut put = |part: usize, text: &str| {
        let name = if part == 1 {
            name.to_owned()
        } else {
            continued(name, part)
        };
        entity.insert(name, text.into());
    };
    for (at, c) in text.char_indices() {
        if units + c.len_utf16() > UNITS {
            put(part, &text[start..at]);
            (part, start, units) = (part + 1, at, 0);
        }
        units += c.len_utf16();
    }
    put(part, &text[start..]);
}

/// Takes the columns of one text together.
fn take_text(columns: &mut BTreeMap<String, Value>, name: &str) -> Result<Option<String>, &'static str> {
    let Some(Value::String(mut text)) = columns.remove(name) else {
        return Ok(None);
    };
    for part in 2.. {
        match columns.remove(&continued(name, part)) {
            None => break,
            Some(Value::String(more)) => text.push_str(&more),
            Some(_) => return Err("a text goes on in something else"),
        }
    }
    Ok(Some(text))
}

fn damaged(row_key: &str, what: &str) -> StoreError {
    corrupt(
        format!("the entity of row {row_key} cannot be read: {what}"),
        None,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As the service gives it back: with metadata, and its own columns.
    fn through(value: &Value) -> Value {
        let mut entity = columns("p", "r", value.to_string().as_bytes()).unwrap();
        entity.insert("odata.etag".to_owned(), "W/\"1\"".into());
        entity.insert("odata.metadata".to_owned(), "x".into());
        entity.insert("Timestamp".to_owned(), "2026-01-01T00:00:00Z".into());
        entity.insert("Timestamp@odata.type".to_owned(), "Edm.DateTime".into());
        let stored = decode(entity).unwrap();
        assert_eq!(stored.row_key, "r");
        serde_json::from_slice(&stored.value).unwrap()
    }

    #[test]
    fn fields_are_columns_that_tools_can_read() {
        let value = json!({
            "Description": "Büro", "Revision": 7, "Large": 5_000_000_000_i64, "Active": true, "Tags": {"Site": "AMS1"},
        });
        let entity = columns("space", "n_1", value.to_string().as_bytes()).unwrap();
        assert_eq!(
            Value::Object(entity),
            json!({
                "PartitionKey": "space", "RowKey": "n_1", "Description": "Büro", "Revision": 7,
                "Large": "5000000000", "Large@odata.type": "Edm.Int64", "Active": true,
                "Tags": "{\"Site\":\"AMS1\"}", "_json": "Tags",
            })
        );
        assert_eq!(through(&value), value);
    }

    #[test]
    fn names_that_no_column_can_have_are_kept_apart() {
        let value = json!({ "straße": 1, "a b": "x", "PartitionKey": "mine", "a__2": "y", "_json": "z", "": null, "1": [] });
        let entity = columns("p", "r", value.to_string().as_bytes()).unwrap();
        let mut names: Vec<&str> = entity.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["PartitionKey", "RowKey", "_other"]);
        assert_eq!(through(&value), value);
    }

    #[test]
    fn long_text_goes_on_in_further_columns() {
        // 𝔘 is two units and four bytes, so a part must not end inside of it.
        let value = json!({ "Text": format!("x{}", "𝔘".repeat(40_000)), "List": vec!["a"; 30_000] });
        let entity = columns("p", "r", value.to_string().as_bytes()).unwrap();
        for (name, column) in &entity {
            let units = column.as_str().unwrap().encode_utf16().count();
            assert!(units <= UNITS, "{name} has {units}");
        }
        assert!(entity.contains_key("Text__3"), "{:?}", entity.keys());
        assert_eq!(through(&value), value);
    }

    #[test]
    fn an_entity_with_a_missing_column_is_damaged_and_not_half_read() {
        let value = json!({ "Tags": {"a": 1} });
        let mut entity = columns("p", "r", value.to_string().as_bytes()).unwrap();
        entity.remove("Tags");
        assert!(matches!(decode(entity), Err(StoreError::Corrupt { .. })));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_object_comes_back(fields in prop::collection::btree_map("[A-Za-z_][a-zA-Z0-9_]{0,8}|.{0,4}", any_json(), 0..150)) {
            let value = Value::Object(fields.into_iter().collect());
            prop_assert_eq!(through(&value), value);
        }
    }
}
