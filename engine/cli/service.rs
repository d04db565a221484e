//! What a service manager is told of a live run (`sd_notify(3)`): that it runs, how it stands each second, that it ends.
//!
//! Outside of a service nobody is told. That it runs: all shards are on their cores, with their memory and their sockets; whether
//! feed and session are live is in the words, since an engine is started long before its market opens.

use crate::base::unit::Nanos;
use crate::telemetry::View;
use sd_notify::{NotifyState, notify};
use std::io::{self, Write};

/// Between two words on how it stands.
const EVERY: Nanos = Nanos(1_000_000_000);

/// The service that this process is, if it is one.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// When it was last told how it stands.
    told: Option<Nanos>,
    is_stopping: bool,
    /// Nobody listens: said once.
    is_deaf: bool,
}

impl Service {
    /// Tells what is due. Call it some ten times a second, once all shards run.
    pub(super) fn tell(&mut self, view: &View, now: Nanos, told_to_stop: bool) {
        if told_to_stop && !self.is_stopping {
            self.is_stopping = true;
            self.say(&[NotifyState::Stopping]);
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
            self.say(&[NotifyState::Ready]);
        }
        self.say(&[NotifyState::Status(&status)]);
    }

    fn say(&mut self, words: &[NotifyState<'_>]) {
        match notify(words) {
            Err(error) if !self.is_deaf => {
                self.is_deaf = true;
                let _ = writeln!(
                    io::stderr(),
                    "warning: the service manager could not be told ({error}): is NOTIFY_SOCKET its socket?"
                );
            }
            _ => {}
        }
    }
}
