//! The listener and the HTTP server that every role runs, with limits that a slow or greedy client meets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error, HttpServer};
use rustls::ServerConfig;

use crate::config::{Effective, table};
use crate::failure::Failure;
use crate::shutdown::Drain;
use crate::tls;

/// A socket that listens, and its certificate if it has one.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<ServerConfig>,
}

impl Listener {
    /// Takes the address of the settings, before anything slow is done.
    pub(crate) fn open(settings: &Effective) -> Result<Self, Failure> {
        let tls = tls::server(settings)?;
        let addresses = addresses(settings)?;
        let text = settings.text(&table::LISTEN).unwrap_or_default();
        let socket = TcpListener::bind(addresses.as_slice()).map_err(|error| cannot_listen(text, &error))?;
        let address = socket.local_addr().map_err(|error| cannot_listen(text, &error))?;
        Ok(Self { socket, address, tls })
    }

    /// The same socket once more, for a server that comes before this one's.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        let socket = self.socket.try_clone().map_err(|error| {
            Failure::new(format!(
                "The socket of {} cannot be used twice: {error}.",
                self.address
            ))
        })?;
        Ok(Self {
            socket,
            address: self.address,
            tls: self.tls.clone(),
        })
    }

    /// Only this machine can reach it.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// It speaks TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// URL for people.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_encrypted() { "https" } else { "http" };
        if self.address.ip().is_unspecified() {
            return format!("{scheme}://localhost:{}", self.address.port());
        }
        format!("{scheme}://{}", self.address)
    }
}

fn cannot_listen(text: &str, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind;
    let kind = error.kind();
    let why = if kind == ErrorKind::AddrInUse {
        "it is in use by another process; stop that one, or choose another port with --listen".to_owned()
    } else if kind == ErrorKind::PermissionDenied {
        "this user may not use that port; choose one above 1023 with --listen".to_owned()
    } else if kind == ErrorKind::AddrNotAvailable {
        "this machine has no such address; choose another with --listen".to_owned()
    } else {
        error.to_string()
    };
    Failure::new(format!("Cannot listen on {text}: {why}."))
}

/// What `listen` means; no host is every address.
fn addresses(settings: &Effective) -> Result<Vec<SocketAddr>, Failure> {
    let text = settings.text(&table::LISTEN).unwrap_or_default();
    if let Some(port) = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")) {
        let port = port
            .parse()
            .map_err(|_| settings.refuse(&table::LISTEN, "has no port"))?;
        return Ok(vec![
            (Ipv6Addr::UNSPECIFIED, port).into(),
            (Ipv4Addr::UNSPECIFIED, port).into(),
        ]);
    }
    match text.to_socket_addrs().map(Iterator::collect::<Vec<_>>) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(settings.refuse(&table::LISTEN, "names no address")),
        Err(error) => Err(settings.refuse(&table::LISTEN, &format!("names no address ({error})"))),
    }
}

/// Starts the server of a role. It runs when the answer is awaited.
pub(crate) fn start<F, T, B>(
    settings: &Effective,
    listener: Listener,
    drain: &Drain,
    application: F,
) -> Result<Server, Failure>
where
    F: Fn() -> App<T> + Clone + Send + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let workers = usize::try_from(settings.count(&table::WORKERS))
        .unwrap_or(1)
        .clamp(1, 512);
    let connections = usize::try_from(settings.count(&table::MAX_CONNECTIONS)).unwrap_or(usize::MAX);
    let timeout = settings.duration(&table::CLIENT_TIMEOUT);
    let server = HttpServer::new(application)
        .workers(workers)
        .max_connections((connections / workers).max(1))
        .keep_alive(settings.duration(&table::KEEP_ALIVE))
        .client_request_timeout(timeout)
        .client_disconnect_timeout(timeout)
        .tls_handshake_timeout(timeout)
        .tcp_nodelay(true)
        // A client that leaves while it waits is noticed, so that a read for it is given up.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(drain.patience_seconds());
    let Listener { socket, address, tls } = listener;
    let server = match tls {
        None => server.listen(socket),
        Some(tls) => server.listen_rustls_0_23(socket, tls),
    };
    Ok(server
        .map_err(|error| Failure::new(format!("Cannot listen on {address}: {error}.")))?
        .run())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::ArgMatches;

    use super::*;
    use crate::config::Role;

    fn settings(arguments: &[&str]) -> Effective {
        let matches: ArgMatches = crate::cli::command()
            .try_get_matches_from(["cadastre", "serve"].iter().chain(arguments))
            .unwrap();
        crate::cli::effective(Role::Serve, matches.subcommand().unwrap().1).unwrap()
    }

    #[test]
    fn a_port_in_use_is_said_in_one_sentence() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let failure = Listener::open(&settings(&["--listen", &address]))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(failure.code, crate::failure::FAILED);
        assert!(
            failure.sentence.contains(&address) && failure.sentence.contains("in use"),
            "{failure}"
        );
    }

    #[test]
    fn loopback_is_told_from_the_rest_of_the_world() {
        assert!(
            Listener::open(&settings(&["--listen", "127.0.0.1:0"]))
                .unwrap()
                .is_local()
        );
        assert!(
            Listener::open(&settings(&["--listen", "localhost:0"]))
                .unwrap()
                .is_local()
        );
        assert!(!Listener::open(&settings(&["--listen", ":0"])).unwrap().is_local());
        assert!(
            Listener::open(&settings(&["--listen", "0.0.0.0:0"]))
                .unwrap()
                .url()
                .starts_with("http://localhost:")
        );
    }

    #[test]
    fn a_certificate_without_its_key_and_a_file_that_is_none_are_refused() {
        let refusal = |arguments: &[&str]| Listener::open(&settings(arguments)).map(|_| ()).unwrap_err();
        assert!(
            refusal(&["--listen", "127.0.0.1:0", "--tls-cert", "c.pem"])
                .sentence
                .contains("tls-key")
        );
        let missing = [
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            "/nowhere/c.pem",
            "--tls-key",
            "/nowhere/k.pem",
        ];
        let failure = refusal(&missing);
        assert!(
            failure
                .sentence
                .starts_with("The certificate file /nowhere/c.pem cannot be used"),
            "{failure}"
        );
    }
}
