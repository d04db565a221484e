//! Streams of this machine's own loopback. Where io_uring is not possible, that is said.

use super::*;
use crate::base::testing::skipped;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;

/// Both ends of a connection, if io_uring is possible here.
fn pair() -> Option<(TcpStream, TcpStream)> {
    if let Err(why) = Multishot::of_stream(2, 4_096) {
        skipped(&why.to_string());
        return None;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    Some((near, listener.accept().unwrap().0))
}

/// What comes next; it does.
fn wait(receive: &mut Multishot) -> Came {
    loop {
        if let Some(came) = receive.ask() {
            return came;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_comes_whole_through_fewer_buffers_than_it_fills() {
    let Some((near, mut far)) = pair() else { return };
    let mut receive = Multishot::of_stream(2, 4_096).unwrap();
    receive.attach(near.as_fd()).unwrap();
    assert_eq!(receive.ask(), None, "nothing waits");
    let sent: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    far.write_all(&sent).unwrap();
    let mut came = Vec::new();
    while came.len() < sent.len() {
        assert_eq!(wait(&mut receive), Came::Bytes);
        came.extend_from_slice(receive.lent());
    }
    assert!(came == sent && receive.exhausted() > 0 && receive.refused() == 0);
    drop(far);
    assert_eq!(wait(&mut receive), Came::End(0));
    assert!(receive.lent().is_empty());
}

#[test]
fn a_send_takes_what_there_is_room_for_and_leaves_nothing_under_way() {
    let Some((near, mut far)) = pair() else { return };
    SockRef::from(&near).set_send_buffer_size(4_096).unwrap();
    let mut sender = Sender::new().unwrap();
    sender.attach(near.as_fd()).unwrap();
    let (mut bytes, mut taken, mut short) = (vec![0; 70_000], 0, false);
    // The bytes are changed as soon as it returns: what was taken is a copy.
    let full = loop {
        bytes.iter_mut().zip(taken..).for_each(|(byte, at)| *byte = (at % 251) as u8);
        let sent = sender.send(&bytes);
        bytes.fill(255);
        match sent {
            Ok(count) => {
                short |= count < bytes.len();
                taken += count;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    assert!(short && taken > 0, "{taken}");
    near.shutdown(Shutdown::Write).unwrap();
    let mut came = Vec::new();
    far.read_to_end(&mut came).unwrap();
    assert_eq!(came.len(), taken);
    assert!(came.iter().zip(0..).all(|(byte, at): (&u8, usize)| usize::from(*byte) == at % 251));
    assert_eq!(sender.send(&[1]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn what_is_detached_has_let_go_of_its_socket() {
    let Some((near, mut far)) = pair() else { return };
    let (mut receive, mut sender) =
        (Multishot::of_stream(2, 4_096).unwrap(), Sender::new().unwrap());
    for socket in [&near, &near] {
        receive.attach(socket.as_fd()).unwrap();
        sender.attach(socket.as_fd()).unwrap();
        assert_eq!(receive.ask(), None);
        assert!(receive.detach() && sender.detach());
    }
    receive.attach(near.as_fd()).unwrap();
    assert_eq!(receive.ask(), None);
    far.write_all(b"not asked for").unwrap();
    assert!(receive.detach());
    assert!(receive.lent().is_empty());
    drop(near);
    // Nobody has the socket any more: else the other end would wait.
    assert!(matches!(far.read(&mut [0; 8]), Ok(0) | Err(_)));
    let Some((near, mut far)) = pair() else { return };
    receive.attach(near.as_fd()).unwrap();
    far.write_all(b"another").unwrap();
    assert_eq!((wait(&mut receive), receive.lent()), (Came::Bytes, &b"another"[..]));
    drop(receive);
    drop(near);
    assert!(matches!(far.read(&mut [0; 8]), Ok(0) | Err(_)));
}

#[test]
fn on_another_thread_they_are_refused_and_can_be_dropped() {
    let Some((near, mut far)) = pair() else { return };
    let (mut receive, mut sender) =
        (Multishot::of_stream(2, 4_096).unwrap(), Sender::new().unwrap());
    receive.attach(near.as_fd()).unwrap();
    let socket = near.try_clone().unwrap();
    let used = std::thread::spawn(move || {
        assert_eq!(receive.ask(), None);
        sender.attach(socket.as_fd()).unwrap();
        assert_eq!(sender.send(b"one").unwrap(), 3);
        (receive, sender)
    });
    let (receive, mut sender) = used.join().unwrap();
    let mut came = [0; 8];
    assert_eq!(far.read(&mut came).unwrap(), 3);
    assert!(sender.send(b"two").is_err(), "no other thread may");
    assert!(sender.send(b"two").is_err() && !sender.detach(), "nor is it sent later");
    drop((receive, sender));
    far.write_all(b"nobody reads").unwrap();
    drop(near);
    let end = far.read(&mut came);
    assert!(matches!(end, Ok(0) | Err(_)), "two was sent: {end:?}");
}

#[test]
fn what_cannot_be_had_is_told_with_what_to_do() {
    for (code, word) in [
        (libc::ENOSYS, "no io_uring"),
        (libc::EPERM, "io_uring_disabled"),
        (libc::EINVAL, "6.1"),
        (libc::ENOMEM, "LimitMEMLOCK"),
    ] {
        let said = UringError::Ring(io::Error::from_raw_os_error(code)).to_string();
        assert!(said.contains(word), "{said}");
    }
    let Some(_) = pair() else { return };
    let nowhere = Poller::Kernel(Sqpoll { cpu: Some(1 << 20) });
    let said = Multishot::of_datagrams(2, 4_096, 0, nowhere).map(drop).unwrap_err().to_string();
    assert!(said.contains("CPU 1048576") && said.contains("name a CPU"), "{said}");
}
