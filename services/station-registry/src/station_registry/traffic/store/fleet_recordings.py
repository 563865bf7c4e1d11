"""The recordings of all gateways backwards in time, with what is known of each unread."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.values.levels import Level
from station_registry.database.sql import statement
from station_registry.traffic.store.recordings import Candidate

LAST_ID = uuid.UUID(int=2**128 - 1)
# Of these levels and worse there is an index each; in the words of its condition.
_OF_LEVEL = {
    level: "" if level.rank == 0 else f"AND (level IS NULL OR level >= {level.rank}) "
    for level in Level
}


def backwards_sql(level: Level | None) -> str:
    """Return the statement that looks back over recordings with frames of this level or worse."""
    return (
        "SELECT recording_id, gateway_id, first_at, last_at, "
        "(tenants IS NULL OR CAST(:tenant_id AS text) = ANY(tenants)) "
        "AND (CAST(:action AS text) IS NULL OR actions IS NULL OR :action = ANY(actions)) "
        "AS may_hold FROM recording "
        "WHERE (last_at, recording_id) < (:before_at, :before_id) AND last_at <= :before_at "
        "AND last_at >= :sent_from "
        f"AND first_at <= :sent_to {_OF_LEVEL[level or Level.INFO]}"
        "ORDER BY last_at DESC, recording_id DESC LIMIT :limit"
    )


_BACKWARDS = {level: statement(backwards_sql(level)) for level in Level}


class LookedFor(NamedTuple):
    """What recordings are looked for: with frames between `sent`."""

    tenant_id: str
    level: Level | None
    action: str | None
    sent: tuple[datetime, datetime]


async def backwards(
    connection: AsyncConnection,
    wanted: LookedFor,
    before: tuple[datetime, uuid.UUID],
    limit: int,
) -> list[Candidate]:
    """Return recordings before a place, those with the newest last frames first."""
    parameters = {
        "tenant_id": wanted.tenant_id,
        "action": wanted.action,
        "sent_from": wanted.sent[0],
        "sent_to": wanted.sent[1],
        "before_at": before[0],
        "before_id": before[1],
        "limit": limit,
    }
    rows = await connection.execute(_BACKWARDS[wanted.level or Level.INFO], parameters)
    return [Candidate(*row) for row in rows]
