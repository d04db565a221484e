//! What a client asks becomes at most one command, or the first of a sweep.
//!
//! A `UserRefNum` that is not above the channel's last is a repetition and ignored. One that is above is used up by an
//! enter, a mass cancel, a disable or an enable, rejected or not, and by a replace that gets as far as the matching
//! core or is rejected; a replace that is ignored, or whose bad terms cancel the original, uses none.

use super::count::Why;
use super::desk::{Aside, Desk, Sweep};
use super::order::{Detail, Order, State};
use super::terms::{self, Options};
use crate::base::instrument::Symbol;
use crate::base::unit::Nanos;
use crate::exchange::ledger::{Note, Standing};
use crate::exchange::matching::{CancelReason, Command, Enter, Replace, SelfMatch};
use crate::exchange::unit::Price4;
use crate::wire::ouch::code::{QUANTITY_MAX, reject};
use crate::wire::ouch::{
    AccountQueryResponse, AppendageBuilder, CancelOrder, CancelPending, CancelReject, ClOrdId,
    DisableOrderEntryResponse, EnableOrderEntryResponse, EnterOrder, Firm, Inbound,
    MassCancelRequest, MassCancelResponse, ModifyOrder, OrderModified, Outbound, Rejected,
    ReplaceOrder, TagValue,
};

/// The only option that answers carry for the channel's sake.
pub(super) fn on_channel(channel: u8) -> AppendageBuilder {
    let mut options = AppendageBuilder::new();
    // One option always fits.
    let _ = options.push(TagValue::UserRefIdx(channel));
    options
}

impl Desk {
    /// What `account` asks for in `message`.
    ///
    /// # Errors
    /// If it cannot be read, or would be answered and the account's day is full; nothing happened then.
    pub(super) fn request(
        &mut self,
        account: u16,
        message: &[u8],
        now: Nanos,
    ) -> Result<Option<Command>, Why> {
        self.now = now;
        let request = Inbound::parse(message).map_err(Why::Message)?;
        let options = Options::read(request.appendage()).map_err(Why::Options)?;
        let lessens = matches!(request, Inbound::CancelOrder(..) | Inbound::ModifyOrder(..));
        if !lessens && self.is_full(account) {
            return Err(Why::Full);
        }
        self.counters.messages += 1;
        let command = match request {
            Inbound::EnterOrder(enter, _) => self.enter(account, enter, &options),
            Inbound::ReplaceOrder(replace, _) => self.replace(account, replace, &options),
            Inbound::CancelOrder(cancel, _) => self.cancel(account, cancel, options.channel),
            Inbound::ModifyOrder(modify, _) => self.modify(account, modify, options.channel),
            Inbound::MassCancelRequest(request, _) => {
                self.mass_cancel(account, request, &options);
                // The sweep's first command comes from `next`.
                None
            }
            Inbound::DisableOrderEntryRequest(request, _) => {
                let (user_ref, firm) = (request.user_ref_num.get(), request.firm);
                self.switch(account, options.channel, user_ref, firm, true);
                None
            }
            Inbound::EnableOrderEntryRequest(request, _) => {
                let (user_ref, firm) = (request.user_ref_num.get(), request.firm);
                self.switch(account, options.channel, user_ref, firm, false);
                None
            }
            Inbound::AccountQueryRequest(..) => {
                self.query(account, options.channel);
                None
            }
        };
        Ok(command)
    }

    fn enter(&mut self, account: u16, message: &EnterOrder, options: &Options) -> Option<Command> {
        let (channel, user_ref) = (options.channel, message.user_ref_num.get());
        if !self.is_new(account, channel, user_ref) {
            return None;
        }
        self.use_up(account, channel, user_ref);
        match self.entered(account, message, options) {
            Ok(enter) => Some(Command::Enter(enter)),
            Err(reason) => {
                self.reject(account, channel, user_ref, message.clordid, reason);
                None
            }
        }
    }

