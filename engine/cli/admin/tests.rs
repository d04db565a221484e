//! The socket against a gate that is played: commands are taken from where shards look, and shown where the gate shows them.

use super::client::ask_at;
use super::protocol::{Answer, Request, StateWord};
use super::{Desk, Refusals, ScopeName, Server, scopes_of};
use crate::base::clock::Wall;
use crate::base::code::Code;
use crate::base::command::{Command, Commands, Scope};
use crate::base::instrument::{Instrument, InstrumentTable, Symbols};
use crate::base::message::Report;
use crate::base::testing::Paper;
use crate::base::unit::*;
use crate::journal::{Audit, Latch, Latches};
use crate::risk::LimitsInbox;
use crate::telemetry::{Board, RiskFigures, USES, Use};
use crate::topology::limits::{Control, LimitsFile};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const OWN: AccountId = AccountId(1);

/// A played gate, and the socket before it.
struct Engine {
    server: Option<Server>,
    path: PathBuf,
    _dir: tempfile::TempDir,
    commands: Commands,
    board: Board,
    inbox: LimitsInbox,
    refusals: Refusals,
    paper: Paper,
    over: Arc<AtomicBool>,
    gate: Option<JoinHandle<()>>,
}

impl Engine {
    /// With a gate that does what it is asked, or one that is stuck.
    fn new(gate_turns: bool) -> Self {
        Self::with_latches(gate_turns, None)
    }

    /// One whose latches are to be in a file.
    fn with_latches(gate_turns: bool, latches: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("coretick.sock");
        let mut table = InstrumentTable::new();
        table.add(Instrument::new("AAPL".parse().unwrap())).unwrap();
        let symbols = Symbols::new(4);
        symbols.announce(InstrumentId(0), u64::from_be_bytes(*b"AAPL    "));
        let (commands, board, inbox) =
            (Commands::new(), Board::new(4, &[], &[]), LimitsInbox::new());
        let (refusals, paper) = (Refusals::default(), Paper::roomy());
        let limits = LimitsFile::parse("start", "[firm]\ngross_max = 100\n").unwrap();
        let desk = Desk {
            commands: commands.clone(),
            board: board.clone(),
            refusals: refusals.clone(),
            symbols,
            table: Arc::new(table),
            audit: Audit::new(Box::new(paper.clone()), true),
            latches,
            control: Mutex::new(Control::new(limits, OWN)),
            inbox: inbox.clone(),
            account: OWN,
            ticks: false,
            wall: Wall::set(),
        };
        let server = Some(Server::open(&path, Arc::new(desk)).unwrap());
        let over = Arc::new(AtomicBool::new(false));
        let (_dir, gate) = (dir, None);
        let mut engine =
            Self { server, path, _dir, commands, board, inbox, refusals, paper, over, gate };
        if gate_turns {
            engine.start_gate();
        }
        engine
    }

    fn start_gate(&mut self) {
        let (over, commands) = (self.over.clone(), self.commands.clone());
        let (board, inbox) = (self.board.clone(), self.inbox.clone());
        over.store(false, Ordering::Release);
        self.gate = Some(thread::spawn(move || play(&over, &commands, &board, &inbox)));
    }

    fn stop_gate(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(gate) = self.gate.take() {
            gate.join().unwrap();
        }
    }

    fn ask(&self, request: &Request) -> Result<Answer, String> {
        ask_at(&self.path, request).map_err(|failure| failure.to_string())
    }

    fn latch(&self, state: StateWord, scope: &str) -> Result<Answer, String> {
        let (who, why) = ("ada".into(), "the feed".into());
        self.ask(&Request::Latch { state, scope: scope.parse().unwrap(), who, why })
    }

    fn audit(&self) -> String {
        self.paper.text()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_gate();
    }
}

fn play(over: &AtomicBool, commands: &Commands, board: &Board, inbox: &LimitsInbox) {
    let mut uses = [Use::default(); USES];
    uses[0] = Use { used: 75, limit: 100 };
    let show = |scope: Scope, state: TradingState| match scope {
        Scope::Firm => board.risk().show(RiskFigures::FIRM, 0, state.0, &uses),
        Scope::Account(id) => board.risk().show(RiskFigures::account(0), id.0, state.0, &uses),
        Scope::Strategy(id) => {
            board.risk().show(RiskFigures::strategy(0), id.0.into(), state.0, &uses);
        }
        Scope::Instrument(id) => board.risk().instrument(id, state.0),
    };
    show(Scope::Firm, TradingState::LIVE);
    show(Scope::Account(OWN), TradingState::LIVE);
    let mut kills = 0;
    while !over.load(Ordering::Acquire) {
        if commands.kills() != kills {
            kills = commands.kills();
            show(Scope::Firm, TradingState::KILLED);
        }
        match commands.take() {
            Some(Command::Kill(scope)) => show(scope, TradingState::KILLED),
            Some(Command::ReduceOnly(Scope::Instrument(id)))
                if !board.view(Nanos(0)).risk.instruments.is_empty() =>
            {
                show(Scope::Instrument(id), TradingState::KILLED);
            }
            Some(Command::ReduceOnly(scope)) => show(scope, TradingState::REDUCE_ONLY),
            Some(Command::Resume(scope)) => show(scope, TradingState::LIVE),
            Some(Command::Limits(version)) => {
                if let Some(set) = inbox.take(version) {
                    board.risk().limits.set(set.version.into());
                }
            }
            None => thread::park_timeout(Duration::from_millis(1)),
        }
    }
}

