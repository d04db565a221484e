//! The state of the market for one who comes late: messages over a SoupBinTCP session, then the live lines.
//!
//! A snapshot is the state as of sequence N - 1 and nothing later. Its messages are ITCH's, each one sequenced message of
//! the session (`wire::soup`), in this order:
//!
//! 1. for each symbol `R`, `H` with its trading state now, `Y`, and an `L` for each market maker; then `V`, if it was told;
//! 2. `S` with the last event of the day, if there was one;
//! 3. for each symbol, in order of locates, the orders that show: `A`, or `F` where they are attributed, in the order in
//!    which they would trade, so that a queue that is built from them is right;
//! 4. the end: `G`, then N in 20 digits of ASCII, filled with zeros on the left: 21 bytes. Apply the lines from N on.
//!
//! All times are that of the last message before N. Late-comer's protocol: listen to the lines and keep what comes; ask for
//! a snapshot; apply it; drop kept messages below N; apply the others.
//!
//! It is taken between two commands, all at once: a copy of every order that shows, as bytes (38 an order), off the path of
//! any one order but on the thread that matches. Whoever serves it needs nothing but the copy and a place in it, and may
//! serve many.

use super::{Feed, Store, Tape};
use crate::exchange::matching::Resting;
use crate::wire::frame;

/// The type byte of a snapshot's last message.
pub const SNAPSHOT_END: u8 = b'G';
/// Bytes of it.
const END: usize = 21;

/// The state as of one sequence.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Framed messages.
    bytes: Vec<u8>,
    next: u64,
    messages: u64,
}

impl Snapshot {
    /// The state now. `shown` are all orders that show, by locate, first to trade first on each side, as `Matching::displayed`
    /// says them: the same state that the tape has told, so take it after the events of a command are all on the tape, and
    /// before the next command.
    pub fn new(tape: &Tape, store: &Store, shown: impl IntoIterator<Item = Resting>) -> Self {
        let (mut bytes, mut messages, next) = (Vec::new(), 0, store.next());
        let mut put = |message: &[u8]| {
            frame::write(message, &mut bytes);
            messages += 1;
        };
        tape.recall(&mut put);
        shown.into_iter().for_each(|order| tape.recall_order(&order, &mut put));
        put(&snapshot_end(next));
        Self { bytes, next, messages }
    }

    /// The sequence of the first message that it does not hold: N.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many messages it has, the end included.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The message at `cursor`, which moves on; `None` after the end.
    pub fn read(&self, cursor: &mut Cursor) -> Option<&[u8]> {
        let (message, rest) = frame::split(self.bytes.get(cursor.0..)?)?;
        cursor.0 = self.bytes.len() - rest.len();
        Some(message)
    }
}

/// How far one late-comer was served. Begins at the first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(usize);

/// The last message of a snapshot: `next` is the first sequence that it does not hold.
pub fn snapshot_end(next: u64) -> [u8; END] {
    let (mut bytes, mut left) = ([b'0'; END], next);
    bytes[0] = SNAPSHOT_END;
    for digit in bytes[1..].iter_mut().rev() {
        *digit += (left % 10) as u8;
        left /= 10;
    }
    bytes
}

impl Feed {
    /// The state now: [`Snapshot::new`].
    pub fn snapshot(&self, shown: impl IntoIterator<Item = Resting>) -> Snapshot {
        Snapshot::new(self.tape(), self.store(), shown)
    }
}
