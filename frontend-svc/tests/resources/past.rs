//! History, changes and `asOf` over the real data access layer, and a stream that goes on across a restart.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::{App, test};
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_frontend::{Frontend, FrontendConfig};
use cadastre_storage::{MemoryStore, Store};
use serde_json::{Value, json};

use crate::client::{Api, PASSWORD};

#[actix_web::test]
async fn the_history_of_a_node_is_told_newest_first_and_outlives_it() {
    let api = Api::start().await;
    api.tag("Owner").await;
    let node = api.node("10.1.0.0/16", json!({})).await;
    api.put(
        &node,
        json!({ "tags": { "Owner": "net" }, "description": "Offices" }),
    )
    .await
    .is(200);
    api.delete(&node).await.is(204);
    let id = node.rsplit('/').next().unwrap();
    let history = api.get(&format!("{node}/history")).await.is(200);
    let entries = history.json.as_array().unwrap();
    assert_eq!(history.all("action"), ["delete", "update", "create"]);
    assert_eq!(history.all("actor"), ["admin"; 3]);
    assert_eq!(
        entries[1]["after"],
        json!({ "id": id, "prefix": "10.1.0.0/16", "description": "Offices", "tags": { "Owner": "net" } })
    );
    assert_eq!(entries[0]["before"], entries[1]["after"]);
    assert!(entries[0].get("after").is_none() && entries[2].get("before").is_none());
    assert!(entries[0]["version"].is_u64() && entries[0]["correlationId"].is_string());

    let by_prefix = format!("{}/history?prefix=10.1.0.0/16", api.space);
    assert_eq!(api.get(&by_prefix).await.json, history.json);
    let (paged, pages) = api.follow(&format!("{by_prefix}&limit=1"), "command").await;
    assert_eq!(paged, ["DeleteNode", "UpdateNode", "CreateNode"]);
    assert!(pages >= 3);
    api.get("/history").await.fails(400, "InvalidParameter");
    api.get("/history?prefix=10.1.2.3/16")
        .await
        .fails(400, "InvalidPrefix");
    api.get("/ips/0190a0a0-1b2c-7d3e-8f40-123456789abc/history")
        .await
        .fails(404, "NotFound");
}

#[actix_web::test]
async fn a_moment_of_the_past_is_read_as_the_present_is() {
    let api = Api::start().await;
    api.tag("Region").await;
    let top = api.node("10.0.0.0/8", json!({ "Region": "a" })).await;
    let leaf = api.node("10.1.0.0/16", json!({})).await;
    let then = api.get(&leaf).await.is(200);
    let moment = then.json["modifiedOn"].as_str().unwrap().to_owned();
    let list_then = api.get("/ips").await.is(200).json;
    tokio::time::sleep(Duration::from_millis(2)).await;
    api.put(&top, json!({ "tags": { "Region": "b" } })).await.is(200);
    api.delete(&leaf).await.is(204);
    api.node("10.2.0.0/16", json!({})).await;

    let past = api.get(&format!("{leaf}?asOf={moment}")).await.is(200);
    assert_eq!(past.json, then.json);
    assert_eq!(past.header("etag"), then.header("etag"));
    let list = async |query: &str| api.get(&format!("/ips?asOf={moment}{query}")).await.is(200).json;
    assert_eq!(list("").await, list_then);
    assert_eq!(list("&parentId=root").await, json!([list_then[0]]));
    let below = format!("&parentId={}", top.rsplit('/').next().unwrap());
    assert_eq!(list(&below).await, json!([list_then[1]]));
    assert_eq!(list("&tags=Region%3Da").await, list_then);
    assert_eq!(list("&tags=Region%3Db").await, json!([]));
    assert_eq!(list("&prefix=10.1.0.0/16").await, json!([list_then[1]]));
    assert_eq!(list("&prefix=10.2.0.0/16").await, json!([]));
    let (paged, pages) = api.follow(&format!("/ips?asOf={moment}&limit=1"), "prefix").await;
    assert_eq!(paged, ["10.0.0.0/8", "10.1.0.0/16"]);
    assert!(pages >= 2);

    api.get(&leaf).await.fails(404, "NotFound");
    api.get("/ips?asOf=2999-01-01T00:00:00Z")
        .await
        .fails(400, "InvalidParameter");
    api.get("/ips?asOf=yesterday")
        .await
        .fails(400, "InvalidParameter");
    api.get(&format!("{leaf}?asOf=2020-01-01T00:00:00Z"))
        .await
        .fails(404, "NotFound");
    api.get(&format!("{leaf}/explain?asOf={moment}"))
        .await
        .fails(400, "InvalidParameter");
}

