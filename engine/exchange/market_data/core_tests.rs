//! The tape against the core: a book that is rebuilt from it shows what the core shows, after every command.

use super::tests::feed;
use super::{Cursor, Feed, SNAPSHOT_END};
use crate::base::unit::{InstrumentId, Nanos, Price, Qty, Seq, Side};
use crate::book::{Books, Limits as BookLimits};
use crate::exchange::matching::*;
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use crate::ingest::decode::Decoder;
use crate::wire::itch::{self, code::event};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;

const SYMBOLS: u16 = 2;

/// One who reads the tape.
struct Reader {
    decoder: Decoder,
    books: Books,
    /// What shows, by number, as he has it from the messages alone: he shares no book with anyone.
    open: BTreeMap<u64, u32>,
    count: BTreeMap<u8, u64>,
}

impl Reader {
    fn new() -> Self {
        let decoder = Decoder::new(Nanos(0), None, 1);
        let books = Books::new(&BookLimits { orders: 4_096, levels: 4_096, instruments: 8 });
        Self { decoder, books, open: BTreeMap::new(), count: BTreeMap::new() }
    }

    fn read(&mut self, bytes: &[u8]) {
        *self.count.entry(bytes[0]).or_default() += 1;
        let mut take = |order: itch::Message, reference: u64, shares: u32| {
            let open = self.open.get_mut(&reference);
            let open = open.unwrap_or_else(|| panic!("no order {reference}: {order:?}"));
            assert!(0 < shares && shares <= *open, "{open} shares are open: {order:?}");
            *open -= shares;
            if *open == 0 {
                self.open.remove(&reference);
            }
        };
        let message = itch::parse(bytes).unwrap();
        let added = match message {
            itch::Message::AddOrder(m) => Some((m.order_reference_number, m.shares)),
            itch::Message::AddOrderMpid(m) => Some((m.order_reference_number, m.shares)),
            itch::Message::OrderReplace(m) => {
                let gone = self.open.remove(&m.original_order_reference_number.get());
                assert!(gone.is_some(), "{m:?}");
                Some((m.new_order_reference_number, m.shares))
            }
            itch::Message::OrderExecuted(m) => {
                take(message, m.order_reference_number.get(), m.executed_shares.get());
                None
            }
            itch::Message::OrderExecutedWithPrice(m) => {
                take(message, m.order_reference_number.get(), m.executed_shares.get());
                None
            }
            itch::Message::OrderCancel(m) => {
                let (reference, shares) =
                    (m.order_reference_number.get(), m.cancelled_shares.get());
                take(message, reference, shares);
                assert!(self.open.contains_key(&reference), "{m:?} leaves nothing: it is a delete");
                None
            }
            itch::Message::OrderDelete(m) => {
                assert!(self.open.remove(&m.order_reference_number.get()).is_some(), "{m:?}");
                None
            }
            _ => None,
        };
        if let Some((reference, shares)) = added {
            assert!(self.open.insert(reference.get(), shares.get()).is_none(), "{message:?}");
        }
        if let Some(market) = self.decoder.decode(bytes, Seq(1)) {
            self.books.apply(&market);
        }
    }

    /// The book of a symbol: number, side, price and shares, bids first, in the order in which they trade.
    fn shown(&self, locate: u16) -> Vec<(u64, Side, Price, Qty)> {
        let instrument = InstrumentId(u32::from(locate) - 1);
        let side = |side| self.books.levels(instrument, side).map(move |level| (side, level.price));
        let levels = side(Side::BUY).chain(side(Side::SELL));
        levels
            .flat_map(|(side, price)| self.books.orders(instrument, side, price))
            .map(|order| (order.reference, order.side, order.price, order.qty))
            .collect()
    }

