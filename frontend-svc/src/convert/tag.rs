//! Tag definitions, and the tags that a node is given.

use std::collections::BTreeMap;

use cadastre_api_types::internal::TagView;
use cadastre_api_types::public::{Tag, TagConflictPolicy, TagMap, TagType, TagWrite, ValueMaps};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};
use serde_json::json;

use super::errors::{definition_error, entry_error, name_error};
use super::readonly;

/// As clients see it.
pub(crate) fn to_wire(view: TagView) -> Tag {
    let definition = view.definition;
    Tag {
        name: definition.name.to_string(),
        description: definition.description,
        tag_type: match definition.inheritance {
            Inheritance::Inheritable => TagType::Inheritable,
            Inheritance::NonInheritable => TagType::NonInheritable,
        },
        known_values: definition.known_values.iter().map(ToString::to_string).collect(),
        attributes: definition.attributes,
        implies: definition
            .implies
            .into_iter()
            .map(|(tag, values)| (tag.to_string(), texts(values)))
            .collect(),
        conflict: match definition.conflict {
            ConflictPolicy::Nearest => TagConflictPolicy::Nearest,
            ConflictPolicy::Reject => TagConflictPolicy::Reject,
        },
        created_on: view.created,
        modified_on: view.modified,
    }
}

fn texts(values: BTreeMap<TagValue, TagValue>) -> BTreeMap<String, String> {
    values
        .into_iter()
        .map(|(from, to)| (from.to_string(), to.to_string()))
        .collect()
}

/// The definition that a `POST` asks for.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn definition_to_create(write: TagWrite) -> Result<TagDefinition, ApiError> {
    readonly::check_absent("createdOn", write.created_on.as_ref())?;
    readonly::check_absent("modifiedOn", write.modified_on.as_ref())?;
    let Some(name) = &write.name else {
        return Err(
            ApiError::new(ErrorCode::MalformedRequest, "`name` is missing; it is required.")
                .with_details(json!({ "field": "name" })),
        );
    };
    let name = TagName::new(name).map_err(|error| name_error(ErrorCode::InvalidName, "name", &error))?;
    definition(name, write)
}

/// The definition that a `PUT` to the tag of this name asks for.
///
/// # Errors
/// A `400` naming the field; `ReadOnlyField` for another name.
pub(crate) fn definition_to_replace(name: TagName, write: TagWrite) -> Result<TagDefinition, ApiError> {
    if let Some(sent) = &write.name
        && *sent != *name.as_str()
    {
        return Err(readonly::differs("name", &json!(sent), &json!(name)));
    }
    definition(name, write)
}

fn definition(name: TagName, write: TagWrite) -> Result<TagDefinition, ApiError> {
    let definition = TagDefinition {
        name,
        description: write.description,
        inheritance: match write.tag_type {
            TagType::Inheritable => Inheritance::Inheritable,
            TagType::NonInheritable => Inheritance::NonInheritable,
        },
        known_values: write
            .known_values
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(position, value)| tag_value(value, || format!("knownValues[{position}]")))
            .collect::<Result<_, _>>()?,
        attributes: write.attributes.unwrap_or_default(),
        implies: implications(write.implies.unwrap_or_default())?,
        conflict: match write.conflict {
            TagConflictPolicy::Nearest => ConflictPolicy::Nearest,
            TagConflictPolicy::Reject => ConflictPolicy::Reject,
        },
    };
    definition.validate().map_err(|error| definition_error(&error))?;
    Ok(definition)
}

fn implications(sent: ValueMaps) -> Result<BTreeMap<TagName, BTreeMap<TagValue, TagValue>>, ApiError> {
    let mut implies = BTreeMap::new();
    for (implied, values) in sent {
        let field = format!("implies.{implied}");
        let name = TagName::new(&implied)
            .map_err(|error| entry_error(ErrorCode::InvalidTagDefinition, &field, &error))?;
        let mut map = BTreeMap::new();
        for (from, to) in values {
            let from_value = tag_value(&from, || field.clone())?;
            map.insert(from_value, tag_value(&to, || format!("{field}.{from}"))?);
        }
        implies.insert(name, map);
    }
    Ok(implies)
}

fn tag_value(text: &str, field: impl FnOnce() -> String) -> Result<TagValue, ApiError> {
    TagValue::new(text).map_err(|error| entry_error(ErrorCode::InvalidTagDefinition, &field(), &error))
}

/// Whether a `PUT` sends fields that it cannot change (the name aside, which the path decides).
pub(crate) fn sends_read_only(write: &TagWrite) -> bool {
    write.created_on.is_some() || write.modified_on.is_some()
}

/// Compares those fields with what is stored.
///
/// # Errors
/// `400 ReadOnlyField`.
pub(crate) fn check_read_only(write: &TagWrite, stored: &TagView) -> Result<(), ApiError> {
    readonly::check("createdOn", write.created_on.as_ref(), &stored.created)?;
    readonly::check("modifiedOn", write.modified_on.as_ref(), &stored.modified)
}

