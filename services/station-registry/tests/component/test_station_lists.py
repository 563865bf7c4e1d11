"""Lists, searches and counts of stations: what they find, and what they read at 100,000."""

import re
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from driven_registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.stations import ListStations
from csms_shared.db.migrate import migrate
from csms_shared.db.tenancy import acting_for
from csms_shared.values.tenants import DEFAULT_TENANT
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.sites.scopes import scope_parameters
from station_registry.stations.store import views

FLEET = 100_000
# Of 8 KiB each: the narrow table, its index and the connections of the whole fleet. The stations'
# own rows would be five times as many.
PAGES_OF_A_FLEET = 6_000

_FILL = f"""
INSERT INTO station (station_id, registration_status, vendor, model, serial_number,
    firmware_version, password_hashes, site_id, display_name, tags)
SELECT 'CS-' || lpad(n::text, 6, '0'), 'accepted', 'Vendor ' || n % 7, 'Model ' || n % 50,
    md5(n::text), repeat('f', 100), ARRAY[decode(repeat(md5(n::text), 4), 'hex')],
    'site-' || n / 10, 'Station ' || n,
    ARRAY['all', 'of ' || n / 100, CASE WHEN n > 99000 THEN 'late' ELSE 'early' END]
FROM generate_series(1, {FLEET}) AS n
"""
_CONNECT = f"""
INSERT INTO station_connection (station_id, gateway_id, connection_id, epoch, ocpp_version,
    remote_address, connected_at)
SELECT 'CS-' || lpad(n::text, 6, '0'), 'gw-' || n % 4, md5(n::text), 1, 'ocpp16', '192.0.2.1', now()
FROM generate_series(1, {FLEET} - 10) AS n
"""
_GATEWAYS = """
INSERT INTO gateway (gateway_id, name, lease_expires_at)
SELECT 'gw-' || n, 'gw-' || n, now() + interval '1 hour' FROM generate_series(0, 3) AS n
"""


async def listed(registry: Registry, **query: Any) -> list[str]:
    page = await registry.request("stations.list", **query)
    return [station.station_id for station in page.items]


async def test_a_station_is_found_by_any_part_of_what_names_it(registry: Registry) -> None:
    await registry.send([registry.claim("CS-Ä1", "c1"), registry.claim("CS-2", "c1")])
    boot = {
        "chargePointVendor": "Straße_AG",
        "chargePointModel": "100% \\ Fast",
        "chargeBoxSerialNumber": "BOX-7",
    }
    await registry.send([registry.call("BootNotification", "CS-2", boot)])
    for q in ("cs-2", "STRASSE"[:4], "straße_", "100% \\", "box-7", "AG", "s-2"):
        assert await listed(registry, q=q) == ["CS-2"], q
    assert await listed(registry, q="cs-ä") == ["CS-Ä1"]
    assert await listed(registry, q="cs-") == ["CS-2", "CS-Ä1"]
    # Neither across two texts, nor as a pattern.
    for q in ("cs-2straße", "straßex", "100_", "%", "__"):
        assert await listed(registry, q=q) == (["CS-2"] if q == "%" else []), q


async def test_filters_hold_together(registry: Registry) -> None:
    await registry.send([registry.claim(f"S{number}", f"c{number}") for number in range(4)])
    await registry.send([registry.call("BootNotification", "S1", registry.boot())])
    await registry.send([registry.release("S2", "c2", 1)])
    await _asked(registry, "reject", "S3")
    assert await listed(registry, online=True) == ["S0", "S1", "S3"]
    assert await listed(registry, online=False) == ["S2"]
    assert await listed(registry, vendor="Vendor") == ["S1"]
    assert await listed(registry, registration_status="rejected") == ["S3"]
    assert await listed(registry, registration_status="rejected", online=False) == []
    assert await listed(registry, q="s", online=True, limit=2) == ["S0", "S1"]
    page = await registry.request("stations.list", q="s", online=True, limit=2)
    assert await listed(registry, q="s", online=True, cursor=page.next_cursor) == ["S3"]
    await registry.end_lease("gw-1")
    assert await listed(registry, online=True) == []
    assert len(await listed(registry, online=False)) == 4


