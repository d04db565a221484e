//! What only the kernel can do for a shard: keep its memory, put it on a node, run it before all others. Each is one call,
//! asked for by a key of the configuration; nothing here happens unasked.
//!
//! Who calls says for which thread: memory policy and priority are the calling thread's, locks are the whole process's.
#![allow(unsafe_code)]

use std::io;

/// Nodes that a policy can name.
const NODES: usize = 1024;
const WORD: usize = usize::BITS as usize;
/// `MPOL_BIND` of `linux/mempolicy.h`.
const BIND: i32 = 2;

fn told(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Keeps all memory of the process from being taken away: what is there and what will come. `at_once`: pages are there from
/// when they are asked for, and not from when they are touched.
///
/// # Errors
/// If the limit of locked memory is below what the process holds, and it has no right to go beyond.
pub(super) fn lock_memory(at_once: bool) -> io::Result<()> {
    let all = libc::MCL_CURRENT | libc::MCL_FUTURE;
    let flags = if at_once { all } else { all | libc::MCL_ONFAULT };
    // SAFETY: it takes flags and touches no memory of ours.
    told(i64::from(unsafe { libc::mlockall(flags) }))
}

/// Undoes it.
#[cfg(test)]
fn unlock_memory() -> io::Result<()> {
    // SAFETY: it takes nothing and touches no memory of ours.
    told(i64::from(unsafe { libc::munlockall() }))
}

/// Has the process do without huge pages, or with them.
///
/// # Errors
/// If the kernel does not know how.
pub(super) fn allow_huge_pages(allowed: bool) -> io::Result<()> {
    let off = libc::c_ulong::from(!allowed);
    let none: libc::c_ulong = 0;
    // SAFETY: this option takes a number and touches no memory of ours.
    told(i64::from(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, off, none, none, none) }))
}

/// Has memory that this thread touches first come from `node`, and from nowhere else.
///
/// # Errors
/// If there is no such node, or it lends no memory to this process.
pub(super) fn bind_memory(node: usize) -> io::Result<()> {
    let mut mask = [0_usize; NODES / WORD];
    let word = mask.get_mut(node / WORD).ok_or(io::ErrorKind::InvalidInput)?;
    *word = 1 << (node % WORD);
    // SAFETY: the kernel reads the bits of `mask`, which are NODES; it counts one more than it reads.
    told(unsafe { libc::syscall(libc::SYS_set_mempolicy, BIND, mask.as_ptr(), NODES + 1) })
}

/// The node on which the page of `value` lies.
///
/// # Errors
/// If the kernel does not tell.
#[cfg(test)]
fn node_of<T>(value: &T) -> io::Result<i32> {
    let page = std::ptr::from_ref(value);
    let (mut status, nowhere) = (-1, std::ptr::null::<i32>());
    // SAFETY: without nodes to move to, it moves nothing: it reads one address and writes one number, both of this frame.
    told(unsafe { libc::syscall(libc::SYS_move_pages, 0, 1, &page, nowhere, &mut status, 0) })?;
    if status < 0 { Err(io::Error::from_raw_os_error(-status)) } else { Ok(status) }
}

/// Runs this thread before all others of lower priority: SCHED_FIFO from 1 to 99, 0 for the usual time sharing. Threads that
/// it makes are born to time sharing.
///
/// # Errors
/// If the process has no right to.
pub(super) fn real_time(priority: u32) -> io::Result<()> {
    let policy = if priority == 0 { libc::SCHED_OTHER } else { libc::SCHED_FIFO };
    let priority = i32::try_from(priority).map_err(|_| io::ErrorKind::InvalidInput)?;
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the kernel reads one `sched_param` where the pointer points, which is one; 0 is this thread.
    let done =
        unsafe { libc::sched_setscheduler(0, policy | libc::SCHED_RESET_ON_FORK, &parameters) };
    told(i64::from(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::skipped;
    use std::fs;
    use std::thread;

    /// A line of a thread's or the process's status.
    fn status(path: &str, line: &str) -> String {
        let text = fs::read_to_string(path).unwrap();
        let found = text.lines().find_map(|text| text.strip_prefix(line));
        found.unwrap_or_else(|| panic!("{path} has no {line}")).trim().into()
    }

    /// Whether it was allowed; says so if not.
    fn allowed(done: io::Result<()>) -> bool {
        match done {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                skipped(&format!("not allowed here: {error}"));
                false
            }
            done => {
                done.unwrap();
                true
            }
        }
    }

    #[test]
    fn locked_memory_is_locked_until_it_is_let_go() {
        // Only what is touched from now on: other tests share the process.
        match lock_memory(false) {
            Err(error) => skipped(&format!("memory cannot be locked here: {error}")),
            Ok(()) => {
                assert_ne!(status("/proc/self/status", "VmLck:"), "0 kB");
                unlock_memory().unwrap();
                assert_eq!(status("/proc/self/status", "VmLck:"), "0 kB");
            }
        }
    }

    #[test]
    fn bound_memory_comes_from_its_node_and_from_no_other() {
        // A policy ends with its thread.
        thread::spawn(|| {
            if bind_memory(0).is_err_and(|error| error.raw_os_error() == Some(libc::ENOSYS)) {
                skipped("a kernel without memory nodes");
                return;
            }
            let page = vec![7_u8; 1 << 20];
            assert_eq!(node_of(&page[1 << 19]).unwrap(), 0);
            assert!(bind_memory(1_000).is_err(), "there is no such node");
            assert!(bind_memory(NODES).is_err(), "nor can there be one");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_thread_of_real_time_has_children_of_the_usual_kind() {
        thread::spawn(|| {
            if !allowed(real_time(1)) {
                return;
            }
            // Of the numbers behind the name: priority and policy.
            let mine = || {
                let text = fs::read_to_string("/proc/thread-self/stat").unwrap();
                let numbers: Vec<_> = text.rsplit(')').next().unwrap().split(' ').collect();
                (numbers[38].to_owned(), numbers[39].to_owned())
            };
            assert_eq!(mine(), ("1".into(), "1".into()));
            let child = thread::spawn(mine).join().unwrap();
            assert_eq!(child, ("0".into(), "0".into()));
            real_time(0).unwrap();
            assert_eq!(mine(), ("0".into(), "0".into()));
            assert!(real_time(100).is_err(), "there is no such priority");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_process_can_do_without_huge_pages() {
        if Ok(()) != allow_huge_pages(false).map_err(|error| error.kind()) {
            skipped("this kernel has no switch for huge pages");
            return;
        }
        assert_eq!(status("/proc/self/status", "THP_enabled:"), "0");
        allow_huge_pages(true).unwrap();
        assert_eq!(status("/proc/self/status", "THP_enabled:"), "1");
    }
}
