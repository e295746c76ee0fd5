//! `cadastre backup`, `restore` and `copy`, with servers that run, that are killed, and that must not serve what is not
//! whole.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::azure::{PASSWORD, Server};
use crate::support::deployment::ADMIN_PASSWORD;
use crate::support::process::{Directory, Said, command, run};
use crate::support::services::{EMULATOR_KEY, azurite, connection, some_table};
use crate::support::{Deployment, Space, Value, claims, json, unique};

claims! {
    both: [
        a_backup_of_a_running_server_is_of_one_moment_and_is_served_again,
        a_backup_that_is_not_for_the_caller_leaves_no_file,
    ],
    one: [],
}

pub(super) fn cadastre(directory: &Directory, arguments: &[&str]) -> Said {
    run(prepared(directory, arguments), directory)
}

fn prepared(directory: &Directory, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command
        .current_dir(directory.path())
        .env("NO_COLOR", "1")
        .env("CADASTRE_AZURE_CONNECTION", connection(&azurite(), EMULATOR_KEY));
    command
}

#[track_caller]
pub(super) fn done(said: &Said) {
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[track_caller]
pub(super) fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
}

/// A backup of a running server.
fn back_up(at: &Deployment, directory: &Directory, file: &str) -> Said {
    let mut command = match at.table() {
        None => prepared(directory, &["backup", file, "--server", &at.url()]),
        // What servers share is read beside them.
        Some(table) => prepared(
            directory,
            &["backup", file, "--store", &format!("azure-tables:{table}")],
        ),
    };
    command.env("CADASTRE_PASSWORD", ADMIN_PASSWORD);
    run(command, directory)
}

/// What a file says of its partitions: rows, versions and content.
fn ends(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| line.starts_with("{\"end\":"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A directory with a store of some thousand rows, made by a server that was stopped.
pub(super) fn some_data(directory: &Directory, nodes: usize) -> Space {
    let store = format!("rocksdb:{}", directory.join("data/store").display());
    let mut server = Server::on(directory, "data", &store, "", &[]);
    server.ready(200);
    let client = server.admin();
    let made = client
        .post("/api/v1/addressspaces", &json!({ "name": "Kept" }))
        .made();
    let space = Space {
        id: made["id"].as_str().unwrap().to_owned(),
        name: "Kept".to_owned(),
        client,
    };
    space.tag("Site");
    let mut lines = String::from("prefix,description,tag:Site\n10.0.0.0/8,all,\n");
    for number in 0..nodes {
        lines.push_str(&format!(
            "10.{}.{}.0/24,,AMS{}\n",
            number / 256,
            number % 256,
            number % 7
        ));
    }
    let sent = space
        .client
        .request(reqwest::Method::POST, &space.path("/ips/import"))
        .header("content-type", "text/csv")
        .body(lines)
        .send();
    assert_eq!(sent.ok()["created"], nodes + 1);
    server.process.terminate();
    server.process.wait(Duration::from_secs(20)).expect("it ends");
    space
}

fn a_backup_of_a_running_server_is_of_one_moment_and_is_served_again(at: &Deployment) {
    let directory = Directory::new();
    let space = at.space();
    let pool = space.node("10.0.0.0/8", json!({}));
    // Each change is one allocation of three, so a moment has a multiple of three.
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (space.client.clone(), Arc::clone(&stop));
            let path = space.path(&format!("/ips/{pool}/allocate"));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client
                        .post(&path, &json!({ "prefixLength": 28, "count": 3 }))
                        .made();
                }
            })
        })
        .collect();
    let said = back_up(at, &directory, "online.ndjson.gz");
    done(&said);
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    use std::os::unix::fs::PermissionsExt as _;
    let facts = fs::metadata(directory.join("online.ndjson.gz")).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);

    done(&cadastre(
        &directory,
        &["restore", "online.ndjson.gz", "--data", "new"],
    ));
    let store = format!("rocksdb:{}", directory.join("new/store").display());
    let mut server = Server::on(&directory, "new", &store, "", &[]);
    server.ready(200);
    // The users of then, with their passwords.
    let admin = server.client.logged_in("admin", ADMIN_PASSWORD);
    let restored = space.seen_by(&admin);
    let blocks: Vec<String> = restored.prefixes("/ips");
    assert_eq!(blocks.len() % 3, 1, "{} blocks", blocks.len() - 1);
    let told = admin
        .get(&restored.path(&format!("/ips/{pool}/utilization")))
        .ok();
    assert_eq!(told["children"], (blocks.len() - 1).to_string());
    // It goes on from there.
    let path = restored.path(&format!("/ips/{pool}/allocate"));
    let next = admin.post(&path, &json!({ "prefixLength": 28 })).made();
    assert!(!blocks.contains(&next[0]["prefix"].as_str().unwrap().to_owned()));
    // A place in the stream of before is not one of now.
    let changes = restored.path("/changes?since=0&limit=1");
    admin.get(&changes).expect(200);
}

