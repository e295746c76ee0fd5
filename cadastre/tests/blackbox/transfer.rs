//! Files in and out: imports and exports over HTTP, and what becomes of an import whose client or server dies.

use std::io::Write as _;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{Answer, Deployment, Grant, Launch, Shape, Space, Value, claims, json, raw};

claims! {
    both: [
        a_file_comes_in_and_goes_out_again_the_same,
        bad_lines_are_named_and_stop_nothing,
        the_same_key_and_file_is_the_same_import_and_another_file_a_conflict,
        a_client_that_vanishes_leaves_what_was_settled_and_goes_on_there,
        a_large_file_is_taken_while_it_comes_in,
        every_line_that_failed_is_told_when_asked_for,
        an_import_is_found_by_its_key_while_it_is_sent,
    ],
    one: [
        an_atomic_import_is_all_or_nothing,
        a_dry_run_changes_nothing_and_shows_what_would,
        every_line_is_told_when_asked_for,
        what_exists_differently_is_changed_only_when_asked_for,
        a_subtree_is_imported_and_exported_within_its_bounds,
        an_import_is_stopped_and_goes_on,
        what_cannot_be_read_is_refused_in_words,
    ],
}

fn send(
    space: &Space,
    query: &str,
    media: &str,
    key: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let mut request = space
        .client
        .request(Method::POST, &space.path(&format!("/ips/import{query}")))
        .header("content-type", media);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(body).send()
}

fn csv(space: &Space, query: &str, body: &str) -> Answer {
    send(space, query, "text/csv", None, body.to_owned())
}

fn counts(import: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|count| import[count].as_u64().unwrap())
}

/// Number of nodes.
fn there(space: &Space) -> usize {
    export(space, "").lines().count() - 1
}

fn export(space: &Space, query: &str) -> String {
    space.get(&format!("/ips/export{query}")).expect(200).text()
}

/// `10.0.0.0/8`, its /16s, and /24s in them: so many lines with a header.
fn plan(lines: usize) -> String {
    let mut text = "prefix,description,tag:Site\n10.0.0.0/8,all of it,\n".to_owned();
    for n in 1..lines {
        let (a, b) = (n / 257, n % 257);
        if b == 0 {
            text.push_str(&format!("10.{a}.0.0/16,\"site {a}, \"\"new\"\"\",s{a}\n"));
        } else {
            text.push_str(&format!("10.{a}.{}.0/24,number {n},\n", b - 1));
        }
    }
    text
}

fn a_file_comes_in_and_goes_out_again_the_same(at: &Deployment) {
    let (space, other) = (at.space(), at.space());
    for space in [&space, &other] {
        space.tag("Site");
        space.tag("Owner");
    }
    let text = plan(1_500);
    let answer = csv(&space, "", &text).expect(200);
    let import = answer.json();
    assert_eq!(counts(&import), [1_500, 0, 0, 0], "{import}");
    assert_eq!(
        (&import["state"], &import["line"]),
        (&json!("finished"), &json!(1_501))
    );
    assert_eq!(import["totalBytes"], json!(text.len()));
    let place = answer.header("location").unwrap().to_owned();
    let job = space.client.get(&place).ok();
    assert_eq!(job["id"], import["id"]);
    assert_eq!(space.get("/imports").ok()[0], job);
    let node = space.by_prefix("10.3.7.0/24");
    assert_eq!(node["resolvedTags"], json!({ "Site": "s3" }));

    // A stranger to the order of columns, and the other format, say the same.
    let out = export(&space, "");
    assert!(
        out.starts_with("prefix,description,tag:Owner,tag:Site\n10.0.0.0/8,all of it,,\n"),
        "{}",
        &out[..200]
    );
    let again = csv(&other, "", &out).expect(200).json();
    assert_eq!(counts(&again), [1_500, 0, 0, 0]);
    assert_eq!(export(&other, ""), out);
    let lines = export(&space, "?format=ndjson");
    assert_eq!(lines.lines().count(), 1_500);
    let again = send(&other, "", "application/x-ndjson", None, lines.clone())
        .expect(200)
        .json();
    assert_eq!(counts(&again), [0, 0, 1_500, 0]);
    assert_eq!(export(&other, "?format=ndjson"), lines);
}

