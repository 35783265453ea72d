import asyncio
import os
import socket
import struct

import pytest

from radiusd.decide.engine import Engine
from radiusd.protocol import codes
from radiusd.protocol.packet import decode
from radiusd.server import sockets
from radiusd.server.sockets import IP_PKTINFO
from radiusd.server.udp import Edge, answer_from
from radiusd.telemetry import Tally
from tests.decide.requests import access_request, accounting_request, make_snapshot


def test_the_answer_leaves_from_the_address_that_was_asked():
    asked = struct.pack("=I4s4s", 3, b"\x7f\x00\x00\x02", b"\x7f\x00\x00\x02")
    ((level, kind, value),) = answer_from([(socket.IPPROTO_IP, IP_PKTINFO, asked)])
    assert (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO)
    assert struct.unpack("=I4s4s", value) == (0, b"\x7f\x00\x00\x02", bytes(4))


def test_only_a_link_local_address_keeps_its_interface():
    global_address = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("=I", 7)
    local_address = socket.inet_pton(socket.AF_INET6, "fe80::1") + struct.pack("=I", 7)
    for value, interface in ((global_address, 0), (local_address, 7)):
        ((_, _, answered),) = answer_from([(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, value)])
        assert answered[:16] == value[:16]
        assert struct.unpack("=I", answered[16:]) == (interface,)


def test_without_packet_information_the_kernel_chooses():
    assert answer_from([]) is None


SECRET_CLIENTS = ("127.0.0.0/8", "::1/128")


class Records:
    """Stands where the accounting writer is: keeps what it is given, until the test says what became of it."""

    def __init__(self):
        self.taken = []
        self.full = False

    def put(self, record, done):
        if self.full:
            return False
        self.taken.append((record, done))
        return True


@pytest.fixture
async def edge(dictionary):
    engine = Engine(reject_delay=0.2, cleanup_delay=5.0, random_octets=os.urandom)
    engine.use(make_snapshot(dictionary, networks=SECRET_CLIENTS))
    records, logins, tally = Records(), [], Tally()
    copies = [sockets.bind(("0.0.0.0", "::"), service, 0, 1)[0] for service in ("auth", "acct")]
    made = Edge(engine, records.put, logins.append, tally)
    for endpoints in copies:
        made.open(endpoints)
    made.records, made.logins, made.tally = records, logins, tally
    made.ports = {endpoints[0].service: endpoints[0].port for endpoints in copies}
    yield made
    made.close()
    for endpoints in copies:
        for endpoint in endpoints:
            endpoint.sock.close()


class Nas:
    """A connected socket: it hears only whom it asked."""

    def __init__(self, host, port):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect((host, port))

    async def ask(self, data, within=3.0):
        self.sock.send(data)
        return await self.hear(within)

    async def hear(self, within=3.0):
        async with asyncio.timeout(within):
            return decode(await asyncio.get_running_loop().sock_recv(self.sock, 4096))


@pytest.fixture
def nas():
    made = []

    def make(host, port):
        made.append(Nas(host, port))
        return made[-1]

    yield make
    for one in made:
        one.sock.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_a_wildcard_socket_answers_from_the_address_that_was_asked(edge, nas, host):
    answer = await nas(host, edge.ports["auth"]).ask(access_request("alice", password=b"password"))
    assert answer.code == codes.ACCESS_ACCEPT
    assert [login.outcome for login in edge.logins] == ["accept"]


async def test_a_delayed_reject_holds_nobody_up(edge, nas):
    loop = asyncio.get_running_loop()
    wrong, right = (nas("127.0.0.1", edge.ports["auth"]) for _ in range(2))
    started = loop.time()
    rejected = asyncio.create_task(wrong.ask(access_request("alice", password=b"wrong")))
    assert (await right.ask(access_request("alice", password=b"password"))).code == codes.ACCESS_ACCEPT
    assert loop.time() - started < 0.2
    assert not rejected.done()
    assert (await rejected).code == codes.ACCESS_REJECT
    assert loop.time() - started >= 0.2


async def test_closing_sends_what_was_waiting(edge, nas):
    wrong = nas("127.0.0.1", edge.ports["auth"])
    wrong.sock.send(access_request("alice", password=b"wrong"))
    await until(lambda: edge.logins)
    edge.close()
    assert (await wrong.hear(0.15)).code == codes.ACCESS_REJECT


async def test_accounting_is_answered_when_it_is_written_and_only_then(edge, nas):
    server = nas("127.0.0.1", edge.ports["acct"])
    request = accounting_request("alice", 1)
    server.sock.send(request)
    await until(lambda: edge.records.taken)
    with pytest.raises(TimeoutError):
        await server.hear(0.1)
    edge.records.taken[0][1](True)
    assert (await server.hear()).code == codes.ACCOUNTING_RESPONSE
    assert (await server.ask(request)).code == codes.ACCOUNTING_RESPONSE
    assert len(edge.records.taken) == 1


async def test_a_record_that_was_not_kept_is_silent_and_taken_again(edge, nas):
    server = nas("127.0.0.1", edge.ports["acct"])
    request = accounting_request("alice", 1)
    edge.records.full = True
    with pytest.raises(TimeoutError):
        await server.ask(request, 0.1)
    edge.records.full = False
    server.sock.send(request)
    await until(lambda: edge.records.taken)
    edge.records.taken[0][1](False)
    server.sock.send(request)
    await until(lambda: len(edge.records.taken) == 2)


async def test_rubbish_ends_nothing(edge, nas):
    server = nas("127.0.0.1", edge.ports["auth"])
    for size in (0, 1, 19, 20, 21, 4096, 8000):
        server.sock.send(b"\xff" * size)
    assert (await server.ask(access_request("alice", password=b"password"))).code == codes.ACCESS_ACCEPT


async def until(holds, within=3.0):
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - what it waits for is another part's
            await asyncio.sleep(0.002)
