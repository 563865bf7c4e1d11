"""Paged reads of transactions and of their meter values, each order with an index of its own."""

from typing import Any

from sqlalchemy import (
    Row,
    Select,
    Text,
    any_,
    cast,
    func,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.sessions import (
    CloseTransactions,
    ListMeterValues,
    ListTransactions,
    TransactionFilter,
)
from csms_shared.db.cursors import (
    as_digest,
    as_int32,
    as_moment,
    as_text,
    decode_cursor,
    encode_cursor,
)
from csms_shared.values.id_tokens import token_key
from session_service.database.paging import PageRows, between, limited
from session_service.metering.tables import meter_value
from session_service.transactions.store.changes import Seen, changed_since, read_on, seen_now
from session_service.transactions.tables import transaction
from session_service.values.suspicion import Flag


async def page_of_transactions(
    connection: AsyncConnection, query: ListTransactions
) -> tuple[list[Row[Any]], str | None, str]:
    """Return transactions, newest start first, or those that changed after a cursor.

    The third is the cursor of what changes after this: the same on every page of a list, so that
    nothing is missed that changed while it was read.
    """
    now = await seen_now(connection)
    if query.changed_after is not None:
        return await _page_of_changes(connection, query, query.changed_after, now)
    table = transaction.c
    statement = _with_stops(_filtered(select(transaction), query), query)
    statement = statement.order_by(table.started_at.desc(), table.id.desc())
    if query.cursor is not None:
        started_at, row_id, first = decode_cursor(query.cursor, as_moment, as_int32, as_text)
        statement = statement.where(tuple_(table.started_at, table.id) < (started_at, row_id))
        now = Seen.decode(first, "cursor")
    rows, more = await limited(connection, statement, query.limit)
    changes = now.encode()
    last = rows[-1] if more else None
    return rows, last and encode_cursor(last.started_at, last.id, changes), changes


async def _page_of_changes(
    connection: AsyncConnection, query: ListTransactions, changed_after: str, now: Seen
) -> tuple[list[Row[Any]], str | None, str]:
    seen = Seen.decode(changed_after, "changed_after")
    if query.cursor is not None:
        seen = Seen.decode(query.cursor, "cursor")
    statement = _with_stops(_filtered(changed_since(seen, now), query), query)
    rows, more = await limited(connection, statement, query.limit)
    changes = read_on(seen, now, rows[-1] if more else None).encode()
    return rows, changes if more else None, changes


def to_close(request: CloseTransactions) -> Select[Any]:
    """Select the transactions behind the cursor that are to be closed; none that is completed."""
    table = transaction.c
    statement = _filtered(select(table.id, table.started_at), request)
    if request.cursor is not None:
        key = tuple(decode_cursor(request.cursor, as_moment, as_int32))
        statement = statement.where(tuple_(table.started_at, table.id) > key)
    return statement.where(table.status != "completed")


async def next_to_close(
    connection: AsyncConnection, request: CloseTransactions
) -> tuple[list[int], str | None]:
    """Return the ids of the next transactions to be closed, oldest start first."""
    table = transaction.c
    statement = to_close(request).order_by(table.started_at, table.id)
    rows, more = await limited(connection, statement, request.limit)
    last = rows[-1] if more else None
    return [row.id for row in rows], last and encode_cursor(last.started_at, last.id)


def _filtered(statement: Select[Any], query: TransactionFilter) -> Select[Any]:
    table = transaction.c
    conditions = [
        column == wanted
        for column, wanted in (
            (table.station_id, query.station_id),
            (table.connector_id, query.connector_id),
            (table.token_key, query.id_token and token_key(query.id_token)),
        )
        if wanted is not None
    ]
    if query.status is not None:
        conditions.append(table.status == query.status.value)
        if query.status.value != "completed":
            # Spelled out for the planner, which can't conclude it: the partial index applies.
            conditions.append(table.status != "completed")
    if query.flag is not None:
        conditions.append(table.flags.any_() == query.flag)
    conditions += between(table.started_at, query.started_from, query.started_to)
    return statement.where(*conditions)


def _with_stops(statement: Select[Any], query: ListTransactions) -> Select[Any]:
    stopped_at = transaction.c.stopped_at
    return statement.where(*between(stopped_at, query.stopped_from, query.stopped_to))


async def page_of_meter_values(connection: AsyncConnection, query: ListMeterValues) -> PageRows:
    """Return the meter values of one transaction, oldest first.

    `has_matched_values` tells whether some of the transaction's named another, `named_id` what the
    station calls the transaction.
    """
    # To plan it over all partitions takes longer than to run it, and one plan suits all.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    table = meter_value.c
    named_id = select(
        func.coalesce(transaction.c.station_transaction_id, cast(transaction.c.id, Text))
    ).where(transaction.c.id == query.transaction_id)
    odd = select(literal(Flag.VALUES_MATCHED_WITHOUT_ID.value) == any_(transaction.c.flags)).where(
        transaction.c.id == query.transaction_id
    )
    statement = (
        select(
            meter_value,
            odd.scalar_subquery().label("has_matched_values"),
            named_id.scalar_subquery().label("named_id"),
        )
        .where(table.transaction_id == query.transaction_id)
        .order_by(table.sampled_at, table.digest)
    )
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_digest))
        statement = statement.where(tuple_(table.sampled_at, table.digest) > key)
    rows, more = await limited(connection, statement, query.limit)
    if not more:
        return rows, None
    return rows, encode_cursor(rows[-1].sampled_at, rows[-1].digest)
