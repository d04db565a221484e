//! Lines of this machine's own loopback, read by io_uring. Where it is not possible, that is said.

use super::*;
use crate::base::clock::Wall;
use crate::base::unit::Nanos;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A line with so many buffers, if it is possible here, and somebody who sends to it.
fn line(
    buffers: u16,
    receive_buffer: usize,
    sqpoll: Option<Sqpoll>,
) -> Option<(UringLine, UdpSocket)> {
    if let Err(why) = probe(sqpoll) {
        crate::base::testing::skipped(&why.to_string());
        return None;
    }
    let at = (HERE, 0).into();
    let poller = sqpoll.map_or(Poller::Asker, Poller::Kernel);
    let line = UringLine::with_buffers(at, HERE, receive_buffer, poller, buffers).unwrap();
    let from = UdpSocket::bind((HERE, 0)).unwrap();
    from.connect(line.address().unwrap()).unwrap();
    Some((line, from))
}

const SECOND: Nanos = Nanos(1_000_000_000);
/// What is sure to come does so within this, on the busiest machine.
const LONG: Nanos = Nanos(30 * SECOND.0);

/// What comes.
fn wait(line: &mut UringLine) -> Option<(Vec<u8>, Option<Nanos>)> {
    within(LONG, line)
}

fn within(time: Nanos, line: &mut UringLine) -> Option<(Vec<u8>, Option<Nanos>)> {
    let wall = Wall::set();
    let end = wall.now().plus(time);
    while wall.now() < end {
        if let Some(Received { bytes, kernel }) = line.receive() {
            return Some((bytes.to_vec(), kernel));
        }
    }
    None
}

#[test]
fn datagrams_come_in_order_with_the_kernels_time() {
    for sqpoll in [None, Some(Sqpoll::default())] {
        let Some((mut line, from)) = line(BUFFERS, 1 << 20, sqpoll) else { return };
        from.send(b"before anybody asked").unwrap();
        let first = wait(&mut line).unwrap();
        assert_eq!(first.0, b"before anybody asked");
        let now = Wall::set().now();
        assert!(first.1.is_some_and(|time| now.0.abs_diff(time.0) < LONG.0), "{first:?}");
        assert!(line.receive().is_none(), "nothing waits");
        for round in 0..50_u32 {
            for number in 0..100 {
                from.send(&(100 * round + number).to_le_bytes()).unwrap();
            }
            for number in 0..100 {
                let (bytes, kernel) = wait(&mut line).unwrap();
                assert_eq!(bytes, (100 * round + number).to_le_bytes());
                assert!(kernel.is_some());
            }
        }
        assert_eq!((line.drops(), line.errors()), (0, 0));
    }
}

#[test]
fn buffers_that_run_out_lose_nothing() {
    let Some((mut line, from)) = line(4, 1 << 20, None) else { return };
    assert!(line.receive().is_none());
    for number in 0..200_u32 {
        from.send(&number.to_le_bytes()).unwrap();
    }
    for number in 0..200_u32 {
        let came = wait(&mut line).unwrap().0;
        assert_eq!(came, number.to_le_bytes());
    }
    assert!(within(SECOND, &mut line).is_none());
    assert!(line.exhausted() > 0, "four buffers were enough");
    assert_eq!((line.drops(), line.errors()), (0, 0));
}

#[test]
fn a_datagram_stays_as_it_is_until_the_next_is_asked_for() {
    let Some((mut line, from)) = line(2, 1 << 20, None) else { return };
    for number in 0..64_u8 {
        from.send(&[number; 1_000]).unwrap();
    }
    for number in 0..64_u8 {
        let received = line.receive().unwrap();
        // Others come meanwhile, and there is but one more buffer.
        from.send(&[255; 1_000]).unwrap();
        assert_eq!(received.bytes, [number; 1_000]);
    }
}

#[test]
fn the_longest_and_the_shortest_datagram_come_whole() {
    let Some((mut line, from)) = line(BUFFERS, 1 << 20, None) else { return };
    let longest: Vec<u8> = (0..65_507_u32).map(|byte| byte as u8).collect();
    for bytes in [&longest[..], &[], &longest[..1], &[], &[], &longest[..9_000], &longest] {
        from.send(bytes).unwrap();
        let came = wait(&mut line).unwrap();
        assert!(came.0 == bytes && came.1.is_some(), "{} bytes of {}", came.0.len(), bytes.len());
    }
    assert_eq!((line.drops(), line.errors()), (0, 0));
}

