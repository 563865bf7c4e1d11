"""Statements on replays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.event_store import ListReplays, ReplayView
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import format_time

_COLUMNS = (
    "id, tenant_id, queue, status, types, station_id, of_stations, from_time, to_time, position, "
    "until, events, problem, created_by, created_at, ended_at"
)
# ruff: noqa: S608 - put together from literals; every value is a parameter
_ADD = text(
    "INSERT INTO replay (id, tenant_id, queue, status, types, station_id, of_stations, from_time, "
    "to_time, position, until, created_by) VALUES (:id, :tenant_id, :queue, 'running', :types, "
    ":station_id, :of_stations, :from_time, :to_time, :position, :until, :created_by) "
    f"RETURNING {_COLUMNS}"
)
_RUNNING = text(f"SELECT count(*) FROM replay WHERE {of_tenant()} AND status = 'running'")
# Two requests at once would both see room for one more.
_TENANT_IN_TURN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('replays ' || :tenant_id, 0))"
)
_GET = text(f"SELECT {_COLUMNS} FROM replay WHERE {of_tenant()} AND id = :id")
_LIST = text(
    f"SELECT {_COLUMNS} FROM replay WHERE {of_tenant()} "
    "AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, :before_id)) "
    "ORDER BY created_at DESC, id DESC LIMIT :most"
)
_STOP = text(
    "UPDATE replay SET status = 'stopped', ended_at = now() "
    f"WHERE {of_tenant()} AND id = :id AND status = 'running' RETURNING {_COLUMNS}"
)
_TAKE = text(
    f"SELECT {_COLUMNS} FROM replay WHERE status = 'running' AND next_at <= now() "
    "ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_GO_ON = text(
    "UPDATE replay SET position = :position, events = events + :events, "
    "next_at = clock_timestamp() WHERE id = :id"
)
_WAIT = text(
    "UPDATE replay SET next_at = clock_timestamp() + make_interval(secs => :seconds) WHERE id = :id"
)
_END = text(
    "UPDATE replay SET status = :status, problem = :problem, ended_at = clock_timestamp() "
    "WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """A row."""

    id: UUID
    tenant_id: str
    queue: str
    status: str
    types: list[str]
    station_id: str | None
    of_stations: bool
    from_time: datetime | None
    to_time: datetime | None
    position: int
    until: int
    events: int
    problem: str | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None

    def view(self) -> ReplayView:
        """Return it as REST shows it."""
        return ReplayView.model_validate(
            {
                "replay_id": str(self.id),
                "queue": self.queue,
                "status": self.status,
                "types": self.types,
                "station_id": self.station_id,
                "position": self.position,
                "until": self.until,
                "events": self.events,
                "problem": self.problem,
                "created_by": self.created_by,
                "created_at": format_time(self.created_at),
                "ended_at": None if self.ended_at is None else format_time(self.ended_at),
            }
        )


async def add(connection: AsyncConnection, **values: Any) -> Replay:
    """Store a new replay."""
    return Replay(*(await connection.execute(_ADD, values)).one())


async def count_running(connection: AsyncConnection, tenant_id: str) -> int:
    """Return how many replays of a tenant run; nobody adds one until the transaction ends."""
    await connection.execute(_TENANT_IN_TURN, {"tenant_id": tenant_id})
    return int((await connection.execute(_RUNNING, {"tenant_id": tenant_id})).scalar_one())


async def get(connection: AsyncConnection, tenant_id: str, replay_id: UUID) -> Replay | None:
    """Return a tenant's replay."""
    row = (await connection.execute(_GET, {"tenant_id": tenant_id, "id": replay_id})).first()
    return None if row is None else Replay(*row)


async def stop(connection: AsyncConnection, tenant_id: str, replay_id: UUID) -> Replay | None:
    """Stop a tenant's replay that runs; None where there is none."""
    row = (await connection.execute(_STOP, {"tenant_id": tenant_id, "id": replay_id})).first()
    return None if row is None else Replay(*row)


async def list_page(connection: AsyncConnection, asked: ListReplays) -> Page[ReplayView]:
    """Return a page of a tenant's replays, newest first."""
    before, before_id = None, None
    if asked.cursor is not None:
        before, before_id = decode_cursor(asked.cursor, as_moment, as_uuid)
    rows = await connection.execute(
        _LIST,
        {
            "tenant_id": asked.tenant_id,
            "before": before,
            "before_id": before_id,
            "most": asked.limit + 1,
        },
    )
    found = [Replay(*row) for row in rows]
    page = found[: asked.limit]
    more = len(found) > asked.limit
    cursor = encode_cursor(page[-1].created_at, page[-1].id) if more else None
    return Page(items=[one.view() for one in page], next_cursor=cursor)


async def take(connection: AsyncConnection) -> Replay | None:
    """Return the replay that has waited longest for its turn, for as long as the transaction."""
    row = (await connection.execute(_TAKE)).first()
    return None if row is None else Replay(*row)


async def go_on(connection: AsyncConnection, one: Replay, position: int, events: int) -> None:
    """Note that events up to a position were sent."""
    await connection.execute(_GO_ON, {"id": one.id, "position": position, "events": events})


async def wait(connection: AsyncConnection, one: Replay, seconds: float) -> None:
    """Leave a replay alone for a while."""
    await connection.execute(_WAIT, {"id": one.id, "seconds": seconds})


async def end(
    connection: AsyncConnection, one: Replay, status: str, problem: str | None = None
) -> None:
    """Note that a replay has ended."""
    await connection.execute(_END, {"id": one.id, "status": status, "problem": problem})
