use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pinfold::audit::{Batch, Delivery, Ledger, Sink};

use crate::engine::Engine;
use crate::error::StoreError;
use crate::location::Location;
use crate::once::Author;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::spool::{Gauge, Spool, SpoolState};
use crate::sql::SqlError;
use crate::writer::Writer;
use crate::{postgres, sqlite};

/// How long a stop waits for the writer, which itself gives up after five seconds.
const LONGEST_STOP: Duration = Duration::from_secs(8);

/// Ledgers in one SQLite file, or in a database of PostgreSQL that several nodes write to.
///
/// Batches are queued in memory, at most 200,000 rows of addresses and as many others, and written by one thread. While the store cannot
/// be written to they wait; beyond the bound they are lost, and whoever handed them in is told. While a database is away they wait on
/// disk instead, where there is a spool, and their deliveries are ready once they are there. Dropping the store closes it.
#[derive(Debug)]
pub struct Store {
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    /// The file, and how large it may become.
    file: Option<(PathBuf, u64)>,
    spool: Option<Arc<Gauge>>,
}

impl Store {
    /// Opens a store for writing, making its file or tables if need be, and removes what is older than it may be.
    ///
    /// # Errors
    ///
    /// Where it cannot be used, is in use by another server (of the same name, where several may write), or has a newer schema.
    pub fn open(location: impl Into<Location>, retention: Retention) -> Result<Self, StoreError> {
        Self::open_within(location, retention, sqlite::MOST_BYTES, &[])
    }

    /// The same with a bound on the size of a file, by default 4 GiB. At the bound nothing more is written, as on a full
    /// disk: what is counted waits, then is lost and said to be. PostgreSQL has bounds of its own.
    ///
    /// `living` names the epochs whose keys an earlier process has left to this one. All other keys of this node that were never entered as
    /// destroyed died with their process, and the rows under them are removed.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`].
    pub fn open_within(
        location: impl Into<Location>,
        retention: Retention,
        most_bytes: u64,
        living: &[String],
    ) -> Result<Self, StoreError> {
        let location = location.into();
        let (engine, file) = match &location {
            Location::File(path) => {
                let engine = sqlite::Engine::open(path, most_bytes)?;
                (Engine::Sqlite(engine), Some((path.clone(), most_bytes)))
            }
            Location::Postgres(server) => (Engine::Postgres(Box::new(postgres::Engine::open(server)?)), None),
        };
        let spool = match &location {
            Location::Postgres(server) => server.spool().map(Spool::open).transpose()?,
            Location::File(_) => None,
        };
        let gauge = spool.as_ref().map(Spool::gauge);
        let incarnation = getrandom::u64().map_err(|error| location.unusable(SqlError::failed(error)))?;
        let author = Author { node: location.node().to_owned(), incarnation: incarnation.cast_signed() };
        let queue = Arc::new(Queue::default());
        let writer = Writer::new(engine, author, queue.clone(), retention, spool, living);
        let writer = writer.map_err(|error| location.unusable(error))?;
        let last = LastOneOut(queue.clone());
        let spawned = std::thread::Builder::new().name("pinfold-store".to_owned()).spawn(move || {
            let _last = last;
            writer.run();
        });
        let writer = spawned.map_err(|error| location.unusable(SqlError::failed(error)))?;
        Ok(Self { queue, writer: Some(writer), file, spool: gauge })
    }

    /// A handle that batches are given to.
    pub fn sink(&self) -> impl Sink + Clone + use<> {
        QueueSink(self.queue.clone())
    }

    /// How many rows of each ledger wait to be written.
    pub fn pending(&self) -> Vec<(Ledger, usize)> {
        Ledger::ALL.into_iter().map(|ledger| (ledger, self.queue.pending(ledger))).collect()
    }

    /// How large the file is with its log, and how large the file it may become, in bytes. Of a database that is PostgreSQL's to say.
    pub fn size(&self) -> Option<(u64, u64)> {
        let (path, most_bytes) = self.file.as_ref()?;
        Some((sqlite::bytes_of(path), *most_bytes))
    }

    /// Whether the last write succeeded, and none has been waiting for long.
    pub fn is_healthy(&self) -> bool {
        self.queue.is_healthy()
    }

    /// Whether what comes is kept: the store takes it, or there is room for it on a disk of this node meanwhile.
    pub fn keeps(&self) -> bool {
        self.is_healthy() || self.spool.as_ref().is_some_and(|spool| spool.has_room())
    }

    /// What waits on disk while a database is away; nothing where there is no place for it.
    pub fn spool(&self) -> Option<SpoolState> {
        self.spool.as_ref().map(|spool| spool.state())
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

impl Drop for Store {
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
