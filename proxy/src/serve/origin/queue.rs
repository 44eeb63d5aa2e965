use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests of one thread wait for the origin's answer at a time, as long as the thread is busy: it would not come sooner to the answers
/// of more, and what it needs for them would be gone from the processor's caches by then.
const AT_FIRST: usize = 16;

/// How many may, as soon as the thread has run everything that it knows to be ready. More would not be answered sooner: no common application server works on so many, and
/// connections cost memory at both ends.
const MOST_AT_ONCE: usize = 128;

/// How many more there are each time it has.
const STEP: usize = 16;

/// How long no turn may have ended before there are more, however busy the thread is with other things. It is looked for when somebody comes, and
/// once a second.
const STUCK: Duration = Duration::from_millis(10);

/// A turn that lasted so long had an origin that is slow, and not a thread: somebody else has it next, however busy the thread is.
const SLOW: Duration = Duration::from_millis(40);

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
    /// How many turns there are beyond the first.
    more: AtomicUsize,
    /// Whether it stays at that.
    is_left: AtomicBool,
    waiting: AtomicUsize,
    /// When a turn ended last, or somebody was the first to wait, in microseconds since the line began.
    moved: AtomicU64,
    line: Arc<Line>,
    /// Turns that are this origin's, whatever the others do; nothing where there are no others.
    floor: Option<Semaphore>,
}

/// In which the origins of one thread are, and those of several sites wait together.
#[derive(Debug)]
pub(in super::super) struct Line {
    free: Semaphore,
    waiting: AtomicUsize,
    /// Whether somebody may have a turn as soon as everything that is ready has been run.
    wanted: AtomicBool,
    began: Instant,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            free: Semaphore::new(MOST_AT_ONCE_OF_ALL),
            waiting: AtomicUsize::new(0),
            wanted: AtomicBool::new(false),
            began: Instant::now(),
        }
    }
}

impl Line {
    /// Whether [`Queue::widen`] may change something, since this was asked last.
    pub(in super::super) fn is_wanted(&self) -> bool {
        self.wanted.swap(false, Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A turn, which lasts until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    own: Option<SemaphorePermit<'a>>,
    /// In microseconds since the line began.
    since: u64,
    /// Of the floor, or of the line of all.
    _among: Option<SemaphorePermit<'a>>,
}

impl Queue {
    /// In a line, which several sites share or not.
    pub(super) fn within(line: &Arc<Line>, is_shared: bool) -> Self {
        Self {
            free: Semaphore::new(AT_FIRST),
            more: AtomicUsize::new(0),
            is_left: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            line: line.clone(),
            floor: is_shared.then(|| Semaphore::new(FLOOR)),
        }
    }

    /// Waits for a turn. Nothing where too many wait already.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        if let Some(turn) = self.turn_now() {
            return Some(turn);
        }
        let place = Place::among(&self.waiting, MOST_WAITING)?;
        // Those of a few are not counted with all, so that few always find room.
        let _of_all = match self.floor.is_some() && place.number >= FLOOR {
            true => Some(Place::among(&self.line.waiting, MOST_WAITING_OF_ALL)?),
            false => None,
        };
        self.line.wanted.store(true, Ordering::Relaxed);
        if place.number == 0 {
            self.moved.store(self.line.now(), Ordering::Relaxed);
        } else {
            self.widen_if_stuck();
        }
        let own = self.free.acquire().await.ok()?;
        let among = match &self.floor {
            Some(floor) => Some(self.among(floor).await?),
            None => None,
        };
        Some(Turn { queue: self, own: Some(own), since: self.line.now(), _among: among })
    }

    fn turn_now(&self) -> Option<Turn<'_>> {
        let own = self.free.try_acquire().ok()?;
        let among = match &self.floor {
            Some(floor) => Some(floor.try_acquire().or_else(|_| self.line.free.try_acquire()).ok()?),
            None => None,
        };
        Some(Turn { queue: self, own: Some(own), since: self.line.now(), _among: among })
    }

    /// Waits for whichever comes first.
    async fn among<'a>(&'a self, floor: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            floor = floor.acquire() => floor.ok(),
            of_all = self.line.free.acquire() => of_all.ok(),
        }
    }

    /// Gives some of those who wait a turn, as long as there are not too many. To be called where the thread has run everything that is ready.
    pub(super) fn widen(&self) {
        let step = self.add(STEP.min(self.waiting.load(Ordering::Relaxed)));
        if step == STEP {
            self.line.wanted.store(true, Ordering::Relaxed);
        }
    }

    /// The same where nobody's turn ends although some wait, whatever the thread does.
    pub(super) fn widen_if_stuck(&self) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now = self.line.now();
        if is_longer(self.moved.load(Ordering::Relaxed), now, STUCK) {
            self.moved.store(now, Ordering::Relaxed);
            self.widen();
        }
    }

    /// Gives all turns that there can be, for good: nobody comes any more, and nobody will call [`Self::widen`] for those who are left.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
        self.add(MOST_AT_ONCE);
    }

    /// So many turns, or as many as there is room for: how many.
    fn add(&self, turns: usize) -> usize {
        let more = self.more.load(Ordering::Relaxed);
        let step = turns.min((MOST_AT_ONCE - AT_FIRST).saturating_sub(more));
        self.more.fetch_add(step, Ordering::Relaxed);
        self.free.add_permits(step);
        step
    }
}

/// Whether more time has passed between two readings of microseconds.
fn is_longer(from: u64, to: u64, limit: Duration) -> bool {
    Duration::from_micros(to.saturating_sub(from)) > limit
}

