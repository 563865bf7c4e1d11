"""OCPP 1.6 charging profiles to version-neutral input and back (7.8, 7.13, 7.14)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from csms_shared.values.times import parse_time
from session_service.charging.domain.profiles import (
    ClearFilter,
    Kind,
    Limit,
    Profile,
    Purpose,
    RateUnit,
    Recurrence,
    Schedule,
)

PURPOSE_NAMES = {
    Purpose.STATION_MAX: "ChargePointMaxProfile",
    Purpose.TX_DEFAULT: "TxDefaultProfile",
    Purpose.TX: "TxProfile",
}
_PURPOSES = {name: purpose for purpose, name in PURPOSE_NAMES.items()}


def read_profile(connector_id: int, sent: Mapping[str, Any], received_at: datetime) -> Profile:
    """Return a profile as the domain knows it.

    A profile of the station as a whole has no start of charging to be relative to: without a
    start of its own, its schedule begins when the station got it.
    """
    purpose = _PURPOSES[sent["chargingProfilePurpose"]]
    recurrence = sent.get("recurrencyKind")
    start = received_at if purpose is Purpose.STATION_MAX else None
    return Profile(
        profile_id=sent["chargingProfileId"],
        connector_id=connector_id,
        purpose=purpose,
        kind=Kind(sent["chargingProfileKind"].lower()),
        stack_level=sent["stackLevel"],
        schedule=read_schedule(sent["chargingSchedule"], start),
        recurrence=None if recurrence is None else Recurrence(recurrence.lower()),
        valid_from=_time(sent.get("validFrom")),
        valid_to=_time(sent.get("validTo")),
        transaction_id=sent.get("transactionId"),
    )


def read_schedule(sent: Mapping[str, Any], start_at: datetime | None) -> Schedule:
    """Return a schedule, its numbers as the decimals that were written."""
    periods = sent["chargingSchedulePeriod"]
    min_rate = sent.get("minChargingRate")
    return Schedule(
        unit=RateUnit(sent["chargingRateUnit"]),
        starts=tuple(period["startPeriod"] for period in periods),
        limits=tuple(
            Limit(_decimal(period["limit"]), period.get("numberPhases")) for period in periods
        ),
        start_at=_time(sent.get("startSchedule")) or start_at,
        duration_s=sent.get("duration"),
        min_rate=None if min_rate is None else _decimal(min_rate),
    )


def read_filter(payload: Mapping[str, Any]) -> ClearFilter:
    """Return what a ClearChargingProfile asks to remove."""
    purpose = payload.get("chargingProfilePurpose")
    return ClearFilter(
        profile_id=payload.get("id"),
        connector_id=payload.get("connectorId"),
        purpose=None if purpose is None else _PURPOSES[purpose],
        stack_level=payload.get("stackLevel"),
    )


def _decimal(number: int | float) -> Decimal:
    # The shortest text of a float is the decimal that was written.
    return Decimal(str(number))


def _time(text: str | None) -> datetime | None:
    moment = None if text is None else parse_time(text)
    return None if moment is None else moment.said
