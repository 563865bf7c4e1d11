"""Which handler follows up which command's end (`command.completed`)."""

from csms_shared.service.completed_commands import CompletedHandler
from session_service.charging.handlers.composite_schedules import note_composite_schedules
from session_service.charging.handlers.profiles import (
    note_clearings,
    note_profiles,
    note_remote_starts,
)
from session_service.local_lists.handlers.commands import (
    limits_completed,
    list_completed,
    version_completed,
)
from session_service.reservations.handlers.commands import (
    cancel_reservation_completed,
    reserve_now_completed,
)

# In the order in which their locks are taken; `FOLLOWED_COMMANDS` names the same. The ends of
# other actions change nothing.
completed_command_handlers: dict[str, CompletedHandler] = {
    "ReserveNow": reserve_now_completed,
    "CancelReservation": cancel_reservation_completed,
    "GetConfiguration": limits_completed,
    "GetLocalListVersion": version_completed,
    "SendLocalList": list_completed,
    "SetChargingProfile": note_profiles,
    "RemoteStartTransaction": note_remote_starts,
    "ClearChargingProfile": note_clearings,
    "GetCompositeSchedule": note_composite_schedules,
}
