//! OUCH messages of both directions out of any bytes: parsing never panics, what parses is written as the bytes it came
//! from or without an empty appendage that need not be there, and options come back as they were read.
//!
//! One target reaches every message: the first two bytes choose a shape and how much of the rest is its appendage.
#![no_main]

use coretick::wire::ouch::{
    Appendage, AppendageBuilder, Error, Inbound, Layout, Outbound, Presence, TAGS, TagError,
    TagValue,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(true, bytes);
    check(false, bytes);
    let [choice, size, rest @ ..] = bytes else { return };
    let (inbound, choice) = (choice & 1 == 0, usize::from(choice >> 1));
    let layouts = if inbound { Inbound::LAYOUTS } else { Outbound::LAYOUTS };
    let layout = layouts[choice % layouts.len()];
    let mut message = vec![0; layout.length];
    let given = rest.len().min(layout.length - 1);
    message[0] = layout.kind;
    message[1..=given].copy_from_slice(&rest[..given]);
    if layout.presence != Presence::Never {
        let options = &rest[given..rest.len().min(given + usize::from(*size))];
        message.extend((options.len() as u16).to_be_bytes());
        message.extend(options);
    }
    assert!(check(inbound, &message), "a shape that is kept is a message");
});

/// Whether `bytes` are a message.
fn check(inbound: bool, bytes: &[u8]) -> bool {
    let mut out = Vec::new();
    let read = if inbound {
        Inbound::parse(bytes).map(|message| {
            message.append(&mut out);
            assert_eq!(Inbound::parse(&out).as_ref(), Ok(&message));
            assert!(!format!("{message:?}").is_empty());
            (message.layout(), message.appendage(), message.length())
        })
    } else {
        Outbound::parse(bytes).map(|message| {
            message.append(&mut out);
            assert_eq!(Outbound::parse(&out).as_ref(), Ok(&message));
            assert!(!format!("{message:?}").is_empty());
            let _ = message.timestamp();
            (message.layout(), message.appendage(), message.length())
        })
    };
    let layouts = if inbound { Inbound::LAYOUTS } else { Outbound::LAYOUTS };
    match read {
        Ok((layout, appendage, length)) => {
            assert_eq!(out.len(), length);
            written(layout, appendage, bytes, &out);
            options(appendage);
            true
        }
        Err(error) => {
            match error {
                Error::Empty => assert!(bytes.is_empty()),
                Error::UnknownType { kind } => assert!(layouts.iter().all(|l| l.kind != kind)),
                Error::WrongLength { kind, expected, found } => {
                    assert!(kind == bytes[0] && found == bytes.len() && expected != found);
                }
                Error::WrongAppendage { kind, stated, found } => {
                    assert!(kind == bytes[0] && stated != found && found + 2 < bytes.len());
                }
            }
            false
        }
    }
}

/// What was read from `bytes` was written as `out`.
fn written(layout: Layout, appendage: Appendage<'_>, bytes: &[u8], out: &[u8]) {
    if layout.presence == Presence::Optional && appendage.is_empty() {
        assert_eq!(out, &bytes[..layout.length]);
        assert!(matches!(&bytes[layout.length..], [] | [0, 0]));
    } else {
        assert_eq!(out, bytes);
    }
}

/// Options are in the bytes where they say they are, and are written as they were read.
fn options(appendage: Appendage<'_>) {
    let bytes = appendage.as_bytes();
    let (mut builder, mut rest) = (AppendageBuilder::new(), bytes);
    for option in appendage.options() {
        // What is passed over has a tag that is not known.
        let skip =
            |rest: &[u8]| TAGS.iter().all(|known| rest.get(1).is_some_and(|t| *t != known.0));
        while rest.len() > 1 && rest[0] > 0 && usize::from(rest[0]) < rest.len() && skip(rest) {
            rest = &rest[1 + usize::from(rest[0])..];
        }
        match option {
            Ok(option) => {
                builder.clear();
                builder.push(option).expect("one option fits");
                if option != TagValue::UserRefIdx(0) {
                    let length = 2 + option.size();
                    assert_eq!(builder.appendage().as_bytes(), &rest[..length]);
                }
                rest = &rest[2 + option.size()..];
            }
            Err(
                TagError::Zero { offset }
                | TagError::Cut { offset, .. }
                | TagError::WrongLength { offset, .. },
            ) => {
                assert_eq!(offset, bytes.len() - rest.len());
                return;
            }
        }
    }
}
