//! Bytes of a client into the whole exchange: logged in, whatever it says next, in pieces of any size.
#![no_main]

use coretick::base::unit::Nanos;
use coretick::exchange::faults::Faults;
use coretick::exchange::market_data::{
    FeedConfig, Listing, PublisherConfig, Session, StoreLimits, TapeConfig,
};
use coretick::exchange::matching::Limits;
use coretick::exchange::order_entry::{Account, OrderEntryConfig};
use coretick::exchange::unit::Participant;
use coretick::exchange::venue::{VenueConfig, Programme, Venue};
use coretick::wire::soup::{self, Packet};
use libfuzzer_sys::fuzz_target;
use std::io;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let user = soup::Username::new("DESK").unwrap();
    let password = soup::Password::new("secret").unwrap();
    let account = Account::new(user, password, *b"FIRM", Participant(1));
    let mut order_entry = OrderEntryConfig::new(vec![account], Vec::new());
    (order_entry.orders, order_entry.messages) = (1_000, 16);
    let listings = ["AAA", "BBB"].map(|symbol| Listing::new(symbol.parse().unwrap()));
    let config = VenueConfig {
        order_entry,
        feed: FeedConfig {
            tape: TapeConfig { listings: listings.into(), ..TapeConfig::default() },
            publication: PublisherConfig::new(Session(*b"  CORETICK")),
            store: StoreLimits { chunk_bytes: 1 << 16, chunks: 2 },
        },
        limits: Limits { symbols: 2, orders: 100, levels: 100, participants: 4 },
        day: Programme::open_at_once(),
        faults: Faults::default(),
        background: None,
        background_in_ledger: true,
    };
    let out = &mut |_, _: &[u8]| ();
    let mut venue = Venue::new(config, io::sink(), Nanos(0)).unwrap();
    venue.start(Nanos(0), out);
    assert!(venue.connected(0, Nanos(0)));
    let login = soup::LoginRequest {
        username: user,
        password,
        session: soup::SessionName::BLANK,
        sequence: 1,
        heartbeat_timeout_ms: None,
    };
    let mut bytes = Vec::new();
    Packet::LoginRequest(login).append(&mut bytes).unwrap();
    venue.received(0, &bytes, Nanos(0), out);
    for (now, piece) in (0..).step_by(100_000_000).map(Nanos).zip(&pieces) {
        venue.due(now, out);
        venue.received(0, piece, now, out);
        // Half of what waits is taken.
        let count = venue.unsent(0, now).len() / 2;
        venue.sent(0, count, now);
    }
    venue.closed(0, Nanos(u64::MAX), out);
    venue.flush(Nanos(u64::MAX), out);
    assert_eq!(venue.order_entry().counters().out_of_step, 0);
    assert_eq!(venue.core().live(), 0);
});
