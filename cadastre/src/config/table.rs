//! Every setting of the server roles, once. The order is that of the default configuration file.

use super::kind::Kind;
use super::role::Role;
use super::setting::{Default, Setting};

const ALL: &[Role] = &Role::ALL;
const STATE: &[Role] = &[Role::Serve, Role::DataAccess];
const PEOPLE: &[Role] = &[Role::Serve, Role::Frontend];
const DOOR: &[Role] = &[Role::Serve, Role::Gateway];
const SPLIT: &[Role] = &[Role::DataAccess, Role::Frontend, Role::Gateway];
const CALLERS: &[Role] = &[Role::Frontend, Role::Gateway];

/// How the limit of an address follows from that of a principal.
pub(super) const TWICE_RATE_LIMIT: &str = "twice rate-limit";

/// What the default of `log` has besides on a terminal.
pub(super) const QUIET_ACCESS: &str = ",cadastre::access=warn";

macro_rules! settings {
    ($($name:ident = $key:literal, $env:literal, $kind:expr, $default:expr, $roles:expr, $secret:literal,
       $summary:literal, $detail:literal;)+) => {
        $(
            #[doc = $summary]
            pub(crate) static $name: Setting = Setting {
                key: $key, env: $env, kind: $kind, default: $default, roles: $roles, secret: $secret,
                summary: $summary, detail: $detail,
            };
        )+

        /// All settings, in the order of the default file.
        pub(crate) static SETTINGS: &[&Setting] = &[$(&$name,)+];
    };
}

