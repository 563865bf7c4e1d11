"""The configuration keys of a simulated station."""

from dataclasses import dataclass

from csms_simulator.wire import Payload

_FEATURE_PROFILES = (
    "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
)


@dataclass(slots=True)
class Setting:
    """A configuration key's value and what the central system may do with it."""

    value: str
    readonly: bool = False
    secret: bool = False


class Configuration:
    """A small store with the semantics of GetConfiguration and ChangeConfiguration."""

    def __init__(self, connectors: int) -> None:
        self._settings = {
            "AuthorizationKey": Setting("", secret=True),
            "ChargeProfileMaxStackLevel": Setting("9", readonly=True),
            "ChargingScheduleAllowedChargingRateUnit": Setting("Current", readonly=True),
            "ChargingScheduleMaxPeriods": Setting("24", readonly=True),
            "ConnectionTimeOut": Setting("30"),
            "GetConfigurationMaxKeys": Setting("50", readonly=True),
            "HeartbeatInterval": Setting("300"),
            "LocalAuthListMaxLength": Setting("1000", readonly=True),
            "LocalPreAuthorize": Setting("false"),
            "MaxChargingProfilesInstalled": Setting("20", readonly=True),
            "MeterValueSampleInterval": Setting("60"),
            "NumberOfConnectors": Setting(str(connectors), readonly=True),
            "ResetRetries": Setting("1"),
            "SendLocalListMaxLength": Setting("100", readonly=True),
            "StopTransactionOnInvalidId": Setting("true"),
            "SupportedFeatureProfiles": Setting(_FEATURE_PROFILES, readonly=True),
            "SupportedFileTransferProtocols": Setting("HTTP,HTTPS", readonly=True),
            "TransactionMessageAttempts": Setting("3"),
            "TransactionMessageRetryInterval": Setting("60"),
        }

    def text(self, key: str) -> str:
        """Read a value; the key must exist."""
        return self._settings[key].value

    def number(self, key: str) -> int:
        """Read a value as a whole number."""
        return int(self._settings[key].value)

    def put(self, key: str, value: str) -> None:
        """Set a value from inside the station, whatever the central system may do."""
        self._settings.setdefault(key, Setting(value)).value = value

    def get_configuration(self, request: Payload) -> Payload:
        """Answer a GetConfiguration."""
        wanted = request.get("key") or [k for k, s in self._settings.items() if not s.secret]
        visible = [k for k in wanted if k in self._settings and not self._settings[k].secret]
        answer: Payload = {
            "configurationKey": [
                {
                    "key": key,
                    "readonly": self._settings[key].readonly,
                    "value": self._settings[key].value,
                }
                for key in visible
            ]
        }
        unknown = [key for key in wanted if key not in visible]
        if unknown:
            answer["unknownKey"] = unknown
        return answer

    def change_configuration(self, request: Payload) -> Payload:
        """Answer a ChangeConfiguration."""
        setting = self._settings.get(request["key"])
        if setting is None:
            return {"status": "NotSupported"}
        if setting.readonly or (setting.value.isdigit() and not request["value"].isdigit()):
            return {"status": "Rejected"}
        setting.value = request["value"]
        return {"status": "Accepted"}
