//! Promises of the faults.

use super::*;
use crate::exchange::market_data::Line;
use crate::exchange::matching::Command;
use crate::exchange::unit::{Locate, MatchNumber};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MS: u64 = 1_000_000;

fn line(faults: &Faults) -> PacketFaults<u8> {
    PacketFaults::of_line(faults, Line::A, Nanos(0))
}

/// Packets 0 to `count` - 1, one every 100 us, each its own number; what came out when, everything waited for.
fn run(faults: &Faults, count: u32) -> (Vec<(u32, Nanos)>, PacketCounts) {
    let (mut machine, mut got) = (line(faults), Vec::new());
    let mut now = Nanos(0);
    for packet in 0..count {
        now = Nanos(u64::from(packet) * MS / 10);
        machine.pass(9, &packet.to_be_bytes(), now, &mut keep(&mut got, now));
    }
    while let Some(due) = machine.next_due() {
        assert!(due > now, "what was due at {now:?} is still there");
        now = due;
        machine.due(now, &mut keep(&mut got, now));
    }
    assert_eq!(machine.held(), 0);
    (got, machine.counts())
}

fn keep(got: &mut Vec<(u32, Nanos)>, now: Nanos) -> impl FnMut(u8, &[u8]) {
    move |tag, bytes| {
        assert_eq!(tag, 9);
        got.push((u32::from_be_bytes(bytes.try_into().unwrap()), now));
    }
}

fn numbers(got: &[(u32, Nanos)]) -> Vec<u32> {
    got.iter().map(|&(packet, _)| packet).collect()
}

#[test]
fn text_says_faults() {
    let faults =
        Faults::parse("loss=0.01,dup=0.005, reorder=8,a-dead=10s..20s,b_delay = 5ms").unwrap();
    assert_eq!(
        faults,
        Faults {
            loss: Chance::parts(10_000_000),
            dup: Chance::parts(5_000_000),
            reorder: 8,
            a_dead: Some(Window::new(Nanos(10_000 * MS), Nanos(20_000 * MS))),
            b_delay: Span(Nanos(5 * MS)),
            ..Faults::default()
        }
    );
    assert_eq!(faults.to_string(), "loss=0.01,dup=0.005,reorder=8,b-delay=5ms,a-dead=10s..20s");
    assert_eq!(Faults::parse(&faults.to_string()), Ok(faults));
    assert_eq!(Faults::parse(""), Ok(Faults::default()));
}

#[test]
fn errors_name_the_key_and_what_could_be() {
    let text = |text| Faults::parse(text).unwrap_err().to_string();
    assert_eq!(
        text("loss=1.5"),
        "loss cannot be `1.5`: give a chance from 0 to 1, with nine decimal places at most"
    );
    assert_eq!(
        text("a-dead=20s"),
        "a-dead cannot be `20s`: give a time from..to in spans since the start, as 10s..20s, or 10s.. without an end"
    );
    assert_eq!(text("loss"), "`loss` has no value: write loss=...");
    assert_eq!(text("a-delay=1s,a_delay=2s"), "`a-delay` is given twice");
    assert_eq!(
        text("b-lost=1"),
        "there is no fault `b-lost`; there are seed, loss, dup, reorder, reorder-chance, a-delay, b-delay, \
         a-dead, b-dead, both-dead, held-max, rerequest-loss, rerequest-dup, rerequest-reorder, \
         rerequest-reorder-chance, rerequest-delay, rerequest-dead, snapshot-disconnect-after, \
         snapshot-disconnect-within, snapshot-disconnect-times, snapshot-login-refusals, \
         snapshot-login-refusal-chance, snapshot-delay, snapshot-delay-chance, disconnect-after, disconnect-within, disconnect-times, login-refusals, login-refusal-chance, \
         ack-delay, ack-delay-chance, bust, bust-delay"
    );
}

#[test]
fn toml_says_the_same() {
    let toml =
        "loss = 0.01\ndup = '0.005'\nreorder = 8\na_dead = '10s..20s'\nb_delay = '5ms'\nbust = 1\n";
    let faults: Faults = toml::from_str(toml).unwrap();
    let text = "loss=0.01,dup=0.005,reorder=8,a-dead=10s..20s,b-delay=5ms,bust=1";
    assert_eq!(Ok(&faults), Faults::parse(text).as_ref());
    assert_eq!(toml::from_str::<Faults>(&toml::to_string(&faults).unwrap()).unwrap(), faults);
    let refused = |toml| toml::from_str::<Faults>(toml).unwrap_err().to_string();
    assert!(refused("lost = 0.1").contains("unknown field `lost`"));
    assert!(refused("loss = 1.5").contains("a chance from 0 to 1"), "{}", refused("loss = 1.5"));
    assert!(refused("a_delay = 5").contains("a span of time"));
}

