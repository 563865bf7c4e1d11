"""F18 and F19: the service that waits for a command's end dies; the row of an owner is wrong."""

import secrets

from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import FaultySuite
from tests.faults.fleet import FIRMWARE
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario

_EDITS = {
    "another gateway": (
        "UPDATE registry.station_connection c SET gateway_id = g.gateway_id "
        "FROM registry.gateway g WHERE c.station_id = $1 AND g.gateway_id <> c.gateway_id "
        "AND g.lease_expires_at > now()"
    ),
    "a gateway that is no more": (
        "UPDATE registry.station_connection SET gateway_id = 'gateway-9.gone' WHERE station_id = $1"
    ),
    "a higher epoch": (
        "UPDATE registry.station_connection SET epoch = epoch + 5 WHERE station_id = $1"
    ),
}


async def test_a_command_ends_also_where_the_service_that_waited_died(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F18", "command-api killed while waiting", suite) as scenario:
        for _ in range(scale.pick(3, 20)):
            await scenario.fleet.progress(4)
            for station in scenario.fleet.stations:
                await scenario.commands.send(station, "ClearCache", {}, wait=0)
            await suite.kill("command-api")
            await scenario.recovered()


async def test_a_wrong_owner_is_looked_up_again_once_and_no_station_gets_the_command(
    suite: FaultySuite, scale: Scale
) -> None:
    async with Scenario("F19", "owner's row edited by hand", suite) as scenario:
        for what, edit in list(_EDITS.items()) * scale.pick(1, 5):
            station = SimulatedStation(
                f"EDITED-{secrets.token_hex(4)}",
                suite.state().ocpp_url,
                scenario.fleet.ledger,
                FIRMWARE,
            )
            async with station:
                await station.wait_accepted(60)
                async with suite.database() as database:
                    assert await database.execute(edit, station.station_id) == "UPDATE 1"
                suite.note(f"owner's row names {what}")
                ended = await _clear_cache(scenario.operator, station)
                assert ended == "station_offline"
                assert not scenario.fleet.ledger.commands_to(station.station_id, "ClearCache")
                await station.link.drop()
                await station.link.wait_online(60)
                assert await _clear_cache(scenario.operator, station) == "completed"


async def _clear_cache(operator: Operator, station: SimulatedStation) -> str:
    command = await operator.command(station.station_id, "ClearCache", {})
    return str(command["status"])