fn bad_lines_are_named_and_stop_nothing(at: &Deployment) {
    let space = at.space();
    let text = "\u{feff}prefix;description\r\n10.0.0.0/8;a\r\n10.0.0.1/8;b\r\nrubbish;c\r\n10.1.0.0/16;d;e\r\n10.2.0.0/16;f\r\n10.0.0.0/8;z\r\n";
    let import = csv(&space, "", text).expect(200).json();
    assert_eq!(counts(&import), [2, 0, 0, 4], "{import}");
    let told: Vec<(u64, &str)> = import["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["line"].as_u64().unwrap(),
                one["error"]["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, "InvalidPrefix"),
            (4, "InvalidPrefix"),
            (5, "MalformedRequest"),
            (7, "Duplicate")
        ]
    );
    let of_last = import["failures"][3]["error"]["message"].as_str().unwrap();
    assert!(of_last.contains("line 2"), "{of_last}");
    let failed = space.get(&format!(
        "/imports/{}/failed?limit=3",
        import["id"].as_str().unwrap()
    ));
    assert_eq!(
        failed.clone().ok(),
        json!(import["failures"].as_array().unwrap()[..3])
    );
    let next = failed.next().unwrap();
    assert_eq!(space.client.get(&next).ok(), json!([import["failures"][3]]));
    assert_eq!(space.prefixes("/ips"), ["10.0.0.0/8", "10.2.0.0/16"]);
    // As it stands in the answer, a failed line can be corrected and sent again.
    let mut corrected = import["failures"][0].clone();
    corrected["prefix"] = json!("11.0.0.0/8");
    let again = send(&space, "", "application/x-ndjson", None, corrected.to_string())
        .expect(200)
        .json();
    assert_eq!(counts(&again), [1, 0, 0, 0], "{again}");
}

fn the_same_key_and_file_is_the_same_import_and_another_file_a_conflict(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let text = format!("{}rubbish,,\n", plan(300));
    let first = send(&space, "", "text/csv", Some("night"), text.clone()).expect(200);
    let again = send(&space, "", "text/csv", Some("night"), text.clone()).expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    let versions = space.get("/changes?since=0").ok().as_array().unwrap().len();
    let longer = format!("{text}11.0.0.0/8,,\n");
    send(&space, "", "text/csv", Some("night"), longer).refused(409, "IdempotencyMismatch");
    assert_eq!(first.json()["failures"].as_array().unwrap().len(), 1);
    send(&space, "", "text/csv", Some("night"), plan(299)).refused(409, "IdempotencyMismatch");
    send(&space, "?update=true", "text/csv", Some("night"), text.clone()).refused(409, "IdempotencyMismatch");
    assert_eq!(
        space.get("/changes?since=0").ok().as_array().unwrap().len(),
        versions
    );
    let other = send(&space, "", "text/csv", Some("day"), text).expect(200).json();
    assert_eq!(counts(&other), [0, 0, 300, 1]);
}

