"""The examples of the documentation."""

from command_api.http.command_examples import COMMAND_EXAMPLES
from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.schemas import request_problems
from csms_shared.ocpp.versions import OCPP16


def test_every_command_has_an_example_that_a_station_could_be_sent() -> None:
    assert set(COMMAND_EXAMPLES) == set(command_actions(OCPP16))
    for action, payload in COMMAND_EXAMPLES.items():
        assert request_problems(OCPP16, action, payload) == [], action
