"""Calls and events of several tenants in one batch: whose every row and every event is."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_asker import Asker
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine
from tenant_rows import PROFILE, SET_PROFILE, completed, event, soon, store_all, token

from csms_local.pytest_scale import scaled
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.service.inbox import Work
from session_service.charging.handlers.profiles import settle_waiting
from session_service.database import SCHEMA
from session_service.local_lists.handlers.synchronizing import look_at_due
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.reservations.handlers.judging import expire_reservations

TENANTS = ("default", "north", "south")
_OF_A_STATION = (
    "transaction",
    "quarantine",
    "reservation",
    "reservation_cancellation",
    "reservation_outage",
    "charging_profile",
    "charging_clearing",
    "reported_schedule",
)


def _authorize(records: Records, tenant_id: str, id_tag: str = "T1") -> Work:
    return records.call(
        "Authorize", 90, {"idTag": id_tag}, station_id=f"A-{tenant_id}", tenant_id=tenant_id
    )


async def test_a_token_is_what_it_is_in_the_tenant_of_the_station(records: Records) -> None:
    await token(records, "default", status="blocked")
    await token(records, "north", group_id="Fleet")
    answers = await records.answers(*(_authorize(records, one) for one in TENANTS))
    assert [answer["idTagInfo"] for answer in answers] == [
        {"status": "Blocked"},
        {"status": "Accepted", "parentIdTag": "Fleet"},
        {"status": "Invalid"},
    ]


async def test_nobody_gets_another_tenants_token_by_its_stored_key(records: Records) -> None:
    await token(records, "north", "secret")
    asked = [
        _authorize(records, "default", "\x1fnorth\x1fsecret"),
        _authorize(records, "south", "\x1fnorth\x1fsecret"),
    ]
    for answer in await records.answers(*asked):
        assert answer["idTagInfo"] == {"status": "Invalid"}


async def test_a_token_is_busy_in_its_own_tenant_alone(records: Records) -> None:
    for tenant_id in TENANTS:
        await token(records, tenant_id, max_concurrent=1)
    works = [
        records.start(n, station_id=f"{tenant_id}-{n}", tenant_id=tenant_id)
        for n in (1, 2)
        for tenant_id in TENANTS
    ]
    answers = await records.answers(*works)
    assert [answer["idTagInfo"]["status"] for answer in answers] == [
        *["Accepted"] * 3,
        *["ConcurrentTx"] * 3,
    ]
    assert {(row["tenant_id"], row["id_token"]) for row in await records.transactions()} == {
        (tenant_id, "T1") for tenant_id in TENANTS
    }


async def test_free_vend_is_so_in_every_tenant(records: Records) -> None:
    works = [records.start(1, id_tag="", station_id=one, tenant_id=one) for one in TENANTS]
    for answer in await records.answers(*works, free_vend=True):
        assert answer["idTagInfo"]["status"] == "Accepted"


async def test_what_is_said_of_a_transaction_stays_with_its_tenant_when_the_station_moves(
    records: Records, ask: Asker
) -> None:
    await token(records, "north", group_id="Fleet")
    await token(records, "north", "T2", group_id="Fleet")
    await token(records, "south", "T2", group_id="Others")
    begun = records.start(1, tenant_id="north")
    (first,) = await records.answers(begun)
    moved = {"epoch": 2, "tenant_id": "south"}
    # A copy that was not answered before the station went away.
    (again,) = await records.answers(records.start(1, **moved))
    assert again["transactionId"] == first["transactionId"] == 1
    await records.report(
        records.meter_values(2, 1, **moved),
        # Matched, without its id.
        records.meter_values(3, None, **moved),
        records.stop(4, 1, idTag="T2", **moved),
        records.meter_values(5, None, connector_id=9, **moved),
    )
    shown = await ask.of("north")("transactions.get", transaction_id=1)
    # The token that stopped it is of the same group in the tenant of the transaction.
    assert (shown["status"], shown["flags"]) == ("completed", [])
    values = await ask.of("north")("transactions.meter_values", transaction_id=1)
    assert len(values["items"]) == 4
    told = [(one["tenantid"], one["type"].split(".")[2]) for one in await records.events()]
    assert sorted(told) == [
        ("north", "received"),
        ("north", "received"),
        ("north", "started"),
        ("north", "stopped"),
        ("south", "received"),
    ]
    assert (await ask.of("south")("transactions.list"))["items"] == []
    await records.decide(records.start(9, meter_start=9, **moved))
    assert [row["tenant_id"] for row in await records.transactions()] == ["north", "south"]


async def test_orders_name_the_tenant_that_wants_them(records: Records, ask: Asker) -> None:
    await token(records, "north")
    await token(records, "south", "T2")
    for tenant_id in ("north", "south"):
        await ask.of(tenant_id)("local_lists.keep", station_id="S1")
        await ask.of(tenant_id)(
            "reservations.create",
            station_id="S1",
            connector_id=1,
            id_token="T1",
            expires_at=soon(),
            created_by="a",
        )
    orders = await _orders(records)
    assert sorted((one["tenant_id"], one["station_id"], one["action"]) for one in orders) == [
        (tenant_id, "S1", action)
        for tenant_id in ("north", "south")
        for action in ("GetConfiguration", "ReserveNow")
    ]


async def test_each_tenant_has_a_list_of_its_own_tokens(records: Records, ask: Asker) -> None:
    await token(records, "north", "N1", group_id="Fleet")
    await token(records, "south", "S1", group_id="fleet")
    await token(records, "default", "D1", group_id="Fleet")
    sent: dict[str, list[str]] = {}
    for tenant_id in TENANTS:
        await ask.of(tenant_id)("local_lists.keep", station_id="S1", group_ids=["FLEET"])
        for order in await _answered(records, tenant_id):
            listed = order["payload"]["localAuthorizationList"]
            sent[tenant_id] = [entry["idTag"] for entry in listed]
        shown = await ask.of(tenant_id)("local_lists.get", station_id="S1")
        assert (shown["station_id"], shown["status"]) == ("S1", "in_sync")
    assert sent == {"default": ["D1"], "north": ["N1"], "south": ["S1"]}


async def _orders(records: Records) -> list[dict[str, Any]]:
    rows = await records.rows(
        "SELECT events FROM outbox WHERE routing_key = 'command-api.orders' ORDER BY id"
    )
    return [order for row in rows for order in orjson.loads(row["events"])]


async def _answered(records: Records, tenant_id: str) -> list[dict[str, Any]]:
    """Answer the orders to the tenant's station until there are none; return its lists."""
    responses = {
        "GetConfiguration": {"configurationKey": []},
        "GetLocalListVersion": {"listVersion": 0},
        "SendLocalList": {"status": "Accepted"},
    }
    done: set[str] = set()
    while new := [
        one
        for one in await _orders(records)
        if one["tenant_id"] == tenant_id and one["order_id"] not in done
    ]:
        done |= {one["order_id"] for one in new}
        await records.report(
            *(
                completed(
                    tenant_id,
                    one["station_id"],
                    one["action"],
                    one["payload"],
                    command_id=one["order_id"],
                    created_by=one["created_by"],
                    response=responses[one["action"]],
                )
                for one in new
            )
        )
    return [
        one
        for one in await _orders(records)
        if one["tenant_id"] == tenant_id and one["action"] == "SendLocalList"
    ]


