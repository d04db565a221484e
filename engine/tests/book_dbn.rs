//! One real session twice: from its source, read by the vendor's own library, and from the ITCH file written of it.
//!
//! Nothing but the flow is common to both ways: the source names an order alike for all its life and tells its new state,
//! ITCH tells what was taken and names a replaced order anew. Both must lead to the same queues at every price.

#[path = "itch.rs"]
mod itch;
#[path = "shared.rs"]
mod shared;

use coretick::base::message::{Header, Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Seq, Side};
use coretick::book::{Anomaly, Books, LevelView, Limits};
use dbn::MboMsg;
use dbn::decode::{DbnDecoder, DecodeRecord};
use dbn::enums::Action;
use itch::messages;
use shared::data;

const LIMITS: Limits = Limits { orders: 1 << 15, levels: 1 << 15, instruments: 2 };
/// The ITCH file's locate code; the source has this one instrument alone.
const ES: InstrumentId = InstrumentId(1);

/// What a record says to the books as they are; `None` if it does not touch them.
///
/// A modification that only takes quantity away keeps the order's place, as the exchange rules; any other puts it at
/// the end of the queue, under the same name.
fn message(record: &MboMsg, books: &Books) -> Option<Market> {
    let order = books.order(record.order_id);
    let open = order.map_or(Qty(0), |order| order.qty);
    let (price, size) = (Price(record.price), Qty(u64::from(record.size)));
    let (kind, qty) = match record.action().unwrap() {
        Action::Add => (Kind::ADD, size),
        Action::Cancel if size >= open => (Kind::DELETE, Qty(0)),
        Action::Cancel => (Kind::CANCEL, size),
        Action::Modify if order.is_none_or(|order| order.price != price) || size > open => {
            (Kind::REPLACE, size)
        }
        Action::Modify => (Kind::CANCEL, Qty(open.0 - size.0)),
        Action::Trade | Action::Fill | Action::None => return None,
        Action::Clear => panic!("no book is cleared in this session"),
    };
    let cause = Seq(u64::from(record.sequence));
    let head = Header { kind, instrument: ES, cause, ..Header::default() };
    let side = match record.side().unwrap() {
        dbn::enums::Side::Bid => Side::BUY,
        _ => Side::SELL,
    };
    let (reference, other) = (record.order_id, record.order_id);
    Some(Market { head, reference, other, price, qty, side, ..Market::default() })
}

/// A level with the quantities in its queue, first to trade first.
fn queues(books: &Books, side: Side) -> Vec<(LevelView, Vec<Qty>)> {
    let queue = |level: &LevelView| books.orders(ES, side, level.price).map(|order| order.qty);
    books.levels(ES, side).map(|level| (level, queue(&level).collect())).collect()
}

#[test]
fn a_real_futures_session_ends_in_the_same_queues_from_its_source_and_from_itch() {
    let Some(source) = data("../dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else { return };
    let bytes = zstd::decode_all(std::fs::File::open(source).unwrap()).unwrap();
    let records: Vec<MboMsg> = DbnDecoder::new(&bytes[..]).unwrap().decode_records().unwrap();
    assert_eq!(records.len(), 68_792);
    let mut books = Books::new(&LIMITS);
    let mut touched = 0;
    for record in &records {
        if let Some(m) = message(record, &books) {
            // A modification that changes nothing is no message of a book's.
            assert!(books.apply(&m).applied, "{record:?}");
            touched += 1;
        }
    }
    assert_eq!(touched, 29_216 + 17_999 + 12_233);
    books.verify().unwrap();

    let mut others = Books::new(&LIMITS);
    let packed = std::fs::File::open(data("es_20231225.itch50.zst").unwrap()).unwrap();
    for m in messages(&zstd::decode_all(packed).unwrap()) {
        others.apply(&m);
    }
    assert_eq!((books.live_orders(), others.live_orders()), (11_217, 11_217));
    assert_eq!(books.top(ES), others.top(ES));
    for side in [Side::BUY, Side::SELL] {
        let (one, two) = (queues(&books, side), queues(&others, side));
        assert!(one.len() > 100, "{} levels", one.len());
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one, two);
        }
        assert_eq!(one.len(), two.len());
    }
    let sane = |kind: &&Anomaly| !matches!(kind, Anomaly::Crossed | Anomaly::Locked);
    let broken = Anomaly::ALL.iter().filter(sane).map(|&kind| books.anomalies().count(kind));
    assert_eq!(broken.sum::<u64>(), 0);
}
