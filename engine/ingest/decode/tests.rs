use super::*;
use crate::base::instrument::Symbol;
use crate::wire::itch::*;
use proptest::prelude::*;
use zerocopy::IntoBytes;

const MIDNIGHT: Nanos = Nanos(1_340_251_200_000_000_000);
const NOON: u64 = 43_200_000_000_000;
const LOCATE: u16 = 513;

fn directory(locate: u16, symbol: &str) -> StockDirectory {
    let stock = symbol.parse().unwrap();
    StockDirectory { stock, market_category: b'G', ..StockDirectory::new(locate, NOON) }
}

/// A decoder that knows instrument 0 by `LOCATE`.
fn decoder() -> Decoder {
    let mut decoder = Decoder::new(MIDNIGHT, None, 1);
    assert!(decoder.decode(directory(LOCATE, "ZVZZT").as_bytes(), Seq(1)).is_some());
    decoder
}

/// What a message at noon becomes, from the parts that are not blank.
fn market(kind: Kind) -> Market {
    let (time, cause, instrument) = (MIDNIGHT.plus(Nanos(NOON)), Seq(7), InstrumentId(0));
    let head = Header { time, cause, instrument, kind, ..Header::default() };
    Market { head, ..Market::default() }
}

fn printable(mut market: Market) -> Market {
    market.head.flags = Flags::PRINTABLE;
    market
}

/// Each message the engine uses, with what it becomes.
fn examples() -> Vec<(Vec<u8>, Market)> {
    let (reference, other) = (0x0102_0304_0506_0708, 0x1112_1314_1516_1718);
    let (shares, price) = (400_000_000, 4_000_000_000);
    let (qty, exact) = (Qty(400_000_000), Price(400_000_000_000_000));
    let add = AddOrder {
        order_reference_number: reference.into(),
        buy_sell_indicator: b'S',
        shares: shares.into(),
        price: price.into(),
        ..AddOrder::new(LOCATE, NOON)
    };
    let added = Market { reference, price: exact, qty, side: Side::SELL, ..market(Kind::ADD) };
    let add_mpid = AddOrderMpid {
        order_reference_number: reference.into(),
        buy_sell_indicator: b'B',
        shares: shares.into(),
        price: price.into(),
        ..AddOrderMpid::new(LOCATE, NOON)
    };
    let execution = OrderExecuted {
        order_reference_number: reference.into(),
        executed_shares: shares.into(),
        match_number: other.into(),
        ..OrderExecuted::new(LOCATE, NOON)
    };
    let executed = Market { reference, other, qty, ..printable(market(Kind::EXECUTE)) };
    let execution_at = |printable| OrderExecutedWithPrice {
        order_reference_number: reference.into(),
        executed_shares: shares.into(),
        match_number: other.into(),
        printable,
        execution_price: price.into(),
        ..OrderExecutedWithPrice::new(LOCATE, NOON)
    };
    let executed_at = Market { reference, other, qty, price: exact, ..market(Kind::EXECUTE_AT) };
    let cancel = OrderCancel {
        order_reference_number: reference.into(),
        cancelled_shares: shares.into(),
        ..OrderCancel::new(LOCATE, NOON)
    };
    let delete =
        OrderDelete { order_reference_number: reference.into(), ..OrderDelete::new(LOCATE, NOON) };
    let replace = OrderReplace {
        original_order_reference_number: reference.into(),
        new_order_reference_number: other.into(),
        shares: shares.into(),
        price: price.into(),
        ..OrderReplace::new(LOCATE, NOON)
    };
    let replaced = Market { reference, other, qty, price: exact, ..market(Kind::REPLACE) };
    let trade = TradeNonCross {
        buy_sell_indicator: b'B',
        shares: shares.into(),
        price: price.into(),
        match_number: other.into(),
        ..TradeNonCross::new(LOCATE, NOON)
    };
    let traded = Market { other, qty, price: exact, side: Side::BUY, ..market(Kind::TRADE) };
    let cross = CrossTrade {
        shares: (1 << 40).into(),
        cross_price: price.into(),
        match_number: other.into(),
        cross_type: b'O',
        ..CrossTrade::new(LOCATE, NOON)
    };
    let qty_wide = Qty(1 << 40);
    let crossed = Market { other, qty: qty_wide, price: exact, code: b'O', ..market(Kind::CROSS) };
    let broken = BrokenTrade { match_number: other.into(), ..BrokenTrade::new(LOCATE, NOON) };
    let event = SystemEvent { event_code: b'Q', ..SystemEvent::new(0, NOON) };
    let mut session = Market { code: b'Q', ..market(Kind::SESSION) };
    session.head.instrument = InstrumentId::NONE;
    let action =
        StockTradingAction { trading_state: b'P', ..StockTradingAction::new(LOCATE, NOON) };
    let halt =
        OperationalHalt { operational_halt_action: b'H', ..OperationalHalt::new(LOCATE, NOON) };
    vec![
        (add.as_bytes().into(), added),
        (add_mpid.as_bytes().into(), Market { side: Side::BUY, ..added }),
        (execution.as_bytes().into(), executed),
        (execution_at(b'Y').as_bytes().into(), printable(executed_at)),
        (execution_at(b'N').as_bytes().into(), executed_at),
        (execution_at(b' ').as_bytes().into(), executed_at),
        (cancel.as_bytes().into(), Market { reference, qty, ..market(Kind::CANCEL) }),
        (delete.as_bytes().into(), Market { reference, ..market(Kind::DELETE) }),
        (replace.as_bytes().into(), replaced),
        (trade.as_bytes().into(), traded),
        (cross.as_bytes().into(), crossed),
        (broken.as_bytes().into(), Market { other, ..market(Kind::BROKEN) }),
        (event.as_bytes().into(), session),
        (action.as_bytes().into(), Market { code: b'P', ..market(Kind::TRADING) }),
        (halt.as_bytes().into(), Market { code: b'H', ..market(Kind::HALT) }),
        (
            directory(LOCATE, "ZVZZT").as_bytes().into(),
            Market {
                reference: u64::from_be_bytes(*b"ZVZZT   "),
                other: 1,
                code: b'G',
                ..market(Kind::DIRECTORY)
            },
        ),
    ]
}

