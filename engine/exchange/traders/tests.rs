//! Promises of the traders, beside a matching core and sometimes beside clients.

use super::*;
use crate::exchange::matching::{
    CrossSession, Display, Enter, Lasts, RejectReason, SelfMatch, Terms,
};
use proptest::prelude::*;

const CONFIG: TradersConfig = TradersConfig {
    symbols: 20,
    live: 2_000,
    crosses: 5,
    seed: 1,
    participants: Participant(100),
    crash: None,
};

/// A market of the traders alone, or with others.
struct Market {
    config: TradersConfig,
    matching: Matching,
    traders: Traders,
    now: Nanos,
    /// What the core refused.
    refused: Vec<Event>,
}

impl Market {
    fn new(config: TradersConfig) -> Self {
        let mut limits = Traders::limits(&config);
        // One client.
        limits.participants += 1;
        limits.orders += 1_000;
        let mut market = Self {
            config,
            matching: Matching::new(&limits),
            traders: Traders::new(&config),
            now: Nanos(0),
            refused: Vec::new(),
        };
        for locate in 1..=config.symbols {
            market.apply(Command::SetPhase { locate: Locate(locate), phase: Phase::Open });
        }
        market
    }

    fn apply(&mut self, command: Command) {
        self.matching.apply(&command, &mut |event| {
            self.traders.observe(&event);
            if matches!(event, Event::Rejected { .. } | Event::NotLive { .. }) {
                self.refused.push(event);
            }
        });
    }

    fn act(&mut self, actions: u32, mean: Nanos) {
        for _ in 0..actions {
            self.now = self.now.plus(self.traders.gap(mean, self.now));
            if let Some(command) = self.traders.act(&self.matching, self.now) {
                self.apply(command);
            }
        }
    }

    /// Builds the books and opens the market.
    fn open(&mut self) {
        self.act(3 * self.config.live, Nanos(1));
        self.traders.set_hours(Hours::Trading);
    }

    fn orders(&self) -> impl Iterator<Item = Resting> {
        (1..=self.config.symbols).flat_map(|locate| self.matching.displayed(Locate(locate)))
    }

    /// What the traders own is what the core shows of them.
    fn check(&mut self) {
        let shown: Vec<Resting> =
            self.orders().filter(|it| self.traders.knows(it.participant)).collect();
        assert_eq!(self.traders.shown() as usize, shown.len());
        let hidden = self.matching.iter().filter(|it| it.display == Display::Hidden);
        let known = self.traders.hidden.iter().filter(|&&number| number > 0);
        assert_eq!(known.count(), hidden.filter(|it| it.participant.0 >= 100).count());
        for locate in (1..=self.config.symbols).map(Locate) {
            let (count, _) = self.traders.holdings.count(locate);
            let of = shown.iter().filter(|it| it.locate == locate);
            assert_eq!(count as usize, of.count());
            let picked = self.traders.holdings.pick(locate, true, &mut Random::new(1));
            assert!(picked.is_none_or(|(_, number)| self.matching.order(number).is_some()));
        }
    }
}

#[test]
fn traders_know_what_they_own_and_are_never_refused() {
    let mut market = Market::new(CONFIG);
    market.open();
    for round in 0..30u64 {
        market.act(1_000, Nanos(1_000_000));
        market.check();
        let locate = Locate(1 + round as u16 % 20);
        let phase = [Phase::Halted, Phase::Quoting, Phase::Open][round as usize % 3];
        market.apply(Command::SetPhase { locate, phase });
        if round == 20 {
            market.traders.set_hours(Hours::Closing);
        }
    }
    assert!(market.traders.waiting > 0, "some wait for the close");
    for locate in (1..=20).map(Locate) {
        market.apply(Command::SetPhase { locate, phase: Phase::Open });
        let near = Price4(1);
        market.apply(Command::Cross { locate, kind: CrossKind::Closing, near });
    }
    assert_eq!(market.traders.waiting, 0);
    market.check();
    assert_eq!(market.refused, []);
    for command in market.traders.withdraw_unseen() {
        market.apply(command);
    }
    market.check();
    assert_eq!(market.matching.live() as u32, market.traders.shown());
}

