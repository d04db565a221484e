//! What the gate tells of itself: states, warnings, counts, and whose order it was.

use super::*;

const ACCOUNT: AccountId = AccountId(5);
const STRATEGY: StrategyId = StrategyId(7);

/// One strategy of one account, each with a name of its own.
fn named() -> LimitSet {
    LimitSet { phases: limits().phases, ..LimitSet::open(ACCOUNT, STRATEGY) }
}

fn by_name(intent: Intent) -> Intent {
    Intent { account: ACCOUNT, strategy: STRATEGY, ..intent }
}

/// Commands, and takes what comes of it.
fn command(post: &mut Post, command: Intent) -> Vec<Order> {
    post.gate.on(&command, &mut post.out, &mut post.back);
    let out = resume(post, 100).concat();
    assert!(post.came_back().is_empty(), "a command is followed, not answered");
    out
}

#[test]
fn a_scope_that_was_killed_is_told_by_its_own_name() {
    let whom = [
        (Level::FIRM, AccountId(0), StrategyId(0)),
        (Level::ACCOUNT, ACCOUNT, StrategyId(0)),
        (Level::STRATEGY, AccountId(0), STRATEGY),
        (Level::INSTRUMENT, AccountId(0), StrategyId(0)),
    ];
    for (level, account, strategy) in whom {
        let (post, board) = (Post::with(named(), 8), Board::new(3, &[], &[]));
        let mut post = Post { gate: post.gate.shown_on(board.clone()), ..post };
        assert_eq!(post.send(by_name(order(1, BUY, 10))), Code::NONE);
        let mut kill = Intent { level, account, strategy, ..intent(Kind::KILL) };
        let of_instrument = level == Level::INSTRUMENT;
        kill.head.instrument = if of_instrument { InstrumentId(0) } else { InstrumentId::NONE };
        let out = command(&mut post, kill);
        let cancel = out[0].intent();
        assert_eq!(
            (cancel.target, cancel.account, cancel.strategy),
            (OrderId(1), ACCOUNT, STRATEGY)
        );
        let told = post.news.remove(0);
        assert_eq!(told.head.kind, Kind::LATCHED);
        assert_eq!((told.account, told.strategy), (account, strategy));
        assert_eq!(told.head.instrument, kill.head.instrument);
        let shown = board.view(Nanos(0)).risk;
        let state = match of_instrument {
            true => shown.instruments.first().map(|(_, state)| *state),
            false => shown.scopes.iter().find(|it| it.level == level).map(|it| it.state),
        };
        assert_eq!(state, Some(TradingState::KILLED), "at once, not at the next tick");
        assert_eq!(told.code, Code::KILLED.at(level).0);
        assert_eq!(post.send(by_name(order(2, BUY, 10))), Code::KILLED.at(level));
    }
}

#[test]
fn a_killed_scope_is_told_to_be_flat_once_when_its_last_order_is_gone() {
    let mut post = Post::new(8);
    for id in [1, 2] {
        assert_eq!(post.new_order(id, BUY, 10), Code::NONE);
    }
    command(&mut post, Intent { level: Level::FIRM, ..intent(Kind::KILL) });
    let flat = |post: &Post| {
        let flat = post.news.iter().filter(|it| it.head.kind == Kind::FLAT);
        flat.map(|it| (it.code, it.value)).collect::<Vec<_>>()
    };
    post.tell(canceled(1, 10));
    assert_eq!(flat(&post), []);
    let killed_at = post.gate.now;
    let mut last = canceled(2, 10);
    last.head.time = killed_at.plus(Nanos(700));
    post.tell(last);
    assert_eq!(flat(&post), [(Code::KILLED.at(Level::FIRM).0, 700)]);
    post.tell(canceled(2, 10));
    assert_eq!(flat(&post).len(), 1);
}

#[test]
fn commands_to_nobody_and_limits_that_are_not_there_are_counted() {
    let mut post = Post::with(named(), 8);
    let stranger = Intent { level: Level::STRATEGY, ..intent(Kind::KILL) };
    for (at, kind) in [Kind::KILL, Kind::RESUME, Kind::CANCEL_ALL].into_iter().enumerate() {
        let mut intent = Intent { strategy: StrategyId(99), ..stranger };
        intent.head.kind = kind;
        command(&mut post, intent);
        assert_eq!(post.gate.counts().unknown_commands, at as u64 + 1);
    }
    command(&mut post, Intent { qty: Qty(3), ..intent(Kind::LIMITS) });
    assert_eq!(post.gate.counts().unknown_commands, 4);
    command(&mut post, intent(Kind::RESUME));
    assert_eq!(post.gate.counts().unknown_commands, 4, "the firm is always known");
}

