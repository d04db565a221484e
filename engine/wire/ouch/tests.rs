//! Promises that hold for all messages at once, and the edges of the appendage.

use super::*;
use crate::base::testing::skipped;
use proptest::prelude::*;

/// Longer than any fixed part and what may stand directly behind it.
const LONG: usize = 66 + 2 + 8;

/// What parsing gives, whichever the direction: what is written again, or the error.
fn parse(inbound: bool, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    if inbound {
        Inbound::parse(bytes)?.append(&mut out);
    } else {
        Outbound::parse(bytes)?.append(&mut out);
    }
    Ok(out)
}

/// What a message of this shape and `found` bytes is, if the appendage says that it has `stated` bytes.
fn expected(layout: Layout, bytes: &[u8], stated: usize) -> Result<Vec<u8>, Error> {
    let (kind, length, found) = (layout.kind, layout.length, bytes.len());
    let wrong = |expected| Err(Error::WrongLength { kind, expected, found });
    match layout.presence {
        Presence::Never if found != length => wrong(length),
        Presence::Always if found < length + 2 => wrong(length + 2),
        Presence::Optional if found < length => wrong(length),
        Presence::Optional if found == length + 1 => wrong(length + 2),
        _ if found < length + 2 => Ok(bytes.to_vec()),
        _ if found - length - 2 != stated => {
            Err(Error::WrongAppendage { kind, stated, found: found - length - 2 })
        }
        Presence::Optional if stated == 0 => Ok(bytes[..length].to_vec()),
        _ => Ok(bytes.to_vec()),
    }
}

#[test]
fn every_length_of_every_type_gives_its_exact_error() {
    let mut right = 0;
    for (inbound, layouts) in [(true, Inbound::LAYOUTS), (false, Outbound::LAYOUTS)] {
        for kind in 0..=u8::MAX {
            for (found, stated) in (1..=LONG).flat_map(|found| (0..=8).map(move |n| (found, n))) {
                let mut shapes = layouts.iter().filter(|layout| layout.kind == kind);
                let legacy = shapes.clone().find(|layout| layout.length == 31 && found == 31);
                let mut bytes = vec![0x5a; found];
                bytes[0] = kind;
                let expected = match legacy.or(shapes.next_back()) {
                    None => Err(Error::UnknownType { kind }),
                    Some(&layout) => {
                        if let Some(prefix) = bytes.get_mut(layout.length..layout.length + 2) {
                            prefix.copy_from_slice(&(stated as u16).to_be_bytes());
                        }
                        expected(layout, &bytes, stated)
                    }
                };
                right += usize::from(expected.is_ok());
                assert_eq!(parse(inbound, &bytes), expected);
            }
        }
        assert_eq!(parse(inbound, &[]), Err(Error::Empty));
    }
    // For each of 9 stated lengths: 3 messages that fit only one length; 12 that may end early and then fit again, and
    // 12 that fit once.
    assert_eq!(right, 9 * 3 + 12 * (9 + 9) + 12 * 9);
}

#[test]
fn a_self_match_cancel_of_31_and_of_32_bytes_are_both_read() {
    let bytes = [b'D'; 34];
    assert!(matches!(
        Outbound::parse(&bytes[..31]),
        Ok(Outbound::AiqCanceledLegacy(m, Appendage::EMPTY)) if m.liquidity_flag == b'D'
    ));
    assert!(matches!(
        Outbound::parse(&bytes[..32]),
        Ok(Outbound::AiqCanceled(m, Appendage::EMPTY)) if m.aiq_strategy == b'D'
    ));
    let error = Error::WrongLength { kind: b'D', expected: 32, found: 30 };
    assert_eq!(Outbound::parse(&bytes[..30]), Err(error));
}

