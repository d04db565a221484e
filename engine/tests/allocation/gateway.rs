//! A gateway that is logged in: orders out, reports back.

use crate::counted;
use coretick::base::message::{Header, Kind, Market, Report};
use coretick::base::ring::ring;
use coretick::base::stage::Outlet;
use coretick::base::unit::{Nanos, OrderType, Price, Qty, Side, TimeInForce};
use coretick::route::Secret;
use coretick::route::gateway::{Gateway, Odd, Phase, Settings};
use coretick::wire::ouch::{
    AccountQueryResponse, Appendage, OrderAccepted, OrderCanceled, OrderExecuted, Outbound,
};
use coretick::wire::soup::{LoginAccepted, Packet, SessionName, Username};
use std::hint::black_box;

/// The exchange's end of a gateway's connection, without an exchange: `message` in a packet, to where bytes come in.
fn hear(gateway: &mut Gateway, packet: &Packet<'_>) {
    let count = packet.write(gateway.space()).unwrap();
    gateway.filled(count);
}

/// As `hear`, a numbered message.
fn hear_message(gateway: &mut Gateway, message: &Outbound<'_>) {
    let mut bytes = [0; 128];
    let count = message.write(&mut bytes).unwrap();
    hear(gateway, &Packet::Sequenced(&bytes[..count]));
}

#[test]
fn a_gateway_that_is_logged_in_needs_no_allocator() {
    let (username, now) = (Username::new("DESK").unwrap(), Nanos(1));
    let settings = Settings { executions_max: 1 << 14, ..Settings::new(username) };
    let secret = Secret::new("swordfish", "the test").ok().unwrap();
    let mut gateway = Gateway::new(settings, secret, &["ABC".parse().unwrap()], now);
    let (mut back, mut reports) = ring::<Report>(64, 0, 1);
    let session = SessionName::new("S").unwrap();
    gateway.connecting(now);
    gateway.connected(now);
    hear(&mut gateway, &Packet::LoginAccepted(LoginAccepted { session, sequence: 1 }));
    gateway.turn(now, &mut back);
    let answer =
        AccountQueryResponse { next_user_ref_num: 1.into(), ..AccountQueryResponse::BLANK };
    hear_message(&mut gateway, &Outbound::AccountQueryResponse(&answer, Appendage::EMPTY));
    gateway.turn(now, &mut back);
    assert_eq!(gateway.phase(), Phase::Live);

    const ORDERS: u32 = 10_000;
    let mut told = 0;
    let ((), calls) = counted(|| {
        for n in 0..ORDERS {
            let now = Nanos(u64::from(n) * 1_000_000);
            let user_ref_num = gateway.next_reference().into();
            let head = Header { kind: Kind::NEW, ..Header::default() };
            let order = Market {
                head,
                reference: u64::from(n) + 1,
                price: Price::from_e4(100_000),
                qty: Qty(100),
                side: Side::BUY,
                order_type: OrderType::LIMIT,
                tif: TimeInForce::DAY,
                ..Market::default()
            };
            gateway.on_order(&order, now, false, &mut back);
            let accepted =
                OrderAccepted { user_ref_num, quantity: 100.into(), ..OrderAccepted::BLANK };
            hear_message(&mut gateway, &Outbound::OrderAccepted(&accepted, Appendage::EMPTY));
            let fill = OrderExecuted {
                user_ref_num,
                quantity: 40.into(),
                match_number: u64::from(n).into(),
                ..OrderExecuted::BLANK
            };
            hear_message(&mut gateway, &Outbound::OrderExecuted(&fill, Appendage::EMPTY));
            hear(&mut gateway, &Packet::ServerHeartbeat);
            gateway.turn(now, &mut back);
            let head = Header { kind: Kind::CANCEL_ORDER, ..head };
            let cancel = Market { head, reference: 0, other: order.reference, ..order };
            gateway.on_order(&cancel, now, false, &mut back);
            let canceled = OrderCanceled {
                user_ref_num,
                quantity: 60.into(),
                reason: b'U',
                ..OrderCanceled::BLANK
            };
            hear_message(&mut gateway, &Outbound::OrderCanceled(&canceled, Appendage::EMPTY));
            // What nobody can mean is kept without an allocation too.
            hear_message(&mut gateway, &Outbound::OrderCanceled(&canceled, Appendage::EMPTY));
            gateway.turn(now, &mut back);
            let waiting = black_box(gateway.unsent(false)).len();
            gateway.sent(waiting);
            back.flush();
            while reports.peek().is_some() {
                reports.take();
                told += 1;
            }
        }
    });
    let counts = gateway.counts();
    assert_eq!(
        (counts.orders, counts.cancels, told),
        (u64::from(ORDERS), u64::from(ORDERS), 3 * ORDERS)
    );
    assert_eq!(gateway.oddities().count(Odd::Repeated), u64::from(ORDERS));
    assert_eq!(calls, 0, "allocator calls while orders went out and came back");
}
