//! What waits to be written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pinfold::audit::{Batch, Delivery, Ledger, Lost, Rows};
use tokio::sync::oneshot;

/// How many rows may wait: as many addresses, and as many others, because addresses wait longest. Beyond that batches are refused, and
/// counted as lost. The largest batch, a bucket of addresses, has 131,072 rows.
pub(crate) const ROOM: usize = 200_000;

/// The longest value that reaches a statement, in bytes. Those of requests are shorter by far; the wording of a policy is the operator's own.
const LONGEST: usize = 64 * 1024;

/// Rows that have waited for so long are left waiting by something.
const LONG: Duration = Duration::from_secs(5);

/// Batches between whoever counts and the thread that writes. Putting one in never waits for the disk.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    pending: [AtomicUsize; Ledger::ALL.len()],
    healthy: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Addresses, and others.
    rows: [usize; 2],
    /// Since when rows have been waiting without a pause.
    waiting_since: Option<Instant>,
    /// The number of the last batch of each ledger. One count for all would tell how many seconds lie between the last batches
    /// of two.
    sequences: [i64; Ledger::ALL.len()],
    closed: bool,
}

/// A batch, its number, and whoever wants to know what becomes of it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) batch: Batch,
    pub(crate) sequence: i64,
    done: oneshot::Sender<()>,
}

impl Queue {
    /// Takes a batch, or refuses it where a value is too long, or there is no room or no writer any more.
    pub(crate) fn put(&self, batch: Batch) -> Delivery {
        let (done, kept) = oneshot::channel();
        let (rows, fits) = (batch.rows.len(), longest(&batch.rows) <= LONGEST);
        let mut state = self.lock();
        let room = room_of(batch.rows.ledger());
        if state.closed || state.rows[room] + rows > ROOM || !fits {
            return Box::pin(std::future::ready(Err(Lost)));
        }
        state.rows[room] += rows;
        state.waiting_since.get_or_insert_with(Instant::now);
        let place = place_of(batch.rows.ledger());
        state.sequences[place] += 1;
        self.pending[place].fetch_add(rows, Ordering::Relaxed);
        let sequence = state.sequences[place];
        state.waiting.push_back(Waiting { batch, sequence, done });
        drop(state);
        self.arrived.notify_one();
        Box::pin(async move { kept.await.map_err(|_| Lost) })
    }

    /// Everything that waits, as soon as there is something, the time is over, or the queue is closed. The flag says
    /// that nothing more will come.
    pub(crate) fn take(&self, at_most: Duration) -> (Vec<Waiting>, bool) {
        let state = self.lock();
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let (mut state, _) =
            self.arrived.wait_timeout_while(state, at_most, idle).unwrap_or_else(PoisonError::into_inner);
        (state.waiting.drain(..).collect(), state.closed)
    }

    /// Says that batches are on disk.
    pub(crate) fn settle(&self, written: Vec<Waiting>) {
        self.release(&written);
        for waiting in written {
            // Whoever asked may have gone: the batch is kept all the same.
            let _ = waiting.done.send(());
        }
    }

    /// Gives batches up: their deliveries fail.
    pub(crate) fn give_up(&self, lost: Vec<Waiting>) {
        self.release(&lost);
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// How many rows of a ledger wait.
    pub(crate) fn pending(&self, ledger: Ledger) -> usize {
        self.of(ledger).load(Ordering::Relaxed)
    }

    /// Whether the last write succeeded, and rows are not left waiting by a disk that does not answer.
    pub(crate) fn is_healthy(&self) -> bool {
        let waits_long = self.lock().waiting_since.is_some_and(|since| since.elapsed() > LONG);
        self.healthy.load(Ordering::Relaxed) && !waits_long
    }

    /// Takes nothing more and gives up what waits: there is nobody left to write it.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left: Vec<_> = state.waiting.drain(..).collect();
        drop(state);
        if !left.is_empty() {
            tracing::error!("the writer of the store is gone");
            self.set_healthy(false);
        }
        self.give_up(left);
    }

    pub(crate) fn set_healthy(&self, healthy: bool) -> bool {
        self.healthy.swap(healthy, Ordering::Relaxed)
    }

    fn release(&self, batches: &[Waiting]) {
        let mut state = self.lock();
        for waiting in batches {
            let rows = waiting.batch.rows.len();
            state.rows[room_of(waiting.batch.rows.ledger())] -= rows;
            self.of(waiting.batch.rows.ledger()).fetch_sub(rows, Ordering::Relaxed);
        }
        state.waiting_since = (state.rows != [0; 2]).then(Instant::now);
    }

    fn of(&self, ledger: Ledger) -> &AtomicUsize {
        &self.pending[place_of(ledger)]
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the longest value is that somebody else may have had a hand in.
fn longest(rows: &Rows) -> usize {
    let of = |values: &[&str]| values.iter().map(|value| value.len()).max().unwrap_or_default();
    let longest = match rows {
        Rows::Action(row) => {
            Some(of(&[&row.act, &row.requested_by, &row.approved_by, &row.basis, &row.result]))
        }
        Rows::Consent(rows) => rows.iter().map(|row| of(&[&row.policy, &row.purpose])).max(),
        Rows::Cookie(rows) => rows.iter().map(|row| of(&[&row.pattern, &row.purpose])).max(),
        Rows::Facet(rows) => rows.iter().map(|row| row.value.len()).max(),
        Rows::Usage(rows) => rows.iter().map(|row| row.route.len()).max(),
        _ => None,
    };
    longest.unwrap_or_default()
}

fn room_of(ledger: Ledger) -> usize {
    usize::from(ledger != Ledger::Address)
}

fn place_of(ledger: Ledger) -> usize {
    Ledger::ALL.iter().position(|one| *one == ledger).unwrap_or_default()
}
