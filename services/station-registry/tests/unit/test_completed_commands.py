"""Which ends of commands station-registry takes in."""

from csms_shared.broker.topology import FOLLOWED_COMMANDS, STATION_REGISTRY
from station_registry.completed_commands import completed_command_handlers


def test_the_queue_holds_the_ends_that_have_a_handler_and_no_others() -> None:
    assert sorted(FOLLOWED_COMMANDS[STATION_REGISTRY]) == sorted(completed_command_handlers)
