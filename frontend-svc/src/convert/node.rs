//! Nodes of the tree. Answers are written straight from the view: reading one node is the busiest call there
//! is, and a copy into the public type would cost more than the rest of the handler.

use std::collections::BTreeMap;

use cadastre_api_types::internal::NodeView;
use cadastre_api_types::public::IpUpdate;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::tags::{TagName, TagValue};
use cadastre_domain::{Prefix, Visibility};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::readonly;

/// A node as clients see it: [`cadastre_api_types::public::Ip`], borrowed (a test holds the two together).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireNode<'a> {
    id: Uuid,
    prefix: Prefix,
    parent_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(serialize_with = "as_texts")]
    tags: &'a BTreeMap<TagName, TagValue>,
    #[serde(serialize_with = "as_texts")]
    resolved_tags: &'a BTreeMap<TagName, TagValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_on: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_on: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Uuid>,
}

impl<'a> From<&'a NodeView> for WireNode<'a> {
    fn from(node: &'a NodeView) -> Self {
        let full = match node.visibility {
            Visibility::Full => true,
            // Above the caller's subtree: prefix and tags only.
            Visibility::ChainOnly | Visibility::Hidden => false,
        };
        Self {
            id: node.id,
            prefix: node.prefix,
            parent_id: node.parent_id,
            description: Some(node.description.as_str()).filter(|text| full && !text.is_empty()),
            tags: &node.tags,
            resolved_tags: &node.resolved,
            created_on: full.then_some(node.created),
            modified_on: full.then_some(node.modified),
            pool_id: node.pool_id,
            reservation_id: node.reservation_id,
        }
    }
}

fn as_texts<S: Serializer>(tags: &BTreeMap<TagName, TagValue>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tags.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Nodes of a list.
pub(crate) fn to_wire(nodes: &[NodeView]) -> Vec<WireNode<'_>> {
    nodes.iter().map(WireNode::from).collect()
}

/// Whether a `PUT` sends fields that it cannot change. `parent_was_null`: `parentId` was sent as `null`, which
/// says "at the top".
pub(crate) fn sends_read_only(update: &IpUpdate, parent_was_null: bool) -> bool {
    parent_was_null
        || update.id.is_some()
        || update.prefix.is_some()
        || update.parent_id.is_some()
        || update.resolved_tags.is_some()
        || update.created_on.is_some()
        || update.modified_on.is_some()
        || update.pool_id.is_some()
        || update.reservation_id.is_some()
}

/// Compares those fields with what is stored.
///
/// # Errors
/// `400 ReadOnlyField`.
pub(crate) fn check_read_only(
    update: &IpUpdate,
    parent_was_null: bool,
    stored: &NodeView,
) -> Result<(), ApiError> {
    readonly::check("id", update.id.as_ref(), &stored.id)?;
    if let Some(prefix) = &update.prefix {
        // Another spelling of the same prefix is the same prefix.
        let same = prefix
            .parse::<Prefix>()
            .is_ok_and(|prefix| prefix == stored.prefix);
        if !same {
            return Err(readonly::differs("prefix", &json!(prefix), &json!(stored.prefix)));
        }
    }
    if parent_was_null || update.parent_id.is_some() {
        readonly::check("parentId", Some(&update.parent_id), &stored.parent_id)?;
    }
    if let Some(resolved) = &update.resolved_tags {
        check_resolved(resolved, stored)?;
    }
    if update.pool_id.is_some() {
        readonly::check("poolId", Some(&update.pool_id), &stored.pool_id)?;
    }
    if update.reservation_id.is_some() {
        readonly::check(
            "reservationId",
            Some(&update.reservation_id),
            &stored.reservation_id,
        )?;
    }
    readonly::check("createdOn", update.created_on.as_ref(), &stored.created)?;
    readonly::check("modifiedOn", update.modified_on.as_ref(), &stored.modified)
}

fn check_resolved(sent: &BTreeMap<String, String>, stored: &NodeView) -> Result<(), ApiError> {
    let equal = sent.len() == stored.resolved.len()
        && sent
            .iter()
            .zip(&stored.resolved)
            .all(|((name, value), (stored_name, stored_value))| {
                name == stored_name.as_str() && value == stored_value.as_str()
            });
    if equal {
        return Ok(());
    }
    Err(readonly::differs(
        "resolvedTags",
        &json!(sent),
        &json!(stored.resolved),
    ))
}

