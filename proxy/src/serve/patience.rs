use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// How long somebody may keep us waiting. Only the time that we do wait counts.
///
/// The clock is monotonic. There is one timer at most, and it moves only once it has gone off: most waits end long before.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    left: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) const fn of(limit: Duration) -> Self {
        Self { limit, left: limit, since: None, timer: None }
    }

    /// Begins to wait, or goes on with it; ready once too much of it has been waited.
    pub(super) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.since.get_or_insert_with(Instant::now) + self.left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.is_elapsed() || timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < deadline {
            timer.as_mut().reset(deadline);
            return timer.as_mut().poll(cx);
        }
        Poll::Ready(())
    }

    /// Ends a wait. What has been waited stays waited.
    pub(super) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    /// How long it is when it is whole.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Ends a wait, and begins with another limit.
    pub(super) fn renew_to(&mut self, limit: Duration) {
        self.limit = limit;
        self.renew();
    }

    /// Ends a wait, and forgets how long it was.
    pub(super) fn renew(&mut self) {
        self.since = None;
        self.left = self.limit;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn lost_within(patience: &mut Patience, time: Duration) -> bool {
        tokio::time::timeout(time, poll_fn(|cx| patience.poll_lost(cx))).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn only_waiting_counts() {
        let mut patience = Patience::of(LIMIT);
        assert!(!lost_within(&mut patience, Duration::from_secs(6)).await);
        patience.pause();
        tokio::time::sleep(LIMIT).await;
        assert!(!lost_within(&mut patience, Duration::from_secs(3)).await);
        patience.pause();
        assert!(lost_within(&mut patience, Duration::from_secs(2)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_whole_again_once_renewed() {
        let mut patience = Patience::of(LIMIT);
        for _ in 0..5 {
            assert!(!lost_within(&mut patience, Duration::from_secs(9)).await);
            patience.renew();
        }
        let started = Instant::now();
        assert!(lost_within(&mut patience, Duration::from_secs(11)).await);
        assert!(started.elapsed().abs_diff(LIMIT) < Duration::from_millis(5));
    }
}
