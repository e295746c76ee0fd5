//! Decides a group of commits one after the other, each on the effects of those before it, and gathers what
//! they write into one batch.

use std::collections::HashMap;

use rocksdb::{DB, DBPinnableSlice, ReadOptions, WriteBatch};

use super::codec::{RawEtag, raw_etag};
use super::error::{of_read, unavailable};
use super::open::ROWS;
use super::queue::{Job, Must, Planned};
use crate::error::StoreError;

/// What a group comes to.
pub(super) struct Decision {
    /// All writes of the accepted commits.
    pub(super) batch: WriteBatch,
    /// Rows in the batch.
    pub(super) rows: usize,
    /// One verdict per commit, in order.
    pub(super) verdicts: Vec<Verdict>,
}

pub(super) enum Verdict {
    Accepted,
    /// Refused because of what is durable: true whatever becomes of the group.
    Refused(StoreError),
    /// Refused because of an earlier commit of the group: true only once the group is durable.
    RefusedByGroup(StoreError),
}

/// Versions of rows, `None` = no such row.
type Versions<'j> = HashMap<&'j [u8], Result<Option<RawEtag>, StoreError>>;

pub(super) fn decide(db: &DB, jobs: &[Job]) -> Decision {
    let stored = stored_versions(db, jobs);
    let mut overlay: HashMap<&[u8], Option<RawEtag>> = HashMap::new();
    let mut decision = Decision {
        batch: WriteBatch::default(),
        rows: 0,
        verdicts: Vec::with_capacity(jobs.len()),
    };
    for (at, job) in jobs.iter().enumerate() {
        let is_last = at + 1 == jobs.len();
        let refusal = job
            .writes
            .iter()
            .find_map(|write| refusal(write, &overlay, &stored));
        decision.verdicts.push(refusal.unwrap_or_else(|| {
            for write in &job.writes {
                match &write.value {
                    Some(value) => decision.batch.put(&write.key, value),
                    None => decision.batch.delete(&write.key),
                }
                if !is_last {
                    overlay.insert(&write.key, write.new_etag());
                }
            }
            decision.rows += job.writes.len();
            Verdict::Accepted
        }));
    }
    decision
}

/// Reads the versions of all rows that have to be in a certain state, in one go.
fn stored_versions<'j>(db: &DB, jobs: &'j [Job]) -> Versions<'j> {
    let mut versions: Versions<'j> = HashMap::new();
    for write in jobs.iter().flat_map(|job| &job.writes) {
        match write.must {
            Must::BeAbsent | Must::BeAt(_) => {
                versions.insert(&write.key, Ok(None));
            }
            Must::Anything => {}
        }
    }
    let keys: Vec<&[u8]> = versions.keys().copied().collect();
    for (key, found) in keys.iter().zip(multi_get(db, &keys)) {
        let version = match found {
            Ok(None) => Ok(None),
            Ok(Some(value)) => raw_etag(&value).map(Some),
            Err(error) => Err(error),
        };
        versions.insert(key, version);
    }
    versions
}

/// Many rows in one call, which takes them out of the same snapshot and reads each block once.
pub(super) fn multi_get<'db>(
    db: &'db DB,
    keys: &[&[u8]],
) -> Vec<Result<Option<DBPinnableSlice<'db>>, StoreError>> {
    let Some(rows) = db.cf_handle(ROWS) else {
        return keys
            .iter()
            .map(|_| Err(unavailable("the rows are not open".to_owned(), None)))
            .collect();
    };
    let found = db.batched_multi_get_cf_opt(rows, keys.iter().copied(), false, &ReadOptions::default());
    found
        .into_iter()
        .map(|found| found.map_err(|error| of_read("reading rows", error)))
        .collect()
}

