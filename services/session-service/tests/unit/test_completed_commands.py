"""Which ends of commands session-service takes in."""

from csms_shared.broker.topology import FOLLOWED_COMMANDS, SESSION_SERVICE
from session_service.routes import COMPLETED_COMMANDS


def test_the_queue_holds_the_ends_that_have_a_handler_and_no_others() -> None:
    assert sorted(FOLLOWED_COMMANDS[SESSION_SERVICE]) == sorted(COMPLETED_COMMANDS)
