//! `/api/v1/ip-management/reservations`: reservations.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::ReservationFilter;
use cadastre_api_types::public::DryRun;
use cadastre_api_types::public::isp::{
    Reason, Reservation, ReservationBulk, ReservationCreate, ReservationExtend, ReservationUpdate,
};

use super::{
    State, changed, created, created_many, id_of, isp, listed, prefix_of, removed, subscriber_of, word, words,
};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::query::invalid;
use crate::http::{body, mutation, path, reply};
use crate::isp::reservations;
use crate::openapi::isp_params::{ReservationFilterParams, ReservationPath};
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam, IfMatchParam, PageParams};

/// Lists reservations in order of their addresses, those of one address oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/reservations",
    operation_id = "listReservations",
    tag = "Reservations",
    params(ReservationFilterParams, PageParams),
    responses((
        status = 200,
        description = "A page of reservations.",
        body = [Reservation],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::reservation()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(
        &request,
        &[
            "poolId",
            "subscriberId",
            "status",
            "ipType",
            "ipAddress",
            "within",
            "expiresBefore",
            "limit",
            "cursor",
        ],
    )?;
    let pager = Pager::of(&request, &query)?;
    let filter = filter(&query)?;
    let found = reservations::list(&isp(&caller, &state)?, filter, pager.page.clone()).await?;
    listed(&found, &pager)
}

fn filter(query: &Query<'_>) -> Result<ReservationFilter, ApiError> {
    let address = prefix_of(query, "ipAddress")?;
    let within = prefix_of(query, "within")?;
    if address.is_some() && within.is_some() {
        let message = "`ipAddress` is one address, and `within` is a whole prefix; send one of them.";
        return Err(invalid("ipAddress", message.to_owned()));
    }
    Ok(ReservationFilter {
        pool_id: id_of(query, "poolId")?,
        subscriber_id: subscriber_of(query)?,
        statuses: words(query, "status")?,
        ip_type: word(query, "ipType")?,
        within: address.or(within),
        expires_before: query.timestamp("expiresBefore")?,
    })
}

/// Reserves an address or a delegated prefix for a subscriber.
///
/// Without `ipAddress` the pool hands out its next one; without `poolId`, too, the pool policy says which pool.
/// What stands against an address is answered as `409 AddressConflict`; what can be overruled is with `force`,
/// which needs the permission `isp.ipam.force`.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/reservations",
    operation_id = "createReservation",
    tag = "Reservations",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = ReservationCreate, example = json!(crate::openapi::isp_examples::reservation_create())),
    responses(
        (
            status = 201,
            description = "The new reservation.",
            body = Reservation,
            headers(
                ("Location" = String, description = "Path of it."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::isp_examples::reservation()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReservationCreate>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = reservations::create(&isp(&caller, &state)?, sent.value, options).await?;
    created(&request, outcome, |made| {
        format!("/api/v1/ip-management/reservations/{}", made.id)
    })
}

/// Reserves for many subscribers at once: all or none.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/reservations/bulk",
    operation_id = "createReservations",
    tag = "Reservations",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = ReservationBulk, example = json!(crate::openapi::isp_examples::reservation_bulk())),
    responses(
        (
            status = 201,
            description = "The new reservations, in the order of the items.",
            body = [Reservation],
            headers(
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!([crate::openapi::isp_examples::reservation()]),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create_many(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReservationBulk>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let outcome = reservations::create_many(&isp(&caller, &state)?, sent.value, options).await?;
    created_many(outcome)
}

/// One reservation, with its life.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/reservations/{reservationId}",
    operation_id = "getReservation",
    tag = "Reservations",
    params(ReservationPath),
    responses((
        status = 200,
        description = "The reservation.",
        body = Reservation,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::isp_examples::reservation()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let (found, revision) =
        reservations::get(&isp(&caller, &state)?, path::id(&request, "reservationId")?).await?;
    Ok(reply::one(&found, revision)?)
}

/// Changes texts and expiry of a reservation, or puts it to use.
#[utoipa::path(
    put,
    path = "/api/v1/ip-management/reservations/{reservationId}",
    operation_id = "updateReservation",
    tag = "Reservations",
    params(ReservationPath, DryRunParam, IfMatchParam),
    request_body(content = ReservationUpdate, example = json!(crate::openapi::isp_examples::assigned())),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Reservation,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::isp_examples::assigned()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReservationUpdate>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let outcome = reservations::update(
        &isp(&caller, &state)?,
        path::id(&request, "reservationId")?,
        sent,
        options,
    )
    .await?;
    changed(outcome)
}

/// Gives a reservation back, as `…/release` does. It stays as a record of who had the address.
#[utoipa::path(
    delete,
    path = "/api/v1/ip-management/reservations/{reservationId}",
    operation_id = "deleteReservation",
    tag = "Reservations",
    params(ReservationPath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let options = mutation::of_change(&request)?;
    let outcome = reservations::delete(
        &isp(&caller, &state)?,
        path::id(&request, "reservationId")?,
        options,
    )
    .await?;
    removed(outcome)
}

/// Puts a reservation to use: `RESERVED` becomes `ASSIGNED`.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/reservations/{reservationId}/assign",
    operation_id = "assignReservation",
    tag = "Reservations",
    params(ReservationPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Reservation,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::assigned()),
    )),
)]
pub(crate) async fn assign(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::none(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome = reservations::assign(
        &isp(&caller, &state)?,
        path::id(&request, "reservationId")?,
        options,
    )
    .await?;
    changed(outcome)
}

/// Gives a reservation back. Its address rests before it may be somebody else's.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/reservations/{reservationId}/release",
    operation_id = "releaseReservation",
    tag = "Reservations",
    params(ReservationPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = Option<Reason>, example = json!({ "reason": "contract ended" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Reservation,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::released()),
    )),
)]
pub(crate) async fn release(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::optional::<Reason>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome = reservations::release(
        &isp(&caller, &state)?,
        path::id(&request, "reservationId")?,
        sent.value.reason,
        options,
    )
    .await?;
    changed(outcome)
}

/// Gives a reservation another expiry.
#[utoipa::path(
    post,
    path = "/api/v1/ip-management/reservations/{reservationId}/extend",
    operation_id = "extendReservation",
    tag = "Reservations",
    params(ReservationPath, DryRunParam, IdempotencyKeyParam, IfMatchParam),
    request_body(content = ReservationExtend, example = json!({ "expiresAt": "2027-01-01T00:00:00Z" })),
    responses((
        status = 200,
        description = "As it is now; with `dryRun=true`, what would change.",
        body = Reservation,
        headers(
                ("ETag" = String, description = "For `If-Match`; absent on a dry run."),
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::isp_examples::reservation()),
    )),
)]
pub(crate) async fn extend(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<ReservationExtend>(&request, payload).await?;
    let options = mutation::of_action(&request, &caller.account.name, &sent)?;
    let outcome = reservations::extend(
        &isp(&caller, &state)?,
        path::id(&request, "reservationId")?,
        sent.value.expires_at,
        options,
    )
    .await?;
    changed(outcome)
}
