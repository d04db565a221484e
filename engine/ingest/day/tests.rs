//! Days made frame by frame: flags, ticks, the kill, files end to end.

use super::*;
use crate::base::instrument::Symbol;
use crate::base::unit::ShardId;
use crate::ingest::decode::Decoder;
use crate::wire::frame;
use crate::wire::itch::{AddOrder, Noii, StockDirectory, SystemEvent};
use proptest::prelude::*;
use std::io::Cursor;
use zerocopy::{Immutable, IntoBytes};

const SETTINGS: DaySettings = DaySettings {
    look_ahead: 0,
    tick: Nanos(0),
    kill_at: Nanos::MAX,
    shards: 1,
    stamped: false,
    sample: 1_024,
};

/// A file's frames.
#[derive(Clone, Default)]
struct Frames(Vec<u8>);

impl Frames {
    fn put(mut self, message: &(impl IntoBytes + Immutable)) -> Self {
        frame::write(message.as_bytes(), &mut self.0);
        self
    }

    /// Locate code `n` is announced as the n-th instrument from 1, at `time`.
    fn directory(mut self, count: u16, time: u64) -> Self {
        for locate in 1..=count {
            let stock: Symbol = format!("S{locate}").parse().unwrap();
            self = self.put(&StockDirectory { stock, ..StockDirectory::new(locate, time) });
        }
        self
    }

    fn add(self, locate: u16, time: u64) -> Self {
        let (buy_sell_indicator, shares, price) = (b'B', 1.into(), 1.into());
        self.put(&AddOrder { buy_sell_indicator, shares, price, ..AddOrder::new(locate, time) })
    }

    /// A frame for every shard.
    fn session(self, time: u64) -> Self {
        self.put(&SystemEvent { event_code: b'Q', ..SystemEvent::new(0, time) })
    }

    /// A frame that is counted and goes no further.
    fn off_hop(self, locate: u16, time: u64) -> Self {
        self.put(&Noii::new(locate, time))
    }

    /// A frame one byte too long for its type.
    fn malformed(mut self, locate: u16, time: u64) -> Self {
        let mut bytes = AddOrder::new(locate, time).as_bytes().to_vec();
        bytes.push(0);
        frame::write(&bytes, &mut self.0);
        self
    }
}

fn day(files: Vec<Frames>, settings: DaySettings) -> Day {
    let open = |frames: Frames| ItchFile::from_reader(Box::new(Cursor::new(frames.0)));
    let decoder = Decoder::new(Nanos(0), None, settings.shards as u16);
    let files = files.into_iter().map(open).collect();
    Day::new(files, decoder, settings, Clock::calibrated_for_tests(), Symbols::new(8))
}

/// All messages, which must come with the keys that were told, rising.
fn all(day: &mut Day) -> Vec<Market> {
    let (mut messages, mut last) = (Vec::new(), None);
    loop {
        let key = day.next();
        assert!(last.is_none_or(|last| last < key), "keys rise: {last:?} {key:?}");
        if key == Key::MAX {
            assert_eq!(day.next(), Key::MAX);
            return messages;
        }
        assert_eq!(day.next(), key, "asking changes nothing");
        last = Some(key);
        let message = *day.take();
        assert_eq!(message.key(), key);
        messages.push(message);
    }
}

/// What came, as `kind time`, with a `!` where it is a packet's last, and `!1` where it is for the second shard only.
fn told(messages: &[Market]) -> Vec<String> {
    let one = |m: &Market| {
        let last = if m.head.flags.has(Flags::LAST) { "!" } else { "" };
        let shards = (0..8).filter(|shard| m.head.flags.has(Flags::last_for(1 << shard)));
        let shards: String = shards.map(|shard| format!("!{shard}")).collect();
        format!("{} {}{last}{shards}", m.head.kind, m.head.time.0)
    };
    messages.iter().map(one).collect()
}

/// Behind the directory, if there is one.
fn read(files: Vec<Frames>, settings: DaySettings) -> Vec<String> {
    let messages = all(&mut day(files, settings));
    told(&messages).into_iter().filter(|text| !text.starts_with("directory")).collect()
}

#[test]
fn the_last_of_a_time_is_a_packets_last() {
    let frames =
        Frames::default().directory(1, 1).add(1, 5).add(1, 5).add(1, 6).add(1, 7).add(1, 7);
    assert_eq!(read(vec![frames], SETTINGS), ["add 5", "add 5!", "add 6!", "add 7", "add 7!"]);
}