#[test]
fn after_the_withdrawal_a_command_shows_one_thing_or_nothing() {
    let mut market = Market::new(CONFIG);
    market.open();
    market.act(20_000, Nanos(1));
    market.traders.set_hours(Hours::Quiet);
    for command in market.traders.withdraw_unseen() {
        market.apply(command);
    }
    for _ in 0..20_000 {
        let Some(command) = market.traders.act(&market.matching, Nanos(0)) else { continue };
        let mut shown = 0;
        market.matching.apply(&command, &mut |event| {
            market.traders.observe(&event);
            shown += match event {
                Event::Displayed { .. } => 1,
                Event::Canceled { displayed_shares, .. } => u32::from(displayed_shares > 0),
                Event::Replaced { old_displayed, kept_on_display, .. } => {
                    u32::from(old_displayed.is_some() && !kept_on_display)
                }
                Event::Executed { .. } | Event::ExecutedInCross { .. } => 2,
                _ => 0,
            };
        });
        assert!(shown <= 1, "{command:?}");
    }
}

#[test]
fn the_mean_gap_is_what_was_asked_for() {
    let mut market = Market::new(CONFIG);
    market.open();
    for mean in [1_000u64, 1_000_000_000] {
        let began = market.now;
        market.act(200_000, Nanos(mean));
        let found = market.now.since(began).0 / 200_000;
        assert!(found.abs_diff(mean) < mean / 10, "{found} instead of {mean}");
    }
    // As fast as it goes: no time at all.
    let began = market.now;
    market.act(1_000, Nanos(0));
    assert_eq!(market.now, began);
}

#[test]
fn nothing_is_done_in_a_closed_symbol() {
    let mut market = Market::new(TradersConfig { symbols: 1, crosses: 1, live: 100, ..CONFIG });
    market.open();
    market.apply(Command::SetPhase { locate: Locate(1), phase: Phase::Closed });
    assert!((0..1_000).all(|_| market.traders.act(&market.matching, Nanos(0)).is_none()));
}

#[test]
fn the_limits_hold_all_that_the_traders_enter() {
    // Books at their fullest: every symbol closed to executions, entries only.
    let mut market = Market::new(TradersConfig { symbols: 3, crosses: 3, live: 30_000, ..CONFIG });
    market.open();
    market.act(100_000, Nanos(1));
    let full =
        |event: &Event| matches!(event, Event::Rejected { reason: RejectReason::NoRoom, .. });
    assert!(!market.refused.iter().any(full));
    assert!(market.traders.shown().abs_diff(30_000) < 1_000, "{}", market.traders.shown());
}

/// What a client does.
fn client() -> impl Strategy<Value = (u16, bool, u32, Option<u32>, bool)> {
    (1u16..=5, any::<bool>(), 1u32..3_000, prop::option::of(1u32..2_000_000), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn clients_do_not_confuse_them(
        seed in any::<u64>(),
        clients in prop::collection::vec(client(), 1..200),
        purged in 0u32..Traders::PARTICIPANTS,
    ) {
        let mut market = Market::new(TradersConfig { symbols: 5, live: 300, seed, ..CONFIG });
        market.open();
        for (token, (locate, buys, shares, limit, rests)) in (0..).zip(clients) {
            market.act(20, Nanos(1_000));
            market.apply(Command::Enter(Enter {
                locate: Locate(locate),
                participant: Participant(1),
                // As one of theirs would look.
                token,
                side: if buys { Side::BUY } else { Side::SELL },
                terms: Terms {
                    limit: limit.map(Price4),
                    shares,
                    lasts: if rests && limit.is_some() { Lasts::Day } else { Lasts::Immediate },
                    display: Display::Full,
                    post_only: false,
                    minimum: 0,
                },
                session: CrossSession::Continuous,
                self_match: SelfMatch::Allow,
            }));
            market.check();
        }
        market.apply(Command::CancelAll {
            participant: Participant(100 + purged),
            locate: None,
            side: None,
            reason: CancelReason::Supervisory,
        });
        market.check();
        market.act(1_000, Nanos(1_000));
        market.check();
        prop_assert_eq!(&market.refused, &[]);
    }
}
