//! What the exchange said that makes no sense: counted by what is odd about it and which message it was, and the first
//! of each kept.

use super::table::{Odd, Standing};

/// Bytes of a message that are kept: all of the fixed part of any.
const KEPT: usize = 80;
const ODDS: usize = 4;

/// The first message of its kind that was odd in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// What is odd about it.
    pub odd: Odd,
    /// Where its reference stood; `None` where it has none.
    pub standing: Option<Standing>,
    /// Its number in the exchange's stream.
    pub sequence: u64,
    bytes: [u8; KEPT],
    length: usize,
}

impl Oddity {
    /// The message, as far as it was kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// All that was odd.
#[derive(Debug)]
pub struct Oddities {
    /// By what is odd, then by the message's type byte.
    counts: Box<[[u64; 256]; ODDS]>,
    first: Vec<Oddity>,
}

impl Oddities {
    pub(super) fn new() -> Self {
        Self { counts: Box::new([[0; 256]; ODDS]), first: Vec::with_capacity(ODDS * 256) }
    }

    /// How often it was so.
    pub fn count(&self, odd: Odd) -> u64 {
        self.counts[odd as usize].iter().sum()
    }

    /// How often anything was.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// The first of each, in the order in which they came.
    pub fn first(&self) -> &[Oddity] {
        &self.first
    }

    #[cold]
    pub(super) fn note(
        &mut self,
        odd: Odd,
        standing: Option<Standing>,
        sequence: u64,
        message: &[u8],
    ) {
        let kind = message.first().copied().unwrap_or(0);
        let count = &mut self.counts[odd as usize][usize::from(kind)];
        *count += 1;
        if *count == 1 {
            let length = message.len().min(KEPT);
            let mut bytes = [0; KEPT];
            bytes[..length].copy_from_slice(&message[..length]);
            self.first.push(Oddity { odd, standing, sequence, bytes, length });
        }
    }
}
