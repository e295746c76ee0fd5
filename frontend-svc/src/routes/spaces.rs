//! `/api/v1/addressspaces`: the spaces themselves.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{
    SpaceChange, SpaceChangeOutcome, SpaceChangeRequest, SpaceListQuery, SpaceQuery,
};
use cadastre_api_types::public::{AddressSpace, AddressSpaceCreate, AddressSpaceUpdate, DryRun};
use cadastre_domain::roles::{VisibleSpaces, visible_spaces};
use uuid::Uuid;

use crate::convert::{plan, space};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::detached::detached;
use crate::http::error::HttpError;
use crate::http::mutation::{self, Compared, compare_and_change};
use crate::http::query::Query;
use crate::http::{body, reply};
use crate::openapi::params::{
    DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams, SpaceFilterParams, SpacePath,
};
use crate::state::FrontendState;

/// Lists the address spaces that the caller has a role in, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces",
    operation_id = "listAddressSpaces",
    tag = "Address spaces",
    params(SpaceFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of address spaces.",
        body = [AddressSpace],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::space()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &["nameContains", "createdBefore", "createdAfter", "limit", "cursor"],
    )?;
    let pager = Pager::of(&request, &query)?;
    let question = SpaceListQuery {
        only: match visible_spaces(&caller.account.grants) {
            VisibleSpaces::All => None,
            VisibleSpaces::Only(spaces) => Some(spaces),
        },
        name_contains: query.text("nameContains"),
        created_before: query.timestamp("createdBefore")?,
        created_after: query.timestamp("createdAfter")?,
        page: pager.page.clone(),
    };
    let found = state.access.list_spaces(&caller.context(), question).await?;
    let items: Vec<AddressSpace> = found.items.into_iter().map(space::to_wire).collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// Creates an address space.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces",
    operation_id = "createAddressSpace",
    tag = "Address spaces",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(
        content = AddressSpaceCreate,
        example = json!({ "name": "New-Cloud-VPC", "description": "VPC for new cloud services." }),
    ),
    responses(
        (
            status = 201,
            description = "The new address space.",
            body = AddressSpace,
            headers(
                ("Location" = String, description = "Path of the new address space."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::examples::space()),
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
    let sent = body::read::<AddressSpaceCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let AddressSpaceCreate { name, description } = sent.value;
    space::check_texts(&name, &description)?;
    let change = SpaceChange::Create {
        id: Uuid::now_v7(),
        name,
        description,
    };
    match run(&caller, &state, SpaceChangeRequest { change, options }).await? {
        SpaceChangeOutcome::Committed {
            space: Some(made),
            replayed,
        } => {
            let (revision, location) = (made.revision, format!("/api/v1/addressspaces/{}", made.id));
            Ok(reply::created(
                &space::to_wire(made),
                revision,
                &location,
                replayed,
            )?)
        }
        SpaceChangeOutcome::Committed { space: None, .. } => {
            Err(reply::unexpected("no space was made").into())
        }
        SpaceChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan::of_space(before, after, conflict)?)?),
    }
}

/// One address space.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}",
    operation_id = "getAddressSpace",
    tag = "Address spaces",
    params(SpacePath),
    responses((
        status = 200,
        description = "The address space.",
        body = AddressSpace,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::examples::space()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let found = state
        .access
        .get_space(
            &caller.context(),
            SpaceQuery {
                space: caller.space()?,
            },
        )
        .await?;
    let revision = found.revision;
    Ok(reply::one(&space::to_wire(found), revision)?)
}

/// Gives an address space a new name and description.
///
/// What `GET` returned can be sent back: read-only fields are accepted where they equal what is stored.
#[utoipa::path(
    put,
    path = "/api/v1/addressspaces/{spaceId}",
    operation_id = "updateAddressSpace",
    tag = "Address spaces",
    params(SpacePath, DryRunParam, IfMatchParam),
    request_body(
        content = AddressSpaceUpdate,
        example = json!({ "name": "New-Cloud-VPC", "description": "Updated description for the VPC." }),
    ),
    responses((
        status = 200,
        description = "The address space as it is now; with `dryRun=true`, what would change.",
        body = AddressSpace,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::examples::space()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let update = body::read::<AddressSpaceUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    space::check_texts(&update.name, update.description.as_deref().unwrap_or_default())?;
    let id = caller.space()?;
    let attempt = async |options| {
        let (name, description) = (update.name.clone(), update.description.clone());
        let change = SpaceChange::Update {
            id,
            name,
            description,
        };
        run(&caller, &state, SpaceChangeRequest { change, options }).await
    };
    let outcome = if space::sends_read_only(&update) {
        let compare = async || {
            let stored = state
                .access
                .get_space(&caller.context(), SpaceQuery { space: id })
                .await?;
            Ok(Compared {
                revision: stored.revision,
                outcome: space::check_read_only(&update, &stored),
            })
        };
        compare_and_change(options, compare, attempt).await?
    } else {
        attempt(options).await?
    };
    match outcome {
        SpaceChangeOutcome::Committed {
            space: Some(stored), ..
        } => {
            let revision = stored.revision;
            Ok(reply::one(&space::to_wire(stored), revision)?)
        }
        SpaceChangeOutcome::Committed { space: None, .. } => {
            Err(reply::unexpected("no space is left").into())
        }
        SpaceChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan::of_space(before, after, conflict)?)?),
    }
}

/// Deletes an address space with all its tags and nodes, for good.
#[utoipa::path(
    delete,
    path = "/api/v1/addressspaces/{spaceId}",
    operation_id = "deleteAddressSpace",
    tag = "Address spaces",
    params(SpacePath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let change = SpaceChange::Delete { id: caller.space()? };
    match run(&caller, &state, SpaceChangeRequest { change, options }).await? {
        SpaceChangeOutcome::Committed { .. } => Ok(reply::nothing()),
        SpaceChangeOutcome::Planned {
            before,
            after,
            conflict,
        } => Ok(reply::json(&plan::of_space(before, after, conflict)?)?),
    }
}

/// Runs a change of the catalogue to its end, whether or not the client stays.
async fn run(
    caller: &Authorized,
    state: &FrontendState,
    change: SpaceChangeRequest,
) -> Result<SpaceChangeOutcome, ApiError> {
    let (access, context) = (state.access.clone(), caller.context());
    detached(async move { access.change_space(&context, change).await }).await
}