#[test]
fn a_dead_line_is_silent_from_to() {
    let faults = Faults::parse("a-dead=1ms..2ms,both-dead=3ms..").unwrap();
    let (got, counts) = run(&faults, 40);
    assert_eq!(numbers(&got), (0..10).chain(20..30).collect::<Vec<_>>());
    assert_eq!((counts.dead, counts.sent), (20, 20));
    let mut other = PacketFaults::of_line(&faults, Line::B, Nanos(5));
    let mut count = |now: u64| {
        let mut count = 0;
        other.pass((), b"x", Nanos(now), &mut |(), _| count += 1);
        count
    };
    // Only of both; and counted from the start.
    assert_eq!([count(3 * MS / 2), count(3 * MS + 4), count(3 * MS + 5)], [1, 1, 0]);
}

#[test]
fn a_delayed_line_is_late_by_that() {
    let (got, counts) = run(&Faults::parse("a-delay=250us").unwrap(), 50);
    assert_eq!(numbers(&got), (0..50).collect::<Vec<_>>());
    // Found when the next packet comes, 100 us apart, or when it is due.
    for (packet, at) in got {
        let late = at.0 - u64::from(packet) * MS / 10;
        assert!((250_000..350_000).contains(&late), "{packet} was late by {late} ns");
    }
    assert_eq!(counts.sent, 50);
}

#[test]
fn too_many_held_are_lost_and_counted() {
    let faults = Faults::parse("a-delay=1s,held-max=7").unwrap();
    let (got, counts) = run(&faults, 20);
    assert_eq!(numbers(&got), (0..7).collect::<Vec<_>>());
    assert_eq!((counts.overflowed, counts.sent), (13, 7));
}

#[test]
fn always_lost_never_comes_and_always_doubled_comes_twice() {
    let (got, counts) = run(&Faults::parse("loss=1").unwrap(), 20);
    assert_eq!((got, counts.lost), (vec![], 20));
    let (got, counts) = run(&Faults::parse("dup=1").unwrap(), 3);
    assert_eq!((numbers(&got), counts.duplicated), (vec![0, 0, 1, 1, 2, 2], 3));
}

#[test]
fn a_packet_held_back_leaves_though_no_other_comes() {
    let (got, _) = run(&Faults::parse("reorder=8,reorder-chance=1").unwrap(), 1);
    assert_eq!(got, [(0, Nanos(10 * MS))]);
}

#[test]
fn reordering_reorders() {
    let (got, counts) = run(&Faults::parse("reorder=8").unwrap(), 10_000);
    let got = numbers(&got);
    assert!(got.windows(2).filter(|pair| pair[0] > pair[1]).count() > 500);
    assert!((880..1_120).contains(&counts.reordered), "{}", counts.reordered);
}

#[test]
fn lines_draw_apart() {
    let faults = Faults::parse("loss=0.5").unwrap();
    let lost = |line| {
        let mut machine = PacketFaults::of_line(&faults, line, Nanos(0));
        let mut got = Vec::new();
        (0..100_u8).for_each(|n| machine.pass((), &[n], Nanos(0), &mut |(), p| got.push(p[0])));
        got
    };
    assert_ne!(lost(Line::A), lost(Line::B));
    assert_eq!(lost(Line::A), lost(Line::A));
}

#[test]
fn a_slow_rerequest_server_answers_to_who_asked() {
    let faults = Faults::parse("rerequest-delay=5ms,rerequest-dead=1s..").unwrap();
    let mut server = PacketFaults::of_rerequests(&faults, Nanos(0));
    let mut got = Vec::new();
    let mut out = |whom: &'static str, bytes: &[u8]| got.push((whom, bytes.to_vec()));
    server.pass("first", b"1", Nanos(0), &mut out);
    server.pass("second", b"2", Nanos(1), &mut out);
    assert_eq!(server.next_due(), Some(Nanos(5 * MS)));
    server.due(Nanos(5 * MS + 1), &mut out);
    server.pass("third", b"3", Nanos(1_000 * MS), &mut out);
    server.due(Nanos(2_000 * MS), &mut out);
    assert_eq!(got, [("first", b"1".to_vec()), ("second", b"2".to_vec())]);
}

