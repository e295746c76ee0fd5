//! A process of the binary under test: its output goes to a file, and it does not outlive the test. A drop kills
//! it; should the test itself be killed, a guardian that waits on a pipe does so instead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cadastre");

/// A directory that goes when it is dropped, or when the test process ends in any other way and a guardian
/// knows of it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// A new empty one.
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("blackbox-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// The binary with some arguments and nothing of our own environment that it would read.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CADASTRE_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command that ends by itself has said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end; one that does not end is killed and fails the test.
pub(crate) fn run(mut command: Command, directory: &Directory) -> Said {
    let (out, err) = (directory.join("run.out"), directory.join("run.err"));
    command
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child, Duration::from_secs(120));
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let Some(status) = status else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} did not end:\n{}{}", read(&out), read(&err));
    };
    Said {
        code: status.code(),
        out: read(&out),
        err: read(&err),
    }
}

fn wait(child: &mut Child, longest: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server of ours.
pub(crate) struct Process {
    child: Child,
    guardian: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a server. Its output is appended to `log`; `scratch` is removed with it if we die.
    pub(crate) fn start(mut command: Command, log: &Path, scratch: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let guardian = Command::new("sh")
            .args(["-c", "cat >/dev/null; kill -9 \"$0\" 2>/dev/null; rm -rf \"$1\""])
            .arg(child.id().to_string())
            .arg(scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            guardian,
            log: log.to_owned(),
        }
    }

    /// All it has written so far, by this and earlier processes with the same log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -TERM {}", self.id()))
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, longest: Duration) -> Option<ExitStatus> {
        wait(&mut self.child, longest)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
        self.kill();
    }
}
