//! The gate: an order judged, and what becomes of it.

use super::bench;
use super::made::*;
use super::void::Void;
use coretick::base::message::{Intent, Kind, Report};
use coretick::base::stage::Stage;
use coretick::base::unit::*;
use coretick::portfolio::Settings;
use coretick::risk::{Collar, Gate, GateSettings, LimitSet, OrderLimits};
use criterion::Criterion;
use std::sync::Arc;

/// Limits that are on by default; positions are not limited, since each instrument is filled on one side for as long as a
/// bench runs.
pub(crate) fn settings() -> GateSettings {
    let mut limits = LimitSet::open(AccountId(0), StrategyId(0));
    limits.phases.limit = u8::MAX;
    limits.classes[0].order = OrderLimits {
        qty_max: Some(Qty(1_000)),
        notional_max: Some(Money(1_000_000 * i128::from(PRICE_SCALE))),
        collar: Some(Collar { bp: 500, width: Price(0), passive: false }),
        ..OrderLimits::default()
    };
    GateSettings {
        limits: Arc::new(limits),
        orders_max: 2 * BATCH as usize,
        instruments: BATCH as usize,
        latency_out: Nanos(20_000),
        portfolio: Settings::default(),
        heir: (AccountId(0), StrategyId(0)),
    }
}

/// The gate: judging and admitting an order, refusing one, and the reports that end one.
pub(crate) fn all(criterion: &mut Criterion) {
    let intents: Vec<Intent> = (0..BATCH).map(intent).collect();
    let large: Vec<Intent> = intents.iter().map(|it| Intent { qty: Qty(1_001), ..*it }).collect();
    let fills: Vec<Report> = intents.iter().map(|it| report(Kind::FILLED, it)).collect();
    let cancels: Vec<Report> = intents.iter().map(|it| report(Kind::CANCELED, it)).collect();
    let put = |gate: &mut Gate, intents: &[Intent]| {
        intents
            .iter()
            .for_each(|intent| gate.on(intent, &mut Void::default(), &mut Void::default()));
    };
    let tell = |gate: &mut Gate, reports: &[Report]| {
        reports.iter().for_each(|report| gate.on_report(report, &mut Void::default()));
    };
    let new = || Gate::new(settings());
    let mut checked = new();
    put(&mut checked, &intents);
    assert_eq!(checked.open_orders().len(), BATCH as usize, "all are admitted");
    tell(&mut checked, &fills);
    assert_eq!(checked.counts().fills, u64::from(BATCH));
    assert!(checked.open_orders().is_empty() && checked.counts().unknown_reports == 0);

    bench(
        criterion,
        "gate/judge and admit",
        new(),
        |gate| put(gate, &intents),
        |gate| {
            tell(gate, &cancels);
        },
    );
    bench(criterion, "gate/judge and refuse", new(), |gate| put(gate, &large), |_| ());
    for (name, reports) in
        [("gate/report of a fill", &fills), ("gate/report of a cancel", &cancels)]
    {
        let mut gate = new();
        put(&mut gate, &intents);
        bench(criterion, name, gate, |gate| tell(gate, reports), |gate| put(gate, &intents));
    }
    bench(
        criterion,
        "gate/admit and report of a fill",
        new(),
        |gate| {
            put(gate, &intents);
            tell(gate, &fills);
        },
        |_| (),
    );
}
