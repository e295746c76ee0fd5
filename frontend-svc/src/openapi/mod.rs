//! The OpenAPI document of the public API. Every handler describes itself; what follows from the table of routes
//! (who may call it, which errors it can answer) is added from the table, so that it cannot be forgotten or
//! contradict what is enforced.
//!
//! The document is committed as `docs/openapi.json`; clients are generated from it, and a test compares.

pub(crate) mod addressing_examples;
mod complete;
mod errors;
pub(crate) mod examples;
pub(crate) mod history_examples;
pub(crate) mod isp_examples;
pub(crate) mod isp_params;
pub(crate) mod params;
mod schemas;
pub(crate) mod user_examples;

use cadastre_api_types::error::ErrorBody;
use cadastre_api_types::public::DryRun;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::routes::{
    auth, backup, changes, docs, export, graphql, health, history, imports, ips, isp, jwks, me, roles,
    search, spaces, tags, tokens, users,
};

/// Name of the security scheme.
const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(title = "Cadastre", license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")),
    servers((url = "/", description = "The server that this document comes from.")),
    tags(
        (name = "Address spaces", description = "Trees of prefixes, each with tags of its own."),
        (name = "Tags", description = "What may be set on nodes, what flows down the tree, and what follows from what."),
        (name = "IP addresses", description = "The nodes of a tree: prefixes, and addresses as /32 or /128."),
        (name = "Import and export", description = "Files of prefixes, in and out."),
        (name = "Backup", description = "Everything, for `cadastre restore`."),
        (name = "Search", description = "Finding something in all address spaces at once."),
        (name = "History", description = "What was changed, when and by whom; and following changes as they happen."),
        (name = "Pools", description = "Networks whose addresses, or prefixes, are handed out to subscribers."),
        (name = "Addressing plans", description = "Dividing an IPv6 network, down to the pools."),
        (name = "Reservations", description = "Who holds which address, from when to when."),
        (name = "Conflicts", description = "What stands against an address being handed out."),
        (name = "Alerts", description = "Pools that are nearly or fully used."),
        (name = "Reports", description = "Numbers, costs, and who had which address when."),
        (name = "Subscribers", description = "Who holds addresses and authenticates by RADIUS, and how they are connected."),
        (name = "VLANs", description = "Pools of VLAN tags, and who has which."),
        (name = "Plans and policies", description = "Service plans, pool policy, reservation templates."),
        (name = "Webhooks and outbox", description = "Who is told of what, and what is still to be told."),
        (name = "GraphQL", description = "The provider's side as one graph; the schema is in `docs/schema.graphql`."),
        (name = "Authentication", description = "Logging in, staying in, logging out; API tokens for programs."),
        (name = "Users", description = "Users and their roles."),
        (name = "Service", description = "The service itself."),
    ),
    paths(
        spaces::list,
        spaces::create,
        spaces::get,
        spaces::update,
        spaces::delete,
        tags::list,
        tags::create,
        tags::get,
        tags::update,
        tags::delete,
        ips::find::list,
        ips::write::create,
        ips::find::lookup,
        ips::read::get,
        ips::write::update,
        ips::write::delete,
        ips::read::explain,
        ips::find::children,
        ips::find::subtree,
        ips::allocate::allocate,
        ips::allocate::allocate_tagged,
        ips::allocate::available,
        ips::allocate::utilization,
        ips::structure::split,
        ips::structure::merge,
        ips::structure::resize,
        auth::login,
        auth::refresh,
        auth::logout,
        tokens::list,
        tokens::create,
        tokens::revoke,
        me::get,
        users::list,
        users::create,
        users::get,
        users::update,
        users::delete,
        roles::list,
        roles::create,
        roles::get,
        roles::revoke,
        jwks::get,
        health::health,
        health::ready,
        docs::openapi_json,
        docs::index,
        docs::index_with_slash,
        docs::file,
        imports::run::run,
        imports::jobs::list,
        imports::jobs::get,
        imports::jobs::failed,
        imports::jobs::stop,
        export::run,
        backup::run,
        history::of_node,
        history::of_prefix,
        changes::list,
        changes::revert::revert,
        search::search,
        isp::assignments::assign_ip,
        isp::assignments::release_ip,
        isp::assignments::ips,
        isp::pools::list,
        isp::pools::create,
        isp::pools::get,
        isp::pools::update,
        isp::pools::delete,
        isp::pools::utilization,
        isp::pools::stats,
        isp::pools::available,
        isp::reservations::list,
        isp::reservations::create,
        isp::reservations::create_many,
        isp::reservations::get,
        isp::reservations::update,
        isp::reservations::delete,
        isp::reservations::assign,
        isp::reservations::release,
        isp::reservations::extend,
        isp::conflicts::check,
        isp::conflicts::list,
        isp::reports::stats,
        isp::alerts::list,
        isp::alerts::get,
        isp::alerts::acknowledge,
        isp::reports::cost_report,
        isp::reports::audit_report,
        isp::reports::history,
        isp::addressing::preview,
        isp::addressing::apply,
        isp::subscribers::list,
        isp::subscribers::create,
        isp::subscribers::get,
        isp::subscribers::update,
        isp::subscribers::delete,
        isp::profiles::get,
        isp::profiles::put,
        isp::profiles::delete,
        isp::use_cases::provision,
        isp::use_cases::change_plan,
        isp::use_cases::suspend,
        isp::use_cases::resume,
        isp::use_cases::terminate,
        isp::plans::list,
        isp::plans::create,
        isp::plans::get,
        isp::plans::update,
        isp::plans::delete,
        isp::vlan_pools::list,
        isp::vlan_pools::create,
        isp::vlan_pools::get,
        isp::vlan_pools::update,
        isp::vlan_pools::delete,
        isp::vlan_pools::allocate,
        isp::vlan_bindings::list,
        isp::vlan_bindings::release,
        isp::templates::list,
        isp::templates::create,
        isp::templates::get,
        isp::templates::update,
        isp::templates::delete,
        isp::templates::apply,
        isp::webhooks::list,
        isp::webhooks::create,
        isp::webhooks::get,
        isp::webhooks::update,
        isp::webhooks::delete,
        isp::policy::get,
        isp::policy::put,
        isp::outbox::list,
        isp::outbox::get,
        isp::outbox::cancel,
        isp::outbox::retry,
        graphql::get,
        graphql::post,
    ),
    components(schemas(ErrorBody, DryRun)),
)]
struct Document;

/// The whole document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.info.description = Some(errors::introduction());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some(
                    "An access token from `POST /api/v1/auth/login`, or an API token (`cad_…`) from \
                     `POST /api/v1/auth/tokens`.",
                ))
                .build(),
        ),
    );
    errors::add_responses(components);
    schemas::refine(components);
    complete::operations(&mut document);
    document
}

#[cfg(test)]
mod tests;
