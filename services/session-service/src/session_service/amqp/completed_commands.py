"""Which handler follows up which command's end (`command.completed`)."""

from csms_shared.ocpp import v16
from csms_shared.service.completed_commands import CompletedHandler
from session_service.handlers.charging_profiles import (
    note_clearings,
    note_profiles,
    note_remote_starts,
)
from session_service.handlers.composite_schedules import note_composite_schedules
from session_service.handlers.local_list_commands import (
    limits_completed,
    list_completed,
    version_completed,
)
from session_service.handlers.reservation_commands import (
    cancel_reservation_completed,
    reserve_now_completed,
)

# In the order in which their locks are taken; `FOLLOWED_COMMANDS` names the same. The ends of
# other actions change nothing.
completed_command_handlers: dict[str, CompletedHandler] = {
    v16.RESERVE_NOW: reserve_now_completed,
    v16.CANCEL_RESERVATION: cancel_reservation_completed,
    v16.GET_CONFIGURATION: limits_completed,
    v16.GET_LOCAL_LIST_VERSION: version_completed,
    v16.SEND_LOCAL_LIST: list_completed,
    v16.SET_CHARGING_PROFILE: note_profiles,
    v16.REMOTE_START_TRANSACTION: note_remote_starts,
    v16.CLEAR_CHARGING_PROFILE: note_clearings,
    v16.GET_COMPOSITE_SCHEDULE: note_composite_schedules,
}
