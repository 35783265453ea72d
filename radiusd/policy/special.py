"""Check items that compare with something else than an attribute of the packet.

SQL-Group (membership), Prefix and Suffix (of User-Name), SQL-User-Name (the name that is looked up), Packet-Type,
Current-Time, Time-Of-Day and Expiration. The rule, FreeRADIUS 3.2's as observed: a comparer gives a number that the
operator judges as usual; `=~` and `!~` both mean "equal"; they are always present, so that `=*` matches and `!*` does
not. What depends on the request or the time must not be cached: `depends` tells.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from radiusd.policy import login_time
from radiusd.policy.items import Item
from radiusd.policy.model import Request
from radiusd.policy.operators import satisfies
from radiusd.protocol.attribute_types import USER_NAME

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")


def depends(item: Item) -> bool:
    """Tell whether a special item looks at the request or the time; SQL-Group and the looked up name do neither."""
    return item.special not in ("SQL-Group", "SQL-User-Name")


def matches(item: Item, user_name: str, groups: Collection[str], request: Request, now: float) -> bool:
    """Tell whether a special check item matches; `groups` are all the user's, `now` is in epoch seconds."""
    if item.op in ("=*", "!*"):
        return item.op == "=*"
    return satisfies(item.op, _distance(item, user_name, groups, request, now))


def _distance(item: Item, user_name: str, groups: Collection[str], request: Request, now: float) -> int:
    special, text = item.special, item.text
    if special == "SQL-Group":
        return int(text not in groups)
    if special == "SQL-User-Name":
        return (user_name > text) - (user_name < text)
    if special == "Packet-Type":
        return int(item.number != request.code)
    if special == "Current-Time":
        return 0 if login_time.parse(text).remaining(now) != 0 else -1
    if special == "Expiration":
        return int(now > item.number)
    if special == "Time-Of-Day":
        return _clock_distance(text, now)
    name = next((value for key, value in request.attributes if key == USER_NAME), b"")
    part = item.value
    if special == "Prefix":
        name = name[: len(part)]
    elif len(name) >= len(part):
        name = name[len(name) - len(part) :]
    return (name > part) - (name < part)


def _clock_distance(text: str, now: float) -> int:
    """Compare the local time of day with hh:mm or hh:mm:ss, in seconds; a text that is neither counts as later."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return -1
    moment = datetime.fromtimestamp(now)  # noqa: DTZ006 - local time is what is meant
    wanted = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
    return moment.hour * 3600 + moment.minute * 60 + moment.second - wanted
