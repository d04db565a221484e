//! One page of what the benches said: each operation beside what it was specified with, what is wanted of it, the floor, and a page
//! that was kept.
//!
//! It measures nothing. `scripts/bench` runs the benches with `CRITERION_HOME` and `CORETICK_BENCH_ROWS` in a folder of its own, a
//! folder a round, and this reads what the last run left there: criterion's estimates, and rows of the benches that measure in turns
//! (`common::keep`). The page goes to the terminal, and as `page.json` and `page.html` beside.
//!
//! A page is of one run, so its machine, commit and day are those of each figure. What is slower or faster than before is said only
//! where the rounds of both runs lie apart: within one round all is steadier than from one to the next.

mod check;
mod html;
mod read;

use clap::Parser;
use read::{Aim, Figure, Run, Target};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

#[expect(dead_code, reason = "other benches have costs and variants")]
#[path = "../common/mod.rs"]
mod common;

/// The page of what the last run of scripts/bench left in a folder.
#[derive(Parser)]
struct Arguments {
    /// The folder
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Keep the page under this name
    #[arg(long, value_name = "NAME")]
    save: Option<String>,
    /// Hold it against the page of this name
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// Only look whether that page is there and of this machine
    #[arg(long, requires = "against")]
    only_look: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, the page checks itself
    #[arg(long, hide = true)]
    bench: bool,
}

/// From which difference on something is slower or faster, if the rounds lie apart by it.
const NOTABLE: f64 = 1.05;
/// Rounds that it takes on both pages to say so. Of two runs of the same, all five of the second lie above all five of the first once in
/// 252 times (of three: once in 20, and there are some sixty operations).
const ROUNDS: usize = 5;
/// What those are held against whose group has no floor of its own.
const FLOOR: &str = "floor/read a line";
/// What a figure is and is not, where its name does not tell.
const NOTES: [(&str, &str); 3] = [
    (
        "gate",
        "in batches, with all it touches in the cache; aims at a single order's p50 and p99.9: cargo bench --bench gate",
    ),
    (
        "start",
        "whole processes that replay 40,000 messages on 2,000 symbols to their end, pools for 10,000 instruments; program and day were \
         read before, or forgotten by the kernel where it says cold; no socket is opened",
    ),
    (
        "replay",
        "CPU time a message of a whole day, not the time from event to order, which the bench prints above",
    ),
];

/// What is said of a group.
fn note(group: &str) -> Option<&'static str> {
    NOTES.iter().find(|(of, _)| *of == group).map(|(_, note)| *note)
}

/// What a figure may be at most, and whether it is more.
#[derive(Clone, Copy)]
struct Limit {
    most: f64,
    missed: bool,
}

impl Limit {
    fn of(figure: &Figure, most: f64) -> Self {
        Self { most, missed: figure.median > most }
    }

    /// As in a table.
    fn text(limit: Option<Self>) -> String {
        limit.map_or(String::new(), |Self { most, missed }| {
            format!("{}< {}", if missed { "NOT " } else { "" }, read::short(most))
        })
    }

    fn json(self) -> Value {
        json!({ "most": self.most, "missed": self.missed })
    }
}

/// An operation on the page.
struct Row {
    figure: Figure,
    /// What it was specified with, and by which requirement.
    ceiling: Option<(Limit, String)>,
    /// What is wanted of it.
    aim: Option<Limit>,
    /// How many times its floor it takes.
    floors: Option<f64>,
    /// The figure of the page that this one is held against.
    before: Option<Figure>,
    /// Whether both runs have the rounds, and the length, that a verdict takes.
    tells: bool,
}

impl Row {
    /// Slower or faster than before, or that it differs and the rounds do not tell by what; empty if there is hardly a difference.
    fn verdict(&self) -> &'static str {
        let Some(before) = &self.before else { return "" };
        let Figure { median, low, high, .. } = self.figure;
        match self.tells {
            true if low > before.high * NOTABLE => "SLOWER",
            true if high * NOTABLE < before.low => "faster",
            _ if median > before.median * NOTABLE || median * NOTABLE < before.median => {
                "not to be told"
            }
            _ => "",
        }
    }

    /// By how many per cent it differs from before.
    fn change(&self) -> Option<f64> {
        self.before.as_ref().map(|before| (self.figure.median / before.median - 1.0) * 100.0)
    }

    fn json(&self) -> Value {
        let Figure { operation, unit, median, low, high, rounds } = &self.figure;
        let ceiling = self.ceiling.as_ref();
        let of_before = |before: &Figure| json!({ "median": before.median, "low": before.low, "high": before.high, "rounds": before.rounds });
        json!({
            "operation": operation,
            "unit": unit,
            "median": median,
            "low": low,
            "high": high,
            "rounds": rounds,
            "floors": self.floors,
            "ceiling": ceiling.map(|(limit, _)| limit.json()),
            "requirement": ceiling.map(|(_, requirement)| requirement),
            "aim": self.aim.map(Limit::json),
            "before": self.before.as_ref().map(of_before),
            "verdict": self.verdict(),
        })
    }
}

