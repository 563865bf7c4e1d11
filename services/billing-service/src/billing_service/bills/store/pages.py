"""Reading costs of sessions and lists of bills."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    Text,
    cast,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.domain.subject import number_of_reservation, number_of_transaction
from billing_service.bills.tables import bill, session
from billing_service.cdrs.tables import cdr
from billing_service.tariffs.tables import tariff_version
from csms_shared.contracts.billing import BillKind, BillStatus, ListBills
from csms_shared.contracts.requests import WithinScope
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor


def was_within(table: Table, asked: WithinScope) -> list[ColumnElement[bool]]:
    """Return the condition that a row is of the tenant, and of a place within the scope."""
    conditions: list[ColumnElement[bool]] = [table.c.tenant_id == asked.tenant_id]
    if asked.scope is not None:
        conditions.append(
            or_(
                table.c.site_id.in_(asked.scope.site_ids),
                table.c.tags.op("&&")(cast(list(asked.scope.tags), ARRAY(Text))),
            )
        )
    return conditions


_COST_COLUMNS = (
    session.c.transaction_id,
    session.c.state,
    session.c.problem,
    session.c.revision,
    session.c.running,
    session.c.measured_at,
    session.c.calculated_at,
    bill.c.bill_id,
    bill.c.status.label("bill_status"),
    bill.c.corrects,
    bill.c.tariff_id,
    bill.c.tariff_version,
    bill.c.assignment_id,
    bill.c.time_zone,
    bill.c.created_at,
)


async def summaries(
    connection: AsyncConnection, asked: WithinScope, transaction_ids: Iterable[int]
) -> list[Row[Any]]:
    """Return what is shown of the costs of sessions in lists."""
    totals = (
        session.c.currency.label("running_currency"),
        session.c.total_excl_vat.label("running_excl_vat"),
        session.c.total_incl_vat.label("running_incl_vat"),
        bill.c.currency,
        bill.c.total_excl_vat,
        bill.c.total_incl_vat,
    )
    statement = (
        select(session.c.transaction_id, session.c.state, bill.c.bill_id, *totals)
        .outerjoin(bill, bill.c.bill_id == session.c.bill_id)
        .where(
            *was_within(session, asked),
            session.c.transaction_id.in_({number_of_transaction(one) for one in transaction_ids}),
        )
    )
    return list(await connection.execute(statement))


async def cost_row(connection: AsyncConnection, asked: WithinScope, number: int) -> Row[Any] | None:
    """Return all that is known of the cost of a session or reservation, by its number."""
    statement = (
        select(
            *_COST_COLUMNS,
            bill.c.cost,
            tariff_version.c.name.label("tariff_name"),
            cdr.c.position,
            cdr.c.missing,
        )
        .outerjoin(bill, bill.c.bill_id == session.c.bill_id)
        .outerjoin(
            tariff_version,
            (tariff_version.c.tariff_id == bill.c.tariff_id)
            & (tariff_version.c.version == bill.c.tariff_version),
        )
        .outerjoin(cdr, cdr.c.bill_id == bill.c.bill_id)
        .where(*was_within(session, asked), session.c.transaction_id == number)
    )
    found: Any = await connection.execute(statement)
    row: Row[Any] | None = found.first()
    return row


# What is not shown is not read: facts may be long.
_BILLS = select(
    *(one for one in bill.c if one.name not in ("facts", "cost")), cdr.c.cdr_id, cdr.c.position
).outerjoin(cdr, cdr.c.bill_id == bill.c.bill_id)


async def bill_within(
    connection: AsyncConnection, asked: WithinScope, bill_id: UUID
) -> Row[Any] | None:
    """Return what is shown of a bill, if it is within the scope."""
    statement = _BILLS.where(*was_within(bill, asked), bill.c.bill_id == bill_id)
    found: Any = await connection.execute(statement)
    row: Row[Any] | None = found.first()
    return row


async def page_of_bills(
    connection: AsyncConnection, asked: ListBills
) -> tuple[list[Row[Any]], str | None]:
    """Return bills and credits, newest first, and the cursor of the next page."""
    order = (bill.c.created_at, bill.c.bill_id)
    statement = _BILLS.where(*was_within(bill, asked))
    of_transaction, of_reservation = asked.transaction_id, asked.reservation_id
    for column, value in (
        (
            bill.c.transaction_id,
            None if of_transaction is None else number_of_transaction(of_transaction),
        ),
        (
            bill.c.transaction_id,
            None if of_reservation is None else number_of_reservation(of_reservation),
        ),
        (bill.c.station_id, asked.station_id),
        (bill.c.status, None if asked.status is None else asked.status.value),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if asked.cursor is not None:
        statement = statement.where(
            tuple_(*order) < tuple(decode_cursor(asked.cursor, as_moment, as_uuid))
        )
    newest_first = statement.order_by(*(column.desc() for column in order))
    rows: list[Row[Any]] = list(await connection.execute(newest_first.limit(asked.limit + 1)))
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    return shown, encode_cursor(shown[-1].created_at, shown[-1].bill_id) if more else None


async def count_held(connection: AsyncConnection, asked: WithinScope, at_most: int) -> int:
    """Return how many bills are kept back; their credits wait with them, and are not counted."""
    held = (
        select(bill.c.bill_id)
        .where(
            *was_within(bill, asked),
            # As in the index of them, which no parameter would match.
            bill.c.status == literal_column(f"'{BillStatus.REVIEW.value}'"),
            bill.c.kind == BillKind.BILL.value,
        )
        .limit(at_most)
        .subquery()
    )
    return int(await connection.scalar(select(func.count()).select_from(held)) or 0)
