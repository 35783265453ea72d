"""Attributes and the tables that find them: by name, by wire key, by OID.

Nothing here opens a file; `loader` fills the tables once and they never change afterwards. An attribute's key is

- its type, for the RFC's own 1 to 255,
- `type << 16 | extended type` for RFC 6929's 241 to 246,
- `vendor << 32 | vendor type` for vendors' attributes,
- its number for FreeRADIUS's internal ones (256 to 65535), which never travel,
- -1 for what lies inside a TLV or an extended vendor attribute and is found by its OID alone.

The tag of RFC 2868 stays inside the value, as on the wire.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from radiusd.errors import PolicyError
from radiusd.protocol.values import SIZES, decode_value, encode_value

_TAGGED_TEXT = re.compile(r":(\d{1,2}):(.*)", re.DOTALL)
_TAGGED_NAME = re.compile(r"(.+):(\d{1,2})")
_UNKNOWN = re.compile(r"(?:vendor-(\d{1,10})-)?attr-(\d{1,10}(?:\.\d{1,10})*)")

_HIGHEST_TAG = 31
_VENDOR_SPECIFIC = 26
_EXTENDED = range(241, 247)


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute as a dictionary defines it.

    `encrypt` is 0, 1 (RFC 2865 User-Password), 2 (RFC 2868 Tunnel-Password) or 3 (Ascend-Send-Secret). `length` is
    the exact number of octets of an `octets[n]`, else 0. `values` maps lower-case value names to numbers, `names`
    numbers to the name that is printed.
    """

    name: str
    key: int
    type: str
    vendor: int = 0
    number: int = 0
    oid: tuple[int, ...] = ()
    has_tag: bool = False
    encrypt: int = 0
    concat: bool = False
    array: bool = False
    internal: bool = False
    length: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def unknown(self) -> bool:
        """Tell whether the attribute was asked for by its number (`Attr-26.9.250`)."""
        return self.name.startswith("Attr-")

    def encode(self, text: str, tag: int | None = None) -> bytes:
        """Turn the text of a policy row into the value's wire form, before any encryption.

        `tag` is 0 to 31 (None and 0: no tag); a tagged attribute also takes it from the text as `:1:value`. A tagged
        string starts with its tag octet when the tag is 1 to 31; one that is encrypted as Tunnel-Password always has
        that octet (RFC 2868 3.5: tag, salt, text), so there `value[1:]` is what is to be encrypted. A tagged integer
        has the tag in its first octet, over whatever the number has there. Raises PolicyError.
        """
        if tag is None and self.has_tag and text.startswith(":"):
            match = _TAGGED_TEXT.fullmatch(text)
            if match:
                tag, text = int(match[1]), match[2]
        if self.unknown and text[:2].lower() != "0x":
            raise PolicyError(f"{self.name}: the value of an attribute named by its number must be hexadecimal (0x…)")
        try:
            value = encode_value(self.type, text, self.values)
        except PolicyError as error:
            raise PolicyError(f"{self.name}: {error}") from None
        if self.length and len(value) != self.length:
            raise PolicyError(f"{self.name} takes exactly {self.length} octets, not {len(value)}")
        if self.has_tag:
            return self._with_tag(value, tag or 0)
        if tag is not None:
            raise PolicyError(f"{self.name} takes no tag")
        return value

    def _with_tag(self, value: bytes, tag: int) -> bytes:
        if tag > _HIGHEST_TAG:
            raise PolicyError(f"{self.name}: the tag {tag} is not between 0 and {_HIGHEST_TAG}")
        if self.type == "string":
            return bytes((tag,)) + value if tag or self.encrypt == 2 else value
        return bytes((tag,)) + value[1:] if tag else value

    def tag(self, value: bytes) -> int:
        """Return the tag in `value` (wire form), 0 where there is none."""
        return value[0] if self.has_tag and value and value[0] <= _HIGHEST_TAG else 0

    def untagged(self, value: bytes) -> bytes:
        """Return `value` (wire form) as it would be with no tag; an integer keeps its four octets."""
        if not self.has_tag or not value or value[0] > _HIGHEST_TAG:
            return value
        return value[1:] if self.type == "string" else b"\x00" + value[1:]

    def format(self, value: bytes) -> str:
        """Print `value` (wire form, decrypted) as FreeRADIUS does, without its tag; never raises."""
        size = SIZES.get(self.type, 0)
        if self.array and size and len(value) > size and len(value) % size == 0:
            parts = (value[at : at + size] for at in range(0, len(value), size))
            return ", ".join(decode_value(self.type, part, self.names) for part in parts)
        return decode_value(self.type, self.untagged(value), self.names)


