//! Imports: `POST …/ips/import`, and the jobs that say how far they are.

pub(crate) mod jobs;
mod results;
pub(crate) mod run;
mod source;
pub(crate) mod terms;

pub(crate) use jobs::*;
pub(crate) use run::*;
