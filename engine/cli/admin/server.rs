//! The socket: who may speak, how many at a time, and for how long.

use super::desk::Desk;
use super::protocol::{Answer, REQUEST_MAX, Request};
use nix::sys::socket::{getsockopt, sockopt};
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 16;
/// Further ones that may only stop something: a kill does not wait for who is silent.
const STOPS_MAX: usize = 16;
/// Who says nothing for so long is not waited for.
const WORD_WITHIN: Duration = Duration::from_secs(2);

/// The threads that serve the administrator; they end when this is dropped, and the socket is gone.
pub(crate) struct Server {
    path: PathBuf,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `path`. A socket that a dead process left is replaced.
    ///
    /// # Errors
    /// If a live process listens there, something else has that name, or the system refuses.
    pub(crate) fn open(path: &Path, desk: Arc<Desk>) -> io::Result<Self> {
        let listener = bind(path)?;
        // Whoever got in before this is asked who he is all the same.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let owner = fs::metadata(path)?.uid();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let accepting = thread::Builder::new()
            .name("admin".into())
            .spawn(move || accept(&listener, owner, &desk, &seen))?;
        Ok(Self { path: path.into(), over, accepting: Some(accepting) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // It waits for somebody to come.
        let woken = UnixStream::connect(&self.path).is_ok();
        let _ = fs::remove_file(&self.path);
        if let Some(thread) = self.accepting.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if !fs::symlink_metadata(path)?.file_type().is_socket() {
                return Err(error);
            }
            match UnixStream::connect(path) {
                Err(none) if none.kind() == ErrorKind::ConnectionRefused => {
                    fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                _ => Err(error),
            }
        }
        bound => bound,
    }
}

fn accept(listener: &UnixListener, owner: u32, desk: &Arc<Desk>, over: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if over.load(Ordering::Acquire) {
            return;
        }
        let Ok(mut stream) = stream else {
            // Out of files, mostly: it does not spin on that.
            thread::park_timeout(Duration::from_millis(50));
            continue;
        };
        let timed = stream.set_read_timeout(Some(WORD_WITHIN));
        if timed.and(stream.set_write_timeout(Some(WORD_WITHIN))).is_err() {
            continue;
        }
        let peer = getsockopt(&stream, sockopt::PeerCredentials).map(|peer| peer.uid());
        if peer != Ok(owner) {
            let why = "only the user that runs the engine may ask: use that account";
            let _ = answer(&mut stream, &Answer::failed(why));
            continue;
        }
        let before = open.fetch_add(1, Ordering::AcqRel);
        if before >= CONNECTIONS_MAX + STOPS_MAX {
            open.fetch_sub(1, Ordering::AcqRel);
            let _ = answer(&mut stream, &too_many(before));
            continue;
        }
        let (desk, count) = (Arc::clone(desk), Arc::clone(&open));
        let serving = thread::Builder::new().name("admin".into()).spawn(move || {
            let _ = serve(&mut stream, &desk, before);
            // Before the stream closes: who reads to its end finds the place free.
            count.fetch_sub(1, Ordering::AcqRel);
            drop(stream);
        });
        if serving.is_err() {
            open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn too_many(before: usize) -> Answer {
    Answer::failed(format!("{before} ask already: ask again in a moment"))
}

/// Answers one that came when so many others were there.
fn serve(stream: &mut UnixStream, desk: &Desk, before: usize) -> io::Result<()> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(&*stream).take(REQUEST_MAX as u64 + 1);
    let read = reader.read_until(b'\n', &mut line);
    let said = match read {
        Err(error) => Answer::failed(format!("nothing was asked in time: {error}")),
        Ok(_) if line.len() > REQUEST_MAX => {
            Answer::failed(format!("the question is longer than {REQUEST_MAX} bytes"))
        }
        Ok(_) => match serde_json::from_slice::<Request>(&line) {
            Ok(request) if before < CONNECTIONS_MAX || request.stops() => desk.answer(&request),
            Ok(_) => too_many(before),
            Err(error) => Answer::failed(format!(
                "this is no question: {error}: ask with `coretick risk`, `kill`, `resume` or `limits` of the same version"
            )),
        },
    };
    answer(stream, &said)
}

fn answer(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}
