"""REST of stations' histories."""

import httpx
import pytest
from command_api_fakes import Stations, is_problem

from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = "/stations/ESC%2F1%20x/history"
CHANGE = {
    "kind": "presence",
    "received_at": "2026-11-21T00:00:00.000Z",
    "status": "offline",
    "reason": "lease_expired",
    "flags": [],
    "connection_id": "c1",
    "epoch": 1,
}


async def test_what_is_asked_of_a_history_reaches_the_registry(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    page = {"items": [CHANGE], "next_cursor": "abc"}
    stations.registry.operations["history.list"] = lambda _: page
    query = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00+01:00", "limit": "7"}
    answer = await admin.get(PATH, params={**query, "cursor": "xyz"})
    assert (answer.status_code, answer.json()) == (200, page)
    assert stations.registry.asked("history.list")[-1] == {
        "station_id": "ESC/1 x",
        "from_time": "2026-11-21T00:00:00.000Z",
        "to_time": "2026-11-21T23:00:00.000Z",
        "limit": 7,
        "cursor": "xyz",
    }


async def test_an_unknown_station_has_no_history(
    admin: httpx.AsyncClient, stations: Stations
) -> None:
    def unknown(_: object) -> None:
        raise refuse(404, "not_found", "there is no station ESC/1 x")

    stations.registry.operations["history.list"] = unknown
    is_problem(await admin.get(PATH), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=0001-01-01T00:00:00Z", "from"),
        ("to=9999-12-31T23:59:59Z", "to"),
        ("to=NaN", "to"),
        ("limit=0", "limit"),
        ("limit=99999999999999999999", "limit"),
    ],
)
async def test_what_is_no_filter_is_refused_by_name(
    admin: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await admin.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
