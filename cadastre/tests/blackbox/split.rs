//! Three processes: what lies between them is shut to others, and one that goes and comes back is survived. That
//! the API is the same is shown by the claims of the other modules, which run here too.

use std::time::{Duration, Instant};

use cadastre_api_types::correlation::SERVICE_TOKEN_HEADER;
use reqwest::Method;

use crate::support::deployment::{ADMIN_PASSWORD, SERVICE_TOKEN, free_port};
use crate::support::process::{Directory, Process, command, run};
use crate::support::{Client, Deployment, Grant, Launch, Shape, json, unique};

fn shared() -> &'static Deployment {
    Deployment::shared(Shape::Split)
}

#[test]
fn the_internal_api_answers_nobody_without_the_service_token() {
    let at = shared();
    let inside = at.client().at(&at.url_of("dataaccess"));
    let call = json!({ "context": { "actor": "admin", "correlation_id": "x", "scope": "Whole" }, "request": { "name": "admin" } });
    let attempt = |token: Option<&str>, call_name: &str| {
        let mut request = inside.request(Method::POST, &format!("/internal/v1/{call_name}"));
        if let Some(token) = token {
            request = request.header(SERVICE_TOKEN_HEADER, token);
        }
        request.json(&call).send()
    };
    let other_case = SERVICE_TOKEN.to_uppercase();
    let longer = format!("{SERVICE_TOKEN}x");
    for token in [
        None,
        Some(""),
        Some("wrong"),
        Some(&SERVICE_TOKEN[1..]),
        Some(&other_case),
        Some(&longer),
    ] {
        for name in [
            "get_user",
            "list_users",
            "change_user",
            "space_command",
            "get_node",
            "list_spaces",
        ] {
            let answer = attempt(token, name);
            assert_eq!(answer.status, 401, "{token:?}: {answer:?}");
            assert!(!answer.text().contains("argon2"));
        }
    }
    // An administrator's own token is no service token.
    let bearer = inside.with_token(at.admin().token());
    assert_eq!(bearer.post("/internal/v1/get_user", &call).status, 401);
    // Through the door there is no way to it, with or without the token.
    for client in [at.admin(), at.client()] {
        for path in [
            "/internal/v1/get_user",
            "/internal/v1/ready",
            "/api/v1/../../internal/v1/get_user",
            "//internal/v1/get_user",
        ] {
            let answer = client
                .request(Method::POST, path)
                .header(SERVICE_TOKEN_HEADER, SERVICE_TOKEN)
                .json(&call)
                .send();
            assert!(matches!(answer.status, 400 | 401 | 404), "{answer:?}");
        }
    }
    let garbage = inside
        .request(Method::POST, "/internal/v1/get_user")
        .header(SERVICE_TOKEN_HEADER, SERVICE_TOKEN);
    let answer = garbage.json(&json!({ "nonsense": true })).send();
    assert!((400..500).contains(&answer.status), "{answer:?}");
    at.assert_no_panic();
}

