use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Whose turn it is in each answer that is under way over HTTP/2.
///
/// A client can give a stream no window for as long as it likes. h2 then asks for no more of the body, so that nobody is there to notice.
#[derive(Debug)]
pub(super) struct Turns {
    began: Instant,
    /// [`FREE`], [`OURS`], or the second since when it has been the client's, plus [`CLIENTS`].
    streams: Box<[AtomicU32]>,
}

const FREE: u32 = 0;
const OURS: u32 = 1;
const CLIENTS: u32 = 2;

impl Turns {
    /// For so many streams at once. Those beyond are not watched.
    pub(super) fn of(streams: u32) -> Self {
        Self { began: Instant::now(), streams: (0..streams).map(|_| AtomicU32::new(FREE)).collect() }
    }

    /// An answer will come: a place to note its turns.
    pub(super) fn take(&self) -> Option<usize> {
        let is_taken = |stream: &AtomicU32| {
            stream.compare_exchange(FREE, OURS, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        self.streams.iter().position(is_taken)
    }

    pub(super) fn free(&self, stream: usize) {
        self.streams[stream].store(FREE, Ordering::Relaxed);
    }

    /// More of the answer is awaited from the site.
    pub(super) fn ours(&self, stream: usize) {
        self.streams[stream].store(OURS, Ordering::Relaxed);
    }

    /// Something is there, and the client must take it before more is asked for.
    pub(super) fn clients(&self, stream: usize) {
        self.streams[stream].store(self.second() + CLIENTS, Ordering::Relaxed);
    }

    /// Whether it has been the client's turn anywhere for longer than `limit`.
    pub(super) fn are_over(&self, limit: Duration) -> bool {
        let now = self.second();
        self.streams.iter().any(|stream| {
            let since = stream.load(Ordering::Relaxed).checked_sub(CLIENTS);
            since.is_some_and(|since| u64::from(now.saturating_sub(since)) > limit.as_secs())
        })
    }

    fn second(&self) -> u32 {
        u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX - CLIENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn http2_1_a_stream_without_a_window_is_noticed() {
        let turns = Turns::of(2);
        let (one, other) = (turns.take().unwrap(), turns.take().unwrap());
        assert_eq!(turns.take(), None);
        turns.clients(one);
        turns.ours(other);
        tokio::time::advance(LIMIT).await;
        assert!(!turns.are_over(LIMIT));
        turns.clients(one);
        tokio::time::advance(LIMIT).await;
        assert!(!turns.are_over(LIMIT), "something was taken in between");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(turns.are_over(LIMIT));
        turns.free(one);
        assert!(!turns.are_over(LIMIT), "the site may take its time");
        assert_eq!(turns.take(), Some(one));
    }
}
