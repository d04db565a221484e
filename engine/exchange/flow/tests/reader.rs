//! The naive reader of a made-up day: it keeps the books from the messages alone, and asserts at each what must hold.

use super::*;

#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub(super) locate: u16,
    pub(super) buys: bool,
    pub(super) price: u32,
    pub(super) shares: u32,
}

/// The day as a naive reader sees it. Each method asserts what must hold.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) orders: BTreeMap<u64, Resting>,
    /// By locate code and side (bids: true): queues by price.
    pub(super) queues: BTreeMap<(u16, bool), BTreeMap<u32, VecDeque<u64>>>,
    pub(super) symbols: BTreeMap<u16, Stock>,
    pub(super) halted: BTreeSet<u16>,
    /// Locate code of each match.
    pub(super) matches: BTreeMap<u64, u16>,
    /// A cross that is not printed yet: its locate code, and shares bought and sold.
    pub(super) crossing: Option<(u16, [u64; 2])>,
    /// The last message, if it executed the rest of an order: that order.
    pub(super) executed: Option<Resting>,
    pub(super) refills: u64,
    pub(super) reference: u64,
    pub(super) events: Vec<u8>,
    pub(super) time: u64,
    pub(super) by_type: BTreeMap<u8, u64>,
    pub(super) halts: u64,
    pub(super) live_peak: usize,
    /// Least and most live orders from the open to the close.
    pub(super) live_in_hours: Option<(usize, usize)>,
}

