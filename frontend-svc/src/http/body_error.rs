//! What a client reads when its body has a field of the wrong shape: serde's message, turned into a sentence
//! about the field, without repeating more than a little of the input.

use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::{Value, json};

use super::json::kind;
use super::wording::{cut, did_you_mean, echo, listed};

/// `400 UnknownField`.
pub(crate) fn unknown_field(field: &str, meant: Option<&str>, known: &[&str]) -> ApiError {
    let hint = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`"));
    let end = if meant.is_some() { '?' } else { '.' };
    let mut details = json!({ "field": echo(field), "known": known });
    if let Some(meant) = meant {
        details["didYouMean"] = json!(meant);
    }
    ApiError::new(
        ErrorCode::UnknownField,
        format!(
            "`{}` is not a field of this body{hint}{end} Its fields are {}.",
            echo(field),
            listed(known)
        ),
    )
    .with_details(details)
}

/// The error for serde's message about the value at a path.
pub(crate) fn describe(tree: &Value, path: &str, message: &str) -> ApiError {
    let (at, value) = locate(tree, path);
    if let Some(name) = in_backticks(message, "missing field `") {
        let field = if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        };
        return about(&field, format!("`{}` is missing; it is required.", echo(&field)));
    }
    if let Some((given, known)) = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected "))
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let place = if at == given || at.ends_with(&format!(".{given}")) {
            at
        } else if at.is_empty() {
            given.to_owned()
        } else {
            format!("{at}.{given}")
        };
        return unknown_field(&place, did_you_mean(given, &known), &known);
    }
    let field = echo(&at);
    let text = if message.starts_with("invalid type: ") {
        let expected = message
            .rsplit_once(", expected ")
            .map_or("something else", |(_, expected)| expected);
        format!(
            "`{field}` is {}; it must be {}.",
            value.map_or("of another type", kind),
            in_json_words(expected)
        )
    } else if let Some((_, expected)) = message
        .strip_prefix("invalid value: integer `")
        .and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let given = value.map(ToString::to_string).unwrap_or_default();
        format!(
            "`{field}` is {}; it must be {}.",
            echo(&given),
            in_json_words(expected)
        )
    } else if let Some((_, known)) = message
        .strip_prefix("unknown variant `")
        .and_then(|m| m.rsplit_once("`, expected "))
    {
        let given = value.and_then(Value::as_str).unwrap_or_default();
        let known = known.trim_start_matches("one of ").replace(" or ", ", ");
        format!(
            "`{field}` has the unknown value `{}`; it must be one of {known}.",
            echo(given)
        )
    } else if let Some((what, example)) = shape_of(&at)
        && let Some(given) = value.and_then(Value::as_str)
    {
        format!("`{field}` is `{}`, which is no {what}; {example}.", echo(given))
    } else {
        match value.and_then(Value::as_str).map(|text| text.chars().count()) {
            Some(length) if length > 64 => {
                format!("`{field}` is not legal: it has {length} characters, more than any legal value.")
            }
            _ => format!(
                "`{field}` is not legal: {}.",
                cut(message.trim_end_matches('.'), 200)
            ),
        }
    };
    about(&at, text)
}

/// What fields of a name hold that are text in JSON and something else here, and how it is written.
fn shape_of(path: &str) -> Option<(&'static str, &'static str)> {
    let name = path.rsplit('.').next().unwrap_or(path);
    if ["At", "On", "Before"].iter().any(|end| name.ends_with(end)) {
        Some(("moment", "write one as in 2026-12-01T00:00:00Z"))
    } else if name.ends_with("Id") {
        Some(("id", "ids are UUIDs, as the lists of these things answer them"))
    } else {
        None
    }
}

fn about(field: &str, message: String) -> ApiError {
    ApiError::new(ErrorCode::MalformedRequest, message).with_details(json!({ "field": echo(field) }))
}

