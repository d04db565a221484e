//! What a configuration promises its reader: the line, the reason, the fix.

use super::chain::ByInstrument;
use super::config::{Config, Executor, PlacementName};
use super::limits;
use super::machine::{Cpu, Machine, Node};
use super::memory;
use super::placement::{Bursts, Placement, StageName};
use super::source::DEFAULT;
use crate::base::instrument::Symbol;
use crate::base::message::{Flags, Kind, Market};
use crate::base::stage::{Fan, Sink};
use crate::base::testing::{Recorder, market};
use crate::base::unit::{InstrumentId, Nanos, Price};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::fs;
use std::sync::Arc;

fn refusal(text: &str) -> String {
    Config::parse("my.toml", text).expect_err(text).to_string()
}

/// The refusal of `text` as a placement on `machine`.
fn misplaced(text: &str, machine: &Machine) -> String {
    let config = Config::parse("my.toml", text).unwrap_or_else(|error| panic!("{error}"));
    Placement::new(&config, machine, &Bursts::of(&config)).expect_err(text).to_string()
}

fn starts(text: &str, start: &str) {
    assert!(text.starts_with(start), "\n   got: {text}\nwanted: {start}");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_key() {
    assert_eq!(
        refusal("\n[ingest]\nlookahead = 3\n"),
        "my.toml:3:1: unknown key `ingest.lookahead`: did you mean `look_ahead`?"
    );
    assert_eq!(
        refusal("[link.market]\ndepht = 4\n"),
        "my.toml:2:1: unknown key `link.market.depht`: did you mean `depth`?"
    );
    assert_eq!(
        refusal("[latency]\ncolour = 3"),
        "my.toml:2:1: unknown key `latency.colour`: use one of sample, sample_orders"
    );
    starts(
        &refusal("[ingset]\nbatch = 1"),
        "my.toml:1:2: unknown key `ingset`: did you mean `ingest`?",
    );
    starts(
        &refusal("book.shard = 2"),
        "my.toml:1:6: unknown key `book.shard`: did you mean `shards`?",
    );
    starts(
        &refusal("[[shard]]\nname = \"a\"\nrun = []\nidle = \"spin\"\ncore = 1\n"),
        "my.toml:5:1: unknown key `shard[0].core`: use one of name, cpu, run, idle",
    );
}

#[test]
fn real_time_priority_starves_nobody() {
    let cores = Machine::uniform(3);
    let shards = |hot: &str, log: &str| {
        format!(
            "topology.real_time = 7\ntopology.oversubscribe = true\n\
             [[shard]]\nname = \"hot\"\n{hot}run = [\"ingest\", \"book\", \"risk\"]\nidle = \"spin\"\n\
             [[shard]]\nname = \"out\"\ncpu = 1\nrun = [\"route\"]\nidle = \"pause\"\n\
             [[shard]]\nname = \"log\"\n{log}run = [\"log\"]\nidle = \"back-off\"\n"
        )
    };
    let config = Config::parse("my.toml", &shards("cpu = 2\n", "cpu = 0\n")).unwrap();
    let placement = Placement::new(&config, &cores, &Bursts::of(&config)).unwrap();
    let raised: Vec<_> = placement.shards.iter().map(|shard| shard.real_time).collect();
    assert_eq!(raised, [7, 7, 0], "who sleeps needs none");
    // One that is not pinned would take whatever CPU it is put on.
    let config = Config::parse("my.toml", &shards("", "cpu = 0\n")).unwrap();
    let placement = Placement::new(&config, &cores, &Bursts::of(&config)).unwrap();
    assert_eq!(placement.shards[0].real_time, 0);

    assert_eq!(
        misplaced(&shards("cpu = 2\n", "cpu = 1\n"), &cores),
        "my.toml:1:10: `topology.real_time`: shard \"log\" would hardly ever run beside \"out\" on CPU 1: \
         give each its own, or set it to 0"
    );
    starts(
        &misplaced(&shards("cpu = 0\n", ""), &Machine::uniform(2)),
        "my.toml:1:10: `topology.real_time`: no CPU of 0-1 would be left for the log",
    );
    let slow = shards("cpu = 2\n", "").replace("spin", "yield").replace("pause", "back-off");
    starts(&misplaced(&slow, &cores), "my.toml:1:10: `topology.real_time`: no shard is pinned");
    starts(&refusal("topology.real_time = 100"), "my.toml:1:10: `topology.real_time`: 100 is out");
}

#[test]
fn the_kernels_thread_that_receives_is_not_put_where_it_never_runs() {
    let cores = Machine::uniform(3);
    let text = |feed: &str, real_time: u32| {
        format!(
            "feed.transport = \"uring\"\nfeed.uring_sqpoll = true\n{feed}\ntopology.real_time = {real_time}\n\
             [[shard]]\nname = \"hot\"\ncpu = 2\nrun = [\"ingest\", \"book\", \"risk\", \"route\"]\nidle = \"spin\"\n\
             [[shard]]\nname = \"log\"\ncpu = 0\nrun = [\"log\"]\nidle = \"back-off\"\n"
        )
    };
    assert_eq!(
        misplaced(&text("", 7), &cores),
        "my.toml:2:6: `feed.uring_sqpoll`: the kernel's thread that receives would have CPU 2, where shard \"hot\" spins with \
         real-time priority, and next to no turn: set `feed.uring_sqpoll_cpu` to a CPU without such a shard, \
         `feed.uring_sqpoll = false`, or `topology.real_time = 0`"
    );
    starts(
        &misplaced(&text("feed.uring_sqpoll_cpu = 2", 7), &cores),
        "my.toml:3:6: `feed.uring_sqpoll_cpu`: the kernel's thread that receives would have CPU 2",
    );
    starts(
        &misplaced(&text("feed.uring_sqpoll_cpu = 3", 0), &cores),
        "my.toml:3:6: `feed.uring_sqpoll_cpu`: this process has no CPU 3: choose one of 0-2",
    );
    let placed = |feed: &str, real_time| {
        let config = Config::parse("my.toml", &text(feed, real_time)).unwrap();
        let placement = Placement::new(&config, &cores, &Bursts::of(&config)).unwrap();
        let again = Config::parse("again.toml", &config.to_toml()).unwrap();
        assert_eq!(again.feed, config.feed);
        assert_eq!(config.lines().sqpoll, config.sqpoll());
        placement.sqpoll_cpu(&config)
    };
    assert_eq!(placed("feed.uring_sqpoll_cpu = 1", 7), Some(1));
    assert_eq!(placed("", 0), Some(2), "beside the shard that runs ingest");
    // Other transports have no such thread.
    let socket = text("", 7).replace("uring\"", "socket\"");
    let config = Config::parse("my.toml", &socket).unwrap();
    assert!(Placement::new(&config, &cores, &Bursts::of(&config)).is_ok());
    assert_eq!(config.lines().sqpoll, None);
    assert_eq!(
        refusal("[feed]\nuring_sqpoll_cpu = \"two\""),
        "my.toml:2:20: `feed.uring_sqpoll_cpu`: invalid value: string \"two\", expected the number of a CPU, or \"\": write it \
         as the default is written, `uring_sqpoll_cpu = \"\"`"
    );
    starts(
        &refusal("[feed]\nuring_sqpoll_cpu = -1"),
        "my.toml:2:20: `feed.uring_sqpoll_cpu`: invalid value: integer `-1`",
    );
}

#[test]
fn a_wrong_type_names_its_line_and_shows_the_default() {
    assert_eq!(
        refusal("[ingest]\nbatch = \"many\"\n"),
        "my.toml:2:9: `ingest.batch`: invalid type: string \"many\", expected u32: \
         write it as the default is written, `batch = 64`"
    );
    starts(
        &refusal("[paper]\nsweep_levels = -1"),
        "my.toml:2:16: `paper.sweep_levels`: invalid value",
    );
    starts(
        &refusal("[book]\norders_max = 5000000000"),
        "my.toml:2:14: `book.orders_max`: invalid value",
    );
    starts(
        &refusal("[strategy]\nsymbols = \"AAPL\""),
        "my.toml:2:11: `strategy.symbols`: invalid type",
    );
    starts(&refusal("ingest = 3"), "my.toml:1:10: `ingest`: invalid type");
    starts(&refusal("[[shard]]\nname = \"a\""), "my.toml:1:1: `shard[0]`: missing field `run`");
}

#[test]
fn an_unknown_word_names_its_line_and_the_nearest_word() {
    assert_eq!(
        refusal("[topology]\nexecutor = \"glomio\""),
        "my.toml:2:12: `topology.executor`: unknown word `glomio`: did you mean `glommio`?"
    );
    starts(
        &refusal("[strategy]\nname = \"alpha\""),
        "my.toml:2:8: `strategy.name`: unknown word `alpha`: use one of",
    );
}

#[test]
fn a_value_out_of_range_names_its_line_and_the_range() {
    assert_eq!(
        refusal("[book]\n# two\nshards = 9\n"),
        "my.toml:3:1: `book.shards`: 9 is out of range: set it from 1 to 8"
    );
    starts(
        &refusal("paper = { latency_in_ns = 0 }"),
        "my.toml:1:11: `paper.latency_in_ns`: 0 is out of range",
    );
    assert_eq!(
        refusal("[link]\nintent = { depth = 1000 }"),
        "my.toml:2:12: `link.intent.depth`: 1000 is not a power of two: set it to 1024"
    );
    starts(
        &refusal("[link.order]\ndepth = 1"),
        "my.toml:2:1: `link.order.depth`: 1 is out of range",
    );
    starts(
        &refusal("[engine]\nkill_at = \"25:00:00\""),
        "my.toml:2:1: `engine.kill_at`: \"25:00:00\" is not a time",
    );
}

#[test]
fn a_limit_below_the_way_to_the_venue_is_refused() {
    let text = "[engine]\ngood_until_us = 5\n[paper]\nlatency_out_ns = 5001";
    let validate = |text: &str| Config::parse("my.toml", text).unwrap().validate();
    let error = validate(text).unwrap_err().to_string();
    starts(&error, "my.toml:2:1: `engine.good_until_us`: every order would be late");
    assert!(error.ends_with("set it to at least 6"));
    validate(&text.replace("5001", "5000")).unwrap();
}

#[test]
fn losses_and_breakers_need_ticks() {
    let validate = |text: &str| Config::parse("my.toml", text).unwrap().validate();
    for limit in ["firm.loss_kill", "account.1.loss_reduce", "strategy.quoter.breaker_failures"] {
        let text = format!("engine.tick_ms = 0\nlimits.{limit} = 5");
        let error = validate(&text).unwrap_err().to_string();
        starts(
            &error,
            &format!("my.toml:1:8: `engine.tick_ms`: without ticks `limits.{limit}` is"),
        );
        assert!(error.contains("set it to 1000"), "{error}");
        validate(&text.replace("= 0", "= 1")).unwrap();
    }
    validate("engine.tick_ms = 0").unwrap();
}

#[test]
fn what_is_no_symbol_is_refused_at_its_place() {
    starts(
        &refusal("[strategy]\nsymbols = [\"AAPL\",\n  \"TOOLONGNAME\"]"),
        "my.toml:3:3: `strategy.symbols[1]`: \"TOOLONGNAME\": a symbol is one to eight",
    );
    let config = Config::parse("my.toml", "strategy.symbols = ['AAPL']").unwrap();
    assert_eq!(config.symbols(), [Symbol(*b"AAPL    ")]);
}

#[test]
fn more_memory_than_the_machine_has_is_refused_at_the_largest_pool() {
    let (config, machine) = (Config::default(), Machine::uniform(2));
    let small = Machine { memory_mib: 64, ..machine.clone() };
    let bursts = Bursts::of(&config);
    let placement = Placement::new(&config, &machine, &bursts).unwrap();
    let fits = |machine: &Machine| memory::fits(&placement, &config, &bursts, machine);
    let error = fits(&small).unwrap_err().to_string();
    assert!(error.contains("`book.orders_max`: the run would take "), "{error}");
    assert!(error.contains("the machine has 64: lower it"), "{error}");
    fits(&machine).expect("unknown is not too little");
}

#[test]
fn every_limit_is_enforced_and_stated_in_the_manual() {
    for (key, _, low, high) in Config::default().ranges() {
        let (table, name) = key.rsplit_once('.').unwrap();
        for value in [low, high] {
            Config::parse("my.toml", &format!("{key} = {value}")).unwrap();
        }
        let outside = [low.checked_sub(1), Some(high + 1)];
        for value in outside.into_iter().flatten() {
            starts(
                &refusal(&format!("{key} = {value}")),
                &format!("my.toml:1:{}: `{key}`: ", table.len() + 2),
            );
        }
        let start = DEFAULT.find(&format!("\n[{table}]\n")).unwrap();
        let section = &DEFAULT[start..];
        let end = section.find(&format!("\n{name} = ")).unwrap();
        let lines = section[..end].lines().rev().take_while(|line| line.starts_with('#'));
        let comment = lines.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(" ");
        let range = format!("{low} to {high}");
        assert!(
            comment.replace("# ", "").contains(&range),
            "default.toml: {key} does not say {range}"
        );
    }
}

#[test]
fn every_default_key_is_explained() {
    let lines: Vec<&str> = DEFAULT.lines().collect();
    for pair in lines.windows(2) {
        let is_key = pair[1].starts_with(|first: char| first.is_ascii_lowercase());
        assert!(!is_key || pair[0].starts_with("# "), "{} has no sentence above it", pair[1]);
    }
}

#[test]
fn the_configuration_in_force_loads_to_itself() {
    let texts = [
        "",
        "[engine]\nkill_at = \"15:45:00\"\n[strategy]\nsymbols = [\"A\", \"BRK.A\"]\n[link]\nevent.depth = 64",
        "[[shard]]\nname='a'\nrun=['ingest','book']\nidle='back-off'\n[[shard]]\nname='b'\ncpu=3\nrun=[]\nidle='yield'",
    ];
    for text in texts {
        let config = Config::parse("my.toml", text).unwrap();
        let dump = config.to_toml();
        assert_eq!(Config::parse("dump.toml", &dump).unwrap().to_toml(), dump);
    }
    let keys = |text: &str| text.matches(" = ").count();
    let both = DEFAULT.lines().chain(limits::DEFAULT.lines());
    let written = both.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(
        Config::default().to_toml(),
        Config::parse("default.toml", DEFAULT).unwrap().to_toml()
    );
    // In the file each ring is one line of two equals signs, in the dump a table of one.
    assert_eq!(keys(&Config::default().to_toml()), keys(&written) - 9);
}

#[test]
fn a_file_overrides_key_by_key_and_a_placement_wins() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let desk = file(
        "desk.toml",
        "ingest.batch = 7\n[topology]\nexecutor = 'thread'\noversubscribe = true",
    );
    let cut = file(
        "cut.toml",
        "[topology]\noversubscribe = false\n[[shard]]\nname='a'\nrun=['ingest']\nidle='spin'",
    );
    let config = Config::load(Some(&desk), cut.to_str()).unwrap();
    assert_eq!((config.ingest.batch, config.ingest.look_ahead), (7, 16));
    assert_eq!(
        (config.topology.executor, config.topology.oversubscribe),
        (Executor::Thread, false)
    );
    assert_eq!(config.shards.len(), 1);

    let named = Config::load(Some(&cut), Some("split")).unwrap();
    assert_eq!((named.shards.len(), named.topology.placement), (0, PlacementName::Split));

    let wide = file("wide.toml", "\n[risk]\nopen_orders_max = 9");
    let error = Config::load(None, wide.to_str()).unwrap_err().to_string();
    assert!(error.contains("wide.toml:2:2: `risk`: a placement file holds only"), "{error}");
    let error = Config::load(None, Some("fusd")).unwrap_err().to_string();
    assert!(error.ends_with("did you mean `fused`?"), "{error}");
    let error =
        Config::load(Some(dir.path().join("no.toml").as_path()), None).unwrap_err().to_string();
    assert!(error.contains("no.toml: No such file"), "{error}");
}