impl Drop for Turn<'_> {
    /// One beyond the first is given up, unless the origin is slow and somebody waits.
    fn drop(&mut self) {
        let (queue, now) = (self.queue, self.queue.line.now());
        let is_waited_for = queue.waiting.load(Ordering::Relaxed) > 0;
        let is_kept =
            queue.is_left.load(Ordering::Relaxed) || is_waited_for && is_longer(self.since, now, SLOW);
        if !is_kept
            && queue
                .more
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |more| more.checked_sub(1))
                .is_ok()
            && let Some(own) = self.own.take()
        {
            own.forget();
        }
        if is_waited_for {
            queue.line.wanted.store(true, Ordering::Relaxed);
            queue.moved.store(now, Ordering::Relaxed);
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

    fn alone() -> Arc<Queue> {
        Arc::new(Queue::within(&Arc::default(), false))
    }

    fn all_turns(queue: &Queue) -> Vec<Turn<'_>> {
        std::iter::from_fn(|| queue.turn_now()).collect()
    }

    impl Queue {
        fn widen_whole(&self) {
            assert_eq!(self.add(MOST_AT_ONCE), MOST_AT_ONCE - AT_FIRST);
        }

        /// As if turns ended all the time, or none had for long: however slow this machine is.
        fn moved_at(&self, micros: u64) {
            self.moved.store(micros, Ordering::Relaxed);
        }
    }

    const NEVER: u64 = u64::MAX;

    /// Has so many wait, each for a turn that it keeps for as long as this is kept.
    async fn crowd(queue: &Arc<Queue>, count: usize) -> (tokio::sync::watch::Sender<bool>, Arc<AtomicUsize>) {
        let (done, asked) = (tokio::sync::watch::Sender::new(false), Arc::new(AtomicUsize::new(0)));
        for _ in 0..count {
            let (queue, asked, mut done) = (queue.clone(), asked.clone(), done.subscribe());
            tokio::spawn(async move {
                let _turn = queue.turn().await;
                asked.fetch_add(1, Ordering::Relaxed);
                let _ = done.wait_for(|done| *done).await;
            });
        }
        settle().await;
        (done, asked)
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn more_ask_whenever_the_thread_is_idle_and_no_more_than_the_most() {
        let queue = alone();
        let turns = all_turns(&queue);
        queue.moved_at(NEVER);
        queue.waiting.fetch_add(1, Ordering::Relaxed);
        let (done, asked) = crowd(&queue, 200).await;
        queue.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(turns);
        settle().await;
        let asking = || asked.load(Ordering::Relaxed);
        assert_eq!(asking(), AT_FIRST, "while it is busy");
        for step in 1.. {
            if !queue.line.is_wanted() {
                break;
            }
            queue.widen();
            settle().await;
            assert_eq!(asking(), (AT_FIRST + step * STEP).min(MOST_AT_ONCE));
        }
        assert_eq!(asking(), MOST_AT_ONCE, "nothing is wanted that cannot be had");
        done.send_replace(true);
        settle().await;
        assert_eq!(asking(), 200);
        assert_eq!(all_turns(&queue).len(), AT_FIRST, "as many as before");
        assert_eq!(queue.more.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_turn_that_ends_is_had_again_once_the_thread_is_idle() {
        let queue = alone();
        queue.widen_whole();
        let mut turns = all_turns(&queue);
        turns.iter_mut().for_each(|turn| turn.since = NEVER);
        let (_done, asked) = crowd(&queue, 5).await;
        assert!(queue.line.is_wanted());
        queue.widen();
        assert!(!queue.line.is_wanted(), "all turns there can be are taken");
        turns.truncate(MOST_AT_ONCE - 2);
        settle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 0, "while it is busy");
        assert!(queue.line.is_wanted());
        queue.widen();
        settle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn whoever_is_stuck_behind_slow_answers_does_not_wait_for_idleness() {
        let queue = alone();
        let _turns = all_turns(&queue);
        let (_done, asked) = crowd(&queue, 1).await;
        queue.moved_at(NEVER);
        queue.widen_if_stuck();
        settle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 0, "they end all the time");
        queue.moved_at(0);
        std::thread::sleep(2 * STUCK);
        queue.widen_if_stuck();
        settle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_slow_origin_keeps_its_turns_and_one_that_is_left_all_of_them() {
        for (is_slow, is_left, kept) in
            [(true, false, true), (false, false, false), (false, true, true), (true, true, true)]
        {
            let queue = alone();
            if is_left {
                queue.leave();
            } else {
                queue.widen_whole();
            }
            let mut turns = all_turns(&queue);
            assert_eq!(turns.len(), MOST_AT_ONCE);
            let (_done, asked) = crowd(&queue, 1).await;
            // Long enough ago, or not yet.
            turns[0].since = if is_slow { 0 } else { NEVER };
            if is_slow {
                std::thread::sleep(2 * SLOW);
            }
            drop(turns.remove(0));
            settle().await;
            assert_eq!(asked.load(Ordering::Relaxed), usize::from(kept), "{is_slow} {is_left}");
        }
    }

    #[tokio::test]
    async fn so_many_ask_so_many_wait_and_the_rest_are_told() {
        let queue = alone();
        queue.widen_whole();
        let asking = all_turns(&queue);
        assert_eq!(asking.len(), MOST_AT_ONCE);
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
        let crowd: Vec<_> = (0..9).map(|_| Queue::within(&line, true)).collect();
        crowd.iter().for_each(Queue::widen_whole);
        let turns: Vec<_> = crowd.iter().flat_map(all_turns).collect();
        // The floors of all, and what all may have together.
        assert_eq!(turns.len(), 9 * FLOOR + MOST_AT_ONCE_OF_ALL);
        let quiet = Arc::new(Queue::within(&line, true));
        let of_quiet = all_turns(&quiet);
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
