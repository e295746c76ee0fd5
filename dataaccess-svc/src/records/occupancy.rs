//! Which places of one length are taken, 1,024 neighbours to a row.

use serde::{Deserialize, Serialize};

use super::record;

/// Committed with the nodes it speaks of. Block and length stand in the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OccupancyRecord {
    /// Format.
    pub v: u32,
    /// As `cadastre_domain::free_space::Occupancy` writes it.
    pub taken: String,
}
record!(OccupancyRecord, "occupancy", 1);