#[test]
fn an_instrument_table_is_read_with_the_configuration_and_refused_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let load = |table: &str, rest: &str| {
        fs::write(path("table.csv"), table).unwrap();
        let text = format!("[engine]\ninstruments = '{}'\n{rest}", path("table.csv"));
        fs::write(path("my.toml"), text).unwrap();
        Config::load(Some(path("my.toml").as_ref()), None)
    };
    let table = load("symbol,shard\nAAPL,0\nMSFT,1\n", "[book]\nshards = 2").unwrap().table;
    assert_eq!(table.unwrap().len(), 2);
    let error = load("symbol,shard\nAAPL,0\nMSFT,1\n", "").unwrap_err().to_string();
    assert!(
        error.contains("my.toml:2:1: `engine.instruments`: the table puts MSFT on book shard 1")
    );
    let mixed = "symbol,tick\nAAPL,0.25\nMSFT,0.01\n";
    assert_eq!(load(mixed, "").unwrap().tick(), Price(250_000_000));
    let quoter = "[strategy]\nname = 'quoter'\n";
    let error = load(mixed, quoter).unwrap_err().to_string();
    assert!(
        error.contains(
            "`engine.instruments`: the tick of MSFT is 0.0100, of those before it 0.2500"
        )
    );
    let one = format!("{quoter}symbols = ['MSFT']");
    assert_eq!(load(mixed, &one).unwrap().tick(), Price(10_000_000));
    let error = load("symbol,tick\nAAPL,0\n", "").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}: line 2: `tick` cannot be read or is out of range", path("table.csv"))
    );
    fs::write(path("my.toml"), "engine.instruments = 'nowhere.csv'").unwrap();
    let error = Config::load(Some(path("my.toml").as_ref()), None).unwrap_err().to_string();
    assert!(error.contains("nowhere.csv: No such file"), "{error}");
}

