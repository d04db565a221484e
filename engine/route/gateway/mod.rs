//! The gateway to an exchange that speaks OUCH 5.0 in SoupBinTCP sessions: live, it has the place of the paper venue.
//!
//! Orders come as the desk hands them over, what becomes of them goes back as reports; on the other side are bytes that
//! came and bytes to send. It is a machine: no socket, no clock. Whoever drives it gives it time, bytes and the kill
//! latch, and opens and closes the connection when it says so (`agent.rs` does).
//!
//! ```text
//! Down ── Connecting ── Probing ──┐           (once in a program: where does the stream end?)
//!   │         └──────── LoggingIn ┴─ Replaying ── Clearing ── Live ── Leaving ── Over
//!   └── after a while, from wherever a connection ended ────────────────────────┘
//! ```
//!
//! What must hold. References are given in the order in which orders are written, and none twice: not after a lost
//! connection (what was not consumed stays unused), not in the next program (the account query says where to go on).
//! Every order that came is told exactly one end. Every message of the exchange is applied once, by its number, however
//! often the connection breaks. Nothing new is written while the stream is not caught up, or after the kill latch was
//! seen; what of the orders waits for the socket then is called back.
//!
//! There is no journal: what was before this program is learnt from the exchange's stream, read from its first message.
//! The names that orders carry (`name.rs`) say which they were. A first login asks only for what is new, and so tells
//! the number at which history ends; the second asks for everything. Then an account query is asked: its answer stands
//! behind all that was answered before. What is found open is nobody's here: it is cancelled, and until it has ended no
//! new order is taken, for risk knows nothing of it. What it traded is told, so positions are right.
#![forbid(unsafe_code)]

mod enter;
mod hear;
mod name;
mod oddity;
mod orders;
mod pace;
mod reason;
mod said;
mod send;
mod session;
mod table;
#[cfg(test)]
pub(super) mod tests;

pub use oddity::{Oddities, Oddity};
pub use pace::Pace;
pub use table::{Act, Odd, Standing, Word};

use super::secret::Secret;
use crate::base::code::Code;
use crate::base::instrument::Symbol;
use crate::base::message::{Market, Report};
use crate::base::queue::Queue;
use crate::base::stage::Sink;
use crate::base::unit::{InstrumentId, Nanos, OrderId, Price, Qty, Side};
use crate::wire::ouch::code::capacity;
use crate::wire::soup::{ClientSession, Reader, SessionName, Username};
use orders::Orders;
use pace::Bucket;
use send::SendBuffer;
use session::{Closing, Mass};
use std::collections::BTreeMap;

/// Most reports that one message of the exchange can cause: a fill that ends an order, whose cancel and whose replacement,
/// with a cancel of its own, come too late.
pub const BURST: usize = 4;
/// Most messages of the exchange that are taken in at a turn.
const FRAMES_MAX: usize = 256;

/// What a gateway is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Who logs in.
    pub username: Username,
    /// Which session; blank: the one that is running.
    pub session: SessionName,
    /// For whom orders are: `wire::ouch::code::capacity`.
    pub capacity: u8,
    /// What all sales are marked as, one of `wire::ouch::code::side` but `BUY`; `None`: each as it says.
    pub sale: Option<u8>,
    /// Orders that may be open at a time, replaces on their way among them.
    pub orders_max: usize,
    /// Executions of the day that can be found again if they are broken.
    pub executions_max: usize,
    /// Bytes that may wait for the socket.
    pub send_bytes: usize,
    /// Of those, how many new orders leave free.
    pub send_bytes_for_cancels: usize,
    /// The exchange's pace.
    pub pace: Pace,
    /// Orders beyond it that wait, at most, and no longer than `good_for`; 0: they are refused.
    pub queue: usize,
    /// An order that comes later than this after what led to it is refused. Cancels never are.
    pub good_for: Nanos,
    /// Whether a stop asks for one mass cancel rather than a cancel of each order.
    pub mass_cancel: bool,
}

impl Settings {
    /// Room for some thousand orders, no limit of pace.
    pub const fn new(username: Username) -> Self {
        Self {
            username,
            session: SessionName::BLANK,
            capacity: capacity::PRINCIPAL,
            sale: None,
            orders_max: 8_192,
            executions_max: 1 << 17,
            send_bytes: 64 * 1024,
            send_bytes_for_cancels: 16 * 1024,
            pace: Pace::UNLIMITED,
            queue: 0,
            good_for: Nanos::MAX,
            mass_cancel: false,
        }
    }
}

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is no connection; one is wanted when the pause is over.
    Down,
    /// A connection is being made.
    Connecting,
    /// Logging in to learn where the stream ends.
    Probing,
    /// Logging in.
    LoggingIn,
    /// What was missed is being read, up to the answer to the account query.
    Replaying,
    /// What nobody here answers for is being cancelled.
    Clearing,
    /// Orders are taken.
    Live,
    /// Logged out; the exchange is to close the connection.
    Leaving,
    /// There will be no further connection.
    Over(End),
}

