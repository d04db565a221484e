//! What this binary is: the version, and, of one that `pgo/build` made, from which commit, by which compiler, and how.
//!
//! `pgo/build` tells it by `CORETICK_BUILD_*` while it compiles; a plain build has none of them. BOLT comes after the
//! compiler, so the binary itself is asked: BOLT leaves a section in it.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::sync::LazyLock;

/// What `pgo/build` knows when it compiles, as it is shown.
const TOLD: [(&str, Option<&str>); 5] = [
    ("commit", option_env!("CORETICK_BUILD_COMMIT")),
    ("compiler", option_env!("CORETICK_BUILD_COMPILER")),
    ("level", option_env!("CORETICK_BUILD_LEVEL")),
    ("flags", option_env!("CORETICK_BUILD_FLAGS")),
    ("profile", option_env!("CORETICK_BUILD_PROFILE")),
];

/// The section that BOLT leaves in what it has laid out anew.
const BOLT_SECTION: &str = ".note.bolt_info";

/// Sections' names take less; what says otherwise is not read.
const NAMES_BYTES_MAX: u64 = 1 << 20;

/// The long form of the version, without the program's name.
pub(super) fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| describe(&TOLD, bolted));
    &TEXT
}

/// The text for what was told; `bolted` is asked only of what `pgo/build` made.
fn describe(told: &[(&str, Option<&str>)], bolted: impl FnOnce() -> io::Result<bool>) -> String {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    if told.iter().all(|(_, fact)| fact.is_none()) {
        return text + "\nplain build";
    }
    let bolt = match bolted() {
        Ok(true) => "yes".to_owned(),
        Ok(false) => "no".to_owned(),
        Err(error) => format!("unknown: this binary cannot be read: {error}"),
    };
    let facts = told.iter().map(|(name, fact)| (*name, fact.unwrap_or("unknown")));
    for (name, fact) in facts.chain([("bolt", bolt.as_str())]) {
        text += &format!("\n{name:<9} {fact}");
    }
    text
}

/// Whether BOLT has laid out this binary anew.
fn bolted() -> io::Result<bool> {
    // What runs, also if another file has taken its place by now.
    has_section(&mut File::open("/proc/self/exe")?, BOLT_SECTION)
}

/// Whether a 64-bit little-endian ELF file has a section of this name.
///
/// # Errors
/// The file cannot be read, is another kind of file, or is broken.
fn has_section(file: &mut (impl Read + Seek), name: &str) -> io::Result<bool> {
    let broken = || io::Error::from(ErrorKind::InvalidData);
    let mut header = [0; 64];
    file.read_exact(&mut header)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(broken());
    }
    // Where the table of sections is, the bytes of an entry, and the entry of the section with the names.
    let (table, entry, index) = (long(&header, 0x28), short(&header, 0x3a), short(&header, 0x3e));
    let at = table.checked_add(u64::from(entry) * u64::from(index)).ok_or_else(broken)?;
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut header)?;
    let (at, bytes) = (long(&header, 0x18), long(&header, 0x20));
    if bytes > NAMES_BYTES_MAX {
        return Err(broken());
    }
    file.seek(SeekFrom::Start(at))?;
    let mut names = Vec::new();
    file.take(bytes).read_to_end(&mut names)?;
    Ok(names.split(|byte| *byte == 0).any(|other| other == name.as_bytes()))
}

fn long(header: &[u8; 64], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| header[at + byte]))
}

fn short(header: &[u8; 64], at: usize) -> u16 {
    u16::from_le_bytes(std::array::from_fn(|byte| header[at + byte]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::CommandFactory;
    use std::io::Cursor;

    #[test]
    fn a_plain_build_says_so() {
        let text = describe(&[("commit", None), ("level", None)], || unreachable!());
        assert_eq!(text, concat!(env!("CARGO_PKG_VERSION"), "\nplain build"));
    }

    #[test]
    fn a_build_of_the_pipeline_says_all_that_it_was_told_and_whether_bolt_was_there() {
        let told =
            [("commit", Some("2d973e2 (clean)")), ("level", Some("native")), ("flags", None)];
        let said = |bolted| describe(&told, || bolted);
        let expected = concat!(
            env!("CARGO_PKG_VERSION"),
            "\ncommit    2d973e2 (clean)\nlevel     native\nflags     unknown\nbolt      yes"
        );
        assert_eq!(said(Ok(true)), expected);
        assert!(said(Ok(false)).ends_with("\nbolt      no"));
        assert!(said(Err(ErrorKind::NotFound.into())).contains("\nbolt      unknown: "));
    }

    #[test]
    fn the_long_form_of_the_version_has_it_and_the_short_form_is_one_line() {
        let command = Arguments::command();
        let version = concat!("coretick ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(command.render_version(), version);
        assert_eq!(command.render_long_version(), format!("coretick {}\n", long_version()));
    }

    #[test]
    fn a_section_of_this_binary_is_found_by_its_whole_name_only() {
        let mut this = File::open("/proc/self/exe").unwrap();
        let mut has = |name| {
            this.rewind().unwrap();
            has_section(&mut this, name).unwrap()
        };
        assert!(has(".text"));
        assert!(!has(".tex") && !has("text") && !has(BOLT_SECTION));
        assert!(!bolted().unwrap());
    }

    #[test]
    fn what_is_no_elf_file_or_is_broken_is_refused() {
        let refused = |bytes: &[u8]| has_section(&mut Cursor::new(bytes), ".text").is_err();
        assert!(refused(b""));
        assert!(refused(&[0; 64]));
        let mut broken = [0xff; 128];
        broken[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert!(refused(&broken));
        // The names would begin at 0 and go on for ever.
        broken[6..64].fill(0);
        broken[0x28] = 64;
        broken[64..].fill(0xff);
        assert!(refused(&broken));
    }
}
