"""Which function answers which action of the central system.

Every handler can be replaced per station; an action without one is answered NotImplemented.
"""

from csms_simulator.answers.charging_profiles import (
    clear_charging_profile,
    get_composite_schedule,
    set_charging_profile,
)
from csms_simulator.answers.core import (
    change_availability,
    change_configuration,
    clear_cache,
    data_transfer,
    get_configuration,
    remote_start_transaction,
    remote_stop_transaction,
    reset,
    unlock_connector,
)
from csms_simulator.answers.file_uploads import get_diagnostics, get_log
from csms_simulator.answers.firmware import signed_update_firmware, update_firmware
from csms_simulator.answers.local_list import get_local_list_version, send_local_list
from csms_simulator.answers.reservations import cancel_reservation, reserve_now
from csms_simulator.answers.triggers import extended_trigger_message, trigger_message
from csms_simulator.bare_station import Handler

DEFAULT_HANDLERS: dict[str, Handler] = {
    "CancelReservation": cancel_reservation,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_charging_profile,
    "DataTransfer": data_transfer,
    "ExtendedTriggerMessage": extended_trigger_message,
    "GetCompositeSchedule": get_composite_schedule,
    "GetConfiguration": get_configuration,
    "GetDiagnostics": get_diagnostics,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "RemoteStartTransaction": remote_start_transaction,
    "RemoteStopTransaction": remote_stop_transaction,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SignedUpdateFirmware": signed_update_firmware,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
    "UpdateFirmware": update_firmware,
}
