//! The embedded exchange as a process of its own, at speed and with faults, a listener that takes both lines, asks again
//! for what is lost, and keeps books, and a client that trades and is cut off again and again: in the end the ledger, the
//! published feed and what the client was told tell of the same day, and the process has not grown. `scripts/soak` runs it for
//! longer.
//!
//! `CORETICK_SOAK_SECONDS` (6) and `CORETICK_SOAK_RATE` (20,000 messages a second) say how long and how fast.

#[path = "exchange_soak/client.rs"]
mod client;

use client::{Client, Fate};
use coretick::base::clock::Wall;
use coretick::base::unit::{InstrumentId, Nanos, Seq};
use coretick::book::{Books, Limits};
use coretick::ingest::arbiter::{Arbiter, Offer};
use coretick::ingest::decode::Decoder;
use coretick::wire::itch::{self, Message};
use coretick::wire::mold::{Packet, Request};
use coretick::wire::ouch::WirePrice;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs};

const FAULTS: &str = "loss=0.02,dup=0.02,reorder=8,rerequest-loss=0.1,rerequest-dup=0.1,\
    rerequest-reorder=4,a-dead=2s..3s,bust=0.02,\
    bust-delay=100ms,disconnect-within=20000,ack-delay=2ms,ack-delay-chance=0.1";

/// The client does something so often.
const ACTS_EVERY: Nanos = Nanos(2_000_000);
/// Bytes by which the process may grow once it is warm, whatever it sends and writes: two huge pages.
const GROWTH_MAX: u64 = 4 << 20;
/// And bytes for each order of a client and each message to it, which it keeps all day.
const ORDER_BYTES: u64 = 256;
const MESSAGE_BYTES: u64 = 64;

/// Messages that fit one answer, and how many answers are asked for at once.
const PIECE: u64 = 30;
const PIECES: u64 = 64;
/// A gap is asked for again after so long.
const ASK_AGAIN: Nanos = Nanos(2_000_000);

