//! Reads RocksDB's write-ahead logs before RocksDB does, to tell a torn tail from damage.
//!
//! A power cut may tear the last record of the newest log, which nobody was told about: that must not keep
//! the store from opening. Anything else that is wrong with a log is the loss of something acknowledged: that
//! must not pass. RocksDB's recovery modes, tried byte by byte on a small log, do neither:
//! `TolerateCorruptedTailRecords` refuses a tail with a hole (the pages of one record reach the disk in any
//! order), and takes a damaged *length* or a zeroed header in the last 32 KiB for the end of the log, silently
//! dropping all that follows; `PointInTime` drops all that follows any damage; `AbsoluteConsistency` refuses
//! every torn tail. So the tail is judged here, a torn one is cut off, and RocksDB then opens with
//! `AbsoluteConsistency`.
//!
//! What makes the judgement possible: there is one commit thread, and it writes a record only after the
//! record before it is synced, so whatever is followed by the beginning of another record was acknowledged.
//! A log cut exactly between two records (a file system that lost a synced length) cannot be told from one
//! that never was longer.
//!
//! The format: blocks of 32 KiB; in each, fragments of checksum (CRC-32C of type and content, masked), length
//! (2 bytes), type (1 byte), content; less than 7 bytes left in a block are filled up. All little-endian.

use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::{corrupt, unavailable};
use crate::error::StoreError;

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;
/// Least that a disk writes at once, and so the least that can be missing from a torn record.
const SECTOR: usize = 512;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// Checks all logs in `dir` and cuts the torn tail of the newest off. Nobody else may have the store open.
pub(super) fn check_logs(dir: &Path) -> Result<(), StoreError> {
    let failed = |path: &Path, error: io::Error| {
        unavailable(
            format!("checking the log {}: {error}", path.display()),
            Some(error.into()),
        )
    };
    let logs = logs(dir).map_err(|error| failed(dir, error))?;
    for (n, log) in logs.iter().enumerate() {
        let bytes = fs::read(log).map_err(|error| failed(log, error))?;
        let newest = n + 1 == logs.len();
        match examine(&bytes) {
            Tail::Whole => {}
            Tail::Torn { at } if newest => {
                let lost = bytes.len() - at;
                tracing::warn!(log = %log.display(), at, bytes = lost, "cutting a torn, unacknowledged write off");
                cut(log, at).map_err(|error| failed(log, error))?;
            }
            Tail::Torn { at } | Tail::Damaged { at } => {
                let log = log.display();
                return Err(corrupt(
                    format!("the log {log} is damaged at byte {at}; restore a backup"),
                    None,
                ));
            }
        }
    }
    Ok(())
}