#[test]
fn what_the_kernel_drops_is_told_with_a_later_datagram() {
    let Some((mut line, from)) = line(2, 4_096, None) else { return };
    assert!(line.receive().is_none());
    for _ in 0..500 {
        from.send(&[7; 1_000]).unwrap();
    }
    let mut came = 0;
    while (0..1_000).any(|_| line.receive().is_some()) {
        came += 1;
    }
    from.send(b"later").unwrap();
    assert_eq!(wait(&mut line).map(|(bytes, _)| bytes), Some(b"later".to_vec()));
    assert_eq!(came + line.drops(), 500, "{came} came");
    assert!(line.drops() > 0);
}

#[test]
fn it_is_opened_on_one_thread_and_read_and_closed_on_others() {
    for sqpoll in [None, Some(Sqpoll::default())] {
        let Some((mut line, from)) = line(BUFFERS, 1 << 20, sqpoll) else { return };
        from.send(b"one").unwrap();
        let reader = std::thread::spawn(move || {
            let came = wait(&mut line);
            (line, came)
        });
        let (line, came) = reader.join().unwrap();
        assert_eq!(came.map(|(bytes, _)| bytes), Some(b"one".to_vec()));
        assert_eq!(line.errors(), 0);
        drop(line);
        let _ = from.send(b"nobody is there");
    }
}

#[test]
fn a_group_is_joined_and_what_cannot_be_had_is_told() {
    if probe(None).is_err() {
        return;
    }
    let group: SocketAddr = "239.255.77.2:0".parse().unwrap();
    let mut line = UringLine::open(group, HERE, 1 << 16, Poller::Asker).unwrap();
    let from = UdpSocket::bind((HERE, 0)).unwrap();
    from.send_to(b"to all", (group.ip(), line.address().unwrap().port())).unwrap();
    assert_eq!(wait(&mut line).map(|(bytes, _)| bytes), Some(b"to all".to_vec()));
    let elsewhere = Ipv4Addr::new(192, 0, 2, 77);
    let failed = UringLine::open(group, elsewhere, 0, Poller::Asker).map(drop).unwrap_err();
    assert!(matches!(failed, UringLineError::Socket(SocketError::Join(_))));
}

/// The threads of the kernel's that receive for this process on `cpu` alone.
fn receivers_on(cpu: usize) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let is_there = |task: &std::path::Path| {
        let read = |file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
        let only = format!("Cpus_allowed_list:\t{cpu}");
        read("comm").starts_with("iou-sqp-") && read("status").lines().any(|line| line == only)
    };
    tasks.filter(|task| is_there(&task.as_ref().unwrap().path())).count()
}

#[test]
fn a_thread_of_the_kernels_has_the_cpu_that_was_named_for_all_lines_and_lets_go_though_we_spin_there()
 {
    let cpus = core_affinity::get_core_ids().unwrap();
    let [core_affinity::CoreId { id: cpu }, _, ..] = cpus[..] else {
        return crate::base::testing::skipped("a single CPU cannot be told from all of them");
    };
    let sqpoll = Sqpoll { cpu: Some(cpu) };
    let Some((mut first, from_first)) = line(BUFFERS, 1 << 20, Some(sqpoll)) else { return };
    let second = UringLine::open((HERE, 0).into(), HERE, 1 << 20, first.poller());
    let mut second = second.unwrap_or_else(|why| panic!("{why:?}"));
    // One that has just been born has neither name nor CPU, and one that is not needed any more goes when it has its turn.
    let end = Wall::set().now().plus(LONG);
    while receivers_on(cpu) != 1 && Wall::set().now() < end {
        std::thread::yield_now();
    }
    assert_eq!(receivers_on(cpu), 1, "one for both");
    let from_second = UdpSocket::bind((HERE, 0)).unwrap();
    from_second.connect(second.address().unwrap()).unwrap();
    for round in 0..100_u32 {
        for (line, from) in [(&mut first, &from_first), (&mut second, &from_second)] {
            from.send(&round.to_le_bytes()).unwrap();
            assert_eq!(wait(line).unwrap().0, round.to_le_bytes());
        }
    }
    assert_eq!((first.errors(), second.errors()), (0, 0));
    // Its last word takes a turn of it, which it does not have before we wait.
    let pinned = std::thread::spawn(move || {
        assert!(core_affinity::set_for_current(core_affinity::CoreId { id: cpu }));
        (0..20)
            .filter(|_| {
                let (mut line, _) = line(BUFFERS, 1 << 16, Some(sqpoll)).unwrap();
                assert!(line.receive().is_none());
                line.receive.detach()
            })
            .count()
    });
    assert_eq!(pinned.join().unwrap(), 20);
}
