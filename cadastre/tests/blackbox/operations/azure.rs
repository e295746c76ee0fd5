//! Records in Azure tables: Azurite stands for the service, behind a line that can be cut.

use std::collections::BTreeSet;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::deployment::free_port;
use crate::support::process::{Directory, Process, command};
use crate::support::services::{EMULATOR_KEY, azurite, connection, some_table};
use crate::support::{Client, json};

pub(super) const PASSWORD: &str = "a password for tests only";

/// A server, with what it needs.
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) client: Client,
}

impl Server {
    fn start(directory: &Directory, name: &str, table: &str, connection: &str) -> Self {
        Self::start_with(directory, name, table, connection, &[])
    }

    /// With more variables.
    pub(super) fn start_with(
        directory: &Directory,
        name: &str,
        table: &str,
        connection: &str,
        given: &[(&str, &str)],
    ) -> Self {
        Self::on(
            directory,
            name,
            &format!("azure-tables:{table}"),
            connection,
            given,
        )
    }

    /// On any store.
    pub(super) fn on(
        directory: &Directory,
        name: &str,
        store: &str,
        connection: &str,
        given: &[(&str, &str)],
    ) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = command(&["serve", "--listen", &listen, "--store", store]);
        command
            .arg("--data")
            .arg(directory.join(name))
            .arg("--keys")
            .arg(directory.join("keys"))
            .env("CADASTRE_ADMIN_PASSWORD", PASSWORD)
            .env("CADASTRE_AZURE_CONNECTION", connection)
            .env("CADASTRE_LOG", "trace")
            .env("NO_COLOR", "1")
            .envs(given.iter().copied());
        Self {
            process: Process::start(command, &directory.join(&format!("{name}.log")), directory.path()),
            client: Client::new(&format!("http://{listen}")),
        }
    }

    /// What `/ready` answers, once it answers as expected.
    pub(super) fn ready(&mut self, status: u16) -> serde_json::Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(answer) = self.client.request(Method::GET, "/ready").try_send()
                && answer.status == status
            {
                return answer.json();
            }
            assert!(
                self.process.ended().is_none(),
                "it ended:\n{}",
                self.process.log()
            );
            assert!(
                Instant::now() < deadline,
                "/ready is not {status}:\n{}",
                self.process.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn admin(&self) -> Client {
        self.client.logged_in("admin", PASSWORD)
    }
}

/// Forwards connections from a port until it is dropped, which cuts all of them.
struct Line {
    cut: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
    port: u16,
}

impl Line {
    fn lay(port: u16, to: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (cut, ends) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (is_cut, kept) = (Arc::clone(&cut), Arc::clone(&ends));
        std::thread::spawn(move || {
            for near in listener.incoming() {
                if is_cut.load(Ordering::SeqCst) {
                    return;
                }
                let (near, far) = (near.unwrap(), TcpStream::connect(&to).unwrap());
                for (mut from, mut into) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = into.shutdown(Shutdown::Write);
                    });
                }
                kept.lock().unwrap().extend([near, far]);
            }
        });
        Self { cut, ends, port }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut.store(true, Ordering::SeqCst);
        // Wakes the listener, which then goes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_server_waits_for_its_tables_says_why_and_goes_on_by_itself() {
    let (directory, port) = (Directory::new(), free_port());
    let table = some_table();
    let mut server = Server::start(
        &directory,
        "one",
        &table,
        &connection(&format!("127.0.0.1:{port}"), EMULATOR_KEY),
    );
    let told = server.ready(503);
    let message = told["error"]["message"].as_str().unwrap();
    assert_eq!(told["error"]["code"], "StoreUnavailable");
    assert!(
        message.contains(&table) && message.contains("no connection"),
        "{message}"
    );
    server.client.get("/health").expect(200);
    server.client.get("/api/v1/me").expect(503);

    let line = Line::lay(port, azurite());
    server.ready(200);
    let admin = server.admin();
    let space = admin
        .post("/api/v1/addressspaces", &json!({ "name": "Lab" }))
        .made();
    let ips = format!("/api/v1/addressspaces/{}/ips", space["id"].as_str().unwrap());
    let node = admin.post(&ips, &json!({ "prefix": "10.0.0.0/8" })).made();

    // Cut while it runs: refused with a reason, and nothing is lost.
    drop(line);
    server.ready(503);
    admin.post(&ips, &json!({ "prefix": "10.1.0.0/16" })).expect(503);
    let _line = Line::lay(port, azurite());
    server.ready(200);
    let found = admin.get(&format!("{ips}/{}", node["id"].as_str().unwrap())).ok();
    assert_eq!(found["prefix"], "10.0.0.0/8");
    // Whether the refused one was made or not, sent again it is there once.
    let again = admin.post(&ips, &json!({ "prefix": "10.1.0.0/16" })).status;
    assert!(again == 201 || again == 409, "{again}");
}

