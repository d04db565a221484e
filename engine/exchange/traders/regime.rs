//! What kind of market it is: calm, a burst in which one symbol is on everybody's lips, or a crash on demand.

use super::distributions::{Random, Weighted};
use crate::base::unit::Nanos;
use crate::exchange::unit::Locate;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::{error, fmt};

/// Actions from one burst to the next, and of a burst, on average.
const CALM: u32 = 10_000;
const BURST: u32 = 1_000;
/// Gaps in 1/65,536 of the mean. A burst is eight times as fast as the mean; calm times make up for it:
/// (10 * CALM_GAP + BURST_GAP) / 11 is 65,536.
const CALM_GAP: u32 = 71_270;
const BURST_GAP: u32 = 8_192;
/// Actions of a burst that are about its symbol, in 1/65,536: a third.
pub(super) const ABOUT_IT: u32 = 21_845;

/// A crash: prices fall, quotes are pulled, sellers sweep the books; then buyers make about half of the fall good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// When it begins, in nanoseconds since midnight.
    pub at: Nanos,
    /// How long prices fall. They recover in four times that.
    pub lasts: Nanos,
    /// By how many per cent they fall: 1 to 50.
    pub percent: u32,
}

impl Crash {
    /// By how many millionths prices are down at a time.
    pub(super) fn down(&self, now: Nanos) -> u32 {
        let full = u64::from(self.percent) * 10_000;
        let since = now.0.saturating_sub(self.at.0);
        let part =
            |time: u64, of: u64| (u128::from(full) * u128::from(time) / u128::from(of)) as u64;
        let down = match since {
            _ if self.lasts.0 == 0 => 0,
            _ if since <= self.lasts.0 => part(since, self.lasts.0),
            _ => {
                let recovered = (since - self.lasts.0).min(self.lasts.0 * 4);
                full - part(recovered, self.lasts.0 * 4) / 2
            }
        };
        down as u32
    }

    /// Whether prices fall at a time.
    pub(super) fn falls(&self, now: Nanos) -> bool {
        self.at <= now && now.0 - self.at.0 < self.lasts.0
    }

    /// Whether prices fall or recover at a time.
    pub(super) fn moves(&self, now: Nanos) -> bool {
        self.at <= now && now.0 - self.at.0 < self.lasts.0 * 5
    }
}

/// Why a text is no crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashError;

impl fmt::Display for CrashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a crash is at=HH:MM:SS, and if you like ,seconds=N (1 to 3600) and ,percent=N (1 to 50)",
        )
    }
}

impl error::Error for CrashError {}

impl FromStr for Crash {
    type Err = CrashError;

    /// `at=14:32:00,seconds=120,percent=8`; the last two may be left out.
    fn from_str(text: &str) -> Result<Self, CrashError> {
        let (mut at, mut seconds, mut percent) = (None, 120, 8);
        for part in text.split(',') {
            let (key, value) = part.split_once('=').ok_or(CrashError)?;
            match key {
                "at" => at = Some(time(value)?),
                "seconds" => seconds = number(value, 1..=3_600)?,
                "percent" => percent = number(value, 1..=50)?,
                _ => return Err(CrashError),
            }
        }
        let nanos = |seconds: u64| Nanos(seconds * 1_000_000_000);
        Ok(Self {
            at: nanos(at.ok_or(CrashError)?),
            lasts: nanos(seconds),
            percent: percent as u32,
        })
    }
}

/// A number within `range`.
fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, CrashError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CrashError);
    }
    text.parse().ok().filter(|number| range.contains(number)).ok_or(CrashError)
}

/// HH:MM:SS in seconds since midnight.
fn time(text: &str) -> Result<u64, CrashError> {
    let mut seconds = 0;
    let mut parts = text.split(':');
    for most in [23, 59, 59] {
        let part = parts.next().filter(|part| part.len() == 2).ok_or(CrashError)?;
        seconds = seconds * 60 + number(part, 0..=most)?;
    }
    if parts.next().is_some() { Err(CrashError) } else { Ok(seconds) }
}

/// Calm times and bursts, in turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regime {
    /// Actions until it changes.
    left: u32,
    /// In a burst: the symbol that it is about.
    about: Option<Locate>,
}

impl Regime {
    /// Calm.
    pub(super) fn new(random: &mut Random) -> Self {
        Self { left: 1 + random.below(2 * CALM), about: None }
    }

    /// One more action.
    pub(super) fn turn(&mut self, by_activity: &Weighted, random: &mut Random) {
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        (self.about, self.left) = match self.about {
            None => {
                let about = Locate(by_activity.draw(random) + 1);
                (Some(about), 1 + random.below(2 * BURST))
            }
            Some(_) => (None, 1 + random.below(2 * CALM)),
        };
    }

    /// What a burst is about.
    pub(super) fn about(&self) -> Option<Locate> {
        self.about
    }

    /// The mean gap, in 1/65,536 of the mean of all times.
    pub(super) fn gap(&self) -> u32 {
        if self.about.is_some() { BURST_GAP } else { CALM_GAP }
    }
}

/// While prices fall, actions come as in a burst; while they recover, twice as fast as the mean.
pub(super) const FALL_GAP: u32 = BURST_GAP;
pub(super) const RECOVERY_GAP: u32 = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_crash_falls_and_makes_half_of_it_good() {
        let crash: Crash = "at=10:00:00,seconds=100,percent=8".parse().unwrap();
        let down = |second: u64| crash.down(Nanos((36_000 + second) * SECOND));
        assert_eq!(crash.down(Nanos(35_999 * SECOND)), 0);
        assert_eq!(
            [0, 50, 100, 300, 500, 9_000].map(down),
            [0, 40_000, 80_000, 60_000, 40_000, 40_000]
        );
        let at = |second: u64| {
            let now = Nanos(second * SECOND);
            (crash.falls(now), crash.moves(now))
        };
        assert_eq!([35_999, 36_000, 36_099].map(at), [(false, false), (true, true), (true, true)]);
        assert_eq!(
            [36_100, 36_499, 36_500].map(at),
            [(false, true), (false, true), (false, false)]
        );
    }

    #[test]
    fn a_crash_is_read_or_refused() {
        let crash: Crash = "at=14:32:01".parse().unwrap();
        assert_eq!(crash.at, Nanos((14 * 3_600 + 32 * 60 + 1) * SECOND));
        assert_eq!((crash.lasts, crash.percent), (Nanos(120 * SECOND), 8));
        for text in [
            "",
            "at",
            "14:32:01",
            "at=",
            "at=24:00:00",
            "at=14:60:00",
            "at=14:32",
            "at=14:32:00:00",
            "at=1:32:00",
            "at=14:32:00,percent=51",
            "at=14:32:00,percent=0",
            "at=14:32:00,seconds=3601",
            "at=14:32:00,seconds=0",
            "percent=8",
            "at=14:32:00,depth=8",
            "at=14:32:00,percent=-1",
            "at=14:32:00,seconds=99999999999999999999",
        ] {
            assert_eq!(text.parse::<Crash>(), Err(CrashError), "{text}");
        }
    }

    #[test]
    fn bursts_do_not_change_the_mean_gap() {
        let mean = (u64::from(CALM) * u64::from(CALM_GAP)
            + u64::from(BURST) * u64::from(BURST_GAP))
            / u64::from(CALM + BURST);
        assert!(mean.abs_diff(65_536) <= 1, "{mean}");
    }
}
