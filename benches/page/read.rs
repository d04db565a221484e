//! What benches left, what operations were specified with and what is wanted of them, and pages that were kept.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// What an operation costs.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// `group/operation`.
    pub(crate) operation: String,
    /// Of the figures: ns, ms, MiB.
    pub(crate) unit: String,
    /// The middle: of several rounds, that of their medians.
    pub(crate) median: f64,
    /// The least of the rounds' medians; of one round, where its middle lies at 95 %, or the least of its turns ...
    pub(crate) low: f64,
    /// ... and the most.
    pub(crate) high: f64,
    /// Rounds that it is of.
    pub(crate) rounds: usize,
}

impl Figure {
    /// `group` and `operation`.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.operation.split_once('/').unwrap_or(("", &self.operation))
    }
}

/// A run of `scripts/bench`, or the one of a page that was kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// The machine: its model, and the cores for this process.
    pub(crate) machine: String,
    /// What was checked out when the benches were built.
    pub(crate) commit: String,
    /// When it began.
    pub(crate) began: String,
    /// The load before each round.
    pub(crate) loads: String,
    /// Whether it was a short look.
    pub(crate) quick: bool,
    /// What it found.
    pub(crate) figures: Vec<Figure>,
}

/// What is wanted of an operation, beyond what was specified.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aim {
    /// At most this, in the unit of its figure.
    Most(f64),
    /// At most so many times what another operation costs.
    Times(f64, String),
}

/// What an operation was specified with, and what is wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// It may be no more than this, in the unit of its figure.
    pub(crate) ceiling: f64,
    /// By which requirement.
    pub(crate) requirement: String,
    /// What is wanted, where that is said.
    pub(crate) aim: Option<Aim>,
}

/// Targets in the order of the page.
pub(crate) struct Targets(Vec<(String, Target)>);

impl Targets {
    pub(crate) fn of(&self, operation: &str) -> Option<Target> {
        self.0.iter().find(|(name, _)| name == operation).map(|(_, target)| target.clone())
    }

    /// Groups come in the order of their targets, those without any last; within a group, by name.
    pub(crate) fn place(&self, operation: &str) -> (usize, String) {
        let group = |name: &str| name.split('/').next().map(String::from);
        let at = self.0.iter().position(|(name, _)| group(name) == group(operation));
        let at =
            if operation.starts_with("floor/") { 0 } else { at.map_or(usize::MAX, |at| at + 1) };
        (at, operation.into())
    }
}

/// `10`, or `5 x another/operation`.
fn aim(text: &str) -> Option<Aim> {
    match text.split_once(" x ") {
        Some((times, operation)) => Some(Aim::Times(times.parse().ok()?, operation.into())),
        None => text.parse().ok().map(Aim::Most),
    }
}

/// A table of `operation;ceiling;requirement;aim`, the last of which may be empty.
pub(crate) fn targets(text: &str) -> Result<Targets, String> {
    let mut targets = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let wrong = || format!("benches/page/targets.csv, line {}: `{line}`", number + 1);
        let [operation, ceiling, requirement, wanted] =
            line.split(';').collect::<Vec<_>>().try_into().map_err(|_| wrong())?;
        let ceiling = ceiling.parse().map_err(|_| wrong())?;
        let aim = match wanted {
            "" => None,
            text => Some(aim(text).ok_or_else(wrong)?),
        };
        targets.push((operation.into(), Target { ceiling, requirement: requirement.into(), aim }));
    }
    Ok(Targets(targets))
}

fn json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    serde_json::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))
}

fn number(value: &Value, path: &Path, field: &str) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("{}: {field} is no number", path.display()))
}

/// Criterion's estimates: each folder that has `new/estimates.json`.
fn criterion(folder: &Path) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // Nothing was run by criterion.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
        let path = folder.join("new/estimates.json");
        if !path.exists() {
            continue;
        }
        let estimates = json(&path)?;
        let named = json(&folder.join("new/benchmark.json"))?;
        // A group of many elements says how many one run has.
        let elements = named["throughput"]["Elements"].as_f64().unwrap_or(1.0);
        let of = |value: &Value, field| Ok::<_, String>(number(value, &path, field)? / elements);
        let median = &estimates["median"];
        figures.push(Figure {
            operation: named["full_id"].as_str().unwrap_or_default().into(),
            unit: "ns".into(),
            median: of(&median["point_estimate"], "median")?,
            low: of(&median["confidence_interval"]["lower_bound"], "lower bound")?,
            high: of(&median["confidence_interval"]["upper_bound"], "upper bound")?,
            rounds: 1,
        });
    }
    Ok(figures)
}

