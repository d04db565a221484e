//! The plain design: each control looks its limits and its state up by name, in hash maps; amounts are floats; and verdicts
//! are remembered for a second, so that the same question need not be asked of all controls again.
//!
//! What makes two questions the same is symbol, side, quantity in hundreds, and price. Nothing of that moves when a position
//! does, so a remembered verdict is wrong from the first fill on: `engine/tests/cached_verdict.rs` shows it.
//!
//! It is written as it would be by someone who cares for speed and has not left this design: names are looked up without
//! copies where a map allows that, a token bucket rather than a list of times, no lock, no clock of its own.
#![expect(clippy::disallowed_types, reason = "the plain design is made of std's maps")]

use lru::LruCache;
use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;

/// How long a verdict is remembered, in nanoseconds.
pub(crate) const LIFE: u64 = 1_000_000_000;
/// Verdicts remembered.
const VERDICTS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// Different orders whose repetition can be told.
const REPEATS: NonZeroUsize = NonZeroUsize::new(1 << 15).unwrap();
/// Sums over a window are kept for so long, in nanoseconds.
const WINDOW: u64 = 1_000_000_000;

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Buy,
    Sell,
}

/// An order, and the market that its sender saw.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) symbol: String,
    pub(crate) account: String,
    pub(crate) side: Side,
    pub(crate) price: f64,
    pub(crate) qty: f64,
    pub(crate) bid: f64,
    pub(crate) ask: f64,
}

/// Which control refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Killed,
    UnknownAccount,
    UnknownSymbol,
    Restricted,
    Tick,
    Quantity,
    Notional,
    AverageVolume,
    Collar,
    Position,
    Gross,
    Net,
    Window,
    Rate,
    OpenOrders,
    Duplicate,
}

/// What orders in a symbol are held to.
#[derive(Clone, Debug)]
pub(crate) struct SymbolLimits {
    pub(crate) tick: f64,
    pub(crate) qty_max: f64,
    pub(crate) notional_max: f64,
    /// Share of the average volume.
    pub(crate) volume_share: f64,
    pub(crate) average_volume: f64,
    /// Share of the reference price.
    pub(crate) collar: f64,
    pub(crate) position_max: f64,
}

/// What an account is held to.
#[derive(Clone, Debug)]
pub(crate) struct AccountLimits {
    pub(crate) gross_max: f64,
    pub(crate) net_max: f64,
    pub(crate) window_value_max: f64,
    pub(crate) per_second: f64,
    pub(crate) burst: f64,
    pub(crate) open_orders_max: usize,
    /// Times that the same order may be sent ...
    pub(crate) repeats: usize,
    /// ... within these nanoseconds.
    pub(crate) repeats_within: u64,
}

/// What an account has in a symbol.
#[derive(Clone, Debug, Default)]
struct Position {
    held: f64,
    open_buys: f64,
    open_sells: f64,
}

/// What an account has traded and may still trade.
#[derive(Clone, Debug, Default)]
struct Exposure {
    bought: f64,
    sold: f64,
    open_buys: f64,
    open_sells: f64,
}

/// Tokens left, and when they were counted.
#[derive(Clone, Debug)]
struct Bucket {
    tokens: f64,
    at: u64,
}

/// What an account ordered within the window.
#[derive(Clone, Debug, Default)]
struct Recent {
    orders: VecDeque<(u64, f64)>,
    value: f64,
}

/// What makes two verdicts the same.
type Question = (String, Side, i64, u64);
/// A verdict, and when it was reached.
type Remembered = (u64, Result<(), Rejected>);
/// What makes two orders the same: account, symbol, side, price, quantity.
type Sameness = (String, String, Side, u64, u64);

/// The checks, with what they know.
pub(crate) struct OldDesign {
    killed: bool,
    restricted: HashSet<String>,
    symbols: HashMap<String, SymbolLimits>,
    accounts: HashMap<String, AccountLimits>,
    positions: HashMap<String, HashMap<String, Position>>,
    exposures: HashMap<String, Exposure>,
    recent: HashMap<String, Recent>,
    buckets: HashMap<String, Bucket>,
    open: HashMap<String, usize>,
    orders: HashMap<String, Order>,
    repeats: LruCache<Sameness, VecDeque<u64>>,
    verdicts: Option<LruCache<Question, Remembered>>,
}

impl OldDesign {
    /// With no symbols and no accounts; `remembers`: whether verdicts are.
    pub(crate) fn new(remembers: bool) -> Self {
        Self {
            killed: false,
            restricted: HashSet::new(),
            symbols: HashMap::new(),
            accounts: HashMap::new(),
            positions: HashMap::new(),
            exposures: HashMap::new(),
            recent: HashMap::new(),
            buckets: HashMap::new(),
            open: HashMap::new(),
            orders: HashMap::new(),
            repeats: LruCache::new(REPEATS),
            verdicts: remembers.then(|| LruCache::new(VERDICTS)),
        }
    }

