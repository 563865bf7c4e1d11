"""The actions of OCPP 1.6 and its security extension."""

from functools import partial
from types import MappingProxyType
from typing import Final

from csms_shared.ocpp.action_row import (
    EACH,
    Action,
    CallKind,
    FromStation,
    KeyedSecret,
    Owner,
    ToStation,
)

AUTHORIZE: Final = "Authorize"
BOOT_NOTIFICATION: Final = "BootNotification"
CANCEL_RESERVATION: Final = "CancelReservation"
CERTIFICATE_SIGNED: Final = "CertificateSigned"
CHANGE_AVAILABILITY: Final = "ChangeAvailability"
CHANGE_CONFIGURATION: Final = "ChangeConfiguration"
CLEAR_CACHE: Final = "ClearCache"
CLEAR_CHARGING_PROFILE: Final = "ClearChargingProfile"
DATA_TRANSFER: Final = "DataTransfer"
DELETE_CERTIFICATE: Final = "DeleteCertificate"
DIAGNOSTICS_STATUS_NOTIFICATION: Final = "DiagnosticsStatusNotification"
EXTENDED_TRIGGER_MESSAGE: Final = "ExtendedTriggerMessage"
FIRMWARE_STATUS_NOTIFICATION: Final = "FirmwareStatusNotification"
GET_COMPOSITE_SCHEDULE: Final = "GetCompositeSchedule"
GET_CONFIGURATION: Final = "GetConfiguration"
GET_DIAGNOSTICS: Final = "GetDiagnostics"
GET_INSTALLED_CERTIFICATE_IDS: Final = "GetInstalledCertificateIds"
GET_LOCAL_LIST_VERSION: Final = "GetLocalListVersion"
GET_LOG: Final = "GetLog"
HEARTBEAT: Final = "Heartbeat"
INSTALL_CERTIFICATE: Final = "InstallCertificate"
LOG_STATUS_NOTIFICATION: Final = "LogStatusNotification"
METER_VALUES: Final = "MeterValues"
REMOTE_START_TRANSACTION: Final = "RemoteStartTransaction"
REMOTE_STOP_TRANSACTION: Final = "RemoteStopTransaction"
RESERVE_NOW: Final = "ReserveNow"
RESET: Final = "Reset"
SECURITY_EVENT_NOTIFICATION: Final = "SecurityEventNotification"
SEND_LOCAL_LIST: Final = "SendLocalList"
SET_CHARGING_PROFILE: Final = "SetChargingProfile"
SIGN_CERTIFICATE: Final = "SignCertificate"
SIGNED_FIRMWARE_STATUS_NOTIFICATION: Final = "SignedFirmwareStatusNotification"
SIGNED_UPDATE_FIRMWARE: Final = "SignedUpdateFirmware"
START_TRANSACTION: Final = "StartTransaction"
STATUS_NOTIFICATION: Final = "StatusNotification"
STOP_TRANSACTION: Final = "StopTransaction"
TRIGGER_MESSAGE: Final = "TriggerMessage"
UNLOCK_CONNECTOR: Final = "UnlockConnector"
UPDATE_FIRMWARE: Final = "UpdateFirmware"

_REGISTRY = Owner.STATION_REGISTRY
_SESSIONS = Owner.SESSION_SERVICE
_ID_TAG = "04A1B2C3"
_TIME = "2026-11-21T18:00:00Z"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n"
_FIRMWARE = "https://firmware.example/2.0.bin"
_SAMPLES = {"timestamp": _TIME, "sampledValue": [{"value": "1042"}]}


def _of_kind(
    kind: CallKind, service: Owner, *, of_session: bool = False, before_boot: bool = False
) -> FromStation:
    """Return the treatment of a call whose payload does not matter for when it is answered."""
    return FromStation(
        service=service,
        kinds=(kind,),
        kind_of=lambda _: kind,
        of_session=of_session,
        before_boot=before_boot,
    )


_reported = partial(_of_kind, CallKind.REPORT)
_decided = partial(_of_kind, CallKind.DECISION)

