//! A line to a server that behaves like a bad network: it drops connections before and after a request has arrived,
//! holds requests back, and delivers some of them twice.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// What has happened on a line.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    pub(crate) dropped: AtomicU64,
    pub(crate) answers_lost: AtomicU64,
    pub(crate) delayed: AtomicU64,
    pub(crate) doubled: AtomicU64,
}

/// See the module. It lies until it is dropped.
pub(crate) struct FaultyLine {
    pub(crate) address: String,
    pub(crate) incidents: Arc<Incidents>,
    bad: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

enum Fate {
    Arrives,
    IsDropped,
    LosesItsAnswer,
    IsLate(Duration),
    ComesTwice,
}

fn fate(rng: &mut StdRng) -> Fate {
    match rng.random_range(0..1_000) {
        0..6 => Fate::IsDropped,
        6..12 => Fate::LosesItsAnswer,
        12..32 => Fate::IsLate(Duration::from_millis(rng.random_range(5..300))),
        32..42 => Fate::ComesTwice,
        _ => Fate::Arrives,
    }
}

impl FaultyLine {
    /// Lays a line; the faults are the same for the same seed and traffic.
    pub(crate) fn lay(to: &str, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let line = Self {
            address: listener.local_addr().unwrap().to_string(),
            incidents: Arc::default(),
            bad: Arc::default(),
            gone: Arc::default(),
        };
        let (to, incidents) = (to.to_owned(), Arc::clone(&line.incidents));
        let (bad, gone) = (Arc::clone(&line.bad), Arc::clone(&line.gone));
        std::thread::spawn(move || {
            for (number, near) in (0_u64..).zip(listener.incoming()) {
                if gone.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(&to)) else {
                    continue;
                };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let (Ok(mut back_from), Ok(mut back_to)) = (far.try_clone(), near.try_clone()) else {
                    continue;
                };
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut back_from, &mut back_to);
                    let _ = back_to.shutdown(Shutdown::Both);
                });
                let way = Way {
                    to: to.clone(),
                    incidents: Arc::clone(&incidents),
                    bad: Arc::clone(&bad),
                    rng: StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                };
                std::thread::spawn(move || way.go(near, far));
            }
        });
        line
    }

    /// It is good until it is said to go bad.
    pub(crate) fn go_bad(&self, bad: bool) {
        self.bad.store(bad, Ordering::SeqCst);
    }
}

impl Drop for FaultyLine {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
        // Wakes the listener, which then goes.
        let _ = TcpStream::connect(&self.address);
    }
}

/// The way of the requests of one connection.
struct Way {
    to: String,
    incidents: Arc<Incidents>,
    bad: Arc<AtomicBool>,
    rng: StdRng,
}

impl Way {
    fn go(mut self, mut near: TcpStream, mut far: TcpStream) {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = match near.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(length) => length,
            };
            let part = &buffer[..length];
            let fate = if self.bad.load(Ordering::SeqCst) {
                fate(&mut self.rng)
            } else {
                Fate::Arrives
            };
            let count = |counter: &AtomicU64| {
                counter.fetch_add(1, Ordering::Relaxed);
            };
            match fate {
                Fate::Arrives => {}
                Fate::IsDropped => {
                    count(&self.incidents.dropped);
                    break;
                }
                Fate::LosesItsAnswer => {
                    count(&self.incidents.answers_lost);
                    let _ = near.shutdown(Shutdown::Both);
                    let _ = far.write_all(part);
                    // The server is not to notice before it is done.
                    std::thread::sleep(Duration::from_millis(500));
                    break;
                }
                Fate::IsLate(time) => {
                    count(&self.incidents.delayed);
                    std::thread::sleep(time);
                }
                Fate::ComesTwice => {
                    count(&self.incidents.doubled);
                    self.deliver_once_more(part.to_vec());
                }
            }
            if far.write_all(part).is_err() {
                break;
            }
        }
        let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
    }

    /// On a connection of its own, at about the same time; nobody hears the answer.
    fn deliver_once_more(&self, part: Vec<u8>) {
        let to = self.to.clone();
        std::thread::spawn(move || {
            let Ok(mut again) = TcpStream::connect(to) else {
                return;
            };
            let _ = again.set_read_timeout(Some(Duration::from_secs(2)));
            let _ = again.write_all(&part);
            let _ = again.read_to_end(&mut Vec::new());
        });
    }
}
