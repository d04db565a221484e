//! Background traders and the exchange's operator, beside a matching core.

use super::counted;
use coretick::base::unit::Nanos;
use coretick::exchange::matching::{Command, CrossKind, Event, Matching, Phase};
use coretick::exchange::operator::{HALT, Operator};
use coretick::exchange::traders::{Hours, Traders, TradersConfig};
use coretick::exchange::unit::{Locate, Participant, Price4};

const CONFIG: TradersConfig = TradersConfig {
    symbols: 50,
    live: 5_000,
    crosses: 10,
    seed: 1,
    participants: Participant(1),
    crash: None,
};

#[test]
fn traders_and_the_operator_take_a_day_without_the_allocator() {
    let mut matching = Matching::new(&Traders::limits(&CONFIG));
    let (mut traders, mut operator) = (Traders::new(&CONFIG), Operator::new(4, HALT));
    let (counts, calls) = counted(|| {
        let mut now = Nanos(0);
        let [mut traded, mut crossed, mut halted] = [0_u64; 3];
        let mut apply = |command: Command,
                         traders: &mut Traders,
                         operator: &mut Operator,
                         matching: &mut Matching| {
            matching.apply(&command, &mut |event| {
                traders.observe(&event);
                operator.observe(&event);
                match event {
                    Event::Executed { .. } => traded += 1,
                    Event::ExecutedInCross { .. } => crossed += 1,
                    Event::PhaseSet { phase: Phase::Halted, .. } => halted += 1,
                    _ => {}
                }
            });
        };
        for locate in 1..=CONFIG.symbols {
            let open = Command::SetPhase { locate: Locate(locate), phase: Phase::Open };
            apply(open, &mut traders, &mut operator, &mut matching);
        }
        for (hours, actions) in [
            (Hours::Building, 15_000),
            (Hours::Opening, 1_000),
            (Hours::Trading, 200_000),
            (Hours::Closing, 10_000),
            (Hours::Quiet, 1_000),
        ] {
            traders.set_hours(hours);
            for action in 0..actions {
                now = now.plus(traders.gap(Nanos(100_000_000), now));
                let operators = match action % 4_000 {
                    7 => operator.halt(traders.draw_symbol(), &matching, now),
                    8 => operator.break_last(),
                    _ => operator.resume(&matching, now, false, |_| true),
                };
                let command = operators.or_else(|| traders.act(&matching, now));
                if let Some(command) = command {
                    apply(command, &mut traders, &mut operator, &mut matching);
                }
            }
            let kind = match hours {
                Hours::Opening => CrossKind::Opening,
                _ => CrossKind::Closing,
            };
            if matches!(hours, Hours::Opening | Hours::Closing) {
                for locate in (1..=CONFIG.symbols).map(Locate) {
                    let cross = Command::Cross { locate, kind, near: Price4(1) };
                    apply(cross, &mut traders, &mut operator, &mut matching);
                }
            }
        }
        for command in traders.withdraw_unseen() {
            apply(command, &mut traders, &mut operator, &mut matching);
        }
        [traded, crossed, halted]
    });
    assert_eq!(calls, 0);
    assert!(
        counts.iter().zip([5_000, 100, 10]).all(|(&count, least)| count >= least),
        "{counts:?}"
    );
}
