"""Paged reads for requests: keyset cursors, each order with an index of its own."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import ListChargingProfiles
from csms_shared.contracts.reservations import ListReservations
from csms_shared.contracts.sessions import (
    CloseTransactions,
    DismissMany,
    ListIdTokens,
    ListMeterValues,
    ListQuarantine,
    ListTransactions,
    QuarantineFilter,
    QuarantineKind,
    ReconcileMany,
    TokenStatus,
    TransactionFilter,
)
from csms_shared.db.cursors import (
    as_digest,
    as_int32,
    as_int64,
    as_moment,
    as_text,
    as_uuid,
    decode_cursor,
    encode_cursor,
)
from csms_shared.values.id_tokens import token_key
from session_service.store.tables import (
    charging_profile,
    id_token,
    meter_value,
    quarantine,
    reservation,
    transaction,
)
from session_service.transactions.store.changes import Seen, changed_since, read_on, seen_now
from session_service.values.suspicion import Flag

PageRows = tuple[list[Row[Any]], str | None]


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
    rows, more = await _limited(connection, statement, query.limit)
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
    rows, more = await _limited(connection, statement, query.limit)
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
    rows, more = await _limited(connection, statement, request.limit)
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
    conditions += _between(table.started_at, query.started_from, query.started_to)
    return statement.where(*conditions)


def _with_stops(statement: Select[Any], query: ListTransactions) -> Select[Any]:
    stopped_at = transaction.c.stopped_at
    return statement.where(*_between(stopped_at, query.stopped_from, query.stopped_to))


def _between(
    column: Column[Any], beginning: datetime | None, end: datetime | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if beginning is not None:
        conditions.append(column >= beginning)
    if end is not None:
        conditions.append(column < end)
    return conditions


async def page_of_meter_values(connection: AsyncConnection, query: ListMeterValues) -> PageRows:
    """Return the meter values of one transaction, oldest first.

    `has_matched_values` tells whether some of the transaction's named another.
    """
    # To plan it over all partitions takes longer than to run it, and one plan suits all.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    table = meter_value.c
    odd = select(literal(Flag.VALUES_MATCHED_WITHOUT_ID.value) == any_(transaction.c.flags)).where(
        transaction.c.id == query.transaction_id
    )
    statement = (
        select(meter_value, odd.scalar_subquery().label("has_matched_values"))
        .where(table.transaction_id == query.transaction_id)
        .order_by(table.sampled_at, table.digest)
    )
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_digest))
        statement = statement.where(tuple_(table.sampled_at, table.digest) > key)
    rows, more = await _limited(connection, statement, query.limit)
    if not more:
        return rows, None
    return rows, encode_cursor(rows[-1].sampled_at, rows[-1].digest)


async def page_of_charging_profiles(
    connection: AsyncConnection, query: ListChargingProfiles
) -> PageRows:
    """Return a station's charging profiles, the last one sent first."""
    table = charging_profile.c
    statement = (
        select(charging_profile)
        .where(table.station_id == query.station_id)
        .order_by(table.sent_at.desc(), table.command_id.desc())
    )
    states = ("waiting", "installed") if query.state is None else (query.state.value,)
    statement = statement.where(table.state.in_(states))
    if query.connector_id is not None:
        statement = statement.where(table.connector_id == query.connector_id)
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_uuid))
        statement = statement.where(tuple_(table.sent_at, table.command_id) < key)
    rows, more = await _limited(connection, statement, query.limit)
    last = rows[-1] if more else None
    return rows, last and encode_cursor(last.sent_at, last.command_id)


async def page_of_quarantine(connection: AsyncConnection, query: ListQuarantine) -> PageRows:
    """Return items in quarantine, newest first."""
    table = quarantine.c
    statement = _quarantined(query).order_by(table.received_at.desc(), table.id.desc())
    if query.status is not None:
        statement = statement.where(table.status == query.status)
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_uuid))
        statement = statement.where(tuple_(table.received_at, table.id) < key)
    rows, more = await _limited(connection, statement, query.limit)
    if not more:
        return rows, None
    return rows, encode_cursor(rows[-1].received_at, rows[-1].id)