async def test_a_reservation_is_used_by_starts_of_its_own_tenant(
    records: Records, ask: Asker
) -> None:
    for tenant_id in ("north", "south"):
        await token(records, tenant_id)
    wanted = {"reservationId": 5, "connectorId": 1, "idTag": "T1", "expiryDate": soon()}
    await records.report(completed("north", "S1", "ReserveNow", wanted))
    received_ms = int(datetime.now(UTC).timestamp() * 1000)
    now = {"timestamp": soon(0.1), "received_ms": received_ms}
    await records.decide(records.start(1, tenant_id="south", **now))
    (shown,) = (await ask.of("north")("reservations.list"))["items"]
    assert shown["status"] == "active"
    await records.decide(records.start(2, tenant_id="north", meter_start=2, **now))
    (shown,) = (await ask.of("north")("reservations.list"))["items"]
    assert (shown["status"], shown["transaction_id"]) == ("used", 2)


def _works(records: Records, number: int, kind: int) -> tuple[str, Work]:
    """Return one of everything that comes, of one of six stations, two of each tenant."""
    tenant_id = TENANTS[number % 3]
    station_id = f"{tenant_id}-{number % 2}"
    at = {"station_id": station_id, "tenant_id": tenant_id}
    seq = 10 + number
    payload = {"reservationId": 5, "connectorId": 1, "idTag": "T1", "expiryDate": soon()}
    made: list[Callable[[], Work]] = [
        lambda: records.start(seq, meter_start=number, **at),
        lambda: records.stop(seq, number % 9, **at),
        lambda: records.stop(seq, 0, idTag="T1", **at),
        lambda: records.meter_values(seq, number % 9, **at),
        lambda: records.meter_values(seq, None, **at),
        lambda: completed(tenant_id, station_id, "ReserveNow", payload),
        lambda: completed(tenant_id, station_id, "CancelReservation", {"reservationId": 5}),
        lambda: completed(tenant_id, station_id, "SetChargingProfile", SET_PROFILE),
        lambda: completed(tenant_id, station_id, "ClearChargingProfile", {"id": 1}),
        lambda: completed(
            tenant_id,
            station_id,
            "RemoteStartTransaction",
            {"idTag": "T1", "chargingProfile": PROFILE | {"chargingProfilePurpose": "TxProfile"}},
        ),
        lambda: event(
            tenant_id,
            station_id,
            "connector.out_of_service",
            {"connector_id": 1, "status": "Faulted"},
        ),
        lambda: event(tenant_id, station_id, "station.connected", {}),
    ]
    return ("decide" if kind == 0 else "report"), made[kind]()


