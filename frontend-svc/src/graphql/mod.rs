//! The GraphQL API: the provider's side of an address space as one graph (seed `static-ip-management.md`, "GraphQL API";
//! DESIGN §3 and §4).
//!
//! Resolvers call the same service as REST (`crate::isp`), which checks permissions; what they read beside it is batched
//! ([`loaders`]). `routes/graphql` speaks HTTP. Each object remembers the address space that it was read in, because every
//! field of the roots may name another one.

mod changes;
mod completion;
mod document;
mod errors;
mod inputs;
mod limits;
mod loaders;
mod mutation;
mod paging;
mod patch;
mod query;
mod scalars;
mod session;
mod shape;
mod subscription;
#[cfg(test)]
mod tests;
mod types;
mod words;

use std::sync::LazyLock;

use async_graphql::{SDLExportOptions, Schema};

pub(crate) use completion::Completion;
pub(crate) use document::{Asked, Document};
pub(crate) use errors::{is_request_error, refusal, shown};
pub(crate) use session::{Ask, Recheck, Session};

use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// The schema, which is the same for everybody.
pub(crate) static SCHEMA: LazyLock<Schema<Query, Mutation, Subscription>> = LazyLock::new(|| {
    // Depth and cost are limited before the library sees a document: see `limits`.
    Schema::build(Query::default(), Mutation::default(), Subscription).finish()
});

/// The schema in the schema definition language of GraphQL. A copy is committed as `docs/schema.graphql`.
#[must_use]
pub fn graphql_schema() -> String {
    let schema = SCHEMA.sdl_with_options(SDLExportOptions::new().prefer_single_line_descriptions());
    // The library begins a line for an argument with a description only.
    schema.replace("(\t\t", "(\n\t\t").replace(",\t\t", ",\n\t\t")
}
