//! A gateway before an exchange that says whatever it likes, on connections that break: it never panics, never writes a
//! reference twice, and never tells the end of an order that came to nothing more than once.
#![no_main]

use coretick::base::instrument::Symbol;
use coretick::base::message::{Header, Kind, Market, Report};
use coretick::base::ring::ring;
use coretick::base::stage::Outlet;
use coretick::base::unit::{InstrumentId, Nanos, OrderType, Price, Qty, Side, TimeInForce};
use coretick::route::Secret;
use coretick::route::gateway::{Gateway, Settings};
use coretick::wire::ouch::Inbound;
use coretick::wire::soup::{LoginAccepted, Packet, SessionName, Username};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

/// As much of `bytes` as its first byte says, and the rest.
fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len().min(usize::from(length)))
}

fn hear(gateway: &mut Gateway, bytes: &[u8]) {
    let space = gateway.space();
    let count = bytes.len().min(space.len());
    space[..count].copy_from_slice(&bytes[..count]);
    gateway.filled(count);
}

fn say(gateway: &mut Gateway, packet: Packet<'_>) {
    let mut bytes = Vec::new();
    packet.append(&mut bytes).expect("a short packet");
    hear(gateway, &bytes);
}

fuzz_target!(|bytes: &[u8]| {
    let username = Username::new("DESK").expect("a name");
    let settings = Settings {
        orders_max: 16,
        executions_max: 16,
        send_bytes: 600,
        send_bytes_for_cancels: 200,
        ..Settings::new(username)
    };
    let secret = Secret::new("swordfish", "here").unwrap_or_else(|_| unreachable!());
    let symbol: Symbol = "ABC".parse().expect("a symbol");
    let mut now = Nanos(0);
    let mut gateway = Gateway::new(settings, secret, &[symbol], now);
    let (mut back, mut reports) = ring::<Report>(64, 0, 1);
    let (mut names, mut connected) = (0, false);
    let (mut references, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = bytes;
    while let Some((&what, after)) = rest.split_first() {
        rest = after;
        if !connected && gateway.wants_connection(now) {
            gateway.connecting(now);
            gateway.connected(now);
            connected = true;
        }
        let number = rest.first().copied().unwrap_or(0);
        match what % 8 {
            kind @ 0..=2 => {
                let kind = [Kind::NEW, Kind::REPLACE_ORDER, Kind::CANCEL_ORDER][usize::from(kind)];
                names += 1;
                let message = Market {
                    head: Header { kind, instrument: InstrumentId(0), ..Header::default() },
                    reference: names,
                    other: u64::from(number),
                    price: Price::from_e4(u32::from(what) * 100),
                    qty: Qty(u64::from(number)),
                    side: Side(1 + what % 2),
                    order_type: OrderType::LIMIT,
                    tif: TimeInForce::DAY,
                    ..Market::default()
                };
                gateway.on_order(&message, now, what == 255, &mut back);
            }
            3 => {
                let (message, after) = cut(rest);
                rest = after;
                say(&mut gateway, Packet::Sequenced(message));
            }
            4 => {
                let (raw, after) = cut(rest);
                rest = after;
                hear(&mut gateway, raw);
            }
            5 => {
                let session = SessionName::new("S").expect("a name");
                let sequence = u64::from(number);
                say(&mut gateway, Packet::LoginAccepted(LoginAccepted { session, sequence }));
            }
            6 => now = now.plus(Nanos(u64::from(number) * 100_000_000)),
            _ if connected && number < 20 => {
                gateway.closed(now);
                connected = false;
            }
            _ => gateway.stop(now.plus(Nanos(u64::from(number) * 1_000_000_000))),
        }
        gateway.turn(now, &mut back);
        if connected && gateway.wants_close() {
            gateway.closed(now);
            connected = false;
        }
        let unsent = gateway.unsent(what == 255).to_vec();
        // All, or only the first half of it: then whole packets are looked at when they are whole.
        if what < 128 {
            written(&unsent, &mut references);
            gateway.sent(unsent.len());
        }
        back.flush();
        while let Some(report) = reports.peek() {
            let name = report.order.0;
            if matches!(report.head.kind, Kind::REJECTED | Kind::TOO_LATE) && name != 0 {
                assert!(ended.insert(name), "the end of {name} twice");
            }
            reports.take();
        }
    }
});

/// References of orders that were written.
fn written(mut bytes: &[u8], references: &mut BTreeSet<u32>) {
    while let Some((prefix, rest)) = bytes.split_first_chunk() {
        let (frame, rest) = rest.split_at(usize::from(u16::from_be_bytes(*prefix)));
        bytes = rest;
        let reference = match Packet::parse(frame).expect("a packet") {
            Packet::Unsequenced(message) => match Inbound::parse(message).expect("a message") {
                Inbound::EnterOrder(enter, _) => enter.user_ref_num.get(),
                Inbound::ReplaceOrder(replace, _) => replace.user_ref_num.get(),
                Inbound::MassCancelRequest(request, _) => request.user_ref_num.get(),
                _ => continue,
            },
            _ => continue,
        };
        assert!(references.last().is_none_or(|last| *last < reference), "{reference} is not new");
        references.insert(reference);
    }
}
