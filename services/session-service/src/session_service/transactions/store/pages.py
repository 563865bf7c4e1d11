"""Paged reads of transactions and of their meter values, each order with an index of its own."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
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
from session_service.database.paging import PageRows, between, limited
from session_service.database.tenants import is_of
from session_service.metering.tables import meter_value
from session_service.transactions.store.changes import Seen, changed_since, read_on, seen_now
from session_service.transactions.store.scopes import Order, began_within, newest_within
from session_service.transactions.tables import transaction, transaction_tag
from session_service.values.keys import token_key_in_tenant
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
    order, key = _by_start(query), None
    if query.cursor is not None:
        *key, first = decode_cursor(query.cursor, as_moment, as_int32, as_text)
        now = Seen.decode(first, "cursor")
    statement = _newest(_listed(select(transaction), query), order, key)
    if query.scope is not None:
        statement = statement.where(*_within(query, key))
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
    statement = _listed(changed_since(seen, now), query).where(*began_within(query))
    rows, more = await limited(connection, statement, query.limit)
    changes = read_on(seen, now, rows[-1] if more else None).encode()
    return rows, changes if more else None, changes


def _newest(statement: Select[Any], order: Order, before: list[Any] | None) -> Select[Any]:
    if before is not None:
        statement = statement.where(tuple_(*order) < tuple(before))
    return statement.order_by(*(column.desc() for column in order))


def _within(query: ListTransactions, before: list[Any] | None) -> list[ColumnElement[bool]]:
    """Return the conditions of the scope: few are looked at where few are asked for anyway."""
    if query.station_id is not None or query.id_token is not None:
        return began_within(query)

    def newest(having: ColumnElement[bool], order: Order) -> Select[Any]:
        listed = _listed(select(transaction.c.id), query).where(having)
        return _newest(listed, order, before).limit(query.limit + 1)

    return [newest_within(query, newest)]


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
            (
                table.token_key,
                query.id_token and token_key_in_tenant(query.tenant_id, query.id_token),
            ),
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
    return statement.where(is_of(transaction, query.tenant_id), *conditions)


def _by_start(query: ListTransactions) -> Order:
    """Return the columns of the order of starts, which the index in use has."""
    if query.tag is None:
        return transaction.c.started_at, transaction.c.id
    return transaction_tag.c.started_at, transaction_tag.c.transaction_id


def _listed(statement: Select[Any], query: ListTransactions) -> Select[Any]:
    table, tagged = transaction.c, transaction_tag.c
    conditions = between(table.stopped_at, query.stopped_from, query.stopped_to)
    if query.site_id is not None:
        conditions.append(table.site_id == query.site_id)
    if query.tag is not None:
        statement = statement.join(transaction_tag, tagged.transaction_id == table.id)
        conditions += [is_of(transaction_tag, query.tenant_id), tagged.tag == query.tag]
    return _filtered(statement, query).where(*conditions)


async def page_of_meter_values(connection: AsyncConnection, query: ListMeterValues) -> PageRows:
    """Return the meter values of one transaction, oldest first.

    `has_matched_values` tells whether some of the transaction's named another, `named_id` what the
    station calls the transaction.
    """
    # To plan it over all partitions takes longer than to run it, and one plan suits all.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    table = meter_value.c
    mine = and_(transaction.c.id == query.transaction_id, is_of(transaction, query.tenant_id))
    named_id = select(
        func.coalesce(transaction.c.station_transaction_id, cast(transaction.c.id, Text))
    ).where(mine)
    odd = select(literal(Flag.VALUES_MATCHED_WITHOUT_ID.value) == any_(transaction.c.flags)).where(
        mine
    )
    statement = (
        select(
            meter_value,
            odd.scalar_subquery().label("has_matched_values"),
            named_id.scalar_subquery().label("named_id"),
        )
        .where(table.transaction_id == query.transaction_id, select(1).where(mine).exists())
        .order_by(table.sampled_at, table.digest)
    )
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_digest))
        statement = statement.where(tuple_(table.sampled_at, table.digest) > key)
    rows, more = await limited(connection, statement, query.limit)
    if not more:
        return rows, None
    return rows, encode_cursor(rows[-1].sampled_at, rows[-1].digest)
