//! Logging in, staying in, logging out; API tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST /auth/login`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    /// User name (case does not matter).
    #[schema(example = "admin")]
    pub username: String,
    /// Password.
    #[schema(format = Password)]
    pub password: String,
}

/// Answer of login and refresh.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    /// JWT for the `Authorization: Bearer` header.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Gives a new pair once; using it twice ends the session.
    pub refresh_token: String,
}

/// Body of `POST /auth/refresh` and `POST /auth/logout`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: String,
}

/// Body of `POST /auth/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiTokenCreate {
    /// What it is for, 1 to 128 characters, unique among the caller's tokens.
    #[schema(example = "ci-import", min_length = 1, max_length = 128)]
    pub name: String,
    /// When it stops working; absent = in 90 days; at most 2 years ahead.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_on: Option<Timestamp>,
}

/// An API token as it is listed (never the token itself).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_on: Timestamp,
}

/// Answer of `POST /auth/tokens`: the only time the token is shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiTokenCreated {
    /// The token for the `Authorization: Bearer` header. Store it now: it is not shown again.
    pub token: String,
    /// What is known about it.
    #[serde(flatten)]
    pub info: ApiToken,
}