#[test]
fn frames_off_the_hop_and_malformed_ones_take_no_flag_away() {
    let frames =
        Frames::default().directory(1, 1).add(1, 5).off_hop(1, 5).malformed(1, 5).add(1, 6);
    let frames =
        frames.add(1, 7).off_hop(1, 7).add(1, 7).off_hop(1, 7).off_hop(1, 8).malformed(1, 8);
    let mut day = day(vec![frames], SETTINGS);
    let expected = ["directory 1!", "add 5!", "add 6!", "add 7", "add 7!"];
    assert_eq!(told(&all(&mut day)), expected);
    let counts = day.decoder().counts();
    assert_eq!((counts.malformed(), day.decoder().messages()), (2, 11));
}

#[test]
fn beyond_the_window_messages_of_one_time_are_another_packet() {
    let settings = DaySettings { shards: 2, ..SETTINGS };
    let told_first = |between: usize| {
        let mut frames = Frames::default().directory(2, 1).add(1, 5);
        for _ in 0..between {
            frames = frames.add(2, 5);
        }
        read(vec![frames.add(1, 5)], settings).swap_remove(0)
    };
    assert_eq!((told_first(AHEAD - 1), told_first(AHEAD)), ("add 5".into(), "add 5!".into()));
}

#[test]
fn each_shard_has_its_own_last() {
    let settings = DaySettings { shards: 2, ..SETTINGS };
    // Locate 1 and 3 are of the first shard, 2 of the second.
    let frames =
        Frames::default().directory(3, 1).add(1, 5).add(2, 5).add(3, 5).add(2, 6).add(1, 6);
    let messages = all(&mut day(vec![frames], settings));
    assert_eq!(told(&messages[3..]), ["add 5", "add 5!", "add 5!", "add 6!", "add 6!"]);
    let frames = Frames::default().directory(2, 1).add(1, 5).add(2, 5).session(5).add(1, 5);
    let expected = ["add 5", "add 5", "session 5!1", "add 5!"];
    assert_eq!(read(vec![frames], settings), expected, "nothing follows for the second shard");
    let frames = Frames::default().directory(2, 1).session(5).session(5).add(1, 5).add(2, 6);
    assert_eq!(read(vec![frames], settings), ["session 5", "session 5!1", "add 5!", "add 6!"]);
    // A locate code that nobody announced has no instrument: the fan sends it to the second of two.
    let frames = Frames::default().directory(1, 1).add(1, 5).add(9, 5).session(6).add(9, 6);
    assert_eq!(read(vec![frames], settings), ["add 5!", "add 5!", "session 6!0", "add 6!"]);
    let mut two = day(vec![Frames::default().directory(3, 1)], settings);
    all(&mut two);
    let shards: Vec<_> = two.decoder().table().iter().map(|(_, known)| known.shard).collect();
    assert_eq!(shards, [ShardId(0), ShardId(1), ShardId(0)]);
}

#[test]
fn ticks_come_at_their_multiples_behind_what_has_their_time() {
    let settings = DaySettings { tick: Nanos(10), ..SETTINGS };
    let frames = Frames::default().directory(1, 5).add(1, 10).add(1, 10).add(1, 11).add(1, 40);
    let expected = ["add 10", "add 10!", "tick 10!", "add 11!", "tick 20!", "tick 30!", "add 40!"];
    assert_eq!(
        read(vec![frames], settings),
        expected,
        "none before the first frame or after the last"
    );
    let late = Frames::default().add(1, 20).add(1, 29).add(1, 31);
    assert_eq!(read(vec![late], settings), ["add 20!", "add 29!", "tick 30!", "add 31!"]);
}

#[test]
fn the_kill_comes_once_before_all_of_its_time() {
    let frames = || Frames::default().directory(1, 1).add(1, 5).add(1, 8).add(1, 8).add(1, 40);
    let read_at = |at, tick| {
        read(vec![frames()], DaySettings { kill_at: Nanos(at), tick: Nanos(tick), ..SETTINGS })
    };
    assert_eq!(read_at(8, 0), ["add 5!", "kill 8!", "add 8", "add 8!", "add 40!"]);
    assert_eq!(read_at(9, 0), ["add 5!", "add 8", "add 8!", "kill 9!", "add 40!"]);
    assert_eq!(read_at(41, 0), ["add 5!", "add 8", "add 8!", "add 40!"]);
    assert_eq!(read_at(0, 0)[0], "kill 0!");
    let expected =
        ["add 5!", "add 8", "add 8!", "tick 10!", "kill 20!", "tick 20!", "tick 30!", "add 40!"];
    assert_eq!(read_at(20, 10), expected, "the clock never steps back");
}

