//! What left, told from the bytes alone; what became of it, from the exchange's ledger.

use coretick::wire::ouch::Inbound;
use coretick::wire::soup::Packet;
use std::collections::BTreeMap;

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Order,
    Cancel,
}

/// A message about an order that left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) does: Does,
    /// The order's number at the exchange.
    pub(crate) reference: u32,
    /// The order's name; 0 for a cancel.
    pub(crate) name: u64,
    /// The connection by which it left.
    pub(crate) connection: u32,
    /// Whether nothing new was to leave when its first byte did.
    pub(crate) barred: bool,
}

/// Reads along what the sockets take.
#[derive(Default)]
pub(crate) struct Recount {
    packet: Vec<u8>,
    barred: bool,
    connection: u32,
    pub(crate) left: Vec<Left>,
}

impl Recount {
    /// A connection ends; what was begun on it is lost.
    pub(crate) fn cut(&mut self) {
        self.packet.clear();
        self.connection += 1;
    }

    /// The socket took these bytes.
    pub(crate) fn took(&mut self, bytes: &[u8], barred: bool) {
        for byte in bytes {
            if self.packet.is_empty() {
                self.barred = barred;
            }
            self.packet.push(*byte);
            if let Some(&[high, low, ref frame @ ..]) =
                self.packet.first_chunk::<2>().map(|_| &self.packet[..])
                && frame.len() == usize::from(u16::from_be_bytes([high, low]))
            {
                let frame = frame.to_vec();
                self.packet.clear();
                self.whole(&frame);
            }
        }
    }

    fn whole(&mut self, frame: &[u8]) {
        let Packet::Unsequenced(message) = Packet::parse(frame).unwrap() else { return };
        let (does, reference, name) = match Inbound::parse(message).unwrap() {
            Inbound::EnterOrder(it, _) => (Does::Order, it.user_ref_num, name(&it.clordid)),
            Inbound::ReplaceOrder(it, _) => (Does::Order, it.user_ref_num, name(&it.clordid)),
            Inbound::CancelOrder(it, _) => (Does::Cancel, it.user_ref_num, 0),
            _ => return,
        };
        let (reference, connection, barred) = (reference.get(), self.connection, self.barred);
        self.left.push(Left { does, reference, name, connection, barred });
    }

    /// The name of an order by its number.
    pub(crate) fn names(&self) -> BTreeMap<u32, u64> {
        let orders = self.left.iter().filter(|left| left.does == Does::Order);
        orders.map(|left| (left.reference, left.name)).collect()
    }
}

/// Thirteen digits of five bits behind a letter.
fn name(text: &[u8; 14]) -> u64 {
    let text = std::str::from_utf8(text).unwrap();
    u64::from_str_radix(text.strip_prefix('C').unwrap(), 32).unwrap()
}

/// What a ledger says of the client's orders.
pub(crate) struct Sheet {
    /// Orders that are open, by number.
    pub(crate) open: Vec<u32>,
    /// By symbol: shares bought less shares sold.
    pub(crate) positions: [i64; 2],
    /// Executions.
    pub(crate) executions: usize,
}

impl Sheet {
    /// Its rows up to `until`, in nanoseconds since midnight.
    pub(crate) fn of(ledger: &str, symbols: [&str; 2], until: u64) -> Self {
        let mut sheet = Self { open: Vec::new(), positions: [0; 2], executions: 0 };
        for row in ledger.lines().skip(1) {
            let cells: Vec<_> = row.split(',').collect();
            let [
                _,
                time,
                kind,
                _,
                "DESK",
                _,
                reference,
                _,
                symbol,
                side,
                shares,
                _,
                open,
                _,
                reason,
            ] = cells[..]
            else {
                panic!("a row of somebody else: {row}");
            };
            if time.parse::<u64>().unwrap() > until {
                break;
            }
            let mut gone: u32 = reference.parse().unwrap();
            match kind {
                "accept" | "replace" => {
                    sheet.open.push(gone);
                    let Some((_, before)) = reason.split_once('/') else { continue };
                    gone = before.parse().unwrap();
                }
                "execute" => {
                    let at = symbols.iter().position(|name| *name == symbol).unwrap();
                    let shares: i64 = shares.parse().unwrap();
                    sheet.positions[at] += if side == "B" { shares } else { -shares };
                    sheet.executions += 1;
                }
                "cancel" => {}
                _ => continue,
            }
            if kind == "replace" || open == "0" {
                sheet.open.retain(|it| *it != gone);
            }
        }
        sheet
    }
}