#[test]
fn answers_to_rerequests_are_doubled_and_overtaken() {
    let faults = Faults::parse("rerequest-dup=0.1,rerequest-reorder=4").unwrap();
    let mut machine = PacketFaults::of_rerequests(&faults, Nanos(0));
    let mut got = Vec::new();
    for number in 0..1_000_u32 {
        machine.pass((), &number.to_be_bytes(), Nanos(0), &mut |(), bytes| {
            got.push(u32::from_be_bytes(bytes.try_into().unwrap()));
        });
    }
    machine.due(Nanos(MS * 10), &mut |(), bytes| {
        got.push(u32::from_be_bytes(bytes.try_into().unwrap()));
    });
    let counts = machine.counts();
    assert!(counts.duplicated > 50 && counts.reordered > 50, "{counts:?}");
    assert_eq!(got.len() as u64, 1_000 + counts.duplicated);
    assert!(got.windows(2).any(|pair| pair[0] > pair[1]));
    // A line has none of it.
    let (got, counts) = run(&faults, 100);
    assert_eq!((numbers(&got), counts.duplicated), ((0..100).collect(), 0));
}

#[test]
fn snapshots_are_late_by_chance() {
    let faults = Faults::parse("snapshot-delay=10ms,snapshot-delay-chance=0.5").unwrap();
    let at = |number| AnswerFaults::of_snapshots(&faults, number).leaves_at(Nanos(5));
    let late = (0..1_000).filter(|&number| at(number) == Nanos(10 * MS + 5)).count();
    assert!((420..580).contains(&late), "{late}");
    assert_eq!((0..1_000).filter(|&number| at(number) == Nanos(5)).count(), 1_000 - late);
}

#[test]
fn a_connection_ends_after_its_byte() {
    let faults = Faults::parse("disconnect-after=10,disconnect-times=1").unwrap();
    let mut first = ConnectionFaults::new(&faults, 0);
    assert_eq!((first.allow(4), first.is_over()), (4, false));
    assert_eq!((first.allow(7), first.is_over(), first.allow(1)), (6, true, 0));
    let mut second = ConnectionFaults::new(&faults, 1);
    assert_eq!((second.allow(1_000_000), second.is_over()), (1_000_000, false));
}

