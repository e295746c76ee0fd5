//! Requests that are odd below the JSON: methods, paths, headers, and what no library would send.

use reqwest::Method;

use super::{Witness, assert_refused};
use crate::support::raw::{self, exchange};
use crate::support::{Deployment, claims, json};

claims! {
    both: [
        methods_that_a_path_does_not_have_are_refused,
        paths_that_lead_nowhere_are_not_found,
        odd_bytes_on_the_wire_are_refused_without_harm,
    ],
    one: [headers_that_cannot_be_understood_are_refused, very_long_requests_are_refused],
}

fn methods_that_a_path_does_not_have_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let node = format!("/ips/{}", witness.node);
    let paths = [
        ("/api/v1/addressspaces".to_owned(), vec!["GET", "POST"]),
        (witness.space.path(""), vec!["GET", "PUT", "DELETE"]),
        (witness.space.path("/ips"), vec!["GET", "POST"]),
        (witness.space.path(&node), vec!["GET", "PUT", "DELETE"]),
        (witness.space.path(&format!("{node}/explain")), vec!["GET"]),
        (witness.space.path("/tags/Owner"), vec!["GET", "PUT", "DELETE"]),
        ("/api/v1/auth/login".to_owned(), vec!["POST"]),
        ("/api/v1/me".to_owned(), vec!["GET"]),
        ("/openapi.json".to_owned(), vec!["GET"]),
    ];
    for (path, has) in paths {
        for method in [
            "GET",
            "PUT",
            "POST",
            "DELETE",
            "PATCH",
            "OPTIONS",
            "TRACE",
            "PROPFIND",
            "FROBNICATE",
        ] {
            if has.contains(&method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = witness.space.client.request(method.clone(), &path).send();
            let allow = answer.header("allow").map(str::to_owned);
            let error = assert_refused(&answer, &format!("{method} {path}"));
            assert_eq!(error["code"], "MethodNotAllowed", "{method} {path}: {error}");
            let allow = allow.unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            assert!(has.iter().all(|method| allow.contains(method)), "{path}: {allow}");
        }
    }
    witness.assert_untouched();
}

fn paths_that_lead_nowhere_are_not_found(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    for path in [
        "/api".to_owned(),
        "/api/".to_owned(),
        "/api/v1".to_owned(),
        "/api/v1/".to_owned(),
        "/api/v2/addressspaces".to_owned(),
        "/api/v1/addressspaces/".to_owned(),
        "/api/v1//addressspaces".to_owned(),
        "/API/V1/addressspaces".to_owned(),
        space.path("/nothing"),
        space.path("/ips/"),
        space.path(&format!("/ips/{}/nothing", witness.node)),
        space.path("/tags/Owner/more"),
        "/internal/v1/ready".to_owned(),
        "/internal/v1/get_user".to_owned(),
        "/api/v1/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "/docs/..%2f..%2fCargo.toml".to_owned(),
        "/docs/%00".to_owned(),
        "/.git/config".to_owned(),
        "/admin-password".to_owned(),
        "/data/keys".to_owned(),
    ] {
        for client in [space.client.clone(), at.client()] {
            let answer = client.get(&path);
            assert!(matches!(answer.status, 400 | 401 | 404), "{path}: {answer:?}");
            answer.error();
        }
        let answer = space.client.post(&path, &json!({}));
        assert!(
            matches!(answer.status, 400 | 401 | 404 | 405),
            "{path}: {answer:?}"
        );
    }
    witness.assert_untouched();
}

fn headers_that_cannot_be_understood_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    let long = "k".repeat(256);
    for key in ["", " ", "two words", "\u{e9}", "\"open", &long] {
        let request = space
            .client
            .request(Method::POST, &space.path("/ips"))
            .header("idempotency-key", key);
        request
            .json(&json!({ "prefix": "10.1.0.0/16" }))
            .send()
            .refused(400, "InvalidHeader");
    }
    let twice = space
        .client
        .request(Method::POST, &space.path("/ips"))
        .header("idempotency-key", "a");
    twice
        .header("idempotency-key", "b")
        .json(&json!({ "prefix": "10.1.0.0/16" }))
        .send()
        .refused(400, "InvalidHeader");
    for etag in [
        "", "5", "\"5", "5\"", "*, \"5\"", "'5'", "\"a b\"", "\u{e9}", "W/5",
    ] {
        for method in [Method::PUT, Method::DELETE] {
            let path = space.path(&format!("/ips/{}", witness.node));
            let request = space
                .client
                .request(method.clone(), &path)
                .header("if-match", etag);
            let request = if method == Method::PUT {
                request.json(&json!({ "tags": {} }))
            } else {
                request
            };
            request.send().refused(400, "InvalidHeader");
        }
    }
    // What is odd about these is nobody's fault: they are answered as if they were not there.
    for (name, value) in [
        ("x-correlation-id", "has spaces and \u{e9}"),
        ("traceparent", "00-zz-zz-00"),
        ("accept", "\u{e9}"),
        ("x-forwarded-for", "nonsense"),
        ("range", "bytes=5-"),
        ("if-none-match", "nonsense"),
        ("expect", "a-miracle"),
    ] {
        let answer = space
            .client
            .request(Method::GET, &space.path(""))
            .header(name, value)
            .send();
        assert!(
            answer.status == 200 || (400..500).contains(&answer.status),
            "{name}: {answer:?}"
        );
    }
    witness.assert_untouched();
}

