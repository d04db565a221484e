//! What becomes of orders: every way that one can go, and every word of the exchange wherever a reference stands.

use super::far::{BAD_PRICE, DEAD, REJECTED};
use super::*;
use crate::base::code::Code;
use crate::route::gateway::name::name_of;
use crate::wire::ouch::code::order_state;
use crate::wire::ouch::*;

const NONE: Appendage<'static> = Appendage::EMPTY;
const A: Kind = Kind::ACCEPTED;
const F: Kind = Kind::FILLED;
const C: Kind = Kind::CANCELED;
const T: Kind = Kind::TOO_LATE;

#[test]
fn an_order_is_accepted_fills_and_ends() {
    let mut pair = Pair::live(settings());
    pair.send(&order(7, 100));
    pair.settle();
    pair.far.execute(1, 30, 999);
    pair.far.execute(1, 70, 998);
    pair.settle();
    let at = |cents: i64| cents * 10_000_000;
    let told = pair.told();
    assert_eq!(told.len(), 3);
    assert_eq!((told[0].kind, told[0].qty, told[0].leaves), (A, 100, 100));
    assert_eq!((told[1].kind, told[1].price, told[1].qty, told[1].leaves), (F, at(999), 30, 70));
    assert_eq!((told[2].kind, told[2].price, told[2].qty, told[2].leaves), (F, at(998), 70, 0));
    assert!(told.iter().all(|brief| brief.order == 7));
    assert_eq!(pair.gateway.open_orders().count(), 0);
    assert_eq!(pair.odd(), [0; 4]);
}

#[test]
fn a_report_says_where_and_when() {
    let mut pair = Pair::live(settings());
    let id = OrderId::new(9, crate::base::unit::ShardId(3), 5);
    pair.send(&Market { side: Side::SELL, ..order(id.0, 100) });
    pair.settle();
    pair.far.execute(1, 100, 999);
    pair.settle();
    let fill = pair.reports[1];
    assert_eq!((fill.order, fill.shard, fill.side), (id, id.shard(), Side::SELL));
    assert_eq!((fill.head.instrument, fill.head.time), (InstrumentId(1), pair.now));
    // The account query was answered first.
    assert_eq!((fill.head.cause.0, fill.sequence, fill.reference), (3, 2, 1));
    assert_eq!(fill.liquidity, crate::base::unit::Liquidity::ADDED);
}

#[test]
fn a_sale_is_marked_as_it_is_told_to_be_and_is_a_sale_to_us() {
    for sale in [code::side::SELL, code::side::SELL_SHORT, code::side::SELL_SHORT_EXEMPT] {
        let mut pair = Pair::live(Settings { sale: Some(sale), ..settings() });
        pair.send(&Market { side: Side::SELL, ..order(1, 100) });
        pair.send(&order(2, 100));
        pair.write();
        // Length, type of packet, type of message, reference, side; an order's packet has 50 bytes.
        assert_eq!([pair.to_far[8], pair.to_far[58]], [sale, code::side::BUY]);
        pair.settle();
        pair.far.execute(1, 100, 1_000);
        pair.settle();
        assert_eq!(pair.odd(), [0; 4]);
        let sides: Vec<_> = pair.reports.iter().map(|report| report.side).collect();
        assert_eq!(sides, [Side::SELL, Side::BUY, Side::SELL]);
    }
}

#[test]
fn an_order_is_rejected_or_dies_at_once() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, REJECTED));
    pair.send(&order(2, DEAD));
    pair.send(&Market { tif: TimeInForce::IOC, ..order(3, DEAD) });
    pair.settle();
    let expected = [
        (Kind::REJECTED, 1, 0, 0, Code::VENUE_HALTED.0),
        (A, 2, 17, 17, 0),
        (C, 2, 17, 0, Code::VENUE_CANCELED.0),
        (A, 3, 17, 17, 0),
        (C, 3, 17, 0, 0),
    ];
    assert_eq!(pair.reports[0].value, 7, "the exchange's own number is told");
    assert_eq!(pair.brief(), expected);
    assert_eq!(pair.gateway.open_orders().count(), 0);
}

#[test]
fn a_cancel_asks_for_nothing_to_stay_open() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.send(&cancel(1));
    pair.write();
    // The packet of the order has 50 bytes.
    assert_eq!(pair.to_far[50..], *b"\0\x0aUX\0\0\0\x01\0\0\0\0");
    pair.far.silent = true;
    pair.settle();
    assert_eq!(pair.brief(), [(A, 1, 100, 100, 0), (C, 1, 100, 0, 0)]);
    pair.send(&cancel(1));
    assert_eq!(pair.told(), [Brief { kind: T, target: 1, code: 4002, ..Brief::default() }]);
}