#[test]
fn several_files_are_read_as_one_day() {
    let settings = DaySettings { tick: Nanos(10), kill_at: Nanos(25), ..SETTINGS };
    let whole = Frames::default().directory(2, 1).add(1, 5).add(2, 12).add(1, 30);
    let expected = all(&mut day(vec![whole], settings));
    let parts = vec![
        Frames::default().directory(2, 1).add(1, 5),
        Frames::default(),
        Frames::default().add(2, 12),
        Frames::default().add(1, 30),
    ];
    let bytes = parts.iter().map(|part| part.0.len() as u64).sum::<u64>();
    let mut day = day(parts, settings);
    assert_eq!(all(&mut day), expected);
    assert_eq!((day.position(), day.fault()), (bytes, None), "however often one asks for more");
}

#[test]
fn a_malformed_frame_has_its_place_in_its_own_file() {
    let first = Frames::default().directory(1, 1).add(1, 5);
    let second = Frames::default().add(1, 6).malformed(1, 6);
    let offset = (second.0.len() - (AddOrder::new(1, 6).as_bytes().len() + 1 + 2)) as u64;
    let mut day = day(vec![first, Frames::default(), second.malformed(1, 7)], SETTINGS);
    assert_eq!(told(&all(&mut day)), ["directory 1!", "add 5!", "add 6!"]);
    let flaw = day.decoder().counts().wrong_length;
    let place = flaw.first.map(|place| (place.message, place.file, place.offset));
    assert_eq!((flaw.count, place), (2, Some((4, 2, offset))));
}

#[test]
fn what_comes_with_an_earlier_time_is_given_the_last_one_and_is_of_its_packet() {
    let first = Frames::default().directory(1, 1).add(1, 9).add(1, 7);
    let second = Frames::default().add(1, 8).add(1, 10);
    assert_eq!(read(vec![first, second], SETTINGS), ["add 9", "add 9", "add 9!", "add 10!"]);
}

/// What comes of adds at these times, in ms, in one file or several; and how many are malformed.
fn read_times(files: &[&[u64]]) -> (Vec<u64>, u64) {
    let file = |times: &&[u64]| {
        times.iter().fold(Frames::default(), |frames, &time| frames.add(1, time * 1_000_000))
    };
    let mut day = day(files.iter().map(file).collect(), SETTINGS);
    let times = all(&mut day).iter().map(|m| m.head.time.0 / 1_000_000).collect();
    assert_eq!(day.decoder().messages() as usize, files.concat().len());
    (times, day.decoder().counts().malformed())
}

#[test]
fn a_time_that_leaps_alone_is_malformed_and_holds_nothing_up() {
    // 10 hours: 36,000,000 ms; the day has 86,400,000.
    assert_eq!(read_times(&[&[5, 36_000_000, 6, 7]]), (vec![5, 6, 7], 1));
    assert_eq!(read_times(&[&[36_000_000, 5, 6]]), (vec![5, 6], 1), "the first");
    assert_eq!(read_times(&[&[5, 36_000_000], &[6, 7]]), (vec![5, 6, 7], 1), "a file's last");
    let damaged = [5, 36_000_000, 50_000_000, 6, 7, 8, 9, 10];
    assert_eq!(read_times(&[&damaged]), (vec![5, 6, 7, 8, 9, 10], 2), "two at once");
    let late = [5, 86_400_000, 86_400_001, 280_000_000, 6];
    assert_eq!(read_times(&[&late]), (vec![5, 6], 3), "after the day's end");
    let end = [86_399_999, 86_400_000];
    assert_eq!(read_times(&[&end]), (vec![86_399_999], 1), "just after");
}

