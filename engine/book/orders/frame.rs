//! Frames: 128 slots that are given out together, to a page, to bundles or to orders aside.
//!
//! Pages with few orders would waste most of theirs, so they are watched: when there are too many of them, the thinnest of
//! the next few is bundled and its frame is free.

use super::{BUNDLE_MAX, NEIGHBOUR, Orders, PAGE, Slot, THIN};
use crate::base::pool::{Full, grow};
use crate::book::level::Levels;

/// Frames that a search for a thin page looks at.
const SEARCH: usize = 16;
/// Frames touched at a time when the pool grows: 160 KiB with the arrivals.
const CHUNK: usize = 64;

impl Orders {
    /// Whether as many pages have frames as may be thin.
    pub(super) fn crowded(&self) -> bool {
        self.own_frames - self.free_frames.len() >= Self::slack(self.limit) + self.live / THIN
    }

    /// An empty frame for a page: a used one, that of a thin page if there are many, or a new one.
    pub(super) fn own_frame(&mut self, number: u64, levels: &mut Levels) -> Result<u32, Full> {
        // Two for one while there are too many, because most pages were not thin yet when theirs were given.
        for _ in 0..2 {
            if self.crowded() {
                self.retire_thinnest(levels);
            }
        }
        let frame = match self.free_frames.pop() {
            Some(frame) => frame,
            None => {
                let frame = self.new_frame()?;
                self.own_frames += 1;
                frame
            }
        };
        self.live_in[frame as usize] = 0;
        self.numbers[frame as usize] = number;
        self.newest = number;
        self.enter(number, frame);
        Ok(frame)
    }

    /// A frame for other than a page: one that a page had, or a new one.
    pub(super) fn common_frame(&mut self) -> Result<u32, Full> {
        match self.free_frames.pop() {
            Some(frame) => {
                self.own_frames -= 1;
                Ok(frame)
            }
            None => self.new_frame(),
        }
    }

    /// A frame that was never used.
    pub(super) fn new_frame(&mut self) -> Result<u32, Full> {
        let frame = self.live_in.len();
        let limit = self.frames_limit * PAGE;
        grow(&mut self.slots, (frame + 1) * PAGE, CHUNK * PAGE, limit, Slot::default())?;
        grow(&mut self.arrivals, (frame + 1) * PAGE, CHUNK * PAGE, limit, 0)?;
        grow(&mut self.live_in, frame + 1, 0, self.frames_limit, 0)?;
        grow(&mut self.numbers, frame + 1, 0, self.frames_limit, 0)?;
        Ok(frame as u32)
    }

    /// Bundles the orders of the thinnest of the next few pages, if it is thin enough.
    fn retire_thinnest(&mut self, levels: &mut Levels) {
        let mut thinnest = None;
        let frames = self.live_in.len();
        for _ in 0..SEARCH.min(frames) {
            self.hand = if self.hand + 1 < frames { self.hand + 1 } else { 1 };
            let live = self.live_in[self.hand];
            // Free frames have 0, those that are no page's own more than any.
            if (1..=BUNDLE_MAX).contains(&live)
                && thinnest.is_none_or(|(least, _)| live < least)
                && self.numbers[self.hand].abs_diff(self.newest) > NEIGHBOUR
            {
                thinnest = Some((live, self.hand));
            }
        }
        if let Some((_, at)) = thinnest {
            // Out of room: the page stays.
            let _ = self.retire(at, levels);
        }
    }
}