/// The page.
struct Page {
    run: Run,
    /// The page that it is held against, and its name.
    against: Option<(String, Run)>,
    rows: Vec<Row>,
}

impl Page {
    /// Of a run, held against another.
    fn new(mut run: Run, against: Option<(String, Run)>) -> Result<Self, String> {
        let targets = read::targets(include_str!("targets.csv"))?;
        run.figures.sort_by_key(|figure| targets.place(&figure.operation));
        let row = |figure: &Figure| {
            let target = targets.of(&figure.operation);
            let before = against.as_ref().and_then(|(_, page)| {
                page.figures.iter().find(|it| it.operation == figure.operation).cloned()
            });
            let quick = run.quick || against.as_ref().is_some_and(|(_, page)| page.quick);
            let rounds = before.as_ref().map_or(0, |it| it.rounds).min(figure.rounds);
            let aim = target.as_ref().and_then(|target| aimed(&run, target));
            Row {
                figure: figure.clone(),
                ceiling: target.map(|it| (Limit::of(figure, it.ceiling), it.requirement)),
                aim: aim.map(|most| Limit::of(figure, most)),
                floors: floor(&run, figure).map(|floor| figure.median / floor),
                before,
                tells: !quick && rounds >= ROUNDS,
            }
        };
        let rows = run.figures.iter().map(row).collect();
        Ok(Self { run, against, rows })
    }

    /// What was run, and what the columns are; a line each.
    fn head(&self) -> String {
        let Run { machine, commit, began, loads, quick, .. } = &self.run;
        let rounds = rounds(&self.run);
        let mut text = format!("machine   {machine}\ncommit    {commit}, begun {began}\n");
        let _ = writeln!(text, "rounds    {rounds}, load before each: {loads}");
        let spread = match rounds {
            1 => {
                "within the round: operations' is the interval of the median at 95 %, others' least..most; it says nothing of other minutes"
            }
            _ => "least..most of the rounds' medians",
        };
        let _ = writeln!(text, "spread    {spread}");
        text += "ceiling   what it was specified with; the aim is what is wanted of it, where that is said of what is measured here\n";
        if *quick {
            text += "QUICK     a short look at each: figures that say little\n";
        }
        if let Some((name, page)) = &self.against {
            let quick = if page.quick { ", QUICK" } else { "" };
            let rounds = self::rounds(page);
            let _ = writeln!(
                text,
                "against   {name}: commit {}, begun {}, rounds: {rounds}{quick}",
                page.commit, page.began
            );
            if !self.rows.iter().any(|row| row.tells) {
                let _ = writeln!(
                    text,
                    "no verdict: slower or faster takes {ROUNDS} rounds of both, none of them quick"
                );
            }
            if self
                .rows
                .iter()
                .any(|row| row.figure.operation == FLOOR && row.tells && !row.verdict().is_empty())
            {
                text += "NOTE: the floor itself differs: the machine was not as it was, which is in all verdicts\n";
            }
        }
        text
    }

