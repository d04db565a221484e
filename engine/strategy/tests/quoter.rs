//! The quoter: its turns one by one, and what holds whatever its orders meet.

use super::{BUY, Desk, SELL, about, filled, gone};
use crate::base::code::Code;
use crate::base::message::{Intent, Kind, Market, Report};
use crate::base::testing::{cents, market};
use crate::base::unit::*;
use crate::book::Limits;
use crate::strategy::{Quoter, QuoterSettings};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

fn quoter(position_max: u64, cooldown: u64) -> Quoter {
    let settings = QuoterSettings {
        qty: Qty(100),
        position_max: Qty(position_max),
        spread_min: cents(2),
        requote_step: cents(1),
        cooldown: Nanos(cooldown),
    };
    Quoter::new(settings, 128)
}

/// What was sent, as `kind side price`.
fn sent(intents: &[Intent]) -> Vec<String> {
    let one = |i: &Intent| format!("{} {} {}", i.head.kind, i.side, i.price.0 / 10_000_000);
    intents.iter().map(one).collect()
}

const NOTHING: [&str; 0] = [];

/// A quoter with a bid at 1000 and an offer at 1005, both accepted.
fn quoting(position_max: u64) -> (Desk<Quoter>, Intent, Intent) {
    let mut desk = Desk::new(quoter(position_max, 0), 1);
    let quotes = desk.touch(0, (1000, 10), (1005, 10));
    assert_eq!(sent(&quotes), ["new buy 1000", "new sell 1005"]);
    let [bid, ask] = quotes[..] else { panic!("two quotes") };
    desk.tell(about(&bid, Kind::ACCEPTED));
    desk.tell(about(&ask, Kind::ACCEPTED));
    assert_eq!(sent(&desk.idle()), NOTHING);
    (desk, bid, ask)
}

#[test]
fn it_quotes_both_sides_and_follows_the_touch_by_replaces() {
    let (mut desk, bid, _) = quoting(1_000);
    let moved = desk.move_to(1, 1001, 10);
    assert_eq!(sent(&moved), ["replace-order buy 1001"]);
    assert_eq!((moved[0].target, moved[0].qty), (bid.order, Qty(100)));
    assert_eq!(sent(&desk.move_to(1, 1002, 10)), NOTHING, "the replace is not answered yet");
    desk.tell(about(&moved[0], Kind::REPLACED));
    assert_eq!(sent(&desk.idle()), ["replace-order buy 1002"], "then it catches up");
}

#[test]
fn it_leaves_when_the_spread_is_small_a_side_is_empty_or_trading_stops() {
    let (mut desk, ..) = quoting(1_000);
    assert_eq!(sent(&desk.move_to(2, 1001, 10)), ["cancel-order buy 0", "cancel-order sell 0"]);
    let (mut desk, ..) = quoting(1_000);
    desk.part(Kind::DELETE, 1);
    assert_eq!(sent(&desk.idle()), ["cancel-order buy 0", "cancel-order sell 0"]);
    let (mut desk, bid, ask) = quoting(1_000);
    assert_eq!(sent(&desk.trading(0, b'H')), ["cancel-order buy 0", "cancel-order sell 0"]);
    desk.tell(gone(&bid, Kind::CANCELED));
    desk.tell(gone(&ask, Kind::CANCELED));
    assert_eq!(sent(&desk.idle()), NOTHING);
    assert_eq!(sent(&desk.trading(0, b'T')), ["new buy 1000", "new sell 1005"]);
}

#[test]
fn at_its_limit_it_quotes_one_side_and_comes_back() {
    let (mut desk, bid, ask) = quoting(150);
    desk.tell(filled(&bid, 100, 0));
    assert_eq!(sent(&desk.idle()), NOTHING, "long 100: another bid could make it 200");
    desk.tell(filled(&ask, 100, 0));
    assert_eq!(sent(&desk.idle()), ["new buy 1000", "new sell 1005"]);
}

#[test]
fn a_part_filled_quote_that_could_go_beyond_the_limit_is_pulled() {
    let (mut desk, bid, _) = quoting(100);
    desk.tell(filled(&bid, 30, 70));
    let moved = desk.move_to(1, 1001, 10);
    assert_eq!(sent(&moved), ["cancel-order buy 0"]);
    assert_eq!(moved[0].target, bid.order);
}

