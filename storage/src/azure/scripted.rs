//! What becomes of every answer that the service can give, and that Azurite never gives: a transport with a script.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::headers::Headers;
use azure_core::{Error, HttpClient, Request, Response, StatusCode};
use parking_lot::Mutex;

use super::AzureStore;
use super::wire::{Pause, Silence, answer_of};
use crate::contract::{Etag, Store as _, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

/// One answer.
#[derive(Clone, Debug)]
enum Line {
    /// Status, and the code in the body as the table service writes it.
    Status(u16, &'static str),
    /// The same with a pause in seconds.
    Later(u16, u64),
    /// A transaction whose parts have these statuses.
    Parts(&'static [u16]),
    /// Nobody listens.
    NotSent,
    /// The connection broke.
    NoAnswer,
}
use Line::{Later, NoAnswer, NotSent, Parts, Status};

#[derive(Debug)]
struct Script {
    lines: Mutex<VecDeque<Line>>,
    pause: Pause,
}

#[async_trait::async_trait]
impl HttpClient for Script {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<Response> {
        let line = self
            .lines
            .lock()
            .pop_front()
            .expect("a request that the script does not have");
        let mut headers = Headers::new();
        let (status, body) = match line {
            Status(status, code) => (
                status,
                format!(
                    r#"{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"Words."}}}}}}"#
                ),
            ),
            Later(status, seconds) => {
                headers.insert("retry-after", seconds.to_string());
                (status, String::new())
            }
            Parts(statuses) => {
                let mut body = String::new();
                for status in statuses {
                    body.push_str(&format!(
                        "\r\n--changesetresponse_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {status} X\r\n\
                         ETag: W/\"datetime'{status}'\"\r\n\r\n"
                    ));
                }
                (202, body)
            }
            NotSent | NoAnswer => {
                let error = reqwest::Client::new().get("no address").build().unwrap_err();
                let silence = if matches!(line, NotSent) {
                    Silence::NotSent(error)
                } else {
                    Silence::NoAnswer(error)
                };
                return Err(Error::full(ErrorKind::Io, silence, "silence"));
            }
        };
        for (name, value) in [
            ("server", "Windows-Azure-Table/1.0"),
            ("x-ms-version", "2022-11-02"),
            ("date", "Sat, 21 Nov 2026 20:00:00 GMT"),
            ("x-ms-request-id", "00000000-0000-0000-0000-000000000000"),
        ] {
            headers.insert(name, value);
        }
        answer_of(
            StatusCode::try_from(status).unwrap(),
            &headers,
            body.into(),
            &self.pause,
        )
    }
}

fn store(lines: &[Line]) -> (AzureStore, Arc<Script>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pause = Pause::default();
    let script = Arc::new(Script {
        lines: Mutex::new(lines.iter().cloned().collect()),
        pause: pause.clone(),
    });
    let way = Arc::clone(&script) as Arc<dyn HttpClient>;
    let store = AzureStore::over("AccountName=lab;AccountKey=a2V5", "cadastre", way, pause).unwrap();
    (store, script)
}

fn p() -> PartitionKey {
    PartitionKey::new("p").unwrap()
}

fn put() -> Write {
    Write::Put {
        key: RowKey::new("a").unwrap(),
        value: "{}".into(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Nothing was done, and why.
    No(&'static str),
    Unknown,
}

async fn commit(lines: &[Line]) -> Outcome {
    let (store, script) = store(lines);
    let result = store.commit(&p(), vec![put()]).await;
    assert!(script.lines.lock().is_empty(), "{lines:?} were not all asked for");
    match result {
        Ok(etags) => {
            assert_eq!(etags.len(), 1);
            Outcome::Done
        }
        Err(StoreError::OutcomeUnknown { .. }) => Outcome::Unknown,
        Err(StoreError::Unavailable { .. }) => Outcome::No("unavailable"),
        Err(StoreError::Invalid { .. }) => Outcome::No("invalid"),
        Err(other) => panic!("{lines:?}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_commit_is_told_to_have_been_follows_from_every_answer() {
    let busy = Status(503, "ServerBusy");
    let cases: &[(&[Line], Outcome)] = &[
        (&[Parts(&[204])], Outcome::Done),
        // Definite: it never arrived, or was refused.
        (&[NotSent], Outcome::No("unavailable")),
        (&[Status(403, "AuthenticationFailed")], Outcome::No("unavailable")),
        (&[Status(404, "TableNotFound")], Outcome::No("unavailable")),
        (&[Status(400, "InvalidInput")], Outcome::No("invalid")),
        (&[Status(413, "RequestBodyTooLarge")], Outcome::No("invalid")),
        (&[Parts(&[400])], Outcome::No("invalid")),
        // Nobody knows.
        (&[NoAnswer], Outcome::Unknown),
        (&[Status(500, "OperationTimedOut")], Outcome::Unknown),
        (&[Status(502, "")], Outcome::Unknown),
        (&[Parts(&[500])], Outcome::Unknown),
        (&[Parts(&[])], Outcome::Unknown),
        (&[Parts(&[204, 204])], Outcome::Unknown),
        // Busy is tried again, and doubted when no success follows.
        (&[busy.clone(), Parts(&[204])], Outcome::Done),
        (&[Later(429, 1), Parts(&[204])], Outcome::Done),
        (&[Parts(&[503]), Parts(&[204])], Outcome::Done),
        (&[Later(503, 9)], Outcome::No("unavailable")),
        (&[busy.clone(), NotSent], Outcome::Unknown),
        (
            &[busy.clone(), Status(403, "AuthenticationFailed")],
            Outcome::Unknown,
        ),
        (&[busy.clone(), NoAnswer], Outcome::Unknown),
        (
            &[
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
                busy.clone(),
            ],
            Outcome::Unknown,
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(commit(lines).await, *expected, "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_is_missing_only_in_a_table_that_is_there() {
    let key = RowKey::new("a").unwrap();
    let (there, _) = store(&[Status(404, "ResourceNotFound")]);
    assert_eq!(there.get(&p(), &key).await.unwrap(), None);
    let (gone, _) = store(&[Status(404, "TableNotFound")]);
    let error = gone.get(&p(), &key).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { reason, .. } if reason.contains("does not exist")),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn reads_are_tried_again_and_commits_are_not() {
    let key = RowKey::new("a").unwrap();
    let missing = Status(404, "ResourceNotFound");
    for first in [Status(500, "InternalError"), Later(503, 1), NoAnswer, NotSent] {
        let (reads, script) = store(&[first.clone(), missing.clone()]);
        assert_eq!(reads.get(&p(), &key).await.unwrap(), None, "{first:?}");
        assert!(script.lines.lock().is_empty());
    }
}

#[test]
fn a_pause_is_as_long_as_the_service_asks_but_not_for_hours() {
    for (asked, granted) in [("2", 2), ("36000", 10)] {
        let (pause, mut headers) = (Pause::default(), Headers::new());
        headers.insert("retry-after", asked);
        let answer = answer_of(StatusCode::ServiceUnavailable, &headers, "".into(), &pause).unwrap();
        let told: Vec<(&str, &str)> = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(told, [("retry-after-ms", format!("{}", granted * 1000).as_str())]);
        let left = pause.left().unwrap();
        assert!(
            left <= Duration::from_secs(granted) && left > Duration::ZERO,
            "{left:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_being_deleted_is_not_there() {
    let (store_, _) = store(&[Status(409, "TableAlreadyExists")]);
    store_.create_table().await.unwrap();
    let (store_, _) = store(&[Status(409, "TableBeingDeleted"), Status(404, "TableNotFound")]);
    assert!(store_.create_table().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_no_row_can_have_is_not_sent() {
    for etag in ["*", "", "W/\"1\"\r\nx: y"] {
        let write = Write::DeleteIf {
            key: RowKey::new("a").unwrap(),
            etag: Etag(etag.as_bytes().to_vec().into()),
        };
        // Only the look at the row goes out.
        let (store, script) = store(&[Status(404, "ResourceNotFound")]);
        let error = store.commit(&p(), vec![write]).await.unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{error:?}");
        assert!(script.lines.lock().is_empty());
    }
}
