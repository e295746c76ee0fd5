//! Flags of `cadastre import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const ABOUT: &str = "Sends the prefixes of a file to a running server, one by one and many at a time.

A CSV file has a header: `prefix`, `description` and any number of `tag:NAME` columns; an empty cell sets \
nothing. Semicolons or tabs may separate the columns instead of commas. An NDJSON file has one object a line: \
{\"prefix\": \"10.0.0.0/8\", \"description\": \"…\", \"tags\": {\"Site\": \"AMS1\"}}. Lines may come in any \
order: the server finds parents itself. Each prefix may be there once; a later line that says something else \
about it fails.

Every line ends as created, unchanged (the prefix exists with the same tags and description), updated (with \
--update) or failed; a bad line never stops a good one. Stopping is safe: run it again, and what is there \
already counts as unchanged.

--errors writes the lines that failed as NDJSON: the record, its `line`, and an `error` with code and message. \
Correct that file and import it (with another --errors): `line` and `error` are read over. A line that could \
not be read is there without its prefix, and fails again until it has one.";

const EXAMPLES: &str = "Examples:
  cadastre import prefixes.csv --space Lab --create-space --password-file data/admin-password
  cadastre import prefixes.csv --space AWS --create-space --tags tags.json --errors failed.ndjson
  zcat plan.ndjson.gz | cadastre import - --format ndjson --space Corp --token cad_…
  cadastre import prefixes.csv --space Lab --update --dry-run

Exit code: 0 every line is there, 1 the import could not be done, 2 wrong usage, 3 some lines failed, \
130 stopped by Ctrl-C.";

/// Arguments of `cadastre import`.
#[derive(Args, Debug)]
#[command(about = "Import prefixes from a CSV or NDJSON file into a running server", long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// File to read; `-` is standard input
    pub(super) file: PathBuf,
    /// Name of the address space, in capitals or not
    #[arg(long, value_name = "NAME", env = "CADASTRE_SPACE")]
    pub(super) space: String,
    /// Make the address space if there is none of that name
    #[arg(long, env = "CADASTRE_CREATE_SPACE")]
    pub(super) create_space: bool,
    /// Format of the file [default: by its extension]
    #[arg(long, value_enum, env = "CADASTRE_FORMAT")]
    pub(super) format: Option<Format>,
    /// Tag definitions to create or update first: a JSON array of the bodies of `POST …/tags`, in any order
    #[arg(long, value_name = "FILE", env = "CADASTRE_TAGS")]
    pub(super) tags: Option<PathBuf>,
    /// Change prefixes that exist with other tags or another description (tags are replaced as a whole)
    #[arg(long, env = "CADASTRE_UPDATE")]
    pub(super) update: bool,
    /// Say what would happen, each line checked by itself; change nothing
    #[arg(long, env = "CADASTRE_DRY_RUN")]
    pub(super) dry_run: bool,
    /// Write the lines that failed to this file, as NDJSON that can be corrected and imported
    #[arg(long, value_name = "FILE", env = "CADASTRE_ERRORS")]
    pub(super) errors: Option<PathBuf>,
    /// URL of the server
    #[arg(
        long,
        value_name = "URL",
        env = "CADASTRE_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(super) server: String,
    /// User to log in as
    #[arg(long, value_name = "NAME", env = "CADASTRE_USER", default_value = "admin")]
    pub(super) user: String,
    /// Password of the user; prefer --password-file or the variable, flags can be read by others
    #[arg(
        long,
        env = "CADASTRE_PASSWORD",
        hide_env_values = true,
        conflicts_with = "token"
    )]
    pub(super) password: Option<String>,
    /// File with the password of the user, for example DATA/admin-password
    #[arg(long, value_name = "FILE", env = "CADASTRE_PASSWORD_FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// API token or access token, instead of a password
    #[arg(long, env = "CADASTRE_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE", env = "CADASTRE_CA")]
    pub(super) ca: Option<PathBuf>,
    /// Requests at the same time
    #[arg(long, value_name = "N", env = "CADASTRE_CONCURRENCY", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(super) concurrency: u16,
}

/// Format of an import file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A header and one line per prefix.
    Csv,
    /// One JSON object per line.
    Ndjson,
}
