//! The extractor that guards every route but the public ones: it authenticates the caller, loads the account
//! afresh, and checks what the table says the route needs. A route without an entry is refused.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use cadastre_api_types::internal::{Account, CallContext};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::roles::{self, GrantTarget, Permission, Scope, VisibleSpaces};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use uuid::Uuid;

use super::error::HttpError;
use super::request_info::RequestInfo;
use super::{body, called_space, path};
use crate::auth::principal;
use crate::isp;
use crate::routes::table::{Needs, RouteNeeds};
use crate::routes::users;
use crate::state::FrontendState;

/// A caller who may use the route at hand.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// The caller's account as it is stored now.
    pub account: Arc<Account>,
    /// The session of the access token; `None` when the caller used an API token.
    pub session: Option<Uuid>,
    /// How far the needed permission reaches in the space of the path; `Whole` for routes without a space.
    pub scope: Scope,
    /// The space of the path or of the call, on routes that need a permission in it.
    pub space: Option<Uuid>,
    /// Correlation id and address.
    pub request: RequestInfo,
}

impl Authorized {
    /// The context for calls of the data access layer on behalf of this caller.
    pub fn context(&self) -> CallContext {
        CallContext {
            actor: self.account.name.clone(),
            correlation_id: self.request.correlation_id.clone(),
            scope: self.scope.clone(),
        }
    }

    /// The space of the path. Fails only where a handler and the table disagree about a route.
    pub fn space(&self) -> Result<Uuid, HttpError> {
        self.space.ok_or_else(|| no_entry("a space"))
    }

    /// Whether the caller has a permission in all of the space of the path.
    pub fn has_in_whole_space(&self, permission: Permission) -> Result<bool, HttpError> {
        let target = GrantTarget::Space(self.space()?);
        Ok(roles::access(&self.account.grants, permission, target) == Some(Scope::Whole))
    }

    /// Whether the caller has a system-wide permission.
    pub fn has_system(&self, permission: Permission) -> bool {
        roles::access(&self.account.grants, permission, GrantTarget::System).is_some()
    }
}

fn no_entry(what: &str) -> HttpError {
    tracing::error!(
        what,
        "a route is registered without a matching entry in the table of routes"
    );
    HttpError::new(
        ErrorCode::Internal,
        "This route is not set up; its caller cannot be checked.",
    )
}

impl FromRequest for Authorized {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        if request.method().is_safe() {
            return async move { authorize(&request).await }.boxed_local();
        }
        let payload = payload.take();
        async move {
            let caller = authorize(&request).await?;
            let body = body::collect(&request, payload).await?;
            body::leave(&request, body.bytes);
            // A role that was taken while the body was held back must not act any more.
            if body.waited {
                authorize(&request).await
            } else {
                Ok(caller)
            }
        }
        .boxed_local()
    }
}

/// A caller whose request has a body that the handler reads bit by bit. The handler checks the caller again while it
/// does.
pub(crate) struct Streaming(pub(crate) Authorized);

impl FromRequest for Streaming {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { authorize(&request).await.map(Self) }.boxed_local()
    }
}

/// Checks the caller of a request: before it is handled, and again while its answer goes on.
pub(crate) async fn authorize(request: &HttpRequest) -> Result<Authorized, HttpError> {
    let needs = request
        .app_data::<RouteNeeds>()
        .and_then(|needs| needs.of(request.method()))
        .ok_or_else(|| no_entry("needs"))?;
    let state = request
        .app_data::<web::Data<FrontendState>>()
        .ok_or_else(|| no_entry("state"))?;
    let info = RequestInfo::of(request);
    let principal = principal::authenticate(state, request, &info).await?;
    let (scope, space) = match needs {
        Needs::IspSpace(permission) => {
            let named = called_space::named(request)?;
            let account = &principal.account;
            let space =
                isp::space::resolve(&*state.access, account, &info.correlation_id, named.as_deref()).await?;
            (in_space(permission, account, space)?, Some(space))
        }
        Needs::Public
        | Needs::Authenticated
        | Needs::SelfOrSystem(_)
        | Needs::System(_)
        | Needs::Space(_) => reach(needs, &principal.account, request)?,
    };
    Ok(Authorized {
        account: principal.account,
        session: principal.session,
        scope,
        space,
        request: info,
    })
}

/// What the account may reach under these needs, or why it may not use the route.
fn reach(needs: Needs, account: &Account, request: &HttpRequest) -> Result<(Scope, Option<Uuid>), ApiError> {
    match needs {
        Needs::Public | Needs::Authenticated => Ok((Scope::Whole, None)),
        Needs::SelfOrSystem(permission) => {
            if is_own_name(request, account) {
                Ok((Scope::Whole, None))
            } else {
                in_system(permission, account)
            }
        }
        Needs::System(permission) => in_system(permission, account),
        // Whose space has to be looked for first.
        Needs::IspSpace(_) => Err(no_entry("a space in its path").0),
        Needs::Space(permission) => {
            let space = path::id(request, "spaceId")?;
            in_space(permission, account, space).map(|scope| (scope, Some(space)))
        }
    }
}

fn in_system(permission: Permission, account: &Account) -> Result<(Scope, Option<Uuid>), ApiError> {
    roles::access(&account.grants, permission, GrantTarget::System)
        .map(|scope| (scope, None))
        .ok_or_else(|| forbidden(permission, "in the whole system"))
}