#[actix_web::test]
async fn the_past_is_clipped_like_the_present() {
    let api = Api::start().await;
    api.tag("Region").await;
    let top = api
        .post(
            "/ips",
            json!({ "prefix": "10.0.0.0/8", "tags": { "Region": "a" }, "description": "secret" }),
        )
        .await
        .is(201);
    let top = top.header("location").to_owned();
    api.node("10.1.0.0/16", json!({})).await;
    let beside = api.node("10.2.0.0/16", json!({})).await;
    let last = api.node("10.1.1.0/24", json!({})).await;
    let moment = api.get(&last).await.json["modifiedOn"]
        .as_str()
        .unwrap()
        .to_owned();
    let ada = api
        .as_user("ada", "AddressSpaceViewer", Some("10.1.0.0/16"))
        .await;
    let list = ada.get(&format!("/ips?asOf={moment}")).await.is(200);
    assert_eq!(list.all("prefix"), ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"]);
    assert_eq!(list.json, ada.get("/ips").await.json);
    assert!(list.json[0].get("description").is_none());
    ada.get(&format!("{beside}?asOf={moment}"))
        .await
        .fails(404, "NotFound");
    ada.get(&format!("{beside}/history")).await.fails(404, "NotFound");
    assert_eq!(ada.get("/history?prefix=10.2.0.0/16").await.json, json!([]));
    let above = ada.get(&format!("{top}/history")).await.is(200);
    assert_eq!(above.all("action"), ["create"]);
    assert!(above.json[0].get("actor").is_none() && !above.json.to_string().contains("secret"));
    let changes = ada.get("/changes").await.is(200);
    assert_eq!(changes.all("command"), ["CreateTag", "CreateNode", "CreateNode"]);
    assert!(!changes.json.to_string().contains("10.2.0.0"));
    assert!(!changes.json.to_string().contains("10.0.0.0/8"));
}

#[actix_web::test]
async fn changes_of_tags_are_shown_as_get_shows_them() {
    let api = Api::start().await;
    api.tag("Region").await;
    let changes = api.get("/changes").await.is(200);
    let change = &changes.json[0]["changes"][0];
    assert_eq!(
        (&change["kind"], &change["action"], &change["name"]),
        (&json!("tag"), &json!("create"), &json!("Region"))
    );
    assert_eq!(change["after"], api.get("/tags/Region").await.json);
    api.get("/changes?since=2").await.fails(410, "Gone");
}

/// One life of a server on a store that outlives it.
struct Life {
    frontend: Frontend,
    access: Arc<LocalDataAccess>,
}

impl Life {
    async fn begin(store: &Arc<dyn Store>, dir: &Path) -> Self {
        let access = LocalDataAccess::open(Arc::clone(store), DataAccessConfig::default())
            .await
            .unwrap();
        let config = FrontendConfig {
            keys_dir: dir.join("keys"),
            admin_password: Some(PASSWORD.to_owned()),
            admin_password_file: dir.join("admin-password"),
            ..FrontendConfig::default()
        };
        let frontend = Frontend::start(config, access.clone()).await.unwrap();
        Self { frontend, access }
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        let app = test::init_service(App::new().configure(self.frontend.configure())).await;
        let request = test::TestRequest::post()
            .uri(path)
            .peer_addr("192.0.2.1:5000".parse().unwrap())
            .insert_header(("authorization", format!("Bearer {token}")))
            .set_json(body);
        let answer = test::call_service(&app, request.to_request()).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        test::read_body_json(answer).await
    }

    async fn stream(&self, path: &str, token: &str, last_event_id: &str) -> BoxBody {
        let app = test::init_service(App::new().configure(self.frontend.configure())).await;
        let request = test::TestRequest::with_uri(path)
            .peer_addr("192.0.2.1:5000".parse().unwrap())
            .insert_header(("authorization", format!("Bearer {token}")))
            .insert_header(("accept", "text/event-stream"))
            .insert_header(("last-event-id", last_event_id));
        let answer = test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), 200);
        answer.into_body()
    }
}

