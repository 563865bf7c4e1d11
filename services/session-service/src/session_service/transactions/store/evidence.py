"""Reads of what was said about a transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from session_service.metering.tables import meter_value
from session_service.transactions.domain.evidence import StoredValue
from session_service.transactions.tables import stop
from session_service.values.stamps import Stamp

_PARTS = ("measurand", "phase", "location", "context", "format", "unit")
# Values with these in common tell of the same thing.
_SUBJECT = ("sampled_at", "measurand", "phase", "location", "context")


async def stops_besides(
    connection: AsyncConnection, transaction_id: int, best: Stamp | None, after: Stamp, limit: int
) -> list[Row[Any]]:
    """Return stops of the transaction in the order in which they were sent, but for `best`."""
    table = stop.c
    stamp = tuple_(table.epoch, table.seq)
    statement = (
        select(stop)
        .where(table.transaction_id == transaction_id, stamp > after)
        .order_by(table.epoch, table.seq, table.connection_id)
        .limit(limit)
    )
    if best is not None:
        statement = statement.where(stamp != best)
    return list(await connection.execute(statement))


async def contested_values(
    connection: AsyncConnection,
    transaction_id: int,
    after: tuple[datetime, bytes] | None,
    limit: int,
) -> list[Row[Any]]:
    """Return values of the transaction beside which others tell of the same thing.

    Each with the fields of all of those in `rivals`, as `rivals_of` reads them.
    """
    statement = _with_rivals().where(meter_value.c.transaction_id == transaction_id).subquery()
    page = (
        select(statement)
        .where(func.cardinality(statement.c.rival_digest) > 1)
        .order_by(statement.c.sampled_at, statement.c.digest)
        .limit(limit)
    )
    if after is not None:
        page = page.where(tuple_(statement.c.sampled_at, statement.c.digest) > after)
    return list(await connection.execute(page))


async def values_of_times(
    connection: AsyncConnection, transaction_id: int, times: Collection[datetime]
) -> list[Row[Any]]:
    """Return all values of the transaction that were sampled at these times."""
    statement = select(meter_value).where(
        meter_value.c.transaction_id == transaction_id,
        meter_value.c.sampled_at == func.any(sorted(times)),
    )
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    return list(await connection.execute(statement))


def subject_of(row: Row[Any]) -> tuple[Any, ...]:
    """Return what a value tells of."""
    return tuple(getattr(row, name) for name in _SUBJECT)


def value_of(row: Row[Any]) -> StoredValue:
    """Return a row of `meter_value` as the domain judges it."""
    parts = tuple(getattr(row, name) for name in _PARTS)
    return StoredValue(bytes(row.digest), row.connector_id, parts, row.raw)


def rivals_of(row: Row[Any]) -> list[StoredValue]:
    """Return all values that tell of what this one of `contested_values` does, itself included."""
    return [
        StoredValue(
            bytes(digest),
            connector_id,
            (row.measurand, row.phase, row.location, row.context, format, unit),
            raw,
        )
        for digest, connector_id, format, unit, raw in zip(
            row.rival_digest,
            row.rival_connector_id,
            row.rival_format,
            row.rival_unit,
            row.rival_raw,
            strict=True,
        )
    ]


def _with_rivals() -> Select[Any]:
    subject = [meter_value.c[name] for name in _SUBJECT]
    return select(
        meter_value,
        *(
            func.array_agg(literal_column(f"meter_value.{name}"))
            .over(partition_by=subject)
            .label(f"rival_{name}")
            for name in ("digest", "connector_id", "format", "unit", "raw")
        ),
    )
