//! Winding down, in the place of a strategy.

use super::taker::taker;
use super::*;

/// A taker that holds what it bought of the first instrument, and sold of the second.
fn holding(bought: u64, sold: u64) -> Desk<Imbalance> {
    let mut desk = Desk::new(taker(0), 3);
    for (instrument, side, qty) in [(0, BUY, bought), (1, SELL, sold)] {
        desk.touch(instrument, (1000, 50), (1005, 50));
        let mut report = Report { side, qty: Qty(qty), order: OrderId(77), ..Report::default() };
        (report.head.kind, report.head.instrument) = (Kind::FILLED, InstrumentId(instrument));
        desk.tell(report);
    }
    desk
}

fn flatten(desk: &mut Desk<Imbalance>) -> Vec<Intent> {
    desk.put(market(0, Kind::FLATTEN, InstrumentId::NONE.0), true)
}

fn brief(intents: &[Intent]) -> Vec<(u32, Side, i64, u64, TimeInForce)> {
    let cents = |price: Price| price.0 / 10_000_000;
    let brief = |i: &Intent| (i.head.instrument.0, i.side, cents(i.price), i.qty.0, i.tif);
    intents.iter().map(brief).collect()
}

#[test]
fn what_is_open_is_cancelled_first_and_positions_go_at_the_next_tick() {
    let mut desk = holding(30, 80);
    let sent = flatten(&mut desk);
    assert_eq!(sent.iter().map(|i| i.head.kind).collect::<Vec<_>>(), [Kind::CANCEL_ALL]);
    assert_eq!(desk.idle(), [], "nothing before the tick");
    let sent = desk.tick();
    let (ioc, want) = (TimeInForce::IOC, 50);
    assert_eq!(brief(&sent), [(0, SELL, 1000, 30, ioc), (1, BUY, 1005, want, ioc)]);
    // Nothing twice: neither while it works nor when it is done.
    assert_eq!(desk.tick(), []);
    desk.tell(filled(&sent[0], 30, 0));
    desk.tell(filled(&sent[1], 20, 30));
    assert_eq!(desk.tick(), [], "the second one still works");
    desk.tell(gone(&sent[1], Kind::CANCELED));
    assert_eq!(brief(&desk.tick()), [(1, BUY, 1005, 50, ioc)], "60 are still held, 50 stand there");
}

#[test]
fn no_strategy_decides_any_more() {
    let mut desk = holding(0, 0);
    flatten(&mut desk);
    assert_eq!(desk.touch(2, (1000, 9_000), (1005, 1)), [], "a taker would take");
    assert_eq!(flatten(&mut desk), [], "asked once");
    assert_eq!(desk.tick(), [], "nothing is held");
}

#[test]
fn quiet_is_silence_and_nothing_else() {
    for asked_before in [false, true] {
        let mut desk = holding(10, 0);
        if asked_before {
            flatten(&mut desk);
        }
        assert_eq!(desk.put(market(0, Kind::QUIET, InstrumentId::NONE.0), true), []);
        assert_eq!(desk.tick(), []);
        assert_eq!(desk.touch(2, (1000, 9_000), (1005, 1)), [], "a taker would take");
    }
}

#[test]
fn what_does_not_trade_waits_and_a_kill_ends_it() {
    let mut desk = holding(10, 10);
    flatten(&mut desk);
    desk.trading(0, b'H');
    assert_eq!(brief(&desk.tick()).len(), 1, "the other one");
    desk.trading(0, b'T');
    assert_eq!(brief(&desk.tick()).len(), 1, "open again");
    let mut desk = holding(10, 10);
    flatten(&mut desk);
    let sent = desk.put(market(0, Kind::KILL, InstrumentId::NONE.0), true);
    assert_eq!(sent.iter().map(|i| i.head.kind).collect::<Vec<_>>(), [Kind::KILL]);
    assert_eq!(desk.tick(), []);
}

#[test]
fn a_resume_lets_go_on_what_was_killed_and_nothing_that_ended() {
    let command = |kind: Kind| market(0, kind, InstrumentId::NONE.0);
    for (ends, sent) in [(false, 2), (true, 0)] {
        let mut desk = holding(10, 10);
        flatten(&mut desk);
        desk.put(command(Kind::KILL), true);
        if ends {
            desk.put(command(Kind::QUIET), true);
        }
        desk.put(command(Kind::RESUME), true);
        assert_eq!(desk.tick().len(), sent);
    }
}

#[test]
fn risk_is_told_of_the_market_while_positions_go_and_to_the_end() {
    let mut desk = holding(10, 0);
    flatten(&mut desk);
    desk.marks.clear();
    for kind in [Kind::TICK, Kind::QUIET, Kind::TICK] {
        desk.put(market(0, kind, InstrumentId::NONE.0), true);
        desk.idle();
    }
    let told: Vec<_> = desk.marks.iter().map(|mark| mark.head.instrument).collect();
    let (asked, held) = (InstrumentId::NONE, InstrumentId(0));
    assert_eq!(told, [asked, held, asked], "at both ticks, what moved");
    let mut pull = Report { code: crate::base::code::Code::KILLED.0, ..Report::default() };
    (pull.head.kind, pull.head.instrument) = (Kind::MARKED, InstrumentId::NONE);
    desk.tell(pull);
    let sent: Vec<_> = desk.tick().iter().map(|intent| intent.head.kind).collect();
    assert_eq!(sent, [Kind::CANCEL_ALL], "what it wants cancelled is");
}