settings! {
    DATA = "data", "CADASTRE_DATA", Kind::Path, Default::Value("./data"),
        &[Role::Serve, Role::DataAccess, Role::Frontend], false,
        "Directory of this server: store, keys, first password",
        "It is made on the first start. `cadastre backup` writes the records into a file while the server runs; keep a copy of \
         the keys too.";
    LISTEN = "listen", "CADASTRE_LISTEN", Kind::Listen,
        Default::PerRole(&[
            (Role::Serve, "127.0.0.1:8080"),
            (Role::DataAccess, "127.0.0.1:8082"),
            (Role::Frontend, "127.0.0.1:8081"),
            (Role::Gateway, "127.0.0.1:8080"),
        ]), ALL, false,
        "Address and port to listen on",
        "`:8080` is every address of the machine; port 0 takes a free one and prints it. The split services \
         need a service token wherever they listen; off loopback they refuse to listen without TLS too, unless \
         `trusted-network` is set.";
    STORE = "store", "CADASTRE_STORE", Kind::Text, Default::Derived("rocksdb:DATA/store"), STATE, false,
        "Where the records are kept: `rocksdb:DIR`, `azure-tables:TABLE` or `memory:`",
        "`azure-tables:` needs azure-connection; the table is made on the first start. `memory:` forgets everything \
         at the end and is meant for trying things out.";
    AZURE_CONNECTION = "azure-connection", "CADASTRE_AZURE_CONNECTION", Kind::Text, Default::Unset, STATE, true,
        "Connection string of the storage account, for a store in Azure tables",
        "As the portal of Azure shows it: with an account key, or with a shared access signature and the endpoint \
         of the tables; `UseDevelopmentStorage=true` is the emulator. Prefer the environment variable: flags can be \
         read by every user of the machine.";
    CACHE = "cache", "CADASTRE_CACHE", Kind::Url, Default::Unset, STATE, false,
        "Redis that processes on one store share as a cache, for example redis://127.0.0.1:6379",
        "`rediss://` is with TLS; a user and a password stand before the host, `redis://USER:PASSWORD@HOST:6379`. Never \
         needed: without it, or while it does not answer, reads take longer. Not used with a store that one process has \
         for itself (`rocksdb:`, `memory:`).";
    CACHE_KEY = "cache-key", "CADASTRE_CACHE_KEY", Kind::Text, Default::Unset, STATE, true,
        "Secret that values in the shared cache are signed with",
        "The same for all processes on one store, at least 16 characters; make one with: openssl rand -hex 32. Without it \
         the service token is used, and by `serve`, which has none, a secret of its own, so that it shares nothing. \
         Prefer the environment variable: flags can be read by every user of the machine.";
    KEYS = "keys", "CADASTRE_KEYS", Kind::Path, Default::Derived("DATA/keys"), PEOPLE, false,
        "Directory of the keys that sign access tokens, and of those that seal secrets",
        "Keys are made on the first start, readable by this user only. Every frontend needs the same ones; no \
         other service does. A frontend off loopback must be told where they are.";
    DATAACCESS = "dataaccess", "CADASTRE_DATAACCESS", Kind::List, Default::Value("http://127.0.0.1:8082"),
        &[Role::Frontend], false,
        "URLs of the data access services, separated by commas",
        "";
    FRONTEND = "frontend", "CADASTRE_FRONTEND", Kind::List, Default::Value("http://127.0.0.1:8081"),
        &[Role::Gateway], false,
        "URLs of the frontend services, separated by commas",
        "";
    SERVICE_TOKEN = "service-token", "CADASTRE_SERVICE_TOKEN", Kind::Text, Default::Unset, SPLIT, true,
        "Secret that the services prove themselves to each other with",
        "The same for all of them, at least 16 characters; make one with: openssl rand -hex 32. Prefer the \
         environment variable: flags can be read by every user of the machine.";
    TRUSTED_NETWORK = "trusted-network", "CADASTRE_TRUSTED_NETWORK", Kind::Flag, Default::Value("false"), ALL,
        false,
        "Others cannot read the network this listens on: allow plain HTTP off loopback",
        "For a private network between the services, or behind a proxy that does the TLS.";
    TLS_CERT = "tls-cert", "CADASTRE_TLS_CERT", Kind::Path, Default::Unset, ALL, false,
        "Certificate chain (PEM) to serve HTTPS with",
        "Needs tls-key too. Read at the start; restart after renewing it.";
    TLS_KEY = "tls-key", "CADASTRE_TLS_KEY", Kind::Path, Default::Unset, ALL, false,
        "Private key (PEM) of the certificate",
        "";
    UPSTREAM_CA = "upstream-ca", "CADASTRE_UPSTREAM_CA", Kind::Path, Default::Unset, CALLERS, false,
        "Certificates (PEM) to trust for the services behind, besides the system's",
        "";
    ADMIN_PASSWORD = "admin-password", "CADASTRE_ADMIN_PASSWORD", Kind::Text, Default::Unset, PEOPLE, true,
        "Password of the user `admin`, used on the first start only",
        "Without it one is generated and written to the file `admin-password` in the data directory; a \
         frontend that is told of its keys but not of a data directory writes it beside the keys. Prefer the \
         environment variable: flags can be read by every user of the machine.";
    ACCESS_TOKEN_LIFETIME = "access-token-lifetime", "CADASTRE_ACCESS_TOKEN_LIFETIME", Kind::Duration,
        Default::Value("15m"), PEOPLE, false,
        "How long an access token works",
        "";
    REFRESH_TOKEN_LIFETIME = "refresh-token-lifetime", "CADASTRE_REFRESH_TOKEN_LIFETIME", Kind::Duration,
        Default::Value("30d"), PEOPLE, false,
        "How long a session lasts without being used",
        "";
    RATE_LIMIT = "rate-limit", "CADASTRE_RATE_LIMIT", Kind::Count(0), Default::Value("10000"), DOOR, false,
        "Requests per second of one principal (user or API token); 0 = no limit",
        "Beyond it the answer is 429 with Retry-After. The default stops a runaway script, not a busy one.";
    ADDRESS_RATE_LIMIT = "address-rate-limit", "CADASTRE_ADDRESS_RATE_LIMIT", Kind::Count(0),
        Default::Derived(TWICE_RATE_LIMIT), DOOR, false,
        "Requests per second from one client address; 0 = no limit",
        "Counts before any token is looked at. Set trusted-proxies when a proxy stands in front, or all its \
         clients count as one.";
    ALLOW_LIST = "allow-list", "CADASTRE_ALLOW_LIST", Kind::Path, Default::Unset, DOOR, false,
        "File of prefixes (one a line) that alone may call; read again when it changes",
        "";
    DENY_LIST = "deny-list", "CADASTRE_DENY_LIST", Kind::Path, Default::Unset, DOOR, false,
        "File of prefixes (one a line) that may not call; read again when it changes",
        "";
    TRUSTED_PROXIES = "trusted-proxies", "CADASTRE_TRUSTED_PROXIES", Kind::List, Default::Unset, DOOR, false,
        "Prefixes of the proxies whose X-Forwarded-For is believed, separated by commas",
        "";
    BODY_LIMIT = "body-limit", "CADASTRE_BODY_LIMIT", Kind::Size, Default::Value("1MiB"), DOOR, false,
        "Largest body of a request",
        "";
    WEBHOOK_ALLOW_PRIVATE = "webhook-allow-private", "CADASTRE_WEBHOOK_ALLOW_PRIVATE", Kind::Flag,
        Default::Value("false"), PEOPLE, false,
        "Webhooks may be on this machine, at link-local addresses and at metadata services of clouds",
        "Other private addresses (10.0.0.0/8, …) are allowed anyhow. Leave it off where operators of address spaces are \
         not administrators of the server: the server would reach its own services for them.";
    HSTS = "hsts", "CADASTRE_HSTS", Kind::Flag, Default::Value("false"), DOOR, false,
        "Tell browsers to come back by HTTPS only (Strict-Transport-Security)",
        "Set it once HTTPS is there to stay: browsers remember it for a year.";
    WORKERS = "workers", "CADASTRE_WORKERS", Kind::Count(1), Default::Derived("one per core"), ALL, false,
        "Threads that answer requests",
        "";
    MAX_CONNECTIONS = "max-connections", "CADASTRE_MAX_CONNECTIONS", Kind::Count(1), Default::Value("10000"),
        ALL, false,
        "Connections held open at once; more wait",
        "Mind the limit of open files (ulimit -n).";
    KEEP_ALIVE = "keep-alive", "CADASTRE_KEEP_ALIVE", Kind::Duration, Default::Value("75s"), ALL, false,
        "How long an idle connection stays open",
        "";
    CLIENT_TIMEOUT = "client-timeout", "CADASTRE_CLIENT_TIMEOUT", Kind::Duration, Default::Value("10s"), ALL,
        false,
        "How long a client may take for the head of a request or for a TLS handshake",
        "";
    DRAIN_DELAY = "drain-delay", "CADASTRE_DRAIN_DELAY", Kind::Duration, Default::Value("0s"), ALL, false,
        "After SIGTERM, how long /ready answers 503 before the port closes (at most 5s)",
        "Gives a load balancer time to look elsewhere. The whole end takes less than 10 s.";
    LOG = "log", "CADASTRE_LOG", Kind::Text, Default::Value("info,actix_server=warn"),
        ALL, false,
        "What is logged: a level, or levels per target such as info,cadastre_gateway=debug",
        "When nothing is set and the log goes to a terminal, `,cadastre::access=warn` is added: a line for every \
         change would scroll everything else away.";
    LOG_FORMAT = "log-format", "CADASTRE_LOG_FORMAT", Kind::Choice(&["text", "json"]), Default::Value("text"),
        ALL, false,
        "How it is logged: text or json (one object a line)",
        "";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_its_key_in_capitals() {
        for setting in SETTINGS {
            let expected = format!("CADASTRE_{}", setting.key.to_ascii_uppercase().replace('-', "_"));
            assert_eq!(setting.env, expected);
        }
    }

    #[test]
    fn every_default_is_a_legal_value() {
        for setting in SETTINGS {
            for role in Role::ALL {
                if let Some(text) = setting.default_for(role) {
                    assert_eq!(setting.kind.check(text), Ok(()), "{}", setting.key);
                }
            }
        }
    }

    #[test]
    fn every_role_that_listens_has_an_address() {
        for role in Role::ALL {
            assert!(LISTEN.default_for(role).is_some(), "{role}");
        }
    }
}
