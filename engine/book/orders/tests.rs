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
    orders.release(handle, reference, levels);
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
    assert_eq!((orders.len(), orders.own_frames), (700, 7));
    assert!(orders.bundles.len() == 1 && orders.verify());
}

#[test]
fn long_lived_orders_are_bundled_before_they_hold_many_frames() {
    let (mut orders, mut levels) = pools(10_000);
    // One of 512 stays for ever, the others for 700 more.
    let stays = |reference: u64| reference % 512 == 77;
    for reference in 0..2_000_000 {
        enter(&mut orders, &mut levels, reference).unwrap();
        if reference >= 700 && !stays(reference - 700) {
            leave(&mut orders, &mut levels, reference - 700);
        }
    }
    assert!(orders.own_frames <= SLACK + orders.len() / THIN);
    // One to a page: their own slots, and a frame in which the last of them are.
    let shared = orders.live_in.iter().filter(|&&live| live >= SHARED).count();
    assert!(orders.bundles.len() > 3000 && shared <= 1 + orders.len() / PAGE, "{shared} frames");
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
            assert!(orders.live_in.len() <= 2 * SLACK + 5000 * 4 / PAGE, "memory is bounded");
            (0..5000).for_each(|n| leave(&mut orders, &mut levels, pattern(n)));
            assert!(orders.len() == 0 && orders.verify());
        }
    }
}

/// Orders in as many pages as may be thin, one each, and the last of them far from page 0.
fn crowded() -> (Orders, Levels) {
    let (mut orders, mut levels) = pools(100_000);
    let mut reference = FAR;
    while !orders.crowded() {
        enter(&mut orders, &mut levels, reference).unwrap();
        reference += PAGE as u64;
    }
    (orders, levels)
}

/// The first of their references.
const FAR: u64 = 1 << 20;

#[test]
fn a_bundle_takes_back_what_died_and_becomes_a_frame_when_its_page_fills() {
    let (mut orders, mut levels) = crowded();
    let moved: Vec<bool> = (0..PAGE as u64)
        .map(|reference| {
            enter(&mut orders, &mut levels, reference).unwrap();
            assert!(orders.verify());
            orders.moved(0)
        })
        .collect();
    let bundled = usize::from(BUNDLE_MAX);
    assert_eq!(moved.iter().filter(|moved| **moved).count(), bundled);
    assert!(moved[..bundled].iter().all(|moved| *moved), "then it has a frame");

    let (mut orders, mut levels) = crowded();
    (0..20).for_each(|reference| enter(&mut orders, &mut levels, reference * 3).unwrap());
    let block = |orders: &Orders| orders.bundle(orders.entry(0)).size();
    assert_eq!(block(&orders), 32);
    for left in (0..20).rev() {
        leave(&mut orders, &mut levels, left * 3);
        assert_eq!(enter(&mut orders, &mut levels, FAR), Err(Refused::Taken));
        assert!(orders.verify() && (left == 0 || block(&orders) < 4 * left as usize));
        if left % 5 == 4 {
            // One that died comes back, to the slot that it had or to a new one.
            enter(&mut orders, &mut levels, left * 3).unwrap();
            assert!(orders.verify());
            leave(&mut orders, &mut levels, left * 3);
        }
    }
    assert_eq!(orders.entry(0), NONE);
}
