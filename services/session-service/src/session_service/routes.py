"""What the work queues carry, as literal tables: how it is read, where it goes, what answers it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.completed_commands import CompletedHandler
from session_service.charging.handlers.composite_schedules import note_composite_schedules
from session_service.charging.handlers.profiles import (
    note_clearings,
    note_profiles,
)
from session_service.handling.calls import ReceivedCall
from session_service.local_lists.handlers.commands import (
    limits_completed,
    list_completed,
    version_completed,
)
from session_service.metering.domain import MeterCall
from session_service.ocpp.v16.charging import (
    read_answered_schedule,
    read_clearing,
    read_remote_start,
    read_set_profile,
)
from session_service.ocpp.v16.local_lists import read_limits_end, read_update_end, read_version_end
from session_service.ocpp.v16.reservations import read_cancel_end, read_reserve_end
from session_service.ocpp.v16.tokens import read_authorize, write_authorize
from session_service.ocpp.v16.transactions import (
    read_meter_values,
    read_start,
    read_stop,
    write_start,
)
from session_service.reservations.handlers.commands import (
    cancel_reservation_completed,
    reserve_now_completed,
)
from session_service.tokens.domain import Authorization
from session_service.transactions.domain.starts import Start
from session_service.transactions.domain.stops import Stop

Payload = dict[str, Any]
End = TypeVar("End")


@dataclass(frozen=True, slots=True)
class AuthorizeRoute:
    """A question what a token is worth; `read` returns the token's key."""

    read: Callable[[ReceivedCall], str]
    write: Callable[[Authorization], Payload]


@dataclass(frozen=True, slots=True)
class StartRoute:
    """A start; the answer is written from the transaction's id and what its token is worth."""

    read: Callable[[ReceivedCall], Start]
    write: Callable[[int | None, Authorization], Payload]


@dataclass(frozen=True, slots=True)
class StopRoute:
    """A stop, which the gateway has answered."""

    read: Callable[[ReceivedCall], Stop]


@dataclass(frozen=True, slots=True)
class MeterValuesRoute:
    """Meter values, which the gateway has answered."""

    read: Callable[[ReceivedCall], MeterCall]


Route = AuthorizeRoute | StartRoute | StopRoute | MeterValuesRoute

# The calls of a batch that have one kind of route go through `batches` together.
ROUTES: dict[tuple[str, str], Route] = {
    (OCPP16, "Authorize"): AuthorizeRoute(read_authorize, write_authorize),
    (OCPP16, "StartTransaction"): StartRoute(read_start, write_start),
    (OCPP16, "StopTransaction"): StopRoute(read_stop),
    (OCPP16, "MeterValues"): MeterValuesRoute(read_meter_values),
}


def _followed(
    read: Callable[[CompletedCommand], End | None],
    handle: Callable[[AsyncConnection, Sequence[End]], Awaitable[None]],
) -> CompletedHandler:
    """Return the handler of ends as `read` returns them; None means that nothing follows."""

    async def handler(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
        await handle(connection, [end for one in commands if (end := read(one)) is not None])

    return handler


# Which handler follows up which command's end (`command.completed`), in the order in which their
# locks are taken; `FOLLOWED_COMMANDS` names the same. The ends of other actions change nothing.
COMPLETED_COMMANDS: dict[str, CompletedHandler] = {
    "ReserveNow": _followed(read_reserve_end, reserve_now_completed),
    "CancelReservation": _followed(read_cancel_end, cancel_reservation_completed),
    "GetConfiguration": _followed(read_limits_end, limits_completed),
    "GetLocalListVersion": _followed(read_version_end, version_completed),
    "SendLocalList": _followed(read_update_end, list_completed),
    "SetChargingProfile": _followed(read_set_profile, note_profiles),
    "RemoteStartTransaction": _followed(read_remote_start, note_profiles),
    "ClearChargingProfile": _followed(read_clearing, note_clearings),
    "GetCompositeSchedule": _followed(read_answered_schedule, note_composite_schedules),
}
