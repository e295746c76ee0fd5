//! The rules of the provider's side.

mod cost;
mod forecast;
