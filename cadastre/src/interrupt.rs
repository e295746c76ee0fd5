//! Ctrl-C: the first one asks to stop in order, the second one does not wait for anything.

use tokio::sync::watch;

use crate::failure::Failure;

/// Exit code after Ctrl-C, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether somebody has pressed Ctrl-C.
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (sender, receiver) = watch::channel(false);
        let mut signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
            .map_err(|error| Failure::new(format!("Ctrl-C cannot be listened for: {error}.")))?;
        tokio::spawn(async move {
            signals.recv().await;
            // Nobody may be waiting for it any more.
            let _ = sender.send(true);
            signals.recv().await;
            std::process::exit(i32::from(INTERRUPTED));
        });
        Ok(Self(receiver))
    }

    /// Resolves when it was pressed.
    pub(crate) async fn comes(&self) {
        let mut pressed = self.0.clone();
        if pressed.wait_for(|pressed| *pressed).await.is_err() {
            std::future::pending().await
        }
    }
}
