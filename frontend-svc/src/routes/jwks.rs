//! The public halves of the signing keys, for the gateway and for whoever else verifies access tokens.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use cadastre_api_types::token::{PublicJwks, VerificationKeys};

use crate::http::error::HttpError;
use crate::http::reply;
use crate::state::FrontendState;

/// Verification keys
///
/// The JSON Web Key Set (RFC 7517, RFC 8037) that access tokens are verified with. Ask again when a token names
/// a key that is not in it.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "getJwks",
    tag = "Authentication",
    responses((status = 200, description = "The keys.", body = PublicJwks, example = json!({
        "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "use": "sig", "alg": "EdDSA"}]
    }))),
)]
pub(crate) async fn get(state: web::Data<FrontendState>) -> Result<HttpResponse, HttpError> {
    let mut answer = reply::json(&*state.tokens.ring().current())?;
    let headers = answer.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        actix_web::http::header::HeaderValue::from_static("public, max-age=300"),
    );
    Ok(answer)
}
