//! Promises that hold for all messages at once.

use super::*;
use crate::base::testing::skipped;
use proptest::prelude::*;

const HEAD: [(&str, usize, usize); 4] = [
    ("message_type", std::mem::offset_of!(Head, message_type), 1),
    ("stock_locate", std::mem::offset_of!(Head, stock_locate), 2),
    ("tracking_number", std::mem::offset_of!(Head, tracking_number), 2),
    ("timestamp", std::mem::offset_of!(Head, timestamp), 6),
];

#[test]
fn every_length_of_every_type_gives_its_exact_error() {
    for kind in 0..=u8::MAX {
        for found in 1..=LENGTH_MAX + 1 {
            let mut bytes = [0x5a; LENGTH_MAX + 1];
            bytes[0] = kind;
            let expected = match length(kind) {
                None => Err(Error::UnknownType { kind }),
                Some(expected) if expected != found => {
                    Err(Error::WrongLength { kind, expected, found })
                }
                Some(_) => Ok(&bytes[..found]),
            };
            assert_eq!(parse(&bytes[..found]).map(|message| message.as_bytes()), expected);
        }
    }
    assert_eq!(parse(&[]), Err(Error::Empty));
}

#[test]
fn there_are_23_types_and_no_others() {
    assert_eq!(KINDS, *b"SRHYLVWKJhAFECXDUPQBINO");
    assert_eq!((0..=u8::MAX).filter(|&kind| length(kind).is_some()).count(), 23);
    assert_eq!(KINDS.iter().filter_map(|&kind| length(kind)).max(), Some(LENGTH_MAX));
}

#[test]
fn a_new_message_is_blank_but_for_its_head() {
    let order = AddOrder::new(0x0102, 0x0a0b_0c0d_0e0f);
    let mut bytes =
        *b"A\x01\x02\0\0\x0a\x0b\x0c\x0d\x0e\x0f\0\0\0\0\0\0\0\0 \0\0\0\0        \0\0\0\0";
    assert_eq!(order.as_bytes(), bytes);
    bytes[19] = b'B';
    let order = AddOrder { buy_sell_indicator: code::side::BUY, ..order };
    assert_eq!(parse(&bytes), Ok(Message::AddOrder(&order)));
}

#[test]
fn errors_say_what_was_there_and_what_should_be() {
    let text = |bytes: &[u8]| parse(bytes).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(text(b"D123"), Err("ITCH message 'D' has 19 bytes, not 4".into()));
    assert_eq!(text(b"\xff"), Err("no ITCH 5.0 message has type '\\xff'".into()));
    assert_eq!(text(b""), Err("no bytes where an ITCH message should be".into()));
}

#[test]
fn the_structs_are_the_field_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/specs/itch50.csv");
    let Ok(table) = std::fs::read_to_string(path) else {
        skipped(&format!("{path} is not there"));
        return;
    };
    let mut expected = Vec::new();
    for line in table.lines().skip(1) {
        // The notes, which may hold commas, come after the columns that count.
        let columns: Vec<_> = line.splitn(9, ',').collect();
        let number = |column: usize| columns[column].parse::<usize>().unwrap();
        let kind = columns[2].as_bytes()[0];
        expected.push((kind, number(4), columns[5].to_owned(), number(6), number(7)));
    }
    let mut found = Vec::new();
    for &(kind, length, fields) in LAYOUT {
        for &(name, offset, size) in HEAD.iter().chain(fields) {
            found.push((kind, length, name.to_owned(), offset, size));
        }
    }
    assert_eq!(found.len(), 191, "rows of the table when this was written");
    assert_eq!(found, expected);
}

/// Read the big-endian number of `size` bytes at `offset`: apart from the structs.
fn number(bytes: &[u8], offset: usize, size: usize) -> u64 {
    bytes[offset..offset + size].iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

proptest! {
    #[test]
    fn a_message_of_any_type_comes_back_as_its_bytes(
        which in 0..KINDS.len(),
        mut bytes in any::<[u8; LENGTH_MAX]>(),
    ) {
        bytes[0] = KINDS[which];
        let bytes = &bytes[..length(bytes[0]).unwrap()];
        let message = parse(bytes).unwrap();
        prop_assert_eq!(message.as_bytes(), bytes);
        prop_assert!(std::ptr::eq(message.as_bytes(), bytes), "viewed, not copied");
        let head = message.head();
        prop_assert_eq!(u64::from(head.stock_locate.get()), number(bytes, 1, 2));
        prop_assert_eq!(u64::from(head.tracking_number.get()), number(bytes, 3, 2));
        prop_assert_eq!(head.timestamp.nanos(), number(bytes, 5, 6));
        prop_assert_eq!(frame_time(bytes), number(bytes, 5, 6));
    }

    #[test]
    fn written_orders_are_read_as_written(
        (locate, time, reference) in (any::<u16>(), 0..1u64 << 48, any::<u64>()),
        (shares, price, other) in any::<(u32, u32, u64)>(),
        stock in any::<[u8; 8]>().prop_map(Stock),
    ) {
        let add = AddOrder {
            order_reference_number: reference.into(),
            buy_sell_indicator: code::side::SELL,
            shares: shares.into(),
            stock,
            price: price.into(),
            ..AddOrder::new(locate, time)
        };
        let bytes = add.as_bytes();
        prop_assert_eq!(number(bytes, 11, 8), reference);
        prop_assert_eq!(number(bytes, 20, 4), u64::from(shares));
        prop_assert_eq!(&bytes[24..32], &stock.0);
        prop_assert_eq!(number(bytes, 32, 4), u64::from(price));
        prop_assert_eq!(frame_time(bytes), time);
        let replace = OrderReplace {
            original_order_reference_number: reference.into(),
            new_order_reference_number: other.into(),
            shares: shares.into(),
            price: price.into(),
            ..OrderReplace::new(locate, time)
        };
        let bytes = replace.as_bytes();
        prop_assert_eq!((number(bytes, 11, 8), number(bytes, 19, 8)), (reference, other));
        prop_assert_eq!(parse(bytes), Ok(Message::OrderReplace(&replace)));
    }

    #[test]
    fn a_timestamp_keeps_48_bits(nanos in any::<u64>()) {
        prop_assert_eq!(Timestamp::from_nanos(nanos).nanos(), nanos & 0xffff_ffff_ffff);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(message) = parse(&bytes) {
            prop_assert_eq!(message.as_bytes(), &bytes[..]);
        }
        frame_time(&bytes);
    }
}
