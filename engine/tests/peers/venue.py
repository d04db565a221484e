"""An exchange that is not ours, for the engine's gateway: SoupBinTCP and OUCH 5.0 by `nasdaq-protocols`.

venue.py CODECS PORT SUMMARY   CODECS is the folder of what nasdaq-ouch-codegen made of ouch50.xml. Serves order entry on PORT until
                               told to end (TERM), then holds what it did against the engine's SUMMARY: exits 1 with a sentence if
                               anything differs.

Its day has a history that the engine must learn by a second login: an order of another program, partly executed and open. Orders for
the day are accepted and replaced, every second one is executed by two fifths, one is rejected; those for now are executed whole. Once,
it drops the connection with answers unsent. The account is that of exchange.toml beside this file.
"""

import asyncio
import collections
import json
import signal
import sys
import time

from nasdaq_protocols import soup
from nasdaq_protocols.soup.soup_app import SoupAppMessageId

HOST, USER, PASSWORD, SESSION = "127.0.0.1", "PEER", "OPENSESAME", "PEERDAY"
EARLIER, EARLIER_SYMBOL = 7, "AAAC"
# The order that is rejected, and the replace at which the connection is dropped.
REJECTED, DROPPED_AT = 5, 10
SYMBOL_INVALID = 23


class Order:
    """An order that stands. `chain` is what it and those before it executed."""

    def __init__(self, reference, side, symbol, price, quantity, time_in_force, clordid, chain=0):
        self.reference, self.side, self.symbol, self.price = reference, side, symbol, price
        self.open, self.time_in_force, self.clordid, self.chain = quantity, time_in_force, clordid, chain


