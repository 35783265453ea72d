"""Retransmissions: the same request again gets the same bytes again, or waits for the first (RFC 5080 2.2.2).

A request is known by service, source address, source port, and its first 20 octets, so a new authenticator under
an old identifier is a new request. Two generations of entries turn over every `lifetime` seconds: an entry
lives between one and two lifetimes, and forgetting costs nothing a packet. When a generation is full it
turns over early: the oldest answers are forgotten first.
"""

from radiusd.decide.outcome import RequestKey

PENDING = b""


class Duplicates:
    """The answers of the last few seconds by request, at most `capacity` a generation."""

    __slots__ = ("_capacity", "_current", "_lifetime", "_previous", "_turned_at")

    def __init__(self, lifetime: float, capacity: int = 65536) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._current: dict[RequestKey, bytes] = {}
        self._previous: dict[RequestKey, bytes] = {}
        self._turned_at = 0.0

    def __len__(self) -> int:
        return len(self._current) + len(self._previous)

    def seen(self, key: RequestKey, now: float) -> bytes | None:
        """Return the answer given, PENDING while there is none yet, or None for a new request."""
        if now - self._turned_at >= self._lifetime:
            self._turn(now)
        found = self._current.get(key)
        return self._previous.get(key) if found is None else found

    def enter(self, key: RequestKey, answer: bytes, now: float) -> None:
        """Remember the answer of a request, or that it is PENDING."""
        if now - self._turned_at >= self._lifetime or len(self._current) >= self._capacity:
            self._turn(now)
        self._current[key] = answer

    def forget(self, key: RequestKey) -> None:
        """Let the next transmission of a request be taken as new: its record was not kept."""
        self._current.pop(key, None)
        self._previous.pop(key, None)

    def _turn(self, now: float) -> None:
        # A clock that jumped by more than a lifetime leaves nothing worth keeping in either.
        self._previous = self._current if abs(now - self._turned_at) < 2 * self._lifetime else {}
        self._current = {}
        self._turned_at = now
