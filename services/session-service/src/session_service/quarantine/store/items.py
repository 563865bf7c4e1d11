"""Stops and meter values that match no transaction, with everything that they carried."""

# ruff: noqa: S608 - statements are joined from constants of this module

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from session_service.quarantine.tables import quarantine
from session_service.values.stamps import Stamp

STOP = "stop"
METER_VALUES = "meter_values"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A report that fits no transaction."""

    kind: str
    station_id: str
    tenant_id: str
    connector_id: int | None
    wire_id: int | None
    id_token: str | None
    connection_id: str
    stamp: Stamp
    boot_count: int | None
    received_at: datetime
    reason: str
    ocpp_version: str
    payload: dict[str, Any]

    @property
    def id(self) -> uuid.UUID:
        """The same for every copy of the report.

        A clock may begin anew with each boot: a stop of another one can be another session's.
        """
        content = orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS).decode()
        boot = "" if self.boot_count is None else f"\x1f{self.boot_count}"
        name = f"{self.kind}\x1f{self.station_id}\x1f{content}{boot}"
        return uuid.uuid5(uuid.NAMESPACE_OID, name)


_ITEM = columns_of(
    quarantine,
    "id",
    "kind",
    "station_id",
    "tenant_id",
    "connector_id",
    "wire_transaction_id",
    "id_token",
    "connection_id",
    "epoch",
    "seq",
    "boot_count",
    "received_at",
    "reason",
    "ocpp_version",
)
_NEW = (*_ITEM, *columns_of(quarantine, "payload"))
_ADD = text(
    f"INSERT INTO quarantine ({names(_ITEM)}, payload, next_at) "
    f"SELECT {names(_ITEM)}, CAST(payload AS json), now() + make_interval(secs => :first_s) "
    f"FROM {unnest(_NEW, 'new')} ORDER BY id ON CONFLICT DO NOTHING RETURNING id"
)
# Before the next attempt at an item that nothing else has matched; it doubles each time. A start
# that was deciding while its report was looked at is there for the first one.
_FIRST_S = 20.0
_LONGEST_S = 6 * 3600.0
# Of one station at a time: the others wait for it.
_STATIONS_AT_ONCE = 50
_STOPS_AT_ONCE = 20
_METER_VALUES_AT_ONCE = 50


def _both_kinds(where: str, order: str) -> str:
    """Return some open items of `wanted.station_id`, of each kind as many as may be."""
    return " UNION ALL ".join(
        "(SELECT * FROM quarantine WHERE status = 'open' "
        "AND quarantine.station_id = wanted.station_id "
        f"AND kind = '{kind}' AND {where} ORDER BY {order} LIMIT {limit})"
        for kind, limit in ((STOP, _STOPS_AT_ONCE), (METER_VALUES, _METER_VALUES_AT_ONCE))
    )


_START = columns_of(quarantine, "station_id", "epoch", "seq")
_SENT_AFTER = text(
    f"SELECT item.* FROM {unnest(_START, 'wanted')} CROSS JOIN LATERAL ("
    + _both_kinds("(quarantine.epoch, quarantine.seq) > (wanted.epoch, wanted.seq)", "epoch, seq")
    + ") AS item"
)
_DUE = text(
    "WITH wanted AS (SELECT station_id, min(next_at) AS since FROM quarantine "
    "WHERE status = 'open' AND next_at <= now() GROUP BY station_id "
    f"ORDER BY since LIMIT {_STATIONS_AT_ONCE}) "
    "SELECT item.* FROM wanted CROSS JOIN LATERAL ("
    + _both_kinds("next_at <= now()", "next_at")
    + ") AS item"
)
_LOCK_OPEN = text(
    "SELECT id FROM quarantine WHERE status = 'open' AND id = ANY(:ids) "
    "ORDER BY id FOR UPDATE SKIP LOCKED"
)
_STILL_OPEN = text("SELECT id FROM quarantine WHERE status = 'open' AND id = ANY(:ids) ORDER BY id")
_DISMISS = text("UPDATE quarantine SET status = 'dismissed' WHERE id = ANY(:ids)")
_MATCHED = columns_of(quarantine, "id", "transaction_id")
_RECONCILE = text(
    "UPDATE quarantine SET status = 'reconciled', transaction_id = done.transaction_id "
    f"FROM {unnest(_MATCHED, 'done')} WHERE quarantine.id = done.id"
)
_POSTPONE = text(
    "UPDATE quarantine SET attempts = attempts + 1, tried_at = now(), next_at = now() + "
    "make_interval(secs => least(:longest_s, :first_s * 2 ^ least(attempts + 1, 30))) "
    "WHERE id = ANY(:ids)"
)


async def add_unmatched(connection: AsyncConnection, items: Sequence[Unmatched]) -> list[Unmatched]:
    """Store reports that fit nothing, and return those that were not stored yet."""
    unique = {item.id: item for item in items}
    if not unique:
        return []
    rows = [
        (
            row_id,
            item.kind,
            item.station_id,
            item.tenant_id,
            item.connector_id,
            item.wire_id,
            item.id_token,
            item.connection_id,
            *item.stamp,
            item.boot_count,
            item.received_at,
            item.reason,
            item.ocpp_version,
            orjson.dumps(item.payload).decode(),
        )
        for row_id, item in unique.items()
    ]
    added = await connection.execute(_ADD, {"first_s": _FIRST_S, **arrays(_NEW, rows)})
    return [unique[row_id] for row_id in added.scalars()]


async def items_sent_after(
    connection: AsyncConnection, starts: Mapping[str, Stamp]
) -> list[Row[Any]]:
    """Return what the stations sent after these starts and what waits, the next after each.

    Nothing that was sent before a start can be of its transaction.
    """
    if not starts:
        return []
    given = [(station_id, *stamp) for station_id, stamp in sorted(starts.items())]
    return list(await connection.execute(_SENT_AFTER, arrays(_START, given)))


async def due_items(connection: AsyncConnection) -> dict[str, list[Row[Any]]]:
    """Return, by station, what is to be tried again; no station has all the turns."""
    found: dict[str, list[Row[Any]]] = {}
    for row in await connection.execute(_DUE):
        found.setdefault(row.station_id, []).append(row)
    return found


async def lock_open(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Lock these items and return the ids of those that are still open and nobody else has."""
    if not ids:
        return set()
    return set((await connection.execute(_LOCK_OPEN, {"ids": sorted(ids)})).scalars())


async def still_open(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Return which of these are open, whoever has them."""
    if not ids:
        return []
    return list((await connection.execute(_STILL_OPEN, {"ids": sorted(ids)})).scalars())


async def dismiss(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> None:
    """Set aside items that are locked."""
    if ids:
        await connection.execute(_DISMISS, {"ids": sorted(ids)})


async def mark_reconciled(
    connection: AsyncConnection, matched: Sequence[tuple[uuid.UUID, int]]
) -> None:
    """Note which transaction each item was found to belong to."""
    if matched:
        await connection.execute(_RECONCILE, arrays(_MATCHED, matched))


async def postpone(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> None:
    """Note an attempt at items that are locked; the next one is later."""
    if ids:
        await connection.execute(
            _POSTPONE, {"ids": sorted(ids), "first_s": _FIRST_S, "longest_s": _LONGEST_S}
        )