    /// Lets a symbol be traded.
    pub(crate) fn add_symbol(&mut self, symbol: &str, limits: SymbolLimits) {
        self.symbols.insert(symbol.to_owned(), limits);
    }

    /// Lets an account trade.
    pub(crate) fn add_account(&mut self, account: &str, limits: AccountLimits) {
        let bucket = Bucket { tokens: limits.burst, at: 0 };
        self.buckets.insert(account.to_owned(), bucket);
        self.accounts.insert(account.to_owned(), limits);
    }

    /// Stops all orders.
    pub(crate) fn kill(&mut self) {
        self.killed = true;
    }

    /// Whether the order may be sent; if so, it counts as open.
    pub(crate) fn submit(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        if self.killed {
            return Err(Rejected::Killed);
        }
        self.remembered(order, now)?;
        self.accept(order, now);
        Ok(())
    }

    /// Held by an account of a symbol.
    pub(crate) fn position(&self, account: &str, symbol: &str) -> f64 {
        let symbols = self.positions.get(account);
        symbols.and_then(|symbols| symbols.get(symbol)).map_or(0.0, |position| position.held)
    }

    /// An order is done: filled or not.
    pub(crate) fn ended(&mut self, id: &str, filled: bool) {
        let Some(order) = self.orders.remove(id) else { return };
        let value = order.price * order.qty;
        let positions = self.positions.get_mut(&order.account);
        if let Some(position) = positions.and_then(|symbols| symbols.get_mut(&order.symbol)) {
            let (open, signed) = match order.side {
                Side::Buy => (&mut position.open_buys, order.qty),
                Side::Sell => (&mut position.open_sells, -order.qty),
            };
            *open -= order.qty;
            position.held += if filled { signed } else { 0.0 };
        }
        if let Some(exposure) = self.exposures.get_mut(&order.account) {
            let (open, traded) = match order.side {
                Side::Buy => (&mut exposure.open_buys, &mut exposure.bought),
                Side::Sell => (&mut exposure.open_sells, &mut exposure.sold),
            };
            *open -= value;
            *traded += if filled { value } else { 0.0 };
        }
        if let Some(open) = self.open.get_mut(&order.account) {
            *open -= 1;
        }
    }

    /// The verdict of less than a second ago, if there is one; else that of all controls, which is remembered.
    fn remembered(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        if self.verdicts.is_none() {
            return self.judge(order, now);
        }
        let bucket = (order.qty / 100.0) as i64;
        let question = (order.symbol.clone(), order.side, bucket, order.price.to_bits());
        let known = self.verdicts.as_mut().and_then(|verdicts| verdicts.get(&question));
        if let Some((at, verdict)) = known
            && now - at < LIFE
        {
            return *verdict;
        }
        let verdict = self.judge(order, now);
        if let Some(verdicts) = &mut self.verdicts {
            verdicts.put(question, (now, verdict));
        }
        verdict
    }

    /// All controls, one after the other.
    fn judge(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        self.check_rate(order, now)?;
        self.check_account(order)?;
        self.check_symbol(order)?;
        self.check_size(order)?;
        self.check_collar(order)?;
        self.check_position(order)?;
        self.check_exposure(order)?;
        self.check_window(order, now)?;
        self.check_open_orders(order)?;
        self.check_repeats(order, now)
    }

