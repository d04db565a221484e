//! A seeded feed with every kind of message and every anomaly in it.

use super::super::naive::Naive;
use super::{TICK, message, part, replace, session, state};
use crate::base::message::{Flags, Kind, Market};
use crate::base::unit::{InstrumentId, Price, Qty, Seq, Side};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// How a feed numbers its orders.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbering {
    /// Upwards from 1.
    Dense,
    /// Upwards, most numbers used by others.
    Strided,
    /// Downwards from the top.
    Descending,
    /// Upwards from far beyond any directory.
    High,
    /// Anywhere.
    Sparse,
    /// Each of them in turn.
    Mixed,
}

impl Numbering {
    fn reference(self, n: u64, rng: &mut ChaCha8Rng) -> u64 {
        match self {
            Self::Dense => n + 1,
            Self::Strided => n * 97,
            Self::Descending => u64::MAX - n,
            Self::High => (1 << 62) + n * 3,
            Self::Sparse => rng.next_u64(),
            Self::Mixed => {
                let all = [Self::Dense, Self::Strided, Self::Descending, Self::High, Self::Sparse];
                all[n as usize % all.len()].reference(n, rng)
            }
        }
    }
}

/// A seeded feed with every kind of message and every anomaly in it, around `live` orders alive.
pub(super) struct Feed {
    rng: ChaCha8Rng,
    numbering: Numbering,
    next: u64,
    live: usize,
    instruments: u64,
    sent: u64,
}

impl Feed {
    pub(super) fn new(seed: u64, numbering: Numbering, live: usize) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, numbering, next: 0, live, instruments: 6, sent: 0 }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.numbering.reference(self.next, &mut self.rng)
    }

    /// A living order: one of the latest, or any.
    fn living(&mut self, naive: &Naive) -> u64 {
        let back = self.below(64);
        let recent = self.numbering.reference(self.next.saturating_sub(back), &mut self.rng);
        let any = self.rng.next_u64() >> self.below(64);
        let wanted = if self.below(2) == 0 { recent } else { any };
        naive.from(wanted).unwrap_or(1)
    }

    fn price(&mut self, buy: bool) -> i64 {
        let far = if self.below(30) == 0 { self.below(200) } else { self.below(12) } as i64;
        let ticks = if buy { 1000 - far } else { 999 + far };
        ticks * TICK
    }

    pub(super) fn next(&mut self, naive: &Naive) -> Market {
        self.sent += 1;
        let mut m = self.draw(naive);
        m.head.cause = Seq(self.sent);
        if m.head.kind == Kind::SESSION {
            return m;
        }
        match self.below(400) {
            0 => m.head.instrument = InstrumentId::NONE,
            1 => m.head.instrument = InstrumentId(self.instruments as u32 + self.below(9) as u32),
            2 => m.head.instrument = InstrumentId(self.below(self.instruments) as u32),
            3 => m.qty = Qty([0, 1 << 32, u64::MAX][self.below(3) as usize]),
            4 => {
                m.price =
                    Price([0, -1, i64::MIN, i64::MAX, 200_000_000_000_001][self.below(5) as usize])
            }
            5 => m.side = Side(self.below(5) as u8),
            6 => m.reference = self.rng.next_u64() >> self.below(64),
            _ => {}
        }
        m
    }

    fn draw(&mut self, naive: &Naive) -> Market {
        let instrument = self.below(self.instruments) as u32;
        // The last one is fed by levels, and now and then by both.
        if u64::from(instrument) + 1 == self.instruments && self.below(40) > 0
            || self.below(200) == 0
        {
            return self.level(naive, instrument);
        }
        let roll = self.below(1000);
        let grow = naive.len() < self.live;
        if roll < if grow { 550 } else { 250 } {
            let buy = self.below(2) == 0;
            let side = if buy { Side::BUY } else { Side::SELL };
            let reused = self.below(200) == 0;
            let reference = if reused { self.living(naive) } else { self.fresh() };
            let (price, qty) = (Price(self.price(buy)), Qty(1 + self.below(1000)));
            return Market { side, price, qty, ..message(Kind::ADD, instrument, reference) };
        }
        if roll < 990 {
            let reference = self.living(naive);
            let order = naive.order(reference);
            let (instrument, open) = order.map_or((0, 1), |o| (o.instrument.0, o.qty.0));
            let some = if self.below(100) == 0 { open + 1 } else { 1 + self.below(open) };
            let qty = if self.below(3) == 0 { open } else { some };
            return match roll {
                0..600 => part(Kind::EXECUTE, instrument, reference, qty),
                600..640 => {
                    let mut m = part(Kind::EXECUTE_AT, instrument, reference, qty);
                    m.price = Price(self.price(true));
                    m.head.flags = Flags(self.below(4) as u16);
                    m
                }
                640..680 => part(Kind::CANCEL, instrument, reference, qty),
                680..880 => message(Kind::DELETE, instrument, reference),
                _ => {
                    let buy = order.is_none_or(|o| o.side.is_buy());
                    let new = match self.below(100) {
                        0 => self.living(naive),
                        1 => reference,
                        _ => self.fresh(),
                    };
                    let ticks = self.price(buy) / TICK;
                    replace(instrument, reference, new, ticks, 1 + self.below(1000))
                }
            };
        }
        let code = |feed: &mut Self, codes: &[u8]| codes[feed.below(codes.len() as u64) as usize];
        match roll {
            990 => state(Kind::TRADING, instrument, code(self, b"HPQTTTTx")),
            991 => state(Kind::HALT, instrument, code(self, b"HTTTP")),
            992 if self.below(20) == 0 => session(code(self, b"OSQQQQQQMECx")),
            993 => state(Kind::DIRECTORY, instrument, b'Q'),
            994 => message(Kind(self.below(256) as u8), instrument, self.next),
            _ => {
                let kind = [Kind::TRADE, Kind::CROSS][self.below(2) as usize];
                let (qty, price) = (Qty(self.below(50)), Price(self.price(false)));
                Market { qty, price, side: Side::BUY, ..message(kind, instrument, 0) }
            }
        }
    }

    /// A level of a feed without orders.
    fn level(&mut self, naive: &Naive, instrument: u32) -> Market {
        let buy = self.below(2) == 0;
        let side = if buy { Side::BUY } else { Side::SELL };
        let mut m = Market { side, ..message(Kind::LEVEL, instrument, 0) };
        // Now and then the book empties, so that orders get their turn.
        let empties = self.sent % 16_384 < 3_000;
        let best = naive.levels(InstrumentId(instrument), side).first().copied();
        match best.filter(|_| empties || self.below(8) == 0) {
            Some(best) => m.price = best.price,
            None => m.price = Price(self.price(buy)),
        }
        if !empties && self.below(5) > 0 {
            (m.qty, m.other) = (Qty(1 + self.below(1 << 40)), self.below(9));
        }
        m
    }
}
