"""Charge detail records through REST: by position, by id, and as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from command_api_fakes import Answer, Stations, api_key, is_problem
from fake_billing import FakeBilling

from command_api.cdrs.domain import COLUMNS
from csms_shared.contracts.refusals import refuse

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def billing(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBilling]:
    """A billing-service with 1,234 records."""
    monkeypatch.setattr("command_api.cdrs.handlers._PAUSE_S", 0.01)
    before = dict(stations.billing.service.operations)
    stations.billing.cdrs = []
    stations.billing.add_cdrs(1_234)
    yield stations.billing
    stations.billing.service.operations = before


async def test_records_are_read_by_position_without_a_gap_or_a_repeat(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    viewer = await api_key(admin, "viewer")
    for parameter in ("after", "cursor"):
        found: list[int] = []
        query: dict[str, Any] = {"limit": 500}
        while True:
            page = (await admin.get("/cdrs", params=query, headers=viewer)).json()
            found += [one["position"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            query[parameter] = page["next_cursor"]
        assert found == list(range(1, 1_235))
    first = (await admin.get("/cdrs?limit=1")).json()["items"]
    assert first == [{"position": 1, "cdr": {"id": "CDR-1", "total_energy": 1.5}, "missing": []}]


async def test_times_of_records_are_asked_for_in_utc(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    query = {"after": "0", "from": "2026-11-20T01:00:00+01:00", "to": "2026-11-21T00:00:00Z"}
    assert (await admin.get("/cdrs", params=query)).status_code == 200
    assert billing.service.asked("cdrs.list")[-1] == {
        "after": 0,
        "from_time": "2026-11-20T00:00:00.000Z",
        "to_time": "2026-11-21T00:00:00.000Z",
        "limit": 50,
    }
    for bad in ({"after": "-1"}, {"after": "x"}, {"limit": "501"}, {"from": "soon"}):
        is_problem(await admin.get("/cdrs", params=bad), 422, "validation_failed")


async def test_one_record_is_read_by_its_id(admin: httpx.AsyncClient, billing: FakeBilling) -> None:
    record = {"position": 3, "cdr": {"id": "x"}, "missing": ["cdr_location.address"]}

    def get(asked: Answer) -> Answer:
        if asked["cdr_id"] != known:
            raise refuse(404, "not_found", "there is no such record")
        return record

    known = str(uuid4())
    billing.service.operations["cdrs.get"] = get
    assert (await admin.get(f"/cdrs/{known}")).json() == record
    is_problem(await admin.get(f"/cdrs/{uuid4()}"), 404, "not_found")


def _rows(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_all_records_are_exported_as_csv(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    viewer = await api_key(admin, "viewer")
    answer = await admin.get("/cdrs.csv", params={"from": "2026-01-01T00:00:00Z"}, headers=viewer)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="cdrs.csv"' in answer.headers["content-disposition"]
    rows = _rows(answer)
    assert tuple(rows[0]) == COLUMNS
    assert [int(one["position"]) for one in rows] == list(range(1, 1_235))
    assert {one["total_energy_kwh"] for one in rows} == {"1.5"}
    asked = billing.service.asked("cdrs.list")[-3:]
    assert [(one.get("after"), one["from_time"], one["limit"]) for one in asked] == [
        (None, "2026-01-01T00:00:00.000Z", 500),
        (500, "2026-01-01T00:00:00.000Z", 500),
        (1_000, "2026-01-01T00:00:00.000Z", 500),
    ]
    billing.cdrs = []
    assert (await admin.get("/cdrs.csv")).text == ",".join(COLUMNS) + "\r\n"


async def test_a_page_that_fails_once_is_asked_for_again(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    pages = billing.service.operations["cdrs.list"]
    failures = iter([True, True, False, True])

    def unsteady(asked: Answer) -> Any:
        if "after" in asked and next(failures, False):
            raise refuse(503, "service_unavailable", "no database")
        return pages(asked)

    billing.service.operations["cdrs.list"] = unsteady
    rows = _rows(await admin.get("/cdrs.csv"))
    assert [int(one["position"]) for one in rows] == list(range(1, 1_235))


async def test_an_export_that_can_not_be_finished_does_not_look_whole(
    admin: httpx.AsyncClient, billing: FakeBilling
) -> None:
    pages = billing.service.operations["cdrs.list"]

    def away(asked: Answer) -> Any:
        if "after" in asked:
            raise refuse(503, "service_unavailable", "no database")
        return pages(asked)

    billing.service.operations["cdrs.list"] = away
    with pytest.raises(httpx.RemoteProtocolError):
        await admin.get("/cdrs.csv")
    billing.service.operations["cdrs.list"] = lambda _: away({"after": 1})
    is_problem(await admin.get("/cdrs.csv"), 503, "service_unavailable")
