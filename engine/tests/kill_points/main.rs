//! The kill switch, pulled at each of a thousand points of a session whose connection breaks three times: between any two
//! steps of the gate, the desk, the gateway and the socket. What left is recounted from the bytes, what became of it from
//! the exchange's ledger; a program that is started after it finds the latch in its file.

mod recount;
#[path = "../stranger.rs"]
mod stranger;
mod world;

use coretick::base::command::{Command, Scope};
use coretick::base::message::Kind;
use coretick::base::unit::*;
use coretick::journal::Latches;
use coretick::route::gateway::Phase::Live;
use recount::{Does, Sheet};
use std::collections::BTreeSet;
use std::path::Path;
use world::{MS, PARTS, SYMBOLS, World, strategy_of};

/// Steps of the session.
const STEPS: usize = 250;
/// Before the bytes of these steps move, the connection breaks.
const CUTS: [usize; 3] = [90, 150, 210];
const FIRST: StrategyId = StrategyId(1);

/// What was seen over all points: a test that never met what it is for proves nothing.
#[derive(Debug, Default)]
struct Seen {
    /// Orders open at the kill.
    open: usize,
    /// Points at which an order was cancelled on more than one connection.
    repeated: usize,
    /// Points at which the session was down.
    down: usize,
    /// Orders of others that the kill did not concern, which left after it.
    others: usize,
    executions: usize,
    /// Longest time until nothing was open, ns.
    slowest: i64,
}

fn covers(scope: Scope, name: u64) -> bool {
    match scope {
        Scope::Strategy(id) => strategy_of(name) == id,
        _ => true,
    }
}

/// New orders and replaces in the scope that left behind the first `from` messages.
fn orders_since(world: &World, scope: Scope, from: usize) -> usize {
    let orders = world.recount.left[from..].iter().filter(|left| left.does == Does::Order);
    orders.filter(|left| covers(scope, left.name)).count()
}

fn session(scope: Scope, seed: u64, point: usize, path: &Path, seen: &mut Seen) {
    let mut world = World::new(seed, path);
    let mut left_at = 0;
    for at in 0..STEPS * PARTS {
        let (step, part) = (at / PARTS, at % PARTS);
        if at == point {
            seen.open += world.gateway.open_orders_count();
            seen.down += usize::from(world.gateway.phase() != Live);
            world.ask(Command::Kill(scope));
            left_at = world.recount.left.len();
        }
        if part == PARTS - 1 && CUTS.contains(&step) {
            world.cut();
        }
        world.part(part);
    }
    world.idle(60);
    let context = || format!("{scope:?}, point {point}: {:?}", world.told);

    // Nothing new: by the bytes, by the gate's own word, and of nobody that it did not let out.
    assert_eq!(
        world.recount.left.iter().filter(|it| it.barred && it.does == Does::Order).count(),
        0,
        "{}",
        context()
    );
    let late = |it: &&(u64, Nanos)| it.1 >= world.killed_at && covers(scope, it.0);
    assert_eq!(world.let_out.iter().find(late), None, "{}", context());
    let let_out: BTreeSet<u64> = world.let_out.iter().map(|it| it.0).collect();
    let names = world.recount.names();
    assert!(names.values().all(|name| let_out.contains(name)), "{}", context());

    // Nothing is open, by anybody's word.
    let open = world.gateway.open_orders().filter(|it| covers(scope, it.order.0)).count();
    let at_gate = world.gate.open_orders().iter().filter(|it| covers(scope, it.order.0)).count();
    assert_eq!((open, at_gate), (0, 0), "{}", context());
    if scope == Scope::Firm {
        assert_eq!(world.desk.open_orders(), 0, "{}", context());
    }
    let flat: Vec<_> = world.told.iter().filter(|it| it.head.kind == Kind::FLAT).collect();
    let [flat] = flat[..] else { panic!("{}", context()) };
    assert_eq!(flat.limit, i64::from(scope.level().0));
    assert_eq!(flat.value, flat.head.time.since(world.killed_at).0 as i64, "{}", context());
    seen.slowest = seen.slowest.max(flat.value);
    let latched = world.told.iter().filter(|it| it.head.kind == Kind::LATCHED).count();
    assert_eq!(latched, 1, "{}", context());

    // Cancels went out until the exchange had them.
    let cancels: Vec<_> = world.recount.left[left_at..]
        .iter()
        .filter(|it| it.does == Does::Cancel)
        .map(|it| (it.reference, it.connection))
        .collect();
    let repeated = cancels.iter().any(|(reference, connection)| {
        cancels.iter().any(|it| it.0 == *reference && it.1 != *connection)
    });
    seen.repeated += usize::from(repeated);
    let others = world.recount.left[left_at..].iter().filter(|it| it.does == Does::Order);
    seen.others += others.filter(|it| !covers(scope, it.name)).count();
    let positions = [0, 1].map(|at| world.gate.portfolio().holding(InstrumentId(at)).position.0);
    let settled = world.now;

    // The next program.
    world.restart(path);
    let from = world.recount.left.len();
    world.idle(40);
    let wider = if scope == Scope::Firm { Scope::Strategy(FIRST) } else { Scope::Firm };
    for resumed in [None, Some(wider), Some(Scope::Strategy(StrategyId(2)))] {
        if let Some(other) = resumed {
            // Not the scope that is latched: `barred` is as it was.
            let barred = world.barred;
            world.ask(Command::Resume(other));
            world.barred = barred;
        }
        for _ in 0..8 {
            (0..PARTS).for_each(|part| world.part(part));
        }
    }
    assert_eq!(orders_since(&world, scope, from), 0, "after a start: {:?}", world.told);
    world.ask(Command::Resume(scope));
    for _ in 0..20 {
        (0..PARTS).for_each(|part| world.part(part));
    }
    world.idle(5);
    assert!(orders_since(&world, scope, from) > 0, "resumed: {:?}", world.told);
    assert_eq!(Latches::read(path).latches.iter().count(), 0, "the latch file is empty again");

    let ledger = String::from_utf8(world.venue.into_ledger()).unwrap();
    let sheet = Sheet::of(&ledger, SYMBOLS, settled.0);
    let open = sheet.open.iter().filter(|it| covers(scope, names[it])).count();
    assert_eq!(open, 0, "the exchange's ledger: {scope:?}, point {point}");
    assert_eq!(sheet.positions, positions, "{scope:?}, point {point}");
    seen.executions += sheet.executions;
}

fn at_every_point(scope: Scope, seed: u64) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();
    for point in 0..STEPS * PARTS {
        let path = folder.path().join(format!("{point}.latches"));
        session(scope, seed, point, &path, &mut seen);
    }
    eprintln!("{scope:?}: {seen:?}");
    assert!(seen.open > 5_000 && seen.executions > 10_000, "{seen:?}");
    assert!(seen.repeated > 10 && seen.down > 10, "{seen:?}");
    assert!(seen.slowest > 0 && seen.slowest < (10_000 * MS) as i64, "{seen:?}");
    seen
}

#[test]
fn a_firm_killed_at_any_point_sends_nothing_new_and_is_flat_and_stays_killed() {
    at_every_point(Scope::Firm, 1);
}

#[test]
fn a_strategy_killed_at_any_point_sends_nothing_new_while_another_trades_on() {
    let seen = at_every_point(Scope::Strategy(FIRST), 2);
    assert!(seen.others > 10_000, "{seen:?}");
}