#[test]
fn a_latch_is_done_once_the_file_says_so_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latches");
    let engine = Engine::with_latches(true, Some(path.clone()));
    let said = engine.latch(StateWord::Kill, "firm").unwrap_err();
    assert!(said.contains("does not say so") && said.contains("restart"), "{said}");
    std::fs::write(&path, "killed firm 7 \"ada\" \"the feed\"\nend 1\n").unwrap();
    let said = format!("{:?}", engine.latch(StateWord::Kill, "firm").unwrap());
    assert!(said.contains("firm is killed, seen done after"), "{said}");
}

#[test]
fn a_kill_is_answered_once_the_gate_shows_it_and_is_on_record() {
    let engine = Engine::new(true);
    for scope in ["firm", "account:1", "strategy:imbalance", "instrument:AAPL"] {
        let said = engine.latch(StateWord::Kill, scope).unwrap().said;
        assert!(said[0].starts_with(&format!("{scope} is killed")), "{said:?}");
    }
    assert!(engine.commands.killed());
    let risk = engine.ask(&Request::Risk).unwrap();
    assert_eq!(risk.data["scopes"][0]["state"], "killed");
    assert_eq!(risk.data["scopes"][0]["uses"]["gross"]["per_cent"], 75);
    assert_eq!(risk.data["instruments"][0]["scope"], "instrument:AAPL");
    engine.latch(StateWord::Resume, "firm").unwrap();
    assert!(!engine.commands.killed(), "route is let go of too");
    let said = engine.latch(StateWord::ReduceOnly, "instrument:AAPL").unwrap().said;
    assert!(said[0].contains("AAPL is killed"), "it stays tighter: {said:?}");
    engine.latch(StateWord::Resume, "instrument:AAPL").unwrap();
    let said = engine.latch(StateWord::ReduceOnly, "instrument:AAPL").unwrap().said;
    assert!(said[0].contains("AAPL is reduce-only"), "{said:?}");
    let audit = engine.audit();
    for row in
        ["kill,strategy:imbalance,,,,,ada,the feed", "resume,firm,", "reduce-only,instrument:AAPL,"]
    {
        assert!(audit.contains(row), "{row}\n{audit}");
    }
}

#[test]
fn what_is_not_seen_done_is_not_said_to_be() {
    let engine = Engine::new(false);
    let said = engine.latch(StateWord::Kill, "firm").unwrap_err();
    assert!(said.contains("not confirmed within 2 s: it is not shown"), "{said}");
    assert!(engine.commands.killed(), "it was asked for all the same");
    let tight = ("t".to_string(), "[firm]\ngross_max = 1\n".to_string(), "ada".to_string());
    let (name, text, who) = tight;
    let said = engine.ask(&Request::Propose { name, text, who }).unwrap_err();
    assert!(said.contains("version 2") && said.contains("is not in force"), "{said}");
    let shown = engine.ask(&Request::Limits).unwrap().data;
    assert_eq!(
        (&shown["version"], &shown["limits"]["firm"]["gross_max"]),
        (&1.into(), &100.into())
    );
    assert!(engine.audit().contains("limits-not-in-force,firm,,,,,ada,version 2"));
    // A gate that turns again finds the word, and nothing to go with it.
    assert_eq!(engine.inbox.take(2).map(|it| it.version), None);
}

#[test]
fn a_raise_that_the_gate_did_not_take_can_be_confirmed_again() {
    let mut engine = Engine::new(true);
    let (name, who) = ("loose".to_string(), "ada".to_string());
    let text = "[firm]\ngross_max = 200\n".to_string();
    let raised = engine.ask(&Request::Propose { name, text, who }).unwrap();
    let number = raised.data["proposal"].as_u64().unwrap() as u32;
    let confirm = Request::Confirm { number, who: "bob".into() };
    engine.stop_gate();
    assert!(engine.ask(&confirm).unwrap_err().contains("version 2 of the limits is not in force"));
    assert_eq!(engine.ask(&Request::Limits).unwrap().data["limits"]["firm"]["gross_max"], 100);
    engine.start_gate();
    engine.ask(&confirm).unwrap();
    let shown = engine.ask(&Request::Limits).unwrap().data;
    assert_eq!(
        (&shown["version"], &shown["limits"]["firm"]["gross_max"]),
        (&2.into(), &200.into())
    );
}

