//! The feed as pages and as a stream, over a journal that is written by hand.
#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::{App, test};
use cadastre_api_types::internal::{DataAccess, UserChange, UserChangeRequest};
use cadastre_domain::Scope;
use cadastre_domain::roles::{GrantTarget, Role};
use serde_json::Value;
use uuid::Uuid;

use crate::testing::{Call, FakeJournal, Server};

const STREAM: (&str, &str) = ("accept", "text/event-stream");

/// A server with some commands in its journal, and a viewer of it.
struct Feed {
    server: Server,
    path: String,
    token: String,
}

impl Feed {
    async fn new(commands: usize, within: Option<&str>) -> Self {
        let server = Server::new().await;
        let space = server.access.add_space();
        server
            .add_user(
                "eve",
                &[(Role::AddressSpaceViewer, GrantTarget::Space(space), within)],
            )
            .await;
        for n in 0..commands {
            server.access.journal.push(&format!("10.{n}.0.0/16"));
        }
        let token = server.login("eve").await;
        Self {
            server,
            path: format!("/api/v1/addressspaces/{space}/changes"),
            token,
        }
    }

    fn push(&self, prefix: &str) {
        self.server.access.journal.push(prefix);
    }

    async fn open(&self, query: &str, headers: &[(&str, &str)]) -> Stream {
        let app = test::init_service(App::new().configure(self.server.frontend.configure())).await;
        let mut request = test::TestRequest::with_uri(&format!("{}{query}", self.path))
            .peer_addr("192.0.2.1:5000".parse().unwrap())
            .insert_header(("authorization", format!("Bearer {}", self.token)))
            .insert_header(STREAM);
        for header in headers {
            request = request.insert_header(*header);
        }
        let answer = test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers().get("content-type").unwrap(), "text/event-stream");
        assert_eq!(answer.headers().get("cache-control").unwrap(), "no-store");
        Stream {
            body: answer.into_body(),
            text: String::new(),
        }
    }

    async fn refused(&self, query: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let call = Call {
            bearer: Some(&self.token),
            headers,
            ..Call::default()
        };
        let answer = self
            .server
            .call("GET", &format!("{}{query}", self.path), call)
            .await;
        (answer.status, answer.code().to_owned())
    }

    async fn revoke(&self) {
        let grant = self.server.access.account("eve").unwrap().grants[0].id;
        let context = cadastre_api_types::internal::CallContext {
            actor: "admin".to_owned(),
            correlation_id: "c".to_owned(),
            scope: Scope::Whole,
        };
        let request = UserChangeRequest {
            name: "eve".to_owned(),
            change: UserChange::Revoke { grant },
            options: Default::default(),
        };
        self.server.access.change_user(&context, request).await.unwrap();
    }
}

/// A stream as its client sees it.
struct Stream {
    body: BoxBody,
    text: String,
}

impl Stream {
    /// The next piece; `None` = it has ended.
    async fn piece(&mut self) -> Option<String> {
        let next = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_next(cx));
        let piece = tokio::time::timeout(Duration::from_secs(10), next).await;
        let bytes = piece.expect("a stream that goes on")?.ok().unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.text.push_str(&text);
        Some(text)
    }

    async fn until(&mut self, needle: &str) {
        while !self.text.contains(needle) {
            assert!(self.piece().await.is_some(), "no {needle} in {}", self.text);
        }
    }

    async fn finish(&mut self) {
        while self.piece().await.is_some() {}
    }

    /// Ids of the events `change`, whose data must be entries of these versions.
    fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for block in self.text.split_terminator("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") != Some("change") {
                continue;
            }
            let data: Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
            let id = field("id: ").unwrap();
            assert_eq!(id, FakeJournal::id(data["version"].as_u64().unwrap()));
            ids.push(id.to_owned());
        }
        ids
    }
}

fn ids(versions: impl IntoIterator<Item = u64>) -> Vec<String> {
    versions.into_iter().map(FakeJournal::id).collect()
}

