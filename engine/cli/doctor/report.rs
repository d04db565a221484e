//! What a doctor found, as it is kept: one JSON object, written with `--save` and read again with `--against`.

use super::saved::{Fault, Field, SavedError};
use super::tuning::Tuning;
use crate::telemetry::Hiccups;
use crate::topology::jitter::Survey;
use crate::topology::machine::Cpu;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What the object says it is.
const FORMAT: &str = "coretick doctor 1";

/// What tells machines apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its name.
    pub(super) host: String,
    /// What its processor calls itself.
    pub(super) processor: String,
    /// CPUs that it has.
    pub(super) cpus: u64,
}

impl Identity {
    /// This machine's.
    pub(super) fn read() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = text("/proc/cpuinfo");
        let of = |key: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_once(':')).map(|(_, it)| it.trim().to_owned())
        };
        let processor = of("model name").or_else(|| of("CPU part")).unwrap_or_default();
        let cpus = cpuinfo.lines().filter(|line| line.starts_with("processor")).count() as u64;
        let host = text("/proc/sys/kernel/hostname").trim().into();
        Self { host, processor, cpus }
    }
}

/// The gaps of a core, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Core {
    pub(super) cpu: u64,
    pub(super) node: u64,
    pub(super) elapsed: u64,
    /// How many.
    pub(super) gaps: u64,
    /// Their quantiles at 0.5, 0.99 and 0.999, and the longest.
    pub(super) figures: [u64; 4],
    pub(super) stolen: u64,
    /// The longest ones: when each was after the start, and its length.
    pub(super) worst: Vec<[u64; 2]>,
}

/// What the figures are called.
const FIGURES: [&str; 4] = ["p50_ns", "p99_ns", "p999_ns", "max_ns"];

impl Core {
    fn of(cpu: &Cpu, hiccups: &Hiccups) -> Self {
        let histogram = hiccups.gaps().histogram();
        let max = hiccups.worst().first().map_or(0, |gap| gap.length.0);
        // A histogram tells the upper end of what it takes for equal.
        let at = |quantile| histogram.value_at_quantile(quantile).min(max);
        Self {
            cpu: cpu.id as u64,
            node: cpu.node as u64,
            elapsed: hiccups.elapsed().0,
            gaps: histogram.len(),
            figures: [at(0.5), at(0.99), at(0.999), max],
            stolen: hiccups.stolen().0,
            worst: hiccups.worst().iter().map(|gap| [gap.at.0, gap.length.0]).collect(),
        }
    }

    fn each_second(&self, count: u64) -> u64 {
        (u128::from(count) * 1_000_000_000 / u128::from(self.elapsed.max(1))) as u64
    }

    /// Gaps a second.
    pub(super) fn rate(&self) -> u64 {
        self.each_second(self.gaps)
    }

    /// Nanoseconds of a second that were taken away.
    pub(super) fn stolen_each_second(&self) -> u64 {
        self.each_second(self.stolen)
    }

    pub(super) fn to_json(&self) -> Value {
        let [p50, p99, p999, max] = self.figures;
        let worst: Vec<_> = self
            .worst
            .iter()
            .map(|[at, length]| json!({ "at_ns": at, "length_ns": length }))
            .collect();
        json!({
            "cpu": self.cpu,
            "node": self.node,
            "elapsed_ns": self.elapsed,
            "gaps": self.gaps,
            "p50_ns": p50,
            "p99_ns": p99,
            "p999_ns": p999,
            "max_ns": max,
            "stolen_ns": self.stolen,
            "stolen_ns_per_second": self.stolen_each_second(),
            "worst": worst,
        })
    }

    fn from_json(field: &Field<'_>) -> Result<Self, SavedError> {
        let number = |name| field.get(name)?.number();
        let mut figures = [0; 4];
        for (figure, name) in figures.iter_mut().zip(FIGURES) {
            *figure = number(name)?;
        }
        let worst = field.get("worst")?.list()?;
        let gap =
            |gap: &Field<'_>| Ok([gap.get("at_ns")?.number()?, gap.get("length_ns")?.number()?]);
        Ok(Self {
            cpu: number("cpu")?,
            node: number("node")?,
            elapsed: number("elapsed_ns")?,
            gaps: number("gaps")?,
            figures,
            stolen: number("stolen_ns")?,
            worst: worst.iter().map(gap).collect::<Result<_, SavedError>>()?,
        })
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) machine: Identity,
    /// When, as in RFC 3339.
    pub(super) taken: String,
    /// The program that looked.
    pub(super) version: String,
    pub(super) together: bool,
    pub(super) threshold: u64,
    pub(super) span: u64,
    pub(super) cores: Vec<Core>,
    /// The knobs, or why nobody looked at them.
    pub(super) tuning: Tuning,
}