#[test]
fn the_kill_time_is_nanoseconds_after_midnight() {
    assert_eq!(Config::default().kill_at(), None);
    let config = Config::parse("my.toml", "engine.kill_at = '15:45:01'").unwrap();
    assert_eq!(config.kill_at(), Some(Nanos(56_701_000_000_000)));
}

fn shards(runs: &[&str]) -> String {
    let table =
        |(at, keys): (usize, &&str)| format!("[[shard]]\nname='s{at}'\nidle='spin'\n{keys}\n");
    runs.iter().enumerate().map(table).collect()
}

#[test]
fn a_placement_that_would_not_run_is_refused_with_line_and_fix() {
    let two = Machine::uniform(2);
    let whole = "run=['ingest','book','risk','route','log']";
    let cases = [
        (
            shards(&["run=['ingest','boook']"]),
            "my.toml:4:15: `shard[0].run[1]`: no stage is called `boook`: did you",
        ),
        (
            shards(&["run=['ingest','book','route','log']"]),
            "my.toml:1:3: `shard`: no shard runs `risk`: add it",
        ),
        (shards(&[whole, "run=['risk']"]), "my.toml:8:6: `shard[1].run[0]`: `risk` is run twice"),
        (
            shards(&["run=['book','book.0']"]),
            "my.toml:4:13: `shard[0].run[1]`: `book.0` is run twice",
        ),
        (
            shards(&["run=['book.1']"]),
            "my.toml:4:6: `shard[0].run[0]`: no stage is called `book.1`",
        ),
        (
            shards(&["run=['risk','book']"]),
            "my.toml:4:13: `shard[0].run[1]`: `book.0` comes after `risk`, against",
        ),
        (shards(&["run=[]"]), "my.toml:4:1: `shard[0].run`: the shard runs nothing"),
        (
            shards(&["run=['ingest','book']\ncpu=1", "run=['risk','route','log']\ncpu=1"]),
            "my.toml:10:1: `shard[1].cpu`: CPU 1 belongs to shard \"s0\"",
        ),
        (
            shards(&["run=['ingest','book']\ncpu=2"]),
            "my.toml:5:1: `shard[0].cpu`: this process has no CPU 2: choose one of 0-1",
        ),
        (
            format!("{}[[shard]]\nname='s0'\nidle='spin'\nrun=['log']", shards(&["run=['risk']"])),
            "my.toml:6:1: `shard[1].name`",
        ),
        (
            "[link]\nevent.depth = 8".into(),
            "my.toml:2:7: `link.event.depth`: 8 messages cannot hold the 10",
        ),
    ];
    for (text, start) in cases {
        starts(&misplaced(&text, &two), start);
    }
}

