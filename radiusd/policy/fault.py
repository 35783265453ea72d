"""What keeps a row from being a good one, said before it is written.

The rule: whoever writes a row through radiusd hears at once what FreeRADIUS would only show as a login
that fails. Rows that can be read but would do nothing, or not what was meant, are refused as well.
"""

from typing import Literal, NamedTuple

from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import PolicyError
from radiusd.policy.items import parse
from radiusd.policy.typed import OPERATORS, Row


class Fault(NamedTuple):
    """What is wrong with a row, and where: `part` is the column to look at."""

    part: Literal["attribute", "op", "value"]
    message: str


def find(dictionary: Dictionary, row: Row) -> Fault | None:
    """Return what is wrong with `row`, None where nothing is; the words never hold a password."""
    if dictionary.named(row.attribute.split(":", 1)[0]) is None:
        return Fault("attribute", f"there is no attribute {row.attribute!r} in the dictionaries")
    if row.op not in OPERATORS:
        return Fault("op", f"{row.op!r} is no operator; there are {' '.join(sorted(OPERATORS))}")
    try:
        item = parse(dictionary, row.attribute, row.op, row.value)
    except PolicyError as error:
        return Fault("value", str(error))
    if item.caution:
        return Fault("value" if item.attribute.name in ("Login-Time", "Current-Time") else "op", item.caution)
    return None
