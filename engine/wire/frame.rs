//! Frames: a 2-byte big-endian length, then that many bytes. Nasdaq's daily files are such frames end to end, and so are
//! the message blocks of a MoldUDP64 packet.

/// Bytes of the length before each frame.
pub const PREFIX: usize = 2;
/// The longest frame, without its prefix.
pub const LENGTH_MAX: usize = u16::MAX as usize;

/// The first frame of `bytes` without its prefix, and the bytes after it. `None` if `bytes` hold no whole frame.
#[inline]
pub fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*prefix)))
}

/// Append `frame`, prefixed with its length.
///
/// # Panics
/// If `frame` is longer than [`LENGTH_MAX`]: no protocol of ours has such a message.
pub fn write(frame: &[u8], out: &mut Vec<u8>) {
    assert!(frame.len() <= LENGTH_MAX, "a frame's length is 16 bits");
    out.extend_from_slice(&(frame.len() as u16).to_be_bytes());
    out.extend_from_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_is_its_length_and_its_bytes() {
        let mut out = vec![9];
        write(b"abc", &mut out);
        write(b"", &mut out);
        assert_eq!(out, [9, 0, 3, b'a', b'b', b'c', 0, 0]);
        assert_eq!(split(&out[1..]), Some((&b"abc"[..], &[0, 0][..])));
        assert_eq!(split(&[0, 0]), Some((&[][..], &[][..])));
    }

    #[test]
    fn the_length_is_big_endian() {
        let mut bytes = vec![1, 2];
        bytes.resize(2 + 258, 7);
        assert_eq!(split(&bytes), Some((&bytes[2..], &[][..])));
        assert_eq!(split(&bytes[..259]), None);
    }

    #[test]
    #[should_panic(expected = "16 bits")]
    fn a_frame_too_long_is_a_bug() {
        write(&vec![0; LENGTH_MAX + 1], &mut Vec::new());
    }

    proptest! {
        #[test]
        fn frames_come_back_and_a_cut_frame_does_not(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            frames.iter().for_each(|frame| write(frame, &mut bytes));
            let cut = cut.index(bytes.len() + 1);
            let (mut rest, mut found) = (&bytes[..cut], 0);
            while let Some((frame, after)) = split(rest) {
                prop_assert_eq!(frame, &frames[found][..]);
                (rest, found) = (after, found + 1);
            }
            let whole = |count: usize| frames[..count].iter().map(|f| f.len() + PREFIX).sum::<usize>();
            prop_assert_eq!(cut - rest.len(), whole(found));
            prop_assert!(found == frames.len() || cut < whole(found + 1));
        }
    }
}