#[test]
fn what_was_refused_is_not_asked_for_again_until_the_touch_moves() {
    for kind in [Kind::REFUSED, Kind::REJECTED] {
        let mut desk = Desk::new(quoter(1_000, 0), 1);
        let quotes = desk.touch(0, (1000, 10), (1005, 10));
        desk.tell(about(&quotes[1], Kind::ACCEPTED));
        desk.idle();
        desk.tell(about(&quotes[0], kind));
        assert_eq!(sent(&desk.idle()), NOTHING, "{kind}");
        assert_eq!(sent(&desk.move_to(1, 1000, 20)), ["new buy 1000"], "{kind}");
    }
    let mut desk = Desk::new(quoter(1_000, 0), 1);
    let quotes = desk.touch(0, (1000, 10), (1005, 10));
    for quote in &quotes {
        desk.tell(about(quote, Kind::REFUSED));
    }
    assert_eq!(sent(&desk.idle()), NOTHING, "no storm of refusals");
    let full = Report { code: Code::VENUE_FULL.0, ..gone(&quotes[0], Kind::CANCELED) };
    desk.tell(full);
    assert_eq!(sent(&desk.idle()), NOTHING);
}

#[test]
fn a_replace_that_failed_leaves_the_quote_that_it_had() {
    for kind in [Kind::REFUSED, Kind::REJECTED, Kind::TOO_LATE] {
        let (mut desk, bid, _) = quoting(1_000);
        let moved = desk.move_to(1, 1001, 10);
        desk.tell(about(&moved[0], kind));
        desk.idle();
        let next = desk.move_to(1, 1002, 10);
        let next = if next.is_empty() { desk.idle() } else { next };
        assert!(next.iter().all(|i| i.head.kind == Kind::REPLACE_ORDER), "{kind}");
        assert!(next.iter().all(|i| i.target == bid.order), "what stands is the first one");
    }
}

#[test]
fn a_quote_that_may_not_be_moved_is_cancelled_and_quoted_anew() {
    for code in [Code::SALE_MARK, Code::NOT_OPEN, Code::POSITION, Code::LOSS, Code::NET_ACCOUNT] {
        let (mut desk, _, ask) = quoting(1_000);
        let moved = desk.move_to(2, 1006, 10);
        assert_eq!(sent(&moved), ["replace-order sell 1006"]);
        let refused = |intent: &Intent| Report { code: code.0, ..about(intent, Kind::REFUSED) };
        desk.tell(refused(&moved[0]));
        let pulled = desk.idle();
        assert_eq!(sent(&pulled), ["cancel-order sell 0"], "{}", code.name());
        assert_eq!(pulled[0].target, ask.order);
        assert_eq!(sent(&desk.move_to(2, 1007, 10)), NOTHING, "it is not answered yet");
        desk.tell(gone(&ask, Kind::CANCELED));
        let anew = desk.idle();
        assert_eq!(sent(&anew), ["new sell 1007"], "{}", code.name());
        desk.tell(refused(&anew[0]));
        assert_eq!(sent(&desk.idle()), NOTHING, "no storm of refusals");
        assert_eq!(sent(&desk.move_to(2, 1008, 10)), ["new sell 1008"]);
    }
}

#[test]
fn a_quote_that_may_be_moved_in_a_moment_or_elsewhere_stays() {
    for code in [Code::RATE_STRATEGY, Code::WINDOW_QTY, Code::PRICE_COLLAR, Code::SHORT_PRICE] {
        let (mut desk, _, ask) = quoting(1_000);
        let moved = desk.move_to(2, 1006, 10);
        desk.tell(Report { code: code.0, ..about(&moved[0], Kind::REFUSED) });
        assert_eq!(sent(&desk.idle()), NOTHING, "{}", code.name());
        let again = desk.move_to(2, 1007, 10);
        assert_eq!(sent(&again), ["replace-order sell 1007"], "{}", code.name());
        assert_eq!(again[0].target, ask.order);
    }
}

