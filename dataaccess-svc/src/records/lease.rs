//! Who does a background job.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record;

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LeaseRecord {
    /// Format.
    pub v: u32,
    /// A process, by a name that it made up.
    pub holder: Uuid,
    /// Grows with every renewal.
    pub turn: u64,
}
record!(LeaseRecord, "lease", 1);
