//! Numbers drawn from a seed: the same ones from the same seed, for ever.

/// A generator (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// Below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// From `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len() as u64) as usize]
    }

    /// `value` in `percent` of a hundred cases.
    pub(crate) fn maybe<T>(&mut self, percent: u64, value: T) -> Option<T> {
        self.chance(percent).then_some(value)
    }

    /// Any number, the ends and those beside them often, and of every length.
    pub(crate) fn extreme(&mut self) -> u64 {
        const EDGES: [u64; 12] = [
            0,
            1,
            2,
            99,
            100,
            10_000,
            1 << 40,
            (1 << 40) + 1,
            i64::MAX as u64,
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
        ];
        match self.below(3) {
            0 => self.pick(&EDGES),
            1 => self.below(1_000),
            _ => self.bits() >> self.below(64),
        }
    }

    /// The same with a sign.
    pub(crate) fn signed(&mut self) -> i64 {
        let bits = self.extreme() as i64;
        if self.chance(30) { bits.wrapping_neg() } else { bits }
    }

    /// An amount from 0, of every length that fits.
    pub(crate) fn amount(&mut self) -> i128 {
        let wide = (u128::from(self.bits()) << 64 | u128::from(self.bits())) >> 1;
        match self.below(4) {
            0 => self.pick(&[0, 1, 1 << 100, (1 << 100) + 1, i128::MAX - 1, i128::MAX]),
            1 => i128::from(self.below(2_000)),
            _ => (wide >> self.below(127)) as i128,
        }
    }

    /// `value` or a number beside it, half of the time; else any other.
    pub(crate) fn near(&mut self, value: i128, other: i128) -> i128 {
        match self.below(6) {
            0 => value,
            1 => value.saturating_add(1),
            2 => value.saturating_sub(1),
            _ => other,
        }
    }

    /// The same of a quantity.
    pub(crate) fn beside(&mut self, value: i128) -> u64 {
        let other = i128::from(self.extreme());
        self.near(value, other).clamp(0, u64::MAX.into()) as u64
    }
}
