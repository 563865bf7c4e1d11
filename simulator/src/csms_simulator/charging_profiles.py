"""The charging profiles of a station, and how much they let it draw (3.13)."""

from datetime import datetime

from csms_simulator.wire import Payload, read_timestamp

UNIT = "A"
MAXIMUM, DEFAULT, TRANSACTION = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
_RECURRENCE_S = {"Daily": 86_400, "Weekly": 604_800}


class ChargingProfiles:
    """Profiles with their connectors; in amperes alone, and never beyond the station's fuse."""

    def __init__(self, fuse_a: float) -> None:
        self.fuse_a = fuse_a
        self._held: list[tuple[int, Payload]] = []

    def install(self, connector_id: int, profile: Payload) -> str:
        """Keep a profile in place of those that it replaces; return the status (5.16)."""
        if profile["chargingSchedule"]["chargingRateUnit"] != UNIT:
            return "Rejected"
        place = _place(connector_id, profile)
        self._held = [
            (connector, other)
            for connector, other in self._held
            if other["chargingProfileId"] != profile["chargingProfileId"]
            and _place(connector, other) != place
        ]
        self._held.append((connector_id, profile))
        return "Accepted"

    def clear(self, request: Payload) -> str:
        """Remove what has everything that is asked for, by id alone if given (5.5)."""
        kept = [each for each in self._held if not _matches(request, *each)]
        found = len(kept) < len(self._held)
        self._held = kept
        return "Accepted" if found else "Unknown"

    def transaction_ended(self, connector_id: int) -> None:
        """Forget the profiles of a transaction (3.13.1)."""
        self._held = [
            (connector, profile)
            for connector, profile in self._held
            if (connector, profile["chargingProfilePurpose"]) != (connector_id, TRANSACTION)
        ]

    def limit_at(self, connector_id: int, at: datetime, charging_since: datetime) -> float:
        """Return how many amperes a connector may draw."""
        station = self._prevailing(MAXIMUM, (0,), at, charging_since)
        if connector_id == 0:
            return self.fuse_a if station is None else min(self.fuse_a, station)
        own = self._prevailing(TRANSACTION, (connector_id,), at, charging_since)
        if own is None:
            own = self._prevailing(DEFAULT, (connector_id, 0), at, charging_since)
        return min(limit for limit in (self.fuse_a, station, own) if limit is not None)

    def _prevailing(
        self, purpose: str, connectors: tuple[int, ...], at: datetime, since: datetime
    ) -> float | None:
        """Return the limit of the highest stack level that says something, a connector's first."""
        found = [
            (profile["stackLevel"], connector, limit)
            for connector, profile in self._held
            if profile["chargingProfilePurpose"] == purpose
            and connector in connectors
            and (limit := _limit(profile, at, since)) is not None
        ]
        return max(found)[2] if found else None


def _place(connector_id: int, profile: Payload) -> tuple[int, str, int]:
    return connector_id, profile["chargingProfilePurpose"], profile["stackLevel"]


def _matches(request: Payload, connector_id: int, profile: Payload) -> bool:
    if "id" in request:
        return bool(profile["chargingProfileId"] == request["id"])
    wanted = (
        request.get("connectorId", connector_id),
        request.get("chargingProfilePurpose", profile["chargingProfilePurpose"]),
        request.get("stackLevel", profile["stackLevel"]),
    )
    return wanted == _place(connector_id, profile)


def _limit(profile: Payload, at: datetime, charging_since: datetime) -> float | None:
    if "validFrom" in profile and at < read_timestamp(profile["validFrom"]):
        return None
    if "validTo" in profile and at >= read_timestamp(profile["validTo"]):
        return None
    schedule = profile["chargingSchedule"]
    begin = charging_since
    if profile["chargingProfileKind"] != "Relative" and "startSchedule" in schedule:
        begin = read_timestamp(schedule["startSchedule"])
    second = int((at - begin).total_seconds() // 1)
    if "recurrencyKind" in profile and second >= 0:
        second %= _RECURRENCE_S[profile["recurrencyKind"]]
    if second >= schedule.get("duration", second + 1):
        return None
    begun = [
        float(period["limit"])
        for period in schedule["chargingSchedulePeriod"]
        if period["startPeriod"] <= second
    ]
    return begun[-1] if begun else None
