"""Items: what a row of a check or reply table says, parsed and shared.

The rule: `ItemTable.item` turns (attribute, operator, value) into an Item or the words that say why it cannot; the
answer is remembered and equal rows share one Item. Passwords are never remembered: each is parsed when its user is
evaluated, and `takes_any_value` says of which rows nothing else can be wrong.

How a row is read is FreeRADIUS 3.2's way (observed): a value in double or single quotes is what stands between them,
one in back quotes is expanded at each request; no operator means `==`; a regular expression must itself be a value of
its attribute's type (so that only those on strings are free), and what is matched is the printed form.
"""

import re
from typing import Final

from radiusd.dictionary.attributes import Attribute, Dictionary
from radiusd.errors import PolicyError, WireError
from radiusd.policy import login_time, passwords
from radiusd.policy.expansion import Expansion
from radiusd.policy.regex import compile_pattern
from radiusd.policy.typed import OPERATORS, secret
from radiusd.protocol.attribute_types import USER_PASSWORD
from radiusd.protocol.encode import attribute as encode_attribute
from radiusd.protocol.encode import split_attribute

MOST_REMEMBERED: Final = 16_384
"""Distinct rows that are remembered; when there are more, all are forgotten and sharing starts again."""

ANY_TAG: Final = -1

ASSIGNING: Final = frozenset((":=", "+="))
"""Operators that always match in a check list."""

NO_CONTROL: Final = frozenset(("==", "!=", "<", ">", "=~", "!~", "=*", "!*", "-="))
"""Operators that add nothing to the control list."""

_ORDERED: Final = {"integer": 4, "ipaddr": 4, "date": 4, "short": 2, "byte": 1, "bool": 1, "signed": 4, "integer64": 8}
_WRAPPING: Final = frozenset(("integer", "ipaddr", "date"))
_NEVER_COMPARED: Final = frozenset(
    ("Crypt-Password", "Auth-Type", "Autz-Type", "Acct-Type", "Session-Type", "Strip-User-Name")
)
_SPECIAL: Final = frozenset(
    ("SQL-Group", "Prefix", "Suffix", "Packet-Type", "Current-Time", "Time-Of-Day", "Expiration", "SQL-User-Name")
)
# The addresses that the packet came from, by family.
_SOURCES: Final = {
    "Client-IP-Address": "source",
    "Packet-Src-IP-Address": "source",
    "Packet-Src-IPv6-Address": "source6",
}
_SPECIAL_BY_NAME: Final = {name.lower(): name for name in _SPECIAL} | {
    name.lower(): special for name, special in _SOURCES.items()
}
_ROLES: Final = {
    "Auth-Type": "auth-type",
    "Expiration": "expiration",
    "Login-Time": "login-time",
    "User-Profile": "profile",
    **dict.fromkeys(passwords.ALL, "password"),
}
_TAG: Final = re.compile(r"(.+):(\d{1,2}|\*)", re.DOTALL)
# What still fits once it is hidden: RFC 2865 5.2, RFC 2868 3.5.
_MOST_HIDDEN: Final = {1: 128, 2: 239}
_QUOTES: Final = frozenset("\"'`")


