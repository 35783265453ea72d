"""What is known of each kind of NAS, as data: how it treats the interim interval that it is granted.

The rule: a fact stands here only if it was read in the NAS's source, its documents or a capture; what is unknown has
the value that assumes least. `other` stands for every kind that has no row of its own.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of NAS.

    `interim_floor` is the least interval in seconds to which it raises a shorter one (0: it takes what it is given).
    """

    name: str
    interim_floor: int = 0


OTHER: Final = Kind("other")

# The column that keeps it is an integer of 32 bits.
_LONGEST: Final = (1 << 31) - 1

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        # pppd's radius plugin raises intervals under a minute to a minute.
        Kind("pptpd", interim_floor=60),
        # Windows takes no interval under 60 s.
        Kind("rras", interim_floor=60),
        Kind("accel-ppp"),
        Kind("strongswan"),
        Kind("ocserv"),
        Kind("openvpn"),
        Kind("mikrotik"),
        OTHER,
    )
}


def expected_interval(kind: str, granted: int | None) -> int | None:
    """Return the seconds between interims that a NAS of `kind` will keep when `granted` so many; None: none."""
    if not granted or granted < 0:
        return None
    return min(max(granted, KINDS.get(kind, OTHER).interim_floor), _LONGEST)
