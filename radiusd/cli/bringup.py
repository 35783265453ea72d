"""Bringing the schema up: at the start of the server, or as soon as a database that was away is back.

A database that refuses the login or does not exist is a mistake in the settings; one that does not answer is waited
for. A schema newer than this release is used as it is: that is said in the log and in /readyz, and nothing stops.
"""

import re
import time
from typing import Final

import psycopg
import structlog

from radiusd.errors import ConfigError, RadiusdError
from radiusd.store import connections, migrate

SAY_EVERY: Final = 30.0
"""Seconds between two lines about a database that stays away."""

# libpq gives no SQLSTATE for a connection that was refused, only the server's words.
_MISTAKEN: Final = re.compile(r"authentication failed|no pg_hba\.conf entry|does not exist|no password supplied")


class Schema:
    """The schema of one database; `ready` once it was found or made fit."""

    def __init__(self, conninfo: str, *, apply: bool) -> None:
        self.ready = False
        self._conninfo = conninfo
        self._apply = apply
        self._said = 0.0
        self._log = structlog.get_logger()

    def bring_up(self) -> None:
        """Migrate, if the database can be reached.

        Raises ConfigError when the settings cannot be right, StoreError when migrating is refused or not allowed.
        """
        try:
            psycopg.connect(self._conninfo).close()
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            if _MISTAKEN.search(reason):
                raise ConfigError(f"the database refuses: {reason} (RADIUSD_DATABASE_URL)") from None
            self._say("database-away", reason)
            return
        state = migrate.check(self._conninfo)
        if state.verdict == "newer":
            self._log.error("schema-newer", current=state.current, known=state.wanted, remedy="start the newer radiusd")
        elif self._apply:
            migrate.upgrade(self._conninfo, lambda step: self._log.info("migrated", step=step))
        else:
            migrate.require(self._conninfo)
        self.ready = True

    def try_again(self) -> bool:
        """Do the same while the server runs: what fails is logged; returns whether the schema is ready now."""
        try:
            self.bring_up()
        except RadiusdError as error:
            self._say("schema-not-ready", str(error))
        return self.ready

    def _say(self, event: str, reason: str) -> None:
        now = time.monotonic()
        if self._said and now - self._said < SAY_EVERY:
            return
        self._said = now
        self._log.warning(event, database=connections.describe(self._conninfo), reason=reason)