#[test]
fn a_replace_says_what_the_chain_may_come_to_and_hears_what_is_open() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.far.execute(1, 30, 1_000);
    pair.settle();
    pair.told();
    // The desk wants 90 open and has heard of 30.
    pair.send(&Market { price: cents(1_001), ..replace(1, 2, 120) });
    pair.write();
    let mut expected = b"\0\x29UU\0\0\0\x01\0\0\0\x02\0\0\0\x78\0\0\0\0\0\x01\x87\x040YN".to_vec();
    expected.extend(name_of(OrderId(2)));
    expected.extend([0, 0]);
    assert_eq!(pair.to_far, expected);
    // Ten more fill before it arrives.
    pair.far.execute(1, 10, 1_000);
    pair.settle();
    let told = pair.told();
    let replaced = Brief { kind: Kind::REPLACED, order: 2, target: 1, ..Brief::default() };
    assert_eq!(told[1], Brief { qty: 80, leaves: 80, ..replaced });
    assert_eq!((told.len(), pair.gateway.open_orders().count()), (2, 1));
}

#[test]
fn a_replace_that_is_not_answered_ends_with_what_it_was_to_replace() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.send(&replace(1, 2, 120));
    pair.send(&cancel(2));
    pair.send(&cancel(1));
    pair.far.execute(1, 100, 1_000);
    pair.settle();
    let late = |order, target| Brief { kind: T, order, target, code: 4002, ..Brief::default() };
    let told = pair.told();
    assert_eq!((told[0].kind, told[0].leaves), (F, 0));
    assert_eq!(told[1..], [late(0, 1), late(2, 1), late(0, 2)]);
    assert!(told.len() <= BURST);
    assert_eq!((pair.gateway.open_orders().count(), pair.odd()), (0, [0; 4]));
}

#[test]
fn a_replace_with_bad_terms_takes_its_order_with_it_and_its_reference_is_burned() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.send(&Market { price: BAD_PRICE, ..replace(1, 2, 120) });
    pair.settle();
    let told = pair.told();
    assert_eq!((told[0].kind, told[0].order, told[0].qty), (C, 1, 100));
    let late = Brief { kind: T, order: 2, target: 1, code: 4002, ..Brief::default() };
    assert_eq!(told[1..], [late]);
    assert_eq!((pair.far.last, pair.gateway.next_reference()), (1, 3));
    pair.send(&order(3, 100));
    pair.settle();
    assert_eq!(pair.far.orders.keys().copied().collect::<Vec<_>>(), [3]);
}

#[test]
fn a_replace_that_is_rejected_leaves_its_order_as_it_was() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.send(&replace(1, 2, REJECTED));
    pair.settle();
    let late = Brief { kind: T, order: 2, target: 1, code: Code::VENUE_RISK.0, ..Brief::default() };
    assert_eq!(pair.told(), [late]);
    pair.send(&replace(1, 3, 50));
    pair.settle();
    assert_eq!(pair.brief(), [(Kind::REPLACED, 3, 50, 50, 0)]);
}

#[test]
fn only_what_is_confirmed_is_replaced_and_once_at_a_time() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.send(&replace(1, 2, 120));
    pair.settle();
    assert_eq!(pair.brief(), [(T, 2, 0, 0, 4002), (A, 1, 100, 100, 0)]);
    pair.send(&replace(1, 3, 120));
    pair.send(&replace(1, 4, 130));
    pair.send(&replace(3, 5, 130));
    pair.settle();
    let expected = [(T, 4, 0, 0, 4002), (T, 5, 0, 0, 4002), (Kind::REPLACED, 3, 120, 120, 0)];
    assert_eq!(pair.brief(), expected);
}

#[test]
fn a_broken_trade_is_told_with_what_it_was_even_after_the_order() {
    let mut pair = Pair::live(settings());
    pair.send(&Market { side: Side::SELL, ..order(1, 100) });
    pair.settle();
    let first = pair.far.execute(1, 40, 1_001);
    let second = pair.far.execute(1, 60, 1_002);
    pair.settle();
    pair.reports.clear();
    pair.far.break_trade(1, second);
    pair.far.break_trade(1, first);
    pair.settle();
    let broken: Vec<_> = pair.reports.iter().map(|r| (r.head.kind, r.order.0, r.side)).collect();
    assert_eq!(broken, [(Kind::BROKEN, 1, Side::SELL); 2]);
    let told = pair.told();
    let of = |brief: &Brief| (brief.price, brief.qty);
    assert_eq!((of(&told[0]), of(&told[1])), ((10_020_000_000, 60), (10_010_000_000, 40)));
    pair.far.break_trade(1, first);
    pair.settle();
    assert_eq!((pair.told().len(), pair.odd()), (0, [1, 0, 0, 0]), "once");
}

