//! Asking a running engine.

use super::protocol::{Answer, Request};
use crate::cli::Failure;
use crate::topology::config::Config;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An answer comes within this, or none does: more than the engine takes to see a command done.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// Where the engine is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Where {
    /// The engine's socket: its risk.admin
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The engine's configuration, which names the socket
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
}

impl Where {
    fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.socket {
            return Ok(path.clone());
        }
        let config = Config::load(self.config.as_deref(), None)?;
        if config.risk.admin.is_empty() {
            return Err(Failure::Admin(
                "no socket: name the engine's with --socket, or its configuration with --config; an engine has one if \
                 risk.admin names it"
                    .into(),
            ));
        }
        Ok(config.risk.admin.into())
    }
}

/// Asks, and waits for the answer. What could not be done is a failure.
///
/// # Errors
/// If no engine listens, or it did not do it.
pub(crate) fn ask(at: &Where, request: &Request) -> Result<Answer, Failure> {
    ask_at(&at.path()?, request)
}

pub(super) fn ask_at(path: &Path, request: &Request) -> Result<Answer, Failure> {
    let failed = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                "no engine listens there: see that it runs, and that its risk.admin is this path; a latch file is \
                 changed without it by --latches"
                    .into()
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                "no answer in time: see whether the engine still runs".into()
            }
            _ => error.to_string(),
        };
        Failure::Admin(format!("{}: {why}", path.display()))
    };
    let mut stream = UnixStream::connect(path).map_err(failed)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).map_err(failed)?;
    stream.set_write_timeout(Some(ANSWER_WITHIN)).map_err(failed)?;
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    // Who is refused at once may have closed already; the answer tells why.
    let written = stream.write_all(&line);
    let mut said = String::new();
    BufReader::new(&stream).read_line(&mut said).map_err(failed)?;
    if said.is_empty() {
        written.map_err(failed)?;
        return Err(failed(ErrorKind::UnexpectedEof.into()));
    }
    let answer: Answer = serde_json::from_str(&said).map_err(|error| failed(error.into()))?;
    if answer.done { Ok(answer) } else { Err(Failure::Admin(answer.said.join("\n"))) }
}
