//! What the engine tells of itself: latencies, a board of figures that live parts keep for whoever looks, and events in words.
//! Written to by all, read by none of the stages.
#![forbid(unsafe_code)]

mod board;
mod events;
mod hgrm;
mod hiccup;
mod latency;

pub use board::{
    Board, Distribution, FeedFigures, FeedView, Figure, GatewayFigures, GatewayView, Held, LINES,
    LatencyFigures, PositionView, RISK_SLOTS, Rates, RiskFigures, RiskView, STATES, ScopeView,
    Stated, TradingFigures, TradingView, USE_NAMES, USES, Use, View,
};
pub use events::{EventCounts, EventLog, Names};
pub use hiccup::{Gap, Hiccups, WORST};
pub use latency::{Latency, Stamped, Timed, TimedStage};
