"""Intents as calls of OCPP 1.6 and its security extension."""

from typing import Any, Final

from csms_shared.ocpp import v16
from csms_shared.ocpp.intents import (
    AskForCertificate,
    CancelReservation,
    ChangeConfiguration,
    InstallSignedCertificate,
    Intent,
    ListedToken,
    ReadConfiguration,
    ReadLocalListLimits,
    ReadLocalListVersion,
    ReserveConnector,
    UpdateLocalList,
)

MAX_LISTED: Final = "LocalAuthListMaxLength"
MAX_LISTED_AT_ONCE: Final = "SendLocalListMaxLength"
LISTED_STATUSES: Final = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent_tx": "ConcurrentTx",
}


def written(intent: Intent) -> tuple[str, dict[str, Any]]:
    """Return the action and the payload that say this."""
    match intent:
        case ReadConfiguration(keys=keys):
            return v16.GET_CONFIGURATION, {"key": list(keys)} if keys else {}
        case ChangeConfiguration(key=key, value=value):
            return v16.CHANGE_CONFIGURATION, {"key": key, "value": value}
        case InstallSignedCertificate(chain=chain):
            return v16.CERTIFICATE_SIGNED, {"certificateChain": chain}
        case AskForCertificate():
            return v16.EXTENDED_TRIGGER_MESSAGE, {"requestedMessage": "SignChargePointCertificate"}
        case ReserveConnector():
            return v16.RESERVE_NOW, _reserve_now(intent)
        case CancelReservation(reservation_id=reservation_id):
            return v16.CANCEL_RESERVATION, {"reservationId": reservation_id}
        case ReadLocalListLimits():
            return v16.GET_CONFIGURATION, {"key": [MAX_LISTED, MAX_LISTED_AT_ONCE]}
        case ReadLocalListVersion():
            return v16.GET_LOCAL_LIST_VERSION, {}
        case UpdateLocalList():
            return v16.SEND_LOCAL_LIST, _send_local_list(intent)


def _reserve_now(wanted: ReserveConnector) -> dict[str, Any]:
    payload = {
        "connectorId": wanted.connector_id,
        "expiryDate": wanted.expires_at,
        "idTag": wanted.id_token,
        "reservationId": wanted.reservation_id,
    }
    if wanted.group_id is not None:
        payload["parentIdTag"] = wanted.group_id
    return payload


def _send_local_list(update: UpdateLocalList) -> dict[str, Any]:
    return {
        "listVersion": update.version,
        "updateType": "Full" if update.full else "Differential",
        # An entry without idTagInfo takes the token off (6.41).
        "localAuthorizationList": [
            *({"idTag": id_token} for id_token in update.taken_off),
            *map(_entry, update.put_on),
        ],
    }


def _entry(token: ListedToken) -> dict[str, Any]:
    info: dict[str, Any] = {"status": LISTED_STATUSES[token.status]}
    if token.expires_at is not None:
        info["expiryDate"] = token.expires_at
    if token.group_id is not None:
        info["parentIdTag"] = token.group_id
    return {"idTag": token.id_token, "idTagInfo": info}
