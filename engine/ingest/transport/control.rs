//! What the kernel says beside a datagram (control messages of `recvmsg`), where it is had as bytes.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;

/// Bytes of a control message's header: length (8), level (4), type (4).
const HEADER: usize = 16;
/// Control messages begin at multiples of this.
const ALIGN: usize = 8;

/// What was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// When the kernel got the datagram, by the system's clock.
    pub(super) kernel: Option<Nanos>,
    /// Datagrams that it dropped so far because its buffer was full: a count of 32 bits that goes around.
    pub(super) drops: Option<u32>,
}

impl Control {
    /// Reads control messages; what is not known is passed over, and so is what is cut short.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut rest = bytes;
        while let Some((header, _)) = rest.split_at_checked(HEADER) {
            let length = number(header, 0) as usize;
            let (level, kind) = (word(header, 8), word(header, 12));
            let Some(data) = rest.get(HEADER..length) else { return found };
            if level == libc::SOL_SOCKET as u32 {
                match i32::from_ne_bytes(kind.to_ne_bytes()) {
                    libc::SCM_TIMESTAMPNS if data.len() >= 16 => {
                        let seconds = number(data, 0).checked_mul(1_000_000_000);
                        found.kernel =
                            seconds.and_then(|nanos| nanos.checked_add(number(data, 8))).map(Nanos);
                    }
                    libc::SO_RXQ_OVFL if data.len() >= 4 => found.drops = Some(word(data, 0)),
                    _ => {}
                }
            }
            rest = rest.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
        }
        found
    }
}

/// The eight bytes at `at`, which are there.
fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// The four bytes at `at`, which are there.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        bytes
    }

    fn time(seconds: u64, nanos: u64) -> Vec<u8> {
        let data = [seconds.to_ne_bytes(), nanos.to_ne_bytes()].concat();
        message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &data)
    }

    fn drops(count: u32) -> Vec<u8> {
        message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &count.to_ne_bytes())
    }

    #[test]
    fn time_and_drops_are_read_in_any_order_among_others() {
        let said = Control { kernel: Some(Nanos(3_000_000_007)), drops: Some(9) };
        let other = message(libc::SOL_IP, 8, &[1; 12]);
        for parts in [[time(3, 7), other.clone(), drops(9)], [drops(9), time(3, 7), other]] {
            assert_eq!(Control::parse(&parts.concat()), said);
        }
        assert_eq!(Control::parse(&[]), Control::default());
        assert_eq!(Control::parse(&time(u64::MAX, 0)).kernel, None, "more than time has");
    }

    #[test]
    fn what_is_cut_short_ends_it() {
        let whole = [drops(4), time(1, 1)].concat();
        for length in 0..whole.len() {
            let said = Control::parse(&whole[..length]);
            assert_eq!((said.drops.is_some(), said.kernel), (length >= 20, None), "{length}");
        }
        // A length of nothing does not turn for ever.
        assert_eq!(Control::parse(&[0; 64]), Control::default());
    }
}
