//! Names and other values that only one thing of a space may have.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::SubscriberId;
use cadastre_storage::RowKey;
use uuid::Uuid;

use super::draft::Draft;
use crate::errors::{Failure, Outcome};
use crate::records::OwnerRecord;

impl OwnerRecord {
    /// A thing's.
    pub(super) fn thing(id: Uuid) -> Self {
        Self {
            v: 1,
            id: Some(id),
            subscriber_id: None,
        }
    }

    /// A subscriber's.
    pub(super) fn subscriber(id: &SubscriberId) -> Self {
        Self {
            v: 1,
            id: None,
            subscriber_id: Some(id.clone()),
        }
    }
}

impl Draft<'_, '_> {
    /// Moves a unique value from one row to another; `None` = there is (or was) none. `what` it is, for the refusal: for
    /// example `A pool with the name "north"`.
    pub(super) async fn claim(
        &mut self,
        old: Option<RowKey>,
        new: Option<RowKey>,
        owner: &OwnerRecord,
        what: impl FnOnce() -> String,
    ) -> Outcome<()> {
        if old == new {
            return Ok(());
        }
        if let Some(key) = new {
            let known: Option<OwnerRecord> = self.row(&key).await?;
            match known {
                Some(other) if other != *owner => return Err(exists(&what(), &other)),
                Some(_) | None => self.write(key, owner),
            }
        }
        if let Some(key) = old {
            self.erase(key);
        }
        Ok(())
    }
}

fn exists(what: &str, other: &OwnerRecord) -> Failure {
    let details = match (&other.id, &other.subscriber_id) {
        (Some(id), _) => serde_json::json!({ "id": id }),
        (None, Some(id)) => serde_json::json!({ "subscriberId": id }),
        (None, None) => serde_json::json!({}),
    };
    Failure::Refused(Box::new(
        ApiError::new(
            ErrorCode::AlreadyExists,
            format!("{what} exists already in this address space. Choose another, or change the one that is there."),
        )
        .with_details(details),
    ))
}

/// The row of a pool's name.
pub(super) fn names_of_pool(name: &str) -> RowKey {
    crate::keys::name(crate::keys::Named::Pool, name)
}
