"""When a tenant's day began, hours without gaps, kinds by urgency, and answers made once."""

import asyncio
from datetime import UTC, datetime

import pytest

from command_api.concurrency.remembered import Remembered
from command_api.overview.domain import (
    KINDS,
    by_urgency,
    day_began,
    every_hour,
    first_hour,
    together,
)
from csms_shared.contracts.overview import (
    COUNTED_MAX,
    EXAMPLES_MAX,
    Attention,
    AttentionExample,
    HourOfSessions,
)


@pytest.mark.parametrize(
    ("now", "zone", "began"),
    [
        ("2026-11-24T22:30", "Europe/Berlin", "2026-11-23T23:00"),
        ("2026-11-24T23:30", "Europe/Berlin", "2026-11-24T23:00"),
        ("2026-11-24T03:00", "America/Los_Angeles", "2026-11-23T08:00"),
        ("2026-11-24T03:00", "Asia/Kathmandu", "2026-11-23T18:15"),
        # The clocks went back at two: midnight was in summer time.
        ("2026-10-25T12:00", "Europe/Berlin", "2026-10-24T22:00"),
        # There was no midnight on that day.
        ("2026-09-06T12:00", "America/Santiago", "2026-09-06T04:00"),
        ("2026-11-24T03:00", None, "2026-11-24T00:00"),
        ("2026-11-24T03:00", "No/Where", "2026-11-24T00:00"),
        ("2026-11-24T03:00", "../etc/passwd", "2026-11-24T00:00"),
    ],
)
def test_a_day_begins_at_midnight_where_the_tenant_is(
    now: str, zone: str | None, began: str
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert day_began(moment, zone) == datetime.fromisoformat(began).replace(tzinfo=UTC)


def test_every_hour_of_a_day_is_shown_and_the_present_one_has_what_goes_on() -> None:
    now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    told = [
        HourOfSessions(hour="2026-11-24T03:00:00.000Z", energy_wh=5, sessions=2),
        HourOfSessions(hour="2026-11-24T22:00:00.000Z", energy_wh=7, sessions=1),
    ]
    hours = every_hour(first_hour(now), told, 100)
    assert [hours[0].hour, hours[-1].hour] == ["2026-11-23T22:00:00.000Z", told[1].hour]
    assert len({hour.hour for hour in hours}) == len(hours) == 25
    assert {hour.hour: hour.energy_wh for hour in hours if hour.energy_wh} == {
        told[0].hour: 5,
        told[1].hour: 107,
    }


def _attention(count: int, since: str, *ids: str, is_bound: bool = False) -> Attention:
    examples = [AttentionExample(id=one, at=since, text="") for one in ids]
    return Attention(count=count, count_is_bound=is_bound, since=since, examples=examples)


def test_what_there_is_comes_in_the_order_of_urgency_and_unknown_kinds_last() -> None:
    one = _attention(1, "2026-11-24T03:00:00.000Z")
    found: dict[str, Attention | None] = dict.fromkeys(("new", *reversed(KINDS)), one)
    assert [item.kind for item in by_urgency(found)] == [*KINDS, "new"]
    assert [item.kind for item in by_urgency(found | {"parked": None})] == [
        *(kind for kind in KINDS if kind != "parked"),
        "new",
    ]


def test_what_several_services_tell_is_one_count_with_the_newest_examples() -> None:
    first = _attention(3, "2026-11-24T03:00:00.000Z", "a", "b", "c")
    second = _attention(4, "2026-11-24T05:00:00.000Z", "d", "e", "f")
    both = together({"x": first, "y": second, "z": None})
    assert both is not None
    assert (both.count, both.since, both.count_is_bound) == (7, first.since, False)
    assert [one.id for one in both.examples] == ["y:d", "y:e", "y:f", "x:a", "x:b"]
    assert len(both.examples) == EXAMPLES_MAX
    most = together({"x": _attention(COUNTED_MAX, first.since), "y": second})
    assert most is not None
    assert (most.count, most.count_is_bound) == (COUNTED_MAX, True)
    assert together({"x": None}) is None


async def test_an_answer_is_made_once_for_all_who_ask_at_once() -> None:
    made: list[str] = []
    go_on = asyncio.Event()

    async def make() -> str:
        made.append("once")
        await go_on.wait()
        return "answer"

    remembered: Remembered[str, str] = Remembered(60.0, 10)
    first = asyncio.create_task(remembered.get("key", make))
    others = [asyncio.create_task(remembered.get("key", make)) for _ in range(50)]
    await asyncio.sleep(0)
    # The one for whom it is made goes away: the next has it made.
    first.cancel()
    go_on.set()
    assert await asyncio.gather(*others) == ["answer"] * 50
    assert await remembered.get("key", make) == "answer"
    assert made == ["once", "once"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_answers_are_made_again_when_they_are_old_fail_or_take_too_much_room() -> None:
    made: list[str] = []

    async def make(answer: str) -> str:
        made.append(answer)
        if answer == "failure":
            raise LookupError
        return answer

    at_once: Remembered[str, str] = Remembered(0.0, 10)
    for _ in range(2):
        await at_once.get("key", lambda: make("old"))
    assert made == ["old", "old"]
    kept: Remembered[str, str] = Remembered(60.0, 2)
    with pytest.raises(LookupError):
        await kept.get("a", lambda: make("failure"))
    for key in ("a", "b", "c", "b", "c", "a"):
        await kept.get(key, lambda: make(key))  # noqa: B023 - called at once
    assert made[3:] == ["a", "b", "c", "a"]