#[test]
fn every_message_of_the_exchange_says_when_where_the_others_do() {
    for (layout, fields) in Outbound::FIELDS {
        assert_eq!(fields[1], ("timestamp", 1, 8), "{layout:?}");
        let mut bytes = vec![0; layout.length];
        bytes[0] = layout.kind;
        bytes[1..9].copy_from_slice(&0x0102_0304_0506_0708_u64.to_be_bytes());
        if layout.presence == Presence::Always {
            bytes.extend([0, 0]);
        }
        assert_eq!(Outbound::parse(&bytes).unwrap().timestamp(), 0x0102_0304_0506_0708);
    }
}

#[test]
fn a_blank_message_has_its_type_zeros_and_spaces() {
    let cancel = OrderCanceled { quantity: 5.into(), ..OrderCanceled::BLANK };
    let mut out = [0xee; 18];
    let written = Outbound::OrderCanceled(&cancel, Appendage::EMPTY).write(&mut out);
    assert_eq!((written, &out), (Ok(18), b"C\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05 "));
    let mass = Inbound::MassCancelRequest(&MassCancelRequest::BLANK, Appendage::EMPTY);
    let mut out = Vec::new();
    mass.append(&mut out);
    assert_eq!(out, b"C\0\0\0\0            \0\0");
}

#[test]
fn a_buffer_too_small_is_refused_and_left_as_it_was() {
    let order = Inbound::EnterOrder(&EnterOrder::BLANK, Appendage::EMPTY);
    let mut out = [0xee; 46];
    assert_eq!(order.write(&mut out), Err(NoRoom { needed: 47, room: 46 }));
    assert_eq!(out, [0xee; 46]);
}

