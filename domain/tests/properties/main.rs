//! Properties of the rules, each against a naive model that is written from the rule's own words and
//! shares no code with what it checks. Generators are dense (few addresses, few tags, few values),
//! so that cases meet each other often.
#![allow(clippy::unwrap_used)]

mod filters;
mod free_space;
mod generators;
mod hierarchy;
mod isp;
mod naive;
mod prefixes;
mod removal;
mod resolution;
mod roles;
mod sessions;
mod vocabulary;
