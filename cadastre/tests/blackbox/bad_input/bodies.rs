//! Bodies that are no JSON, not the right JSON, or too much of it.

use std::io::Write as _;
use std::time::Duration;

use reqwest::Method;

use super::{Witness, assert_refused};
use crate::support::raw::{self, exchange};
use crate::support::{Deployment, Value, claims, json};

claims! {
    both: [
        a_body_that_is_no_json_is_refused_everywhere,
        a_body_larger_than_the_limit_is_refused_declared_or_not,
    ],
    one: [
        a_field_that_is_not_known_is_refused_by_name_everywhere,
        a_wrong_type_is_refused_by_name,
        a_key_that_is_there_twice_is_refused,
        deep_nesting_and_long_numbers_are_refused,
        only_plain_json_is_taken,
        a_body_that_breaks_off_changes_nothing,
        a_definition_of_a_mebibyte_is_refused_or_kept_whole,
    ],
}

fn a_body_that_is_no_json_is_refused_everywhere(at: &Deployment) {
    let witness = Witness::new(at);
    let bodies: [&[u8]; 16] = [
        b"",
        b" \n",
        b"{",
        b"}",
        b"[",
        b"{\"name\":",
        b"{name:1}",
        b"{'name':'x'}",
        b"nonsense",
        b"{}{}",
        b"{},",
        b"\xff\xfe\x00",
        b"{\"name\":\"\xc3\x28\"}",
        b"\xef\xbb\xbf{}",
        b"{\"name\":\"\x01\"}",
        b"{\"name\":\"\\ud800\"}",
    ];
    for (method, path) in witness.writes() {
        for body in bodies {
            let client = witness.space.client.without_token();
            let client = if path.ends_with("/login") || path.ends_with("/refresh") {
                client
            } else {
                witness.space.client.clone()
            };
            let request = client
                .request(method.clone(), &path)
                .header("content-type", "application/json");
            let answer = request.body(body.to_vec()).send();
            let error = assert_refused(
                &answer,
                &format!("{method} {path} {:?}", String::from_utf8_lossy(body)),
            );
            assert_eq!(
                (answer.status, &error["code"]),
                (400, &json!("MalformedRequest")),
                "{answer:?}"
            );
        }
        for body in ["[]", "null", "true", "1", "\"text\"", "[{}]"] {
            let request = witness
                .space
                .client
                .request(method.clone(), &path)
                .header("content-type", "application/json");
            assert_refused(&request.body(body).send(), &format!("{method} {path} {body}"));
        }
    }
    witness.assert_untouched();
}

fn a_field_that_is_not_known_is_refused_by_name_everywhere(at: &Deployment) {
    let witness = Witness::new(at);
    for (method, path) in witness.writes() {
        let body =
            json!({ "name": "x", "tags": {}, "prefix": "10.1.0.0/16", "__proto__": {}, "username": "x" });
        let answer = witness
            .space
            .client
            .request(method.clone(), &path)
            .json(&body)
            .send();
        let error = answer.refused(400, "UnknownField");
        assert!(
            error["details"]["field"].is_string() && error["message"].as_str().unwrap().contains('`'),
            "{error}"
        );
    }
    witness.assert_untouched();
}

fn a_wrong_type_is_refused_by_name(at: &Deployment) {
    let witness = Witness::new(at);
    let values = [
        json!(1),
        json!(-1.5e300),
        json!(true),
        json!([]),
        json!({}),
        json!(["a"]),
        json!({ "a": { "b": [1] } }),
    ];
    let space = &witness.space;
    let cases: [(Method, String, Value, &[&str]); 4] = [
        (
            Method::POST,
            space.path("/ips"),
            json!({ "prefix": "10.1.0.0/16" }),
            &["prefix", "parentId", "description", "tags"],
        ),
        (
            Method::POST,
            space.path("/tags"),
            json!({ "name": "N", "type": "Inheritable" }),
            &[
                "name",
                "type",
                "description",
                "knownValues",
                "attributes",
                "implies",
                "conflict",
            ],
        ),
        (
            Method::POST,
            "/api/v1/addressspaces".to_owned(),
            json!({ "name": "N" }),
            &["name", "description"],
        ),
        (
            Method::POST,
            "/api/v1/users".to_owned(),
            json!({ "username": "n", "password": "p" }),
            &["username", "password"],
        ),
    ];
    for (method, path, good, fields) in cases {
        for field in fields {
            for value in &values {
                // These are what the fields take.
                let empty_map = matches!(*field, "tags" | "attributes" | "implies") && *value == json!({});
                let list = *field == "knownValues" && value.is_array();
                if empty_map || list {
                    continue;
                }
                let mut body = good.clone();
                body[*field] = value.clone();
                let answer = space.client.request(method.clone(), &path).json(&body).send();
                let error = answer.refused(400, "MalformedRequest");
                assert!(
                    error["message"].as_str().unwrap().contains(field),
                    "{body}: {error}"
                );
            }
        }
    }
    for tags in [
        json!({ "Owner": 1 }),
        json!({ "Owner": null }),
        json!({ "Owner": ["x"] }),
    ] {
        space
            .post("/ips", &json!({ "prefix": "10.1.0.0/16", "tags": tags }))
            .refused(400, "MalformedRequest");
    }
    witness.assert_untouched();
}

