//! What can be asked for.

mod addresses;
mod customers;
mod network;
mod operations;

use async_graphql::MergedObject;

/// What can be asked for. Every field takes `addressSpace`, the id or the name of an address space; without it, what the
/// header `X-Address-Space` or the parameter `addressSpaceId` of the request says; without that, the only address space
/// that the caller may know of.
///
/// A field that is a plain list takes `limit` and `after`; where there is more, the answer has the cursor of the next page
/// in `extensions.next`, under the field's key in the answer. Other lists are connections, with `first`, `after`, `nodes`
/// and `pageInfo`.
#[derive(Default, MergedObject)]
pub(crate) struct Query(
    addresses::Addresses,
    customers::Customers,
    network::Network,
    operations::Operations,
);
