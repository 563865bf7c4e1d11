"""Smart charging: profiles set, cleared and asked about, alone and in a remote start (OCPP 1.6,
3.13, 5.5, 5.7, 5.11, 5.16)."""

import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.charging_profiles import Profiles, on, profile
from tests.conformance.played_station import Payload, PlayedStation
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
WITHIN_S = 60.0


@pytest.mark.parametrize(
    ("connector_id", "purpose"),
    [(0, "ChargePointMaxProfile"), (0, "TxDefaultProfile"), (1, "TxDefaultProfile")],
)
async def test_a_profile_set_outside_of_a_transaction(
    profiles: Profiles, connector_id: int, purpose: str
) -> None:
    """OCPP 1.6, 5.16.4 and errata 3.53."""
    sent = profile(1, purpose, 20.5)
    command = await profiles.set(connector_id, sent)
    assert (command["status"], command["accepted"]) == ("completed", True)
    kept = (await profiles.are(p1="installed"))["p1"]
    assert (kept["connector_id"], kept["purpose"]) == (connector_id, purpose)
    assert (kept["profile"], kept["command_id"]) == (sent, command["command_id"])
    assert kept["transaction_id"] is None
    assert await profiles.limits(1) == [20.5]


async def test_a_profile_set_during_a_transaction(
    station: PlayedStation, central: CentralSystem, profiles: Profiles, id_token: str
) -> None:
    """OCPP 1.6, 5.16.3: TxProfile, over when its transaction is."""
    await profiles.set(0, profile(1, "TxDefaultProfile", 16))
    transaction_id = (await station.start(id_token))["transactionId"]
    await profiles.set(1, profile(2, "TxProfile", 10, transactionId=transaction_id))
    kept = await profiles.are(p1="installed", p2="installed")
    assert kept["p2"]["transaction_id"] == transaction_id
    assert (await profiles.limits(1), await profiles.limits(2)) == ([10], [16])
    await station.stop(transaction_id)
    await central.completed(transaction_id)
    assert (await profiles.are(p1="installed", p2="ended"))["p2"]["ended_at"] is not None
    assert await profiles.limits(1) == [16]


async def test_profiles_are_stacked(profiles: Profiles) -> None:
    """OCPP 1.6, 3.13.2: the highest stack level counts, and never more than the station's own."""
    await profiles.set(0, profile(1, "ChargePointMaxProfile", 25))
    await profiles.set(0, profile(2, "TxDefaultProfile", 32))
    await profiles.are(p1="installed", p2="installed")
    assert await profiles.limits(1) == [25]
    await profiles.set(0, profile(3, "TxDefaultProfile", 6, stackLevel=1))
    await profiles.are(p1="installed", p2="installed", p3="installed")
    assert await profiles.limits(1) == [6]


async def test_a_profile_of_the_same_id_or_level_replaces_the_older_one(
    profiles: Profiles,
) -> None:
    """OCPP 1.6, 5.16.4."""
    await profiles.set(0, profile(1, "TxDefaultProfile", 16))
    await profiles.set(0, profile(2, "TxDefaultProfile", 10))
    await profiles.are(p1="replaced", p2="installed")
    await profiles.set(1, profile(2, "TxDefaultProfile", 8, stackLevel=3))
    (kept,) = await eventually(
        lambda: profiles.central.operator.items(f"{profiles.path}/charging-profiles"),
        lambda found: [each["connector_id"] for each in found] == [1],
        WITHIN_S,
    )
    assert (kept["profile_id"], kept["stack_level"]) == (2, 3)
    assert await profiles.limits(1) == [8]


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_a_profile_refused_by_the_station(profiles: Profiles, status: str) -> None:
    command = await profiles.set(0, profile(1, "TxDefaultProfile"), status)
    assert (command["status"], command["accepted"]) == ("completed", False)
    await profiles.are()
    assert await profiles.limits(1) == [None]


async def test_a_profile_refused_by_an_error(
    station: PlayedStation, central: CentralSystem, profiles: Profiles
) -> None:
    """Errata 3.39: NotSupported without smart charging, or for a connector that is none."""
    for code in ("NotSupported", "PropertyConstraintViolation"):
        sent = on(7, profile(1, "TxDefaultProfile"))
        command = await central.refused_command(station, "SetChargingProfile", sent, code)
        assert (command["status"], command["error"]["code"]) == ("error", code)
    await profiles.are()


