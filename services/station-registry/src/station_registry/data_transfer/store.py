"""Data transfers: stored once each, kept for a while."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Call
from csms_shared.db.purging import delete_slice
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.values.texts import fit
from station_registry.data_transfer.domain import Transfer
from station_registry.data_transfer.tables import data_transfer
from station_registry.database.sql import at, statement

_TRANSFER = columns_of(
    data_transfer,
    "connection_id",
    "seq",
    "station_id",
    "tenant_id",
    "epoch",
    "vendor_id",
    "message_id",
    "data",
    "received_at",
)
_SAVE_TRANSFERS = statement(
    f"INSERT INTO data_transfer ({names(_TRANSFER)}) "
    f"SELECT * FROM {unnest(_TRANSFER)} ORDER BY connection_id, seq "
    "ON CONFLICT DO NOTHING RETURNING connection_id, seq"
)
_OLD_TRANSFERS = (
    "data_transfer WHERE received_at < now() - interval '30 days' ORDER BY received_at LIMIT :slice"
)


async def save_transfers(
    connection: AsyncConnection, calls: Iterable[Call[Transfer]]
) -> set[tuple[str, int]]:
    """Store data transfers; returns the (connection, seq) of those that were not there yet."""
    rows = {(call.connection_id, call.seq): _transfer(call) for call in calls}
    found = await connection.execute(_SAVE_TRANSFERS, arrays(_TRANSFER, rows.values()))
    return {(row.connection_id, row.seq) for row in found}


def _transfer(call: Call[Transfer]) -> tuple[Any, ...]:
    return (
        call.connection_id,
        call.seq,
        call.station_id,
        call.tenant_id,
        call.epoch,
        fit(call.value.vendor_id, 255),
        fit(call.value.message_id, 255),
        fit(call.value.data, 1_000_000),
        at(call.received_ms),
    )


async def purge_transfers(connection: AsyncConnection) -> bool:
    """Delete data transfers after 30 days; true where there may be more."""
    return await delete_slice(connection, "data_transfer", _OLD_TRANSFERS)
