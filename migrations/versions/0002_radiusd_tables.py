"""Our own tables, in the schema radiusd.

Revision 0002, follows 0001.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# No foreign key leads to a table of FreeRADIUS: it would forbid TRUNCATE to the tools that share it.
TABLES = """
CREATE TABLE radiusd.client (
    nas_id integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    kind text NOT NULL DEFAULT 'other',
    require_message_authenticator text NOT NULL DEFAULT 'auto'
        CHECK (require_message_authenticator IN ('auto', 'yes', 'no')),
    reap_missed_interims integer NOT NULL DEFAULT 3 CHECK (reap_missed_interims > 0),
    reap_grace integer NOT NULL DEFAULT 60 CHECK (reap_grace >= 0),
    nas_hold integer NOT NULL DEFAULT 1800 CHECK (nas_hold >= 0),
    dynauth_port integer NOT NULL DEFAULT 3799 CHECK (dynauth_port BETWEEN 1 AND 65535),
    strip_user_name boolean NOT NULL DEFAULT true
);

CREATE TABLE radiusd.session (
    acctuniqueid text PRIMARY KEY,
    id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    radacctid bigint,
    client_name text NOT NULL,
    group_name text,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'late', 'suspect', 'closed')),
    started_at timestamptz,
    last_seen timestamptz NOT NULL,
    last_event timestamptz,
    interval_s integer,
    expected_s double precision,
    closed_by text CHECK (closed_by IN ('nas', 'reaper', 'admin', 'supersede', 'nas-reboot')),
    closed_at timestamptz,
    stop_uncertainty_s integer,
    start_inferred boolean NOT NULL DEFAULT false,
    reopened integer NOT NULL DEFAULT 0,
    framed_ip inet
) WITH (fillfactor = 70);
-- No column that an interim writes is indexed: so its new version stays on the same page, where there is room, and
-- no index is touched.
CREATE INDEX session_open_idx ON radiusd.session (client_name) WHERE state <> 'closed';

CREATE TABLE radiusd.session_event (
    id bigserial PRIMARY KEY,
    session_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX session_event_session_idx ON radiusd.session_event (session_id, id);

CREATE TABLE radiusd.auth_log (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    username text NOT NULL,
    client text NOT NULL,
    nas_ip inet,
    calling_station_id text,
    called_station_id text,
    outcome text NOT NULL CHECK (outcome IN ('accept', 'reject')),
    reason text,
    rule text,
    groups text,
    method text NOT NULL,
    postauth_id bigint
);
CREATE INDEX auth_log_username_idx ON radiusd.auth_log (username, id DESC);
CREATE INDEX auth_log_at_idx ON radiusd.auth_log (at);

CREATE TABLE radiusd.token (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    prefix text NOT NULL UNIQUE,
    hash bytea NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
    scope jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE radiusd.audit (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    source text,
    action text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    before jsonb,
    after jsonb
);
CREATE INDEX audit_subject_idx ON radiusd.audit (kind, name, id DESC);
CREATE INDEX audit_at_idx ON radiusd.audit (at);

CREATE TABLE radiusd.idempotency (
    key text NOT NULL,
    token_id uuid NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, token_id)
);
CREATE INDEX idempotency_created_idx ON radiusd.idempotency (created_at);

CREATE TABLE radiusd.service (
    key text PRIMARY KEY,
    value jsonb NOT NULL
);
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