    fn check_rate(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        let limits = self.accounts.get(&order.account).ok_or(Rejected::UnknownAccount)?;
        let bucket = self.buckets.get_mut(&order.account).ok_or(Rejected::UnknownAccount)?;
        let gained = (now - bucket.at) as f64 * limits.per_second / 1e9;
        bucket.tokens = (bucket.tokens + gained).min(limits.burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Rejected::Rate);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn check_account(&self, order: &Order) -> Result<(), Rejected> {
        if self.accounts.contains_key(&order.account) {
            return Ok(());
        }
        Err(Rejected::UnknownAccount)
    }

    fn check_symbol(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.symbols.get(&order.symbol).ok_or(Rejected::UnknownSymbol)?;
        if self.restricted.contains(&order.symbol) {
            return Err(Rejected::Restricted);
        }
        let ticks = order.price / limits.tick;
        if (ticks - ticks.round()).abs() > 1e-6 { Err(Rejected::Tick) } else { Ok(()) }
    }

    fn check_size(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.symbols.get(&order.symbol).ok_or(Rejected::UnknownSymbol)?;
        if order.qty > limits.qty_max {
            return Err(Rejected::Quantity);
        }
        if order.qty * order.price > limits.notional_max {
            return Err(Rejected::Notional);
        }
        if order.qty > limits.average_volume * limits.volume_share {
            return Err(Rejected::AverageVolume);
        }
        Ok(())
    }

    fn check_collar(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.symbols.get(&order.symbol).ok_or(Rejected::UnknownSymbol)?;
        let beyond = match order.side {
            Side::Buy => order.price > order.ask * (1.0 + limits.collar),
            Side::Sell => order.price < order.bid * (1.0 - limits.collar),
        };
        if beyond { Err(Rejected::Collar) } else { Ok(()) }
    }

    fn check_position(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.symbols.get(&order.symbol).ok_or(Rejected::UnknownSymbol)?;
        let symbols = self.positions.get(&order.account);
        let Some(position) = symbols.and_then(|symbols| symbols.get(&order.symbol)) else {
            let fits = order.qty <= limits.position_max;
            return if fits { Ok(()) } else { Err(Rejected::Position) };
        };
        let worst = match order.side {
            Side::Buy => position.held + position.open_buys + order.qty,
            Side::Sell => position.open_sells + order.qty - position.held,
        };
        if worst > limits.position_max { Err(Rejected::Position) } else { Ok(()) }
    }

    fn check_exposure(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.accounts.get(&order.account).ok_or(Rejected::UnknownAccount)?;
        let Some(exposure) = self.exposures.get(&order.account) else { return Ok(()) };
        let Exposure { bought, sold, open_buys, open_sells } = exposure;
        let value = order.price * order.qty;
        if bought + sold + open_buys + open_sells + value > limits.gross_max {
            return Err(Rejected::Gross);
        }
        let net = match order.side {
            Side::Buy => bought - sold + open_buys + value,
            Side::Sell => sold - bought + open_sells + value,
        };
        if net > limits.net_max { Err(Rejected::Net) } else { Ok(()) }
    }

    fn check_window(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        let limits = self.accounts.get(&order.account).ok_or(Rejected::UnknownAccount)?;
        let Some(recent) = self.recent.get_mut(&order.account) else { return Ok(()) };
        while let Some((at, value)) = recent.orders.front()
            && now - at >= WINDOW
        {
            recent.value -= value;
            recent.orders.pop_front();
        }
        let value = recent.value + order.price * order.qty;
        if value > limits.window_value_max { Err(Rejected::Window) } else { Ok(()) }
    }

    fn check_open_orders(&self, order: &Order) -> Result<(), Rejected> {
        let limits = self.accounts.get(&order.account).ok_or(Rejected::UnknownAccount)?;
        let open = self.open.get(&order.account).copied().unwrap_or(0);
        if open >= limits.open_orders_max { Err(Rejected::OpenOrders) } else { Ok(()) }
    }

    fn check_repeats(&mut self, order: &Order, now: u64) -> Result<(), Rejected> {
        let limits = self.accounts.get(&order.account).ok_or(Rejected::UnknownAccount)?;
        let Some(times) = self.repeats.get_mut(&sameness(order)) else { return Ok(()) };
        while let Some(at) = times.front()
            && now - at >= limits.repeats_within
        {
            times.pop_front();
        }
        if times.len() >= limits.repeats { Err(Rejected::Duplicate) } else { Ok(()) }
    }

    /// Counts an order as open.
    fn accept(&mut self, order: &Order, now: u64) {
        let value = order.price * order.qty;
        let position = match self.positions.get_mut(&order.account) {
            Some(symbols) if symbols.contains_key(&order.symbol) => symbols.get_mut(&order.symbol),
            Some(symbols) => Some(symbols.entry(order.symbol.clone()).or_default()),
            None => {
                let symbols = self.positions.entry(order.account.clone()).or_default();
                Some(symbols.entry(order.symbol.clone()).or_default())
            }
        };
        if let Some(position) = position {
            match order.side {
                Side::Buy => position.open_buys += order.qty,
                Side::Sell => position.open_sells += order.qty,
            }
        }
        let exposure = of(&mut self.exposures, &order.account);
        match order.side {
            Side::Buy => exposure.open_buys += value,
            Side::Sell => exposure.open_sells += value,
        }
        let recent = of(&mut self.recent, &order.account);
        recent.orders.push_back((now, value));
        recent.value += value;
        *of(&mut self.open, &order.account) += 1;
        self.repeats.get_or_insert_mut(sameness(order), VecDeque::new).push_back(now);
        self.orders.insert(order.id.clone(), order.clone());
    }
}

/// A name's value, made if it has none: its name is copied only then.
fn of<'a, T: Default>(map: &'a mut HashMap<String, T>, name: &str) -> &'a mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("Invariant: it is there, or was just inserted")
}

fn sameness(order: &Order) -> Sameness {
    let Order { account, symbol, side, price, qty, .. } = order;
    (account.clone(), symbol.clone(), *side, price.to_bits(), qty.to_bits())
}
