//! The provider's side: one claim at a time, on a real store.

pub(crate) mod kit;
mod lists;
mod profiles;
mod subscribers;
mod things;
mod vlan_model;
mod vlans;
