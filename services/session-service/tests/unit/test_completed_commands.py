"""Which ends of commands session-service takes in."""

from typing import Any

import pytest

from session_service.amqp.completed_commands import may_change


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
