"""Another tenant's ids are answered as ids that do not exist, by the database and by the code."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from session_asker import Asker
from session_records import Records
from sqlalchemy import text
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tenant_rows import COMMAND, OTHER_PROFILE, soon, store_all

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.pages import PARKED_OPERATIONS
from csms_shared.contracts.sessions import SESSION_OPERATIONS
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import RequestEngines, acting_for
from csms_shared.service.about import AboutInstance
from session_service.amqp.requests import requests_inbox

_NAMED = re.compile(r"(?:\w+\.)?\btenant_id = (\$\d+)(?:::VARCHAR)?")
_IDS = {
    "transaction_id": (1, 999),
    "transaction_ids": ([1], [999]),
    "station_id": ("S1", "S9"),
    "id_token": ("T1", "T9"),
    "site_id": ("P1", "P9"),
    "tag": ("fast", "slow"),
    "reservation_id": (1, 999),
    "reservation_ids": ([1], [999]),
    "command_id": (str(COMMAND), str(UUID(int=9))),
    "id": (None, str(UUID(int=9))),
}
_BULK = {"action_id": str(UUID(int=5)), "limit": 100}
# Operation, what it is asked of, and the rest of its parameters.
_CASES: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("transactions.list", (), {}),
    ("transactions.list", ("station_id",), {}),
    ("transactions.list", ("id_token",), {}),
    ("transactions.list", ("site_id",), {}),
    ("transactions.list", ("tag",), {}),
    ("transactions.get", ("transaction_id",), {}),
    ("transactions.meter_values", ("transaction_id",), {}),
    ("transactions.evidence", ("transaction_id",), {}),
    ("transactions.close", ("transaction_id",), {"meter_stop": 5, "reason": "r", "closed_by": "a"}),
    ("transactions.open", ("station_id",), {}),
    ("quarantine.list", (), {"status": None}),
    ("quarantine.list", ("station_id",), {}),
    ("quarantine.reconcile", ("id", "transaction_id"), {}),
    ("quarantine.dismiss", ("id",), {}),
    ("id_tokens.list", (), {}),
    ("id_tokens.list", (), {"q": "north"}),
    ("id_tokens.create", ("id_token",), {}),
    ("id_tokens.get", ("id_token",), {}),
    ("id_tokens.change", ("id_token",), {"set": ["status"], "status": "blocked"}),
    ("id_tokens.delete", ("id_token",), {}),
    ("charging_profiles.list", ("station_id",), {}),
    ("charging_profiles.composite", ("station_id",), {"connector_id": 1}),
    (
        "charging_profiles.check",
        ("station_id",),
        {"payload": OTHER_PROFILE, "max_installed": 1},
    ),
    ("reservations.list", (), {}),
    ("reservations.list", ("station_id",), {}),
    ("reservations.list", ("id_token",), {}),
    ("reservations.get", ("reservation_id",), {}),
    ("reservations.find", ("command_id",), {}),
    ("reservations.facts", ("reservation_ids",), {}),
    (
        "reservations.create",
        ("station_id", "id_token"),
        {"connector_id": 1, "expires_at": soon(), "created_by": "a"},
    ),
    ("reservations.cancel", ("reservation_id",), {"cancelled_by": "a"}),
    ("local_lists.get", ("station_id",), {}),
    ("local_lists.keep", ("station_id",), {}),
    ("local_lists.sync", ("station_id",), {}),
    ("local_lists.leave", ("station_id",), {}),
    *(
        (operation, named, rest | _BULK | {"dry_run": dry})
        for operation, rest in (
            ("transactions.close_many", {"status": "active", "reason": "r", "closed_by": "a"}),
            ("quarantine.reconcile_many", {}),
            ("quarantine.dismiss_many", {}),
        )
        for named in ((), ("station_id",))
        for dry in (True, False)
    ),
    ("quarantine.reconcile_many", ("transaction_id",), _BULK),
    ("sessions.facts", ("transaction_ids",), {}),
    ("overview.sessions", (), {"today_from": soon(-60), "hours_from": soon(-60)}),
]
_TABLES = (
    "transaction, transaction_tag, station_place, stop, meter_value, quarantine, id_token, "
    "reservation, local_list, local_list_content, charging_profile, charging_clearing, "
    "reported_schedule, live_figures"
)


def test_every_operation_is_tried() -> None:
    of_all = PARKED_OPERATIONS.keys() | ABOUT_OPERATIONS.keys()
    assert {case[0] for case in _CASES} == SESSION_OPERATIONS.keys() - of_all


@pytest.fixture(
    params=[
        pytest.param("both", marks=pytest.mark.long),
        "the database alone",
        "the code alone",
    ]
)
def asking(
    request: pytest.FixtureRequest, engine: AsyncEngine, requests_engine: AsyncEngine, link: Link
) -> Iterator[Asker]:
    """Ask with both nets, or with one of them taken away."""
    publisher = Publisher(link)
    of_tenant = engine if request.param == "the code alone" else requests_engine
    inbox = requests_inbox(
        RequestEngines(of_tenant, engine),
        publisher,
        Replies(publisher, lambda: publisher),
        AboutInstance(SESSION_SERVICE, "tests", dict, ()),
        lambda: None,
    )
    without = requests_engine.sync_engine, "before_cursor_execute", _without_tenant
    if request.param == "the database alone":
        listen(*without, retval=True)
    yield Asker(inbox)
    if request.param == "the database alone":
        remove(*without)


def _without_tenant(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    return _NAMED.sub(r"CAST(\1 AS text) IS NOT NULL", statement), parameters


async def _rows(records: Records) -> dict[str, list[str]]:
    """Return everything that is stored of each tenant, as PostgreSQL writes it."""
    found: dict[str, list[str]] = {"north": [], "south": []}
    for table in _TABLES.split(", "):
        joined, tenant = "", "r.tenant_id"
        if table in ("stop", "meter_value"):
            joined, tenant = "JOIN transaction AS t ON t.id = r.transaction_id", "t.tenant_id"
        query = f"SELECT {tenant} AS tenant, r::text AS row FROM {table} AS r {joined} ORDER BY 2"
        for each in await records.rows(query):
            found[each["tenant"]].append(f"{table} {each['row']}")
    return found


async def _others_ids_are_none(
    asking: Asker, records: Records, case: tuple[str, tuple[str, ...], dict[str, Any]]
) -> None:
    operation, named, rest = case
    (item, _) = await records.rows("SELECT id FROM quarantine ORDER BY kind DESC")
    before = await _rows(records)
    answers = []
    for which in (0, 1):
        ids = {name: _IDS[name][which] or str(item["id"]) for name in named}
        asked = rest | ids
        if "action_id" in rest:
            asked["action_id"] = str(uuid4())
        answers.append(_plain(await asking.of("south")(operation, **asked), ids))
    assert answers[0] == answers[1]
    assert (await _rows(records))["north"] == before["north"]
    # Its own tenant is answered otherwise, wherever the answer can tell.
    ids = {name: _IDS[name][0] or str(item["id"]) for name in named}
    mine = _plain(await asking.of("north")(operation, **rest | ids), ids)
    if operation not in ("reservations.create", "local_lists.keep") and rest.get("q") is None:
        assert mine != answers[0]


async def test_another_tenants_ids_are_answered_as_ids_that_do_not_exist(
    asking: Asker, records: Records, clear: Callable[[], Awaitable[None]]
) -> None:
    stored: dict[str, list[str]] = {}
    for case in _CASES:
        # What was only read is there for the next case; anything else is stored anew.
        if not stored or await _rows(records) != stored:
            await clear()
            await store_all(records, asking.of("north"), "north", "S1")
            stored = await _rows(records)
        try:
            await _others_ids_are_none(asking, records, case)
        except BaseException as failed:
            failed.add_note(f"asked for {case}")
            raise


async def test_without_either_net_a_tenant_is_answered_of_another(
    ask: Asker, records: Records, engine: AsyncEngine, link: Link
) -> None:
    await store_all(records, ask.of("north"), "north", "S1")
    publisher = Publisher(link)
    inbox = requests_inbox(
        RequestEngines(engine, engine),
        publisher,
        Replies(publisher, lambda: publisher),
        AboutInstance(SESSION_SERVICE, "tests", dict, ()),
        lambda: None,
    )
    listen(engine.sync_engine, "before_cursor_execute", _without_tenant, retval=True)
    shown = await Asker(inbox, "south")("transactions.get", transaction_id=1)
    assert shown["station_id"] == "S1"


def _plain(answer: Any, ids: dict[str, Any]) -> str:
    """Return an answer without what is another one each time, and without the ids asked for."""
    written = orjson.dumps(answer).decode()
    for name, value in ids.items():
        written = written.replace(orjson.dumps({name: value}).decode()[1:-1], f'"{name}":?')
    written = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", written)
    written = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", written)
    written = re.sub(r'"(station_)?reservation_id":\d+', "NUMBER", written)
    return re.sub(r'"changes":"[^"]+"', "CHANGES", written)


async def test_the_same_token_may_be_made_by_each_tenant_and_is_its_own(
    ask: Asker, records: Records
) -> None:
    for tenant_id in ("default", "north", "south"):
        made = await ask.of(tenant_id)("id_tokens.create", id_token="Card", group_id=tenant_id)
        assert (made["id_token"], made["group_id"]) == ("Card", tenant_id)
        again = await ask.of(tenant_id)("id_tokens.create", id_token="CARD")
        assert again == (409, "id_token_exists", ["id_token"])
    await ask.of("north")("id_tokens.change", id_token="card", set=["status"], status="blocked")
    await ask.of("default")("id_tokens.delete", id_token="card")
    shown = {
        tenant_id: [
            (item["id_token"], item["status"])
            for item in (await ask.of(tenant_id)("id_tokens.list", q="ard"))["items"]
        ]
        for tenant_id in ("default", "north", "south")
    }
    assert shown == {
        "default": [],
        "north": [("Card", "blocked")],
        "south": [("Card", "accepted")],
    }
    told = [(event["tenantid"], event["data"]["change"]) for event in await records.events()]
    assert told == [
        ("default", "created"),
        ("north", "created"),
        ("south", "created"),
        ("north", "changed"),
        ("default", "deleted"),
    ]


async def test_no_tenant_is_answered_what_a_batch_of_another_has_done(
    ask: Asker, records: Records
) -> None:
    await store_all(records, ask.of("north"), "north", "S1")
    await store_all(records, ask.of("south"), "south", "S2")
    for tenant_id in ("north", "south", "default"):
        done = await ask.of(tenant_id)("quarantine.dismiss_many", **_BULK)
        assert done["done"] == (0 if tenant_id == "default" else 2)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM parked",
        "SELECT events FROM outbox",
        "DELETE FROM outbox",
        "SELECT * FROM upkeep_turn",
        "SELECT * FROM meter_value_default",
        "DELETE FROM meter_value",
        "UPDATE stop SET seq = 0",
        "UPDATE connector SET latest_seq = 0",
        "DELETE FROM bulk_action",
        "UPDATE change_history SET id = gen_random_uuid()",
        "SELECT make_meter_value_partitions(1, 1)",
        "SELECT drop_meter_value_week(1)",
        "SELECT secure_by_transactions('pg_monitor', 'pg_monitor', 'stop', 'true')",
    ],
)
async def test_requests_have_no_other_rights(requests_engine: AsyncEngine, statement: str) -> None:
    with acting_for("north"), pytest.raises(DBAPIError, match="permission denied"):
        await in_transaction(requests_engine, lambda c: c.execute(text(statement)))


@pytest.mark.parametrize("table", ["transaction", "stop", "meter_value", "connector"])
async def test_who_acts_for_nobody_sees_nothing(
    ask: Asker, records: Records, requests_engine: AsyncEngine, table: str
) -> None:
    await store_all(records, ask.of("north"), "north", "S1")
    count = text(f"SELECT count(*) FROM {table}")
    for tenant_id, seen in (("north", True), ("south", False), ("", False)):
        with acting_for(tenant_id):
            found = await in_transaction(requests_engine, lambda c: c.scalar(count))
        assert (found > 0) is seen


async def test_changes_of_one_tenant_are_read_on_whatever_the_others_change(
    ask: Asker, records: Records
) -> None:
    await store_all(records, ask.of("north"), "north", "S1")
    north, south = ask.of("north"), ask.of("south")
    first = await south("transactions.list")
    assert first["items"] == []
    await records.decide(records.start(20, station_id="S1", tenant_id="north", meter_start=3))
    read_on = await south("transactions.list", changed_after=first["changes"])
    assert read_on["items"] == []
    await records.decide(records.start(1, station_id="S2", tenant_id="south"))
    for cursor in (first["changes"], read_on["changes"]):
        found = await south("transactions.list", changed_after=cursor)
        assert [item["station_id"] for item in found["items"]] == ["S2"]
    # Another tenant's cursor tells nothing of that tenant.
    cursor = (await north("transactions.list", limit=1))["next_cursor"]
    assert {item["station_id"] for item in (await south("transactions.list"))["items"]} == {"S2"}
    assert (await south("transactions.list", cursor=cursor))["items"] == []


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, " transaction_of_tenant "),
        ({"status": "active"}, "transaction_of_tenant_unfinished"),
        ({"changed_after": True}, "transaction_of_tenant_by_change"),
        ({"station_id": "S1"}, "Index Cond: (station_id = 'S1'::text)"),
        ({"id_token": "T1"}, "Index Cond: (token_key = "),
    ],
)
async def test_a_list_goes_by_an_index_however_much_others_have(
    ask: Asker,
    records: Records,
    requests_engine: AsyncEngine,
    analyze: Callable[[str], Any],
    asked: dict[str, Any],
    index: str,
) -> None:
    first = await ask.of("north")("transactions.list")
    await records.execute(
        "INSERT INTO transaction (key, tenant_id, station_id, connector_id, id_token, token_key, "
        "status, authorization_status, started_at, started_raw, meter_start, epoch, seq, "
        "received_at) SELECT int4send(n), CASE WHEN n % 1000 = 0 THEN 'north' ELSE 'south' END, "
        "'S' || n % 2000, 1, 'T' || n % 500, 't' || n % 500, "
        "CASE WHEN n % 4 = 0 THEN 'active' ELSE 'completed' END, 'accepted', "
        "now() + n * interval '1 s', '', 0, 1, 1, now() FROM generate_series(1, 20000) AS n"
    )
    await analyze("transaction")
    if "changed_after" in asked:
        asked = {"changed_after": first["changes"]}
    plans: list[str] = []
    statements: list[tuple[str, Any]] = []

    def keep(_1: Any, _2: Any, statement: str, parameters: Any, _3: Any, _4: Any) -> None:
        if "FROM transaction" in statement and "ORDER BY" in statement:
            statements.append((statement, parameters))

    listen(requests_engine.sync_engine, "before_cursor_execute", keep)
    await ask.of("north")("transactions.list", **asked)
    remove(requests_engine.sync_engine, "before_cursor_execute", keep)
    with acting_for("north"):
        async with requests_engine.begin() as connection:
            for statement, parameters in statements:
                rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plans += [row[0] for row in rows]
    assert index in "\n".join(plans), "\n".join(plans)
