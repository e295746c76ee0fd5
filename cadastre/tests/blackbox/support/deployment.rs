//! The shapes in which the product runs, behind one face: one process, or dataaccess, frontend and gateway, or several of these on Azure tables. Tests
//! that speak of the API are given a deployment and do not know which shape it has.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rand::Rng as _;

use super::process::{Directory, Process, command};
use super::services::{EMULATOR_KEY, azurite, connection, redis, some_table};
use super::{Client, json};

/// Password of `admin` in every deployment of these tests.
pub(crate) const ADMIN_PASSWORD: &str = "twelve green herons wade upstream";
/// What the split services prove themselves with.
pub(crate) const SERVICE_TOKEN: &str = "a-token-that-only-the-services-of-this-test-know";

/// How the product runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `cadastre serve`.
    OneProcess,
    /// `cadastre dataaccess`, `cadastre frontend` and `cadastre gateway`.
    Split,
    /// The same with two of each but the gateway, on tables of Azure (Azurite) and with Redis.
    Region,
}

impl Shape {
    /// The processes, in the order in which they are started; the last one is the public door.
    fn roles(self) -> &'static [&'static str] {
        match self {
            Self::OneProcess => &["serve"],
            Self::Split => &["dataaccess", "frontend", "gateway"],
            Self::Region => &["dataaccess", "dataaccess-2", "frontend", "frontend-2", "gateway"],
        }
    }

    /// The processes of a service.
    fn replicas(self, service: &str) -> impl Iterator<Item = &'static str> {
        self.roles()
            .iter()
            .copied()
            .filter(move |role| service_of(role) == service)
    }
}

/// What a process is started as: `dataaccess-2` as `dataaccess`.
fn service_of(role: &str) -> &str {
    role.split('-').next().unwrap_or(role)
}

/// A deployment to be started: its shape, its directory, and what differs from the usual.
pub(crate) struct Launch {
    shape: Shape,
    directory: Directory,
    /// Where the records of a region are.
    table: String,
    /// Processes that do not reach the tables directly, and where they find them.
    tables_at: BTreeMap<&'static str, String>,
    /// Flags of the public door.
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    password: bool,
}

impl Launch {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            directory: Directory::new(),
            table: some_table(),
            tables_at: BTreeMap::new(),
            flags: Vec::new(),
            environment: Vec::new(),
            password: true,
        }
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The tables of a region are at another address for this process.
    pub(crate) fn tables_at(mut self, role: &'static str, address: &str) -> Self {
        self.tables_at.insert(role, address.to_owned());
        self
    }

    /// Does not say what the password of `admin` is to be.
    pub(crate) fn without_password(mut self) -> Self {
        self.password = false;
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Deployment {
        let shape = self.shape;
        let mut deployment = Deployment {
            launch: self,
            ports: BTreeMap::new(),
            processes: BTreeMap::new(),
            admin: OnceLock::new(),
        };
        for role in shape.roles() {
            deployment.start(role);
        }
        deployment
    }
}

/// A running deployment. Its processes end with it.
pub(crate) struct Deployment {
    // Before the directory that they write to: fields are dropped in order.
    processes: BTreeMap<&'static str, Process>,
    launch: Launch,
    ports: BTreeMap<&'static str, u16>,
    admin: OnceLock<Client>,
}