fn hyper_threaded() -> Machine {
    let cpus = (0..4).map(|id| Cpu { node: id % 2, id, core: id % 2 }).collect();
    let nodes = vec![Node { id: 0, memory_mib: 1 }, Node { id: 1, memory_mib: 1 }];
    Machine { cpus, nodes, memory_mib: 2 }
}

#[test]
fn hyper_threads_of_one_core_are_shared_only_when_asked_for() {
    let text = shards(&["run=['ingest','book']\ncpu=1", "run=['risk','route','log']\ncpu=3"]);
    let error = misplaced(&text, &hyper_threaded());
    starts(
        &error,
        "my.toml:10:1: `shard[1].cpu`: CPU 3 is a hyper-thread of the core of shard \"s0\" (CPU 1)",
    );
    let config = Config::parse("my.toml", &format!("topology.oversubscribe=true\n{text}")).unwrap();
    let placement = Placement::new(&config, &hyper_threaded(), &Bursts::of(&config)).unwrap();
    assert_eq!(placement.shards[1].cpu.unwrap().node, 1);
}

fn shape(placement: &Placement) -> Vec<String> {
    let shard = |shard: &super::placement::ShardSpec| {
        let run: Vec<_> = shard.run.iter().map(ToString::to_string).collect();
        format!("{}@{}: {}", shard.name, shard.cpu.unwrap().id, run.join(" "))
    };
    placement.shards.iter().map(shard).collect()
}

