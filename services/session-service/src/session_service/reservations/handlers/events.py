"""The public events of reservations."""

from typing import Any

from sqlalchemy import Row

from csms_shared.values.times import format_time
from session_service.handling.events import Event, event_of, joined


def reservation_event(
    row: Row[Any],
    change: str | None = None,
    *again: object,
    former_transaction_id: int | None = None,
) -> Event:
    """Tell what became of a reservation: its status, or that it was `created`.

    `again`: what has changed, where the same was told before. `former_transaction_id`: what was
    said to have used it, and has not.
    """
    data = {
        "reservation_id": row.id,
        "station_reservation_id": row.wire_id,
        "station_id": row.station_id,
        "connector_id": row.connector_id,
        "id_token": row.id_token,
        "status": row.status,
        "reason": row.reason,
        "expires_at": format_time(row.expires_at),
        "transaction_id": row.transaction_id,
    }
    if former_transaction_id is not None:
        data["former_transaction_id"] = former_transaction_id
    cause = joined(row.id, row.reason, row.ended_at, row.transaction_id, *again)
    key = f"reservation.{change or row.status}"
    return event_of(key, row.tenant_id, cause, row.station_id, data)
