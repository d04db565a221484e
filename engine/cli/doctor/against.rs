//! What tuning bought: a report of before beside one of now.

use super::super::summary::grouped;
use super::report::{Core, Report};
use super::tuning::{Knob, Tuning};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Two looks at a machine, measured in the same way.
pub(super) struct Compared<'a> {
    pub(super) before: &'a Report,
    pub(super) now: &'a Report,
}

/// A knob whose state is another one.
#[derive(Debug, PartialEq, Eq)]
struct Moved<'a> {
    name: &'a str,
    before: &'a str,
    now: &'a str,
    found: &'a str,
}

impl<'a> Compared<'a> {
    /// Knobs whose state is another one, in the order of now; those that only one look knows have none in the other.
    fn moved(&self) -> Vec<Moved<'a>> {
        let (Ok(before), Ok(now)) = (&self.before.tuning.0, &self.now.tuning.0) else {
            return Vec::new();
        };
        let of = |knobs: &'a [Knob], name: &str| knobs.iter().find(|knob| knob.name == name);
        let there = now.iter().map(|knob| Moved {
            name: &knob.name,
            before: of(before, &knob.name).map_or("unknown", |was| &was.state),
            now: &knob.state,
            found: &knob.found,
        });
        let gone = before.iter().filter(|knob| of(now, &knob.name).is_none());
        let gone = gone.map(|knob| Moved {
            name: &knob.name,
            before: &knob.state,
            now: "unknown",
            found: "",
        });
        there.chain(gone).filter(|knob| knob.before != knob.now).collect()
    }

    /// The cores of now, each with the same of before.
    fn cores(&self) -> impl Iterator<Item = (&'a Core, &'a Core)> {
        let before = &self.before.cores;
        self.now.cores.iter().filter_map(move |now| {
            before.iter().find(|core| core.cpu == now.cpu).map(|core| (core, now))
        })
    }

    /// CPUs of before that were not to be had now.
    fn missed(&self) -> Vec<u64> {
        let is_missed = |cpu: &u64| self.now.cores.iter().all(|core| core.cpu != *cpu);
        self.before.cores.iter().map(|core| core.cpu).filter(is_missed).collect()
    }

    /// As one JSON object.
    pub(super) fn to_json(&self) -> Value {
        let moved = self.moved().into_iter().map(|Moved { name, before, now, found }| {
            json!({ "knob": name, "before": before, "now": now, "found": found })
        });
        let cores = self.cores().map(|(before, now)| {
            json!({ "cpu": now.cpu, "before": before.to_json(), "now": now.to_json() })
        });
        json!({
            "knobs_changed": moved.collect::<Vec<_>>(),
            "cores": cores.collect::<Vec<_>>(),
            "cpus_not_measured_now": self.missed(),
            "before": self.before.to_json(),
            "now": self.now.to_json(),
        })
    }

    /// As text.
    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { before, now } = self;
        writeln!(out, "before    {}, by coretick {}", before.taken, before.version)?;
        writeln!(out, "now       {}, by coretick {}\n", now.taken, now.version)?;
        match (&before.tuning.0, &now.tuning.0) {
            (Ok(was), Ok(is)) => {
                writeln!(out, "tuning    before: {}", Tuning::count(was))?;
                writeln!(out, "          now:    {}", Tuning::count(is))?;
            }
            (Err(why), _) => writeln!(out, "tuning    not looked at before: {why}")?,
            (_, Err(why)) => writeln!(out, "tuning    not looked at now: {why}")?,
        }
        let moved = self.moved();
        let both = before.tuning.0.is_ok() && now.tuning.0.is_ok();
        if moved.is_empty() && both {
            writeln!(out, "  no knob has another state")?;
        } else if both {
            writeln!(out, "  {:<18}{:<9}{:<9}is", "knob", "before", "now")?;
        }
        for Moved { name, before, now, found } in moved {
            let found: String = found.chars().take(80).collect();
            writeln!(out, "  {name:<18}{before:<9}{now:<9}{found}")?;
        }
        let how = if now.together { "all at once" } else { "one after the other" };
        let (span, threshold) = (now.span as f64 / 1e9, grouped(now.threshold));
        writeln!(out, "\njitter    CPUs {how}, {span} s each; gaps of {threshold} ns and more\n")?;
        let heads = ["gaps/s", "p50 ns", "p99 ns", "p99.9 ns", "max ns", "stolen us/s"];
        write!(out, "  CPU        ")?;
        heads.iter().try_for_each(|head| write!(out, "{head:>13}"))?;
        writeln!(out)?;
        for cpu in self.missed() {
            writeln!(
                out,
                "  {cpu:>3}  not to be used from here: `tuning/start --topology FILE coretick doctor ...` has the engine's CPUs, a \
                 shell the others"
            )?;
        }
        for (before, now) in self.cores() {
            for (when, core) in [("before", before), ("now", now)] {
                let cpu = if when == "before" { core.cpu.to_string() } else { String::new() };
                write!(out, "  {cpu:>3}  {when:<6}")?;
                columns(core).iter().try_for_each(|it| write!(out, "{:>13}", grouped(*it)))?;
                writeln!(out)?;
            }
            write!(out, "       {:<6}", "x")?;
            for (was, is) in columns(before).into_iter().zip(columns(now)) {
                let times =
                    if was == 0 { "-".into() } else { format!("{:.2}", is as f64 / was as f64) };
                write!(out, "{times:>13}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn columns(core: &Core) -> [u64; 6] {
    let [p50, p99, p999, max] = core.figures;
    [core.rate(), p50, p99, p999, max, core.stolen_each_second() / 1_000]
}
