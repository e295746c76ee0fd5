//! Settings of the frontend, documented where they are defined. The binary fills them from flags, environment
//! and file.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the frontend.
#[derive(Clone)]
pub struct FrontendConfig {
    /// Directory of the signing keys (`*.pem`, PKCS#8, Ed25519) and of the keys that seal secrets (`secrets.keys`, one
    /// `id base64` a line). Made with mode 0700, and filled with one key each, on first start. The same for every frontend:
    /// what one seals, all have to open.
    pub keys_dir: PathBuf,
    /// Password of `admin` on first start; `None` = generate one. Ignored once there are users.
    pub admin_password: Option<String>,
    /// Where a generated password of `admin` is written (mode 0600).
    pub admin_password_file: PathBuf,
    /// Seconds that an access token is valid (900).
    pub access_token_seconds: u64,
    /// Seconds that a session lives on after each refresh (30 days).
    pub refresh_token_seconds: u64,
    /// Most sessions that a user has at a time; a login above it ends the least recently used (100).
    pub max_sessions: usize,
    /// How failed logins are slowed down.
    pub login_throttle: ThrottleConfig,
    /// Passwords that are hashed at the same time; each takes 19 MiB and one core (number of cores).
    pub password_concurrency: usize,
    /// Logins that may wait for their turn; more are answered `503 Overloaded` (64).
    pub password_queue: usize,
    /// Longest time a login waits for its turn (5 s).
    pub password_wait: Duration,
    /// Token that our own services show each other; with it, the headers of the gateway are believed.
    pub service_token: Option<String>,
    /// How long a start waits for a data access layer that is not there yet (30 s).
    pub start_patience: Duration,
    /// Longest silence on an open stream of events, after which a comment is sent and the caller is checked again
    /// (15 s; at most 20 s).
    pub stream_heartbeat: Duration,
    /// Webhooks may be at addresses of this machine, link-local ones, and metadata services of clouds (no). Other private
    /// addresses are allowed anyhow: that is where billing systems live.
    pub webhook_allow_private: bool,
}

impl Default for FrontendConfig {
    fn default() -> Self {
        Self {
            keys_dir: PathBuf::from("keys"),
            admin_password: None,
            admin_password_file: PathBuf::from("admin-password"),
            access_token_seconds: 900,
            refresh_token_seconds: 30 * 24 * 3600,
            max_sessions: 500,
            login_throttle: ThrottleConfig::default(),
            password_concurrency: std::thread::available_parallelism().map_or(2, usize::from),
            password_queue: 64,
            password_wait: Duration::from_secs(5),
            service_token: None,
            start_patience: Duration::from_secs(30),
            stream_heartbeat: Duration::from_secs(15),
            webhook_allow_private: false,
        }
    }
}

impl std::fmt::Debug for FrontendConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let masked = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        f.debug_struct("FrontendConfig")
            .field("keys_dir", &self.keys_dir)
            .field("admin_password", &masked(&self.admin_password))
            .field("admin_password_file", &self.admin_password_file)
            .field("access_token_seconds", &self.access_token_seconds)
            .field("refresh_token_seconds", &self.refresh_token_seconds)
            .field("max_sessions", &self.max_sessions)
            .field("login_throttle", &self.login_throttle)
            .field("password_concurrency", &self.password_concurrency)
            .field("password_queue", &self.password_queue)
            .field("password_wait", &self.password_wait)
            .field("service_token", &masked(&self.service_token))
            .field("start_patience", &self.start_patience)
            .field("stream_heartbeat", &self.stream_heartbeat)
            .field("webhook_allow_private", &self.webhook_allow_private)
            .finish()
    }
}

/// How failed logins are slowed down: some failures are free, then each one doubles a delay in which further
/// attempts are refused. Counted per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Failures per user name, known or not, before the first delay (5).
    pub free_per_user: u32,
    /// Failures per client address (an IPv6 /64 is one address) before the first delay (20).
    pub free_per_address: u32,
    /// The first delay (1 s).
    pub first_delay: Duration,
    /// The longest delay for a user name (1 min): it also stands in the way of the user.
    pub longest_user_delay: Duration,
    /// The longest delay for an address (15 min).
    pub longest_address_delay: Duration,
    /// Without a failure for this long, the count starts again (1 h).
    pub forget_after: Duration,
    /// User names and addresses remembered, each (100,000).
    pub remembered: usize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            free_per_user: 5,
            free_per_address: 20,
            first_delay: Duration::from_secs(1),
            longest_user_delay: Duration::from_secs(60),
            longest_address_delay: Duration::from_secs(15 * 60),
            forget_after: Duration::from_secs(3600),
            remembered: 100_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_secret() {
        let config = FrontendConfig {
            admin_password: Some("correct horse battery".into()),
            service_token: Some("between-us".into()),
            ..FrontendConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("horse") && !shown.contains("between-us"),
            "{shown}"
        );
    }
}
