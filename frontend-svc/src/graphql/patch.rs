//! From inputs to the bodies of the service: both have the same fields by the same names, so that a body is read by the one
//! reader that REST uses, with its rules and its errors.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IfMatch, MutationOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::convert::plan::as_json;
use crate::http::body::from_bytes;
use crate::http::json::fields_of;

/// The body that an input is.
///
/// # Errors
/// `400` naming the field.
pub(super) fn body<T: DeserializeOwned>(input: &impl Serialize) -> Result<T, ApiError> {
    read(&as_json(input)?)
}

/// The body that replaces a thing as it is stored by itself with what an input sends of it: what is left out stays, `null`
/// takes away. `C` is the body that makes such a thing, which has all that somebody can decide.
///
/// # Errors
/// `400` naming the field.
pub(super) fn patched<C: DeserializeOwned, U: DeserializeOwned>(
    stored: &impl Serialize,
    input: &impl Serialize,
    adapt: impl FnOnce(&mut Map<String, Value>),
) -> Result<U, ApiError> {
    let decided = fields_of::<C>();
    let mut fields = object(as_json(stored)?);
    fields.retain(|name, _| decided.contains(&name.as_str()));
    adapt(&mut fields);
    fields.extend(object(as_json(input)?));
    read(&Value::Object(fields))
}

/// The options of a change that is bound to what was read.
pub(super) fn bound_to(options: &MutationOptions, revision: u64) -> MutationOptions {
    MutationOptions {
        if_match: Some(IfMatch::Revisions(vec![revision])),
        ..options.clone()
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value {
        fields
    } else {
        Map::new()
    }
}

fn read<T: DeserializeOwned>(tree: &Value) -> Result<T, ApiError> {
    from_bytes(tree.to_string().as_bytes()).map(|body| body.value)
}

/// Pools of which nobody said anything keep what is set: their node's tags stay by themselves, and a pool that is shown as
/// depleted is an active one.
pub(super) fn of_pool(fields: &mut Map<String, Value>) {
    fields.remove("tags");
    if fields.get("status") == Some(&json!("DEPLETED")) {
        fields.insert("status".to_owned(), json!("ACTIVE"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::public::isp::{ServicePlanCreate, ServicePlanUpdate};

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let stored = json!({
            "id": "0198a2b4-5c6d-7e8f-9012-3456789abcde", "name": "Home", "description": "old", "active": false,
            "bandwidthProfileId": "b", "createdAt": "2026-01-01T00:00:00Z",
        });
        let sent = json!({ "description": "new", "bandwidthProfileId": null });
        let body = patched::<ServicePlanCreate, ServicePlanUpdate>(&stored, &sent, |_| {}).unwrap();
        assert_eq!((body.name.as_str(), body.active), ("Home", Some(false)));
        assert_eq!(body.description.as_deref(), Some("new"));
        assert_eq!(
            (body.bandwidth_profile_id, body.id, body.created_at),
            (None, None, None)
        );
        let refused =
            patched::<ServicePlanCreate, ServicePlanUpdate>(&stored, &json!({ "name": null }), |_| {});
        assert_eq!(
            refused.unwrap_err().message,
            "`name` is null; it must be a string."
        );
    }
}