#[test]
fn a_quote_whose_cancel_is_refused_too_waits_for_the_touch_to_move() {
    let (mut desk, _, ask) = quoting(1_000);
    let moved = desk.move_to(2, 1006, 10);
    desk.tell(Report { code: Code::SALE_MARK.0, ..about(&moved[0], Kind::REFUSED) });
    assert_eq!(sent(&desk.idle()), ["cancel-order sell 0"]);
    let cancel = Intent { order: OrderId::NONE, target: ask.order, ..ask };
    desk.tell(Report { code: Code::ROUTE_NOT_LIVE.0, ..about(&cancel, Kind::REFUSED) });
    assert_eq!(sent(&desk.idle()), NOTHING, "no storm of cancels");
    assert_eq!(sent(&desk.move_to(2, 1007, 10)), ["cancel-order sell 0"], "it is still pulled");
}

#[test]
fn a_quote_that_fills_while_its_replace_is_on_the_way_is_quoted_anew() {
    let (mut desk, bid, _) = quoting(1_000);
    let moved = desk.move_to(1, 1001, 10);
    desk.tell(filled(&bid, 100, 0));
    assert_eq!(sent(&desk.idle()), NOTHING, "the replace is not answered yet");
    desk.tell(about(&moved[0], Kind::TOO_LATE));
    assert_eq!(sent(&desk.idle()), ["new buy 1001"]);
}

#[test]
fn a_cancel_that_came_too_late_is_the_fill_s_affair() {
    let (mut desk, bid, ask) = quoting(1_000);
    desk.trading(0, b'H');
    desk.tell(filled(&bid, 100, 0));
    let cancel = Intent { order: OrderId::NONE, target: bid.order, ..bid };
    desk.tell(about(&cancel, Kind::TOO_LATE));
    desk.tell(gone(&ask, Kind::CANCELED));
    assert_eq!(sent(&desk.trading(0, b'T')), ["new buy 1000", "new sell 1005"]);
}

#[test]
fn all_quotes_are_pulled_however_many_instruments_there_are() {
    let mut desk = Desk::new(quoter(1_000, 0), 100);
    let mut open = 0;
    for at in 0..100 {
        for quote in desk.touch(at, (1000, 10), (1005, 10)) {
            desk.tell(about(&quote, Kind::ACCEPTED));
            open += 1;
        }
    }
    assert_eq!(open, 200);
    let end = Market { code: b'M', ..market(0, Kind::SESSION, InstrumentId::NONE.0) };
    let mut canceled = desk.put(end, true);
    for _ in 0..100 {
        canceled.extend(desk.idle());
    }
    assert!(canceled.iter().all(|i| i.head.kind == Kind::CANCEL_ORDER));
    assert_eq!(canceled.len(), 200);
}

#[test]
fn a_book_that_can_no_longer_be_vouched_for_is_left() {
    let limits = Limits { orders: 2, levels: 8, instruments: 1 };
    let mut desk = Desk::with(quoter(1_000, 0), 1, limits);
    for quote in desk.touch(0, (1000, 10), (1005, 10)) {
        desk.tell(about(&quote, Kind::ACCEPTED));
    }
    let left = desk.add(0, BUY, 990, 10, true);
    assert_eq!(sent(&left), ["cancel-order buy 0", "cancel-order sell 0"]);
}

/// A quoter with a cooldown of 100, and when it quoted; both quotes are accepted.
fn resting() -> (Desk<Quoter>, Intent, u64) {
    let mut desk = Desk::new(quoter(1_000, 100), 2);
    let quotes = desk.touch(0, (1000, 10), (1005, 10));
    let decided = desk.time;
    quotes.iter().for_each(|quote| desk.tell(about(quote, Kind::ACCEPTED)));
    assert_eq!(sent(&desk.idle()), NOTHING);
    (desk, quotes[0], decided)
}

#[test]
fn it_rests_between_two_moves() {
    let (mut desk, _, decided) = resting();
    assert_eq!(sent(&desk.move_to(1, 1001, 10)), NOTHING);
    desk.time = decided + 98;
    assert_eq!(sent(&desk.move_to(1, 1002, 10)), ["replace-order buy 1002"]);
}

