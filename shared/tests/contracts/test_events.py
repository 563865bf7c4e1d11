"""How an event is written."""

import orjson
import pytest

from csms_shared.contracts.events import CloudEvent, on_the_wire

EVENT = CloudEvent(
    id="1",
    source="/csms/session-service",
    type="csms.transaction.started.v1",
    subject="CS-1",
    time="2026-11-21T02:00:00.000Z",
    data={"station_id": "CS-1"},
)
AT_A_SITE = EVENT.model_copy(update={"siteid": "harbour"})


@pytest.mark.parametrize("event", [EVENT, AT_A_SITE])
def test_what_is_written_is_read_as_the_same_event(event: CloudEvent) -> None:
    written = orjson.dumps(on_the_wire(event))
    assert CloudEvent.model_validate_json(written) == event
    assert orjson.loads(written) == event.model_dump()


def test_an_event_of_no_site_has_no_such_attribute() -> None:
    assert "siteid" not in on_the_wire(EVENT)
    assert "siteid" not in EVENT.model_dump()
    assert on_the_wire(AT_A_SITE)["siteid"] == "harbour"


def test_an_event_that_was_written_is_as_it_was() -> None:
    on_the_wire(EVENT)
    assert EVENT.siteid is None
