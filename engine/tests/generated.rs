//! Made-up days, read back: the books rebuilt from the bytes are the matching core's own, at every point that was looked at.

#[path = "itch.rs"]
mod itch;

use coretick::base::message::Kind;
use coretick::base::unit::{InstrumentId, Side};
use coretick::book::{Books, Limits};
use coretick::exchange::flow::{DaySpec, Totals};
use coretick::exchange::matching::Matching;
use coretick::exchange::traders::CrashPlan;
use coretick::exchange::unit::Locate;
use itch::messages;

/// An order that shows: side, price in 1e-4, shares, number; in the order in which it trades, best price first.
type Shown = (Side, i64, u64, u64);

fn of_core(matching: &Matching, locate: u16) -> impl Iterator<Item = Shown> {
    matching.displayed(Locate(locate)).map(|order| {
        let number = order.displayed.expect("it shows").0;
        (order.side, i64::from(order.price.0), u64::from(order.shown), number)
    })
}

fn of_book(books: &Books, locate: u16) -> impl Iterator<Item = Shown> {
    let i = InstrumentId(u32::from(locate));
    [Side::BUY, Side::SELL].into_iter().flat_map(move |side| {
        books.levels(i, side).flat_map(move |level| {
            books
                .orders(i, side, level.price)
                .map(move |order| (side, level.price.to_e4(), order.qty.0, order.reference))
        })
    })
}

/// All that shows, symbol by symbol, folded into one number: FNV-1a over its fields.
fn digest(shown: impl Iterator<Item = Shown>) -> (u64, u64) {
    shown.fold((0, 0xcbf2_9ce4_8422_2325), |(count, sum), (side, price, shares, number)| {
        let fields = [u64::from(side.is_buy()), price as u64, shares, number];
        let fold = |sum: u64, field: u64| (sum ^ field).wrapping_mul(0x0100_0000_01b3);
        (count + 1, fields.into_iter().fold(sum, fold))
    })
}

/// Makes the day, and holds the books that its bytes make against the core wherever it was watched.
fn follow(day: DaySpec) -> (Vec<u8>, Books) {
    let symbols = day.symbols as u16;
    let (mut bytes, mut points) = (Vec::new(), Vec::new());
    // Some fifty points are enough: at each of them all that shows is read.
    let mut next = 0;
    let totals: Totals = day
        .write_watched(&mut bytes, &mut |messages, matching| {
            if messages >= next || messages == day.messages {
                let all = (1..=symbols).flat_map(|locate| of_core(matching, locate));
                points.push((messages, digest(all)));
                next = messages + day.messages / 50;
            }
        })
        .unwrap();
    assert!(points.len() as u64 >= (day.messages / 20_000).min(20), "{} points", points.len());
    assert_eq!(points.last().unwrap().0, day.messages);

    let orders = totals.live_peak as usize + 1;
    let instruments = day.symbols as usize + 1;
    let mut books = Books::new(&Limits { orders, levels: orders, instruments });
    let mut points = points.into_iter().peekable();
    for (done, message) in (1..).zip(messages(&bytes)) {
        books.apply(&message);
        while let Some((_, wanted)) = points.next_if(|&(at, _)| at == done) {
            let all = (1..=symbols).flat_map(|locate| of_book(&books, locate));
            assert_eq!(digest(all), wanted, "after {done} messages");
            assert_eq!(wanted.0, books.live_orders());
        }
    }
    assert_eq!(points.next(), None);
    assert_eq!(books.live_orders(), totals.live_at_end);
    let anomalies: Vec<_> = books.anomalies().iter().filter(|(_, count, _)| *count > 0).collect();
    assert!(anomalies.is_empty(), "{anomalies:?}");
    books.verify().unwrap();
    (bytes, books)
}

#[test]
fn the_books_of_a_generated_day_are_the_matching_cores() {
    let day = DaySpec { messages: 400_000, symbols: 300, live: 15_000, seed: 3, crash: None };
    let (bytes, _) = follow(day);
    // What trades in a cross is printed once, and is both sides' shares at most.
    let (mut crossed, mut printed) = (0, 0);
    for message in messages(&bytes) {
        match message.head.kind {
            Kind::EXECUTE_AT => crossed += message.qty.0,
            Kind::CROSS => printed += message.qty.0,
            _ => {}
        }
    }
    assert!(crossed > 0 && crossed <= 2 * printed, "{crossed} of {printed}");
}

#[test]
fn so_are_those_of_a_day_with_a_crash() {
    let plan: CrashPlan = "at=11:00:00,seconds=300,percent=15".parse().unwrap();
    let crash = Some(plan.from_start(DaySpec::START));
    follow(DaySpec { messages: 200_000, symbols: 40, live: 4_000, seed: 4, crash });
}

#[test]
fn so_are_those_of_a_day_whose_messages_mostly_live() {
    follow(DaySpec { messages: 100_000, symbols: 7, live: 49_000, seed: 5, crash: None });
}

#[test]
#[ignore = "takes minutes, and 1.5 GB"]
fn so_are_those_of_a_day_with_1_600_000_orders_alive() {
    let day =
        DaySpec { messages: 20_000_000, symbols: 8_000, live: 1_600_000, seed: 1, crash: None };
    let (_, books) = follow(day);
    assert!(books.live_orders().abs_diff(1_600_000) < 30_000, "{}", books.live_orders());
}
