//! Chance: a seeded generator, and what the reference days look like as tables.
//!
//! The tables were measured on two seeded ITCH days (200,000 messages over 500 symbols, 1,000,000 over 2,000) and, where
//! those say nothing, on an hour of AAPL from 2012. All of it is integer arithmetic over ChaCha8: the same seed gives
//! the same numbers on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// Parts of one in which chances are given: 65,536.
pub(in crate::exchange) const ONE: u32 = 1 << 16;

/// Values at 65 equally spaced quantiles; what is drawn is uniform between two neighbours.
pub(in crate::exchange) type Quantiles = [i32; 65];

/// How far an order is placed from the best price of its own side, in ticks away from the other side.
pub(in crate::exchange) const DISTANCE: Quantiles = [
    -4, -2, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1,
    1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 9, 10, 12, 13, 15, 18, 22, 28,
    38, 52, 70, 101, 175, 640,
];

/// Time between messages (AAPL), in 1/65,536 of the mean. One in sixteen comes at the time of the one before.
pub(in crate::exchange) const GAP: Quantiles = [
    0, 0, 0, 0, 0, 1, 3, 6, 10, 17, 25, 34, 42, 48, 53, 60, 69, 83, 101, 117, 128, 138, 150, 164,
    181, 198, 225, 267, 311, 379, 473, 594, 738, 873, 1_014, 1_051, 1_088, 1_175, 1_431, 1_663,
    1_942, 2_407, 3_003, 3_753, 4_819, 6_275, 8_127, 9_633, 12_312, 16_106, 21_166, 28_060, 36_621,
    48_079, 62_272, 82_247, 108_145, 141_864, 182_150, 233_918, 307_599, 405_749, 558_896, 826_974,
    2_138_552,
];

/// First prices of the symbols, in cents.
pub(in crate::exchange) const PRICE_CENTS: Quantiles = [
    259, 399, 491, 587, 662, 737, 803, 879, 942, 1_016, 1_071, 1_139, 1_210, 1_304, 1_387, 1_450,
    1_545, 1_612, 1_681, 1_751, 1_819, 1_908, 2_001, 2_090, 2_175, 2_291, 2_425, 2_505, 2_591,
    2_695, 2_829, 2_939, 3_042, 3_176, 3_266, 3_418, 3_514, 3_649, 3_821, 3_961, 4_126, 4_255,
    4_523, 4_751, 5_004, 5_278, 5_588, 5_784, 5_967, 6_355, 6_691, 7_001, 7_527, 8_031, 8_610,
    9_315, 9_867, 11_057, 12_217, 13_738, 15_173, 17_307, 19_282, 26_778, 116_028,
];

/// What is done in the open market, in 1/100,000; all else enters an order that shows, or cancels one.
///
/// Executions were 5.0 %, more than runs begin: a quarter of whole orders are followed by the next in the queue.
pub(in crate::exchange) mod share {
    /// Replaces an order.
    pub(in crate::exchange) const REPLACE: u32 = 6_030;
    /// Takes what shows: a run of executions.
    pub(in crate::exchange) const EXECUTE: u32 = 4_450;
    /// Cancels part of an order.
    pub(in crate::exchange) const CANCEL: u32 = 1_880;
    /// Hides an order inside the spread that trades at once, in part or whole.
    pub(in crate::exchange) const TRADE: u32 = 460;
    /// Breaks the last trade; in none of the reference days, so rare.
    pub(in crate::exchange) const BREAK: u32 = 2;
}

/// Chances in 1/65,536.
pub(in crate::exchange) mod chance {
    /// A message is about the same symbol as the one before: 30 %.
    pub(in crate::exchange) const SAME_SYMBOL: u32 = 19_661;
    /// An order says whose it is: 3 %.
    pub(in crate::exchange) const ATTRIBUTED: u32 = 1_966;
    /// An execution takes the whole order: 70.6 %.
    pub(in crate::exchange) const WHOLE: u32 = 46_268;
    /// After a whole order, the next in the queue executes too.
    pub(in crate::exchange) const SWEEP: u32 = 16_384;
    /// A replacement keeps its quantity: 79 %.
    pub(in crate::exchange) const SAME_QUANTITY: u32 = 51_800;
    /// A delete is of one of the latest orders; real orders live short or long (AAPL: half of them 0.4 s or less).
    pub(in crate::exchange) const FLEETING: u32 = 32_768;
    /// Adds among adds and deletes that balance deletes and whole executions: 52 %.
    pub(in crate::exchange) const BALANCED: u32 = 34_120;
    /// Adds among adds and deletes while the book is built.
    pub(in crate::exchange) const BUILDING: u32 = 60_000;
}

/// The seeded generator.
#[derive(Debug)]
pub(in crate::exchange) struct Random(ChaCha8Rng);

