//! What does the embedded exchange do in a second, as a whole and without sockets: how many messages its background traders
//! get published, and how long an order takes from its bytes to the acknowledgement and to market data?
//!
//! The venue is driven with made-up time, so its pace is what the machine can do. An order is 100 shares far from the market,
//! cancelled again; its stamps are of the TSC.

#[expect(dead_code, reason = "other benches select among their variants")]
mod common;

use clap::Parser;
use common::{Cost, Variant};
use coretick::base::clock::Clock;
use coretick::base::unit::Nanos;
use coretick::exchange::market_data::Line;
use coretick::exchange::settings::Settings;
use coretick::exchange::venue::Venue;
use coretick::wire::ouch::{Appendage, CancelOrder, EnterOrder, Inbound, WirePrice, code};
use coretick::wire::soup::{LoginRequest, Packet, Password, SessionName, Username};
use hdrhistogram::Histogram;
use std::hint::black_box;
use std::io::{self, Sink};

/// What the embedded exchange costs as a whole.
#[derive(Parser)]
struct Arguments {
    /// Things that background traders do in a round
    #[arg(long, default_value_t = 1_000_000)]
    actions: u64,
    /// Orders that are entered and cancelled
    #[arg(long, default_value_t = 200_000)]
    orders: u32,
    /// How often each variant runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

const MICROSECOND: u64 = 1_000;

/// A venue at noon, and the time it is told.
struct Market {
    venue: Venue<Sink>,
    now: Nanos,
    packets: u64,
}

impl Market {
    fn new(symbols: u32, faults: &str) -> Self {
        let now = Nanos(12 * 3_600 * 1_000_000_000);
        let settings = format!(
            "[flow]\nsymbols = {symbols}\nrate = 1000000\n[feed]\nkept_mib = 256\n\
             [order_entry]\norders_max = 2000000\n[faults]\n{faults}"
        );
        let settings = Settings::read("bench", &settings).expect("settings that can be");
        let plan = settings.plan(now, Nanos(0)).expect("settings that can be");
        let venue = Venue::new(plan.venue, io::sink(), now).expect("a publication that can be");
        let mut market = Self { venue, now, packets: 0 };
        market.step(|venue, now, out| venue.start(now, &mut { out }));
        market
    }

    fn step<T>(
        &mut self,
        act: impl FnOnce(&mut Venue<Sink>, Nanos, &mut dyn FnMut(Line, &[u8])) -> T,
    ) -> T {
        let Self { venue, now, packets } = self;
        act(venue, *now, &mut |_, packet| {
            *packets += 1;
            black_box(packet);
        })
    }

    /// Background traders do so much, in bursts.
    fn trade(&mut self, actions: u64) {
        let mut done = 0;
        while done < actions {
            self.now = self.now.plus(Nanos(64 * MICROSECOND));
            done += self.step(|venue, now, out| {
                let done = venue.trade(64, now, &mut { &mut *out });
                venue.flush(now, &mut { out });
                done as u64
            });
        }
    }

    fn messages(&mut self) -> u64 {
        self.venue.feed().store().next() - 1
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::with_capacity(256);
        packet.append(&mut bytes).expect("a packet of a few bytes");
        self.step(|venue, now, out| venue.received(0, &bytes, now, &mut { out }));
    }

