"""What the suite did by itself, newest first, by level, service and time."""

from datetime import timedelta
from typing import Any

import pytest
from event_books import NOON, told
from integration_fakes import Outside

from csms_shared.db.cursors import encode_cursor
from csms_shared.values.times import format_time

pytestmark = pytest.mark.usefixtures("service")
LEVELS = ("info", "warning", "error")


def system_event(number: int, tenant_id: str = "default") -> dict[str, Any]:
    """Return a system event; its level goes by threes, its service by twos."""
    return told(
        number,
        "csms",
        "system.upkeep_failed",
        tenant_id=tenant_id,
        data={
            "n": number,
            "level": LEVELS[number % 3],
            "service": ("session-service", "command-api")[number % 2],
            "instance": "one",
            "message": f"message {number}",
        },
    )


async def _numbers(outside: Outside, **asked: Any) -> list[int]:
    """Return the numbers of all pages."""
    found: list[int] = []
    while True:
        page = await outside.ask("events.list_system", **asked)
        assert len(page["items"]) <= asked.get("limit", 50)
        found += [item["data"]["n"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


async def test_system_events_are_listed_by_level_service_and_time(outside: Outside) -> None:
    await outside.tell([told(1000 + n) for n in range(5)])
    for begin in range(0, 30, 7):
        await outside.tell([system_event(n) for n in range(begin, min(begin + 7, 30))])
    await outside.tell([system_event(100, "other"), told(2000)])
    await outside.until_stored(37)
    newest_first = [*range(29, -1, -1)]
    assert await _numbers(outside) == newest_first
    assert await _numbers(outside, limit=4) == newest_first
    assert await _numbers(outside, level="error") == [n for n in newest_first if n % 3 == 2]
    assert await _numbers(outside, level="warning", limit=3) == [n for n in newest_first if n % 3]
    assert await _numbers(outside, level="info") == newest_first
    assert await _numbers(outside, service="command-api", level="error") == [
        n for n in newest_first if n % 3 == 2 and n % 2
    ]
    times = {
        name: format_time(NOON + timedelta(seconds=n))
        for name, n in (("from_time", 10), ("to_time", 20))
    }
    assert await _numbers(outside, **times, limit=3) == [*range(19, 9, -1)]
    assert await _numbers(outside, tenant_id="other") == [100]


async def test_a_system_event_is_shown_with_what_it_says(outside: Outside) -> None:
    await outside.tell([system_event(1)])
    await outside.until_stored(1)
    (item,) = (await outside.ask("events.list_system"))["items"]
    data = item.pop("data")
    assert data["n"] == 1
    assert item == {
        "position": 1,
        "time": format_time(NOON + timedelta(seconds=1)),
        "type": "csms.system.upkeep_failed.v1",
        "level": "warning",
        "service": "command-api",
        "instance": "one",
        "message": "message 1",
    }
    assert await outside.ask("events.list_system", cursor="no cursor") == (422, "bad_cursor")


async def test_a_cursor_from_nowhere_is_read_as_one_of_the_newest(outside: Outside) -> None:
    await outside.tell([system_event(1)])
    await outside.until_stored(1)
    for position in (2**63 - 1, 10**15):
        page = await outside.ask("events.list_system", cursor=encode_cursor(position))
        assert [item["position"] for item in page["items"]] == [1]
