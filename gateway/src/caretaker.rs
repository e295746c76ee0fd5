//! The thread that keeps a gateway in order beside its requests: full buckets are forgotten, changed lists read
//! again, changed keys noticed. One thread, because all of it is rare, short and may read files.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::error::GatewayError;
use crate::gate::GateParts;

const TICK: Duration = Duration::from_secs(1);
/// Between thorough rounds: every bucket looked at, every file read whether or not an event came.
const THOROUGH: Duration = Duration::from_secs(30);
/// Writers touch a file several times in a row; wait until they have done.
const SETTLE: Duration = Duration::from_millis(100);

/// Wakes the caretaker before its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nudge {
    /// Something happened beside an access list.
    ListsMayHaveChanged,
}

/// Starts the thread. It ends when the gateway is gone, because then nobody holds a sender any more.
pub(crate) fn start(gate: Weak<GateParts>, nudges: Receiver<Nudge>) -> Result<(), GatewayError> {
    std::thread::Builder::new()
        .name("gateway-caretaker".to_owned())
        .spawn(move || run(&gate, &nudges))
        .map(drop)
        .map_err(GatewayError::Thread)
}

fn run(gate: &Weak<GateParts>, nudges: &Receiver<Nudge>) {
    let mut last_thorough = Instant::now();
    loop {
        let nudge = nudges.recv_timeout(TICK);
        match nudge {
            Ok(Nudge::ListsMayHaveChanged) => {
                std::thread::sleep(SETTLE);
                while nudges.try_recv().is_ok() {}
                let Some(gate) = gate.upgrade() else { return };
                gate.lists.refresh();
            }
            Err(RecvTimeoutError::Timeout) => {
                let Some(gate) = gate.upgrade() else { return };
                let thorough = last_thorough.elapsed() >= THOROUGH;
                if thorough {
                    last_thorough = Instant::now();
                    gate.lists.refresh();
                }
                gate.tidy(thorough);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
