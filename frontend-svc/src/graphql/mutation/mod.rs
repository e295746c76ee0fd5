//! What can be changed.

mod addresses;
mod customers;
mod network;
mod operations;

use async_graphql::MergedObject;

/// What can be changed. The fields of one request run one after another, each is a change of its own: what an earlier one
/// did stays if a later one is refused.
///
/// Every field takes `addressSpace`, as those of `Query` do, and `idempotencyKey`: the same key and the same arguments give
/// the same answer for 24 hours, and nothing is done again; the same key with other arguments is refused.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(
    addresses::AddressChanges,
    customers::CustomerChanges,
    network::NetworkChanges,
    operations::OperationChanges,
);

/// Changes a thing as it is stored by itself; starts over if others change it in between. (A macro, because a function
/// cannot say of asynchronous closures that they may move between threads.)
macro_rules! replaced {
    ($change:ident, $get:expr, $patch:expr, $put:expr) => {{
        let mut outcome = Err($crate::isp::contention());
        for _ in $crate::isp::attempts() {
            let (stored, revision) = $get.await?;
            let body = $patch(&stored)?;
            let options = $crate::graphql::patch::bound_to(&$change.options, revision);
            match $put(body, options).await {
                Err(error) if error.code == cadastre_api_types::ErrorCode::PreconditionFailed => {}
                came => {
                    outcome = came;
                    break;
                }
            }
        }
        outcome.and_then($crate::graphql::changes::done)
    }};
}

use replaced;
