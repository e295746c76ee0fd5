//! The documentation that the server carries with it: the OpenAPI document, and Swagger UI from files compiled
//! into the binary. Nothing is fetched from elsewhere, so it works in networks without a way out.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use cadastre_api_types::{ApiError, ErrorCode};
use utoipa_swagger_ui::Config;

use crate::http::error::HttpError;

/// The document as it is sent: written once, when it is first asked for.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| match crate::openapi::openapi().to_json() {
    Ok(json) => Bytes::from(json),
    Err(error) => {
        tracing::error!(%error, "the OpenAPI document cannot be written as JSON");
        Bytes::from_static(b"{}")
    }
});

static SWAGGER: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Without a validator URL of its own, Swagger UI would ask one on the internet.
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .deep_linking(true)
        .display_request_duration(true);
    Arc::new(config)
});

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "Service",
    responses((status = 200, description = "The OpenAPI 3.1 description of this API.", body = Object)),
)]
pub(crate) async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache")))
        .body(DOCUMENT.clone())
}

/// Swagger UI.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "getDocs",
    tag = "Service",
    responses((status = 200, description = "A page to read and try this API.", body = String, content_type = "text/html")),
)]
pub(crate) async fn index() -> Result<HttpResponse, HttpError> {
    serve("index.html")
}

/// Swagger UI.
#[utoipa::path(
    get,
    path = "/docs/",
    operation_id = "getDocsWithSlash",
    tag = "Service",
    responses((status = 200, description = "The same as `/docs`.", body = String, content_type = "text/html")),
)]
pub(crate) async fn index_with_slash() -> Result<HttpResponse, HttpError> {
    serve("index.html")
}

/// A part of Swagger UI: script, style or icon.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "getDocsFile",
    tag = "Service",
    params(("file" = String, Path, description = "Name of the file.", example = "swagger-ui.css")),
    responses((status = 200, description = "The file.", body = String, content_type = "text/*")),
)]
pub(crate) async fn file(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    serve(request.match_info().get("file").unwrap_or_default())
}

fn serve(name: &str) -> Result<HttpResponse, HttpError> {
    let found = utoipa_swagger_ui::serve(name, SWAGGER.clone()).map_err(|error| {
        tracing::error!(%error, name, "a file of Swagger UI cannot be served");
        ApiError::new(
            ErrorCode::Internal,
            "A fault of the server. Its log has more under the correlation id.",
        )
    })?;
    let Some(found) = found else {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "The documentation has no such file; begin at /docs.",
        )
        .into());
    };
    let bytes = if name == "index.html" {
        // Its links are relative to a directory; the page itself is also served as `/docs`.
        let page = String::from_utf8_lossy(&found.bytes);
        Bytes::from(
            page.replace("\"./", "\"/docs/")
                .replace("\"index.css\"", "\"/docs/index.css\""),
        )
    } else {
        Bytes::from(found.bytes.into_owned())
    };
    Ok(HttpResponse::Ok().content_type(found.content_type).body(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::body::to_bytes;

    async fn text(response: HttpResponse) -> String {
        String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn the_page_needs_nothing_from_elsewhere() {
        let page = text(serve("index.html").unwrap()).await;
        let links: Vec<&str> = page
            .split(['"'])
            .filter(|part| part.ends_with(".js") || part.ends_with(".css"))
            .collect();
        assert_eq!(links.len(), 5, "{page}");
        for link in links {
            let name = link.strip_prefix("/docs/").unwrap();
            assert!(serve(name).is_ok(), "{link}");
        }
        assert!(!page.contains("http"), "{page}");
        let start = text(serve("swagger-initializer.js").unwrap()).await;
        assert!(
            start.contains("/openapi.json") && !start.contains("petstore"),
            "{start}"
        );
        assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_404() {
        for name in ["", "/", "nothing.js", "../Cargo.toml", "%2e%2e"] {
            let outcome = serve(name);
            if !name.trim_matches('/').is_empty() {
                assert_eq!(outcome.unwrap_err().0.code, ErrorCode::NotFound, "{name}");
            }
        }
    }
}