/// The tags of a node. Whether they are defined, and how many there may be, is decided beside the data.
///
/// # Errors
/// `400 InvalidName` for a name or value that no tag could have.
pub(crate) fn explicit(tags: TagMap) -> Result<ExplicitTags, ApiError> {
    let mut explicit = ExplicitTags::new();
    for (name, value) in tags {
        let refuse = |error| entry_error(ErrorCode::InvalidName, &format!("tags.{name}"), &error);
        let value = TagValue::new(&value).map_err(refuse)?;
        explicit.insert(TagName::new(&name).map_err(refuse)?, value);
    }
    Ok(explicit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn write(json: serde_json::Value) -> TagWrite {
        serde_json::from_value(json).unwrap()
    }

    fn datacenter() -> serde_json::Value {
        json!({
            "name": "Datacenter",
            "description": "The specific datacenter.",
            "type": "Inheritable",
            "knownValues": ["AMS05", "DBL01"],
            "attributes": { "DisplayName": { "AMS05": "Amsterdam-05" } },
            "implies": { "Region": { "AMS05": "EuropeWest", "DBL01": "EuropeWest" } },
            "conflict": "Reject",
        })
    }

    fn stored() -> TagView {
        TagView {
            definition: definition_to_create(write(datacenter())).unwrap(),
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            revision: 3,
        }
    }

    #[test]
    fn what_get_returned_can_be_put_back() {
        let back = write(serde_json::to_value(to_wire(stored())).unwrap());
        assert!(sends_read_only(&back));
        assert!(check_read_only(&back, &stored()).is_ok());
        let again = definition_to_replace(TagName::new("Datacenter").unwrap(), back).unwrap();
        assert_eq!(again, stored().definition);
    }

    #[test]
    fn a_put_with_another_name_or_time_is_refused_by_field() {
        let name = TagName::new("Region").unwrap();
        let error = definition_to_replace(name, write(datacenter())).unwrap_err();
        assert_eq!(
            (error.code, error.details.unwrap()["field"].clone()),
            (ErrorCode::ReadOnlyField, json!("name"))
        );
        let mut late = write(datacenter());
        late.modified_on = Some("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            check_read_only(&late, &stored()).unwrap_err().code,
            ErrorCode::ReadOnlyField
        );
        assert_eq!(
            definition_to_create(late).unwrap_err().code,
            ErrorCode::ReadOnlyField
        );
    }

    #[test]
    fn absent_and_null_fields_are_empty() {
        let bare = definition_to_create(write(
            json!({ "name": "A", "type": "NonInheritable", "implies": null }),
        ))
        .unwrap();
        assert_eq!(
            bare,
            TagDefinition::new(TagName::new("A").unwrap(), Inheritance::NonInheritable)
        );
        let nameless = definition_to_create(write(json!({ "type": "Inheritable" }))).unwrap_err();
        assert_eq!(nameless.message, "`name` is missing; it is required.");
    }

    #[test]
    fn every_rule_has_its_code_and_names_its_field() {
        let refusal = |changes: serde_json::Value| {
            let mut body = datacenter();
            for (key, value) in changes.as_object().unwrap() {
                body[key] = value.clone();
            }
            let error = definition_to_create(write(body)).unwrap_err();
            (error.code, error.message)
        };
        assert_eq!(refusal(json!({ "name": "a b" })).0, ErrorCode::InvalidName);
        assert_eq!(
            refusal(json!({ "description": "\u{1}" })).0,
            ErrorCode::InvalidDescription
        );
        for (changes, text) in [
            (
                json!({ "knownValues": ["a", ""] }),
                "`knownValues[1]`: a tag value must not be empty.",
            ),
            (
                json!({ "knownValues": ["a", "a"] }),
                "The known value a is listed twice",
            ),
            (
                json!({ "implies": { "b c": {} } }),
                "`implies.b c`: a tag name consists of",
            ),
            (
                json!({ "implies": { "b": { "AMS05": "" } } }),
                "`implies.b.AMS05`: a tag value must not be empty.",
            ),
            (
                json!({ "implies": { "Datacenter": {} } }),
                "Datacenter implies itself",
            ),
        ] {
            let (code, message) = refusal(changes);
            assert_eq!(code, ErrorCode::InvalidTagDefinition);
            assert!(message.starts_with(text), "{message}");
        }
    }

    #[test]
    fn tags_of_a_node_are_checked_one_by_one() {
        let map = |name: &str, value: &str| TagMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(explicit(map("Owner", "team-a")).unwrap().len(), 1);
        let error = explicit(map("Owner", " ")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidName);
        assert!(error.message.starts_with("`tags.Owner`: "), "{}", error.message);
        assert!(explicit(map(&"x".repeat(5000), "v")).unwrap_err().message.len() < 300);
    }

    proptest! {
        #[test]
        fn any_write_gives_a_definition_or_a_400(
            name in proptest::option::of(".{0,70}"),
            description in ".{0,20}",
            known in proptest::option::of(proptest::collection::vec(".{0,5}", 0..4)),
            implies in proptest::collection::btree_map(".{0,4}", proptest::collection::btree_map(".{0,3}", ".{0,3}", 0..3), 0..3),
        ) {
            let body = TagWrite {
                name,
                description,
                tag_type: TagType::Inheritable,
                known_values: known,
                attributes: Some(implies.clone()),
                implies: Some(implies),
                conflict: TagConflictPolicy::Nearest,
                created_on: None,
                modified_on: None,
            };
            if let Err(error) = definition_to_create(body) {
                prop_assert_eq!(error.code.status(), 400);
                prop_assert!(error.message.ends_with(['.', '?']));
            }
        }
    }
}
