"""The records that wait to be written: in the order they came, and apart from them those of locked sessions.

The rules:

- What is under way stays at the head of the queue until it is finished, so that nothing is lost if the writer ends.
- Records of a session whose row is locked by somebody else are set aside; later ones of that session join them, so
  that their order is kept. An Accounting-On or -Off waits alone: records that overtake it tell by their time that they
  are newer than it.
- One bound is on all of them.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from radiusd.decide.accounting import AccountingRecord
from radiusd.sessions.ledger import REBOOTS

Done = Callable[[bool], None]
Entry = tuple[AccountingRecord, Done]


class AccountingQueue:
    """A queue of records with whom to tell; its length counts all that are not finished."""

    def __init__(self, most: int) -> None:
        """Take the bound."""
        self._most = most
        self._ready: deque[Entry] = deque()
        self._aside: dict[str, deque[Entry]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def ready(self) -> bool:
        """Tell whether there is anything to write now."""
        return bool(self._ready)

    @property
    def held(self) -> list[AccountingRecord]:
        """The first record of each session that is set aside."""
        return [entries[0][0] for entries in self._aside.values() if entries]

    def append(self, entry: Entry) -> bool:
        """Take an entry; returns False, and takes nothing, when the queue is full."""
        if self._length >= self._most:
            return False
        self._length += 1
        self._ready.append(entry)
        return True

    def head(self, most: int) -> list[Entry]:
        """Return the first entries, which stay where they are."""
        return list(islice(self._ready, most))

    def finish(self, part: Sequence[Entry]) -> None:
        """Take off `part`, which is the head."""
        for _ in part:
            self._ready.popleft()
        self._length -= len(part)

    def hold(self, keys: Iterable[str]) -> None:
        """Hold the sessions up until they are released: see `key`."""
        for each in keys:
            self._aside.setdefault(each, deque())

    def set_aside(self, part: Sequence[Entry]) -> Sequence[Entry]:
        """Move what must wait out of `part`, which is the head; return the rest, which then is the head."""
        if not self._aside:
            return part
        rest: list[Entry] = []
        for entry in part:
            self._ready.popleft()
            self._aside.get(key(entry[0]), rest).append(entry)
        self._ready.extendleft(reversed(rest))
        return rest

    def release(self, keys: Iterable[str]) -> None:
        """Move the records of these sessions to the head, in their order."""
        for each in keys:
            self._ready.extendleft(reversed(self._aside.pop(each)))


def key(record: AccountingRecord) -> str:
    """Name what the record waits for when it is locked: its session, or its NAS's sessions if it is of a reboot."""
    return f"nas {record.nas_ip}" if record.status in REBOOTS else record.unique_id
