//! A barrier that holds calls until a test lets them go: how an interleaving is made to happen instead of
//! being hoped for with sleeps.

use std::sync::Arc;

use tokio::sync::watch;

/// Holds every call that meets it until [`Gate::release`]; clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(State::default())),
        }
    }

    /// Waits until at least one call is, or was, held.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until at least `calls` calls are, or were, held.
    pub async fn reached_by(&self, calls: usize) {
        self.until(|state| state.arrived >= calls).await;
    }

    /// Lets everybody go, those who come later, too.
    pub fn release(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    pub(super) async fn pass(&self) {
        self.state.send_modify(|state| state.arrived += 1);
        self.until(|state| state.open).await;
    }

    async fn until(&self, what: impl FnMut(&State) -> bool) {
        // Fails when the sender is gone, and `self` holds the sender.
        let _ = self.state.subscribe().wait_for(what).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
