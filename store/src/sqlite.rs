use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pinfold::audit::{Batch, Delivery, Ledger, Sink};

use crate::error::StoreError;
use crate::lock::lock;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::writer::{MOST_BYTES, Writer};

/// How long a stop waits for the writer, which itself gives up after five seconds.
const LONGEST_STOP: Duration = Duration::from_secs(8);

/// Ledgers in one SQLite file.
///
/// Batches are queued in memory, at most 200,000 rows, and written by one thread. While the file cannot be written they wait;
/// beyond the bound they are lost, and whoever handed them in is told. Dropping the store closes it.
#[derive(Debug)]
pub struct SqliteStore {
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    path: PathBuf,
    most_bytes: u64,
    _lock: File,
}

impl SqliteStore {
    /// Opens the file for writing, creating it if need be, and removes what is older than it may be.
    ///
    /// # Errors
    ///
    /// Where the file cannot be used, is in use by another server, or has a newer schema.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        Self::open_within(path, retention, MOST_BYTES, &[])
    }

    /// The same with a bound on the size of the file, by default 4 GiB. At the bound nothing more is written, as on a full
    /// disk: what is counted waits, then is lost and said to be.
    ///
    /// `living` names the epochs whose keys an earlier process has left to this one. All other keys that were never entered as
    /// destroyed died with their process, and the rows under them are removed.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`].
    pub fn open_within(
        path: &Path,
        retention: Retention,
        most_bytes: u64,
        living: &[String],
    ) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let queue = Arc::new(Queue::default());
        let writer = Writer::open(path, queue.clone(), retention, most_bytes, living)?;
        let last = LastOneOut(queue.clone());
        let spawned = std::thread::Builder::new().name("pinfold-store".to_owned()).spawn(move || {
            let _last = last;
            writer.run();
        });
        let writer = spawned.map_err(|error| StoreError::unusable(path, error))?;
        Ok(Self { queue, writer: Some(writer), path: path.to_owned(), most_bytes, _lock: lock })
    }

    /// A handle that batches are given to.
    pub fn sink(&self) -> impl Sink + Clone + use<> {
        QueueSink(self.queue.clone())
    }

    /// How many rows of each ledger wait to be written.
    pub fn pending(&self) -> Vec<(Ledger, usize)> {
        Ledger::ALL.into_iter().map(|ledger| (ledger, self.queue.pending(ledger))).collect()
    }

    /// How large the file is, and how large it may become, in bytes.
    pub fn size(&self) -> (u64, u64) {
        (std::fs::metadata(&self.path).map_or(0, |file| file.len()), self.most_bytes)
    }

    /// Whether the last write succeeded, and none has been waiting for long.
    pub fn is_healthy(&self) -> bool {
        self.queue.is_healthy()
    }

    /// Writes what waits and stops. What cannot be written within five seconds is lost.
    pub fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.queue.close();
        let Some(writer) = self.writer.take() else { return };
        // A disk that does not answer must not hold up a stop for ever.
        let waits_until = Instant::now() + LONGEST_STOP;
        while !writer.is_finished() && Instant::now() < waits_until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !writer.is_finished() {
            tracing::error!("the store did not finish: what it was writing may be lost");
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Leaves nothing waiting for a thread that is gone, whether it ended or panicked.
struct LastOneOut(Arc<Queue>);

impl Drop for LastOneOut {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[derive(Debug, Clone)]
struct QueueSink(Arc<Queue>);

impl Sink for QueueSink {
    fn deliver(&self, batch: Batch) -> Delivery {
        self.0.put(batch)
    }
}
