"""Stops and meter values that match no transaction, with everything that they carried."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.domain.stamps import Stamp

STOP = "stop"
METER_VALUES = "meter_values"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A report that fits no transaction."""

    kind: str
    station_id: str
    connector_id: int | None
    wire_id: int | None
    id_token: str | None
    connection_id: str
    stamp: Stamp
    received_at: datetime
    reason: str
    payload: dict[str, Any]

    @property
    def id(self) -> uuid.UUID:
        """The same for every copy of the report."""
        content = orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS).decode()
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{self.kind}\x1f{self.station_id}\x1f{content}")


_ADD = text(
    "INSERT INTO quarantine (id, kind, station_id, connector_id, wire_transaction_id, id_token, "
    "connection_id, epoch, seq, received_at, reason, payload) "
    "SELECT id, kind, station_id, connector_id, wire_id, id_token, connection_id, epoch, seq, "
    "received_at, reason, CAST(payload AS json) FROM unnest(CAST(:id AS uuid[]), "
    "CAST(:kind AS text[]), CAST(:station_id AS text[]), CAST(:connector_id AS bigint[]), "
    "CAST(:wire_id AS bigint[]), CAST(:id_token AS text[]), CAST(:connection_id AS text[]), "
    "CAST(:epoch AS bigint[]), CAST(:seq AS bigint[]), CAST(:received_at AS timestamptz[]), "
    "CAST(:reason AS text[]), CAST(:payload AS text[])) AS new (id, kind, station_id, "
    "connector_id, wire_id, id_token, connection_id, epoch, seq, received_at, reason, payload) "
    "ORDER BY id ON CONFLICT DO NOTHING RETURNING id"
)
_OPEN_OF_STATIONS = text(
    "SELECT * FROM quarantine WHERE status = 'open' "
    "AND station_id = ANY(CAST(:stations AS text[])) ORDER BY epoch, seq LIMIT 500"
)
_LOCK_OPEN = text(
    "SELECT * FROM quarantine WHERE status = 'open' AND id = ANY(CAST(:ids AS uuid[])) "
    "ORDER BY id FOR UPDATE"
)
_STATIONS_TO_RETRY = text(
    "SELECT DISTINCT station_id FROM quarantine WHERE status = 'open' "
    "AND received_at > now() - interval '1 hour' LIMIT 100"
)
_RECONCILE = text(
    "UPDATE quarantine SET status = 'reconciled', transaction_id = done.transaction_id "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:transactions AS integer[])) "
    "AS done (id, transaction_id) WHERE quarantine.id = done.id"
)


async def add_unmatched(connection: AsyncConnection, items: Sequence[Unmatched]) -> list[Unmatched]:
    """Store reports that fit nothing, and return those that were not stored yet."""
    unique = {item.id: item for item in items}
    if not unique:
        return []
    rows = list(unique.values())
    added = await connection.execute(
        _ADD,
        {
            "id": list(unique),
            "kind": [row.kind for row in rows],
            "station_id": [row.station_id for row in rows],
            "connector_id": [row.connector_id for row in rows],
            "wire_id": [row.wire_id for row in rows],
            "id_token": [row.id_token for row in rows],
            "connection_id": [row.connection_id for row in rows],
            "epoch": [row.stamp[0] for row in rows],
            "seq": [row.stamp[1] for row in rows],
            "received_at": [row.received_at for row in rows],
            "reason": [row.reason for row in rows],
            "payload": [orjson.dumps(row.payload).decode() for row in rows],
        },
    )
    return [unique[row_id] for row_id in added.scalars()]


async def open_items(connection: AsyncConnection, stations: Collection[str]) -> list[Row[Any]]:
    """Return what waits in quarantine for transactions of these stations, oldest first."""
    if not stations:
        return []
    return list(await connection.execute(_OPEN_OF_STATIONS, {"stations": sorted(stations)}))


async def lock_open(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Lock these items and return the ids of those that are still open."""
    if not ids:
        return set()
    return {row.id for row in await connection.execute(_LOCK_OPEN, {"ids": sorted(ids)})}


async def stations_to_retry(connection: AsyncConnection) -> list[str]:
    """Return stations whose recent reports wait in quarantine."""
    return list((await connection.execute(_STATIONS_TO_RETRY)).scalars())


async def mark_reconciled(
    connection: AsyncConnection, matched: Sequence[tuple[uuid.UUID, int]]
) -> None:
    """Note which transaction each item was found to belong to."""
    if matched:
        await connection.execute(
            _RECONCILE,
            {
                "ids": [item_id for item_id, _ in matched],
                "transactions": [transaction_id for _, transaction_id in matched],
            },
        )