fn a_backup_that_is_not_for_the_caller_leaves_no_file(at: &Deployment) {
    let directory = Directory::new();
    let mut wrong = prepared(&directory, &["backup", "x.ndjson", "--server", &at.url()]);
    wrong.env("CADASTRE_PASSWORD", "not the password");
    refused(&run(wrong, &directory), 1, &["password"]);
    let name = unique("viewer");
    let body = json!({ "username": name, "password": PASSWORD });
    at.admin().post("/api/v1/users", &body).expect(201);
    let mut viewer = prepared(
        &directory,
        &["backup", "x.ndjson", "--server", &at.url(), "--user", &name],
    );
    viewer.env("CADASTRE_PASSWORD", PASSWORD);
    refused(&run(viewer, &directory), 1, &["system.backup"]);
    let files: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("x."))
        .collect();
    assert!(files.is_empty(), "{files:?}");
}

#[test]
fn a_store_that_a_server_has_open_is_backed_up_by_that_server() {
    let directory = Directory::new();
    let store = format!("rocksdb:{}", directory.join("data/store").display());
    let mut server = Server::on(&directory, "data", &store, "", &[]);
    server.ready(200);
    refused(
        &cadastre(&directory, &["backup", "x.ndjson", "--data", "data"]),
        1,
        &["in use", "--server"],
    );
    refused(
        &cadastre(&directory, &["backup", "x.ndjson", "--data", "nowhere"]),
        1,
        &["There is no store in"],
    );
    let empty = format!("rocksdb:{}", directory.join("empty/store").display());
    drop(cadastre_storage::open_url(&empty).unwrap());
    refused(
        &cadastre(&directory, &["backup", "x.ndjson", "--data", "empty"]),
        1,
        &["The source is empty"],
    );
    refused(
        &cadastre(&directory, &["backup", "x.ndjson", "--store", "memory:"]),
        2,
        &["rocksdb:DIR"],
    );
    assert!(!directory.join("nowhere").exists());
}

