//! An exchange of order entry and matching core, clients that write bytes, and what they are told as short text.

use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::*;
use crate::exchange::order_entry::{Account, OrderEntry, OrderEntryConfig};
use crate::exchange::unit::{Locate, Participant, Price4};
use crate::wire::ouch::*;
use crate::wire::soup::{
    self, LoginAccepted, LoginRequest, Packet, Password, SessionName, Username,
};

/// A participant that is no client.
pub(in crate::exchange) const STRANGER: Participant = Participant(99);
pub(in crate::exchange) const SECOND: u64 = 1_000_000_000;

pub(in crate::exchange) fn account(user: &str, participant: u32) -> Account {
    let (user, password) = (Username::new(user).unwrap(), Password::new("secret").unwrap());
    Account::new(user, password, *b"FIRM", Participant(participant))
}

pub(in crate::exchange) fn config() -> OrderEntryConfig {
    let symbols = vec!["AAA".parse().unwrap(), "BBB".parse().unwrap()];
    let mut config = OrderEntryConfig::new(vec![account("ALPHA", 1), account("BETA", 2)], symbols);
    (config.orders, config.messages, config.connections) = (1_000, 16, 4);
    config
}

/// The exchange. Everything happens at `now`.
pub(in crate::exchange) struct Exchange {
    pub(in crate::exchange) entry: OrderEntry,
    pub(in crate::exchange) core: Matching,
    pub(in crate::exchange) now: Nanos,
    token: u64,
}

impl Exchange {
    pub(in crate::exchange) fn new(config: OrderEntryConfig) -> Self {
        let limits = Limits { symbols: 2, orders: 1_000, levels: 1_000, participants: 8 };
        let mut it = Self {
            entry: OrderEntry::new(config),
            core: Matching::new(&limits),
            now: Nanos(1_000),
            token: 0,
        };
        for locate in [Locate(1), Locate(2)] {
            it.apply(&Command::SetPhase { locate, phase: Phase::Open });
        }
        it
    }

    pub(in crate::exchange) fn apply(&mut self, command: &Command) {
        self.entry.begin(command, self.now);
        self.core.apply(command, &mut |event| self.entry.on(&event));
        self.entry.end();
    }

    pub(in crate::exchange) fn drain(&mut self) {
        while let Some(command) = self.entry.next(self.now) {
            self.apply(&command);
        }
    }

    pub(in crate::exchange) fn receive(&mut self, id: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.entry.received(id, bytes)..];
            self.drain();
        }
    }

    pub(in crate::exchange) fn close(&mut self, id: usize) {
        self.entry.closed(id);
        self.drain();
    }

    /// Time goes on by so much.
    pub(in crate::exchange) fn pass(&mut self, nanos: u64) {
        self.now = self.now.plus(Nanos(nanos));
        self.entry.due(self.now);
        self.drain();
    }

    /// All that a connection is sent now.
    pub(in crate::exchange) fn take(&mut self, id: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let unsent = self.entry.unsent(id, self.now).to_vec();
            if unsent.is_empty() {
                return bytes;
            }
            bytes.extend_from_slice(&unsent);
            self.entry.sent(id, unsent.len(), self.now);
        }
    }

    /// As `take`, as text.
    pub(in crate::exchange) fn told(&mut self, id: usize) -> Vec<String> {
        packets(&self.take(id))
    }

    /// Connects and logs in, and takes the answer to the login.
    pub(in crate::exchange) fn login(&mut self, id: usize, user: &str) {
        assert!(self.entry.connected(id, self.now));
        self.receive(id, &login(user, "secret", "", 0));
        assert!(self.told(id)[0].starts_with("accepted"));
    }

    /// A stranger's order.
    pub(in crate::exchange) fn stranger(
        &mut self,
        side: Side,
        price: u32,
        shares: u32,
        lasts: Lasts,
    ) {
        self.token += 1;
        let limit = Some(Price4(price));
        let terms =
            Terms { limit, shares, lasts, display: Display::Full, post_only: false, minimum: 0 };
        self.apply(&Command::Enter(Enter {
            locate: Locate(1),
            participant: STRANGER,
            token: self.token,
            side,
            terms,
            session: CrossSession::Continuous,
            self_match: SelfMatch::Allow,
        }));
    }

    /// Says messages on a connection and gives what it is told.
    pub(in crate::exchange) fn say(&mut self, id: usize, messages: &[Vec<u8>]) -> Vec<String> {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| unsequenced(message)).collect();
        self.receive(id, &bytes);
        self.told(id)
    }
}

pub(in crate::exchange) fn packet(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.append(&mut bytes).unwrap();
    bytes
}

