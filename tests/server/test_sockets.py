import socket

import pytest

from radiusd.errors import ConfigError, RadiusdError
from radiusd.server import sockets


@pytest.fixture
def opened():
    made = []
    yield made
    for endpoints in made:
        for endpoint in endpoints:
            endpoint.sock.close()


def test_each_worker_gets_a_socket_on_the_same_port(opened):
    opened += sockets.bind(("127.0.0.1",), "auth", 0, 3)
    ports = {endpoint.port for endpoints in opened for endpoint in endpoints}
    assert len(opened) == 3
    assert len(ports) == 1
    assert {e.sock.getsockname()[1] for endpoints in opened for e in endpoints} == ports


def test_the_kernel_spreads_sources_over_the_workers(opened):
    opened += sockets.bind(("127.0.0.1",), "auth", 0, 2)
    port = opened[0][0].port
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
    for sender in senders:
        sender.sendto(b"x", ("127.0.0.1", port))
        sender.close()
    counts = []
    for (endpoint,) in opened:
        count = 0
        while True:
            try:
                endpoint.sock.recv(10)
            except BlockingIOError:
                break
            count += 1
        counts.append(count)
    assert sum(counts) == 64
    assert min(counts) > 0


def test_a_port_taken_even_by_a_sharing_socket_is_said(opened):
    opened += sockets.bind(("127.0.0.1",), "auth", 0, 1)
    port = opened[0][0].port
    with pytest.raises(RadiusdError, match=rf"UDP port {port} on 127.0.0.1 is taken .* RADIUSD_AUTH_PORT"):
        sockets.bind(("127.0.0.1",), "auth", port, 1)


def test_an_admin_port_taken_is_said():
    with sockets.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(RadiusdError, match=rf"TCP port {port} .* RADIUSD_ADMIN_PORT"):
            sockets.listen("127.0.0.1", port)


@pytest.mark.parametrize("address", ["localhost", "300.1.1.1", ""])
def test_what_is_no_address_is_a_configuration_error(address):
    with pytest.raises(ConfigError, match="RADIUSD_BIND"):
        sockets.bind((address,), "auth", 0, 1)


def test_an_address_of_another_machine_may_come_later():
    with pytest.raises(RadiusdError, match=r"cannot listen on 192\.0\.2\.77"):
        sockets.bind(("192.0.2.77",), "auth", 0, 1)