#[test]
fn what_is_no_whole_backup_is_refused_and_nothing_is_written() {
    let directory = Directory::new();
    some_data(&directory, 50);
    done(&cadastre(
        &directory,
        &["backup", "good.ndjson", "--data", "data"],
    ));
    done(&cadastre(
        &directory,
        &["backup", "good.ndjson.gz", "--data", "data"],
    ));
    refused(
        &cadastre(&directory, &["backup", "good.ndjson", "--data", "data"]),
        2,
        &["exists already"],
    );
    let good = fs::read(directory.join("good.ndjson")).unwrap();
    let packed = fs::read(directory.join("good.ndjson.gz")).unwrap();
    let mut altered = good.clone();
    let middle = good.len() / 2;
    altered[middle] ^= 1;
    let newer =
        String::from_utf8(good.clone())
            .unwrap()
            .replacen("\"cadastreBackup\":1", "\"cadastreBackup\":9", 1);
    for (name, content, words) in [
        ("cut.ndjson", &good[..middle], &["cut off"][..]),
        ("cut.ndjson.gz", &packed[..packed.len() / 2], &["cut off"]),
        ("altered.ndjson", &altered, &["altered or damaged"]),
        ("newer.ndjson", newer.as_bytes(), &["format 9", "formats up to 1"]),
        (
            "other.csv",
            b"prefix,description\n",
            &["not a backup of Cadastre"],
        ),
        ("empty", b"", &["not a backup of Cadastre"]),
    ] {
        fs::write(directory.join(name), content).unwrap();
        refused(
            &cadastre(&directory, &["restore", name, "--data", "new"]),
            1,
            words,
        );
        assert!(!directory.join("new").exists(), "{name}");
    }
    refused(
        &cadastre(&directory, &["restore", "good.ndjson", "--data", "data"]),
        1,
        &["not empty"],
    );
    refused(&cadastre(&directory, &["restore", "good.ndjson"]), 2, &["--data"]);
    done(&cadastre(
        &directory,
        &["restore", "good.ndjson.gz", "--data", "new"],
    ));
    done(&cadastre(
        &directory,
        &["backup", "again.ndjson", "--data", "new"],
    ));
    assert_eq!(
        ends(&directory.join("again.ndjson")),
        ends(&directory.join("good.ndjson"))
    );
}

/// Begins a restore from a pipe that stops in the middle, once the target is marked.
fn half_a_restore(directory: &Directory, backup: &[u8]) -> Child {
    let mut child = prepared(directory, &["restore", "-", "--data", "new"])
        .stdin(Stdio::piped())
        .stderr(File::create(directory.join("half.err")).unwrap())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&backup[..backup.len() / 2]).unwrap();
    pipe.flush().unwrap();
    // Its end stays open as long as the child is there.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !directory.join("new/store/CURRENT").exists() {
        assert!(Instant::now() < deadline, "it did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.stdin = Some(pipe);
    child
}