/// Paths of the logs, oldest first.
fn logs(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|ext| ext == "log")) {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

fn cut(log: &Path, at: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(log)?;
    file.set_len(at as u64)?;
    file.sync_all()
}

/// What the end of a log looks like.
#[derive(Debug, PartialEq, Eq)]
enum Tail {
    /// It ends with a complete record.
    Whole,
    /// The last record, from this byte on, was never completely written.
    Torn { at: usize },
    /// Something that was completely written is not any more.
    Damaged { at: usize },
}

/// Fragment at `at`, if there is a sound one: its type and where it ends.
fn fragment(log: &[u8], at: usize) -> Option<(u8, usize)> {
    let header = log.get(at..at + HEADER)?;
    let kind = header[6];
    let end = at + HEADER + usize::from(u16::from_le_bytes([header[4], header[5]]));
    let fits = end <= log.len() && end <= block_end(at);
    (kind != 0 && fits && checksum_matches(log, at, end)).then_some((kind, end))
}

fn block_end(at: usize) -> usize {
    (at / BLOCK + 1) * BLOCK
}

/// Whether the checksum at `at` is that of a fragment that ends at `end`.
fn checksum_matches(log: &[u8], at: usize, end: usize) -> bool {
    let stored = u32::from_le_bytes([log[at], log[at + 1], log[at + 2], log[at + 3]]);
    // RocksDB stores checksums masked, because checksums of data with checksums in it are weak.
    let masked = crc32c::crc32c(&log[at + 6..end])
        .rotate_right(15)
        .wrapping_add(0xa282_ead8);
    stored == masked
}

fn examine(log: &[u8]) -> Tail {
    let mut at = 0;
    // Where the record began whose last fragment has not come yet.
    let mut open: Option<usize> = None;
    while at < log.len() {
        if block_end(at) - at < HEADER {
            at = block_end(at);
            continue;
        }
        let Some((kind, end)) = fragment(log, at) else {
            return judge(log, at, open.unwrap_or(at));
        };
        open = match (kind, open) {
            (FIRST, None) => Some(at),
            (MIDDLE, Some(start)) => Some(start),
            (LAST, Some(_)) => None,
            // A record within a record, or the end of one that never began: fragments in between are gone.
            (FIRST | FULL, Some(_)) | (MIDDLE | LAST, None) => return Tail::Damaged { at },
            // Whole records, and RocksDB's own notes.
            (_, open) => open,
        };
        at = end;
    }
    open.map_or(Tail::Whole, |at| Tail::Torn { at })
}

/// There is no sound fragment at `bad`, in the record that began at `start`.
fn judge(log: &[u8], bad: usize, start: usize) -> Tail {
    let (torn, damaged) = (Tail::Torn { at: start }, Tail::Damaged { at: bad });
    let rest = &log[bad..];
    if rest.iter().all(|&byte| byte == 0) {
        return torn;
    }
    // Lengths may be what is damaged, so the beginning of a later record is looked for at every byte. The type
    // is looked at first: text has no such bytes, so hardly a checksum is ever calculated in vain.
    let begins = |at: usize| matches!(log.get(at + 6), Some(&(FULL | FIRST))) && fragment(log, at).is_some();
    let later = (bad + 1..log.len()).any(begins);
    if later {
        return damaged;
    }
    if rest.len() < HEADER {
        return torn;
    }
    let length = usize::from(u16::from_le_bytes([rest[4], rest[5]]));
    let end = bad + HEADER + length;
    if end > log.len() && end <= block_end(bad) {
        // The file ends before the record does. If the checksum fits to what is there, it is the length that
        // is wrong, and the record was whole.
        return if checksum_matches(log, bad, log.len()) {
            damaged
        } else {
            torn
        };
    }
    if sectors(bad..log.len())
        .any(|sector| sector.len() >= HEADER && log[sector].iter().all(|&byte| byte == 0))
    {
        torn
    } else {
        damaged
    }
}

/// The range in pieces that end at the borders of sectors.
fn sectors(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let end = ((at / SECTOR + 1) * SECTOR).min(range.end);
        let piece = at..end;
        at = end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of records of these sizes, as RocksDB writes it, and where each begins.
    fn log_of(sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let (mut log, mut starts) = (Vec::new(), Vec::new());
        for (n, &size) in sizes.iter().enumerate() {
            let content: Vec<u8> = (0..size).map(|at| b'a' + ((at * 7 + n) % 23) as u8).collect();
            let (mut rest, mut first) = (content.as_slice(), true);
            starts.push(log.len());
            loop {
                let left = block_end(log.len()) - log.len();
                if left < HEADER {
                    log.resize(log.len() + left, 0);
                    if first {
                        starts.pop();
                        starts.push(log.len());
                    }
                    continue;
                }
                let (piece, after) = rest.split_at(rest.len().min(left - HEADER));
                let kind = match (first, after.is_empty()) {
                    (true, true) => FULL,
                    (true, false) => FIRST,
                    (false, false) => MIDDLE,
                    (false, true) => LAST,
                };
                let summed = [&[kind], piece].concat();
                let masked = crc32c::crc32c(&summed).rotate_right(15).wrapping_add(0xa282_ead8);
                log.extend_from_slice(&masked.to_le_bytes());
                log.extend_from_slice(
                    &u16::try_from(piece.len())
                        .expect("a block is smaller")
                        .to_le_bytes(),
                );
                log.extend_from_slice(&summed);
                (rest, first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        (log, starts)
    }

    #[test]
    fn whole_logs_are_whole() {
        for sizes in [
            &[][..],
            &[20],
            &[20, 300, 20],
            &[40_000, 20, 100_000],
            &[32_754, 20],
            &[32_761 - 12, 99],
        ] {
            assert_eq!(examine(&log_of(sizes).0), Tail::Whole, "{sizes:?}");
        }
    }

    #[test]
    fn a_log_that_ends_anywhere_in_its_last_record_is_torn_there() {
        let (log, starts) = log_of(&[100, 50_000, 40_000]);
        for end in (starts[2] + 1..log.len()).step_by(13) {
            assert_eq!(examine(&log[..end]), Tail::Torn { at: starts[2] }, "cut at {end}");
        }
        assert_eq!(examine(&log[..starts[2]]), Tail::Whole);
    }

    #[test]
    fn a_missing_sector_in_the_last_record_is_a_tear_and_elsewhere_damage() {
        let (log, starts) = log_of(&[3_000, 50_000, 40_000]);
        for sector in sectors(0..log.len()) {
            let mut holed = log.clone();
            holed[sector.clone()].fill(0);
            let found = examine(&holed);
            if sector.start > starts[2] && sector.end - sector.start >= HEADER {
                assert_eq!(found, Tail::Torn { at: starts[2] }, "{sector:?}");
            } else if sector.end <= starts[2] {
                assert!(matches!(found, Tail::Damaged { .. }), "{sector:?}: {found:?}");
            }
        }
    }

    #[test]
    fn zeros_behind_the_last_record_are_a_tear() {
        let (log, _) = log_of(&[100, 200]);
        assert_eq!(
            examine(&[log.as_slice(), &[0; 5000]].concat()),
            Tail::Torn { at: log.len() }
        );
    }

    #[test]
    fn a_flipped_bit_is_damage_wherever_it_is() {
        let (log, starts) = log_of(&[60, 70, 33_000, 60, 50]);
        for at in (0..log.len()).filter(|at| *at < 400 || *at > starts[3] - 200) {
            for bit in 0..8 {
                let mut flipped = log.clone();
                flipped[at] ^= 1 << bit;
                let found = examine(&flipped);
                assert!(
                    matches!(found, Tail::Damaged { .. }),
                    "byte {at} bit {bit}: {found:?}"
                );
            }
        }
    }
}
