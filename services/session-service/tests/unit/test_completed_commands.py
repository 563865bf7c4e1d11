"""Which ends of commands session-service takes in."""

from typing import Any

import pytest

from csms_shared.broker.topology import FOLLOWED_COMMANDS, SESSION_SERVICE
from session_service.amqp.completed_commands import completed_command_handlers, may_change


def test_the_queue_holds_the_ends_that_have_a_handler_and_no_others() -> None:
    assert sorted(FOLLOWED_COMMANDS[SESSION_SERVICE]) == sorted(completed_command_handlers)


@pytest.mark.parametrize(
    ("completed", "expected"),
    [
        ({"action": "RemoteStartTransaction", "payload": {"idTag": "T"}}, False),
        ({"action": "RemoteStartTransaction", "payload": {"chargingProfile": {}}}, True),
        ({"action": "RemoteStartTransaction", "payload": "unreadable"}, True),
        ({"action": "ReserveNow", "payload": {}}, True),
    ],
)
def test_a_remote_start_without_a_profile_changes_nothing(
    completed: dict[str, Any], expected: bool
) -> None:
    assert may_change(completed) is expected
