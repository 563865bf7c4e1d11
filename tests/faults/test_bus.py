"""F17 and F23: messages that the bus loses, delays, repeats and turns round."""

import orjson
import pytest

from csms_shared.broker.topology import COMMAND_RESULTS_QUEUE
from tests.faults.echo import Echo, echo_of_calls, echo_of_reports
from tests.faults.fleet import StationFleet
from tests.faults.held_answers import HeldAnswers
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths
from tests.integration.waiting import eventually

_ENDED = ("completed", "error")


@pytest.mark.in_subset
async def test_every_message_that_comes_twice_and_in_any_order_has_its_effect_once(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with (
        Scenario("F23", "every call and report repeated and reordered", suite) as scenario,
        echo_of_calls(suite, within_s=scale.pick(2.0, 10.0)) as calls,
        echo_of_reports(suite, within_s=scale.pick(2.0, 10.0)) as reports,
    ):
        await scenario.fleet.progress(scale.pick(60, 1000), within=scale.pick(90, 900))
        suite.injected["repeated messages"] += calls.repeated + reports.repeated
    assert calls.repeated > 100


async def test_a_lost_result_leaves_the_outcome_unknown_until_it_comes_once(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with (
        Scenario("F17", "command results lost, then late and twice", suite) as scenario,
        echo_of_reports(suite, within_s=None) as shim,
    ):
        for _ in range(scale.pick(1, 10)):
            await scenario.fleet.progress(4)
            lost = await _lose_results(suite, scenario.fleet, scenario, shim)
            assert lost, "every result was stored before the path was cut"
            await _until(scenario, lost, "outcome_unknown")
            copies = [one for one in shim.kept if _ids(one.body) & lost]
            await shim.repeat([*reversed(copies), *copies])
            suite.note("late results, twice and in reverse")
            await _until(scenario, lost, "completed")


async def test_an_answer_after_its_time_replaces_the_unknown_outcome(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F17", "stations answer too late", suite) as scenario:
        late = scenario.fleet.stations[: scale.pick(3, 12)]
        answers = HeldAnswers("DataTransfer", late)
        sent = [
            await scenario.commands.send(station, "DataTransfer", {"vendorId": "Late"}, wait=0)
            for station in late
        ]
        suite.injected["late answers"] += len(late)
        ids = {command["command_id"] for command in sent if command is not None}
        assert len(ids) == len(late)
        await _until(scenario, ids, "outcome_unknown")
        answers.release()
        await _until(scenario, ids, "completed")


async def _lose_results(
    suite: SuiteOnPaths, fleet: StationFleet, scenario: Scenario, shim: Echo
) -> set[str]:
    """Let the answers of stations reach the queue while nobody reads it, and empty it then."""
    stations = fleet.stations[:4]
    answers = HeldAnswers("ClearCache", stations)
    sent = [await scenario.commands.send(station, "ClearCache", {}, wait=0) for station in stations]
    ids = {command["command_id"] for command in sent if command is not None}

    async def asked() -> int:
        return len(answers.asked)

    await eventually(asked, lambda found: found == len(ids), 20)
    path = suite.broker_paths["command-api"]
    path.cut()
    suite.note("results lost")
    answers.release()

    async def answered() -> set[str]:
        return {
            item["command_id"]
            for one in shim.kept
            for item in orjson.loads(one.body)["items"]
            if item["outcome"] in _ENDED and item["command_id"] in ids
        }

    try:
        await eventually(answered, lambda found: found == ids, 20)
        own_queues = {f"{one.routing_key.removesuffix('.command')}.v1" for one in shim.kept}
        bodies = await shim.take_away(COMMAND_RESULTS_QUEUE)
        for queue in own_queues:
            await shim.take_away(queue)
    finally:
        path.mend()
    return {one for body in bodies for one in _ids(body)} & ids


def _ids(body: bytes) -> set[str]:
    return {item["command_id"] for item in orjson.loads(body)["items"]}


async def _until(scenario: Scenario, ids: set[str], status: str) -> None:
    async def states() -> set[str]:
        commands = [await scenario.operator.get(f"/commands/{one}") for one in ids]
        return {command["status"] for command in commands}

    await eventually(states, lambda found: found == {status}, 120)
