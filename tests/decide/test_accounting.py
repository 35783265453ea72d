from hashlib import md5
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.decide.accounting import FACTS, INTERIM, START, STOP, read
from radiusd.policy.model import Client
from radiusd.protocol import attribute_types as types
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import Packet

CLIENT = Client(id=1, name="vpn1", network=ip_network("192.0.2.0/24"), secret=Secret(b"s"), kind="pptpd")
NOW = 1_700_000_000.75
U32 = st.integers(0, 2**32 - 1)


def number(value):
    return value.to_bytes(4, "big")


def packet(*attributes, status=START):
    first = [] if status is None else [(types.ACCT_STATUS_TYPE, number(status))]
    return Packet(b"\x04\x01\x00\x14" + bytes(16), first + list(attributes))


@pytest.fixture
def record(dictionary):
    def of(*attributes, status=START, host="192.0.2.9", now=NOW):
        return read(packet(*attributes, status=status), CLIENT, host, now, dictionary)

    return of


def fact(record, name):
    return record.facts[FACTS.index(name)]


@pytest.mark.parametrize("status", [None, 0, 4, 9, 15, 2**32 - 1])
def test_a_status_without_a_row_gives_no_record(record, status):
    assert record((types.USER_NAME, b"u"), status=status) is None


def test_a_status_of_the_wrong_length_gives_no_record(dictionary):
    odd = Packet(b"\x04\x01\x00\x14" + bytes(16), [(types.ACCT_STATUS_TYPE, b"\x01")])
    assert read(odd, CLIENT, "192.0.2.9", NOW, dictionary) is None


def test_the_unique_id_is_what_freeradius_3_2_1_answered_for_the_same_packets(record):
    session = (types.ACCT_SESSION_ID, b"S")
    assert record((types.USER_NAME, b"u"), session, host="127.0.0.1").unique_id == "2f26f2a77eb241447eba4832e1f0f138"


@pytest.mark.parametrize("name", [b"DOM\\user", b'a"b', "ü".encode(), b"\xff\xfe", b"%lX6b%hX", b"a\nb"])
def test_the_unique_id_is_over_raw_octets(record, name):
    made = record(
        (types.USER_NAME, name),
        (types.ACCT_SESSION_ID, b"SID1"),
        (types.NAS_IP_ADDRESS, bytes((10, 1, 1, 1))),
        (types.NAS_IDENTIFIER, b"pptpd"),
        (types.NAS_PORT, number(3)),
    )
    assert made.unique_id == md5(name + b",SID1,10.1.1.1,pptpd,,3").hexdigest()


def test_two_users_with_one_session_id_are_two_sessions(record):
    shared = (types.ACCT_SESSION_ID, b"%lX6b02c778%hX")
    assert record((types.USER_NAME, b"a"), shared).unique_id != record((types.USER_NAME, b"b"), shared).unique_id


def test_a_class_that_names_the_session_stands_for_the_rest(record):
    given_id = b"0123456789abcdef0123456789ABCDEF"
    made = record((types.CLASS, b"ai:" + given_id), (types.ACCT_SESSION_ID, b"S1"), (types.USER_NAME, b"u"))
    assert made.unique_id == md5(given_id + b",S1").hexdigest()
    other = record((types.CLASS, b"xai:" + given_id), (types.ACCT_SESSION_ID, b"S1"), (types.USER_NAME, b"u"))
    assert other.unique_id == md5(b"u,S1,192.0.2.9,,,").hexdigest()


