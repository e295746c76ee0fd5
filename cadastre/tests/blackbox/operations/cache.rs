//! Two servers on one table with one Redis, which is killed while they run.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::azure::Server;
use crate::support::deployment::free_port;
use crate::support::json;
use crate::support::process::{Directory, command, run};
use crate::support::services::{EMULATOR_KEY, azurite, connection, some_table};

const SECRET: &str = "hunter2-of-redis";

/// A Redis that asks for a password.
struct Redis {
    child: Child,
    url: String,
}

impl Redis {
    fn start(directory: &Directory) -> Self {
        let program = std::env::var("CADASTRE_TEST_REDIS_SERVER")
            .expect("CADASTRE_TEST_REDIS_SERVER=PATH of redis-server (make test sets it)");
        let port = free_port().to_string();
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port, "--requirepass", SECRET])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("redis://:{SECRET}@127.0.0.1:{port}"),
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until a page of metrics is as expected.
fn metrics(server: &Server, what: &str, is_so: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = server.client.get("/metrics").text();
        if is_so(&page) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}:\n{page}");
        // Whoever reads is who makes it look.
        let admin = server.admin();
        admin.get("/api/v1/me").expect(200);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_servers_share_what_they_know_and_lose_nothing_with_redis() {
    let (directory, table) = (Directory::new(), some_table());
    let mut redis = Redis::start(&directory);
    let url = redis.url.clone();
    let given = [
        ("CADASTRE_CACHE", url.as_str()),
        ("CADASTRE_CACHE_KEY", "a secret of this test, long enough"),
    ];
    let mut servers = ["one", "two"].map(|name| {
        let connection = connection(&azurite(), EMULATOR_KEY);
        let mut server = Server::start_with(&directory, name, &table, &connection, &given);
        server.ready(200);
        server
    });
    for server in &servers {
        metrics(server, "Redis is found", |page| {
            page.contains("cadastre_cache_available 1")
        });
    }
    let [one, two] = servers.each_ref().map(Server::admin);
    let space = one
        .post("/api/v1/addressspaces", &json!({ "name": "Shared" }))
        .made();
    let path = format!("/api/v1/addressspaces/{}", space["id"].as_str().unwrap());
    let (ips, tags) = (format!("{path}/ips"), format!("{path}/tags"));
    one.post(&tags, &json!({ "name": "Site", "type": "Inheritable" }))
        .made();
    let above = one
        .post(&ips, &json!({ "prefix": "10.0.0.0/8", "tags": { "Site": "A" } }))
        .made();
    let beneath = one.post(&ips, &json!({ "prefix": "10.0.0.0/16" })).made();
    let above = format!("{ips}/{}", above["id"].as_str().unwrap());
    let beneath = format!("{ips}/{}", beneath["id"].as_str().unwrap());
    let site = |client: &crate::support::Client| client.get(&beneath).ok()["resolvedTags"]["Site"].clone();
    assert_eq!((site(&one), site(&two)), (json!("A"), json!("A")));
    metrics(&servers[1], "two finds what one has left", |page| {
        page.contains(r#"outcome="hit""#)
    });

    // A busy machine may have missed an answer or three already: what is told from here on is counted.
    let told = |server: &Server| {
        server
            .process
            .log()
            .matches("the shared cache does not answer")
            .count()
    };
    let mut before = [0; 2];
    for value in ["B", "C"] {
        let tag = json!({ "tags": { "Site": value } });
        one.put(&above, &tag).expect(200);
        assert_eq!((site(&two), site(&one)), (json!(value), json!(value)));
        // The second time round without it.
        if value == "B" {
            for (server, before) in servers.iter().zip(&mut before) {
                metrics(server, "Redis is there when it is killed", |page| {
                    page.contains("cadastre_cache_available 1")
                });
                *before = told(server);
            }
        }
        redis.kill();
    }
    for (server, before) in servers.iter_mut().zip(before) {
        metrics(server, "Redis is missed", |page| {
            page.contains("cadastre_cache_available 0")
        });
        server.ready(200);
        let log = server.process.log();
        assert!(!log.contains(SECRET), "{log}");
        assert_eq!(told(server), before + 1, "{log}");
    }
}

#[test]
fn the_password_of_redis_is_shown_nowhere_and_a_bad_url_is_refused() {
    let directory = Directory::new();
    let mut shown = command(&["config", "dataaccess", "--cache"]);
    shown.arg(format!("redis://ada:{SECRET}@cache:6379"));
    let shown = run(shown, &directory);
    assert!(
        shown.out.contains("redis://***@cache:6379") && !shown.out.contains(SECRET),
        "{}{}",
        shown.out,
        shown.err
    );
    let mut refused = command(&[
        "serve",
        "--store",
        "memory:",
        "--listen",
        "127.0.0.1:0",
        "--cache",
    ]);
    refused
        .arg(format!("http://ada:{SECRET}@cache"))
        .arg("--data")
        .arg(directory.join("data"));
    let refused = run(refused, &directory);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(
        refused.err.contains("redis://") && !refused.err.contains(SECRET),
        "{}",
        refused.err
    );
}