#[test]
fn each_message_becomes_what_the_engine_says_for_it() {
    let mut decoder = decoder();
    for (frame, expected) in examples() {
        let kind = char::from(frame[0]);
        assert_eq!(decoder.decode(&frame, Seq(7)), Some(expected), "{kind}");
    }
    assert_eq!((decoder.counts().malformed(), decoder.messages()), (0, 17));
}

#[test]
fn messages_that_no_book_needs_are_counted_and_become_nothing() {
    let mut decoder = decoder();
    for kind in *b"LVWKJINO" {
        let mut frame = [0; LENGTH_MAX];
        frame[0] = kind;
        let frame = &frame[..length(kind).unwrap()];
        assert_eq!(decoder.decode(frame, Seq(2)), None);
        assert_eq!(decoder.counts().by_type[usize::from(kind)], 1);
    }
    assert_eq!(decoder.counts().malformed(), 0);
}

#[test]
fn malformed_frames_are_skipped_and_the_first_of_each_flaw_is_remembered() {
    let mut decoder = decoder();
    let add = AddOrder { buy_sell_indicator: b'b', ..AddOrder::new(LOCATE, NOON) };
    let mpid = AddOrderMpid::new(LOCATE, NOON);
    let trade = TradeNonCross::new(LOCATE, NOON);
    let frames: [&[u8]; 8] =
        [b"Z12", b"A", b"", add.as_bytes(), b"\0", mpid.as_bytes(), trade.as_bytes(), b"z"];
    for frame in frames {
        assert_eq!(decoder.decode(frame, Seq(0)), None);
    }
    let counts = decoder.counts();
    let malformed = |count, message, offset, kind, length| {
        let first = Some(Place { message, file: 0, offset, kind, length });
        Malformed { count, first }
    };
    // The directory message is 41 bytes with its prefix.
    assert_eq!(counts.unknown_type, malformed(3, 2, 41, b'Z', 3));
    assert_eq!(counts.wrong_length, malformed(2, 3, 46, b'A', 1));
    assert_eq!(counts.bad_side, malformed(3, 5, 51, b'A', 36));
    assert_eq!((counts.malformed(), counts.by_type[usize::from(b'A')]), (8, 2));
    let place = counts.bad_side.first.map(|place| place.to_string());
    assert_eq!(place.as_deref(), Some("message 5 at byte 51: type 'A', 36 bytes"));
}