#[test]
fn headers_from_outside_give_nobody_an_identity() {
    let at = shared();
    let (space, user) = (at.space(), at.user(&[]));
    let claims: [(&str, &str); 13] = [
        (SERVICE_TOKEN_HEADER, SERVICE_TOKEN),
        ("x-cadastre-user", "admin"),
        ("x-cadastre-roles", "SystemAdmin"),
        ("x-user", "admin"),
        ("x-remote-user", "admin"),
        ("remote-user", "admin"),
        ("x-forwarded-user", "admin"),
        ("x-auth-request-user", "admin"),
        ("x-authenticated-user", "admin"),
        ("x-principal", "admin"),
        ("x-roles", "SystemAdmin"),
        ("x-original-url", "/health"),
        ("x-http-method-override", "GET"),
    ];
    for base in [at.url(), at.url_of("frontend")] {
        let outside = at.client().at(&base);
        let all = |client: &Client, method: Method, path: &str| {
            claims
                .iter()
                .fold(client.request(method, path), |request, (name, value)| {
                    request.header(name, value)
                })
        };
        for path in [
            "/api/v1/me".to_owned(),
            "/api/v1/users".to_owned(),
            space.path("/ips"),
        ] {
            assert_eq!(
                all(&outside, Method::GET, &path).send().status,
                401,
                "{base}{path}"
            );
            for (name, value) in claims {
                assert_eq!(
                    outside
                        .request(Method::GET, &path)
                        .header(name, value)
                        .send()
                        .status,
                    401,
                    "{name} at {base}{path}"
                );
            }
        }
        let known = outside.with_token(user.client.token());
        assert_eq!(
            all(&known, Method::GET, "/api/v1/me").send().ok()["username"],
            json!(user.name)
        );
        assert_eq!(all(&known, Method::GET, "/api/v1/users").send().status, 403);
        assert_eq!(all(&known, Method::GET, &space.path("/ips")).send().status, 404);
    }
}

