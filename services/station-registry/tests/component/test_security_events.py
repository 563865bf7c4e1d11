"""Security events against a real PostgreSQL."""

from typing import Any

import pytest
from driven_registry import Registry
from sqlalchemy import text

from csms_shared.db.cursors import BadCursor
from csms_shared.service.inbox import Work
from station_registry.security_events import store as security_events


def notification(registry: Registry, type_: str = "TamperDetectionActivated", **more: Any) -> Work:
    payload = {"type": type_, "timestamp": "2026-11-21T02:00:00Z", "techInfo": "lid open"}
    return registry.call(
        "SecurityEventNotification", "A", {**payload, **more.pop("payload", {})}, **more
    )


async def test_a_reported_event_is_stored_and_told_once_however_often_it_comes(
    registry: Registry,
) -> None:
    call = notification(registry)
    await registry.send([call, call])
    await registry.send([call])
    page = await registry.request("security_events.list")
    (event,) = page.items
    assert (event.station_id, event.type, event.critical, event.source, event.detail) == (
        "A",
        "TamperDetectionActivated",
        True,
        "station",
        "lid open",
    )
    assert event.occurred_at == "2026-11-21T02:00:00.000Z"
    (told,) = await registry.events("security.event_reported")
    assert told["data"]["critical"] is True
    assert told["data"]["security_event_id"] == event.security_event_id


@pytest.mark.parametrize(
    ("type_", "critical"),
    [
        ("FirmwareUpdated", True),
        ("SettingSystemTime", True),
        ("StartupOfTheDevice", True),
        ("ResetOrReboot", True),
        ("SecurityLogWasCleared", True),
        ("MemoryExhaustion", True),
        ("InvalidMessages", False),
        ("ReconfigurationOfSecurityParameters", False),
        ("VendorsOwn", False),
    ],
)
async def test_critical_are_those_of_the_whitepapers_list(
    registry: Registry, type_: str, critical: bool
) -> None:
    await registry.send([notification(registry, type_)])
    page = await registry.request("security_events.list", critical=critical)
    assert [event.type for event in page.items] == [type_]
    assert (await registry.request("security_events.list", critical=not critical)).items == []


async def test_an_unreadable_time_and_unstorable_text_are_kept_as_well_as_they_can_be(
    registry: Registry,
) -> None:
    await registry.send(
        [notification(registry, payload={"timestamp": "yesterday", "techInfo": "a\0b"})]
    )
    (event,) = (await registry.request("security_events.list")).items
    assert (event.station_time, event.occurred_at, event.detail) == ("yesterday", None, "ab")
    assert registry.parked == []


async def test_events_are_paged_newest_first_and_filtered(registry: Registry) -> None:
    for seq in range(1, 6):
        await registry.send(
            [notification(registry, "ResetOrReboot", seq=seq, received_ms=seq * 1000)]
        )
    first = await registry.request("security_events.list", limit=3)
    rest = await registry.request("security_events.list", limit=3, cursor=first.next_cursor)
    times = [event.received_at for event in (*first.items, *rest.items)]
    assert times == sorted(times, reverse=True)
    assert (len(times), rest.next_cursor) == (5, None)
    window = await registry.request(
        "security_events.list",
        from_time="1970-01-01T00:00:02Z",
        to_time="1970-01-01T00:00:04Z",
        type="ResetOrReboot",
        station_id="A",
    )
    assert [event.received_at[17:19] for event in window.items] == ["03", "02"]
    assert (await registry.request("security_events.list", station_id="B")).items == []


async def test_a_made_up_cursor_is_refused(registry: Registry) -> None:
    with pytest.raises(BadCursor):
        await registry.request("security_events.list", cursor="bm8")


async def test_events_are_deleted_after_their_time_only(registry: Registry) -> None:
    await registry.send([notification(registry), notification(registry, seq=2, received_ms=1)])
    async with registry.engine.begin() as connection:
        await security_events.purge(connection)
        left = await connection.execute(text("SELECT count(*) FROM security_event"))
        assert left.scalar_one() == 1