#[test]
fn named_placements_fold_onto_the_cores_there_are_and_say_so() {
    let shape_of = |name, books, cores| {
        let placement = Placement::named(name, books, &Machine::uniform(cores));
        (shape(&placement), placement.cores_wanted)
    };
    let (fused, split) = (PlacementName::Fused, PlacementName::Split);
    let whole = "hot@0: ingest book.0 risk route log".to_string();
    assert_eq!(shape_of(fused, 1, 1), (vec![whole.clone()], 2));
    assert_eq!(shape_of(split, 1, 1), (vec![whole], 5));
    let apart = ["log@0: log", "hot@1: ingest book.0 risk route"].map(String::from).to_vec();
    assert_eq!(shape_of(fused, 1, 2), (apart.clone(), 0));
    assert_eq!(shape_of(fused, 1, 64), (apart, 0));
    let two = ["ingest@0: ingest log", "book.0@1: book.0 risk route"].map(String::from).to_vec();
    assert_eq!(shape_of(split, 1, 2), (two, 5));
    let four = ["log@0: log", "ingest@1: ingest", "book.0@2: book.0", "risk@3: risk route"];
    assert_eq!(shape_of(split, 1, 4), (four.map(String::from).to_vec(), 5));
    assert_eq!(shape_of(split, 2, 6).0.len(), 6);
    assert_eq!(shape_of(split, 2, 6).1, 0);
}

