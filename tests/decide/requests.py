"""A policy in memory, and requests made as a NAS makes them."""

from ipaddress import ip_network

from radiusd.policy.items import ItemTable
from radiusd.policy.model import Client
from radiusd.policy.rows import Assembly
from radiusd.policy.snapshot import Snapshot
from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes, hiding
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute, request

SECRET = Secret(b"testing123")
HOST = "192.0.2.10"
AUTHENTICATOR = bytes(range(16))
NOW = 1_800_000_000.0

RADCHECK = [
    ("alice", 1, "Cleartext-Password", ":=", "password"),
    ("nthash", 2, "NT-Password", ":=", "8846F7EAEE8FB117AD06BDD830B7586C"),
    ("blocked", 3, "Cleartext-Password", ":=", "password"),
    ("blocked", 4, "Auth-Type", ":=", "Reject"),
    ("expired", 5, "Cleartext-Password", ":=", "password"),
    ("expired", 6, "Expiration", ":=", "1 Jan 2020"),
    ("open", 7, "Auth-Type", ":=", "Accept"),
    ("broken", 8, "No-Such-Attribute", ":=", "1"),
    ("crypted", 9, "Crypt-Password", ":=", "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0"),
    ("tunnel", 10, "Cleartext-Password", ":=", "password"),
    ("chatty", 11, "Cleartext-Password", ":=", "password"),
    ("dom\\carol", 12, "Cleartext-Password", ":=", "whole"),
    ("carol", 13, "Cleartext-Password", ":=", "bare"),
    ("mschaponly", 14, "Cleartext-Password", ":=", "password"),
    ("mschaponly", 15, "Auth-Type", ":=", "MS-CHAP"),
    ("twice", 16, "Cleartext-Password", ":=", "first"),
    ("twice", 17, "Cleartext-Password", ":=", "second"),
    ("both", 18, "Cleartext-Password", ":=", "clear"),
    ("both", 19, "NT-Password", ":=", "8846F7EAEE8FB117AD06BDD830B7586C"),
    ("empty", 20, "Cleartext-Password", ":=", ""),
]
RADREPLY = [
    ("tunnel", 1, "Tunnel-Type:1", ":=", "L2TP"),
    ("tunnel", 2, "Tunnel-Password:1", ":=", "opensesame"),
    *(("chatty", 10 + number, "Reply-Message", "+=", str(number % 10) * 200) for number in range(8)),
]
RADGROUPREPLY = [
    ("staff", 1, "Session-Timeout", ":=", "14400"),
    ("staff", 2, "Idle-Timeout", ":=", "600"),
    ("staff", 3, "Acct-Interim-Interval", ":=", "300"),
    ("strong", 4, "MS-MPPE-Encryption-Policy", ":=", "2"),
    ("strong", 5, "MS-MPPE-Encryption-Types", ":=", "4"),
]
MEMBERS = [("alice", "staff", 1), ("nthash", "strong", 1), ("groupless", "staff", 1)]


def make_snapshot(dictionary, networks=("192.0.2.0/24",), **client):
    items = ItemTable(dictionary)
    assembly = Assembly(items)
    assembly.put_rows("radcheck", RADCHECK)
    assembly.put_rows("radreply", RADREPLY)
    assembly.put_rows("radgroupreply", RADGROUPREPLY)
    assembly.put_members(MEMBERS)
    problems = {}
    users, groups = assembly.users(problems), assembly.groups(problems)
    clients = {
        number: Client(number, f"vpn{number}", ip_network(network), SECRET, **client)
        for number, network in enumerate(networks, 1)
    }
    return Snapshot(dictionary, items, users, groups, clients, problems)


def access_request(user, *more, password=None, identifier=1, signed=True, authenticator=AUTHENTICATOR, secret=SECRET):
    """Encode an Access-Request; `more` are (key, value) pairs."""
    body = attribute(types.USER_NAME, user.encode() if isinstance(user, str) else user)
    if password is not None:
        body += attribute(types.USER_PASSWORD, hiding.hide_user_password(password, secret, authenticator))
    body += b"".join(attribute(key, value) for key, value in more)
    return request(
        codes.ACCESS_REQUEST, identifier, secret, body, authenticator=authenticator, message_authenticator=signed
    )


def accounting_request(user, status, *more, identifier=1, secret=SECRET, signed=False):
    body = attribute(types.USER_NAME, user.encode()) + attribute(types.ACCT_STATUS_TYPE, status.to_bytes(4, "big"))
    body += attribute(types.ACCT_SESSION_ID, b"s1")
    body += b"".join(attribute(key, value) for key, value in more)
    return request(codes.ACCOUNTING_REQUEST, identifier, secret, body, message_authenticator=signed)
