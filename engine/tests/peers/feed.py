"""Reads a captured feed with `itchfeed`, a parser that is not ours, and holds it against the exchange's ledger.

feed.py CAPTURE LEDGER PORT_A PORT_B: exits 1 with a sentence if anything differs.
"""

import collections
import csv
import struct
import subprocess
import sys

from itch.parser import MessageParser


def lines(capture, ports):
    """The messages of each line by sequence number, from MoldUDP64 packets that tshark takes out of the capture."""
    fields = ["-T", "fields", "-e", "udp.dstport", "-e", "udp.payload"]
    out = subprocess.run(["tshark", "-n", "-r", capture, "-Y", "udp", *fields], check=True, capture_output=True, text=True)
    found = {port: {} for port in ports}
    for row in out.stdout.splitlines():
        port, payload = row.split("\t")
        if port not in found:
            continue
        packet = bytes.fromhex(payload)
        sequence, count = struct.unpack(">QH", packet[10:20])
        offset = 20
        for _ in range(0 if count == 0xFFFF else count):
            (length,) = struct.unpack(">H", packet[offset : offset + 2])
            found[port].setdefault(sequence, packet[offset + 2 : offset + 2 + length])
            sequence, offset = sequence + 1, offset + 2 + length
        assert offset == len(packet), f"a packet on port {port} has {len(packet) - offset} bytes after its last block"
    return [found[port] for port in ports]


class Feed:
    """What the parsed messages say."""

    def __init__(self):
        self.stocks = {}
        self.live = {}
        self.broken = set()
        self.named = {}
        self.traded = collections.Counter()
        self.crossed = collections.Counter()
        self.kinds = collections.Counter()

    def on(self, message):
        """Takes a message; raises if it names an order that is not there or more shares than it has."""
        kind = message.message_type.decode()
        self.kinds[kind] += 1
        stock = self.stocks.get(message.stock_locate)
        if kind == "R":
            self.stocks[message.stock_locate] = message.stock.decode().strip()
        elif kind in "AF":
            assert message.stock.decode().strip() == stock, f"order of {message.stock}, locate of {stock}"
            side = message.buy_sell_indicator.decode()
            self.add(message.order_reference_number, stock, side, message.shares, message.price)
        elif kind in "EC":
            self.take(message.order_reference_number, message.executed_shares)
            if kind == "E":
                self.traded[stock] += message.executed_shares
        elif kind == "X":
            self.take(message.order_reference_number, message.cancelled_shares)
        elif kind == "D":
            del self.live[message.order_reference_number]
        elif kind == "U":
            del self.live[message.order_reference_number]
            side = self.named[message.order_reference_number][1]
            self.add(message.new_order_reference_number, stock, side, message.shares, message.price)
        elif kind == "P":
            self.traded[stock] += message.shares
        elif kind == "Q":
            self.crossed[stock] += message.shares
        elif kind == "B":
            assert message.match_number not in self.broken, f"trade {message.match_number} broken twice"
            self.broken.add(message.match_number)

    def add(self, reference, stock, side, shares, price):
        assert stock and shares > 0 and price > 0, f"order {reference}: {stock} {shares} at {price}"
        assert reference not in self.live, f"order {reference} twice"
        self.live[reference] = shares
        self.named[reference] = (stock, side, shares, price)

    def take(self, reference, shares):
        left = self.live[reference] - shares
        assert left >= 0, f"order {reference} has {left} shares"
        if left:
            self.live[reference] = left
        else:
            del self.live[reference]


class Ledger:
    """What the ledger says: it has a row for each side of a trade."""

    def __init__(self, path):
        traded, crossed = collections.Counter(), collections.Counter()
        self.orders, self.broken = {}, set()
        with open(path, newline="", encoding="ascii") as file:
            for row in csv.DictReader(file):
                kind = row["kind"]
                if kind == "execute":
                    traded[row["symbol"]] += int(row["shares"])
                elif kind == "cross":
                    crossed[row["symbol"]] += int(row["shares"])
                elif kind == "break":
                    self.broken.add(int(row["match"]))
                elif kind in ("accept", "replace"):
                    price = int(row["price"]) if row["price"] else None
                    self.orders[int(row["reference"])] = (row["symbol"], row["side"], int(row["shares"]), price)
        self.traded, self.crossed = halved(traded), halved(crossed)


def hold_orders(named, ledger):
    """Every order that showed against its row: how many are as entered, shown in part, and later parts of a reserve order.

    What shows may be less than what was entered: an order trades before it rests, or hides a part of itself. A later part has
    a reference of its own, which no row has.
    """
    whole = part = later = 0
    for reference, (stock, side, shares, price) in named.items():
        if reference not in ledger.orders:
            later += 1
            continue
        symbol, bought, entered, limit = ledger.orders[reference]
        assert (stock, side, price) == (symbol, bought, limit), f"order {reference}: {named[reference]}, not {ledger.orders[reference]}"
        assert shares <= entered, f"order {reference} shows {shares} of {entered} shares"
        if shares == entered:
            whole += 1
        else:
            part += 1
    return whole, part, later


def halved(counter):
    assert all(shares % 2 == 0 for shares in counter.values()), "an execution has two sides"
    return {symbol: shares // 2 for symbol, shares in counter.items()}


def main():
    capture, ledger, *ports = sys.argv[1:]
    line_a, line_b = lines(capture, ports)
    assert line_a and line_a == line_b, f"the lines differ: {len(line_a)} and {len(line_b)} messages"
    assert sorted(line_a) == list(range(1, len(line_a) + 1)), "sequence numbers have a hole"
    parser, feed = MessageParser(), Feed()
    for sequence in range(1, len(line_a) + 1):
        raw = line_a[sequence]
        message = parser.get_message_type(raw)
        assert message.to_bytes() == raw, f"message {sequence} encodes to other bytes: {raw.hex()}"
        feed.on(message)
    ledger = Ledger(ledger)
    assert ledger.traded == {s: n for s, n in feed.traded.items() if n}, "traded shares differ from the ledger's"
    assert ledger.crossed == {s: n for s, n in feed.crossed.items() if n}, "crossed shares differ from the ledger's"
    assert ledger.broken == feed.broken, "broken trades differ from the ledger's"
    whole, part, later = hold_orders(feed.named, ledger)
    assert later < whole / 10, f"{later} orders have no row in the ledger"
    assert part < whole / 10, f"{part} orders show fewer shares than were entered"
    for kind in "AUECXDPQBH":
        assert feed.kinds[kind], f"no message {kind} came: nothing was checked of it"
    kinds = " ".join(f"{kind}:{count}" for kind, count in sorted(feed.kinds.items()))
    print(
        f"itchfeed: {len(line_a)} messages ({kinds}); each encodes to the bytes that came. As in the ledger: stock, side and "
        f"price of {whole + part} orders by their references, the shares of {whole} of them ({part} show fewer than entered; "
        f"{later} are later parts of reserve orders), traded and crossed shares by stock, {len(feed.broken)} broken trades"
    )


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, KeyError, ValueError) as error:
        sys.exit(f"error: {error!r}")
