//! The one table of all routes: path, method, what the caller needs, handler. It registers the routes, tells
//! [`Authorized`](crate::http::authorized::Authorized) what to check, and is what tests walk to prove that every
//! route has an authorisation case and a description.
//!
//! Adding an endpoint: a row here, a handler with `#[utoipa::path]`, its name in `openapi.rs`.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Route, guard};
use cadastre_domain::roles::Permission;

use super::{
    auth, backup, changes, docs, export, graphql, health, history, imports, ips, isp, jwks, me, roles,
    search, spaces, tags, tokens, users,
};
use crate::http::error::{RenderErrors, method_not_allowed};

/// What the caller of a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Public,
    /// A valid token. What else is needed depends on the request and is checked by the handler.
    Authenticated,
    /// To be the user `{name}` of the path, or this permission in the whole system.
    SelfOrSystem(Permission),
    /// This permission in the whole system.
    System(Permission),
    /// This permission in the space `{spaceId}` of the path, or in a part of it.
    Space(Permission),
    /// This permission in the space of the call, or in a part of it: the one that the header `X-Address-Space` or the
    /// parameter `addressSpaceId` names, else the only one that the caller may know of.
    IspSpace(Permission),
}

/// A route: what it is called with and what its caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// HTTP method, upper case.
    pub method: &'static str,
    /// Path pattern with `{parameters}`, as in the OpenAPI document.
    pub path: &'static str,
    /// What the caller needs.
    pub needs: Needs,
}

/// The needs of one path by method; application data of its resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteNeeds(&'static [(&'static str, Needs)]);

impl RouteNeeds {
    /// What a method needs here; `HEAD` is `GET` without its body.
    pub(crate) fn of(&self, method: &Method) -> Option<Needs> {
        let method = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        self.0
            .iter()
            .find(|(name, _)| *name == method)
            .map(|(_, needs)| *needs)
    }

    /// The methods that exist here, for the `Allow` header.
    pub(crate) fn allow(&self) -> String {
        let mut names = Vec::with_capacity(self.0.len() + 1);
        for (name, _) in self.0 {
            names.push(*name);
            if *name == "GET" {
                names.push("HEAD");
            }
        }
        names.join(", ")
    }
}

fn route(method: Method) -> Route {
    if method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method)
    }
}

macro_rules! route_table {
    ($( $path:literal { $( $method:ident $needs:expr => $handler:path; )+ } )+) => {
        /// Every route of the service, in the order in which they are tried.
        pub(crate) const ROUTES: &[RouteSpec] = &[
            $($( RouteSpec { method: stringify!($method), path: $path, needs: $needs }, )+)+
        ];

        /// Registers every route of the table.
        pub(crate) fn register(config: &mut ServiceConfig) {
            $(
                config.service(
                    web::resource($path)
                        .app_data(RouteNeeds(const { &[$( (stringify!($method), $needs) ),+] }))
                        $( .route(route(Method::$method).to($handler)) )+
                        .default_service(web::to(method_not_allowed))
                        .wrap(RenderErrors),
                );
            )+
        }
    };
}

use Needs::{Authenticated, IspSpace, Public, SelfOrSystem, Space, System};
use Permission::{
    IpsRead, IpsWrite, IspIpamRead, IspIpamWrite, IspNetworkRead, IspNetworkWrite, IspOssRead, IspOssWrite,
    IspSubscribersRead, IspSubscribersWrite, SpaceCreate, SpaceDelete, SpaceRead, SpaceUpdate, SystemBackup,
    TagsRead, TagsWrite, UsersManage,
};

