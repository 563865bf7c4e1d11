"""Who is limited to sites or tags sees what began, or stands, there; the rest does not exist."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from session_asker import Asker
from session_records import Records
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine
from tenant_rows import soon, token

from csms_shared.contracts.requests import WithinScope
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.sessions import SESSION_OPERATIONS
from csms_shared.db.tenancy import acting_for
from csms_shared.values.tenants import DEFAULT_TENANT

PLACES: tuple[tuple[str, str | None, list[str]], ...] = (
    ("S1", "harbour", ["fast"]),
    ("S2", "square", ["fast", "vip"]),
    ("S3", None, []),
)
CLOSING = {"meter_stop": 5_000, "reason": "r", "closed_by": "a"}
OUTSIDE: tuple[int, str, list[str]] = (403, "outside_scope", [])


@pytest.fixture
async def stored(records: Records, ask: Asker) -> dict[str, tuple[int, int]]:
    """Store a transaction and a reservation of each station, and return their ids."""
    await token(records, "default", max_concurrent=None)
    ids: dict[str, tuple[int, int]] = {}
    for seq, (station_id, site_id, tags) in enumerate(PLACES, 1):
        await records.execute(
            "INSERT INTO station_place (station_id, site_id, tags, version) "
            "VALUES (:station_id, :site_id, :tags, 1)",
            station_id=station_id,
            site_id=site_id,
            tags=tags,
        )
        (started,) = await records.answers(records.start(seq, station_id=station_id))
        transaction_id = started["transactionId"]
        await records.report(records.meter_values(seq + 10, transaction_id, station_id=station_id))
        wanted = {"station_id": station_id, "connector_id": 1, "id_token": "T1"}
        made = await ask("reservations.create", **wanted, expires_at=soon(), created_by="a")
        ids[station_id] = transaction_id, made["reservation_id"]
    return ids


async def _listed(ask: Asker, operation: str, **query: Any) -> list[str]:
    """Return the stations on all pages, one row on each."""
    page = await ask(operation, limit=1, **query)
    found = [item["station_id"] for item in page["items"]]
    while page["next_cursor"] is not None:
        page = await ask(operation, limit=1, cursor=page["next_cursor"], **query)
        found += [item["station_id"] for item in page["items"]]
    return sorted(found)


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (Scope(site_ids=("harbour",)), ["S1"]),
        (Scope(tags=("fast",)), ["S1", "S2"]),
        (Scope(tags=("vip", "fast")), ["S1", "S2"]),
        (Scope(site_ids=("harbour",), tags=("vip",)), ["S1", "S2"]),
        (Scope(site_ids=("square", "harbour", "none"), tags=("none",)), ["S1", "S2"]),
        (Scope(site_ids=("none",), tags=("none",)), []),
        (Scope(), []),
    ],
)
async def test_lists_hold_what_is_inside_and_nothing_else(
    ask: Asker, stored: dict[str, tuple[int, int]], scope: Scope, seen: list[str]
) -> None:
    limited = ask.within(scope)
    for operation in ("transactions.list", "reservations.list"):
        assert await _listed(limited, operation) == seen
        assert await _listed(limited, operation, id_token="T1") == seen
        for station_id in stored:
            inside = [station_id] if station_id in seen else []
            assert await _listed(limited, operation, station_id=station_id) == inside
    assert await _listed(limited, "transactions.list", status="active") == seen
    assert await _listed(limited, "transactions.list", status="completed") == []
    with_fast = [one for one in seen if one != "S3"]
    assert await _listed(limited, "transactions.list", tag="fast") == with_fast
    before = (await ask("transactions.list"))["changes"]
    for transaction_id, _ in stored.values():
        await ask("transactions.close", transaction_id=transaction_id, **CLOSING)
    assert await _listed(limited, "transactions.list", changed_after=before) == seen


async def test_what_is_outside_is_answered_as_what_does_not_exist(
    ask: Asker, stored: dict[str, tuple[int, int]]
) -> None:
    limited = ask.within(Scope(site_ids=("harbour",)))
    inside, outside = stored["S1"], stored["S2"]
    for operation, names, more in (
        ("transactions.get", "transaction_id", {}),
        ("transactions.meter_values", "transaction_id", {}),
        ("transactions.evidence", "transaction_id", {}),
        ("transactions.close", "transaction_id", CLOSING),
        ("reservations.get", "reservation_id", {}),
        ("reservations.cancel", "reservation_id", {"cancelled_by": "a"}),
    ):
        at = 0 if names == "transaction_id" else 1
        assert await limited(operation, **{names: outside[at]}, **more) == (404, "not_found", [])
        assert await limited(operation, **{names: 999}, **more) == (404, "not_found", [])
        assert isinstance(await limited(operation, **{names: inside[at]}, **more), dict)


async def test_a_transaction_stays_where_it_began_and_a_reservation_goes_with_its_station(
    records: Records, ask: Asker, stored: dict[str, tuple[int, int]]
) -> None:
    await records.execute("UPDATE station_place SET site_id = 'square' WHERE station_id = 'S1'")
    harbour, square = Scope(site_ids=("harbour",)), Scope(site_ids=("square",))
    assert await _listed(ask.within(harbour), "transactions.list") == ["S1"]
    assert await _listed(ask.within(square), "transactions.list") == ["S2"]
    assert await _listed(ask.within(harbour), "reservations.list") == []
    assert await _listed(ask.within(square), "reservations.list") == ["S1", "S2"]


async def test_another_tenants_are_outside_every_scope(
    ask: Asker, stored: dict[str, tuple[int, int]]
) -> None:
    other = ask.of("north").within(Scope(site_ids=("harbour",), tags=("fast",)))
    assert await _listed(other, "transactions.list") == []
    assert await _listed(other, "reservations.list") == []
    answer = await other("transactions.get", transaction_id=stored["S1"][0])
    assert answer == (404, "not_found", [])


async def test_operations_that_know_no_scope_are_refused_within_one(ask: Asker) -> None:
    knowing = {name for name, model in SESSION_OPERATIONS.items() if issubclass(model, WithinScope)}
    assert knowing == {
        "transactions.list",
        "transactions.get",
        "transactions.meter_values",
        "transactions.evidence",
        "transactions.close",
        "reservations.list",
        "reservations.get",
        "reservations.cancel",
        "overview.sessions",
    }
    limited = ask.within(Scope(site_ids=("harbour",)))
    for operation in SESSION_OPERATIONS.keys() - knowing:
        assert await limited(operation) == OUTSIDE, operation


async def test_a_page_of_a_small_scope_reads_little_of_many_transactions(
    records: Records,
    ask: Asker,
    requests_engine: AsyncEngine,
    analyze: Callable[[str], Awaitable[None]],
    stored: dict[str, tuple[int, int]],
) -> None:
    """Sites and tags each by their index, in the order of the list."""
    await records.execute(
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "site_id) SELECT decode(md5(n::text), 'hex'), 'S9', 1, 'T1', 't1', 'completed', "
        "'accepted', now() - make_interval(secs => n), '', 0, 1, n, now(), 'elsewhere' "
        "FROM generate_series(1, 20000) AS n"
    )
    await records.execute(
        "INSERT INTO transaction_tag (transaction_id, tag, started_at) "
        "SELECT id, 'other', started_at FROM transaction WHERE station_id = 'S9'"
    )
    for table in ("transaction", "transaction_tag"):
        await analyze(table)
    nodes = await _plan_of_list(ask, requests_engine)
    assert all(node["Node Type"] != "Seq Scan" for node in nodes)
    # Those of the page, however many there are of others.
    assert sum(_rows(node) for node in nodes if node.get("Relation Name") == "transaction") < 20


async def _plan_of_list(ask: Asker, engine: AsyncEngine) -> list[dict[str, Any]]:
    """Return the nodes of the plan by which a page of a small scope is read."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, sql: str, parameters: Any, ___: Any, ____: bool) -> None:
        if "unnest" in sql:
            sent.append((sql, parameters))

    listen(engine.sync_engine, "before_cursor_execute", note)
    await ask.within(Scope(site_ids=("harbour",), tags=("vip",)))("transactions.list")
    remove(engine.sync_engine, "before_cursor_execute", note)
    ((sql, parameters),) = sent
    with acting_for(DEFAULT_TENANT):
        async with engine.connect() as connection:
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
            found = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
    return _nodes((orjson.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


def _rows(node: dict[str, Any]) -> int:
    seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(seen * node["Actual Loops"])
