//! What is held at one level and not at another.

use super::*;

#[test]
fn what_adds_to_an_accounts_position_is_held_to_its_limits_whatever_all_together_hold() {
    let account = |id, limits| AccountScope { id: AccountId(id), limits };
    let strategy = |id, account| StrategyScope {
        id: StrategyId(id),
        account: AccountId(account),
        limits: LevelLimits::default(),
        instruments: vec![],
    };
    // As much as is traded before, and no more.
    let gross_max = Some(Money(i128::from(cents(1000).0) * 250));
    let limits = LimitSet {
        accounts: vec![
            account(1, LevelLimits { gross_max, ..LevelLimits::default() }),
            account(2, LevelLimits::default()),
        ],
        strategies: vec![strategy(1, 1), strategy(2, 1), strategy(3, 2)],
        ..limits()
    };
    let mut post = Post::with(limits, 8);
    let by = |strategy: u16, order: Intent| Intent {
        strategy: StrategyId(strategy),
        account: AccountId(if strategy == 3 { 2 } else { 1 }),
        ..order
    };
    for (id, strategy, side, qty) in [(1, 1, BUY, 100), (2, 2, SELL, 150), (3, 3, BUY, 200)] {
        assert_eq!(post.send(by(strategy, order(id, side, qty))), Code::NONE);
        post.tell(fill(id, side, qty, 0));
    }
    assert_eq!(post.stake(), (150, 0, 0));
    let (reduces_both, adds_to_account) = (by(3, order(4, SELL, 50)), by(1, order(5, SELL, 100)));
    assert_eq!(post.send(adds_to_account), Code::GROSS.at(Level::ACCOUNT));
    assert_eq!(post.send(reduces_both), Code::NONE);
}
