//! What was accepted over a rolling window: value and quantity.
//!
//! Time is cut into slices of an eighth of the window (rounded up to a whole nanosecond), and sums are kept by slice: the
//! one that runs, and the eight before it. So what is counted is at least the window, and less than a slice more. Amounts
//! are capped, and a cap lasts until its slice leaves.
//!
//! Within a slice, asking and adding touch the first cache line only; the other three come in once a slice. A time before
//! the slice that runs counts as in it: nothing is forgotten sooner because time stepped back.
#![forbid(unsafe_code)]

use crate::base::prefetch::prefetch;
use crate::base::unit::Nanos;

/// Slices of the past.
const PAST: usize = 8;

/// Rolling sums of one scope. The default has seen nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Window {
    /// Over all slices.
    value: u128,
    /// In the slice that runs.
    value_running: u128,
    qty: u64,
    qty_running: u64,
    /// Where the slice that runs ends: its first nanosecond no more.
    ends: u64,
    /// Length of a slice in nanoseconds; 0 until something is added.
    slice: u64,
    /// By number of slice, modulo their count.
    values: [u128; PAST],
    quantities: [u64; PAST],
}

const _: () = assert!(size_of::<Window>() == 256 && std::mem::offset_of!(Window, values) == 64);

/// An eighth of the window.
#[inline]
pub(super) fn slice_of(within: Nanos) -> u64 {
    within.0.div_ceil(PAST as u64).max(1)
}

/// Where a slice is kept.
fn place(number: u64) -> usize {
    (number % PAST as u64) as usize
}

impl Window {
    /// Value and quantity of what was added over `within` until `now`.
    #[inline]
    pub fn sums(&self, within: Nanos, now: Nanos) -> (u128, u64) {
        if self.runs(slice_of(within), now) {
            return (self.value, self.qty);
        }
        let mut then = *self;
        then.advance(slice_of(within), now);
        (then.value, then.qty)
    }

    /// Counts what was accepted.
    ///
    /// Another window than last time holds at once: what is known is cut into its slices anew, each amount as late as it
    /// can have been. A shorter window thus may count amounts for up to one of the old slices too long; a longer one
    /// cannot know what the shorter had already dropped.
    #[inline]
    pub fn add(&mut self, within: Nanos, now: Nanos, value: u128, qty: u64) {
        self.turn(slice_of(within), now);
        self.count(value, qty);
    }

    /// Brings the slice that runs up to `now`, and says what is known then: as `sums`, in place.
    #[inline]
    pub(super) fn turn(&mut self, slice: u64, now: Nanos) -> (u128, u64) {
        if !self.runs(slice, now) {
            self.advance(slice, now);
        }
        (self.value, self.qty)
    }

    /// Counts what was accepted in the slice that runs: time was brought up to it.
    #[inline]
    pub(super) fn count(&mut self, value: u128, qty: u64) {
        // The sum of all slices is the one that comes to its end first.
        match (self.value.checked_add(value), self.qty.checked_add(qty)) {
            (Some(all), Some(all_qty)) => {
                (self.value, self.qty) = (all, all_qty);
                (self.value_running, self.qty_running) =
                    (self.value_running.wrapping_add(value), self.qty_running.wrapping_add(qty));
            }
            _ => self.count_capped(value, qty),
        }
    }

    #[cold]
    fn count_capped(&mut self, value: u128, qty: u64) {
        self.value = self.value.saturating_add(value);
        self.value_running = self.value_running.saturating_add(value);
        self.qty = self.qty.saturating_add(qty);
        self.qty_running = self.qty_running.saturating_add(qty);
    }

    /// Starts to bring it in: time may have to be brought up, which touches all of it.
    #[inline]
    pub(super) fn expect(&self) {
        prefetch(self);
        prefetch(&self.values[0]);
        prefetch(&self.values[PAST / 2]);
        prefetch(&self.quantities);
    }

    /// Whether `now` is in the slice that runs, or before it.
    #[inline]
    fn runs(&self, slice: u64, now: Nanos) -> bool {
        self.slice == slice && now.0 < self.ends
    }

