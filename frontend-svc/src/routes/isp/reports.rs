//! `/api/v1/ip-management/stats`, `/reports/…` and the life of an address.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use cadastre_api_types::internal::PageRequest;
use cadastre_api_types::public::isp::{CostReport, IpStats, Reservation};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use percent_encoding::percent_decode_str;

use super::{State, isp, listed, prefix_of};
use crate::http::authorized::{Authorized, authorize};
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::reply;
use crate::isp::wire::address_or_prefix;
use crate::isp::{audit, costs, reservations, stats as numbers};
use crate::openapi::isp_params::{AddressPath, AuditParams, CostParams};
use crate::openapi::params::PageParams;
use crate::routes::imports::terms::Format;

/// Reservations that a file reads at a time.
const PAGE: usize = 1_000;

/// All pools of the address space in numbers.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/stats",
    operation_id = "getIpStats",
    tag = "Reports",
    responses((
        status = 200,
        description = "The numbers.",
        body = IpStats,
        example = json!(crate::openapi::isp_examples::stats()),
    )),
)]
pub(crate) async fn stats(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    Ok(reply::json(&numbers::of_space(&isp(&caller, &state)?).await?)?)
}

/// What pools cost, by month.
///
/// An address costs the price of its pool for the part of a month in which somebody held it.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/reports/costs",
    operation_id = "getCostReport",
    tag = "Reports",
    params(CostParams),
    responses((
        status = 200,
        description = "By month and pool, and the sums by currency.",
        body = CostReport,
        example = json!(crate::openapi::isp_examples::costs()),
    )),
)]
pub(crate) async fn cost_report(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["month", "from", "to"])?;
    let caller = isp(&caller, &state)?;
    let month = query.text("month");
    let time = costs::time(
        month.as_deref(),
        query.timestamp("from")?,
        query.timestamp("to")?,
        caller.now(),
    )?;
    Ok(reply::json(&costs::report(&caller, time).await?)?)
}

/// The life of an address: who had it when, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/addresses/{address}/history",
    operation_id = "getAddressHistory",
    tag = "Reports",
    params(AddressPath, PageParams),
    responses((
        status = 200,
        description = "A page of its reservations.",
        body = [Reservation],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::isp_examples::released()]),
    )),
)]
pub(crate) async fn history(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let text = request.match_info().get("address").unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let within = address_or_prefix("address", &decoded)?;
    let found = reservations::life(&isp(&caller, &state)?, within, pager.page.clone()).await?;
    listed(&found, &pager)
}

/// The compliance report: who had which address when.
///
/// With `Accept: text/csv` or `application/x-ndjson` (or `format`) the whole report as a file, streamed; a stream that
/// ends without an error is complete. Otherwise a page of JSON.
#[utoipa::path(
    get,
    path = "/api/v1/ip-management/reports/audit",
    operation_id = "getAuditReport",
    tag = "Reports",
    params(AuditParams, PageParams),
    responses((
        status = 200,
        description = "Reservations in order of their addresses, those of one address oldest first.",
        content(
            ([Reservation] = "application/json", example = json!([crate::openapi::isp_examples::released()])),
            (String = "text/csv", example = json!("ipAddress,ipType,subscriberId,status,reservedAt,…\n203.0.113.9,ipv4,sub-4711,ASSIGNED,2026-01-31T09:30:00Z,…\n")),
            (String = "application/x-ndjson", example = json!("{\"ipAddress\":\"203.0.113.9\",\"subscriberId\":\"sub-4711\",\"status\":\"ASSIGNED\"}\n")),
        ),
        headers(
            ("Link" = String, description = "Of a page of JSON: `<…>; rel=\"next\"`, the next page, if there may be one."),
            ("Content-Disposition" = String, description = "Of a file: a name for it."),
        ),
    )),
)]
pub(crate) async fn audit_report(
    caller: Authorized,
    state: State,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["within", "format", "limit", "cursor"])?;
    let within = prefix_of(&query, "within")?;
    let format = match Format::of_query(&query)? {
        Some(format) => Some(format),
        None => accepted(&request),
    };
    let Some(format) = format else {
        let pager = Pager::of(&request, &query)?;
        let found = audit::page(&isp(&caller, &state)?, within, pager.page.clone()).await?;
        return listed(&found, &pager);
    };
    let report = Report {
        state,
        request: request.clone(),
        within,
        format,
        after: None,
        header: format == Format::Csv,
    };
    stream(report, &caller).await
}

