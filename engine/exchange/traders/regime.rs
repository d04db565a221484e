//! What kind of market it is: calm, or a burst in which one symbol is on everybody's lips.

use super::distributions::{Random, Weighted};
use crate::exchange::unit::Locate;

/// Actions from one burst to the next, and of a burst, on average.
const CALM: u32 = 10_000;
const BURST: u32 = 1_000;
/// Gaps in 1/65,536 of the mean. A burst is eight times as fast as the mean; calm times make up for it:
/// (10 * CALM_GAP + BURST_GAP) / 11 is 65,536.
const CALM_GAP: u32 = 71_270;
const BURST_GAP: u32 = 8_192;
/// Actions of a burst that are about its symbol, in 1/65,536: a third.
pub(super) const ABOUT_IT: u32 = 21_845;

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

/// In a crash: while prices fall, actions come as in a burst; while they recover, twice as fast as the mean.
pub(super) const FALL_GAP: u32 = BURST_GAP;
pub(super) const RECOVERY_GAP: u32 = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_do_not_change_the_mean_gap() {
        let mean = (u64::from(CALM) * u64::from(CALM_GAP)
            + u64::from(BURST) * u64::from(BURST_GAP))
            / u64::from(CALM + BURST);
        assert!(mean.abs_diff(65_536) <= 1, "{mean}");
    }
}