fn refusal(
    write: &Planned,
    overlay: &HashMap<&[u8], Option<RawEtag>>,
    stored: &Versions<'_>,
) -> Option<Verdict> {
    let (current, verdict): (_, fn(StoreError) -> Verdict) = match overlay.get(write.key.as_slice()) {
        Some(version) => (*version, Verdict::RefusedByGroup),
        None => match stored.get(write.key.as_slice()) {
            Some(Ok(version)) => (*version, Verdict::Refused),
            Some(Err(error)) => return Some(Verdict::Refused(error.duplicate())),
            None => (None, Verdict::Refused),
        },
    };
    match &write.must {
        Must::Anything => None,
        Must::BeAbsent => current.map(|_| {
            verdict(StoreError::Exists {
                key: write.row.clone(),
            })
        }),
        Must::BeAt(etag) => {
            let matches = current.is_some_and(|current| current.as_slice() == etag.0.as_ref());
            (!matches).then(|| {
                verdict(StoreError::Changed {
                    key: write.row.clone(),
                })
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use tokio::sync::oneshot;

    use super::super::codec::encode_value;
    use super::super::queue::Queue;
    use super::*;
    use crate::contract::Etag;
    use crate::key::RowKey;
    use crate::options::RocksOptions;

    fn write(name: &str, must: Must, etag: Option<u64>) -> Planned {
        let value = etag.map(|etag| encode_value(etag.to_be_bytes(), b"{}"));
        Planned {
            row: RowKey::new(name).unwrap(),
            key: name.into(),
            must,
            value,
        }
    }

    fn at(etag: u64) -> Must {
        Must::BeAt(Etag(Bytes::copy_from_slice(&etag.to_be_bytes())))
    }

    async fn job(queue: &Queue, writes: Vec<Planned>) -> Job {
        let room = queue.room_for(1).await.unwrap();
        Job {
            writes,
            bytes: 1,
            etags: Vec::new(),
            answer: oneshot::channel().0,
            room,
        }
    }

    /// What decides who may be told before the sync, and who has to wait for it.
    #[tokio::test]
    async fn a_refusal_says_whether_it_rests_on_the_group() {
        let dir = tempfile::tempdir().unwrap();
        let db = super::super::open::open(dir.path(), &RocksOptions::default()).unwrap();
        db.put("stored", encode_value(7u64.to_be_bytes(), b"{}")).unwrap();
        let queue = Queue::new();
        let commits = [
            (vec![write("a", Must::BeAbsent, Some(1))], "accepted"),
            (vec![write("a", Must::BeAbsent, Some(2))], "refused by the group"),
            (vec![write("stored", Must::BeAbsent, Some(3))], "refused"),
            (vec![write("stored", at(8), Some(4))], "refused"),
            // Sees the first, and itself leaves nothing behind when its second write is refused.
            (
                vec![write("a", at(1), Some(5)), write("stored", at(8), None)],
                "refused",
            ),
            (
                vec![write("a", at(1), None), write("stored", at(7), Some(6))],
                "accepted",
            ),
            (vec![write("stored", at(7), Some(9))], "refused by the group"),
            (vec![write("a", at(1), Some(9))], "refused by the group"),
            (
                vec![write("a", Must::BeAbsent, Some(10)), write("stored", at(6), None)],
                "accepted",
            ),
        ];
        let mut jobs = Vec::new();
        let mut expected = Vec::new();
        for (writes, verdict) in commits {
            jobs.push(job(&queue, writes).await);
            expected.push(verdict);
        }
        let decision = decide(&db, &jobs);
        let found: Vec<&str> = decision
            .verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Accepted => "accepted",
                Verdict::Refused(_) => "refused",
                Verdict::RefusedByGroup(_) => "refused by the group",
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!((decision.rows, decision.batch.len()), (5, 5));
        db.write(decision.batch).unwrap();
        assert_eq!(
            raw_etag(&db.get("a").unwrap().unwrap()).unwrap(),
            10u64.to_be_bytes()
        );
        assert_eq!(db.get("stored").unwrap(), None);
    }
}
