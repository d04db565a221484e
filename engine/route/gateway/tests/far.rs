//! A scripted exchange: one account, OUCH over SoupBinTCP, and a list of what the engine should hear of each order.

use super::{Brief, NAME, PASSWORD, USER};
use crate::base::message::Kind;
use crate::base::unit::{Nanos, OrderId, Price};
use crate::route::gateway::name::order_of;
use crate::wire::ouch::code::{order_state, reject, time_in_force};
use crate::wire::ouch::*;
use crate::wire::soup::{
    Due, LoginAccepted, LoginRequest, Packet, Reader, ServerEvent, ServerSession, ServerState,
};
use std::collections::BTreeMap;

/// Shares of an order that the exchange rejects, and of one that it lets die at once.
pub(in crate::route) const REJECTED: u64 = 13;
pub(in crate::route) const DEAD: u64 = 17;
/// A price at which a replace is no good: its order is cancelled.
pub(in crate::route) const BAD_PRICE: Price = Price(66_660_000_000);

/// A live order.
#[derive(Clone, Copy)]
pub(in crate::route) struct FarOrder {
    pub(in crate::route) name: OrderId,
    side: u8,
    symbol: Symbol,
    pub(in crate::route) open: u32,
    executed: u32,
}

struct Link {
    reader: Reader,
    session: ServerSession,
    out: Vec<u8>,
}

/// The exchange. Its day survives connections.
#[derive(Default)]
pub(in crate::route) struct Far {
    pub(in crate::route) stream: Vec<Vec<u8>>,
    pub(in crate::route) last: u32,
    /// Live orders by reference.
    pub(in crate::route) orders: BTreeMap<u32, FarOrder>,
    /// All references that were ever used up by an order, and whose it was.
    pub(in crate::route) entered: BTreeMap<u32, OrderId>,
    /// What the engine should hear of each order.
    pub(in crate::route) told: BTreeMap<u64, Vec<Brief>>,
    pub(in crate::route) matches: u64,
    link: Option<Link>,
    pub(in crate::route) logins: Vec<(Nanos, LoginRequest)>,
    /// Logins are refused so.
    pub(in crate::route) refuse: Option<u8>,
    /// Says nothing of its own accord.
    pub(in crate::route) silent: bool,
    /// Does not answer account queries.
    pub(in crate::route) dumb: bool,
    /// Messages of the client, by type byte.
    pub(in crate::route) heard: Vec<u8>,
    pub(in crate::route) logged_out: bool,
    /// Answers logins with this place in the stream.
    pub(in crate::route) elsewhere: Option<u64>,
    /// Does no mass cancels.
    pub(in crate::route) no_mass_cancel: bool,
}

impl Far {
    pub(in crate::route) fn connect(&mut self, now: Nanos) {
        let reader = Reader::new(Reader::CAPACITY);
        self.link = Some(Link { reader, session: ServerSession::new(now), out: Vec::new() });
    }

    pub(in crate::route) fn disconnect(&mut self) {
        self.link = None;
    }

    /// Whether it wants the connection closed.
    pub(in crate::route) fn is_done(&self) -> bool {
        self.link.as_ref().is_some_and(|link| {
            matches!(link.session.state(), ServerState::Closed(_)) && link.out.is_empty()
        })
    }

    pub(in crate::route) fn say(&mut self, message: &Outbound<'_>) {
        let mut bytes = Vec::new();
        message.append(&mut bytes);
        self.stream.push(bytes);
    }

    fn expect(&mut self, order: OrderId, brief: Brief) {
        self.told.entry(order.0).or_default().push(brief);
    }

    /// Bytes from the client.
    pub(in crate::route) fn receive(&mut self, mut bytes: &[u8], now: Nanos) {
        while let Some(link) = &mut self.link {
            let taken = link.reader.append(bytes);
            bytes = &bytes[taken..];
            let Ok(Some(frame)) = link.reader.next_frame() else { return };
            let packet = Packet::parse(frame).expect("the gateway writes packets");
            match link.session.on_packet(&packet, now).expect("the gateway keeps the protocol") {
                ServerEvent::Nothing => {}
                ServerEvent::Login(request) => self.login(request, now),
                ServerEvent::Message(message) => {
                    let message = message.to_vec();
                    self.message(&message);
                }
                ServerEvent::Logout => self.logged_out = true,
            }
        }
    }

    fn login(&mut self, request: LoginRequest, now: Nanos) {
        self.logins.push((now, request));
        assert!(request.username == USER);
        assert!(request.session.is_blank() || request.session == NAME);
        let next = self.stream.len() as u64 + 1;
        let sequence = if request.sequence == 0 { next } else { request.sequence.min(next) };
        let sequence = self.elsewhere.unwrap_or(sequence);
        let answer = match self.refuse {
            Some(reason) => Packet::LoginRejected(reason),
            None if request.password.trimmed() != PASSWORD.as_bytes() => {
                Packet::LoginRejected(b'A')
            }
            None => Packet::LoginAccepted(LoginAccepted { session: NAME, sequence }),
        };
        self.send(&answer, now);
    }