impl Report {
    /// What was measured now.
    pub(super) fn new(
        survey: &Survey,
        seen: &[(Cpu, Hiccups)],
        tuning: Tuning,
        taken: String,
    ) -> Self {
        Self {
            machine: Identity::read(),
            taken,
            version: env!("CARGO_PKG_VERSION").into(),
            together: survey.together,
            threshold: survey.threshold.0,
            span: survey.span.0,
            cores: seen.iter().map(|(cpu, hiccups)| Core::of(cpu, hiccups)).collect(),
            tuning,
        }
    }

    /// All of it.
    pub(super) fn to_json(&self) -> Value {
        let Identity { host, processor, cpus } = &self.machine;
        json!({
            "format": FORMAT,
            "version": self.version,
            "taken": self.taken,
            "machine": { "host": host, "processor": processor, "cpus": cpus },
            "together": self.together,
            "threshold_ns": self.threshold,
            "span_ns": self.span,
            "cores": self.cores.iter().map(Core::to_json).collect::<Vec<_>>(),
            "tuning": self.tuning.to_json(),
        })
    }

    /// What was kept in a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not what `--save` wrote: with the field and what to do.
    pub(super) fn read(path: &Path) -> Result<Self, SavedError> {
        let file = path.display().to_string();
        let refuse = |fault| SavedError { file: file.clone(), fault };
        let text = fs::read_to_string(path).map_err(|error| refuse(Fault::Unreadable(error)))?;
        let all: Value = serde_json::from_str(&text).map_err(|error| {
            refuse(Fault::NotJson { line: error.line(), column: error.column() })
        })?;
        let all = Field::top(&file, &all);
        let format = all.get("format")?;
        if format.text()? != FORMAT {
            return Err(format.refuse(Fault::Format(FORMAT)));
        }
        let machine = all.get("machine")?;
        let cores = all.get("cores")?;
        let report = Self {
            machine: Identity {
                host: machine.get("host")?.text()?.into(),
                processor: machine.get("processor")?.text()?.into(),
                cpus: machine.get("cpus")?.number()?,
            },
            taken: all.get("taken")?.text()?.into(),
            version: all.get("version")?.text()?.into(),
            together: all.get("together")?.truth()?,
            threshold: all.get("threshold_ns")?.number()?,
            span: all.get("span_ns")?.number()?,
            cores: cores.list()?.iter().map(Core::from_json).collect::<Result<_, _>>()?,
            tuning: Tuning::from_json(&all.get("tuning")?)?,
        };
        let within = |name, value, least, most| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(all.get(name)?.refuse(Fault::Range { least, most })),
        };
        within("threshold_ns", report.threshold, 100, 1_000_000_000)?;
        within("span_ns", report.span, 1_000_000, 86_400_000_000_000)?;
        if report.cores.is_empty() {
            return Err(cores.refuse(Fault::Empty));
        }
        for (at, core) in cores.list()?.iter().enumerate() {
            if report.cores[..at].iter().any(|other| other.cpu == report.cores[at].cpu) {
                return Err(core.get("cpu")?.refuse(Fault::Twice));
            }
        }
        Ok(report)
    }

    /// Whether it is of this machine, and the CPUs that it looked at among `usable`: one at least.
    ///
    /// # Errors
    /// At the first difference.
    pub(super) fn is_of(
        &self,
        machine: &Identity,
        usable: &[Cpu],
        file: &Path,
    ) -> Result<Vec<Cpu>, SavedError> {
        let refuse = |fault| SavedError { file: file.display().to_string(), fault };
        let (cpus, now) = (self.machine.cpus.to_string(), machine.cpus.to_string());
        let same = [
            ("machine.host", &self.machine.host, &machine.host),
            ("machine.processor", &self.machine.processor, &machine.processor),
            ("machine.cpus", &cpus, &now),
        ];
        for (field, was, is) in same {
            if was != is {
                let (was, is) = (was.clone(), is.clone());
                return Err(refuse(Fault::OtherMachine { field, was, is }));
            }
        }
        // Isolated CPUs are had by who is begun there, and by nobody else: those that both looks have are compared.
        let is_of = |cpu: &&Cpu| self.cores.iter().any(|core| core.cpu == cpu.id as u64);
        let common: Vec<_> = usable.iter().filter(is_of).copied().collect();
        match self.cores.first() {
            Some(core) if common.is_empty() => Err(refuse(Fault::NoCpu { at: 0, cpu: core.cpu })),
            _ => Ok(common),
        }
    }
}
