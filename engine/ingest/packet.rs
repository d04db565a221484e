//! Where packets end: the last of its messages, for each book shard. In what has no packets, messages of one time are one.
#![forbid(unsafe_code)]

use crate::base::message::{Flags, Market, SHARDS_MAX};

/// The flags that say for which of the `shards` book shards `front` is the last of its packet: those that it goes to and
/// that none of the messages `behind` it, in order, goes to at the same time. `shard_of` is a message's shard, unless the
/// message is for all.
pub fn last_of_packet<'a>(
    front: &Market,
    behind: impl Iterator<Item = &'a Market>,
    shard_of: impl Fn(&Market) -> usize,
    shards: usize,
) -> Flags {
    let all = u8::MAX >> (usize::from(SHARDS_MAX) - shards);
    let goes_to = |message: &Market| {
        if message.is_for_all() { all } else { 1 << shard_of(message) }
    };
    let heard = goes_to(front);
    let mut last = heard;
    for next in behind.take_while(|next| next.head.time == front.head.time) {
        last &= !goes_to(next);
        if last == 0 {
            break;
        }
    }
    if last == heard { Flags::LAST } else { Flags::last_for(last) }
}

/// Sets on the messages of one `packet` the flags that say for which of the `shards` book shards each is its last.
/// `shard_of` is a message's shard, unless the message is for all.
pub(super) fn mark_last(packet: &mut [Market], shard_of: impl Fn(&Market) -> usize, shards: usize) {
    let all = u8::MAX >> (usize::from(SHARDS_MAX) - shards);
    // Shards whose last message is known.
    let mut ended = 0;
    for message in packet.iter_mut().rev() {
        let heard = if message.is_for_all() || shards == 1 { all } else { 1 << shard_of(message) };
        let last = heard & !ended;
        if last != 0 {
            let flag = if last == heard { Flags::LAST } else { Flags::last_for(last) };
            message.head.flags = message.head.flags.with(flag);
        }
        ended |= heard;
        if ended == all {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::message::Kind;
    use crate::base::testing::market;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packet_is_marked_as_messages_of_one_time_are(
            kinds in prop::collection::vec((any::<bool>(), 0..20_u32), 0..60),
            shards in 1..=usize::from(SHARDS_MAX),
        ) {
            let shard_of = |message: &Market| message.head.instrument.index() % shards;
            let kind = |all| if all { Kind::SESSION } else { Kind::ADD };
            let mut packet: Vec<_> =
                kinds.iter().map(|&(all, instrument)| market(7, kind(all), instrument)).collect();
            let expected: Vec<_> = (0..packet.len())
                .map(|at| last_of_packet(&packet[at], packet[at + 1..].iter(), shard_of, shards))
                .collect();
            mark_last(&mut packet, shard_of, shards);
            let found: Vec<_> = packet.iter().map(|message| message.head.flags).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
