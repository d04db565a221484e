//! What does each operation of the hot path cost alone, with what it touches in the cache?
//!
//! An operation is timed in batches of 256, one for each of as many instruments; what takes it back is not timed. So each
//! batch meets the same state, and there is nothing in the figure but the operation, its loop, and 256th parts of
//! reading the clock. A whole day costs more: its messages come mixed, and its books outgrow the cache (`replay` has that).
//!
//! Names are `group/operation`; `page` holds them against what they were specified with.

mod book;
mod gate;
mod logging;
mod made;
mod market_data;
mod messaging;
mod orders;
mod portfolio;
#[path = "../common/void.rs"]
mod void;
mod way;

use coretick::base::clock::Clock;
use criterion::Criterion;
use made::BATCH;
use std::hint::black_box;
use std::time::Duration;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Times `work` over a state, in batches; `undo` is not timed.
pub(crate) fn bench<S>(
    criterion: &mut Criterion,
    name: &str,
    mut state: S,
    mut work: impl FnMut(&mut S),
    mut undo: impl FnMut(&mut S),
) {
    let clock = Clock::calibrated();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|wanted| {
            let batches = wanted.div_ceil(u64::from(BATCH));
            let mut ticks = 0;
            for _ in 0..batches {
                let began = clock.ticks();
                work(&mut state);
                ticks += clock.ticks() - began;
                undo(&mut state);
            }
            // Of the operations asked for, their share of those that ran.
            let ran = u128::from(batches) * u128::from(BATCH);
            let nanos = u128::from(clock.nanos(ticks)) * u128::from(wanted) / ran;
            Duration::from_nanos(nanos as u64)
        });
    });
}

/// The least that 256 messages of a cache line each can cost: to be read, a word of each.
fn floor(criterion: &mut Criterion) {
    let lines = vec![[1_u64; 8]; BATCH as usize];
    let read = |lines: &mut Vec<[u64; 8]>| {
        black_box(lines.iter().fold(0, |sum, line| sum ^ black_box(line)[0]));
    };
    bench(criterion, "floor/read a line", lines, read, |_| ());
}

fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    for group in [
        floor,
        market_data::all,
        book::all,
        way::all,
        orders::all,
        gate::all,
        portfolio::all,
        messaging::all,
        logging::all,
    ] {
        group(&mut criterion);
    }
    criterion.final_summary();
}