    fn send(&mut self, packet: &Packet<'_>, now: Nanos) {
        if let Some(link) = &mut self.link {
            packet.append(&mut link.out).unwrap();
            link.session.on_sent(packet, now);
        }
    }

    pub(in crate::route) fn end_session(&mut self, now: Nanos) {
        self.send(&Packet::EndOfSession, now);
    }

    /// What goes to the client.
    pub(in crate::route) fn out(&mut self, now: Nanos) -> Vec<u8> {
        while let Some(link) = &mut self.link
            && link.session.state() == ServerState::LoggedIn
            && let Some(message) = self.stream.get(link.session.next_sequence() as usize - 1)
        {
            let packet = Packet::Sequenced(message);
            packet.append(&mut link.out).unwrap();
            link.session.on_sent(&packet, now);
        }
        if !self.silent
            && let Some(link) = &self.link
            && link.session.poll(now) == Due::Heartbeat
        {
            self.send(&Packet::ServerHeartbeat, now);
        }
        self.link.as_mut().map(|link| std::mem::take(&mut link.out)).unwrap_or_default()
    }

    fn message(&mut self, bytes: &[u8]) {
        self.heard.push(bytes[0]);
        match Inbound::parse(bytes).expect("the gateway writes messages") {
            Inbound::EnterOrder(enter, _) => self.enter(enter),
            Inbound::ReplaceOrder(replace, _) => self.replace(replace),
            Inbound::CancelOrder(cancel, _) => {
                let (reference, left) = (cancel.user_ref_num.get(), cancel.quantity.get());
                if let Some(open) = self.orders.get(&reference).map(|order| order.open)
                    && left < open
                {
                    self.cancel(reference, open - left, b'U');
                }
            }
            Inbound::MassCancelRequest(request, _) => self.mass_cancel(request),
            Inbound::AccountQueryRequest(..) if self.dumb => {}
            Inbound::AccountQueryRequest(..) => {
                let next_user_ref_num = (self.last + 1).into();
                let answer =
                    AccountQueryResponse { next_user_ref_num, ..AccountQueryResponse::BLANK };
                self.say(&Outbound::AccountQueryResponse(&answer, Appendage::EMPTY));
            }
            other => panic!("the gateway never says '{}'", other.kind() as char),
        }
    }

    fn mass_cancel(&mut self, request: &MassCancelRequest) {
        let reference = request.user_ref_num.get();
        if reference <= self.last {
            return;
        }
        self.last = reference;
        if self.no_mass_cancel {
            return self.reject(reference, reject::OTHER, [b' '; 14]);
        }
        let answer =
            MassCancelResponse { user_ref_num: reference.into(), ..MassCancelResponse::BLANK };
        self.say(&Outbound::MassCancelResponse(&answer, Appendage::EMPTY));
        self.cancel_all(b'U');
    }

    fn enter(&mut self, enter: &EnterOrder) {
        let reference = enter.user_ref_num.get();
        if reference <= self.last {
            return;
        }
        self.last = reference;
        let name = order_of(&enter.clordid).expect("every order has its name");
        assert!(self.entered.insert(reference, name).is_none(), "a reference used twice");
        let qty = u64::from(enter.quantity.get());
        let brief = Brief { kind: Kind::ACCEPTED, order: name.0, ..Brief::default() };
        if qty == REJECTED {
            self.reject(reference, reject::HALTED, enter.clordid);
            return self.expect(name, Brief { kind: Kind::REJECTED, code: 4000, ..brief });
        }
        let dead = qty == DEAD;
        let accepted = OrderAccepted {
            user_ref_num: enter.user_ref_num,
            side: enter.side,
            quantity: enter.quantity,
            symbol: enter.symbol,
            price: enter.price,
            time_in_force: enter.time_in_force,
            order_state: if dead { order_state::DEAD } else { order_state::LIVE },
            clordid: enter.clordid,
            ..OrderAccepted::BLANK
        };
        self.say(&Outbound::OrderAccepted(&accepted, Appendage::EMPTY));
        self.expect(name, Brief { qty, leaves: qty, ..brief });
        if dead {
            let code = if enter.time_in_force == time_in_force::IOC { 0 } else { 4008 };
            return self.expect(name, Brief { kind: Kind::CANCELED, qty, code, ..brief });
        }
        let (side, symbol, open) = (enter.side, enter.symbol, enter.quantity.get());
        self.orders.insert(reference, FarOrder { name, side, symbol, open, executed: 0 });
    }

