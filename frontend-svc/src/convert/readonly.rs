//! Read-only fields in the body of a `PUT`: accepted where they equal what is stored, so that what `GET`
//! returned can be sent back; refused by name where they do not.

use cadastre_api_types::{ApiError, ErrorCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::wording::echo;

/// Refuses a field that was sent with another value than the stored one.
pub(crate) fn check<T: PartialEq + Serialize>(
    field: &'static str,
    sent: Option<&T>,
    stored: &T,
) -> Result<(), ApiError> {
    match sent {
        Some(sent) if sent != stored => Err(differs(field, &as_json(sent), &as_json(stored))),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a field that was sent although there is nothing stored yet.
pub(crate) fn check_absent<T: Serialize>(field: &'static str, sent: Option<&T>) -> Result<(), ApiError> {
    match sent {
        None => Ok(()),
        Some(sent) => Err(ApiError::new(
            ErrorCode::ReadOnlyField,
            format!("`{field}` is read-only: the server sets it. Leave it out."),
        )
        .with_details(json!({ "field": field, "sent": short(&as_json(sent)) }))),
    }
}

/// `400 ReadOnlyField`.
pub(crate) fn differs(field: &'static str, sent: &Value, stored: &Value) -> ApiError {
    let (sent, stored) = (short(sent), short(stored));
    ApiError::new(
        ErrorCode::ReadOnlyField,
        format!(
            "`{field}` is read-only: you sent {sent}, stored is {stored}. Leave it out, or send it as GET returns it."
        ),
    )
    .with_details(json!({ "field": field, "sent": sent, "stored": stored }))
}

fn as_json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => echo(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            echo(&value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_equal_or_absent_field_passes_and_another_is_named_with_both_values() {
        assert!(check("id", Some(&"a"), &"a").is_ok());
        assert!(check("id", None, &"a").is_ok());
        let error = check("id", Some(&"b"), &"a").unwrap_err();
        assert_eq!(error.code, ErrorCode::ReadOnlyField);
        assert!(
            error
                .message
                .starts_with("`id` is read-only: you sent b, stored is a."),
            "{}",
            error.message
        );
        assert_eq!(
            error.details,
            Some(json!({ "field": "id", "sent": "b", "stored": "a" }))
        );
    }
}
