"""Refused handshakes as operators read them, against a real PostgreSQL."""

import itertools
from typing import Any

import pytest
from driven_registry import Registry

from csms_shared.contracts.messages import RefusalView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.service.inbox import Work

HOUR_MS = 3_600_000
START = 500_000 * HOUR_MS


def refusal(station_id: str = "A", gateway: str = "gw-1", **more: Any) -> Work:
    item = {
        "station_id": station_id,
        "remote_address": "192.0.2.1",
        "reason": "bad_credentials",
        "detail": "the password is wrong",
        "http_status": 401,
        "refused_ms": START + 5_000,
        "times": 1,
        "first_ms": START + 1_000,
        "period_ms": START,
        **more,
    }
    return Work("refusals.v1", {"gateway_id": gateway}, item)


async def _page(registry: Registry, **query: Any) -> list[RefusalView]:
    page: Page[RefusalView] = await registry.request("refusals.list", **query)
    return page.items


async def test_counts_are_the_same_in_any_order_and_however_often_they_come(
    registry: Registry,
) -> None:
    reports = [
        refusal(times=times, refused_ms=START + 1_000 * times, detail=f"the {times}th")
        for times in (1, 3, 7)
    ]
    for order in itertools.permutations(reports):
        await registry.query("DELETE FROM refusal")
        for work in order:
            await registry.send([work, work])
        await registry.send([*order])
        (view,) = await _page(registry)
        assert (view.times, view.detail) == (7, "the 7th")
        assert (view.first_at, view.last_at[-9:]) == (
            (await _page(registry))[0].first_at,
            "00:07.000Z"[1:],
        )


async def test_gateways_and_hours_count_apart(registry: Registry) -> None:
    await registry.send(
        [refusal(), refusal(gateway="gw-2"), refusal(period_ms=START + HOUR_MS), refusal("B")]
    )
    assert len(await _page(registry, station_id="A")) == 3
    assert [view.station_id for view in await _page(registry, station_id="B")] == ["B"]


async def test_a_gateway_of_before_counts_one_each(registry: Registry) -> None:
    work = refusal()
    for name in ("times", "first_ms", "period_ms"):
        del work.item[name]
    await registry.send([work, work])
    (view,) = await _page(registry)
    assert (view.times, view.first_at) == (1, view.last_at)


async def test_refusals_are_found_by_reason_and_time_page_by_page(registry: Registry) -> None:
    await registry.send(
        [
            refusal(
                f"S{n}",
                reason="unknown_station" if n % 2 else "bad_credentials",
                refused_ms=START + n * 1_000,
            )
            for n in range(6)
        ]
    )
    seen, cursor = [], None
    while True:
        page = await registry.request("refusals.list", limit=4, cursor=cursor)
        seen += [view.station_id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["S5", "S4", "S3", "S2", "S1", "S0"]
    odd = await _page(registry, reason="unknown_station")
    assert [view.station_id for view in odd] == ["S5", "S3", "S1"]
    assert await _page(registry, refused_to="1971-01-01T00:00:00Z") == []
    assert len(await _page(registry, refused_from="1971-01-01T00:00:00Z")) == 6
    assert await _page(registry, station_id="S1\0") == []


async def test_one_refusal_is_got_by_its_id_and_stands_on_its_station(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    assert (await registry.request("stations.get", station_id="A")).last_refusal is None
    await registry.send([refusal(), refusal("", reason="not_http")])
    (view,) = await _page(registry, station_id="A")
    assert await registry.request("refusals.get", id=view.id) == view
    assert (await registry.request("stations.get", station_id="A")).last_refusal == view
    (nobody,) = await _page(registry, reason="not_http")
    assert nobody.station_id is None
    with pytest.raises(ProblemRaised) as raised:
        await registry.request("refusals.get", id=view.id + 100)
    assert raised.value.problem.status == 404