/// Why there will be no further connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was stopped, and nothing is open.
    Stopped,
    /// It was stopped, and ran out of time: `open_orders` tells what may be open.
    Deadline,
    /// It was stopped before the exchange had told what was open: orders of an earlier program may be.
    Unlearned,
    /// The exchange ended the session.
    SessionEnded,
    /// The exchange did not know user and password, as often as may be tried.
    NotAuthorized,
    /// The exchange gave another session, or another place in it, than was asked for: what is missing cannot be known.
    OtherStream,
    /// More orders are open at the exchange than there is room for here.
    TooManyOrders,
}

/// What a gateway has done and seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayCounts {
    /// New orders written.
    pub orders: u64,
    /// Replaces written.
    pub replaces: u64,
    /// Cancels written, repeated ones after a lost connection among them.
    pub cancels: u64,
    /// New orders and replaces refused here.
    pub refused: u64,
    /// New orders and replaces that had to wait for the exchange's pace.
    pub queued: u64,
    /// Orders called back before the socket took them, or given up after the connection broke.
    pub lost: u64,
    /// Orders found at the exchange that nobody here answers for.
    pub adopted: u64,
    /// Numbered messages of the exchange.
    pub messages: u64,
    /// Reports told.
    pub reports: u64,
    /// Connections made.
    pub connections: u64,
    /// Logins accepted.
    pub logins: u64,
    /// Logins rejected.
    pub rejected_logins: u64,
    /// Connections that the other end left silent for too long.
    pub silences: u64,
    /// Connections given up because what came broke the protocol.
    pub violations: u64,
    /// Cancels that the exchange put off.
    pub cancels_pending: u64,
    /// Executions for which there was no room: if one is broken, that is not found.
    pub untracked: u64,
}

/// An order that may be open at the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Its name; none if its name at the exchange is not one of ours.
    pub order: OrderId,
    /// Its reference at the exchange.
    pub reference: u32,
    /// In what.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// Shares open, as far as is known.
    pub open: Qty,
    /// Whether the exchange has confirmed it.
    pub confirmed: bool,
}

/// The machine.
pub struct Gateway {
    reader: Reader,
    core: Core,
}

/// All of it but the bytes that came.
struct Core {
    settings: Settings,
    secret: Secret,
    /// By instrument.
    symbols: Box<[Symbol]>,
    instruments: BTreeMap<Symbol, InstrumentId>,
    link: ClientSession,
    send: SendBuffer,
    bucket: Bucket,
    /// Orders that wait for their turn, in order of coming.
    queue: Queue<Market>,
    orders: Orders,
    oddities: Oddities,
    counts: GatewayCounts,
    phase: Phase,
    /// When the phase began.
    since: Nanos,
    closing: Closing,
    /// When a connection is wanted; and the pause before the one after.
    retry_at: Nanos,
    pause: Nanos,
    wrong_passwords: u32,
    /// The session joined.
    session: SessionName,
    /// The number of the next message to take in.
    expected: u64,
    /// Messages below this number were said before this program; 0 until that is known.
    history_end: u64,
    /// The number of the message in hand.
    in_hand: u64,
    /// The reference of the next order.
    next_reference: u32,
    /// The exchange takes no orders.
    disabled: bool,
    /// What is open at the exchange was learnt, at least once.
    learnt: bool,
    /// The kill switch is pulled.
    killed: bool,
    /// When all that is open was last asked to be cancelled.
    asked_all: Option<Nanos>,
    /// Cancel all and go, by this time.
    stopping: Option<Nanos>,
    mass: Mass,
}

impl Gateway {
    /// Memory that a gateway takes for orders and executions, in bytes.
    pub fn bytes(settings: &Settings) -> usize {
        Orders::bytes(settings.orders_max, settings.executions_max)
    }

    /// A gateway without a connection; `symbols` are the names of the instruments, by id.
    pub fn new(settings: Settings, secret: Secret, symbols: &[Symbol], now: Nanos) -> Self {
        let named = symbols.iter().zip(0..).map(|(symbol, id)| (*symbol, InstrumentId(id)));
        let core = Core {
            settings,
            secret,
            symbols: symbols.into(),
            instruments: named.collect(),
            link: ClientSession::new(now),
            send: SendBuffer::new(settings.send_bytes, settings.send_bytes_for_cancels),
            bucket: Bucket::new(settings.pace, now),
            queue: Queue::new(settings.queue, settings.good_for),
            orders: Orders::new(settings.orders_max, settings.executions_max),
            oddities: Oddities::new(),
            counts: GatewayCounts::default(),
            phase: Phase::Down,
            since: now,
            closing: Closing::No,
            retry_at: now,
            pause: session::PAUSE_MIN,
            wrong_passwords: 0,
            session: settings.session,
            expected: 1,
            history_end: 0,
            in_hand: 0,
            next_reference: 1,
            disabled: false,
            learnt: false,
            killed: false,
            asked_all: None,
            stopping: None,
            mass: Mass::Unasked,
        };
        Self { reader: Reader::new(Reader::CAPACITY), core }
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.core.phase
    }