    fn entered(
        &mut self,
        account: u16,
        message: &EnterOrder,
        options: &Options,
    ) -> Result<Enter, u16> {
        let client = &self.clients[usize::from(account)].account;
        let shares = message.quantity.get();
        let side = terms::core_side(message.side)?;
        let detail = terms::entered(message, options, self.locate(message.symbol))?;
        let terms = terms::terms(&detail, shares, client.firm)?;
        let session = terms::session(detail.cross)?;
        let self_match = self.self_match(account, &detail);
        let participant = client.participant;
        self.check_limits(account, terms.limit, shares)?;
        if self.is_frozen(detail.cross) {
            return Err(reject::INVALID_CROSS_ORDER);
        }
        let order = Order::asked(account, options.channel, message.user_ref_num.get(), 0, detail);
        let place = self.orders.ask(order).map_err(|_| reject::PROCESSING_ERROR)?;
        let (locate, token) = (detail.locate, u64::from(place));
        Ok(Enter { locate, participant, token, side, terms, session, self_match })
    }

    fn replace(
        &mut self,
        account: u16,
        message: &ReplaceOrder,
        options: &Options,
    ) -> Option<Command> {
        let (channel, user_ref) = (options.channel, message.user_ref_num.get());
        if !self.is_new(account, channel, user_ref) {
            return None;
        }
        let (_, old) = self.find(account, channel, message.orig_user_ref_num.get())?;
        // What the chain has executed counts against what is asked for.
        let open = message.quantity.get().saturating_sub(old.executed);
        let firm = self.clients[usize::from(account)].account.firm;
        let asked = if message.quantity.get() > QUANTITY_MAX {
            Err(reject::INVALID_QUANTITY)
        } else {
            terms::replaced(message, options, &old, open)
        };
        let asked = asked.and_then(|detail| Ok((detail, terms::terms(&detail, open, firm)?)));
        let Ok((detail, terms)) = asked else {
            self.counters.bad_replaces += 1;
            let reason = CancelReason::BadReplace;
            return Some(Command::Reduce { order: old.reference, open: 0, reason });
        };
        self.use_up(account, channel, user_ref);
        let asked = if old.cancel_pending {
            Err(reject::CANCEL_PENDING)
        } else if self.is_frozen(old.detail.cross) {
            Err(reject::REPLACE_NOT_ALLOWED)
        } else {
            let order = Order::asked(account, channel, user_ref, old.executed, detail);
            self.check_limits(account, terms.limit, open)
                .and_then(|()| self.orders.ask(order).map_err(|_| reject::PROCESSING_ERROR))
        };
        match asked {
            Ok(place) => {
                let token = u64::from(place);
                let (order, self_match) = (old.reference, self.self_match(account, &detail));
                Some(Command::Replace(Replace { order, token, terms, self_match }))
            }
            Err(reason) => {
                self.reject(account, channel, user_ref, message.clordid, reason);
                None
            }
        }
    }

    /// What is to happen when an order meets its own account: what it asks for, or what holds for the account.
    fn self_match(&self, account: u16, detail: &Detail) -> SelfMatch {
        let asked = detail.aiq.and_then(terms::self_match);
        asked.unwrap_or(self.clients[usize::from(account)].account.self_match)
    }

    /// What an account may not do now, or not that much of.
    fn check_limits(&self, account: u16, limit: Option<Price4>, shares: u32) -> Result<(), u16> {
        let client = &self.clients[usize::from(account)];
        if client.disabled {
            return Err(reject::FIRM_NOT_AUTHORIZED);
        }
        if shares > client.account.shares_max {
            return Err(reject::SHARES_EXCEED_THRESHOLD);
        }
        let notional = limit.map_or(0, |limit| u64::from(limit.0) * u64::from(shares));
        if notional > client.account.notional_max {
            return Err(reject::EXCEEDS_MAX_NOTIONAL);
        }
        Ok(())
    }

    fn cancel(&mut self, account: u16, message: &CancelOrder, channel: u8) -> Option<Command> {
        let (place, order) = self.find(account, channel, message.user_ref_num.get())?;
        let open = message.quantity.get();
        if open >= order.open {
            self.counters.ignored += 1;
            return None;
        }
        if self.is_frozen(order.detail.cross) {
            if open == 0 {
                self.cancel_pends(place)
            } else {
                self.cancel_refused(place)
            }
            return None;
        }
        let reason = CancelReason::Requested;
        Some(Command::Reduce { order: order.reference, open, reason })
    }

