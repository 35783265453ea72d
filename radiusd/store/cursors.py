"""Keyset cursors: the sort key of a page's last item, as an opaque word.

The rule: a cursor holds nothing that its list does not show, and a list continues after it even when
that item is gone. It needs no signature: what it may name, its owner may read anyway.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from radiusd.errors import ApiError
from radiusd.store.resources import Page

Key = int | str
Out = TypeVar("Out")


def write(*keys: Key) -> str:
    """Return the cursor of an item with these sort keys."""
    return base64.urlsafe_b64encode(json.dumps(keys, separators=(",", ":")).encode()).decode().rstrip("=")


def read(cursor: str | None, *types: type[Key]) -> Sequence[Key] | None:
    """Return the sort keys of `cursor`, None where there is none; ApiError 422 if it is not from here."""
    if cursor is None:
        return None
    keys: object
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        keys = None
    if isinstance(keys, list) and len(keys) == len(types):
        fitting = [key for key, wanted in zip(keys, types, strict=True) if type(key) is wanted and _storable(key)]
        if len(fitting) == len(types):
            return fitting
    raise ApiError(422, "this is not a cursor of this list; take the `next` of the page before", field="cursor")


def read_number(cursor: str | None) -> int | None:
    """Return the one number that `cursor` holds."""
    keys = read(cursor, int)
    return None if keys is None else int(keys[0])


def read_text(cursor: str | None) -> str | None:
    """Return the one text that `cursor` holds."""
    keys = read(cursor, str)
    return None if keys is None else str(keys[0])


def _storable(key: Key) -> bool:
    if isinstance(key, int):
        return abs(key) < 2**63
    return "\0" not in key and not any("\ud800" <= character <= "\udfff" for character in key)


def page(items: list[Out], limit: int, key: Callable[[Out], Sequence[Key]]) -> Page[Out]:
    """Make a page of at most `limit` of `items`, of which one more was asked for; `key` gives an item's sort keys."""
    following = write(*key(items[limit - 1])) if len(items) > limit else None
    return Page(items=items[:limit], next=following)


def pattern(q: str) -> str:
    r"""Return the LIKE pattern (escape character \) that finds `q` anywhere."""
    return "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
