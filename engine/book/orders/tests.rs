//! Pages that come and go, orders that move aside, and references of every pattern.

use super::*;
use crate::book::level::Level;

/// Enters an order that stands alone in its level's queue.
fn enter(orders: &mut Orders, levels: &mut Levels, reference: u64) -> Result<(), Refused> {
    let handle = orders.place(reference, levels)?;
    let level = levels.insert(Level::new(0, 0, 1)).unwrap();
    let at = levels.get_mut(level);
    (at.head, at.tail, at.count) = (handle, handle, 1);
    *orders.slot_mut(handle) = Slot { qty: 1, level, ..Slot::default() };
    Ok(())
}

fn leave(orders: &mut Orders, levels: &mut Levels, reference: u64) {
    let handle = orders.find(reference).unwrap();
    let level = orders.slot(handle).level;
    assert_eq!(
        (levels.get(level).head, levels.get(level).tail),
        (handle, handle),
        "ends follow a move"
    );
    levels.remove(level);
    orders.release(handle, reference);
}

fn pools(limit: usize) -> (Orders, Levels) {
    (Orders::new(limit), Levels::new(limit))
}

#[test]
fn a_page_is_used_again_when_its_last_order_dies() {
    let (mut orders, mut levels) = pools(1000);
    for reference in 0..1_000_000 {
        enter(&mut orders, &mut levels, reference).unwrap();
        if reference >= 700 {
            leave(&mut orders, &mut levels, reference - 700);
        }
    }
    assert_eq!((orders.len(), orders.dense_pages), (700, 7));
    assert!(orders.side.is_empty() && orders.verify());
}

#[test]
fn long_lived_orders_move_aside_before_they_hold_many_pages() {
    let (mut orders, mut levels) = pools(10_000);
    // One of 512 stays for ever, the others for 700 more.
    let stays = |reference: u64| reference % 512 == 77;
    for reference in 0..2_000_000 {
        enter(&mut orders, &mut levels, reference).unwrap();
        if reference >= 700 && !stays(reference - 700) {
            leave(&mut orders, &mut levels, reference - 700);
        }
    }
    assert!(orders.dense_pages <= SLACK + orders.len() / THIN);
    assert!(orders.side.len() > 3000, "{}", orders.side.len());
    assert!(orders.verify());
    assert_eq!(enter(&mut orders, &mut levels, 77), Err(Refused::Taken));
    assert_eq!(enter(&mut orders, &mut levels, 1_999_999), Err(Refused::Taken));
    for reference in (0..2_000_000 - 700).filter(|&reference| stays(reference)) {
        leave(&mut orders, &mut levels, reference);
    }
    assert!(orders.len() == 700 && orders.verify());
}

#[test]
fn every_reference_can_live_wherever_it_lies_and_as_many_as_fit() {
    let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let patterns: [&dyn Fn(u64) -> u64; 6] =
        [&|n| n, &|n| u64::MAX - n, &|n| n * 512, &|n| n * 100_000_007, &spread, &|n| {
            if n % 2 == 0 { n } else { spread(n) }
        }];
    for pattern in patterns {
        let (mut orders, mut levels) = pools(5000);
        for round in 0..3 {
            for n in 0..5000 {
                enter(&mut orders, &mut levels, pattern(n)).unwrap();
            }
            assert_eq!(enter(&mut orders, &mut levels, pattern(5000)), Err(Refused::Full));
            assert_eq!(orders.find(pattern(5000)), None);
            for n in 0..5000 {
                let handle = orders.find(pattern(n)).unwrap();
                assert_eq!(orders.reference(handle), pattern(n));
            }
            assert!(orders.verify(), "round {round}");
            let most = 1 + SLACK + 5000 / THIN + 5000usize.div_ceil(PAGE);
            assert!(orders.live_in.len() <= most, "memory is bounded");
            (0..5000).for_each(|n| leave(&mut orders, &mut levels, pattern(n)));
            assert!(orders.len() == 0 && orders.verify());
        }
    }
}
