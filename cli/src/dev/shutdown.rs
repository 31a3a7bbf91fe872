//! Stopping: one signal that every part hears, and the wait until the last has ended.

use tokio::sync::{mpsc, watch};

/// The owner's end: tells all parts to stop and waits for them.
#[derive(Debug)]
pub(crate) struct Shutdown {
    stop: watch::Sender<bool>,
    ended: mpsc::Receiver<()>,
    part: Part,
}

/// A part's end: hears the signal, and counts as running until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    stop: watch::Receiver<bool>,
    /// Never sent on; the receiver sees when the last clone is gone.
    _running: mpsc::Sender<()>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        let (stop, heard) = watch::channel(false);
        let (running, ended) = mpsc::channel(1);
        Self {
            stop,
            ended,
            part: Part {
                stop: heard,
                _running: running,
            },
        }
    }

    /// A handle for one more part.
    pub(crate) fn part(&self) -> Part {
        self.part.clone()
    }

    /// Stops all parts and returns when the last has ended.
    pub(crate) async fn finish(mut self) {
        // No receiver left means that no part is left.
        let _ = self.stop.send(true);
        drop(self.part);
        self.ended.recv().await;
    }
}

impl Part {
    /// Returns when it is time to stop.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the owner is gone, which is as good a reason to stop.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}

/// Returns when the user asks the program to end.
#[cfg(unix)]
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal was closed.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Returns when the user asks the program to end.
#[cfg(not(unix))]
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn it_ends_after_the_last_part() {
        let shutdown = Shutdown::new();
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let mut part = shutdown.part();
            let ended = Arc::clone(&ended);
            tokio::spawn(async move {
                part.stopped().await;
                tokio::task::yield_now().await;
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        shutdown.finish().await;
        assert_eq!(ended.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn parts_stop_when_the_owner_is_gone() {
        let shutdown = Shutdown::new();
        let mut part = shutdown.part();
        drop(shutdown);
        part.stopped().await;
    }
}