// Paths are tried from the top: the busiest come first, fixed words before parameters of the same place.
route_table! {
    // Spaces, tags and addresses.
    "/api/v1/addressspaces/{spaceId}/ips" {
        GET Space(IpsRead) => ips::list;
        POST Space(IpsWrite) => ips::create;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/allocate" {
        POST Space(IpsWrite) => ips::allocate;
    }
    "/api/v1/addressspaces/{spaceId}/ips/lookup" {
        GET Space(IpsRead) => ips::lookup;
    }
    "/api/v1/addressspaces/{spaceId}/ips/merge" {
        POST Space(IpsWrite) => ips::merge;
    }
    "/api/v1/addressspaces/{spaceId}/ips/import" {
        POST Space(IpsWrite) => imports::run;
    }
    "/api/v1/addressspaces/{spaceId}/ips/export" {
        GET Space(IpsRead) => export::run;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}" {
        GET Space(IpsRead) => ips::get;
        PUT Space(IpsWrite) => ips::update;
        DELETE Space(IpsWrite) => ips::delete;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/explain" {
        GET Space(IpsRead) => ips::explain;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/children" {
        GET Space(IpsRead) => ips::children;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/subtree" {
        GET Space(IpsRead) => ips::subtree;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/available" {
        GET Space(IpsRead) => ips::available;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/utilization" {
        GET Space(IpsRead) => ips::utilization;
    }
    "/api/v1/addressspaces/{spaceId}/allocate" {
        POST Space(IpsWrite) => ips::allocate_tagged;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/split" {
        POST Space(IpsWrite) => ips::split;
    }
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/resize" {
        POST Space(IpsWrite) => ips::resize;
    }
    "/api/v1/addressspaces/{spaceId}/tags" {
        GET Space(TagsRead) => tags::list;
        POST Space(TagsWrite) => tags::create;
    }
    "/api/v1/addressspaces/{spaceId}/tags/{tagName}" {
        GET Space(TagsRead) => tags::get;
        PUT Space(TagsWrite) => tags::update;
        DELETE Space(TagsWrite) => tags::delete;
    }
    "/api/v1/addressspaces" {
        // Every caller sees the list of the spaces that they have a role in.
        GET Authenticated => spaces::list;
        POST System(SpaceCreate) => spaces::create;
    }
    "/api/v1/addressspaces/{spaceId}" {
        GET Space(SpaceRead) => spaces::get;
        PUT Space(SpaceUpdate) => spaces::update;
        DELETE Space(SpaceDelete) => spaces::delete;
    }

    // The provider's side. Its paths have no space: see `Needs::IspSpace`.
    "/api/v1/ip-management/subscribers/{subscriberId}/assign-ip" {
        POST IspSpace(IspIpamWrite) => isp::assignments::assign_ip;
    }
    "/api/v1/ip-management/subscribers/{subscriberId}/release-ip" {
        POST IspSpace(IspIpamWrite) => isp::assignments::release_ip;
    }
    "/api/v1/ip-management/subscribers/{subscriberId}/ips" {
        GET IspSpace(IspIpamRead) => isp::assignments::ips;
    }
    "/api/v1/ip-management/pools" {
        GET IspSpace(IspIpamRead) => isp::pools::list;
        POST IspSpace(IspIpamWrite) => isp::pools::create;
    }
    "/api/v1/ip-management/pools/{poolId}" {
        GET IspSpace(IspIpamRead) => isp::pools::get;
        PUT IspSpace(IspIpamWrite) => isp::pools::update;
        DELETE IspSpace(IspIpamWrite) => isp::pools::delete;
    }
    "/api/v1/ip-management/pools/{poolId}/utilization" {
        GET IspSpace(IspIpamRead) => isp::pools::utilization;
    }
    "/api/v1/ip-management/pools/{poolId}/stats" {
        GET IspSpace(IspIpamRead) => isp::pools::stats;
    }
    "/api/v1/ip-management/pools/{poolId}/available-ips" {
        GET IspSpace(IspIpamRead) => isp::pools::available;
    }
    "/api/v1/ip-management/reservations" {
        GET IspSpace(IspIpamRead) => isp::reservations::list;
        POST IspSpace(IspIpamWrite) => isp::reservations::create;
    }
    "/api/v1/ip-management/reservations/bulk" {
        POST IspSpace(IspIpamWrite) => isp::reservations::create_many;
    }
    "/api/v1/ip-management/reservations/{reservationId}" {
        GET IspSpace(IspIpamRead) => isp::reservations::get;
        PUT IspSpace(IspIpamWrite) => isp::reservations::update;
        DELETE IspSpace(IspIpamWrite) => isp::reservations::delete;
    }
    "/api/v1/ip-management/reservations/{reservationId}/assign" {
        POST IspSpace(IspIpamWrite) => isp::reservations::assign;
    }
    "/api/v1/ip-management/reservations/{reservationId}/release" {
        POST IspSpace(IspIpamWrite) => isp::reservations::release;
    }
    "/api/v1/ip-management/reservations/{reservationId}/extend" {
        POST IspSpace(IspIpamWrite) => isp::reservations::extend;
    }
    "/api/v1/ip-management/check-conflicts" {
        POST IspSpace(IspIpamRead) => isp::conflicts::check;
    }
    "/api/v1/ip-management/conflicts" {
        GET IspSpace(IspIpamRead) => isp::conflicts::list;
    }
    "/api/v1/ip-management/stats" {
        GET IspSpace(IspIpamRead) => isp::reports::stats;
    }
    "/api/v1/ip-management/alerts" {
        GET IspSpace(IspIpamRead) => isp::alerts::list;
    }
    "/api/v1/ip-management/alerts/{alertId}" {
        GET IspSpace(IspIpamRead) => isp::alerts::get;
    }
    "/api/v1/ip-management/alerts/{alertId}/acknowledge" {
        POST IspSpace(IspIpamWrite) => isp::alerts::acknowledge;
    }
    "/api/v1/ip-management/reports/costs" {
        GET IspSpace(IspIpamRead) => isp::reports::cost_report;
    }
    "/api/v1/ip-management/reports/audit" {
        GET IspSpace(IspIpamRead) => isp::reports::audit_report;
    }
    "/api/v1/ip-management/addresses/{address}/history" {
        GET IspSpace(IspIpamRead) => isp::reports::history;
    }
    "/api/v1/addressing-plans/preview" {
        POST IspSpace(IspIpamRead) => isp::addressing::preview;
    }
    "/api/v1/addressing-plans/apply" {
        POST IspSpace(IspIpamWrite) => isp::addressing::apply;
    }
    "/api/v1/subscribers" {
        GET IspSpace(IspSubscribersRead) => isp::subscribers::list;
        POST IspSpace(IspSubscribersWrite) => isp::subscribers::create;
    }
    "/api/v1/subscribers/{subscriberId}" {
        GET IspSpace(IspSubscribersRead) => isp::subscribers::get;
        PUT IspSpace(IspSubscribersWrite) => isp::subscribers::update;
        DELETE IspSpace(IspSubscribersWrite) => isp::subscribers::delete;
    }
    "/api/v1/subscribers/{subscriberId}/network-profile" {
        GET IspSpace(IspSubscribersRead) => isp::profiles::get;
        PUT IspSpace(IspSubscribersWrite) => isp::profiles::put;
        DELETE IspSpace(IspSubscribersWrite) => isp::profiles::delete;
    }
    "/api/v1/subscribers/{subscriberId}/provision" {
        POST IspSpace(IspSubscribersWrite) => isp::use_cases::provision;
    }
    "/api/v1/subscribers/{subscriberId}/change-plan" {
        POST IspSpace(IspSubscribersWrite) => isp::use_cases::change_plan;
    }
    "/api/v1/subscribers/{subscriberId}/suspend" {
        POST IspSpace(IspSubscribersWrite) => isp::use_cases::suspend;
    }
    "/api/v1/subscribers/{subscriberId}/resume" {
        POST IspSpace(IspSubscribersWrite) => isp::use_cases::resume;
    }
    "/api/v1/subscribers/{subscriberId}/terminate" {
        POST IspSpace(IspSubscribersWrite) => isp::use_cases::terminate;
    }
    "/api/v1/plans" {
        GET IspSpace(IspOssRead) => isp::plans::list;
        POST IspSpace(IspOssWrite) => isp::plans::create;
    }
    "/api/v1/plans/{planId}" {
        GET IspSpace(IspOssRead) => isp::plans::get;
        PUT IspSpace(IspOssWrite) => isp::plans::update;
        DELETE IspSpace(IspOssWrite) => isp::plans::delete;
    }
    "/api/v1/vlan-pools" {
        GET IspSpace(IspNetworkRead) => isp::vlan_pools::list;
        POST IspSpace(IspNetworkWrite) => isp::vlan_pools::create;
    }
    "/api/v1/vlan-pools/{vlanPoolId}" {
        GET IspSpace(IspNetworkRead) => isp::vlan_pools::get;
        PUT IspSpace(IspNetworkWrite) => isp::vlan_pools::update;
        DELETE IspSpace(IspNetworkWrite) => isp::vlan_pools::delete;
    }
    "/api/v1/vlan-pools/{vlanPoolId}/allocate" {
        POST IspSpace(IspNetworkWrite) => isp::vlan_pools::allocate;
    }
    "/api/v1/vlan-bindings" {
        GET IspSpace(IspNetworkRead) => isp::vlan_bindings::list;
    }
    "/api/v1/vlan-bindings/{bindingId}" {
        DELETE IspSpace(IspNetworkWrite) => isp::vlan_bindings::release;
    }
    "/api/v1/reservation-templates" {
        GET IspSpace(IspOssRead) => isp::templates::list;
        POST IspSpace(IspOssWrite) => isp::templates::create;
    }
    "/api/v1/reservation-templates/{templateId}" {
        GET IspSpace(IspOssRead) => isp::templates::get;
        PUT IspSpace(IspOssWrite) => isp::templates::update;
        DELETE IspSpace(IspOssWrite) => isp::templates::delete;
    }
    "/api/v1/reservation-templates/{templateId}/apply" {
        // It makes reservations; the template stays as it is.
        POST IspSpace(IspIpamWrite) => isp::templates::apply;
    }
    "/api/v1/webhooks" {
        GET IspSpace(IspOssRead) => isp::webhooks::list;
        POST IspSpace(IspOssWrite) => isp::webhooks::create;
    }
    "/api/v1/webhooks/{webhookId}" {
        GET IspSpace(IspOssRead) => isp::webhooks::get;
        PUT IspSpace(IspOssWrite) => isp::webhooks::update;
        DELETE IspSpace(IspOssWrite) => isp::webhooks::delete;
    }
    "/api/v1/pool-policy" {
        GET IspSpace(IspOssRead) => isp::policy::get;
        PUT IspSpace(IspOssWrite) => isp::policy::put;
    }
    "/api/v1/outbox" {
        GET IspSpace(IspOssRead) => isp::outbox::list;
    }
    "/api/v1/outbox/{entryId}" {
        GET IspSpace(IspOssRead) => isp::outbox::get;
    }
    "/api/v1/outbox/{entryId}/cancel" {
        POST IspSpace(IspOssWrite) => isp::outbox::cancel;
    }
    "/api/v1/outbox/{entryId}/retry" {
        POST IspSpace(IspOssWrite) => isp::outbox::retry;
    }

    // GraphQL: each field checks what it needs. GET gives a browser a page, for which no token is needed.
    "/graphql" {
        GET Authenticated => graphql::get;
        POST Authenticated => graphql::post;
    }

    // Imports.
    "/api/v1/addressspaces/{spaceId}/imports" {
        GET Space(IpsRead) => imports::list;
    }
    "/api/v1/addressspaces/{spaceId}/imports/{importId}" {
        GET Space(IpsRead) => imports::get;
    }
    "/api/v1/addressspaces/{spaceId}/imports/{importId}/failed" {
        GET Space(IpsRead) => imports::failed;
    }
    "/api/v1/addressspaces/{spaceId}/imports/{importId}/stop" {
        POST Space(IpsWrite) => imports::stop;
    }

    "/api/v1/search" {
        // Every caller finds what they may read, space by space.
        GET Authenticated => search::search;
    }

    "/api/v1/backup" {
        GET System(SystemBackup) => backup::run;
    }

    // The past.
    "/api/v1/addressspaces/{spaceId}/ips/{ipId}/history" {
        GET Space(IpsRead) => history::of_node;
    }
    "/api/v1/addressspaces/{spaceId}/history" {
        GET Space(IpsRead) => history::of_prefix;
    }
    "/api/v1/addressspaces/{spaceId}/changes" {
        GET Space(IpsRead) => changes::list;
    }
    "/api/v1/addressspaces/{spaceId}/changes/{version}/revert" {
        // A change of a tag definition needs `tags.write` in the whole space, too: the decision sees to it.
        POST Space(IpsWrite) => changes::revert::revert;
    }

    // Sessions and API tokens.
    "/api/v1/auth/login" {
        POST Public => auth::login;
    }
    "/api/v1/auth/refresh" {
        POST Public => auth::refresh;
    }
    "/api/v1/auth/logout" {
        // The refresh token in the body says whose session ends; without one the handler asks for a bearer.
        POST Public => auth::logout;
    }
    "/api/v1/auth/tokens" {
        GET Authenticated => tokens::list;
        POST Authenticated => tokens::create;
    }
    "/api/v1/auth/tokens/{tokenId}" {
        DELETE Authenticated => tokens::revoke;
    }

    // Users and roles.
    "/api/v1/me" {
        GET Authenticated => me::get;
    }
    "/api/v1/users" {
        GET System(UsersManage) => users::list;
        POST System(UsersManage) => users::create;
    }
    "/api/v1/users/{name}" {
        GET SelfOrSystem(UsersManage) => users::get;
        PUT SelfOrSystem(UsersManage) => users::update;
        DELETE System(UsersManage) => users::delete;
    }
    "/api/v1/users/{name}/roles" {
        // Who may see or give which role depends on the role: see `roles.rs`.
        GET Authenticated => roles::list;
        POST Authenticated => roles::create;
    }
    "/api/v1/users/{name}/roles/{grantId}" {
        GET Authenticated => roles::get;
        DELETE Authenticated => roles::revoke;
    }

    // The service itself.
    "/.well-known/jwks.json" {
        GET Public => jwks::get;
    }
    "/health" {
        GET Public => health::health;
    }
    "/ready" {
        GET Public => health::ready;
    }
    "/openapi.json" {
        GET Public => docs::openapi_json;
    }
    "/docs" {
        GET Public => docs::index;
    }
    "/docs/" {
        GET Public => docs::index_with_slash;
    }
    "/docs/{file}" {
        GET Public => docs::file;
    }
}
