"""What must hold of a charging profile before a station gets it, beyond its JSON schema.

Of OCPP 1.6: 3.13, 5.16, 7.8 to 7.14, errata 3.41, 3.45 and 3.56. A problem is a pair of the
field, as a JSON pointer into the request, and what is wrong with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from csms_shared.ocpp.v16 import REMOTE_START_TRANSACTION, SET_CHARGING_PROFILE
from csms_shared.values.numbers import INT32_MAX, parse_integer
from csms_shared.values.times import parse_time

PROFILE_FIELDS: Mapping[str, str] = {
    SET_CHARGING_PROFILE: "csChargingProfiles",
    REMOTE_START_TRANSACTION: "chargingProfile",
}

# Configuration keys (9.4) that bound what a station takes.
LIMIT_KEYS = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
)
_UNIT_NAMES = {"A": "current", "W": "power"}
_PHASES_MAX = 3
_SECONDS_MAX = INT32_MAX
# Above what any station draws; firmware may not be able to hold more.
_RATE_MAX = INT32_MAX
# What of the rules below can be said in JSON Schema of one field, for documentation.
BOUNDS: Mapping[str, Mapping[str, int]] = {
    "stackLevel": {"minimum": 0},
    "duration": {"minimum": 1, "maximum": _SECONDS_MAX},
    "minChargingRate": {"minimum": 0, "maximum": _RATE_MAX},
    "chargingSchedulePeriod": {"minItems": 1},
    "startPeriod": {"minimum": 0, "maximum": _SECONDS_MAX},
    "limit": {"minimum": 0, "maximum": _RATE_MAX},
    "numberPhases": {"minimum": 1, "maximum": _PHASES_MAX},
}

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """What a station said that it takes; None where it was never asked."""

    max_stack_level: int | None = None
    max_periods: int | None = None
    max_installed: int | None = None
    units: frozenset[str] | None = None


def profile_limits(values: Mapping[str, str | None]) -> ProfileLimits:
    """Read the limits from configuration values; what can't be read limits nothing."""
    limits = ProfileLimits(
        max_stack_level=_number(values.get("ChargeProfileMaxStackLevel")),
        max_periods=_number(values.get("ChargingScheduleMaxPeriods")),
        max_installed=_number(values.get("MaxChargingProfilesInstalled")),
    )
    named = {
        name.strip().casefold()
        for name in (values.get("ChargingScheduleAllowedChargingRateUnit") or "").split(",")
    }
    # Some stations list the units' letters in place of their names.
    units = frozenset(unit for unit, name in _UNIT_NAMES.items() if {unit.casefold(), name} & named)
    return replace(limits, units=units or None)