class Dictionary:
    """All attributes that are known; read-only once `loader.load` has returned it.

    `vendors` maps vendor names, as spelt, to numbers. `formats` holds the vendors whose attributes are not of one
    octet for the type and one for the length: (type octets, length octets, continuation octet).
    """

    __slots__ = ("_by_key", "_by_name", "_by_oid", "formats", "vendors")

    def __init__(
        self,
        by_name: Mapping[str, Attribute],
        by_oid: Mapping[tuple[int, ...], Attribute],
        vendors: Mapping[str, int],
        formats: Mapping[int, tuple[int, int, bool]],
    ) -> None:
        """Take the tables: lower-case names, and for each OID the attribute that names it when decoding."""
        self._by_name = by_name
        self._by_oid = by_oid
        self._by_key = {attribute.key: attribute for attribute in by_oid.values() if attribute.key >= 0}
        self.vendors = vendors
        self.formats = formats

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_name.values())

    def keyed(self, key: int) -> Attribute | None:
        """Find the attribute with this wire key; where several names share it, the one defined last."""
        return self._by_key.get(key)

    def at(self, oid: tuple[int, ...]) -> Attribute | None:
        """Find the attribute with this OID, e.g. (26, 24757, 1, 2) for what lies inside a TLV."""
        return self._by_oid.get(oid)

    def named(self, name: str) -> Attribute | None:
        """Find an attribute by name, whatever its case, or by number: `Attr-26.311.1`, `Vendor-311-Attr-1`.

        A number gives an attribute of type octets, whose text must be hexadecimal, even where a dictionary defines it.
        """
        lower = name.lower()
        found = self._by_name.get(lower)
        if found is None and "attr-" in lower:
            match = _UNKNOWN.fullmatch(lower)
            if match:
                oid = tuple(int(part) for part in match[2].split("."))
                return self._numbered((_VENDOR_SPECIFIC, int(match[1]), *oid) if match[1] else oid)
        return found

    def tagged(self, name: str) -> tuple[Attribute, int | None] | None:
        """Find an attribute by a name that may end in a tag (`Tunnel-Type:1`); the tag is None where none is given."""
        found = self.named(name)
        if found is not None:
            return found, None
        match = _TAGGED_NAME.fullmatch(name)
        found = self.named(match[1]) if match else None
        if match is None or found is None or not found.has_tag or int(match[2]) > _HIGHEST_TAG:
            return None
        return found, int(match[2])

    def name_of(self, key: int) -> str:
        """Name a wire key for people: the attribute's name, or `Attr-…` with its number."""
        found = self._by_key.get(key)
        return found.name if found is not None else "Attr-" + ".".join(map(str, oid_of(key)))

    def _numbered(self, oid: tuple[int, ...]) -> Attribute | None:
        key = self._key_of(oid)
        if key is None:
            return None
        vendor = oid[1] if oid[0] == _VENDOR_SPECIFIC and len(oid) > 1 else 0
        return Attribute("Attr-" + ".".join(map(str, oid)), key, "octets", vendor=vendor, number=oid[-1], oid=oid)

    def _key_of(self, oid: tuple[int, ...]) -> int | None:
        """Find the key that an OID of no dictionary would have on the wire, None where it cannot travel."""
        if not 0 < oid[0] <= 255:
            return None
        if len(oid) == 1:
            return oid[0]
        if oid[0] == _VENDOR_SPECIFIC and len(oid) == 3:
            octets = self.formats.get(oid[1], (1, 1, False))[0]
            fits = oid[1] < 1 << 24 and oid[2] < 1 << 8 * octets
            return oid[1] << 32 | oid[2] if fits else None
        if oid[0] in _EXTENDED and len(oid) == 2 and oid[1] <= 255:
            return oid[0] << 16 | oid[1]
        return None


def oid_of(key: int) -> tuple[int, ...]:
    """Spell out a wire key: (1,), (241, 1) or (26, 311, 1)."""
    if key >> 32:
        return _VENDOR_SPECIFIC, key >> 32, key & 0xFFFFFFFF
    if key >> 16:
        return key >> 16, key & 0xFFFF
    return (key,)
