"""Charging profiles that no station gets: refused before sending (OCPP 1.6, 3.13.1, 5.16, 7.8 to
7.14, 9.4)."""

import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.charging_profiles import Profiles, on, profile
from tests.conformance.played_station import Payload, PlayedStation
from tests.integration.waiting import eventually

INVALID = "charging_profile_invalid"
WITHIN_S = 60.0
MAX = "ChargePointMaxProfile"
PERIODS = "/csChargingProfiles/chargingSchedule/chargingSchedulePeriod"


def scheduled(*periods: tuple[int, float]) -> Payload:
    listed = [{"startPeriod": start, "limit": limit} for start, limit in periods]
    return {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": listed}}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (on(1, profile(1, MAX)), "/connectorId"),
        (on(-1, profile(1, "TxDefaultProfile")), "/connectorId"),
        (on(0, profile(1, "TxProfile")), "/connectorId"),
        (on(1, profile(1, "TxProfile")), "/connectorId"),
        (on(0, profile(1, MAX, transactionId=1)), "/csChargingProfiles/transactionId"),
        (on(0, profile(1, MAX, stackLevel=-1)), "/csChargingProfiles/stackLevel"),
        (
            on(0, profile(1, MAX, chargingProfileKind="Relative")),
            "/csChargingProfiles/chargingProfileKind",
        ),
        (
            on(0, profile(1, MAX, chargingProfileKind="Recurring")),
            "/csChargingProfiles/recurrencyKind",
        ),
        (on(0, profile(1, MAX, recurrencyKind="Daily")), "/csChargingProfiles/recurrencyKind"),
        (
            on(
                0,
                profile(1, MAX, validFrom="2026-02-01T00:00:00Z", validTo="2026-01-01T00:00:00Z"),
            ),
            "/csChargingProfiles/validTo",
        ),
        (on(0, profile(1, MAX, **scheduled())), PERIODS),
        (on(0, profile(1, MAX, **scheduled((60, 6)))), f"{PERIODS}/0/startPeriod"),
        (on(0, profile(1, MAX, **scheduled((0, 6), (0, 8)))), f"{PERIODS}/1/startPeriod"),
        (on(0, profile(1, MAX, **scheduled((0, -6)))), f"{PERIODS}/0/limit"),
    ],
)
async def test_a_profile_that_can_not_be_is_refused_before_sending(
    station: PlayedStation,
    central: CentralSystem,
    profiles: Profiles,
    payload: Payload,
    field: str,
) -> None:
    await central.refused_before_sending("SetChargingProfile", payload, field, INVALID)
    assert station.nothing_asked()
    await profiles.are()


async def test_a_limit_of_two_decimals_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP 1.6, 7.14: at most one digit after the point."""
    sent = on(0, profile(1, MAX, 6.25))
    await central.refused_before_sending("SetChargingProfile", sent, f"{PERIODS}/0/limit")
    assert station.nothing_asked()


async def test_a_profile_for_another_transaction_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, profiles: Profiles, id_token: str
) -> None:
    transaction_id = (await station.start(id_token))["transactionId"]
    sent = on(1, profile(1, "TxProfile", transactionId=transaction_id + 1))
    field = "/csChargingProfiles/transactionId"
    await central.refused_before_sending("SetChargingProfile", sent, field, INVALID)
    assert station.nothing_asked()
    await profiles.are()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chargingProfilePurpose": "TxDefaultProfile"}, "chargingProfilePurpose"),
        ({"transactionId": 1}, "transactionId"),
    ],
)
async def test_a_remote_start_with_a_wrong_profile_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, id_token: str, changes: Payload, field: str
) -> None:
    """Errata 3.41: a TxProfile, and no transactionId."""
    sent = profile(1, "TxProfile", **changes)
    start = {"connectorId": 1, "idTag": id_token, "chargingProfile": sent}
    await central.refused_before_sending(
        "RemoteStartTransaction", start, f"/chargingProfile/{field}", INVALID
    )
    assert station.nothing_asked()


async def test_a_profile_beyond_the_stations_limits_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, profiles: Profiles
) -> None:
    """OCPP 1.6, 9.4: as far as the station has said what it takes."""
    limits = {
        "ChargeProfileMaxStackLevel": "2",
        "ChargingScheduleAllowedChargingRateUnit": "Current",
        "ChargingScheduleMaxPeriods": "1",
        "MaxChargingProfilesInstalled": "1",
    }
    known = [{"key": key, "readonly": True, "value": value} for key, value in limits.items()]
    await central.command(station, "GetConfiguration", {}, {"configurationKey": known})
    await eventually(
        lambda: central.operator.get(f"{profiles.path}/configuration"),
        lambda found: len(found["items"]) == len(limits),
        WITHIN_S,
    )
    at = "/csChargingProfiles"
    watts = profile(1, MAX)
    watts["chargingSchedule"]["chargingRateUnit"] = "W"
    for sent, field in (
        (profile(1, MAX, stackLevel=3), f"{at}/stackLevel"),
        (watts, f"{at}/chargingSchedule/chargingRateUnit"),
        (profile(1, MAX, **scheduled((0, 6), (60, 8))), PERIODS),
    ):
        await central.refused_before_sending("SetChargingProfile", on(0, sent), field, INVALID)
    await profiles.set(0, profile(1, MAX))
    await profiles.are(p1="installed")
    one_more = on(0, profile(2, "TxDefaultProfile"))
    await central.refused_before_sending("SetChargingProfile", one_more, at, INVALID)
    # In place of the one that it holds it may have another.
    await profiles.set(0, profile(2, MAX, 8))
    await profiles.are(p1="replaced", p2="installed")
    assert station.nothing_asked()
