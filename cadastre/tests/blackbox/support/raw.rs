//! Requests that no HTTP library would send: bytes to a socket, and whatever comes back.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back: the status and the body after the first head; nothing if the server closed without a word.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
}

impl RawAnswer {
    /// The `error` object of the body, if it is one in the one shape of errors.
    pub(crate) fn error(&self) -> Option<Value> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body.get("error").cloned()
    }
}

/// A connection to a server.
pub(crate) fn connect(base: &str) -> TcpStream {
    let address: SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Sends bytes and reads until the server closes; the request must ask it to. A server that closes before it has
/// read everything is fine: what it said before counts.
pub(crate) fn exchange(base: &str, bytes: &[u8]) -> RawAnswer {
    exchange_on(&mut connect(base), bytes)
}

/// The same on a connection that is there; it ends too when the server stays silent for longer than the
/// connection's read timeout.
pub(crate) fn exchange_on(socket: &mut TcpStream, bytes: &[u8]) -> RawAnswer {
    let _ = socket.write_all(bytes);
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while let Ok(read @ 1..) = socket.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
    }
    parse(&answer)
}

fn parse(bytes: &[u8]) -> RawAnswer {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    // Interim answers come before the real one.
    while rest.starts_with("HTTP/1.1 100") {
        rest = rest.split_once("\r\n\r\n").map_or("", |(_, rest)| rest);
    }
    let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    RawAnswer {
        status,
        body: body.to_owned(),
    }
}

/// A request with a method, target, token and further lines of its head; it asks the server to close.
pub(crate) fn head(method: &str, target: &str, token: &str, lines: &[&str]) -> Vec<u8> {
    let mut text = format!(
        "{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {token}\r\n"
    );
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}
