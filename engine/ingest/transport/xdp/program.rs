//! The program that decides, in the card's driver, which frames are ours: datagrams of IPv4 to the lines' addresses and ports.
//! It puts them into the socket of the queue that they came by; all else goes on to the kernel's network, as if there were no
//! program: what has a VLAN tag, options of IP, or is a part of a datagram, though it be to a line.
//!
//! Assembled here, since it is some twenty instructions: eight bytes each, in the kernel's own encoding.
#![forbid(unsafe_code)]

use std::net::Ipv4Addr;

/// A line, as the program knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Where it is sent to; unspecified: to any address.
    pub(super) address: Ipv4Addr,
    /// To which port.
    pub(super) port: u16,
}

/// Bytes of the headers that it looks at: Ethernet, IPv4 without options, UDP.
const HEADERS: i32 = 14 + 20 + 8;

/// The verdict that leaves a frame to the kernel.
const XDP_PASS: i32 = 2;
/// `bpf_redirect_map`
const REDIRECT_MAP: i32 = 51;

// Operations: class, operation, and whether the operand is a register (8).
const LOAD_BYTE: u8 = 0x71;
const LOAD_HALF: u8 = 0x69;
const LOAD_WORD: u8 = 0x61;
const LOAD_MAP: u8 = 0x18;
const MOVE: u8 = 0xb7;
const MOVE_REGISTER: u8 = 0xbf;
const ADD: u8 = 0x07;
const AND: u8 = 0x57;
const JUMP_ABOVE_REGISTER: u8 = 0x2d;
/// Of 32 bits: what is compared with is not extended by its sign.
const JUMP_EQUAL: u8 = 0x16;
const JUMP_NOT_EQUAL: u8 = 0x56;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// What marks the operand of `LOAD_MAP` as the descriptor of a map.
const MAP_DESCRIPTOR: u8 = 1;

// Registers: what is returned; the context, then arguments.
const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R4: u8 = 4;
const R5: u8 = 5;

/// Where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    /// To leave the frame to the kernel.
    Pass,
    /// To take it.
    Take,
}

/// Instructions, and jumps among them whose ends are not known yet.
struct Assembler {
    code: Vec<u64>,
    jumps: Vec<(usize, Label)>,
}

/// One instruction.
fn instruction(operation: u8, to: u8, from: u8, offset: i16, operand: i32) -> u64 {
    u64::from(operation)
        | u64::from(to | from << 4) << 8
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(operand.cast_unsigned()) << 32
}

impl Assembler {
    fn put(&mut self, operation: u8, to: u8, from: u8, offset: i16, operand: i32) {
        self.code.push(instruction(operation, to, from, offset, operand));
    }

    fn load(&mut self, operation: u8, to: u8, from: u8, offset: i16) {
        self.put(operation, to, from, offset, 0);
    }

    fn jump(&mut self, operation: u8, on: u8, operand: i32, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.put(operation, on, 0, 0, operand);
    }

    /// The next instruction is where `label` is.
    fn here(&mut self, label: Label) {
        let here = self.code.len();
        self.jumps.retain(|&(at, to)| {
            if to == label {
                // Counted from the instruction behind the jump; all are short.
                self.code[at] |= ((here - at - 1) as u64) << 16;
            }
            to != label
        });
    }
}

/// Sixteen bits as they lie in a frame, read as this machine reads them.
fn half(value: u16) -> i32 {
    i32::from(u16::from_ne_bytes(value.to_be_bytes()))
}

