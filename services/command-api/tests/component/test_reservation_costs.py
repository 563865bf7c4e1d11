"""What a reservation costs that nobody used, through REST."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from command_api_fakes import Answer, Stations, api_key, is_problem
from fake_billing import AT, bill_view, cost_view
from fake_service import FakeService

from csms_shared.contracts.refusals import refuse
from csms_shared.contracts.reservations import ReservationStatus, ReservationView

pytestmark = pytest.mark.asyncio(loop_scope="package")


def _unknown(_: Answer) -> None:
    raise refuse(404, "not_found", "nothing is known of it")


def _reservation(status: ReservationStatus) -> Answer:
    return ReservationView(
        reservation_id=7,
        station_reservation_id=7,
        station_id="CS-1",
        connector_id=1,
        id_token="T",
        group_id=None,
        status=status,
        reason=None,
        created_at=AT,
        expires_at=AT,
        answered_at=None,
        ended_at=None,
        transaction_id=None,
        created_by="admin",
        command_id=str(uuid4()),
        cancel_wanted_at=None,
        cancel_command_id=None,
        cancel_failure=None,
    ).model_dump(mode="json")


@pytest_asyncio.fixture(loop_scope="package")
async def billing(stations: Stations) -> AsyncIterator[FakeService]:
    """Have billing-service play what a test says; then it is as it was."""
    billing, sessions = stations.billing.service, stations.sessions
    before = dict(billing.operations), dict(sessions.operations)
    yield billing
    billing.operations, sessions.operations = before
    billing.silent = False


async def test_the_cost_of_a_reservation_has_lines_and_names_no_transaction(
    admin: httpx.AsyncClient, billing: FakeService
) -> None:
    told = cost_view(reservation_id=7, bill_id=str(uuid4()))
    billing.operations["costs.of_reservation"] = lambda _: told
    cost = (await admin.get("/reservations/7/cost", headers=await api_key(admin, "viewer"))).json()
    assert billing.asked("costs.of_reservation") == [{"reservation_id": 7}]
    assert set(cost) == set(told) - {"transaction_id"}
    assert (cost["reservation_id"], cost["lines"][0]["from"]) == (7, AT)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (ReservationStatus.PENDING, "running"),
        (ReservationStatus.ACTIVE, "running"),
        (ReservationStatus.REFUSED, "final"),
        (ReservationStatus.EXPIRED, "settling"),
        (ReservationStatus.CANCELLED, "settling"),
        (ReservationStatus.USED, "settling"),
    ],
)
async def test_one_that_billing_service_has_not_been_told_of_has_no_amounts(
    admin: httpx.AsyncClient,
    stations: Stations,
    billing: FakeService,
    status: ReservationStatus,
    shown: str,
) -> None:
    billing.operations["costs.of_reservation"] = _unknown
    stations.sessions.operations["reservations.get"] = lambda _: _reservation(status)
    cost = (await admin.get("/reservations/7/cost")).json()
    assert (cost["status"], cost["final"]) == (shown, shown == "final")
    assert (cost["reservation_id"], cost["total_incl_vat"], cost["lines"]) == (7, None, [])
    stations.sessions.operations["reservations.get"] = _unknown
    is_problem(await admin.get("/reservations/7/cost"), 404, "not_found")


async def test_without_billing_service_there_is_no_answer(
    admin: httpx.AsyncClient, billing: FakeService
) -> None:
    billing.silent = True
    is_problem(await admin.get("/reservations/7/cost"), 503, "service_unavailable")


async def test_an_operator_has_a_reservation_billed_anew(
    admin: httpx.AsyncClient, billing: FakeService
) -> None:
    billing.operations["bills.settle_reservation"] = lambda _: None
    path = "/reservations/71/settle"
    is_problem(await admin.post(path, headers=await api_key(admin, "viewer")), 403, "forbidden")
    answer = await admin.post(path, headers=await api_key(admin, "operator"))
    assert answer.status_code == 204
    assert billing.asked("bills.settle_reservation") == [{"reservation_id": 71}]
    billing.operations["bills.settle_reservation"] = _unknown
    is_problem(await admin.post(path), 404, "not_found")


async def test_bills_are_found_by_the_reservation_that_they_are_of(
    admin: httpx.AsyncClient, billing: FakeService
) -> None:
    bill = bill_view(str(uuid4()), transaction_id=None, reservation_id=7)
    billing.operations["bills.list"] = lambda _: {"items": [bill], "next_cursor": None}
    found = await admin.get("/bills?reservation_id=7")
    assert found.json()["items"] == [bill]
    assert billing.asked("bills.list")[-1]["reservation_id"] == 7
    for path in ("/bills?reservation_id=0", "/reservations/-7/cost", "/reservations/x/cost"):
        is_problem(await admin.get(path), 422, "validation_failed")