    /// Takes what the client would read. How many bytes.
    fn read(&mut self) -> usize {
        let now = self.now;
        let count = self.venue.unsent(0, now).len();
        self.venue.sent(0, count, now);
        count
    }
}

/// What one order took, in nanoseconds: to the acknowledgement, and to market data.
struct Latencies {
    acknowledged: Histogram<u64>,
    published: Histogram<u64>,
}

fn latencies(orders: u32, symbols: u32) -> Latencies {
    let histogram = || Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("fixed bounds");
    let mut latencies = Latencies { acknowledged: histogram(), published: histogram() };
    let clock = Clock::calibrated();
    let mut market = Market::new(symbols, "");
    market.trade(20 * u64::from(symbols) + 10_000);
    assert!(market.venue.connected(0, market.now));
    market.send(&Packet::LoginRequest(LoginRequest {
        username: Username::new("DESK01").expect("short"),
        password: Password::new("PASS01").expect("short"),
        session: SessionName::BLANK,
        sequence: 1,
        heartbeat_timeout_ms: None,
    }));
    assert!(market.read() > 0, "the login is answered");
    let mut body = [0; 64];
    for number in 1..=orders {
        // Traders go on in between, so that caches hold more than this one order.
        market.trade(16);
        let order = EnterOrder {
            user_ref_num: number.into(),
            side: code::side::BUY,
            quantity: 100.into(),
            symbol: coretick::exchange::unit::Locate(1).symbol(),
            price: WirePrice(100.into()),
            time_in_force: code::time_in_force::DAY,
            display: code::display::VISIBLE,
            capacity: code::capacity::PRINCIPAL,
            intermarket_sweep_eligibility: code::flag::NO,
            cross_type: code::cross::CONTINUOUS,
            ..EnterOrder::BLANK
        };
        let length = Inbound::EnterOrder(&order, Appendage::EMPTY).write(&mut body).expect("room");
        let packets = market.packets;
        let began = clock.ticks();
        market.send(&Packet::Unsequenced(&body[..length]));
        let read = market.read();
        let acknowledged = clock.ticks();
        market.step(|venue, now, out| venue.flush(now, &mut { out }));
        let published = clock.ticks();
        assert!(read > 0 && market.packets > packets, "an order is accepted and shown");
        latencies.acknowledged.saturating_record(clock.nanos(acknowledged - began));
        latencies.published.saturating_record(clock.nanos(published - began));
        let cancel = CancelOrder { user_ref_num: number.into(), ..CancelOrder::BLANK };
        let length =
            Inbound::CancelOrder(&cancel, Appendage::EMPTY).write(&mut body).expect("room");
        market.send(&Packet::Unsequenced(&body[..length]));
        market.read();
    }
    latencies
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.actions, arguments.orders, arguments.rounds) = (20_000, 1_000, 1);
    }
    let Arguments { actions, orders, rounds, .. } = arguments;
    print!("{}", common::machine());
    let mut messages = [0; 3];
    let points = [(100, ""), (1_000, ""), (1_000, "loss = 0.01\ndup = 0.01\nreorder = 8")];
    let mut variants: Vec<_> = points
        .iter()
        .zip(&mut messages)
        .map(|(&(symbols, faults), messages)| {
            let with = if faults.is_empty() { "" } else { ", faults" };
            Variant::new(&format!("{symbols} symbols{with}"), move || {
                let mut market = Market::new(symbols, faults);
                market.trade(20 * u64::from(symbols) + 10_000);
                let before = market.messages();
                let began = Cost::now();
                market.trade(actions);
                let cost = Cost::now().since(began);
                *messages = market.messages() - before;
                cost
            })
        })
        .collect();
    common::interleave(&mut variants, rounds);
    let table = common::table("venue", &variants, actions);
    drop(variants);
    println!("published {actions} actions of traders, matched, cut into packets of two lines\n");
    println!("{}", table.replace("a message", "an action"));
    println!("messages an action: {:.2}\n", messages[1] as f64 / actions as f64);

    println!(
        "{:34} {:>8} {:>8} {:>8} {:>9}",
        "from an order's bytes, ns", "p50", "p99", "p99.9", "max"
    );
    for symbols in [100, 1_000] {
        let Latencies { acknowledged, published } = latencies(orders, symbols);
        for (what, latency) in [("acknowledgement", acknowledged), ("market data", published)] {
            let at = |share| latency.value_at_quantile(share);
            println!(
                "{:34} {:>8} {:>8} {:>8} {:>9}",
                format!("{what}, {symbols} symbols"),
                at(0.5),
                at(0.99),
                at(0.999),
                latency.max()
            );
        }
    }
}
