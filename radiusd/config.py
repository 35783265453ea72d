"""Settings: one row each, from radiusd.toml, the RADIUSD_* environment and flags; the later wins.

`Settings` is the table; `load` reads the three sources. docs/settings.md is generated from it.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from radiusd.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Find the folder `name` ("migrations", "dictionaries") that travels with radiusd.

    In a wheel it lies inside the package, in a checkout beside it.
    """
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def default_data_dir() -> Path:
    """Return the platform's state folder: /var/lib/radiusd for root, else the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/radiusd")
    return platformdirs.user_state_path("radiusd", appauthor=False)


class Settings(BaseSettings):
    """Everything that can be set; the description of a field is its line in the reference."""

    model_config = SettingsConfigDict(env_prefix="RADIUSD_", extra="forbid", frozen=True)

    database_url: SecretStr | None = Field(
        None,
        description="Postgres to use, `postgresql://…` or libpq's `host=a,b …`; none: the embedded Postgres.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the embedded Postgres and of what the server keeps between starts.",
    )
    postgres_bin: Path | None = Field(
        None,
        description="Folder with `postgres` and `initdb` to use as the embedded Postgres; none: the wheel's.",
    )
    bind: Annotated[tuple[str, ...], NoDecode] = Field(
        ("0.0.0.0", "::"), description="UDP addresses to listen on, separated by commas."
    )
    auth_port: int = Field(1812, ge=0, le=65535, description="UDP port for authentication.")
    acct_port: int = Field(1813, ge=0, le=65535, description="UDP port for accounting.")
    admin_bind: str = Field("127.0.0.1", description="Address of the REST side.")
    admin_port: int = Field(8080, ge=0, le=65535, description="TCP port of the REST side.")
    admin_token: SecretStr | None = Field(
        None, description="Bootstrap token with the role admin; none: made at first start and printed once."
    )
    dictionaries: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="More dictionary folders or files, separated by `:`; e.g. /usr/share/freeradius."
    )
    reject_delay: float = Field(
        1.0,
        ge=0,
        le=5,
        description="Seconds before an Access-Reject leaves (up to a quarter more, at random).",
    )
    cleanup_delay: float = Field(
        5.0,
        ge=1,
        le=30,
        description="Seconds for which an answer is kept for retransmissions of its request.",
    )
    workers: int = Field(default_factory=lambda: min(8, os.cpu_count() or 1), ge=1, le=64, description="UDP processes.")
    auth_log: bool = Field(True, description="Write each login's outcome to radpostauth and radiusd.auth_log.")
    auth_log_days: float = Field(90, gt=0, description="Days for which radiusd.auth_log is kept.")
    timeline_days: float = Field(30, gt=0, description="Days for which the packets of a session's timeline are kept.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="`auto`: text on a terminal, JSON lines elsewhere."
    )

    @field_validator("bind", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in value.replace(",", " ").split() if part)
        return value

    @field_validator("dictionaries", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(":") if part)
        return value

    @field_validator("database_url", "admin_token", "postgres_bin", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        if self.auth_port == self.acct_port != 0:
            raise ValueError(f"auth_port and acct_port (RADIUSD_ACCT_PORT) are both {self.auth_port}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` hands in, and the environment; the order between them is `load`'s."""
        return init_settings, env_settings


def load(config_file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings from file, environment and flags (a flag of None was not given).

    Raises ConfigError with one line that names the setting and the remedy.
    """
    values: dict[str, Any] = {}
    if config_file is not None:
        try:
            values = tomllib.loads(config_file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {config_file}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{config_file} is not TOML: {error}") from error
        # The environment wins over the file: what it sets is taken out of the file's values.
        values = {key: value for key, value in values.items() if f"RADIUSD_{key.upper()}" not in os.environ}
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    values.update(given)
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise ConfigError(message) from None
        name = str(first["loc"][0])
        place = f" in {config_file}" if name in values and name not in given else ""
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{config_file}: there is no setting {name!r}; see docs/settings.md") from None
        raise ConfigError(f"setting {name} (RADIUSD_{name.upper()}){place}: {message}") from None
