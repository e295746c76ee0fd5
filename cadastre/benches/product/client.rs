//! A minimal HTTP/1.1 client: one keep-alive connection, one request at a time. It costs a small part of what a
//! full client costs, so that on a machine of few cores the client is not what is measured.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, borrowed from the connection's buffer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// The body as text, for errors.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body).chars().take(300).collect()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut searched = 0;
        let head_end = loop {
            self.read_more().await?;
            if let Some(at) = self.buffer[searched..]
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break searched + at;
            }
            searched = self.buffer.len().saturating_sub(3);
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let status: u16 = head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .ok_or("not an HTTP answer")?;
        let length: usize = match header(head, "content-length") {
            Some(length) => length.parse()?,
            None if status == 204 || status == 304 => 0,
            None => return Err("an answer without Content-Length; this client reads no other".into()),
        };
        let body_start = head_end + 4;
        while self.buffer.len() < body_start + length {
            self.read_more().await?;
        }
        // Borrowed again, now that nothing is read any more.
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        Ok(Answer {
            status,
            head,
            body: &self.buffer[body_start..body_start + length],
        })
    }

    async fn read_more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection in the middle of an answer".into());
        }
        Ok(())
    }
}

/// One request on a connection of its own, for what is not measured.
pub(crate) async fn once(address: SocketAddr, request: &[u8], expected: u16) -> Outcome<Vec<u8>> {
    let answer = async {
        let mut connection = Connection::open(address).await?;
        let answer = connection.call(request).await?;
        if answer.status != expected {
            let line =
                String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default());
            return Err(format!(
                "{line}: {} instead of {expected}: {}",
                answer.status,
                answer.text()
            )
            .into());
        }
        Ok(answer.body.to_vec())
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| "no answer within a minute")?
}

/// The bytes of a request. `body` is JSON.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    if let Some(token) = token {
        let _ = write!(text, "Authorization: Bearer {token}\r\n");
    }
    match body {
        Some(body) => {
            let _ = write!(
                text,
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
        None => text.push_str("\r\n"),
    }
    text.into_bytes()
}
