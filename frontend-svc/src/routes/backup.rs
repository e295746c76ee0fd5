//! `GET /api/v1/backup`: everything in the store as one file, streamed, of one moment. `cadastre backup` takes it down.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{BackupPart, BackupQuery};

use crate::http::authorized::{Authorized, authorize};
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::state::FrontendState;

/// Everything in the store as one file, as `cadastre restore` takes it. All of it is of the moment of the request.
///
/// It holds the hashes of passwords and tokens: keep it as you keep passwords. The last line has the SHA-256 of those before it; a
/// file without it is not whole. The token must be valid until the end: take an API token for a backup of many minutes.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    operation_id = "getBackup",
    tag = "Backup",
    responses((
        status = 200,
        description = "The backup.",
        content((String = "application/x-ndjson", example = json!("{\"cadastreBackup\":1}\n"))),
        headers(("Content-Disposition" = String, description = "A name for the file.")),
    )),
)]
pub(crate) async fn run(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"cadastre-backup.ndjson\"",
        ));
    if request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    // What cannot be read is answered as an error, not as a stream that breaks off.
    let begin = BackupQuery {
        backup: None,
        part: 0,
    };
    let first = state.access.read_backup(&caller.context(), begin).await?;
    tracing::info!(actor = %caller.context().actor, backup = %first.backup, "a backup is read");
    let parts = futures::stream::unfold(Some((first, 1)), move |part| {
        let (state, request) = (state.clone(), request.clone());
        async move {
            let (part, number) = part?;
            let lines = Bytes::from(part.lines);
            if part.last {
                return Some((Ok(lines), None));
            }
            match next(&state, &request, part.backup, number).await {
                Ok(next) => Some((Ok(lines), Some((next, number + 1)))),
                // The connection is closed without the end of the body: the client knows that the file is not whole.
                Err(error) => {
                    tracing::warn!(%error, "a backup broke off");
                    Some((Err(error), None))
                }
            }
        }
    });
    Ok(answer.streaming(parts))
}

/// The next part; the caller is checked again for it.
async fn next(
    state: &FrontendState,
    request: &HttpRequest,
    backup: uuid::Uuid,
    part: u64,
) -> Result<BackupPart, ApiError> {
    let caller = authorize(request).await.map_err(|error| error.0)?;
    let query = BackupQuery {
        backup: Some(backup),
        part,
    };
    state.access.read_backup(&caller.context(), query).await
}
