"""What is read back of things that happened: sessions, logins, tokens and the audit log.

The rule: these are records; but for tokens nobody writes them through REST or the command line.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, JsonValue

from radiusd.store.resources import Moment, Name, Resource

Role = Literal["admin", "operator", "viewer"]
SessionState = Literal["pending", "active", "late", "suspect", "closed"]


class SessionOut(BaseModel):
    """A session: a row of radacct with what radiusd knows beside it. Octets are as the NAS sees them."""

    id: str
    state: SessionState
    username: str | None
    group: str | None
    client: str | None
    nas_ip: str | None
    nas_port: str | None
    framed_ip: str | None
    framed_ipv6_prefix: str | None
    calling_station_id: str | None
    called_station_id: str | None
    acct_session_id: str
    acct_unique_id: str
    started_at: datetime | None
    updated_at: datetime | None
    last_seen: datetime | None
    stopped_at: datetime | None
    session_time: int | None
    input_octets: int | None
    output_octets: int | None
    interim_interval: int | None
    terminate_cause: str | None
    closed_by: str | None
    closed_at: datetime | None
    stop_uncertainty_s: int | None
    start_inferred: bool
    reopened: int


class SessionEventOut(BaseModel):
    """One entry of a session's timeline."""

    id: int
    at: datetime
    kind: str
    detail: JsonValue


class AuthLogOut(BaseModel):
    """The outcome of one Access-Request, and the rule that decided it."""

    id: int
    at: datetime
    username: str | None
    client: str | None
    nas_ip: str | None
    calling_station_id: str | None
    called_station_id: str | None
    outcome: str
    reason: str | None
    rule: str | None
    groups: str | None
    method: str | None


class TokenIn(Resource):
    """A new bearer token."""

    name: Name
    role: Role = "viewer"
    expires_at: Moment | None = None


class TokenOut(BaseModel):
    """A token as listed: the prefix is the part of it that may be shown."""

    id: UUID
    name: str
    prefix: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenCreated(TokenOut):
    """A token at its creation: `token` is shown this once."""

    token: str


class AuditOut(BaseModel):
    """One change: who, from where, what, and how it was before and after (secrets only as changed)."""

    id: int
    at: datetime
    actor: str
    source: str | None
    action: str
    kind: str
    name: str
    before: JsonValue
    after: JsonValue
