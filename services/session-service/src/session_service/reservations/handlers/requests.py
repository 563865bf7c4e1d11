"""Reservations as operators make, read and cancel them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.reservations import (
    CancelReservation,
    CreateReservation,
    FindReservation,
    ListReservations,
    ReservationName,
    ReservationView,
)
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from csms_shared.values.id_tokens import token_key
from csms_shared.values.times import format_time
from session_service.database.service_tables import outbox
from session_service.database.tenants import is_of
from session_service.places.store import stands_within
from session_service.reservations.domain import ReservationStatus
from session_service.reservations.handlers.events import reservation_event
from session_service.reservations.handlers.judging import judge_stations, reserve_order
from session_service.reservations.store.pages import page_of_reservations
from session_service.reservations.store.reservations import add_own, find_by_command, want_cancelled
from session_service.reservations.tables import reservation
from session_service.values.keys import token_key_in_tenant


async def list_reservations(
    connection: AsyncConnection, query: ListReservations
) -> Page[ReservationView]:
    """Return a page of reservations, newest first."""
    rows, cursor = await page_of_reservations(connection, query)
    return Page(items=[_view(row) for row in rows], next_cursor=cursor)


async def get_reservation(connection: AsyncConnection, name: ReservationName) -> ReservationView:
    """Return one reservation."""
    return _view(await _row(connection, name))


async def find_reservation(
    connection: AsyncConnection, request: FindReservation
) -> ReservationView:
    """Return the reservation that a ReserveNow asks for."""
    row = await find_by_command(connection, request.tenant_id, request.command_id)
    if row is None:
        raise refuse(404, "not_found", f"there is no reservation of {request.command_id}")
    return _view(row)


async def create_reservation(
    connection: AsyncConnection, request: CreateReservation
) -> ReservationView:
    """Store a reservation and order ReserveNow; the station's answer comes later."""
    now = utc_now()
    command_id = request.command_id or new_command_id(int(now.timestamp() * 1000))
    problems = []
    if request.expires_at <= now:
        problems.append(("expires_at", "must lie in the future"))
    if not token_key(request.id_token):
        problems.append(("id_token", "must not be blank"))
    if problems:
        raise refuse(422, "invalid_request", "such a reservation can't be made", *problems)
    row = await add_own(
        connection,
        {
            "station_id": request.station_id,
            "tenant_id": request.tenant_id,
            "connector_id": request.connector_id,
            "id_token": request.id_token,
            "token_key": token_key_in_tenant(request.tenant_id, request.id_token),
            "group_id": request.group_id,
            "created_at": now,
            "expires_at": request.expires_at,
            "created_by": request.created_by,
            "command_id": command_id,
        },
    )
    if row is None:
        again = FindReservation(tenant_id=request.tenant_id, command_id=command_id)
        return await find_reservation(connection, again)
    await write_events(connection, outbox, [reservation_event(row, "created")])
    await write_orders(connection, outbox, [reserve_order(row)])
    return _view(row)


async def cancel_reservation(
    connection: AsyncConnection, request: CancelReservation
) -> ReservationView:
    """Have a reservation cancelled, as soon as its station has answered to it.

    Asking again changes nothing while the station is asked already, and tries again after a
    failure; 409 where the reservation has ended.
    """
    row = await _row(connection, request, lock=True)
    if not ReservationStatus(row.status).is_open:
        raise refuse(409, "reservation_ended", f"the reservation is {row.status} already")
    if row.cancel_wanted_at is None or row.cancel_failure is not None:
        await want_cancelled(connection, row.id, utc_now(), request.cancelled_by)
        station = row.tenant_id, row.station_id
        await judge_stations(connection, [station], commands=[row.command_id])
    return _view(await _row(connection, request))


async def _row(
    connection: AsyncConnection, named: ReservationName | CancelReservation, *, lock: bool = False
) -> Row[Any]:
    row_id = named.reservation_id
    statement = select(reservation).where(
        is_of(reservation, named.tenant_id),
        reservation.c.id == row_id,
        *stands_within(reservation.c.station_id, named),
    )
    if lock:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).first()
    if row is None:
        raise refuse(404, "not_found", f"there is no reservation {row_id}")
    return row


def _view(row: Row[Any]) -> ReservationView:
    return ReservationView(
        reservation_id=row.id,
        station_reservation_id=row.wire_id,
        station_id=row.station_id,
        connector_id=row.connector_id,
        id_token=row.id_token,
        group_id=row.group_id,
        status=row.status,
        reason=row.reason,
        created_at=format_time(row.created_at),
        expires_at=format_time(row.expires_at),
        answered_at=_text(row.answered_at),
        ended_at=_text(row.ended_at),
        transaction_id=row.transaction_id,
        created_by=row.created_by,
        command_id=str(row.command_id),
        cancel_wanted_at=_text(row.cancel_wanted_at),
        cancel_command_id=None if row.cancel_command_id is None else str(row.cancel_command_id),
        cancel_failure=row.cancel_failure,
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
