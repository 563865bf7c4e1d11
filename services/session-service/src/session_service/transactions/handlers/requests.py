"""What operators ask of transactions: lists, one, its meter values, closing it by hand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.sessions import (
    CloseTransaction,
    ListEvidence,
    ListMeterValues,
    ListTransactions,
    LiveFigures,
    MeterValueView,
    OpenTransactions,
    TransactionName,
    TransactionPage,
    TransactionStatus,
    TransactionView,
)
from csms_shared.values.numbers import INT32_MAX
from csms_shared.values.times import format_time
from session_service.database.tenants import is_of
from session_service.metering.domain import ENERGY_REGISTER, energy_wh
from session_service.transactions.domain.evidence import named
from session_service.transactions.domain.live_figures import Live
from session_service.transactions.handlers.closing import end_by_hand
from session_service.transactions.store.evidence import subject_of, value_of, values_of_times
from session_service.transactions.store.live_figures import read_live_figures
from session_service.transactions.store.pages import page_of_meter_values, page_of_transactions
from session_service.transactions.store.scopes import began_within
from session_service.transactions.store.transactions import (
    evse_id_of,
    station_transaction_id_of,
    stored_transaction,
)
from session_service.transactions.tables import transaction

NamesTransaction = CloseTransaction | ListEvidence | ListMeterValues | TransactionName


async def list_transactions(
    connection: AsyncConnection, query: ListTransactions
) -> TransactionPage:
    """Return a page of transactions."""
    rows, cursor, changes = await page_of_transactions(connection, query)
    views = await _views(connection, rows)
    return TransactionPage(items=views, next_cursor=cursor, changes=changes)


async def get_transaction(connection: AsyncConnection, name: TransactionName) -> TransactionView:
    """Return one transaction."""
    (view,) = await _views(connection, [await find_transaction(connection, name)])
    return view


async def list_meter_values(
    connection: AsyncConnection, query: ListMeterValues
) -> Page[MeterValueView]:
    """Return a page of a transaction's meter values.

    A value that named another transaction gives way to one that named this and tells of the same;
    it is among the evidence.
    """
    _check_id(query.transaction_id)
    if query.scope is not None:
        await find_transaction(connection, query)
    rows, cursor = await page_of_meter_values(connection, query)
    if not rows:
        # It has none, or there is no such transaction.
        await find_transaction(connection, query)
    if rows and rows[0].has_matched_values:
        rows = await _that_count(connection, rows)
    return Page(items=[_meter_value_view(row) for row in rows], next_cursor=cursor)


async def _that_count(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Leave out values that were matched where the station told the same under the right id."""
    named_id = rows[0].named_id
    times = {row.sampled_at for row in rows if not _is_named(row, named_id)}
    # What tells of the same may be on another page.
    others = await values_of_times(connection, rows[0].transaction_id, times) if times else []
    told = {subject_of(row) for row in others if _is_named(row, named_id)}
    return [row for row in rows if _is_named(row, named_id) or subject_of(row) not in told]


def _is_named(row: Row[Any], named_id: str) -> bool:
    return named(row.station_id, named_id, value_of(row))


async def open_transactions(connection: AsyncConnection, query: OpenTransactions) -> dict[str, int]:
    """Return the active transaction of each connector of a station."""
    rows = await connection.execute(
        select(transaction.c.connector_id, transaction.c.id)
        .where(
            is_of(transaction, query.tenant_id),
            transaction.c.station_id == query.station_id,
            transaction.c.status == "active",
        )
        .order_by(transaction.c.id)
    )
    return {str(row.connector_id): row.id for row in rows}


async def close_transaction(
    connection: AsyncConnection, request: CloseTransaction
) -> TransactionView:
    """End a transaction by hand; a stop that still comes is kept as evidence beside it."""
    row = await find_transaction(connection, request, lock=True)
    if row.status == TransactionStatus.COMPLETED:
        raise refuse(409, "transaction_completed", f"transaction {row.id} has ended already")
    await end_by_hand(
        connection,
        [(stored_transaction(row), request.meter_stop)],
        request.reason,
        request.closed_by,
    )
    return transaction_view(await find_transaction(connection, request))


async def find_transaction(
    connection: AsyncConnection, named: NamesTransaction, *, lock: bool = False
) -> Row[Any]:
    """Return the row of the transaction that a request names.

    Raises:
        ProblemRaised: its tenant has none like it.
    """
    _check_id(named.transaction_id)
    statement = select(transaction).where(
        transaction.c.id == named.transaction_id,
        is_of(transaction, named.tenant_id),
        *began_within(named),
    )
    row = (await connection.execute(statement.with_for_update() if lock else statement)).first()
    if row is None:
        raise _not_found(named.transaction_id)
    return row


def _check_id(transaction_id: int) -> None:
    if not 0 < transaction_id <= INT32_MAX:
        raise _not_found(transaction_id)


async def _views(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[TransactionView]:
    active = {row.id for row in rows if row.status == TransactionStatus.ACTIVE}
    live = await read_live_figures(connection, active)
    return [
        transaction_view(row, _live_view(live.get(row.id)) if row.id in active else None)
        for row in rows
    ]


def _live_view(live: Live | None) -> LiveFigures:
    if live is None:
        return LiveFigures()
    return LiveFigures(
        energy_wh=live.energy_wh,
        power_w=live.power_w,
        soc_percent=live.soc_percent,
        measured_at=format_time(live.measured_at),
    )


def transaction_view(row: Row[Any], live: LiveFigures | None = None) -> TransactionView:
    """Return a transaction as REST shows it, an active one with its live figures."""
    return TransactionView(
        transaction_id=row.id,
        station_transaction_id=station_transaction_id_of(row),
        station_id=row.station_id,
        site_id=row.site_id,
        evse_id=evse_id_of(row),
        connector_id=row.connector_id,
        id_token=row.id_token,
        status=TransactionStatus(row.status),
        authorization_status=row.authorization_status,
        started_at=format_time(row.started_at),
        stopped_at=None if row.stopped_at is None else format_time(row.stopped_at),
        received_at=format_time(row.received_at),
        meter_start=row.meter_start,
        meter_stop=row.meter_stop,
        energy_wh=energy_wh(row.meter_start, row.meter_stop),
        stop_reason=row.stop_reason,
        stop_id_token=row.stop_id_token,
        live=live,
        flags=row.flags,
    )


def _meter_value_view(row: Row[Any]) -> MeterValueView:
    return MeterValueView(
        timestamp=format_time(row.sampled_at),
        measurand=row.measurand or ENERGY_REGISTER,
        value=row.value,
        unit=row.unit,
        phase=row.phase,
        context=row.context,
        location=row.location,
        format=row.format,
        raw=row.raw,
    )


def _not_found(transaction_id: int) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no transaction {transaction_id}")
