"""An example of each command's payload, for the documentation."""

from typing import Any

_CERTIFICATE = "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n"
_HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "5f3a6c",
    "issuerKeyHash": "77c1d0",
    "serialNumber": "1001",
}
_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargePointMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.5}],
    },
}
_FIRMWARE = {
    "location": "https://firmware.example/2.0.bin",
    "retrieveDateTime": "2026-11-21T18:00:00Z",
    "signingCertificate": _CERTIFICATE,
    "signature": "c2lnbmF0dXJl",
}

COMMAND_EXAMPLES: dict[str, dict[str, Any]] = {
    "CancelReservation": {"reservationId": 7},
    "CertificateSigned": {"certificateChain": _CERTIFICATE},
    "ChangeAvailability": {"connectorId": 1, "type": "Inoperative"},
    "ChangeConfiguration": {"key": "HeartbeatInterval", "value": "300"},
    "ClearCache": {},
    "ClearChargingProfile": {"id": 1},
    "DataTransfer": {"vendorId": "com.example", "messageId": "hello", "data": "world"},
    "DeleteCertificate": {"certificateHashData": _HASH},
    "ExtendedTriggerMessage": {"requestedMessage": "LogStatusNotification"},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 3600, "chargingRateUnit": "A"},
    "GetConfiguration": {"key": ["HeartbeatInterval"]},
    "GetDiagnostics": {"location": "ftp://files.example/diagnostics/"},
    "GetInstalledCertificateIds": {"certificateType": "CentralSystemRootCertificate"},
    "GetLocalListVersion": {},
    "GetLog": {
        "logType": "SecurityLog",
        "requestId": 1,
        "log": {"remoteLocation": "https://files.example/logs/"},
    },
    "InstallCertificate": {
        "certificateType": "CentralSystemRootCertificate",
        "certificate": _CERTIFICATE,
    },
    "RemoteStartTransaction": {"connectorId": 1, "idTag": "04A1B2C3"},
    "RemoteStopTransaction": {"transactionId": 42},
    "ReserveNow": {
        "connectorId": 1,
        "expiryDate": "2026-11-21T18:00:00Z",
        "idTag": "04A1B2C3",
        "reservationId": 7,
    },
    "Reset": {"type": "Soft"},
    "SendLocalList": {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "04A1B2C3", "idTagInfo": {"status": "Accepted"}}],
    },
    "SetChargingProfile": {"connectorId": 0, "csChargingProfiles": _PROFILE},
    "SignedUpdateFirmware": {"requestId": 1, "firmware": _FIRMWARE},
    "TriggerMessage": {"requestedMessage": "StatusNotification", "connectorId": 1},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {
        "location": "https://firmware.example/2.0.bin",
        "retrieveDate": "2026-11-21T18:00:00Z",
    },
}
