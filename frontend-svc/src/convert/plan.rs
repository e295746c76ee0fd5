//! What a dry run answers: changes in the shapes that clients know, and what stands in the way.

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{Image, ImageChange, SpaceView};
use cadastre_api_types::public::{Change, ChangeAction, ChangeKind, DryRun, PlannedConflict};
use serde::Serialize;
use serde_json::Value;

use super::{node, space, tag};
use crate::http::reply::unexpected;
use crate::isp::wire::entity;

/// The plan of a command to a space.
pub(crate) fn of_command(changes: Vec<ImageChange>, conflict: Option<ApiError>) -> Result<DryRun, ApiError> {
    let changes = changes
        .into_iter()
        .filter_map(|change| image_change(change).transpose())
        .collect::<Result<_, _>>()?;
    Ok(DryRun {
        changes,
        conflicts: conflicts(conflict),
    })
}

/// The plan of a change to the catalogue.
pub(crate) fn of_space(
    before: Option<SpaceView>,
    after: Option<SpaceView>,
    conflict: Option<ApiError>,
) -> Result<DryRun, ApiError> {
    let name = after
        .as_ref()
        .or(before.as_ref())
        .map(|space| space.name.clone())
        .unwrap_or_default();
    let side = |space: Option<SpaceView>| space.map(|space| as_json(&space::to_wire(space))).transpose();
    let change = change(ChangeKind::AddressSpace, name, side(before)?, side(after)?);
    Ok(DryRun {
        changes: change.into_iter().collect(),
        conflicts: conflicts(conflict),
    })
}

fn image_change(images: ImageChange) -> Result<Option<Change>, ApiError> {
    let Some((kind, name)) = images.after.as_ref().or(images.before.as_ref()).map(named) else {
        return Ok(None);
    };
    let side = |image: Option<Image>| image.map(image_json).transpose();
    Ok(change(kind, name, side(images.before)?, side(images.after)?))
}

fn named(image: &Image) -> (ChangeKind, String) {
    match image {
        Image::Node(node) => (ChangeKind::Ip, node.prefix.to_string()),
        Image::Tag(tag) => (ChangeKind::Tag, tag.definition.name.to_string()),
        Image::Entity(thing) => entity::named(&thing.value),
    }
}

fn image_json(image: Image) -> Result<Value, ApiError> {
    match image {
        Image::Node(node) => node::to_value(&node),
        Image::Tag(tag) => as_json(&tag::to_wire(tag)),
        Image::Entity(thing) => entity::to_value(*thing),
    }
}

pub(crate) fn change(
    kind: ChangeKind,
    name: String,
    before: Option<Value>,
    after: Option<Value>,
) -> Option<Change> {
    let action = match (&before, &after) {
        (None, Some(_)) => ChangeAction::Create,
        (Some(_), Some(_)) => ChangeAction::Update,
        (Some(_), None) => ChangeAction::Delete,
        (None, None) => return None,
    };
    Some(Change {
        action,
        kind,
        name,
        before,
        after,
    })
}

pub(crate) fn conflicts(conflict: Option<ApiError>) -> Vec<PlannedConflict> {
    let planned = |error: ApiError| PlannedConflict {
        code: error.code,
        message: error.message,
        details: error.details,
    };
    conflict.map(planned).into_iter().collect()
}

pub(crate) fn as_json<T: Serialize>(value: &T) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(|_| unexpected("a plan that cannot be written as JSON"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::node::tests::view;
    use super::*;
    use cadastre_api_types::ErrorCode;

    #[test]
    fn a_plan_shows_things_as_get_would() {
        let (before, after) = (view(), view());
        let changes = vec![
            ImageChange {
                before: None,
                after: Some(Image::Node(after.clone())),
            },
            ImageChange {
                before: Some(Image::Node(before)),
                after: None,
            },
            ImageChange {
                before: None,
                after: None,
            },
        ];
        let plan = of_command(changes, None).unwrap();
        assert_eq!(plan.changes.len(), 2);
        assert_eq!(plan.changes[0].action, ChangeAction::Create);
        assert_eq!(plan.changes[0].after, Some(node::to_value(&after).unwrap()));
        assert_eq!(
            (plan.changes[1].action, plan.changes[1].name.as_str()),
            (ChangeAction::Delete, "10.1.0.0/16")
        );
        assert!(plan.conflicts.is_empty());
    }

    #[test]
    fn what_stands_in_the_way_is_the_error_that_would_be_answered() {
        let plan = of_space(None, None, Some(ApiError::new(ErrorCode::NameTaken, "Taken."))).unwrap();
        assert!(plan.changes.is_empty());
        assert_eq!(
            (plan.conflicts[0].code, plan.conflicts[0].message.as_str()),
            (ErrorCode::NameTaken, "Taken.")
        );
    }
}
