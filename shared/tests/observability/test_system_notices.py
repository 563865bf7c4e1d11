"""What is gathered to be told: bounded, at most once in a while, and the same each time."""

from pathlib import Path

import pytest

from csms_shared.contracts.event_data.system import SYSTEM_EVENTS
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.observability.system_notices import (
    DROPPED,
    LIMIT_EVERY_S,
    MINUTE_S,
    MOST_WAITING,
    Notice,
    SystemNotices,
)
from csms_shared.values.levels import Level

DOCS = Path(__file__).parents[3] / "docs"


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notices(clock: Clock) -> SystemNotices:
    return SystemNotices("number-service", lambda: "number-service-1", clock)


def parked(queue: str = "numbers.v1", tenant_id: str = "default", error: str = "Wrong") -> Notice:
    details = {"queue": queue, "message_type": "numbers.v1", "error": error}
    return Notice("system.item_parked", queue, Level.ERROR, "Parked.", details, MINUTE_S, tenant_id)


def stopped(ran_s: float) -> Notice:
    return Notice("system.instance_stopped", "i", Level.INFO, "Stopped.", {"ran_s": ran_s})


def counts(notices: SystemNotices) -> list[tuple[str, int]]:
    return [(one.subject, one.data["count"]) for one in notices.take()]


def test_a_notice_says_who_tells_it_and_has_an_id_of_its_own(notices: SystemNotices) -> None:
    notices.add(parked())
    notices.add(parked("others.v1"))
    first, second = notices.take()
    assert first.data == {
        "level": "error",
        "service": "number-service",
        "instance": "number-service-1",
        "message": "Parked.",
        "count": 1,
        "queue": "numbers.v1",
        "message_type": "numbers.v1",
        "error": "Wrong",
    }
    key, event = first.event("/csms/number-service")
    assert (key, event.type) == ("system.item_parked", "csms.system.item_parked.v1")
    assert (event.subject, event.tenantid) == ("numbers.v1", "default")
    assert event == first.event("/csms/number-service")[1]
    assert event.id != second.event("/csms/number-service")[1].id


def test_what_comes_often_is_told_once_in_a_while_with_how_often_it_was(
    notices: SystemNotices, clock: Clock
) -> None:
    for number in range(3):
        notices.add(parked(error=f"E{number}"))
    assert [one.data["error"] for one in notices.take()] == ["E2"]
    for _ in range(5):
        notices.add(parked())
    clock.now += MINUTE_S - 1
    assert counts(notices) == []
    clock.now += 1
    assert counts(notices) == [("numbers.v1", 5)]
    clock.now += MINUTE_S
    assert counts(notices) == []
    notices.add(parked())
    assert counts(notices) == [("numbers.v1", 1)]


def test_each_subject_and_each_tenant_has_a_while_of_its_own(notices: SystemNotices) -> None:
    for _ in range(2):
        notices.add(parked())
        notices.add(parked("others.v1"))
        notices.add(parked(tenant_id="north"))
    assert [(one.subject, one.tenant_id, one.data["count"]) for one in notices.take()] == [
        ("numbers.v1", "default", 2),
        ("others.v1", "default", 2),
        ("numbers.v1", "north", 2),
    ]


def test_a_limit_is_told_once_in_5_minutes(notices: SystemNotices, clock: Clock) -> None:
    told = []
    for _ in range(20):
        notices.limit_reached("streams", "Too many.")
        told += counts(notices)
        clock.now += LIMIT_EVERY_S / 10
    assert told == [("streams", 1), ("streams", 10)]


def test_what_is_no_repetition_is_told_each_time(notices: SystemNotices) -> None:
    for ran_s in (1.0, 2.0):
        notices.add(stopped(ran_s))
    assert [one.data["ran_s"] for one in notices.take()] == [1.0, 2.0]


def test_at_the_end_everything_is_told(notices: SystemNotices) -> None:
    notices.add(parked())
    notices.take()
    notices.add(parked())
    assert notices.take() == []
    assert len(notices.take(everything=True)) == 1


def test_the_oldest_is_dropped_where_too_many_wait(notices: SystemNotices) -> None:
    before = DROPPED._value.get()
    for number in range(MOST_WAITING + 3):
        notices.add(parked(f"queue {number}"))
    taken = notices.take()
    assert (len(taken), taken[0].subject) == (MOST_WAITING, "queue 3")
    assert DROPPED._value.get() - before == 3


def test_every_kind_has_a_level_a_service_an_instance_and_a_sentence() -> None:
    for key, model in SYSTEM_EVENTS.items():
        assert key.startswith("system.")
        assert {"level", "service", "instance", "message", "count"} <= model.model_fields.keys()


def test_every_kind_has_a_sample_and_a_row_of_the_page() -> None:
    page = (DOCS / "system-events.md").read_text()
    samples = {path.stem for path in (DOCS / "messages/samples/events").glob("system.*.json")}
    assert samples == SYSTEM_EVENTS.keys()
    for key, model in SYSTEM_EVENTS.items():
        event = CloudEvent.model_validate_json(
            (DOCS / f"messages/samples/events/{key}.json").read_bytes()
        )
        assert event.type == event_type(key)
        told = model.model_validate(event.data, extra="forbid")
        assert f"| `{key}` | {told.level} |" in page