    /// What it has done and seen.
    pub fn counts(&self) -> GatewayCounts {
        self.core.counts
    }

    /// Messages about orders that were written so far: new ones, replaces, cancels.
    pub fn written(&self) -> u64 {
        let GatewayCounts { orders, replaces, cancels, .. } = self.core.counts;
        orders + replaces + cancels
    }

    /// What made no sense.
    pub fn oddities(&self) -> &Oddities {
        &self.core.oddities
    }

    /// Orders that may be open at the exchange.
    pub fn open_orders(&self) -> impl Iterator<Item = OpenOrder> {
        self.core.orders.iter().map(|entry| OpenOrder {
            order: entry.order,
            reference: entry.reference,
            instrument: entry.instrument,
            side: entry.side,
            price: entry.price,
            open: Qty(u64::from(entry.open)),
            confirmed: entry.standing == Standing::Open,
        })
    }

    /// How many these are.
    pub fn open_orders_count(&self) -> usize {
        self.core.orders.len()
    }

    /// The reference that the next order will have.
    pub fn next_reference(&self) -> u32 {
        self.core.next_reference
    }

    /// Whether a connection is to be made now: say `connecting`, then `connected`, or `closed` if it came to nothing.
    pub fn wants_connection(&self, now: Nanos) -> bool {
        self.core.phase == Phase::Down && now >= self.core.retry_at
    }

    /// A connection is being made.
    pub fn connecting(&mut self, now: Nanos) {
        self.core.enter_phase(Phase::Connecting, now);
    }

    /// It stands: the login is the first thing to send.
    pub fn connected(&mut self, now: Nanos) {
        self.reader.reset();
        self.core.connected(now);
    }

    /// Whether the connection is to be closed now: then say `closed`.
    pub fn wants_close(&self) -> bool {
        match self.core.closing {
            Closing::No => false,
            Closing::WhenSent => self.core.send.is_empty(),
            Closing::Now => true,
        }
    }

    /// The connection is gone, whoever closed it, or was never made. What came and was not taken in will come again.
    pub fn closed(&mut self, now: Nanos) {
        self.reader.reset();
        self.core.closed(now);
    }

    /// Where the next bytes from the exchange go; then say how many were `filled`. Empty while it cannot take more in.
    pub fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    /// So many bytes were written to the front of `space`.
    pub fn filled(&mut self, count: usize) {
        self.reader.filled(count);
    }

    /// Takes in what came, as far as `back` has room, and sees to what is due. Returns how much was done.
    pub fn turn(&mut self, now: Nanos, back: &mut impl Sink<Report>) -> usize {
        let mut done = 0;
        while self.core.closing == Closing::No && done < FRAMES_MAX && back.room() >= BURST {
            match self.reader.next_frame() {
                Ok(Some(frame)) => self.core.on_frame(frame, now, back),
                Ok(None) => break,
                Err(_) => self.core.violated(),
            }
            done += 1;
        }
        self.core.due(now, back);
        done + self.core.let_out(now, back)
    }

    /// An order of the desk. There is room for one report more than [`BURST`].
    pub fn on_order(
        &mut self,
        order: &Market,
        now: Nanos,
        killed: bool,
        back: &mut impl Sink<Report>,
    ) {
        self.core.on_order(order, now, killed, back);
    }

    /// An order of the desk that must not leave, for this reason.
    pub fn refuse(&mut self, order: &Market, code: Code, now: Nanos, back: &mut impl Sink<Report>) {
        self.core.refuse(order, code, now, back);
    }

    /// What is to be sent, to be asked for immediately before it is: if the latch is set, orders that the socket has not
    /// begun to take are called back first.
    pub fn unsent(&mut self, killed: bool) -> &[u8] {
        if killed {
            self.core.call_back(Code::ROUTE_KILLED);
        }
        self.core.send.waiting()
    }

    /// The socket took so many bytes of it.
    pub fn sent(&mut self, count: usize) {
        self.core.send.taken(count);
    }

    /// The kill switch was pulled: cancel all that is open, whatever others do.
    pub fn kill(&mut self) {
        self.set_killed(true);
    }

    /// Whether the kill switch is pulled. Once it is let go of, what comes then is sent again.
    pub fn set_killed(&mut self, killed: bool) {
        self.core.killed = killed;
    }

    /// Cancel all that is open, wait until it has ended, log out; at `deadline` go without.
    pub fn stop(&mut self, deadline: Nanos) {
        self.core.stopping.get_or_insert(deadline);
    }
}
