//! The connection with the snapshot service: made without waiting, read and written as far as it goes.
#![forbid(unsafe_code)]

use super::receiver::Receiver;
use crate::base::dial::{dial, is_not_yet, stands};
use crate::base::unit::Nanos;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

enum Wire {
    None,
    /// On its way: nobody has said no yet.
    Connecting(TcpStream),
    Open(TcpStream),
}

/// A connection that the receiver's client wants now and then.
pub(super) struct SnapshotWire {
    service: SocketAddr,
    wire: Wire,
    last_error: Option<io::Error>,
}

impl SnapshotWire {
    pub(super) fn new(service: SocketAddr) -> Self {
        Self { service, wire: Wire::None, last_error: None }
    }

    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.last_error.take()
    }

    /// Does what the client wants, and brings what came.
    pub(super) fn turn(&mut self, receiver: &mut Receiver, now: Nanos) {
        let Some(client) = receiver.snapshot() else { return };
        if client.wants_close() {
            return self.close(receiver, now, None);
        }
        match std::mem::replace(&mut self.wire, Wire::None) {
            Wire::None if client.wants_connection(now) => {
                client.connecting(now);
                match dial(self.service) {
                    Ok(stream) => self.wire = Wire::Connecting(stream),
                    Err(error) => self.close(receiver, now, Some(error)),
                }
            }
            Wire::None => {}
            Wire::Connecting(stream) => match stands(&stream) {
                Ok(true) => {
                    self.wire = Wire::Open(stream);
                    receiver.snapshot_connected(now);
                    self.speak(receiver, now);
                }
                Ok(false) => self.wire = Wire::Connecting(stream),
                Err(error) => self.close(receiver, now, Some(error)),
            },
            Wire::Open(stream) => {
                self.wire = Wire::Open(stream);
                self.speak(receiver, now);
                self.hear(receiver, now);
            }
        }
    }

    fn hear(&mut self, receiver: &mut Receiver, now: Nanos) {
        let (Wire::Open(stream), Some(client)) = (&mut self.wire, receiver.snapshot()) else {
            return;
        };
        let space = client.space();
        if space.is_empty() {
            return;
        }
        match stream.read(space) {
            // What came before is read first: the last message may be among it.
            Ok(0) if client.has_more() => {}
            Ok(0) => self.close(receiver, now, None),
            Ok(count) => client.filled(count),
            Err(error) if is_not_yet(&error) => {}
            Err(_) if client.has_more() => {}
            Err(error) => self.close(receiver, now, Some(error)),
        }
    }

    fn speak(&mut self, receiver: &mut Receiver, now: Nanos) {
        let (Wire::Open(stream), Some(client)) = (&mut self.wire, receiver.snapshot()) else {
            return;
        };
        if client.unsent().is_empty() {
            return;
        }
        match stream.write(client.unsent()) {
            Ok(count) => client.sent(count),
            Err(error) if is_not_yet(&error) => {}
            Err(error) => self.close(receiver, now, Some(error)),
        }
    }

    #[cold]
    fn close(&mut self, receiver: &mut Receiver, now: Nanos, error: Option<io::Error>) {
        self.wire = Wire::None;
        self.last_error = error.or(self.last_error.take());
        if let Some(client) = receiver.snapshot() {
            client.closed(now);
        }
    }
}