#[test]
fn lots_of_an_order_at_one_match_count_and_break_together() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    for _ in 0..2 {
        pair.far.matches = 4;
        pair.far.execute(1, 25, 1_000);
    }
    pair.far.break_trade(1, 5);
    pair.settle();
    let expected = [(F, 1, 25, 75, 0), (F, 1, 25, 50, 0), (Kind::BROKEN, 1, 50, 0, 0)];
    assert_eq!((pair.brief().as_slice(), pair.odd()), (&expected[..], [0, 1, 0, 0]));
}

#[test]
fn the_exchange_takes_shares_away_in_many_words() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    let user_ref_num = 1.into();
    pair.far.cancel(1, 10, b'Q');
    let aiq = AiqCanceled {
        user_ref_num,
        decrement_shares: 20.into(),
        reason: b'Q',
        ..AiqCanceled::BLANK
    };
    pair.far.say(&Outbound::AiqCanceled(&aiq, NONE));
    let silent = AiqCanceled { decrement_shares: 0.into(), ..aiq };
    pair.far.say(&Outbound::AiqCanceled(&silent, NONE));
    let modified = OrderModified { user_ref_num, quantity: 60.into(), ..OrderModified::BLANK };
    pair.far.say(&Outbound::OrderModified(&modified, NONE));
    pair.far.say(&Outbound::OrderModified(&modified, NONE));
    let moved = OrderPriorityUpdate { user_ref_num, ..OrderPriorityUpdate::BLANK };
    pair.far.say(&Outbound::OrderPriorityUpdate(&moved, NONE));
    let restated = OrderRestated { user_ref_num, reason: b'R', ..OrderRestated::BLANK };
    pair.far.say(&Outbound::OrderRestated(&restated, NONE));
    pair.far.orders.get_mut(&1).unwrap().open = 60;
    pair.far.cancel(1, 60, b'T');
    pair.settle();
    let expected = [
        (C, 1, 10, 90, Code::VENUE_SELF_MATCH.0),
        (C, 1, 20, 70, Code::VENUE_SELF_MATCH.0),
        (C, 1, 10, 60, 0),
        (C, 1, 60, 0, Code::VENUE_EXPIRED.0),
    ];
    assert_eq!(pair.brief(), expected);
    assert_eq!(pair.odd(), [0; 4]);
}

#[test]
fn a_cancel_can_wait_at_the_exchange_or_be_refused() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.send(&cancel(1));
    pair.write();
    pair.to_far.clear();
    let user_ref_num = 1.into();
    let pends = CancelPending { user_ref_num, ..CancelPending::BLANK };
    pair.far.say(&Outbound::CancelPending(&pends, NONE));
    pair.settle();
    assert_eq!((pair.told().len(), pair.gateway.counts().cancels_pending), (0, 1));
    let refused = CancelReject { user_ref_num, ..CancelReject::BLANK };
    pair.far.say(&Outbound::CancelReject(&refused, NONE));
    pair.settle();
    let code = Code::VENUE_CANCEL_REFUSED.0;
    assert_eq!(pair.told(), [Brief { kind: T, target: 1, code, ..Brief::default() }]);
    pair.send(&cancel(1));
    pair.settle();
    assert_eq!(pair.brief(), [(C, 1, 100, 0, 0)]);
}

#[test]
fn what_the_protocol_cannot_say_is_refused() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    let base = order(2, 100);
    let elsewhere = Header { instrument: InstrumentId(9), ..base.head };
    let bad = [
        order(1, 100),
        order(2, 0),
        order(2, 1_000_000),
        Market { price: Price(1), ..base },
        Market { price: Price(-1_000_000_000), ..base },
        Market { side: Side(0), ..base },
        Market { tif: TimeInForce(9), ..base },
        Market { order_type: OrderType(9), ..base },
        Market { head: elsewhere, ..base },
    ];
    for message in bad {
        pair.reports.clear();
        pair.send(&message);
        assert_eq!(pair.brief(), [(Kind::REJECTED, message.reference, 0, 0, 3008)], "{message:?}");
    }
    pair.send(&Market { order_type: OrderType::MARKET, price: Price(0), ..base });
    pair.write();
    let enter = &pair.to_far[50 + 3..];
    assert_eq!((&enter[18..26], enter[26]), (&[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff][..], b'3'));
}