#[test]
fn a_move_within_the_cooldown_is_followed_at_the_first_event_after() {
    for by_tick in [true, false] {
        let (mut desk, bid, at) = resting();
        desk.move_to(1, 1001, 10);
        desk.move_to(1, 1002, 10);
        desk.time = at + 98;
        assert_eq!(sent(&desk.tick()), NOTHING, "one too early");
        // A book event elsewhere, or a tick.
        let moved = if by_tick { desk.tick() } else { desk.add(1, BUY, 990, 10, true) };
        assert_eq!(sent(&moved), ["replace-order buy 1002"], "where the touch is now");
        assert_eq!(moved[0].target, bid.order);
        desk.tell(about(&moved[0], Kind::REPLACED));
        desk.move_to(1, 1003, 10);
        desk.time = at + 199;
        assert_eq!(sent(&desk.tick()), ["replace-order buy 1003"], "and again");
    }
}

#[test]
fn a_touch_that_came_back_within_the_cooldown_is_left_alone() {
    let (mut desk, _, decided) = resting();
    desk.move_to(1, 1001, 10);
    desk.move_to(1, 1000, 10);
    desk.time = decided + 100;
    assert_eq!(sent(&desk.tick()), NOTHING);
    assert_eq!(sent(&desk.move_to(1, 1001, 10)), ["replace-order buy 1001"], "it did not turn");
}

#[test]
fn a_turn_that_a_report_asks_for_waits_for_the_cooldown_too() {
    let (mut desk, bid, decided) = resting();
    desk.tell(filled(&bid, 100, 0));
    assert_eq!(sent(&desk.idle()), NOTHING);
    desk.time = decided + 98;
    assert_eq!(sent(&desk.tick()), NOTHING);
    let again = desk.tick();
    assert_eq!(sent(&again), ["new buy 1000"]);
    desk.tell(about(&again[0], Kind::ACCEPTED));
    desk.time = decided + 300;
    desk.tell(filled(&again[0], 100, 0));
    assert_eq!(sent(&desk.idle()), ["new buy 1000"], "rested long since: no book event is needed");
}

#[test]
fn a_halt_within_the_cooldown_pulls_the_quotes_at_once() {
    let (mut desk, ..) = resting();
    desk.move_to(1, 1001, 10);
    assert_eq!(sent(&desk.trading(0, b'H')), ["cancel-order buy 0", "cancel-order sell 0"]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Touch {
        bid: i64,
        spread: i64,
    },
    Halt {
        halted: bool,
    },
    /// The oldest intent on its way arrives, or is refused before.
    Arrive {
        luck: u8,
    },
    /// The oldest report on its way arrives.
    Report,
    Fill {
        which: usize,
        qty: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1000..1006i64, 1..6i64).prop_map(|(bid, spread)| Act::Touch { bid, spread }),
        1 => prop::bool::weighted(0.3).prop_map(|halted| Act::Halt { halted }),
        6 => any::<u8>().prop_map(|luck| Act::Arrive { luck }),
        6 => Just(Act::Report),
        2 => (any::<usize>(), 1..150u64).prop_map(|(which, qty)| Act::Fill { which, qty }),
    ]
}

/// A quoter and a venue apart: what is sent and what is said arrive later, in order.
struct Apart {
    desk: Desk<Quoter>,
    intents: VecDeque<Intent>,
    reports: VecDeque<Report>,
    /// Orders that the venue has open, with what is left of them.
    live: BTreeMap<OrderId, (Intent, u64)>,
    cooldown: u64,
    /// When it turned, unless a halt made it.
    turned: Option<u64>,
}

impl Apart {
    fn side(&self, side: Side) -> Vec<Intent> {
        self.live.values().map(|(intent, _)| *intent).filter(|intent| intent.side == side).collect()
    }

    fn say(&mut self, report: Report) {
        self.reports.push_back(report);
    }

