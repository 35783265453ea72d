"""Every error that radiusd raises on purpose: one root, few children.

A message names the thing that is wrong and what to do about it; it never holds a secret.
"""

from pathlib import Path


class RadiusdError(Exception):
    """The root of all errors that this project raises on purpose."""


class WireError(RadiusdError):
    """A datagram that is not a valid RADIUS packet.

    `reason` is a short fixed word with dashes ("attribute-overrun"): it names the counter.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DictionaryError(RadiusdError):
    """A mistake in a dictionary file, with the file and the line (from 1; 0 for the file as a whole)."""

    def __init__(self, file: Path | str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = str(file)
        self.line = line
        self.message = message


class PolicyError(RadiusdError):
    """A value, operator or attribute that no policy row may hold."""


class ConfigError(RadiusdError):
    """A setting that cannot be used; the command ends with exit code 2 and this one line."""


class StoreError(RadiusdError):
    """The database cannot be used as it is (schema too new, migration refused, a start that failed)."""


class ApiError(RadiusdError):
    """A request that the REST side refuses.

    `status` is the HTTP status; `field` names the field of the request that is wrong, where one is.
    """

    def __init__(self, status: int, message: str, *, field: str | None = None, title: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.title = title
