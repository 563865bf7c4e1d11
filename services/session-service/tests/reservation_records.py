"""Reservations as operators and stations make and end them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from session_records import Records

from csms_shared.contracts.reservations import (
    CancelReservation,
    CreateReservation,
    ReservationView,
)
from csms_shared.db.engine import in_transaction
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.reservations.handlers.requests import cancel_reservation, create_reservation


def soon(minutes: float = 0) -> datetime:
    """Return the time in so many minutes."""
    return datetime.now(UTC) + timedelta(minutes=minutes)


async def reserve(records: Records, **changes: Any) -> ReservationView:
    """Want a reservation of an hour, but for what is given."""
    request = CreateReservation.model_validate(
        {
            "station_id": "S1",
            "connector_id": 1,
            "id_token": "T1",
            "expires_at": soon(60),
            "created_by": "admin",
        }
        | changes
    )
    return await in_transaction(records.engine, lambda c: create_reservation(c, request))


async def cancel(records: Records, reservation_id: int = 1) -> ReservationView:
    """Want one cancelled."""
    request = CancelReservation(reservation_id=reservation_id, cancelled_by="admin")
    return await in_transaction(records.engine, lambda c: cancel_reservation(c, request))


def ended(action: str, payload: dict[str, Any], said: str | None, /, **changes: Any) -> Work:
    """Return the end of a command as it comes off the queue."""
    answered = format_time(changes.pop("answered_at", soon()))
    data = {
        "command_id": str(uuid4()),
        "station_id": "S1",
        "action": action,
        "payload": payload,
        "status": "completed",
        "accepted": said == "Accepted",
        "response": None if said is None else {"status": said},
        "created_by": "admin",
        "created_at": answered,
        "sent_at": answered,
        "completed_at": answered,
        "deadline": format_time(soon(5)),
    } | changes
    event = {
        "id": str(uuid4()),
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": "S1",
        "time": answered,
        "data": data,
    }
    return Work("events.v1", {}, [event])


def out_of_service(connector_id: int, shown: str, minutes: float = 0) -> Work:
    """Return what is told of a connector that serves nobody any more."""
    item = {
        "id": str(uuid4()),
        "source": "/csms/station-registry",
        "type": "csms.connector.out_of_service.v1",
        "subject": "S1",
        "time": format_time(soon(minutes)),
        "data": {"station_id": "S1", "connector_id": connector_id, "status": shown},
    }
    return Work("events.v1", {}, [item])


def answer(view: ReservationView, said: str | None, /, **changes: Any) -> Work:
    """Return what the station answered to it, None where nothing."""
    return ended("ReserveNow", {"reservationId": 1}, said, command_id=view.command_id, **changes)


def start(records: Records, seq: int = 1, **fields: Any) -> Work:
    """Return a start, of so many `minutes` from now, by a `reservation_id` where one is given."""
    now = soon(fields.pop("minutes", 0))
    reservation_id = fields.pop("reservation_id", None)
    work: Work = records.start(
        seq, timestamp=format_time(now), received_ms=int(now.timestamp() * 1000), **fields
    )
    if reservation_id is not None:
        work.item["payload"]["reservationId"] = reservation_id
    return work
