//! The placement test: on every placement and schedule the same bytes come out, and planted mistakes are found.

use super::*;
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::plant::{Plant, plant};
use crate::base::step::Pace;
use crate::book::Host;
use crate::topology::Config;
use crate::topology::chain::Files;
use crate::topology::config::Idle;
use crate::topology::placement::{Bursts, ShardSpec, StageName};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Schedules of the test in CI.
const SCHEDULES: u64 = 10_000;
/// Schedules that are held against one reference run.
const PER_FLOW: u64 = 25;
/// A run takes some thousand turns.
const TURNS_MAX: u64 = 1_000_000;

/// A file in memory.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that a run must agree on.
#[derive(Clone, PartialEq, Eq)]
struct Output {
    orders: String,
    fills: String,
    counts: String,
}

/// One flow in so many closes within its script, with quotes at rest: more of them than a ring may hold.
const CLOSES: u64 = 8;

fn closes(flow: u64) -> bool {
    flow % CLOSES == CLOSES - 1
}

fn config(shards: u16, closes: bool, chance: &mut Chance) -> Config {
    let takes = chance.often(400);
    let strategy = if takes && !closes { "imbalance" } else { "quoter" };
    // Where it closes, orders come to rest and stay there, and the ring of events may hold three.
    let (notional, collar, position) =
        if closes { (100_000, 1_000, 5_000) } else { (10_002, 2, 250) };
    let (sweep, resting) = if closes { (1, 2) } else { (2, 4) };
    let (out, back) = (latency(chance), latency(chance));
    let text = format!(
        "[book]\nshards = {shards}\norders_max = 1024\nlevels_max = 256\ninstruments_max = 6\n\
         [engine]\ngood_until_us = 4\n\
         [strategy]\nname = \"{strategy}\"\n\
         [strategy.imbalance]\nthreshold_per_mille = 600\nqty = 100\nposition_max = 900\n\
         cooldown_ms = 0\n\
         [strategy.quoter]\nqty = 100\nposition_max = 900\nspread_ticks_min = 1\n\
         requote_ticks = 1\ncooldown_ms = 0\n\
         [risk]\nopen_orders_max = 24\n\
         [limits.instrument]\norder_qty_max = 100\norder_notional_max = {notional}\n\
         collar_bp = {collar}\nlong_max = {position}\nshort_max = {position}\n\
         [paper]\nlatency_out_ns = {out}\nlatency_in_ns = {back}\nsweep_levels = {sweep}\nresting_max = {resting}\n",
    );
    Config::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn script(flow: u64, shards: u16, chance: &mut Chance) -> Script {
    let closes = closes(flow);
    Script::new(Flow {
        seed: flow,
        messages: 160,
        instruments: if closes { 6 } else { 4 },
        shards: u32::from(shards),
        gap_max: chance.within(2, 2_000),
        closes,
    })
}

fn latency(chance: &mut Chance) -> u64 {
    match chance.below(3) {
        0 => chance.within(1, 5),
        1 => chance.within(1, 300),
        _ => chance.within(1, 5_000),
    }
}

/// The path cut where the bits say: ingest | book, book | risk, risk | route.
fn placement(shards: u16, cuts: u8) -> Placement {
    let mut runs = vec![vec![StageName::Ingest]];
    let books: Vec<_> = (0..shards).map(StageName::Book).collect();
    let parts =
        [(books, cuts & 1), (vec![StageName::Risk], cuts & 2), (vec![StageName::Route], cuts & 4)];
    for (stages, cut) in parts {
        for stage in stages {
            match runs.last_mut() {
                Some(run) if cut == 0 => run.push(stage),
                _ => runs.push(vec![stage]),
            }
        }
    }
    runs.push(vec![StageName::Log]);
    let spec = |run: Vec<StageName>| {
        let name = format!("{run:?}");
        ShardSpec { name, run, cpu: None, idle: Idle::Spin, real_time: 0 }
    };
    Placement { shards: runs.into_iter().map(spec).collect(), cores_wanted: 0, live: false }
}

/// Draws the rings: from the least that is allowed to 64 deep.
fn draw_depths(config: &mut Config, chance: &mut Chance) {
    let bursts = Bursts::of(config);
    let mut draw = |least: usize| {
        let least = least as u64;
        let deep = chance.within(least, 64.max(least));
        (if chance.often(300) { least } else { deep }) as u32
    };
    let link = &mut config.link;
    link.market.depth = draw(bursts.market);
    link.intent.depth = draw(bursts.intent);
    link.order.depth = draw(bursts.order);
    link.venue.depth = draw(bursts.venue);
    link.event.depth = draw(bursts.event);
    link.answer.depth = draw(bursts.answer);
    link.report.depth = draw(bursts.report);
    link.record.depth = draw(bursts.record);
}

fn run(
    config: &Config,
    placement: &Placement,
    script: &Script,
    seed: u64,
) -> Result<Output, Stuck> {
    run_at(Pace::Lockstep, config, placement, script, seed)
}

fn run_at(
    pace: Pace,
    config: &Config,
    placement: &Placement,
    script: &Script,
    seed: u64,
) -> Result<Output, Stuck> {
    let clock = Clock::calibrated_for_tests();
    let setup = Setup::new(config.clone(), 1, pace, clock, Symbols::new(6));
    let (orders, fills) = (Shared::default(), Shared::default());
    let files =
        Files { orders: Box::new(orders.clone()), fills: Box::new(fills.clone()), ..Files::none() };
    let parts = Parts::of_replay(script.clone(), Arc::default(), files);
    let outcome = simulate(placement, &setup, parts, seed, TURNS_MAX)?;
    let gate = outcome.gate.unwrap();
    outcome.log.unwrap().finish(&gate.open_orders()).unwrap();
    let mut counts = format!("{:?}\n{:?}\n", gate.counts(), outcome.route);
    for (host, paper) in &outcome.books {
        let anomalies: Vec<_> = host.books().anomalies().iter().collect();
        counts += &format!("{paper:?} {anomalies:?}\n");
    }
    for (instrument, holding) in gate.portfolio().traded() {
        counts += &format!("{instrument:?} {holding:?}\n");
    }
    let text = |shared: Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    Ok(Output { orders: text(orders), fills: text(fills), counts })
}

/// How far a series of schedules went.
#[derive(Default)]
struct Seen {
    orders: usize,
    fills: usize,
    states: BTreeSet<String>,
}

/// Runs schedules `from..to`; the first that differs from its reference, or is stuck, is the error.
fn schedules(from: u64, to: u64, mistake: Option<Plant>) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let mut reference: Option<(u64, Config, Script, Output)> = None;
    for schedule in from..to {
        let flow = schedule / PER_FLOW;
        if reference.as_ref().is_none_or(|(of, ..)| *of != flow) {
            let mut chance = Chance::new(flow);
            let shards = if chance.often(500) { 1 } else { 2 };
            let config = config(shards, closes(flow), &mut chance);
            let script = script(flow, shards, &mut chance);
            let output = run(&config, &placement(shards, 0), &script, 0)
                .map_err(|stuck| format!("flow {flow}: the reference run: {stuck:?}"))?;
            seen.orders += output.orders.lines().count() - 1;
            seen.fills += output.fills.lines().count() - 1;
            let ends = output.orders.lines().skip(1);
            let ends = ends.map(|row| row.split(',').skip(10).collect::<Vec<_>>().join(" "));
            seen.states.extend(ends);
            reference = Some((flow, config, script, output));
        }
        let Some((_, config, script, expected)) = &reference else { continue };
        let mut chance = Chance::new(schedule ^ 0x5eed << 32);
        let mut config = config.clone();
        draw_depths(&mut config, &mut chance);
        let shards = config.book.shards;
        // Two book shards are always cut from risk.
        let cuts = chance.below(8) as u8 | if shards > 1 { 2 } else { 0 };
        plant(mistake);
        let found = run(&config, &placement(shards, cuts), script, schedule);
        plant(None);
        match found {
            Err(stuck) => return Err(format!("schedule {schedule}, cuts {cuts:03b}: {stuck:?}")),
            Ok(found) if found != *expected => {
                let difference = first_difference(expected, &found);
                return Err(format!(
                    "schedule {schedule}, {shards} book shards, cuts {cuts:03b}\n{difference}"
                ));
            }
            Ok(_) => {}
        }
    }
    Ok(seen)
}

