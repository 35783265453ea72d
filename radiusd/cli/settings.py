"""`radiusd settings`: the reference of all settings, made from the table itself.

docs/settings.md is this command's output; a test holds the two together.
"""

import re
import sys
from typing import Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from radiusd.config import Settings

_HEAD = """\
# Settings

Each setting can stand in `radiusd.toml` (named by `--config`), in the environment, or before the command
as an option where there is one; the later wins. The file has the names of the first column, at its top level:

```toml
bind = ["192.0.2.1", "2001:db8::1"]
reject_delay = 1.0
```

An unknown name, or a value that cannot be used, ends the command with exit code 2 and one line that names it.
This page is the output of `radiusd settings`.

| radiusd.toml | environment | default | |
|---|---|---|---|
"""

# What a default that depends on the machine is, in words.
_COMPUTED = {
    "data_dir": "the platform's state folder: `/var/lib/radiusd` for root",
    "workers": "the number of cores, at most 8",
}


def reference() -> str:
    """Return the reference as Markdown, a row a setting, the same on every machine."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def settings() -> None:
    """Print the reference of all settings as Markdown."""
    sys.stdout.write(reference())


def _row(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise typer.BadParameter(f"the setting {name} has no description")
    cells = (f"`{name}`", f"`RADIUSD_{name.upper()}`", _default(name, field), field.description + _choices(field))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(name: str, field: FieldInfo) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    value = field.get_default()
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{value}`"


def _choices(field: FieldInfo) -> str:
    """Write what a value may be where the type or its bounds say so."""
    if get_origin(field.annotation) is Literal:
        return " One of " + ", ".join(f"`{choice}`" for choice in get_args(field.annotation)) + "."
    bounds = dict(re.findall(r"(ge|le)=([\d.]+)", " ".join(map(repr, field.metadata))))
    return f" {bounds['ge']} to {bounds['le']}." if bounds.keys() == {"ge", "le"} else ""
