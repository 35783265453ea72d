"""What Debian's radclient is told: every way to log in, accounting, Status-Server, and silence where it is due."""

import hashlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from Crypto.Hash import MD4

from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes, encode
from radiusd.protocol.authenticator import Secret
from tests.interop.nas import access_request
from tests.running import SECRET, Answer, Launcher, Server, pap, radclient, until

pytestmark = pytest.mark.interop("radclient")

WITHIN = 5.0
"""Seconds for a policy row to be in force before a test that is about something else goes on."""


@pytest.fixture(scope="module")
def alice(server: Server) -> str:
    """A user in a group with a policy, known to the running server."""
    server.add_group("staff", Session_Timeout=14400, Idle_Timeout=600, Acct_Interim_Interval=300)
    server.add_user("alice", "s3cret pass", ["staff"])
    until(server.accepts("alice", "s3cret pass"), WITHIN, "alice is accepted")
    return "alice"


@pytest.fixture
def wire() -> Iterator[socket.socket]:
    """A UDP socket of 127.0.0.1, for packets that radclient would never send."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(3)
        yield sock


def accounting(status: str, session_id: str, **more: object) -> dict[str, object]:
    return {
        "Acct-Status-Type": status,
        "Acct-Session-Id": session_id,
        "User-Name": "alice",
        "NAS-IP-Address": "127.0.0.1",
        "NAS-Port": 7,
        "Framed-IP-Address": "10.20.30.40",
        "Calling-Station-Id": "198.51.100.7",
    } | {name.replace("_", "-"): value for name, value in more.items()}


class TestLogins:
    def test_pap_gets_the_policy_of_the_users_group(self, server: Server, alice: str) -> None:
        answer = server.auth(pap(alice, "s3cret pass"))
        assert answer.code == "Access-Accept"
        assert answer["Session-Timeout"] == "14400"
        assert answer["Idle-Timeout"] == "600"
        assert answer["Acct-Interim-Interval"] == "300"

    def test_chap(self, server: Server, alice: str) -> None:
        request = {"User-Name": alice, "CHAP-Password": "s3cret pass"}
        assert server.auth(request).code == "Access-Accept"
        assert server.auth(request | {"CHAP-Password": "s3cret"}).code == "Access-Reject"

    def test_mschap_gives_the_keys_for_mppe(self, server: Server, alice: str) -> None:
        answer = server.auth({"User-Name": alice, "MS-CHAP-Password": "s3cret pass"})
        assert answer.code == "Access-Accept"
        utf16 = "s3cret pass".encode("utf-16le")
        hash_hash = MD4.new(MD4.new(utf16).digest()).hexdigest()
        assert answer["MS-CHAP-MPPE-Keys"].startswith("0x0000000000000000" + hash_hash)
        assert answer["MS-MPPE-Encryption-Policy"] == "Encryption-Allowed"

    def test_mschap_with_a_wrong_password_says_691(self, server: Server, alice: str) -> None:
        answer = server.auth({"User-Name": alice, "MS-CHAP-Password": "guess"})
        assert answer.code == "Access-Reject"
        assert "E=691 R=1" in answer["MS-CHAP-Error"]

    def test_every_answer_begins_with_message_authenticator(self, server: Server, alice: str) -> None:
        for password, signed in [("s3cret pass", False), ("guess", False), ("s3cret pass", True), ("guess", True)]:
            request = pap(alice, password) | ({"Message-Authenticator": "0x00"} if signed else {})
            answer = server.auth(request)
            assert answer.attributes[0][0] == "Message-Authenticator"

    @pytest.mark.parametrize("name", ["CORP\\{}", "{}@corp.example", "{}"])
    def test_domain_and_realm_find_the_bare_user(self, server: Server, alice: str, name: str) -> None:
        assert server.auth(pap(name.format(alice), "s3cret pass")).code == "Access-Accept"
        assert server.auth({"User-Name": name.format(alice), "CHAP-Password": "s3cret pass"}).code == "Access-Accept"

    def test_a_user_of_the_whole_name_comes_before_the_bare_one(
        self, server: Server, alice: str, fresh: Callable[[str], str]
    ) -> None:
        realm = fresh("realm")
        server.add_user(f"alice@{realm}", "of the realm")
        until(server.accepts(f"alice@{realm}", "of the realm"), WITHIN, "the user with the realm is accepted")
        assert server.auth(pap(f"alice@{realm}", "s3cret pass")).code == "Access-Reject"

    def test_an_unknown_user_and_an_empty_request_are_rejected(
        self, server: Server, fresh: Callable[[str], str]
    ) -> None:
        assert server.auth(pap(fresh("nobody"))).code == "Access-Reject"
        assert server.auth({"NAS-Port": 1}).code == "Access-Reject"

    def test_passwords_of_every_length_and_byte(self, server: Server, fresh: Callable[[str], str]) -> None:
        for password in ["p", "sixteen-octets-!", "seventeen-octets!", "mot de passé à moi", "x" * 128]:
            name = fresh("user")
            server.add_user(name, password)
            until(server.accepts(name, password), WITHIN, f"a password of {len(password.encode())} octets is accepted")
            assert server.auth(pap(name, password[:-1])).code == "Access-Reject"

    def test_proxy_states_come_back_in_their_order(self, server: Server, alice: str) -> None:
        states = ["0x0102", "0xff", "0x6162636465"]
        request = [*pap(alice, "s3cret pass").items(), *(("Proxy-State", state) for state in states)]
        assert server.auth(request).all("Proxy-State") == states
        rejected = [*pap(alice, "guess").items(), *(("Proxy-State", state) for state in states)]
        assert server.auth(rejected).all("Proxy-State") == states
        acct = [*accounting("Start", "proxied").items(), *(("Proxy-State", state) for state in states)]
        assert server.acct(acct).all("Proxy-State") == states


class TestRejectDelay:
    def test_a_reject_waits_and_holds_up_nobody(self, run_server: Launcher) -> None:
        server = run_server(reject_delay=1, workers=1)
        server.add_user("bob")
        until(server.accepts("bob"), WITHIN, "bob is accepted")
        secret = Secret(SECRET.encode())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", server.auth_port))
            wrong = [access_request(secret, "bob", "wrong", identifier) for identifier in range(20)]
            sent = time.monotonic()
            for packet in wrong:
                sock.send(packet)
            sock.send(access_request(secret, "bob", "password", 99))
            first = sock.recv(4096)
            assert (first[0], first[1]) == (codes.ACCESS_ACCEPT, 99)
            assert time.monotonic() - sent < 0.5
            for _ in wrong:
                assert sock.recv(4096)[0] == codes.ACCESS_REJECT
                assert 1.0 <= time.monotonic() - sent < 2.0


class TestRetransmissions:
    def test_the_same_login_gets_the_same_bytes(self, server: Server, alice: str, wire: socket.socket) -> None:
        for password in ("s3cret pass", "guess"):
            packet = access_request(Secret(SECRET.encode()), alice, password)
            answers = []
            for _ in range(3):
                wire.sendto(packet, ("127.0.0.1", server.auth_port))
                answers.append(wire.recv(4096))
            assert answers[0] == answers[1] == answers[2]

    def test_the_same_identifier_with_another_authenticator_is_another_request(
        self, server: Server, alice: str, wire: socket.socket
    ) -> None:
        secret = Secret(SECRET.encode())
        for password, code in [("s3cret pass", codes.ACCESS_ACCEPT), ("guess", codes.ACCESS_REJECT)]:
            wire.sendto(access_request(secret, alice, password, identifier=5), ("127.0.0.1", server.auth_port))
            assert wire.recv(4096)[0] == code

    def test_the_same_accounting_request_is_written_once(
        self, server: Server, fresh: Callable[[str], str], wire: socket.socket
    ) -> None:
        session_id = fresh("again")
        secret = Secret(SECRET.encode())
        attributes = [
            (types.ACCT_STATUS_TYPE, struct.pack("!I", 2)),
            (types.ACCT_SESSION_ID, session_id.encode()),
            (types.USER_NAME, b"alice"),
            (types.ACCT_SESSION_TIME, struct.pack("!I", 60)),
            (types.ACCT_INPUT_OCTETS, struct.pack("!I", 1000)),
        ]
        body = b"".join(encode.attribute(key, value) for key, value in attributes)
        answers = []
        # The second identifier is what a NAS sends that counts its retransmissions as new requests.
        for identifier in (1, 1, 2):
            packet = encode.request(codes.ACCOUNTING_REQUEST, identifier, secret, body, message_authenticator=False)
            wire.sendto(packet, ("127.0.0.1", server.acct_port))
            answers.append(wire.recv(4096))
        assert answers[0] == answers[1]
        assert answers[2][0] == codes.ACCOUNTING_RESPONSE
        rows = server.sql("SELECT acctinputoctets, acctsessiontime FROM radacct WHERE acctsessionid = %s", session_id)
        assert rows == [(1000, 60)]


class TestStatusServer:
    def test_both_ports_say_that_they_live(self, server: Server) -> None:
        assert server.status(server.auth_port).code == "Access-Accept"
        assert server.status(server.acct_port).code == "Accounting-Response"

    def test_unsigned_it_is_dropped(self, server: Server, wire: socket.socket) -> None:
        dropped = drops(server, "message-authenticator-missing")
        packet = encode.request(
            codes.STATUS_SERVER,
            1,
            Secret(SECRET.encode()),
            b"",
            authenticator=os.urandom(16),
            message_authenticator=False,
        )
        wire.sendto(packet, ("127.0.0.1", server.auth_port))
        until(lambda: drops(server, "message-authenticator-missing") == dropped + 1, 5, "the drop is counted")


def drops(server: Server, reason: str) -> float:
    return server.metric("radiusd_packets_total", outcome="drop", reason=reason)


MALFORMED = {
    "short-packet": lambda packet: packet[:19],
    "length-field-small": lambda packet: packet[:2] + b"\0\x13" + packet[4:],
    "length-over-datagram": lambda packet: packet[:2] + b"\0\xff" + packet[4:],
    "attribute-length": lambda packet: packet[:21] + b"\0" + packet[22:],
    "attribute-overrun": lambda packet: packet[:21] + b"\xff" + packet[22:],
}


class TestSilence:
    """Silence, a counter, and one line of the log that names the client and the reason."""

    def check(self, server: Server, reason: str, subject: str, send: Callable[[], Answer]) -> None:
        before = drops(server, reason)
        assert send().code is None
        until(lambda: drops(server, reason) > before, 5, f"{reason} is counted in /metrics")
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        told = [line for line in lines if line["event"] == "packet-dropped" and line["reason"] == reason]
        assert any(line["subject"] == subject for line in told)

    def test_an_unknown_client(self, server: Server, alice: str) -> None:
        request = pap(alice, "s3cret pass") | {"Packet-Src-IP-Address": "127.0.0.9"}
        self.check(server, "unknown-client", "127.0.0.9", lambda: server.auth(request, timeout=0.5))

    def test_a_wrong_secret_of_a_signed_login(self, server: Server, alice: str) -> None:
        request = pap(alice, "s3cret pass") | {"Message-Authenticator": "0x00"}
        send = lambda: server.auth(request, secret="wrong", timeout=0.5)  # noqa: E731
        self.check(server, "message-authenticator-wrong", "here", send)

    def test_a_wrong_secret_of_accounting(self, server: Server) -> None:
        send = lambda: server.acct(accounting("Start", "unsure"), secret="wrong", timeout=0.5)  # noqa: E731
        self.check(server, "request-authenticator-wrong", "here", send)
        assert server.sql("SELECT count(*) FROM radacct WHERE acctsessionid = 'unsure'") == [(0,)]

    def test_a_code_on_the_wrong_port(self, server: Server, alice: str) -> None:
        send = lambda: radclient(server.acct_port, "auth", pap(alice), timeout=0.5)  # noqa: E731
        self.check(server, "wrong-code", "here", send)

    @pytest.mark.parametrize("reason", MALFORMED)
    def test_a_malformed_packet(self, server: Server, wire: socket.socket, reason: str) -> None:
        before = drops(server, reason)
        whole = access_request(Secret(SECRET.encode()), "alice", "s3cret pass", signed=False)
        wire.sendto(MALFORMED[reason](whole), ("127.0.0.1", server.auth_port))
        until(lambda: drops(server, reason) == before + 1, 5, f"{reason} is counted")
        wire.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.recv(4096)


class TestAccounting:
    def test_start_interim_and_stop_become_one_row(self, server: Server, fresh: Callable[[str], str]) -> None:
        session_id = fresh("whole")
        assert server.acct(accounting("Start", session_id)).code == "Accounting-Response"
        assert row(server, session_id)[1:] == ("alice", "127.0.0.1", "10.20.30.40", 0, 0, 0, "")
        more = {"Acct-Session-Time": 300, "Acct-Input-Octets": 1000, "Acct-Input-Gigawords": 1}
        server.acct(accounting("Interim-Update", session_id) | more | {"Acct-Output-Octets": 5})
        assert row(server, session_id)[4:] == (300, 2**32 + 1000, 5, "")
        more = {"Acct-Session-Time": 400, "Acct-Input-Octets": 2000, "Acct-Input-Gigawords": 1}
        server.acct(
            accounting("Stop", session_id) | more | {"Acct-Output-Octets": 9, "Acct-Terminate-Cause": "User-Request"}
        )
        assert row(server, session_id)[4:] == (400, 2**32 + 2000, 9, "User-Request")
        unique = hashlib.md5(f"alice,{session_id},127.0.0.1,,,7".encode()).hexdigest()
        assert row(server, session_id)[0] == unique

    def test_accounting_on_closes_what_was_open(self, server: Server, fresh: Callable[[str], str]) -> None:
        session_id = fresh("cut")
        nas = {"NAS-IP-Address": "192.0.2.77"}
        # Times are whole seconds, and what began in the second of the reboot may have outlived it.
        server.acct(accounting("Start", session_id) | nas | {"Acct-Delay-Time": 10})
        on = {"Acct-Status-Type": "Accounting-On", "NAS-IP-Address": "192.0.2.77", "Acct-Session-Id": "on"}
        assert server.acct(on).code == "Accounting-Response"
        closed = server.sql(
            "SELECT acctstoptime IS NOT NULL, acctterminatecause FROM radacct WHERE acctsessionid = %s", session_id
        )
        assert closed == [(True, "NAS-Reboot")]

    def test_accounting_off_with_nothing_open_is_answered(self, server: Server) -> None:
        off = {"Acct-Status-Type": "Accounting-Off", "NAS-IP-Address": "192.0.2.78"}
        assert server.acct(off).code == "Accounting-Response"

    def test_the_operator_sees_the_session(self, server: Server, alice: str, fresh: Callable[[str], str]) -> None:
        session_id = fresh("seen")
        server.acct(accounting("Start", session_id, Calling_Station_Id=session_id))
        listed = server.rest.get("/sessions", params={"state": "active", "calling_station_id": session_id})
        assert listed.status_code == 200, listed.text
        (session,) = listed.json()["items"]
        assert (session["username"], session["client"], session["state"]) == (alice, "here", "active")
        shown = json.loads(server.cli("session", "list", "--state", "active", "--json"))
        assert session["id"] in [one["id"] for one in (shown["items"] if isinstance(shown, dict) else shown)]
        server.acct(accounting("Stop", session_id, Calling_Station_Id=session_id))
        assert (
            server.rest.get("/sessions", params={"state": "active", "calling_station_id": session_id}).json()["items"]
            == []
        )
        assert server.rest.get(f"/sessions/{session['id']}").json()["state"] == "closed"


def row(server: Server, session_id: str) -> tuple[object, ...]:
    (found,) = server.sql(
        """SELECT acctuniqueid, username, host(nasipaddress), host(framedipaddress), acctsessiontime, acctinputoctets,
                  acctoutputoctets, coalesce(acctterminatecause, '')
           FROM radacct WHERE acctsessionid = %s""",
        session_id,
    )
    return found


class TestChanges:
    """What anyone writes is in the answers of every worker within a second."""

    def test_a_row_changed_by_sql(self, server: Server, fresh: Callable[[str], str]) -> None:
        name, group = fresh("user"), fresh("group")
        server.add_group(group, Session_Timeout=100)
        server.add_user(name, groups=[group])
        until(server.accepts(name), WITHIN, "the user is accepted")
        server.sql("UPDATE radgroupreply SET value = '200' WHERE groupname = %s", group)
        timeouts = lambda: server.auth(pap(name))["Session-Timeout"]  # noqa: E731
        until(lambda: timeouts() == "200", 1.0, "the new Session-Timeout is answered")
        # radclient takes another port each time, and so meets the other workers.
        assert {timeouts() for _ in range(10)} == {"200"}
        server.sql("DELETE FROM radcheck WHERE username = %s", name)
        until(lambda: server.auth(pap(name)).code == "Access-Reject", 1.0, "the user is gone")

    def test_a_client_added_over_rest_talks_at_once(
        self, server: Server, alice: str, fresh: Callable[[str], str]
    ) -> None:
        request = pap(alice, "s3cret pass") | {"Packet-Src-IP-Address": "127.0.0.5"}
        assert server.auth(request, secret="its own", timeout=0.5).code is None
        name = fresh("nas")
        made = server.rest.post(
            "/clients", json={"name": name, "address": "127.0.0.5/32", "secret": "its own", "kind": "pptpd"}
        )
        assert made.status_code == 201, made.text
        ask = lambda: server.auth(request, secret="its own", timeout=0.3)  # noqa: E731
        until(lambda: ask().accepted, 1.0, "the new client is answered")
        assert server.rest.delete(f"/clients/{name}").status_code == 204
        until(lambda: ask().code is None, 2.0, "the deleted client meets silence")

    def test_the_longest_prefix_gives_the_secret(self, server: Server, alice: str) -> None:
        server.add_client("127.0.0.16/28", "of the network", "network")
        server.add_client("127.0.0.20/32", "of the host", "host")
        for source, secret in [("127.0.0.17", "of the network"), ("127.0.0.20", "of the host")]:
            request = {"User-Name": alice, "CHAP-Password": "s3cret pass", "Packet-Src-IP-Address": source}
            until(lambda: server.auth(request, secret=secret, timeout=0.3).accepted, WITHIN, f"{source} is answered")  # noqa: B023
        request = {"User-Name": alice, "CHAP-Password": "s3cret pass", "Packet-Src-IP-Address": "127.0.0.20"}
        assert server.auth(request, secret="of the network", timeout=0.5).code is None

    def test_a_bad_row_rejects_its_user_and_nobody_else(
        self, server: Server, alice: str, fresh: Callable[[str], str]
    ) -> None:
        name = fresh("user")
        server.add_user(name)
        until(server.accepts(name), WITHIN, "the user is accepted")
        server.sql(
            "INSERT INTO radreply (username, attribute, op, value) VALUES (%s, 'No-Such-Thing', ':=', '1')", name
        )
        until(lambda: server.auth(pap(name)).code == "Access-Reject", 1.0, "the bad row rejects")
        assert server.auth(pap(alice, "s3cret pass")).accepted
        server.sql("DELETE FROM radreply WHERE username = %s", name)
        until(server.accepts(name), 1.0, "without the row the user is accepted")


class TestAuthLog:
    def test_logins_are_written_without_their_passwords(self, server: Server, fresh: Callable[[str], str]) -> None:
        name = fresh("logged")
        server.add_user(name, "the-right-password")
        until(server.accepts(name, "the-right-password"), WITHIN, "the user is accepted")
        server.auth(pap(name, "the-wrong-password"))
        rows = until(
            lambda: (
                {"Access-Accept", "Access-Reject"} <= {reply for reply, _ in logged(server, name)}
                and logged(server, name)
            ),
            5,
            "both are in radpostauth",
        )
        assert not any("password" in (password or "") for _, password in rows)
        assert "the-right-password" not in server.log
        assert "the-wrong-password" not in server.log


def logged(server: Server, name: str) -> list[tuple[str, str | None]]:
    return server.sql("SELECT reply, pass FROM radpostauth WHERE username = %s", name)
