"""Which ends of commands station-registry takes in."""

from csms_shared.broker.topology import FOLLOWED_COMMANDS, STATION_REGISTRY
from csms_shared.ocpp.action_row import Owner
from csms_shared.ocpp.actions import VERSIONS, commands
from station_registry.completed_commands import COMPLETED_COMMANDS


def test_the_queue_holds_the_ends_that_have_a_handler_and_no_others() -> None:
    assert set(FOLLOWED_COMMANDS[STATION_REGISTRY]) == {action for _, action in COMPLETED_COMMANDS}


def test_the_ends_that_have_a_handler_are_those_whose_rows_say_so() -> None:
    assert set(COMPLETED_COMMANDS) == {
        (version, action)
        for version in VERSIONS
        for action, command in commands(version).items()
        if Owner.STATION_REGISTRY in command.followed_by
    }
