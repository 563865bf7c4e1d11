"""What holds between the fields of a charging profile (OCPP 1.6, 3.13, 5.16 and 7.8)."""

from datetime import datetime
from typing import Any

Body = dict[str, Any]

# Where the station that answers has its transaction.
BUSY_CONNECTOR = 9
_FIELDS = {"SetChargingProfile": "csChargingProfiles", "RemoteStartTransaction": "chargingProfile"}


def consistent_profile(action: str, body: Body, *, is_charging: bool) -> Body:
    """Give the request a profile that keeps the rules; one without any stays as it is.

    `is_charging`: the station has a transaction that a TxProfile can be for.
    """
    field = _FIELDS[action]
    if field not in body:
        return body
    profile = body[field]
    if action == "RemoteStartTransaction":
        profile["chargingProfilePurpose"] = "TxProfile"
        profile.pop("transactionId", None)
    else:
        _place(body, profile, is_charging=is_charging)
    if profile["chargingProfileKind"] == "Recurring":
        profile.setdefault("recurrencyKind", "Daily")
    else:
        profile.pop("recurrencyKind", None)
    if "validFrom" in profile and _at(profile.get("validTo")) <= _at(profile["validFrom"]):
        profile.pop("validTo", None)
    for number, period in enumerate(profile["chargingSchedule"]["chargingSchedulePeriod"]):
        period["startPeriod"] = number
    return body


def _place(body: Body, profile: Body, *, is_charging: bool) -> None:
    """Only a profile of a transaction names one, and only the station's own is for connector 0."""
    profile.pop("transactionId", None)
    if profile["chargingProfilePurpose"] == "TxProfile":
        if is_charging:
            body["connectorId"] = BUSY_CONNECTOR
        else:
            profile["chargingProfilePurpose"] = "TxDefaultProfile"
    if profile["chargingProfilePurpose"] == "ChargePointMaxProfile":
        body["connectorId"] = 0
        if profile["chargingProfileKind"] == "Relative":
            profile["chargingProfileKind"] = "Absolute"


def _at(text: str | None) -> float:
    return 0.0 if text is None else datetime.fromisoformat(text.upper()).timestamp()
