"""From a command's options to the fields of a resource, and from its refusals back to the options.

Options that were not given say nothing; `--clear FIELD` takes a field away. Everything else is judged by the
models of store/resources, the same that the REST side uses.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)
Command = Callable[..., None]

Clear = Annotated[list[str] | None, typer.Option(metavar="FIELD", help="Take a field away, e.g. idle-timeout.")]

# The name ends where the first operator begins; `Name:1` carries a tag.
_ITEM = re.compile(
    r"\s*([A-Za-z0-9_][\w.-]*?(?::\d+)?)\s*(:=|\+=|-=|\^=|==|!=|<=|>=|=~|!~|=\*|!\*|=|<|>)\s*(.*?)\s*", re.DOTALL
)
_QUOTES = ('"', "'")


def item(text: str) -> dict[str, str]:
    """Read one row of policy written as `Attribute op value`, e.g. `Session-Timeout := 300`.

    Raises typer.BadParameter.
    """
    match = _ITEM.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not of the form 'Attribute op value', such as 'Session-Timeout := 300'")
    attribute, op, value = match.groups()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in _QUOTES:
        value = value[1:-1]
    return {"attribute": attribute, "op": op, "value": value}


def pair(text: str) -> tuple[str, str]:
    """Read `ATTRIBUTE=VALUE`, as a packet holds it; raises typer.BadParameter."""
    match = _ITEM.fullmatch(text)
    if match is None or match[2] != "=":
        raise typer.BadParameter(f"{text!r} is not of the form ATTRIBUTE=VALUE; a packet has no operators")
    found = item(text)
    return found["attribute"], found["value"]


def moment(text: str) -> datetime:
    """Read a time in ISO 8601; without a zone it is UTC, as on the REST side. Raises typer.BadParameter."""
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time; write 2030-01-31, 2030-01-31T18:00 or …T18:00Z") from error


def membership(text: str) -> dict[str, object]:
    """Read a group's name, with its priority after a colon where there is one (`staff:5`)."""
    name, colon, priority = text.rpartition(":")
    if colon and re.fullmatch(r"-?\d{1,9}", priority):
        return {"name": name, "priority": int(priority)}
    return {"name": text}


def changes(given: Mapping[str, object], clear: Sequence[str], clearable: Sequence[str]) -> dict[str, object]:
    """Return the fields that the options change: those given, and None for each that is to be cleared.

    Raises typer.BadParameter for a field that cannot be cleared, or is given and cleared at once.
    """
    fields = {name: value for name, value in given.items() if value is not None and value != []}
    for word in clear:
        name = word.strip().lstrip("-").replace("-", "_")
        if name not in clearable:
            known = ", ".join(map(spelled, clearable))
            raise typer.BadParameter(f"cannot clear {word!r}; there are {known}")
        if name in fields:
            raise typer.BadParameter(f"{word!r} is both given and cleared")
        fields[name] = [] if name in ("groups", "check", "reply") else None
    return fields


def some(changes: Mapping[str, object]) -> Mapping[str, object]:
    """Return `changes`; raises typer.BadParameter where there are none."""
    if not changes:
        raise typer.BadParameter("nothing to change: give at least one option")
    return changes


def spelled(field: str) -> str:
    """Return a field's name as the command line spells it: `reply[0].value`, `idle-timeout`."""
    return field.replace("_", "-")


def validated(model: type[Model], fields: Mapping[str, object]) -> Model:
    """Return the resource that `fields` make; raises typer.BadParameter naming the option of the first fault."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{spelled(part)}" for part in first["loc"])[1:]
        message = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{place}: {message[:1].lower()}{message[1:]}" if place else message) from None


Time = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="2030-01-31T18:00:00, in UTC unless it has a zone."),
]


def taking(options: Callable[..., Mapping[str, object]]) -> Callable[[Command], Command]:
    """Let a command take the keyword options of another function; its parameter `taken` gets that one's result."""
    more = inspect.signature(options).parameters.values()

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "taken"]

        @functools.wraps(command)
        def run(*args: Any, **kwargs: Any) -> None:
            taken = options(**{parameter.name: kwargs.pop(parameter.name) for parameter in more})
            command(*args, **kwargs, taken=taken)

        run.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *more)}
        return run

    return decorate
