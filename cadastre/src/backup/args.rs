//! Flags of `cadastre backup`, `restore` and `copy`, and the texts that teach them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::stores::Place;
use crate::failure::Failure;
use crate::server_args::ServerArgs;

const ABOUT_BACKUP: &str = "Writes everything that is in a store into one file, while servers run.

Of a server on an embedded store (`cadastre serve`, the default) the server itself reads the backup out: give --server and \
who you are (a system administrator). All of it is of one moment, and writers are not held up. While that server is stopped, \
--data DIR reads its directory.

Of a store in Azure tables, --store reads beside the servers. Each address space is as it was at one moment of its own; one \
that is changed all the time is held for a moment (two seconds at most) when nothing else helps. What is changed meanwhile \
in another space may be in the backup or not.

The file is NDJSON, compressed if its name ends in .gz; it ends in a SHA-256 of all of it, and `restore` takes nothing else. It \
holds the hashes of passwords and tokens, so only this user may read it. Keep it as you keep passwords.

What is not in it: the signing keys (DATA/keys). Keep a copy of that directory too, or everybody has to log in again after \
a restore.";

const EXAMPLES_BACKUP: &str = "Examples:
  cadastre backup monday.ndjson.gz --password-file data/admin-password
  cadastre backup monday.ndjson.gz --server https://ipam.example --token cad_…
  cadastre backup monday.ndjson.gz --data /var/lib/cadastre       (the server is stopped)
  CADASTRE_AZURE_CONNECTION='…' cadastre backup monday.ndjson.gz --store azure-tables:cadastre
  cadastre backup - --password-file data/admin-password | zstd > monday.ndjson.zst

Exit code: 0 the backup is whole, 1 it could not be made, 2 wrong usage, 130 stopped by Ctrl-C. Unless it is 0, there is no \
file.";

const ABOUT_RESTORE: &str = "Fills an empty store from a backup.

A file is read to its end and checked before anything is written; standard input is checked while it comes. Until the last \
row is written and compared, the store is marked, and no server serves it. A restore that broke off is gone on with by \
the same command.

Only a store that holds nothing is filled. To go back to a backup, restore into a new directory (or table), try it out, and \
start the servers on that.

Everything comes back as it was but one thing: cursors, and positions in the stream of changes, of before are refused (410), \
because they may speak of what the backup does not have.";

const EXAMPLES_RESTORE: &str = "Examples:
  cadastre restore monday.ndjson.gz --data /var/lib/cadastre-new
  cp -r keys-of-monday /var/lib/cadastre-new/keys
  cadastre serve --data /var/lib/cadastre-new
  CADASTRE_AZURE_CONNECTION='…' cadastre restore monday.ndjson.gz --store azure-tables:restored
  zstdcat monday.ndjson.zst | cadastre restore - --data /var/lib/cadastre-new

Exit code: 0 everything is there and was compared, 1 it could not be done, 2 wrong usage, 130 stopped by Ctrl-C.";

const ABOUT_COPY: &str = "Copies everything from one store into another, empty one, and compares it: how a laptop's data moves to \
Azure, and back.

Stores are named as in `--store`: rocksdb:DIR and azure-tables:TABLE. An embedded store can be copied while no server has it \
open (DIR is DATA/store). A store in Azure tables can be copied beside its servers; each address space is then as it was \
at one moment. What is changed there later is not in the copy, so stop the servers before a move.

Until the last row is written and compared, the target is marked, and no server serves it. A copy that broke off is gone on \
with by the same command: what is there already is compared and not written again. The source is never changed (but for \
the short hold of an address space in Azure tables that is changed all the time).

Signing keys are not in a store: copy DATA/keys to where the new servers have theirs, or everybody has to log in again.";

const EXAMPLES_COPY: &str = "Examples:
  CADASTRE_AZURE_CONNECTION='…' cadastre copy --from rocksdb:data/store --to azure-tables:cadastre
  CADASTRE_AZURE_CONNECTION='…' cadastre copy --from azure-tables:cadastre --to rocksdb:data-back/store
  CADASTRE_FROM_CONNECTION='…' CADASTRE_TO_CONNECTION='…' \\
      cadastre copy --from azure-tables:old --to azure-tables:new

Exit code: 0 everything is there and was compared, 1 it could not be done, 2 wrong usage, 130 stopped by Ctrl-C.";

