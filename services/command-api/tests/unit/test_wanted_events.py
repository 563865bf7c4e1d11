"""Which events a stream wants."""

import pytest
from live_events import event

from command_api.live_events.domain.events import Wanted
from csms_shared.contracts.event_data.table import EVENTS, Subject
from csms_shared.contracts.event_globs import is_of_station


@pytest.mark.parametrize(
    ("types", "passes"),
    [
        ((), True),
        (("csms.transaction.started.v1",), True),
        (("transaction.started",), True),
        (("transaction",), True),
        (("csms.transaction",), True),
        (("transaction.*",), True),
        (("*",), True),
        (("station", "transaction.*"), True),
        (("trans",), False),
        (("station",), False),
        (("transaction.stopped",), False),
    ],
)
def test_events_are_filtered_by_any_of_the_types(types: tuple[str, ...], passes: bool) -> None:
    assert Wanted("default", types=types).holds(event(1)) is passes


def test_events_are_filtered_by_station() -> None:
    assert Wanted("default", "S1").holds(event(1))
    assert not Wanted("default", "S2").holds(event(1))


def test_events_of_other_tenants_are_never_wanted() -> None:
    assert not Wanted("north").holds(event(1))


@pytest.mark.parametrize(("key", "passes"), [("station.online", True), ("site.updated", False)])
def test_only_what_is_surely_of_a_station(key: str, passes: bool) -> None:
    assert Wanted("default", of_stations=True).holds(event(1, "S1", key)) is passes


@pytest.mark.parametrize(
    "key", [key for key, row in EVENTS.items() if row.subject is not Subject.STATION]
)
def test_no_event_whose_subject_is_something_else_counts_as_one_of_a_station(key: str) -> None:
    assert not is_of_station(key)
