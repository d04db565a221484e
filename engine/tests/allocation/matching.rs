//! The exchange's matching core, with pools that are large enough and with pools that are not.

use super::{BYTES, counted};
use coretick::base::unit::Side;
use coretick::exchange::matching::{
    CancelReason, Command, CrossKind, CrossSession, Display, Enter, Event, Lasts, Limits, Matching,
    Phase, Replace, SelfMatch, Terms,
};
use coretick::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// Commands of all kinds about a few symbols; most name orders that are or were there.
fn commands(count: u64) -> Vec<Command> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut below = move |n: u64| rng.next_u64() % n;
    let mut all = Vec::new();
    for n in 0..count {
        let locate = Locate(1 + below(4) as u16);
        let participant = Participant(below(50) as u32);
        let order = Reference(n.saturating_sub(below(4_000)));
        let display = match below(8) {
            0 => Display::Hidden,
            1 => Display::Reserve(10),
            _ => Display::Full,
        };
        let terms = Terms {
            limit: (below(40) > 0).then(|| Price4(10_000 + below(400) as u32)),
            shares: 100,
            lasts: if below(6) == 0 { Lasts::Immediate } else { Lasts::Day },
            display,
            post_only: below(20) == 0,
            minimum: if display == Display::Hidden { below(100) as u32 } else { 0 },
        };
        let side = if below(2) == 0 { Side::BUY } else { Side::SELL };
        let session = match below(30) {
            0 => CrossSession::Opening,
            1 => CrossSession::Closing,
            _ => CrossSession::Continuous,
        };
        let self_match = match below(4) {
            0 => SelfMatch::Allow,
            1 => SelfMatch::CancelResting,
            2 => SelfMatch::CancelIncoming,
            _ => SelfMatch::DecrementBoth,
        };
        let reason = CancelReason::Requested;
        all.push(match below(1_000) {
            0..600 => Command::Enter(Enter {
                locate,
                participant,
                token: n,
                side,
                terms,
                session,
                self_match,
            }),
            600..700 => Command::Replace(Replace { order, token: n, terms, self_match }),
            700..950 => Command::Reduce { order, open: below(100) as u32, reason },
            950..952 => Command::CancelAll { participant, locate: None, side: None, reason },
            952..980 if n % 5 > 0 => Command::SetPhase { locate, phase: Phase::Open },
            952..980 => Command::SetPhase { locate, phase: Phase::Quoting },
            980..985 => {
                let kind = if n < count / 2 { CrossKind::Halt } else { CrossKind::Closing };
                Command::Cross { locate, kind, near: Price4(10_000) }
            }
            _ => Command::Break { match_number: MatchNumber(1), locate },
        });
    }
    all
}

#[test]
fn matching_takes_commands_of_all_kinds_without_the_allocator() {
    let commands = commands(200_000);
    let roomy = Limits { symbols: 4, orders: 100_000, levels: 4_000, participants: 50 };
    // Too small for them: to run out takes no memory either.
    let tight = Limits { orders: 500, levels: 100, participants: 20, ..roomy };
    for limits in [roomy, tight] {
        let before = BYTES.get();
        let mut matching = Matching::new(&limits);
        assert_eq!(BYTES.get() - before, Matching::bytes(&limits), "what it says it takes");
        let (counts, calls) = counted(|| {
            let [mut traded, mut crossed, mut refilled, mut read] = [0_u64; 4];
            for command in &commands {
                matching.apply(command, &mut |event| match event {
                    Event::Executed { .. } => traded += 1,
                    Event::ExecutedInCross { .. } => crossed += 1,
                    Event::Displayed { refill, .. } => refilled += u64::from(refill),
                    _ => {}
                });
                if let Command::Cross { locate, kind, .. } = *command {
                    read += matching.imbalance(locate, kind).paired;
                    read += matching.displayed(locate).count() as u64;
                    read += matching.best(locate, Side::BUY).map_or(0, |(_, shares)| shares);
                    read += matching.iter().count() as u64;
                }
            }
            [traded, crossed, refilled, read]
        });
        assert_eq!(calls, 0, "{limits:?}");
        assert!(counts.iter().all(|&count| count > 100), "{counts:?}");
    }
}