/// A node for a plan.
pub(crate) fn to_value(node: &NodeView) -> Result<Value, ApiError> {
    serde_json::to_value(WireNode::from(node)).map_err(|error| {
        tracing::error!(%error, "a node cannot be written as JSON");
        ApiError::new(
            ErrorCode::Internal,
            "A fault of the server. Its log has more under the correlation id.",
        )
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::public::Ip;

    pub(crate) fn view() -> NodeView {
        let tag = |name: &str, value: &str| (TagName::new(name).unwrap(), TagValue::new(value).unwrap());
        NodeView {
            id: Uuid::from_u128(2),
            prefix: "10.1.0.0/16".parse().unwrap(),
            parent_id: Some(Uuid::from_u128(1)),
            description: "Büro \"Süd\"".into(),
            tags: [tag("Owner", "team-networking")].into(),
            resolved: [tag("Owner", "team-networking"), tag("Region", "US\\West")].into(),
            created: "2026-01-01T00:00:00.000001Z".parse().unwrap(),
            modified: "2026-01-02T00:00:00Z".parse().unwrap(),
            revision: 7,
            visibility: Visibility::Full,
            pool_id: Some(Uuid::from_u128(3)),
            reservation_id: Some(Uuid::from_u128(4)),
        }
    }

    fn public(view: &NodeView) -> Ip {
        serde_json::from_slice(&serde_json::to_vec(&WireNode::from(view)).unwrap()).unwrap()
    }

    #[test]
    fn the_borrowed_form_is_the_public_one_byte_for_byte() {
        for view in [
            view(),
            NodeView {
                parent_id: None,
                description: String::new(),
                ..view()
            },
        ] {
            let bytes = serde_json::to_string(&WireNode::from(&view)).unwrap();
            assert_eq!(bytes, serde_json::to_string(&public(&view)).unwrap());
        }
    }

    #[test]
    fn above_the_callers_subtree_only_prefix_and_tags_are_shown() {
        let shown = public(&NodeView {
            visibility: Visibility::ChainOnly,
            ..view()
        });
        assert_eq!(shown.prefix, "10.1.0.0/16");
        assert_eq!(shown.resolved_tags.len(), 2);
        assert_eq!(
            (shown.description, shown.created_on, shown.modified_on),
            (None, None, None)
        );
    }

    fn update(view: &NodeView) -> IpUpdate {
        serde_json::from_value(to_value(view).unwrap()).unwrap()
    }

    #[test]
    fn what_get_returned_can_be_put_back() {
        assert!(sends_read_only(&update(&view()), false));
        assert!(check_read_only(&update(&view()), false, &view()).is_ok());
        let top = NodeView {
            parent_id: None,
            ..view()
        };
        assert!(check_read_only(&update(&top), true, &top).is_ok());
    }

    #[test]
    fn every_read_only_field_with_another_value_is_refused_by_name() {
        let base = || update(&view());
        let other: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        for (field, sent) in [
            (
                "id",
                IpUpdate {
                    id: Some(Uuid::nil()),
                    ..base()
                },
            ),
            (
                "prefix",
                IpUpdate {
                    prefix: Some("10.0.0.0/8".into()),
                    ..base()
                },
            ),
            (
                "prefix",
                IpUpdate {
                    prefix: Some("nonsense".into()),
                    ..base()
                },
            ),
            (
                "parentId",
                IpUpdate {
                    parent_id: Some(Uuid::nil()),
                    ..base()
                },
            ),
            (
                "resolvedTags",
                IpUpdate {
                    resolved_tags: Some(BTreeMap::new()),
                    ..base()
                },
            ),
            (
                "createdOn",
                IpUpdate {
                    created_on: Some(other),
                    ..base()
                },
            ),
            (
                "poolId",
                IpUpdate {
                    pool_id: Some(Uuid::nil()),
                    ..base()
                },
            ),
            (
                "reservationId",
                IpUpdate {
                    reservation_id: Some(Uuid::nil()),
                    ..base()
                },
            ),
            (
                "modifiedOn",
                IpUpdate {
                    modified_on: Some(other),
                    ..base()
                },
            ),
        ] {
            let error = check_read_only(&sent, false, &view()).unwrap_err();
            assert_eq!(
                (error.code, &error.details.unwrap()["field"]),
                (ErrorCode::ReadOnlyField, &json!(field))
            );
        }
        let null_parent = IpUpdate {
            parent_id: None,
            ..base()
        };
        assert!(check_read_only(&null_parent, true, &view()).is_err());
        assert!(check_read_only(&null_parent, false, &view()).is_ok());
    }
}
