"""OCPP 1.6 and its security extension: how each command is prepared.

Commands without a row are sent as they are asked for, once their payload is valid.
"""

from collections.abc import Mapping

from command_api.ocpp.preparing import Preparation
from command_api.ocpp.v16.certificate_signed import prepare_certificate_signed
from command_api.ocpp.v16.change_configuration import prepare_change_configuration
from command_api.ocpp.v16.charging_profiles import prepare_set_charging_profile
from command_api.ocpp.v16.remote_transactions import prepare_remote_start, prepare_remote_stop

PREPARATIONS: Mapping[str, Preparation] = {
    "CertificateSigned": prepare_certificate_signed,
    "ChangeConfiguration": prepare_change_configuration,
    "RemoteStartTransaction": prepare_remote_start,
    "RemoteStopTransaction": prepare_remote_stop,
    "SetChargingProfile": prepare_set_charging_profile,
}