class Exchange:
    """What it has said, in order, and the orders that stand. `ouch` is the module of codecs."""

    def __init__(self, ouch):
        self.ouch = ouch
        self.stream = []
        self.orders = {}
        self.last, self.match = 0, 0
        self.position = collections.Counter()
        self.seen, self.said = collections.Counter(), collections.Counter()
        self.logins = []
        self.session = None
        self.error = None
        self.dropped = False
        self.say("SystemEvent", event_code="S")
        earlier = Order(EARLIER, "B", EARLIER_SYMBOL, 10_000, 100, "0", "EARLIER")
        self.accept(earlier)
        self.execute(earlier, 30)
        self.last = EARLIER

    def say(self, name, **fields):
        """Adds a message to the stream."""
        kind = getattr(self.ouch, name)
        if name != "SystemEvent":
            self.said[name] += 1
        # Nobody reads more out of it than its order: midnight of another place will do.
        values = {"timestamp": time.time_ns() % 86_400_000_000_000, **fields}
        expected = {field.name for field in kind.BodyRecord.Fields} - {"appendage_length"}
        assert set(values) == expected, f"{name} with {sorted(set(values) ^ expected)}"
        message = kind()
        for field, value in values.items():
            setattr(message, field, value)
        self.stream.append(message.to_bytes()[1])

    def standing(self, order):
        """What an accepted and a replaced order have in common."""
        self.orders[order.reference] = order
        return {
            "user_ref_num": order.reference, "side": order.side, "quantity": order.open, "symbol": order.symbol,
            "price": order.price, "time_in_force": order.time_in_force, "display": "Y", "capacity": "P",
            "order_reference_number": 1_000_000 + order.reference, "intermarket_sweep": "N", "cross_type": "N",
            "order_state": "L", "clordid": order.clordid,
        }  # fmt: skip

    def accept(self, order):
        self.say("OrderAccepted", **self.standing(order))

    def execute(self, order, shares):
        self.match += 1
        self.say("OrderExecuted", user_ref_num=order.reference, quantity=shares, price=order.price, liquidity_flag="A", match_number=self.match)
        self.position[order.symbol] += shares if order.side == "B" else -shares
        order.open -= shares
        order.chain += shares
        if order.open == 0:
            del self.orders[order.reference]

    def cancel(self, order):
        del self.orders[order.reference]
        self.say("OrderCanceled", user_ref_num=order.reference, quantity=order.open, cancel_reason="U")

    def hear(self, data):
        """A message of the engine: it has the bytes that the codecs would write, and makes sense."""
        kind = self.ouch.Message.get_msg_cls_by_indicator(SoupAppMessageId(data[0], "incoming"))
        length, record = kind.BodyRecord.from_bytes(data[1:])
        assert length + 1 == len(data), f"{kind.__name__} of {len(data)} bytes, not {length + 1}: {data.hex()}"
        if record.values:
            assert kind(record).to_bytes()[1] == data, f"{kind.__name__} encodes to other bytes: {data.hex()}"
        self.seen[kind.__name__] += 1
        getattr(self, f"on_{kind.__name__}")(record)

    def take_reference(self, reference):
        assert reference > self.last, f"reference {reference} after {self.last}"
        self.last = reference

    def on_AccountQuery(self, _):
        self.say("AccountQueryResponse", next_user_ref_num=self.last + 1)

    def on_EnterOrder(self, enter):
        self.take_reference(enter.user_ref_num)
        assert EARLIER not in self.orders, "an order while one that nobody answers for is open"
        assert enter.side in "BSTE" and 1 <= enter.quantity <= 999_999 and enter.price > 0, str(enter)
        assert len(enter.symbol) == 4 and len(enter.clordid) == 14, str(enter)
        words = (enter.time_in_force, enter.display, enter.capacity, enter.intermarket_sweep, enter.cross_type)
        assert words in (("0", "Y", "P", "N", "N"), ("3", "Y", "P", "N", "N")), words
        if self.seen["EnterOrder"] == REJECTED:
            return self.say("Rejected", user_ref_num=self.last, reject_reason=SYMBOL_INVALID, clordid=enter.clordid)
        order = Order(self.last, enter.side, enter.symbol, enter.price, enter.quantity, enter.time_in_force, enter.clordid)
        self.accept(order)
        self.trade(order)

    def trade(self, order):
        """An order for now trades whole; of the others every second does, in part."""
        if order.time_in_force == "3":
            self.execute(order, order.open)
        elif order.reference % 2 == 0 and order.open > 1:
            self.execute(order, max(1, order.open * 2 // 5))

    def on_ReplaceOrder(self, replace):
        before = self.orders.get(replace.orig_user_ref_num)
        if before is None:
            # What is not open is not replaced, and nothing is said; the number is not used.
            return
        self.take_reference(replace.user_ref_num)
        assert len(replace.clordid) == 14 and replace.quantity > before.chain, str(replace)
        del self.orders[before.reference]
        left = replace.quantity - before.chain
        order = Order(self.last, before.side, before.symbol, replace.price, left, replace.time_in_force, replace.clordid, before.chain)
        self.say("OrderReplaced", orig_user_ref_num=before.reference, **self.standing(order))
        self.trade(order)

    def on_CancelOrder(self, cancel):
        assert cancel.quantity == 0, "the engine cancels all of an order"
        order = self.orders.get(cancel.user_ref_num)
        if order is not None:
            self.cancel(order)


def session_of(exchange):
    """A connection's end at the exchange."""

    class Session(soup.SoupServerSession, session_type="server"):
        async def on_login(self, request):
            if (request.user, request.password) != (USER, PASSWORD):
                return soup.LoginRejected(soup.LoginRejectReason.NOT_AUTHORIZED)
            if request.session not in ("", SESSION):
                return soup.LoginRejected(soup.LoginRejectReason.SESSION_NOT_AVAILABLE)
            asked, end = int(request.sequence), len(exchange.stream)
            exchange.logins.append((asked, end + 1))
            self.next = asked or end + 1
            exchange.session = self
            asyncio.get_running_loop().call_soon(self.catch_up)
            return soup.LoginAccepted(SESSION, self.next)

        async def on_unsequenced(self, message):
            try:
                exchange.hear(bytes(message.data))
                if exchange.seen["ReplaceOrder"] == DROPPED_AT and not exchange.dropped:
                    exchange.dropped = True
                    self._transport.abort()
                self.catch_up()
            except Exception as error:  # The package would end the session without a word.
                exchange.error = exchange.error or error
                raise

        def catch_up(self):
            if self.is_active() and not self._transport.is_closing():
                for message in exchange.stream[self.next - 1 :]:
                    self.send_seq_msg(message)
                    self.next += 1

    return Session(client_heartbeat_interval=1, server_heartbeat_interval=5)


async def serve(exchange, port):
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    server = await loop.create_server(lambda: session_of(exchange), HOST, port)
    print(f"order entry {HOST}:{port}", flush=True)
    await told.wait()
    server.close()


def hold(exchange, summary):
    """What the engine says at its end against what the exchange did."""
    assert exchange.error is None, f"the exchange could not go on: {exchange.error!r}"
    seen, said = exchange.seen, exchange.said
    for kind in ("EnterOrder", "ReplaceOrder", "CancelOrder"):
        assert seen[kind], f"no {kind} came: nothing was checked of it"
    assert exchange.dropped, f"{seen['ReplaceOrder']} replaces are too few: the connection was not dropped"
    # The probe, the history, and what was not heard before the connection was dropped.
    assert [asked for asked, _ in exchange.logins[:2]] == [0, 1], exchange.logins
    assert len(exchange.logins) == 3 and 1 < exchange.logins[2][0] < exchange.logins[2][1], exchange.logins
    assert not exchange.orders, f"{len(exchange.orders)} orders are open at the end"
    session = summary["session"]
    told = {
        "orders": (session["orders"], seen["EnterOrder"]),
        "replaces": (session["replaces"], seen["ReplaceOrder"]),
        "cancels": (session["cancels"], seen["CancelOrder"]),
        "messages": (session["messages"], len(exchange.stream)),
        "fills": (summary["fills"], said["OrderExecuted"]),
        "logins": (session["logins"], len(exchange.logins)),
        "adopted": (session["adopted_orders"], 1),
        "rejected": (said["Rejected"], 1),
        "oddities": (session["oddities"], 0),
        "violations": (session["violations"], 0),
        "open": (session["maybe_open_orders"], 0),
    }
    for what, (engine, ours) in told.items():
        assert engine == ours, f"{what}: {engine} by the engine, {ours} by the exchange"
    positions = {position["instrument"]: position["position"] for position in summary["positions"]}
    ours = {symbol: shares for symbol, shares in exchange.position.items() if shares}
    assert {symbol: shares for symbol, shares in positions.items() if shares} == ours, f"{positions}, not {ours}"
    counts = " ".join(f"{kind}:{count}" for kind, count in sorted((seen + said).items()))
    print(
        f"nasdaq-protocols: a day of {len(exchange.stream)} messages ({counts}), three logins; each message of the engine has the "
        f"bytes that its codecs write, references ascend. As in the engine's summary: orders, replaces, cancels, fills, and "
        f"the position in {len(ours)} symbols"
    )


def main():
    codecs, port, summary = sys.argv[1:]
    sys.path.insert(0, codecs)
    import ouch_ouch50

    exchange = Exchange(ouch_ouch50)
    asyncio.run(serve(exchange, int(port)))
    with open(summary, encoding="utf-8") as file:
        hold(exchange, json.load(file))


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, KeyError, ValueError, OSError) as error:
        sys.exit(f"error: {error!r}")
