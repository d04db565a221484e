//! How much a gate takes, and how much comes of one intent.

use super::*;

/// Limits that ask for all that is kept.
fn all_kept() -> LimitSet {
    let mut limits = limits();
    let (value_max, qty_max) = (None, Some(Qty(1)));
    limits.classes[0].level.window = Some(WindowLimit { within: Nanos(1), value_max, qty_max });
    limits.classes[0].order.repeats = Some(RepeatLimit { count: 1, within: Nanos(1) });
    limits
}

#[test]
fn the_memory_that_is_told_is_what_its_tables_take() {
    for limits in [limits(), all_kept()] {
        let (orders_max, instruments) = (300, 7);
        let settings = GateSettings {
            limits: Arc::new(limits),
            orders_max,
            instruments,
            latency_out: OUT,
            portfolio: portfolio::Settings::default(),
            heir: (AccountId(0), StrategyId(0)),
        };
        let told = Gate::bytes(&settings);
        let gate = Gate::new(settings.clone()).with_inbox(LimitsInbox::new());
        let open = gate.beside.len();
        assert_eq!(open, 2 * orders_max, "each may have a replace on its way");
        let by_order = size_of_val(&*gate.beside)
            + Slab::<Open>::bytes(open)
            + IdMap::<u32>::bytes(open)
            + Repeats::bytes(REPEATS);
        let by_instrument = size_of_val(&*gate.stakes)
            + size_of_val(&gate.tallies[SLOTS..])
            + gate.parts.capacity() * size_of::<Part>()
            + (gate.windows.capacity() - SLOTS) * size_of::<Window>()
            + (gate.rules.class_rules.capacity() - 1) * size_of::<ClassRule>()
            + News::bytes(SLOTS + instruments)
            + Portfolio::bytes(&settings.portfolio, instruments);
        assert_eq!(told, [by_order, by_instrument]);
    }
}

#[test]
fn what_comes_of_an_order_fits_into_its_burst() {
    let mut limits = limits();
    limits.classes[0].order.self_trade = Some(SelfTrade::CancelOldest);
    let mut post = Post::with(limits, 10);
    for id in 1..=3 {
        assert_eq!(post.new_order(id, BUY, 10), Code::NONE);
    }
    post.gate.on(&order(4, SELL, 30), &mut post.out, &mut post.back);
    let kinds: Vec<_> = post.out.drain().iter().map(|it| it.intent().head.kind).collect();
    let cancel = Kind::CANCEL_ORDER;
    assert_eq!(kinds, [cancel, cancel, cancel, Kind::NEW]);
    assert_eq!(post.gate.burst().forward, kinds.len());
}

#[test]
fn a_report_that_comes_again_is_counted_and_not_taken_in() {
    let mut post = Post::new(10);
    assert_eq!(post.new_order(1, BUY, 100), Code::NONE);
    let mut fill = fill(1, BUY, 40, 60);
    (fill.head.source, fill.sequence) = (Source::VENUE, 9);
    for _ in 0..3 {
        post.gate.on_report(&fill, &mut post.back);
    }
    assert_eq!(post.gate.counts().repeated_reports, 2);
    assert_eq!(post.stake(), (40, 60, 0));
}

#[test]
fn who_is_not_known_counts_for_the_pace_of_what_is() {
    let mut limits = limits();
    limits.classes[0].level.rate = Some(RateLimit { per_second: 1, burst: 1 });
    for (place, another) in [(0, 1), (1, 0)] {
        let mut post = Post::with(limits.clone(), 10);
        let of = |instrument, id| {
            let mut intent = order(id, BUY, 1);
            intent.head.instrument = InstrumentId(instrument);
            intent
        };
        let stranger = Intent { strategy: StrategyId(77), ..of(place, 1) };
        assert_eq!(post.send(stranger), Code::UNKNOWN_STRATEGY);
        assert_eq!(post.send(of(place, 2)), Code::RATE.at(Level::INSTRUMENT));
        assert_eq!(post.send(of(another, 3)), Code::NONE);
    }
}

#[test]
fn who_finds_no_place_may_not_trade() {
    let mut limits = limits();
    let (account, strategy) = (limits.accounts[0], limits.strategies[0].clone());
    limits.accounts =
        (0..=ACCOUNTS_MAX as u32).map(|id| AccountScope { id: AccountId(id), ..account }).collect();
    let scope =
        |id: u16, account| StrategyScope { id: StrategyId(id), account, ..strategy.clone() };
    let last = AccountId(ACCOUNTS_MAX as u32);
    // One of an account without a place, before as many as there are places and one more.
    limits.strategies = vec![scope(0, last)];
    limits.strategies.extend((1..=1 + STRATEGIES_MAX as u16).map(|id| scope(id, AccountId(0))));
    let mut post = Post::with(limits, 8);
    let of = |id: u16, account| Intent { strategy: StrategyId(id), account, ..order(1, BUY, 1) };
    assert_eq!(post.send(of(0, last)), Code::UNKNOWN_STRATEGY);
    assert_eq!(post.send(of(1 + STRATEGIES_MAX as u16, AccountId(0))), Code::UNKNOWN_STRATEGY);
    assert_eq!(post.send(of(STRATEGIES_MAX as u16, AccountId(0))), Code::NONE);
}
