"""A client of the exchange's order entry, in one of two ways.

client.py PORT peer   logs in with `nasdaq-protocols`, a SoupBinTCP client that is not ours: a wrong password is refused; an
                    order is accepted and cancelled; after a second login the same two messages are replayed.
client.py PORT plain  the same over a bare socket, with the login as the specification pads it: for a capture to dissect.
Exits 1 with a sentence if the exchange says anything else. The account is that of exchange.toml beside this file.
"""

import asyncio
import socket
import struct
import sys

from nasdaq_protocols import soup

HOST, USER, PASSWORD = "127.0.0.1", "PEER", "OPENSESAME"


def enter_order(reference, symbol):
    """OUCH 5.0 enter order: buy 100 at 0.01, far from any market."""
    fields = (b"O", reference, b"B", 100, symbol.encode(), 100, b"0", b"Y", b"P", b"N", b"N", b"PEER-TEST", 0)
    return struct.pack(">cIcI8sQccccc14sH", fields[0], fields[1], fields[2], fields[3], fields[4].ljust(8), *fields[5:11], fields[11].ljust(14), 0)


def cancel_order(reference):
    """OUCH 5.0 cancel order: all of it."""
    return struct.pack(">cII", b"X", reference, 0)


def check_answers(accepted, canceled, reference):
    assert accepted[:1] == b"A", f"accepted expected, not {accepted!r}"
    assert struct.unpack(">I", accepted[9:13])[0] == reference, accepted
    assert accepted[48:62].strip() == b"PEER-TEST", accepted
    assert canceled[:1] == b"C", f"canceled expected, not {canceled!r}"
    assert struct.unpack(">II", canceled[9:17]) == (reference, 100), canceled


async def peer(port):
    try:
        await soup.connect_async((HOST, port), USER, "WRONG")
        raise AssertionError("a wrong password was let in")
    except ConnectionRefusedError:
        print("nasdaq-protocols: a wrong password is refused")

    async def application(session):
        """The next message that is not a system event."""
        while True:
            message = await asyncio.wait_for(session.receive_msg(), 10)
            if isinstance(message, soup.SequencedData) and message.data[:1] != b"S":
                return message.data

    session = await soup.connect_async((HOST, port), USER, PASSWORD)
    session.send_unseq_data(enter_order(1, "AAAB"))
    accepted = await application(session)
    session.send_unseq_data(cancel_order(1))
    canceled = await application(session)
    check_answers(accepted, canceled, 1)
    session.logout()
    print("nasdaq-protocols: login, an order accepted and cancelled, logout")

    await asyncio.sleep(1)
    session = await soup.connect_async((HOST, port), USER, PASSWORD, sequence=1)
    assert [await application(session), await application(session)] == [accepted, canceled], "the replay differs"
    session.logout()
    print("nasdaq-protocols: the replay from 1 has the same bytes")


def plain(port):
    connection = socket.create_connection((HOST, port), 10)
    connection.settimeout(10)
    stream = connection.makefile("rb")

    def send(kind, payload=b""):
        connection.sendall(struct.pack(">Hc", 1 + len(payload), kind) + payload)

    def receive(*kinds):
        while True:
            (length,) = struct.unpack(">H", stream.read(2))
            packet = stream.read(length)
            if packet[:1] in kinds and packet[:2] != b"SS":
                return packet[1:]

    send(b"L", USER.ljust(6).encode() + PASSWORD.ljust(10).encode() + b" " * 10 + b"0".rjust(20))
    receive(b"A")
    send(b"+", b"a word for the log")
    send(b"R")
    send(b"U", enter_order(1_000, "AAAB"))
    accepted = receive(b"S")
    send(b"U", cancel_order(1_000))
    check_answers(accepted, receive(b"S"), 1_000)
    receive(b"H")
    send(b"O")
    print("plain socket: login, an order accepted and cancelled, a heartbeat, logout")


if __name__ == "__main__":
    try:
        if sys.argv[2] == "peer":
            asyncio.run(peer(int(sys.argv[1])))
        else:
            plain(int(sys.argv[1]))
    except (AssertionError, OSError, asyncio.TimeoutError) as error:
        sys.exit(f"error: {error!r}")