#[test]
fn a_leap_of_time_that_others_confirm_is_one() {
    for times in [&[5, 36_000_000, 36_000_001][..], &[36_000_000, 36_000_001], &[5, 36_000_000]] {
        assert_eq!(read_times(&[times]), (times.to_vec(), 0));
    }
    assert_eq!(read_times(&[&[5], &[40_000], &[80_000]]), (vec![5, 40_000, 80_000], 0), "files");
    let behind = [5, 40_000, 39_990, 40_001];
    assert_eq!(read_times(&[&behind]), (vec![5, 40_000, 40_000, 40_001], 0), "nearly in order");
    let damaged = [5, 40_000, 0, 40_001];
    assert_eq!(read_times(&[&damaged]), (vec![5, 40_000, 40_000, 40_001], 0), "one against it");
}

#[test]
fn a_file_that_breaks_off_ends_the_day_with_its_fault() {
    let mut first = Frames::default().directory(1, 1).add(1, 5).add(1, 6);
    first.0.truncate(first.0.len() - 3);
    let mut day = day(vec![first, Frames::default().add(1, 7)], SETTINGS);
    assert_eq!(told(&all(&mut day)), ["directory 1!", "add 5!"]);
    assert!(day.fault().is_some());
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Add { locate: u16, gap: u64 },
    Session,
    OffHop,
    Malformed { gap: u64 },
    NextFile,
}

fn piece() -> impl Strategy<Value = Piece> {
    let gap = || prop_oneof![Just(0u64), 0..30u64];
    prop_oneof![
        6 => (1..5u16, gap()).prop_map(|(locate, gap)| Piece::Add { locate, gap }),
        1 => Just(Piece::Session),
        1 => Just(Piece::OffHop),
        1 => gap().prop_map(|gap| Piece::Malformed { gap }),
        1 => Just(Piece::NextFile),
    ]
}

proptest! {
    /// `all` checks that keys rise and are those of the messages.
    #[test]
    fn whatever_the_frames_the_order_of_events_is_kept(
        pieces in prop::collection::vec(piece(), 0..60),
        tick in prop_oneof![Just(0u64), 1..20u64],
        kill_at in prop_oneof![Just(u64::MAX), 0..300u64],
        shards in 1..4usize,
    ) {
        let settings = DaySettings { tick: Nanos(tick), kill_at: Nanos(kill_at), shards, ..SETTINGS };
        let (mut files, mut frames, mut time) = (Vec::new(), Frames::default().directory(3, 1), 1);
        let mut adds = 0;
        for piece in pieces {
            frames = match piece {
                Piece::Add { locate, gap } => {
                    (time, adds) = (time + gap, adds + 1);
                    frames.add(locate, time)
                }
                Piece::Session => frames.session(time),
                Piece::OffHop => frames.off_hop(1, time),
                Piece::Malformed { gap } => frames.malformed(2, time + gap),
                Piece::NextFile => {
                    files.push(frames);
                    // A file is known by its first frame.
                    Frames::default().off_hop(1, time)
                }
            };
        }
        files.push(frames);
        let messages = all(&mut day(files, settings));
        // The multiples between the first frame's time, which is 1, and the last one's.
        let ticks = (2..time).filter(|at| tick > 0 && at % tick == 0).count() as u64;
        let of = |kind| messages.iter().filter(move |m| m.head.kind == kind).count() as u64;
        prop_assert_eq!(of(Kind::ADD), adds);
        prop_assert_eq!(of(Kind::KILL), u64::from(kill_at <= time));
        prop_assert_eq!(of(Kind::TICK), ticks);
        // Of what a shard hears, the last message of each time has the flag, and no other; ticks and the kill always.
        for shard in 0..shards {
            let hears = |m: &&Market| m.is_for_all() || m.head.instrument.index() % shards == shard;
            let heard: Vec<_> = messages.iter().filter(hears).map(|m| m.copy_for(shard)).collect();
            let last = |m: &Market| m.head.flags.has(Flags::LAST);
            let (timers, market): (Vec<_>, Vec<_>) =
                heard.iter().partition(|m| matches!(m.head.kind, Kind::TICK | Kind::KILL));
            prop_assert!(timers.into_iter().all(last));
            for (at, message) in market.iter().enumerate() {
                let packet_goes_on = market.get(at + 1).is_some_and(|next| next.head.time == message.head.time);
                prop_assert_eq!(last(message), !packet_goes_on, "{} of {}", at, shard);
            }
            prop_assert!(heard.iter().all(|m| m.head.flags.0 < 1 << 8), "what is each shard's own stays at the fan");
        }
    }
}
