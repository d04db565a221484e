//! What `tuning/tune check` says of the host's knobs, for the CPUs that the configuration names.

use super::super::Failure;
use super::saved::{Field, SavedError};
use crate::topology::config::{Config, Shard};
use crate::topology::placement::{Placement, ShardSpec};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

/// Where it lies if it was installed as `tuning/systemd/README.md` says.
const INSTALLED: &str = "/opt/coretick/tuning";

/// A knob, in the words of `tune check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Knob {
    /// What it is called.
    pub(super) name: String,
    /// `ok`, `not`, `absent` or `spare`.
    pub(super) state: String,
    /// How it is.
    pub(super) found: String,
    /// How it should be.
    pub(super) wanted: String,
    /// What to do.
    pub(super) fix: String,
}

/// The knobs, or why nobody looked at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tuning(pub(super) Result<Vec<Knob>, String>);

impl Tuning {
    /// Of the knobs, those in each state: ok, not, absent, spare.
    pub(super) fn count(knobs: &[Knob]) -> String {
        let of = |state| {
            let count = knobs.iter().filter(|knob| knob.state == state).count();
            format!("{count} {state}")
        };
        ["ok", "not", "absent", "spare"].map(of).join(", ")
    }

    /// As they are kept.
    pub(super) fn to_json(&self) -> Value {
        match &self.0 {
            Err(why) => json!({ "knobs": null, "why": why }),
            Ok(knobs) => {
                let knobs = knobs.iter().map(|knob| {
                    let Knob { name, state, found, wanted, fix } = knob;
                    json!({ "knob": name, "state": state, "found": found, "wanted": wanted, "fix": fix })
                });
                json!({ "knobs": knobs.collect::<Vec<_>>() })
            }
        }
    }

    /// What was kept.
    pub(super) fn from_json(field: &Field<'_>) -> Result<Self, SavedError> {
        let knobs = field.get("knobs")?;
        if knobs.is_null() {
            return Ok(Self(Err(field.get("why")?.text()?.into())));
        }
        Ok(Self(Ok(knobs.list()?.iter().map(knob).collect::<Result<_, _>>()?)))
    }

    /// Shows the count, and each knob that is not as it should be.
    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let knobs = match &self.0 {
            Ok(knobs) => knobs,
            Err(why) => return writeln!(out, "tuning    not looked at: {why}"),
        };
        writeln!(out, "tuning    {}", Self::count(knobs))?;
        for Knob { name, found, wanted, fix, .. } in knobs.iter().filter(|it| it.state == "not") {
            let (found, wanted) = &differing(found, wanted);
            writeln!(out, "  {name:<16} is {}, wanted {}", short(found), short(wanted))?;
            writeln!(out, "  {:<16} {}", "", short(fix))?;
        }
        Ok(())
    }
}

/// Of settings, `name = value` with semicolons between, those that are not as they should be; all, if they are no settings.
fn differing(found: &str, wanted: &str) -> (String, String) {
    let settings = |text: &str| text.split("; ").map(str::to_owned).collect::<Vec<_>>();
    let (is, should) = (settings(found), settings(wanted));
    let name = |setting: &str| setting.split_once(" = ").map(|(name, _)| name.to_owned());
    let same_names = is.len() == should.len()
        && is
            .iter()
            .zip(&should)
            .all(|(is, should)| name(is).is_some() && name(is) == name(should));
    if !same_names || is == should {
        return (found.into(), wanted.into());
    }
    let pairs = is.into_iter().zip(should).filter(|(is, should)| is != should);
    let (is, should): (Vec<_>, Vec<_>) = pairs.unzip();
    (is.join("; "), should.join("; "))
}