    fn check(&self, core: &Matching) {
        for locate in 1..=SYMBOLS {
            let shown: Vec<_> = core
                .displayed(Locate(locate))
                .map(|o| {
                    let qty = Qty(u64::from(o.shown));
                    (o.displayed.unwrap().0, o.side, Price::from_e4(o.price.0), qty)
                })
                .collect();
            assert_eq!(self.shown(locate), shown, "of symbol {locate}");
        }
        let anomalies = self.books.anomalies();
        assert_eq!(anomalies.total(), 0, "{:?}", anomalies.iter().collect::<Vec<_>>());
    }
}

/// Commands of all kinds about few prices and participants, so that they meet.
struct Commands {
    random: ChaCha8Rng,
    /// References up to this were given out.
    references: u64,
    matches: u64,
}

impl Commands {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A live order more often than not.
    fn order(&mut self) -> Reference {
        Reference(self.references.saturating_sub(self.below(60)))
    }

    fn terms(&mut self) -> Terms {
        let shares = 1 + self.below(300) as u32;
        let part = 1 + self.below(40) as u32;
        let display = self.pick(&[
            Display::Full,
            Display::Full,
            Display::Full,
            Display::Hidden,
            Display::Reserve(part),
        ]);
        let limit = Price4(10_000 + 100 * self.below(10) as u32);
        let lasts = self.pick(&[Lasts::Day, Lasts::Day, Lasts::Day, Lasts::Day, Lasts::Immediate]);
        let limit =
            if lasts == Lasts::Immediate && self.below(3) == 0 { None } else { Some(limit) };
        let may_want = lasts == Lasts::Immediate || display == Display::Hidden;
        let minimum = if may_want { self.pick(&[0, 0, shares / 2, shares]) } else { 0 };
        let post_only = lasts == Lasts::Day && self.below(12) == 0;
        Terms { limit, shares, lasts, display, post_only, minimum }
    }

    fn self_match(&mut self) -> SelfMatch {
        self.pick(&[
            SelfMatch::Allow,
            SelfMatch::CancelResting,
            SelfMatch::CancelIncoming,
            SelfMatch::DecrementBoth,
        ])
    }

