"""The edge where datagrams come in and answers leave: reads, asks the engine, does what it says.

No task and no future is made for a packet. A socket that is ready is drained of at most `BURST`
datagrams, so that timers and the other sockets keep their turn. A socket bound to all addresses answers
from the address that was asked (IP_PKTINFO), as a NAS behind another address of this machine expects.
"""

import asyncio
import random
import socket
import struct
import time
from collections.abc import Callable

import structlog

from radiusd.decide.accounting import AccountingRecord
from radiusd.decide.engine import Engine
from radiusd.decide.outcome import Drop, LoginEntry, Record, Reply
from radiusd.server.sockets import IP_PKTINFO, Endpoint
from radiusd.telemetry import LATENCY, RateLimitedLog, Tally

BURST = 64
MOST_DELAYED = 50_000
SAMPLE_EVERY = 64
# A datagram longer than the largest packet (4096, RFC 2865 section 3) is read just far enough to be refused.
LARGEST_READ = 8192
ANCILLARY = socket.CMSG_SPACE(20)

Address = tuple[str, int] | tuple[str, int, int, int]
Control = list[tuple[int, int, bytes]]
Done = Callable[[bool], None]


class Edge:
    """All sockets of a worker, and the answers that are not sent yet."""

    def __init__(
        self,
        engine: Engine,
        put_record: Callable[[AccountingRecord, Done], bool],
        put_login: Callable[[LoginEntry], None] | None,
        tally: Tally,
    ) -> None:
        self._engine = engine
        self._put_record = put_record
        self._put_login = put_login
        self._tally = tally
        self._log = RateLimitedLog(structlog.get_logger().warning)
        self._loop = asyncio.get_running_loop()
        self._endpoints: list[Endpoint] = []
        self._delayed: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._handled = 0

    def open(self, endpoints: list[Endpoint]) -> None:
        """Begin to read."""
        for endpoint in endpoints:
            self._endpoints.append(endpoint)
            read = self._reader(endpoint)
            self._loop.add_reader(endpoint.sock.fileno(), read)

    def report(self) -> None:
        """Publish the counters and what the log has left out; to be called about once a second."""
        self._tally.publish()
        self._log.flush(time.time())

    def close(self) -> None:
        """Stop reading, and send the answers that were waiting for their delay at once."""
        for endpoint in self._endpoints:
            self._loop.remove_reader(endpoint.sock.fileno())
        self._endpoints.clear()
        for timer, send in list(self._delayed.items()):
            timer.cancel()
            send()
        self._delayed.clear()

    def _reader(self, endpoint: Endpoint) -> Callable[[], None]:
        sock, service = endpoint.sock, endpoint.service
        take = self._take
        if endpoint.wildcard:

            def read() -> None:
                for _ in range(BURST):
                    try:
                        data, ancillary, _, source = sock.recvmsg(LARGEST_READ, ANCILLARY)
                    except BlockingIOError:
                        return
                    except OSError as error:
                        self._log("socket-error", endpoint.address, str(error), time.time())
                        return
                    take(service, sock, data, source, answer_from(ancillary))

        else:

            def read() -> None:
                for _ in range(BURST):
                    try:
                        data, source = sock.recvfrom(LARGEST_READ)
                    except BlockingIOError:
                        return
                    except OSError as error:
                        self._log("socket-error", endpoint.address, str(error), time.time())
                        return
                    take(service, sock, data, source, None)

        return read

    def _take(self, service: str, sock: socket.socket, data: bytes, source: Address, control: Control | None) -> None:
        now = time.time()
        self._handled += 1
        try:
            if self._handled % SAMPLE_EVERY:
                outcome = self._engine.handle(service, data, source[0], source[1], now)
            else:
                before = time.perf_counter()
                outcome = self._engine.handle(service, data, source[0], source[1], now)
                LATENCY.labels(service).observe(time.perf_counter() - before)
        except Exception:  # noqa: BLE001 - a packet must never end the loop; it is logged with its traceback
            self._tally.count(service, "drop", "internal-error")
            structlog.get_logger().exception("internal-error", source=source[0])
            return
        kind = type(outcome)
        if kind is Reply:
            self._reply(service, sock, source, control, outcome)  # type: ignore[arg-type]
        elif kind is Record:
            self._record(service, sock, source, control, outcome)  # type: ignore[arg-type]
        else:
            self._drop(service, source, outcome, now)  # type: ignore[arg-type]

    def _reply(self, service: str, sock: socket.socket, source: Address, control: Control | None, reply: Reply) -> None:
        self._tally.count(service, "reply", reply.reason)
        if reply.login is not None and self._put_login is not None:
            self._put_login(reply.login)
        if reply.delay <= 0:
            self._send(service, sock, source, control, reply.data)
            if reply.key is not None:
                self._engine.answered(reply.key, reply.data, time.time())
            return
        if len(self._delayed) >= MOST_DELAYED:
            # Too many rejects wait: this one is not sent, and its retransmission is taken as new.
            self._tally.count(service, "drop", "too-many-delayed-rejects")
            if reply.key is not None:
                self._engine.unanswered(reply.key)
            return

        def send() -> None:
            self._delayed.pop(timer, None)
            self._send(service, sock, source, control, reply.data)
            if reply.key is not None:
                self._engine.answered(reply.key, reply.data, time.time())

        # The jitter hides how long the decision took.
        timer = self._loop.call_later(reply.delay * random.uniform(1.0, 1.25), send)  # noqa: S311
        self._delayed[timer] = send

    def _record(
        self, service: str, sock: socket.socket, source: Address, control: Control | None, record: Record
    ) -> None:
        def done(written: bool) -> None:
            if written:
                self._tally.count(service, "reply", "accounting-response")
                self._engine.answered(record.key, record.reply, time.time())
                self._send(service, sock, source, control, record.reply)
            else:
                self._tally.count(service, "drop", "record-refused")
                self._engine.unanswered(record.key)

        if not self._put_record(record.record, done):
            self._tally.count(service, "drop", "accounting-queue-full")
            self._engine.unanswered(record.key)

    def _drop(self, service: str, source: Address, drop: Drop, now: float) -> None:
        self._tally.count(service, "drop", drop.reason)
        if drop.client:
            self._tally.count_client(drop.client, drop.reason)
        if drop.reason != "duplicate-pending":
            self._log("packet-dropped", drop.client or source[0], drop.reason, now, source=source[0], service=service)

    def _send(self, service: str, sock: socket.socket, target: Address, control: Control | None, data: bytes) -> None:
        try:
            if control is None:
                sock.sendto(data, target)
            else:
                sock.sendmsg((data,), control, 0, target)
        except OSError as error:
            # The NAS sends its request again and gets the kept answer.
            self._tally.count(service, "drop", "send-failed")
            self._log("send-failed", target[0], str(error), time.time())


def answer_from(ancillary: Control) -> Control | None:
    """Turn the packet information of a request into that of its answer: leave from the address that was asked.

    struct in_pktinfo is (ifindex, spec_dst, addr); struct in6_pktinfo is (addr, ifindex).
    """
    for level, kind, value in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            _, local, _ = struct.unpack("=I4s4s", value[:12])
            return [(level, kind, struct.pack("=I4s4s", 0, local, b"\0\0\0\0"))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            # A link-local address means nothing without its interface; any other leaves as the routes say.
            interface = value[16:20] if value[:2] == b"\xfe\x80" else b"\0\0\0\0"
            return [(level, kind, value[:16] + interface)]
    return None
