//! The rings of a run, as the ends that each shard reads and writes.
#![forbid(unsafe_code)]

use super::super::placement::{Bursts, Placement, StageName};
use super::Setup;
use crate::base::log::{Log, LogReader};
use crate::base::message::{Intent, Market, Message, Order, Report};
use crate::base::ring::{Consumer, Producer, ring};

/// One end of every ring, where this side has it.
pub struct RingEnds<M, I, O, R, L> {
    pub(super) market: Vec<Option<M>>,
    pub(super) intent: Vec<Option<I>>,
    pub(super) order: Option<O>,
    pub(super) venue: Vec<Option<M>>,
    pub(super) event: Vec<Option<R>>,
    pub(super) answer: Option<R>,
    pub(super) report: Vec<Option<R>>,
    pub(super) record: Option<R>,
    /// By stage: see [`teller`].
    pub(super) lines: Vec<Option<L>>,
}

/// The ends that are read.
pub type Rings =
    RingEnds<Consumer<Market>, Consumer<Intent>, Consumer<Order>, Consumer<Report>, LogReader>;
/// The ends that are written.
pub type Writers =
    RingEnds<Producer<Market>, Producer<Intent>, Producer<Order>, Producer<Report>, Log>;

/// A stage's place among those that tell the log.
pub(super) fn teller(stage: StageName) -> usize {
    match stage {
        StageName::Ingest => 0,
        StageName::Risk => 1,
        StageName::Route => 2,
        StageName::Log => 3,
        StageName::Book(shard) => FIRST_BOOK + usize::from(shard),
    }
}

/// The first book shard's place.
const FIRST_BOOK: usize = 4;

impl<M, I, O, R, L> RingEnds<M, I, O, R, L> {
    fn none(books: usize) -> Self {
        fn empty<T>(count: usize) -> Vec<Option<T>> {
            (0..count).map(|_| None).collect()
        }
        Self {
            market: empty(books),
            intent: empty(books),
            order: None,
            venue: empty(books),
            event: empty(books),
            answer: None,
            report: empty(books),
            record: None,
            lines: empty(FIRST_BOOK + books),
        }
    }
}

/// Messages made visible at once on the market ring.
const MARKET_BATCH: usize = 16;
/// Slots for cancels on the order path.
const CANCEL_SLOTS: usize = 4;

impl Rings {
    /// The rings that shard `index` reads, made here and now; and their writing ends, for the others.
    pub fn open(placement: &Placement, setup: &Setup, index: usize) -> (Self, Writers) {
        let books = setup.books();
        let (mut mine, mut others) = (Self::none(books), Writers::none(books));
        let bursts = Bursts::of(&setup.config);
        for spec in placement.rings(&setup.config, &bursts) {
            if placement.shard_of(spec.to) != Some(index) {
                continue;
            }
            let shard = match (spec.from, spec.to) {
                (StageName::Book(shard), _) | (_, StageName::Book(shard)) => usize::from(shard),
                _ => 0,
            };
            let depth = spec.depth;
            match spec.link {
                "market" => {
                    let ends = open(depth, 0, MARKET_BATCH);
                    (others.market[shard], mine.market[shard]) = ends;
                }
                "intent" => (others.intent[shard], mine.intent[shard]) = open(depth, 0, 1),
                "order" => (others.order, mine.order) = open(depth, CANCEL_SLOTS, 1),
                "venue" => {
                    let (writer, reader) = open::<Market>(depth, CANCEL_SLOTS, 1);
                    // The paper venue counts what it is owed; the gateway is told when nothing more will come.
                    let writer = if placement.live { writer } else { writer.map(Producer::silent) };
                    (others.venue[shard], mine.venue[shard]) = (writer, reader);
                }
                "event" => (others.event[shard], mine.event[shard]) = open(depth, 0, 1),
                "answer" => (others.answer, mine.answer) = open(depth, CANCEL_SLOTS, 1),
                "report" => {
                    let (writer, reader) = open::<Report>(depth, 0, 1);
                    (others.report[shard], mine.report[shard]) =
                        (writer.map(Producer::silent), reader);
                }
                "record" => (others.record, mine.record) = open(depth, 0, 1),
                _ => {
                    let at = teller(spec.from);
                    let (log, reader) = Log::ring(depth, at as u16, setup.config.log.level.into());
                    (others.lines[at], mine.lines[at]) = (Some(log), Some(reader));
                }
            }
        }
        (mine, others)
    }
}

fn open<T: Message>(
    depth: usize,
    reserve: usize,
    batch: usize,
) -> (Option<Producer<T>>, Option<Consumer<T>>) {
    let (writer, reader) = ring(depth, reserve, batch);
    (Some(writer), Some(reader))
}

impl Writers {
    /// No ring, yet.
    pub fn empty(setup: &Setup) -> Self {
        Self::none(setup.books())
    }

    /// These and those.
    pub fn join(&mut self, other: Self) {
        fn each<T>(mine: &mut [Option<T>], other: Vec<Option<T>>) {
            mine.iter_mut().zip(other).for_each(|(mine, other)| one(mine, other));
        }
        fn one<T>(mine: &mut Option<T>, other: Option<T>) {
            if other.is_some() {
                *mine = other;
            }
        }
        each(&mut self.market, other.market);
        each(&mut self.intent, other.intent);
        one(&mut self.order, other.order);
        each(&mut self.venue, other.venue);
        each(&mut self.event, other.event);
        one(&mut self.answer, other.answer);
        each(&mut self.report, other.report);
        one(&mut self.record, other.record);
        each(&mut self.lines, other.lines);
    }

    /// Of these, the ends that shard `index` writes.
    pub fn of_shard(&mut self, placement: &Placement, index: usize) -> Self {
        fn take<T>(from: &mut [Option<T>], wanted: impl Fn(u16) -> bool) -> Vec<Option<T>> {
            let numbered = (0..).zip(from.iter_mut());
            numbered.map(|(book, end)| if wanted(book) { end.take() } else { None }).collect()
        }
        let here = |stage| placement.shard_of(stage) == Some(index);
        let book = |shard| here(StageName::Book(shard));
        let (risk, route) = (here(StageName::Risk), here(StageName::Route));
        Self {
            market: take(&mut self.market, |_| here(StageName::Ingest)),
            intent: take(&mut self.intent, book),
            order: if risk { self.order.take() } else { None },
            venue: take(&mut self.venue, |_| route),
            // A real venue's are written by the gateway, beside route.
            event: take(&mut self.event, |shard| if placement.live { route } else { book(shard) }),
            answer: if route { self.answer.take() } else { None },
            report: take(&mut self.report, |_| risk),
            record: if risk { self.record.take() } else { None },
            lines: self.lines_of(placement, index),
        }
    }

    /// Those by which the stages of shard `index` tell the log.
    fn lines_of(&mut self, placement: &Placement, index: usize) -> Vec<Option<Log>> {
        let mut lines: Vec<_> = self.lines.iter().map(|_| None).collect();
        for stage in &placement.shards[index].run {
            let at = teller(*stage);
            lines[at] = self.lines[at].take();
        }
        lines
    }
}
