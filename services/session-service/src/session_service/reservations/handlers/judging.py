"""Reservations follow their facts: starts, answers of stations, the clock.

The one path for all of them: lock what a station may hold, judge it from everything known, write
what became of it, tell of it, and ask the station for what is wanted and not asked for yet.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.orders import CommandOrder, order_of
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import write_events
from csms_shared.ocpp.intents import CancelReservation, ReserveConnector
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.database.service_tables import outbox
from session_service.handling.events import Event
from session_service.reservations.domain import (
    Answer,
    Outage,
    Reservation,
    ReservationStatus,
    Verdict,
    conflicting,
    judge,
)
from session_service.reservations.handlers.events import reservation_event
from session_service.reservations.store.outages import add_outages, read_outages
from session_service.reservations.store.reservations import (
    RECENT,
    FlaggedStart,
    KeptReservation,
    flag_conflicts,
    lock_reservations,
    read_cancellations,
    read_starts,
    stations_with_expired,
    write_reservations,
)
from session_service.transactions.domain.starts import Start
from session_service.values.keys import TenantStation

Learn = Callable[[KeptReservation], None]
_PAID = (ReservationStatus.USED, ReservationStatus.EXPIRED, ReservationStatus.CANCELLED)


async def judge_started(connection: AsyncConnection, starts: Collection[Start]) -> None:
    """Judge the reservations of stations that have started transactions."""
    named = {
        (start.tenant_id, start.station_id, start.reservation_id)
        for start in starts
        if start.reservation_id is not None
    }
    stations = {(start.tenant_id, start.station_id) for start in starts}
    await judge_stations(connection, stations, named=named)


async def connectors_out_of_service(
    connection: AsyncConnection, outages: Collection[tuple[TenantStation, Outage]]
) -> None:
    """End the reservations of connectors that are Faulted or Unavailable (5.13)."""
    await add_outages(connection, outages)
    await judge_stations(connection, {station for station, _ in outages})


async def expire_reservations(connection: AsyncConnection) -> None:
    """End reservations whose time is over by our clock, without a word from the station."""
    stations = await stations_with_expired(connection, utc_now())
    if stations:
        await judge_stations(connection, stations)


async def judge_stations(
    connection: AsyncConnection,
    stations: Collection[TenantStation],
    *,
    named: Collection[tuple[str, str, int]] = (),
    commands: Collection[UUID] = (),
    learn: Learn = lambda _: None,
) -> None:
    """Judge anew what the stations hold; `learn` adds facts to the locked reservations first.

    Each tenant by itself: what a station did for another one is none of its facts. `named` has
    tenant, station, and the reservation as the station knows it.
    """
    now = utc_now()
    kept = await lock_reservations(connection, stations, now, named=named, commands=commands)
    if not kept:
        return
    before = {
        item.facts.id: (item.facts, item.cancel_command_id, item.cancel_failure) for item in kept
    }
    for item in kept:
        learn(item)
    facts = [item.facts for item in kept]
    cancellations = await read_cancellations(connection, facts)
    starts = await read_starts(connection, facts)
    outages = await read_outages(connection, facts)
    by_station: dict[TenantStation, list[Reservation]] = {}
    for reservation in facts:
        station = reservation.tenant_id, reservation.station_id
        by_station.setdefault(station, []).append(reservation)
    verdicts: dict[int, Verdict] = {}
    conflicts: dict[int, bool] = {}
    for station, held in by_station.items():
        known = starts.get(station, [])
        judged = judge(
            held,
            cancellations.get(station, []),
            [item.start for item in known if not item.taken],
            now,
            outages.get(station, []),
        )
        verdicts |= judged
        conflicts |= _conflicts(held, judged, known, now)
    orders = [order for item in kept if (order := _cancel_order(item, verdicts, now)) is not None]
    changed = [
        (item, verdicts[item.facts.id])
        for item in kept
        if before[item.facts.id] != (item.facts, item.cancel_command_id, item.cancel_failure)
        or _stored(item.row) != verdicts[item.facts.id]
    ]
    former = {item.facts.id: item.row for item in kept}
    rows = await write_reservations(connection, changed)
    await flag_conflicts(connection, conflicts)
    await write_events(
        connection,
        outbox,
        [event for row in rows for event in _told(former[row.id], row)],
    )
    await write_orders(connection, outbox, orders)


def reserve_order(row: Row[Any]) -> CommandOrder:
    """Return the order to reserve; it is not kept for a station that is offline."""
    wanted = ReserveConnector(
        reservation_id=row.wire_id,
        connector_id=row.connector_id,
        id_token=row.id_token,
        group_id=row.group_id,
        expires_at=format_time(row.expires_at),
    )
    soonest_end = min(
        int(row.expires_at.timestamp() * 1000), _ms(row.created_at) + RESERVE_WITHIN_MS
    )
    return order_of(
        wanted,
        order_id=row.command_id,
        tenant_id=row.tenant_id,
        station_id=row.station_id,
        deadline_ms=soonest_end,
        created_by=row.created_by,
    )


# A driver waits for the answer: a station that is away for longer counts as offline.
RESERVE_WITHIN_MS = 60_000


def _cancel_order(
    item: KeptReservation, verdicts: dict[int, Verdict], now: datetime
) -> CommandOrder | None:
    """Return the order to cancel what is to be cancelled, once the station has answered.

    Sooner, the cancellation could overtake the reservation, which then would stay.
    """
    open_ = verdicts[item.facts.id].status.is_open
    if item.row.cancel_wanted_at is None or item.cancel_command_id is not None or not open_:
        return None
    if item.cancel_failure is not None or item.facts.answer is Answer.NONE:
        return None
    item.cancel_command_id = new_command_id(_ms(now))
    return order_of(
        CancelReservation(reservation_id=item.facts.wire_id),
        order_id=item.cancel_command_id,
        tenant_id=item.facts.tenant_id,
        station_id=item.facts.station_id,
        deadline_ms=_ms(item.facts.expires_at),
        created_by=item.row.cancel_wanted_by,
    )


def _conflicts(
    held: Collection[Reservation],
    verdicts: dict[int, Verdict],
    starts: Collection[FlaggedStart],
    now: datetime,
) -> dict[int, bool]:
    found = {
        item.start.transaction_id: conflicting(item.start, held, verdicts)
        for item in starts
        # What older starts met is not all known here.
        if item.start.at > now - RECENT or not item.flagged
    }
    flagged = {item.start.transaction_id: item.flagged for item in starts}
    return {row_id: conflict for row_id, conflict in found.items() if conflict != flagged[row_id]}


def _stored(row: Row[Any]) -> Verdict:
    return Verdict(ReservationStatus(row.status), row.reason, row.ended_at, row.transaction_id)


def _told(before: Row[Any], row: Row[Any]) -> list[Event]:
    """Return what is told: what became of it, or that it was held otherwise than was told.

    Whoever charges for it goes by that: with the session that used it, or by itself.
    """
    had, has = before.transaction_id, row.transaction_id
    former = None if had == has else had
    if row.status != before.status:
        return [reservation_event(row, former_transaction_id=former)]
    is_paid = row.status in _PAID
    if is_paid and (_held(row), has) != (_held(before), had):
        return [reservation_event(row, None, *_held(row), former_transaction_id=former)]
    return []


def _held(row: Row[Any]) -> tuple[object, ...]:
    return row.answer, row.answered_at, row.ended_at, row.reason


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def learn_answer(item: KeptReservation, answer: Answer, refusal: str | None, at: datetime) -> None:
    """Add a station's answer; what is unknown can become known, what is known stays."""
    if item.facts.answer in (Answer.ACCEPTED, Answer.REFUSED):
        return
    item.facts = replace(item.facts, answer=answer, refusal=refusal, answered_at=at)