    /// The number of the slice that runs.
    fn number(&self) -> u64 {
        self.ends.saturating_sub(1) / self.slice.max(1)
    }

    #[cold]
    fn advance(&mut self, slice: u64, now: Nanos) {
        if self.slice != slice {
            self.cut(slice, now);
        }
        let (ran, runs) = (self.number(), now.0 / slice);
        if runs > ran {
            self.values[place(ran)] = self.value_running;
            self.quantities[place(ran)] = self.qty_running;
            // Slices in which nothing came; when all have passed, that is all.
            for number in (ran + 1..runs).take(PAST) {
                self.values[place(number)] = 0;
                self.quantities[place(number)] = 0;
            }
            (self.value_running, self.qty_running) = (0, 0);
            self.ends = runs.saturating_add(1).saturating_mul(slice);
            self.add_up();
        }
    }

    /// Sums of all slices from the slices themselves, so that a cap is gone with what made it.
    fn add_up(&mut self) {
        let capped = |sum: u128, value: &u128| sum.saturating_add(*value);
        self.value = self.values.iter().fold(self.value_running, capped);
        let capped = |sum: u64, qty: &u64| sum.saturating_add(*qty);
        self.qty = self.quantities.iter().fold(self.qty_running, capped);
    }

    /// Cuts what is known into slices of another length.
    fn cut(&mut self, slice: u64, now: Nanos) {
        let old = *self;
        let ran = old.number();
        // Time has got here at least.
        let latest = now.0.max(ran * old.slice);
        let runs = latest / slice;
        *self =
            Self { slice, ends: runs.saturating_add(1).saturating_mul(slice), ..Self::default() };
        for back in 0..=(PAST as u64).min(ran) {
            let (value, qty) = match back {
                0 => (old.value_running, old.qty_running),
                _ => (old.values[place(ran - back)], old.quantities[place(ran - back)]),
            };
            let last = (ran - back + 1).saturating_mul(old.slice).saturating_sub(1).min(latest);
            let number = last / slice;
            let (value_at, qty_at) = match runs - number {
                0 => (&mut self.value_running, &mut self.qty_running),
                age if age <= PAST as u64 => {
                    (&mut self.values[place(number)], &mut self.quantities[place(number)])
                }
                _ => continue,
            };
            *value_at = value_at.saturating_add(value);
            *qty_at = qty_at.saturating_add(qty);
        }
        self.add_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WITHIN: Nanos = Nanos(800);

    #[test]
    fn an_amount_counts_for_the_window_and_less_than_a_slice_more() {
        let mut window = Window::default();
        assert_eq!(window.sums(WITHIN, Nanos(5_000)), (0, 0));
        window.add(WITHIN, Nanos(1_000), 7, 3);
        for now in [0, 1_000, 1_099, 1_100, 1_800, 1_899] {
            assert_eq!(window.sums(WITHIN, Nanos(now)), (7, 3), "at {now}");
        }
        assert_eq!(window.sums(WITHIN, Nanos(1_900)), (0, 0));
        window.add(WITHIN, Nanos(1_099), 1, 1);
        assert_eq!(window.sums(WITHIN, Nanos(1_899)), (8, 4));
    }

    #[test]
    fn sums_are_capped_and_a_cap_leaves_with_its_slice() {
        let mut window = Window::default();
        window.add(WITHIN, Nanos(0), u128::MAX, u64::MAX);
        window.add(WITHIN, Nanos(150), 5, 6);
        assert_eq!(window.sums(WITHIN, Nanos(150)), (u128::MAX, u64::MAX));
        assert_eq!(window.sums(WITHIN, Nanos(899)), (u128::MAX, u64::MAX));
        assert_eq!(window.sums(WITHIN, Nanos(900)), (5, 6));
    }

    #[test]
    fn a_step_back_of_time_forgets_nothing() {
        let mut window = Window::default();
        window.add(WITHIN, Nanos(10_000), 1, 1);
        window.add(WITHIN, Nanos(2_000), 2, 2);
        assert_eq!(window.sums(WITHIN, Nanos(0)), (3, 3));
        assert_eq!(window.sums(WITHIN, Nanos(10_800)), (3, 3));
        assert_eq!(window.sums(WITHIN, Nanos(10_900)), (0, 0));
    }

    #[test]
    fn another_window_holds_at_once() {
        let mut window = Window::default();
        for n in 0..9 {
            window.add(WITHIN, Nanos(1_000 + n * 100), 1 << n, 1);
        }
        // The shorter one, 80 ns: what came in the last 80 is there, and what may have come in them.
        assert_eq!(window.sums(Nanos(80), Nanos(1_805)), (0b1_1000_0000, 2));
        assert_eq!(window.sums(Nanos(80), Nanos(1_890)), (0b1_0000_0000, 1));
        assert_eq!(window.sums(Nanos(80), Nanos(1_979)), (0b1_0000_0000, 1));
        assert_eq!(window.sums(Nanos(80), Nanos(1_980)), (0, 0));
        // The longer one: all that is known.
        assert_eq!(window.sums(Nanos(80_000), Nanos(1_890)), (511, 9));
        window.add(Nanos(80_000), Nanos(1_890), 512, 1);
        assert_eq!(window.sums(Nanos(80_000), Nanos(81_000)), (1_023, 10));
        assert_eq!(window.sums(Nanos(80_000), Nanos(90_000)), (0, 0));
    }

    #[test]
    fn no_window_and_no_time_is_too_long() {
        let mut window = Window::default();
        for within in [0, 1, u64::MAX] {
            for now in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX, 0] {
                window.add(Nanos(within), Nanos(now), 1, 1);
                assert!(window.sums(Nanos(within), Nanos(now)).1 >= 1);
            }
        }
    }

