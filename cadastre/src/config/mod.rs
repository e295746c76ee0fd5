//! Configuration: every setting is described once, in [`table`]; flags, environment variables, the keys of a
//! configuration file, the help texts and the default file are all made from that description.
//!
//! Precedence: flag, then `CADASTRE_*` environment variable, then `--config FILE`, then default.

mod effective;
mod file;
mod kind;
mod print;
mod role;
mod setting;
pub(crate) mod table;
pub(crate) mod units;
mod variables;

pub(crate) use effective::{Effective, Given};
pub(crate) use file::{File, read as read_file};
pub(crate) use kind::Kind;
pub(crate) use print::{default_file, effective as print_effective};
pub(crate) use role::Role;
pub(crate) use setting::Setting;
pub(crate) use variables::unknown as unknown_variables;
