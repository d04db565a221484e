//! The whole exchange without sockets: what one of its sides says, the others say too.

mod ledger;
mod snapshots;

use super::*;
use crate::base::unit::Side;
use crate::exchange::market_data::Listing;
use crate::exchange::market_data::{PublisherConfig, Session, StoreLimits, TapeConfig};
use crate::exchange::matching::{Display, Enter, Lasts, SelfMatch, Terms};
use crate::exchange::order_entry::tests::harness as client;
use crate::exchange::order_entry::tests::harness::SECOND;
use crate::exchange::unit::{Participant, Price4};
use crate::wire::itch;
use crate::wire::mold;
use crate::wire::ouch::TagValue;
use crate::wire::ouch::code::{cross, side, time_in_force};
use crate::wire::soup::Packet;

/// An exchange and what it sent.
pub(in crate::exchange) struct Market {
    pub(in crate::exchange) venue: Venue<Vec<u8>>,
    packets: [Vec<Vec<u8>>; 2],
    now: Nanos,
    token: u64,
}

pub(in crate::exchange) fn config(day: Programme, faults: &str) -> VenueConfig {
    let listings = ["AAA", "BBB"].map(|symbol| Listing::new(symbol.parse().unwrap()));
    VenueConfig {
        order_entry: client::config(),
        feed: FeedConfig {
            tape: TapeConfig { listings: listings.into(), ..TapeConfig::default() },
            publication: PublisherConfig::new(Session(*b"  CORETICK")),
            store: StoreLimits { chunk_bytes: 1 << 16, chunks: 4 },
        },
        limits: Limits { symbols: 0, orders: 1_000, levels: 1_000, participants: 8 },
        day,
        faults: Faults::parse(faults).unwrap(),
        background: None,
        background_in_ledger: true,
    }
}

impl Market {
    fn new(day: Programme, faults: &str) -> Self {
        Self::of(config(day, faults))
    }

    fn of(config: VenueConfig) -> Self {
        let venue = Venue::new(config, Vec::new(), Nanos(0)).unwrap();
        let mut it = Self { venue, packets: Default::default(), now: Nanos(0), token: 0 };
        it.run(|venue, now, out| venue.start(now, &mut { out }));
        it
    }

    fn run(&mut self, act: impl FnOnce(&mut Venue<Vec<u8>>, Nanos, &mut dyn FnMut(Line, &[u8]))) {
        let Self { venue, packets, now, .. } = self;
        let mut out = |line: Line, packet: &[u8]| packets[line as usize].push(packet.to_vec());
        act(venue, *now, &mut out);
        venue.flush(*now, &mut out);
    }

    fn receive(&mut self, id: usize, bytes: &[u8]) {
        self.run(|venue, now, out| venue.received(id, bytes, now, &mut { out }));
    }

    fn say(&mut self, id: usize, message: &[u8]) -> Vec<String> {
        self.receive(id, &client::unsequenced(message));
        self.told(id)
    }

    fn login(&mut self, id: usize, user: &str, sequence: u64) -> Vec<String> {
        assert!(self.venue.connected(id, self.now));
        self.receive(id, &client::login(user, "secret", "", sequence));
        self.told(id)
    }

    fn logout(&mut self, id: usize) {
        self.receive(id, &client::packet(&Packet::LogoutRequest));
        assert!(self.venue.is_over(id));
        self.run(|venue, now, out| venue.closed(id, now, &mut { out }));
    }

    fn take(&mut self, id: usize) -> Vec<u8> {
        let bytes = self.venue.unsent(id, self.now).to_vec();
        self.venue.sent(id, bytes.len(), self.now);
        bytes
    }

    fn told(&mut self, id: usize) -> Vec<String> {
        client::packets(&self.take(id))
    }

    fn apply(&mut self, command: Command) {
        self.run(|venue, now, out| venue.apply(&command, now, &mut { out }));
    }

    fn stranger(&mut self, side: Side, price: u32, shares: u32, lasts: Lasts) {
        self.token += 1;
        let (limit, display, minimum) = (Some(Price4(price)), Display::Full, 0);
        self.apply(Command::Enter(Enter {
            locate: Locate(1),
            participant: client::STRANGER,
            token: self.token,
            side,
            terms: Terms { limit, shares, lasts, display, post_only: false, minimum },
            session: CrossSession::Continuous,
            self_match: SelfMatch::Allow,
        }));
    }

    /// Lets time pass until `now`, doing what is due when it is due.
    fn until(&mut self, now: Nanos) {
        while let Some(due) = self.venue.next_due().filter(|due| *due <= now) {
            assert!(due >= self.now, "nothing stays due");
            self.now = due;
            self.run(|venue, now, out| venue.due(now, &mut { out }));
            assert!(self.venue.next_due() > Some(due) || self.venue.next_due().is_none());
        }
        self.now = now;
    }

