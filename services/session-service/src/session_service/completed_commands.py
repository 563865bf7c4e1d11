"""Which handler follows up which command's end (`command.completed`)."""

from csms_shared.ocpp import v16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.completed_commands import CompletedHandler, following
from session_service.charging.handlers.composite_schedules import note_composite_schedules
from session_service.charging.handlers.profiles import note_clearings, note_profiles
from session_service.local_lists.handlers.commands import (
    limits_completed,
    list_completed,
    version_completed,
)
from session_service.ocpp.v16.charging import (
    read_answered_schedule,
    read_clearing,
    read_remote_start,
    read_set_profile,
)
from session_service.ocpp.v16.local_lists import read_limits_end, read_update_end, read_version_end
from session_service.ocpp.v16.reservations import read_cancel_end, read_reserve_end
from session_service.reservations.handlers.commands import (
    cancel_reservation_completed,
    reserve_now_completed,
)

# By (version, action), in the order in which their locks are taken; the actions' rows name the
# same. The ends of others change nothing.
COMPLETED_COMMANDS: dict[tuple[str, str], CompletedHandler] = {
    (OCPP16, v16.RESERVE_NOW): following(read_reserve_end, reserve_now_completed),
    (OCPP16, v16.CANCEL_RESERVATION): following(read_cancel_end, cancel_reservation_completed),
    (OCPP16, v16.GET_CONFIGURATION): following(read_limits_end, limits_completed),
    (OCPP16, v16.GET_LOCAL_LIST_VERSION): following(read_version_end, version_completed),
    (OCPP16, v16.SEND_LOCAL_LIST): following(read_update_end, list_completed),
    (OCPP16, v16.SET_CHARGING_PROFILE): following(read_set_profile, note_profiles),
    (OCPP16, v16.REMOTE_START_TRANSACTION): following(read_remote_start, note_profiles),
    (OCPP16, v16.CLEAR_CHARGING_PROFILE): following(read_clearing, note_clearings),
    (OCPP16, v16.GET_COMPOSITE_SCHEDULE): following(
        read_answered_schedule, note_composite_schedules
    ),
}
