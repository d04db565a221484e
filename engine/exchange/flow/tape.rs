//! Where the day's messages go: framed, counted, and handed on in large pieces.

use super::{FlowError, Totals};
use crate::wire::frame;
use std::io::Write;
use zerocopy::{Immutable, IntoBytes};

/// Bytes that are gathered before they are written.
const PIECE: usize = 256 * 1024;

/// A day on its way out.
pub(super) struct Tape<'a, W> {
    out: &'a mut W,
    progress: &'a mut dyn FnMut(u64),
    piece: Vec<u8>,
    totals: Totals,
}

impl<'a, W: Write> Tape<'a, W> {
    pub(super) fn new(out: &'a mut W, progress: &'a mut dyn FnMut(u64)) -> Self {
        let totals = Totals { messages: 0, by_type: [0; 256], live_at_end: 0, live_peak: 0 };
        // One message more than a piece fits without growing.
        Self { out, progress, piece: Vec::with_capacity(PIECE + 64), totals }
    }

    /// Messages so far.
    pub(super) fn messages(&self) -> u64 {
        self.totals.messages
    }

    /// The next message of the day.
    pub(super) fn put(&mut self, message: &(impl IntoBytes + Immutable)) -> Result<(), FlowError> {
        let bytes = message.as_bytes();
        self.totals.messages += 1;
        self.totals.by_type[usize::from(bytes[0])] += 1;
        frame::write(bytes, &mut self.piece);
        if self.piece.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// The day has ended with `live` orders left, after at most `peak`.
    pub(super) fn finish(mut self, live: u32, peak: u32) -> Result<Totals, FlowError> {
        self.flush()?;
        self.out.flush().map_err(FlowError::Write)?;
        Ok(Totals { live_at_end: u64::from(live), live_peak: u64::from(peak), ..self.totals })
    }

    fn flush(&mut self) -> Result<(), FlowError> {
        self.out.write_all(&self.piece).map_err(FlowError::Write)?;
        self.piece.clear();
        (self.progress)(self.totals.messages);
        Ok(())
    }
}