/// The reach of a permission in a space; `404` for a space the caller may not know of, `403` for one they see.
pub(crate) fn in_space(permission: Permission, account: &Account, space: Uuid) -> Result<Scope, ApiError> {
    if let Some(scope) = roles::access(&account.grants, permission, GrantTarget::Space(space)) {
        return Ok(scope);
    }
    let sees_it = match roles::visible_spaces(&account.grants) {
        VisibleSpaces::All => true,
        VisibleSpaces::Only(spaces) => spaces.contains(&space),
    };
    Err(if sees_it {
        forbidden(permission, "in this address space")
    } else {
        ApiError::not_found("address space")
    })
}

/// `403` that names what is missing.
pub(crate) fn forbidden(permission: Permission, place: &str) -> ApiError {
    ApiError::new(
        ErrorCode::Forbidden,
        format!(
            "You lack the permission {} {place}; ask an administrator for a role that has it.",
            permission.as_str()
        ),
    )
    .with_details(serde_json::json!({ "permission": permission.as_str() }))
}

/// Whether the `{name}` of the path is this user's.
fn is_own_name(request: &HttpRequest, account: &Account) -> bool {
    users::name_in_path(request).is_ok_and(|name| name.as_ref() == account.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::routes::table::ROUTES;
    use crate::testing::{Call, Server};
    use cadastre_domain::roles::Role;

    fn filled(path: &str, space: Uuid) -> String {
        path.replace("{spaceId}", &space.to_string())
            .replace("{name}", "admin")
            .replace("{ipId}", &Uuid::now_v7().to_string())
            .replace("{grantId}", &Uuid::now_v7().to_string())
            .replace("{tokenId}", &Uuid::now_v7().to_string())
            .replace("{tagName}", "Region")
            .replace("{version}", "1")
    }

    #[actix_web::test]
    async fn every_route_but_the_public_ones_asks_for_a_token() {
        let server = Server::new().await;
        for route in ROUTES.iter().filter(|route| route.needs != Needs::Public) {
            let path = filled(route.path, Uuid::now_v7());
            let refused = server.call(route.method, &path, Call::default()).await;
            assert_eq!(
                (refused.status, refused.code()),
                (401, "Unauthenticated"),
                "{} {path}",
                route.method
            );
        }
    }

    #[actix_web::test]
    async fn a_space_without_any_role_is_a_404_and_one_with_too_little_a_403() {
        let server = Server::new().await;
        let (seen, unseen) = (Uuid::now_v7(), Uuid::now_v7());
        server
            .add_user(
                "ada",
                &[(Role::AddressSpaceViewer, GrantTarget::Space(seen), None)],
            )
            .await;
        let ada = server.login("ada").await;
        for route in ROUTES {
            let Needs::Space(permission) = route.needs else {
                continue;
            };
            let call = |space| {
                let path = filled(route.path, space);
                let (server, ada) = (&server, &ada);
                async move {
                    server
                        .call(
                            route.method,
                            &path,
                            Call {
                                bearer: Some(ada),
                                ..Call::default()
                            },
                        )
                        .await
                }
            };
            let hidden = call(unseen).await;
            assert_eq!(
                (hidden.status, hidden.code()),
                (404, "NotFound"),
                "{} {}",
                route.method,
                route.path
            );
            if !Role::AddressSpaceViewer.permits(permission) {
                let refused = call(seen).await;
                assert_eq!(
                    (refused.status, refused.code()),
                    (403, "Forbidden"),
                    "{} {}",
                    route.method,
                    route.path
                );
            }
        }
    }

    #[actix_web::test]
    async fn system_routes_are_for_system_administrators() {
        let server = Server::new().await;
        server
            .add_user(
                "ada",
                &[(Role::AddressSpaceAdmin, GrantTarget::Space(Uuid::now_v7()), None)],
            )
            .await;
        let ada = server.login("ada").await;
        for route in ROUTES {
            let (Needs::System(_) | Needs::SelfOrSystem(_)) = route.needs else {
                continue;
            };
            let path = filled(route.path, Uuid::now_v7());
            let refused = server
                .call(
                    route.method,
                    &path,
                    Call {
                        bearer: Some(&ada),
                        ..Call::default()
                    },
                )
                .await;
            assert_eq!(
                (refused.status, refused.code()),
                (403, "Forbidden"),
                "{} {path}",
                route.method
            );
        }
    }

    #[actix_web::test]
    async fn an_id_that_is_none_is_said_so_after_authentication() {
        let server = Server::new().await;
        let anonymous = server
            .call("GET", "/api/v1/addressspaces/xyz", Call::default())
            .await;
        assert_eq!(anonymous.status, 401);
        let admin = server.login("admin").await;
        assert_eq!(
            server.get("/api/v1/addressspaces/xyz", &admin).await.code(),
            "InvalidId"
        );
    }

    #[actix_web::test]
    async fn a_route_without_an_entry_is_refused() {
        use actix_web::{App, HttpResponse, test};
        let server = Server::new().await;
        let app = App::new().app_data(server.state.clone());
        let route = web::resource("/stray").wrap(crate::http::error::RenderErrors);
        let app = test::init_service(app.service(route.to(async |_: Authorized| HttpResponse::Ok()))).await;
        let token = server.login("admin").await;
        let request = test::TestRequest::get()
            .uri("/stray")
            .insert_header(("authorization", format!("Bearer {token}")));
        assert_eq!(test::call_service(&app, request.to_request()).await.status(), 500);
    }
}