/// A gateway one of whose references stands so, and that reference; what the exchange says is heard, and it hears nothing.
fn standing(standing: Standing) -> (Pair, u32) {
    if standing == Standing::Earlier {
        return (Pair::new(settings()), 1);
    }
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    if !matches!(standing, Standing::Sent | Standing::Lost) {
        pair.settle();
    }
    let reference = match standing {
        Standing::Unused => 900,
        Standing::Replacing => {
            pair.send(&replace(1, 2, 100));
            2
        }
        Standing::Ended => {
            pair.send(&cancel(1));
            pair.settle();
            1
        }
        Standing::Lost => {
            pair.write();
            pair.cut();
            pair.pass(2 * SECOND, 100 * MS);
            1
        }
        _ => 1,
    };
    assert!(matches!(pair.gateway.phase(), Phase::Live));
    let found = pair.gateway.core.orders.by_reference(reference);
    let found = found.and_then(|slot| pair.gateway.core.orders.get(slot));
    assert!(found.is_none_or(|entry| entry.standing == standing));
    pair.reports.clear();
    (pair, reference)
}

/// A message that says this of an order of which 100 shares are open.
fn say(pair: &mut Pair, word: Word, reference: u32) {
    let user_ref_num = reference.into();
    let far = &mut pair.far;
    let order_state = match word {
        Word::Dead | Word::ReplacedDead => order_state::DEAD,
        _ => order_state::LIVE,
    };
    let shares = match word {
        Word::Executed | Word::Canceled => 40,
        Word::ExecutedOver | Word::CanceledOver | Word::Grown => 200,
        _ => 100,
    };
    let (quantity, side, symbol) = (shares.into(), b'B', "XYZ".parse().unwrap());
    let price = WirePrice::from_e4(100_000);
    match word {
        Word::Accepted | Word::Dead => {
            let (clordid, blank) = (name_of(OrderId(1)), OrderAccepted::BLANK);
            far.say(&Outbound::OrderAccepted(
                &OrderAccepted {
                    user_ref_num,
                    quantity,
                    side,
                    symbol,
                    price,
                    order_state,
                    clordid,
                    ..blank
                },
                NONE,
            ));
        }
        Word::Replaced | Word::ReplacedDead => {
            let (clordid, blank) = (name_of(OrderId(2)), OrderReplaced::BLANK);
            far.say(&Outbound::OrderReplaced(
                &OrderReplaced {
                    orig_user_ref_num: 1.into(),
                    user_ref_num,
                    quantity,
                    side,
                    symbol,
                    price,
                    order_state,
                    clordid,
                    ..blank
                },
                NONE,
            ));
        }
        Word::Executed | Word::ExecutedAll | Word::ExecutedOver => {
            let blank = OrderExecuted::BLANK;
            far.say(&Outbound::OrderExecuted(
                &OrderExecuted { user_ref_num, quantity, price, match_number: 77.into(), ..blank },
                NONE,
            ));
        }
        Word::Canceled | Word::CanceledAll | Word::CanceledOver => {
            far.say(&Outbound::OrderCanceled(
                &OrderCanceled { user_ref_num, quantity, ..OrderCanceled::BLANK },
                NONE,
            ))
        }
        Word::Broken => far.break_trade(reference, 66),
        Word::Rejected => far.reject(reference, 7, name_of(OrderId(1))),
        Word::CancelPends => far.say(&Outbound::CancelPending(
            &CancelPending { user_ref_num, ..CancelPending::BLANK },
            NONE,
        )),
        Word::CancelRefused => far.say(&Outbound::CancelReject(
            &CancelReject { user_ref_num, ..CancelReject::BLANK },
            NONE,
        )),
        Word::Grown => far.say(&Outbound::OrderModified(
            &OrderModified { user_ref_num, quantity, ..OrderModified::BLANK },
            NONE,
        )),
        Word::Told => far.say(&Outbound::OrderPriorityUpdate(
            &OrderPriorityUpdate { user_ref_num, ..OrderPriorityUpdate::BLANK },
            NONE,
        )),
        Word::Corrected => far.say(&Outbound::TradeCorrection(
            &TradeCorrection { user_ref_num, ..TradeCorrection::BLANK },
            NONE,
        )),
    }
}

