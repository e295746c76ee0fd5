//! JSON as this API reads it: strict (a key twice is an error, not a choice of the parser), and as a tree, so
//! that an error can name the field and a body can be brought into one canonical form.

use std::fmt;

use cadastre_api_types::{ApiError, ErrorCode};
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, json};

use super::wording::{cut, echo};

/// Reads a text of JSON.
///
/// # Errors
/// `400 MalformedRequest` with line and column.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let tree = Strict::deserialize(&mut reader).and_then(|Strict(value)| reader.end().map(|()| value));
    tree.map_err(|error| {
        let hint = if bytes.starts_with(b"\xef\xbb\xbf") {
            " Remove the byte order mark at its beginning."
        } else {
            ""
        };
        ApiError::new(
            ErrorCode::MalformedRequest,
            format!(
                "The body is not valid JSON: {}.{hint}",
                cut(&error.to_string(), 200)
            ),
        )
        .with_details(json!({ "line": error.line(), "column": error.column() }))
    })
}

/// A JSON tree in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree).map(Self)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{}` is there twice",
                    echo(&key)
                )));
            }
            let Strict(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Writes a value in one canonical form: keys sorted, no white space. Two bodies that mean the same to this
/// API have the same canonical form, whatever their keys' order and spacing.
pub(crate) fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write_plain(value, out),
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            let mut entries: Vec<(&String, &Value)> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (position, (key, item)) in entries.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_plain(key, out);
                out.push(b':');
                write_canonical(item, out);
            }
            out.push(b'}');
        }
    }
}

fn write_plain<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing a string, number, bool or null into memory has no way to fail.
    let _ = serde_json::to_writer(out, value);
}

/// What a value is, in the words of an error.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Names of the fields of a body's type, in the order of its declaration, as serde knows them: there is no
/// second list that could be forgotten.
pub(crate) fn fields_of<T: de::DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // The probe always ends in an error: it only listens to which fields are asked for.
    let _ = T::deserialize(FieldProbe(&mut fields));
    fields
}

struct FieldProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("probe"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("probe"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, de::value::Error> for FieldProbe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::public::{AddressSpaceCreate, IpUpdate};
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        write_canonical(&parse(text.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_order_of_keys_and_white_space_do_not_show_in_the_canonical_form() {
        assert_eq!(
            canonical(r#"{ "b": [1, {"y":2,"x":null}], "a" : "é\u0041" }"#),
            r#"{"a":"éA","b":[1,{"x":null,"y":2}]}"#
        );
        assert_ne!(canonical("[1,2]"), canonical("[2,1]"));
    }

    #[test]
    fn a_key_twice_is_refused_with_its_place_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedRequest);
            assert!(
                error
                    .message
                    .contains("the key `a` is there twice at line 1 column"),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn malformed_json_is_answered_with_line_and_column() {
        let error = parse(b"{\n  \"a\": ,\n}").unwrap_err();
        assert_eq!(error.details, Some(json!({ "line": 2, "column": 8 })));
        assert!(error.message.contains("line 2 column 8"), "{}", error.message);
        for text in [
            "",
            "{",
            "{}x",
            "[1e999]",
            "\"\\ud800\"",
            "nul",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err().code,
                ErrorCode::MalformedRequest,
                "{text}"
            );
        }
        assert!(
            parse("\u{feff}{}".as_bytes())
                .unwrap_err()
                .message
                .contains("byte order mark")
        );
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn the_fields_of_a_body_are_those_that_serde_knows() {
        assert_eq!(fields_of::<AddressSpaceCreate>(), ["name", "description"]);
        assert!(fields_of::<IpUpdate>().contains(&"resolvedTags"));
        assert!(fields_of::<String>().is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Err(error) = parse(&bytes) {
                prop_assert_eq!(error.code.status(), 400);
            }
        }

        #[test]
        fn what_the_strict_reader_takes_is_what_serde_json_takes(text in "[\\[\\]{}:,\"a0-9 ntrue.e-]{0,40}") {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(Some(value), serde_json::from_str(&text).ok());
            }
        }
    }
}