class Item:
    """One parsed row, without its id; read-only and shared.

    `value` is the wire form of the value before any encryption; `bare` the same without its tag and `number` that as
    an integer, for comparing; `wire` the whole encoded attribute, empty for what never travels. `sent` is the
    attribute and value to put on the wire: for what lies inside a TLV, the outer attribute. `special` names a comparer
    of its own, `role` what the item means in the control list. `caution` says why the row has no effect, or not the
    one its writer may have meant.
    """

    __slots__ = (
        "attribute",
        "bare",
        "caution",
        "compared",
        "expansion",
        "identity",
        "number",
        "op",
        "pattern",
        "role",
        "sent",
        "size",
        "special",
        "tag",
        "text",
        "value",
        "wire",
        "wraps",
    )

    def __init__(self, attribute: Attribute, op: str, value: bytes, text: str, tag: int = 0) -> None:
        self.attribute = attribute
        self.op = op
        self.value = value
        self.text = text
        self.tag = tag
        # Two names of one number are one attribute; what lies inside a TLV has only its OID.
        self.identity: int | tuple[int, ...] = attribute.key if attribute.key >= 0 else attribute.oid
        self.bare = attribute.untagged(value) if attribute.has_tag else value
        self.size = _ORDERED.get(attribute.type, 0)
        self.wraps = attribute.type in _WRAPPING
        self.number = int.from_bytes(self.bare, "big", signed=attribute.type == "signed") if self.size else 0
        self.special = _SPECIAL_BY_NAME.get(attribute.name.lower(), "") if attribute.internal else ""
        self.role = _ROLES.get(attribute.name, "") if attribute.internal else ""
        self.compared = op not in ASSIGNING and attribute.name not in _NEVER_COMPARED
        self.pattern: re.Pattern[str] | None = None
        self.expansion: Expansion | None = None
        self.caution = ""
        self.sent = (attribute, value)
        self.wire = b""

    def __repr__(self) -> str:
        return f"Item({self.show()!r})"

    def show(self) -> str:
        """Print the item for a trace, a secret without its value."""
        text = "(hidden)" if secret(self.attribute.name) else self.text
        return f"{self.attribute.name} {self.op} {text}"


class ItemTable:
    """Parses rows against one dictionary and remembers what it parsed."""

    __slots__ = ("_any_value", "_remembered", "_words", "dictionary")

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self._remembered: dict[tuple[str, str, str], Item | str] = {}
        self._any_value: dict[tuple[str, str], bool] = {}
        self._words: dict[str, str] = {}

    def word(self, text: str) -> str:
        """Return the one copy of an attribute name or operator."""
        if len(self._words) > MOST_REMEMBERED:
            self._words.clear()
        return self._words.setdefault(text, text)

    def item(self, attribute: str, op: str, value: str) -> Item | str:
        """Parse one row: an Item, or what is wrong with the row."""
        key = (attribute, op, value)
        found = self._remembered.get(key)
        if found is None:
            try:
                found = parse(self.dictionary, attribute, op, value)
            except PolicyError as error:
                found = str(error)
            if not secret(attribute):
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = found
        return found

    def takes_any_value(self, attribute: str, op: str) -> bool:
        """Tell whether a row with this attribute and operator is good whatever its value (but for back quotes).

        That is so for passwords in clear, of which every user has another one.
        """
        known = self._any_value.get((attribute, op))
        if known is None:
            found = self.dictionary.named(attribute)
            known = found is not None and found.internal and found.type == "string" and op in ASSIGNING
            known = known and not (found is not None and found.name in ("Login-Time", "Time-Of-Day"))
            if len(self._any_value) > MOST_REMEMBERED:
                self._any_value.clear()
            self._any_value[attribute, op] = known
        return known


def parse(dictionary: Dictionary, name: str, op: str, value: str) -> Item:
    """Parse one row; raises PolicyError that says what is wrong, never with a password in its words."""
    attribute, tag = _attribute(dictionary, name)
    op = op.strip()
    caution = ""
    if not op:
        op, caution = "==", "there is no operator: the row works as =="
    if op not in OPERATORS:
        raise PolicyError(f"{op!r} is no operator")
    text, quote = _unquoted(value)
    if quote == "`":
        item = Item(attribute, op, b"", value, tag)
        item.expansion = Expansion(text, dictionary)
        return item
    if op in ("=*", "!*") and not text:
        item = Item(attribute, op, b"", text, tag)
    else:
        item = Item(attribute, op, _encode(attribute, text, tag), text, tag)
    if op in ("=~", "!~"):
        item.pattern = compile_pattern(text if attribute.type == "string" else attribute.format(item.value))
    if not attribute.internal:
        _place_on_wire(item, dictionary)
    item.caution = caution or _caution(item)
    return item


