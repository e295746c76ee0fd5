//! A commit as one transaction of the service: sent once, and read correctly.
//!
//! The service does all of a transaction or nothing. The SDK answers `Ok` also when the service refused it: the only
//! part of the answer then carries the reason. Which row it was is not said, so the rows are looked at.

use std::collections::HashSet;
use std::time::Duration;

use azure_core::StatusCode;
use azure_data_tables::IfMatchCondition;
use bytes::Bytes;

use super::entity;
use super::failure::{Meaning, meaning, sentence, unavailable, unknown};
use super::{AzureStore, text_of};
use crate::contract::{Etag, Store as _, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

/// How often a batch is sent that is refused for a row that changed while it was looked at, or that meets a busy
/// service.
const TRIES: u32 = 5;
/// Pauses behind a busy service that did not say how long: the first one, doubled each time, between half and all of it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A commit does not wait longer than this for a busy service; its caller is told to come again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What became of a transaction.
enum Sent {
    /// It is durable; the etags of what was written, in order.
    Done(Vec<Option<String>>),
    /// Some row is not as the batch wants it. Nothing was done.
    Refused,
    /// The service is busy. By its own word nothing was done.
    Busy(azure_core::Error),
}

impl AzureStore {
    /// See [`crate::Store::commit`].
    pub(super) async fn transact(
        &self,
        partition: &PartitionKey,
        writes: &[Write],
    ) -> Result<Vec<Etag>, StoreError> {
        // The service refuses to delete what is not there; these are left out.
        let mut absent: HashSet<&RowKey> = HashSet::new();
        // Something in front of the service may have said "busy" for it, after it was done.
        let mut sent_before = false;
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            let ours: Vec<&Write> = writes
                .iter()
                .filter(|write| !absent.contains(write.key()))
                .collect();
            let refusal = match self.send(partition, &ours).await {
                Ok(Sent::Done(etags)) => return Ok(in_order(writes, &ours, etags)),
                Ok(Sent::Refused) => match self.look(partition, writes, &mut absent).await {
                    Ok(None) => continue,
                    Ok(Some(refusal)) | Err(refusal) => refusal,
                },
                Ok(Sent::Busy(error)) => {
                    // At least as long as the service asks, and not everybody at once.
                    let wanted = match self.pause.left() {
                        Some(left) => left.mul_f64(rand::random_range(1.0..=1.2)),
                        None => pause.mul_f64(rand::random_range(0.5..=1.0)),
                    };
                    if attempt < TRIES && wanted <= LONGEST_PAUSE {
                        sent_before = true;
                        tokio::time::sleep(wanted).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                    busy(error, self.pause.left())
                }
                Err(error) => error,
            };
            return Err(if sent_before { in_doubt(&refusal) } else { refusal });
        }
        let refusal = StoreError::Unavailable {
            reason: "the rows of a commit change all the time".to_owned(),
            retry_after: None,
            source: None,
        };
        Err(if sent_before { in_doubt(&refusal) } else { refusal })
    }

    async fn send(&self, partition: &PartitionKey, writes: &[&Write]) -> Result<Sent, StoreError> {
        if writes.is_empty() {
            return Ok(Sent::Done(Vec::new()));
        }
        let built = |error| unavailable(error, &self.pause);
        let mut transaction = self
            .commits
            .partition_key_client(partition.as_str())
            .transaction();
        for write in writes {
            let key = write.key().as_str();
            let entity = |value| entity::encode(partition.as_str(), key, value);
            transaction = match write {
                Write::Create { value, .. } => transaction.insert(entity(value)?),
                Write::Put { value, .. } => transaction.insert_or_replace(key, entity(value)?),
                Write::Replace { value, etag, .. } => match condition(etag) {
                    Some(condition) => transaction.update(key, entity(value)?, Some(condition)),
                    None => return Ok(Sent::Refused),
                },
                Write::DeleteIf { etag, .. } => match condition(etag) {
                    Some(condition) => transaction.delete(key, Some(condition)),
                    None => return Ok(Sent::Refused),
                },
                Write::Delete { .. } => transaction.delete(key, None),
            }
            .map_err(built)?;
        }
        let answer = match transaction.await {
            Ok(answer) => answer,
            Err(error) => {
                return match meaning(&error) {
                    Meaning::Wrong => Err(invalid(&sentence(&error))),
                    // The table is away, or the account may not: nothing was done.
                    Meaning::NotFound | Meaning::Refused | Meaning::NotSent => {
                        Err(unavailable(error, &self.pause))
                    }
                    Meaning::Busy => Ok(Sent::Busy(error)),
                    Meaning::Unknown => Err(unknown(error)),
                };
            }
        };
        let parts = answer.operation_responses.into_iter().map(|part| {
            let etag = part.etag.map(|etag| etag.as_ref().to_owned());
            (part.status_code, etag)
        });
        read_answer(writes.len(), parts.collect())
    }

    /// Finds the row that a batch was refused for. `None`: it may be sent again, without the deletions of `absent`.
    async fn look<'w>(
        &self,
        partition: &PartitionKey,
        writes: &'w [Write],
        absent: &mut HashSet<&'w RowKey>,
    ) -> Result<Option<StoreError>, StoreError> {
        let asked: Vec<&Write> = writes
            .iter()
            .filter(|write| !matches!(write, Write::Put { .. }))
            .collect();
        let keys: Vec<RowKey> = asked.iter().map(|write| write.key().clone()).collect();
        let found = self.get_many(partition, &keys).await?;
        absent.clear();
        for (write, row) in asked.into_iter().zip(found) {
            let current = row.map(|row| row.etag);
            match write {
                Write::Create { key, .. } if current.is_some() => {
                    return Ok(Some(StoreError::Exists { key: key.clone() }));
                }
                Write::Replace { key, etag, .. } | Write::DeleteIf { key, etag }
                    if current.as_ref() != Some(etag) =>
                {
                    return Ok(Some(StoreError::Changed { key: key.clone() }));
                }
                Write::Delete { key } if current.is_none() => {
                    absent.insert(key);
                }
                Write::Create { .. }
                | Write::Replace { .. }
                | Write::Put { .. }
                | Write::DeleteIf { .. }
                | Write::Delete { .. } => {}
            }
        }
        Ok(None)
    }
}

