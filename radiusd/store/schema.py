"""The tables: FreeRADIUS's (from `store/freeradius`) and, here, ours in the schema `radiusd`.

The migrations are the history of these tables; tests hold the two together. Two rules bind a row of `nas` to
its row in `radiusd.client`:

- `nas` is the truth for address (`nasname`), secret and short name; a row of `nas` without a row of
  `radiusd.client` is a client with the defaults, named by its short name or else its address.
- there is no foreign key, as that would forbid `TRUNCATE nas` to other tools: the triggers on `nas` delete
  what no longer belongs to a row of it.

`radiusd.change` is the feed of policy changes, filled by triggers, a row for each distinct name a statement
touched, with one NOTIFY on `CHANNEL` for the transaction. `kind` and `name` are: `user` and the user name
(radcheck, radreply, radusergroup), `group` and the group name (radgroupcheck, radgroupreply), `client` and
the decimal `nas.id` (nas, radiusd.client), `all` and the empty string (a table was truncated). A renamed row
counts under both names. Since transactions commit out of order, a reader notes
`pg_snapshot_xmin(pg_current_snapshot())` in the transaction that reads, and reads next time from
`xid >= that` on; it may see a row twice.
"""

import uuid
from datetime import datetime
from typing import Annotated

from sqlalchemy import Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from radiusd.store.connections import CHANNEL
from radiusd.store.freeradius import (
    Base,
    Big,
    BigKey,
    Inet,
    Json,
    Nas,
    NasReload,
    Now,
    RadAcct,
    RadCheck,
    RadGroupCheck,
    RadGroupReply,
    RadIpPool,
    RadPostAuth,
    RadReply,
    RadUserGroup,
)

__all__ = [
    "CHANNEL",
    "SCHEMA",
    "Audit",
    "AuthLog",
    "Base",
    "Change",
    "Client",
    "Idempotency",
    "Nas",
    "NasReload",
    "RadAcct",
    "RadCheck",
    "RadGroupCheck",
    "RadGroupReply",
    "RadIpPool",
    "RadPostAuth",
    "RadReply",
    "RadUserGroup",
    "Service",
    "Session",
    "SessionEvent",
    "Token",
]

SCHEMA = "radiusd"


RandomId = Annotated[uuid.UUID, mapped_column(Uuid, server_default=text("gen_random_uuid()"))]


class Xid8(UserDefinedType[str]):
    """Postgres's 64-bit transaction number; it travels as decimal text."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Name the type in DDL."""
        return "xid8"


class Client(Base):
    """What radiusd knows of a client beside its row in `nas`; seconds."""

    __tablename__ = "client"
    __table_args__ = ({"schema": SCHEMA},)
    nas_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(server_default=text("'other'"))
    require_message_authenticator: Mapped[str] = mapped_column(server_default=text("'auto'"))
    reap_missed_interims: Mapped[int] = mapped_column(server_default=text("3"))
    reap_grace: Mapped[int] = mapped_column(server_default=text("60"))
    nas_hold: Mapped[int] = mapped_column(server_default=text("1800"))
    dynauth_port: Mapped[int] = mapped_column(server_default=text("3799"))
    strip_user_name: Mapped[bool] = mapped_column(server_default=text("true"))


class Session(Base):
    """The life of one row of `radacct`: its state, when it was last heard of, and who closed it."""

    __tablename__ = "session"
    __table_args__ = (
        Index("session_open_idx", "client_name", postgresql_where=text("state <> 'closed'")),
        {"schema": SCHEMA, "postgresql_with": {"fillfactor": 70}},
    )
    acctuniqueid: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[RandomId] = mapped_column(unique=True)
    radacctid: Mapped[Big | None]
    client_name: Mapped[str]
    group_name: Mapped[str | None]
    state: Mapped[str]
    started_at: Mapped[datetime | None]
    last_seen: Mapped[datetime]
    last_event: Mapped[datetime | None]
    interval_s: Mapped[int | None]
    expected_s: Mapped[float | None]
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    stop_uncertainty_s: Mapped[int | None]
    start_inferred: Mapped[bool] = mapped_column(server_default=text("false"))
    reopened: Mapped[int] = mapped_column(server_default=text("0"))
    framed_ip: Mapped[Inet | None]


class SessionEvent(Base):
    """One packet or change in the life of a session."""

    __tablename__ = "session_event"
    __table_args__ = (Index("session_event_session_idx", "session_id", "id"), {"schema": SCHEMA})
    id: Mapped[BigKey]
    session_id: Mapped[uuid.UUID]
    at: Mapped[Now]
    kind: Mapped[str]
    detail: Mapped[Json] = mapped_column(server_default=text("'{}'"))


class AuthLog(Base):
    """One Access-Request's outcome and the rule that decided it."""

    __tablename__ = "auth_log"
    __table_args__ = (
        Index("auth_log_username_idx", "username", text("id DESC")),
        Index("auth_log_at_idx", "at"),
        {"schema": SCHEMA},
    )
    id: Mapped[BigKey]
    at: Mapped[Now]
    username: Mapped[str]
    client: Mapped[str]
    nas_ip: Mapped[Inet | None]
    calling_station_id: Mapped[str | None]
    called_station_id: Mapped[str | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    rule: Mapped[str | None]
    groups: Mapped[str | None]
    method: Mapped[str]
    postauth_id: Mapped[Big | None]


class Token(Base):
    """A bearer token of the REST side; only its SHA-256 is kept."""

    __tablename__ = "token"
    __table_args__ = ({"schema": SCHEMA},)
    id: Mapped[RandomId] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[bytes]
    role: Mapped[str]
    scope: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Audit(Base):
    """Who changed what, when, from where; `before` and `after` never hold a secret."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_subject_idx", "kind", "name", text("id DESC")),
        Index("audit_at_idx", "at"),
        {"schema": SCHEMA},
    )
    id: Mapped[BigKey]
    at: Mapped[Now]
    actor: Mapped[str]
    source: Mapped[str | None]
    action: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    before: Mapped[Json | None]
    after: Mapped[Json | None]


class Idempotency(Base):
    """The answer to a write that carried an Idempotency-Key."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_created_idx", "created_at"), {"schema": SCHEMA})
    key: Mapped[str] = mapped_column(primary_key=True)
    token_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    method: Mapped[str]
    path: Mapped[str]
    request_hash: Mapped[bytes]
    status: Mapped[int | None]
    headers: Mapped[Json | None]
    body: Mapped[bytes | None]
    created_at: Mapped[Now]


class Service(Base):
    """Facts that processes leave for each other, such as heartbeats."""

    __tablename__ = "service"
    __table_args__ = ({"schema": SCHEMA},)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Json]


class Change(Base):
    """One name whose policy changed (see the head of this module)."""

    __tablename__ = "change"
    __table_args__ = (Index("change_xid_idx", "xid"), {"schema": SCHEMA})
    id: Mapped[BigKey]
    xid: Mapped[str] = mapped_column(Xid8(), server_default=text("pg_current_xact_id()"))
    kind: Mapped[str]
    name: Mapped[str]
    at: Mapped[Now]
