//! Redis for tests: the one that all share, and ones that a test may stop.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadastre_storage::{Kind, RedisCache, RedisOptions, SharedCache};
use tempfile::TempDir;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set (make test starts what tests need)"))
}

/// The Redis that `make test` starts.
pub(crate) fn shared_url() -> String {
    format!("redis://{}", variable("CADASTRE_TEST_REDIS"))
}

/// Patient, so that a busy machine is no slow Redis.
pub(crate) fn patient() -> RedisOptions {
    RedisOptions {
        answer: Duration::from_secs(10),
        connection: Duration::from_secs(10),
    }
}

/// A cache with a secret that no other test has, once it answers.
pub(crate) async fn cache_at(url: &str) -> (RedisCache, SharedCache) {
    let redis = RedisCache::connect(url, patient()).unwrap();
    until(&redis, true).await;
    let shared = SharedCache::new(Arc::new(redis.clone()), &rand::random::<[u8; 32]>());
    (redis, shared)
}

/// Waits until something is so; what takes a minute never comes.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until it is, or is not, available.
pub(crate) async fn until(redis: &RedisCache, available: bool) {
    let shared = SharedCache::new(Arc::new(redis.clone()), b"of nobody");
    let key = shared.key(Kind::Spaces, &[b"nothing"]);
    eventually("Redis is there, or is not", async || {
        // Whoever asks is who makes it look.
        shared.read_one(Kind::Spaces, &key).await;
        redis.is_available() == available
    })
    .await;
}

/// A connection of somebody else.
pub(crate) async fn stranger(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    let patient = redis::AsyncConnectionConfig::new()
        .set_response_timeout(Some(Duration::from_secs(30)))
        .set_connection_timeout(Some(Duration::from_secs(30)));
    client
        .get_multiplexed_async_connection_with_config(&patient)
        .await
        .unwrap()
}

/// Keeps one value, and waits until it is there.
pub(crate) async fn keep(shared: &SharedCache, parts: &[&[u8]], value: &'static [u8]) {
    let key = shared.key(Kind::Accounts, parts);
    shared
        .keep(Kind::Accounts, vec![(key, Bytes::from_static(value))])
        .await;
}

pub(crate) async fn read(shared: &SharedCache, parts: &[&[u8]]) -> Option<Bytes> {
    shared
        .read_one(Kind::Accounts, &shared.key(Kind::Accounts, parts))
        .await
}

/// A Redis of one test.
pub(crate) struct Server {
    child: Option<Child>,
    port: u16,
    directory: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let mut server = Self {
            child: None,
            port,
            directory: tempfile::tempdir().unwrap(),
        };
        server.start_again().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn start_again(&mut self) {
        let child = Command::new(variable("CADASTRE_TEST_REDIS_SERVER"))
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let address = ("127.0.0.1", self.port);
        eventually("Redis listens", async || {
            tokio::net::TcpStream::connect(address).await.is_ok()
        })
        .await;
    }

    /// Stops it where it is (`STOP`), or lets it go on (`CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id();
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(pid.to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    /// As a crash does it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
