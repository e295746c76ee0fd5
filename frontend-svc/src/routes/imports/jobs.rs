//! `…/imports`: how far imports are, which lines failed, and stopping one.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{FailedLinesQuery, ImportListQuery, ImportQuery, ImportStop};
use cadastre_api_types::public::{FailedLine, Import};

use super::terms::import_id;
use crate::convert::import;
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::preconditions::is_key;
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;
use crate::http::{path, reply};
use crate::openapi::params::{ImportListParams, ImportPath, PageParams, SpacePath};
use crate::state::FrontendState;

/// The imports of an address space, newest first; the last hundred are kept. Callers whose role is narrowed to a
/// subtree see their own.
///
/// With `idempotencyKey` only the one that the caller has begun with that `Idempotency-Key`, also while it is being sent:
/// its answer comes at the end, and progress and `stop` want its id before.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/imports",
    operation_id = "listImports",
    tag = "Import and export",
    params(SpacePath, ImportListParams, PageParams),
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
    let query = Query::of(&request, &["idempotencyKey", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    if let Some(key) = query.get("idempotencyKey") {
        let items = begun_with(&caller, &state, &request, &query, key).await?;
        return Ok(reply::page(&items, &pager, None)?);
    }
    let question = ImportListQuery {
        space: caller.space()?,
        page: pager.page.clone(),
    };
    let found = state.access.list_imports(&caller.context(), question).await?;
    let items: Vec<Import> = found.items.into_iter().map(import::to_wire).collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// The caller's import of that key, if there is one.
async fn begun_with(
    caller: &Authorized,
    state: &FrontendState,
    request: &HttpRequest,
    query: &Query<'_>,
    key: &str,
) -> Result<Vec<Import>, HttpError> {
    if !is_key(key) {
        let message = format!(
            "`idempotencyKey` is `{}`; it must be a key as it stands in the header: 1 to 255 visible ASCII characters \
             without spaces.",
            echo(key)
        );
        return Err(invalid("idempotencyKey", message).into());
    }
    // The key belongs to the path that imports are sent to.
    let sent_to = request
        .path()
        .strip_suffix("/imports")
        .map(|space| format!("{space}/ips/import"))
        .unwrap_or_default();
    let question = ImportQuery {
        space: caller.space()?,
        import: import_id(key, &caller.account.name, &sent_to, query),
    };
    match state.access.get_import(&caller.context(), question).await {
        Ok(found) => Ok(vec![import::to_wire(found)]),
        Err(error) if error.code == ErrorCode::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
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