#[test]
fn every_named_placement_runs_every_stage_once_on_any_machine() {
    for (name, books, cores) in
        [PlacementName::Fused, PlacementName::Split].into_iter().flat_map(|name| {
            (1..=8).flat_map(move |books| (1..=16).map(move |cores| (name, books, cores)))
        })
    {
        let placement = Placement::named(name, books, &Machine::uniform(cores));
        let mut run: Vec<StageName> =
            placement.shards.iter().flat_map(|shard| shard.run.clone()).collect();
        run.sort();
        let mut all = vec![StageName::Ingest];
        all.extend((0..books).map(StageName::Book));
        all.extend([StageName::Risk, StageName::Route, StageName::Log]);
        assert_eq!(run, all);
        let mut cpus: Vec<_> = placement.shards.iter().map(|shard| shard.cpu.unwrap().id).collect();
        cpus.sort_unstable();
        cpus.dedup();
        assert_eq!(cpus.len(), placement.shards.len(), "{name:?} {books} {cores}");
    }
}

#[test]
fn rings_stand_where_the_placement_cuts() {
    let links = |text: &str, machine: &Machine| {
        let config = Config::parse("my.toml", text).unwrap();
        let bursts = Bursts::of(&config);
        let placement = Placement::new(&config, machine, &bursts).unwrap();
        let rings = placement.rings(&config, &bursts);
        rings.iter().map(|ring| ring.link).collect::<Vec<_>>()
    };
    let returns = ["venue", "event", "report", "answer", "record", "line", "line", "line", "line"];
    assert_eq!(links("", &Machine::uniform(2)), returns);
    let split = links("topology.placement = 'split'", &Machine::uniform(5));
    assert_eq!(
        split[..8],
        ["market", "intent", "venue", "event", "report", "order", "answer", "record"]
    );
    assert_eq!(split[8..], ["line"; 4], "of each stage that tells the log");
    // Two book shards meet at risk, so their intents are merged from rings even on one core.
    let two = links("book.shards = 2", &Machine::uniform(2));
    assert_eq!(two.iter().filter(|link| **link == "intent").count(), 2);
    assert!(!two.contains(&"market"));
}