async def test_stations_are_found_by_site_tag_and_display_name(registry: Registry) -> None:
    await registry.request("sites.create", site_id="H", name="Harbour")
    for station_id, described in (
        ("A", {"site_id": "H", "tags": ["fast", "vip"], "display_name": "Ümlaut Gate"}),
        ("B", {"site_id": "H", "tags": ["fast"]}),
        ("C", {"tags": ["vip"]}),
    ):
        await registry.request("stations.create", station_id=station_id, **described)
    assert await listed(registry, site_id="H") == ["A", "B"]
    assert await listed(registry, tag="vip") == ["A", "C"]
    assert await listed(registry, tag="vip", site_id="H") == ["A"]
    assert await listed(registry, tag="VIP") == []
    assert await listed(registry, q="ümlaut g") == ["A"]
    page = await registry.request("stations.list", tag="fast", limit=1)
    assert await listed(registry, tag="fast", cursor=page.next_cursor) == ["B"]
    for values in ({"tags": ["slow"]}, {"site_id": None}, {"display_name": "Other"}):
        await registry.request("stations.change", station_id="A", set=list(values), **values)
    assert await listed(registry, tag="vip") == ["C"]
    assert await listed(registry, tag="slow") == ["A"]
    assert await listed(registry, site_id="H") == ["B"]
    assert await listed(registry, q="gate") == []
    await registry.request("stations.delete", station_id="C")
    assert await listed(registry, tag="vip") == []


Step = tuple[str, str]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["claim", "boot", "other boot", "delete", "create", "reject", "describe", "older claim"]
        ),
        st.sampled_from(["A", "B", "C"]),
    ),
    max_size=12,
)


