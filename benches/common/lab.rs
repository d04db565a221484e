//! Where packets go between two programs or threads: a pair of interfaces between two namespaces of `scripts/lab`, or loopback.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;

/// Two namespaces, while it lives.
pub(crate) struct Lab(u32);

impl Lab {
    /// Takes root.
    pub(crate) fn up() -> Option<Self> {
        let id = std::process::id();
        lab("up", id).then_some(Self(id))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        lab("down", self.0);
    }
}

fn lab(command: &str, id: u32) -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab");
    let status = Command::new(script).args([command, &id.to_string()]).status();
    status.is_ok_and(|status| status.success())
}

/// Where sender and reader are.
#[derive(Clone)]
pub(crate) struct Net {
    /// Their namespaces, if they have some.
    namespaces: Option<[String; 2]>,
    pub(crate) sender: Ipv4Addr,
    pub(crate) reader: Ipv4Addr,
    /// In words.
    pub(crate) name: &'static str,
}

impl Net {
    /// Through `lab`; without one, over loopback, where there is no AF_XDP: that is said.
    pub(crate) fn of(lab: Option<&Lab>) -> Self {
        let Some(Lab(id)) = lab else {
            println!("SKIPPED: xdp: no namespaces on this machine");
            let here = Ipv4Addr::LOCALHOST;
            return Self { namespaces: None, sender: here, reader: here, name: "loopback" };
        };
        Self {
            namespaces: Some(["x", "e"].map(|side| format!("ct-{id}-{side}"))),
            sender: Ipv4Addr::new(10, 77, 1, 1),
            reader: Ipv4Addr::new(10, 77, 1, 2),
            name: "a pair of interfaces (veth)",
        }
    }

    /// This thread goes there, to stay, with all that it starts: the sender (0) or the reader (1).
    pub(crate) fn enter(&self, side: usize) {
        let Some(names) = &self.namespaces else { return };
        let file = File::open(format!("/var/run/netns/{}", names[side])).expect("a namespace");
        // SAFETY: a descriptor of a namespace; nothing else is passed.
        let entered = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "a namespace of our own");
    }

    /// A program that will be there.
    pub(crate) fn command(&self, side: usize, program: &str) -> Command {
        let Some(names) = &self.namespaces else { return Command::new(program) };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &names[side], program]);
        command
    }

    /// Whether packets go by interfaces that AF_XDP can read.
    pub(crate) fn has_interfaces(&self) -> bool {
        self.namespaces.is_some()
    }
}
