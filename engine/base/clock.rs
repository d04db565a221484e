//! The one place that reads time.
//!
//! [`Clock::ticks`] is for latencies only: the processor's time-stamp counter where there is one, calibrated once
//! against the system's monotonic clock; differences are turned into nanoseconds when they are recorded. Engine time
//! of a replay never comes from here: it is in the messages. [`Wall`] is for what lives in the world: sessions, and when
//! an exchange does what.
#![allow(unsafe_code)]

use super::unit::{Nanos, Stamp};
use std::time::{Duration, Instant, SystemTime};

/// Reads ticks and knows how long one is. `Copy`: each shard has its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Nanoseconds a tick, as a 32.32 fixed-point number.
    scale: u64,
}

impl Clock {
    /// Measures the tick over some milliseconds.
    #[expect(clippy::disallowed_methods, reason = "this is where time is read")]
    pub fn calibrated() -> Self {
        let (start, first) = (Instant::now(), ticks());
        while start.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let (nanos, ticks) = (start.elapsed().as_nanos(), u128::from(ticks().wrapping_sub(first)));
        Self { scale: u64::try_from((nanos << 32) / ticks.max(1)).unwrap_or(1 << 32) }
    }

    /// A clock whose ticks are taken for nanoseconds: for tests, which measure nothing.
    #[cfg(test)]
    pub(crate) fn calibrated_for_tests() -> Self {
        Self { scale: 1 << 32 }
    }

    /// Ticks since some moment before the program.
    #[inline]
    pub fn ticks(self) -> u64 {
        ticks()
    }

    /// A stamp of now; never the "not stamped" one.
    #[inline]
    pub fn stamp(self) -> Stamp {
        Stamp(ticks() as u32 | 1)
    }

    /// Nanoseconds from `earlier` to `later`. Right while they are less than 2^32 ticks apart (over a second).
    #[inline]
    pub fn nanos_between(self, earlier: Stamp, later: Stamp) -> u64 {
        self.nanos(u64::from(later.0.wrapping_sub(earlier.0)))
    }

    /// `nanos` in ticks.
    pub fn ticks_in(self, nanos: Nanos) -> u64 {
        let ticks = (u128::from(nanos.0) << 32) / u128::from(self.scale.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// `ticks` in nanoseconds.
    #[inline]
    pub fn nanos(self, ticks: u64) -> u64 {
        ((u128::from(ticks) * u128::from(self.scale)) >> 32) as u64
    }
}

/// The time of day, which never steps back: set by the system's clock once, and counted on from there by the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    start: Instant,
    at_start: Nanos,
}

impl Wall {
    /// Reads the system's clock. A clock before 1970 counts as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is where time is read")]
    pub fn set() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since_epoch.unwrap_or_default().as_nanos();
        Self { start: Instant::now(), at_start: Nanos(u64::try_from(nanos).unwrap_or(u64::MAX)) }
    }

    /// Nanoseconds since the Unix epoch, UTC.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.at_start.plus(Nanos(self.start.elapsed().as_nanos() as u64))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn ticks() -> u64 {
    // SAFETY: `rdtsc` reads a register and is present on every x86-64 processor.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[expect(clippy::disallowed_methods, reason = "this is where time is read")]
fn ticks() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_never_the_empty_one_and_wraps_harmlessly() {
        let clock = Clock { scale: 1 << 31 };
        assert_ne!(clock.stamp(), Stamp(0));
        assert_eq!(clock.nanos_between(Stamp(u32::MAX), Stamp(9)), 5);
        assert_eq!(clock.nanos(1 << 40), 1 << 39);
        assert_eq!(clock.ticks_in(Nanos(1 << 39)), 1 << 40);
    }

    #[test]
    fn the_time_of_day_goes_on_and_is_of_our_century() {
        let wall = Wall::set();
        let first = wall.now();
        assert!(wall.now() >= first);
        assert!((1_600_000_000_000_000_000..4_000_000_000_000_000_000).contains(&first.0));
    }
}