#[test]
fn a_restore_that_is_killed_is_not_served_and_is_finished_by_doing_it_again() {
    let directory = Directory::new();
    some_data(&directory, 3000);
    done(&cadastre(
        &directory,
        &["backup", "good.ndjson", "--data", "data"],
    ));
    let good = fs::read(directory.join("good.ndjson")).unwrap();
    let mut child = half_a_restore(&directory, &good);
    // Until rows are there: the log grows behind the mark.
    let size = || -> u64 {
        let files = fs::read_dir(directory.join("new/store")).unwrap();
        files
            .map(|file| file.unwrap().metadata().map_or(0, |facts| facts.len()))
            .sum()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while size() < 200_000 {
        assert!(Instant::now() < deadline, "no rows came");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let mut served = prepared(&directory, &["serve", "--data", "new", "--listen", "127.0.0.1:0"]);
    served.env("CADASTRE_ADMIN_PASSWORD", PASSWORD);
    refused(
        &run(served, &directory),
        1,
        &["is not whole", "run that command again"],
    );
    refused(
        &cadastre(&directory, &["backup", "x.ndjson", "--data", "new"]),
        1,
        &["is not whole"],
    );
    fs::write(directory.join("other.ndjson"), {
        done(&cadastre(
            &directory,
            &["backup", "second.ndjson", "--data", "data"],
        ));
        fs::read(directory.join("second.ndjson")).unwrap()
    })
    .unwrap();
    refused(
        &cadastre(&directory, &["restore", "other.ndjson", "--data", "new"]),
        1,
        &["holds a part of"],
    );

    let again = cadastre(&directory, &["restore", "good.ndjson", "--data", "new"]);
    done(&again);
    assert!(again.err.contains("were there already"), "{}", again.err);
    done(&cadastre(
        &directory,
        &["backup", "again.ndjson", "--data", "new"],
    ));
    assert_eq!(
        ends(&directory.join("again.ndjson")),
        ends(&directory.join("good.ndjson"))
    );
}

#[test]
fn ctrl_c_ends_a_restore_and_says_how_to_go_on() {
    let directory = Directory::new();
    some_data(&directory, 500);
    done(&cadastre(
        &directory,
        &["backup", "good.ndjson", "--data", "data"],
    ));
    let good = fs::read(directory.join("good.ndjson")).unwrap();
    let mut child = half_a_restore(&directory, &good);
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    // It waits for standard input, which gives no more.
    drop(child.stdin.take());
    let status = child.wait().unwrap();
    let said = fs::read_to_string(directory.join("half.err")).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    done(&cadastre(
        &directory,
        &["restore", "good.ndjson", "--data", "new"],
    ));
}

#[test]
fn a_copy_moves_to_azure_tables_and_back_also_when_it_is_killed() {
    let (directory, table) = (Directory::new(), some_table());
    let space = some_data(&directory, 3000);
    done(&cadastre(
        &directory,
        &["backup", "before.ndjson", "--data", "data"],
    ));
    let to = format!("azure-tables:{table}");
    let there = ["copy", "--from", "rocksdb:data/store", "--to", &to];
    let mut child = prepared(&directory, &there)
        .stderr(File::create(directory.join("copy.err")).unwrap())
        .spawn()
        .unwrap();
    // As soon as the table is marked.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let said = cadastre(&directory, &["backup", "x.ndjson", "--store", &to]);
        if said.err.contains("is not whole") {
            break;
        }
        assert!(Instant::now() < deadline, "{}", said.err);
    }
    assert!(
        child.try_wait().unwrap().is_none(),
        "it was faster than we could look"
    );
    child.kill().unwrap();
    child.wait().unwrap();

    // A server waits for the rest, and says so.
    let mut server = Server::on(
        &directory,
        "azure",
        &to,
        &connection(&azurite(), EMULATOR_KEY),
        &[],
    );
    let message = server.ready(503)["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("is not whole") && message.contains("a copy of rocksdb:data/store"),
        "{message}"
    );
    done(&cadastre(&directory, &there));
    server.ready(200);
    let moved = space.seen_by(&server.admin());
    assert_eq!(moved.prefixes("/ips").len(), 3001);
    server.process.terminate();
    server.process.wait(Duration::from_secs(20)).expect("it ends");

    let back = ["copy", "--from", &to, "--to", "rocksdb:back/store"];
    done(&cadastre(&directory, &back));
    done(&cadastre(
        &directory,
        &["backup", "after.ndjson", "--data", "back"],
    ));
    let of_space = |file: &str| -> Vec<Value> {
        ends(&directory.join(file))
            .into_iter()
            .filter(|end| end["end"] == space.id.as_str())
            .collect()
    };
    assert_eq!(of_space("after.ndjson"), of_space("before.ndjson"));
    // And a backup beside the servers.
    done(&cadastre(
        &directory,
        &["backup", "beside.ndjson", "--store", &to],
    ));
    assert_eq!(of_space("beside.ndjson"), of_space("before.ndjson"));
    refused(
        &cadastre(&directory, &["copy", "--from", &to, "--to", &to]),
        2,
        &["the same store"],
    );
}

/// Allocations of three at a time, at two servers on one table, and backups beside them.
#[test]
fn a_backup_beside_servers_on_azure_tables_has_each_space_as_it_was_at_one_moment() {
    let (directory, table) = (Directory::new(), some_table());
    let store = format!("azure-tables:{table}");
    let servers = ["one", "two"].map(|name| {
        let mut server = Server::on(
            &directory,
            name,
            &store,
            &connection(&azurite(), EMULATOR_KEY),
            &[],
        );
        server.ready(200);
        server
    });
    let admins = servers.each_ref().map(Server::admin);
    let spaces: Vec<(Space, String)> = (0..2)
        .map(|number| {
            let name = format!("Busy {number}");
            let made = admins[0]
                .post("/api/v1/addressspaces", &json!({ "name": name }))
                .made();
            let space = Space {
                id: made["id"].as_str().unwrap().to_owned(),
                name,
                client: admins[0].clone(),
            };
            let pool = space.node("10.0.0.0/8", json!({}));
            (space, pool)
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let (client, stop) = (admins[number % 2].clone(), Arc::clone(&stop));
            let (space, pool) = &spaces[number / 2 % 2];
            let path = space.path(&format!("/ips/{pool}/allocate"));
            std::thread::spawn(move || {
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.post(&path, &json!({ "prefixLength": 28, "count": 3 }));
                    assert!([201, 409, 503].contains(&answer.status), "{}", answer.text());
                    made += u32::from(answer.status == 201);
                }
                made
            })
        })
        .collect();
    let backups = ["first.ndjson", "second.ndjson", "third.ndjson"];
    for file in backups {
        done(&cadastre(&directory, &["backup", file, "--store", &store]));
    }
    stop.store(true, Ordering::Relaxed);
    let made: u32 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert!(made > 0, "nobody wrote anything");
    for file in backups {
        let new = file.trim_end_matches(".ndjson");
        done(&cadastre(&directory, &["restore", file, "--data", new]));
        let store = format!("rocksdb:{}", directory.join(new).join("store").display());
        let mut server = Server::on(&directory, new, &store, "", &[]);
        server.ready(200);
        let admin = server.admin();
        for (space, pool) in &spaces {
            let space = space.seen_by(&admin);
            let blocks = space.prefixes("/ips").len() - 1;
            assert_eq!(blocks % 3, 0, "{blocks} blocks");
            let told = space.get(&format!("/ips/{pool}/utilization")).ok();
            assert_eq!(told["children"], blocks.to_string());
            let end = ends(&directory.join(file))
                .into_iter()
                .find(|end| end["end"] == space.id.as_str());
            assert_eq!(
                end.unwrap()["version"],
                1 + blocks / 3,
                "one version for each command"
            );
            let changes = admin.get(&space.path("/changes?since=0&limit=1000")).ok();
            assert_eq!(changes.as_array().map(Vec::len), Some((1 + blocks / 3).min(1000)));
        }
        server.process.terminate();
        server.process.wait(Duration::from_secs(20)).expect("it ends");
    }
}

