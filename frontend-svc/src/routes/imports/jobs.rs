//! `…/imports`: how far imports are, which lines failed, and stopping one.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{FailedLinesQuery, ImportListQuery, ImportQuery, ImportStop};
use cadastre_api_types::public::{FailedLine, Import};

use crate::convert::import;
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::{path, reply};
use crate::openapi::params::{ImportPath, PageParams, SpacePath};
use crate::state::FrontendState;

/// The imports of an address space, newest first; the last hundred are kept. Callers whose role is narrowed to a
/// subtree see their own.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/imports",
    operation_id = "listImports",
    tag = "Import and export",
    params(SpacePath, PageParams),
    responses((
        status = 200,
        description = "A page of imports.",
        body = [Import],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there is one.")),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let question = ImportListQuery {
        space: caller.space()?,
        page: pager.page.clone(),
    };
    let found = state.access.list_imports(&caller.context(), question).await?;
    let items: Vec<Import> = found.items.into_iter().map(import::to_wire).collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// An import and how far it is.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/imports/{importId}",
    operation_id = "getImport",
    tag = "Import and export",
    params(SpacePath, ImportPath),
    responses((status = 200, description = "The import.", body = Import)),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let question = ImportQuery {
        space: caller.space()?,
        import: path::id(&request, "importId")?,
    };
    let found = state.access.get_import(&caller.context(), question).await?;
    Ok(reply::json(&import::to_wire(found))?)
}

/// The lines of an import that failed, in order; the first thousand are kept.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/imports/{importId}/failed",
    operation_id = "listFailedLines",
    tag = "Import and export",
    params(SpacePath, ImportPath, PageParams),
    responses((
        status = 200,
        description = "A page of lines.",
        body = [FailedLine],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there is one.")),
    )),
)]
pub(crate) async fn failed(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let question = FailedLinesQuery {
        space: caller.space()?,
        import: path::id(&request, "importId")?,
        page: pager.page.clone(),
    };
    let found = state
        .access
        .list_failed_lines(&caller.context(), question)
        .await?;
    let items: Vec<FailedLine> = found.items.into_iter().map(Into::into).collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// Stops an import: its request ends behind the lines that are settled, which stay. Sending the same file with the same
/// `Idempotency-Key` goes on there.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/imports/{importId}/stop",
    operation_id = "stopImport",
    tag = "Import and export",
    params(SpacePath, ImportPath),
    responses((status = 200, description = "The import as it is now.", body = Import)),
)]
pub(crate) async fn stop(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let stop = ImportStop {
        space: caller.space()?,
        import: path::id(&request, "importId")?,
        run: None,
    };
    let now = state.access.stop_import(&caller.context(), stop).await?;
    Ok(reply::json(&import::to_wire(now))?)
}
