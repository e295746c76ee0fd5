//! Opening a directory: whose it is, which format it has, and the settings that make RocksDB keep its word.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRecoveryMode, LogLevel, Options,
};

use super::error::{corrupt, is_lock_held, of_read, unavailable};
use super::log_check::check_logs;
use crate::error::StoreError;
use crate::options::RocksOptions;

/// The one column family. Opened by name, because only then the batched `multi_get` can be told about it.
pub(super) const ROWS: &str = "default";

const FORMAT_FILE: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const FORMAT: &str = "cadastre-store 1\n";

/// Takes the directory for this process, and makes it if it is not there. It is ours until the answer is
/// dropped, or the process dies.
pub(super) fn lock(dir: &Path) -> Result<fs::File, StoreError> {
    fs::create_dir_all(dir).map_err(|error| io_error(dir, error))?;
    let lock = fs::File::open(dir).map_err(|error| io_error(dir, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(in_use(dir)),
        // Some network file systems cannot lock a directory. RocksDB locks a file of its own, too.
        Err(fs::TryLockError::Error(error)) => {
            tracing::warn!(dir = %dir.display(), %error, "the directory cannot be locked");
            Ok(lock)
        }
    }
}

fn in_use(dir: &Path) -> StoreError {
    StoreError::InUse {
        reason: format!("{} is in use by another cadastre process", dir.display()),
    }
}

/// Opens (or makes) the store in `dir`, which this process has locked and has not open already.
pub(super) fn open(dir: &Path, options: &RocksOptions) -> Result<DB, StoreError> {
    claim(dir)?;
    check_logs(dir)?;
    let (tables, logs) = (has(dir, "sst")?, has(dir, "log")?);
    // RocksDB makes a log before it makes tables, and a new log before it removes the old.
    if tables && !logs {
        return Err(corrupt(
            format!("{} has tables, but its log is missing", dir.display()),
            None,
        ));
    }
    let mut db_options = db_options(options);
    // If RocksDB's own root file is lost while data is there, making a new database on top would bury it.
    db_options.create_if_missing(!tables && !logs);
    let rows = ColumnFamilyDescriptor::new(ROWS, db_options.clone());
    DB::open_cf_descriptors(&db_options, dir, [rows]).map_err(|error| {
        if is_lock_held(&error) {
            in_use(dir)
        } else {
            of_read(&format!("opening {}", dir.display()), error)
        }
    })
}

fn io_error(dir: &Path, error: io::Error) -> StoreError {
    unavailable(format!("opening {}: {error}", dir.display()), Some(error.into()))
}

/// Makes the directory ours if it is empty, and refuses one that is somebody else's or from a format that
/// this version does not know.
fn claim(dir: &Path) -> Result<(), StoreError> {
    let refused = |reason| Err(StoreError::Invalid { reason });
    match fs::read(dir.join(FORMAT_FILE)) {
        Ok(found) if found == FORMAT.as_bytes() => return Ok(()),
        Ok(found) => {
            let found = String::from_utf8_lossy(&found);
            return refused(format!(
                "{} has format {:?} and this version reads {:?}; run the version of cadastre that wrote it, or \
                 give another --data directory",
                dir.display(),
                found.trim_end().chars().take(60).collect::<String>(),
                FORMAT.trim_end()
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error(dir, error)),
    }
    make_format_file(dir).map_err(|error| io_error(dir, error)).and_then(|ours| {
        if ours {
            return Ok(());
        }
        refused(format!(
            "{} holds files, but no {FORMAT_FILE} file of a Cadastre store; give an empty or a new --data directory",
            dir.display()
        ))
    })
}

/// False if something else is in the directory. A crash at any point leaves what a second call accepts.
fn make_format_file(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if ![FORMAT_NEW, "lost+found"]
            .iter()
            .any(|harmless| name == *harmless)
        {
            return Ok(false);
        }
    }
    let mut file = fs::File::create(dir.join(FORMAT_NEW))?;
    file.write_all(FORMAT.as_bytes())?;
    file.sync_all()?;
    fs::rename(dir.join(FORMAT_NEW), dir.join(FORMAT_FILE))?;
    fs::File::open(dir)?.sync_all()?;
    // The directory itself is an entry of its parent, which has to survive, too.
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(true)
}

/// Whether there is a file with this extension.
fn has(dir: &Path, extension: &str) -> Result<bool, StoreError> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| io_error(dir, error))?;
    Ok(entries
        .iter()
        .any(|entry| entry.path().extension().is_some_and(|found| found == extension)))
}

fn db_options(options: &RocksOptions) -> Options {
    let mut o = Options::default();

    // Durability. Every group is synced before it is acknowledged. A torn tail has been cut off by now (see
    // `log_check`, which has the reasons), so whatever else is wrong with a log is damage.
    o.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    // Closed logs are listed with their sizes, so a lost or a cut one is found.
    o.set_track_and_verify_wals_in_manifest(true);
    o.set_paranoid_checks(true);

    // Memory: the cache holds index and filter blocks, too, so that it bounds all there is besides the write
    // buffers.
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(options.block_cache_bytes));
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // In small parts under a small top: one block for a whole file would be larger than a shard of the cache, and
    // would be read and decompressed again for every row.
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_metadata_block_size(4 << 10);
    table.set_pin_top_level_index_and_filter(true);
    // Most point reads are of rows that may not exist (supernets, index rows): 10 bits say no in 99 of 100.
    table.set_bloom_filter(10.0, false);
    o.set_block_based_table_factory(&table);
    o.set_write_buffer_size(options.write_buffer_bytes);
    o.set_max_write_buffer_number(3);
    o.set_max_total_wal_size(3 * options.write_buffer_bytes as u64);

    // Disk: names and keys repeat a lot; LZ4 costs next to nothing to read. What was just flushed is written again
    // soon, so it is not compressed twice.
    o.set_compression_type(DBCompressionType::Lz4);
    let mut levels = [DBCompressionType::Lz4; 7];
    levels[0] = DBCompressionType::None;
    o.set_compression_per_level(&levels);
    // Tables are merged into those below them eight at a time: half the work of the usual four, for a filter or two more
    // that a read looks into.
    o.set_level_zero_file_num_compaction_trigger(8);
    // Flushes and compactions write in small steps, or a commit's sync waits behind all of their pages.
    o.set_bytes_per_sync(1 << 20);

    // A fresh machine allows 1,024 open files per process, and connections need theirs.
    o.set_max_open_files(512);
    // RocksDB's own log is for its developers: what matters comes back as errors.
    o.set_log_level(LogLevel::Warn);
    o.set_max_log_file_size(4 << 20);
    o.set_keep_log_file_num(3);
    o
}
