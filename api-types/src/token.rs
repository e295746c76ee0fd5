//! Tokens: what gateway and frontend agree on.
//!
//! An access token is a JWT signed with EdDSA (Ed25519) by the frontend. An API token is opaque and starts with
//! [`API_TOKEN_PREFIX`]; only the frontend can check it, so the gateway passes it on unverified.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// First characters of every API token.
pub const API_TOKEN_PREFIX: &str = "cad_";
/// `iss` of our access tokens.
pub const ISSUER: &str = "cadastre";
/// `aud` of our access tokens.
pub const AUDIENCE: &str = "cadastre-api";

/// Claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer, always [`ISSUER`].
    pub iss: String,
    /// Audience, always [`AUDIENCE`].
    pub aud: String,
    /// User name.
    pub sub: String,
    /// The session (refresh token family) it belongs to.
    pub sid: Uuid,
    /// Id of this token.
    pub jti: Uuid,
    /// Issued at, unix seconds.
    pub iat: i64,
    /// Expires at, unix seconds.
    pub exp: i64,
}

/// Proof, inside one process, that an access token's signature and times have been checked. The gateway puts
/// it among the request's extensions; it is never made from anything a client can send.
#[derive(Clone, Debug)]
pub struct VerifiedToken(pub std::sync::Arc<Claims>);

/// The public half of a signing key as a JSON Web Key (RFC 8037, OKP).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublicJwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// The public key, base64url without padding.
    pub x: String,
    /// Key id (RFC 7638 thumbprint).
    pub kid: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub key_use: String,
    /// `EdDSA`.
    pub alg: String,
}

/// `/.well-known/jwks.json` (RFC 7517).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublicJwks {
    /// The keys that sign, or lately signed, access tokens.
    pub keys: Vec<PublicJwk>,
}

/// Source of verification keys: the frontend's key ring in the same process, or a JWKS fetched over HTTP.
pub trait VerificationKeys: Send + Sync + 'static {
    /// The key set now. Cheap: called for every token that is not remembered.
    fn current(&self) -> std::sync::Arc<PublicJwks>;
}
