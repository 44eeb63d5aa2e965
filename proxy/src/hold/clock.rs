use std::time::Duration;

use pinfold::time::{Clock, SystemClock, UnixTime};
use rustix::time::{ClockId, clock_gettime};

/// The wall clock, and the time since the machine was started: it goes on from one process to the next, and while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BootClock(SystemClock);

impl Clock for BootClock {
    fn now(&self) -> UnixTime {
        self.0.now()
    }

    fn uptime(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
        seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_that_of_the_machine() {
        let said = std::fs::read_to_string("/proc/uptime").unwrap();
        let said: f64 = said.split(' ').next().unwrap().parse().unwrap();
        let told = BootClock::default().uptime().as_secs_f64();
        assert!((told - said).abs() < 5.0, "{told} {said}");
    }
}
