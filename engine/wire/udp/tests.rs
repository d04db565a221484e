use super::*;
use proptest::prelude::*;

const ROUTE: Route =
    Route { mac: [2, 0, 0, 0, 0, 1], from: [10, 1, 1, 1], group: [239, 192, 200, 1], port: 26_400 };

/// `hi!` on its way, byte for byte; the sums were worked out apart.
const FRAME: &[u8] = b"\x01\x00\x5e\x40\xc8\x01\x02\0\0\0\0\x01\x08\0\
    \x45\0\0\x1f\0\x07\x40\0\x10\x11\xa8\x03\x0a\x01\x01\x01\xef\xc0\xc8\x01\
    \x67\x20\x67\x20\0\x0b\xe5\x69\x68\x69\x21";

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ROUTE.write(7, payload, &mut out);
    out
}

fn parsed(link: Link, packet: &[u8]) -> Result<&[u8], Error> {
    let datagram = Datagram::parse(link, packet)?;
    assert_eq!(datagram.port, 26_400);
    Ok(datagram.payload)
}

/// The UDP part of `frame`, behind other headers.
fn behind(headers: &[u8]) -> Vec<u8> {
    [headers, &FRAME[34..]].concat()
}

#[test]
fn a_datagram_is_framed_as_the_standards_say() {
    assert_eq!(frame(b"hi!"), FRAME);
    // Both sums, with what they cover, come to all ones.
    assert_eq!(checksum([&FRAME[14..34]]), 0xffff);
    assert_eq!(checksum([&FRAME[26..34], &[0, 17, 0, 11], &FRAME[34..]]), 0xffff);
    let longest = vec![0x5a; 65_535 - 28];
    assert_eq!(parsed(Link::Ethernet, &frame(&longest)), Ok(&longest[..]));
}

#[test]
#[should_panic(expected = "16 bits")]
fn a_payload_too_long_for_a_datagram_is_a_bug() {
    frame(&vec![0; 65_535 - 27]);
}

#[test]
fn a_payload_is_found_behind_every_link_layer() {
    let hi = Ok(&b"hi!"[..]);
    assert_eq!(parsed(Link::Ethernet, FRAME), hi);
    assert_eq!(parsed(Link::Ip, &FRAME[14..]), hi);
    let ip = &FRAME[14..];
    let cooked = [b"\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0", ip].concat();
    assert_eq!(parsed(Link::Cooked, &cooked), hi);
    let cooked2 = [b"\x08\0\0\0\0\0\0\x02\0\x01\x02\x06\x02\0\0\0\0\x01\0\0", ip].concat();
    assert_eq!(parsed(Link::Cooked2, &cooked2), hi);
    let tagged = [&FRAME[..12], b"\x81\0\0\x05\x08\0", ip].concat();
    assert_eq!(parsed(Link::Ethernet, &tagged), hi);
    let twice = [&FRAME[..12], b"\x88\xa8\0\x05\x81\0\0\x06\x08\0", ip].concat();
    assert_eq!(parsed(Link::Ethernet, &twice), hi);
    let padded = [FRAME, &[0; 15]].concat();
    assert_eq!(parsed(Link::Ethernet, &padded), hi);
}