fn from_env(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// An exchange that prints where it is.
struct Exchange {
    process: Child,
    said: BufReader<ChildStdout>,
    rerequests: SocketAddr,
    order_entry: SocketAddr,
}

impl Exchange {
    fn start(out: &Path, lines: [SocketAddr; 2], seconds: u64, rate: u64) -> Self {
        // Some six seconds of messages can be asked for again, whatever the rate, so that who is held up for a moment can catch
        // up; but no more than a quarter of the run, to be full before its memory is looked at.
        let kept = (rate / 5_000).min(rate * seconds / 120_000).max(4);
        let config = format!(
            "[flow]\nsymbols = 200\nlive = 10000\nrate = {rate}\nhalt_every_s = 1\nhalt_s = 2\n\
             [feed]\nline_a = \"{}\"\nline_b = \"{}\"\nmtu_b = 500\nkept_mib = {kept}\n\
             rerequests = \"127.0.0.1:0\"\nsnapshots = \"127.0.0.1:0\"\n\
             [order_entry]\nlisten = \"127.0.0.1:0\"\norders_max = 1000000\n[ledger]\nbackground = true\n",
            lines[0], lines[1]
        );
        fs::write(out.join("exchange.toml"), config).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_coretick"))
            .args(["exchange", "--seconds", &seconds.to_string(), "--faults", FAULTS])
            .arg("--config")
            .arg(out.join("exchange.toml"))
            .arg("--out")
            .arg(out)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut address = |of: &str| loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "the exchange said no address");
            if let Some(rest) = line.strip_prefix(of) {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        let [rerequests, order_entry] = [address("re-requests"), address("order entry")];
        Self { process, said, rerequests, order_entry }
    }

    /// Anonymous memory in KiB.
    fn anonymous(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.expect("a process that lives").trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // It has ended, but for a test that failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One who listens and keeps books.
struct Listener {
    lines: [UdpSocket; 2],
    asks: UdpSocket,
    arbiter: Arbiter,
    decoder: Decoder,
    books: Books,
    messages: u64,
    /// Shares that show, by the number that market data knows them by.
    shown: BTreeMap<u64, u32>,
    traded: BTreeMap<String, u64>,
    crossed: BTreeMap<String, u64>,
    broken: BTreeSet<u64>,
    symbols: BTreeMap<u16, String>,
    wall: Wall,
    last_ask: Nanos,
    asked: u64,
}

/// A socket on a group of its own, on this machine only.
fn line(last: u8) -> (UdpSocket, SocketAddr) {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let group = Ipv4Addr::new(239, 255, high, low.wrapping_add(last).max(1));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, (group, port).into())
}

impl Listener {
    fn new(lines: [UdpSocket; 2]) -> Self {
        let asks = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        asks.set_nonblocking(true).unwrap();
        Self {
            lines,
            asks,
            arbiter: Arbiter::new(65_536, 1_500),
            decoder: Decoder::new(Nanos(0), None, 1),
            books: Books::new(&Limits { orders: 1 << 20, levels: 1 << 18, instruments: 512 }),
            messages: 0,
            shown: BTreeMap::new(),
            traded: BTreeMap::new(),
            crossed: BTreeMap::new(),
            broken: BTreeSet::new(),
            symbols: BTreeMap::new(),
            wall: Wall::set(),
            last_ask: Nanos(0),
            asked: 0,
        }
    }

    /// Lets a client do something in one of the markets, if it has two sides.
    fn let_act(&self, client: &mut Client) {
        let locate = 1 + (self.messages % 8) as u16;
        let top = self.books.top(InstrumentId(locate.into()));
        let Some(symbol) = self.symbols.get(&locate).filter(|_| top.is_two_sided()) else { return };
        let [bid, ask] = [top.bid, top.ask].map(|price| WirePrice::from_price(price).unwrap().e4());
        client.act(symbol.parse().unwrap(), bid, ask);
    }

    /// Takes what has come. False if nothing has.
    fn listen(&mut self, rerequests: SocketAddr) -> bool {
        let mut buffer = [0; 65_536];
        let mut any = false;
        for source in 0..3 {
            for _ in 0..256 {
                let socket = if source < 2 { &self.lines[source] } else { &self.asks };
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { break };
                self.take(&Packet::parse(&buffer[..length]).unwrap());
                any = true;
            }
        }
        if let Some(gap) = self.arbiter.missing()
            && self.wall.now().since(self.last_ask) > ASK_AGAIN
        {
            // An answer is one packet: a long gap is asked for in many pieces at once.
            for piece in (0..gap.count.min(PIECES * PIECE)).step_by(PIECE as usize) {
                let request = Request {
                    session: self.arbiter.session().unwrap(),
                    sequence: gap.first + piece,
                    count: (gap.count - piece).min(PIECE) as u16,
                };
                self.asks.send_to(&request.to_bytes(), rerequests).unwrap();
                self.asked += 1;
            }
            self.last_ask = self.wall.now();
        }
        any
    }

    fn take(&mut self, packet: &Packet<'_>) {
        if let Offer::Due { skip } = self.arbiter.offer(packet) {
            packet.messages().skip(skip).for_each(|message| self.on(message));
        }
        loop {
            let Some(due) = self.arbiter.release() else { return };
            let messages: Vec<Vec<u8>> =
                due.packet.messages().skip(due.skip).map(<[u8]>::to_vec).collect();
            messages.iter().for_each(|message| self.on(message));
        }
    }

    fn on(&mut self, bytes: &[u8]) {
        self.messages += 1;
        if let Some(market) = self.decoder.decode(bytes, Seq(self.messages)) {
            self.books.apply(&market);
        }
        let locate = u16::from_be_bytes([bytes[1], bytes[2]]);
        match itch::parse(bytes).unwrap() {
            Message::StockDirectory(m) => {
                let name = String::from_utf8(m.stock.0.to_vec()).unwrap();
                self.symbols.insert(locate, name.trim_end().into());
            }
            Message::AddOrder(m) => self.add(m.order_reference_number.get(), m.shares.get()),
            Message::AddOrderMpid(m) => self.add(m.order_reference_number.get(), m.shares.get()),
            Message::OrderExecuted(m) => {
                self.less(m.order_reference_number.get(), m.executed_shares.get());
                self.trade(locate, m.executed_shares.get());
            }
            Message::OrderExecutedWithPrice(m) => {
                self.less(m.order_reference_number.get(), m.executed_shares.get());
            }
            Message::OrderCancel(m) => {
                self.less(m.order_reference_number.get(), m.cancelled_shares.get());
            }
            Message::OrderDelete(m) => {
                assert!(self.shown.remove(&m.order_reference_number.get()).is_some(), "{m:?}");
            }
            Message::OrderReplace(m) => {
                let gone = self.shown.remove(&m.original_order_reference_number.get());
                assert!(gone.is_some(), "{m:?}");
                self.add(m.new_order_reference_number.get(), m.shares.get());
            }
            Message::BrokenTrade(m) => {
                assert!(self.broken.insert(m.match_number.get()), "{m:?} twice");
            }
            Message::TradeNonCross(m) => self.trade(locate, m.shares.get()),
            Message::CrossTrade(m) if m.shares.get() > 0 => {
                *self.crossed.entry(self.symbols[&locate].clone()).or_default() += m.shares.get();
            }
            _ => {}
        }
    }

    fn add(&mut self, reference: u64, shares: u32) {
        assert!(self.shown.insert(reference, shares).is_none(), "order {reference} twice");
    }

    fn less(&mut self, reference: u64, shares: u32) {
        let left = self.shown.get_mut(&reference).expect("an order that shows");
        *left = left.checked_sub(shares).expect("no more than it has");
        if *left == 0 {
            self.shown.remove(&reference);
        }
    }

    fn trade(&mut self, locate: u16, shares: u32) {
        *self.traded.entry(self.symbols[&locate].clone()).or_default() += u64::from(shares);
    }
}

/// What a ledger tells.
#[derive(Default)]
struct Ledger {
    rows: u64,
    /// Shares left of each order that was ever live.
    open: BTreeMap<u64, u32>,
    /// Shares of both sides, by symbol.
    traded: BTreeMap<String, u64>,
    crossed: BTreeMap<String, u64>,
    broken: BTreeSet<u64>,
    /// What became of the client's orders, and how many were rejected.
    client: BTreeMap<u32, Fate>,
    rejected: u64,
}

impl Ledger {
    fn read(path: &Path) -> Self {
        let mut ledger = Self::default();
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let column = |name| header.iter().position(|&it| it == name).unwrap();
        let [kind, account, user_ref, symbol, reference, shares, open, number_of_match, reason] = [
            "kind",
            "account",
            "user_ref",
            "symbol",
            "reference",
            "shares",
            "open",
            "match",
            "reason",
        ]
        .map(column);
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            ledger.rows += 1;
            assert_eq!(cells[0], ledger.rows.to_string(), "rows are numbered without gaps");
            let number = |at: usize| cells[at].parse::<u64>().unwrap();
            match cells[kind] {
                "execute" => {
                    *ledger.traded.entry(cells[symbol].into()).or_default() += number(shares);
                }
                "cross" => {
                    *ledger.crossed.entry(cells[symbol].into()).or_default() += number(shares);
                }
                "replace" => {
                    let old = cells[reason].split('/').next().unwrap().parse().unwrap();
                    ledger.open.insert(old, 0);
                }
                "break" => {
                    ledger.broken.insert(number(number_of_match));
                }
                _ => {}
            }
            if !cells[account].is_empty() {
                let which = number(user_ref) as u32;
                let fate = ledger.client.entry(which).or_default();
                match cells[kind] {
                    "accept" => fate.entered = number(shares),
                    "replace" => fate.entered = number(shares),
                    "execute" | "cross" => fate.executed += number(shares),
                    "cancel" => fate.canceled += number(shares),
                    "break" => fate.broken += 1,
                    "reject" => ledger.rejected += 1,
                    kind => panic!("a {kind} of a client that asks for none"),
                }
                match cells[kind] {
                    "break" => {}
                    "reject" => {
                        ledger.client.remove(&which);
                    }
                    _ => fate.open = number(open),
                }
                if cells[kind] == "replace" {
                    let old = cells[reason].split('/').nth(1).unwrap().parse().unwrap();
                    ledger.client.get_mut(&old).unwrap().open = 0;
                }
            }
            if !cells[reference].is_empty() && cells[kind] != "break" {
                ledger.open.insert(number(reference), number(open) as u32);
            }
        }
        ledger
    }
}

/// Half of each, for a ledger has both sides of a trade.
fn halves(both: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    both.iter().map(|(symbol, shares)| (symbol.clone(), shares / 2)).collect()
}

#[test]
fn ledger_and_feed_tell_of_the_same_day_and_the_process_does_not_grow() {
    let seconds = from_env("CORETICK_SOAK_SECONDS", 6);
    let rate = from_env("CORETICK_SOAK_RATE", 20_000);
    let out = tempfile::tempdir().unwrap();
    let [(line_a, to_a), (line_b, to_b)] = [line(1), line(2)];
    let mut exchange = Exchange::start(out.path(), [to_a, to_b], seconds, rate);
    let mut listener = Listener::new([line_a, line_b]);
    let mut client = Client::new(exchange.order_entry);

    let wall = Wall::set();
    let start = wall.now();
    let elapsed = || wall.now().since(start).0 / 1_000_000_000;
    let mut memory = Vec::new();
    let mut acts_at = start;
    while !(listener.arbiter.ended() && listener.arbiter.missing().is_none() && client.ended) {
        assert!(elapsed() < seconds + 20, "no end; {:?}", listener.arbiter.counts());
        client.listen();
        if client.is_in() && wall.now() >= acts_at {
            acts_at = wall.now().plus(ACTS_EVERY);
            listener.let_act(&mut client);
        }
        if !listener.listen(exchange.rerequests) {
            std::thread::yield_now();
        }
        if elapsed() > memory.len() as u64 && !listener.arbiter.ended() {
            let kept = client.orders.len() as u64 * ORDER_BYTES + client.messages() * MESSAGE_BYTES;
            memory.push((exchange.anonymous(), exchange.descriptors(), kept));
        }
    }
    assert!(exchange.process.wait().unwrap().success());
    let said: Vec<String> = (&mut exchange.said).lines().map(Result::unwrap).collect();

    let counts = listener.arbiter.counts();
    assert_eq!((counts.gaps, counts.lost, counts.sessions), (0, 0, 1), "{counts:?}");
    assert!(counts.known > 0 && counts.held > 0 && listener.asked > 0, "{counts:?}");
    let anomalies: Vec<_> =
        listener.books.anomalies().iter().filter(|(_, count, _)| *count > 0).collect();
    assert!(anomalies.is_empty(), "{anomalies:?}");
    listener.books.verify().unwrap();

    let ledger = Ledger::read(&out.path().join("ledger.csv"));
    assert_eq!(listener.traded, halves(&ledger.traded));
    assert_eq!(listener.crossed, halves(&ledger.crossed));
    assert!(!listener.crossed.is_empty(), "no halt ended in a cross that traded");
    assert_eq!(listener.broken, ledger.broken);
    assert!(!listener.broken.is_empty(), "no trade was broken");

    assert_eq!(client.orders, ledger.client);
    assert_eq!(client.rejected, ledger.rejected);
    assert!(client.logins > 2 && client.sum(|it| it.executed) > 0, "{} logins", client.logins);
    assert!(client.sum(|it| it.broken) > 0 && client.sum(|it| it.canceled) > 0);
    assert_eq!(client.sum(|it| it.open), 0, "the day's end cancels what is open");
    for (reference, shares) in &listener.shown {
        // A later part of a reserve order has a number of its own.
        if let Some(open) = ledger.open.get(reference) {
            assert!(shares <= open, "order {reference}: {shares} show, {open} are open");
        }
    }
    let alive = ledger.open.values().filter(|&&open| open > 0).count();
    assert!(listener.shown.len() <= alive, "{} show, {alive} are alive", listener.shown.len());

    // What went wrong is in its last words.
    for part in ["line A", "line B", "re-requests", "answers"] {
        assert!(said.iter().any(|line| line.starts_with(part)), "no word of {part}: {said:#?}");
    }

    let third = memory.len() / 3;
    let (early, late) = (memory[third.max(1)], memory[memory.len() - 1]);
    let most = early.0 + (GROWTH_MAX + late.2 - early.2) / 1_024;
    println!(
        "{} messages, {} rows, {} trades broken, {} symbols crossed, {} re-requests, {} orders of a client, {} of their \
         shares executed, {} logins, {} KiB then {} KiB of {most} at most; {}",
        listener.messages,
        ledger.rows,
        ledger.broken.len(),
        listener.crossed.len(),
        listener.asked,
        client.orders.len(),
        client.sum(|it| it.executed),
        client.logins,
        early.0,
        late.0,
        said.iter().find(|line| line.starts_with("ended")).unwrap()
    );
    assert!(late.0 <= most, "memory grew from {} to {} KiB, not {most}", early.0, late.0);
    // The client may be between two connections.
    assert!(late.1.abs_diff(early.1) <= 1, "open files: {} then {}", early.1, late.1);
}
