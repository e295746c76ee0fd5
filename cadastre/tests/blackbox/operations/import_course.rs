//! The course of `cadastre import`: what it tells while it sends, and what becomes of it when the server dies, when
//! somebody stops it, and when many lines fail.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::import::import;
use crate::support::deployment::ADMIN_PASSWORD;
use crate::support::process::{Directory, Said, command};
use crate::support::{Deployment, Launch, Shape, Space, Value, claims, json};

claims! {
    both: [
        ctrl_c_stops_the_import_on_the_server_and_says_where_and_how_to_go_on,
        an_import_that_somebody_stops_on_the_server_is_not_taken_up_again_by_itself,
        a_file_that_cannot_be_read_is_refused_in_words_however_large_it_is,
        errors_has_every_line_that_failed_and_can_be_corrected_and_imported,
    ],
    one: [
        standard_input_is_imported_while_it_comes_and_the_progress_is_told,
        an_atomic_import_with_bad_lines_imports_nothing_and_names_them_all,
        a_dry_run_of_a_large_file_answers_for_every_line_and_says_that_it_was_cut,
    ],
}

/// The tool at work. It does not outlive its test.
struct Tool {
    child: Child,
    input: Option<ChildStdin>,
    out: PathBuf,
    err: PathBuf,
}

impl Tool {
    fn start(at: &Deployment, directory: &Directory, arguments: &[&str]) -> Self {
        let (out, err) = (directory.join("tool.out"), directory.join("tool.err"));
        let url = at.url();
        let mut command = command(&[&["import", "--server", &url], arguments].concat());
        let mut child = command
            .env("CADASTRE_PASSWORD", ADMIN_PASSWORD)
            .stdin(Stdio::piped())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        Self {
            child,
            input,
            out,
            err,
        }
    }