#[test]
fn a_wrong_key_is_said_without_the_key_and_waiting_ends_with_the_signal() {
    let directory = Directory::new();
    let wrong = "d3Jvbmcga2V5IHRoYXQgbXVzdCBub3QgYmUgc2hvd24=";
    let mut server = Server::start(&directory, "one", &some_table(), &connection(&azurite(), wrong));
    let message = server.ready(503)["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("403") && message.contains("account key"),
        "{message}"
    );
    server.process.terminate();
    let end = server.process.wait(Duration::from_secs(10)).expect("it ends");
    assert!(end.success(), "{end}");
    let log = server.process.log();
    assert!(log.contains("account key"), "{log}");
    assert!(!log.contains(wrong) && !message.contains(wrong), "{log}");
    // The log is at its most talkative here: nothing that signs a request is in it.
    assert!(!log.contains("SharedKey"), "{log}");
}

#[test]
fn two_servers_on_one_table_give_no_address_twice_and_see_what_the_other_was_told() {
    let (directory, table) = (Directory::new(), some_table());
    let mut servers = ["one", "two"].map(|name| {
        // One after the other: the first makes the keys and the first administrator.
        let mut server = Server::start(&directory, name, &table, &connection(&azurite(), EMULATOR_KEY));
        server.ready(200);
        server
    });
    let [one, two] = servers.each_ref().map(Server::admin);
    let space = one
        .post("/api/v1/addressspaces", &json!({ "name": "Shared" }))
        .made();
    let ips = format!("/api/v1/addressspaces/{}/ips", space["id"].as_str().unwrap());
    let pool = one.post(&ips, &json!({ "prefix": "10.0.0.0/24" })).made();
    let allocate = format!("{ips}/{}/allocate", pool["id"].as_str().unwrap());
    let takers: Vec<_> = [&one, &two, &one, &two, &one, &two]
        .into_iter()
        .map(|client| {
            let (client, other, path) = (client.clone(), two.clone(), allocate.clone());
            let ips = ips.clone();
            std::thread::spawn(move || {
                let mut taken = Vec::new();
                while taken.len() < 20 {
                    let answer = client.post(&path, &json!({ "prefixLength": 32 }));
                    if answer.status == 409 {
                        // Lost too many races in a row; its answer says to come again.
                        assert_eq!(answer.error()["code"], "Contention");
                        continue;
                    }
                    let made = answer.made()[0].clone();
                    other
                        .get(&format!("{ips}/{}", made["id"].as_str().unwrap()))
                        .expect(200);
                    taken.push(made["prefix"].as_str().unwrap().to_owned());
                }
                taken
            })
        })
        .collect();
    let taken: Vec<String> = takers
        .into_iter()
        .flat_map(|taker| taker.join().unwrap())
        .collect();
    assert_eq!(taken.len(), 120);
    assert_eq!(
        taken.iter().collect::<BTreeSet<_>>().len(),
        120,
        "one was given twice"
    );
    for client in [&one, &two] {
        let told = client
            .get(&format!("{ips}/{}/utilization", pool["id"].as_str().unwrap()))
            .ok();
        assert_eq!(told["children"], "120");
    }
    for server in &mut servers {
        assert!(
            !server.process.log().contains("panic"),
            "{}",
            server.process.log()
        );
    }
}