#[test]
fn every_word_does_what_the_table_says_wherever_a_reference_stands() {
    for at in Standing::ALL {
        for word in Word::ALL {
            let (mut pair, reference) = standing(at);
            let before = pair.gateway.open_orders().count();
            say(&mut pair, word, reference);
            if at == Standing::Earlier {
                pair.settle();
            }
            for _ in 0..5 {
                let bytes = pair.far.out(pair.now);
                pair.to_gateway.extend(bytes);
                pair.carry(0, usize::MAX);
                pair.turn();
            }
            let (act, odd) = at.on(word);
            let kinds: Vec<_> = pair.brief().iter().map(|brief| brief.0).collect();
            let found =
                (kinds.as_slice(), pair.gateway.open_orders().count() as i64 - before as i64);
            let refused = if at == Standing::Replacing { T } else { Kind::REJECTED };
            let replaced = matches!(word, Word::Replaced | Word::ReplacedDead);
            let ends_open = replaced && matches!(at, Standing::Unused);
            let expected: (&[Kind], i64) = match act {
                // What it replaces is known and open only where we have sent nothing.
                Act::Adopt if ends_open => (&[C], 0),
                Act::Bury if ends_open => (&[C], -1),
                Act::Adopt => (&[], i64::from(at != Standing::Earlier)),
                Act::Bury | Act::Nothing | Act::Break | Act::Pend | Act::Refuse => (&[], 0),
                Act::Open => (&[A], 0),
                Act::Die => (&[A, C], -1),
                Act::Succeed => (&[Kind::REPLACED], -1),
                Act::SucceedAndDie => (&[Kind::REPLACED, C], -2),
                Act::Fill => (&[F], 0),
                Act::FillAll => (&[F], -1),
                Act::Reduce => (&[C], 0),
                Act::Cancel => (&[C], -1),
                Act::Reject => (&[refused], -1),
            };
            // In history what was adopted is open, until the far end is told to cancel it; it knows nothing of it here.
            let adopted = i64::from(at == Standing::Earlier && act == Act::Adopt);
            assert_eq!(found, (expected.0, expected.1 + adopted), "{at:?} on {word:?}");
            let mut counts = [0; 4];
            if let Some(odd) = odd.or((act == Act::Break).then_some(Odd::Unknown)) {
                counts[odd as usize] += 1;
                let first = pair.gateway.oddities().first()[0];
                assert_eq!((first.odd, first.standing), (odd, Some(at)), "{at:?} on {word:?}");
                assert_eq!(
                    Some(first.bytes()),
                    pair.far.stream.get(first.sequence as usize - 1).map(Vec::as_slice)
                );
            }
            assert_eq!(pair.odd(), counts, "{at:?} on {word:?}");
        }
    }
}

#[test]
fn what_is_odd_is_counted_and_the_first_of_each_kept() {
    let mut pair = Pair::live(settings());
    for reference in [500, 501, 502] {
        say(&mut pair, Word::Executed, reference);
        say(&mut pair, Word::Canceled, reference);
    }
    pair.far.stream.push(b"?nonsense".to_vec());
    pair.far.stream.push(Vec::new());
    pair.settle();
    assert_eq!(pair.odd(), [6, 0, 0, 2]);
    let first = pair.gateway.oddities().first();
    let brief: Vec<_> =
        first.iter().map(|odd| (odd.sequence, odd.bytes().first().copied())).collect();
    assert_eq!(brief, [(2, Some(b'E')), (3, Some(b'C')), (8, Some(b'?')), (9, None)]);
    assert_eq!((pair.told().len(), pair.gateway.phase()), (0, Phase::Live));
}

#[test]
fn what_is_said_on_another_channel_is_not_ours() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    for channel in [0, 1] {
        let mut options = AppendageBuilder::new();
        options.push(TagValue::UserRefIdx(channel)).unwrap();
        let executed = OrderExecuted {
            user_ref_num: 1.into(),
            quantity: 10.into(),
            match_number: u64::from(channel).into(),
            ..OrderExecuted::BLANK
        };
        pair.far.say(&Outbound::OrderExecuted(&executed, options.appendage()));
    }
    pair.settle();
    assert_eq!((pair.brief().len(), pair.odd()), (1, [1, 0, 0, 0]));
}

#[test]
fn executions_that_cannot_be_kept_are_told_and_counted() {
    let mut pair = Pair::live(Settings { executions_max: 2, ..settings() });
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    let matches: Vec<_> = (0..3).map(|_| pair.far.execute(1, 10, 1_000)).collect();
    matches.into_iter().for_each(|number| pair.far.break_trade(1, number));
    pair.settle();
    let kinds: Vec<_> = pair.brief().iter().map(|brief| brief.0).collect();
    assert_eq!(kinds, [F, F, F, Kind::BROKEN, Kind::BROKEN]);
    assert_eq!((pair.gateway.counts().untracked, pair.odd()), (1, [1, 0, 0, 0]));
}
