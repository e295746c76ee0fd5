//! `/api/v1/users/{name}/roles`: the roles of a user.
//!
//! Which roles a caller may see, give and take is a rule of the domain (`may_grant`): a system administrator all
//! of them, an administrator of an address space those in what they administer, everybody else none. One's own
//! roles may always be read.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{Account, SpaceQuery, UserChange, UserChangeOutcome, UserQuery};
use cadastre_api_types::public::{DryRun, RoleGrant, RoleGrantCreate};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::names::UserName;
use cadastre_domain::roles::{Grant, GrantTarget, Permission, Role, may_grant};
use serde_json::json;
use uuid::Uuid;

use super::users::{self, name_in_path};
use crate::convert::user::{grant_from_wire, grant_to_wire, plan_of_grant};
use crate::http::authorized::{Authorized, forbidden, in_space};
use crate::http::cursor::{Pager, foreign_cursor};
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, path, reply};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};
use crate::state::FrontendState;

/// Lists the roles of a user, oldest first, as far as the caller administers them.
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}/roles",
    operation_id = "listUserRoles",
    tag = "Users",
    params(("name" = String, Path, description = "User name; case does not matter.", example = "ada"), PageParams),
    responses((
        status = 200,
        description = "A page of roles.",
        body = [RoleGrant],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::user_examples::grant()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let account = target(&caller, &state, &request).await?;
    let mut visible = account
        .grants
        .iter()
        .filter(|grant| may_see(&caller, &account, grant))
        .collect::<Vec<_>>();
    if let Some(after) = &pager.page.after {
        let after: Uuid = after.parse().map_err(|_| foreign_cursor())?;
        // Ids are UUIDv7: their order is that of age, and it holds when the one of the cursor has gone.
        visible.retain(|grant| grant.id > after);
    }
    visible.sort_unstable_by_key(|grant| grant.id);
    let more = visible.len() > pager.page.limit;
    visible.truncate(pager.page.limit);
    let next = visible.last().filter(|_| more).map(|grant| grant.id.to_string());
    let items: Vec<RoleGrant> = visible.into_iter().map(grant_to_wire).collect();
    Ok(reply::page(&items, &pager, next.as_deref())?)
}

/// Gives a user a role.
#[utoipa::path(
    post,
    path = "/api/v1/users/{name}/roles",
    operation_id = "createUserRole",
    tag = "Users",
    params(
        ("name" = String, Path, description = "User name; case does not matter.", example = "ada"),
        DryRunParam,
        IdempotencyKeyParam,
    ),
    request_body(content = RoleGrantCreate, example = json!(crate::openapi::user_examples::grant_create())),
    responses(
        (
            status = 201,
            description = "The new role.",
            body = RoleGrant,
            headers(
                ("Location" = String, description = "Path of the new role."),
                ("ETag" = String, description = "For `If-Match`: that of the user."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::user_examples::grant()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    must_administer_roles(&caller)?;
    let sent = body::read::<RoleGrantCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let name = name_in_path(&request)?;
    let mut grant = grant_from_wire(&sent.value, Uuid::now_v7())?;
    must_grant(&caller, &grant)?;
    space_must_exist(&caller, &state, &grant).await?;
    let change = UserChange::Grant { grant: grant.clone() };
    match users::run(&caller, &state, &name, change, options).await? {
        UserChangeOutcome::Committed {
            account: Some(account),
            replayed,
            subject,
        } => {
            if replayed {
                // The body was the same, so the first answer differs from this grant in the id only.
                grant.id = subject.ok_or_else(|| reply::unexpected("a replay without its subject"))?;
            }
            let location = format!("/api/v1/users/{}/roles/{}", account.name, grant.id);
            Ok(reply::created(
                &grant_to_wire(&grant),
                account.revision,
                &location,
                replayed,
            )?)
        }
        UserChangeOutcome::Committed { account: None, .. } => Err(ApiError::not_found("user").into()),
        UserChangeOutcome::Planned { conflict, .. } => {
            Ok(reply::json(&plan_of_grant(None, Some(&grant), conflict)?)?)
        }
    }
}

/// One role of a user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}/roles/{grantId}",
    operation_id = "getUserRole",
    tag = "Users",
    params(
        ("name" = String, Path, description = "User name; case does not matter.", example = "ada"),
        ("grantId" = Uuid, Path, description = "Id of the role."),
    ),
    responses((
        status = 200,
        description = "The role.",
        body = RoleGrant,
        headers(("ETag" = String, description = "For `If-Match`: that of the user.")),
        example = json!(crate::openapi::user_examples::grant()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let id = path::id(&request, "grantId")?;
    let account = target(&caller, &state, &request).await?;
    let grant = visible_grant(&caller, &account, id)?;
    Ok(reply::one(&grant_to_wire(grant), account.revision)?)
}

/// Takes a role from a user. It stops working at once.
///
/// Nobody takes the role `SystemAdmin` from themselves, so one always remains.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{name}/roles/{grantId}",
    operation_id = "deleteUserRole",
    tag = "Users",
    params(
        ("name" = String, Path, description = "User name; case does not matter.", example = "ada"),
        ("grantId" = Uuid, Path, description = "Id of the role."),
        DryRunParam,
        IfMatchParam,
    ),
    responses(
        (status = 204, description = "The role is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn revoke(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let id = path::id(&request, "grantId")?;
    must_administer_roles(&caller)?;
    let account = target(&caller, &state, &request).await?;
    let grant = visible_grant(&caller, &account, id)?;
    must_grant(&caller, grant)?;
    if grant.role == Role::SystemAdmin && account.name == caller.account.name {
        let refusal = ApiError::new(
            ErrorCode::InUse,
            "You cannot take SystemAdmin from yourself, so that one always remains; ask another system administrator.",
        );
        return users::refuse(refusal, options.dry_run);
    }
    let name = name_in_path(&request)?;
    match users::run(&caller, &state, &name, UserChange::Revoke { grant: id }, options).await? {
        UserChangeOutcome::Committed { .. } => Ok(reply::nothing()),
        UserChangeOutcome::Planned { conflict, .. } => {
            Ok(reply::json(&plan_of_grant(Some(grant), None, conflict)?)?)
        }
    }
}

/// The user of the path, for a caller who may ask about roles at all: nobody else learns which users exist.
async fn target(
    caller: &Authorized,
    state: &FrontendState,
    request: &HttpRequest,
) -> Result<Arc<Account>, ApiError> {
    let name: UserName = name_in_path(request)?;
    if name.as_ref() == caller.account.name {
        return Ok(Arc::clone(&caller.account));
    }
    must_administer_roles(caller)?;
    state
        .access
        .get_user(&caller.context(), UserQuery::without_secrets(name.to_string()))
        .await
}

fn must_administer_roles(caller: &Authorized) -> Result<(), ApiError> {
    let administers = caller
        .account
        .grants
        .iter()
        .any(|grant| grant.role.permits(Permission::RolesManage));
    if administers {
        Ok(())
    } else {
        Err(forbidden(Permission::RolesManage, "in any address space"))
    }
}

fn may_see(caller: &Authorized, owner: &Account, grant: &Grant) -> bool {
    owner.name == caller.account.name || may_grant(&caller.account.grants, grant)
}

fn visible_grant<'a>(caller: &Authorized, owner: &'a Account, id: Uuid) -> Result<&'a Grant, ApiError> {
    let found = owner
        .grants
        .iter()
        .find(|grant| grant.id == id && may_see(caller, owner, grant));
    found.ok_or_else(|| ApiError::not_found("role of this user"))
}

/// Refuses to give or take what the caller may not: `404` for a space they may not know of, else `403`.
fn must_grant(caller: &Authorized, grant: &Grant) -> Result<(), ApiError> {
    if may_grant(&caller.account.grants, grant) {
        return Ok(());
    }
    match grant.target {
        GrantTarget::System => Err(forbidden(Permission::UsersManage, "in the whole system")),
        GrantTarget::Space(space) => {
            in_space(Permission::RolesManage, &caller.account, space)?;
            Err(ApiError::new(
                ErrorCode::OutsideScope,
                "You administer a part of this address space only; give the role for a prefix within that part.",
            ))
        }
    }
}

/// A role in a space that does not exist would come to life if the space's id did.
async fn space_must_exist(caller: &Authorized, state: &FrontendState, grant: &Grant) -> Result<(), ApiError> {
    let GrantTarget::Space(space) = grant.target else {
        return Ok(());
    };
    match state
        .access
        .get_space(&caller.context(), SpaceQuery { space })
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.code == ErrorCode::NotFound => Err(ApiError::new(
            ErrorCode::InvalidRole,
            "There is no address space with this id; GET /api/v1/addressspaces lists them.",
        )
        .with_details(json!({ "field": "addressSpaceId" }))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "roles_tests.rs"]
mod tests;
