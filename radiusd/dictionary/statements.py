"""What one line of a dictionary file says: ATTRIBUTE, VALUE, VENDOR and their blocks.

A name may be defined again with the same number: the later type and flags count. A number may have several names: all
resolve, and the last one is used when decoding. The format is that of FreeRADIUS 3 (dictionary(5)), the extended types
are RFC 6929's.
"""

import re
from collections.abc import Callable, Sequence

from radiusd.dictionary.attributes import Attribute
from radiusd.dictionary.tables import MAX_NAME, Block, Mistake, Oid, Tables, number_of
from radiusd.protocol.values import SIZES

VENDOR_SPECIFIC = 26
EXTENDED_FIRST = 241
INTERNAL = range(256, 65536)
CHILD_LIMIT = 255
MAX_VENDOR = (1 << 24) - 1

TYPES = frozenset(
    (*SIZES, "string", "octets", "ipv6prefix", "abinary", "combo-ip", "tlv", "vsa", "extended", "long-extended", "evs")
)
ALIASES = {
    "uint8": "byte",
    "uint16": "short",
    "uint32": "integer",
    "uint64": "integer64",
    "int32": "signed",
    "cidr": "ipv4prefix",
    "text": "string",
}
PARENTS = frozenset(("tlv", "extended", "long-extended"))
ARRAYS = frozenset(("byte", "short", "integer", "date", "ipaddr", "ipv6addr"))

_NAME = re.compile(r"[A-Za-z0-9_./:-]+")
_TYPE = re.compile(r"([A-Za-z0-9-]+)(?:\[(\d{1,3})\])?")
_FORMAT = re.compile(r"format=([124]),([012])(,c)?")


def run(words: Sequence[str], block: Block, tables: Tables) -> None:
    """Carry out one line, split into words, that is no `$INCLUDE`; raises Mistake."""
    statement = _STATEMENTS.get(words[0]) or _STATEMENTS.get(words[0].upper())
    if statement is None:
        raise Mistake(f"there is no keyword {words[0]}")
    statement(words, block, tables)


def _expect(words: Sequence[str], least: int, most: int, form: str) -> None:
    if not least <= len(words) <= most:
        raise Mistake(f"{words[0]} takes {form}")


def _attribute(words: Sequence[str], block: Block, tables: Tables) -> None:
    _expect(words, 4, 5, "a name, a number, a type and perhaps flags")
    name = words[1]
    if len(name) > MAX_NAME:
        raise Mistake(f"the name is longer than {MAX_NAME} characters")
    if not _NAME.fullmatch(name):
        raise Mistake(f"{name} is not a name: letters, digits and -_./: are allowed")
    kind, length = _type(words[3])
    vendor, prefix = block.vendor, block.prefix
    flags = words[4] if len(words) > 4 else ""
    if flags.lower() in tables.vendor_numbers:
        vendor, flags = tables.vendor_numbers[flags.lower()], ""
        prefix = (VENDOR_SPECIFIC, vendor)
    path = (*prefix, *map(number_of, words[2].split(".")))
    key = _key(name, path, vendor, tables)
    has_tag, encrypt, concat, array = _flags(flags, name, kind, key, vendor) if flags else (False, 0, False, False)
    old = tables.by_name.get(name.lower())
    if old is not None and old.oid != path and not tables.overrides(name.lower()):
        raise Mistake(f"{name} is already defined with the number {'.'.join(map(str, old.oid))}")
    values = tables.values.get(path)
    if values is None:
        values = tables.values[path] = ({}, {})
    internal = not vendor and len(path) == 1 and path[0] in INTERNAL
    tables.by_name[name.lower()] = tables.by_oid[path] = Attribute(
        name, key, kind, vendor, path[-1], path, has_tag, encrypt, concat, array, internal, length, *values
    )


def _type(word: str) -> tuple[str, int]:
    match = _TYPE.fullmatch(word)
    kind = match[1].lower() if match else word
    kind = ALIASES.get(kind, kind)
    if match is None or kind not in TYPES:
        raise Mistake(f"there is no type {word}")
    if match[2] is None:
        return kind, 0
    length = int(match[2])
    if kind != "octets" or not 0 < length < 254:
        raise Mistake(f"{word}: only octets can have a length, from 1 to 253")
    return kind, length


def _key(name: str, path: Oid, vendor: int, tables: Tables) -> int:
    """Check the number of an attribute against what its place allows; return its key."""
    if path[0] == VENDOR_SPECIFIC and vendor and len(path) == 3:
        octets = tables.formats.get(vendor, (1, 1, False))[0]
        if path[2] >> 8 * octets:
            raise Mistake(f"{name}: the number {path[2]} does not fit in the {octets} octet(s) of the vendor's format")
        return vendor << 32 | path[2]
    if len(path) == 1:
        if not 0 < path[0] < INTERNAL.stop:
            raise Mistake(f"{name}: the number {path[0]} is not between 1 and {INTERNAL.stop - 1}")
        return path[0]
    parent = tables.by_oid.get(path[:-1])
    in_extended_vendor = len(path) == 4 and (tables.by_oid.get(path[:2]) or _NOTHING).type == "evs"
    if (parent is None or parent.type not in PARENTS) and not in_extended_vendor:
        raise Mistake(f"{name}: {'.'.join(map(str, path[:-1]))} is no attribute that holds others (a tlv)")
    if path[-1] > CHILD_LIMIT:
        raise Mistake(f"{name}: the number {path[-1]} is not between 0 and {CHILD_LIMIT}")
    return path[0] << 16 | path[1] if len(path) == 2 and path[0] >= EXTENDED_FIRST else -1


_NOTHING = Attribute("", -1, "")