fn odd_bytes_on_the_wire_are_refused_without_harm(at: &Deployment) {
    let witness = Witness::new(at);
    let (base, token) = (at.url(), witness.space.client.token().to_owned());
    let target = witness.space.path("/ips");
    let good = raw::head("GET", &target, &token, &[]);
    assert_eq!(exchange(&base, &good).status, Some(200));
    let requests: Vec<Vec<u8>> = vec![
        raw::head("GET", "/api/v1/addressspaces/\0", &token, &[]),
        raw::head("GET", "/api/v1/users/a\0b", &token, &[]),
        raw::head("GET", "/api/v1/users/\u{fc}", &token, &[]),
        raw::head("GET", "/api/v1/users/a b", &token, &[]),
        raw::head("GET", "", &token, &[]),
        raw::head("GET", "api/v1/me", &token, &[]),
        raw::head("", &target, &token, &[]),
        raw::head("G\0T", &target, &token, &[]),
        raw::head("GET", &target, &token, &["x-odd: a\0b"]),
        raw::head("GET", &target, &token, &["no colon here"]),
        raw::head("GET", &target, &token, &[": no name"]),
        raw::head("POST", &target, &token, &["content-length: -1"]),
        raw::head(
            "POST",
            &target,
            &token,
            &["content-length: 5", "content-length: 6"],
        ),
        raw::head("POST", &target, &token, &["content-length: x"]),
        raw::head(
            "POST",
            &target,
            &token,
            &["content-length: 5", "transfer-encoding: chunked"],
        ),
        raw::head("POST", &target, &token, &["transfer-encoding: gzip, identity"]),
        raw::head("GET", &target, &token, &[])
            .iter()
            .map(|byte| if *byte == b'1' { b'9' } else { *byte })
            .collect(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense".to_vec(),
        b"GET / HTTP/0.9\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
    ];
    for request in &requests {
        // Some of these wait for more: they are sent, and the connection is closed.
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        let mut socket = raw::connect(&base);
        socket
            .set_read_timeout(Some(std::time::Duration::from_millis(700)))
            .unwrap();
        let answer = raw::exchange_on(&mut socket, request);
        let refused = answer.status.is_none_or(|status| (400..500).contains(&status));
        assert!(refused, "{shown:?}: {answer:?}");
    }
    witness.assert_untouched();
    assert_eq!(exchange(&base, &good).status, Some(200));
}

fn very_long_requests_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let (base, token) = (at.url(), witness.space.client.token().to_owned());
    let refused = |request: &[u8]| {
        let answer = exchange(&base, request);
        let fits = answer.status.is_none_or(|status| (400..500).contains(&status));
        assert!(fits, "{:?}: {answer:?}", String::from_utf8_lossy(&request[..80]));
    };
    for length in [4_000, 30_000, 70_000, 1_000_000] {
        refused(&raw::head(
            "GET",
            &format!("/api/v1/users/{}", "u".repeat(length)),
            &token,
            &[],
        ));
        refused(&raw::head(
            "GET",
            &format!("/api/v1/{}", "a/".repeat(length / 2)),
            &token,
            &[],
        ));
        refused(&raw::head(
            "GET",
            &format!(
                "{}?tags={}",
                witness.space.path("/ips"),
                "t=v,".repeat(length / 4)
            ),
            &token,
            &[],
        ));
    }
    let many: Vec<String> = (0..2_000).map(|number| format!("x-header-{number}: v")).collect();
    refused(&raw::head(
        "GET",
        "/api/v1/nothing",
        &token,
        &many.iter().map(String::as_str).collect::<Vec<_>>(),
    ));
    refused(&raw::head(
        "GET",
        "/api/v1/nothing",
        &token,
        &[&format!("x-long: {}", "v".repeat(500_000))],
    ));
    witness.assert_untouched();
}
