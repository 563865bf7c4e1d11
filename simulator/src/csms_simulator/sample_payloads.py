"""A valid payload, as stations send it, of every call and answer of OCPP 1.6 and its security
extension."""

from typing import Any

Payload = dict[str, Any]

_AT = "2026-11-21T02:00:00Z"
_HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "5f3a",
    "issuerKeyHash": "77c1",
    "serialNumber": "1001",
}
_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_SCHEDULE = {
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
}
_PROFILE = {
    "chargingProfileId": 7,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": _SCHEDULE,
}
_METER_VALUES = [
    {
        "timestamp": _AT,
        "sampledValue": [
            {
                "value": "14302",
                "context": "Sample.Periodic",
                "format": "Raw",
                "measurand": "Energy.Active.Import.Register",
                "location": "Outlet",
                "unit": "Wh",
            },
            {"value": "230.1", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
        ],
    }
]

STATION_CALLS: dict[str, Payload] = {
    "Authorize": {"idTag": "04E5D2A9"},
    "BootNotification": {
        "chargePointVendor": "Vendor",
        "chargePointModel": "Model",
        "chargePointSerialNumber": "SN-1",
        "firmwareVersion": "1.2.3",
        "iccid": "8931080019060312345",
        "imsi": "204080100000001",
        "meterType": "M",
    },
    "DataTransfer": {"vendorId": "Vendor", "messageId": "M", "data": '{"a":1}'},
    "DiagnosticsStatusNotification": {"status": "Uploading"},
    "FirmwareStatusNotification": {"status": "Downloading"},
    "Heartbeat": {},
    "LogStatusNotification": {"status": "Uploading", "requestId": 3},
    "MeterValues": {"connectorId": 1, "transactionId": 81, "meterValue": _METER_VALUES},
    "SecurityEventNotification": {
        "type": "FirmwareUpdated",
        "timestamp": _AT,
        "techInfo": "1.2.3",
    },
    "SignCertificate": {"csr": "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n"},
    "SignedFirmwareStatusNotification": {"status": "Downloading", "requestId": 3},
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "04E5D2A9",
        "meterStart": 14000,
        "reservationId": 5,
        "timestamp": _AT,
    },
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "NoError",
        "info": "",
        "status": "Preparing",
        "timestamp": _AT,
        "vendorId": "Vendor",
        "vendorErrorCode": "0",
    },
    "StopTransaction": {
        "idTag": "04E5D2A9",
        "meterStop": 14302,
        "timestamp": _AT,
        "transactionId": 81,
        "reason": "Local",
        "transactionData": _METER_VALUES,
    },
}

CENTRAL_SYSTEM_CALLS: dict[str, Payload] = {
    "CancelReservation": {"reservationId": 5},
    "CertificateSigned": {"certificateChain": _PEM},
    "ChangeAvailability": {"connectorId": 0, "type": "Inoperative"},
    "ChangeConfiguration": {"key": "HeartbeatInterval", "value": "300"},
    "ClearCache": {},
    "ClearChargingProfile": {"id": 7},
    "DataTransfer": {"vendorId": "Vendor"},
    "DeleteCertificate": {"certificateHashData": _HASH},
    "ExtendedTriggerMessage": {"requestedMessage": "StatusNotification", "connectorId": 1},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"},
    "GetConfiguration": {"key": ["HeartbeatInterval"]},
    "GetDiagnostics": {"location": "https://csms.example/upload/1", "retries": 1},
    "GetInstalledCertificateIds": {"certificateType": "CentralSystemRootCertificate"},
    "GetLocalListVersion": {},
    "GetLog": {
        "logType": "SecurityLog",
        "requestId": 3,
        "log": {"remoteLocation": "https://csms.example/upload/2"},
    },
    "InstallCertificate": {
        "certificateType": "CentralSystemRootCertificate",
        "certificate": _PEM,
    },
    "RemoteStartTransaction": {
        "connectorId": 1,
        "idTag": "04E5D2A9",
        "chargingProfile": _PROFILE,
    },
    "RemoteStopTransaction": {"transactionId": 81},
    "ReserveNow": {"connectorId": 1, "expiryDate": _AT, "idTag": "04E5D2A9", "reservationId": 5},
    "Reset": {"type": "Soft"},
    "SendLocalList": {
        "listVersion": 2,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "04E5D2A9", "idTagInfo": {"status": "Accepted"}}],
    },
    "SetChargingProfile": {"connectorId": 1, "csChargingProfiles": _PROFILE},
    "SignedUpdateFirmware": {
        "requestId": 3,
        "firmware": {
            "location": "https://csms.example/firmware/1",
            "retrieveDateTime": _AT,
            "signingCertificate": _PEM,
            "signature": "MEUC",
        },
    },
    "TriggerMessage": {"requestedMessage": "StatusNotification", "connectorId": 1},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {"location": "https://csms.example/firmware/1", "retrieveDate": _AT},
}

STATION_ANSWERS: dict[str, Payload] = {
    "CancelReservation": {"status": "Accepted"},
    "CertificateSigned": {"status": "Accepted"},
    "ChangeAvailability": {"status": "Scheduled"},
    "ChangeConfiguration": {"status": "RebootRequired"},
    "ClearCache": {"status": "Accepted"},
    "ClearChargingProfile": {"status": "Unknown"},
    "DataTransfer": {"status": "Accepted", "data": "pong"},
    "DeleteCertificate": {"status": "NotFound"},
    "ExtendedTriggerMessage": {"status": "Accepted"},
    "GetCompositeSchedule": {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": _AT,
        "chargingSchedule": _SCHEDULE,
    },
    "GetConfiguration": {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "unknownKey": ["Nonsense"],
    },
    "GetDiagnostics": {"fileName": "diagnostics.zip"},
    "GetInstalledCertificateIds": {"status": "Accepted", "certificateHashData": [_HASH]},
    "GetLocalListVersion": {"listVersion": 1},
    "GetLog": {"status": "Accepted", "filename": "log.zip"},
    "InstallCertificate": {"status": "Accepted"},
    "RemoteStartTransaction": {"status": "Accepted"},
    "RemoteStopTransaction": {"status": "Rejected"},
    "ReserveNow": {"status": "Occupied"},
    "Reset": {"status": "Accepted"},
    "SendLocalList": {"status": "VersionMismatch"},
    "SetChargingProfile": {"status": "Accepted"},
    "SignedUpdateFirmware": {"status": "Accepted"},
    "TriggerMessage": {"status": "NotImplemented"},
    "UnlockConnector": {"status": "Unlocked"},
    "UpdateFirmware": {},
}