impl Random {
    pub(in crate::exchange) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(bytes))
    }

    /// From 0 to `bound` - 1; 0 if `bound` is 0.
    pub(in crate::exchange) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// True in `part` of 65,536 cases.
    pub(in crate::exchange) fn chance(&mut self, part: u32) -> bool {
        self.0.next_u32() >> 16 < part
    }

    /// A value of the distribution.
    pub(in crate::exchange) fn quantile(&mut self, table: &Quantiles) -> i32 {
        let draw = self.0.next_u32();
        let index = (draw >> 26) as usize;
        let (from, to) = (i64::from(table[index]), i64::from(table[index + 1]));
        (from + (((to - from) * i64::from(draw & 0x03ff_ffff)) >> 26)) as i32
    }

    /// Shares of an order: 57 % a round lot, 19 % two to ten of them, 22 % odd, 2 % large.
    pub(in crate::exchange) fn quantity(&mut self) -> u32 {
        match self.below(100) {
            0..57 => 100,
            57..76 => 100 * (2 + self.below(9)),
            76..98 => 1 + self.below(99),
            _ => 100 * (11 + self.below(50)),
        }
    }
}

/// Draws indices by weight, each in the same few steps however many there are (the alias method).
#[derive(Debug)]
pub(in crate::exchange) struct Weighted {
    /// Of each index: the chance in 1/2^32 that it is itself drawn when hit, and what is drawn otherwise.
    columns: Vec<(u32, u16)>,
}

impl Weighted {
    /// Indices drawn by `weights`, at most 65,536 of them; a sum of 0 counts as all equal.
    pub(in crate::exchange) fn new(weights: &[u64]) -> Self {
        let count = weights.len() as u128;
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        let mut columns: Vec<(u32, u16)> =
            (0..weights.len()).map(|index| (u32::MAX, index as u16)).collect();
        // Columns hold `total` each: what a light weight leaves free is filled from a heavy one.
        let mut left: Vec<u128> = weights.iter().map(|&w| u128::from(w) * count).collect();
        let (mut light, mut heavy): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&index| left[index] < total);
        while let (Some(&small), Some(&large)) = (light.last(), heavy.last()) {
            light.pop();
            columns[small] = (((left[small] << 32) / total) as u32, large as u16);
            left[large] -= total - left[small];
            if left[large] < total {
                heavy.pop();
                light.push(large);
            }
        }
        Self { columns }
    }

    /// An index.
    pub(in crate::exchange) fn draw(&self, random: &mut Random) -> u16 {
        let hit = random.below(self.columns.len() as u32);
        let (own, other) = self.columns[hit as usize];
        if random.0.next_u32() < own { hit as u16 } else { other }
    }
}

/// How active the symbol of `rank` (from 1) is, relative to 2^40: 1 / rank^0.85, as measured over the symbols.
///
/// Exact where the rank doubles, and on a line between.
pub(in crate::exchange) fn activity(rank: u32) -> u64 {
    // 2^-0.85 = 0.5548.
    let halved = |weight: u64| weight * 5_548 / 10_000;
    let octave = rank.ilog2();
    let weight = (0..octave).fold(1u64 << 40, |weight, _| halved(weight));
    let past = u64::from(rank - (1 << octave));
    weight - (((weight - halved(weight)) * past) >> octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_drawn_in_their_proportion() {
        let weights = [5, 0, 1, 94, 900];
        let (weighted, mut random) = (Weighted::new(&weights), Random::new(3));
        let mut drawn = [0u64; 5];
        (0..100_000).for_each(|_| drawn[usize::from(weighted.draw(&mut random))] += 1);
        for (drawn, weight) in drawn.iter().zip(weights) {
            assert!(drawn.abs_diff(weight * 100) <= 60 + weight * 2, "{drawn} of weight {weight}");
        }
        assert_eq!(Weighted::new(&[7]).draw(&mut random), 0);
    }

    #[test]
    fn activity_falls_with_rank_as_measured() {
        // Messages of the 1st, 2nd, 5th, 10th, 50th and 200th symbol of the day with 2,000.
        let first = activity(1);
        for (rank, count) in [(2, 37_200), (5, 17_227), (10, 9_568), (50, 2_482), (200, 754)] {
            let model = 67_554 * activity(rank) / first;
            assert!(model.abs_diff(count) * 100 < count * 10, "rank {rank}: {model}, not {count}");
        }
        assert!((1..65_535).all(|rank| activity(rank) > activity(rank + 1)));
    }

    #[test]
    fn the_mean_gap_is_one() {
        let middles: i64 = GAP.windows(2).map(|pair| i64::from(pair[0] + pair[1])).sum();
        assert!((middles / 128 - 65_536).abs() < 700, "{}", middles / 128);
    }

    #[test]
    fn quantiles_stay_within_their_table() {
        let mut random = Random::new(9);
        let drawn: Vec<i32> = (0..10_000).map(|_| random.quantile(&DISTANCE)).collect();
        assert!(drawn.iter().all(|distance| (-4..640).contains(distance)));
        let joins = drawn.iter().filter(|&&distance| distance == 0).count();
        assert!((3_100..3_900).contains(&joins), "{joins}: a third joins the best price");
    }
}
