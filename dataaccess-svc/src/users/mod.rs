//! Accounts: one partition per user, so that logins do not queue on one row.

mod change;
mod read;
mod store;

pub(crate) use store::Users;
