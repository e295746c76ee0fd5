//! The servers that are measured, each a process of its own: the product and the bare handler.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;
use crate::client::{Connection, request};
use crate::setup::Setup;

/// Password of the user `admin` of every server that is started here.
pub(crate) const PASSWORD: &str = "a password for benchmarks only";
/// The program under test.
pub(crate) const CADASTRE: &str = env!("CARGO_BIN_EXE_cadastre");

const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(15);

/// `cadastre serve`, without limits on requests; ends when dropped.
#[derive(Debug)]
pub(crate) struct Product {
    child: Child,
    data: PathBuf,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it was ready.
    pub(crate) ready_after: Duration,
}

impl Product {
    /// Starts it on a directory and waits until it is ready.
    pub(crate) async fn start(setup: &Setup, data: &Path) -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = File::options().create(true).append(true).open(log_file(data))?;
        let mut command = program();
        command
            .args([
                "serve",
                "--rate-limit",
                "0",
                "--address-rate-limit",
                "0",
                "--access-token-lifetime",
                "24h",
            ])
            .args([
                "--listen",
                &address.to_string(),
                "--workers",
                &setup.workers.to_string(),
            ])
            .arg("--data")
            .arg(data)
            .env("CADASTRE_ADMIN_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{CADASTRE} cannot be started: {error}"))?;
        let mut product = Self {
            child,
            data: data.to_owned(),
            address,
            ready_after: Duration::ZERO,
        };
        let ready = request("GET", "/ready", None, None);
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection
                    .call(&ready)
                    .await
                    .is_ok_and(|answer| answer.status == 200)
            {
                product.ready_after = started.elapsed();
                return Ok(product);
            }
            if let Some(status) = product.child.try_wait()? {
                return Err(format!("the server ended ({status}): {}", last_words(data)).into());
            }
            if started.elapsed() > START {
                return Err(format!("the server is not ready after a minute: {}", last_words(data)).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// MiB in memory now, or at most so far.
    pub(crate) fn memory(&self, field: Memory) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let name = match field {
            Memory::Now => "VmRSS:",
            Memory::Peak => "VmHWM:",
        };
        let kib = status.lines().find_map(|line| {
            line.strip_prefix(name)?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse()
                .ok()
        });
        kib.map(|kib: f64| kib / 1024.0)
            .ok_or_else(|| format!("/proc does not know {name}").into())
    }

    /// Ends it as an operator would, and waits.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        let term = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &term]).status()?;
        let asked = Instant::now();
        while asked.elapsed() < END {
            match self.child.try_wait()? {
                None => tokio::time::sleep(Duration::from_millis(5)).await,
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let words = last_words(&self.data);
                    return Err(format!("the server, told to stop, ended with {status}: {words}").into());
                }
            }
        }
        Err(format!("the server does not stop within {} s", END.as_secs()).into())
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub(crate) fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// A process that serves.
pub(crate) trait Server {
    fn id(&self) -> u32;

    /// Processor time that it has used.
    fn cpu_seconds(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th
        // fields behind it, in hundredths of a second.
        let fields = stat
            .rsplit_once(')')
            .map_or("", |(_, rest)| rest)
            .split_whitespace()
            .skip(11)
            .take(2);
        let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
        Ok(ticks / 100.0)
    }
}

impl Server for Product {
    fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Server for Bare {
    fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Which figure of a process's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Memory {
    Now,
    Peak,
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with nothing set in its environment that would change how it runs.
pub(crate) fn program() -> Command {
    let mut command = Command::new(CADASTRE);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CADASTRE_") {
            command.env_remove(name);
        }
    }
    command
}

fn log_file(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn last_words(data: &Path) -> String {
    let log = std::fs::read_to_string(log_file(data)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

/// The bare handler; ends when dropped.
#[derive(Debug)]
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: SocketAddr,
    _body: TempDir,
}

impl Bare {
    /// Starts it; it returns these bytes at every path.
    pub(crate) fn start(setup: &Setup, body: &[u8]) -> Outcome<Self> {
        let directory = setup.directory()?;
        let file = directory.path().join("body");
        std::fs::write(&file, body)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--bare-server")
            .arg(&file)
            .args(["--workers", &setup.workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line
            .trim()
            .parse()
            .map_err(|_| format!("the bare server said {line:?}, not its address"))?;
        Ok(Self {
            child,
            address,
            _body: directory,
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