#[test]
fn a_payload_is_found_behind_options_and_extension_headers() {
    let mut options = FRAME[14..34].to_vec();
    (options[0], options[3]) = (0x46, 35);
    options.extend([1, 1, 1, 1]);
    assert_eq!(parsed(Link::Ip, &behind(&options)), Ok(&b"hi!"[..]));

    let six = |next: u8, length: u8| {
        let mut header = vec![0; 40];
        (header[0], header[5], header[6]) = (0x60, length, next);
        header
    };
    assert_eq!(parsed(Link::Ip, &behind(&six(17, 11))), Ok(&b"hi!"[..]));
    let extended =
        [six(0, 35), vec![60, 0, 1, 4, 0, 0, 0, 0], [vec![17, 1], vec![0; 14]].concat()].concat();
    assert_eq!(parsed(Link::Ip, &behind(&extended)), Ok(&b"hi!"[..]));
    let mut tagged = [&FRAME[..12], b"\x86\xdd"].concat();
    tagged.extend(behind(&six(17, 11)));
    assert_eq!(parsed(Link::Ethernet, &tagged), Ok(&b"hi!"[..]));

    assert_eq!(parsed(Link::Ip, &behind(&six(44, 11))), Err(Error::Fragment));
    assert_eq!(parsed(Link::Ip, &behind(&six(6, 11))), Err(Error::NotUdp));
    assert_eq!(parsed(Link::Ip, &behind(&six(17, 12))), Err(Error::Truncated));
}

#[test]
fn what_brings_no_datagram_says_why() {
    let changed = |at: usize, to: u8| {
        let mut frame = FRAME.to_vec();
        frame[at] = to;
        Datagram::parse(Link::Ethernet, &frame).map(|datagram| datagram.payload.len())
    };
    assert_eq!(changed(13, 6), Err(Error::NotIp));
    assert_eq!(changed(23, 6), Err(Error::NotUdp));
    // More fragments; an offset; that it may not be cut is fine.
    assert_eq!(changed(20, 0x20), Err(Error::Fragment));
    assert_eq!(changed(21, 1), Err(Error::Fragment));
    assert_eq!(changed(20, 0), Ok(3));
    assert_eq!(changed(14, 0x65), Err(Error::Malformed));
    assert_eq!(changed(14, 0x44), Err(Error::Malformed));
    assert_eq!(changed(17, 19), Err(Error::Malformed));
    assert_eq!(changed(17, 32), Err(Error::Truncated));
    assert_eq!(changed(39, 7), Err(Error::Malformed));
    assert_eq!(changed(39, 12), Err(Error::Truncated));
    assert_eq!(changed(39, 8), Ok(0));
    assert_eq!(Datagram::parse(Link::Ip, &[0x10; 40]), Err(Error::NotIp));
    // A tower of tags.
    let tower = [&FRAME[..12], &b"\x81\0\0\x05".repeat(50)[..]].concat();
    assert_eq!(Datagram::parse(Link::Ethernet, &tower), Err(Error::NotIp));
}

#[test]
fn a_packet_cut_anywhere_is_cut_short() {
    for length in 0..FRAME.len() {
        assert_eq!(parsed(Link::Ethernet, &FRAME[..length]), Err(Error::Truncated), "{length}");
    }
}

#[test]
fn link_layers_have_the_codes_of_the_registry() {
    let links = [(1, Link::Ethernet), (113, Link::Cooked), (276, Link::Cooked2), (101, Link::Ip)];
    for (code, link) in links {
        assert_eq!(Link::from_code(code), Some(link));
        assert_eq!(Link::from_code(code | 0x2400_0000), Some(link));
    }
    assert_eq!(Link::from_code(0), None);
    assert_eq!(Link::from_code(127), None);
}

proptest! {
    #[test]
    fn payloads_come_back(payload in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let frame = frame(&payload);
        prop_assert_eq!(parsed(Link::Ethernet, &frame), Ok(&payload[..]));
        prop_assert_eq!(checksum([&frame[14..34]]), 0xffff);
        let length = (payload.len() as u16 + 8).to_be_bytes();
        prop_assert_eq!(checksum([&frame[26..34], &[0, 17], &length, &frame[34..]]), 0xffff);
    }

    #[test]
    fn any_bytes_are_a_datagram_or_an_error(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        link in prop::sample::select(vec![Link::Ethernet, Link::Cooked, Link::Cooked2, Link::Ip]),
    ) {
        let mut packet = frame(&[7; 40]);
        for (at, byte) in damage {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        let _ = Datagram::parse(link, &packet);
    }
}