def _flags(text: str, name: str, kind: str, key: int, vendor: int) -> tuple[bool, int, bool, bool]:
    has_tag, encrypt, concat, array = False, 0, False, False
    for flag in text.lower().split(","):
        if flag == "has_tag":
            if kind not in ("string", "integer"):
                raise Mistake(f"{name}: has_tag is for the types string and integer, not {kind}")
            has_tag = True
        elif flag in ("encrypt=1", "encrypt=2", "encrypt=3"):
            encrypt = int(flag[-1])
        elif flag == "concat":
            if kind != "octets" or vendor:
                raise Mistake(f"{name}: concat is for octets that are no vendor's")
            concat = True
        elif flag == "array":
            if kind not in ARRAYS:
                raise Mistake(f"{name}: array is not for the type {kind}")
            array = True
        elif flag == "virtual":
            if key not in INTERNAL:
                raise Mistake(f"{name}: virtual is for internal attributes, from {INTERNAL.start} on")
        elif flag != "secret":
            raise Mistake(f"{name}: there is no flag or vendor {flag}")
    return has_tag, encrypt, concat, array


def _value(words: Sequence[str], block: Block, tables: Tables) -> None:
    _expect(words, 4, 4, "an attribute, a name and a number")
    if words[1].lower() in tables.by_name:
        tables.add_value(words)
    else:
        tables.early.append((words, block.file, block.line))


def _value_alias(words: Sequence[str], block: Block, tables: Tables) -> None:
    _expect(words, 3, 3, "an attribute and the attribute whose values it shares")
    tables.aliases.append((words[1], words[2], block.file, block.line))


def _vendor(words: Sequence[str], _block: Block, tables: Tables) -> None:
    _expect(words, 3, 4, "a name, a number and perhaps format=…")
    name, number = words[1], number_of(words[2])
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise Mistake(f"{name} is not a name")
    if not 0 < number <= MAX_VENDOR:
        raise Mistake(f"the vendor number {number} is not between 1 and {MAX_VENDOR}")
    old = tables.vendor_numbers.get(name.lower(), number)
    if old != number and not tables.overrides(f"vendor {name.lower()}"):
        raise Mistake(f"the vendor {name} already has the number {old}")
    tables.vendor_numbers[name.lower()] = tables.vendors[name] = number
    if len(words) > 3:
        match = _FORMAT.fullmatch(words[3].lower())
        if match is None or (match[3] and match.group(1, 2) != ("1", "1")):
            raise Mistake(f"{words[3]} is not format=T,L with T of 1, 2 or 4 and L of 0, 1 or 2, or format=1,1,c")
        form = (int(match[1]), int(match[2]), bool(match[3]))
        tables.formats.pop(number, None)
        if form != (1, 1, False):
            tables.formats[number] = form


def _begin_vendor(words: Sequence[str], block: Block, tables: Tables) -> None:
    _expect(words, 2, 3, "a vendor and perhaps format=…")
    if block.opened:
        raise Mistake(f"BEGIN-VENDOR inside BEGIN-{block.opened[-1][0]}")
    number = tables.vendor_numbers.get(words[1].lower())
    if number is None:
        raise Mistake(f"the vendor {words[1]} is not defined")
    prefix: Oid = (VENDOR_SPECIFIC, number)
    if len(words) > 2:
        option, _, parent = words[2].partition("=")
        found = tables.by_name.get(parent.lower())
        if option.lower() not in ("format", "parent") or found is None or found.type != "evs":
            raise Mistake(f"{words[2]} names no attribute of the type evs")
        prefix = (*found.oid, number)
    block.vendor, block.vendor_name, block.prefix = number, words[1].lower(), prefix
    block.opened.append(("VENDOR", block.line))


def _end_vendor(words: Sequence[str], block: Block, _tables: Tables) -> None:
    _expect(words, 2, 2, "a vendor")
    if not block.opened or block.opened[-1][0] != "VENDOR":
        raise Mistake(f"END-VENDOR {words[1]} without its BEGIN-VENDOR")
    if words[1].lower() != block.vendor_name:
        raise Mistake(f"END-VENDOR {words[1]} closes a block of another vendor")
    block.opened.pop()
    block.vendor, block.vendor_name, block.prefix = 0, "", ()


def _begin_tlv(words: Sequence[str], block: Block, tables: Tables) -> None:
    _expect(words, 2, 2, "an attribute")
    found = tables.by_name.get(words[1].lower())
    if found is None or found.type != "tlv":
        raise Mistake(f"{words[1]} is no attribute of the type tlv")
    if found.vendor != block.vendor:
        raise Mistake(f"{words[1]} belongs to another vendor")
    block.tlvs.append((words[1].lower(), block.prefix))
    block.prefix = found.oid
    block.opened.append(("TLV", block.line))


def _end_tlv(words: Sequence[str], block: Block, _tables: Tables) -> None:
    _expect(words, 2, 2, "an attribute")
    if not block.opened or block.opened[-1][0] != "TLV":
        raise Mistake(f"END-TLV {words[1]} without its BEGIN-TLV")
    name, prefix = block.tlvs.pop()
    if words[1].lower() != name:
        raise Mistake(f"END-TLV {words[1]} closes the block of another attribute")
    block.opened.pop()
    block.prefix = prefix


_STATEMENTS: dict[str, Callable[[Sequence[str], Block, Tables], None]] = {
    "ATTRIBUTE": _attribute,
    "VALUE": _value,
    "VALUE-ALIAS": _value_alias,
    "VENDOR": _vendor,
    "BEGIN-VENDOR": _begin_vendor,
    "END-VENDOR": _end_vendor,
    "BEGIN-TLV": _begin_tlv,
    "END-TLV": _end_tlv,
}
