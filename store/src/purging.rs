//! When old rows are removed.

use std::time::{Duration, Instant};

use pinfold::time::{Calendar, Clock, SystemClock};

use crate::doubt::{Belief, Doubt, warn_of};
use crate::engine::Engine;
use crate::part::Part;
use crate::retention::Retention;
use crate::sql::SqlError;

/// Removes old rows, as long as a process writes to the store.
#[derive(Debug)]
pub(crate) struct Purging {
    clock: SystemClock,
    retention: Retention,
    doubt: Doubt,
    last: Option<Instant>,
}

impl Purging {
    /// How often it is done.
    pub(crate) const EVERY: Duration = Duration::from_secs(3_600);

    /// By what is in the store before anything is added to it.
    pub(crate) fn new(engine: &mut Engine, retention: Retention) -> Result<Self, SqlError> {
        let doubt = engine.write(Part::Ledgers, &[], Doubt::of)?;
        Ok(Self { clock: SystemClock::new(), retention, doubt, last: None })
    }

    /// Removes them where it is time.
    pub(crate) fn purge_in_time(&mut self, engine: &mut Engine) -> Result<(), SqlError> {
        if self.last.is_some_and(|last| last.elapsed() < Self::EVERY) {
            return Ok(());
        }
        self.purge(engine)
    }

    /// Removes them now.
    pub(crate) fn purge(&mut self, engine: &mut Engine) -> Result<(), SqlError> {
        let now = self.clock.now();
        let today = Calendar::utc().day_of(now).date;
        let belief = self.doubt.weigh(today, self.clock.uptime());
        if let Belief::Doubted { first: true } = belief {
            warn_of(today);
        }
        for part in Part::ALL {
            engine.write(part, &[], |transaction| self.retention.purge(transaction, part, now, belief))?;
        }
        self.last = Some(Instant::now());
        Ok(())
    }
}