/// Text on a line: settings of many CPUs are told as a whole elsewhere.
fn short(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        _ if text.is_empty() => "not told".into(),
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

fn knob(field: &Field<'_>) -> Result<Knob, SavedError> {
    let text = |name| Ok::<_, SavedError>(field.get(name)?.text()?.to_owned());
    Ok(Knob {
        name: text("knob")?,
        state: text("state")?,
        found: text("found")?,
        wanted: text("wanted")?,
        fix: text("fix")?,
    })
}

/// The tool, and which machine it looks at.
pub(super) struct Tool {
    program: PathBuf,
    /// The folder that stands for `/`, if it is not this machine.
    root: Option<PathBuf>,
}

impl Tool {
    /// The tool in the folder that was named, else in that of this program's repository, else where it is installed.
    ///
    /// # Errors
    /// If the folder that was named has none. Where none was, and there is none, a sentence about that.
    pub(super) fn find(
        named: Option<&Path>,
        root: Option<&Path>,
    ) -> Result<Result<Self, String>, Failure> {
        let tool = |program| Self { program, root: root.map(Path::to_owned) };
        if let Some(folder) = named {
            let program = folder.join("tune");
            return match program.is_file() {
                true => Ok(Ok(tool(program))),
                false => Err(Failure::NoTune(folder.into())),
            };
        }
        let program = std::env::current_exe().unwrap_or_default();
        // A repository's own, not what anybody may have laid down above the program.
        let repository = |folder: &&Path| folder.join("engine/default.toml").is_file();
        let beside =
            program.ancestors().skip(1).find(repository).map(|folder| folder.join("tuning"));
        let mut folders = beside.into_iter().chain([PathBuf::from(INSTALLED)]);
        let found = folders.find_map(|folder| Some(folder.join("tune")).filter(|it| it.is_file()));
        Ok(found.map(tool).ok_or_else(|| {
            format!(
                "there is no tuning/tune in this program's repository, nor in {INSTALLED}: name its folder with --tuning"
            )
        }))
    }

    /// What it says of the knobs for this placement of this configuration.
    pub(super) fn check(&self, config: &Config, placement: &Placement) -> Tuning {
        Tuning(self.ask(config, placement))
    }

    fn ask(&self, config: &Config, placement: &Placement) -> Result<Vec<Knob>, String> {
        let topology = Topology::write(config, placement)
            .map_err(|error| format!("the topology could not be written for it: {error}"))?;
        let mut command = Command::new(&self.program);
        command.args(["check", "--json", "--topology"]).arg(&topology.0).stdin(Stdio::null());
        if let Some(root) = &self.root {
            command.arg("--root").arg(root);
        }
        let said = command.output().map_err(|error| {
            format!("{} could not be run: {error}: it takes bash", self.program.display())
        })?;
        // 1 says that something is not as wanted.
        if !matches!(said.status.code(), Some(0 | 1)) || said.stdout.is_empty() {
            let why = String::from_utf8_lossy(&said.stderr);
            let name = topology.0.display().to_string();
            let why = why.trim().trim_start_matches("error: ").replace(&name, "the placement");
            return Err(format!("{} says: {why}", self.program.display()));
        }
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let name = self.program.display().to_string();
        text.lines()
            .map(|line| {
                let wrong = || format!("{name} says what is no JSON: {line}");
                let value: Value = serde_json::from_str(line).map_err(|_| wrong())?;
                knob(&Field::top(&name, &value)).map_err(|_| wrong())
            })
            .collect()
    }
}

/// The configuration in force, with the placement's shards, in a file for the time of a question.
struct Topology(PathBuf);

impl Topology {
    fn write(config: &Config, placement: &Placement) -> io::Result<Self> {
        let shard = |shard: &ShardSpec| Shard {
            name: shard.name.clone(),
            cpu: shard.cpu.map(|cpu| cpu.id),
            run: shard.run.iter().map(ToString::to_string).collect(),
            idle: shard.idle,
        };
        let mut config = config.clone();
        config.shards = placement.shards.iter().map(shard).collect();
        let folder = std::env::temp_dir();
        for number in 0..1_000 {
            let path = folder.join(format!("coretick-doctor-{}-{number}.toml", process::id()));
            match File::create_new(&path) {
                Ok(mut file) => {
                    let written = Self(path);
                    file.write_all(config.to_toml().as_bytes())?;
                    return Ok(written);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        // What is left in the folder for temporary files goes with the next start.
        let _ = fs::remove_file(&self.0);
    }
}