#[test]
fn a_connection_ends_at_any_byte_within() {
    let faults = Faults::parse("disconnect-within=4").unwrap();
    let ends: BTreeSet<_> = (0..100).map(|n| ConnectionFaults::new(&faults, n).allow(99)).collect();
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn the_first_logins_are_refused_and_then_some() {
    let mut logins = LoginFaults::new(&Faults::parse("login-refusals=2").unwrap());
    assert_eq!([(); 4].map(|()| logins.refuses()), [true, true, false, false]);
    let mut logins = LoginFaults::new(&Faults::parse("login-refusal-chance=0.5").unwrap());
    let refused = (0..1_000).filter(|_| logins.refuses()).count();
    assert!((420..580).contains(&refused), "{refused}");
}

#[test]
fn answers_behind_a_late_one_wait_for_it() {
    let mut acks = AnswerFaults::of_orders(&Faults::parse("ack-delay=10ms").unwrap(), 0);
    assert_eq!(acks.leaves_at(Nanos(5)), Nanos(10 * MS + 5));
    let faults = Faults::parse("ack-delay=10ms,ack-delay-chance=0.2").unwrap();
    let mut acks = AnswerFaults::of_orders(&faults, 0);
    let times: Vec<_> = (0..1_000).map(|n| (n * MS, acks.leaves_at(Nanos(n * MS)).0)).collect();
    assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    assert!(times.iter().all(|&(ready, at)| (ready..=ready + 10 * MS).contains(&at)));
    assert!(times.iter().any(|&(ready, at)| at == ready));
    assert!(times.iter().any(|&(ready, at)| at == ready + 10 * MS));
}

#[test]
fn busted_trades_are_broken_later() {
    let mut busts = BustFaults::new(&Faults::parse("bust=1,bust-delay=3ms").unwrap());
    busts.on_execution(Locate(2), MatchNumber(7), Nanos(1));
    assert_eq!((busts.due(Nanos(3 * MS)), busts.next_due()), (None, Some(Nanos(3 * MS + 1))));
    let broken = Command::Break { match_number: MatchNumber(7), locate: Locate(2) };
    assert_eq!((busts.due(Nanos(4 * MS)), busts.due(Nanos(4 * MS))), (Some(broken), None));
    (0..2_000).for_each(|n| busts.on_execution(Locate(1), MatchNumber(n), Nanos(0)));
    assert_eq!(busts.spared(), 2_000 - 1_024);
    let mut none = BustFaults::new(&Faults::default());
    (0..2_000).for_each(|n| none.on_execution(Locate(1), MatchNumber(n), Nanos(0)));
    assert_eq!(none.next_due(), None);
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![Just(Chance::NEVER), (0..=1_000_000_000_u32).prop_map(Chance::parts)]
}

fn any_faults() -> impl Strategy<Value = Faults> {
    let window = prop::option::of((0..40_u64, 1..40_u64)).prop_map(|w| {
        w.map(|(from, len)| Window::new(Nanos(from * MS / 10), Nanos((from + len) * MS / 10)))
    });
    (
        (any::<u64>(), chance(), chance(), 0..12_u32, chance()),
        (prop_oneof![Just(0), 0..2 * MS], window, prop_oneof![Just(4_096_u32), 0..20_u32]),
    )
        .prop_map(|((seed, loss, dup, reorder, reorder_chance), (delay, a_dead, held_max))| {
            Faults {
                seed,
                loss,
                dup,
                reorder,
                reorder_chance,
                a_delay: Span(Nanos(delay)),
                a_dead,
                held_max,
                ..Faults::default()
            }
        })
}

proptest! {
    #[test]
    fn without_faults_all_is_as_it_was(
        packets in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..80), 0..10_u64), 0..50),
        seed in any::<u64>(),
    ) {
        let (mut machine, mut now) = (line(&Faults { seed, ..Faults::default() }), Nanos(0));
        for (packet, gap) in packets {
            now = now.plus(Nanos(gap * MS));
            let mut got = Vec::new();
            machine.pass(3, &packet, now, &mut |tag, bytes| got.push((tag, bytes.to_vec())));
            prop_assert_eq!(got, [(3, packet)]);
            prop_assert_eq!(machine.next_due(), None);
        }
    }

    #[test]
    fn whatever_strikes_every_packet_is_accounted_for(faults in any_faults(), count in 0..200_u32) {
        let (got, counts) = run(&faults, count);
        let PacketCounts { passed, sent, lost, duplicated, reordered, dead, overflowed } = counts;
        prop_assert_eq!(passed, u64::from(count));
        prop_assert_eq!(sent, got.len() as u64);
        prop_assert_eq!(passed + duplicated, sent + lost + dead + overflowed);
        prop_assert!(faults.reorder > 0 || reordered == 0);
        // What went in comes out at most once, and once more for each copy made.
        let mut times = BTreeMap::<u32, u64>::new();
        got.iter().for_each(|&(packet, _)| *times.entry(packet).or_default() += 1);
        prop_assert!(times.iter().all(|(&packet, &times)| packet < count && times <= 2));
        prop_assert!(times.values().filter(|&&times| times == 2).count() as u64 <= duplicated);
        prop_assert!(faults.dup != Chance::NEVER || duplicated == 0);
        // None comes before its time, and none is overtaken by more than it may be.
        for (place, &(packet, at)) in got.iter().enumerate() {
            prop_assert!(at.0 >= u64::from(packet) * MS / 10 + faults.a_delay.0.0);
            let ahead: BTreeSet<_> = got[..place].iter().map(|g| g.0).filter(|&p| p > packet).collect();
            prop_assert!(ahead.len() as u32 <= faults.reorder);
        }
        prop_assert_eq!(run(&faults, count), (got, counts));
    }

    #[test]
    fn one_faults_setting_does_not_change_when_another_strikes(faults in any_faults(), count in 0..200_u32) {
        // Room for all, and no dead time: that hides what is lost.
        let all = Faults { held_max: 4_096, a_dead: None, ..faults };
        let seen = |faults: &Faults| run(faults, count).0.iter().map(|g| g.0).collect::<BTreeSet<_>>();
        let loss_alone = Faults { seed: all.seed, loss: all.loss, ..Faults::default() };
        prop_assert_eq!(seen(&all), seen(&loss_alone));
        let lossless = Faults { loss: Chance::NEVER, ..all.clone() };
        let doubled = |faults: &Faults| {
            let mut got = numbers(&run(faults, count).0);
            got.sort_unstable();
            got.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect::<BTreeSet<_>>()
        };
        let dup_alone = Faults { seed: all.seed, dup: all.dup, ..Faults::default() };
        prop_assert_eq!(doubled(&lossless), doubled(&dup_alone));
    }

    #[test]
    fn no_text_is_too_strange(text in "[a-z=,.0-9 _-]{0,40}", value in ".{0,12}", key in 0..Faults::KEYS.len()) {
        let _ = Faults::parse(&text);
        let one = format!("{}={value}", Faults::KEYS[key]);
        if let Ok(faults) = Faults::parse(&one) {
            prop_assert_eq!(Faults::parse(&faults.to_string()), Ok(faults));
        }
    }

    #[test]
    fn what_is_written_is_read(faults in any_faults()) {
        prop_assert_eq!(Faults::parse(&faults.to_string()), Ok(faults.clone()));
        let faults = Faults { seed: faults.seed >> 1, ..faults };
        prop_assert_eq!(toml::from_str::<Faults>(&toml::to_string(&faults).unwrap()).unwrap(), faults);
    }
}