@pytest.mark.parametrize(
    ("host", "nas_ip"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_without_an_address_of_its_own_the_nas_is_where_the_packet_came_from(record, host, nas_ip):
    assert record(host=host).nas_ip == nas_ip


def test_the_ipv6_address_of_a_nas_goes_before_its_ipv4_address(record):
    v4 = (types.NAS_IP_ADDRESS, bytes((10, 0, 0, 1)))
    assert record(v4).nas_ip == "10.0.0.1"
    assert record(v4, (types.NAS_IPV6_ADDRESS, bytes(15) + b"\x01")).nas_ip == "::1"
    assert record((types.NAS_IP_ADDRESS, b"abc")).nas_ip == "192.0.2.9"


def test_event_time(record):
    assert record().event_time == 1_700_000_000.0
    delayed = record((types.ACCT_DELAY_TIME, number(10)))
    assert (delayed.event_time, delayed.sent_at, delayed.timestamped) == (1_699_999_990.0, NOW - 10, False)
    stamped = record((types.ACCT_DELAY_TIME, number(10)), (types.EVENT_TIMESTAMP, number(1_600_000_000)))
    assert (stamped.event_time, stamped.timestamped, stamped.received) == (1_600_000_000.0, True, NOW)


@given(low=U32, high=U32)
def test_gigawords(dictionary, low, high):
    made = read(
        packet(
            (types.ACCT_INPUT_OCTETS, number(low)),
            (types.ACCT_INPUT_GIGAWORDS, number(high)),
            (types.ACCT_OUTPUT_OCTETS, number(low)),
            status=INTERIM,
        ),
        CLIENT,
        "192.0.2.9",
        NOW,
        dictionary,
    )
    assert made.input_octets == min(high * 2**32 + low, 2**63 - 1)
    assert made.output_octets == low


def test_counters_that_are_not_there_are_none_and_not_zero(record):
    made = record((types.ACCT_INPUT_GIGAWORDS, number(1)), (types.ACCT_OUTPUT_OCTETS, b"abc"), status=STOP)
    assert (made.input_octets, made.output_octets, made.session_time) == (None, None, None)


def test_names_are_printed_as_freeradius_prints_them(record):
    made = record(
        (types.NAS_PORT_TYPE, number(5)),
        (types.SERVICE_TYPE, number(2)),
        (types.FRAMED_PROTOCOL, number(1)),
        (types.ACCT_AUTHENTIC, number(1)),
        (types.ACCT_TERMINATE_CAUSE, number(2)),
        (types.CLASS, b"ab\0c"),
        (types.FRAMED_IP_ADDRESS, bytes((10, 8, 0, 204))),
        (types.FRAMED_INTERFACE_ID, bytes((0, 0, 0, 1, 0, 10, 255, 0))),
        (types.FRAMED_IPV6_PREFIX, bytes((0, 64)) + bytes.fromhex("20010db800000000")),
        (types.DELEGATED_IPV6_PREFIX, bytes((0, 56)) + bytes.fromhex("20010db8000001")),
        (types.FRAMED_IPV6_ADDRESS, bytes.fromhex("20010db8000000000000000000000001")),
        status=STOP,
    )
    assert made.terminate_cause == "Lost-Carrier"
    assert dict(zip(FACTS, made.facts, strict=True)) == {
        "username": "",
        "nasportid": None,
        "nasporttype": "Virtual",
        "acctauthentic": "RADIUS",
        "calledstationid": "",
        "callingstationid": "",
        "servicetype": "Framed-User",
        "framedprotocol": "PPP",
        "framedipaddress": "10.8.0.204",
        "framedipv6address": "2001:db8::1",
        "framedipv6prefix": "2001:db8::/64",
        "framedinterfaceid": "0:1:a:ff00",
        "delegatedipv6prefix": "2001:db8:0:100::/56",
        "class": "0x61620063",
    }


def test_values_without_a_name_are_numbers(record):
    made = record((types.NAS_PORT_TYPE, number(245)), (types.ACCT_TERMINATE_CAUSE, number(241)), status=STOP)
    assert (fact(made, "nasporttype"), made.terminate_cause) == ("245", "241")


def test_the_port_is_its_id_else_its_number(record):
    port = (types.NAS_PORT, number(3))
    assert fact(record(port), "nasportid") == "3"
    assert fact(record(port, (types.NAS_PORT_ID, b"ppp3")), "nasportid") == "ppp3"


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("framedipaddress", types.FRAMED_IP_ADDRESS, b"\x0a"),
        ("framedipv6address", types.FRAMED_IPV6_ADDRESS, bytes(4)),
        ("framedipv6prefix", types.FRAMED_IPV6_PREFIX, bytes((0, 200))),
        ("framedipv6prefix", types.FRAMED_IPV6_PREFIX, b""),
        ("delegatedipv6prefix", types.DELEGATED_IPV6_PREFIX, bytes(19)),
        ("framedinterfaceid", types.FRAMED_INTERFACE_ID, bytes(7)),
    ],
)
def test_an_address_that_is_none_is_left_out(record, name, key, value):
    assert fact(record((key, value)), name) is None


def test_text_never_holds_nul_and_is_always_unicode(record):
    made = record((types.USER_NAME, b"MSRAS\0\xff"), (types.ACCT_SESSION_ID, b"\0\0"), (types.CONNECT_INFO, b"56k\0"))
    assert (made.user_name, made.session_id, made.connect_info) == ("MSRAS�", "", "56k")


def test_the_record_knows_its_client(record):
    made = record()
    assert (made.client_name, made.client_kind) == ("vpn1", "pptpd")
