//! Each way over this machine's own loopback, held to the same promises. Where one is not possible, that is said.

use super::*;
use crate::base::testing::skipped;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{fs, thread};

/// Turns until it is so.
fn until<T>(mut turn: impl FnMut() -> Option<T>) -> T {
    for _ in 0..10_000_000 {
        if let Some(done) = turn() {
            return done;
        }
        thread::yield_now();
    }
    panic!("it never came");
}

/// A connection's both ends.
struct Ends {
    near: Connection,
    far: TcpStream,
    listener: TcpListener,
}

impl Ends {
    fn of(mut near: Connection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(near.state(), State::Closed);
        let far = connect(&mut near, &listener);
        Self { near, far, listener }
    }

    /// What is written until there is no room.
    fn fill(&mut self, from: usize) -> usize {
        let mut taken = from;
        loop {
            let bytes = numbered(taken, 10_000);
            match self.near.write(&bytes).unwrap() {
                0 => return taken,
                count => taken += count,
            }
        }
    }

    /// What comes next.
    fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut space = vec![0; most];
        until(|| match self.near.read(&mut space) {
            Ok(None) => None,
            Ok(Some(count)) => Some(Ok(space[..count].to_vec())),
            Err(error) => Some(Err(error)),
        })
    }
}

/// Makes it stand.
fn connect(near: &mut Connection, listener: &TcpListener) -> TcpStream {
    near.dial(listener.local_addr().unwrap()).unwrap();
    assert_eq!(near.state(), State::Connecting);
    let far = listener.accept().unwrap().0;
    until(|| near.stands().unwrap().then_some(()));
    assert_eq!(near.state(), State::Open);
    far
}

/// Bytes of a stream in which each says where it stands.
fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|at| (at % 251) as u8).collect()
}

fn each(test: impl Fn(Connection)) {
    for transport in [Transport::Socket, Transport::Uring] {
        match Connection::open(transport, false) {
            Ok((connection, why)) => {
                assert!(why.is_none() && connection.transport() == transport);
                test(connection);
            }
            Err(why) => skipped(&why.to_string()),
        }
    }
}

#[test]
fn what_comes_in_pieces_is_read_whole_into_whatever_room_there_is() {
    each(|near| {
        let mut ends = Ends::of(near);
        assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None, "nothing waits");
        let sent = numbered(0, 300_000);
        let mut far = ends.far.try_clone().unwrap();
        let bytes = sent.clone();
        let writer = thread::spawn(move || {
            let (mut rest, mut piece) = (&bytes[..], 1);
            while !rest.is_empty() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                far.write_all(now).unwrap();
                (rest, piece) = (later, piece * 3 % 20_011 + 1);
            }
        });
        let (mut came, mut room) = (Vec::new(), 1);
        while came.len() < sent.len() {
            came.extend(ends.read(room).unwrap());
            room = room * 7 % 9_001 + 1;
        }
        writer.join().unwrap();
        assert!(came == sent);
        assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
    });
}

#[test]
fn a_peer_that_does_not_read_is_written_to_as_far_as_there_is_room_and_then_further() {
    each(|near| {
        let mut ends = Ends::of(near);
        SockRef::from(ends.near.stream()).set_send_buffer_size(4_096).unwrap();
        let full = ends.fill(0);
        assert_eq!(ends.near.write(b"?").unwrap(), 0, "and it is no error");
        assert_eq!(ends.near.state(), State::Open);
        let (mut came, mut space) = (Vec::new(), vec![0; 1 << 20]);
        while came.len() < full {
            let count = ends.far.read(&mut space).unwrap();
            came.extend_from_slice(&space[..count]);
        }
        assert!(came.len() == full && came == numbered(0, full));
        let more = until(|| Some(ends.fill(full)).filter(|more| *more > full));
        ends.near.close();
        let mut rest = Vec::new();
        ends.far.read_to_end(&mut rest).unwrap();
        assert!(
            rest == numbered(full, more - full),
            "what was taken is delivered, and nothing else"
        );
    });
}

#[test]
fn the_end_of_the_stream_comes_behind_its_last_byte() {
    each(|near| {
        let mut ends = Ends::of(near);
        ends.far.write_all(b"goodbye").unwrap();
        ends.far.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(ends.read(3).unwrap(), b"goo");
        assert_eq!(ends.read(64).unwrap(), b"dbye");
        assert_eq!(ends.read(64).unwrap(), b"");
        assert_eq!(ends.near.write(b"heard").unwrap(), 5, "its other half goes on");
        ends.near.close();
        assert_eq!(ends.near.state(), State::Closed);
        let mut heard = Vec::new();
        ends.far.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"heard");
    });
}

#[test]
fn a_connection_that_is_reset_is_an_error_to_reader_and_writer() {
    each(|near| {
        let mut ends = Ends::of(near);
        SockRef::from(&ends.far).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        let Ends { near, far, listener } = ends;
        drop(far);
        ends = Ends {
            near,
            far: TcpStream::connect(listener.local_addr().unwrap()).unwrap(),
            listener,
        };
        assert_eq!(ends.read(8).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let broken = until(|| ends.near.write(b"more").err());
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        ends.near.close();
        let unwanted = ends.listener.accept().unwrap();
        let mut far = connect(&mut ends.near, &ends.listener);
        drop(unwanted);
        far.write_all(b"anew").unwrap();
        assert_eq!(ends.read(8).unwrap(), b"anew");
    });
}

#[test]
fn a_venue_that_is_not_there_is_an_error_and_can_be_dialled_again() {
    each(|mut near| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = match near.dial(address) {
            Ok(()) => until(|| near.stands().err()),
            Err(error) => error,
        };
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        near.close();
        assert!(!near.has_news());
        assert_eq!((near.write(b"?").unwrap(), near.read(&mut [0]).unwrap()), (0, None));
        let mut ends = Ends::of(near);
        ends.far.write_all(b"there").unwrap();
        assert_eq!(ends.read(8).unwrap(), b"there");
    });
}

