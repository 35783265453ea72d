r"""Regular expressions of check items: Python's `re` behind a guard.

FreeRADIUS uses PCRE or POSIX, as it was built; a row asks only whether a text matches somewhere, so that which of
several matches is found plays no part. What remains different from POSIX extended expressions: alternatives are tried
in order, `\d \w \s \b` and `(?i)` exist, `\<` and `\>` do not, and an unmatched `{` is literal. POSIX classes
(`[[:alpha:]]`) are translated, since Python would read them as something else. Letters and digits are ASCII's.

The guard: an attribute's text is chosen by whoever logs in, and `re` tries every way to match. A repeat is open when
it has no upper bound or one above `MOST_COUNTED`. A pattern is refused when a repeat is put on a group that holds an
open one, when an open one is put on a group of variable length or with alternatives, when there are more than
`MOST_OPEN` of them (an unanchored start counts as one), when alternatives and counted repeats combine in more than
`MOST_WAYS` ways, or when the pattern is longer than `MOST_CHARACTERS`. Only the first `MOST_SUBJECT`
characters of a text are looked at. The worst that is left takes some tens of milliseconds.
"""

import re
from typing import Final

from radiusd.errors import PolicyError

MOST_CHARACTERS: Final = 512
MOST_OPEN: Final = 3
MOST_COUNTED: Final = 8
MOST_WAYS: Final = 100_000
MOST_SUBJECT: Final = 256

_CLASSES: Final = {
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_CLASS: Final = re.compile(r"\[:(\w+):\]")
_SET: Final = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", re.DOTALL)
_REPEAT: Final = re.compile(r"(?:([*+?])|\{(\d*)(?:(,)(\d*))?\})[?+]?")
_ANCHORED: Final = re.compile(r"(?:\(\?[a-z]+\))?\^")
_IDLE: Final = re.compile(r"\.\*(?![?+*{])")


class _Group:
    """What an open parenthesis holds so far: open repeats, and in how many ways the rest of it can match."""

    __slots__ = ("branch", "is_open", "other_branches")

    def __init__(self) -> None:
        self.is_open = False
        self.branch = 1
        self.other_branches = 0

    @property
    def ways(self) -> int:
        """Return the number of ways over all alternatives."""
        return self.branch + self.other_branches

    def multiply(self, ways: int) -> None:
        """Let something follow that can match in so many ways."""
        self.branch *= ways
        if self.ways > MOST_WAYS:
            raise PolicyError("the regular expression has too many alternatives and repeats within each other")


class _Scan:
    """One pass over a pattern: POSIX classes translated, repeats counted."""

    __slots__ = ("atom", "groups", "left", "translated")

    def __init__(self) -> None:
        self.translated: list[str] = []
        self.groups = [_Group()]
        self.atom = _Group()
        self.left = MOST_OPEN

    def token(self, pattern: str, at: int) -> int:
        """Take the token at `at`; return where the next one starts."""
        character = pattern[at]
        end = at + 1
        inner = self.groups[-1]
        repeat = _REPEAT.match(pattern, at)
        if repeat and at:
            self.repeat(repeat)
            end = repeat.end()
            self.translated.append(repeat[0])
            return end
        self.atom = _Group()
        text = character
        if character == "\\":
            end = at + 2
            text = pattern[at:end]
        elif character == "[" and (found := _SET.match(pattern, at)):
            end = found.end()
            text = _CLASS.sub(_members, found[0])
        elif character == "(":
            # The question mark of (?:, (?i) and the like is no repeat.
            end += pattern.startswith("?", end)
            text = pattern[at:end]
            self.groups.append(_Group())
        elif character == ")" and len(self.groups) > 1:
            self.atom = self.groups.pop()
            outer = self.groups[-1]
            outer.is_open |= self.atom.is_open
            outer.multiply(self.atom.ways)
        elif character == "|":
            inner.branch, inner.other_branches = 1, inner.ways
        self.translated.append(text)
        return end

    def repeat(self, match: re.Match[str]) -> None:
        """Judge one repeat of the atom before it."""
        sign, least, comma, most = match.groups()
        unbounded = sign in ("*", "+") or (comma is not None and not most)
        highest = int(most or least or 1) if sign is None else 1
        is_open = unbounded or highest > MOST_COUNTED
        if self.atom.is_open and (is_open or highest > 1):
            raise PolicyError("the regular expression repeats an open repeat, which can take for ever")
        if self.atom.ways > 1 and is_open:
            raise PolicyError("the regular expression repeats alternatives or a varying length without end")
        inner = self.groups[-1]
        if not is_open:
            # The atom itself is counted already when it is a group.
            lowest = 0 if sign == "?" else int(least or 0)
            choices = highest - lowest + 1 if sign == "?" or comma is not None else 1
            inner.multiply(max(1, choices) * self.atom.ways ** max(0, highest - 1))
        if is_open:
            inner.is_open = True
            self.left -= 1
            if self.left < 0:
                raise PolicyError(f"the regular expression has more than {MOST_OPEN} open repeats; anchor it with ^")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile the value of a `=~` or `!~` row; raises PolicyError that says what is wrong with it."""
    if len(pattern) > MOST_CHARACTERS:
        raise PolicyError(f"the regular expression is longer than {MOST_CHARACTERS} characters")
    if "|" not in pattern:
        # In front of an unanchored search it changes nothing but the time.
        pattern = _IDLE.sub("", pattern, count=1) if pattern.startswith(".*") else pattern
    scan = _Scan()
    scan.left -= 0 if _ANCHORED.match(pattern) else 1
    at = 0
    while at < len(pattern):
        at = scan.token(pattern, at)
    try:
        return re.compile("".join(scan.translated), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise PolicyError(f"not a regular expression: {error}") from None


def _members(match: re.Match[str]) -> str:
    members = _CLASSES.get(match[1])
    if members is None:
        raise PolicyError(f"there is no character class {match[0]}")
    return members