def with_value(item: Item, text: str, dictionary: Dictionary) -> Item:
    """Make the item that an expanded one becomes at a request; raises PolicyError for a value it cannot hold."""
    made = Item(item.attribute, item.op, _encode(item.attribute, text, item.tag), text, item.tag)
    if made.op in ("=~", "!~"):
        made.pattern = compile_pattern(text)
    if not made.attribute.internal:
        _place_on_wire(made, dictionary)
    return made


def with_number(attribute: Attribute, number: int) -> Item:
    """Make a reply item that holds `number` in four octets."""
    item = Item(attribute, ":=", number.to_bytes(4, "big"), str(number))
    item.wire = encode_attribute(attribute.key, item.value)
    return item


def _attribute(dictionary: Dictionary, name: str) -> tuple[Attribute, int]:
    attribute = dictionary.named(name)
    if attribute is not None:
        return attribute, 0
    match = _TAG.fullmatch(name)
    attribute = dictionary.named(match[1]) if match else None
    if match is None or attribute is None:
        raise PolicyError(f"there is no attribute {name!r} in the dictionaries")
    if not attribute.has_tag:
        return attribute, 0
    tag = ANY_TAG if match[2] == "*" else int(match[2])
    if tag > 31:
        raise PolicyError(f"{name}: a tag is at most 31")
    return attribute, tag


def _unquoted(value: str) -> tuple[str, str]:
    """Take the quotes off a value that stands in them as a whole; the text and the quote, "" where there is none."""
    if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
        return value[1:-1], value[0]
    return value, ""


def _encode(attribute: Attribute, text: str, tag: int) -> bytes:
    if attribute.has_tag:
        # A given tag keeps `:3:text` from being read as one, as FreeRADIUS does for rows.
        return attribute.encode(text, max(tag, 0))
    return attribute.encode(text)


def _place_on_wire(item: Item, dictionary: Dictionary) -> None:
    """Encode the item as it will travel; raises PolicyError for what cannot."""
    attribute, value = item.attribute, item.value
    if attribute.key < 0:
        attribute, value = _wrapped(attribute, value, dictionary)
        item.sent = (attribute, value)
    if len(item.bare) > _MOST_HIDDEN.get(attribute.encrypt, len(item.bare)):
        raise PolicyError(f"{attribute.name}: a hidden value has at most {_MOST_HIDDEN[attribute.encrypt]} octets")
    try:
        if attribute.concat:
            item.wire = split_attribute(attribute.key, value, dictionary.formats)
        else:
            item.wire = encode_attribute(attribute.key, value, dictionary.formats)
    except WireError:
        raise PolicyError(f"{item.attribute.name}: the value is too long for an attribute") from None


def _wrapped(attribute: Attribute, value: bytes, dictionary: Dictionary) -> tuple[Attribute, bytes]:
    """Wrap a value into the TLVs it lies in, up to the attribute that has a key (RFC 6929 2.3, WiMAX)."""
    oid = attribute.oid
    while len(oid) > 1:
        outer = dictionary.at(oid[:-1])
        if outer is None or outer.type not in ("tlv", "extended", "long-extended"):
            break
        if len(value) > 253 or oid[-1] > 255:
            raise PolicyError(f"{attribute.name}: the value is too long for an attribute")
        value = bytes((oid[-1], len(value) + 2)) + value
        oid = oid[:-1]
        if outer.key >= 0:
            return outer, value
    raise PolicyError(f"{attribute.name} lies inside an attribute that radiusd cannot write")


def _caution(item: Item) -> str:
    """Say why a good row has no effect, "" where it has one."""
    name, op = item.attribute.name, item.op
    if name == "Cleartext-Password" and op not in ASSIGNING:
        return f"Cleartext-Password {op} compares with the request and never authenticates: use :="
    if item.identity == USER_PASSWORD and op in (":=", "==", "="):
        return f"User-Password {op} never authenticates: use Cleartext-Password :="
    if name == "Auth-Type" and op in NO_CONTROL:
        return f"Auth-Type {op} is never compared and sets nothing: use :="
    if name in ("Login-Time", "Current-Time"):
        unread = login_time.parse(item.text).unread
        if unread:
            return f"{name}: {', '.join(map(repr, unread))} cannot be read"
    return ""
