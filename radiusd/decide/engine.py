"""The only door: one datagram in, one outcome out.

The walk of a packet, in order: client by address, retransmission, decode, code for this port, authenticator and
Message-Authenticator, then access or accounting. A request becomes pending only after it has proved that
it knows the secret, so that a forged one cannot stand in a real one's way. Nothing is read or written here:
time, chance and the policy snapshot are handed in, and every silence has a reason that is counted.
"""

from radiusd.decide import access, accounting
from radiusd.decide.access import Verdict
from radiusd.decide.accounting import AccountingRecord
from radiusd.decide.credentials import RandomOctets
from radiusd.decide.duplicates import PENDING, Duplicates
from radiusd.decide.outcome import Drop, LoginEntry, Outcome, Record, Reply, RequestKey
from radiusd.errors import WireError
from radiusd.policy.model import Client, Request
from radiusd.policy.snapshot import Snapshot
from radiusd.protocol.attribute_types import (
    CALLED_STATION_ID,
    CALLING_STATION_ID,
    EAP_MESSAGE,
    NAS_IP_ADDRESS,
)
from radiusd.protocol.codes import (
    ACCESS_ACCEPT,
    ACCESS_REQUEST,
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    STATUS_SERVER,
)
from radiusd.protocol.encode import response
from radiusd.protocol.packet import Packet, decode


