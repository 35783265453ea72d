"""A NAS made of asyncio: it asks, asks again with the same bytes, and believes only answers that fit its secret.

`Nas` is one UDP socket; `Logins` and `Sessions` are what it does for hours, in seconds, and remember
what they were told, for a test to compare with what the database holds.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes, encode
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.hiding import hide_user_password
from radiusd.protocol.packet import Packet, decode
from tests.running import SECRET

Attributes = Iterable[tuple[int, bytes]]


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def body(attributes: Attributes) -> bytes:
    return b"".join(encode.attribute(key, value) for key, value in attributes)


def access_request(secret: Secret, name: str, password: str, identifier: int = 1, *, signed: bool = True) -> bytes:
    """Encode a PAP login, as a packet to be sent by hand."""
    authenticator = os.urandom(16)
    body = encode.attribute(types.USER_NAME, name.encode()) + encode.attribute(
        types.USER_PASSWORD, hide_user_password(password.encode(), secret, authenticator)
    )
    return encode.request(
        codes.ACCESS_REQUEST, identifier, secret, body, authenticator=authenticator, message_authenticator=signed
    )


class Nas(asyncio.DatagramProtocol):
    """One socket towards one port of a server, with at most 200 requests under way."""

    def __init__(self, port: int, *, secret: str = SECRET, retry: float = 1.0, tries: int = 30) -> None:
        self._port = port
        self.secret = Secret(secret.encode())
        self._retry = retry
        self._tries = tries
        self._identifiers = itertools.count()
        self._waiting: dict[int, tuple[bytes, asyncio.Future[Packet]]] = {}
        self._room = asyncio.Semaphore(200)
        self.bad_answers = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=("127.0.0.1", self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def error_received(self, exc: Exception) -> None:
        """A port nobody listens on is silence like any other."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        request, answer = self._waiting.get(data[1], (b"", None))
        if answer is None or answer.done():
            return
        if self.secret.response_ok(data, request[4:20]):
            answer.set_result(decode(data))
        else:
            self.bad_answers += 1

    async def ask(self, code: int, attributes: Attributes) -> Packet | None:
        """Send a request until it is answered; None when that never happened."""
        async with self._room:
            identifier = next(i for n in self._identifiers if (i := n & 0xFF) not in self._waiting)
            authenticator = os.urandom(16)
            shown = [
                (key, hide_user_password(value, self.secret, authenticator) if key == types.USER_PASSWORD else value)
                for key, value in attributes
            ]
            data = encode.request(
                code,
                identifier,
                self.secret,
                body(shown),
                authenticator=authenticator,
                message_authenticator=code != codes.ACCOUNTING_REQUEST,
            )
            answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
            self._waiting[identifier] = data, answer
            try:
                for _ in range(self._tries):
                    self._transport.sendto(data)
                    done, _ = await asyncio.wait([answer], timeout=self._retry)
                    if done:
                        return answer.result()
                return None
            finally:
                del self._waiting[identifier]


@dataclass
class Logins:
    """Logs the same users in over and over; counts what the server said, and when it last accepted."""

    users: list[tuple[str, str]]
    accepted: list[float] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unanswered: int = 0

    async def run(self, nas: Nas, stop: asyncio.Event, at_once: int = 8) -> None:
        users = itertools.cycle(self.users)

        async def one_after_the_other() -> None:
            while not stop.is_set():
                name, password = next(users)
                credentials = [(types.USER_NAME, name.encode()), (types.USER_PASSWORD, password.encode())]
                answer = await nas.ask(codes.ACCESS_REQUEST, [*credentials, (types.NAS_PORT, number(1))])
                if answer is None:
                    self.unanswered += 1
                elif answer.code == codes.ACCESS_ACCEPT:
                    self.accepted.append(time.monotonic())
                else:
                    self.rejected.append(name)

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


@dataclass
class Told:
    """The newest facts of a session that the server has acknowledged."""

    status: int = 0
    seconds: int = 0
    octets: int = 0


@dataclass
class Sessions:
    """Opens sessions, reports on each `interims` times and closes it; remembers what was acknowledged."""

    prefix: str
    interims: int = 3
    told: dict[str, Told] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    unanswered: int = 0

    async def run(self, nas: Nas, stop: asyncio.Event, at_once: int = 8) -> None:
        numbers = itertools.count()

        async def one_after_the_other() -> None:
            while not stop.is_set():
                await self._live(nas, f"{self.prefix}{next(numbers):06d}")

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))

    async def _live(self, nas: Nas, session_id: str) -> None:
        for step in range(self.interims + 2):
            status = status_of(step, self.interims)
            seconds, octets = step * 60, step * 1_000_003
            answer = await nas.ask(
                codes.ACCOUNTING_REQUEST,
                [
                    (types.ACCT_STATUS_TYPE, number(status)),
                    (types.ACCT_SESSION_ID, session_id.encode()),
                    (types.USER_NAME, b"loaded"),
                    (types.NAS_IP_ADDRESS, bytes((127, 0, 0, 1))),
                    (types.NAS_PORT, number(7)),
                    (types.ACCT_SESSION_TIME, number(seconds)),
                    (types.ACCT_INPUT_OCTETS, number(octets)),
                ],
            )
            if answer is None:
                self.unanswered += 1
                return
            self.answered.append(time.monotonic())
            self.told[session_id] = Told(status, seconds, octets)


def status_of(step: int, interims: int) -> int:
    """Say the Acct-Status-Type of a session's packet number `step`: 1 Start, 3 Interim-Update, 2 Stop."""
    if step == 0:
        return 1
    return 2 if step == interims + 1 else 3
