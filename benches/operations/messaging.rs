//! Messaging: rings, and messages as bytes.

use super::bench;
use super::made::*;
use coretick::base::message::{Kind, Market, Message, Order};
use coretick::base::ring::{Consumer, Producer, ring};
use coretick::base::stage::{Outlet, Sink};
use criterion::Criterion;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use zerocopy::{FromBytes, IntoBytes};

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    rings(criterion);
    bytes(criterion);
}

/// The two ends of a ring.
type Ends<T> = (Producer<T>, Consumer<T>);

/// A ring whose two ends are on one core: putting, and taking in windows.
fn rings(criterion: &mut Criterion) {
    fn pair<T: Message>(criterion: &mut Criterion, what: &str, batch: usize, message: T) {
        let put = |(writer, _): &mut Ends<T>| {
            (0..BATCH).for_each(|_| writer.put(black_box(&message)));
            writer.flush();
        };
        let take = |(_, reader): &mut Ends<T>| {
            let mut count = 0;
            while let Some(message) = reader.peek() {
                black_box(message);
                reader.take();
                count += 1;
            }
            assert_eq!(count, BATCH);
        };
        let open = || ring::<T>(1024, 0, batch);
        bench(criterion, &format!("messaging/put {what}"), open(), put, take);
        let mut full = open();
        put(&mut full);
        bench(criterion, &format!("messaging/take {what}"), full, take, put);
    }
    pair(criterion, "market, 16 at once", 16, market(Kind::ADD, 1, 1));
    pair(criterion, "order, each at once", 1, *Order::approved(&intent(1)));
}

/// A market message with the same fields, for formats that write field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fields {
    time: u64,
    cause: u64,
    instrument: u32,
    kind: u8,
    reference: u64,
    price: i64,
    qty: u64,
    buy: bool,
}

/// A message into bytes and back: the plain struct, bincode, JSON.
fn bytes(criterion: &mut Criterion) {
    let message = market(Kind::ADD, 7, 1 << 40);
    let write = |buffer: &mut [u8; 64]| {
        for _ in 0..BATCH {
            buffer.copy_from_slice(black_box(&message).as_bytes());
            black_box(&buffer);
        }
    };
    bench(criterion, "messaging/plain struct into bytes", [0; 64], write, |_| ());
    let mut written = [0; 64];
    written.copy_from_slice(message.as_bytes());
    let read = |bytes: &mut [u8; 64]| {
        for _ in 0..BATCH {
            let read = Market::ref_from_bytes(black_box(&bytes[..]));
            black_box(read.map_or(0, |message| message.reference));
        }
    };
    bench(criterion, "messaging/plain struct out of bytes", written, read, |_| ());

    let fields = Fields {
        time: 34_200_000_000_000,
        cause: 1_000_000,
        instrument: 7,
        kind: 1,
        reference: 1 << 40,
        price: 1_500_000_000,
        qty: 100,
        buy: true,
    };
    let config = bincode::config::standard();
    let write = |buffer: &mut [u8; 128]| {
        for _ in 0..BATCH {
            let count = bincode::serde::encode_into_slice(black_box(&fields), buffer, config);
            black_box(count.expect("it fits"));
        }
    };
    bench(criterion, "messaging/bincode into bytes", [0; 128], write, |_| ());
    let mut written = [0; 128];
    bincode::serde::encode_into_slice(&fields, &mut written, config).expect("it fits");
    let read = |bytes: &mut [u8; 128]| {
        for _ in 0..BATCH {
            let read = bincode::serde::decode_from_slice::<Fields, _>(black_box(bytes), config);
            black_box(read.expect("it was written").0);
        }
    };
    bench(criterion, "messaging/bincode out of bytes", written, read, |_| ());

    let write = |buffer: &mut Vec<u8>| {
        for _ in 0..BATCH {
            buffer.clear();
            serde_json::to_writer(&mut *buffer, black_box(&fields)).expect("it is written");
            black_box(&buffer);
        }
    };
    bench(criterion, "messaging/JSON into bytes", Vec::with_capacity(256), write, |_| ());
    let written = serde_json::to_vec(&fields).expect("it is written");
    let read = |bytes: &mut Vec<u8>| {
        for _ in 0..BATCH {
            let read = serde_json::from_slice::<Fields>(black_box(bytes));
            black_box(read.expect("it was written"));
        }
    };
    bench(criterion, "messaging/JSON out of bytes", written, read, |_| ());
}