    fn next(&mut self) -> Command {
        let locate = Locate(1 + self.below(u64::from(SYMBOLS)) as u16);
        let (participant, side) =
            (Participant(self.below(4) as u32), self.pick(&[Side::BUY, Side::SELL]));
        let reason = CancelReason::Requested;
        match self.below(1_000) {
            0..600 => {
                let session = match self.below(20) {
                    0 => CrossSession::Opening,
                    1 => CrossSession::Closing,
                    _ => CrossSession::Continuous,
                };
                let self_match = self.self_match();
                let (token, terms) = (self.random.next_u64(), self.terms());
                let enter = Enter { locate, participant, token, side, terms, session, self_match };
                Command::Enter(enter)
            }
            600..800 => Command::Replace(Replace {
                order: self.order(),
                token: self.random.next_u64(),
                terms: self.terms(),
                self_match: self.self_match(),
            }),
            800..965 => {
                let open = self.below(200).saturating_sub(50) as u32;
                Command::Reduce { order: self.order(), open, reason }
            }
            965..970 => Command::CancelAll {
                participant,
                locate: self.pick(&[None, Some(locate)]),
                side: self.pick(&[None, Some(side)]),
                reason,
            },
            970..985 => {
                let phase = self.pick(&[
                    Phase::Quoting,
                    Phase::Open,
                    Phase::Open,
                    Phase::Halted,
                    Phase::Closed,
                ]);
                Command::SetPhase { locate, phase }
            }
            985..995 => {
                let kind = self.pick(&[CrossKind::Opening, CrossKind::Closing, CrossKind::Halt]);
                Command::Cross { locate, kind, near: Price4(10_400) }
            }
            _ => {
                let match_number = MatchNumber(self.below(self.matches + 2));
                Command::Break { match_number, locate }
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        match *event {
            Event::Accepted { order, .. } | Event::Replaced { order, .. } => {
                self.references = order.0
            }
            Event::Displayed { displayed, .. } => {
                self.references = self.references.max(displayed.0)
            }
            Event::Executed { match_number, .. } => self.matches = match_number.0,
            _ => {}
        }
    }
}

/// A feed whose symbols are open at once.
fn open(core: &mut Matching) -> (Feed, Nanos) {
    let mut feed = feed();
    let now = Nanos(1);
    feed.start(now, &mut |_, _| ());
    feed.system_event(event::START_OF_MARKET_HOURS, now, &mut |_, _| ());
    for locate in (1..=SYMBOLS).map(Locate) {
        let command = Command::SetPhase { locate, phase: Phase::Open };
        core.apply(&command, &mut |event| feed.on_event(&event, now, &mut |_, _| ()));
    }
    (feed, now)
}

fn core() -> Matching {
    Matching::new(&Limits { symbols: SYMBOLS, orders: 2_000, levels: 200, participants: 8 })
}

/// As many messages as are in the store and were not read yet.
fn catch_up(reader: &mut Reader, feed: &Feed, read: &mut u64) {
    feed.store().range(*read, u64::MAX).for_each(|message| reader.read(message));
    *read = feed.store().next();
}

/// One who joins now: a snapshot, then whatever comes.
fn join(feed: &Feed, core: &Matching) -> (Reader, u64) {
    let shown = (1..=SYMBOLS).flat_map(|locate| core.displayed(Locate(locate)));
    let snapshot = feed.snapshot(shown);
    let (mut reader, mut cursor, mut end) = (Reader::new(), Cursor::default(), None);
    while let Some(message) = snapshot.read(&mut cursor) {
        assert_eq!(end, None, "nothing follows the end");
        match message {
            [SNAPSHOT_END, digits @ ..] => end = std::str::from_utf8(digits).unwrap().parse().ok(),
            message => reader.read(message),
        }
    }
    assert_eq!(end, Some(feed.store().next()));
    (reader, feed.store().next())
}

#[test]
fn a_book_rebuilt_from_the_tape_is_the_cores_after_every_command() {
    for seed in 0..6 {
        let mut core = core();
        let (mut feed, now) = open(&mut core);
        let (mut reader, mut read) = (Reader::new(), 1);
        let mut late = None;
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut commands = Commands { random, references: 0, matches: 0 };
        let (mut executed, mut messages_max) = ([0; 4], 0);
        for step in 0..20_000_u64 {
            let now = now.plus(Nanos(1 + step * 1_000));
            let mut count = 0;
            let before = feed.store().next();
            core.apply(&commands.next(), &mut |event| {
                commands.hear(&event);
                feed.on_event(&event, now, &mut |_, _| ());
                count += 1;
                match event {
                    Event::Executed { resting, shares, .. } => {
                        executed[usize::from(resting.displayed.is_some())] += u64::from(shares);
                    }
                    Event::ExecutedInCross { order, shares, .. } if order.displayed.is_some() => {
                        executed[2] += u64::from(shares);
                    }
                    Event::Crossed { shares, .. } => executed[3] += shares,
                    _ => {}
                }
            });
            messages_max = messages_max.max(feed.store().next() - before);
            assert!(feed.store().next() - before <= count, "one message at most for each event");
            catch_up(&mut reader, &feed, &mut read);
            reader.check(&core);
            if let Some((late, read)) = &mut late {
                catch_up(late, &feed, read);
                late.check(&core);
                for i in (0..u32::from(SYMBOLS)).map(InstrumentId) {
                    assert_eq!(late.books.phase(i), reader.books.phase(i));
                }
            }
            if step % 1_000 == 500 {
                late = Some(join(&feed, &core));
            }
        }
        reader.books.verify().unwrap();
        // All of it happened.
        for kind in *b"SRHYVAFECXDUPQB" {
            assert!(reader.count.get(&kind) > Some(&0), "no {} with seed {seed}", kind as char);
        }
        assert!(executed.iter().all(|&shares| shares > 10_000), "{executed:?}");
        assert!(messages_max > 20);
    }
}