#[test]
fn however_often_it_is_dialled_no_descriptor_is_left_behind() {
    let count = || fs::read_dir("/proc/self/fd").unwrap().count();
    each(|near| {
        let mut ends = Ends::of(near);
        let before = count();
        for round in 0..500 {
            ends.near.close();
            assert_eq!(ends.far.read(&mut [0; 8]).unwrap_or(0), 0, "it hears of the end");
            ends.far = connect(&mut ends.near, &ends.listener);
            // Bytes are on their way, both ways, when it is closed.
            assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
            ends.far.write_all(&numbered(round, 100)).unwrap();
            if round % 3 == 0 {
                assert_eq!(ends.read(64).unwrap(), numbered(round, 64));
            }
        }
        // Other tests have some at the same time.
        assert!(count() < before + 250, "{before} before, {} after", count());
        ends.near.close();
        let mut last = connect(&mut ends.near, &ends.listener);
        assert_eq!(ends.near.write(b"only this").unwrap(), 9);
        let mut heard = [0; 16];
        assert_eq!((last.read(&mut heard).unwrap(), &heard[..9]), (9, &b"only this"[..]));
        assert_eq!(
            ends.near.read(&mut [0; 8]).unwrap(),
            None,
            "of the connections before nothing comes"
        );
    });
}

#[test]
fn it_can_be_dropped_as_it_stands_here_or_elsewhere() {
    each(|near| {
        let mut ends = Ends::of(near);
        assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
        ends.far.write_all(b"on its way").unwrap();
        let Ends { near, mut far, .. } = ends;
        drop(near);
        assert_eq!(far.read(&mut [0; 8]).unwrap_or(0), 0);
    });
    each(|near| {
        // As with a shard: it turns on a thread of its own, and is dropped by another when that has ended.
        let turned = thread::spawn(move || {
            let mut ends = Ends::of(near);
            assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
            ends
        });
        let mut ends = turned.join().unwrap();
        ends.far.write_all(b"on its way").unwrap();
        let Ends { near, mut far, .. } = ends;
        drop(near);
        assert_eq!(far.read(&mut [0; 8]).unwrap_or(0), 0);
        let _ = far.write_all(&numbered(0, 10_000));
    });
    each(|mut near| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        near.dial(listener.local_addr().unwrap()).unwrap();
        drop(near);
    });
}

#[test]
fn by_io_uring_it_is_known_without_a_call_whether_something_came() {
    each(|near| {
        let mut ends = Ends::of(near);
        assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
        assert!(!ends.near.has_news());
        if ends.near.transport() == Transport::Socket {
            return;
        }
        ends.far.write_all(b"0123456789").unwrap();
        until(|| ends.near.has_news().then_some(()));
        assert_eq!(ends.read(8).unwrap(), b"01234567");
        assert!(ends.near.has_news(), "the rest is there");
        assert_eq!(ends.read(8).unwrap(), b"89");
        assert_eq!(ends.near.read(&mut [0; 8]).unwrap(), None);
        assert!(!ends.near.has_news());
    });
}

#[test]
fn rings_that_cannot_be_made_anew_are_done_without_only_where_that_was_allowed() {
    for fallback in [true, false] {
        let mut near = match Connection::open(Transport::Uring, fallback) {
            Ok((near, None)) => near,
            Ok((_, Some(why))) | Err(why) => return skipped(&why.to_string()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        drop(connect(&mut near, &listener));
        near.close();
        let Way::Uring(rings) = &mut near.way else { panic!("as it was opened") };
        rings.lose_rings();
        near.dial(listener.local_addr().unwrap()).unwrap();
        let mut far = listener.accept().unwrap().0;
        let stands = until(|| near.stands().map(|stands| stands.then_some(())).transpose());
        if !fallback {
            let why = stands.unwrap_err().to_string();
            assert!(why.contains("transport = \"uring\" is not possible here"), "{why}");
            assert_eq!((near.transport(), near.fell_back().is_none()), (Transport::Uring, true));
            near.close();
            continue;
        }
        stands.unwrap();
        assert_eq!((near.transport(), near.state()), (Transport::Socket, State::Open));
        let why = near.fell_back().unwrap().to_string();
        assert!(why.contains("LimitMEMLOCK"), "{why}");
        assert_eq!(near.read(&mut [0; 8]).unwrap(), None, "it does not wait");
        assert_eq!(near.write(b"by calls").unwrap(), 8);
        let mut came = [0; 8];
        far.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"by calls");
        let mut ends = Ends { near, far, listener };
        ends.far.write_all(b"both ways").unwrap();
        assert_eq!(ends.read(16).unwrap(), b"both ways");
        // And so it stays.
        ends.near.close();
        drop(connect(&mut ends.near, &ends.listener));
        assert_eq!(ends.near.transport(), Transport::Socket);
    }
}

#[test]
fn why_not_is_told_with_the_key() {
    let why = io::Error::from_raw_os_error(libc::EPERM);
    let said = ConnectionError(UringError::Ring(why)).to_string();
    assert!(said.contains("transport = \"uring\"") && said.contains("io_uring_disabled"), "{said}");
}