#[test]
fn who_and_why_are_asked_for_and_unknown_scopes_refused() {
    let engine = Engine::new(true);
    let latch = |state, scope: &str, who: &str, why: &str| {
        let scope = scope.parse().unwrap();
        engine.ask(&Request::Latch { state, scope, who: who.into(), why: why.into() })
    };
    let none = latch(StateWord::Kill, "firm", " ", "").unwrap_err();
    assert!(none.contains("--who"), "{none}");
    let long = latch(StateWord::Kill, "firm", &"a".repeat(201), "").unwrap_err();
    assert!(long.contains("--who"), "{long}");
    let why = latch(StateWord::Resume, "firm", "ada", "").unwrap_err();
    assert!(why.contains("--why"), "{why}");
    let unknown = latch(StateWord::Kill, "instrument:IBM", "ada", "").unwrap_err();
    assert!(unknown.contains("the instrument table has no such symbol"), "{unknown}");
    assert!(!engine.commands.killed() && engine.commands.take().is_none());
    for text in
        ["frm", "account", "account:x", "strategy:alpha", "instrument:", "instrument:TOOLONGER"]
    {
        assert!(text.parse::<ScopeName>().unwrap_err().contains("write firm, account:1"), "{text}");
    }
    for text in ["firm", "account:7", "strategy:imbalance", "strategy:9", "instrument:BRK.A"] {
        assert_eq!(text.parse::<ScopeName>().unwrap().to_string(), text);
    }
}