#[actix_web::test]
async fn pages_lead_through_the_journal_in_order() {
    let feed = Feed::new(7, None).await;
    let (mut seen, mut path) = (Vec::new(), format!("{}?since=1&limit=2", feed.path));
    loop {
        let page = feed.server.get(&path, &feed.token).await;
        assert_eq!(page.status, 200, "{page:?}");
        for entry in page.json.as_array().unwrap() {
            seen.push(entry["version"].as_u64().unwrap());
            assert_eq!(
                (&entry["changes"][0]["kind"], &entry["changes"][0]["action"]),
                (&Value::from("ip"), &Value::from("create"))
            );
            assert!(entry["changes"][0].get("before").is_none());
        }
        let Some(link) = page.header("link") else { break };
        path = link
            .strip_prefix('<')
            .unwrap()
            .split('>')
            .next()
            .unwrap()
            .to_owned();
    }
    assert_eq!(seen, [2, 3, 4, 5, 6, 7]);
    let by_id = format!("{}?since={}", feed.path, FakeJournal::id(6));
    assert_eq!(
        feed.server
            .get(&by_id, &feed.token)
            .await
            .json
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[actix_web::test]
async fn positions_that_are_none_or_gone_are_refused_before_a_stream_begins() {
    let feed = Feed::new(2, None).await;
    let other = format!("{}-1", Uuid::new_v4().simple());
    for (query, headers, expected) in [
        ("?since=x", vec![], (400, "InvalidParameter")),
        ("?since=-1", vec![STREAM], (400, "InvalidParameter")),
        (
            "?since=99999999999999999999999",
            vec![],
            (400, "InvalidParameter"),
        ),
        ("?since=3", vec![], (410, "Gone")),
        ("?since=3", vec![STREAM], (410, "Gone")),
        ("", vec![STREAM, ("last-event-id", other.as_str())], (410, "Gone")),
        (
            "",
            vec![STREAM, ("last-event-id", "seven")],
            (400, "InvalidHeader"),
        ),
        ("?limit=5", vec![STREAM], (400, "InvalidParameter")),
        ("?cursor=abc", vec![STREAM], (400, "InvalidParameter")),
        ("?cursor=abc", vec![], (400, "InvalidCursor")),
    ] {
        let (status, code) = feed.refused(query, &headers).await;
        assert_eq!((status, code.as_str()), expected, "{query} {headers:?}");
    }
}

#[actix_web::test]
async fn a_stream_tells_the_past_and_goes_on_with_what_happens() {
    let feed = Feed::new(250, None).await;
    let mut stream = feed.open("?since=10", &[]).await;
    stream.until(&FakeJournal::id(250)).await;
    assert!(stream.text.starts_with("retry: 2000\n\n"), "{}", stream.text);
    feed.push("11.0.0.0/8");
    stream.until(&FakeJournal::id(251)).await;
    stream.until("\n\n:\n\n").await;
    feed.push("12.0.0.0/8");
    stream.until(&FakeJournal::id(252)).await;
    assert_eq!(stream.ids(), ids(11..=252));
}

#[actix_web::test]
async fn without_a_position_a_stream_begins_now_and_says_where_that_is() {
    let feed = Feed::new(3, None).await;
    let mut stream = feed.open("", &[("last-event-id", "")]).await;
    assert_eq!(
        stream.piece().await.unwrap(),
        format!("retry: 2000\n\nid: {}\n\n", FakeJournal::id(3))
    );
    feed.push("11.0.0.0/8");
    stream.until(&FakeJournal::id(4)).await;
    assert_eq!(stream.ids(), ids([4]));
}

#[actix_web::test]
async fn a_stream_that_broke_off_is_resumed_without_a_gap_or_a_repetition() {
    let feed = Feed::new(5, None).await;
    let mut first = feed.open("?since=0", &[]).await;
    first.until(&FakeJournal::id(5)).await;
    drop(first);
    for n in 0..3 {
        feed.push(&format!("20.{n}.0.0/16"));
    }
    // `since` is still in the URL that a browser connects to again.
    let last = FakeJournal::id(5);
    let mut second = feed.open("?since=0", &[("last-event-id", &last)]).await;
    second.until(&FakeJournal::id(8)).await;
    assert_eq!(second.ids(), ids(6..=8));
}

#[actix_web::test]
async fn a_revoked_role_ends_the_stream_before_anything_later_is_seen() {
    let feed = Feed::new(1, None).await;
    let mut stream = feed.open("?since=0", &[]).await;
    stream.until(&FakeJournal::id(1)).await;
    feed.revoke().await;
    feed.push("11.0.0.0/8");
    stream.finish().await;
    assert_eq!(stream.ids(), ids([1]));
    assert!(
        stream.text.contains("event: end\ndata: {\"code\":\"NotFound\""),
        "{}",
        stream.text
    );

    // Also when nothing happens.
    let feed = Feed::new(0, None).await;
    let mut quiet = feed.open("", &[]).await;
    quiet.piece().await;
    feed.revoke().await;
    quiet.finish().await;
}

#[actix_web::test]
async fn a_session_that_is_over_ends_the_stream() {
    let feed = Feed::new(0, None).await;
    let mut stream = feed.open("", &[]).await;
    stream.piece().await;
    feed.server.clock.advance(100_000);
    stream.finish().await;
    assert!(
        stream.text.contains("\"code\":\"TokenExpired\""),
        "{}",
        stream.text
    );
}

#[actix_web::test]
async fn a_server_that_ends_ends_its_streams() {
    let feed = Feed::new(1, None).await;
    let mut stream = feed.open("?since=0", &[]).await;
    stream.until(&FakeJournal::id(1)).await;
    feed.server.frontend.end_streams();
    stream.finish().await;
    assert!(
        stream
            .text
            .ends_with("The server is shutting down; connect again.\"}\n\n"),
        "{}",
        stream.text
    );
    let mut late = feed.open("?since=0", &[]).await;
    late.finish().await;
    assert!(late.ids().is_empty());
}

#[actix_web::test]
async fn a_subtree_s_stream_shows_its_part_and_its_ids_pass_the_rest() {
    let feed = Feed::new(0, Some("10.1.0.0/16")).await;
    let mut stream = feed.open("?since=0", &[]).await;
    for prefix in ["10.2.0.0/16", "10.1.1.0/24", "10.3.0.0/16"] {
        feed.push(prefix);
    }
    stream.until(&FakeJournal::id(3)).await;
    assert_eq!(stream.ids(), ids([2]));
    assert!(
        stream
            .text
            .ends_with(&format!("\n\nid: {}\n\n", FakeJournal::id(3)))
    );
    assert!(!stream.text.contains("10.2.0.0") && !stream.text.contains("10.3.0.0"));
}

#[actix_web::test]
async fn a_stream_outlives_a_data_access_layer_that_comes_back() {
    let feed = Feed::new(1, None).await;
    let mut stream = feed.open("?since=0", &[]).await;
    stream.until(&FakeJournal::id(1)).await;
    feed.server.access.journal.be_away(true);
    feed.push("11.0.0.0/8");
    stream.piece().await.unwrap();
    feed.server.access.journal.be_away(false);
    stream.until(&FakeJournal::id(2)).await;
    assert_eq!(stream.ids(), ids([1, 2]));
}

#[actix_web::test]
async fn the_head_of_a_stream_has_no_body_to_wait_for() {
    let feed = Feed::new(1, None).await;
    let call = Call {
        bearer: Some(&feed.token),
        headers: &[STREAM],
        ..Call::default()
    };
    let answer = tokio::time::timeout(
        Duration::from_secs(10),
        feed.server.call("HEAD", &feed.path, call),
    );
    let answer = answer.await.unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/event-stream"))
    );
}