#[test]
fn time_never_steps_back() {
    let mut decoder = decoder();
    let mut time = |nanos| {
        let event = SystemEvent::new(0, nanos);
        decoder.decode(event.as_bytes(), Seq(1)).map(|market| market.head.time.0 - MIDNIGHT.0)
    };
    assert_eq!(time(NOON + 5), Some(NOON + 5));
    assert_eq!(time(NOON + 5), Some(NOON + 5));
    assert_eq!(time(NOON + 4), Some(NOON + 5));
    assert_eq!(time(0), Some(NOON + 5));
    assert_eq!(time(NOON + 6), Some(NOON + 6));
    assert_eq!(decoder.counts().time_backwards, 2);
    let mut last = Decoder::new(Nanos::MAX, None, 1);
    let event = SystemEvent::new(0, NOON);
    let time = last.decode(event.as_bytes(), Seq(1)).map(|market| market.head.time);
    assert_eq!(time, Some(Nanos::MAX));
}

#[test]
fn without_a_table_the_directory_is_the_table() {
    let mut decoder = Decoder::new(MIDNIGHT, None, 2);
    let symbols = ["C", "A", "B"];
    for (locate, symbol) in (10..).zip(symbols) {
        let delete = OrderDelete::new(locate, NOON);
        let before = decoder.decode(delete.as_bytes(), Seq(1)).map(|m| m.head.instrument);
        assert_eq!(before, Some(InstrumentId::NONE));
        decoder.decode(directory(locate, symbol).as_bytes(), Seq(1));
        let after = decoder.decode(delete.as_bytes(), Seq(1)).map(|m| m.head.instrument);
        assert_eq!(after, Some(InstrumentId(u32::from(locate) - 10)));
    }
    let found: Vec<_> =
        decoder.table().iter().map(|(_, it)| (it.symbol.to_string(), it.shard.0)).collect();
    assert_eq!(found, [("C".into(), 0), ("A".into(), 1), ("B".into(), 0)]);
    assert!(decoder.tradable(InstrumentId(2)));
    assert!(!decoder.tradable(InstrumentId(3)) && !decoder.tradable(InstrumentId::NONE));
}

#[test]
fn with_a_table_ids_are_its_own_and_other_symbols_come_after_and_are_not_traded() {
    let text = "symbol,shard\nB,3\nA,9";
    let table = InstrumentTable::parse(text).unwrap();
    let mut decoder = Decoder::new(MIDNIGHT, Some(table), 4);
    for (locate, symbol) in [(1, "X"), (2, "A"), (3, "B")] {
        decoder.decode(directory(locate, symbol).as_bytes(), Seq(1));
    }
    let ids = [1, 2, 3].map(|locate| decoder.instrument(locate).0);
    assert_eq!(ids, [2, 1, 0]);
    let tradable = [0, 1, 2, 3].map(|id| decoder.tradable(InstrumentId(id)));
    assert_eq!(tradable, [true, true, false, false]);
    assert_eq!(decoder.table().get(InstrumentId(1)).map(|it| it.shard), Some(ShardId(9)));
    assert_eq!(decoder.table().get(InstrumentId(2)).map(|it| it.shard), Some(ShardId(2)));
    // Announced again: the same instrument, also under another code.
    decoder.decode(directory(1, "A").as_bytes(), Seq(1));
    assert_eq!((decoder.instrument(1), decoder.table().len()), (InstrumentId(1), 3));
}

#[test]
fn a_full_table_leaves_new_symbols_without_an_instrument() {
    let mut table = InstrumentTable::new();
    for number in 0..InstrumentTable::LEN_MAX as u64 {
        assert!(table.add(Instrument::new(Symbol(number.to_be_bytes()))).is_some());
    }
    let mut decoder = Decoder::new(MIDNIGHT, Some(table), 1);
    let market = decoder.decode(directory(1, "NEW").as_bytes(), Seq(1));
    assert_eq!(market.map(|market| market.head.instrument), Some(InstrumentId::NONE));
    assert_eq!(decoder.counts().table_full, 1);
}

proptest! {
    #[test]
    fn any_frames_are_counted_and_none_panics(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..40),
    ) {
        let mut decoder = Decoder::new(MIDNIGHT, None, 300);
        for frame in &frames {
            decoder.decode(frame, Seq(1));
        }
        prop_assert_eq!(decoder.messages(), frames.len() as u64);
        prop_assert_eq!(decoder.counts().by_type.iter().sum::<u64>(), frames.len() as u64);
    }
}