#[test]
fn limits_get_tighter_at_once_and_looser_when_confirmed() {
    let engine = Engine::new(true);
    let propose = |text: &str| {
        let (name, text, who) = ("new.toml".into(), text.into(), "ada".into());
        engine.ask(&Request::Propose { name, text, who })
    };
    let in_force = || engine.board.view(Nanos(0)).risk.limits;
    let both = propose("[firm]\ngross_max = 200\nnet_max = 5\n").unwrap();
    assert_eq!((both.data["version"].as_u64(), in_force()), (Some(2), 2));
    let number = both.data["proposal"].as_u64().unwrap() as u32;
    let shown = engine.ask(&Request::Limits).unwrap();
    assert_eq!(shown.data["limits"]["firm"]["gross_max"], 100);
    assert!(shown.data["waiting"][0]["changes"][0].as_str().unwrap().contains("100 -> 200"));
    let text = shown.said.join("\n");
    assert_eq!(
        LimitsFile::parse("shown", &text).unwrap().version(),
        2,
        "what is shown can be proposed"
    );
    engine.ask(&Request::Confirm { number, who: "bob".into() }).unwrap();
    assert_eq!(in_force(), 3);
    let again = engine.ask(&Request::Confirm { number, who: "bob".into() }).unwrap_err();
    assert!(again.contains("no proposal"), "{again}");
    for (text, said) in [
        ("[firm]\ngros_max = 1", "new.toml:2:1: unknown key `firm.gros_max`"),
        ("[symbol.IBM]\n", "the instrument table has no IBM"),
        (
            "[firm]\nloss_kill = 5\n",
            "firm.loss_kill is looked at once a tick, and this engine has none",
        ),
        ("[firm]\ngross_max = 200\nnet_max = 5\n", "nothing to change"),
    ] {
        let error = propose(text).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let audit = engine.audit();
    for row in [
        "limit-tightened,firm.net_max,,,,,ada,firm.net_max: off -> 5 (tighter)",
        "limit-proposed,firm.gross_max,,,,,ada,firm.gross_max: 100 -> 200 (looser)",
        "limit-confirmed,firm.gross_max,,,,,bob,firm.gross_max: 100 -> 200 (looser)",
        "limits-in-force,firm,,,,,bob,version 3",
    ] {
        assert!(audit.contains(row), "{row}\n{audit}");
    }
}

#[test]
fn a_strategy_with_something_at_stake_stays_with_its_account() {
    let engine = Engine::new(true);
    let text = "[firm]\ngross_max = 100\n[account.1]\n[account.2]\n[strategy.quoter]\naccount = 2\n\
        [strategy.imbalance]\n";
    let propose = || {
        let (name, text, who) = ("moved.toml".into(), text.into(), "ada".into());
        engine.ask(&Request::Propose { name, text, who })
    };
    let show = |credit: i64| {
        let mut uses = [Use::default(); USES];
        uses[2] = Use { used: credit, limit: Use::OFF };
        engine.board.risk().show(RiskFigures::strategy(1), 2, TradingState::LIVE.0, &uses);
    };
    show(5);
    let said = propose().unwrap_err();
    assert!(said.contains("strategy:quoter has open orders or a position"), "{said}");
    show(0);
    let number = propose().unwrap().data["proposal"].as_u64().unwrap() as u32;
    show(5);
    let confirm = Request::Confirm { number, who: "bob".into() };
    assert!(engine.ask(&confirm).unwrap_err().contains("--reduce-only"));
    show(0);
    engine.ask(&confirm).unwrap();
}

#[test]
fn the_last_refusals_are_shown() {
    let engine = Engine::new(true);
    let mut record =
        Report { code: Code::POSITION.0, order: OrderId(8), qty: Qty(5), ..Report::default() };
    (record.side, record.limit, record.value) = (Side::BUY, 10, 15);
    record.head.instrument = InstrumentId(0);
    engine.refusals.push(&record);
    let risk = engine.ask(&Request::Risk).unwrap();
    assert_eq!(risk.data["last_refusals"][0]["code"], 1200);
    let line = "refused   8 buy 5 AAPL: position (1200), limit 10, value 15";
    assert!(risk.said.iter().any(|said| said == line), "{:?}", risk.said);
}

#[test]
fn the_socket_is_its_owner_s_alone_and_gone_with_the_engine() {
    let mut engine = Engine::new(true);
    let mode = std::fs::metadata(&engine.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(engine.server.take());
    assert!(!engine.path.exists());
    let said = engine.ask(&Request::Risk).unwrap_err();
    assert!(said.contains("no engine listens there"), "{said}");
}

#[test]
fn a_socket_of_a_dead_process_is_replaced_and_one_of_a_live_process_is_not() {
    let live = Engine::new(true);
    let desk = || {
        let other = Engine::new(false);
        let path = other.path.clone();
        (other, path)
    };
    let (mut other, path) = desk();
    drop(other.server.take());
    // A listener that dies leaves its name behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let again = super::server::bind(&path);
    assert!(again.is_ok(), "{again:?}");
    let taken = super::server::bind(&live.path).map(|_| ()).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    assert!(live.ask(&Request::Risk).is_ok(), "it is as it was");
    let file = path.with_extension("txt");
    std::fs::write(&file, "mine").unwrap();
    assert!(super::server::bind(&file).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn nonsense_silence_and_a_crowd_are_answered_and_hold_up_nobody() {
    let engine = Engine::new(true);
    let read = |mut stream: UnixStream| {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    };
    let mut stream = UnixStream::connect(&engine.path).unwrap();
    stream.write_all(b"kill it\n").unwrap();
    assert!(read(stream).contains("this is no question"));
    let silent: Vec<_> = (0..16).map(|_| UnixStream::connect(&engine.path).unwrap()).collect();
    let said = engine.ask(&Request::Risk).unwrap_err();
    assert!(said.contains("16 ask already"), "{said}");
    // Who stops something is not kept waiting by who is silent.
    engine.latch(StateWord::Kill, "firm").unwrap();
    let said: Vec<String> = silent.into_iter().map(read).collect();
    assert!(said.iter().all(|said| said.contains("nothing was asked in time")), "{said:?}");
    engine.ask(&Request::Risk).unwrap();
}

#[test]
fn who_was_answered_leaves_a_place_to_the_next() {
    let engine = Engine::new(true);
    let _silent: Vec<_> = (0..15).map(|_| UnixStream::connect(&engine.path).unwrap()).collect();
    // The last place, again and again, while the others wait for a word.
    for _ in 0..200 {
        let mut stream = UnixStream::connect(&engine.path).unwrap();
        stream.write_all(b"kill it\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.contains("this is no question"), "{said}");
    }
}

#[test]
fn latches_of_before_are_told_to_the_engine_and_what_cannot_be_told_kills() {
    let mut table = InstrumentTable::new();
    table.add(Instrument::new("AAPL".parse().unwrap())).unwrap();
    let mut latches = Latches::new();
    let mut set = |level, id: &str, state| {
        let latch = Latch { state, time: Nanos(1), who: "ada".into(), why: "why".into() };
        latches.set((level, id.into()), latch);
    };
    set(Level::STRATEGY, "2", TradingState::REDUCE_ONLY);
    set(Level::ACCOUNT, "5", TradingState::KILLED);
    set(Level::INSTRUMENT, "AAPL", TradingState::KILLED);
    set(Level::INSTRUMENT, "GONE", TradingState::REDUCE_ONLY);
    let expected = [
        (Scope::Account(AccountId(5)), TradingState::KILLED),
        (Scope::Strategy(StrategyId(2)), TradingState::REDUCE_ONLY),
        (Scope::Instrument(InstrumentId(0)), TradingState::KILLED),
        (Scope::Firm, TradingState::KILLED),
    ];
    assert_eq!(scopes_of(&latches, &table), expected);
}
