//! A password: where it comes from, and that it goes nowhere but into a login.
//!
//! It comes from an environment variable, or from a file that nobody but its owner can read. The type has no `Debug` and
//! no `Display`, so it cannot be printed by accident: not in a log, not in a panic. Errors name the place, never the
//! content.
#![forbid(unsafe_code)]

use super::Password;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The permissions of group and others: none of them may be set.
const OTHERS: u32 = 0o077;
/// Bytes that are read of a file: more than any password has, so that one that is too long is seen to be.
const READ_MAX: u64 = 256;

/// A password.
#[derive(Clone, Copy)]
pub struct Secret(Password);

/// Why there is no password.
#[derive(Debug)]
pub enum SecretError {
    /// The environment variable is not set.
    NotSet {
        /// Its name.
        variable: String,
    },
    /// The file cannot be read.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file can be read or changed by others than its owner.
    Open {
        /// Its path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What was found there cannot be a password.
    Form {
        /// The variable or the file.
        place: String,
    },
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet { variable } => {
                write!(f, "the environment variable {variable} is not set: it holds the password")
            }
            Self::Unreadable { path, error } => {
                write!(f, "the password file {}: {error}", path.display())
            }
            Self::Open { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "the password file {path} is open to others (mode {mode:04o}): `chmod 600 {path}`"
                )
            }
            Self::Form { place } => {
                write!(f, "{place}: a password is 1 to 10 printable ASCII characters on one line")
            }
        }
    }
}

impl std::error::Error for SecretError {}

impl Secret {
    /// `text` as a password; `place` is where it comes from.
    ///
    /// # Errors
    /// If it is empty, too long, or not printable ASCII.
    pub fn new(text: &str, place: &str) -> Result<Self, SecretError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        match Password::new(text) {
            Ok(password) if !password.is_blank() => Ok(Self(password)),
            _ => Err(SecretError::Form { place: place.to_owned() }),
        }
    }

    /// The content of an environment variable.
    ///
    /// # Errors
    /// If it is not set, or not a password.
    pub fn from_env(variable: &str) -> Result<Self, SecretError> {
        let place = format!("the environment variable {variable}");
        match std::env::var(variable) {
            Ok(text) => Self::new(&text, &place),
            Err(std::env::VarError::NotPresent) => {
                Err(SecretError::NotSet { variable: variable.to_owned() })
            }
            Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::Form { place }),
        }
    }

    /// The content of a file that only its owner can read or write. A line's end after it does not count.
    ///
    /// # Errors
    /// If it cannot be read, is open to others, or holds no password.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let unreadable = |error| SecretError::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        // Of the open file, not of the path: it is what will be read.
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            return Err(SecretError::Open { path: path.to_owned(), mode });
        }
        let mut text = Vec::new();
        file.take(READ_MAX).read_to_end(&mut text).map_err(unreadable)?;
        let place = format!("the password file {}", path.display());
        let text = std::str::from_utf8(&text);
        Self::new(text.map_err(|_| SecretError::Form { place: place.clone() })?, &place)
    }

    /// What a login says.
    pub const fn password(&self) -> Password {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(mode: u32, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn error(read: Result<Secret, SecretError>) -> String {
        read.err().map(|error| error.to_string()).unwrap()
    }

    #[test]
    fn a_file_for_its_owner_alone_is_read() {
        for mode in [0o600, 0o400] {
            let (_folder, path) = file(mode, "swordfish\n");
            let secret = Secret::from_file(&path).ok().unwrap();
            assert_eq!(secret.password().trimmed(), b"swordfish");
        }
    }

    #[test]
    fn a_file_open_to_others_is_refused_with_what_to_do() {
        for mode in [0o640, 0o604, 0o622, 0o660] {
            let (_folder, path) = file(mode, "swordfish\n");
            let said = error(Secret::from_file(&path));
            assert!(said.contains(&format!("`chmod 600 {}`", path.display())), "{said}");
            assert!(said.contains(&format!("mode {mode:04o}")) && !said.contains("swordfish"));
        }
    }

    #[test]
    fn what_is_no_password_is_refused_without_showing_it() {
        for text in ["", "\n", "   ", "eleven char", "tab\tin", "two\nlines", "ümlaut"] {
            let (_folder, path) = file(0o600, text);
            let said = error(Secret::from_file(&path));
            assert!(said.contains("1 to 10 printable ASCII"), "{said}");
            assert!(text.trim().is_empty() || !said.contains(text));
        }
        let (folder, _) = file(0o600, "x");
        assert!(error(Secret::from_file(&folder.path().join("none"))).contains("none"));
        assert!(error(Secret::from_env("CORETICK_NO_SUCH_VARIABLE")).contains("is not set"));
    }
}
