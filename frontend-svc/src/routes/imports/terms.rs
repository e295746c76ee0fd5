//! How an import is asked for.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use cadastre_api_types::internal::{ImportMode, ImportTerms};
use cadastre_api_types::{ApiError, ErrorCode};
use uuid::Uuid;

use crate::http::preconditions::{id_of_hash, idempotency_key, remembered_as};
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;

/// Format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A header, and one record per prefix.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

impl Format {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// The format of a media type.
    pub(crate) fn of_media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let is = |names: &[&str]| names.iter().any(|name| essence.eq_ignore_ascii_case(name));
        if is(&["text/csv", "application/csv", "text/tab-separated-values"]) {
            Some(Self::Csv)
        } else if is(&[
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
        ]) {
            Some(Self::Ndjson)
        } else {
            None
        }
    }

    /// The format that `format=` names.
    pub(crate) fn of_query(query: &Query<'_>) -> Result<Option<Self>, ApiError> {
        match query.get("format") {
            None => Ok(None),
            Some("csv") => Ok(Some(Self::Csv)),
            Some("ndjson") => Ok(Some(Self::Ndjson)),
            Some(other) => Err(invalid(
                "format",
                format!("`format` is `{}`; it must be `csv` or `ndjson`.", echo(other)),
            )),
        }
    }
}

/// Which lines an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The first ones that failed, in the summary.
    Some,
    /// All that failed, each in a line of its own.
    Failed,
    /// All.
    All,
}

/// A request to import.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) format: Format,
    pub(super) terms: ImportTerms,
    pub(super) dry_run: bool,
    /// Which lines are told.
    pub(super) told: Told,
    /// The import's id; the same for the same `Idempotency-Key`.
    pub(super) import: Uuid,
    /// It may have been begun before.
    pub(super) keyed: bool,
}

impl Asked {
    /// Reads query and headers.
    pub(super) fn of(request: &HttpRequest, user: &str) -> Result<Self, ApiError> {
        let query = Query::of(request, &["format", "mode", "update", "results", "dryRun"])?;
        let format = format(request, &query)?;
        let mode = match query.get("mode") {
            None | Some("lines") => ImportMode::Lines,
            Some("atomic") => ImportMode::Atomic,
            Some(other) => {
                let message = format!("`mode` is `{}`; it must be `lines` or `atomic`.", echo(other));
                return Err(invalid("mode", message));
            }
        };
        let told = match query.get("results") {
            None | Some("failed") => Told::Some,
            Some("allFailed") => Told::Failed,
            Some("all") => Told::All,
            Some(other) => {
                let message = format!(
                    "`results` is `{}`; it must be `failed`, `allFailed` or `all`.",
                    echo(other)
                );
                return Err(invalid("results", message));
            }
        };
        let key = idempotency_key(request.headers())?;
        let import = match &key {
            None => Uuid::now_v7(),
            Some(key) => import_id(key, user, request.path(), &query),
        };
        Ok(Self {
            format,
            terms: ImportTerms {
                mode,
                update: query.flag("update")?,
                format: format.name().to_owned(),
                total_bytes: length(request),
            },
            dry_run: query.flag("dryRun")?,
            told,
            import,
            keyed: key.is_some(),
        })
    }
}

/// The id of the import that somebody sends to a path with a key. What the query says makes no difference.
pub(super) fn import_id(key: &str, user: &str, path: &str, query: &Query<'_>) -> Uuid {
    let remembered = remembered_as(key, user, Method::POST.as_str(), path, query, b"");
    id_of_hash(&remembered.key_hash)
}

fn length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn format(request: &HttpRequest, query: &Query<'_>) -> Result<Format, ApiError> {
    let unsupported = |what: String| {
        Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            format!(
                "The body {what}; send it plain with Content-Type: text/csv or application/x-ndjson, or say \
                 ?format=csv or ?format=ndjson."
            ),
        ))
    };
    if let Some(encoding) = request.headers().get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return unsupported("is compressed (Content-Encoding)".to_owned());
    }
    if let Some(format) = Format::of_query(query)? {
        return Ok(format);
    }
    let declared = request
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("?"));
    match declared {
        None => unsupported("has no Content-Type".to_owned()),
        Some(text) => match Format::of_media_type(text) {
            Some(format) => Ok(format),
            None => unsupported(format!("has the Content-Type `{}`", echo(text))),
        },
    }
}
