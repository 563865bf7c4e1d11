"""Configuration: read, changed, tracked to the reboot, compared with templates (OCPP 1.6, 5.3, 5.8,
7.22, 9)."""

import secrets
from typing import Any

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, connected
from tests.integration.waiting import eventually

KEY = "MeterValueSampleInterval"
WITHIN_S = 60.0


def shown(*unknown: str, **values: str) -> Payload:
    """Answer GetConfiguration with these keys; none is read-only."""
    answer: Payload = {
        "configurationKey": [
            {"key": key, "readonly": False, "value": value} for key, value in values.items()
        ]
    }
    return answer | {"unknownKey": list(unknown)} if unknown else answer


class Configuration:
    """What is kept of one station's configuration."""

    def __init__(self, central: CentralSystem) -> None:
        self.central = central
        self.path = f"/stations/{central.station_id}/configuration"

    async def read(self) -> dict[str, Payload]:
        """Read every key that is known of."""
        found = await self.central.operator.get(self.path)
        return {item["key"]: item for item in found["items"]}

    async def is_known(self, key: str, **expected: Any) -> Payload:
        """Read a key once all of this is kept of it."""
        found = await eventually(
            self.read,
            lambda items: (
                key in items and {name: items[key][name] for name in expected} == expected
            ),
            WITHIN_S,
        )
        return found[key]

    async def refresh(self, *keys: str) -> None:
        """Have the station asked for these keys, or all."""
        body = {"keys": list(keys)}
        response = await self.central.operator.http.post(f"{self.path}/refresh", json=body)
        assert response.status_code == 202, response.text


@pytest.fixture
def configuration(central: CentralSystem) -> Configuration:
    """What is kept of this test's station."""
    return Configuration(central)


async def test_get_configuration_of_all_keys(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    """OCPP 1.6, 5.8: no list of keys asks for all."""
    answer = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            {"key": "AuthorizationKey", "readonly": False},
        ]
    }
    command = await central.command(station, "GetConfiguration", {}, answer)
    assert (command["status"], command["accepted"]) == ("completed", True)
    await configuration.is_known("HeartbeatInterval", value="300", readonly=False, known=True)
    await configuration.is_known("NumberOfConnectors", value="2", readonly=True)
    await configuration.is_known("AuthorizationKey", value=None, known=True)
    assert len(await configuration.read()) == 3


