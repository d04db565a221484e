//! What the exchange tells everybody.
//!
//! ```text
//! event ─► Tape ─► message ─┬─► Store ─► Rerequests: one packet for each request
//!                           └─► Publisher ─► packets of lines A and B
//! state of the book, Tape, next sequence ─► Snapshot ─► messages for one who comes late
//! ```
//!
//! Nothing here knows a socket or a clock: times are handed in, bytes go out through the caller's function. A message's
//! sequence is its place in the session, from 1; [`Feed`] keeps store and publisher at the same one.

mod feed;
mod publisher;
mod rerequest;
mod snapshot;
mod store;
mod tape;

#[cfg(test)]
mod core_tests;
#[cfg(test)]
mod tests;

pub use feed::{Feed, FeedConfig};
pub use publisher::{Cut, Line, LineCounts, Publisher, PublisherConfig, PublisherError};
pub use rerequest::{RerequestCounts, Rerequests};
pub use snapshot::{Cursor, SNAPSHOT_END, Snapshot, snapshot_end};
pub use store::{Range, Store, StoreLimits};
pub use tape::{Listing, Tape, TapeConfig};

pub use crate::wire::mold::Session;