    fn modify(&mut self, account: u16, message: &ModifyOrder, channel: u8) -> Option<Command> {
        let (place, order) = self.find(account, channel, message.user_ref_num.get())?;
        let open = message.quantity.get();
        let is_same = open == order.open && message.side == order.detail.side;
        if open > order.open || is_same || !terms::may_become(order.detail.side, message.side) {
            self.counters.ignored += 1;
            return None;
        }
        if self.is_frozen(order.detail.cross) {
            self.cancel_refused(place);
            return None;
        }
        if message.side != order.detail.side {
            self.note(&order, |stands| Note::Modified(stands, order.detail.side, message.side));
        }
        if let Some(order) = self.orders.get_mut(place) {
            order.detail.side = message.side;
        }
        if open == order.open {
            // The matching core knows buy and sell only.
            self.modified(place);
            return None;
        }
        self.in_hand.modified = Some(place);
        let reason = CancelReason::Requested;
        Some(Command::Reduce { order: order.reference, open, reason })
    }

    fn mass_cancel(&mut self, account: u16, message: &MassCancelRequest, options: &Options) {
        let (channel, user_ref) = (options.channel, message.user_ref_num.get());
        if !self.is_new(account, channel, user_ref) {
            return;
        }
        self.use_up(account, channel, user_ref);
        let locate = self.locate(message.symbol);
        let is_known = locate.is_some() || message.symbol == Symbol::BLANK;
        if !self.is_firm(account, message.firm) || !is_known {
            let reason =
                if is_known { reject::FIRM_NOT_AUTHORIZED } else { reject::INVALID_SYMBOL };
            self.reject(account, channel, user_ref, [b' '; 14], reason);
            return;
        }
        let answer = MassCancelResponse {
            timestamp: self.time().into(),
            user_ref_num: user_ref.into(),
            firm: message.firm,
            symbol: message.symbol,
            ..MassCancelResponse::BLANK
        };
        let appendage = on_channel(channel);
        self.tell(account, &Outbound::MassCancelResponse(&answer, appendage.appendage()));
        let at = self.orders.first(account);
        let (side, group, reason) = (options.side, options.group, CancelReason::Requested);
        self.sweeps.push_back(Sweep { account, at, locate, side, group, reason });
    }

    /// Bars an account from entering orders, or lets it again.
    fn switch(&mut self, account: u16, channel: u8, user_ref: u32, firm: Firm, disabled: bool) {
        if !self.is_new(account, channel, user_ref) {
            return;
        }
        self.use_up(account, channel, user_ref);
        if !self.is_firm(account, firm) {
            self.reject(account, channel, user_ref, [b' '; 14], reject::FIRM_NOT_AUTHORIZED);
            return;
        }
        self.clients[usize::from(account)].disabled = disabled;
        let (timestamp, user_ref_num) = (self.time().into(), user_ref.into());
        let appendage = on_channel(channel);
        if disabled {
            let blank = DisableOrderEntryResponse::BLANK;
            let answer = DisableOrderEntryResponse { timestamp, user_ref_num, firm, ..blank };
            let answer = Outbound::DisableOrderEntryResponse(&answer, appendage.appendage());
            self.tell(account, &answer);
        } else {
            let blank = EnableOrderEntryResponse::BLANK;
            let answer = EnableOrderEntryResponse { timestamp, user_ref_num, firm, ..blank };
            let answer = Outbound::EnableOrderEntryResponse(&answer, appendage.appendage());
            self.tell(account, &answer);
        }
    }

    fn query(&mut self, account: u16, channel: u8) {
        let last = self.clients[usize::from(account)].last_refs[usize::from(channel)];
        let answer = AccountQueryResponse {
            timestamp: self.time().into(),
            next_user_ref_num: last.saturating_add(1).into(),
            ..AccountQueryResponse::BLANK
        };
        let appendage = on_channel(channel);
        self.tell(account, &Outbound::AccountQueryResponse(&answer, appendage.appendage()));
    }