/// The kind of file that the client prefers; `None` = a page of JSON.
fn accepted(request: &HttpRequest) -> Option<Format> {
    request
        .headers()
        .get_all(header::ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| Format::of_media_type(part.trim()))
}

/// A report under way.
struct Report {
    state: State,
    request: HttpRequest,
    within: Option<Prefix>,
    format: Format,
    after: Option<String>,
    /// The header is still to be written.
    header: bool,
}

async fn stream(mut report: Report, caller: &Authorized) -> Result<HttpResponse, HttpError> {
    // What cannot be reported is answered as an error, not as a stream that breaks off.
    let (first, goes_on) = report.page(caller).await?;
    let name = format!("attachment; filename=\"audit.{}\"", report.format.name());
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, report.format.media_type()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, name));
    if report.request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    let pages = futures::stream::unfold(
        (Some(first), Some(report), goes_on),
        |(ready, report, goes_on)| async move {
            if let Some(ready) = ready {
                return Some((Ok(ready), (None, report, goes_on)));
            }
            let mut report = report.filter(|_| goes_on)?;
            match report.next().await {
                Ok((text, more)) => Some((Ok(text), (None, Some(report), more))),
                // The connection is closed without the end of the body: the client knows that the report is not whole.
                Err(error) => {
                    tracing::warn!(%error, "a report broke off");
                    Some((Err(error), (None, None, false)))
                }
            }
        },
    );
    Ok(answer.streaming(pages))
}

impl Report {
    /// The next page; the caller is checked again for it.
    async fn next(&mut self) -> Result<(Bytes, bool), ApiError> {
        let caller = authorize(&self.request).await.map_err(|error| error.0)?;
        self.page(&caller).await
    }

    async fn page(&mut self, caller: &Authorized) -> Result<(Bytes, bool), ApiError> {
        let page = PageRequest {
            limit: PAGE,
            after: self.after.take(),
        };
        let caller = isp(caller, &self.state).map_err(|error| error.0)?;
        let found = audit::page(&caller, self.within, page).await?;
        let text = match self.format {
            Format::Csv => self.csv(&found.items)?,
            Format::Ndjson => ndjson(&found.items)?,
        };
        self.after = found.next;
        Ok((text, self.after.is_some()))
    }

    fn csv(&mut self, items: &[Reservation]) -> Result<Bytes, ApiError> {
        let mut out = csv::Writer::from_writer(Vec::with_capacity(items.len() * 256));
        if std::mem::take(&mut self.header) {
            out.write_record(audit::COLUMNS)
                .map_err(|error| unwritten(&error))?;
        }
        for item in items {
            out.write_record(audit::record(item))
                .map_err(|error| unwritten(&error))?;
        }
        out.into_inner()
            .map(Bytes::from)
            .map_err(|error| unwritten(error.error()))
    }
}

fn ndjson(items: &[Reservation]) -> Result<Bytes, ApiError> {
    let mut out = Vec::with_capacity(items.len() * 512);
    for item in items {
        serde_json::to_writer(&mut out, item).map_err(|error| unwritten(&error))?;
        out.push(b'\n');
    }
    Ok(Bytes::from(out))
}

fn unwritten(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "a line of a report cannot be written");
    ApiError::new(ErrorCode::Internal, "A fault of the server; the log has more.")
}
