"""Values in back quotes, expanded from the request: a small part of FreeRADIUS's language.

Known are `%{Attribute}` and `%{request:Attribute}` (the first instance as printed, nothing where there is none),
`%{%{Attribute}:-default}` and `%%`. Anything else makes a bad row: a value that silently came out differently from
FreeRADIUS's would be worse than one that is refused.
"""

from collections.abc import Callable
from typing import NamedTuple

from radiusd.dictionary.attributes import Attribute, Dictionary
from radiusd.errors import PolicyError

Lookup = Callable[[Attribute], str]
"""Gives an attribute of the request as printed, "" where it is absent."""


class _Choice(NamedTuple):
    """The attribute's text or, where that is empty, the default's."""

    attribute: Attribute
    default: "tuple[str | _Choice, ...]"


_Parts = tuple[str | _Choice, ...]


class Expansion:
    """A parsed template; read-only."""

    __slots__ = ("_parts",)

    def __init__(self, template: str, dictionary: Dictionary) -> None:
        """Parse `template` (without its back quotes); raises PolicyError."""
        parts, end = _parse(template, 0, dictionary, nested=False)
        if end != len(template):
            raise PolicyError("the expansion has a closing brace too many")
        self._parts = parts

    def expand(self, lookup: Lookup) -> str:
        """Fill in the template."""
        return _expand(self._parts, lookup)


def _expand(parts: _Parts, lookup: Lookup) -> str:
    done = ""
    for part in parts:
        done += part if isinstance(part, str) else lookup(part.attribute) or _expand(part.default, lookup)
    return done


def _parse(template: str, at: int, dictionary: Dictionary, *, nested: bool) -> tuple[_Parts, int]:
    """Parse up to the end, or to the brace that closes a default; the parts and where that is."""
    parts: list[str | _Choice] = []
    while at < len(template):
        if nested and template[at] == "}":
            break
        if template[at] != "%":
            parts.append(template[at])
            at += 1
        elif template.startswith("%%", at):
            parts.append("%")
            at += 2
        elif template.startswith("%{%{", at):
            choice, at = _named(template, at + 4, dictionary)
            if not template.startswith(":-", at):
                raise PolicyError("the expansion %{%{…} must go on with :- and a default")
            default, at = _parse(template, at + 2, dictionary, nested=True)
            if at >= len(template):
                raise PolicyError("the expansion lacks a closing brace")
            parts.append(choice._replace(default=default))
            at += 1
        elif template.startswith("%{", at):
            choice, at = _named(template, at + 2, dictionary)
            parts.append(choice)
        else:
            raise PolicyError(
                f"the expansion {template[at : at + 2]!r} is not known; write %{{Attribute}}, or %% for %"
            )
    return tuple(parts), at


def _named(template: str, at: int, dictionary: Dictionary) -> tuple[_Choice, int]:
    """Parse an attribute's name up to its closing brace; where the text goes on."""
    end = template.find("}", at)
    if end < 0:
        raise PolicyError("the expansion lacks a closing brace")
    name = template[at:end].removeprefix("request:")
    attribute = dictionary.named(name)
    if attribute is None:
        raise PolicyError(f"the expansion %{{{name}}} names no attribute of a request")
    return _Choice(attribute, ()), end + 1
