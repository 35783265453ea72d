"""What stands before the command: which settings it works with.

The sources are those of the server, in the same order: radiusd.toml, the environment, these options.
"""

from dataclasses import dataclass
from pathlib import Path

import typer

from radiusd.config import Settings, load, shipped
from radiusd.dictionary.attributes import Dictionary
from radiusd.dictionary.loader import load as load_dictionary


@dataclass(frozen=True, slots=True)
class Options:
    """The global options as they were given."""

    config: Path | None = None
    data_dir: Path | None = None
    database_url: str | None = None

    def settings(self) -> Settings:
        """Read the settings; raises ConfigError."""
        return load(self.config, {"data_dir": self.data_dir, "database_url": self.database_url})


def options(context: typer.Context) -> Options:
    """Return the options that stood before this command."""
    found = context.find_object(Options)
    return found if found is not None else Options()


def settings(context: typer.Context) -> Settings:
    """Return the settings for this command; raises ConfigError."""
    return options(context).settings()


def dictionary(configured: Settings) -> Dictionary:
    """Read the dictionaries that the server would read; raises DictionaryError."""
    return load_dictionary(configured.dictionaries, shipped("dictionaries"))
