"""What operators ask `GET /events/history` for, in a store of a month of a fleet."""

import random
from urllib.parse import urlencode

from bench.driver.plan import Query
from bench.stored_events import (
    CHARGING,
    FACTS_A_DAY,
    MEASUREMENTS_A_DAY,
    RARE,
    StoredEvents,
    charging_keys,
)
from csms_shared.values.times import format_time

MOST = 500
PAGE = 100
SEED = 1
HOURS = 24


def history_plan(stored: StoredEvents, times: int) -> list[Query]:
    """Return each kind of query so many times, in turn, each day's of another random station."""
    chance = random.Random(SEED)  # noqa: S311
    rare, charging = _rare(stored), _charging(stored)
    asked = []
    for _ in range(times):
        asked += [_day(stored, chance.randrange(stored.stations)), rare, charging]
    return asked


def _day(stored: StoredEvents, number: int) -> Query:
    """All that a station told in the last day."""
    parameters = {
        "station_id": f"{stored.prefix}{number:06d}",
        "from": format_time(stored.before(stored.steps_a_day)),
        "limit": MOST,
    }
    items = FACTS_A_DAY + MEASUREMENTS_A_DAY
    return Query("station-day", f"/api/v1/events/history?{urlencode(parameters)}", items)


def _rare(stored: StoredEvents) -> Query:
    """A type that the whole fleet tells twice a day, over all that is kept."""
    parameters = {"type": RARE, "from": format_time(stored.began_at), "limit": MOST}
    items = min(stored.facts(stored.steps, frozenset([RARE])), MOST)
    return Query("rare-type", f"/api/v1/events/history?{urlencode(parameters)}", items)


def _charging(stored: StoredEvents) -> Query:
    """A page of what charging told in the last hour."""
    hour = stored.steps_a_day // HOURS
    parameters = {"type": CHARGING, "from": format_time(stored.before(hour)), "limit": PAGE}
    items = min(stored.facts(hour, charging_keys()), PAGE)
    return Query("charging-hour", f"/api/v1/events/history?{urlencode(parameters)}", items)
