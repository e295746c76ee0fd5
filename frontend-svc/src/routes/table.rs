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
    auth, backup, changes, docs, export, health, history, imports, ips, jwks, me, roles, search, spaces,
    tags, tokens, users,
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

use Needs::{Authenticated, Public, SelfOrSystem, Space, System};
use Permission::{
    IpsRead, IpsWrite, SpaceCreate, SpaceDelete, SpaceRead, SpaceUpdate, SystemBackup, TagsRead, TagsWrite,
    UsersManage,
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