#[test]
fn orders_that_pass_look_at_every_limit_of_every_scope_in_turn() {
    let most = Some(Money(i128::from(u64::MAX)));
    let some = LevelLimits {
        gross_max: most,
        net_max: most,
        credit_max: most,
        window: Some(WindowLimit {
            within: Nanos(u64::MAX >> 1),
            value_max: most,
            qty_max: Some(Qty(1_000)),
        }),
        open_orders_max: Some(1_000),
        ..LevelLimits::default()
    };
    let mut limits = limits();
    limits.firm = some;
    limits.accounts[0].limits = some;
    limits.strategies[0].limits = some;
    limits.classes[0].level = some;
    let mut post = Post::with(limits, 2_000);
    // From the half on: not before, and within one round of all.
    for id in 1..500 {
        assert_eq!(post.new_order(id, BUY, 1), Code::NONE);
    }
    assert!(post.news.is_empty(), "{:?}", post.news);
    for id in 500..500 + 4 * Use::COUNT as u64 {
        assert_eq!(post.new_order(id, BUY, 1), Code::NONE);
    }
    // Told two at a time.
    post.tell(canceled(1, 1));
    let levels = [Level::FIRM, Level::ACCOUNT, Level::STRATEGY, Level::INSTRUMENT];
    for code in [Code::WINDOW_QTY, Code::OPEN_ORDERS] {
        let told = |level: &Level| post.news.iter().any(|it| it.code == code.at(*level).0);
        assert!(levels.iter().all(told), "{} of {:?}", code.name(), post.news);
    }
    assert!(post.news.iter().all(|it| (it.head.kind, it.value) == (Kind::ALERT, 50)));
}

#[test]
fn a_tick_warns_of_each_limit_of_each_wide_scope() {
    let mut limits = limits();
    let most = Some(Money(150 * i128::from(PRICE_SCALE)));
    let some = LevelLimits { gross_max: most, net_max: most, ..LevelLimits::default() };
    (limits.firm, limits.accounts[0].limits, limits.strategies[0].limits) = (some, some, some);
    let mut post = Post::with(limits, 8);
    let mut first = order(1, BUY, 1);
    first.price = Price(100 * PRICE_SCALE);
    assert_eq!(post.send(first), Code::NONE);
    let mut tick = intent(Kind::MARK);
    tick.head.instrument = InstrumentId::NONE;
    for _ in 0..2 {
        post.gate.on(&tick, &mut post.out, &mut post.back);
        post.came_back();
        post.tell(report(Kind::ACCEPTED, 1, BUY));
    }
    for code in [Code::GROSS, Code::NET] {
        for level in [Level::FIRM, Level::ACCOUNT, Level::STRATEGY] {
            let told = post.news.iter().filter(|it| it.code == code.at(level).0);
            let told: Vec<_> = told.map(|it| (it.head.kind, it.value)).collect();
            assert_eq!(told, [(Kind::ALERT, 50)], "{} {level}: {:?}", code.name(), post.news);
        }
    }
}

#[test]
fn an_answer_in_time_is_no_failure_and_one_a_nanosecond_late_is() {
    for (took, code) in [(1_000, Code::NONE), (1_001, Code::BREAKER)] {
        let mut limits = limits();
        limits.firm.breaker = Some(BreakerLimit {
            failures: 1,
            within: Nanos(1),
            pause: Nanos(1_000_000),
            trials: 1,
            answer_within: Nanos(1_000),
        });
        let mut post = Post::with(limits, 8);
        let first = order(1, BUY, 10);
        assert_eq!(post.send(first), Code::NONE);
        let mut answer = report(Kind::ACCEPTED, 1, BUY);
        answer.head.time = first.head.time.plus(Nanos(took));
        post.tell(answer);
        let mut next = order(2, BUY, 10);
        next.head.time = answer.head.time;
        assert_eq!(post.send(next), code);
    }
}

#[test]
fn a_child_that_is_refused_is_told_with_its_parent() {
    let mut post = Post::new(8);
    let child = Intent { parent: OrderId(9), ..order(1, BUY, 10) };
    post.gate.on(&child, &mut post.out, &mut post.back);
    let back = post.came_back();
    assert!(back.iter().all(|it| it.code == Code::PARENT.0 && it.parent == OrderId(9)));
    assert_eq!(back.len(), 2);
}

#[test]
fn only_instruments_that_were_touched_are_among_the_scopes() {
    let mut post = Post::new(8);
    let instruments = |post: &Post| {
        let scopes = post.gate.uses().filter(|it| it.level == Level::INSTRUMENT);
        scopes.map(|it| it.id).collect::<Vec<_>>()
    };
    assert!(instruments(&post).is_empty());
    assert_eq!(post.gate.uses().count(), 3, "firm, account, strategy");
    post.new_order(1, BUY, 10);
    assert_eq!(instruments(&post), [0]);
    assert_eq!(post.gate.lost_news(), 0);
}
