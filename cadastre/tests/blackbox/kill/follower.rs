//! A client that follows the changes of a space across kills sees every version once, in order.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;

use super::launch;
use crate::support::{Space, json, raw};

/// Reads a stream of events until the connection ends; the ids of its events, as they come.
fn read_events(socket: TcpStream, ids: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    // The head of the answer.
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line.trim_end() != "" {
        line.clear();
    }
    let mut text = String::new();
    loop {
        let mut size = String::new();
        if !reader.read_line(&mut size).is_ok_and(|read| read > 0) {
            return;
        }
        let Ok(size) = usize::from_str_radix(size.trim_end(), 16) else {
            return;
        };
        let mut chunk = vec![0; size + 2];
        if size == 0 || reader.read_exact(&mut chunk).is_err() {
            return;
        }
        text.push_str(&String::from_utf8_lossy(&chunk[..size]));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") == Some("change") {
                ids.lock().unwrap().push(field("id: ").unwrap().to_owned());
            }
            text = rest.to_owned();
        }
    }
}

fn follow(base: &str, space: &Space, ids: &Mutex<Vec<String>>) {
    let last = ids.lock().unwrap().last().cloned();
    let mut lines = vec!["accept: text/event-stream".to_owned()];
    lines.extend(last.map(|id| format!("last-event-id: {id}")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let head = raw::head(
        "GET",
        &space.path("/changes?since=0"),
        space.client.token(),
        &lines,
    );
    let Ok(mut socket) = TcpStream::connect(base.strip_prefix("http://").unwrap()) else {
        return;
    };
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    if socket.write_all(&head).is_ok() {
        read_events(socket, ids);
    }
}

#[test]
fn who_follows_the_changes_across_kills_sees_every_version_once_and_in_order() {
    let mut at = launch().start();
    let space = at.space();
    let (url, client) = (at.url(), at.client().with_token(at.admin().token()));
    let (ids, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let seen = space.seen_by(&client);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                follow(&url, &seen, &ids);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        for round in 0..3_u8 {
            let dead = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for writer in 0..4_u8 {
                    let (space, dead) = (space.seen_by(&client), &dead);
                    scope.spawn(move || {
                        for n in 0..=255_u8 {
                            let prefix = format!("10.{}.{n}.0/24", round * 4 + writer);
                            let request = space.client.request(Method::POST, &space.path("/ips"));
                            let sent = request.json(&json!({ "prefix": prefix })).try_send();
                            if sent.is_err() || dead.load(Ordering::Relaxed) {
                                return;
                            }
                        }
                    });
                }
                std::thread::sleep(Duration::from_millis(300));
                at.kill();
                dead.store(true, Ordering::Relaxed);
            });
            at.restart();
        }
        let journal =
            crate::support::pages::all(&space.client, &space.path("/changes?since=0"), 1000, "version");
        let deadline = Instant::now() + Duration::from_secs(30);
        while ids.lock().unwrap().len() < journal.len() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::Relaxed);
        // Ends the last stream.
        at.kill();
        let versions: Vec<u64> = ids
            .lock()
            .unwrap()
            .iter()
            .map(|id| id.rsplit_once('-').unwrap().1.parse().unwrap())
            .collect();
        let expected: Vec<u64> = journal
            .iter()
            .map(|entry| entry["version"].as_u64().unwrap())
            .collect();
        assert!(
            expected.len() > 100,
            "only {} changes: this tests nothing",
            expected.len()
        );
        assert_eq!(versions, expected);
    });
}
