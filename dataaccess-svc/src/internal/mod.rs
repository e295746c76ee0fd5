//! The internal API over HTTP: `POST /internal/v1/{call}` with `{context, request}`, answered with the call's
//! response or an [`cadastre_api_types::ApiError`]. Both sides are made from the one list of calls.

mod client;
mod rendezvous;
mod server;

pub use client::{ClientError, HttpDataAccess};
pub use server::configure_internal_api;

use cadastre_api_types::internal::CallContext;
use serde::{Deserialize, Serialize};

/// First part of every path.
const BASE: &str = "/internal/v1";

/// Body of a call.
#[derive(Serialize, Deserialize)]
struct Call<C, R> {
    context: C,
    request: R,
}

type OwnedCall<R> = Call<CallContext, R>;