fn first_difference(expected: &Output, found: &Output) -> String {
    let pairs = [
        (&expected.orders, &found.orders),
        (&expected.fills, &found.fills),
        (&expected.counts, &found.counts),
    ];
    for (expected, found) in pairs {
        let mut lines = expected.lines().zip(found.lines()).enumerate();
        if let Some((n, (a, b))) = lines.find(|(_, (a, b))| a != b) {
            return format!("line {n}\n  reference {a}\n  found     {b}");
        }
        if expected.len() != found.len() {
            return format!("lengths differ: {} and {}", expected.len(), found.len());
        }
    }
    "nothing differs".into()
}

#[test]
fn every_placement_and_schedule_gives_the_same_bytes() {
    let half = SCHEDULES / 2 / PER_FLOW * PER_FLOW;
    let other = std::thread::spawn(move || schedules(0, half, None));
    let mine = schedules(half, SCHEDULES, None);
    let other = other.join().unwrap_or_else(|_| Err("a schedule panicked".into()));
    let mut all = Seen::default();
    for result in [mine, other] {
        let seen = result.unwrap_or_else(|difference| panic!("{difference}"));
        all.orders += seen.orders;
        all.fills += seen.fills;
        all.states.extend(seen.states);
    }
    // A test of nothing proves nothing: orders, fills and every way for an order to end were met.
    assert!(all.orders > 4_000 && all.fills > 500, "{} {}", all.orders, all.fills);
    for state in [
        "filled ",
        "canceled ",
        "canceled venue_expired",
        "replaced ",
        "working ",
        "refused killed",
        "refused order_notional",
        "refused position",
        "refused route_late",
        "rejected venue_halted",
        "rejected venue_not_open",
    ] {
        assert!(all.states.contains(state), "no order ended `{state}`: {:?}", all.states);
    }
}