fn a_key_that_is_there_twice_is_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    for (path, body) in [
        (
            space.path("/ips"),
            r#"{"prefix":"10.1.0.0/16","prefix":"10.2.0.0/16"}"#,
        ),
        (
            space.path("/ips"),
            r#"{"prefix":"10.1.0.0/16","tags":{"Owner":"a","Owner":"b"}}"#,
        ),
        (
            space.path("/ips"),
            r#"{"prefix":"10.1.0.0/16","tags":{"Owner":"a","\u004fwner":"b"}}"#,
        ),
        (
            space.path("/tags"),
            r#"{"name":"N","type":"Inheritable","implies":{"Owner":{"a":"b","a":"c"}}}"#,
        ),
        ("/api/v1/addressspaces".to_owned(), r#"{"name":"a","name":"b"}"#),
    ] {
        let request = space
            .client
            .request(Method::POST, &path)
            .header("content-type", "application/json");
        request.body(body).send().refused(400, "MalformedRequest");
    }
    witness.assert_untouched();
}

fn deep_nesting_and_long_numbers_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let deep = |open: &str, close: &str, levels: usize| {
        format!(
            "{{\"prefix\":\"10.1.0.0/16\",\"tags\":{}1{}}}",
            open.repeat(levels),
            close.repeat(levels)
        )
    };
    let bodies = [
        deep("[", "]", 100),
        deep("[", "]", 100_000),
        deep("{\"a\":", "}", 100_000),
        "[".repeat(1_000_000),
        format!("{{\"prefix\":{}}}", "9".repeat(500_000)),
        "{\"prefix\":1e999999999}".to_owned(),
        format!("{{\"prefix\":\"10.1.0.0/{}\"}}", "1".repeat(500_000)),
    ];
    for (method, path) in witness.writes() {
        for body in &bodies {
            let request = witness
                .space
                .client
                .request(method.clone(), &path)
                .header("content-type", "application/json");
            let answer = request.body(body.clone()).send();
            let error = assert_refused(&answer, &format!("{body:.60}"));
            assert!(error["message"].as_str().unwrap().len() < 1_000, "{error}");
        }
    }
    witness.assert_untouched();
}

fn only_plain_json_is_taken(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    let body = json!({ "prefix": "10.1.0.0/16" }).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "",
        ";",
        "application/json\u{e9}",
    ] {
        let request = space
            .client
            .request(Method::POST, &space.path("/ips"))
            .header("content-type", content_type);
        request
            .body(body.clone())
            .send()
            .refused(415, "UnsupportedMediaType");
    }
    let request = space.client.request(Method::POST, &space.path("/ips"));
    request
        .body(body.clone())
        .send()
        .refused(415, "UnsupportedMediaType");
    for encoding in ["gzip", "br", "zstd", "deflate", "x"] {
        let request = space
            .client
            .request(Method::POST, &space.path("/ips"))
            .header("content-type", "application/json");
        let answer = request
            .header("content-encoding", encoding)
            .body(body.clone())
            .send();
        assert_refused(&answer, encoding);
    }
    witness.assert_untouched();
    let request = space.client.request(Method::POST, &space.path("/ips"));
    request
        .header("content-type", "Application/JSON ; charset=UTF-8")
        .body(body)
        .send()
        .expect(201);
}

