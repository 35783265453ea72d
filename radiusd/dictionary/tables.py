"""The tables that dictionary files fill, and where a file stands while it is read.

Values belong to a number, so that all its names share them. What `seal` has marked as shipped may be defined anew with
another number by a site's own files; within one set that is a mistake.
"""

from collections.abc import Sequence

from radiusd.dictionary.attributes import Attribute, Dictionary
from radiusd.protocol.values import INTEGERS, SIZES

MAX_NAME = 127
ENUMERATED = INTEGERS | {"octets", "date"}

Oid = tuple[int, ...]


class Mistake(Exception):  # noqa: N818 - it becomes a DictionaryError as soon as the file is known
    """A line that cannot be understood; `file` and `line` are set where they are not the line that is being read."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class Block:
    """Where a file stands: its line, and the BEGIN- blocks that are open."""

    __slots__ = ("file", "line", "opened", "prefix", "tlvs", "vendor", "vendor_name")

    def __init__(self, file: str) -> None:
        self.file = file
        self.line = 0
        self.opened: list[tuple[str, int]] = []
        self.vendor = 0
        self.vendor_name = ""
        self.prefix: Oid = ()
        self.tlvs: list[tuple[str, Oid]] = []

    def end(self) -> None:
        """Check that all blocks are closed at the end of the file."""
        if self.opened:
            what, line = self.opened[-1]
            raise Mistake(f"BEGIN-{what} is never closed by END-{what}", line=line)


class Tables:
    """Everything read so far."""

    def __init__(self) -> None:
        self.by_name: dict[str, Attribute] = {}
        self.by_oid: dict[Oid, Attribute] = {}
        self.vendors: dict[str, int] = {}
        self.vendor_numbers: dict[str, int] = {}
        self.formats: dict[int, tuple[int, int, bool]] = {}
        self.values: dict[Oid, tuple[dict[str, int], dict[int, str]]] = {}
        self.early: list[tuple[Sequence[str], str, int]] = []
        self.aliases: list[tuple[str, str, str, int]] = []
        self.shipped: set[str | tuple[Oid, str]] = set()

    def seal(self) -> None:
        """Mark all that was read so far as the shipped set, which files read from now on may contradict."""
        self.shipped.update(self.by_name)
        self.shipped.update(f"vendor {name}" for name in self.vendor_numbers)
        for oid, (values, _) in self.values.items():
            self.shipped.update((oid, name) for name in values)

    def overrides(self, thing: str | tuple[Oid, str]) -> bool:
        """Tell whether `thing` is of the shipped set and may be defined anew; it may be so once."""
        if thing in self.shipped:
            self.shipped.discard(thing)
            return True
        return False

    def finish(self) -> Dictionary:
        """Place the values that came before their attribute, and return the dictionary; raises Mistake."""
        for words, file, line in self.early:
            if words[1].lower() not in self.by_name:
                raise Mistake(f"VALUE for the attribute {words[1]}, which is not defined", file, line)
            try:
                self.add_value(words, early=True)
            except Mistake as mistake:
                raise Mistake(str(mistake), file, line) from None
        for name, source, file, line in self.aliases:
            target, origin = self.by_name.get(name.lower()), self.by_name.get(source.lower())
            if target is None or origin is None:
                missing = name if target is None else source
                raise Mistake(f"VALUE-ALIAS for the attribute {missing}, which is not defined", file, line)
            values, names = self.values[target.oid]
            values.update({key: number for key, number in origin.values.items() if key not in values})
            names.update({number: key for number, key in origin.names.items() if number not in names})
        return Dictionary(self.by_name, self.by_oid, self.vendors, self.formats)

    def add_value(self, words: Sequence[str], *, early: bool = False) -> None:
        """Name a number of an attribute that is defined; raises Mistake.

        An `early` one, which stood before its attribute, is only printed where the number has no other name.
        """
        attribute = self.by_name[words[1].lower()]
        kind = attribute.type
        if kind not in ENUMERATED:
            raise Mistake(f"VALUE for {attribute.name}: an attribute of type {kind} has no named values")
        name, number = words[2], number_of(words[3])
        if len(name) > MAX_NAME:
            raise Mistake(f"the name is longer than {MAX_NAME} characters")
        if number >> 8 * SIZES.get(kind, 4):
            raise Mistake(f"VALUE {name}: {number} does not fit in the type {kind}")
        values, names = self.values[attribute.oid]
        lower = name.lower()
        if values.setdefault(lower, number) != number:
            if not self.overrides((attribute.oid, lower)):
                raise Mistake(f"VALUE {name} of {attribute.name} is already {values[lower]}")
            values[lower] = number
        if not early or number not in names:
            names[number] = name


def number_of(text: str) -> int:
    """Read a number as dictionaries write it: decimal, or hexadecimal with 0x; raises Mistake."""
    try:
        return int(text, 16) if text[:2] in ("0x", "0X") else int(text if text.isascii() and text.isdecimal() else "")
    except ValueError:
        raise Mistake(f"{text} is not a number") from None