/// The service is busy; it is asked again when it wants to be, or soon.
fn busy(error: azure_core::Error, left: Option<Duration>) -> StoreError {
    StoreError::Unavailable {
        reason: sentence(&error),
        retry_after: Some(left.unwrap_or(Duration::from_secs(1))),
        source: Some(Box::new(error)),
    }
}

/// A refusal of a batch that may have been done on an earlier try.
fn in_doubt(refusal: &StoreError) -> StoreError {
    StoreError::OutcomeUnknown {
        reason: format!("the service was busy, and then: {refusal}"),
        source: None,
    }
}

fn invalid(reason: &str) -> StoreError {
    StoreError::Invalid {
        reason: reason.to_owned(),
    }
}

/// The version that a row must have; `None` if no row can have it.
fn condition(etag: &Etag) -> Option<IfMatchCondition> {
    let text = text_of(etag)?;
    // `*` would be any version, and a line break the end of the header.
    let legal = text.starts_with("W/\"") && text.bytes().all(|byte| byte.is_ascii_graphic());
    legal.then(|| IfMatchCondition::Etag(text.to_owned().into()))
}

fn read_answer(sent: usize, parts: Vec<(StatusCode, Option<String>)>) -> Result<Sent, StoreError> {
    if let Some((refused, _)) = parts.iter().find(|(status, _)| !status.is_success()) {
        return match u16::from(*refused) {
            404 | 409 | 412 => Ok(Sent::Refused),
            429 | 503 => Ok(Sent::Busy(azure_core::Error::message(
                azure_core::error::ErrorKind::http_response(*refused, None),
                "the service is busy",
            ))),
            status @ (400 | 405 | 411 | 413 | 414 | 415 | 431) => Err(invalid(&format!(
                "the table service refused a transaction with status {status}"
            ))),
            status @ 400..=499 => Err(StoreError::Unavailable {
                reason: format!("the table service refused a transaction with status {status}"),
                retry_after: None,
                source: None,
            }),
            status => Err(StoreError::OutcomeUnknown {
                reason: format!("the table service answered a transaction with status {status}"),
                source: None,
            }),
        };
    }
    if parts.len() != sent {
        return Err(StoreError::OutcomeUnknown {
            reason: format!("{} of {sent} writes were answered", parts.len()),
            source: None,
        });
    }
    Ok(Sent::Done(parts.into_iter().map(|(_, etag)| etag).collect()))
}

/// One etag for each write: those of the service, and empty ones for what is deleted.
fn in_order(writes: &[Write], sent: &[&Write], etags: Vec<Option<String>>) -> Vec<Etag> {
    let mut answered = sent.iter().map(|write| write.key()).zip(etags).peekable();
    writes
        .iter()
        .map(|write| {
            let etag = answered
                .next_if(|(key, _)| *key == write.key())
                .and_then(|(_, etag)| etag);
            match write {
                Write::DeleteIf { .. } | Write::Delete { .. } => Etag(Bytes::new()),
                Write::Create { .. } | Write::Replace { .. } | Write::Put { .. } => {
                    Etag(etag.unwrap_or_default().into())
                }
            }
        })
        .collect()
}