    proptest! {
        #[test]
        fn it_counts_at_least_the_window_and_at_most_a_slice_more(
            within in 1_u64..2_000,
            steps in prop::collection::vec((0_u64..3, 0_u64..100, any::<u16>()), 1..200),
        ) {
            let slice = within.div_ceil(8);
            let (mut window, mut events, mut now) = (Window::default(), Vec::new(), 3_u64);
            for (far, near, amount) in steps {
                now += far * within / 3 + near * within / 900;
                let since = |span: u64| -> u64 {
                    let young = |event: &&(u64, u64)| now - event.0 <= span;
                    events.iter().filter(young).map(|event: &(u64, u64)| event.1).sum()
                };
                let (value, qty) = window.sums(Nanos(within), Nanos(now));
                prop_assert_eq!(value, u128::from(qty) * 3);
                prop_assert!(qty >= since(within), "{} < {}", qty, since(within));
                prop_assert!(qty <= since(9 * slice - 1));
                // And exactly so by slices.
                let first = (now / slice).saturating_sub(8) * slice;
                let sliced = events.iter().filter(|event| event.0 >= first);
                prop_assert_eq!(qty, sliced.map(|event| event.1).sum::<u64>());
                let amount = u64::from(amount);
                window.add(Nanos(within), Nanos(now), u128::from(amount) * 3, amount);
                events.push((now, amount));
            }
        }

        #[test]
        fn windows_that_change_never_forget_what_all_of_them_cover(
            steps in prop::collection::vec((1_u64..500, 0_u64..60, 1_u64..100), 1..100),
        ) {
            let (mut window, mut now) = (Window::default(), 9_000_u64);
            // All events, each with the shortest window in force since.
            let mut events: Vec<(u64, u64, u64)> = Vec::new();
            for (within, step, amount) in steps {
                now += step;
                for event in &mut events {
                    event.2 = event.2.min(within);
                }
                let young = events.iter().filter(|event| now - event.0 <= event.2);
                let least: u64 = young.map(|event| event.1).sum();
                let all: u64 = events.iter().map(|event| event.1).sum();
                let (value, qty) = window.sums(Nanos(within), Nanos(now));
                prop_assert!(least <= qty && qty <= all, "{} <= {} <= {}", least, qty, all);
                prop_assert_eq!(value, u128::from(qty));
                window.add(Nanos(within), Nanos(now), u128::from(amount), amount);
                events.push((now, amount, within));
            }
        }
    }
}