    /// Says something on its standard input, which stays open.
    fn hear(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    fn interrupt(&self) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -INT {}", self.child.id()))
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Closes its standard input and waits for its end.
    fn end(mut self) -> Said {
        drop(self.input.take());
        let mut code = None;
        wait_for(|| {
            let ended = self.child.try_wait().unwrap();
            code = ended.and_then(|status| status.code());
            ended.is_some()
        });
        Said {
            code,
            out: fs::read_to_string(&self.out).unwrap(),
            err: self.told(),
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn wait_for(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !done() {
        assert!(Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A deployment that a test may kill.
fn alone() -> Deployment {
    Launch::new(Shape::OneProcess)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "6h")
        .start()
}

/// So many lines with networks of /24, from 10.0.0.0 on; without a header.
fn networks(from: usize, to: usize) -> String {
    (from..to)
        .map(|n| {
            format!(
                "{}.{}.{}.0/24,number {n}\n",
                10 + n / 65_536,
                n / 256 % 256,
                n % 256
            )
        })
        .collect()
}

const HEADER: &str = "prefix,description\n";

fn job(space: &Space) -> Value {
    space.get("/imports").ok()[0].clone()
}

/// Lines that the server has settled of the newest import.
fn settled(space: &Space) -> u64 {
    job(space)["line"].as_u64().unwrap_or(0)
}

fn there(space: &Space) -> u64 {
    let text = space.get("/ips/export").expect(200).text();
    text.lines().count() as u64 - 1
}

/// Numbers of the lines in a file that `--errors` has written.
fn numbers(errors: &Path) -> Vec<u64> {
    let text = fs::read_to_string(errors).unwrap();
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["error"]["message"].is_string(), "{line}");
            line["line"].as_u64().unwrap()
        })
        .collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The key that the tool has named.
fn key(said: &str) -> String {
    let (_, rest) = said
        .split_once("--key ")
        .unwrap_or_else(|| panic!("no key: {said}"));
    rest.split([' ', '.']).next().unwrap().to_owned()
}

fn standard_input_is_imported_while_it_comes_and_the_progress_is_told(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    space.node("10.0.0.0/24", json!({}));
    let mut tool = Tool::start(at, &directory, &["-", "--format", "csv", "--space", &space.name]);
    tool.hear(&format!("{HEADER}10.0.0.0/24,\nrubbish,\n{}", networks(1, 3_000)));
    wait_for(|| tool.told().contains("created, "));
    let told = tool.told();
    assert!(
        told.contains("line 3 (rubbish): ") && told.contains(" lines (") && told.contains("/s): "),
        "{told}"
    );
    assert!(there(&space) > 1, "what came is imported before the rest comes");
    tool.hear(&networks(3_000, 5_000));
    let said = tool.end();
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(
        said.out.starts_with("5001 lines in ")
            && said
                .out
                .contains("4999 created, 1 unchanged, 0 updated, 1 failed"),
        "{}",
        said.out
    );
    assert_eq!(there(&space), 5_000);
}

#[test]
fn a_file_goes_on_by_itself_when_the_server_is_killed_and_no_failed_line_is_lost() {
    let mut at = alone();
    let (directory, space) = (Directory::new(), at.space());
    let (csv, errors) = (directory.join("plan.csv"), directory.join("failed.ndjson"));
    // More lines fail before the kill than the server keeps.
    let bad: String = (0..3_000).map(|n| format!("bad-{n},\n")).collect();
    fs::write(&csv, format!("{HEADER}{bad}{}worse,\n", networks(0, 80_000))).unwrap();
    let arguments = [text(&csv), "--space", &space.name, "--errors", text(&errors)];
    let tool = Tool::start(&at, &directory, &arguments);
    wait_for(|| settled(&space) > 5_000);
    at.kill();
    at.restart();
    assert!(
        job(&space)["state"] != "finished",
        "the kill came too late: {}",
        job(&space)
    );
    let said = tool.end();
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(
        said.out
            .contains("80000 created, 0 unchanged, 0 updated, 3001 failed"),
        "each line counts once: {}{}",
        said.out,
        said.err
    );
    assert!(
        said.err.contains("The file is sent again") && said.err.contains("finds them all"),
        "{}",
        said.err
    );
    assert_eq!(there(&space), 80_000);
    assert!(numbers(&errors).into_iter().eq((2..=3_001).chain([83_002])));
    assert_eq!(space.get("/imports").ok().as_array().unwrap().len(), 1);
    at.assert_no_panic();
}

#[test]
fn what_came_from_standard_input_when_the_server_was_killed_goes_on_with_the_key_that_is_said() {
    let mut at = alone();
    let (directory, space) = (Directory::new(), at.space());
    let arguments = ["-", "--format", "csv", "--space", &space.name];
    let mut tool = Tool::start(&at, &directory, &arguments);
    let begin = format!("{HEADER}{}", networks(0, 3_000));
    tool.hear(&begin);
    wait_for(|| settled(&space) > 2_000);
    at.kill();
    at.restart();
    let said = tool.end();
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(
        said.err.contains("standard input cannot be sent again"),
        "{}",
        said.err
    );
    let key = key(&said.err);
    let mut tool = Tool::start(&at, &directory, &[&arguments[..], &["--key", &key]].concat());
    tool.hear(&begin);
    tool.hear(&networks(3_000, 4_000));
    let said = tool.end();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.err.contains("Going on behind line "), "{}", said.err);
    assert!(said.out.contains("4000 created, 0 unchanged"), "{}", said.out);
    assert_eq!(space.get("/imports").ok().as_array().unwrap().len(), 1);
}

fn ctrl_c_stops_the_import_on_the_server_and_says_where_and_how_to_go_on(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let mut tool = Tool::start(at, &directory, &["-", "--format", "csv", "--space", &space.name]);
    tool.hear(&format!("{HEADER}{}", networks(0, 3_000)));
    wait_for(|| settled(&space) > 2_000);
    tool.interrupt();
    let said = {
        let input = tool.input.take();
        let said = tool.end();
        drop(input);
        said
    };
    assert_eq!(said.code, Some(130), "{}{}", said.out, said.err);
    let job = job(&space);
    assert_eq!(job["state"], "stopped");
    assert!(
        said.err
            .contains(&format!("Stopped behind line {}.", job["line"])),
        "{}",
        said.err
    );
    assert_eq!(there(&space), job["created"].as_u64().unwrap());
    assert!(
        said.out.contains(&format!("{} created", job["created"])),
        "{}",
        said.out
    );

    let csv = directory.join("plan.csv");
    fs::write(&csv, format!("{HEADER}{}", networks(0, 5_000))).unwrap();
    let arguments = [text(&csv), "--space", &space.name];
    let on = import(
        at,
        &directory,
        &[&arguments[..], &["--key", &key(&said.err)]].concat(),
    );
    assert_eq!(on.code, Some(0), "{}{}", on.out, on.err);
    assert!(on.out.contains("5000 created, 0 unchanged"), "{}", on.out);
    let again = import(at, &directory, &arguments);
    assert!(again.out.contains("0 created, 5000 unchanged"), "{}", again.out);
}

fn an_import_that_somebody_stops_on_the_server_is_not_taken_up_again_by_itself(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let csv = directory.join("plan.csv");
    fs::write(&csv, format!("{HEADER}{}", networks(0, 200_000))).unwrap();
    let tool = Tool::start(at, &directory, &[text(&csv), "--space", &space.name]);
    wait_for(|| settled(&space) > 0);
    let place = format!("/imports/{}/stop", job(&space)["id"].as_str().unwrap());
    let stopped = space.post(&place, &json!({})).expect(200).json();
    assert_eq!(stopped["state"], "stopped");
    let said = tool.end();
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(
        said.err.contains(&format!(
            "was stopped on the server, behind line {}.",
            stopped["line"]
        )),
        "{}",
        said.err
    );
    assert_eq!(job(&space)["state"], "stopped");
    assert_eq!(key(&said.err).len(), 36);
}

fn a_file_that_cannot_be_read_is_refused_in_words_however_large_it_is(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let csv = directory.join("plan.csv");
    fs::write(&csv, format!("network,description\n{}", networks(0, 300_000))).unwrap();
    let said = import(at, &directory, &[text(&csv), "--space", &space.name]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.err.contains("tag:network"), "{}", said.err);
    assert!(!said.err.contains("sent again"), "{}", said.err);
}

fn errors_has_every_line_that_failed_and_can_be_corrected_and_imported(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let (csv, errors) = (directory.join("plan.csv"), directory.join("failed.ndjson"));
    let mut lines = "prefix,description,tag:Site\n".to_owned();
    let mut expected = BTreeSet::new();
    for (n, line) in networks(0, 5_000).lines().enumerate() {
        let site = if n % 5 < 3 { "here" } else { "" };
        lines.push_str(&format!("{line},{site}\n"));
        if n % 5 < 3 {
            expected.insert(n as u64 + 2);
        }
    }
    fs::write(&csv, lines).unwrap();
    let said = import(
        at,
        &directory,
        &[text(&csv), "--space", &space.name, "--errors", text(&errors)],
    );
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(
        said.out
            .contains("2000 created, 0 unchanged, 0 updated, 3000 failed"),
        "{}",
        said.out
    );
    assert_eq!(
        said.err.lines().filter(|line| line.starts_with("line ")).count(),
        20,
        "{}",
        said.err
    );
    assert!(numbers(&errors).into_iter().eq(expected));
    space.tag("Site");
    let said = import(at, &directory, &[text(&errors), "--space", &space.name]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("3000 created"), "{}", said.out);
    assert_eq!(space.by_prefix("10.0.7.0/24")["description"], "number 7");
}

fn an_atomic_import_with_bad_lines_imports_nothing_and_names_them_all(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let (csv, errors) = (directory.join("plan.csv"), directory.join("failed.ndjson"));
    let good = format!("{HEADER}{}", networks(0, 3_000));
    let bad: String = (0..150).map(|n| format!("bad-{n},\n")).collect();
    fs::write(&csv, format!("{good}{bad}")).unwrap();
    let arguments = [text(&csv), "--space", &space.name, "--mode", "atomic"];
    let said = import(
        at,
        &directory,
        &[&arguments[..], &["--errors", text(&errors)]].concat(),
    );
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(
        said.out.contains("Nothing was imported") && said.out.contains("150 lines failed"),
        "{}",
        said.out
    );
    assert!(said.err.contains("line 3002 (bad-0): "), "{}", said.err);
    assert!(numbers(&errors).into_iter().eq(3_002..3_152));
    assert_eq!(there(&space), 0);
    fs::write(&csv, good).unwrap();
    let said = import(at, &directory, &arguments);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let job = job(&space);
    assert_eq!(
        (&job["firstVersion"], there(&space)),
        (&job["lastVersion"], 3_000)
    );
    fs::write(&csv, format!("{HEADER}{}", networks(0, 10_001))).unwrap();
    let said = import(at, &directory, &arguments);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.err.contains("10000 records"), "{}", said.err);
}

fn a_dry_run_of_a_large_file_answers_for_every_line_and_says_that_it_was_cut(at: &Deployment) {
    let (directory, space) = (Directory::new(), at.space());
    let (csv, errors) = (directory.join("plan.csv"), directory.join("failed.ndjson"));
    space.node("10.0.0.0/8", json!({}));
    fs::write(
        &csv,
        format!(
            "{HEADER}10.0.0.0/8,new words\n{}10.0.0.0/33,\n{}10.0.100.0/24,again\n",
            networks(0, 12_000),
            networks(12_000, 25_000)
        ),
    )
    .unwrap();
    let before = space.dump();
    let arguments = [
        text(&csv),
        "--space",
        &space.name,
        "--dry-run",
        "--errors",
        text(&errors),
    ];
    let said = import(at, &directory, &arguments);
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    assert!(
        said.out
            .starts_with("Dry run, nothing was changed. 25003 lines in ")
            && said
                .out
                .contains("25001 created, 0 unchanged, 0 updated, 2 failed"),
        "{}",
        said.out
    );
    assert!(said.err.contains("in parts"), "{}", said.err);
    assert_eq!(numbers(&errors), [2, 12_003]);
    let said = import(at, &directory, &[&arguments[..], &["--update"]].concat());
    assert!(
        said.out
            .contains("25001 created, 0 unchanged, 1 updated, 1 failed"),
        "{}",
        said.out
    );
    assert_eq!(space.dump(), before);
    assert_eq!(space.get("/imports").ok(), json!([]));
}
