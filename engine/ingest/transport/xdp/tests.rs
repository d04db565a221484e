//! What can be told without a card: headers, interfaces, words. Lines over a pair of interfaces are in `engine/tests/lab`.

use super::*;
use crate::ingest::transport::line::Transport;
use crate::wire::udp::Route;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);

fn frame(payload: &[u8]) -> Vec<u8> {
    let route = Route { mac: [2; 6], from: [10, 0, 0, 1], group: GROUP.octets(), port: 26_400 };
    let mut bytes = Vec::new();
    route.write(1, payload, &mut bytes);
    bytes
}

fn settings(line: &str, interface: Ipv4Addr) -> LineSettings {
    LineSettings {
        transport: Transport::Xdp,
        fallback: false,
        lines: [None, Some(line.parse().unwrap())],
        interfaces: [interface; 2],
        receive_buffer: 100 * FRAME,
        sqpoll: None,
    }
}

#[test]
fn a_datagram_is_found_behind_its_headers_and_what_is_not_whole_is_none() {
    let whole = frame(b"payload");
    let to = Target { address: GROUP, port: 26_400 };
    assert_eq!(datagram(&whole), Some((to, 7)));
    assert_eq!(&whole[HEADERS..], b"payload");
    // Ethernet pads short frames.
    let padded = [&whole[..], &[0; 20]].concat();
    assert_eq!(datagram(&padded), Some((to, 7)));
    for length in 0..whole.len() {
        assert_eq!(datagram(&whole[..length]), None, "{length} bytes");
    }
    // Version, options, UDP's length.
    for (at, byte) in [(14, 0x65), (14, 0x46), (38, 0xff), (39, 7)] {
        let mut frame = whole.clone();
        frame[at] = byte;
        assert_eq!(datagram(&frame), None, "byte {at}");
    }
}

#[test]
fn where_it_is_not_possible_is_told_with_what_to_do() {
    let why = |line, interface| {
        let settings = settings(line, interface);
        let opened = XdpLines::open(&settings).map(drop).unwrap_err().to_string();
        assert!(probe(&settings).is_err());
        opened
    };
    let here = why("239.255.0.1:26400", Ipv4Addr::LOCALHOST);
    assert!(
        here.contains("lo is the loopback interface") && here.contains("feed.interface"),
        "{here}"
    );
    let nowhere = why("239.255.0.1:26400", Ipv4Addr::new(192, 0, 2, 77));
    assert!(nowhere.contains("192.0.2.77") && nowhere.contains("ip -br addr"), "{nowhere}");
    let v6 = why("[::1]:26400", Ipv4Addr::LOCALHOST);
    assert!(v6.contains("IPv6"), "{v6}");
    for (step, code, word) in [
        (XdpStep::Map, libc::EPERM, "setcap"),
        (XdpStep::Socket, libc::EPERM, "root"),
        (XdpStep::Rings, libc::ENOBUFS, "LimitMEMLOCK"),
        (XdpStep::Socket, libc::EAFNOSUPPORT, "CONFIG_XDP_SOCKETS"),
        (XdpStep::Attach, libc::EINVAL, "5.9"),
    ] {
        let error = io::Error::from_raw_os_error(code);
        let said = XdpError::System { step, interface: "eth7".into(), error, log: String::new() };
        let said = said.to_string();
        assert!(said.contains(word) && said.contains("eth7"), "{said}");
    }
}

#[test]
fn frames_are_a_power_of_two_within_what_was_asked_for() {
    let mut settings = settings("239.255.0.1:26400", Ipv4Addr::LOCALHOST);
    assert_eq!(frames(&settings), 64);
    settings.receive_buffer = 8 << 20;
    assert_eq!(frames(&settings), 2_048);
    settings.receive_buffer = 0;
    assert_eq!(frames(&settings), 64);
    settings.receive_buffer = usize::MAX;
    assert_eq!(frames(&settings), 1 << 18);
}

/// A queue of frames that are all the same, at the place of their number.
struct Same<'a> {
    bytes: &'a [u8],
    left: usize,
    given: usize,
}

impl Frames for Same<'_> {
    fn take(&mut self) -> Option<Frame> {
        self.left = self.left.checked_sub(1)?;
        Some(Frame::at(0, self.bytes.len()))
    }

    fn bytes(&self, _: &Frame) -> &[u8] {
        self.bytes
    }

    fn give(&mut self, _: Frame) {
        self.given += 1;
    }
}

#[test]
fn frames_that_are_not_the_lines_that_is_asked_keep_it_for_so_many_only() {
    let line = |port: u16| {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let aside = LineSocket::open(address, Ipv4Addr::LOCALHOST, 4_096).unwrap();
        let target = Target { address: GROUP, port };
        Some(XdpLine { target, port: 0, aside, waiting: VecDeque::new(), idle: 0, left: 0 })
    };
    let mut lines = [line(26_400), line(26_401)];
    let most = LOOK_MAX as usize;
    let mut strange = 0;
    // Of no line: the last byte of its port is another's.
    let mut bytes = frame(b"payload");
    bytes[37] ^= 7;
    let mut queue = Same { bytes: &bytes, left: most + 10, given: 0 };
    let looked = sort(&mut queue, &mut lines, (0, 3), 0, &mut strange);
    assert!(matches!(looked, Sorted::Others));
    assert_eq!((strange, queue.given, queue.left), (most as u64, most, 10));
    assert!(matches!(sort(&mut queue, &mut lines, (0, 3), 0, &mut strange), Sorted::Empty));
    assert_eq!((strange, queue.given), (most as u64 + 10, most + 10));
    // Of the line that is not asked: they wait for it, and are not given back.
    let bytes = frame(b"payload");
    let mut queue = Same { bytes: &bytes, left: most + 1, given: 0 };
    assert!(matches!(sort(&mut queue, &mut lines, (0, 3), 1, &mut strange), Sorted::Others));
    let waiting = &lines[0].as_ref().unwrap().waiting;
    assert_eq!((waiting.len(), queue.left, queue.given), (most, 1, 0));
    assert!(waiting.iter().all(|(place, _)| *place == 3));
    // Its own comes at once.
    assert!(matches!(sort(&mut queue, &mut lines, (0, 3), 0, &mut strange), Sorted::Ours(_)));
}