/// The program for these lines; `map` is the descriptor of the map from queues to sockets.
pub(super) fn assemble(targets: &[Target], map: i32) -> Vec<u64> {
    use Label::{Pass, Take};
    let mut to = Assembler { code: Vec::new(), jumps: Vec::new() };
    // The frame, from R2 to R3: shorter ones are not ours.
    to.load(LOAD_WORD, R2, R1, 0);
    to.load(LOAD_WORD, R3, R1, 4);
    to.load(MOVE_REGISTER, R4, R2, 0);
    to.put(ADD, R4, 0, 0, HEADERS);
    to.jumps.push((to.code.len(), Pass));
    to.load(JUMP_ABOVE_REGISTER, R4, R3, 0);
    // IPv4, with a header of twenty bytes, whole, with UDP in it.
    to.load(LOAD_HALF, R4, R2, 12);
    to.jump(JUMP_NOT_EQUAL, R4, half(0x0800), Pass);
    to.load(LOAD_BYTE, R4, R2, 14);
    to.jump(JUMP_NOT_EQUAL, R4, 0x45, Pass);
    to.load(LOAD_HALF, R4, R2, 20);
    to.put(AND, R4, 0, 0, half(0x3fff));
    to.jump(JUMP_NOT_EQUAL, R4, 0, Pass);
    to.load(LOAD_BYTE, R4, R2, 23);
    to.jump(JUMP_NOT_EQUAL, R4, 17, Pass);
    // To one of the lines.
    to.load(LOAD_WORD, R5, R2, 30);
    to.load(LOAD_HALF, R4, R2, 36);
    for target in targets {
        let address = i32::from_ne_bytes(target.address.octets());
        if target.address.is_unspecified() {
            to.jump(JUMP_EQUAL, R4, half(target.port), Take);
        } else {
            to.put(JUMP_NOT_EQUAL, R4, 0, 1, half(target.port));
            to.jump(JUMP_EQUAL, R5, address, Take);
        }
    }
    to.here(Pass);
    to.put(MOVE, R0, 0, 0, XDP_PASS);
    to.put(EXIT, 0, 0, 0, 0);
    // Into the socket of its queue; where that has none, it is left to the kernel.
    to.here(Take);
    to.load(LOAD_WORD, R2, R1, 16);
    to.put(LOAD_MAP, R1, MAP_DESCRIPTOR, 0, map);
    to.put(0, 0, 0, 0, 0);
    to.put(MOVE, R3, 0, 0, XDP_PASS);
    to.put(CALL, 0, 0, 0, REDIRECT_MAP);
    to.put(EXIT, 0, 0, 0, 0);
    debug_assert!(to.jumps.is_empty());
    to.code
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);

    #[test]
    fn an_instruction_is_eight_bytes_in_the_kernels_order() {
        let bytes = |code: u64| code.to_le_bytes();
        assert_eq!(bytes(instruction(LOAD_HALF, R4, R2, 12, 0)), [0x69, 0x24, 12, 0, 0, 0, 0, 0]);
        assert_eq!(
            bytes(instruction(JUMP_NOT_EQUAL, R4, 0, -2, -1)),
            [0x56, 4, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]
        );
        assert_eq!(bytes(instruction(CALL, 0, 0, 0, 51)), [0x85, 0, 0, 0, 51, 0, 0, 0]);
    }

    #[test]
    fn the_program_for_one_line_is_these_bytes() {
        let code = assemble(&[Target { address: GROUP, port: 26_400 }], 7);
        let bytes: Vec<u8> = code.iter().flat_map(|code| code.to_le_bytes()).collect();
        #[rustfmt::skip]
        let expected = [
            0x61, 0x12, 0, 0, 0, 0, 0, 0,               // r2 = frame
            0x61, 0x13, 4, 0, 0, 0, 0, 0,               // r3 = its end
            0xbf, 0x24, 0, 0, 0, 0, 0, 0,               // r4 = r2
            0x07, 0x04, 0, 0, 42, 0, 0, 0,              // r4 += 42
            0x2d, 0x34, 13, 0, 0, 0, 0, 0,              // if r4 > r3: pass
            0x69, 0x24, 12, 0, 0, 0, 0, 0,              // what Ethernet brings
            0x56, 0x04, 11, 0, 0x08, 0, 0, 0,           // not IPv4: pass
            0x71, 0x24, 14, 0, 0, 0, 0, 0,              // version and length
            0x56, 0x04, 9, 0, 0x45, 0, 0, 0,            // options: pass
            0x69, 0x24, 20, 0, 0, 0, 0, 0,              // flags and offset
            0x57, 0x04, 0, 0, 0x3f, 0xff, 0, 0,         // more to come, or an offset
            0x56, 0x04, 6, 0, 0, 0, 0, 0,               // a part: pass
            0x71, 0x24, 23, 0, 0, 0, 0, 0,              // protocol
            0x56, 0x04, 4, 0, 17, 0, 0, 0,              // not UDP: pass
            0x61, 0x25, 30, 0, 0, 0, 0, 0,              // r5 = address
            0x69, 0x24, 36, 0, 0, 0, 0, 0,              // r4 = port
            0x56, 0x04, 1, 0, 0x67, 0x20, 0, 0,         // another port: the next line
            0x16, 0x05, 2, 0, 239, 255, 0, 1,           // the line's address: take
            0xb7, 0x00, 0, 0, 2, 0, 0, 0,               // pass:
            0x95, 0, 0, 0, 0, 0, 0, 0,
            0x61, 0x12, 16, 0, 0, 0, 0, 0,              // take: r2 = queue
            0x18, 0x11, 0, 0, 7, 0, 0, 0,               // r1 = map
            0, 0, 0, 0, 0, 0, 0, 0,
            0xb7, 0x03, 0, 0, 2, 0, 0, 0,               // else: pass
            0x85, 0, 0, 0, 51, 0, 0, 0,
            0x95, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(bytes, expected);
    }

    /// Runs it as the kernel would, on what it can hold: 0 for a frame that was taken, else the verdict.
    fn run(code: &[u64], frame: &[u8]) -> i32 {
        let mut registers = [0_u64; 6];
        let mut at = 0;
        loop {
            let word = code[at];
            let (operation, to) = (word as u8, (word >> 8 & 15) as usize);
            let from = (word >> 12 & 15) as usize;
            let (offset, operand) = ((word >> 16) as u16, (word >> 32) as u32);
            at += 1;
            let field = |size: usize| {
                let start = registers[from] as usize + usize::from(offset);
                let mut bytes = [0; 8];
                bytes[..size].copy_from_slice(&frame[start..start + size]);
                u64::from_le_bytes(bytes)
            };
            match operation {
                LOAD_WORD if from == 1 => {
                    registers[to] = if offset == 4 { frame.len() as u64 } else { 0 };
                }
                LOAD_BYTE => registers[to] = field(1),
                LOAD_HALF => registers[to] = field(2),
                LOAD_WORD => registers[to] = field(4),
                LOAD_MAP => at += 1,
                MOVE => registers[to] = u64::from(operand),
                MOVE_REGISTER => registers[to] = registers[from],
                ADD => registers[to] += u64::from(operand),
                AND => registers[to] &= u64::from(operand),
                JUMP_ABOVE_REGISTER if registers[to] > registers[from] => at += usize::from(offset),
                JUMP_EQUAL if registers[to] as u32 == operand => at += usize::from(offset),
                JUMP_NOT_EQUAL if registers[to] as u32 != operand => at += usize::from(offset),
                JUMP_ABOVE_REGISTER | JUMP_EQUAL | JUMP_NOT_EQUAL => {}
                CALL => registers[0] = 0,
                EXIT => return registers[0] as i32,
                _ => panic!("operation {operation:#x}"),
            }
        }
    }

    #[test]
    fn datagrams_to_the_lines_are_taken_and_nothing_else() {
        use crate::wire::udp::Route;
        let other = Ipv4Addr::new(239, 255, 0, 2);
        let any = Target { address: Ipv4Addr::UNSPECIFIED, port: 9 };
        let lines =
            [Target { address: GROUP, port: 26_400 }, Target { address: other, port: 26_401 }, any];
        let code = assemble(&lines, 7);
        let frame = |group: Ipv4Addr, port| {
            let route = Route { mac: [2; 6], from: [10, 0, 0, 1], group: group.octets(), port };
            let mut bytes = Vec::new();
            route.write(1, b"payload", &mut bytes);
            bytes
        };
        for (group, port) in [(GROUP, 26_400), (other, 26_401), (GROUP, 9), (other, 9)] {
            assert_eq!(run(&code, &frame(group, port)), 0, "{group}:{port}");
        }
        for (group, port) in [(GROUP, 26_401), (other, 26_400), (GROUP, 8)] {
            assert_eq!(run(&code, &frame(group, port)), XDP_PASS, "{group}:{port}");
        }
        let ours = frame(GROUP, 26_400);
        for length in 0..HEADERS as usize {
            assert_eq!(run(&code, &ours[..length]), XDP_PASS, "{length} bytes");
        }
        assert_eq!(run(&code, &ours[..HEADERS as usize]), 0);
        // VLAN, IPv6, options, a part of a datagram (the first and a later one), TCP.
        for (at, byte) in [(12, 0x81), (14, 0x65), (14, 0x46), (20, 0x20), (21, 1), (23, 6)] {
            let mut frame = ours.clone();
            frame[at] = byte;
            assert_eq!(run(&code, &frame), XDP_PASS, "byte {at}");
        }
    }
}