fn figure(row: &Value, path: &Path) -> Result<Figure, String> {
    let text = |field: &str| {
        let value = row[field].as_str().map(String::from);
        value.ok_or_else(|| format!("{}: a row has no {field}", path.display()))
    };
    let (operation, unit) = (text("operation")?, text("unit")?);
    let [median, low, high] =
        ["median", "low", "high"].map(|field| number(&row[field], path, field));
    // What a bench leaves is of one round.
    let rounds = row["rounds"].as_u64().map_or(1, |rounds| rounds as usize);
    Ok(Figure { operation, unit, median: median?, low: low?, high: high?, rounds })
}

/// Rows of benches that measure in turns, a JSON object a line.
fn rows(path: &Path) -> Result<Vec<Figure>, String> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(Vec::new()) };
    let row = |line| {
        let row = serde_json::from_str(line).map_err(|why| format!("{}: {why}", path.display()));
        figure(&row?, path)
    };
    text.lines().map(row).collect()
}

/// One operation out of its figures of some rounds. One round has its own spread; of several, it is that from round to round.
fn over_rounds(mut rounds: Vec<Figure>) -> Option<Figure> {
    rounds.sort_by(|a, b| a.median.total_cmp(&b.median));
    let count = rounds.len();
    let (first, last) = (rounds.first()?, rounds.last()?);
    if count == 1 {
        return Some(first.clone());
    }
    let median = f64::midpoint(rounds[(count - 1) / 2].median, rounds[count / 2].median);
    Some(Figure { median, low: first.median, high: last.median, rounds: count, ..first.clone() })
}

/// What the last run of `scripts/bench` left: `rounds/about`, lines of a word and what it says, and `rounds/1`, `rounds/2` and so on.
pub(crate) fn run(folder: &Path, machine: &str) -> Result<Run, String> {
    let folder = folder.join("rounds");
    let about = fs::read_to_string(folder.join("about")).map_err(|_| {
        format!("no bench has left anything in {}: run scripts/bench", folder.display())
    })?;
    let said = |word: &str| {
        let line = about.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        line.unwrap_or_default().to_string()
    };
    let mut all: Vec<Figure> = Vec::new();
    for round in 1.. {
        let round = folder.join(round.to_string());
        if !round.is_dir() {
            break;
        }
        all.extend(criterion(&round.join("criterion"))?);
        all.extend(rows(&round.join("rows.jsonl"))?);
    }
    // A stable sort: rounds stay side by side.
    all.sort_by(|a, b| a.operation.cmp(&b.operation));
    let same = all.chunk_by(|a, b| a.operation == b.operation);
    let figures = same.filter_map(|rounds| over_rounds(rounds.to_vec())).collect();
    let quick = said("quick") == "yes";
    let (commit, began, loads) = (said("commit"), said("began"), said("loads"));
    Ok(Run { machine: machine.into(), commit, began, loads, quick, figures })
}

/// A page that was kept, of this machine.
pub(crate) fn kept(path: &Path, machine: &str) -> Result<Run, String> {
    let page = json(path).map_err(|why| format!("{why}: keep one with --save first"))?;
    let text = |field: &str| page[field].as_str().unwrap_or_default().to_string();
    let of = text("machine");
    if of != machine {
        return Err(format!(
            "{} is of another machine, or of other cores: `{of}`; this is `{machine}`. Keep one here with --save",
            path.display()
        ));
    }
    let rows = page["operations"].as_array().cloned().unwrap_or_default();
    Ok(Run {
        machine: of,
        commit: text("commit"),
        began: text("began"),
        loads: text("loads"),
        quick: page["quick"].as_bool().unwrap_or(true),
        figures: rows.iter().map(|row| figure(row, path)).collect::<Result<_, _>>()?,
    })
}

/// With three digits that count.
pub(crate) fn short(figure: f64) -> String {
    match figure {
        f if f >= 1e7 => format!("{:.0} M", f / 1e6),
        f if f >= 1e4 => format!("{:.0} k", f / 1e3),
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}
