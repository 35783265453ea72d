"""A batch of accounting records posted, in the order they came, to the sessions they belong to.

The rule: the ledger is given every session that its records may touch, as the database has it, and says in the end
what to write. It does no input or output, so that a batch can be posted again after a deadlock.
"""

from collections.abc import Iterable

from radiusd.decide.accounting import ACCOUNTING_OFF, ACCOUNTING_ON, AccountingRecord
from radiusd.sessions.fold import fold
from radiusd.sessions.state import BY_REBOOT, CAUSE_REBOOT, UNCHANGED, Event, SessionState

REBOOTS = frozenset({ACCOUNTING_ON, ACCOUNTING_OFF})


class Ledger:
    """Sessions by unique id, those that gave up their id, the timeline's new lines, and the NASes' reload times."""

    __slots__ = ("displaced", "events", "reloads", "sessions")

    def __init__(self, sessions: Iterable[SessionState] = ()) -> None:
        self.sessions = {state.unique_id: state for state in sessions}
        self.displaced: list[SessionState] = []
        self.events: list[Event] = []
        self.reloads: dict[str, float] = {}

    def post(self, record: AccountingRecord) -> None:
        """Post one record."""
        if record.status in REBOOTS:
            self._reboot(record)
            return
        change = fold(self.sessions.get(record.unique_id), record)
        self.sessions[record.unique_id] = change.state
        if change.displaced is not None:
            self.displaced.append(change.displaced)
        self.events += change.events

    def changed(self) -> list[SessionState]:
        """Return the sessions to write, by unique id: the order in which every process takes its locks."""
        states = [state for state in (*self.sessions.values(), *self.displaced) if state.change != UNCHANGED]
        states.sort(key=lambda state: state.unique_id)
        return states

    def _reboot(self, record: AccountingRecord) -> None:
        """Close the sessions that a NAS had before it said Accounting-On or -Off, each when it was last heard of.

        Only those that its own client reported: several NASes may claim one address (127.0.1.1 is a favourite). A
        session that was heard of after the reboot has outlived it.
        """
        self.reloads[record.nas_ip] = max(record.event_time, self.reloads.get(record.nas_ip, 0.0))
        for state in self.sessions.values():
            if (
                state.stop is None
                and state.nas_ip == record.nas_ip
                and state.client_name in (None, record.client_name)
                and state.start < record.event_time
                and state.last_event <= record.event_time
            ):
                state.close(state.last_event, BY_REBOOT, CAUSE_REBOOT, record.received)
                self.events.append(
                    Event(state, "closed", record.received, {"closed_by": BY_REBOOT, "stop": state.stop})
                )
