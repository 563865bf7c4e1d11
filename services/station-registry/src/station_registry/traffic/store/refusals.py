"""Refused handshakes, counted per station, address, reason, gateway and hour."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListRefusals, RefusalView
from csms_shared.contracts.ownership import Refusal
from csms_shared.contracts.pages import Page
from csms_shared.db.cursors import as_int64
from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.texts import fit
from csms_shared.values.times import format_time
from station_registry.database.pages import NewestFirst
from station_registry.database.sql import at, statement
from station_registry.database.tenants import TENANT_OF_STATION
from station_registry.traffic.tables import refusal

REFUSALS_KEPT = 100_000

_KEY = columns_of(refusal, "station_id", "remote_address", "reason", "gateway_id", "period_at")
_ROW = (
    *_KEY,
    *columns_of(refusal, "detail", "http_status", "times", "first_at", "refused_at"),
)
# A gateway counts from the beginning of the hour: of two reports, the larger is the later.
_SAVE = statement(
    f"INSERT INTO refusal AS r ({names(_ROW)}, tenant_id) "
    f"SELECT d.*, {TENANT_OF_STATION} FROM {unnest(_ROW)} "
    'ORDER BY station_id COLLATE "C", remote_address, reason, gateway_id, period_at '
    f"ON CONFLICT ({names(_KEY)}) DO UPDATE SET times = greatest(r.times, excluded.times), "
    "first_at = least(r.first_at, excluded.first_at), "
    "refused_at = greatest(r.refused_at, excluded.refused_at), "
    "detail = CASE WHEN excluded.times > r.times THEN excluded.detail ELSE r.detail END, "
    "http_status = CASE WHEN excluded.times > r.times THEN excluded.http_status "
    "ELSE r.http_status END"
)
_TOO_OLD = (
    "refusal WHERE refused_at < greatest("
    "now() - interval '30 days', (SELECT refused_at FROM refusal ORDER BY refused_at DESC "
    f"OFFSET {REFUSALS_KEPT} LIMIT 1)) ORDER BY refused_at LIMIT :slice"
)
_GET = statement(f"SELECT * FROM refusal WHERE {of_tenant()} AND id = :id")
_LAST = statement(
    f"SELECT * FROM refusal WHERE {of_tenant()} AND station_id = :station_id "
    "ORDER BY refused_at DESC, id DESC LIMIT 1"
)
_REFUSALS = NewestFirst(
    "refusal",
    time="refused_at",
    id="id",
    id_kind=as_int64,
    id_type="bigint",
    filters={
        "station_id": "station_id = :station_id",
        "reason": "reason = :reason",
        "refused_from": "refused_at >= :refused_from",
        "refused_to": "refused_at < :refused_to",
    },
)


async def save(connection: AsyncConnection, refusals: Iterable[tuple[str, Refusal]]) -> None:
    """Store refusals, each with the gateway that counted it."""
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for gateway_id, one in refusals:
        key = (
            fit(one.station_id, 255),
            fit(one.remote_address, 255),
            fit(one.reason, 64),
            gateway_id,
            at(one.refused_ms if one.period_ms is None else one.period_ms),
        )
        row = (
            fit(one.detail, 1000),
            one.http_status,
            one.times,
            at(one.refused_ms if one.first_ms is None else one.first_ms),
            at(one.refused_ms),
        )
        # No statement may change a row twice.
        if key not in rows or rows[key][2] < one.times:
            rows[key] = row
    if rows:
        await connection.execute(_SAVE, arrays(_ROW, [key + row for key, row in rows.items()]))


async def get(connection: AsyncConnection, tenant_id: str, refusal_id: int) -> RefusalView | None:
    """Return one row of refusals."""
    row = (await connection.execute(_GET, {"tenant_id": tenant_id, "id": refusal_id})).first()
    return None if row is None else _view(row)


async def last_of(
    connection: AsyncConnection, tenant_id: str, station_id: str
) -> RefusalView | None:
    """Return the last refusal of a station."""
    named = {"tenant_id": tenant_id, "station_id": station_id}
    row = (await connection.execute(_LAST, named)).first()
    return None if row is None else _view(row)


async def page(connection: AsyncConnection, query: ListRefusals) -> Page[RefusalView]:
    """Return refusals, newest first by the last of each."""
    return await _REFUSALS.page(connection, query, _view)


async def purge(connection: AsyncConnection) -> bool:
    """Delete refusals after 30 days, and the oldest beyond `REFUSALS_KEPT`; true: maybe more."""
    return await delete_slice(connection, "refusal", _TOO_OLD)


def _view(row: Any) -> RefusalView:
    return RefusalView(
        id=row.id,
        station_id=row.station_id or None,
        remote_address=row.remote_address,
        reason=row.reason,
        detail=row.detail,
        http_status=row.http_status,
        times=row.times,
        first_at=format_time(row.first_at),
        last_at=format_time(row.refused_at),
        gateway_id=row.gateway_id,
    )
