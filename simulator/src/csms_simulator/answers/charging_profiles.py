"""Charging profiles are set, cleared and told as one schedule (5.5, 5.7, 5.16)."""

from datetime import UTC, datetime, timedelta

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.charging_profiles import TRANSACTION, UNIT
from csms_simulator.wire import Payload, timestamp_text

# A composite schedule is looked at this often: fine enough to watch, and simple.
_STEP_S = 60


async def set_charging_profile(station: BareStation, request: Payload) -> Answer:
    """Take a profile for a connector that exists; one for a transaction needs that to run."""
    connector_id, profile = request["connectorId"], request["csChargingProfiles"]
    needs_session = profile["chargingProfilePurpose"] == TRANSACTION
    if connector_id not in station.connector_status or (
        needs_session and connector_id not in station.sessions
    ):
        return Answer({"status": "Rejected"})
    return Answer({"status": station.charging_profiles.install(connector_id, profile)})


async def clear_charging_profile(station: BareStation, request: Payload) -> Answer:
    """Give profiles up."""
    return Answer({"status": station.charging_profiles.clear(request)})


async def get_composite_schedule(station: BareStation, request: Payload) -> Answer:
    """Tell what a connector may draw from now on, by the minute (5.7)."""
    connector_id = request["connectorId"]
    if (
        connector_id not in station.connector_status
        or request.get("chargingRateUnit", UNIT) != UNIT
    ):
        return Answer({"status": "Rejected"})
    start = datetime.now(UTC).replace(microsecond=0)
    session = station.sessions.get(connector_id)
    since = start if session is None else session.charging_since
    periods: list[Payload] = []
    for second in range(0, request["duration"], _STEP_S):
        at = start + timedelta(seconds=second)
        limit = station.charging_profiles.limit_at(connector_id, at, since)
        if not periods or periods[-1]["limit"] != limit:
            periods.append({"startPeriod": second, "limit": limit})
    schedule = {
        "duration": request["duration"],
        "chargingRateUnit": UNIT,
        "chargingSchedulePeriod": periods
        or [{"startPeriod": 0, "limit": station.charging_profiles.fuse_a}],
    }
    return Answer(
        {
            "status": "Accepted",
            "connectorId": connector_id,
            "scheduleStart": timestamp_text(start),
            "chargingSchedule": schedule,
        }
    )
