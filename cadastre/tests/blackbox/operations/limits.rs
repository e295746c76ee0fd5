//! The door: rates, addresses, bodies, connections.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{Client, Deployment, Launch, Shape, json, raw};

fn from(at: &Deployment, last: u8) -> Client {
    Client::from_address(&at.url(), IpAddr::V4(Ipv4Addr::new(127, 200, 0, last)))
}

#[test]
fn too_many_requests_are_answered_429_with_when_to_come_back() {
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--rate-limit=5", "--address-rate-limit=0"])
        .start();
    let client = at.admin();
    let answers: Vec<_> = (0..12).map(|_| client.get("/api/v1/me")).collect();
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((4..=8).contains(&served), "{served} of 12 at once were served");
    let first = &answers[0];
    assert_eq!(first.header("ratelimit-limit"), Some("5"));
    assert!(first.header("ratelimit-remaining").is_some() && first.header("ratelimit-reset").is_some());
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    refused.clone().refused(429, "RateLimited");
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds));
    // The same user is the same principal from wherever they come; somebody else is not concerned.
    let elsewhere = from(&at, 9).with_token(client.token());
    assert_eq!(elsewhere.get("/api/v1/me").status, 429);
    at.client().get("/openapi.json").expect(200);
    at.client().get("/health").expect(200);
    std::thread::sleep(Duration::from_secs(seconds) + Duration::from_millis(100));
    client.get("/api/v1/me").expect(200);
}

#[test]
fn an_address_that_asks_too_much_is_refused_whatever_it_claims_to_be() {
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--rate-limit=0", "--address-rate-limit=5"])
        .start();
    let client = from(&at, 1);
    let claim = |number: usize| {
        let request = client.request(Method::GET, "/openapi.json");
        request
            .header("x-forwarded-for", &format!("198.51.100.{number}"))
            .header("forwarded", &format!("for=198.51.100.{number}"))
            .header("x-real-ip", &format!("198.51.100.{number}"))
            .send()
            .status
    };
    let served = (0..15).map(claim).filter(|status| *status == 200).count();
    assert!((4..=9).contains(&served), "{served} of 15 were served");
    from(&at, 2).get("/openapi.json").expect(200);
}

#[test]
fn a_deny_list_acts_without_a_restart_and_a_broken_one_changes_nothing() {
    let directory = crate::support::process::Directory::new();
    let list = directory.join("deny");
    fs::write(&list, "# nobody yet\n").unwrap();
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--deny-list", list.to_str().unwrap()])
        .start();
    let (one, two) = (from(&at, 1), from(&at, 2));
    let write = |text: &str| {
        let next = directory.join("deny.next");
        fs::write(&next, text).unwrap();
        fs::rename(&next, &list).unwrap();
    };
    let becomes = |client: &Client, status: u16| {
        let deadline = Instant::now() + Duration::from_secs(40);
        while client.get("/openapi.json").status != status {
            assert!(Instant::now() < deadline, "the list was not read:\n{}", at.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    one.get("/openapi.json").expect(200);
    write("127.200.0.1 # one of ours\n");
    becomes(&one, 403);
    one.get("/openapi.json").refused(403, "AddressDenied");
    one.request(Method::GET, "/openapi.json")
        .header("x-forwarded-for", "127.200.0.2")
        .send()
        .refused(403, "AddressDenied");
    one.get("/health").expect(200);
    two.get("/openapi.json").expect(200);
    write("127.200.0.2\nnonsense\n");
    std::thread::sleep(Duration::from_millis(1_500));
    one.get("/openapi.json").refused(403, "AddressDenied");
    two.get("/openapi.json").expect(200);
    assert!(
        at.log().contains("nonsense"),
        "the log names the mistake:\n{}",
        at.log()
    );
    write("127.200.0.2/32\n");
    becomes(&one, 200);
    becomes(&two, 403);
}

#[test]
fn an_allow_list_lets_nobody_else_in() {
    let directory = crate::support::process::Directory::new();
    let list = directory.join("allow");
    fs::write(&list, "127.200.0.1\n").unwrap();
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--allow-list", list.to_str().unwrap()])
        .start();
    from(&at, 1).get("/openapi.json").expect(200);
    from(&at, 2).get("/openapi.json").refused(403, "AddressDenied");
}

#[test]
fn a_trusted_proxy_is_believed_and_nobody_else() {
    let directory = crate::support::process::Directory::new();
    let list = directory.join("deny");
    fs::write(&list, "198.51.100.7\n").unwrap();
    let flags = [
        "--deny-list",
        list.to_str().unwrap(),
        "--trusted-proxies",
        "127.200.0.1",
    ];
    let at = Launch::new(Shape::OneProcess).flags(&flags).start();
    let claim = |client: &Client, claim: &str| {
        client
            .request(Method::GET, "/openapi.json")
            .header("x-forwarded-for", claim)
            .send()
            .status
    };
    assert_eq!(claim(&from(&at, 1), "198.51.100.7"), 403);
    assert_eq!(
        claim(&from(&at, 1), "198.51.100.7, 203.0.113.1"),
        200,
        "what is left of the client is its own claim"
    );
    assert_eq!(claim(&from(&at, 2), "198.51.100.7"), 200);
}

#[test]
fn a_body_limit_can_be_set() {
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--body-limit=10KiB"])
        .start();
    let body = json!({ "name": "n", "description": "d".repeat(20_000) });
    at.admin()
        .post("/api/v1/addressspaces", &body)
        .refused(413, "PayloadTooLarge");
    at.space();
}

#[test]
fn one_connection_serves_many_requests_and_ends_when_asked() {
    let at = Deployment::shared(Shape::OneProcess);
    let mut socket = raw::connect(&at.url());
    for _ in 0..20 {
        socket
            .write_all(b"GET /health HTTP/1.1\r\nhost: test\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        let mut chunk = [0; 4096];
        while !answer.ends_with("}") {
            let read = socket.read(&mut chunk).unwrap();
            assert!(read > 0, "the server closed: {answer}");
            answer.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Two requests in one go are answered in order.
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: t\r\n\r\nGET /ready HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    let (health, ready) = (rest.find("\"ok\"").unwrap(), rest.find("\"ready\"").unwrap());
    assert!(health < ready, "{rest}");
}

#[test]
fn a_client_that_sends_its_head_drop_by_drop_is_cut_off_and_hinders_nobody() {
    let at = Launch::new(Shape::OneProcess)
        .environment("CADASTRE_CLIENT_TIMEOUT", "1s")
        .start();
    let mut slow: Vec<_> = (0..50).map(|_| raw::connect(&at.url())).collect();
    for socket in &mut slow {
        socket.write_all(b"GET /health HTTP/1.1\r\nhost:").unwrap();
    }
    at.admin().get("/api/v1/me").expect(200);
    std::thread::sleep(Duration::from_millis(3_500));
    for socket in &mut slow {
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = Vec::new();
        let ended = socket.read_to_end(&mut answer);
        assert!(
            ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        );
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    at.admin().get("/api/v1/me").expect(200);
}
