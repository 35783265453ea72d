import socket
import struct

from radiusd.server.sockets import IP_PKTINFO
from radiusd.server.udp import answer_from


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
