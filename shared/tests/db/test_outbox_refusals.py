"""What is remembered of destinations that do not take what is sent to them."""

import pytest

from csms_shared.broker.topology import EVENTS
from csms_shared.db import outbox_refusals
from csms_shared.db.outbox_messages import Destination


def test_a_destination_that_refuses_is_tried_more_and_more_seldom_and_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(outbox_refusals, "monotonic", lambda: now[0])
    refusals, public = outbox_refusals.Refusals(), Destination(EVENTS, "number.counted")
    turns = []
    refusals.refused(public)
    for now[0] in range(600):
        refusals.refused(public)
        if refusals.is_its_turn(public):
            turns.append(now[0])
    assert turns == [1, 3, 7, 15, 31, *range(63, 600, 60)][: len(turns)]
    assert len(turns) < 16
    assert refusals.refuses_for_good(public)
    now[0] += 121
    assert not refusals.refuses(public)
    assert not refusals.refuses_for_good(public)
    refusals.refused(public)
    assert not refusals.refuses_for_good(public)
    refusals.taken(public)
    assert refusals.refusing(EVENTS) == []