async def test_get_configuration_of_some_keys_one_of_which_is_unknown(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    asked = {"key": ["HeartbeatInterval", "Nonsense"]}
    answer = shown("Nonsense", HeartbeatInterval="300")
    command = await central.command(station, "GetConfiguration", asked, answer)
    assert (command["status"], command["response"]) == ("completed", answer)
    await configuration.is_known("HeartbeatInterval", value="300", known=True)
    await configuration.is_known("Nonsense", value=None, known=False)


async def test_get_configuration_in_slices_of_what_the_station_takes(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    """GetConfigurationMaxKeys (OCPP 1.6, 9.1.9) is learnt, then kept to."""
    first = shown(GetConfigurationMaxKeys="2")
    await configuration.refresh("HeartbeatInterval", KEY, "MinimumStatusDuration")
    # Until then everything is asked for: that is one request, and no list of keys.
    asked = await station.asked("GetConfiguration")
    assert asked.payload == {}
    await station.answer(asked, first)
    await configuration.is_known("GetConfigurationMaxKeys", value="2")
    await configuration.refresh("HeartbeatInterval", KEY, "MinimumStatusDuration")
    slices = []
    for _ in range(2):
        asked = await station.asked("GetConfiguration")
        slices.append(asked.payload["key"])
        await station.answer(asked, shown(**dict.fromkeys(asked.payload["key"], "60")))
    assert sorted(slices, key=len) == [["MinimumStatusDuration"], ["HeartbeatInterval", KEY]]
    for key in ("HeartbeatInterval", KEY, "MinimumStatusDuration"):
        await configuration.is_known(key, value="60")
    assert station.nothing_asked()


async def test_change_configuration_accepted(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    await central.command(station, "GetConfiguration", {}, shown(**{KEY: "900"}))
    await configuration.is_known(KEY, value="900", last_change=None)
    change = {"key": KEY, "value": "60"}
    command = await central.command(station, "ChangeConfiguration", change, {"status": "Accepted"})
    assert (command["status"], command["accepted"]) == ("completed", True)
    kept = await configuration.is_known(KEY, value="60", last_change="Accepted")
    assert (kept["reboot_required"], kept["known"]) == (False, True)


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_change_configuration_refused(
    station: PlayedStation, central: CentralSystem, configuration: Configuration, status: str
) -> None:
    """OCPP 1.6, 5.3: the value stays; NotSupported says that there is no such key."""
    if status == "Rejected":
        await central.command(station, "GetConfiguration", {}, shown(**{KEY: "900"}))
        await configuration.is_known(KEY, value="900")
    change = {"key": KEY, "value": "-1"}
    command = await central.command(station, "ChangeConfiguration", change, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", False)
    kept = await configuration.is_known(KEY, last_change=status)
    assert kept["value"] == ("900" if status == "Rejected" else None)
    assert kept["known"] == (status == "Rejected")
    assert not kept["reboot_required"]


async def test_change_configuration_that_takes_effect_after_a_reboot(
    run: RunState, central: CentralSystem, configuration: Configuration
) -> None:
    """RebootRequired stays shown until the station boots; the boot changes nothing else."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        change = {"key": KEY, "value": "60"}
        command = await central.command(
            station, "ChangeConfiguration", change, {"status": "RebootRequired"}
        )
        assert (command["status"], command["accepted"]) == ("completed", True)
        kept = await configuration.is_known(KEY, value="60", reboot_required=True)
        assert kept["last_change"] == "RebootRequired"
        await central.command(station, "Reset", {"type": "Soft"}, {"status": "Accepted"})
        await configuration.is_known(KEY, value="60", reboot_required=True)
    async with connected(run.ocpp_url, central.station_id) as station:
        # A connection alone is no boot.
        await station.status(1, "Available")
        await central.connector(1, "Available")
        await configuration.is_known(KEY, reboot_required=True)
        await station.boot()
        kept = await configuration.is_known(KEY, value="60", reboot_required=False)
        assert kept["last_change"] == "RebootRequired"
        assert station.nothing_asked()


async def test_a_change_refused_by_an_error_is_no_change(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    change = {"key": KEY, "value": "60"}
    command = await central.refused_command(station, "ChangeConfiguration", change, "InternalError")
    assert (command["status"], command["error"]["code"]) == ("error", "InternalError")
    assert KEY not in await configuration.read()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": KEY}, "/value"),
        ({"key": "K" * 51, "value": "1"}, "/key"),
        ({"key": KEY, "value": "1" * 501}, "/value"),
    ],
)
async def test_a_change_that_can_not_be_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, change: Payload, field: str
) -> None:
    """OCPP 1.6, 6.9: CiString50Type and CiString500Type."""
    await central.refused_before_sending("ChangeConfiguration", change, field)
    assert station.nothing_asked()


async def test_a_template_is_compared_applied_and_tracked_to_the_reboot(
    station: PlayedStation, central: CentralSystem, configuration: Configuration
) -> None:
    """What differs is changed, nothing else, and nothing at a boot."""
    http = central.operator.http
    wanted = {"Good": "1", "Rebooting": "1", "Refused": "1", "Unknown": "1", "Wrong": "1"}
    template = {
        "name": f"template {secrets.token_hex(6)}",
        "values": wanted,
        "station_ids": [central.station_id],
    }
    response = await http.post("/configuration-templates", json=template)
    assert response.status_code == 201, response.text
    path = f"/configuration-templates/{response.json()['template_id']}"

    async def drift(**expected: str) -> None:
        async def read() -> dict[str, str]:
            (found,) = await central.operator.items(f"{path}/drift")
            assert found["station_id"] == central.station_id
            return {each["key"]: each["state"] for each in found["drift"]}

        await eventually(read, lambda found: found == expected, WITHIN_S)

    async def apply() -> Payload:
        response = await http.post(f"{path}/apply")
        assert response.status_code == 202, response.text
        applied: Payload = response.json()
        return applied

    await drift(**dict.fromkeys(wanted, "unread"))
    assert (await apply())["unread"] == [central.station_id]
    asked = await station.asked("GetConfiguration")
    assert asked.payload == {}
    values = {"Good": "1", "Rebooting": "0", "Refused": "0", "Wrong": "0"}
    await station.answer(asked, shown("Unknown", **values))
    differs = dict.fromkeys(("Rebooting", "Refused", "Wrong"), "differs")
    await drift(**differs, Unknown="not_supported")
    assert len((await apply())["command_ids"]) == 3
    answers = {"Rebooting": "RebootRequired", "Refused": "Rejected", "Wrong": "Accepted"}
    changed = {}
    for _ in answers:
        asked = await station.asked("ChangeConfiguration")
        changed[asked.payload["key"]] = asked.payload["value"]
        await station.answer(asked, {"status": answers[asked.payload["key"]]})
    assert changed == dict.fromkeys(answers, "1")
    await drift(Rebooting="reboot_required", Refused="rejected", Unknown="not_supported")
    await station.boot()
    await drift(Refused="rejected", Unknown="not_supported")
    # What a station refused is not sent again.
    assert (await apply())["command_ids"] == []
    await station.call("Heartbeat", {})
    assert station.nothing_asked()
    await configuration.is_known("Rebooting", value="1", reboot_required=False)
    assert (await http.delete(path)).status_code == 204
