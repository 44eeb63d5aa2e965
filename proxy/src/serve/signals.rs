//! What the system tells a server to do: to stop, or to read its configuration again.

use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::control::Office;
use crate::hold::notify;

/// SIGTERM and SIGINT, which stop the server, and SIGHUP, which lets it read its configuration again.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Whether there is anything to be read again. Else a terminal that is closed ends the server, as it ends any other program.
    reloads: bool,
}

impl Signals {
    pub(super) fn new(reloads: bool) -> std::io::Result<Self> {
        let [terminate, interrupt, hang_up] =
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hang_up: hang_up?, reloads })
    }

    /// Has the configuration read again, as often as that is asked for, until the server is told to stop.
    pub(super) async fn until_told_to_stop(&mut self, office: &Office) {
        while self.next().await == Told::Reload {
            office.reload_by_signal().await;
        }
    }

    /// Waits for the workers to finish what is under way; another signal cuts that short.
    pub(super) async fn drain(
        &mut self,
        stop: watch::Sender<bool>,
        threads: Vec<thread::JoinHandle<std::io::Result<()>>>,
    ) {
        tracing::info!("stopping: finishing what is under way");
        notify("STOPPING=1");
        // No receiver left means that every worker has stopped.
        let _ = stop.send(true);
        let drained = tokio::task::spawn_blocking(move || {
            for thread in threads {
                match thread.join() {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(%error, "a worker had stopped before"),
                    Err(_) => tracing::error!("a worker had panicked before"),
                }
            }
        });
        tokio::select! {
            _ = drained => {}
            () = self.stop() => tracing::warn!("stopping at once: requests under way are cut off"),
        }
    }

    /// What stops has nothing to reload any more.
    pub(super) async fn stop(&mut self) {
        while self.next().await == Told::Reload {}
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => if self.reloads { Told::Reload } else { Told::Stop },
        }
    }
}

/// What a signal tells a server to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Reload,
    Stop,
}
