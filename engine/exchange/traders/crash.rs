//! A crash on demand: when it begins, how deep it goes, and how it is written.

use crate::base::unit::Nanos;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::{error, fmt};

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

/// A crash as it is asked for, by `coretick generate`, `coretick exchange` and the exchange's configuration alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPlan {
    begins: Begins,
    lasts: Nanos,
    percent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// Since midnight.
    At(Nanos),
    /// Since the start.
    After(Nanos),
}

impl CrashPlan {
    /// What can be written.
    pub const EXPECTED: &str = "at=HH:MM:SS or after=SECONDS (0 to 86400), and if you like ,seconds=N (1 to 3600) and \
                                ,percent=N (1 to 50)";

    /// The crash where the start is at that time since midnight.
    pub fn from_start(self, start: Nanos) -> Crash {
        let Self { begins, lasts, percent } = self;
        let at = match begins {
            Begins::At(at) => at,
            Begins::After(span) => start.plus(span),
        };
        Crash { at, lasts, percent }
    }
}

/// Why a text is no crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashError;

impl fmt::Display for CrashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a crash is {}", CrashPlan::EXPECTED)
    }
}

impl error::Error for CrashError {}

impl FromStr for CrashPlan {
    type Err = CrashError;

    /// `at=14:32:00,seconds=120,percent=8` or `after=20`; `seconds` and `percent` may be left out, and each is said once.
    fn from_str(text: &str) -> Result<Self, CrashError> {
        let (mut begins, mut seconds, mut percent) = (None, None, None);
        let nanos = |seconds: u64| Nanos(seconds * 1_000_000_000);
        for part in text.split(',') {
            let (key, value) = part.split_once('=').ok_or(CrashError)?;
            let again = match key {
                "at" => begins.replace(Begins::At(nanos(time(value)?))).is_some(),
                "after" => {
                    begins.replace(Begins::After(nanos(number(value, 0..=86_400)?))).is_some()
                }
                "seconds" => seconds.replace(number(value, 1..=3_600)?).is_some(),
                "percent" => percent.replace(number(value, 1..=50)?).is_some(),
                _ => return Err(CrashError),
            };
            if again {
                return Err(CrashError);
            }
        }
        Ok(Self {
            begins: begins.ok_or(CrashError)?,
            lasts: nanos(seconds.unwrap_or(120)),
            percent: percent.unwrap_or(8) as u32,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_crash_falls_and_makes_half_of_it_good() {
        let plan: CrashPlan = "at=10:00:00,seconds=100,percent=8".parse().unwrap();
        let crash = plan.from_start(Nanos(5));
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
        let crash = |text: &str| text.parse::<CrashPlan>().unwrap().from_start(Nanos(7));
        let at = Nanos((14 * 3_600 + 32 * 60 + 1) * SECOND);
        let lasts = Nanos(120 * SECOND);
        assert_eq!(crash("at=14:32:01"), Crash { at, lasts, percent: 8 });
        let at = Nanos(20 * SECOND + 7);
        assert_eq!(crash("after=20"), Crash { at, lasts, percent: 8 });
        let lasts = Nanos(30 * SECOND);
        assert_eq!(crash("percent=9,seconds=30,after=20"), Crash { at, lasts, percent: 9 });
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
            "after=",
            "after=20s",
            "after=86401",
            "after=1,after=2",
            "at=14:32:00,after=20",
            "after=20,percent=8,percent=9",
            "at=14:32:00,depth=8",
            "at=14:32:00,percent=-1",
            "at=14:32:00,seconds=99999999999999999999",
        ] {
            assert_eq!(text.parse::<CrashPlan>(), Err(CrashError), "{text}");
        }
    }
}
