"""One session as it is kept: what `radacct` and `radiusd.session` hold of it between two packets.

The rule: a state belongs to whoever loaded it, for the length of one batch; `fold` and `reap` change it in place and
mark how much there is to write. Times are epoch seconds as floats, by the NAS's clock where the packet gives it
(`start`, `stop`, `last_event`), by ours for `last_seen` and `closed_at`.
"""

from hashlib import md5
from typing import Final, NamedTuple

from radiusd.decide.accounting import AccountingRecord, Facts

# How much of a state is to be written: nothing, counters and times, every column.
UNCHANGED: Final = 0
COUNTERS: Final = 1
EVERYTHING: Final = 2

BY_NAS: Final = "nas"
BY_REAPER: Final = "reaper"
BY_SUPERSEDE: Final = "supersede"
BY_REBOOT: Final = "nas-reboot"

CAUSE_LOST_CARRIER: Final = "Lost-Carrier"
CAUSE_PREEMPTED: Final = "Port-Preempted"
CAUSE_REBOOT: Final = "NAS-Reboot"


class SessionState:
    """A session. The defaults are those of one that is open and of which only the id is known.

    `stored_id` is the unique id under which `radacct` has it (None: not yet), `session_id` the public UUID (None: to
    be made), `interval` the seconds between its last two updates, `granted` the interim interval it was given and
    `expected` the one to reckon with. `follows` tells whether another session had the unique id before (None: not
    looked up). `start_inferred`: no Start has been seen.
    """

    __slots__ = (
        "acct_session_id",
        "cause",
        "change",
        "client_name",
        "closed_at",
        "closed_by",
        "connect_start",
        "connect_stop",
        "expected",
        "facts",
        "follows",
        "granted",
        "group_name",
        "input_octets",
        "interval",
        "last_event",
        "last_seen",
        "nas_ip",
        "output_octets",
        "radacct_id",
        "reopened",
        "session_id",
        "session_time",
        "start",
        "start_inferred",
        "stop",
        "stop_uncertainty",
        "stored_id",
        "unique_id",
    )

    def __init__(self, unique_id: str, acct_session_id: str, nas_ip: str, facts: Facts) -> None:
        self.unique_id = unique_id
        self.acct_session_id = acct_session_id
        self.nas_ip = nas_ip
        self.facts = facts
        self.stored_id: str | None = None
        self.radacct_id: int | None = None
        self.session_id: str | None = None
        self.start = self.last_event = self.last_seen = 0.0
        self.stop: float | None = None
        self.interval: int | None = None
        self.session_time = self.input_octets = self.output_octets = 0
        self.cause: str | None = None
        self.connect_start: str | None = None
        self.connect_stop: str | None = None
        self.client_name: str | None = None
        self.group_name: str | None = None
        self.granted: int | None = None
        self.expected: float | None = None
        self.closed_by: str | None = None
        self.closed_at: float | None = None
        self.stop_uncertainty: int | None = None
        self.start_inferred = False
        self.reopened = 0
        self.follows: bool | None = False
        self.change = UNCHANGED

    def close(self, stop: float, closed_by: str, cause: str, now: float) -> None:
        """Close at `stop`, which is never before the start; the session time is derived where none was reported."""
        self.stop = max(stop, self.start)
        self.closed_by = closed_by
        self.closed_at = now
        self.cause = cause
        self.stop_uncertainty = None
        if not self.session_time:
            self.session_time = int(self.stop - self.start)
        self.change = EVERYTHING

    def reopen(self) -> None:
        """Take back a close that was inferred and proved wrong."""
        self.stop = self.closed_by = self.closed_at = self.cause = self.stop_uncertainty = None
        self.connect_stop = None
        self.reopened += 1
        self.change = EVERYTHING

    def give_up_id(self) -> None:
        """Take a unique id of its own, so that a newer session can have the one that the NAS's packets lead to."""
        self.unique_id = md5(f"{self.unique_id},{int(self.start)}".encode()).hexdigest()
        self.change = EVERYTHING


class Event(NamedTuple):
    """One line of a session's timeline; `at` is the server's clock, `detail` what is worth telling."""

    session: SessionState
    kind: str
    at: float
    detail: dict[str, str | int | float | None]


def counters(record: AccountingRecord) -> dict[str, str | int | float | None]:
    """Return what a packet says of time and octets, as the detail of its event."""
    return {
        "event_time": record.event_time,
        "session_time": record.session_time,
        "input_octets": record.input_octets,
        "output_octets": record.output_octets,
    }