/// Sends the beginning of a body and hangs up in the middle of a line.
fn vanish(at: &Deployment, space: &Space, key: &str, whole: &str, sent: usize) {
    let lines = [
        "content-type: text/csv".to_owned(),
        format!("content-length: {}", whole.len()),
        format!("idempotency-key: {key}"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let head = raw::head("POST", &space.path("/ips/import"), space.client.token(), &lines);
    let mut socket = raw::connect(&at.url());
    socket.write_all(&head).unwrap();
    socket.write_all(&whole.as_bytes()[..sent]).unwrap();
    // Some of it is settled while the client is still there.
    wait_for(|| {
        space.get("/imports").ok()[0]["line"]
            .as_u64()
            .is_some_and(|line| line > 100)
    });
    drop(socket);
    wait_for(|| space.get("/imports").ok()[0]["state"] == "stopped");
}

#[track_caller]
fn wait_for(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn a_client_that_vanishes_leaves_what_was_settled_and_goes_on_there(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let text = plan(6_000);
    // Behind `10.11.1` of `10.11.110.0/24`: cut off like that a line must not become another prefix.
    let cut = text.find("10.11.110.0/2").unwrap() + "10.11.110.0/2".len();
    vanish(at, &space, "k", &text, cut);
    let stopped = space.get("/imports").ok()[0].clone();
    let settled = stopped["created"].as_u64().unwrap();
    assert!(settled > 0 && settled < 6_000, "{stopped}");
    assert_eq!(there(&space) as u64, settled, "nothing that is not told");
    assert!(!export(&space, "").contains("10.11.110.0/2,"));
    let import = send(&space, "", "text/csv", Some("k"), text).expect(200).json();
    assert_eq!(import["id"], stopped["id"]);
    assert_eq!(
        counts(&import),
        [6_000, 0, 0, 0],
        "each line counts once: {import}"
    );
    assert_eq!(there(&space), 6_000);
}

fn a_large_file_is_taken_while_it_comes_in(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    // Larger than any other body may be.
    let text = plan(6_000).replace("number", &"a long story about number".repeat(8));
    assert!(text.len() > 1 << 20);
    let import = csv(&space, "", &text).expect(200).json();
    assert_eq!(counts(&import), [6_000, 0, 0, 0]);
    let out = export(&space, "");
    assert_eq!(out.lines().count(), 6_001);
    let mut expected: Vec<&str> = text.lines().collect();
    let mut found: Vec<&str> = out.lines().collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

fn an_atomic_import_is_all_or_nothing(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let bad = "prefix,tag:Site\n10.0.0.0/8,\n10.1.0.0/16,\n10.1.0.0/33,AMS1\n";
    let refused = csv(&space, "?mode=atomic", bad).refused(409, "ImportRefused");
    let line = &refused["details"]["lines"][0];
    assert_eq!(
        (
            &line["line"],
            &line["prefix"],
            &line["tags"],
            &line["error"]["code"]
        ),
        (
            &json!(4),
            &json!("10.1.0.0/33"),
            &json!({"Site": "AMS1"}),
            &json!("InvalidPrefix")
        ),
        "a failed line looks the same wherever it is told of: {refused}"
    );
    assert_eq!(space.prefixes("/ips"), Vec::<String>::new());
    let good = "prefix\n10.0.0.0/8\n10.1.0.0/16\n";
    let import = csv(&space, "?mode=atomic", good).expect(200).json();
    assert_eq!(import["firstVersion"], import["lastVersion"]);
    assert_eq!(space.prefixes("/ips").len(), 2);
    let many: String = (0..10_001)
        .map(|n| format!("10.{}.{}.0/24\n", n / 256, n % 256))
        .collect();
    csv(&space, "?mode=atomic", &format!("prefix\n{many}")).refused(400, "CommandTooLarge");
    assert_eq!(space.prefixes("/ips").len(), 2);
}

fn a_dry_run_changes_nothing_and_shows_what_would(at: &Deployment) {
    let space = at.space();
    space.node("10.0.0.0/8", json!({}));
    let before = space.dump();
    let text = "prefix,description\n10.0.0.0/8,new words\n10.1.0.0/16,\n10.1.0.0/99,\n";
    let plan = csv(&space, "?dryRun=true&update=true", text).expect(200).json();
    let told: Vec<&Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["action"])
        .collect();
    assert_eq!(told, ["update", "create"]);
    assert_eq!(plan["conflicts"][0]["code"], "InvalidPrefix");
    assert_eq!(plan["conflicts"][0]["details"]["line"], json!(4));
    assert_eq!(space.dump(), before);
    assert_eq!(space.get("/imports").ok(), json!([]));
}

fn every_line_is_told_when_asked_for(at: &Deployment) {
    let space = at.space();
    space.node("10.1.0.0/16", json!({}));
    let text = "prefix\n10.0.0.0/8\n10.1.0.0/16\nrubbish\n10.2.0.0/16\n";
    let answer = csv(&space, "?results=all", text).expect(200).text();
    let lines: Vec<Value> = answer
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<(&Value, &Value)> = lines[..4]
        .iter()
        .map(|line| (&line["line"], &line["outcome"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(2), &json!("created")),
            (&json!(3), &json!("unchanged")),
            (&json!(4), &json!("failed")),
            (&json!(5), &json!("created")),
        ]
    );
    assert_eq!(lines[2]["error"]["code"], "InvalidPrefix");
    assert_eq!(counts(&lines[4]["import"]), [2, 0, 1, 1]);
}

fn every_line_that_failed_is_told_when_asked_for(at: &Deployment) {
    let space = at.space();
    let mut text = "prefix\n".to_owned();
    for n in 0..3_000 {
        text.push_str(&format!(
            "10.{}.{}.0/{}\n",
            n / 256,
            n % 256,
            if n % 2 == 0 { 24 } else { 40 }
        ));
    }
    let answer = csv(&space, "?results=allFailed", &text).expect(200).text();
    let lines: Vec<Value> = answer
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (summary, failed) = lines.split_last().unwrap();
    assert_eq!(counts(&summary["import"]), [1_500, 0, 0, 1_500]);
    let numbers: Vec<u64> = failed.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq((3..=3_001).step_by(2)), "{numbers:?}");
    assert_eq!(failed[1_499]["error"]["code"], "InvalidPrefix");
}

fn an_import_is_found_by_its_key_while_it_is_sent(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let by_key = |space: &Space, key: &str| space.get(&format!("/imports?idempotencyKey={key}")).ok();
    assert_eq!(by_key(&space, "k"), json!([]));
    space
        .get("/imports?idempotencyKey=")
        .refused(400, "InvalidParameter");
    let text = plan(6_000);
    vanish(at, &space, "k", &text, text.len() / 2);
    let found = by_key(&space, "k");
    assert_eq!(found, space.get("/imports").ok());
    assert_eq!(found[0]["state"], "stopped");
    assert_eq!(by_key(&space, "another"), json!([]));
    let user = at.user(&[Grant::new("AddressSpaceOperator", &space.id)]);
    assert_eq!(
        by_key(&space.seen_by(&user.client), "k"),
        json!([]),
        "keys belong to who sends them"
    );
}

fn what_exists_differently_is_changed_only_when_asked_for(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let node = space.node("10.0.0.0/8", json!({ "Site": "a" }));
    let text = "{\"prefix\":\"10.0.0.0/8\",\"tags\":{\"Site\":\"b\"}}\n";
    let lines = |query: &str| {
        send(&space, query, "application/x-ndjson", None, text)
            .expect(200)
            .json()
    };
    assert_eq!(counts(&lines("")), [0, 0, 0, 1]);
    assert_eq!(space.get(&format!("/ips/{node}")).ok()["tags"]["Site"], "a");
    assert_eq!(counts(&lines("?update=true")), [0, 1, 0, 0]);
    assert_eq!(space.get(&format!("/ips/{node}")).ok()["tags"]["Site"], "b");
    assert_eq!(counts(&lines("?update=true")), [0, 0, 1, 0]);
}

fn a_subtree_is_imported_and_exported_within_its_bounds(at: &Deployment) {
    let space = at.space();
    space.node("10.0.0.0/8", json!({}));
    space.node("10.2.0.0/16", json!({}));
    let user = at.user(&[Grant::within("AddressSpaceOperator", &space.id, "10.1.0.0/16")]);
    let seen = space.seen_by(&user.client);
    let import = csv(&seen, "", "prefix\n10.1.0.0/16\n10.1.1.0/24\n10.2.1.0/24\n")
        .expect(200)
        .json();
    assert_eq!(counts(&import), [2, 0, 0, 1]);
    assert_eq!(import["failures"][0]["error"]["code"], "OutsideScope");
    assert_eq!(
        export(&seen, "?format=csv"),
        "prefix,description\n10.1.0.0/16,\n10.1.1.0/24,\n",
        "of the chain above not everything is to be seen"
    );
    let top = space.by_prefix("10.1.0.0/16")["id"].as_str().unwrap().to_owned();
    assert_eq!(
        export(&space, &format!("?subtreeOf={top}")),
        "prefix,description\n10.1.0.0/16,\n10.1.1.0/24,\n"
    );
    // Another's import is not shown to somebody of a part.
    csv(&space, "", "prefix\n10.3.0.0/16\n").expect(200);
    assert_eq!(seen.get("/imports").ok().as_array().unwrap().len(), 1);
    assert_eq!(space.get("/imports").ok().as_array().unwrap().len(), 2);
}

fn an_import_is_stopped_and_goes_on(at: &Deployment) {
    let space = at.space();
    space.tag("Site");
    let text = plan(6_000);
    let lines = [
        "content-type: text/csv".to_owned(),
        format!("content-length: {}", text.len()),
        "idempotency-key: k".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let head = raw::head("POST", &space.path("/ips/import"), space.client.token(), &lines);
    let mut socket = raw::connect(&at.url());
    socket.write_all(&head).unwrap();
    let half = text.len() / 2;
    socket.write_all(&text.as_bytes()[..half]).unwrap();
    wait_for(|| {
        space.get("/imports").ok()[0]["line"]
            .as_u64()
            .is_some_and(|line| line > 100)
    });
    let running = space.get("/imports").ok()[0].clone();
    assert_eq!(running["state"], "running");
    let place = format!("/imports/{}/stop", running["id"].as_str().unwrap());
    assert_eq!(
        space.post(&place, &json!({})).expect(200).json()["state"],
        "stopped"
    );
    let told = raw::exchange_on(&mut socket, &text.as_bytes()[half..]);
    // The server may have closed before the client had said everything.
    if let Some(error) = told.error() {
        assert_eq!(error["code"], "ImportStopped", "{error}");
        assert!(
            error["message"].as_str().unwrap().contains("Idempotency-Key"),
            "{error}"
        );
    }
    let settled = there(&space);
    assert!(settled > 0 && settled < 6_000);
    let import = send(&space, "", "text/csv", Some("k"), text.clone())
        .expect(200)
        .json();
    assert_eq!(
        (&import["state"], counts(&import)),
        (&json!("finished"), [6_000, 0, 0, 0])
    );
}

fn what_cannot_be_read_is_refused_in_words(at: &Deployment) {
    let space = at.space();
    csv(&space, "", "network\n10.0.0.0/8\n").refused(400, "MalformedRequest");
    csv(&space, "", "").refused(400, "MalformedRequest");
    csv(&space, "?mode=some", "prefix\n").refused(400, "InvalidParameter");
    csv(&space, "?format=xml", "prefix\n").refused(400, "InvalidParameter");
    csv(&space, "?results=none", "prefix\n").refused(400, "InvalidParameter");
    csv(&space, "?upsert=true", "prefix\n").refused(400, "InvalidParameter");
    send(&space, "", "application/json", None, "[]").refused(415, "UnsupportedMediaType");
    let nothing = csv(&space, "", "prefix\n").expect(200).json();
    assert_eq!(
        (counts(&nothing), &nothing["state"]),
        ([0; 4], &json!("finished"))
    );
    space
        .get("/ips/export?asOf=2026-01-01T00:00:00Z")
        .refused(400, "InvalidParameter");
    space
        .get("/ips/export?subtreeOf=x")
        .refused(400, "InvalidParameter");
    let none = "/imports/0198a2b4-1111-7abc-8def-0123456789ab";
    space.get(none).refused(404, "NotFound");
    space.get(&format!("{none}/failed")).refused(404, "NotFound");
    space
        .post(&format!("{none}/stop"), &json!({}))
        .refused(404, "NotFound");
}

#[test]
fn an_import_that_is_killed_goes_on_behind_what_is_there() {
    let mut at = Launch::new(Shape::OneProcess)
        .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "6h")
        .start();
    let space = at.space();
    space.tag("Site");
    let text = plan(60_000);
    let mut cut_off = 0;
    let sender = space.seen_by(&at.client().with_token(at.admin().token()));
    for round in 0..3 {
        let request = sender
            .client
            .request(Method::POST, &sender.path("/ips/import"))
            .header("content-type", "text/csv")
            .header("idempotency-key", "k")
            .body(text.clone());
        let before = space.get("/imports").ok()[0]["line"].as_u64().unwrap_or(0);
        let running = std::thread::spawn(move || request.try_send());
        let deadline = Instant::now() + Duration::from_secs(30);
        // Somewhere in the middle of a part, behind at least one that was settled.
        while space.get("/imports").ok()[0]["line"].as_u64().unwrap_or(0) <= before {
            assert!(Instant::now() < deadline);
        }
        at.kill();
        let _ = running.join().unwrap();
        at.restart();
        let job = space.get("/imports").ok()[0].clone();
        let created = job["created"].as_u64().unwrap();
        assert_eq!(
            there(&space) as u64,
            created,
            "round {round}: the job is never ahead of the nodes nor behind them"
        );
        let line = job["line"].as_u64().unwrap();
        cut_off += usize::from(line > 0 && line < 60_000);
        if job["state"] == "finished" {
            break;
        }
    }
    assert!(cut_off > 0, "at least one kill fell into the middle of the file");
    let done = send(&space, "", "text/csv", Some("k"), text).expect(200).json();
    assert_eq!(
        (&done["state"], counts(&done)),
        (&json!("finished"), [60_000, 0, 0, 0])
    );
    assert_eq!(export(&space, "").lines().count(), 60_001);
    at.assert_no_panic();
}
