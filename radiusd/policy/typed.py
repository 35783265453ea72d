"""Typed fields of users and groups as a view of FreeRADIUS's rows: one table, read in both directions.

The rule: a field owns the first row of its list that has its attribute, one of its operators and a
value that it understands; every other row is shown as it is. Writing a field changes its row in
place and keeps that row's operator, so that rows made by other tools stay as their owner wrote them.

A new group reply row gets the operator `=`: the user's own reply row, or that of a group read
earlier, wins over it. A new check row gets `:=`, which sets a control item instead of comparing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final, Literal, NamedTuple

from radiusd.errors import PolicyError
from radiusd.protocol.values import encode_value

Value = int | str | bool | datetime
List = Literal["check", "reply"]

OPERATORS: Final = frozenset((":=", "=", "+=", "==", "!=", "<", "<=", ">", ">=", "=~", "!~", "=*", "!*", "-=", "^="))
_NAMED_SECRETS: Final = frozenset(("digest-ha1", "totp-key", "totp-secret"))


class Row(NamedTuple):
    """One row of a policy table, without its id and its owner."""

    attribute: str
    op: str
    value: str


class Field(NamedTuple):
    """One typed field: where its row is, how a new one is written, which existing ones are read as it."""

    name: str
    where: List
    attribute: str
    op: str
    ops: frozenset[str]
    read: Callable[[str], Value | None]
    write: Callable[[Value], str]

    def owns(self, row: Row) -> bool:
        """Say whether `row` (of this field's list) can be shown as this field."""
        return row.op in self.ops and row.attribute.lower() == self.attribute.lower() and self.value(row) is not None

    def value(self, row: Row) -> Value | None:
        """Return what the row says, None where it is not a value of this field."""
        return self.read(unquoted(row.value))


def unquoted(text: str) -> str:
    """Return what a row's value says: one in quotes is what stands between them, as FreeRADIUS reads it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def literal(text: str) -> str:
    """Return the value of a row that says `text`; what stands in quotes itself gets others around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return f"'{text}'" if text[0] == '"' else f'"{text}"'
    return text


def _read_text(text: str) -> Value | None:
    return text


def _write_text(value: Value) -> str:
    return literal(str(value))


def _read_integer(text: str) -> Value | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _read_address(text: str) -> Value | None:
    try:
        return str(IPv4Address(text))
    except ValueError:
        return None


def _read_date(text: str) -> Value | None:
    try:
        return datetime.fromtimestamp(int.from_bytes(encode_value("date", text, {})), UTC)
    except PolicyError:
        return None


def _write_date(value: Value) -> str:
    """Write seconds since the epoch: the one form that FreeRADIUS reads alike in every time zone."""
    if not isinstance(value, datetime):
        raise TypeError("a date is a datetime")
    return str(int(value.timestamp()))


def _words(
    words: Mapping[str, Value], *others: tuple[str, Value]
) -> tuple[Callable[[str], Value | None], Callable[[Value], str]]:
    """Make the two converters of a field whose row holds one of few words; `others` are only read."""
    by_text = {word.lower(): value for word, value in (*words.items(), *others)}
    by_value = {value: word for word, value in words.items()}
    return lambda text: by_text.get(text.lower()), lambda value: by_value[value]


_SET: Final = frozenset((":=",))
_REPLY: Final = frozenset((":=", "="))


def _check(name: str, attribute: str) -> Field:
    return Field(name, "check", attribute, ":=", _SET, _read_integer, _write_text)


def _reply(name: str, attribute: str, read: Callable[[str], Value | None] = _read_integer) -> Field:
    return Field(name, "reply", attribute, "=", _REPLY, read, _write_text)


USER_FIELDS: Final = (
    Field("password", "check", "Cleartext-Password", ":=", _SET, _read_text, _write_text),
    Field("disabled", "check", "Auth-Type", ":=", _SET, *_words({"Reject": True})),
    Field("expires_at", "check", "Expiration", ":=", _SET, _read_date, _write_date),
    Field("static_ip", "reply", "Framed-IP-Address", ":=", _REPLY, _read_address, _write_text),
)

GROUP_FIELDS: Final = (
    # Holds the place of a group without any other row. Fall-Through is read in replies alone, so that
    # as a check item, which with `:=` always matches, it changes no decision, here or in FreeRADIUS.
    Field("placeholder", "check", "Fall-Through", ":=", _SET, *_words({"No": True})),
    _check("simultaneous_use", "Simultaneous-Use"),
    Field("login_time", "check", "Login-Time", ":=", _SET, _read_text, _write_text),
    _check("max_daily_session", "Max-Daily-Session"),
    _check("max_weekly_session", "Max-Weekly-Session"),
    _check("max_monthly_session", "Max-Monthly-Session"),
    _check("max_all_session", "Max-All-Session"),
    _check("max_monthly_bytes", "Max-Monthly-Octets"),
    _reply("session_timeout", "Session-Timeout"),
    _reply("idle_timeout", "Idle-Timeout"),
    _reply("interim_interval", "Acct-Interim-Interval"),
    _reply("framed_pool", "Framed-Pool", _read_text),
    Field(
        "mppe_policy",
        "reply",
        "MS-MPPE-Encryption-Policy",
        "=",
        _REPLY,
        *_words({"1": 1, "2": 2}, ("encryption-allowed", 1), ("encryption-required", 2)),
    ),
    Field(
        "mppe_types",
        "reply",
        "MS-MPPE-Encryption-Types",
        "=",
        _REPLY,
        *_words({"0": 0, "2": 2, "4": 4, "6": 6}, ("rc4-40or128-bit-allowed", 6)),
    ),
    _reply("dns_1", "MS-Primary-DNS-Server", _read_address),
    _reply("dns_2", "MS-Secondary-DNS-Server", _read_address),
    Field(
        "fall_through",
        "reply",
        "Fall-Through",
        "=",
        _REPLY,
        *_words({"Yes": True, "No": False}, ("1", True), ("0", False)),
    ),
)


def owners(fields: Iterable[Field], where: List, rows: Sequence[Row]) -> list[Field | None]:
    """Return for each row of one list the field that owns it."""
    free = [field for field in fields if field.where == where]
    found: list[Field | None] = []
    for row in rows:
        owner = next((field for field in free if field.owns(row)), None)
        if owner is not None:
            free.remove(owner)
        found.append(owner)
    return found


def split(fields: Sequence[Field], where: List, rows: Sequence[Row]) -> tuple[dict[str, Value], list[Row]]:
    """Part one list's rows into the values of typed fields and the rows that are none."""
    values: dict[str, Value] = {}
    others: list[Row] = []
    for row, field in zip(rows, owners(fields, where, rows), strict=True):
        value = None if field is None else field.value(row)
        if field is None or value is None:
            others.append(row)
        else:
            values[field.name] = value
    return values, others


def compose(
    fields: Sequence[Field],
    where: List,
    values: Mapping[str, Value | None],
    others: Sequence[Row],
    existing: Sequence[Row] = (),
) -> list[Row]:
    """Return one list's rows for typed `values` and raw rows `others`, keeping the places of `existing`.

    A typed row changes in place; a raw row takes the place of the raw row that stood there; what is
    new follows at the end. `split` of the result gives `values` back.
    """
    wanted: dict[str, Value] = {}
    for field in fields:
        value = values.get(field.name)
        if field.where == where and value is not None:
            wanted[field.name] = value
    missing = {field.name: field for field in fields if field.name in wanted}
    waiting = list(others)
    rows: list[Row] = []
    for row, owner in zip(existing, owners(fields, where, existing), strict=True):
        if owner is None:
            if waiting:
                rows.append(waiting.pop(0))
        elif missing.pop(owner.name, None) is not None:
            value = wanted[owner.name]
            rows.append(row if owner.value(row) == value else Row(row.attribute, row.op, owner.write(value)))
    rows += [Row(field.attribute, field.op, field.write(wanted[field.name])) for field in missing.values()]
    rows += waiting
    if split(fields, where, rows) == (wanted, list(others)):
        return rows
    # A raw row that could be a field came to stand before that field's own row: let the fields go first.
    first = [field for field in fields if field.name in wanted]
    return [*(Row(field.attribute, field.op, field.write(wanted[field.name])) for field in first), *others]


def mppe_rows(mppe: str | None, bits: Sequence[int] | None) -> tuple[int | None, int | None]:
    """Return (policy, types) of RFC 2548 2.4.4 and 2.4.5: 2 is 40 bit and 4 is 128 bit, none of both no encryption."""
    if mppe == "off":
        return 1, 0
    types = None if bits is None else sum({40: 2, 128: 4}[length] for length in set(bits))
    if mppe is None:
        return None, types
    return {"allowed": 1, "required": 2}[mppe], 6 if types is None else types


def mppe_view(policy: int | None, types: int | None) -> tuple[str | None, list[int] | None]:
    """Return (mppe, bits) for the two rows' values; the reverse of `mppe_rows`."""
    if policy == 1 and types == 0:
        return "off", None
    bits = None if types is None else [length for length, bit in ((40, 2), (128, 4)) if types & bit]
    return {None: None, 1: "allowed", 2: "required"}[policy], bits


def secret(attribute: str) -> bool:
    """Say whether the values of `attribute` are passwords or keys, which nobody is shown."""
    name = attribute.lower()
    return "password" in name or "secret" in name or name in _NAMED_SECRETS