    fn arrive(&mut self, luck: u8) {
        let Some(intent) = self.intents.pop_front() else { return };
        if luck < 30 {
            let code = if luck < 15 { Code::SALE_MARK } else { Code::NONE };
            return self.say(Report { code: code.0, ..about(&intent, Kind::REFUSED) });
        }
        let target = self.live.get(&intent.target).copied();
        match (intent.head.kind, target) {
            (Kind::NEW, _) if luck < 60 => self.say(about(&intent, Kind::REJECTED)),
            (Kind::NEW, _) => {
                self.say(about(&intent, Kind::ACCEPTED));
                if luck < 75 {
                    let full = Code::VENUE_FULL.0;
                    return self.say(Report { code: full, ..gone(&intent, Kind::CANCELED) });
                }
                self.live.insert(intent.order, (intent, intent.qty.0));
            }
            (_, None) => self.say(about(&intent, Kind::TOO_LATE)),
            (Kind::CANCEL_ORDER, Some((order, _))) => {
                self.live.remove(&intent.target);
                self.say(gone(&order, Kind::CANCELED));
            }
            (_, Some(_)) if luck < 60 => self.say(about(&intent, Kind::TOO_LATE)),
            (_, Some(_)) => {
                self.live.remove(&intent.target);
                self.say(about(&intent, Kind::REPLACED));
                self.live.insert(intent.order, (intent, intent.qty.0));
            }
        }
        for side in [BUY, SELL] {
            assert!(self.side(side).len() <= 1, "two live quotes on one side");
        }
    }

    fn report(&mut self) {
        if let Some(report) = self.reports.pop_front() {
            self.desk.tell(report);
        }
        let sent = self.desk.idle();
        self.sends(sent);
    }

    /// Between two turns it rests; one that a report asks for counts from that, which came one before.
    fn sends(&mut self, sent: Vec<Intent>) {
        if sent.is_empty() {
            return;
        }
        let turned = self.turned.replace(self.desk.time);
        assert!(turned.is_none_or(|turned| self.desk.time - turned + 1 >= self.cooldown));
        self.intents.extend(sent);
    }

    fn touch(&mut self, bid: i64, ask: i64) {
        self.desk.part(Kind::DELETE, 1);
        self.desk.part(Kind::DELETE, 2);
        self.desk.names = 0;
        let sent = self.desk.touch(0, (bid, 10), (ask, 10));
        self.sends(sent);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Touch { bid, spread } => self.touch(bid, bid + spread),
            Act::Halt { halted } => {
                let sent = self.desk.trading(0, if halted { b'H' } else { b'T' });
                self.intents.extend(sent);
                self.turned = None;
            }
            Act::Arrive { luck } => self.arrive(luck),
            Act::Report => self.report(),
            Act::Fill { which, qty } => {
                let Some(order) = self.live.keys().nth(which % self.live.len().max(1)).copied()
                else {
                    return;
                };
                let (intent, left) = self.live[&order];
                let qty = qty.min(left);
                match left - qty {
                    0 => self.live.remove(&order),
                    left => self.live.insert(order, (intent, left)),
                };
                self.say(filled(&intent, qty, left - qty));
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..50 {
            while !self.intents.is_empty() {
                self.arrive(u8::MAX);
            }
            while !self.reports.is_empty() {
                self.report();
            }
            let sent = self.desk.tick();
            self.sends(sent);
        }
        assert!(self.intents.is_empty() && self.reports.is_empty(), "it comes to rest");
    }
}

proptest! {
    /// Whatever its orders meet: once all is answered and the touch moves, there is a quote on each side again.
    #[test]
    fn it_never_quotes_twice_and_is_never_stuck(
        acts in prop::collection::vec(act(), 1..150),
        cooldown in prop::sample::select(vec![0, 1, 9, 40]),
    ) {
        let mut apart = Apart {
            desk: Desk::new(quoter(1_000_000, cooldown), 1),
            intents: VecDeque::new(),
            reports: VecDeque::new(),
            live: BTreeMap::new(),
            cooldown,
            turned: None,
        };
        apart.touch(1000, 1005);
        acts.into_iter().for_each(|act| apart.act(act));
        apart.act(Act::Halt { halted: false });
        apart.settle();
        apart.touch(900, 910);
        apart.settle();
        for (side, price) in [(BUY, 900), (SELL, 910)] {
            let quotes = apart.side(side);
            prop_assert_eq!(quotes.len(), 1, "a quote on the {} side", side);
            prop_assert_eq!(quotes[0].price, cents(price));
        }
    }
}
