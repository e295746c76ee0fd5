//! Address spaces.

use cadastre_api_types::internal::SpaceView;
use cadastre_api_types::public::{AddressSpace, AddressSpaceUpdate};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::names::{Description, SpaceName};

use super::errors::name_error;
use super::readonly;

/// As clients see it.
pub(crate) fn to_wire(space: SpaceView) -> AddressSpace {
    AddressSpace {
        id: space.id,
        name: space.name,
        description: space.description,
        created_on: space.created,
        modified_on: space.modified,
    }
}

/// Checks the two texts that a client may write.
///
/// # Errors
/// `400 InvalidName` or `InvalidDescription`.
pub(crate) fn check_texts(name: &str, description: &str) -> Result<(), ApiError> {
    SpaceName::new(name).map_err(|error| name_error(ErrorCode::InvalidName, "name", &error))?;
    check_description(description)
}

/// The rule of descriptions.
///
/// # Errors
/// `400 InvalidDescription`.
pub(crate) fn check_description(description: &str) -> Result<(), ApiError> {
    Description::check(description)
        .map_err(|error| name_error(ErrorCode::InvalidDescription, "description", &error))
}

/// Whether a `PUT` sends fields that it cannot change.
pub(crate) fn sends_read_only(update: &AddressSpaceUpdate) -> bool {
    update.id.is_some() || update.created_on.is_some() || update.modified_on.is_some()
}

/// Compares those fields with what is stored.
///
/// # Errors
/// `400 ReadOnlyField`.
pub(crate) fn check_read_only(update: &AddressSpaceUpdate, stored: &SpaceView) -> Result<(), ApiError> {
    readonly::check("id", update.id.as_ref(), &stored.id)?;
    readonly::check("createdOn", update.created_on.as_ref(), &stored.created)?;
    readonly::check("modifiedOn", update.modified_on.as_ref(), &stored.modified)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn stored() -> SpaceView {
        SpaceView {
            id: Uuid::from_u128(1),
            name: "a".into(),
            description: String::new(),
            created: Timestamp::UNIX_EPOCH,
            modified: "2026-01-01T00:00:00.123456789Z".parse().unwrap(),
            revision: 1,
        }
    }

    #[test]
    fn what_get_returned_can_be_put_back() {
        let json = serde_json::to_string(&to_wire(stored())).unwrap();
        let update: AddressSpaceUpdate = serde_json::from_str(&json).unwrap();
        assert!(sends_read_only(&update));
        assert!(check_read_only(&update, &stored()).is_ok());
        let older = SpaceView {
            modified: Timestamp::UNIX_EPOCH,
            ..stored()
        };
        assert_eq!(
            check_read_only(&update, &older).unwrap_err().code,
            ErrorCode::ReadOnlyField
        );
    }

    #[test]
    fn names_and_descriptions_are_checked() {
        assert!(check_texts("Zürich", "two\nlines").is_ok());
        assert_eq!(check_texts("", "").unwrap_err().code, ErrorCode::InvalidName);
        assert_eq!(
            check_texts("a", "\u{7}").unwrap_err().code,
            ErrorCode::InvalidDescription
        );
    }
}
