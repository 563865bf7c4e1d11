"""When a start may stop waiting for reports that were received before it."""

import pytest

from csms_shared.inbox import Work
from session_service.amqp.inboxes import ReportsProgress


def work(received_ms: int) -> Work:
    return Work("calls.v1", {}, {"received_ms": received_ms})


def test_nothing_in_hand_means_that_nothing_is_to_be_waited_for() -> None:
    assert ReportsProgress().has_passed(100)


def test_a_batch_in_hand_holds_what_was_received_after_its_oldest_report() -> None:
    progress = ReportsProgress()
    with progress.batch([work(50), work(200)]):
        assert not progress.has_passed(100)
    with progress.batch([work(210)]):
        assert progress.has_passed(100)
        assert not progress.has_passed(205)


def test_a_batch_that_failed_has_passed_nothing() -> None:
    progress = ReportsProgress()
    with pytest.raises(RuntimeError), progress.batch([work(500)]):
        raise RuntimeError
    with progress.batch([work(510)]):
        assert not progress.has_passed(400)
