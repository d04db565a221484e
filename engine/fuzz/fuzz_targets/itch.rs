//! ITCH messages out of any bytes: parsing never panics, and what parses is written as the bytes it came from.
//!
//! One target reaches every message: the first byte chooses a type, and the rest, cut or filled up to the length of that
//! type, is parsed as such a message. The bytes are also parsed as they are.
#![no_main]

use coretick::wire::itch::{self, Error};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let kind = itch::KINDS[usize::from(choice) % itch::KINDS.len()];
    let length = itch::length(kind).expect("a type has a length");
    let mut message = vec![0; length];
    let given = rest.len().min(length - 1);
    message[0] = kind;
    message[1..=given].copy_from_slice(&rest[..given]);
    assert!(check(&message), "a type byte and the right length are a message");
});

/// Whether `bytes` are a message.
fn check(bytes: &[u8]) -> bool {
    match itch::parse(bytes) {
        Ok(message) => {
            assert_eq!(message.as_bytes(), bytes);
            assert_eq!(message.head().timestamp.nanos(), itch::frame_time(bytes));
            assert_eq!(itch::length(bytes[0]), Some(bytes.len()));
            assert!(!format!("{message:?}").is_empty());
            true
        }
        Err(Error::Empty) => {
            assert!(bytes.is_empty());
            false
        }
        Err(Error::UnknownType { kind }) => {
            assert!(itch::length(kind).is_none());
            false
        }
        Err(Error::WrongLength { kind, expected, found }) => {
            assert!(itch::length(kind) == Some(expected) && found != expected);
            false
        }
    }
}
