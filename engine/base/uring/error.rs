//! Why io_uring is not possible, and what to do.
#![forbid(unsafe_code)]

use std::{error, fmt, io};

/// Why io_uring is not possible.
#[derive(Debug)]
pub enum UringError {
    /// There are no rings to be had.
    Ring(io::Error),
    /// There are none with a thread of the kernel's on that CPU.
    Thread {
        /// The CPU.
        cpu: usize,
        /// What the system said.
        error: io::Error,
    },
    /// The ring does not take files or buffers.
    Register(io::Error),
}

impl fmt::Display for UringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, error) = match self {
            Self::Thread { cpu, error } if error.raw_os_error() == Some(libc::EINVAL) => {
                return write!(
                    f,
                    "io_uring did not give its rings: {error}; no thread of the kernel's may run on CPU {cpu}, or the kernel is \
                     older than 6.1: name a CPU that is on and that this process may use"
                );
            }
            Self::Ring(error) | Self::Thread { error, .. } => ("its rings", error),
            Self::Register(error) => ("its buffers", error),
        };
        let advice = match error.raw_os_error() {
            Some(libc::ENOSYS) => "the kernel has no io_uring",
            Some(libc::EPERM | libc::EACCES) => {
                "it is forbidden: set the sysctl kernel.io_uring_disabled to 0, or have the container's seccomp profile allow it"
            }
            Some(libc::EINVAL) => "the kernel is older than 6.1, the first that has all it takes",
            Some(libc::ENOMEM) => {
                "too little memory may be locked: raise the limit (`ulimit -l`, LimitMEMLOCK= of a systemd unit)"
            }
            _ => "see what the system says",
        };
        write!(f, "io_uring did not give {step}: {error}; {advice}")
    }
}

impl error::Error for UringError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        let (Self::Ring(error) | Self::Thread { error, .. } | Self::Register(error)) = self;
        Some(error)
    }
}
