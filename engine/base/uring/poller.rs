//! Who receives for a ring: the thread that asks, or one of the kernel's.
#![forbid(unsafe_code)]

use super::{Multishot, NO_FILE, UringError};
use io_uring::IoUring;
use std::os::fd::AsRawFd;

/// Milliseconds without work until the kernel's thread sleeps.
const IDLE_MS: u32 = 1_000;

/// A thread of the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sqpoll {
    /// The only CPU that it may run on. Without, it is born with the CPUs of the thread that makes the ring: beside a shard that
    /// is pinned, on the shard's own.
    pub cpu: Option<usize>,
}

/// Who receives for a ring.
#[derive(Clone, Copy)]
pub enum Poller<'a> {
    /// The thread that asks.
    Asker,
    /// A thread of the kernel's, born with this ring.
    Kernel(Sqpoll),
    /// Whoever receives for that one: two threads of the kernel's on one CPU would take turns, milliseconds each.
    SameAs(&'a Multishot),
}

impl Poller<'_> {
    /// Whether it is a thread of the kernel's.
    pub(super) fn is_kernels(self) -> bool {
        match self {
            Self::Asker => false,
            Self::Kernel(_) => true,
            Self::SameAs(other) => other.sqpoll,
        }
    }
}

/// A ring that nobody's thread has yet, for so many requests and completions at a time, with room for one file.
pub(super) fn ring(
    requests: u32,
    completions: u32,
    poller: Poller<'_>,
) -> Result<IoUring, UringError> {
    let mut builder = IoUring::builder();
    builder.setup_r_disabled().setup_cqsize(completions);
    if poller.is_kernels() {
        builder.setup_sqpoll(IDLE_MS);
    } else {
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
    }
    match poller {
        Poller::Kernel(Sqpoll { cpu: Some(cpu) }) => {
            builder.setup_sqpoll_cpu(u32::try_from(cpu).unwrap_or(u32::MAX));
        }
        Poller::SameAs(other) if other.sqpoll => {
            builder.setup_attach_wq(other.ring.as_raw_fd());
        }
        _ => {}
    }
    let ring = builder.build(requests).map_err(|error| match poller {
        Poller::Kernel(Sqpoll { cpu: Some(cpu) }) => UringError::Thread { cpu, error },
        _ => UringError::Ring(error),
    })?;
    ring.submitter().register_files(&[NO_FILE]).map_err(UringError::Register)?;
    Ok(ring)
}
