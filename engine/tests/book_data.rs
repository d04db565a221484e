//! Books over real and synthetic days, against depth and final books that were computed from other sources.

#[path = "itch.rs"]
mod itch;
#[path = "shared.rs"]
mod shared;

use coretick::base::message::Market;
use coretick::base::unit::{InstrumentId, Side};
use coretick::book::{Anomaly, Books, Limits};
use itch::messages;
use shared::data;
use std::fs::File;
use std::path::Path;

const LIMITS: Limits = Limits { orders: 1 << 17, levels: 1 << 17, instruments: 4096 };

/// The messages of a packed file.
fn read(path: &Path) -> Vec<Market> {
    let bytes = zstd::decode_all(File::open(path).unwrap()).unwrap();
    messages(&bytes).collect()
}

/// The ten best levels of a side, as rows of the depth file.
fn depth(books: &Books, after: usize, side: Side) -> impl Iterator<Item = String> {
    let letter = if side.is_buy() { 'B' } else { 'S' };
    let levels = books.levels(InstrumentId(1), side).take(10).enumerate();
    levels.map(move |(at, level)| {
        let (price, qty, orders) = (level.price.to_e4(), level.qty.0, level.orders);
        format!("{after},{letter},{at},{price},{qty},{orders}")
    })
}

/// Runs a day; every snapshot of its depth file must come out, row by row.
fn follow(day: &str) -> Option<Books> {
    let messages = read(&data(&format!("{day}.itch50.zst"))?);
    let wanted = std::fs::read_to_string(data(&format!("{day}.depth.csv"))?).unwrap();
    let rows: Vec<_> = wanted.lines().skip(1).collect();
    let after = |row: &str| row.split(',').next().unwrap().parse::<usize>().unwrap();
    let mut due: Vec<_> = rows.iter().map(|row| after(row)).collect();
    due.dedup();
    assert!(due.len() > 50 && due.last() == Some(&messages.len()));

    let mut books = Books::new(&LIMITS);
    let (mut seen, mut snapshots) = (Vec::new(), 0);
    for (n, m) in messages.iter().enumerate() {
        books.apply(m);
        if due.get(snapshots) == Some(&(n + 1)) {
            snapshots += 1;
            for side in [Side::BUY, Side::SELL] {
                seen.extend(depth(&books, n + 1, side));
            }
        }
    }
    assert_eq!(seen.len(), rows.len());
    for (seen, row) in seen.iter().zip(rows) {
        assert_eq!(seen, row);
    }
    books.verify().unwrap();
    Some(books)
}

/// Each instrument's final book must be that of the truth file.
fn finish(day: &str) -> Option<Books> {
    let messages = read(&data(&format!("{day}.itch50.zst"))?);
    let truth = std::fs::read_to_string(data(&format!("{day}.truth"))?).unwrap();
    let mut books = Books::new(&LIMITS);
    for (n, m) in messages.iter().enumerate() {
        if let Some(later) = messages.get(n + 16) {
            books.hint(later, 0);
            books.hint(&messages[n + 8], 1);
        }
        books.apply(m);
    }
    let mut orders_in_all = 0;
    for row in truth.lines() {
        let wanted: Vec<i64> =
            row.split_whitespace().skip(2).map(|cell| cell.parse().unwrap()).collect();
        let locate = row.split_whitespace().next().unwrap().parse().unwrap();
        let i = InstrumentId(locate);
        let top = books.top(i);
        let sides = [Side::BUY, Side::SELL].map(|side| books.levels(i, side).collect::<Vec<_>>());
        let orders: u64 = sides.iter().flatten().map(|level| u64::from(level.orders)).sum();
        let seen = [
            top.bid.to_e4(),
            top.bid_qty.0 as i64,
            top.ask.to_e4(),
            top.ask_qty.0 as i64,
            sides[0].len() as i64,
            sides[1].len() as i64,
            orders as i64,
        ];
        assert_eq!(seen[..], wanted[..], "{row}");
        orders_in_all += orders;
    }
    assert_eq!((orders_in_all, truth.lines().count() > 400), (books.live_orders(), true));
    books.verify().unwrap();
    Some(books)
}

/// Kinds of anomaly that happened, without crossed and locked: what real venues do.
fn broken(books: &Books) -> Vec<(&'static str, u64)> {
    let real = [Anomaly::Crossed.name(), Anomaly::Locked.name()];
    let counted = books.anomalies().iter().map(|(name, count, _)| (name, count));
    counted.filter(|(name, count)| *count > 0 && !real.contains(name)).collect()
}

#[test]
fn a_real_futures_session_leads_to_the_depth_of_its_source() {
    let Some(books) = follow("es_20231225") else { return };
    assert_eq!(books.live_orders(), 11_217);
    assert_eq!(broken(&books), []);
}

#[test]
fn a_real_hour_of_nasdaq_leads_to_the_depth_of_its_source() {
    let Some(books) = follow("aapl_20120621") else { return };
    assert_eq!(books.live_orders(), 380);
    assert_eq!(broken(&books), [("unknown_reference", 84)]);
}

#[test]
fn every_symbol_of_a_small_synthetic_day_ends_in_its_true_book() {
    let Some(books) = finish("synthetic/syn200k_500sym_seed1") else { return };
    assert_eq!(broken(&books), []);
}

#[test]
fn every_symbol_of_a_synthetic_day_ends_in_its_true_book() {
    let Some(books) = finish("synthetic/syn1m_2000sym_seed7") else { return };
    assert_eq!(broken(&books), []);
}
