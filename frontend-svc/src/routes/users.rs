//! `/api/v1/users`: the users themselves. Their roles are in `roles.rs`.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{
    Account, MutationOptions, UserChange, UserChangeOutcome, UserChangeRequest, UserListQuery, UserQuery,
};
use cadastre_api_types::public::{DryRun, User, UserCreate, UserUpdate};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::names::UserName;
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::auth::login::{self, Purpose};
use crate::auth::password_rules;
use crate::convert::errors::name_error;
use crate::convert::user::{plan_of_user, to_wire};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::detached::detached;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, NameFilterParam, PageParams};
use crate::state::FrontendState;

/// Lists the users by name.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    operation_id = "listUsers",
    tag = "Users",
    params(NameFilterParam, PageParams),
    responses((
        status = 200,
        description = "A page of users.",
        body = [User],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::user_examples::user()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["nameContains", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let question = UserListQuery {
        name_contains: query.text("nameContains"),
        page: pager.page.clone(),
    };
    let found = state.access.list_users(&caller.context(), question).await?;
    let items: Vec<User> = found
        .items
        .iter()
        .map(|account| to_wire(account, &account.grants))
        .collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// Creates a user, who has no roles yet.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    operation_id = "createUser",
    tag = "Users",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = UserCreate, example = json!({ "username": "ada", "password": "four words of hers" })),
    responses(
        (
            status = 201,
            description = "The new user.",
            body = User,
            headers(
                ("Location" = String, description = "Path of the new user."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::user_examples::user_without_roles()),
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
    let sent = body::read::<UserCreate>(&request, payload).await?;
    let options = mutation::of_secret_creation(&request, &caller.account.name, &sent)?;
    let name = UserName::new(&sent.value.username)
        .map_err(|error| name_error(ErrorCode::InvalidName, "username", &error))?;
    password_rules::check(&sent.value.password, name.as_ref())?;
    let password_hash = hash_unless_dry_run(&state, &sent.value.password, &options).await?;
    let change = UserChange::Create {
        password_hash,
        grants: Vec::new(),
    };
    match run(&caller, &state, &name, change, options).await? {
        UserChangeOutcome::Committed {
            account: Some(account),
            replayed,
            ..
        } => {
            let user = to_wire(&account, &account.grants);
            let location = format!("/api/v1/users/{}", account.name);
            Ok(reply::created(&user, account.revision, &location, replayed)?)
        }
        UserChangeOutcome::Committed { account: None, .. } => {
            Err(reply::unexpected("a creation without its user").into())
        }
        UserChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan_of_user(
            before.as_deref(),
            after.as_deref(),
            conflict,
        )?)?),
    }
}

/// One user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}",
    operation_id = "getUser",
    tag = "Users",
    params(("name" = String, Path, description = "User name; case does not matter.", example = "ada")),
    responses((
        status = 200,
        description = "The user.",
        body = User,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::user_examples::user()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let query = UserQuery::without_secrets(name_in_path(&request)?.to_string());
    let account = state.access.get_user(&caller.context(), query).await?;
    Ok(reply::one(&to_wire(&account, &account.grants), account.revision)?)
}

/// Gives a user a new password and ends all their sessions.
///
/// Whoever changes their own password sends the current one too.
#[utoipa::path(
    put,
    path = "/api/v1/users/{name}",
    operation_id = "updateUser",
    tag = "Users",
    params(
        ("name" = String, Path, description = "User name; case does not matter.", example = "ada"),
        DryRunParam,
        IfMatchParam,
    ),
    request_body(
        content = UserUpdate,
        example = json!({ "password": "four new words of hers", "currentPassword": "four words of hers" }),
    ),
    responses((
        status = 200,
        description = "The user as it is now; with `dryRun=true`, what would change.",
        body = User,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::user_examples::user()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let update = body::read::<UserUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let name = name_in_path(&request)?;
    password_rules::check(&update.password, name.as_ref())?;
    if name.as_ref() == caller.account.name {
        check_current(&caller, &state, update.current_password.as_deref()).await?;
    }
    let password_hash = hash_unless_dry_run(&state, &update.password, &options).await?;
    match run(
        &caller,
        &state,
        &name,
        UserChange::SetPassword { password_hash },
        options,
    )
    .await?
    {
        UserChangeOutcome::Committed {
            account: Some(account),
            ..
        } => Ok(reply::one(&to_wire(&account, &account.grants), account.revision)?),
        UserChangeOutcome::Committed { account: None, .. } => {
            Err(reply::unexpected("no user is left").into())
        }
        UserChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan_of_user(
            before.as_deref(),
            after.as_deref(),
            conflict,
        )?)?),
    }
}

/// Deletes a user with their roles, sessions and API tokens.
///
/// Nobody deletes themselves, so a system administrator always remains.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{name}",
    operation_id = "deleteUser",
    tag = "Users",
    params(
        ("name" = String, Path, description = "User name; case does not matter.", example = "ada"),
        DryRunParam,
        IfMatchParam,
    ),
    responses(
        (status = 204, description = "The user is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let name = name_in_path(&request)?;
    if name.as_ref() == caller.account.name {
        let refusal = ApiError::new(
            ErrorCode::InUse,
            "You cannot delete yourself, so that an administrator always remains; ask another system administrator.",
        );
        return refuse(refusal, options.dry_run);
    }
    match run(&caller, &state, &name, UserChange::Delete, options).await? {
        UserChangeOutcome::Committed { .. } => Ok(reply::nothing()),
        UserChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan_of_user(
            before.as_deref(),
            after.as_deref(),
            conflict,
        )?)?),
    }
}

/// The user name in the path, in lower case.
///
/// # Errors
/// `400 InvalidName`.
pub(crate) fn name_in_path(request: &HttpRequest) -> Result<UserName, ApiError> {
    let text = request.match_info().get("name").unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    UserName::new(&decoded).map_err(|error| name_error(ErrorCode::InvalidName, "name", &error))
}

/// A refusal that is decided here: an error, or the conflict of a plan.
pub(crate) fn refuse(refusal: ApiError, dry_run: bool) -> Result<HttpResponse, HttpError> {
    if dry_run {
        Ok(reply::json(&plan_of_user(None, None, Some(refusal))?)?)
    } else {
        Err(refusal.into())
    }
}

/// Runs a change of a user to its end, whether or not the client stays.
pub(crate) async fn run(
    caller: &Authorized,
    state: &FrontendState,
    name: &UserName,
    change: UserChange,
    options: MutationOptions,
) -> Result<UserChangeOutcome, ApiError> {
    let (access, context) = (state.access.clone(), caller.context());
    let request = UserChangeRequest {
        name: name.to_string(),
        change,
        options,
    };
    detached(async move { access.change_user(&context, request).await }).await
}

async fn hash_unless_dry_run(
    state: &FrontendState,
    password: &str,
    options: &MutationOptions,
) -> Result<String, ApiError> {
    if options.dry_run {
        Ok(String::new())
    } else {
        state.passwords.hash(password).await
    }
}

async fn check_current(
    caller: &Authorized,
    state: &FrontendState,
    current: Option<&str>,
) -> Result<(), ApiError> {
    let current = current.ok_or_else(|| {
        ApiError::new(
            ErrorCode::MalformedRequest,
            "`currentPassword` is missing; it is required to change your own password.",
        )
        .with_details(json!({ "field": "currentPassword" }))
    })?;
    let account: &Account = &caller.account;
    match login::check_password(
        state,
        &account.name,
        current,
        Purpose::PasswordChange,
        &caller.request,
    )
    .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.code == ErrorCode::InvalidCredentials => Err(ApiError::new(
            ErrorCode::InvalidCredentials,
            "The current password is wrong.",
        )),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
