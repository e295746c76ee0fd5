//! `/api/v1/addressing-plans`: IPv6 addressing plans.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::public::isp::{AddressingPlan, AddressingPlanApplied, AddressingPlanRequest};

use super::{State, isp, told};
use crate::http::authorized::Authorized;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{body, mutation, reply};
use crate::isp::addressing;
use crate::openapi::params::{DryRunParam, IdempotencyKeyParam};

/// Designs an IPv6 addressing plan. Nothing is made by asking.
///
/// Divides a network level by level, down to pools that delegate a prefix to each subscriber; prefixes end on whole
/// hexadecimal digits where that fits. `conflicts` says what is there and stands in the way. A plan that does not fit is
/// answered as `400 InvalidValue` with what would.
#[utoipa::path(
    post,
    path = "/api/v1/addressing-plans/preview",
    operation_id = "previewAddressingPlan",
    tag = "Addressing plans",
    request_body(content = AddressingPlanRequest, example = json!(crate::openapi::addressing_examples::request())),
    responses((
        status = 200,
        description = "The plan, and what stands in its way.",
        body = AddressingPlan,
        example = json!(crate::openapi::addressing_examples::plan()),
    )),
)]
pub(crate) async fn preview(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<AddressingPlanRequest>(&request, payload).await?;
    Query::of(&request, &[])?;
    let plan = addressing::preview(&isp(&caller, &state)?, sent.value).await?;
    Ok(reply::json(&plan)?)
}

/// Designs an IPv6 addressing plan and makes the nodes of its blocks, all or none.
///
/// Nodes that are there with the very prefix of a block are kept as they are. What stands in the way is answered as
/// `409 PlanCollision`, and nothing is made. With `makePools` each block of the last level becomes a pool that delegates,
/// too, one after the other: `pools` says which were made and which were not. Safe to repeat: what is there is left.
#[utoipa::path(
    post,
    path = "/api/v1/addressing-plans/apply",
    operation_id = "applyAddressingPlan",
    tag = "Addressing plans",
    params(DryRunParam, IdempotencyKeyParam),
    request_body(content = AddressingPlanRequest, example = json!(crate::openapi::addressing_examples::request())),
    responses((
        status = 200,
        description = "What was made; with `dryRun=true`, what would change.",
        body = AddressingPlanApplied,
        headers(
            ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
        ),
        example = json!(crate::openapi::addressing_examples::applied()),
    )),
)]
pub(crate) async fn apply(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<AddressingPlanRequest>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    told(addressing::apply(&isp(&caller, &state)?, sent.value, options).await?)
}
