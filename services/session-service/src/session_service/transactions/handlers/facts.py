"""What is known of sessions, for another service that charges for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.session_facts import (
    ROWS_MAX,
    TEXTS_MAX,
    CurrentReading,
    EnergyReading,
    ReservationUsed,
    SessionFacts,
    SessionFactsList,
    SessionFactsView,
    SignedValue,
)
from csms_shared.values.numbers import INT32_MAX
from csms_shared.values.times import format_exact_time
from session_service.transactions.domain.evidence import named
from session_service.transactions.domain.measured import Measured, Value, measured, plain
from session_service.transactions.store.evidence import subject_of, value_of
from session_service.transactions.store.facts import (
    numbers_of_values,
    read_fewer_values,
    read_sessions,
    read_values,
    sizes_of_values,
    weeks_kept,
)
from session_service.transactions.store.transactions import station_transaction_id_of
from session_service.values.suspicion import Flag


async def session_facts(connection: AsyncConnection, asked: SessionFacts) -> SessionFactsList:
    """Return the sessions that fit one answer, in the order of their ids; at least one does."""
    possible = {one for one in asked.transaction_ids if 0 < one <= INT32_MAX}
    rows = await read_sessions(connection, asked.tenant_id, sorted(possible))
    if not rows:
        return SessionFactsList(items=[])
    numbers = await numbers_of_values(connection, [row.id for row in rows])
    fitting = _fitting([(row.id, numbers[row.id]) for row in rows], ROWS_MAX)
    sizes = await sizes_of_values(connection, sorted(fitting))
    fitting = _fitting(sizes.items(), TEXTS_MAX)
    values = await _values(connection, {one: (numbers[one], sizes[one]) for one in fitting})
    weeks = await weeks_kept(connection)
    of_sessions: dict[int, list[Row[Any]]] = {row.id: [] for row in rows}
    for value in values:
        of_sessions[value.transaction_id].append(value)
    return SessionFactsList(
        items=[_view(row, of_sessions[row.id], weeks) for row in rows if row.id in fitting],
        later=[row.id for row in rows if row.id not in fitting],
    )


def _fitting(sizes: Iterable[tuple[int, int]], room: int) -> set[int]:
    """Return the transactions that fit together, the smallest first; one does in any case."""
    fitting: set[int] = set()
    for transaction_id, size in sorted(sizes, key=lambda one: (one[1], one[0])):
        if fitting and size > room:
            break
        fitting.add(transaction_id)
        room -= size
    return fitting


async def _values(
    connection: AsyncConnection, sizes: Mapping[int, tuple[int, int]]
) -> Sequence[Row[Any]]:
    # Only one that is alone can have too many, or too long ones; what is not read counts, too.
    if len(sizes) == 1:
        ((transaction_id, (number, size)),) = sizes.items()
        if size > TEXTS_MAX:
            are_many = number > ROWS_MAX
            return await read_fewer_values(connection, transaction_id, are_many=are_many)
    values, are_all = await read_values(connection, sorted(sizes))
    if are_all or len(sizes) > 1:
        # Of several it is more than was counted by what came meanwhile.
        return values
    (transaction_id,) = sizes
    return await read_fewer_values(connection, transaction_id, are_many=True)


def _are_kept(weeks: Collection[date], since: datetime, until: datetime) -> bool:
    """Tell whether the values of a time are kept: weeks are dropped when they are old."""
    first, last = (_monday(one) for one in (since, max(since, until)))
    return len([one for one in weeks if first <= one <= last]) > (last - first).days // 7


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return date.fromordinal(max(day.toordinal() - day.weekday(), 1))


def _view(row: Row[Any], values: Sequence[Row[Any]], weeks: Collection[date]) -> SessionFactsView:
    found = _measured(row, values)
    return SessionFactsView(
        transaction_id=row.id,
        revision=row.revision,
        station_id=row.station_id,
        site_id=row.site_id,
        connector_id=row.connector_id,
        id_token=row.id_token,
        group_id=row.token_group,
        started_at=format_exact_time(row.started_at),
        stopped_at=None if row.stopped_at is None else format_exact_time(row.stopped_at),
        meter_start=row.meter_start,
        meter_stop=row.meter_stop,
        stop_reason=row.stop_reason,
        flags=row.flags,
        tags=row.tags,
        readings=[
            EnergyReading(at=format_exact_time(at), energy_wh=plain(wh))
            for at, wh in found.readings
        ],
        currents=[
            CurrentReading(at=format_exact_time(at), amperes=plain(a)) for at, a in found.currents
        ],
        signed=[
            SignedValue(at=format_exact_time(one.at), context=one.context, value=one.raw)
            for one in found.signed
        ],
        reservation=None
        if row.reserved_at is None
        # What a station's clock makes of it: nothing is reserved after the session has begun.
        else ReservationUsed(reserved_at=format_exact_time(min(row.reserved_at, row.started_at))),
        values_complete=_are_kept(weeks, row.started_at, row.stopped_at or row.started_at),
    )


def _measured(row: Row[Any], values: Sequence[Row[Any]]) -> Measured:
    """Read the values that count: one that named another session gives way (ADR 0026)."""
    if Flag.VALUES_MATCHED_WITHOUT_ID in row.flags:
        named_id = station_transaction_id_of(row)
        own = {id(one) for one in values if named(one.station_id, named_id, value_of(one))}
        told = {subject_of(one) for one in values if id(one) in own}
        values = [one for one in values if id(one) in own or subject_of(one) not in told]
    return measured(
        Value(
            one.sampled_at,
            one.measurand,
            one.phase,
            one.context,
            one.location,
            one.format,
            one.unit,
            one.raw,
            one.value,
        )
        for one in values
    )
