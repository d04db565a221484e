//! What limits as data promise: the line and the fix of what is wrong, the defaults, and that nothing gets looser unasked.

use super::change::{Change, Control, ProposeError};
use super::file::DEFAULT;
use super::keys::{Form, TABLES, Tight, keys};
use super::{LimitsFile, Value};
use crate::base::instrument::{Instrument, InstrumentTable};
use crate::base::unit::*;
use crate::risk::*;
use crate::topology::Config;
use proptest::prelude::*;
use std::collections::BTreeSet;

const OWN: AccountId = AccountId(1);

fn parse(text: &str) -> LimitsFile {
    LimitsFile::parse("my.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refusal(text: &str) -> String {
    LimitsFile::parse("my.toml", text).expect_err(text).to_string()
}

fn table() -> InstrumentTable {
    let mut table = InstrumentTable::new();
    for symbol in ["AAPL", "MSFT", "BRK.A"] {
        table.add(Instrument::new(symbol.parse().unwrap())).unwrap();
    }
    table
}

fn set(file: &LimitsFile) -> LimitSet {
    file.set(OWN, Some(&table())).unwrap_or_else(|error| panic!("{error}"))
}

fn dollars(units: i128) -> Option<Money> {
    Some(Money(units * 1_000_000_000))
}

#[test]
fn the_defaults_hold_orders_to_a_size_a_price_and_a_position_and_nothing_else() {
    let set = LimitsFile::defaults().set(OWN, None).unwrap();
    let scope = |id| StrategyScope {
        id: StrategyId(id),
        account: OWN,
        limits: LevelLimits::default(),
        instruments: vec![],
    };
    let order = OrderLimits {
        qty_max: Some(Qty(10_000)),
        notional_max: dollars(1_000_000),
        collar: Some(Collar { bp: 500, width: Price(0), passive: false }),
        market_age_max: Some(Nanos(1_000_000_000)),
        long_max: Some(Qty(10_000)),
        short_max: Some(Qty(10_000)),
        ..OrderLimits::default()
    };
    let expected = LimitSet {
        version: 1,
        strategies: vec![scope(1), scope(2)],
        classes: vec![InstrumentClass { order, level: LevelLimits::default() }],
        ..LimitSet::open(OWN, StrategyId(1))
    };
    assert_eq!(set, expected);
    assert_eq!(Config::default().limit_set().unwrap(), expected);
}

#[test]
fn every_key_is_told_in_the_manual_with_its_range() {
    let mut told = 0;
    for (name, _) in TABLES {
        for key in keys(name) {
            let at = match name {
                "account" | "strategy" | "symbol" => continue,
                // In the manual those of the firm stand once.
                "instrument" if keys("firm").any(|it| it.name == key.name) => continue,
                name => DEFAULT.find(&format!("\n[{name}]\n")).unwrap(),
            };
            let section = &DEFAULT[at..];
            let end = section.find(&format!("\n{} = ", key.name)).expect(key.name);
            let comment = section[..end].lines().rev().take_while(|line| line.starts_with('#'));
            let comment: Vec<&str> = comment.map(|line| line.trim_start_matches("# ")).collect();
            let comment = comment.into_iter().rev().collect::<Vec<_>>().join(" ");
            assert!(!comment.is_empty(), "{}", key.name);
            if let Form::Number(low, high) = key.form {
                assert!(comment.contains(&format!("{low} to {high}")), "{}: {comment}", key.name);
                assert_eq!(comment.contains("or \"off\""), key.can_be_off(), "{}", key.name);
            }
            told += 1;
        }
    }
    assert_eq!(told, 2 + 17 + 15);
}

#[test]
fn each_number_is_taken_at_both_ends_of_its_range_and_not_beyond() {
    for (name, _) in TABLES {
        let at = match name {
            "account" => "account.1",
            "strategy" => "strategy.quoter",
            "symbol" => "symbol.AAPL",
            name => name,
        };
        for key in keys(name) {
            let Form::Number(low, high) = key.form else { continue };
            for value in [low, high] {
                parse(&format!("[{at}]\n{} = {value}", key.name));
            }
            for value in [low.checked_sub(1), Some(high + 1)].into_iter().flatten() {
                let error = refusal(&format!("[{at}]\n{} = {value}", key.name));
                let start = format!("my.toml:2:1: `{at}.{}`: {value} is out of range", key.name);
                assert!(error.starts_with(&start), "{error}");
            }
            let off = LimitsFile::parse("my.toml", &format!("[{at}]\n{} = \"off\"", key.name));
            assert_eq!(off.is_ok(), key.can_be_off(), "{at}.{}", key.name);
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_fix() {
    for (text, said) in [
        (
            "[firm]\ngross_mx = 5",
            "my.toml:2:1: unknown key `firm.gross_mx`: did you mean `gross_max`?",
        ),
        ("\n[frm]\n", "my.toml:2:2: unknown key `frm`: did you mean `firm`?"),
        (
            "[firm]\nnet_max = \"none\"",
            "my.toml:2:1: `firm.net_max`: this is to be a whole number or \"off\": \
             write it as the default is written, `net_max = 10`",
        ),
        (
            "[instrument]\ncollar_width = 0.5",
            "my.toml:2:1: `instrument.collar_width`: this is to be a decimal price in quotes, not negative: \
             write it as the default is written, `collar_width = \"0.50\"`",
        ),
        (
            "[instrument]\nself_trade = \"cancel-newst\"",
            "my.toml:2:1: `instrument.self_trade`: unknown word `cancel-newst`: did you mean `cancel-newest`?",
        ),
        (
            "[phases]\nlimit = [\"opne\"]",
            "my.toml:2:1: `phases.limit`: unknown word `opne`: did you mean `open`?",
        ),
        (
            "[strategy.qouter]\n",
            "my.toml:1:11: unknown key `strategy.qouter`: did you mean `quoter`?",
        ),
        ("[firm]\ngross_max = -5", "my.toml:2:1: `firm.gross_max`: this is to be a whole number"),
        ("[account.one]\n", "my.toml:1:10: `account.one`: `one` is no account"),
        ("firm = 3", "my.toml:1:1: `firm`: this is to be a table"),
        ("[account]\n1 = 3", "my.toml:2:1: `account.1`: this is to be a table"),
        ("[symbol.TOOLONGER]\n", "my.toml:1:9: `symbol.TOOLONGER`: \"TOOLONGER\": a symbol is"),
        ("version = \"two\"", "my.toml:1:1: `version`: this is to be a whole number"),
        ("[firm\n", "my.toml:1:"),
    ] {
        let error = refusal(text);
        assert!(error.starts_with(said), "\n   got: {error}\nwanted: {said}");
    }
}

#[test]
fn what_does_not_fit_the_instruments_and_accounts_is_told_at_its_line() {
    let error = |text: &str, table: Option<&InstrumentTable>| {
        parse(text).set(OWN, table).expect_err(text).to_string()
    };
    let table = table();
    for (text, table, said) in [
        (
            "\n[symbol.IBM]\n",
            Some(&table),
            "my.toml:2:9: `symbol.IBM`: the instrument table has no IBM",
        ),
        (
            "[symbol.AAPL]\n",
            None,
            "my.toml:1:9: `symbol.AAPL`: AAPL is known by an instrument table only",
        ),
        (
            "[strategy.quoter]\naccount = 7",
            Some(&table),
            "my.toml:2:1: `strategy.quoter.account`: account 7 may not trade: add a table [account.7], or use one of 1",
        ),
        (
            "[strategy.quoter]\ninstruments = [\"IBM\"]",
            Some(&table),
            "my.toml:2:1: `strategy.quoter.instruments`: the instrument table has no IBM",
        ),
    ] {
        let error = error(text, table);
        assert!(error.starts_with(said), "\n   got: {error}\nwanted: {said}");
    }
    let many: String = (0..17).map(|id| format!("[account.{id}]\n")).collect();
    assert!(error(&many, None).contains("17 of these are too many: leave 16"));
}

#[test]
fn a_symbol_s_limits_are_those_of_all_but_for_what_it_says() {
    let file = parse(
        "[instrument]\norder_qty_max = 50\nopen_orders_max = 9\n\
         [symbol.MSFT]\norder_qty_max = 10\n[symbol.\"BRK.A\"]\nrestricted = true\nlocated = 5\n\
         [symbol.AAPL]\norder_qty_max = 10\ncollar_bp = \"off\"",
    );
    let set = set(&file);
    assert_eq!(set.classes.len(), 3);
    let class = |at: usize| set.classes[usize::from(set.singles[at].class)];
    let ids: Vec<_> = set.singles.iter().map(|single| single.instrument.0).collect();
    assert_eq!(ids, [0, 1, 2]);
    assert_eq!((class(0).order.qty_max, class(0).order.collar), (Some(Qty(10)), None));
    assert!(class(1).order.collar.is_some() && class(1).level.open_orders_max == Some(9));
    assert_eq!(set.singles[2].class, 0, "it differs in nothing that a class has");
    assert_eq!((set.singles[2].restricted, set.singles[2].located), (true, Some(Qty(5))));
    assert!(!set.singles[0].restricted && set.singles[0].located.is_none());
}

#[test]
fn a_width_without_its_share_is_refused_where_it_was_written() {
    let error = |text: &str| parse(text).set(OWN, Some(&table())).unwrap_err().to_string();
    let said = error("[instrument]\ncollar_bp = \"off\"\ncollar_width = \"0.50\"");
    assert_eq!(
        said,
        "my.toml:3:1: `instrument.collar_width`: a width widens a collar, and `collar_bp` is off here: set that, to as \
         little as 1, or the width to \"0\""
    );
    let said = error("[instrument]\ncollar_width = \"1\"\n[symbol.AAPL]\ncollar_bp = \"off\"");
    assert!(said.starts_with("my.toml:4:1: `symbol.AAPL.collar_bp`: "), "{said}");
    let said = error("[symbol.AAPL]\nmarket_collar_width = \"1\"");
    assert!(said.contains("`market_collar_bp` is off here"), "{said}");
    set(&parse(
        "[instrument]\ncollar_width = \"1\"\n[symbol.AAPL]\ncollar_bp = \"off\"\ncollar_width = \"0\"",
    ));
}

#[test]
fn a_collar_of_market_orders_is_looser_than_none() {
    let off = parse("[instrument]\ncollar_bp = 500\n");
    let far = parse("[instrument]\ncollar_bp = 500\nmarket_collar_bp = 10000\n");
    let near = parse("[instrument]\ncollar_bp = 500\nmarket_collar_bp = 10\n");
    for (from, to, in_force) in
        [(&off, &far, &off), (&near, &far, &near), (&far, &near, &near), (&far, &off, &off)]
    {
        let tightened = Change::between(from, to, OWN).tightened;
        assert_eq!(set(&tightened).classes, set(in_force).classes);
    }
}

#[test]
fn every_key_reaches_the_gate() {
    // Each key changed alone changes the set.
    let plain = set(&parse("[account.1]\n[account.2]\n[strategy.quoter]\n[symbol.AAPL]\n"));
    let sums = "window_value_max = 5\norders_per_second = 5\n";
    let with = format!("{sums}breaker_failures = 5\n");
    let of_orders = "market_collar_bp = 5\nrepeats_max = 2\n";
    for (name, _) in TABLES {
        let at = match name {
            "account" => "account.1",
            "strategy" => "strategy.quoter",
            "symbol" => "symbol.AAPL",
            name => name,
        };
        for key in keys(name) {
            let other = match key.form {
                Form::Number(..) if key.name == "account" => "2".into(),
                Form::Number(_, high) => high.min(3).to_string(),
                Form::Price => "\"0.25\"".into(),
                Form::Flag => "true".into(),
                Form::Word(words) => format!("\"{}\"", words[0]),
                Form::Phases => "[\"closed\"]".into(),
                Form::Symbols => "[\"MSFT\"]".into(),
            };
            let mut text = String::from("[account.2]\n");
            let mut base = String::from("[account.2]\n");
            for (table, header) in [
                ("account", "[account.1]\n"),
                ("strategy", "[strategy.quoter]\n"),
                ("symbol", "[symbol.AAPL]\n"),
                (name, &*format!("[{at}]\n")),
            ] {
                if table == name && header != format!("[{at}]\n") || base.contains(header) {
                    continue;
                }
                base += header;
                text += header;
                if table != name || name == "phases" {
                    text += if table == name { "" } else { continue };
                }
                let level = match name {
                    "phases" => "",
                    "instrument" | "symbol" => sums,
                    _ => &*with,
                };
                let orders = if matches!(name, "instrument" | "symbol") { of_orders } else { "" };
                base += level;
                base += orders;
                let kept = level.lines().chain(orders.lines());
                for line in kept.filter(|line| !line.starts_with(&format!("{} ", key.name))) {
                    text += &format!("{line}\n");
                }
                let other = if key.name == "breaker_trials" { "7" } else { &*other };
                text += &format!("{} = {other}\n", key.name);
            }
            let changed = set(&parse(&text));
            assert!(changed != set(&parse(&base)) && changed != plain, "{at}.{}", key.name);
        }
    }
}

#[test]
fn a_file_written_reads_to_the_same_limits() {
    let text = "version = 7\n[firm]\ngross_max = 5\n[account.12]\n[account.3]\nnet_max = 8\n\
        [strategy.quoter]\naccount = 3\ninstruments = [\"BRK.A\", \"AAPL\"]\n\
        [symbol.\"BRK.A\"]\nlocated = 4\ncollar_width = \"0.125\"\n[phases]\nmarket = []\n";
    let file = parse(text);
    assert_eq!(parse(&file.to_toml()), file);
    let ids: Vec<_> = set(&file).accounts.iter().map(|scope| scope.id.0).collect();
    assert_eq!(ids, [3, 12], "in order of id");
    assert_eq!((file.version(), set(&file).phases.market), (7, 0));
}

#[test]
fn the_configuration_overrides_the_file_of_limits_that_overrides_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    std::fs::write(path("limits.toml"), "version = 9\n[firm]\ngross_max = 5\nnet_max = 6\n")
        .unwrap();
    let text = format!("risk.limits = '{}'\n[limits.firm]\nnet_max = 7\n", path("limits.toml"));
    std::fs::write(path("my.toml"), text).unwrap();
    let config = Config::load(Some(path("my.toml").as_ref()), None).unwrap();
    let set = config.limit_set().unwrap();
    assert_eq!((set.version, set.firm.gross_max, set.firm.net_max), (9, dollars(5), dollars(7)));
    assert_eq!(set.classes[0].order.qty_max, Some(Qty(10_000)));
    let again = Config::parse("again.toml", &config.to_toml()).unwrap();
    assert_eq!(again.limit_set().unwrap(), set, "what is in force is written in full");

    std::fs::write(path("limits.toml"), "[firm]\ngros_max = 5\n").unwrap();
    let error = Config::load(Some(path("my.toml").as_ref()), None).unwrap_err().to_string();
    assert!(error.contains("limits.toml:2:1: unknown key `firm.gros_max`"), "{error}");
    let error = Config::parse("my.toml", "\nlimits.firm.net_max = 0").unwrap_err().to_string();
    let said =
        "my.toml:2:13: `limits.firm.net_max`: 0 is out of range: set it from 1 to 1000000000000";
    assert_eq!(error, said);
}

#[test]
fn what_is_tighter_is_in_force_at_once_and_what_is_looser_once_it_is_confirmed() {
    let mut control = Control::new(parse("[firm]\ngross_max = 100\nnet_max = 50\n"), OWN);
    let wanted =
        parse("[firm]\ngross_max = 40\nnet_max = 80\n[phases]\nlimit = [\"open\", \"paused\"]\n");
    let proposed = control.propose(&wanted).unwrap();
    let told: Vec<String> = proposed.entries.iter().map(ToString::to_string).collect();
    let expected = [
        "firm.gross_max: 100 -> 40 (tighter)",
        "firm.net_max: 50 -> 80 (looser)",
        "phases.limit: open -> open paused (looser)",
    ];
    assert_eq!(told, expected);
    let now = set(control.in_force());
    assert_eq!((now.version, now.firm.gross_max, now.firm.net_max), (2, dollars(40), dollars(50)));
    assert_eq!(now.phases.limit, 1 << Phase::OPEN.0);
    assert_eq!(proposed.tightened.as_ref().map(set), Some(now));
    let number = proposed.number.unwrap();
    assert_eq!(
        control.waiting().map(|(it, entries)| (it, entries.len())).collect::<Vec<_>>(),
        [(number, 2)]
    );
    let (limits, entries) = control.confirm(number).unwrap();
    assert_eq!((entries.len(), limits.version()), (2, 3));
    assert_eq!(set(&limits), LimitSet { version: 3, ..set(&wanted) });
    assert_eq!(control.confirm(number).unwrap_err(), ProposeError::NoSuchProposal(number));
    assert_eq!(control.propose(&wanted).unwrap_err(), ProposeError::Same);
}

#[test]
fn a_raise_over_limits_that_are_gone_is_refused() {
    let mut control = Control::new(parse("[firm]\ngross_max = 100\n"), OWN);
    let raise = control.propose(&parse("[firm]\ngross_max = 200\n")).unwrap().number.unwrap();
    control.propose(&parse("[firm]\ngross_max = 90\n")).unwrap();
    let outdated = ProposeError::Outdated { number: raise, against: 1, in_force: 2 };
    assert_eq!(control.confirm(raise).unwrap_err(), outdated);
    assert_eq!(set(control.in_force()).firm.gross_max, dollars(90));
    assert_eq!(control.waiting().count(), 0);
}

#[test]
fn after_the_last_version_nothing_changes() {
    let of = |version: u32, gross: u32, net: u32| {
        parse(&format!("version = {version}\n[firm]\ngross_max = {gross}\nnet_max = {net}\n"))
    };
    let mut control = Control::new(of(u32::MAX - 2, 100, 100), OWN);
    let number = control.propose(&of(1, 90, 110)).unwrap().number.unwrap();
    assert_eq!(control.confirm(number).unwrap().0.version(), u32::MAX);
    for gross in [80, 120] {
        let error = control.propose(&of(1, gross, 110)).unwrap_err();
        assert_eq!(error, ProposeError::LastVersion);
        assert!(error.to_string().contains("4294967295: start the engine with"), "{error}");
    }
    assert_eq!(control.in_force().version(), u32::MAX);
}

#[test]
fn who_may_trade_shrinks_at_once_and_grows_when_confirmed() {
    let old =
        parse("[account.1]\n[account.2]\n[strategy.imbalance]\n[strategy.quoter]\naccount = 2\n");
    let of = |text: &str| Change::between(&old, &parse(text), OWN);
    let names = |change: &Change| {
        let set = set(&change.tightened);
        let accounts: Vec<_> = set.accounts.iter().map(|it| it.id.0).collect();
        let strategies: Vec<_> = set.strategies.iter().map(|it| (it.id.0, it.account.0)).collect();
        (accounts, strategies)
    };
    let both = [(1, 1), (2, 2)];
    assert_eq!(names(&of("[account.1]\n[strategy.imbalance]\n")), (vec![1], vec![both[0]]));
    let moved = of("[account.1]\n[strategy.imbalance]\n[strategy.quoter]\n");
    assert_eq!(
        names(&moved),
        (vec![1, 2], both.to_vec()),
        "its account is kept until it has another"
    );
    let first = Change::between(
        &parse(""),
        &parse("[account.1]\n[account.2]\n[strategy.quoter]\naccount = 2\n"),
        OWN,
    );
    assert_eq!(
        names(&first),
        (vec![1], vec![(2, 1)]),
        "nor has it one at once where none was named"
    );
    let other = of("[account.1]\n[account.2]\n[account.3]\n[strategy.quoter]\naccount = 3\n");
    assert_eq!(names(&other), (vec![1, 2], vec![both[1]]));
    let default = of("");
    assert_eq!(names(&default).1, both, "no table stands for all, and all could trade before");
    assert!(default.looser().any(|entry| entry.path == "strategy.quoter.account"));
}

/// Files that differ in a few keys.
fn file() -> impl Strategy<Value = LimitsFile> {
    let line = |key: &'static super::keys::Key| -> BoxedStrategy<String> {
        let name = key.name;
        let value = match key.form {
            Form::Number(..) if name == "account" => {
                (1..3_u64).prop_map(|it| it.to_string()).boxed()
            }
            Form::Number(low, high) => {
                (low..=high.min(low + 3)).prop_map(|it| it.to_string()).boxed()
            }
            Form::Price => "\"[0-3]\\.5\"".boxed(),
            Form::Flag => any::<bool>().prop_map(|it| it.to_string()).boxed(),
            Form::Word(words) => {
                prop::sample::select(words).prop_map(|it| format!("\"{it}\"")).boxed()
            }
            Form::Phases => {
                prop::sample::subsequence(vec!["\"open\"", "\"paused\"", "\"halted\""], 0..=3)
                    .prop_map(|list| format!("[{}]", list.join(", ")))
                    .boxed()
            }
            Form::Symbols => {
                prop::sample::subsequence(vec!["\"AAPL\"", "\"MSFT\"", "\"BRK.A\""], 0..=3)
                    .prop_map(|list| format!("[{}]", list.join(", ")))
                    .boxed()
            }
        };
        let value = if key.can_be_off() {
            prop_oneof![value, Just("\"off\"".to_string())].boxed()
        } else {
            value
        };
        prop::option::weighted(0.4, value.prop_map(move |it| format!("{name} = {it}\n")))
            .prop_map(Option::unwrap_or_default)
            .boxed()
    };
    let tables = [
        ("phases", "phases", 1.0),
        ("firm", "firm", 1.0),
        ("account", "account.1", 1.0),
        ("account", "account.2", 1.0),
        ("strategy", "strategy.imbalance", 0.6),
        ("strategy", "strategy.quoter", 0.6),
        ("instrument", "instrument", 1.0),
        ("symbol", "symbol.AAPL", 0.5),
        ("symbol", "symbol.\"BRK.A\"", 0.5),
    ];
    let sections: Vec<_> = tables
        .into_iter()
        .map(|(table, at, often)| {
            let lines: Vec<_> = keys(table).map(line).collect();
            let section = lines.prop_map(move |lines| format!("[{at}]\n{}", lines.concat()));
            if often == 1.0 {
                return section.boxed();
            }
            prop::option::weighted(often, section).prop_map(Option::unwrap_or_default).boxed()
        })
        .collect();
    let file = sections.prop_map(|sections| parse(&sections.concat()));
    file.prop_filter("a width has its share", |file| file.set(OWN, Some(&table())).is_ok())
}

/// A flat view in which absent scopes are named.
fn looser(than: &LimitsFile, now: &LimitsFile) -> Vec<String> {
    Change::between(than, now, OWN).looser().map(ToString::to_string).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_limit_gets_looser_unconfirmed_and_all_are_as_proposed_once_confirmed(
        old in file(), new in file()
    ) {
        let mut control = Control::new(old.clone(), OWN);
        let Ok(proposed) = control.propose(&new) else {
            prop_assert_eq!(set(&old), set(&new));
            return Ok(());
        };
        let now = control.in_force().clone();
        prop_assert_eq!(looser(&old, &now), Vec::<String>::new());
        prop_assert_eq!(parse(&now.to_toml()), now, "what is in force can be written");
        if let Some(number) = proposed.number {
            control.confirm(number).unwrap();
        }
        let (got, wanted) = (set(control.in_force()), set(&new));
        prop_assert_eq!(LimitSet { version: 0, ..got }, LimitSet { version: 0, ..wanted });
    }

    #[test]
    fn of_two_values_the_tightened_one_is_looser_than_neither(
        a in 0..4_u64, b in 0..4_u64, which in 0..3_usize
    ) {
        let value = |n: u64| if n == 0 { Value::Off } else { Value::Number(n) };
        let tight = [Tight::Lower, Tight::LowerOrOff, Tight::Higher][which];
        let (a, b) = (value(a), value(b));
        let both = a.tightened(&b, tight);
        prop_assert!(!both.is_looser_than(&a, tight) && !both.is_looser_than(&b, tight));
        let order = BTreeSet::from([a.is_looser_than(&b, tight), b.is_looser_than(&a, tight)]);
        prop_assert_eq!(order.len(), if a == b { 1 } else { 2 }, "numbers can be compared");
    }
}
