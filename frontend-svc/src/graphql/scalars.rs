//! Scalars of our own, and ids.

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::Count;
use serde::{Serialize, Serializer};
use serde_json::json;
use uuid::Uuid;

use crate::http::path::parse_id;
use crate::http::wording::echo;

/// A whole number from 0 to 2^128 − 1: IPv6 has more addresses than `Int` holds, and than a double counts exactly. It is
/// answered as a string of digits; a string of digits and an integer are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BigInt(pub(super) u128);

impl BigInt {
    /// A count of the public API, which is a whole number in a string.
    pub(super) fn of(count: &str) -> Result<Self, ApiError> {
        count.parse().map(Self).map_err(|_| {
            tracing::error!(count, "a count is not a whole number");
            ApiError::new(
                ErrorCode::Internal,
                "A fault of the server. Its log has more under the correlation id.",
            )
        })
    }
}

impl From<Count> for BigInt {
    fn from(count: Count) -> Self {
        Self(count.0)
    }
}

impl From<u64> for BigInt {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let digits = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::List(_)
            | Value::Object(_) => return Err(InputValueError::expected_type(value)),
        };
        // `parse` would take a sign, too.
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse() {
            Ok(number) if plain => Ok(Self(number)),
            Ok(_) | Err(_) => Err(InputValueError::custom(format!(
                "`{}` is not a whole number; write digits, in quotes if there are many.",
                echo(&digits)
            ))),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// In bodies of the service such numbers are numbers.
impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(number) => serializer.serialize_u64(number),
            Err(_) => serializer.serialize_str(&self.0.to_string()),
        }
    }
}

/// The UUID that an id is.
///
/// # Errors
/// `400 InvalidId` naming the argument.
pub(super) fn uuid(argument: &str, id: &ID) -> Result<Uuid, ApiError> {
    parse_id(id).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidId,
            format!("`{argument}` is `{}`; it must be a UUID.", echo(id)),
        )
        .with_details(json!({ "argument": argument }))
    })
}

/// The UUID that an id is, if one was sent.
///
/// # Errors
/// As [`uuid`].
pub(super) fn uuid_or_none(argument: &str, id: Option<&ID>) -> Result<Option<Uuid>, ApiError> {
    id.map(|id| uuid(argument, id)).transpose()
}

/// A UUID as an id.
pub(super) fn id(uuid: Uuid) -> ID {
    ID(uuid.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_big_int_is_digits_in_a_string_or_an_integer() {
        let read = |value: Value| BigInt::parse(value).map(|number| number.0).ok();
        assert_eq!(read(Value::from(7)), Some(7));
        assert_eq!(
            read(Value::from("340282366920938463463374607431768211455")),
            Some(u128::MAX)
        );
        for wrong in [
            Value::from("340282366920938463463374607431768211456"),
            Value::from(-1),
            Value::from(1.5),
            Value::from("+1"),
            Value::from(""),
            Value::from(" 1"),
            Value::from("1e3"),
            Value::from(true),
            Value::Null,
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_big_int_that_was_answered_is_understood(number in any::<u128>()) {
            prop_assert_eq!(BigInt::parse(BigInt(number).to_value()).unwrap(), BigInt(number));
        }
    }
}