impl Reader {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (mut reader, mut rest) = (Self::default(), bytes);
        while !rest.is_empty() {
            let (message, after) = frame::split(rest).expect("whole frames");
            reader.apply(parse(message).expect("known messages"));
            rest = after;
        }
        reader
    }

    pub(super) fn best(&self, locate: u16, bids: bool) -> Option<u32> {
        let prices = self.queues.get(&(locate, bids))?;
        let end = if bids { prices.last_key_value() } else { prices.first_key_value() };
        end.map(|(&price, _)| price)
    }

    pub(super) fn middle(&self, locate: u16) -> Option<u32> {
        Some(u32::midpoint(self.best(locate, true)?, self.best(locate, false)?))
    }

    pub(super) fn add(&mut self, reference: u64, order: Resting) {
        assert!(reference > self.reference, "references rise");
        self.reference = reference;
        assert!(order.shares > 0 && order.price > 0 && order.price.is_multiple_of(100));
        let key = (order.locate, order.buys);
        self.queues.entry(key).or_default().entry(order.price).or_default().push_back(reference);
        assert!(self.orders.insert(reference, order).is_none());
        if !self.halted.contains(&order.locate) {
            self.stands_apart(order.locate);
        }
    }

    pub(super) fn stands_apart(&self, locate: u16) {
        if let (Some(bid), Some(ask)) = (self.best(locate, true), self.best(locate, false)) {
            assert!(bid < ask, "crossed or locked: {bid} {ask}");
        }
    }

    pub(super) fn reduce(&mut self, reference: u64, shares: Option<u32>, locate: u16) -> Resting {
        let order = self.orders.get_mut(&reference).expect("a live order");
        let before = *order;
        assert_eq!(before.locate, locate);
        order.shares = before.shares.checked_sub(shares.unwrap_or(before.shares)).expect("enough");
        assert!(shares != Some(0));
        if order.shares == 0 {
            self.orders.remove(&reference);
            let prices = self.queues.get_mut(&(locate, before.buys)).unwrap();
            let queue = prices.get_mut(&before.price).unwrap();
            queue.retain(|&other| other != reference);
            if queue.is_empty() {
                prices.remove(&before.price);
            }
        }
        before
    }

    /// An order executes; what it was before.
    pub(super) fn execute(
        &mut self,
        reference: u64,
        shares: u32,
        match_number: u64,
        locate: u16,
    ) -> Resting {
        let order = *self.orders.get(&reference).expect("a live order");
        assert_eq!(self.best(locate, order.buys), Some(order.price), "at the best price");
        let queue = &self.queues[&(locate, order.buys)][&order.price];
        assert_eq!(queue.front(), Some(&reference), "first in the queue");
        assert_eq!(match_number, self.matches.len() as u64 + 1, "match numbers rise");
        assert!(self.events.last().is_some_and(|event| b"QM".contains(event)), "in market hours");
        let before = self.reduce(reference, Some(shares), locate);
        self.executed = (before.shares == shares).then_some(before);
        before
    }

    pub(super) fn matched(&mut self, match_number: u64, locate: u16) {
        assert!(!self.halted.contains(&locate), "nothing executes while halted");
        assert_eq!(self.crossing, None, "a cross is printed when it is done");
        assert!(self.matches.insert(match_number, locate).is_none());
    }

    pub(super) fn crossed(&mut self, cross: &CrossTrade, locate: u16) {
        let number = cross.match_number.get();
        assert_eq!(number, self.matches.len() as u64 + 1, "match numbers rise");
        self.matches.insert(number, locate);
        let shares = self.crossing.take().map_or([0; 2], |(of, shares)| {
            assert_eq!(of, locate);
            shares
        });
        assert!(shares.into_iter().all(|side| side <= cross.shares.get()));
        assert_eq!(cross.shares.get() == 0, cross.cross_price.get() == 0);
        let halted = self.halted.contains(&locate);
        assert_eq!(halted, cross.cross_type == code::cross::HALT);
        self.stands_apart(locate);
    }

    pub(super) fn apply(&mut self, message: Message<'_>) {
        let head = message.head();
        let (locate, time) = (head.stock_locate.get(), head.timestamp.nanos());
        assert!(time >= self.time, "times never fall");
        self.time = time;
        *self.by_type.entry(head.message_type).or_default() += 1;
        let executed = self.executed.take();
        match message {
            Message::SystemEvent(event) => {
                self.events.push(event.event_code);
                return;
            }
            Message::StockDirectory(listing) => {
                assert!(self.symbols.insert(locate, listing.stock).is_none());
                return;
            }
            Message::MwcbDeclineLevel(_) => return,
            _ => assert!(self.symbols.contains_key(&locate), "after its directory message"),
        }
        match message {
            Message::StockTradingAction(action) => {
                assert_eq!(action.stock, self.symbols[&locate]);
                match action.trading_state {
                    code::trading::TRADING => {
                        let resumed = self.halted.remove(&locate);
                        assert!(resumed || self.events == b"O", "only what was halted resumes");
                        self.stands_apart(locate);
                    }
                    code::trading::HALTED => {
                        assert!(self.halted.insert(locate) && self.events == b"OSQ");
                        self.halts += 1;
                    }
                    _ => assert!(self.halted.contains(&locate), "quotes come after a halt"),
                }
            }
            Message::AddOrder(add) => {
                assert_eq!(add.stock, self.symbols[&locate]);
                let buys = add.buy_sell_indicator == code::side::BUY;
                let (price, shares) = (add.price.get(), add.shares.get());
                let reference = add.order_reference_number.get();
                let refill = |it: Resting| (it.locate, it.buys, it.price) == (locate, buys, price);
                self.refills += u64::from(executed.is_some_and(refill));
                self.add(reference, Resting { locate, buys, price, shares });
            }
            Message::AddOrderMpid(add) => {
                assert_eq!(add.stock, self.symbols[&locate]);
                let buys = add.buy_sell_indicator == code::side::BUY;
                let (price, shares) = (add.price.get(), add.shares.get());
                let reference = add.order_reference_number.get();
                self.add(reference, Resting { locate, buys, price, shares });
            }
            Message::OrderReplace(replace) => {
                let original = replace.original_order_reference_number.get();
                let original = self.reduce(original, None, locate);
                let (price, shares) = (replace.price.get(), replace.shares.get());
                let reference = replace.new_order_reference_number.get();
                self.add(reference, Resting { price, shares, ..original });
            }
            Message::OrderDelete(delete) => {
                self.reduce(delete.order_reference_number.get(), None, locate);
            }
            Message::OrderCancel(cancel) => {
                let (reference, shares) =
                    (cancel.order_reference_number.get(), cancel.cancelled_shares.get());
                let before = self.reduce(reference, Some(shares), locate);
                assert!(before.shares > shares, "a cancel leaves a rest");
            }
            Message::OrderExecuted(execution) => {
                let reference = execution.order_reference_number.get();
                let number = execution.match_number.get();
                self.execute(reference, execution.executed_shares.get(), number, locate);
                self.matched(number, locate);
            }
            Message::OrderExecutedWithPrice(execution) => {
                assert_eq!(execution.printable, code::flag::NO, "it is in the cross");
                let reference = execution.order_reference_number.get();
                let (number, shares) =
                    (execution.match_number.get(), execution.executed_shares.get());
                let order = self.execute(reference, shares, number, locate);
                let price = execution.execution_price.get();
                assert!(if order.buys { price <= order.price } else { price >= order.price });
                let (of, sides) = self.crossing.get_or_insert((locate, [0; 2]));
                assert_eq!(*of, locate);
                sides[usize::from(order.buys)] += u64::from(shares);
            }
            Message::TradeNonCross(trade) => {
                let (price, number) = (trade.price.get(), trade.match_number.get());
                assert!(self.best(locate, true).is_none_or(|bid| bid < price));
                assert!(self.best(locate, false).is_none_or(|ask| price < ask));
                assert_eq!(number, self.matches.len() as u64 + 1, "match numbers rise");
                self.matched(number, locate);
            }
            Message::CrossTrade(cross) => self.crossed(cross, locate),
            Message::BrokenTrade(broken) => {
                assert_eq!(self.matches.get(&broken.match_number.get()), Some(&locate));
            }
            Message::Noii(noii) => {
                assert_eq!(noii.stock, self.symbols[&locate]);
                let window = match noii.cross_type {
                    code::cross::OPENING => IMBALANCES_OPEN..MARKET_OPENS,
                    _ => IMBALANCES_CLOSE..MARKET_CLOSES,
                };
                assert!(window.contains(&Nanos(time)));
            }
            _ => {}
        }
        let live = self.orders.len();
        self.live_peak = self.live_peak.max(live);
        if self.events.last() == Some(&b'Q') {
            let (least, most) = self.live_in_hours.unwrap_or((live, live));
            self.live_in_hours = Some((least.min(live), most.max(live)));
        }
    }
}
