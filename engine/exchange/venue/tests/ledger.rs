//! The ledger says what the clients were told, no more and no less.

use super::*;
use proptest::prelude::*;

#[test]
fn what_the_core_never_hears_of_is_in_the_ledger() {
    let acts = vec![
        (Nanos(0), Act::Set(Phase::Open)),
        (Nanos(5), Act::Freeze(CrossSession::Closing)),
        (Nanos(9), Act::Cross(CrossKind::Closing)),
    ];
    let mut it = Market::new(Programme::new(acts), "");
    it.login(0, "ALPHA", 0);
    it.say(0, &client::enter(1, side::SELL, 100, 100_000));
    let for_close = |user_ref, side| {
        let change = |it: &mut crate::wire::ouch::EnterOrder| {
            (it.side, it.cross_type) = (side, cross::CLOSING);
        };
        client::enter_with(user_ref, change, &[])
    };
    it.say(0, &for_close(2, side::BUY));
    it.say(0, &for_close(3, side::SELL));
    assert_eq!(it.say(0, &client::modify(1, side::SELL_SHORT, 100)), ["M 1 T 100"]);
    // Smaller, and no other side: the core's cancel says all.
    assert_eq!(it.say(0, &client::modify(1, side::SELL_SHORT, 90)), ["M 1 T 90"]);
    assert!(it.say(0, &client::modify(1, side::SELL_SHORT, 90)).is_empty());
    it.say(0, &client::enter(4, side::SELL, 50, 100_000));
    assert_eq!(it.say(0, &client::modify(4, side::SELL_SHORT_EXEMPT, 40)), ["M 4 E 40"]);
    it.until(Nanos(5));
    assert_eq!(it.say(0, &client::cancel(2, 0)), ["P 2"]);
    assert!(it.say(0, &client::cancel(2, 0)).is_empty());
    assert_eq!(it.say(0, &client::mass_cancel(5, "AAA".parse().unwrap(), &[])).len(), 4);
    it.until(Nanos(9));
    let rows: Vec<String> = it.rows().into_iter().skip(3).collect();
    assert_eq!(
        rows,
        [
            "4,0,modify,1,ALPHA,0,1,1,AAA,S,100,,100,,S>T",
            "5,0,cancel,1,ALPHA,0,1,1,AAA,S,10,100000,90,,requested",
            "6,0,accept,1,ALPHA,0,4,4,AAA,S,50,100000,50,,",
            "7,0,modify,1,ALPHA,0,4,4,AAA,S,50,,50,,S>E",
            "8,0,cancel,1,ALPHA,0,4,4,AAA,S,10,100000,40,,requested",
            "9,5,pend,1,ALPHA,0,2,2,AAA,B,100,,100,,",
            "10,5,cancel,1,ALPHA,0,1,1,AAA,S,90,100000,0,,requested",
            "11,5,pend,1,ALPHA,0,3,3,AAA,S,100,,100,,",
            "12,5,cancel,1,ALPHA,0,4,4,AAA,S,40,100000,0,,requested",
            "13,9,cross,1,ALPHA,0,2,2,AAA,B,100,100000,0,1,",
            "14,9,cross,1,ALPHA,0,3,3,AAA,S,100,100000,0,1,",
        ]
    );
}

/// What a client may do: its kind, an order of it, shares, a price, a side.
fn requests() -> impl Strategy<Value = Vec<(u8, u8, u32, u64, bool)>> {
    prop::collection::vec((0..8u8, 1..30u8, 0..400u32, 0..5u64, any::<bool>()), 1..120)
}

