use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests of one thread may wait for the origin's answer at a time. More would not be answered sooner: no common
/// application server works on so many, and connections cost memory at both ends.
const MOST_AT_ONCE: usize = 128;

/// How many more may wait for their turn. Within the origin's time limit no common server would come to those beyond.
const MOST_WAITING: usize = 4096;

/// The same of all origins of several sites together, on one thread. Whoever is below a floor of its own has a turn, and a place to wait,
/// whatever the others do: so there are never more than these and the floors of all.
const MOST_AT_ONCE_OF_ALL: usize = 1024;
const MOST_WAITING_OF_ALL: usize = 8192;
const FLOOR: usize = 8;

/// Whose turn it is to ask the origin: first come, first served. A turn is over when the head of the answer is there, so that clients who
/// are slow to take a body are in nobody's way.
#[derive(Debug)]
pub(super) struct Queue {
    free: Semaphore,
    waiting: AtomicUsize,
    among: Option<Among>,
}

/// The others beside whom an origin is asked.
#[derive(Debug)]
struct Among {
    /// Turns that are this origin's, whatever the others do.
    floor: Semaphore,
    line: Arc<Line>,
}

/// In which the origins of several sites are together.
#[derive(Debug)]
pub(in super::super) struct Line {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Line {
    fn default() -> Self {
        Self { free: Semaphore::new(MOST_AT_ONCE_OF_ALL), waiting: AtomicUsize::new(0) }
    }
}

/// A turn, which lasts until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _own: SemaphorePermit<'a>,
    /// Of the floor, or of the line of all.
    _among: Option<SemaphorePermit<'a>>,
}

impl Queue {
    /// Within the line of several sites, if there is one.
    pub(super) fn within(line: Option<&Arc<Line>>) -> Self {
        let among = |line: &Arc<Line>| Among { floor: Semaphore::new(FLOOR), line: line.clone() };
        Self { free: Semaphore::new(MOST_AT_ONCE), waiting: AtomicUsize::new(0), among: line.map(among) }
    }

    /// Waits for a turn. Nothing where too many wait already.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        if let Some(turn) = self.turn_now() {
            return Some(turn);
        }
        let place = Place::among(&self.waiting, MOST_WAITING)?;
        // Those of a few are not counted with all, so that few always find room.
        let of_all = self.among.as_ref().filter(|_| place.number >= FLOOR);
        let _of_all = match of_all {
            Some(among) => Some(Place::among(&among.line.waiting, MOST_WAITING_OF_ALL)?),
            None => None,
        };
        let own = self.free.acquire().await.ok()?;
        let among = match &self.among {
            Some(among) => Some(among.acquire().await?),
            None => None,
        };
        Some(Turn { _own: own, _among: among })
    }

    fn turn_now(&self) -> Option<Turn<'_>> {
        let own = self.free.try_acquire().ok()?;
        let among = match &self.among {
            Some(among) => Some(among.floor.try_acquire().or_else(|_| among.line.free.try_acquire()).ok()?),
            None => None,
        };
        Some(Turn { _own: own, _among: among })
    }
}

impl Among {
    /// Waits for whichever comes first.
    async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            floor = self.floor.acquire() => floor.ok(),
            of_all = self.line.free.acquire() => of_all.ok(),
        }
    }
}

/// A place among those who wait.
struct Place<'a> {
    waiting: &'a AtomicUsize,
    /// How many waited before.
    number: usize,
}

impl<'a> Place<'a> {
    fn among(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self { waiting, number: waiting.fetch_add(1, Ordering::Relaxed) };
        (place.number < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_ask_so_many_wait_and_the_rest_are_told() {
        let queue = Arc::new(Queue::within(None));
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

    #[tokio::test]
    async fn several_sites_are_bounded_together_and_each_has_its_floor() {
        let line = Arc::new(Line::default());
        let crowd: Vec<_> = (0..9).map(|_| Queue::within(Some(&line))).collect();
        let mut turns = Vec::new();
        for queue in &crowd {
            turns.extend(std::iter::from_fn(|| queue.turn_now()));
        }
        // The floors of all, and what all may have together.
        assert_eq!(turns.len(), 9 * FLOOR + MOST_AT_ONCE_OF_ALL);
        let quiet = Arc::new(Queue::within(Some(&line)));
        let of_quiet: Vec<_> = std::iter::from_fn(|| quiet.turn_now()).collect();
        assert_eq!(of_quiet.len(), FLOOR, "whatever the others do");
        // Of those who wait for this site each goes on as soon as one of its own is done, though nobody else ever is.
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let quiet = quiet.clone();
                tokio::spawn(async move {
                    let turn = quiet.turn().await;
                    tokio::task::yield_now().await;
                    turn.is_some()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        drop(of_quiet);
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
    }
}
