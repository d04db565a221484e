//! Market data: packets, arbitration, messages.

use super::bench;
use super::made::*;
use coretick::base::message::Market;
use coretick::base::unit::{Nanos, Seq};
use coretick::ingest::arbiter::{Arbiter, Offer};
use coretick::ingest::decode::Decoder;
use coretick::wire::itch::{
    AddOrder, OrderDelete, OrderExecuted, OrderReplace, StockDirectory, code,
};
use coretick::wire::mold::{Builder, Packet, Session};
use criterion::Criterion;
use std::hint::black_box;
use zerocopy::IntoBytes;

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    packets(criterion);
    decode(criterion);
}

/// Frames into messages: adds, deletes, executions and replaces, each kind alone.
fn decode(criterion: &mut Criterion) {
    const TIME: u64 = 34_200_000_000_000;
    let frames = |frame: &dyn Fn(u16, u64) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..BATCH).map(|at| frame(at as u16 + 1, u64::from(at) + 1)).collect()
    };
    let kinds = [
        frames(&|locate, reference| {
            let add = AddOrder {
                order_reference_number: reference.into(),
                buy_sell_indicator: [code::side::BUY, code::side::SELL][reference as usize % 2],
                shares: 100.into(),
                price: 1_500_000.into(),
                ..AddOrder::new(locate, TIME)
            };
            add.as_bytes().to_vec()
        }),
        frames(&|locate, reference| {
            let order_reference_number = reference.into();
            OrderDelete { order_reference_number, ..OrderDelete::new(locate, TIME) }
                .as_bytes()
                .to_vec()
        }),
        frames(&|locate, reference| {
            let execution = OrderExecuted {
                order_reference_number: reference.into(),
                executed_shares: 100.into(),
                match_number: reference.into(),
                ..OrderExecuted::new(locate, TIME)
            };
            execution.as_bytes().to_vec()
        }),
        frames(&|locate, reference| {
            let replace = OrderReplace {
                original_order_reference_number: reference.into(),
                new_order_reference_number: (reference + FREE).into(),
                shares: 100.into(),
                price: 1_500_000.into(),
                ..OrderReplace::new(locate, TIME)
            };
            replace.as_bytes().to_vec()
        }),
    ];
    for (name, frames) in ["A add", "D delete", "E execute", "U replace"].iter().zip(kinds) {
        let mut decoder = Decoder::new(Nanos(0), None, 1);
        for locate in 1..=BATCH as u16 {
            let mut directory = StockDirectory::new(locate, TIME);
            directory.stock.0[..2].copy_from_slice(&locate.to_be_bytes());
            assert!(decoder.decode(directory.as_bytes(), Seq(1)).is_some());
        }
        // Written one behind another, as ingest does.
        let state = (decoder, [Market::default(); 64]);
        let work = |(decoder, window): &mut (Decoder, [Market; 64])| {
            for (at, frame) in frames.iter().enumerate() {
                let place = &mut window[at % 64];
                let decoded = decoder.decode_into(black_box(frame), Seq(at as u64), place);
                debug_assert!(decoded, "the frame is good");
                black_box(place);
            }
        };
        bench(criterion, &format!("market data/decode {name}"), state, work, |_| ());
    }
}

/// Packets of 20 messages, each taken apart; and by two lines, put in order.
fn packets(criterion: &mut Criterion) {
    const MESSAGES: u64 = 20;
    let session = Session(*b"BENCH     ");
    let packet = |at: u64| {
        let mut packet = Builder::new([0; 1_472], session, 1 + at * MESSAGES);
        for reference in 0..MESSAGES {
            let delete = OrderDelete {
                order_reference_number: (1 + at * MESSAGES + reference).into(),
                ..OrderDelete::new(1, 0)
            };
            assert!(packet.push(delete.as_bytes()));
        }
        packet.bytes().to_vec()
    };
    let packets: Vec<Vec<u8>> = (0..u64::from(BATCH)).map(packet).collect();
    let parse = |_: &mut ()| {
        for bytes in &packets {
            let packet = Packet::parse(black_box(bytes));
            black_box(packet.map_or(0, |packet| packet.messages().map(|it| it.len()).sum()));
        }
    };
    bench(criterion, "market data/packet of 20 messages, taken apart", (), parse, |_| ());
    let parsed: Vec<_> = packets.iter().map(|it| Packet::parse(it).expect("a packet")).collect();
    let offer = |arbiter: &mut Arbiter| {
        for packet in &parsed {
            let due = arbiter.offer(black_box(packet));
            debug_assert!(matches!(due, Offer::Due { .. }));
            black_box((due, arbiter.release().is_some(), arbiter.offer(packet)));
        }
    };
    let arbiter = || Arbiter::new(64, 1_472);
    let name = "market data/packet by lines A and B, in order";
    bench(criterion, name, arbiter(), offer, |it| *it = arbiter());
}