proptest! {
    #[test]
    fn the_ledger_says_what_the_clients_were_told(requests in requests()) {
        let mut it = Market::new(Programme::open_at_once(), "bust=0.2,bust_delay=3us");
        it.login(0, "ALPHA", 0);
        it.login(1, "BETA", 0);
        let mut told = [Vec::new(), Vec::new()];
        for (at, (kind, which, shares, price, is_buy)) in (1..).zip(requests) {
            it.until(Nanos(at * 1_000));
            let (id, user_ref) = (usize::from(which % 2), at as u32);
            let (price, which) = (99_000 + price * 500, u32::from(which));
            let side = if is_buy { side::BUY } else { side::SELL };
            match kind {
                0..=2 => it.receive(id, &client::unsequenced(&client::enter(user_ref, side, shares, price))),
                3 => it.receive(id, &client::unsequenced(&client::replace(which, user_ref, shares, price))),
                4 => it.receive(id, &client::unsequenced(&client::cancel(which, shares / 4))),
                5 => {
                    let floor = |it: &mut crate::wire::ouch::EnterOrder| {
                        (it.side, it.quantity) = (side, (shares + 100).into());
                    };
                    let message = client::enter_with(user_ref, floor, &[TagValue::MaxFloor(50)]);
                    it.receive(id, &client::unsequenced(&message));
                }
                _ => {
                    let side = if is_buy { Side::BUY } else { Side::SELL };
                    let lasts = if kind == 6 { Lasts::Day } else { Lasts::Immediate };
                    it.stranger(side, price as u32, shares.max(1), lasts);
                }
            }
            for (id, told) in told.iter_mut().enumerate() {
                told.extend(it.told(id));
            }
        }
        prop_assert_eq!(it.venue.order_entry().counters().out_of_step, 0);
        let live = it.venue.core().iter().filter(|order| order.participant == Participant(1)).count();
        let rows = it.rows();
        let mut left = 0;
        for (id, user) in ["ALPHA", "BETA"].into_iter().enumerate() {
            let mine: Vec<Vec<&str>> = rows
                .iter()
                .map(|row| row.split(',').collect::<Vec<_>>())
                .filter(|row| row[4] == user)
                .collect();
            let found: Vec<String> = mine.iter().map(|row| in_short(row)).collect();
            let expected: Vec<String> = told[id].iter().filter_map(|text| of_answer(text)).collect();
            // Without the cancel that "dead at once" implies.
            let mut expected = expected.into_iter().peekable();
            for (found, row) in found.iter().zip(&mine) {
                if expected.peek() == Some(found) {
                    expected.next();
                } else {
                    prop_assert_eq!(row[2], "cancel");
                }
            }
            prop_assert_eq!(expected.next(), None);
            if id == 0 {
                let opened = mine.iter().filter(|row| row[2] == "accept").count();
                let closed = mine
                    .iter()
                    .filter(|row| matches!(row[2], "execute" | "cancel") && row[12] == "0")
                    .count();
                left = opened - closed;
            }
        }
        prop_assert_eq!(left, live);
    }
}

/// A row of the ledger, as far as an answer says it too.
fn in_short(row: &[&str]) -> String {
    let (user_ref, shares, price, number, reason) = (row[6], row[10], row[11], row[13], row[14]);
    match row[2] {
        "execute" => format!("E {user_ref} {shares}@{price} #{number}"),
        "cancel" => format!("C {user_ref} -{shares}"),
        "reject" => format!("J {user_ref} {reason}"),
        "break" => format!("B {user_ref} #{number}"),
        "accept" => format!("A {user_ref} {shares}"),
        kind => format!("{kind} {user_ref} {shares}"),
    }
}

/// An answer, as far as a row of the ledger says it too.
fn of_answer(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    match words[0] {
        "A" => Some(format!("A {} {}", words[1], words[3])),
        "U" => Some(format!("replace {} {}", words[1].split('>').nth(1)?, words[3])),
        "E" => Some(format!("E {} {} {}", words[1], words[2], words[4])),
        "C" => Some(format!("C {} {}", words[1], words[2])),
        "J" | "B" => Some(format!("{} {} {}", words[0], words[1], words[2])),
        _ => None,
    }
}