/// The path as far as the tree goes along with it (serde also counts the variant of an enum as a step), and
/// what is there. Keys may hold dots themselves, so the longest key that fits is taken.
fn locate<'a>(tree: &'a Value, path: &str) -> (String, Option<&'a Value>) {
    let mut at = String::new();
    let mut value = tree;
    let mut rest = path;
    while !rest.is_empty() && rest != "." {
        let step = match value {
            Value::Object(object) => object
                .iter()
                .filter(|(key, _)| {
                    rest.strip_prefix(key.as_str())
                        .is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']))
                })
                .max_by_key(|(key, _)| key.len())
                .map(|(key, inner)| (key.clone(), inner, &rest[key.len()..])),
            Value::Array(items) => {
                rest.strip_prefix('[')
                    .and_then(|r| r.split_once(']'))
                    .and_then(|(index, after)| {
                        let inner = items.get(index.parse::<usize>().ok()?)?;
                        Some((format!("[{index}]"), inner, after))
                    })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        let Some((name, inner, after)) = step else { break };
        if !at.is_empty() && !name.starts_with('[') {
            at.push('.');
        }
        at.push_str(&name);
        value = inner;
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    (at, Some(value))
}

fn in_backticks<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_suffix('`')
}

/// Serde's words for types, in those of JSON.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        "a borrowed string" | "a string" | "string or map" => "a string",
        "a formatted UUID string" | "a UUID string" => "a UUID in a string",
        "u8" => "a whole number from 0 to 255",
        "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("enum ") => "a string",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_answered_in_words_of_people() {
        let tree = serde_json::json!({ "prefixLength": 300, "count": -1 });
        for (path, message, expected) in [
            (
                "prefixLength",
                "invalid value: integer `300`, expected u8",
                "`prefixLength` is 300; it must be a whole number from 0 to 255.",
            ),
            (
                "count",
                "invalid value: integer `-1`, expected usize",
                "`count` is -1; it must be a whole number that is not negative.",
            ),
        ] {
            assert_eq!(describe(&tree, path, message).message, expected);
        }
    }

    #[test]
    fn a_moment_and_an_id_that_are_none_are_answered_with_how_they_are_written() {
        let tree = json!({ "expiresAt": "2026-12-01", "poolId": "north" });
        for (path, expected) in [
            (
                "expiresAt",
                "`expiresAt` is `2026-12-01`, which is no moment; write one as in 2026-12-01T00:00:00Z.",
            ),
            (
                "poolId",
                "`poolId` is `north`, which is no id; ids are UUIDs, as the lists of these things answer them.",
            ),
        ] {
            assert_eq!(describe(&tree, path, "a parser's words").message, expected);
        }
    }

    #[test]
    fn an_unknown_field_deep_inside_is_refused_by_name_with_its_place() {
        let tree = json!({ "items": [{ "pool": 1 }] });
        // serde says `items[0].pool` or `items[0]`, whichever it stands at.
        for path in ["items[0].pool", "items[0]"] {
            let error = describe(
                &tree,
                path,
                "unknown field `pool`, expected one of `poolId`, `notes`",
            );
            assert_eq!(error.code, ErrorCode::UnknownField);
            assert!(
                error.message.contains("did you mean `poolId`?"),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn a_path_is_followed_through_keys_with_dots_and_through_arrays() {
        let tree = json!({ "implies": { "a.b": { "c": 5 }, "a": 1 }, "list": [[7]] });
        let (at, value) = locate(&tree, "implies.a.b.c");
        assert_eq!((at.as_str(), value), ("implies.a.b.c", Some(&json!(5))));
        let (at, value) = locate(&tree, "list[0][0]");
        assert_eq!((at.as_str(), value), ("list[0][0]", Some(&json!(7))));
        let (at, value) = locate(&tree, "list[0].Variant");
        assert_eq!((at.as_str(), value), ("list[0]", Some(&json!([7]))));
    }
}