pub(in crate::exchange) fn unsequenced(message: &[u8]) -> Vec<u8> {
    packet(&Packet::Unsequenced(message))
}

pub(in crate::exchange) fn login(
    user: &str,
    password: &str,
    session: &str,
    sequence: u64,
) -> Vec<u8> {
    packet(&Packet::LoginRequest(LoginRequest {
        username: Username::new(user).unwrap(),
        password: Password::new(password).unwrap(),
        session: SessionName::new(session).unwrap(),
        sequence,
        heartbeat_timeout_ms: None,
    }))
}

/// A buy or sell of AAA, as changed, with options.
pub(in crate::exchange) fn enter_with(
    user_ref: u32,
    change: impl FnOnce(&mut EnterOrder),
    options: &[TagValue],
) -> Vec<u8> {
    let mut order = EnterOrder {
        user_ref_num: user_ref.into(),
        side: code::side::BUY,
        quantity: 100.into(),
        symbol: "AAA".parse().unwrap(),
        price: WirePrice::from_e4(100_000),
        time_in_force: code::time_in_force::DAY,
        display: code::display::VISIBLE,
        capacity: code::capacity::PRINCIPAL,
        intermarket_sweep_eligibility: code::flag::NO,
        cross_type: code::cross::CONTINUOUS,
        clordid: *b"MY ORDER      ",
        ..EnterOrder::BLANK
    };
    change(&mut order);
    bytes(options, |appendage, out| {
        Inbound::EnterOrder(&order, appendage).append(out);
    })
}

pub(in crate::exchange) fn enter(user_ref: u32, side: u8, shares: u32, price: u64) -> Vec<u8> {
    let change = |order: &mut EnterOrder| {
        (order.side, order.quantity) = (side, shares.into());
        order.price = WirePrice::from_e4(price);
    };
    enter_with(user_ref, change, &[])
}

pub(in crate::exchange) fn replace_with(
    orig: u32,
    user_ref: u32,
    change: impl FnOnce(&mut ReplaceOrder),
    options: &[TagValue],
) -> Vec<u8> {
    let mut replace = ReplaceOrder {
        orig_user_ref_num: orig.into(),
        user_ref_num: user_ref.into(),
        quantity: 100.into(),
        price: WirePrice::from_e4(100_000),
        time_in_force: code::time_in_force::DAY,
        display: code::display::VISIBLE,
        intermarket_sweep_eligibility: code::flag::NO,
        ..ReplaceOrder::BLANK
    };
    change(&mut replace);
    bytes(options, |appendage, out| {
        Inbound::ReplaceOrder(&replace, appendage).append(out);
    })
}

pub(in crate::exchange) fn replace(orig: u32, user_ref: u32, shares: u32, price: u64) -> Vec<u8> {
    let change = |it: &mut ReplaceOrder| {
        (it.quantity, it.price) = (shares.into(), WirePrice::from_e4(price));
    };
    replace_with(orig, user_ref, change, &[])
}

pub(in crate::exchange) fn cancel(user_ref: u32, shares: u32) -> Vec<u8> {
    let it = CancelOrder {
        user_ref_num: user_ref.into(),
        quantity: shares.into(),
        ..CancelOrder::BLANK
    };
    let mut out = Vec::new();
    Inbound::CancelOrder(&it, Appendage::EMPTY).append(&mut out);
    out
}

pub(in crate::exchange) fn modify(user_ref: u32, side: u8, shares: u32) -> Vec<u8> {
    let (user_ref_num, quantity) = (user_ref.into(), shares.into());
    let it = ModifyOrder { user_ref_num, side, quantity, ..ModifyOrder::BLANK };
    let mut out = Vec::new();
    Inbound::ModifyOrder(&it, Appendage::EMPTY).append(&mut out);
    out
}

pub(in crate::exchange) fn mass_cancel(
    user_ref: u32,
    symbol: Symbol,
    options: &[TagValue],
) -> Vec<u8> {
    let it =
        MassCancelRequest { user_ref_num: user_ref.into(), symbol, ..MassCancelRequest::BLANK };
    bytes(options, |appendage, out| {
        Inbound::MassCancelRequest(&it, appendage).append(out);
    })
}

pub(in crate::exchange) fn switch(user_ref: u32, disable: bool, firm: Firm) -> Vec<u8> {
    let mut out = Vec::new();
    let user_ref_num = user_ref.into();
    if disable {
        let it = DisableOrderEntryRequest { user_ref_num, firm, ..DisableOrderEntryRequest::BLANK };
        Inbound::DisableOrderEntryRequest(&it, Appendage::EMPTY).append(&mut out);
    } else {
        let it = EnableOrderEntryRequest { user_ref_num, firm, ..EnableOrderEntryRequest::BLANK };
        Inbound::EnableOrderEntryRequest(&it, Appendage::EMPTY).append(&mut out);
    }
    out
}