#[test]
fn a_server_waits_for_a_table_of_a_newer_format_and_goes_on_when_it_is_known() {
    let (directory, table) = (Directory::new(), some_table());
    let url = format!("azure-tables:{table}");
    let options = cadastre_storage::StoreOptions {
        azure_connection: Some(connection(&azurite(), EMULATOR_KEY)),
        ..cadastre_storage::StoreOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = cadastre_storage::open_url_with(&url, &options).unwrap();
    let put = |format: u32| {
        let write = cadastre_storage::Write::Put {
            key: cadastre_storage::RowKey::new("format").unwrap(),
            value: json!({ "V": 1, "TableFormat": format, "MadeBy": "9.0.0" })
                .to_string()
                .into(),
        };
        let system = cadastre_storage::PartitionKey::new("SYSTEM").unwrap();
        runtime.block_on(store.commit(&system, vec![write])).unwrap();
    };
    runtime.block_on(store.ping()).unwrap();
    put(7);
    let mut server = Server::on(
        &directory,
        "data",
        &url,
        &connection(&azurite(), EMULATOR_KEY),
        &[],
    );
    let message = server.ready(503)["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("format 7") && message.contains("up to 1"),
        "{message}"
    );
    assert!(
        server.process.log().contains("format 7"),
        "{}",
        server.process.log()
    );
    put(1);
    server.ready(200);
}
