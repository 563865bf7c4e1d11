"""A charging profile is refused before anything is sent, with the field that is wrong."""

from typing import Any

import pytest

from command_api.commands.domain.preparation import AskedCommand, Refusal
from command_api.ocpp.preparations import Preparations
from csms_shared.ocpp.versions import OCPP16


class KnownServices:
    """Answers as the services do that know a station's configuration and profiles."""

    def __init__(self, values: dict[str, str], found: list[dict[str, str]]) -> None:
        self.answers = {"configuration.values": values, "charging_profiles.check": found}
        self.asked: list[str] = []

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> object:
        self.asked.append(operation)
        return self.answers[operation]


def payload(stack_level: int = 0, **changes: Any) -> dict[str, Any]:
    profile = {
        "chargingProfileId": 1,
        "stackLevel": stack_level,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
        },
    }
    return {"connectorId": 1, "csChargingProfiles": profile | changes}


async def fields(
    services: KnownServices,
    sent: dict[str, Any],
    action: str = "SetChargingProfile",
    *,
    held: bool = False,
) -> list[str]:
    asked = AskedCommand("S1", OCPP16, action, sent, held)
    problem = await Preparations(services, min_password_length=16).prepare(asked)
    if not isinstance(problem, Refusal):
        return []
    shape = problem.status, problem.code
    return (
        [error.field for error in problem.errors]
        if shape == (422, "charging_profile_invalid")
        else [problem.code]
    )


async def test_a_sound_profile_is_checked_against_what_is_known() -> None:
    services = KnownServices({"ChargeProfileMaxStackLevel": "3"}, [])
    assert await fields(services, payload(3)) == []
    assert services.asked == ["configuration.values", "charging_profiles.check"]


async def test_an_unsound_profile_is_refused_without_asking_anybody() -> None:
    services = KnownServices({}, [])
    sent = payload(chargingProfilePurpose="ChargePointMaxProfile")
    assert await fields(services, sent) == ["/connectorId"]
    assert services.asked == []


async def test_what_the_station_does_not_take_is_refused() -> None:
    services = KnownServices({"ChargeProfileMaxStackLevel": "2"}, [])
    assert await fields(services, payload(3)) == ["/csChargingProfiles/stackLevel"]


async def test_what_the_owner_of_the_profiles_finds_is_refused() -> None:
    services = KnownServices({}, [{"field": "/connectorId", "message": "no transaction"}])
    assert await fields(services, payload()) == ["/connectorId"]


async def test_a_held_profile_is_not_compared_with_what_may_be_other_by_then() -> None:
    services = KnownServices({}, [{"field": "/connectorId", "message": "no transaction"}])
    assert await fields(services, payload(), held=True) == []
    assert services.asked == ["configuration.values"]


@pytest.mark.parametrize(
    ("action", "sent"),
    [("Reset", {"type": "Soft"}), ("RemoteStartTransaction", {"idTag": "A", "connectorId": 1})],
)
async def test_commands_without_a_profile_ask_nobody(action: str, sent: dict[str, Any]) -> None:
    services = KnownServices({}, [])
    assert await fields(services, sent, action) == []
    assert services.asked == []


async def test_a_remote_start_is_checked_as_one() -> None:
    services = KnownServices({}, [])
    profile = payload()["csChargingProfiles"]
    sent = {"idTag": "A", "chargingProfile": profile}
    assert await fields(services, sent, "RemoteStartTransaction") == [
        "/chargingProfile/chargingProfilePurpose"
    ]
    sent["chargingProfile"] = profile | {"chargingProfilePurpose": "TxProfile"}
    assert await fields(services, sent, "RemoteStartTransaction") == []