#[test]
fn whoever_reaches_the_frontend_directly_cannot_choose_the_address_their_guesses_are_counted_under() {
    let at = shared();
    let client = at.client().at(&at.url_of("frontend"));
    let mut statuses = Vec::new();
    for number in 0..60 {
        let body = json!({ "username": unique("guess"), "password": "a wrong guess of it" });
        let request = client.request(Method::POST, "/api/v1/auth/login");
        let request = request
            .header("x-forwarded-for", &format!("198.51.100.{number}"))
            .header(SERVICE_TOKEN_HEADER, "wrong");
        statuses.push(request.json(&body).send().status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn without_the_data_access_service_answers_are_503_and_it_recovers() {
    let mut at = Launch::new(Shape::Split)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .start();
    let space = at.space();
    space.tag("Region");
    let id = space.node("10.0.0.0/8", json!({ "Region": "r" }));
    let user = at.user(&[Grant::new("AddressSpaceOperator", &space.id)]);
    at.process("dataaccess").kill();
    let calls: [(Method, String, Option<serde_json::Value>); 6] = [
        (Method::GET, space.path(&format!("/ips/{id}")), None),
        (Method::GET, "/api/v1/addressspaces".to_owned(), None),
        (Method::GET, "/api/v1/me".to_owned(), None),
        (
            Method::POST,
            space.path("/ips"),
            Some(json!({ "prefix": "10.1.0.0/16" })),
        ),
        (
            Method::PUT,
            space.path(&format!("/ips/{id}")),
            Some(json!({ "tags": {} })),
        ),
        (
            Method::POST,
            "/api/v1/auth/login".to_owned(),
            Some(json!({ "username": user.name, "password": crate::support::world::PASSWORD })),
        ),
    ];
    let mut followed = Vec::new();
    for (method, path, body) in &calls {
        let started = Instant::now();
        let id = unique("away");
        let mut request = user
            .client
            .request(method.clone(), path)
            .header("x-correlation-id", &id);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send();
        assert_eq!(answer.status, 503, "{answer:?}");
        let error = answer.error();
        assert!(
            matches!(
                error["code"].as_str(),
                Some("UpstreamUnavailable" | "StoreUnavailable")
            ),
            "{error}"
        );
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "{method} {path} took {:?}",
            started.elapsed()
        );
        followed.push(id);
    }
    at.client().get("/health").expect(200);
    at.client().at(&at.url_of("frontend")).get("/ready").expect(503);
    // What went wrong is found by its id in the log of every service that it went through.
    std::thread::sleep(Duration::from_millis(300));
    for role in ["gateway", "frontend"] {
        let log = at.process(role).log();
        assert!(
            followed.iter().all(|id| log.contains(id)),
            "{role} does not know all of {followed:?}:\n{log}"
        );
    }
    at.start("dataaccess");
    let deadline = Instant::now() + Duration::from_secs(20);
    while user.client.get("/api/v1/me").status != 200 {
        assert!(Instant::now() < deadline, "it did not recover:\n{}", at.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(space.prefixes("/ips"), ["10.0.0.0/8"]);
    space.seen_by(&user.client).node("10.1.0.0/16", json!({}));
    at.assert_no_panic();
}

#[test]
fn without_a_frontend_the_gateway_says_so_and_recovers() {
    let mut at = Launch::new(Shape::Split)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .start();
    let admin = at.admin();
    at.process("frontend").kill();
    let answer = admin.get("/api/v1/me");
    assert_eq!(answer.status, 503, "{answer:?}");
    answer.refused(503, "UpstreamUnavailable");
    at.client().get("/health").expect(200);
    at.start("frontend");
    let deadline = Instant::now() + Duration::from_secs(20);
    while admin.get("/api/v1/me").status != 200 {
        assert!(Instant::now() < deadline, "it did not recover:\n{}", at.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    // Ready again as well.
    while at.client().get("/ready").status != 200 {
        assert!(Instant::now() < deadline, "it is not ready:\n{}", at.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    at.assert_no_panic();
}

#[test]
fn the_health_command_tells_a_service_that_is_alive_from_one_that_can_do_its_work() {
    let mut at = Launch::new(Shape::Split).start();
    let scratch = Directory::new();
    let ask = |url: String| run(command(&["health", &url]), &scratch);
    for role in ["gateway", "frontend", "dataaccess"] {
        for path in ["/health", "/ready"] {
            let said = ask(format!("{}{path}", at.url_of(role)));
            assert_eq!(said.code, Some(0), "{role}{path}: {}", said.err);
        }
    }
    at.process("dataaccess").kill();
    let frontend = at.url_of("frontend");
    assert_eq!(ask(format!("{frontend}/health")).code, Some(0));
    let said = ask(format!("{frontend}/ready"));
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("answers 503") && said.err.contains("StoreUnavailable"),
        "{}",
        said.err
    );
    let said = ask(format!("{}/health", at.url_of("dataaccess")));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("there is no connection"), "{}", said.err);
}

#[test]
fn services_with_different_tokens_say_so_and_go_on_when_they_have_the_same() {
    let directory = Directory::new();
    let ports = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let start = |service: &str, token: &str, arguments: &[&str]| {
        let mut command = command(&[service]);
        command
            .args(arguments)
            .env("CADASTRE_SERVICE_TOKEN", token)
            .env("CADASTRE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("NO_COLOR", "1");
        Process::start(
            command,
            &directory.join(&format!("{service}.log")),
            directory.path(),
        )
    };
    let data_access = |token: &str| {
        start(
            "dataaccess",
            token,
            &["--listen", &ports[0], "--store", "memory:"],
        )
    };
    let upstream = format!("http://{}", ports[0]);
    let keys = directory.join("keys");
    let arguments = [
        "--listen",
        &ports[1],
        "--dataaccess",
        &upstream,
        "--keys",
        keys.to_str().unwrap(),
    ];
    let mut frontend = start("frontend", SERVICE_TOKEN, &arguments);
    let client = Client::new(&format!("http://{}", ports[1]));
    let mut told = |status: u16, words: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = client.request(Method::GET, "/ready").try_send();
            if answer.is_ok_and(|answer| answer.status == status && answer.text().contains(words)) {
                break client.get("/health").expect(200);
            }
            assert!(frontend.ended().is_none(), "{}", frontend.log());
            assert!(Instant::now() < deadline, "{}", frontend.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    told(503, "Connection refused");
    let strangers = data_access("another-token-than-that-of-the-frontend");
    told(503, "CADASTRE_SERVICE_TOKEN");
    drop(strangers);
    let ours = data_access(SERVICE_TOKEN);
    told(200, "ready");
    drop(ours);
    let _strangers = data_access("another-token-than-that-of-the-frontend");
    told(503, "CADASTRE_SERVICE_TOKEN");
}
