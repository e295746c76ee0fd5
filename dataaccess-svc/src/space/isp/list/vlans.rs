//! VLANs that somebody has.

use cadastre_api_types::internal::{Listed, VlanFilter};
use cadastre_domain::isp::{Entity, Kept};

use super::Lister;
use crate::errors::Outcome;
use crate::keys::{self, ThingRows};

impl Lister<'_> {
    /// A page of VLAN bindings.
    pub(super) async fn vlan_bindings(&self, _filter: &VlanFilter) -> Outcome<Listed<Kept<Entity>>> {
        self.scan(keys::things(ThingRows::VlanBindings), |_| true).await
    }
}