    fn replace(&mut self, replace: &ReplaceOrder) {
        let (reference, orig) = (replace.user_ref_num.get(), replace.orig_user_ref_num.get());
        if reference <= self.last {
            return;
        }
        let name = order_of(&replace.clordid).expect("every order has its name");
        let late = Brief { kind: Kind::TOO_LATE, order: name.0, ..Brief::default() };
        // Ignored: the engine knows by itself that it came too late.
        let Some(old) = self.orders.get(&orig).copied() else {
            let target = self.entered[&orig].0;
            return self.expect(name, Brief { target, code: 4002, ..late });
        };
        let late = Brief { target: old.name.0, ..late };
        let total = replace.quantity.get();
        if replace.price.to_price() == Ok(BAD_PRICE) || total <= old.executed {
            self.cancel(orig, old.open, b'U');
            return self.expect(name, Brief { code: 4002, ..late });
        }
        self.last = reference;
        assert!(self.entered.insert(reference, name).is_none(), "a reference used twice");
        if u64::from(total) == REJECTED {
            self.reject(reference, reject::RISK_FAT_FINGER, replace.clordid);
            return self.expect(name, Brief { code: 4007, ..late });
        }
        self.orders.remove(&orig);
        let open = total - old.executed;
        let replaced = OrderReplaced {
            orig_user_ref_num: orig.into(),
            user_ref_num: reference.into(),
            side: old.side,
            quantity: open.into(),
            symbol: old.symbol,
            price: replace.price,
            order_state: order_state::LIVE,
            clordid: replace.clordid,
            ..OrderReplaced::BLANK
        };
        self.say(&Outbound::OrderReplaced(&replaced, Appendage::EMPTY));
        let qty = u64::from(open);
        self.expect(name, Brief { kind: Kind::REPLACED, qty, leaves: qty, ..late });
        self.orders.insert(reference, FarOrder { name, open, ..old });
    }

    pub(in crate::route) fn reject(&mut self, reference: u32, reason: u16, clordid: ClOrdId) {
        let (user_ref_num, reason) = (reference.into(), reason.into());
        let reject = Rejected { user_ref_num, reason, clordid, ..Rejected::BLANK };
        self.say(&Outbound::Rejected(&reject, Appendage::EMPTY));
    }

    /// Some of an order trades. Returns the match.
    pub(in crate::route) fn execute(&mut self, reference: u32, shares: u32, cents: u64) -> u64 {
        let Some(order) = self.orders.get_mut(&reference) else { return 0 };
        self.matches += 1;
        let match_number = self.matches;
        let shares = shares.min(order.open);
        (order.open, order.executed) = (order.open - shares, order.executed + shares);
        let FarOrder { name, open, .. } = *order;
        if open == 0 {
            self.orders.remove(&reference);
        }
        let executed = OrderExecuted {
            user_ref_num: reference.into(),
            quantity: shares.into(),
            price: WirePrice::from_e4(cents * 100),
            liquidity_flag: b'A',
            match_number: match_number.into(),
            ..OrderExecuted::BLANK
        };
        self.say(&Outbound::OrderExecuted(&executed, Appendage::EMPTY));
        let (qty, leaves, price) = (u64::from(shares), u64::from(open), cents as i64 * 10_000_000);
        let brief = Brief { kind: Kind::FILLED, order: name.0, ..Brief::default() };
        self.expect(name, Brief { price, qty, leaves, ..brief });
        match_number
    }

    /// Some of an order is cancelled.
    pub(in crate::route) fn cancel(&mut self, reference: u32, shares: u32, reason: u8) {
        let Some(order) = self.orders.get_mut(&reference) else { return };
        let shares = shares.min(order.open);
        order.open -= shares;
        let FarOrder { name, open, .. } = *order;
        if open == 0 {
            self.orders.remove(&reference);
        }
        let canceled = OrderCanceled {
            user_ref_num: reference.into(),
            quantity: shares.into(),
            reason,
            ..OrderCanceled::BLANK
        };
        self.say(&Outbound::OrderCanceled(&canceled, Appendage::EMPTY));
        let code = match reason {
            b'U' => 0,
            b'T' => 4004,
            b'Q' => 4009,
            _ => 4008,
        };
        let (qty, leaves) = (u64::from(shares), u64::from(open));
        let brief = Brief { kind: Kind::CANCELED, order: name.0, ..Brief::default() };
        self.expect(name, Brief { qty, leaves, code, ..brief });
    }

    pub(in crate::route) fn cancel_all(&mut self, reason: u8) {
        let live: Vec<_> =
            self.orders.iter().map(|(number, order)| (*number, order.open)).collect();
        for (reference, open) in live {
            self.cancel(reference, open, reason);
        }
    }

    /// A trade is void.
    pub(in crate::route) fn break_trade(&mut self, reference: u32, match_number: u64) {
        let broken = BrokenTrade {
            user_ref_num: reference.into(),
            match_number: match_number.into(),
            reason: b'S',
            ..BrokenTrade::BLANK
        };
        self.say(&Outbound::BrokenTrade(&broken, Appendage::EMPTY));
    }

    /// The reference of a live order; 0 if it is none.
    pub(in crate::route) fn reference(&self, name: u64) -> u32 {
        let found = self.orders.iter().find(|(_, order)| order.name.0 == name);
        found.map_or(0, |(reference, _)| *reference)
    }
}
