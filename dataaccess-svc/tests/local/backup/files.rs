//! Backups that are not what they were, or never were one, are refused, and nothing is left that a server would serve.

use std::sync::Arc;

use cadastre_api_types::internal::DataAccess as _;
use cadastre_dataaccess::{CutOptions, DataAccessConfig, LocalDataAccess, OpenError, TransferError, check};
use cadastre_storage::{MemoryStore, Store};

use super::{back_up, raw, restore};
use crate::support::*;

async fn some_backup() -> Vec<u8> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "kept").await;
    for number in 0..20 {
        run(
            access.as_ref(),
            space,
            create(&format!("10.{number}.0.0/16"), &[]),
        )
        .await
        .unwrap();
    }
    access.ready(&context(), ()).await.unwrap();
    back_up(store, CutOptions::default()).await.unwrap()
}

async fn nothing_can_be_served(target: Arc<dyn Store>) {
    let refused = LocalDataAccess::open(target, DataAccessConfig::default()).await;
    assert!(matches!(refused, Err(OpenError::NotWhole { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_whole_backup_says_what_is_in_it() {
    let backup = some_backup().await;
    let checked = check(&backup[..]).unwrap();
    let lines = backup
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{\"p\":"));
    assert_eq!((checked.partitions, checked.rows), (2, lines.count() as u64));
    assert_eq!(checked.header.source, "a test");
}

#[tokio::test]
async fn a_backup_that_is_cut_off_anywhere_is_refused() {
    let backup = some_backup().await;
    let lines: Vec<usize> = (0..backup.len())
        .filter(|at| backup[*at] == b'\n')
        .map(|at| at + 1)
        .collect();
    for end in lines[..lines.len() - 1]
        .iter()
        .copied()
        .chain([backup.len() - 1, backup.len() / 2, 200])
    {
        assert!(check(&backup[..end]).is_err(), "cut off behind {end} bytes");
    }
    assert!(matches!(
        check(&backup[..lines[3]]),
        Err(TransferError::CutOff(4))
    ));
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let refused = restore(&backup[..lines[10]], Arc::clone(&target))
        .await
        .unwrap_err();
    assert!(matches!(refused, TransferError::CutOff(11)), "{refused}");
    nothing_can_be_served(target).await;
}

#[tokio::test]
async fn a_backup_with_any_byte_altered_is_refused() {
    let backup = some_backup().await;
    let mut at = 0;
    while at < backup.len() {
        let mut altered = backup.clone();
        altered[at] ^= 1;
        assert!(check(&altered[..]).is_err(), "byte {at}");
        at += 37;
    }
    // Lines taken away, twice, and in another order.
    let lines: Vec<&[u8]> = backup.split_inclusive(|byte| *byte == b'\n').collect();
    let [mut fewer, mut twice, mut swapped] = [lines.clone(), lines.clone(), lines];
    fewer.remove(5);
    twice.insert(5, twice[5]);
    swapped.swap(5, 6);
    for lines in [fewer, twice, swapped] {
        assert!(check(&lines.concat()[..]).is_err());
    }
    let more = [&backup[..], b"{}\n"].concat();
    assert!(matches!(check(&more[..]), Err(TransferError::Altered { .. })));
}

/// Compressed data that is damaged behind some bytes.
struct Damaged<'a>(&'a [u8], std::io::ErrorKind);

impl std::io::Read for Damaged<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match std::io::Read::read(&mut self.0, into)? {
            0 => Err(self.1.into()),
            read => Ok(read),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_decompressed_is_damaged_wherever_it_is() {
    use std::io::ErrorKind::{InvalidInput, UnexpectedEof};
    let backup = some_backup().await;
    // In the first line, in the middle, and in what follows the last line.
    for end in [0, backup.len() / 2, backup.len()] {
        let refused = |kind| check(std::io::BufReader::new(Damaged(&backup[..end], kind))).unwrap_err();
        let (damaged, cut_off) = (refused(InvalidInput), refused(UnexpectedEof));
        assert!(
            damaged
                .to_string()
                .contains("altered or damaged (its compression"),
            "{damaged}"
        );
        assert!(matches!(cut_off, TransferError::CutOff(_)), "{cut_off}");
    }
}

#[tokio::test]
async fn what_is_no_backup_or_of_a_newer_version_leaves_nothing_behind() {
    let backup = some_backup().await;
    let text = String::from_utf8(backup).unwrap();
    let newer = text.replacen("\"cadastreBackup\":1", "\"cadastreBackup\":2", 1);
    let newer_table = text.replacen("\"tableFormat\":1", "\"tableFormat\":7", 1);
    for (file, said) in [
        ("", "not a backup of Cadastre"),
        ("\x1f\u{8b}binary", "not a backup of Cadastre"),
        ("prefix,description\n10.0.0.0/8,x\n", "not a backup of Cadastre"),
        ("{\"prefix\":\"10.0.0.0/8\"}\n", "not a backup of Cadastre"),
        (newer.as_str(), "has format 2, and this version of Cadastre"),
        (newer_table.as_str(), "of a table of format 7"),
    ] {
        let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let refused = restore(file.as_bytes(), Arc::clone(&target))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(said), "{refused}");
        assert!(raw(&*target).await.is_empty());
    }
}