def carried_profile(action: str, payload: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return where a request carries a charging profile, and that; None where it has none."""
    field = PROFILE_FIELDS.get(action)
    return None if field is None or field not in payload else (f"/{field}", payload[field])


def profile_problems(
    action: str, payload: Mapping[str, Any], limits: ProfileLimits
) -> list[Problem]:
    """Return what is wrong with a request's charging profile; its schema holds already."""
    carried = carried_profile(action, payload)
    if carried is None:
        return []
    at, profile = carried
    return [
        *_place(action, payload, at, profile),
        *_calendar(at, profile),
        *_times(at, profile),
        *_periods(f"{at}/chargingSchedule", profile["chargingSchedule"]),
        *_beyond(at, profile, limits),
    ]


def _place(
    action: str, payload: Mapping[str, Any], at: str, profile: Mapping[str, Any]
) -> Iterator[Problem]:
    purpose = profile["chargingProfilePurpose"]
    if action == REMOTE_START_TRANSACTION:
        if purpose != "TxProfile":
            yield f"{at}/chargingProfilePurpose", "must be TxProfile in a RemoteStartTransaction"
        if "transactionId" in profile:
            yield f"{at}/transactionId", "is not known before the transaction starts"
        if payload.get("connectorId", 1) < 1:
            yield "/connectorId", "must be at least 1"
        return
    connector_id = payload["connectorId"]
    if connector_id < 0:
        yield "/connectorId", "must not be negative"
    elif purpose == "ChargePointMaxProfile" and connector_id != 0:
        yield "/connectorId", "must be 0 for a ChargePointMaxProfile"
    elif purpose == "TxProfile" and connector_id == 0:
        yield "/connectorId", "must be at least 1 for a TxProfile"
    if purpose != "TxProfile" and "transactionId" in profile:
        yield f"{at}/transactionId", "is for a TxProfile only"


def _calendar(at: str, profile: Mapping[str, Any]) -> Iterator[Problem]:
    kind = profile["chargingProfileKind"]
    if profile["stackLevel"] < 0:
        yield f"{at}/stackLevel", "must not be negative"
    if kind == "Relative" and profile["chargingProfilePurpose"] == "ChargePointMaxProfile":
        yield f"{at}/chargingProfileKind", "can't be Relative: a station has no start of charging"
    if kind == "Recurring" and "recurrencyKind" not in profile:
        yield f"{at}/recurrencyKind", "is required where chargingProfileKind is Recurring"
    if kind != "Recurring" and "recurrencyKind" in profile:
        yield f"{at}/recurrencyKind", "is for chargingProfileKind Recurring only"


def _times(at: str, profile: Mapping[str, Any]) -> Iterator[Problem]:
    moments = {
        f"{at}/validFrom": profile.get("validFrom"),
        f"{at}/validTo": profile.get("validTo"),
        f"{at}/chargingSchedule/startSchedule": profile["chargingSchedule"].get("startSchedule"),
    }
    read = {field: parse_time(text) for field, text in moments.items() if text is not None}
    for field, moment in read.items():
        if moment is None:
            yield field, "must be a date and time"
    begin, end = read.get(f"{at}/validFrom"), read.get(f"{at}/validTo")
    if begin is not None and end is not None and end.said <= begin.said:
        yield f"{at}/validTo", "must be later than validFrom"


def _periods(at: str, schedule: Mapping[str, Any]) -> Iterator[Problem]:
    if not 1 <= schedule.get("duration", 1) <= _SECONDS_MAX:
        yield f"{at}/duration", f"must be 1 to {_SECONDS_MAX}"
    yield from _rate(f"{at}/minChargingRate", schedule.get("minChargingRate", 0))
    periods = schedule["chargingSchedulePeriod"]
    if not periods:
        yield f"{at}/chargingSchedulePeriod", "must hold at least one period"
    before = None
    for index, period in enumerate(periods):
        field = f"{at}/chargingSchedulePeriod/{index}"
        start = period["startPeriod"]
        if before is None and start != 0:
            yield f"{field}/startPeriod", "must be 0 in the first period"
        if before is not None and start <= before:
            yield f"{field}/startPeriod", "must be later than the period before it"
        if start > _SECONDS_MAX:
            yield f"{field}/startPeriod", f"must be at most {_SECONDS_MAX}"
        before = start
        yield from _rate(f"{field}/limit", period["limit"])
        if not 1 <= period.get("numberPhases", 1) <= _PHASES_MAX:
            yield f"{field}/numberPhases", f"must be 1 to {_PHASES_MAX}"


def _rate(field: str, rate: float) -> Iterator[Problem]:
    if rate < 0:
        yield field, "must not be negative"
    if rate > _RATE_MAX:
        yield field, f"must be at most {_RATE_MAX}"


def _beyond(at: str, profile: Mapping[str, Any], limits: ProfileLimits) -> Iterator[Problem]:
    schedule = profile["chargingSchedule"]
    if limits.max_stack_level is not None and profile["stackLevel"] > limits.max_stack_level:
        yield (
            f"{at}/stackLevel",
            f"the station takes at most {limits.max_stack_level} (ChargeProfileMaxStackLevel)",
        )
    periods = len(schedule["chargingSchedulePeriod"])
    if limits.max_periods is not None and periods > limits.max_periods:
        yield (
            f"{at}/chargingSchedule/chargingSchedulePeriod",
            f"the station takes at most {limits.max_periods} (ChargingScheduleMaxPeriods)",
        )
    if limits.units is not None and schedule["chargingRateUnit"] not in limits.units:
        yield (
            f"{at}/chargingSchedule/chargingRateUnit",
            f"the station takes {', '.join(sorted(limits.units))} only "
            "(ChargingScheduleAllowedChargingRateUnit)",
        )


def _number(text: str | None) -> int | None:
    return None if text is None else parse_integer(text)