# Spelled out, as the index is: a plan for any parameters could not use it.
_OPEN = quarantine.c.status == literal_column("'open'")
_AS_SENT = (
    quarantine.c.station_id,
    quarantine.c.kind != literal_column(f"'{QuarantineKind.STOP.value}'"),
    quarantine.c.epoch,
    quarantine.c.seq,
    quarantine.c.id,
)


def open_items(batch: ReconcileMany | DismissMany) -> Select[Any]:
    """Select the open items behind the cursor that a filter finds."""
    statement = _quarantined(batch).where(_OPEN)
    if batch.cursor is None:
        return statement
    key = decode_cursor(batch.cursor, as_text, as_int32, as_int64, as_int64, as_uuid)
    station_id, no_stop, *rest = key
    return statement.where(tuple_(*_AS_SENT) > (station_id, no_stop > 0, *rest))


async def next_open_items(
    connection: AsyncConnection, batch: ReconcileMany | DismissMany
) -> PageRows:
    """Return the next open items by station, stops first, each kind as the station sent them."""
    statement = open_items(batch).order_by(*_AS_SENT)
    rows, more = await _limited(connection, statement, batch.limit)
    if not more:
        return rows, None
    last = rows[-1]
    no_stop = int(last.kind != QuarantineKind.STOP)
    return rows, encode_cursor(last.station_id, no_stop, last.epoch, last.seq, last.id)


def _quarantined(query: QuarantineFilter) -> Select[Any]:
    table = quarantine.c
    statement = select(quarantine).where(
        *_between(table.received_at, query.received_from, query.received_to)
    )
    if query.station_id is not None:
        statement = statement.where(table.station_id == query.station_id)
    if query.kind is not None:
        statement = statement.where(table.kind == query.kind.value)
    return statement


async def page_of_reservations(connection: AsyncConnection, query: ListReservations) -> PageRows:
    """Return reservations, newest first."""
    table = reservation.c
    statement = select(reservation).order_by(table.id.desc())
    if query.station_id is not None:
        statement = statement.where(table.station_id == query.station_id)
    if query.status is not None:
        statement = statement.where(table.status == query.status.value)
    if query.id_token is not None:
        statement = statement.where(table.token_key == token_key(query.id_token))
    if query.cursor is not None:
        (row_id,) = decode_cursor(query.cursor, as_int32)
        statement = statement.where(table.id < row_id)
    rows, more = await _limited(connection, statement, query.limit)
    return rows, encode_cursor(rows[-1].id) if more else None


async def page_of_id_tokens(connection: AsyncConnection, query: ListIdTokens) -> PageRows:
    """Return id tokens in the order of their keys."""
    table = id_token.c
    statement = select(id_token).order_by(table.key)
    passed = and_(table.status == "accepted", table.expires_at <= func.now())
    match query.status:
        case None:
            pass
        case TokenStatus.EXPIRED:
            statement = statement.where(or_(table.status == "expired", passed))
        case TokenStatus.ACCEPTED:
            statement = statement.where(
                table.status == "accepted",
                or_(table.expires_at.is_(None), table.expires_at > func.now()),
            )
        case status:
            statement = statement.where(table.status == status.value)
    if query.q:
        statement = statement.where(
            or_(
                table.key.contains(query.q.casefold(), autoescape=True),
                func.lower(table.group_id).contains(query.q.lower(), autoescape=True),
            )
        )
    if query.cursor is not None:
        (key,) = decode_cursor(query.cursor, as_text)
        statement = statement.where(table.key > key)
    rows, more = await _limited(connection, statement, query.limit)
    return rows, encode_cursor(rows[-1].key) if more else None


async def _limited(
    connection: AsyncConnection, statement: Select[Any], limit: int
) -> tuple[list[Row[Any]], bool]:
    rows = list(await connection.execute(statement.limit(limit + 1)))
    return rows[:limit], len(rows) > limit
