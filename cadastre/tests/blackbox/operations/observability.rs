//! Logs, metrics, health, and the headers that every answer carries.

use reqwest::Method;

use crate::support::{Deployment, Launch, Shape, claims, json, unique};

claims! {
    both: [
        a_correlation_id_is_echoed_and_is_in_the_error_and_in_the_log,
        health_readiness_and_metrics_are_there,
        every_answer_has_the_security_headers,
        the_documentation_needs_nothing_from_elsewhere,
    ],
    one: [a_trace_of_the_caller_is_followed_and_a_malformed_one_is_not],
}

fn a_correlation_id_is_echoed_and_is_in_the_error_and_in_the_log(at: &Deployment) {
    let admin = at.admin();
    let id = unique("trace.me_1");
    let send = |method: Method, path: &str| admin.request(method, path).header("x-correlation-id", &id);
    let answer = send(Method::GET, "/api/v1/me").send().expect(200);
    assert_eq!(answer.header("x-correlation-id"), Some(id.as_str()));
    let error = send(Method::POST, "/api/v1/addressspaces")
        .json(&json!({ "name": "" }))
        .send()
        .refused(400, "InvalidName");
    assert_eq!(error["correlationId"], json!(id));
    let made = send(Method::POST, "/api/v1/addressspaces")
        .json(&json!({ "name": unique("logged") }))
        .send();
    made.expect(201);
    // The log is written by a thread of its own.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !at.log().contains(&id) {
        assert!(std::time::Instant::now() < deadline, "the log does not know {id}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // One that could forge log lines is replaced, and so is an absent one.
    let bad = "x".repeat(65);
    let mut given = Vec::new();
    for id in [Some("with space"), Some(bad.as_str()), Some("\u{fc}"), None] {
        let request = admin.request(Method::GET, "/api/v1/me");
        let answer = match id {
            Some(id) => request.header("x-correlation-id", id),
            None => request,
        };
        let answer = answer.send().expect(200);
        let fresh = answer.header("x-correlation-id").unwrap().to_owned();
        assert!(
            Some(fresh.as_str()) != id && (16..=64).contains(&fresh.len()),
            "{fresh}"
        );
        assert!(!given.contains(&fresh));
        given.push(fresh);
    }
}

fn health_readiness_and_metrics_are_there(at: &Deployment) {
    let client = at.client();
    assert_eq!(client.get("/health").ok()["status"], "ok");
    assert_eq!(client.get("/ready").ok()["status"], "ready");
    at.admin().get("/api/v1/me").expect(200);
    let metrics = client.get("/metrics").expect(200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    let text = metrics.text();
    assert!(
        text.contains("cadastre_build_info") && text.contains("process_start_time_seconds"),
        "{text}"
    );
    let samples: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(samples.len() > 5, "{text}");
    for sample in samples {
        let (name, value) = sample.rsplit_once(' ').unwrap();
        assert!(
            value.parse::<f64>().is_ok() && name.starts_with(|c: char| c.is_ascii_alphabetic()),
            "{sample}"
        );
    }
    assert!(
        text.contains("status=\"200\"") || text.contains("2xx"),
        "requests are counted by status:\n{text}"
    );
}

fn every_answer_has_the_security_headers(at: &Deployment) {
    let admin = at.admin();
    let answers = [
        admin.get("/api/v1/me").expect(200),
        at.client().get("/api/v1/me").expect(401),
        admin.get("/api/v1/nothing").expect(404),
        admin
            .post("/api/v1/addressspaces", &json!({ "name": "" }))
            .expect(400),
        at.client().get("/docs").expect(200),
        at.client().get("/").expect(200),
        at.client().get("/health").expect(200),
    ];
    for answer in answers {
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{}",
            answer.what
        );
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{}", answer.what);
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{}",
            answer.what
        );
        let policy = answer
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{}", answer.what));
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains('*'),
            "{policy}"
        );
        for chatty in ["server", "x-powered-by", "x-cadastre-service-token"] {
            assert_eq!(answer.header(chatty), None, "{}", answer.what);
        }
        if answer.what.contains("/api/") {
            assert_eq!(
                answer.header("cache-control"),
                Some("no-store"),
                "{}",
                answer.what
            );
        }
    }
    // No page of another origin may read answers.
    let foreign = admin
        .request(Method::GET, "/api/v1/me")
        .header("origin", "https://evil.example")
        .send();
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}

fn the_documentation_needs_nothing_from_elsewhere(at: &Deployment) {
    let client = at.client();
    let page = client.get("/docs").expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let text = page.text();
    assert!(!text.contains("//cdn") && !text.contains("https://"), "{text}");
    let files: Vec<&str> = text
        .split('"')
        .filter(|part| part.ends_with(".js") || part.ends_with(".css"))
        .collect();
    assert!(files.len() >= 3, "{text}");
    for file in files {
        client.get(file).expect(200);
    }
    let document = client.get("/openapi.json").ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let front = client.get("/").expect(200).text();
    assert!(front.contains("/docs"), "{front}");
}

fn a_trace_of_the_caller_is_followed_and_a_malformed_one_is_not(_: &Deployment) {
    let at = Launch::new(Shape::OneProcess)
        .environment("CADASTRE_LOG_FORMAT", "json")
        .start();
    let admin = at.admin();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let send = |traceparent: &str| {
        let request = admin
            .request(Method::POST, "/api/v1/addressspaces")
            .header("traceparent", traceparent);
        request
            .json(&json!({ "name": unique("traced") }))
            .send()
            .expect(201)
    };
    send(&format!("00-{trace}-00f067aa0ba902b7-01"));
    let broken = "5bf92f3577b34da6a3ce929d0e0e47zz";
    send(&format!("00-{broken}-00f067aa0ba902b7-01"));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let log = at.log();
    assert!(log.contains(trace) && !log.contains(broken), "{log}");
    // Every line of a JSON log is one object with a time, a level and a message or fields.
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(!lines.is_empty(), "{log}");
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let access = lines
        .iter()
        .find(|line| line.to_string().contains(trace))
        .unwrap();
    assert!(access.to_string().contains("201"), "{access}");
}