    /// Whether a request's number is above the last; one that is not is counted.
    fn is_new(&mut self, account: u16, channel: u8, user_ref: u32) -> bool {
        let last = self.clients[usize::from(account)].last_refs[usize::from(channel)];
        let is_new = user_ref > last;
        self.counters.repeated += u64::from(!is_new);
        is_new
    }

    fn use_up(&mut self, account: u16, channel: u8, user_ref: u32) {
        self.clients[usize::from(account)].last_refs[usize::from(channel)] = user_ref;
    }

    fn is_firm(&self, account: u16, firm: Firm) -> bool {
        firm == *b"    " || firm == self.clients[usize::from(account)].account.firm
    }

    /// The live order of that name; that there is none is counted.
    fn find(&mut self, account: u16, channel: u8, user_ref: u32) -> Option<(u32, Order)> {
        let found = self.orders.find_live(account, channel, user_ref);
        self.counters.ignored += u64::from(found.is_none());
        found
    }

    /// Notes what becomes of a live order without the matching core.
    fn note(&mut self, order: &Order, what: impl FnOnce(Standing) -> Note) {
        let &Order { account, channel, user_ref, reference, open, ref detail, .. } = order;
        // An order that is live has a side.
        let Ok(side) = terms::core_side(detail.side) else { return };
        let note = what(Standing { order: reference, locate: detail.locate, side, open });
        self.asides.push_back(Aside { account, channel, user_ref, note });
    }

    /// A request is rejected before the matching core hears of it.
    fn reject(&mut self, account: u16, channel: u8, user_ref: u32, clordid: ClOrdId, reason: u16) {
        self.counters.rejected += 1;
        self.asides.push_back(Aside { account, channel, user_ref, note: Note::Refused(reason) });
        self.rejected(account, channel, user_ref, clordid, reason);
    }

    /// Says that a request was rejected.
    pub(super) fn rejected(
        &mut self,
        account: u16,
        channel: u8,
        user_ref: u32,
        clordid: ClOrdId,
        reason: u16,
    ) {
        let answer = Rejected {
            timestamp: self.time().into(),
            user_ref_num: user_ref.into(),
            reason: reason.into(),
            clordid,
            ..Rejected::BLANK
        };
        self.tell(account, &Outbound::Rejected(&answer, on_channel(channel).appendage()));
    }

    /// Says how an order was modified.
    pub(super) fn modified(&mut self, place: u32) {
        let Some(order) = self.orders.get(place).copied() else { return };
        let answer = OrderModified {
            timestamp: self.time().into(),
            user_ref_num: order.user_ref.into(),
            side: order.detail.side,
            quantity: order.open.into(),
            ..OrderModified::BLANK
        };
        let appendage = on_channel(order.channel);
        self.tell(order.account, &Outbound::OrderModified(&answer, appendage.appendage()));
    }

    /// An order bound to its cross is to be cancelled: what the cross leaves of it goes anyway.
    pub(super) fn cancel_pends(&mut self, place: u32) {
        let Some(order) = self.orders.get_mut(place) else { return };
        debug_assert_eq!(order.state, State::Live, "Invariant: only live orders are cancelled");
        if order.cancel_pending {
            self.counters.ignored += 1;
            return;
        }
        order.cancel_pending = true;
        let order = *order;
        self.note(&order, Note::CancelPends);
        let answer = CancelPending {
            timestamp: self.time().into(),
            user_ref_num: order.user_ref.into(),
            ..CancelPending::BLANK
        };
        let appendage = on_channel(order.channel);
        self.tell(order.account, &Outbound::CancelPending(&answer, appendage.appendage()));
    }

    /// An order bound to its cross cannot be made smaller.
    fn cancel_refused(&mut self, place: u32) {
        let Some(order) = self.orders.get(place).copied() else { return };
        if self.is_full(order.account) {
            // What changes nothing can be said again and again.
            self.counters.ignored += 1;
            return;
        }
        let answer = CancelReject {
            timestamp: self.time().into(),
            user_ref_num: order.user_ref.into(),
            ..CancelReject::BLANK
        };
        let appendage = on_channel(order.channel);
        self.tell(order.account, &Outbound::CancelReject(&answer, appendage.appendage()));
    }
}
