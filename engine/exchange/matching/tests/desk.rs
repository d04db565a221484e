//! Orders and events in words, for tests by hand.

use super::*;

/// A limit order for symbol 1.
pub(super) fn limit(side: Side, participant: u32, price: u32, shares: u32) -> Enter {
    Enter {
        locate: Locate(1),
        participant: Participant(participant),
        token: 0,
        side,
        terms: Terms {
            limit: Some(Price4(price)),
            shares,
            lasts: Lasts::Day,
            display: Display::Full,
            post_only: false,
            minimum: 0,
        },
        session: CrossSession::Continuous,
        self_match: SelfMatch::Allow,
    }
}

pub(super) fn buy(price: u32, shares: u32) -> Enter {
    limit(Side::BUY, 1, price, shares)
}

pub(super) fn sell(price: u32, shares: u32) -> Enter {
    limit(Side::SELL, 2, price, shares)
}

/// Changes of an order, in the words of those who enter them.
pub(super) trait Change: Sized {
    fn terms(self, change: impl FnOnce(&mut Terms)) -> Self;
    fn hidden(self) -> Self {
        self.terms(|terms| terms.display = Display::Hidden)
    }
    fn reserve(self, part: u32) -> Self {
        self.terms(|terms| terms.display = Display::Reserve(part))
    }
    fn immediate(self) -> Self {
        self.terms(|terms| terms.lasts = Lasts::Immediate)
    }
    fn market(self) -> Self {
        self.terms(|terms| terms.limit = None)
    }
    fn minimum(self, minimum: u32) -> Self {
        self.terms(|terms| terms.minimum = minimum)
    }
    fn post_only(self) -> Self {
        self.terms(|terms| terms.post_only = true)
    }
}

impl Change for Enter {
    fn terms(mut self, change: impl FnOnce(&mut Terms)) -> Self {
        change(&mut self.terms);
        self
    }
}

/// One symbol, open, and what was said since it was last asked.
pub(super) struct Desk {
    pub(super) matching: Matching,
    pub(super) said: Vec<String>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let limits = Limits { symbols: 1, orders: 100, levels: 100, participants: 100 };
        let mut desk = Self { matching: Matching::new(&limits), said: Vec::new() };
        desk.phase(Phase::Open);
        desk.said.clear();
        desk
    }

    pub(super) fn apply(&mut self, command: Command) {
        self.matching.apply(&command, &mut |event| self.said.push(words(&event)));
    }

    pub(super) fn enter(&mut self, enter: Enter) {
        self.apply(Command::Enter(enter));
    }

    pub(super) fn phase(&mut self, phase: Phase) {
        self.apply(Command::SetPhase { locate: Locate(1), phase });
    }

    pub(super) fn reduce(&mut self, order: u64, open: u32) {
        let reason = CancelReason::Requested;
        self.apply(Command::Reduce { order: Reference(order), open, reason });
    }

    pub(super) fn replace(&mut self, order: u64, terms: Terms) {
        self.replace_with(order, terms, SelfMatch::Allow);
    }

    pub(super) fn replace_with(&mut self, order: u64, terms: Terms, self_match: SelfMatch) {
        let order = Reference(order);
        self.apply(Command::Replace(Replace { order, token: 9, terms, self_match }));
    }

    pub(super) fn cross(&mut self, kind: CrossKind, near: u32) {
        self.apply(Command::Cross { locate: Locate(1), kind, near: Price4(near) });
    }

    /// What was said since the last time, but for acceptances.
    #[track_caller]
    pub(super) fn says(&mut self, expected: &[&str]) {
        let said = std::mem::take(&mut self.said);
        let said: Vec<_> = said.iter().filter(|words| !words.starts_with("accepted")).collect();
        assert_eq!(said, expected);
    }
}

fn words(event: &Event) -> String {
    let number = |order: Option<Reference>| order.map_or("-".to_owned(), |o| o.0.to_string());
    match *event {
        Event::Accepted { order, .. } => format!("accepted {}", order.0),
        Event::Rejected { reason, .. } => format!("rejected: {reason:?}"),
        Event::NotLive { order } => format!("{} is not live", order.0),
        Event::Replaced { old, old_displayed, order, kept_on_display, .. } => {
            let how = if kept_on_display { "U" } else { "D" };
            format!("{} replaces {} ({how} {})", order.0, old.0, number(old_displayed))
        }
        Event::Displayed { order, displayed, shares, .. } => {
            format!("{} shows {shares} as {}", order.order.0, displayed.0)
        }
        Event::Executed { resting, incoming, shares, price, .. } => {
            let (new, old) = (incoming.order.0, resting.order.0);
            format!("{new} takes {shares} of {old} at {}", price.0)
        }
        Event::ExecutedInCross { order, shares, price, .. } => {
            format!(
                "{} ({}) crosses {shares} at {}",
                order.order.0,
                number(order.displayed),
                price.0
            )
        }
        Event::Crossed { kind, shares, price, .. } => format!("{kind:?}: {shares} at {}", price.0),
        Event::Canceled { order, shares, displayed_shares, reason } => {
            format!("{} loses {shares} ({displayed_shares}): {reason:?}", order.order.0)
        }
        Event::SelfMatchPrevented { resting, incoming, shares, .. } => {
            format!("{} and {} do not trade {shares}", resting.order.0, incoming.order.0)
        }
        Event::PhaseSet { phase, .. } => format!("{phase:?}"),
        Event::Broken { match_number, .. } => format!("broken {}", match_number.0),
    }
}
