use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Whose turn it is in each answer that is under way over HTTP/2.
///
/// A client can give a stream no window for as long as it likes. h2 then asks for no more of the body, so that nobody is there to notice.
#[derive(Debug)]
pub(super) struct Stalls {
    began: Instant,
    /// [`FREE`], [`OURS`], or the second since when it has been the client's, plus [`CLIENTS`].
    streams: Box<[AtomicU32]>,
    /// The second in which a turn ended last.
    moved: AtomicU32,
}

const FREE: u32 = 0;
const OURS: u32 = 1;
const CLIENTS: u32 = 2;

impl Stalls {
    /// For so many streams at once. Those beyond are not watched.
    pub(super) fn of(streams: u32) -> Self {
        Self {
            began: Instant::now(),
            streams: (0..streams).map(|_| AtomicU32::new(FREE)).collect(),
            moved: AtomicU32::new(0),
        }
    }

    /// An answer will come: a place to note its turns.
    pub(super) fn take(&self) -> Option<usize> {
        let is_taken = |stream: &AtomicU32| {
            stream.compare_exchange(FREE, OURS, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        self.streams.iter().position(is_taken)
    }

    pub(super) fn free(&self, stream: usize) {
        self.note(stream, FREE);
    }

    /// More of the answer is awaited from the site.
    pub(super) fn ours(&self, stream: usize) {
        self.note(stream, OURS);
    }

    /// Something is there, and the client must take it before more is asked for.
    pub(super) fn clients(&self, stream: usize) {
        self.note(stream, self.second() + CLIENTS);
    }

    fn note(&self, stream: usize, turn: u32) {
        self.streams[stream].store(turn, Ordering::Relaxed);
        self.moved.store(self.second(), Ordering::Relaxed);
    }

    /// Whether it is the client's turn somewhere and nothing has moved anywhere for longer than `all`, or it has been for longer than
    /// `one`.
    pub(super) fn are_over(&self, all: Duration, one: Duration) -> bool {
        let now = self.second();
        let is_past = |since: u32, limit: Duration| u64::from(now.saturating_sub(since)) > limit.as_secs();
        let stands = is_past(self.moved.load(Ordering::Relaxed), all);
        self.streams.iter().any(|stream| {
            let since = stream.load(Ordering::Relaxed).checked_sub(CLIENTS);
            since.is_some_and(|since| stands || is_past(since, one))
        })
    }

    fn second(&self) -> u32 {
        u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX - CLIENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Duration = Duration::from_secs(60);
    const ONE: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn http2_1_a_stream_without_a_window_is_noticed() {
        let stalls = Stalls::of(2);
        let (one, other) = (stalls.take().unwrap(), stalls.take().unwrap());
        assert_eq!(stalls.take(), None);
        stalls.clients(one);
        stalls.ours(other);
        let passes = async |time: Duration| {
            tokio::time::advance(time).await;
            stalls.are_over(ALL, ONE)
        };
        assert!(!passes(ALL).await);
        stalls.clients(one);
        assert!(!passes(ALL).await, "something was taken in between");
        assert!(passes(Duration::from_secs(2)).await);
        stalls.free(one);
        assert!(!passes(ONE).await, "the site may take its time");
        assert_eq!(stalls.take(), Some(one));
        // One is not taken, another is.
        stalls.clients(one);
        for _ in 0..5 {
            stalls.clients(other);
            assert!(!passes(ALL).await);
        }
        stalls.clients(other);
        assert!(passes(Duration::from_secs(2)).await);
    }
}
