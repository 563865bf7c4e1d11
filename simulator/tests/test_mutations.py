"""The sample payloads are the specification's; the mutations are the seed's."""

import pytest

from csms_shared.ocpp.actions import command_actions, station_calls
from csms_shared.ocpp.schemas import validate_request, validate_response
from csms_shared.ocpp.versions import OCPP16
from csms_simulator.mutations import FrameMutator
from csms_simulator.sample_payloads import (
    CENTRAL_SYSTEM_CALLS,
    STATION_ANSWERS,
    STATION_CALLS,
)


def test_there_is_a_sample_of_every_action() -> None:
    assert set(STATION_CALLS) == set(station_calls(OCPP16))
    assert set(CENTRAL_SYSTEM_CALLS) == set(command_actions(OCPP16)) == set(STATION_ANSWERS)


@pytest.mark.parametrize("calls", [STATION_CALLS, CENTRAL_SYSTEM_CALLS])
def test_every_sample_is_valid(calls: dict[str, dict[str, object]]) -> None:
    assert {name: validate_request(OCPP16, name, calls[name]) for name in calls} == dict.fromkeys(
        calls
    )


def test_every_sample_of_an_answer_is_valid() -> None:
    for name, payload in STATION_ANSWERS.items():
        assert validate_response(OCPP16, name, payload) is None, name


def test_the_same_seed_makes_the_same_frames() -> None:
    def frames(seed: int) -> list[bytes]:
        mutator = FrameMutator(seed)
        return [mutator.call(str(n)) + mutator.answer(str(n), "Reset") for n in range(200)]

    assert frames(1) == frames(1) != frames(2)