# While a station is pending it may be configured and queried, but not made to charge (4.2). Least
# values: 6.7, 6.17 with 5.7, 6.33, 6.37, 6.53; SendLocalList: errata 3.52. TriggerMessage says more
# than 0 in 6.51, but 5.17 asks for the station itself by 0.
_ROWS = (
    Action(
        name=AUTHORIZE,
        example={"idTag": _ID_TAG},
        from_station=_decided(_SESSIONS),
        without_secrets=True,
    ),
    Action(
        name=BOOT_NOTIFICATION,
        example={"chargePointVendor": "Example", "chargePointModel": "One"},
        from_station=_decided(_REGISTRY),
    ),
    Action(
        name=CANCEL_RESERVATION,
        example={"reservationId": 7},
        to_station=ToStation(followed_by=(_SESSIONS,)),
    ),
    Action(
        name=CERTIFICATE_SIGNED,
        example={"certificateChain": _CERTIFICATE},
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=CHANGE_AVAILABILITY,
        example={"connectorId": 1, "type": "Inoperative"},
        to_station=ToStation(
            followed_by=(_REGISTRY,),
            yes=frozenset({"Accepted", "Scheduled"}),
            at_least={"connectorId": 0},
        ),
    ),
    Action(
        name=CHANGE_CONFIGURATION,
        example={"key": "HeartbeatInterval", "value": "300"},
        to_station=ToStation(
            followed_by=(_REGISTRY,), yes=frozenset({"Accepted", "RebootRequired"})
        ),
        secrets=(KeyedSecret((), "key", "value"),),
    ),
    Action(name=CLEAR_CACHE, example={}, to_station=ToStation()),
    Action(
        name=CLEAR_CHARGING_PROFILE,
        example={"id": 1},
        to_station=ToStation(followed_by=(_SESSIONS,)),
    ),
    Action(
        name=DATA_TRANSFER,
        example={"vendorId": "com.example", "messageId": "hello", "data": "world"},
        from_station=_decided(_REGISTRY, before_boot=True),
        to_station=ToStation(),
    ),
    Action(
        name=DELETE_CERTIFICATE,
        example={
            "certificateHashData": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "5f3a6c",
                "issuerKeyHash": "77c1d0",
                "serialNumber": "1001",
            }
        },
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=DIAGNOSTICS_STATUS_NOTIFICATION,
        example={"status": "Uploading"},
        from_station=_reported(_REGISTRY),
    ),
    Action(
        name=EXTENDED_TRIGGER_MESSAGE,
        example={"requestedMessage": LOG_STATUS_NOTIFICATION},
        to_station=ToStation(triggers=True, at_least={"connectorId": 0}),
    ),
    Action(
        name=FIRMWARE_STATUS_NOTIFICATION,
        example={"status": "Downloading"},
        from_station=_reported(_REGISTRY),
    ),
    Action(
        name=GET_COMPOSITE_SCHEDULE,
        example={"connectorId": 1, "duration": 3600, "chargingRateUnit": "A"},
        to_station=ToStation(followed_by=(_SESSIONS,), at_least={"connectorId": 0}),
    ),
    Action(
        name=GET_CONFIGURATION,
        example={"key": ["HeartbeatInterval"]},
        to_station=ToStation(followed_by=(_REGISTRY, _SESSIONS)),
        secrets_in_answer=(KeyedSecret(("configurationKey", EACH), "key", "value"),),
    ),
    Action(
        name=GET_DIAGNOSTICS,
        example={"location": "ftp://files.example/diagnostics/"},
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=GET_INSTALLED_CERTIFICATE_IDS,
        example={"certificateType": "CentralSystemRootCertificate"},
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=GET_LOCAL_LIST_VERSION,
        example={},
        to_station=ToStation(followed_by=(_SESSIONS,)),
    ),
    Action(
        name=GET_LOG,
        example={
            "logType": "SecurityLog",
            "requestId": 1,
            "log": {"remoteLocation": "https://files.example/logs/"},
        },
        to_station=ToStation(
            followed_by=(_REGISTRY,),
            yes=frozenset({"Accepted", "AcceptedCanceled"}),
            numbered=True,
        ),
    ),
    Action(
        name=HEARTBEAT,
        example={},
        from_station=_of_kind(CallKind.HEARTBEAT, _REGISTRY, before_boot=True),
        without_secrets=True,
    ),
    Action(
        name=INSTALL_CERTIFICATE,
        example={
            "certificateType": "CentralSystemRootCertificate",
            "certificate": _CERTIFICATE,
        },
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=LOG_STATUS_NOTIFICATION,
        example={"status": "Uploading", "requestId": 1},
        from_station=_reported(_REGISTRY),
    ),
    Action(
        name=METER_VALUES,
        example={"connectorId": 1, "transactionId": 42, "meterValue": [_SAMPLES]},
        from_station=_reported(_SESSIONS, of_session=True),
        without_secrets=True,
    ),
    Action(
        name=REMOTE_START_TRANSACTION,
        example={"connectorId": 1, "idTag": _ID_TAG},
        to_station=ToStation(
            while_pending=False,
            followed_by=(_SESSIONS,),
            # Most bring none, and they are the most frequent of commands.
            followed_with="chargingProfile",
            at_least={"connectorId": 1},
        ),
    ),
    Action(
        name=REMOTE_STOP_TRANSACTION,
        example={"transactionId": 42},
        to_station=ToStation(while_pending=False),
    ),
    Action(
        name=RESERVE_NOW,
        example={
            "connectorId": 1,
            "expiryDate": _TIME,
            "idTag": _ID_TAG,
            "reservationId": 7,
        },
        to_station=ToStation(followed_by=(_SESSIONS,), at_least={"connectorId": 0}),
    ),
    Action(
        name=RESET,
        example={"type": "Soft"},
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
    Action(
        name=SECURITY_EVENT_NOTIFICATION,
        example={"type": "SettingSystemTime", "timestamp": _TIME},
        from_station=_reported(_REGISTRY),
    ),
    Action(
        name=SEND_LOCAL_LIST,
        example={
            "listVersion": 1,
            "updateType": "Full",
            "localAuthorizationList": [{"idTag": _ID_TAG, "idTagInfo": {"status": "Accepted"}}],
        },
        to_station=ToStation(followed_by=(_SESSIONS,), at_least={"listVersion": 1}),
    ),
    Action(
        name=SET_CHARGING_PROFILE,
        example={
            "connectorId": 0,
            "csChargingProfiles": {
                "chargingProfileId": 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "ChargePointMaxProfile",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "startSchedule": "2026-01-01T00:00:00Z",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.5}],
                },
            },
        },
        to_station=ToStation(followed_by=(_SESSIONS,)),
    ),
    Action(
        name=SIGN_CERTIFICATE,
        example={
            "csr": "-----BEGIN CERTIFICATE REQUEST-----\n...\n-----END CERTIFICATE REQUEST-----\n"
        },
        from_station=_decided(_REGISTRY),
    ),
    Action(
        name=SIGNED_FIRMWARE_STATUS_NOTIFICATION,
        example={"status": "Downloading", "requestId": 1},
        from_station=_reported(_REGISTRY),
    ),
    Action(
        name=SIGNED_UPDATE_FIRMWARE,
        example={
            "requestId": 1,
            "firmware": {
                "location": _FIRMWARE,
                "retrieveDateTime": _TIME,
                "signingCertificate": _CERTIFICATE,
                "signature": "c2lnbmF0dXJl",
            },
        },
        to_station=ToStation(
            followed_by=(_REGISTRY,),
            yes=frozenset({"Accepted", "AcceptedCanceled"}),
            numbered=True,
        ),
    ),
    Action(
        name=START_TRANSACTION,
        example={"connectorId": 1, "idTag": _ID_TAG, "meterStart": 1042, "timestamp": _TIME},
        from_station=_decided(_SESSIONS, of_session=True),
        without_secrets=True,
    ),
    Action(
        name=STATUS_NOTIFICATION,
        example={"connectorId": 1, "errorCode": "NoError", "status": "Available"},
        from_station=_reported(_REGISTRY, before_boot=True),
    ),
    Action(
        name=STOP_TRANSACTION,
        example={"transactionId": 42, "meterStop": 8042, "timestamp": _TIME},
        from_station=_reported(_SESSIONS, of_session=True),
        without_secrets=True,
    ),
    Action(
        name=TRIGGER_MESSAGE,
        example={"requestedMessage": STATUS_NOTIFICATION, "connectorId": 1},
        to_station=ToStation(triggers=True, at_least={"connectorId": 0}),
    ),
    Action(
        name=UNLOCK_CONNECTOR,
        example={"connectorId": 1},
        to_station=ToStation(yes=frozenset({"Unlocked"}), at_least={"connectorId": 1}),
    ),
    Action(
        name=UPDATE_FIRMWARE,
        example={"location": _FIRMWARE, "retrieveDate": _TIME},
        to_station=ToStation(followed_by=(_REGISTRY,)),
    ),
)

ACTIONS = MappingProxyType({row.name: row for row in _ROWS})