/// Which store, of those that can be opened here.
#[derive(Args, Debug)]
struct StoreArgs {
    /// Directory of a server that is stopped; its store is DIR/store
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// The store: `rocksdb:DIR` (no server has it open) or `azure-tables:TABLE`
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Connection string of the account, for a store in Azure tables; prefer the variable, flags can be read by others
    #[arg(
        long,
        value_name = "TEXT",
        env = "CADASTRE_AZURE_CONNECTION",
        hide_env_values = true
    )]
    azure_connection: Option<String>,
}

impl StoreArgs {
    fn place(&self, if_in_use: &'static str) -> Result<Option<Place>, Failure> {
        let url = match (&self.data, &self.store) {
            (Some(data), _) => format!("rocksdb:{}", data.join("store").display()),
            (None, Some(store)) => store.clone(),
            (None, None) => return Ok(None),
        };
        Place::new("--store", &url, self.azure_connection.as_deref(), if_in_use).map(Some)
    }
}

/// Arguments of `cadastre backup`.
#[derive(Args, Debug)]
#[command(about = "Write everything into one file, while servers run", long_about = ABOUT_BACKUP, after_help = EXAMPLES_BACKUP)]
pub(crate) struct BackupArgs {
    /// File to write, which must not exist yet; `-` is standard output
    pub(super) file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

impl BackupArgs {
    /// The store to be read here; `None` = a server is asked.
    pub(super) fn source(&self) -> Result<Option<Place>, Failure> {
        self.store.place(
            "to back up a server that runs, leave --data and --store away and give --server and who you are",
        )
    }
}

/// Arguments of `cadastre restore`.
#[derive(Args, Debug)]
#[command(about = "Fill an empty store from a backup", long_about = ABOUT_RESTORE, after_help = EXAMPLES_RESTORE)]
pub(crate) struct RestoreArgs {
    /// File to read; `-` is standard input
    pub(super) file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

impl RestoreArgs {
    /// The store to be filled.
    pub(super) fn target(&self) -> Result<Place, Failure> {
        if self.file == Path::new("-") && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            return Err(Failure::usage("Nothing comes from standard input; name a file."));
        }
        let place = self
            .store
            .place("a backup is restored into a new directory: name another one with --data")?;
        place.ok_or_else(|| {
            Failure::usage(
                "Say where to: --data DIR (a new directory) or --store azure-tables:TABLE (a new table).",
            )
        })
    }
}

/// Arguments of `cadastre copy`.
#[derive(Args, Debug)]
#[command(about = "Copy everything from one store into another and compare it", long_about = ABOUT_COPY, after_help = EXAMPLES_COPY)]
pub(crate) struct CopyArgs {
    /// The store to read
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The store to fill; it must be empty, or hold a part of this copy
    #[arg(long, value_name = "STORE")]
    to: String,
    /// Connection string for --from, if it is not the same as for --to; prefer the variable
    #[arg(
        long,
        value_name = "TEXT",
        env = "CADASTRE_FROM_CONNECTION",
        hide_env_values = true
    )]
    from_connection: Option<String>,
    /// Connection string for --to, if it is not the same as for --from; prefer the variable
    #[arg(
        long,
        value_name = "TEXT",
        env = "CADASTRE_TO_CONNECTION",
        hide_env_values = true
    )]
    to_connection: Option<String>,
    /// Connection string for both; prefer the variable
    #[arg(
        long,
        value_name = "TEXT",
        env = "CADASTRE_AZURE_CONNECTION",
        hide_env_values = true
    )]
    azure_connection: Option<String>,
}

impl CopyArgs {
    /// From where, and to where.
    pub(super) fn stores(&self) -> Result<(Place, Place), Failure> {
        let both = self.azure_connection.as_deref();
        let from = Place::new(
            "--from",
            &self.from,
            self.from_connection.as_deref().or(both),
            "stop that one first, or let its server write a backup (cadastre backup FILE --server URL) and restore that",
        )?;
        let to = Place::new(
            "--to",
            &self.to,
            self.to_connection.as_deref().or(both),
            "a copy is made into a new directory: name another one with --to",
        )?;
        if from.is(&to) {
            return Err(Failure::usage(
                "--from and --to are the same store; name another one with --to.",
            ));
        }
        Ok((from, to))
    }
}
