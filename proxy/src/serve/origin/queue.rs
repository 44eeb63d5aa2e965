use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests of one thread may wait for the origin's answer at a time. More would not be answered sooner: no common
/// application server works on so many, and connections cost memory at both ends.
const MOST_AT_ONCE: usize = 128;

/// How many more may wait for their turn. Within the origin's time limit no common server would come to those beyond.
const MOST_WAITING: usize = 4096;

/// Whose turn it is to ask the origin: first come, first served. A turn is over when the head of the answer is there, so that clients who
/// are slow to take a body are in nobody's way.
#[derive(Debug)]
pub(super) struct Queue {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { free: Semaphore::new(MOST_AT_ONCE), waiting: AtomicUsize::new(0) }
    }
}

impl Queue {
    /// Waits for a turn, which lasts until it is dropped. Nothing where too many wait already.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.free.try_acquire() {
            return Some(turn);
        }
        let _place = Place::among(&self.waiting)?;
        self.free.acquire().await.ok()
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn among(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_ask_so_many_wait_and_the_rest_are_told() {
        let queue = std::sync::Arc::new(Queue::default());
        let mut asking = Vec::new();
        for _ in 0..MOST_AT_ONCE {
            asking.push(queue.turn().await.unwrap());
        }
        let waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.turn().await.is_some() })
            })
            .collect();
        while queue.waiting.load(Ordering::Relaxed) < MOST_WAITING {
            tokio::task::yield_now().await;
        }
        assert!(queue.turn().await.is_none(), "too many wait");
        drop(asking);
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
        assert!(queue.turn().await.is_some());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