impl Deployment {
    /// The deployment that all tests of this binary share, for tests that keep to spaces and users of their own.
    pub(crate) fn shared(shape: Shape) -> &'static Self {
        static ONE_PROCESS: OnceLock<Deployment> = OnceLock::new();
        static SPLIT: OnceLock<Deployment> = OnceLock::new();
        static REGION: OnceLock<Deployment> = OnceLock::new();
        let cell = match shape {
            Shape::OneProcess => &ONE_PROCESS,
            Shape::Split => &SPLIT,
            Shape::Region => &REGION,
        };
        cell.get_or_init(|| {
            Launch::new(shape)
                .flags(&["--rate-limit=0", "--address-rate-limit=0"])
                .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "6h")
                .start()
        })
    }

    /// Where records, keys and the first password are.
    pub(crate) fn data(&self) -> PathBuf {
        self.launch.directory.join("data")
    }

    /// The table of a region.
    pub(crate) fn table(&self) -> Option<&str> {
        (self.launch.shape == Shape::Region).then_some(self.launch.table.as_str())
    }

    /// URL of a process.
    pub(crate) fn url_of(&self, role: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[role])
    }

    /// URLs of all processes of a service, with commas.
    fn urls_of(&self, service: &str) -> String {
        let urls: Vec<String> = self
            .launch
            .shape
            .replicas(service)
            .map(|role| self.url_of(role))
            .collect();
        urls.join(",")
    }

    /// URL of the public door.
    pub(crate) fn url(&self) -> String {
        self.url_of(self.door())
    }

    pub(crate) fn door(&self) -> &'static str {
        self.launch.shape.roles().last().unwrap()
    }

    /// A caller without a token.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url())
    }

    /// The first administrator, logged in once.
    pub(crate) fn admin(&self) -> Client {
        self.admin
            .get_or_init(|| self.client().logged_in("admin", ADMIN_PASSWORD))
            .clone()
    }

    /// Everything that its processes have written.
    pub(crate) fn log(&self) -> String {
        self.processes.values().map(Process::log).collect()
    }

    /// Fails if anything panicked.
    #[track_caller]
    pub(crate) fn assert_no_panic(&self) {
        let log = self.log();
        let panics: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("panicked") || line.contains("panic:"))
            .collect();
        assert!(panics.is_empty(), "{}", panics.join("\n"));
    }

    pub(crate) fn process(&mut self, role: &str) -> &mut Process {
        self.processes.get_mut(role).unwrap()
    }

    /// SIGKILL to every process.
    pub(crate) fn kill(&mut self) {
        for process in self.processes.values_mut() {
            process.kill();
        }
    }

    /// Starts every process again, on the same directory and ports.
    pub(crate) fn restart(&mut self) {
        self.kill();
        for role in self.launch.shape.roles() {
            self.start(role);
        }
    }

    /// Starts one process (again), on the port it had, and waits until it is ready.
    pub(crate) fn start(&mut self, role: &'static str) {
        self.processes.remove(role);
        let known = self.ports.get(role).copied();
        for _ in 0..20 {
            self.ports.insert(role, known.unwrap_or_else(free_port));
            match self.attempt(role) {
                Ok(process) => {
                    self.processes.insert(role, process);
                    return;
                }
                // Somebody else took the port between our look and our start.
                Err(log) if log.contains("in use by another process") => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(log) => panic!("{role} did not start:\n{log}"),
            }
        }
        panic!("no port is free");
    }

    fn attempt(&self, role: &'static str) -> Result<Process, String> {
        let launch = &self.launch;
        let listen = format!("127.0.0.1:{}", self.ports[role]);
        let service = service_of(role);
        let mut command = command(&[service, "--listen", &listen]);
        command
            .env("CADASTRE_LOG_FORMAT", "text")
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "1");
        let (data, keys) = (self.data(), launch.directory.join("keys"));
        let store = format!("rocksdb:{}", launch.directory.join("data/store").display());
        match service {
            "serve" => drop(command.arg("--data").arg(&data)),
            "dataaccess" if launch.shape == Shape::Region => {
                let tables = launch.tables_at.get(role).cloned().unwrap_or_else(azurite);
                command
                    .args(["--store", &format!("azure-tables:{}", launch.table)])
                    .args(["--cache", &format!("redis://{}", redis())])
                    .env("CADASTRE_AZURE_CONNECTION", connection(&tables, EMULATOR_KEY));
            }
            "dataaccess" => drop(command.arg("--data").arg(&data).args(["--store", &store])),
            "frontend" => {
                command
                    .arg("--keys")
                    .arg(&keys)
                    .args(["--dataaccess", &self.urls_of("dataaccess")]);
            }
            _ => drop(command.args(["--frontend", &self.urls_of("frontend")])),
        }
        if launch.password && matches!(service, "serve" | "frontend") {
            command.env("CADASTRE_ADMIN_PASSWORD", ADMIN_PASSWORD);
        }
        if launch.shape != Shape::OneProcess {
            command.env("CADASTRE_SERVICE_TOKEN", SERVICE_TOKEN);
        }
        if role == self.door() {
            command.args(&launch.flags);
        }
        for (name, value) in &launch.environment {
            command.env(name, value);
        }
        let log = launch.directory.join(&format!("{role}.log"));
        let before = std::fs::metadata(&log).map_or(0, |file| file.len());
        let mut process = Process::start(command, &log, launch.directory.path());
        let ready = format!("{}/ready", self.url_of(role));
        let client = Client::new(&ready);
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            if process.ended().is_some() {
                let written = process.log();
                return Err(written[usize::try_from(before).unwrap()..].to_owned());
            }
            let answer = client.request(reqwest::Method::GET, "").try_send();
            if answer.is_ok_and(|answer| answer.status == 200) && process.ended().is_none() {
                return Ok(process);
            }
            assert!(
                Instant::now() < deadline,
                "{role} is not ready after 90 s:\n{}",
                process.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Client {
    /// The same caller, logged in.
    #[track_caller]
    pub(crate) fn logged_in(&self, username: &str, password: &str) -> Self {
        let body = json!({ "username": username, "password": password });
        let tokens = self.without_token().post("/api/v1/auth/login", &body).ok();
        self.with_token(tokens["accessToken"].as_str().unwrap())
    }
}

/// A port that nobody listens on, outside the range that outgoing connections take theirs from.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = rand::rng().random_range(10_000..30_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
