//! `coretick convert`: a recorded day as a capture of its feed.

use super::summary::{capture_notes, grouped};
use super::{Failure, progress_bar};
use crate::base::unit::Nanos;
use crate::exchange::capture::{CaptureConfig, CaptureWriter, MTU_MIN, PublishError};
use crate::ingest::transport::file::ItchFile;
use crate::wire::itch;
use crate::wire::mold::Session;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Wrap a recorded day into a capture of MoldUDP64 packets
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick convert 01302020.NASDAQ_ITCH50.gz day.pcap\n  \
    coretick convert day.itch50 both.pcap --lines 2 --date 2020-01-30\n  \
    coretick replay both.pcap --date 2020-01-30\n\n\
    The capture is a pcap with nanoseconds: MoldUDP64 over UDP, IPv4 and Ethernet, line A to 239.192.0.1:26400, line B to\n\
    239.192.0.2:26401, the end of the session at its end. A packet is stamped with the day and the time of its last message.\n\
    A replay of it gives the same bytes as one of FILE.\n\n\
    Exit code: 0 when all was written; 1 for what the system refused; 2 for wrong input, and when FILE broke off in the\n\
    middle (what was read is written).")]
pub(super) struct Arguments {
    /// A recorded day
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The capture to write: a name that ends in .pcap
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Lines, each with a copy of every packet
    #[arg(long, value_name = "1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    lines: u8,
    /// Bytes of the longest IP packet
    #[arg(long, value_name = "N", default_value_t = 1_500, value_parser = clap::value_parser!(u16).range(i64::from(MTU_MIN)..))]
    mtu: u16,
    /// Messages up to so many microseconds after a packet's first one share it; 0 for those of the same time alone
    #[arg(long, value_name = "US", default_value_t = 20)]
    within_us: u32,
    /// The session, one to ten letters or digits; the day if not given
    #[arg(long, value_name = "NAME", value_parser = session)]
    session: Option<Session>,
    /// The day, YYYY-MM-DD; else the file's name tells, else it is 1970-01-01
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let Arguments { file: path, out: target, .. } = arguments;
    if target.extension().is_none_or(|extension| extension != "pcap") {
        return Err(Failure::NotPcap(target.clone()));
    }
    let (date, _) = super::date(arguments.date.as_deref(), std::slice::from_ref(path))?;
    let mut file = ItchFile::open(path)?;
    if is_same(path, target) {
        return Err(Failure::OntoItself(target.clone()));
    }
    let day = date.to_string().replace('-', "");
    let publication = CaptureConfig {
        session: arguments.session.unwrap_or_else(|| padded(&day)),
        lines: usize::from(arguments.lines),
        mtu: arguments.mtu,
        within: Nanos(u64::from(arguments.within_us) * 1_000),
    };
    let failed = |error| Failure::File(target.clone(), error);
    let refused = |error| match error {
        PublishError::Write(error) => failed(error),
        error => Failure::Publish(path.clone(), error),
    };
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let capture = BufWriter::with_capacity(1 << 20, File::create(target).map_err(failed)?);
    let mut writer = CaptureWriter::new(capture, publication).map_err(failed)?;
    let bar = progress_bar(file.progress().total);
    let midnight = date.midnight();
    let (mut time, mut count) = (midnight, 0_u64);
    while let Some(frame) = file.next_frame() {
        // A time that is none of this day is damaged: the message goes with the one before it.
        if itch::length(*frame.first().unwrap_or(&0)) == Some(frame.len())
            && itch::frame_time(frame) < DAY
        {
            time = midnight.plus(Nanos(itch::frame_time(frame)));
        }
        writer.message(time, frame).map_err(refused)?;
        count += 1;
        if count.is_multiple_of(1 << 18) {
            bar.set_position(file.progress().read);
        }
    }
    let published = writer.finish().map_err(failed)?;
    bar.finish_and_clear();
    writeln!(
        out,
        "converted {}: {} messages in {} packets, session {}",
        target.display(),
        grouped(published.messages),
        grouped(published.packets),
        publication.session,
    )?;
    for line in file.capture_counts().iter().flat_map(capture_notes) {
        writeln!(io::stderr(), "note: {line}")?;
    }
    match file.fault() {
        Some(fault) => Err(Failure::BrokenOff(path.clone(), fault)),
        None => Ok(()),
    }
}

/// Nanoseconds of a day.
const DAY: u64 = 24 * 3600 * 1_000_000_000;

/// Whether both are the same file.
fn is_same(path: &Path, target: &Path) -> bool {
    let (path, target) = (path.canonicalize().ok(), target.canonicalize().ok());
    path.is_some() && path == target
}

/// A session's name, as it was written.
fn session(text: &str) -> Result<Session, String> {
    let fits =
        (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(padded(text)) } else { Err("write one to ten letters or digits".into()) }
}

/// `text` as a session: on the left, spaces behind it.
fn padded(text: &str) -> Session {
    let mut session = [b' '; 10];
    session.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Session(session)
}
