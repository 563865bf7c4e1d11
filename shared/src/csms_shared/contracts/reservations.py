"""Requests about reservations that session-service answers. Times are RFC 3339 UTC with `Z`."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant, WithinScope
from csms_shared.values.numbers import INT32_MAX
from csms_shared.values.times import Expiry

# CiString20Type (OCPP 1.6, 7.15).
ID_TOKEN_MAX = 20


class ReservationStatus(StrEnum):
    """`pending`: the station has not answered, or nobody knows what it answered."""

    PENDING = "pending"
    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class ReservationView(Contract):
    """A reservation; `reason` says why it was refused, cancelled, or is still pending.

    `station_reservation_id` is what the station calls it: the same number, or the one that an
    operator gave to ReserveNow. `transaction_id`: of the start that used it. `cancel_failure`:
    why the last attempt to cancel had no answer.
    """

    reservation_id: int
    station_reservation_id: int
    station_id: str
    connector_id: int
    id_token: str
    group_id: str | None
    status: ReservationStatus
    reason: str | None
    created_at: str
    expires_at: str
    answered_at: str | None
    ended_at: str | None
    transaction_id: int | None
    created_by: str
    command_id: str
    cancel_wanted_at: str | None
    cancel_command_id: str | None
    cancel_failure: str | None


class ListReservations(PageQuery, WithinScope):
    """Filter of reservations, newest first."""

    station_id: str | None = None
    status: ReservationStatus | None = None
    id_token: str | None = None


class ReservationName(WithinScope):
    """Names one reservation."""

    reservation_id: int


class FindReservation(OfTenant):
    """Names a reservation by the ReserveNow that asks its station for it."""

    command_id: UUID


class CreateReservation(OfTenant):
    """A connector (0: any one) to be kept for a token until `expires_at`.

    `group_id`: tokens of this group may use it too (parentIdTag). `command_id`: of the ReserveNow
    that asks the station for it; with the same again it is the same reservation.
    """

    station_id: str = Field(min_length=1, max_length=255)
    connector_id: int = Field(ge=0, le=INT32_MAX)
    id_token: str = Field(min_length=1, max_length=ID_TOKEN_MAX)
    group_id: str | None = Field(None, min_length=1, max_length=ID_TOKEN_MAX)
    expires_at: Expiry
    created_by: str
    command_id: UUID | None = None


class CancelReservation(WithinScope):
    """Gives a reservation up; 409 where it has ended."""

    reservation_id: int
    cancelled_by: str


# operation -> parameters; results: Page[ReservationView], then ReservationView each.
RESERVATION_OPERATIONS: dict[str, type[BaseModel]] = {
    "reservations.list": ListReservations,
    "reservations.get": ReservationName,
    "reservations.find": FindReservation,
    "reservations.create": CreateReservation,
    "reservations.cancel": CancelReservation,
}
