//! What a service manager is told of a live run (`sd_notify(3)`): that it runs, how it stands each second, that it ends.
//!
//! Outside of a service nobody is told. That it runs: all shards are on their cores, with their memory and their sockets; whether
//! feed and session are live is in the words, since an engine is started long before its market opens.

use crate::base::unit::Nanos;
use crate::telemetry::View;
use sd_notify::{NotifyState, notify};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;
use std::{env, thread};

/// Between two words on how it stands.
const EVERY: Nanos = Nanos(1_000_000_000);
/// Words that wait for a manager that does not listen; others are left out.
const WAITING_MAX: usize = 8;
/// So long the last words are waited for at the end.
const LAST_WORDS: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum Word {
    Ready,
    Status(String),
    Stopping,
}

/// The service that this process is, if it is one.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// When it was last told how it stands.
    told: Option<Nanos>,
    is_stopping: bool,
    /// To the thread that tells it: a manager may not read, and who speaks to it then stands still.
    words: Option<SyncSender<Word>>,
    /// Ends with that thread.
    telling: Option<Receiver<()>>,
}

impl Service {
    /// The service that this process is, if the environment says so.
    pub(super) fn from_env() -> Self {
        let mut service = Self::default();
        if env::var_os("NOTIFY_SOCKET").is_some() {
            let (words, told) = sync_channel(WAITING_MAX);
            let (alive, telling) = channel();
            let teller = thread::Builder::new().name("service".into());
            // Without its thread nobody is told, as outside of a service.
            service.words = teller.spawn(move || tell_all(&told, &alive)).ok().map(|_| words);
            service.telling = Some(telling);
        }
        service
    }

    /// Tells what is due. Call it some ten times a second, once all shards run.
    pub(super) fn tell(&mut self, view: &View, now: Nanos, told_to_stop: bool) {
        if told_to_stop && !self.is_stopping {
            self.is_stopping = self.say(Word::Stopping);
        }
        if self.told.is_some_and(|told| now.since(told) < EVERY) {
            return;
        }
        let (feed, gateway) = (&view.feed, &view.gateway);
        let status = format!(
            "feed {}, lost {}; session {}, open {}, sent {}",
            feed.state.name, feed.lost, gateway.phase.name, gateway.open, gateway.orders
        );
        let is_first = self.told.replace(now).is_none();
        if is_first && !self.is_stopping {
            self.say(Word::Ready);
        }
        self.say(Word::Status(status));
    }

    /// Whether it will be said; nobody hears it outside of a service.
    fn say(&self, word: Word) -> bool {
        self.words.as_ref().is_none_or(|words| words.try_send(word).is_ok())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.words = None;
        if let Some(telling) = self.telling.take() {
            let _ = telling.recv_timeout(LAST_WORDS);
        }
    }
}

/// Tells the manager, as long as there is a service; `_alive` goes with the last word.
fn tell_all(words: &Receiver<Word>, _alive: &Sender<()>) {
    let mut is_deaf = false;
    for word in words {
        let told = match &word {
            Word::Ready => notify(&[NotifyState::Ready]),
            Word::Status(status) => notify(&[NotifyState::Status(status)]),
            Word::Stopping => notify(&[NotifyState::Stopping]),
        };
        if let (Err(error), false) = (told, is_deaf) {
            is_deaf = true;
            let _ = writeln!(
                io::stderr(),
                "warning: the service manager could not be told ({error}): is NOTIFY_SOCKET its socket?"
            );
        }
    }
}
