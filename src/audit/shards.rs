use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many shards there are: more than threads that serve, so that each has one to itself.
const COUNT: usize = 32;

/// One value per thread, more or less: each thread always takes the same shard, so locks are hardly ever contended.
#[derive(Debug)]
pub(super) struct Shards<T>(Box<[Padded<T>]>);

/// Two cache lines each, so that neighbours do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(Mutex<T>);

impl<T> Shards<T> {
    pub(super) fn new(mut make: impl FnMut() -> T) -> Self {
        Self((0..COUNT).map(|_| Padded(Mutex::new(make()))).collect())
    }

    /// The shard of this thread.
    pub(super) fn mine(&self) -> MutexGuard<'_, T> {
        lock(&self.0[place()])
    }

    /// Each shard in turn. A shard that a panic left behind is used as it is: it holds counts.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(lock)
    }
}

fn lock<T>(padded: &Padded<T>) -> MutexGuard<'_, T> {
    padded.0.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    PLACE.with(|place| {
        if place.get() == usize::MAX {
            place.set(NEXT.fetch_add(1, Ordering::Relaxed) % COUNT);
        }
        place.get()
    })
}
