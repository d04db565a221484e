//! A live feed: two lines of MoldUDP64, what they lose asked for again, messages of ITCH out in order.
#![forbid(unsafe_code)]

mod agent;
mod counts;
mod error;
mod settings;

pub use agent::LiveFeed;
pub use counts::{Drops, FeedCounts, FeedState, FirstDrop, Origin, Reason};
pub use error::FeedError;
pub use settings::{LiveSettings, Repair};
