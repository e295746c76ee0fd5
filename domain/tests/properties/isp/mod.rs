//! The rules of the provider's side.

mod addressing;
mod cost;
mod forecast;
