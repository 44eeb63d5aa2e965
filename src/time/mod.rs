//! Clocks, timers and civil days, all handed in from outside.
//!
//! Nothing in this library reads the clock by itself: a [`Clock`] tells the time and a [`Timer`] waits, so that
//! every decision can be tested at any moment and no async runtime is assumed.
//!
//! ```
//! use pinfold::time::{Calendar, UnixTime};
//!
//! let calendar = Calendar::named("Europe/London")?;
//! // 29 March 2026 has 23 hours in London.
//! let day = calendar.day_of(UnixTime::from_seconds(1_774_785_600));
//! assert_eq!(day.date.to_string(), "2026-03-29");
//! assert_eq!(day.ends.seconds() - day.starts.seconds(), 23 * 3600);
//! # Ok::<(), pinfold::ConfigError>(())
//! ```

mod calendar;
mod clock;

pub use calendar::{Calendar, CivilDate, CivilDay, CivilMonth};
pub use clock::{Clock, ManualClock, Sleep, SystemClock, Timer, UnixTime};
