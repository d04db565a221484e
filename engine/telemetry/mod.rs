//! What the engine tells of itself: latencies, and a board of figures that live parts keep for whoever looks. Written to
//! by all, read by none of the stages.
#![forbid(unsafe_code)]

mod board;
mod hgrm;
mod latency;

pub use board::{
    Board, Distribution, FeedFigures, FeedView, Figure, GatewayFigures, GatewayView, Held, LINES,
    LatencyFigures, PositionView, RISK_SLOTS, Rates, RiskFigures, RiskView, STATES, ScopeView,
    Stated, TradingFigures, TradingView, USE_NAMES, USES, Use, View,
};
pub use latency::{Latency, Stamped, Timed, TimedStage};