    /// What it comes to, on a line.
    fn sum(&self) -> String {
        let count = |is: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| is(row)).count();
        let above = count(&|row| row.ceiling.as_ref().is_some_and(|(it, _)| it.missed));
        let (aims, missed) =
            (count(&|row| row.aim.is_some()), count(&|row| row.aim.is_some_and(|it| it.missed)));
        let mut text = format!(
            "{} operations, {above} above their ceiling, {missed} of {aims} aims not reached",
            self.rows.len()
        );
        if let Some((name, page)) = &self.against {
            let slower = count(&|row| row.verdict() == "SLOWER");
            let found = count(&|row| row.before.is_some());
            let _ = write!(
                text,
                ", {slower} slower than {name} by more than 5 % and the spread; {} of it not in this run",
                page.figures.len() - found
            );
        }
        text
    }

    fn text(&self) -> String {
        let mut text = self.head();
        let mut group = "";
        for row in &self.rows {
            let Figure { unit, median, low, high, .. } = &row.figure;
            let (of, name) = row.figure.parts();
            if of != group {
                group = of;
                let _ = writeln!(
                    text,
                    "\n{group:44} {:>10} {:>16} {:>8} {:>11} {:>10} {:>7}",
                    "median", "spread", "x floor", "ceiling", "aim", "before"
                );
                if let Some(note) = note(group) {
                    let _ = writeln!(text, "  ({note})");
                }
            }
            let floors = row.floors.map_or(String::new(), |floors| format!("{floors:.1}"));
            let ceiling = Limit::text(row.ceiling.as_ref().map(|(limit, _)| *limit));
            let aim = Limit::text(row.aim);
            let before = row.change().map_or(String::new(), |change| format!("{change:+.0} %"));
            let spread = format!("{}..{}", read::short(*low), read::short(*high));
            let line = format!(
                "  {name:42.42} {:>7} {unit:>3} {spread:>16} {floors:>8} {ceiling:>11} {aim:>10} {before:>7} {}",
                read::short(*median),
                row.verdict()
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(text, "\n{}", self.sum());
        text
    }

    fn json(&self) -> Value {
        let Run { machine, commit, began, loads, quick, .. } = &self.run;
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let against = self.against.as_ref().map(|(name, page)| {
            json!({ "name": name, "commit": page.commit, "began": page.began, "quick": page.quick, "rounds": rounds(page) })
        });
        json!({
            "machine": machine,
            "commit": commit,
            "began": began,
            "loads": loads,
            "quick": quick,
            "rounds": rounds(&self.run),
            "against": against,
            "operations": rows,
        })
    }
}

/// Rounds of a run: those of the operation that has most.
fn rounds(run: &Run) -> usize {
    run.figures.iter().map(|figure| figure.rounds).max().unwrap_or(0)
}

/// The floor of an operation: the first of its group, or what reading a line takes. Memory and whole processes have none.
fn floor(run: &Run, figure: &Figure) -> Option<f64> {
    let own = |it: &&Figure| {
        let ((of, name), (group, _)) = (it.parts(), figure.parts());
        of == group && name.starts_with("floor: ")
    };
    let own = run.figures.iter().find(own);
    let floor = own.or_else(|| run.figures.iter().find(|it| it.operation == FLOOR))?;
    (figure.unit == "ns").then_some(floor.median)
}

/// What is wanted at most, if what it is held against was run.
fn aimed(run: &Run, target: &Target) -> Option<f64> {
    match target.aim.as_ref()? {
        Aim::Most(most) => Some(*most),
        Aim::Times(times, operation) => {
            let figure = run.figures.iter().find(|it| it.operation == *operation)?;
            Some(times * figure.median)
        }
    }
}

/// This machine: its model, and the cores for this process.
fn machine() -> String {
    let told = common::machine();
    let machine = told.strip_prefix("machine   ").unwrap_or(&told);
    machine.split(", load ").next().unwrap_or_default().into()
}

fn saved(folder: &Path, name: &str) -> PathBuf {
    folder.join("saved").join(format!("{name}.json"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let (folder, machine) = (&arguments.folder, machine());
    let against = match &arguments.against {
        Some(name) => Some((name.clone(), read::kept(&saved(folder, name), &machine)?)),
        None => None,
    };
    if arguments.only_look {
        return Ok(());
    }
    let page = Page::new(read::run(folder, &machine)?, against)?;
    print!("{}", page.text());
    let json = format!("{:#}\n", page.json());
    write(&folder.join("page.json"), &json)?;
    write(&folder.join("page.html"), &html::page(&page))?;
    if let Some(name) = &arguments.save {
        write(&saved(folder, name), &json)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if !arguments.bench {
        check::all();
        return ExitCode::SUCCESS;
    }
    // Cargo runs benches in the package's folder, whatever the target folder is called.
    if let Some(target) =
        env::var_os("CARGO_TARGET_DIR").filter(|_| arguments.folder.starts_with("target"))
    {
        arguments.folder = PathBuf::from(target).join("bench");
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
