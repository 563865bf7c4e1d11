"""Costs of transactions, in lists and one by one, and bills, through REST."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Answer, Stations, api_key, eventually, is_problem
from fake_billing import AT, bill_view, cost_view
from fake_service import FakeService, Unanswered

from command_api.costs.handlers import PAGE_WITHIN_S, PAUSE_S
from csms_shared.contracts.billing import BillStatus, CostSummary
from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.requests import SCOPED
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.sessions import TransactionStatus, TransactionView

pytestmark = pytest.mark.asyncio(loop_scope="package")

COST = CostSummary(
    final=True,
    status=BillStatus.FINAL,
    currency="EUR",
    total_excl_vat="1.00",
    total_incl_vat="1.19",
)


def _transaction(id: int, status: TransactionStatus = TransactionStatus.COMPLETED) -> Answer:
    return TransactionView(
        transaction_id=id,
        station_id="CS-1",
        connector_id=1,
        id_token="T",
        status=status,
        authorization_status="Accepted",
        started_at=AT,
        stopped_at=None,
        received_at=AT,
        meter_start=0,
        meter_stop=None,
        energy_wh=None,
        stop_reason=None,
        flags=[],
    ).model_dump(mode="json")


async def _costs(client: httpx.AsyncClient) -> list[Any]:
    page = await client.get("/transactions?limit=500")
    assert page.status_code == 200, page.text
    return [one["cost"] for one in page.json()["items"]]


@pytest_asyncio.fixture(loop_scope="package")
async def sessions(admin: httpx.AsyncClient, stations: Stations) -> AsyncIterator[FakeService]:
    """Have 500 transactions, of which 7 has a cost; billing-service answers."""
    billing, sessions = stations.billing, stations.sessions
    before = dict(billing.service.operations), dict(sessions.operations)
    page = {"items": [_transaction(id) for id in range(1, 501)], "next_cursor": None, "changes": ""}
    for name in ("transactions.list", SCOPED + "transactions.list"):
        sessions.operations[name] = lambda _: page
    for name in ("transactions.get", SCOPED + "transactions.get"):
        sessions.operations[name] = lambda asked: _transaction(asked["transaction_id"])
    billing.costs = {7: COST}
    # A test before this one may have had it away.
    await eventually(lambda: _costs(admin), any)
    yield sessions
    billing.service.operations, sessions.operations = before
    billing.service.silent = False
    await eventually(lambda: _restored(admin, stations), bool)


async def _restored(admin: httpx.AsyncClient, stations: Stations) -> bool:
    stations.sessions.operations["transactions.get"] = lambda _: _transaction(7)
    cost = (await admin.get("/transactions/7")).json()["cost"]
    del stations.sessions.operations["transactions.get"]
    return cost is not None


async def test_a_page_of_transactions_has_their_costs_by_one_question(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    asked = stations.billing.service.asked
    before = len(asked("costs.of"))
    costs = await _costs(admin)
    (question,) = asked("costs.of")[before:]
    assert question == {"transaction_ids": list(range(1, 501))}
    assert costs[6] == COST.model_dump(mode="json")
    assert costs[:6] + costs[7:] == [None] * 499
    assert (await admin.get("/transactions/7")).json()["cost"] == costs[6]
    assert (await admin.get("/transactions/8")).json()["cost"] is None


async def test_an_empty_page_asks_for_no_costs(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    sessions.operations["transactions.list"] = lambda _: {"items": [], "next_cursor": None}
    before = len(stations.billing.service.requests)
    assert (await admin.get("/transactions")).json()["items"] == []
    assert len(stations.billing.service.requests) == before


@pytest.mark.parametrize("result", [None, [], {"costs": 1}, {"costs": {"7": {"final": 1}}}])
async def test_an_answer_of_another_contract_costs_the_list_nothing(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService, result: Any
) -> None:
    stations.billing.service.operations["costs.of"] = lambda _: result
    assert await _costs(admin) == [None] * 500


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
async def test_what_billing_service_refuses_costs_the_list_nothing(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService, status: int
) -> None:
    def refused(_: Answer) -> None:
        raise refuse(status, "internal_error", "it can not")

    stations.billing.service.operations["costs.of"] = refused
    assert await _costs(admin) == [None] * 500
    assert (await admin.get("/transactions/7")).json()["cost"] is None


async def test_lists_do_not_wait_for_a_billing_service_that_is_away(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    asked: list[float] = []
    clock = asyncio.get_running_loop().time

    def silent(_: Answer) -> None:
        asked.append(clock())
        raise Unanswered

    stations.billing.service.operations["costs.of"] = silent
    assert await _costs(admin) == [None] * 500
    began, pages = clock(), 0
    while clock() < began + 2 * PAUSE_S:
        assert await _costs(admin) == [None] * 500
        pages += 1
    # Of these pages, one in a pause has asked; were each to wait, there would be no more than that.
    assert len(asked) <= 2 + (clock() - asked[0]) / PAUSE_S
    assert pages > len(asked)
    assert pages > 2 * PAUSE_S / PAGE_WITHIN_S


async def test_many_lists_at_once_have_one_that_asks_whether_costs_are_back(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    def silent(_: Answer) -> None:
        raise Unanswered

    operations = stations.billing.service.operations
    answering, operations["costs.of"] = operations["costs.of"], silent
    assert await _costs(admin) == [None] * 500
    before = len(stations.billing.service.asked("costs.of"))
    began = asyncio.get_running_loop().time()
    for _ in range(10):
        await asyncio.gather(*(_costs(admin) for _ in range(5)))
    took = asyncio.get_running_loop().time() - began
    assert len(stations.billing.service.asked("costs.of")) - before <= 1 + took / PAUSE_S
    operations["costs.of"] = answering
    found = await eventually(lambda: _costs(admin), any)
    assert found[6] == COST.model_dump(mode="json")


async def test_a_page_is_asked_about_for_the_tenant_and_within_the_scope_of_who_asks(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    scope = {"site_ids": ["harbour"], "tags": []}
    wanted = {"name": secrets.token_hex(6), "role": "viewer", "scope": scope}
    key = {"X-API-Key": (await admin.post("/api-keys", json=wanted)).json()["key"]}
    page = await admin.get("/transactions", headers=key)
    assert page.json()["items"][6]["cost"] == COST.model_dump(mode="json")
    service = stations.billing.service
    assert service.requests[-1][0] == SCOPED + "costs.of"
    assert service.scopes[-1] == Scope.model_validate(scope)
    service.operations[SCOPED + "costs.get"] = lambda _: cost_view(transaction_id=7)
    service.operations[SCOPED + "bills.list"] = lambda _: {"items": [], "next_cursor": None}
    assert (await admin.get("/transactions/7/cost", headers=key)).status_code == 200
    assert (await admin.get("/bills", headers=key)).status_code == 200
    is_problem(await admin.post(f"/bills/{uuid4()}/release", headers=key), 403, "forbidden")


async def test_the_cost_of_a_transaction_has_lines_with_from_and_to(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    told = cost_view(transaction_id=7, tariff_version=2)
    stations.billing.service.operations["costs.get"] = lambda _: told
    cost = (await admin.get("/transactions/7/cost")).json()
    assert stations.billing.service.asked("costs.get")[-1] == {"transaction_id": 7}
    assert set(cost) == set(told) - {"reservation_id"}
    (line,) = cost["lines"]
    assert list(line)[:4] == ["type", "from", "to", "quantity"]
    assert {name: value for name, value in line.items() if name not in ("from", "to")} == {
        name: value
        for name, value in told["lines"][0].items()
        if name not in ("from_time", "to_time")
    }
    assert set(cost["periods"][0]) == {"from", "to", "kind", "energy_kwh", "hours", "elements"}


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (TransactionStatus.ACTIVE, "running"),
        (TransactionStatus.COMPLETED, "settling"),
        (TransactionStatus.STOP_MISSING, "settling"),
    ],
)
async def test_a_transaction_that_billing_service_has_not_been_told_of_has_no_amounts_yet(
    admin: httpx.AsyncClient,
    stations: Stations,
    sessions: FakeService,
    status: TransactionStatus,
    shown: str,
) -> None:
    def unknown(_: Answer) -> None:
        raise refuse(404, "not_found", "there is no such transaction")

    stations.billing.service.operations["costs.get"] = unknown
    sessions.operations["transactions.get"] = lambda asked: _transaction(
        asked["transaction_id"], status
    )
    cost = (await admin.get("/transactions/9/cost")).json()
    assert (cost["transaction_id"], cost["status"], cost["final"]) == (9, shown, False)
    assert (cost["currency"], cost["total_incl_vat"], cost["lines"]) == (None, None, [])
    sessions.operations["transactions.get"] = unknown
    is_problem(await admin.get("/transactions/9/cost"), 404, "not_found")


async def test_without_billing_service_one_cost_is_503_and_a_transaction_is_shown(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    stations.billing.service.silent = True
    is_problem(await admin.get("/transactions/7/cost"), 503, "service_unavailable")
    shown = await admin.get("/transactions/7")
    assert (shown.status_code, shown.json()["cost"]) == (200, None)


async def test_bills_are_found_by_what_they_are_and_released_by_an_operator(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    bill_id = str(uuid4())
    bill = bill_view(bill_id)
    service = stations.billing.service
    service.operations["bills.list"] = lambda _: {"items": [bill], "next_cursor": None}
    service.operations["bills.release"] = lambda asked: {**bill, **asked, "status": "final"}
    query = {"transaction_id": "7", "station_id": "CS/1", "status": "review", "limit": "3"}
    viewer = await api_key(admin, "viewer")
    found = await admin.get("/bills", params=query, headers=viewer)
    assert found.json()["items"] == [bill]
    assert service.asked("bills.list")[-1] == {
        "transaction_id": 7,
        "station_id": "CS/1",
        "status": "review",
        "limit": 3,
    }
    is_problem(await admin.get("/bills?status=paid"), 422, "validation_failed")
    is_problem(await admin.post(f"/bills/{bill_id}/release", headers=viewer), 403, "forbidden")
    released = await admin.post(f"/bills/{bill_id}/release")
    assert (released.status_code, released.json()["status"]) == (200, "final")
    assert service.asked("bills.release")[-1] == {"bill_id": bill_id, "released_by": "admin"}
    (audited, refused) = (await admin.get("/audit", params={"target": bill_id})).json()["items"]
    assert (audited["status"], refused["status"]) == (200, 403)
    assert (await admin.post("/bills/x/release")).status_code == 422

    def final(_: Answer) -> None:
        raise refuse(409, "not_held", "it was not kept back")

    service.operations["bills.release"] = final
    is_problem(await admin.post(f"/bills/{bill_id}/release"), 409, "not_held")


async def test_an_operator_has_a_transaction_billed_anew(
    admin: httpx.AsyncClient, stations: Stations, sessions: FakeService
) -> None:
    service = stations.billing.service
    service.operations["bills.settle"] = lambda _: None
    operator, viewer = await api_key(admin, "operator"), await api_key(admin, "viewer")
    path = "/transactions/7/settle"
    is_problem(await admin.post(path, headers=viewer), 403, "forbidden")
    assert (await admin.post(path, headers=operator)).status_code == 204
    assert service.asked("bills.settle") == [{"transaction_id": 7}]
    (audited, _) = (await admin.get("/audit", params={"target": "7"})).json()["items"]
    assert (audited["path"], audited["status"]) == (f"/api/v1{path}", 204)

    def goes_on(_: Answer) -> None:
        raise refuse(409, "goes_on", "this transaction goes on")

    service.operations["bills.settle"] = goes_on
    is_problem(await admin.post(path, headers=operator), 409, "goes_on")