@pytest.mark.scaled
@given(steps=_STEPS)
@settings(
    max_examples=scaled(25, 8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_listing_is_that_of_the_stations_whatever_happened(
    registry: Registry, steps: list[Step]
) -> None:
    await registry.query("DELETE FROM station")
    for number, (what, station_id) in enumerate(steps):
        match what:
            case "claim":
                await registry.send([registry.claim(station_id, f"c{number}")])
            case "boot" | "other boot":
                boot = registry.boot(model=what)
                await registry.send([registry.call("BootNotification", station_id, boot)])
            case "older claim":
                # A program of before makes it anew, and knows nothing of descriptions.
                await registry.query(
                    "INSERT INTO station (station_id, registration_status) VALUES (:id, 'pending') "
                    "ON CONFLICT (station_id) DO UPDATE SET deleted_at = NULL, vendor = NULL, "
                    "model = NULL, registration_status = 'pending'",
                    id=station_id,
                )
            case _:
                await _asked(registry, what, station_id)
    rows = await registry.query(
        "SELECT station_id, registration_status, vendor, model, display_name, tags FROM station "
        "WHERE deleted_at IS NULL ORDER BY station_id"
    )
    kept = await registry.query("SELECT * FROM station_listing ORDER BY station_id")
    assert [(row.station_id, row.registration_status, row.vendor) for row in kept] == [
        (row.station_id, row.registration_status, row.vendor) for row in rows
    ]
    for row, one in zip(rows, kept, strict=True):
        texts = (row.station_id, row.vendor, row.model, row.display_name)
        assert one.search == "\x1f".join(part for part in texts if part is not None).lower()
    tags = await registry.query("SELECT station_id, tag FROM station_tag ORDER BY 1, 2")
    assert [tuple(row) for row in tags] == [
        (row.station_id, tag) for row in rows for tag in row.tags
    ]
    assert (await registry.request("fleet.status")).stations == len(rows)


async def _asked(registry: Registry, what: str, station_id: str) -> None:
    try:
        match what:
            case "delete":
                await registry.request("stations.delete", station_id=station_id)
            case "create":
                await registry.request(
                    "stations.create", station_id=station_id, display_name="New", tags=["x", "y"]
                )
            case "describe":
                await registry.request(
                    "stations.change",
                    station_id=station_id,
                    set=["display_name", "tags"],
                    display_name="Named",
                    tags=["y", "z"],
                )
            case _:
                await registry.request(
                    "stations.change",
                    station_id=station_id,
                    set=["registration_status"],
                    registration_status="rejected",
                )
    except ProblemRaised:
        pass  # There is none, or there is one already.


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


async def _explained(engine: AsyncEngine, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the nodes of the plan that was used, the topmost first."""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL jit = off"))
        explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}"
        found = (await connection.execute(text(explain), parameters)).scalar_one()
    return _nodes((orjson.loads(found) if isinstance(found, str) else found)[0]["Plan"])


async def _plan_of_list(engine: AsyncEngine, query: dict[str, Any]) -> list[dict[str, Any]]:
    asked = ListStations.model_validate(query)
    named = query.keys() - {"online", "scope"}
    parameters = {name: query[name] for name in named} | scope_parameters(asked.scope)
    parameters["tenant_id"] = DEFAULT_TENANT
    return await _explained(engine, views.list_sql(asked), limit=51, **parameters)


def _pages(nodes: list[dict[str, Any]]) -> int:
    return int(nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"])


def _rows_of(nodes: list[dict[str, Any]], table: str) -> int:
    """Count the rows of a table that were looked at."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == table
    )


LISTS: list[dict[str, Any]] = [
    {"q": "no station is called so"},
    {"q": "cs-09999"},
    {"q": "vendor 3"},
    {"q": "zz"},
    {"q": "9"},
    {"vendor": "Vendor 8"},
    {"vendor": "Vendor 3"},
    {"registration_status": "rejected"},
    {"registration_status": "accepted"},
    {"online": True},
    {"online": False},
    {"online": False, "q": "cs-0"},
    {"online": True, "vendor": "Vendor 6", "registration_status": "accepted"},
    {"cursor": "CS-050000", "q": "nothing"},
    {"q": "station 12345"},
    {"tag": "early", "q": "nothing"},
    {"tag": "of 999", "online": False},
]
# With how many rows of the narrow table at most: those that are shown, and a look ahead.
NARROWED: list[tuple[dict[str, Any], int]] = [
    ({"site_id": "site-77"}, 10),
    ({"site_id": "none"}, 0),
    ({"tag": "of 700"}, 100),
    ({"tag": "none"}, 0),
    ({"tag": "all"}, 51),
    ({"tag": "late"}, 51),
    ({"tag": "early", "cursor": "CS-050000"}, 51),
    ({"tag": "all", "site_id": "site-77"}, 10),
]
# Of users and keys that are limited: with how many rows of the narrow table, and of tags.
SCOPED: list[tuple[dict[str, Any], int, int]] = [
    ({"scope": {"site_ids": ["site-77"]}}, 20, 0),
    ({"scope": {"tags": ["of 700"]}}, 100, 100),
    ({"scope": {"site_ids": ["site-77", "site-78"], "tags": ["of 700"]}}, 140, 100),
    ({"scope": {"tags": ["of 700"]}, "q": "nothing"}, 100, 100),
    ({"scope": {"site_ids": ["site-77"]}, "online": False}, 20, 0),
    ({"scope": {"site_ids": ["none"], "tags": ["none"]}}, 0, 0),
    ({"scope": {"tags": ["late"]}, "cursor": "CS-099900"}, 100, 100),
]


async def _lists_read_little(engine: AsyncEngine, most_stations: int) -> None:
    for query in LISTS:
        nodes = await _plan_of_list(engine, query)
        assert _rows_of(nodes, "station") <= most_stations, query
        assert _pages(nodes) <= PAGES_OF_A_FLEET, query
    for query, most in NARROWED:
        nodes = await _plan_of_list(engine, query)
        assert _rows_of(nodes, "station_listing") <= most, (query, nodes)
        assert _rows_of(nodes, "station_tag") <= 100, (query, nodes)
    for query, most, most_tags in SCOPED:
        nodes = await _plan_of_list(engine, query)
        assert _rows_of(nodes, "station_listing") <= most, (query, nodes)
        assert _rows_of(nodes, "station_tag") <= most_tags, (query, nodes)
    # All of them.
    nodes = await _plan_of_list(engine, {"scope": {"tags": ["all"]}})
    assert _rows_of(nodes, "station") <= most_stations
    assert _pages(nodes) <= PAGES_OF_A_FLEET


async def test_a_fleet_of_100_000_is_searched_and_counted_without_reading_its_stations(
    engine: AsyncEngine, requests_engine: AsyncEngine, migrated_urls: tuple[str, str]
) -> None:
    owner = await asyncpg.connect(migrated_urls[0], server_settings={"search_path": SCHEMA})
    try:
        for statement in (_FILL, _CONNECT, _GATEWAYS):
            await owner.execute(statement)
        for table in (
            "station", "station_listing", "station_tag", "station_connection", "gateway"
        ):  # fmt: skip
            await owner.execute(f"VACUUM ANALYZE {table}")
        # As requests are answered, whose policies look for the station of each row beside it, and
        # without row-level security.
        for role, most in ((requests_engine, 3 * 51), (engine, 51)):
            with acting_for(DEFAULT_TENANT):
                await _lists_read_little(role, most)
                nodes = await _explained(role, views.COUNTS_OF_TENANT, tenant_id=DEFAULT_TENANT)
                assert _rows_of(nodes, "station") == 0
                assert _pages(nodes) <= PAGES_OF_A_FLEET
        for sql in views.COUNTS:
            nodes = await _explained(engine, sql)
            assert _rows_of(nodes, "station") == 0
            assert {node["Node Type"] for node in nodes if "Relation Name" in node} <= {
                "Index Only Scan",
                "Seq Scan",
            }
            assert _pages(nodes) <= PAGES_OF_A_FLEET
    finally:
        await owner.execute(
            "TRUNCATE station, station_listing, station_tag, station_connection, gateway"
        )
        await owner.close()


async def test_each_list_is_planned_for_what_it_asks(engine: AsyncEngine) -> None:
    """From the sixth on, PostgreSQL would use one plan for all: the worst for some."""
    async with engine.begin() as connection:
        for number in range(8):
            asked = ListStations(tag=f"tag {number}", q="q")
            await views.list_stations(connection, asked)
        counted = await connection.execute(
            text(
                "SELECT custom_plans, generic_plans FROM pg_prepared_statements "
                "WHERE statement LIKE '%strpos%station_tag%' "
                "AND statement NOT LIKE '%custom_plans%'"
            )
        )
        assert [tuple(row) for row in counted] == [(8, 0)]


async def test_stations_of_before_are_listed_after_the_migration(
    fresh_database_url: str, tmp_path: Path
) -> None:
    """With those that an older instance writes while it goes on."""
    url = f"postgresql://csms_registry:secret-of-registry@{fresh_database_url.rpartition('@')[2]}"
    before = tmp_path / "before"
    shutil.copytree(MIGRATIONS, before)
    for script in (before / "versions").glob("*.py"):
        if (number := re.match(r"\d{4}", script.name)) is None or int(number[0]) >= 18:
            script.unlink()
    # Of tables that are not there yet.
    (before / "requests.sql").unlink()
    await migrate(fresh_database_url, url, SCHEMA, before)
    owner = await asyncpg.connect(fresh_database_url, server_settings={"search_path": SCHEMA})
    try:
        await owner.execute(
            "INSERT INTO station (station_id, registration_status, vendor, deleted_at) "
            "SELECT 'S' || n, 'accepted', 'Vendor', CASE WHEN n % 10 = 0 THEN now() END "
            "FROM generate_series(1, 5000) AS n"
        )
        await migrate(fresh_database_url, url, SCHEMA, MIGRATIONS)
        counted = "SELECT count(*), min(search), max(vendor) FROM station_listing"
        (row,) = await owner.fetch(counted)
        assert tuple(row) == (4500, "s1\x1fvendor", "Vendor")
    finally:
        await owner.close()
