"""Forgetting what has served its time, in portions that no one has to wait for.

The rule: only tables of ours are pruned, never FreeRADIUS's: what `radacct` and `radpostauth` hold is the operator's.
The logs grow by ids, so their oldest rows are their first ones: a portion is looked at from there.
"""

from typing import Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

PORTION: Final = 10_000
MOST_PORTIONS: Final = 20


class Keep(NamedTuple):
    """For how many days the timeline of sessions and the auth log are kept."""

    timeline: float = 30.0
    auth_log: float = 90.0


DEFAULT_KEEP: Final = Keep()


_SHORT_LIVED: Final = (
    b"DELETE FROM radiusd.change WHERE at < now() - interval '1 hour'",
    b"DELETE FROM radiusd.idempotency WHERE created_at < now() - interval '24 hours'",
    # Rows of `radacct` that another tool has removed leave nothing that could still speak.
    b"""
    UPDATE radiusd.session AS s SET state = 'closed', closed_by = 'admin', closed_at = now()
     WHERE state <> 'closed' AND last_seen < now() - interval '1 hour'
       AND NOT EXISTS (SELECT FROM radacct AS r WHERE r.acctuniqueid = s.acctuniqueid)""",
)
_TIMELINE: Final = b"""
    DELETE FROM radiusd.session_event WHERE id IN (
        SELECT id FROM (SELECT id, at FROM radiusd.session_event ORDER BY id LIMIT %s) AS oldest
         WHERE at < now() - %s * interval '1 day')"""
_AUTH_LOG: Final = b"""
    DELETE FROM radiusd.auth_log WHERE id IN (
        SELECT id FROM (SELECT id, at FROM radiusd.auth_log ORDER BY id LIMIT %s) AS oldest
         WHERE at < now() - %s * interval '1 day')"""


async def prune(connection: AsyncConnection[TupleRow], keep: Keep) -> None:
    """Delete what is too old; each portion is a transaction of its own."""
    for statement in _SHORT_LIVED:
        await connection.execute(statement)
        await connection.commit()
    for statement, days in ((_TIMELINE, keep.timeline), (_AUTH_LOG, keep.auth_log)):
        for _ in range(MOST_PORTIONS):
            cursor = await connection.execute(statement, (PORTION, days))
            await connection.commit()
            if cursor.rowcount < PORTION:
                break
