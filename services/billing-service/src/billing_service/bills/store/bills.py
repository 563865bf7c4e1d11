"""Rows of bills and credits."""

# ruff: noqa: S608 - the statements are joined from constants of this module

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.domain.bill import Bill
from billing_service.bills.tables import bill
from csms_shared.contracts.billing import BillKind, BillStatus
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.tenancy import of_tenant

_ROW = columns_of(
    bill,
    "bill_id",
    "tenant_id",
    "transaction_id",
    "sequence",
    "kind",
    "status",
    "revision",
    "corrects",
    "station_id",
    "id_token",
    "site_id",
    "tags",
    "tariff_id",
    "tariff_version",
    "assignment_id",
    "time_zone",
    "facts",
    "cost",
    "currency",
    "total_excl_vat",
    "total_incl_vat",
    "energy_kwh",
    "review",
    "created_at",
)
_CASTS = {
    "facts": "CAST(facts AS jsonb)",
    "cost": "CAST(cost AS jsonb)",
    "tags": "ARRAY(SELECT json_array_elements_text(CAST(tags AS json)))",
    "review": "ARRAY(SELECT json_array_elements_text(CAST(review AS json)))",
}
_READ_AS = ", ".join(_CASTS.get(name, name) for name, _ in _ROW)
_ADD = text(
    f"INSERT INTO bill ({names(_ROW)}) SELECT {_READ_AS} FROM {unnest(_ROW)} "
    "ORDER BY tenant_id, transaction_id, sequence"
)
_BY_ID = text("SELECT * FROM bill WHERE bill_id = ANY(:bill_ids)")
_TARIFFS = text(
    "SELECT bill_id, tariff_id, tariff_version, assignment_id FROM bill "
    "WHERE bill_id = ANY(:bill_ids)"
)
# The credits of what was sent that were not sent themselves, because the bill that comes instead is
# kept back, or was.
_UNSENT_CREDITS = text(
    "SELECT credit.* FROM bill AS credit JOIN cdr ON cdr.bill_id = credit.corrects "
    "WHERE credit.tenant_id = :tenant_id AND credit.transaction_id = :transaction_id "
    "AND credit.kind = 'credit' AND credit.status = 'review' ORDER BY credit.sequence"
)
_CLOSE = text(
    "UPDATE bill SET status = 'final', released_at = :at, released_by = :by "
    "WHERE bill_id = ANY(:bill_ids)"
)
_BY_ID_OF_TENANT = text(f"SELECT * FROM bill WHERE bill_id = :bill_id AND {of_tenant()}")


async def add_bills(connection: AsyncConnection, bills: Sequence[Bill], at: datetime) -> None:
    """Keep bills and credits, made one after the other."""
    if bills:
        # Lists are in the order of times: a credit comes before the bill that comes instead.
        rows = [_row(one, at + timedelta(microseconds=number)) for number, one in enumerate(bills)]
        await connection.execute(_ADD, arrays(_ROW, rows))


def _row(one: Bill, at: datetime) -> tuple[Any, ...]:
    return (
        one.bill_id,
        one.tenant_id,
        one.transaction_id,
        one.sequence,
        one.kind.value,
        one.status.value,
        one.revision,
        one.corrects,
        one.station_id,
        one.id_token,
        one.site_id,
        orjson.dumps([*one.tags]).decode(),
        one.tariff_id,
        one.tariff_version,
        one.assignment_id,
        one.time_zone,
        orjson.dumps(one.facts).decode(),
        orjson.dumps(one.cost).decode(),
        one.currency,
        one.total_excl_vat,
        one.total_incl_vat,
        one.energy_kwh,
        orjson.dumps(one.review).decode(),
        at,
    )


async def bills_by_id(connection: AsyncConnection, bill_ids: Iterable[UUID]) -> dict[UUID, Bill]:
    """Return bills."""
    found = await connection.execute(_BY_ID, {"bill_ids": [*bill_ids]})
    return {row.bill_id: read_bill(row) for row in found}


async def tariffs_of_bills(
    connection: AsyncConnection, bill_ids: Iterable[UUID]
) -> dict[UUID, tuple[UUID, int, UUID | None]]:
    """Return by which tariff, in which version, and by which assignment bills were made."""
    found = await connection.execute(_TARIFFS, {"bill_ids": [*bill_ids]})
    return {row.bill_id: (row.tariff_id, row.tariff_version, row.assignment_id) for row in found}


async def bill_of_tenant(
    connection: AsyncConnection, tenant_id: str, bill_id: UUID
) -> Row[Any] | None:
    """Return the row of a bill, if the tenant has it."""
    named = {"tenant_id": tenant_id, "bill_id": bill_id}
    return (await connection.execute(_BY_ID_OF_TENANT, named)).first()


async def unsent_credits(
    connection: AsyncConnection, tenant_id: str, transaction_id: int
) -> list[Bill]:
    """Return the credits of a session that are kept back with the bill that comes instead."""
    named = {"tenant_id": tenant_id, "transaction_id": transaction_id}
    return [read_bill(row) for row in await connection.execute(_UNSENT_CREDITS, named)]


async def close_bills(
    connection: AsyncConnection, bill_ids: Iterable[UUID], at: datetime | None, by: str | None
) -> None:
    """Keep back no longer: `by` somebody, or because something else comes instead."""
    await connection.execute(_CLOSE, {"bill_ids": [*bill_ids], "at": at, "by": by})


def read_bill(row: Row[Any]) -> Bill:
    """Return the bill of a row."""
    return Bill(
        row.bill_id,
        row.tenant_id,
        row.transaction_id,
        row.sequence,
        BillKind(row.kind),
        BillStatus(row.status),
        row.revision,
        row.corrects,
        row.station_id,
        row.id_token,
        row.site_id,
        tuple(row.tags),
        row.tariff_id,
        row.tariff_version,
        row.assignment_id,
        row.time_zone,
        row.facts,
        row.cost,
    )