#[test]
fn errors_say_what_was_there_and_what_should_be() {
    let text = |bytes: &[u8]| parse(true, bytes).map_err(|error| error.to_string());
    assert_eq!(text(b""), Err("no bytes where an OUCH message should be".into()));
    assert_eq!(text(b"?"), Err("no OUCH 5.0 message of this direction has type '?'".into()));
    assert_eq!(text(b"X123"), Err("OUCH message 'X' wants 9 bytes, not 4".into()));
    let cancel = b"X12345678\0\x05123";
    let expected = "OUCH message 'X' has 3 bytes of options but says 5";
    assert_eq!(text(cancel), Err(expected.into()));
    for (error, text) in [
        (TagError::Zero { offset: 3 }, "the option at 3 has no tag"),
        (
            TagError::Cut { offset: 1, expected: 9, found: 2 },
            "the option at 1 wants 9 bytes, 2 are left",
        ),
        (
            TagError::WrongLength { tag: 2, offset: 0, expected: 4, found: 3 },
            "option 2 at 0 has a value of 4 bytes, not 3",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

fn options(bytes: &[u8]) -> Vec<Result<TagValue, TagError>> {
    Appendage::new(bytes).options().collect()
}

#[test]
fn every_option_has_its_bytes() {
    let vectors: &[(TagValue, &[u8])] = &[
        (TagValue::SecondaryOrdRefNum(0x0102_0304_0506_0708), &[9, 1, 1, 2, 3, 4, 5, 6, 7, 8]),
        (TagValue::Firm(*b"NITE"), b"\x05\x02NITE"),
        (TagValue::MinQty(0x0102_0304), &[5, 3, 1, 2, 3, 4]),
        (TagValue::CustomerType(code::customer::RETAIL), b"\x02\x04R"),
        (TagValue::MaxFloor(100), &[5, 5, 0, 0, 0, 100]),
        (TagValue::PriceType(code::price_type::MIDPOINT), b"\x02\x06m"),
        (TagValue::PegOffset(WireOffset(-2)), &[5, 7, 0xff, 0xff, 0xff, 0xfe]),
        (TagValue::DiscretionPrice(WirePrice::MARKET), &[9, 9, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
        (TagValue::DiscretionPriceType(b'L'), &[2, 10, b'L']),
        (TagValue::DiscretionPegOffset(WireOffset(258)), &[5, 11, 0, 0, 1, 2]),
        (TagValue::PostOnly(code::post_only::YES), &[2, 12, b'P']),
        (TagValue::RandomReserves(7), &[5, 13, 0, 0, 0, 7]),
        (TagValue::Route(*b"SCAN"), &[5, 14, b'S', b'C', b'A', b'N']),
        (TagValue::ExpireTime(86_399), &[5, 15, 0, 1, 0x51, 0x7f]),
        (TagValue::TradeNow(b'Y'), &[2, 16, b'Y']),
        (TagValue::HandleInst(b'I'), &[2, 17, b'I']),
        (TagValue::BboWeightIndicator(b'3'), &[2, 18, b'3']),
        (
            TagValue::ReferencePrice(WirePrice::from_e4(0x1_0000_0000)),
            &[9, 19, 0, 0, 0, 1, 0, 0, 0, 0],
        ),
        (TagValue::ReferencePriceType(b'x'), &[2, 20, b'x']),
        (TagValue::DisplayQuantity(9), &[5, 22, 0, 0, 0, 9]),
        (TagValue::DisplayPrice(WirePrice::from_e4(3)), &[9, 23, 0, 0, 0, 0, 0, 0, 0, 3]),
        (TagValue::GroupID(0x0102), &[3, 24, 1, 2]),
        (TagValue::SharesLocated(b'Y'), &[2, 25, b'Y']),
        (TagValue::LocateBroker(*b"ABCD"), &[5, 26, b'A', b'B', b'C', b'D']),
        (TagValue::Side(code::side::SELL_SHORT), &[2, 27, b'T']),
        (TagValue::UserRefIdx(200), &[2, 28, 200]),
        (TagValue::AiqStrategy(code::aiq::ORG_NEWEST), &[2, 29, b'w']),
        (TagValue::AiqGroupID(*b"G1"), &[3, 30, b'G', b'1']),
    ];
    let mut builder = AppendageBuilder::new();
    for (option, bytes) in vectors {
        assert_eq!(options(bytes), [Ok(*option)]);
        builder.push(*option).unwrap();
    }
    let all: Vec<u8> = vectors.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    assert_eq!(builder.appendage().as_bytes(), all, "each once fills the buffer");
    assert_eq!(all.len(), AppendageBuilder::CAPACITY);
    assert_eq!(vectors.len(), TAGS.len());
    assert_eq!(builder.push(TagValue::PostOnly(b'P')), Err(AppendageFull));
    assert_eq!(options(&all), vectors.iter().map(|(option, _)| Ok(*option)).collect::<Vec<_>>());
}

#[test]
fn an_unknown_tag_is_passed_over_by_its_length() {
    let good = Ok(TagValue::PostOnly(b'P'));
    for unknown in [&[1, 99][..], &[2, 0, 1], &[3, 8, 1, 2], &[4, 21, 2, 12, b'N'], &[1, 31]] {
        assert_eq!(options(&[&[2, 12, b'P'], unknown, &[2, 12, b'P']].concat()), [good, good]);
        assert_eq!(options(unknown), []);
    }
    let longest = [&[255, 200][..], &[7; 254], &[2, 12, b'P']].concat();
    assert_eq!(options(&longest), [good]);
}

#[test]
fn a_known_tag_of_any_other_length_is_an_error_that_ends_the_options() {
    for &(tag, expected, name) in TAGS {
        for found in (0..=12).filter(|found| *found != expected) {
            let mut bytes = vec![2, 12, b'P', 1 + found as u8, tag];
            bytes.resize(bytes.len() + found, 0);
            bytes.extend([2, 12, b'P']);
            let error = TagError::WrongLength { tag, offset: 3, expected, found };
            assert_eq!(options(&bytes), [Ok(TagValue::PostOnly(b'P')), Err(error)], "{name}");
        }
    }
}

#[test]
fn an_option_without_a_tag_or_beyond_the_end_is_an_error() {
    assert_eq!(options(&[0]), [Err(TagError::Zero { offset: 0 })]);
    let good = Ok(TagValue::UserRefIdx(1));
    assert_eq!(
        options(&[2, 28, 1, 0, 2, 28, 1]),
        [good, Err(TagError::Zero { offset: 3 })],
        "nothing after it is believed"
    );
    for found in 0..5 {
        let bytes = [2, 28, 1, 5, 3, 1, 2, 3, 4];
        let cut = TagError::Cut { offset: 3, expected: 5, found };
        assert_eq!(options(&bytes[..4 + found]), [good, Err(cut)]);
    }
    assert_eq!(options(&[255, 99]), [Err(TagError::Cut { offset: 0, expected: 255, found: 1 })]);
}

#[test]
fn the_default_channel_is_not_written() {
    let mut builder = AppendageBuilder::new();
    builder.push(TagValue::UserRefIdx(0)).unwrap();
    assert!(builder.appendage().is_empty());
    let fixed = CancelOrder { user_ref_num: 1.into(), ..CancelOrder::BLANK };
    let mut out = Vec::new();
    Inbound::CancelOrder(&fixed, builder.appendage()).append(&mut out);
    assert_eq!(out, b"X\0\0\0\x01\0\0\0\0");
    builder.push(TagValue::UserRefIdx(3)).unwrap();
    out.clear();
    Inbound::CancelOrder(&fixed, builder.appendage()).append(&mut out);
    assert_eq!(out, b"X\0\0\0\x01\0\0\0\0\0\x03\x02\x1c\x03");
    builder.clear();
    assert!(builder.appendage().is_empty());
}

/// The columns of a table; notes, which may hold commas, stay quoted in the last of `columns`.
fn table(name: &str, columns: usize) -> Option<Vec<Vec<String>>> {
    let path = format!("{}/../shared/specs/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(table) = std::fs::read_to_string(&path) else {
        skipped(&format!("{path} is not there"));
        return None;
    };
    let columns = |line: &str| line.splitn(columns, ',').map(str::to_owned).collect();
    Some(table.lines().skip(1).map(columns).collect())
}

#[test]
fn the_structs_and_options_are_the_field_table() {
    let Some(table) = table("ouch50.csv", 10) else { return };
    // The first column names the protocol.
    let table: Vec<&[String]> = table.iter().map(|row| &row[1..]).collect();
    let number = |text: &str| text.parse::<usize>().unwrap();
    for (direction, fields) in
        [("client->server", Inbound::FIELDS), ("server->client", Outbound::FIELDS)]
    {
        let mut rows = table.iter().filter(|row| row[0] == direction).peekable();
        for (layout, fields) in fields.iter().filter(|(layout, _)| layout.length != 31) {
            for &(name, offset, size) in *fields {
                let row = rows.next().unwrap();
                assert_eq!((row[1].as_bytes()[0], &row[4][..]), (layout.kind, name));
                assert_eq!((number(&row[5]), number(&row[6])), (offset, size), "{row:?}");
                assert_eq!(number(row[3].trim_end_matches('+')), layout.length, "{row:?}");
            }
            let presence = match rows.next_if(|row| row[4] == "appendage_length") {
                None => Presence::Never,
                Some(row) if row[8].contains("ALWAYS") => Presence::Always,
                Some(row) => {
                    assert!(row[8].contains("may be absent"), "{row:?}");
                    Presence::Optional
                }
            };
            assert_eq!(layout.presence, presence, "{layout:?}");
            rows.next_if(|row| row[4] == "appendage");
        }
        assert_eq!(rows.next(), None);
    }
    let mut rows = table.iter().filter(|row| row[0] == "option");
    for &(tag, size, name) in TAGS {
        let row = rows.next().unwrap();
        assert_eq!((&row[1][..], &row[2][..]), (&format!("tag {tag}")[..], name));
        assert_eq!((number(&row[3]), number(&row[6])), (2 + size, size));
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn the_legacy_self_match_cancel_is_the_table_s_without_its_last_field() {
    let fields = |length| {
        let mut all = Outbound::FIELDS.iter();
        all.find(|(l, _)| l.kind == b'D' && l.length == length).unwrap().1
    };
    assert_eq!(fields(31), &fields(32)[..fields(31).len()]);
    assert_eq!(fields(32).len(), fields(31).len() + 1);
}

#[test]
fn the_reject_reasons_are_the_table() {
    let Some(table) = table("ouch50_reject_reasons.csv", 4) else { return };
    for row in &table {
        assert_eq!(code::reject::name(row[1].parse().unwrap()), Some(&row[2][..]));
        assert_eq!(u16::from_str_radix(&row[0][2..], 16), row[1].parse());
    }
    let known = (0..=u16::MAX).filter(|&reason| code::reject::name(reason).is_some()).count();
    assert_eq!(known, table.len());
    assert_eq!((code::reject::HALTED, code::reject::INVALID_PRICE), (7, 29));
}

/// Options that can be pushed together: any known tag, any value.
fn any_options() -> impl Strategy<Value = Vec<(usize, [u8; 8])>> {
    prop::collection::vec((0..TAGS.len(), any::<[u8; 8]>()), 0..12)
}

proptest! {
    #[test]
    fn a_message_of_any_type_comes_back_as_its_bytes(
        inbound in any::<bool>(),
        which in any::<prop::sample::Index>(),
        mut bytes in any::<[[u8; 32]; 3]>().prop_map(|bytes| bytes.concat()),
        picked in any_options(),
    ) {
        let layouts = if inbound { Inbound::LAYOUTS } else { Outbound::LAYOUTS };
        let layout = which.get(layouts);
        bytes.truncate(layout.length);
        bytes[0] = layout.kind;
        let mut written = Vec::new();
        for (index, value) in picked {
            let (tag, size, _) = TAGS[index];
            written.extend([1 + size as u8, tag]);
            written.extend(&value[..size]);
        }
        if layout.presence == Presence::Always
            || layout.presence == Presence::Optional && !written.is_empty()
        {
            bytes.extend((written.len() as u16).to_be_bytes());
            bytes.extend(&written);
        }
        prop_assert_eq!(parse(inbound, &bytes), Ok(bytes));
    }

    #[test]
    fn options_come_back_as_they_were_pushed(picked in any_options()) {
        let mut builder = AppendageBuilder::new();
        let mut pushed = Vec::new();
        for (index, value) in picked {
            let (tag, size, _) = TAGS[index];
            let bytes = [&[1 + size as u8, tag], &value[..size]].concat();
            let option = options(&bytes)[0].unwrap();
            prop_assert_eq!((option.tag(), option.size()), (tag, size));
            let fits = builder.appendage().as_bytes().len() + bytes.len()
                <= AppendageBuilder::CAPACITY;
            let absent = option == TagValue::UserRefIdx(0);
            prop_assert_eq!(builder.push(option).is_ok(), fits || absent);
            if fits && !absent {
                pushed.push(Ok(option));
            }
        }
        prop_assert_eq!(options(builder.appendage().as_bytes()), pushed);
    }

    #[test]
    fn any_bytes_are_options_or_an_error_within_them(
        bytes in prop::collection::vec(prop_oneof![0..32_u8, any::<u8>()], 0..80),
    ) {
        let found = options(&bytes);
        let errors = found.iter().filter(|option| option.is_err()).count();
        prop_assert!(errors <= 1);
        if let Some(Err(error)) = found.last() {
            let (TagError::Zero { offset }
            | TagError::Cut { offset, .. }
            | TagError::WrongLength { offset, .. }) = *error;
            prop_assert!(offset < bytes.len());
            prop_assert_eq!(options(&bytes[..offset]).len(), found.len() - 1);
        }
    }
}
