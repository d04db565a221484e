//! Where the day's messages go: framed, counted, and handed on in large pieces.

use super::{FlowError, Totals};
use crate::wire::frame;
use std::io::Write;

/// Bytes that are gathered before they are written.
const PIECE: usize = 256 * 1024;

/// A day on its way out.
pub(super) struct Out<'a, W> {
    file: &'a mut W,
    piece: Vec<u8>,
    totals: Totals,
}

impl<'a, W: Write> Out<'a, W> {
    pub(super) fn new(file: &'a mut W) -> Self {
        let totals = Totals { messages: 0, by_type: [0; 256], live_at_end: 0, live_peak: 0 };
        // What a command causes mostly fits without growing.
        Self { file, piece: Vec::with_capacity(PIECE + 4_096), totals }
    }

    /// Messages so far.
    pub(super) fn messages(&self) -> u64 {
        self.totals.messages
    }

    /// The next message of the day.
    pub(super) fn put(&mut self, message: &[u8]) {
        self.totals.messages += 1;
        self.totals.by_type[usize::from(message[0])] += 1;
        frame::write(message, &mut self.piece);
    }

    /// Whether it is time to [`flush`](Self::flush).
    pub(super) fn is_full(&self) -> bool {
        self.piece.len() >= PIECE
    }

    /// Hands on what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), FlowError> {
        self.file.write_all(&self.piece).map_err(FlowError::Write)?;
        self.piece.clear();
        Ok(())
    }

    /// The day has ended with `live` orders left, after at most `peak`.
    pub(super) fn finish(mut self, live: u32, peak: u32) -> Result<Totals, FlowError> {
        self.flush()?;
        self.file.flush().map_err(FlowError::Write)?;
        Ok(Totals { live_at_end: u64::from(live), live_peak: u64::from(peak), ..self.totals })
    }
}
