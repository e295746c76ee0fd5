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
use super::wire::{Endpoint, Pause, Silence, answer_of};
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
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
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
                let endpoint = Endpoint::of(request.url());
                let silence = if matches!(line, NotSent) {
                    Silence::NotSent(endpoint, error)
                } else {
                    Silence::NoAnswer(endpoint, error)
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
async fn a_place_that_is_not_the_account_or_may_not_have_the_table_is_said_so() {
    let missing = Status(404, "ResourceNotFound");
    let (elsewhere, _) = store(&[missing.clone(), missing]);
    let said = elsewhere.ping().await.unwrap_err().to_string();
    assert!(said.contains("404") && said.contains("account name"), "{said}");
    let (narrow, _) = store(&[
        Status(404, "TableNotFound"),
        Status(403, "AuthorizationPermissionMismatch"),
        Status(404, "TableNotFound"),
    ]);
    let said = narrow.ping().await.unwrap_err().to_string();
    assert!(
        said.contains("does not exist") && said.contains("may not make it"),
        "{said}"
    );
}

/// What is said of an account whose tables should be there.
async fn said_of(endpoint: &str) -> String {
    let connection = format!("AccountName=lab;AccountKey=a2V5;TableEndpoint={endpoint}/lab");
    let store = AzureStore::new(&connection, "cadastre").unwrap();
    let said = store.ping().await.unwrap_err().to_string();
    assert!(
        said.contains(&format!("no connection to {endpoint}: ")) && !said.contains("a2V5"),
        "{said}"
    );
    said
}

#[tokio::test]
async fn who_cannot_be_reached_is_named_and_tls_to_a_plain_port_is_guessed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let plain = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        // The look at the table, and the attempt to make it.
        for _ in 0..2 {
            let (mut near, _) = listener.accept().unwrap();
            let _ = near.read(&mut [0; 4096]);
            let _ = near.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let said = said_of(&format!("https://{address}")).await;
    assert!(said.contains("may not speak TLS"), "{said}");
    plain.join().unwrap();
    // Now nobody listens.
    let said = said_of(&format!("http://{address}")).await;
    assert!(said.contains("refused") && !said.contains("TLS"), "{said}");
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