/// The manual's keys, and two shards, with some lines left out, given other values, or with letters changed.
fn mutated() -> impl Strategy<Value = String> {
    let shards = shards(&["run=['ingest','book','risk']\ncpu=1", "run=['route','log']\ncpu=0"]);
    let lines = DEFAULT.lines().filter(|line| !line.starts_with('#')).chain(shards.lines());
    let lines: Vec<String> = lines.map(String::from).collect();
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0..70_000_u32).prop_map(|number| number.to_string()),
        "(true|-0|1e400|nan|\\[\\]|\\{\\}|''|'split'|'thread'|'none'|15:45:00|\"12:00:00\"|\\{ depth = 2 \\})",
        "\\['(book|book.0|book.1|log|risk|x)', '(ingest|log|route)'\\]",
        ".{0,12}",
    ];
    let left_out = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let values = prop::collection::vec((any::<prop::sample::Index>(), value), 0..3);
    let letters = prop::collection::vec((any::<prop::sample::Index>(), ".{0,3}"), 0..2);
    (left_out, values, letters).prop_map(move |(left_out, values, letters)| {
        let mut lines = lines.clone();
        for (at, value) in values {
            let line = at.index(lines.len());
            if let Some((key, _)) = lines[line].split_once('=') {
                lines[line] = format!("{key}= {value}");
            }
        }
        for at in left_out {
            lines.remove(at.index(lines.len()));
        }
        let mut text: Vec<char> = lines.join("\n").chars().collect();
        for (at, new) in letters {
            let at = at.index(text.len());
            let end = (at + 1).min(text.len());
            text.splice(at..end, new.chars());
        }
        text.into_iter().collect()
    })
}

#[test]
fn no_text_makes_the_parser_panic() {
    let [parsed, placed, refused, broken] = [const { Cell::new(0) }; 4];
    let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(10_000));
    let result = runner.run(&mutated(), |text| {
        match Config::parse("my.toml", &text) {
            Ok(config) => {
                count(&parsed);
                let bursts = Bursts::of(&config);
                if Placement::new(&config, &hyper_threaded(), &bursts).is_ok() {
                    count(&placed);
                }
                prop_assert!(Config::parse("dump.toml", &config.to_toml()).is_ok());
            }
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.starts_with("my.toml:"), "{error}");
                count(if error.contains("not TOML") { &broken } else { &refused });
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // Each way through is taken often, or the promise is hollow.
    for counter in [&parsed, &placed, &refused, &broken] {
        assert!(counter.get() > 500, "{parsed:?} {placed:?} {refused:?} {broken:?}");
    }
}

#[test]
fn each_book_shard_is_told_by_itself_where_its_packet_ends() {
    let none = InstrumentId::NONE.0;
    let flagged = |kind, instrument, flags| {
        let mut message = market(1, kind, instrument);
        message.head.flags = flags;
        message
    };
    // The table puts instrument 0 on the second shard; others are dealt out in turn.
    let sent = [
        flagged(Kind::ADD, 0, Flags::default()),
        flagged(Kind::SESSION, none, Flags::last_for(0b10)),
        flagged(Kind::ADD, 2, Flags::LAST),
        flagged(Kind::ADD, none, Flags::LAST.with(Flags::PRINTABLE)),
        flagged(Kind::TICK, none, Flags::LAST),
        flagged(Kind::SESSION, none, Flags::default()),
    ];
    for (count, expected) in [
        (1, [&["add", "session", "add!", "add!", "tick!", "session"][..], &[]]),
        (
            2,
            [
                &["session", "add!", "tick!", "session"],
                &["add", "session!", "add!", "tick!", "session"],
            ],
        ),
    ] {
        let sinks = (0..count).map(|_| Recorder::roomy()).collect();
        let mut fan = Fan::new(sinks, ByInstrument(Arc::from([1])));
        sent.iter().for_each(|message| fan.put(message));
        for (sink, expected) in fan.into_sinks().into_iter().zip(expected) {
            let told = |m: &Market| {
                let last = m.head.flags.has(Flags::LAST);
                format!("{}{}", m.head.kind, if last { "!" } else { "" })
            };
            assert_eq!(sink.put.iter().map(told).collect::<Vec<_>>(), expected, "of {count}");
        }
    }
}