async def test_a_remote_start_with_a_profile(
    station: PlayedStation, central: CentralSystem, profiles: Profiles, id_token: str
) -> None:
    """OCPP 1.6, 5.16.2: the profile waits for its transaction, and ends with it."""
    sent = profile(5, "TxProfile", 12.5)
    start = {"connectorId": 1, "idTag": id_token, "chargingProfile": sent}
    await central.command(station, "RemoteStartTransaction", start, ACCEPTED)
    assert (await profiles.are(p5="waiting"))["p5"]["transaction_id"] is None
    transaction_id = (await station.start(id_token))["transactionId"]
    kept = (await profiles.are(p5="installed"))["p5"]
    assert (kept["transaction_id"], kept["connector_id"]) == (transaction_id, 1)
    assert await profiles.limits(1) == [12.5]
    # One for the transaction by its number, on the same level, replaces it (errata 3.42).
    await profiles.set(1, profile(6, "TxProfile", 9, transactionId=transaction_id))
    await profiles.are(p5="replaced", p6="installed")
    await station.stop(transaction_id, reason="Remote")
    await central.completed(transaction_id)
    await profiles.are(p5="replaced", p6="ended")


async def test_a_remote_start_with_a_profile_refused(
    station: PlayedStation, central: CentralSystem, profiles: Profiles, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token, "chargingProfile": profile(5, "TxProfile")}
    command = await central.command(
        station, "RemoteStartTransaction", start, {"status": "Rejected"}
    )
    assert (command["status"], command["accepted"]) == ("completed", False)
    await station.start(id_token)
    await profiles.are()
    assert await profiles.limits(1) == [None]


async def test_clear_a_profile_by_its_id(profiles: Profiles) -> None:
    await profiles.set(0, profile(1, "TxDefaultProfile", 16))
    await profiles.set(0, profile(2, "TxDefaultProfile", 10, stackLevel=1))
    # With an id, all other fields are ignored (errata 3.26).
    command = await profiles.clear("Accepted", id=2, connectorId=9, stackLevel=7)
    assert (command["status"], command["accepted"]) == ("completed", True)
    await profiles.are(p1="installed", p2="cleared")
    assert await profiles.limits(1) == [16]


@pytest.mark.parametrize(
    ("criteria", "cleared"),
    [
        ({}, {"p1", "p2", "p3", "p4"}),
        ({"connectorId": 0}, {"p1", "p2", "p3"}),
        ({"connectorId": 1}, {"p4"}),
        ({"chargingProfilePurpose": "TxDefaultProfile"}, {"p2", "p3", "p4"}),
        ({"stackLevel": 1}, {"p3"}),
        (
            {"connectorId": 0, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
            {"p2"},
        ),
    ],
)
async def test_clear_profiles_by_criteria(
    profiles: Profiles, criteria: Payload, cleared: set[str]
) -> None:
    """Errata 3.25: all that match all of the fields."""
    await profiles.set(0, profile(1, "ChargePointMaxProfile"))
    await profiles.set(0, profile(2, "TxDefaultProfile"))
    await profiles.set(0, profile(3, "TxDefaultProfile", stackLevel=1))
    await profiles.set(1, profile(4, "TxDefaultProfile"))
    await profiles.clear("Accepted", **criteria)
    expected = {f"p{number}": "installed" for number in range(1, 5)}
    await profiles.are(**expected | dict.fromkeys(cleared, "cleared"))


async def test_clear_a_profile_that_the_station_does_not_hold(profiles: Profiles) -> None:
    """OCPP 1.6, 7.21: Unknown, nothing matched."""
    await profiles.set(0, profile(1, "TxDefaultProfile"))
    command = await profiles.clear("Unknown", id=99)
    assert (command["status"], command["accepted"]) == ("completed", False)
    await profiles.are(p1="installed")


async def test_get_composite_schedule(
    station: PlayedStation, central: CentralSystem, profiles: Profiles
) -> None:
    await profiles.set(0, profile(1, "ChargePointMaxProfile", 20.5))
    asked = {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"}
    answer = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-11-21T12:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "duration": 600,
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 20.5},
                {"startPeriod": 300, "limit": 16.1},
            ],
        },
    }
    command = await central.command(station, "GetCompositeSchedule", asked, answer)
    assert (command["accepted"], command["response"]) == (True, answer)
    shown = await eventually(
        lambda: profiles.composite(1), lambda found: found["reported"] is not None, WITHIN_S
    )
    assert shown["reported"]["response"] == answer
    # A lower limit of the station's own is no fault (5.7), and shown.
    assert shown["reported"]["differences"] == [
        {"start_period": 300, "computed": 20.5, "reported": 16.1, "kind": "lower"}
    ]


async def test_get_composite_schedule_rejected(
    station: PlayedStation, central: CentralSystem, profiles: Profiles
) -> None:
    """OCPP 1.6, 5.7: for a connector that is not known, say."""
    asked = {"connectorId": 9, "duration": 600}
    rejected = {"status": "Rejected"}
    command = await central.command(station, "GetCompositeSchedule", asked, rejected)
    assert (command["status"], command["accepted"]) == ("completed", False)
    # The next answer is there, so the one before has been seen too.
    await profiles.set(0, profile(1, "TxDefaultProfile"))
    await profiles.are(p1="installed")
    assert (await profiles.composite(9))["reported"] is None
