//! What an operator meets: starting, refusing to start, stopping, settings, limits, lists, logs, metrics, and the
//! command line client.

mod azure;
mod backup;
mod cache;
mod copy;
mod import;
mod import_course;
mod lifecycle;
mod limits;
mod observability;
mod settings;
