"""Every action of OCPP 1.6 and its security extension, and how a station's call is treated."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.versions import OCPP16


class ActionKind(StrEnum):
    """When a station's call is answered.

    A report when the broker has confirmed it, a decision when the owning service has committed
    it, a heartbeat at once.
    """

    REPORT = "report"
    DECISION = "decision"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class StationAction:
    """A call that stations make; calls of actions not offered are answered NotSupported."""

    name: str
    kind: ActionKind
    service: str
    offered: bool


_REGISTRY = "station-registry"
_SESSIONS = "session-service"
_REPORT = ActionKind.REPORT
_DECISION = ActionKind.DECISION

_FROM_STATION_16 = (
    StationAction("Authorize", _DECISION, _SESSIONS, offered=True),
    StationAction("BootNotification", _DECISION, _REGISTRY, offered=True),
    StationAction("DataTransfer", _DECISION, _REGISTRY, offered=True),
    StationAction("DiagnosticsStatusNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("FirmwareStatusNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("Heartbeat", ActionKind.HEARTBEAT, _REGISTRY, offered=True),
    StationAction("LogStatusNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("MeterValues", _REPORT, _SESSIONS, offered=True),
    StationAction("SecurityEventNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("SignCertificate", _DECISION, _REGISTRY, offered=True),
    StationAction("SignedFirmwareStatusNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("StartTransaction", _DECISION, _SESSIONS, offered=True),
    StationAction("StatusNotification", _REPORT, _REGISTRY, offered=True),
    StationAction("StopTransaction", _REPORT, _SESSIONS, offered=True),
)

_TO_STATION_16 = (
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "DeleteCertificate",
    "ExtendedTriggerMessage",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "InstallCertificate",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
)

_STATION_ACTIONS: Mapping[str, Mapping[str, StationAction]] = MappingProxyType(
    {OCPP16: MappingProxyType({action.name: action for action in _FROM_STATION_16})}
)
_COMMAND_ACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType({OCPP16: _TO_STATION_16})


def station_actions(version: str) -> tuple[StationAction, ...]:
    """Return the actions of calls that stations of this version make, by name."""
    return tuple(_STATION_ACTIONS[version].values())


def station_action(version: str, name: str) -> StationAction | None:
    """Return what is known of a station's action, None where stations make no such call."""
    return _STATION_ACTIONS[version].get(name)


def command_actions(version: str) -> tuple[str, ...]:
    """Return the names of the actions that a central system calls, in alphabetical order."""
    return _COMMAND_ACTIONS[version]


def is_known(version: str, name: str) -> bool:
    """Tell whether this OCPP version defines the action, in whichever direction."""
    return name in _STATION_ACTIONS[version] or name in _COMMAND_ACTIONS[version]


def refusal_of_station_call(version: str, name: str) -> RpcError | None:
    """Return why a station's call of this action is refused whatever it holds, None if not."""
    action = _STATION_ACTIONS[version].get(name)
    if action is not None and action.offered:
        return None
    return RpcError.NOT_SUPPORTED if is_known(version, name) else RpcError.NOT_IMPLEMENTED
