//! Tokens at the door: what was presented ([`presented`]), whether its signature holds ([`verifier`]), where the
//! keys come from when the gateway runs alone ([`jwks`]), and what guessing costs ([`suspicion`]).

mod jwks;
mod presented;
mod suspicion;
mod verifier;

pub use jwks::JwksOverHttp;
pub(crate) use presented::{Presented, presented};
pub(crate) use suspicion::{BadTokens, KnownApiTokens};
pub(crate) use verifier::{Refusal, Verified, Verifier};