    /// The messages of a line.
    fn tape(&self, line: Line) -> Vec<Vec<u8>> {
        let packets = self.packets[line as usize].iter().map(|bytes| mold::Packet::parse(bytes));
        packets.flat_map(|packet| packet.unwrap().messages().map(<[u8]>::to_vec)).collect()
    }

    /// The types of the messages of line A behind the directory.
    fn types(&self) -> String {
        let tape = self.tape(Line::A);
        assert_eq!(tape, self.tape(Line::B));
        tape[1 + 2 * 3..].iter().map(|message| char::from(message[0])).collect()
    }

    fn rows(self) -> Vec<String> {
        let text = String::from_utf8(self.venue.into_ledger()).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

const fn set(phase: Phase) -> Command {
    Command::SetPhase { locate: Locate(1), phase }
}

const fn taken_back(number: u64) -> Command {
    Command::Break { match_number: MatchNumber(number), locate: Locate(1) }
}

#[test]
fn what_happens_is_told_on_the_tape_to_the_client_and_in_the_ledger() {
    let mut it = Market::new(Programme::open_at_once(), "");
    assert_eq!(it.login(0, "ALPHA", 1), ["accepted CORETICK 1", "S S"]);
    it.now = Nanos(7);
    assert_eq!(it.say(0, &client::enter(1, side::BUY, 300, 100_000)), ["A 1 L 300"]);
    it.stranger(Side::SELL, 100_000, 100, Lasts::Immediate);
    assert_eq!(
        it.say(0, &client::replace(1, 2, 250, 100_100)),
        ["E 1 100@100000 A #1", "U 1>2 L 150"]
    );
    assert_eq!(it.say(0, &client::enter(3, side::BUY, 0, 100_100)), ["J 3 19"]);
    assert_eq!(it.say(0, &client::cancel(2, 0)), ["C 2 -150 U"]);
    it.apply(taken_back(1));
    it.apply(taken_back(1));
    it.apply(taken_back(9));
    assert_eq!(it.told(0), ["B 1 #1"]);
    assert_eq!(it.types(), "SHHSAEUDB");
    let rows = [
        "1,7,accept,1,ALPHA,0,1,1,AAA,B,300,100000,300,,",
        "2,7,accept,99,,0,1,2,AAA,S,100,100000,100,,",
        "3,7,execute,1,ALPHA,0,1,1,AAA,B,100,100000,200,1,",
        "4,7,execute,99,,0,1,2,AAA,S,100,100000,0,1,",
        "5,7,replace,1,ALPHA,0,2,3,AAA,B,150,100100,150,,1/1",
        "6,7,reject,1,ALPHA,0,3,,,,0,,0,,19",
        "7,7,cancel,1,ALPHA,0,2,3,AAA,B,150,100100,0,,requested",
        "8,7,break,1,ALPHA,0,1,1,AAA,,0,,0,1,",
    ];
    assert_eq!(it.rows(), rows);
}

#[test]
fn a_regular_day_goes_by_its_programme() {
    let mut config = config(Programme::regular(), "");
    config.order_entry.accounts.iter_mut().for_each(|account| account.cancel_on_disconnect = false);
    let mut it = Market::of(config);
    let hour = |hours: u64| Nanos(hours * 3_600 * SECOND);
    it.until(hour(5));
    it.login(0, "ALPHA", 1);
    let for_cross = |user_ref, side, cross_type| {
        client::enter_with(user_ref, |it| (it.side, it.cross_type) = (side, cross_type), &[])
    };
    it.say(0, &for_cross(1, side::BUY, cross::OPENING));
    it.say(0, &for_cross(2, side::BUY, cross::CLOSING));
    let for_five_hours =
        |it: &mut crate::wire::ouch::EnterOrder| it.time_in_force = time_in_force::GTT;
    it.say(0, &client::enter_with(3, for_five_hours, &[TagValue::ExpireTime(18_000)]));
    it.say(0, &client::enter(4, side::BUY, 100, 50_000));
    it.logout(0);
    it.stranger(Side::SELL, 100_000, 60, Lasts::Day);
    it.until(Nanos(hour(9).0 + 29 * 60 * SECOND));
    it.login(0, "ALPHA", 6);
    assert_eq!(it.say(0, &client::cancel(1, 0)), ["P 1"]);
    it.logout(0);
    it.until(hour(12));
    assert_eq!(it.venue.core().phase(Locate(2)), Phase::Open);
    it.stranger(Side::SELL, 100_000, 60, Lasts::Day);
    it.until(hour(21));
    assert_eq!((it.venue.core().live(), it.venue.next_due()), (0, None));
    let told = it.login(0, "ALPHA", 6);
    assert_eq!(
        told[1..],
        [
            "P 1",
            "E 1 60@100000 O #1",
            "C 1 -40 C",
            "C 3 -100 T",
            "E 2 60@100000 C #3",
            "C 2 -40 C",
            "C 4 -100 E",
            "S E",
            "Z"
        ]
    );
    let tape = it.tape(Line::A);
    let events = tape.iter().filter(|message| message[0] == b'S').map(|message| message[11]);
    assert_eq!(events.collect::<Vec<u8>>(), b"OSQMEC");
    let count = |kind| tape.iter().filter(|message| message[0] == kind).count();
    assert_eq!((count(b'Q'), count(b'I')), (4, 2 * 30 + 2 * 60));
    let times = tape.iter().map(|message| itch::frame_time(message));
    assert!(times.is_sorted());
    let last = it.packets[0].last().unwrap();
    assert_eq!(mold::Packet::parse(last).unwrap().kind, mold::Kind::EndOfSession);
}

#[test]
fn nothing_is_told_after_the_end() {
    let mut it = Market::new(Programme::open_until(Nanos(60 * SECOND)), "bust=1,bust_delay=58s");
    it.login(0, "ALPHA", 1);
    it.say(0, &client::enter(1, side::BUY, 100, 100_000));
    let mut told = Vec::new();
    for second in 1..60 {
        it.until(Nanos(second * SECOND));
        if second == 5 {
            it.stranger(Side::SELL, 100_000, 40, Lasts::Immediate);
        }
        it.receive(0, &client::packet(&Packet::ClientHeartbeat));
        told.extend(it.told(0).into_iter().filter(|text| text != "H"));
    }
    assert_eq!(told, ["E 1 40@100000 A #1"]);
    it.until(Nanos(60 * SECOND));
    let messages = it.tape(Line::A).len();
    // It has not read that the day is over, and says something.
    it.receive(0, &client::unsequenced(&client::enter(2, side::BUY, 100, 100_000)));
    assert_eq!(it.told(0), ["C 1 -60 E", "S E", "Z"]);
    it.receive(0, &client::unsequenced(&client::enter(3, side::BUY, 100, 100_000)));
    it.stranger(Side::SELL, 100_000, 40, Lasts::Day);
    it.apply(set(Phase::Halted));
    it.until(Nanos(200 * SECOND));
    assert_eq!(it.tape(Line::A).len(), messages);
    assert!(it.venue.is_over(0));
}

#[test]
fn an_order_that_outlives_the_day_goes_without_a_word_on_the_tape() {
    let end = (Nanos(10 * SECOND), Act::End);
    let mut it = Market::new(Programme::new(vec![end, (Nanos(0), Act::Set(Phase::Open))]), "");
    it.login(0, "ALPHA", 0);
    let lasts = |it: &mut crate::wire::ouch::EnterOrder| it.time_in_force = time_in_force::GTT;
    it.say(0, &client::enter_with(1, lasts, &[TagValue::ExpireTime(12)]));
    it.logout(0);
    it.until(Nanos(11 * SECOND));
    let messages = it.tape(Line::A).len();
    assert_eq!(it.venue.core().live(), 1);
    it.until(Nanos(12 * SECOND));
    assert_eq!((it.venue.core().live(), it.tape(Line::A).len()), (0, messages));
    assert_eq!(it.login(0, "ALPHA", 3), ["accepted CORETICK 3", "S E", "C 1 -100 T", "Z"]);
}

#[test]
fn a_halt_stops_trading_until_the_cross_that_ends_it() {
    let mut it = Market::new(Programme::open_at_once(), "");
    it.login(0, "ALPHA", 0);
    it.apply(set(Phase::Halted));
    it.say(0, &client::enter(1, side::BUY, 100, 100_000));
    it.stranger(Side::SELL, 99_000, 60, Lasts::Day);
    assert!(it.told(0).is_empty());
    it.run(|venue, now, out| venue.cross(Locate(1), CrossKind::Halt, now, &mut { out }));
    it.apply(set(Phase::Open));
    let told = it.told(0);
    assert!(
        told.len() == 1 && told[0].starts_with("E 1 60@") && told[0].ends_with("K #1"),
        "{told:?}"
    );
    assert_eq!(it.types(), "SHHSHAACCQH");
    assert_eq!(it.venue.core().phase(Locate(1)), Phase::Open);
}

#[test]
fn executions_are_taken_back_on_demand_and_once() {
    let mut it = Market::new(Programme::open_at_once(), "bust=1,bust_delay=2s");
    it.login(0, "ALPHA", 0);
    it.say(0, &client::enter(1, side::BUY, 100, 100_000));
    it.stranger(Side::SELL, 100_000, 40, Lasts::Immediate);
    it.stranger(Side::SELL, 100_000, 40, Lasts::Immediate);
    assert_eq!(it.told(0).len(), 2);
    it.apply(taken_back(2));
    it.until(Nanos(3 * SECOND));
    let broken: Vec<_> = it.told(0).into_iter().filter(|text| text.starts_with('B')).collect();
    assert_eq!(broken, ["B 1 #2", "B 1 #1"]);
    let breaks = it.rows().into_iter().filter(|row| row.contains(",break,")).count();
    assert_eq!(breaks, 2);
}

#[test]
fn a_cross_is_taken_back_on_demand_for_all_who_were_in_it() {
    let mut it = Market::new(Programme::open_at_once(), "bust=1,bust_delay=2s");
    it.login(0, "ALPHA", 0);
    it.login(1, "BETA", 0);
    let cross = |it: &mut Market| {
        it.apply(set(Phase::Halted));
        it.run(|venue, now, out| venue.cross(Locate(1), CrossKind::Halt, now, &mut { out }));
    };
    cross(&mut it);
    assert_eq!(it.venue.next_due().filter(|due| *due == Nanos(2 * SECOND)), None, "nothing traded");
    it.say(0, &client::enter(1, side::BUY, 100, 100_000));
    it.say(1, &client::enter(1, side::SELL, 60, 99_000));
    it.say(1, &client::enter(2, side::SELL, 40, 99_500));
    cross(&mut it);
    it.apply(set(Phase::Open));
    (0..2).for_each(|id| drop(it.told(id)));
    it.until(Nanos(2 * SECOND));
    let breaks =
        |told: Vec<String>| told.into_iter().filter(|text| text != "H").collect::<Vec<_>>();
    assert_eq!(breaks(it.told(0)), ["B 1 #2"]);
    assert_eq!(breaks(it.told(1)), ["B 1 #2", "B 2 #2"]);
    let tape = it.tape(Line::A);
    let broken: Vec<_> = tape.iter().filter(|message| message[0] == b'B').collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0][11..], 2_u64.to_be_bytes());
    let rows = it.rows().into_iter().filter(|row| row.contains(",break,"));
    let rows: Vec<String> =
        rows.map(|row| row.split(',').skip(2).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(
        rows,
        [
            "break,1,ALPHA,0,1,1,AAA,,0,,0,2,",
            "break,2,BETA,0,1,2,AAA,,0,,0,2,",
            "break,2,BETA,0,2,3,AAA,,0,,0,2,"
        ]
    );
}

#[test]
fn a_symbol_can_begin_the_day_in_another_phase() {
    let mut config = config(Programme::default(), "");
    config.feed.tape.listings[1].phase = Phase::Halted;
    let it = Market::of(config);
    assert_eq!(it.venue.core().phase(Locate(1)), Phase::Quoting);
    assert_eq!(it.venue.core().phase(Locate(2)), Phase::Halted);
}

#[test]
fn a_phase_of_its_own_outlasts_the_opening_of_all() {
    let mut config = config(Programme::open_at_once(), "");
    config.feed.tape.listings[1].phase = Phase::Halted;
    let it = Market::of(config);
    assert_eq!(it.venue.core().phase(Locate(1)), Phase::Open);
    assert_eq!(it.venue.core().phase(Locate(2)), Phase::Halted);
    let last = it.tape(Line::A).into_iter().rfind(|message| message[..3] == [b'H', 0, 2]);
    assert_eq!(last.unwrap()[19], b'H');
}

#[test]
fn a_day_begun_late_tells_no_imbalance_of_the_past() {
    let mut venue = Venue::new(config(Programme::regular(), ""), Vec::new(), Nanos(0)).unwrap();
    let mut packets = Vec::new();
    let noon = Nanos(12 * 3_600 * SECOND);
    venue.start(noon, &mut |_, packet: &[u8]| packets.push(packet.to_vec()));
    venue.flush(noon, &mut |_, packet: &[u8]| packets.push(packet.to_vec()));
    let messages = packets.iter().flat_map(|bytes| mold::Packet::parse(bytes).unwrap().messages());
    let kinds: Vec<u8> = messages.map(|message| message[0]).collect();
    assert!(kinds.contains(&b'Q') && !kinds.contains(&b'I'));
    assert_eq!(venue.core().phase(Locate(1)), Phase::Open);
}

#[test]
fn what_was_missed_can_be_asked_for() {
    let mut it = Market::new(Programme::open_at_once(), "");
    let session = Session(*b"  CORETICK");
    let request = mold::Request { session, sequence: 2, count: 3 }.to_bytes();
    let answer = it.venue.rerequest(&request).unwrap().to_vec();
    let packet = mold::Packet::parse(&answer).unwrap();
    assert_eq!(packet.messages().collect::<Vec<_>>(), it.tape(Line::A)[1..4]);
}
