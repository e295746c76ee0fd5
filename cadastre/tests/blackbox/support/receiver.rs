//! A server that webhooks are delivered to: it keeps what it gets, and can be told to refuse.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request that arrived.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// By lower case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// What it was answered.
    pub(crate) answered: u16,
}

impl Delivery {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Listens until the test ends.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Delivery>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    /// On a free port; everything is answered with this status.
    pub(crate) fn new(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            got: Arc::default(),
            status: Arc::new(AtomicU16::new(status)),
        };
        let (got, status) = (Arc::clone(&receiver.got), Arc::clone(&receiver.status));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (got, status) = (Arc::clone(&got), Arc::clone(&status));
                std::thread::spawn(move || while take(&stream, &got, &status).is_some() {});
            }
        });
        receiver
    }

    /// From now on it answers with this status.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn got(&self) -> Vec<Delivery> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for a delivery.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&Delivery) -> bool) -> Delivery {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = self.got().into_iter().find(|delivery| wanted(delivery)) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not arrive; {} others did",
                self.got().len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// One request of a connection; `None` at its end.
fn take(stream: &TcpStream, got: &Mutex<Vec<Delivery>>, status: &AtomicU16) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answered = status.load(Ordering::SeqCst);
    got.lock().unwrap().push(Delivery {
        headers,
        body,
        answered,
    });
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {answered} x\r\ncontent-length: 0\r\n\r\n").ok()
}
