//! The few fields of ITCH that a book needs, read independently of the engine's own decoder.

use coretick::base::message::{Flags, Header, Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Seq, Side};

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// A message's book fields; the locate code is the instrument.
fn decode(b: &[u8], sequence: u64) -> Market {
    let kind = match b[0] {
        b'S' => Kind::SESSION,
        b'R' => Kind::DIRECTORY,
        b'H' => Kind::TRADING,
        b'h' => Kind::HALT,
        b'A' | b'F' => Kind::ADD,
        b'E' => Kind::EXECUTE,
        b'C' => Kind::EXECUTE_AT,
        b'X' => Kind::CANCEL,
        b'D' => Kind::DELETE,
        b'U' => Kind::REPLACE,
        b'P' => Kind::TRADE,
        b'Q' => Kind::CROSS,
        _ => Kind(255),
    };
    let instrument = InstrumentId(number(&b[1..3]) as u32);
    let head = Header { kind, instrument, cause: Seq(sequence), ..Header::default() };
    let mut m = Market { head, ..Market::default() };
    let price = |at: usize| Price::from_e4(number(&b[at..at + 4]) as u32);
    let qty = |at: usize| Qty(number(&b[at..at + 4]));
    let side = |at: usize| if b[at] == b'B' { Side::BUY } else { Side::SELL };
    if matches!(b[0], b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U' | b'P') {
        m.reference = number(&b[11..19]);
    }
    match b[0] {
        b'S' => {
            m.head.instrument = InstrumentId::NONE;
            m.code = b[11];
        }
        b'H' => m.code = b[19],
        b'h' => m.code = b[20],
        b'A' | b'F' | b'P' => (m.side, m.qty, m.price) = (side(19), qty(20), price(32)),
        b'E' | b'X' => m.qty = qty(19),
        b'C' => {
            (m.qty, m.price) = (qty(19), price(32));
            m.head.flags = if b[31] == b'Y' { Flags::PRINTABLE } else { Flags(0) };
        }
        b'U' => (m.other, m.qty, m.price) = (number(&b[19..27]), qty(27), price(31)),
        b'Q' => (m.qty, m.price) = (Qty(number(&b[11..19])), price(27)),
        _ => {}
    }
    m
}

/// The messages of a file's bytes.
pub(crate) fn messages(bytes: &[u8]) -> impl Iterator<Item = Market> {
    let mut rest = bytes;
    (1..).map_while(move |sequence| {
        let (length, tail) = rest.split_at_checked(2)?;
        let (message, tail) = tail.split_at(number(length) as usize);
        rest = tail;
        Some(decode(message, sequence))
    })
}