fn a_body_larger_than_the_limit_is_refused_declared_or_not(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    let (base, token) = (at.url(), space.client.token().to_owned());
    let target = space.path("/ips");
    let large = format!(
        "{{\"prefix\":\"10.1.0.0/16\",\"description\":\"{}\"}}",
        "d".repeat(1_100_000)
    );
    for path in [
        space.path("/ips"),
        space.path("/tags"),
        "/api/v1/auth/login".to_owned(),
        "/api/v1/addressspaces".to_owned(),
    ] {
        let request = space
            .client
            .request(Method::POST, &path)
            .header("content-type", "application/json");
        // A server may close the connection on somebody who sends too much.
        if let Ok(answer) = request.body(large.clone()).try_send() {
            answer.refused(413, "PayloadTooLarge");
        }
    }
    // Refused for its announcement alone, before it is sent.
    for length in ["1048577", "99999999999"] {
        let announced = raw::head(
            "POST",
            &target,
            &token,
            &[
                "content-type: application/json",
                &format!("content-length: {length}"),
            ],
        );
        let answer = exchange(&base, &announced);
        assert_eq!(answer.status, Some(413), "{answer:?}");
        assert_eq!(answer.error().unwrap()["code"], "PayloadTooLarge");
    }
    // In chunks, without an announcement: it is refused while it is still being sent.
    let mut socket = raw::connect(&base);
    let head = raw::head(
        "POST",
        &target,
        &token,
        &["content-type: application/json", "transfer-encoding: chunked"],
    );
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut begun = head.clone();
    (0..20).for_each(|_| begun.extend_from_slice(chunk.as_bytes()));
    socket.write_all(&begun).unwrap();
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut socket, &mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    drop(socket);
    // In chunks that end: the answer says why.
    let mut whole = head;
    for _ in 0..20 {
        whole.extend_from_slice(chunk.as_bytes());
    }
    whole.extend_from_slice(b"0\r\n\r\n");
    let answer = exchange(&base, &whole);
    assert!(matches!(answer.status, Some(413) | None), "{answer:?}");
    witness.assert_untouched();
}

fn a_body_that_breaks_off_changes_nothing(at: &Deployment) {
    let witness = Witness::new(at);
    let token = witness.space.client.token().to_owned();
    let target = witness.space.path("/ips");
    let lines = ["content-type: application/json", "content-length: 100"];
    for body in ["", "{\"prefix\":\"10.1.0.0/16\"", "{\"prefix\":\"10.1.0.0/16\"}"] {
        let mut socket = raw::connect(&at.url());
        socket
            .write_all(&raw::head("POST", &target, &token, &lines))
            .unwrap();
        socket.write_all(body.as_bytes()).unwrap();
        drop(socket);
    }
    for chunks in [
        "zz\r\n",
        "-1\r\n",
        "5\r\n{}",
        "ffffffffffffffffff\r\n{}",
        "2\r\n{}\r\n0\r\n",
    ] {
        let mut request = raw::head(
            "POST",
            &target,
            &token,
            &["content-type: application/json", "transfer-encoding: chunked"],
        );
        request.extend_from_slice(chunks.as_bytes());
        let mut socket = raw::connect(&at.url());
        socket.write_all(&request).unwrap();
        drop(socket);
    }
    std::thread::sleep(Duration::from_millis(200));
    witness.assert_untouched();
}

fn a_definition_of_a_mebibyte_is_refused_or_kept_whole(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    // As large as a body may be: 1 MiB of known values.
    let values: Vec<String> = (0..9_000).map(|number| format!("{number:0>100}")).collect();
    let body = json!({ "name": "Huge", "type": "Inheritable", "knownValues": values });
    assert!(body.to_string().len() < 1 << 20);
    let answer = space.post("/tags", &body);
    if answer.status == 201 {
        assert_eq!(
            space.get("/tags/Huge").ok()["knownValues"]
                .as_array()
                .unwrap()
                .len(),
            values.len()
        );
        space.delete("/tags/Huge").gone();
    } else {
        answer.refused(400, "InvalidTagDefinition");
    }
    let many: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    let body = json!({ "name": "Many", "type": "Inheritable", "knownValues": many });
    space.post("/tags", &body).refused(400, "InvalidTagDefinition");
    let long = json!({ "name": "Long", "type": "Inheritable", "description": "d".repeat(1_000_000) });
    space.post("/tags", &long).expect(400).error();
    let map: serde_json::Map<String, Value> = (0..20_000)
        .map(|number| (number.to_string(), json!("x")))
        .collect();
    let body = json!({ "name": "Maps", "type": "Inheritable", "attributes": { "A": map } });
    space.post("/tags", &body).refused(400, "InvalidTagDefinition");
    witness.assert_untouched();
}