/// A mistake in the order of events must not go unnoticed.
fn finds(mistake: Plant) {
    let found = schedules(0, 2_000, Some(mistake));
    assert!(found.is_err(), "{mistake:?} went unnoticed");
}

#[test]
fn a_merge_by_arrival_is_found() {
    finds(Plant::MergeByArrival);
}

#[test]
fn not_waiting_for_answers_is_found() {
    finds(Plant::NoWaitForAnswers);
}

#[test]
fn not_waiting_for_events_is_found() {
    finds(Plant::NoWaitForEvents);
}

#[test]
fn a_key_without_its_shard_is_found() {
    finds(Plant::NoShardInKey);
}

#[test]
fn a_promise_of_time_and_rank_only_is_found() {
    finds(Plant::CoarsePromise);
}

#[test]
fn a_capped_pool_is_found() {
    finds(Plant::CappedPool);
}

/// Running free, what comes out depends on the schedule; but every run ends, no stage is called without room, and nothing
/// stays reserved or unanswered (`Join` ends only when nothing is owed).
#[test]
fn a_free_run_ends_on_every_placement_and_schedule() {
    let mut orders = 0;
    for schedule in 0..600 {
        let mut chance = Chance::new(schedule);
        let shards = if chance.often(500) { 1 } else { 2 };
        let mut config = config(shards, closes(schedule), &mut chance);
        draw_depths(&mut config, &mut chance);
        let script = script(schedule, shards, &mut chance);
        let cuts = chance.below(8) as u8 | if shards > 1 { 2 } else { 0 };
        let placement = placement(shards, cuts);
        let found = run_at(Pace::FreeRun, &config, &placement, &script, schedule);
        let output = found.unwrap_or_else(|stuck| panic!("schedule {schedule}: {stuck:?}"));
        orders += output.orders.lines().count() - 1;
    }
    assert!(orders > 5_000, "{orders}");
}