class Engine:
    """The decisions of one worker; it owns the retransmission cache and the current snapshot."""

    __slots__ = ("_duplicates", "_random_octets", "_reject_delay", "snapshot")

    def __init__(self, *, reject_delay: float, cleanup_delay: float, random_octets: RandomOctets) -> None:
        self.snapshot: Snapshot | None = None
        self._reject_delay = reject_delay
        self._random_octets = random_octets
        self._duplicates = Duplicates(cleanup_delay)

    def use(self, snapshot: Snapshot) -> None:
        """Decide by this snapshot from the next packet on."""
        self.snapshot = snapshot

    def handle(self, service: str, data: bytes, host: str, port: int, now: float) -> Outcome:
        """Decide one datagram that came to the port of `service` ("auth" or "acct") from (`host`, `port`).

        `now` is in seconds since the epoch. Never raises for what is in a packet.
        """
        snapshot = self.snapshot
        if snapshot is None:
            return Drop("policy-not-loaded", "")
        client = snapshot.client_for(host)
        if client is None:
            return Drop("unknown-client", "")
        key = (service, host, port, data[:20])
        seen = self._duplicates.seen(key, now)
        if seen is not None:
            if seen is PENDING:
                return Drop("duplicate-pending", client.name)
            return Reply(seen, 0.0, "duplicate", None, None)
        try:
            packet = decode(data, snapshot.formats)
            code = packet.code
            if code == ACCESS_REQUEST and service == "auth":
                self._check_signature(packet, client, required=client.require_message_authenticator == "yes")
                return self._access(snapshot, client, packet, key, now)
            if code == ACCOUNTING_REQUEST and service == "acct":
                return self._accounting(snapshot, client, packet, key, now)
            if code == STATUS_SERVER:
                self._check_signature(packet, client, required=True)
                return self._status(service, client, packet, key)
        except WireError as error:
            return Drop(error.reason, client.name)
        return Drop("wrong-code", client.name)

    def answered(self, key: RequestKey, reply: bytes, now: float) -> None:
        """Take note that a request got its answer: retransmissions get the same bytes."""
        self._duplicates.enter(key, reply, now)

    def unanswered(self, key: RequestKey) -> None:
        """Take note that a request will get no answer: its retransmission is taken as new."""
        self._duplicates.forget(key)

    @staticmethod
    def _check_signature(packet: Packet, client: Client, *, required: bool) -> None:
        """Check Message-Authenticator whenever it is there; EAP must have it (RFC 3579 3.1), Status-Server too."""
        at = packet.message_authenticator_at
        if at < 0:
            if required or packet.first(EAP_MESSAGE) is not None:
                raise WireError("message-authenticator-missing")
        elif not client.secret.message_authenticator_ok(packet.raw, at):
            raise WireError("message-authenticator-wrong")

    def _access(self, snapshot: Snapshot, client: Client, packet: Packet, key: RequestKey, now: float) -> Outcome:
        verdict = access.decide(snapshot, client, packet, key[1], now, self._random_octets)
        try:
            data = access.answer(client, packet, verdict)
        except WireError:
            # The policy's reply is longer than a packet: what cannot be granted whole is not granted.
            verdict = verdict._replace(accept=False, reason="reply-too-long", body=b"")
            data = access.answer(client, packet, verdict)
        self._duplicates.enter(key, PENDING, now)
        delay = 0.0 if verdict.accept else self._reject_delay
        reason = "access-accept" if verdict.accept else verdict.reason
        return Reply(data, delay, reason, login_entry(client, packet, verdict, now), key)

    def _accounting(self, snapshot: Snapshot, client: Client, packet: Packet, key: RequestKey, now: float) -> Outcome:
        if not client.secret.accounting_ok(packet.raw):
            raise WireError("request-authenticator-wrong")
        at = packet.message_authenticator_at
        if at >= 0 and not client.secret.message_authenticator_ok(packet.raw, at):
            raise WireError("message-authenticator-wrong")
        reply = response(
            ACCOUNTING_RESPONSE,
            packet.identifier,
            packet.authenticator,
            client.secret,
            b"".join(packet.proxy_states),
            message_authenticator=at >= 0,
        )
        record = accounting.read(packet, client, key[1], now, snapshot.dictionary)
        if record is None:
            return Reply(reply, 0.0, "accounting-without-row", None, key)
        if record.status in {accounting.START, accounting.INTERIM}:
            self._add_policy(snapshot, client, packet, record)
        self._duplicates.enter(key, PENDING, now)
        return Record(record, reply, key)

    @staticmethod
    def _add_policy(snapshot: Snapshot, client: Client, packet: Packet, record: AccountingRecord) -> None:
        """Add what the user's policy says of the session: his group, and at the Start the interval that was granted.

        Not later: a policy that changes does not change the interval of a session that is up.
        """
        request = Request(packet.attributes, packet.code, client, None, record.nas_ip)
        decision = access.find(snapshot, client, record.user_name, request, record.received)
        record.group_name = decision.groups[0] if decision.groups else None
        if record.status == accounting.START:
            record.interval_granted = decision.interim_interval

    @staticmethod
    def _status(service: str, client: Client, packet: Packet, key: RequestKey) -> Outcome:
        """Answer Status-Server (RFC 5997): alive, whatever the database does."""
        code = ACCESS_ACCEPT if service == "auth" else ACCOUNTING_RESPONSE
        data = response(
            code,
            packet.identifier,
            packet.authenticator,
            client.secret,
            b"".join(packet.proxy_states),
            message_authenticator=True,
        )
        return Reply(data, 0.0, "status", None, key)


def login_entry(client: Client, packet: Packet, verdict: Verdict, now: float) -> LoginEntry:
    """Put a verdict into a line of the auth log."""
    first = packet.first
    nas_ip = first(NAS_IP_ADDRESS)
    decision = verdict.decision
    return LoginEntry(
        now,
        verdict.user_name,
        client.name,
        _address(nas_ip),
        _text(first(CALLING_STATION_ID)),
        _text(first(CALLED_STATION_ID)),
        "accept" if verdict.accept else "reject",
        verdict.reason,
        decision.rule if decision is not None else "",
        ",".join(decision.groups) if decision is not None else "",
        verdict.method,
    )


def _text(value: bytes | None) -> str:
    # NUL ends MS-RAS strings, and Postgres takes none.
    return "" if value is None else value.decode(errors="replace").replace("\0", "")


def _address(value: bytes | None) -> str | None:
    return ".".join(map(str, value)) if value is not None and len(value) == 4 else None