@pytest.mark.scaled
def test_no_row_and_no_event_is_ever_another_tenants(
    session_url: str, clear: Callable[[], Awaitable[None]]
) -> None:
    numbers = itertools.count(1)

    async def check(drawn: list[tuple[int, bool]]) -> None:
        await clear()
        engine = create_engine(session_url, SCHEMA, name="tests", pool_size=2)
        try:
            await _check(engine, drawn)
        finally:
            await engine.dispose()

    async def _check(engine: AsyncEngine, drawn: list[tuple[int, bool]]) -> None:
        records = Records(engine)
        for tenant_id in TENANTS:
            await token(records, tenant_id, group_id="G", max_concurrent=None)
        batch: dict[str, list[Work]] = {"decide": [], "report": []}
        for kind, ends in drawn:
            how, work = _works(records, next(numbers), kind)
            batch[how].append(work)
            if ends:
                await _apply(records, batch)
        await _apply(records, batch)
        for task in (look_at_due, reconcile_due, settle_waiting, expire_reservations):
            await in_transaction(engine, task)
        for table in _OF_A_STATION:
            for row in await records.rows(f"SELECT tenant_id, station_id FROM {table}"):
                assert row["station_id"].startswith(row["tenant_id"]), table
        for row in await records.rows(
            "SELECT t.tenant_id AS own, f.tenant_id FROM live_figures AS f "
            "JOIN transaction AS t ON t.id = transaction_id"
        ):
            assert row["own"] == row["tenant_id"]
        for row in await records.rows(
            "SELECT t.station_id AS own, v.station_id FROM meter_value AS v "
            "JOIN transaction AS t ON t.id = transaction_id"
        ):
            assert row["own"] == row["station_id"]
        for told in await records.events():
            whose = told.get("tenantid") or told["tenant_id"]
            subject = told.get("subject") or told["station_id"]
            assert subject.startswith(whose), told

    @settings(
        max_examples=scaled(15, 5),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.tuples(st.integers(0, 11), st.booleans()), min_size=5, max_size=40))
    def examples(drawn: list[tuple[int, bool]]) -> None:
        asyncio.run(check(drawn))

    examples()


async def _apply(records: Records, batch: dict[str, list[Work]]) -> None:
    if batch["decide"]:
        await records.decide(*batch["decide"])
    if batch["report"]:
        await records.report(*batch["report"])
    batch["decide"], batch["report"] = [], []


@pytest.mark.parametrize("tenant_id", ["north", "default"])
async def test_bulk_actions_go_on_for_each_tenant_as_for_one(
    records: Records, ask: Asker, tenant_id: str
) -> None:
    await store_all(records, ask.of("south"), "south", "S2")
    await store_all(records, ask.of(tenant_id), tenant_id, "S1")
    bulk = {"action_id": "00000000-0000-0000-0000-000000000005", "limit": 100}
    closed = await ask.of(tenant_id)(
        "transactions.close_many", status="active", reason="r", closed_by="a", **bulk
    )
    assert (closed["matched"], closed["done"], closed["failures"]) == (1, 1, [])
    chosen = await ask.of(tenant_id)(
        "quarantine.reconcile_many", transaction_id=3, kind="stop", **bulk | {"limit": 99}
    )
    assert chosen["failures"] == []
    mine = await ask.of(tenant_id)("transactions.list")
    assert {item["status"] for item in mine["items"]} == {"completed"}
    others = await ask.of("south")("transactions.list", status="active")
    assert len(others["items"]) == 1
