from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from bench.driver.plan import Query
from bench.history import history_plan
from bench.stored_events import (
    FACTS_A_DAY,
    MEASURED_DAYS,
    MEASUREMENTS_A_DAY,
    RARE,
    STEP,
    StoredEvents,
)
from integration_service.event_store.domain import WINDOW

STORED = StoredEvents("h-", stations=1000, days=29, began_at=datetime(2026, 9, 1, tzinfo=UTC))


def _first(kind: str, stored: StoredEvents = STORED) -> Query:
    return next(query for query in history_plan(stored, 1) if query.kind == kind)


def test_a_store_holds_what_its_stations_tell() -> None:
    assert STORED.steps * STEP == 1000 * 29 * (FACTS_A_DAY + MEASUREMENTS_A_DAY)
    assert STORED.steps - STORED.first_measured + 1 == MEASURED_DAYS * STORED.steps_a_day


def test_no_segment_reaches_over_a_window() -> None:
    assert WINDOW % STEP == 0


def test_a_stations_day_begins_between_the_steps_of_two_days() -> None:
    began = parse_qs(urlsplit(_first("station-day").path).query)["from"][0]
    steps = (datetime.fromisoformat(began) - STORED.began_at) / STORED.spacing
    assert steps == pytest.approx(STORED.steps - STORED.steps_a_day + 0.5, abs=0.01)
    assert _first("station-day").items == 200


def test_a_rare_event_is_told_twice_a_day_by_the_whole_fleet() -> None:
    assert STORED.facts(STORED.steps, frozenset([RARE])) == pytest.approx(2 * 29, abs=1)
    assert _first("rare-type").items == STORED.facts(STORED.steps, frozenset([RARE]))


def test_a_page_of_an_hour_is_full_where_the_hour_has_as_much() -> None:
    assert _first("charging-hour").items == 100
    assert 0 < _first("charging-hour", replace(STORED, stations=20)).items < 100
