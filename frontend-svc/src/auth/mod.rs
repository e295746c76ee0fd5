//! Who calls, and how they prove it: passwords, sessions with access and refresh tokens, API tokens.

pub(crate) mod access_token;
pub(crate) mod api_token;
mod argon;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod opaque;
pub(crate) mod password;
pub(crate) mod password_rules;
pub(crate) mod principal;
pub(crate) mod session;
pub(crate) mod throttle;