/// Reads events as a client does, until a version or the end, and notes ids and versions.
async fn receive(body: &mut BoxBody, last_id: &mut String, versions: &mut Vec<u64>, until: Option<u64>) {
    let mut text = String::new();
    while until.is_none() || versions.last().copied() < until {
        let next = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_next(cx));
        let Some(piece) = tokio::time::timeout(Duration::from_secs(10), next).await.unwrap() else {
            return;
        };
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        while let Some(end) = text.find("\n\n") {
            let block: String = text.drain(..end + 2).collect();
            if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
                id.clone_into(last_id);
            }
            if block.contains("event: change\n") {
                let data = block
                    .lines()
                    .find_map(|line| line.strip_prefix("data: "))
                    .unwrap();
                let data: Value = serde_json::from_str(data).unwrap();
                versions.push(data["version"].as_u64().unwrap());
            }
        }
    }
}

#[actix_web::test]
async fn a_client_that_follows_across_a_restart_sees_every_version_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let life = Life::begin(&store, dir.path()).await;
    let login = json!({ "username": "admin", "password": PASSWORD });
    let session = life.post("/api/v1/auth/login", "none", login).await;
    let token = session["accessToken"].as_str().unwrap();
    let space = life
        .post("/api/v1/addressspaces", token, json!({ "name": "s" }))
        .await;
    let base = format!("/api/v1/addressspaces/{}", space["id"].as_str().unwrap());
    let (ips, changes) = (format!("{base}/ips"), format!("{base}/changes?since=0"));
    let make = async |life: &Life, n: u32| {
        let body = json!({ "prefix": format!("10.{n}.0.0/16") });
        life.post(&ips, token, body).await;
    };
    let (mut last_id, mut versions) = (String::new(), Vec::new());

    let mut body = life.stream(&changes, token, "").await;
    for n in 0..5 {
        make(&life, n).await;
    }
    receive(&mut body, &mut last_id, &mut versions, Some(3)).await;
    // The server ends; what it had already sent counts, the rest comes later.
    life.frontend.end_streams();
    receive(&mut body, &mut last_id, &mut versions, None).await;
    make(&life, 5).await;
    life.access.shutdown().await;

    let life = Life::begin(&store, dir.path()).await;
    make(&life, 6).await;
    let mut body = life.stream(&changes, token, &last_id).await;
    make(&life, 7).await;
    receive(&mut body, &mut last_id, &mut versions, Some(8)).await;
    assert_eq!(versions, (1..=8).collect::<Vec<u64>>());
}

#[actix_web::test]
async fn a_stream_of_a_deleted_space_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let life = Life::begin(&store, dir.path()).await;
    let login = json!({ "username": "admin", "password": PASSWORD });
    let session = life.post("/api/v1/auth/login", "none", login).await;
    let token = session["accessToken"].as_str().unwrap();
    let space = life
        .post("/api/v1/addressspaces", token, json!({ "name": "s" }))
        .await;
    let base = format!("/api/v1/addressspaces/{}", space["id"].as_str().unwrap());
    let mut body = life.stream(&format!("{base}/changes"), token, "").await;
    let app = test::init_service(App::new().configure(life.frontend.configure())).await;
    let request = test::TestRequest::delete()
        .uri(&base)
        .peer_addr("192.0.2.1:5000".parse().unwrap())
        .insert_header(("authorization", format!("Bearer {token}")));
    assert_eq!(
        test::call_service(&app, request.to_request())
            .await
            .status()
            .as_u16(),
        204
    );
    receive(&mut body, &mut String::new(), &mut Vec::new(), None).await;
}
