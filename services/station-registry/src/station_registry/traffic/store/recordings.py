"""Recorded frames: batches in, the batches that may hold a station's frames out."""

import uuid
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.recordings import LONGEST_SPAN_MS, Recording, decode_body
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.values.tenant_keys import tenant_of_key
from csms_shared.values.texts import is_storable
from station_registry.database.sql import at, statement

log = structlog.get_logger(__name__)

# Ahead for two days without upkeep; back for what waited in the queue.
DAYS_BACK = 1
DAYS_AHEAD = 3
_SPAN = timedelta(milliseconds=LONGEST_SPAN_MS)

# Row by row: arrays of arrays can't be unnested, and a row is a whole batch of frames.
_SAVE = statement(
    "INSERT INTO recording (recording_id, gateway_id, first_at, last_at, frames, stations, body, "
    "tenants, level, actions) "
    "VALUES (:recording_id, :gateway_id, :first_at, :last_at, :frames, :stations, :body, "
    ":tenants, :level, :actions) "
    "ON CONFLICT DO NOTHING"
)
_BOUNDS = statement("SELECT min(last_at) AS first_at, max(last_at) AS last_at FROM recording")
# In a window of `last_at`, which partitions are made of.
_CANDIDATES = (
    "SELECT recording_id, gateway_id, first_at, last_at FROM recording "
    "WHERE stations @> :station AND {window} "
    "AND last_at >= :sent_from AND first_at <= :sent_to ORDER BY {order} LIMIT :limit"
)
_NEWEST = statement(
    _CANDIDATES.format(
        window="last_at > :after AND last_at <= :until",
        order="last_at DESC, recording_id DESC",
    )
)
_OLDEST = statement(
    _CANDIDATES.format(
        window="first_at > :after AND first_at <= :until AND last_at > :after "
        "AND last_at <= :until_last",
        order="first_at, recording_id",
    )
)
_BODIES = statement(
    "SELECT recording_id, body FROM recording WHERE recording_id = ANY(:ids) "
    "AND last_at >= :first AND last_at <= :last"
)


class Candidate(NamedTuple):
    """A recording that may hold what is asked for, or by what is known of it does not."""

    recording_id: uuid.UUID
    gateway_id: str
    first_at: datetime
    last_at: datetime
    may_hold: bool = True


def station_hash(station_id: str) -> int:
    """Return the hash by which a station's recordings are found; others may share it."""
    return zlib.crc32(station_id.encode()) - 2**31


async def save(connection: AsyncConnection, recordings: Iterable[tuple[str, Recording]]) -> None:
    """Store recordings, each with the gateway that made it; one that is there stays.

    Raises:
        UnreadableRecording: a body is not base64.
    """
    rows = [
        {
            "recording_id": uuid.UUID(item.recording_id),
            "gateway_id": gateway_id,
            "first_at": at(item.first_ms),
            "last_at": at(item.last_ms),
            "frames": item.frames,
            "stations": sorted({station_hash(station_id) for station_id in item.stations}),
            "body": decode_body(item.body),
            "tenants": sorted({tenant_of_key(station_id) for station_id in item.stations}),
            "level": None if item.level is None else item.level.rank,
            "actions": None
            if item.actions is None
            else [action for action in item.actions if is_storable(action)],
        }
        for gateway_id, item in recordings
    ]
    if rows:
        await connection.execute(_SAVE, rows)


async def bounds(connection: AsyncConnection) -> tuple[datetime, datetime] | None:
    """Return between which moments all recordings are, None where there are none."""
    row = (await connection.execute(_BOUNDS)).one()
    return None if row.first_at is None else (row.first_at - _SPAN, row.last_at)


async def candidates(
    connection: AsyncConnection,
    station_id: str,
    sent: tuple[datetime, datetime],
    window: tuple[datetime, datetime],
    *,
    newest: bool,
    limit: int,
) -> list[Candidate]:
    """Return recordings with frames between `sent`, in order of their last or first frame.

    `window` bounds that very frame: after its beginning, until its end.
    """
    after, until = window
    parameters: dict[str, Any] = {
        "station": [station_hash(station_id)],
        "sent_from": sent[0],
        "sent_to": sent[1],
        "after": after,
        "until": until,
        "limit": limit,
    }
    if not newest:
        parameters["until_last"] = until + _SPAN
    rows = await connection.execute(_NEWEST if newest else _OLDEST, parameters)
    return [Candidate(*row) for row in rows]


async def bodies(
    connection: AsyncConnection, wanted: Sequence[Candidate]
) -> dict[uuid.UUID, bytes]:
    """Return the packed documents of some recordings."""
    parameters = {
        "ids": [candidate.recording_id for candidate in wanted],
        "first": min(candidate.last_at for candidate in wanted),
        "last": max(candidate.last_at for candidate in wanted),
    }
    return {row.recording_id: row.body for row in await connection.execute(_BODIES, parameters)}


async def make_partitions(connection: AsyncConnection) -> None:
    """Make the partitions of the days around now, moving rows that came before them."""
    await connection.execute(
        text("SELECT make_recording_partitions(:back, :ahead)"),
        {"back": DAYS_BACK, "ahead": DAYS_AHEAD},
    )


def upkeep_tasks(retention_days: int) -> tuple[UpkeepTask, ...]:
    """Return the periodic tasks on recordings."""

    async def drop_partitions(connection: AsyncConnection) -> None:
        dropped = await connection.execute(
            text("SELECT drop_recording_partitions(:days)"), {"days": retention_days}
        )
        if count := dropped.scalar_one():
            log.info("recording_partitions_dropped", count=count)

    return (
        UpkeepTask("make_recording_partitions", 3600.0, make_partitions),
        UpkeepTask("drop_recording_partitions", 3600.0, drop_partitions),
    )