pub(in crate::exchange) fn query(channel: u8) -> Vec<u8> {
    let it = AccountQueryRequest::BLANK;
    let options = [TagValue::UserRefIdx(channel)];
    bytes(&options, |appendage, out| {
        Inbound::AccountQueryRequest(&it, appendage).append(out);
    })
}

fn bytes(options: &[TagValue], write: impl Fn(Appendage<'_>, &mut Vec<u8>)) -> Vec<u8> {
    let (mut builder, mut out) = (AppendageBuilder::new(), Vec::new());
    options.iter().for_each(|option| builder.push(*option).unwrap());
    write(builder.appendage(), &mut out);
    out
}

/// Packets from the exchange as text, one each.
pub(in crate::exchange) fn packets(bytes: &[u8]) -> Vec<String> {
    let mut reader = soup::Reader::new(soup::Reader::CAPACITY);
    let (mut bytes, mut found) = (bytes, Vec::new());
    while !bytes.is_empty() {
        bytes = &bytes[reader.append(bytes)..];
        while let Some(frame) = reader.next_frame().unwrap() {
            found.push(match Packet::parse(frame).unwrap() {
                Packet::Sequenced(message) => answer(message),
                Packet::LoginAccepted(LoginAccepted { session, sequence }) => {
                    format!("accepted {} {sequence}", session.trimmed().escape_ascii())
                }
                Packet::LoginRejected(reason) => format!("rejected {}", reason as char),
                other => (other.kind() as char).to_string(),
            });
        }
    }
    assert_eq!(reader.pending(), 0, "packets are sent whole");
    found
}

/// An OUCH message from the exchange as text.
fn answer(message: &[u8]) -> String {
    let parsed = Outbound::parse(message).unwrap();
    let options: Vec<_> = parsed.appendage().options().map(Result::unwrap).collect();
    let options = match &options[..] {
        [] => String::new(),
        options => format!(" {options:?}"),
    };
    let c = |byte: u8| byte as char;
    let text = match parsed {
        Outbound::SystemEvent(it, _) => format!("S {}", c(it.event_code)),
        Outbound::OrderAccepted(it, _) => {
            format!("A {} {} {}", it.user_ref_num, c(it.order_state), it.quantity)
        }
        Outbound::OrderReplaced(it, _) => {
            let (old, new) = (it.orig_user_ref_num, it.user_ref_num);
            format!("U {old}>{new} {} {}", c(it.order_state), it.quantity)
        }
        Outbound::OrderCanceled(it, _) => {
            format!("C {} -{} {}", it.user_ref_num, it.quantity, c(it.reason))
        }
        Outbound::AiqCanceled(it, _) => format!(
            "D {} -{} {} {}@{} {}{}",
            it.user_ref_num,
            it.decrement_shares,
            c(it.reason),
            it.quantity_prevented_from_trading,
            it.execution_price.e4(),
            c(it.liquidity_flag),
            c(it.aiq_strategy),
        ),
        Outbound::OrderExecuted(it, _) => format!(
            "E {} {}@{} {} #{}",
            it.user_ref_num,
            it.quantity,
            it.price.e4(),
            c(it.liquidity_flag),
            it.match_number
        ),
        Outbound::BrokenTrade(it, _) => format!("B {} #{}", it.user_ref_num, it.match_number),
        Outbound::Rejected(it, _) => format!("J {} {}", it.user_ref_num, it.reason),
        Outbound::CancelPending(it, _) => format!("P {}", it.user_ref_num),
        Outbound::CancelReject(it, _) => format!("I {}", it.user_ref_num),
        Outbound::OrderModified(it, _) => {
            format!("M {} {} {}", it.user_ref_num, c(it.side), it.quantity)
        }
        Outbound::OrderRestated(it, _) => format!("R {} {}", it.user_ref_num, c(it.reason)),
        Outbound::MassCancelResponse(it, _) => format!("X {}", it.user_ref_num),
        Outbound::DisableOrderEntryResponse(it, _) => format!("G {}", it.user_ref_num),
        Outbound::EnableOrderEntryResponse(it, _) => format!("K {}", it.user_ref_num),
        Outbound::AccountQueryResponse(it, _) => format!("Q {}", it.next_user_ref_num),
        other => panic!("no exchange of ours says {other:?}"),
    };
    text + &options
}
