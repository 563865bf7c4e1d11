"""What a turn of all rollouts reads, and that it decides as each rollout alone would."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from driven_registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from statements import brief, explained, indexes_of, recorded, rows_of, scans_of

from csms_local.pytest_scale import scaled
from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from csms_shared.contracts.jobs import OPEN_JOBS, JobStatus
from csms_shared.contracts.rollouts import ListRollouts
from station_registry.database import SCHEMA
from station_registry.jobs.domain.rollouts import RolloutCounts, next_step
from station_registry.jobs.handlers.rollout_requests import list_rollouts
from station_registry.jobs.handlers.rollouts import advance_rollouts
from station_registry.jobs.store import rollouts
from station_registry.jobs.store.jobs import lock_jobs_of

LARGE = 10_000
STORED = 100_000
PAYLOAD = '{"location": "https://f.example/2", "retrieveDate": "2026-01-01T00:00:00Z"}'
SIGNED = (
    '{"firmware": {"location": "https://f.example/2", "signature": "c2ln", '
    '"retrieveDateTime": "2026-01-01T00:00:00Z", "signingCertificate": "PEM"}}'
)

_ROLLOUT = """
INSERT INTO firmware_rollout (rollout_id, name, action, payload, timeout_s, send_within_s,
    concurrency, stop_after_failures, failures_forgiven, status, created_by, created_at)
VALUES (:id, 'r', :action, CAST(:payload AS json), 3600, 600, :concurrency, :stop_after,
    :forgiven, 'running', 'admin', now())
"""
_STATIONS = """
INSERT INTO firmware_rollout_station (rollout_id, station_id, job_id)
SELECT id, CAST(:prefix AS text) || lpad(n::text, 6, '0'),
    CASE WHEN n <= CAST(:begun AS integer) THEN CAST(md5(CAST(id AS text) || n) AS uuid) END
FROM (SELECT CAST(:id AS uuid) AS id) AS one, generate_series(1, CAST(:stations AS integer)) AS n
"""
_JOBS = """
INSERT INTO station_job (job_id, station_id, kind, action, location, rollout_id, created_by,
    created_at, timeout, deadline, status)
SELECT CAST(md5(CAST(id AS text) || n) AS uuid), CAST(:prefix AS text) || lpad(n::text, 6, '0'),
    'firmware', 'UpdateFirmware', 'https://f.example/2', id, 'admin', now(), interval '1 hour',
    now() + interval '1 hour', :status
FROM (SELECT CAST(:id AS uuid) AS id) AS one,
    generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
"""
_SLICE = 10_000


async def add(
    registry: Registry,
    number: int,
    stations: int,
    *,
    prefix: str | None = None,
    jobs: dict[str, int] | None = None,
    action: str = "UpdateFirmware",
    payload: str = PAYLOAD,
    concurrency: int = 10,
    stop_after: int | None = 1,
    forgiven: int = 0,
) -> UUID:
    """Store a rollout to so many stations, some of which have jobs already."""
    rollout_id = UUID(int=number)
    await registry.query(
        _ROLLOUT,
        id=rollout_id,
        action=action,
        payload=payload,
        concurrency=concurrency,
        stop_after=stop_after,
        forgiven=forgiven,
    )
    prefix, begun = prefix or f"R{number}-", 0
    for status, count in (jobs or {}).items():
        for first in range(begun + 1, begun + count + 1, _SLICE):
            last = min(begun + count, first + _SLICE - 1)
            parameters = {"status": status, "first": first, "last": last}
            await registry.query(_JOBS, id=rollout_id, prefix=prefix, **parameters)
        begun += count
    await registry.query(_STATIONS, id=rollout_id, prefix=prefix, begun=begun, stations=stations)
    return rollout_id


async def clear(registry: Registry) -> None:
    for table in ("firmware_rollout", "firmware_rollout_station", "station_job", "outbox"):
        await registry.query(f"DELETE FROM {table}")


async def turn(registry: Registry) -> None:
    async with registry.engine.begin() as connection:
        await advance_rollouts(connection)


async def counted(registry: Registry, *rollout_ids: UUID) -> list[dict[str, int]]:
    async with registry.engine.begin() as connection:
        found = await rollouts.counts(connection, rollout_ids)
    return [found[rollout_id] for rollout_id in rollout_ids]


async def statements_of_a_turn(registry: Registry) -> int:
    with recorded(registry.engine) as sent:
        await turn(registry)
    return len(sent)


async def test_a_turn_sends_as_many_statements_for_10_000_stations_as_for_one(
    registry: Registry,
) -> None:
    for action, payload in (("UpdateFirmware", PAYLOAD), ("SignedUpdateFirmware", SIGNED)):
        await clear(registry)
        await add(registry, 1, 1, action=action, payload=payload)
        few = await statements_of_a_turn(registry)
        for number in range(2, 6):
            await add(registry, number, LARGE, concurrency=1000, action=action, payload=payload)
        assert await statements_of_a_turn(registry) <= few <= 11
        assert (await counted(registry, UUID(int=5)))[0]["ordered"] == rollouts.STARTS_MAX


async def test_rollouts_that_end_together_are_told_of_together(registry: Registry) -> None:
    for number in range(1, 31):
        await add(registry, number, 2, jobs={"succeeded": 2} if number % 2 else {"refused": 1})
    assert await statements_of_a_turn(registry) <= 5
    assert len(await registry.events("rollout.completed")) == 15
    assert len(await registry.events("rollout.stopped")) == 15


async def test_what_a_turn_reads_does_not_grow_with_what_is_stored(
    registry: Registry, engine: AsyncEngine, migrated_urls: tuple[str, str], registry_url: str
) -> None:
    await add(registry, 1, STORED // 2, jobs={"succeeded": STORED // 2}, concurrency=1)
    await registry.query("UPDATE firmware_rollout SET status = 'completed'")
    await add(registry, 2, 2 * LARGE, jobs={"succeeded": LARGE, "started": 50}, concurrency=60)
    await add(registry, 3, LARGE, jobs={"failed": 9_000}, concurrency=5, stop_after=3, forgiven=10)
    await add(registry, 4, LARGE, jobs={"failed": 9_000}, concurrency=5, stop_after=None)
    await add(registry, 5, LARGE, jobs={"succeeded": LARGE - 3, "running": 3})
    owner = await asyncpg.connect(migrated_urls[0], server_settings={"search_path": SCHEMA})
    try:
        for table in ("firmware_rollout", "firmware_rollout_station", "station_job"):
            await owner.execute(f"VACUUM ANALYZE {table}")
        plans = await explained(engine, registry_url, SCHEMA, advance_rollouts)
        # Open jobs, failures that count, and as many stations as may begin, with those passed over.
        for table, most in (("station_job", 100), ("firmware_rollout_station", 2_000)):
            for sql, nodes in plans:
                assert "Seq Scan" not in scans_of(nodes, table), sql
                assert rows_of(nodes, table) <= most, sql + brief(nodes)
        assert {
            "station_job_open_of_rollout",
            "station_job_of_rollout_by_status",
            "firmware_rollout_station_waiting",
        } <= {index for _, nodes in plans for index in indexes_of(nodes)}
        listed = await explained(
            engine,
            registry_url,
            SCHEMA,
            lambda connection: list_rollouts(connection, ListRollouts(limit=50)),
        )
        assert len(listed) == 2
        assert scans_of(listed[1][1], "station_job") <= {"Index Only Scan", "Seq Scan"}
    finally:
        await owner.execute("TRUNCATE firmware_rollout, firmware_rollout_station, station_job")
        await owner.close()
    assert [plan for plan in plans if "INSERT INTO station_job" in plan[0]]


_HISTORY = st.dictionaries(
    st.sampled_from([status.value for status in JobStatus]), st.integers(1, 4), max_size=4
)
_ROLLOUTS = st.lists(
    st.fixed_dictionaries(
        {
            "waiting": st.integers(0, 6),
            "jobs": _HISTORY,
            "concurrency": st.integers(1, 8),
            "stop_after": st.none() | st.integers(1, 5),
            "forgiven": st.integers(0, 4),
        }
    ),
    max_size=5,
)


@pytest.mark.scaled
@given(drawn=_ROLLOUTS)
@settings(
    max_examples=scaled(60, 20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_a_turn_of_all_decides_as_each_would_from_all_its_stations(
    registry: Registry, drawn: list[dict[str, Any]]
) -> None:
    await clear(registry)
    expected = {}
    for number, one in enumerate(drawn, start=1):
        jobs: dict[str, int] = one["jobs"]
        rollout_id = await add(
            registry,
            number,
            one["waiting"] + sum(jobs.values()),
            jobs=jobs,
            concurrency=one["concurrency"],
            stop_after=one["stop_after"],
            forgiven=one["forgiven"],
        )
        open_ = sum(jobs.get(status, 0) for status in OPEN_JOBS)
        failed = sum(jobs.values()) - open_ - jobs.get("succeeded", 0) - jobs.get("cancelled", 0)
        step = next_step(
            RolloutCounts(one["waiting"], open_, failed),
            one["concurrency"],
            one["stop_after"],
            one["forgiven"],
        )
        after = Counter(jobs) + Counter(
            {"waiting": one["waiting"] - step.start, "ordered": step.start}
        )
        expected[rollout_id] = (step.status.value, dict(after))
    await turn(registry)
    rows = await registry.query("SELECT rollout_id, status, finished_at FROM firmware_rollout")
    stations = await counted(registry, *expected)
    assert {row.rollout_id: row.status for row in rows} == {
        rollout_id: status for rollout_id, (status, _) in expected.items()
    }
    assert stations == [after for _, after in expected.values()]
    assert all((row.finished_at is not None) == (row.status == "completed") for row in rows)
    for ended in ("completed", "stopped"):
        told = [event["subject"] for event in await registry.events(f"rollout.{ended}")]
        assert sorted(told) == [
            str(rollout_id) for rollout_id, (status, _) in expected.items() if status == ended
        ]


async def orders(registry: Registry) -> list[dict[str, Any]]:
    rows = await registry.query(
        "SELECT events FROM outbox WHERE routing_key = :key", key=COMMAND_ORDERS_KEY
    )
    return [order for row in rows for order in orjson.loads(bytes(row.events))]


async def test_each_station_gets_one_order_with_a_request_id_of_its_own(registry: Registry) -> None:
    await add(registry, 1, 30, action="SignedUpdateFirmware", payload=SIGNED, concurrency=20)
    await add(registry, 2, 5, concurrency=20)
    await turn(registry)
    await turn(registry)
    sent = await orders(registry)
    assert len(sent) == len({order["station_id"] for order in sent}) == 25
    numbers = [order["payload"]["requestId"] for order in sent if "firmware" in order["payload"]]
    assert len(set(numbers)) == 20
    rows = await registry.query("SELECT job_id, request_id FROM station_job")
    assert {str(row.job_id) for row in rows} == {order["order_id"] for order in sent}
    assert {row.request_id for row in rows} == {*numbers, None}
    assert len(await registry.events("job.created")) == 25


@pytest.mark.parametrize("payload", ["{}", "[]", '{"location": "\\ud800"}'])
async def test_a_rollout_whose_jobs_can_not_be_made_stops_and_delays_no_other(
    registry: Registry, payload: str
) -> None:
    good = [await add(registry, number, 3, concurrency=2) for number in (1, 3)]
    bad = await add(registry, 2, 3, payload=payload)
    done = await add(registry, 4, 1, jobs={"succeeded": 1})
    await turn(registry)
    assert await counted(registry, *good, bad) == [{"waiting": 1, "ordered": 2}] * 2 + [
        {"waiting": 3}
    ]
    rows = await registry.query("SELECT rollout_id, status FROM firmware_rollout")
    assert {row.rollout_id: row.status for row in rows} == {
        good[0]: "running",
        bad: "stopped",
        good[1]: "running",
        done: "completed",
    }
    assert len(await registry.events("rollout.stopped")) == 1
    assert len(await orders(registry)) == 4
    assert await statements_of_a_turn(registry) <= 3


@pytest.mark.parametrize(
    "state", ["42501", "42P01", "58030", "25006", "F0000", "XX000", "57014", "55P03"]
)
async def test_what_says_nothing_about_a_rollout_stops_none(
    registry: Registry, migrated_urls: tuple[str, str], state: str
) -> None:
    ids = [await add(registry, number, 3, concurrency=2) for number in (1, 2)]
    owner = await asyncpg.connect(migrated_urls[0], server_settings={"search_path": SCHEMA})
    try:
        await owner.execute(
            "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION 'passing' USING ERRCODE = '{state}'; END $$"
        )
        await owner.execute(
            "CREATE TRIGGER fails BEFORE INSERT ON station_job "
            "FOR EACH STATEMENT EXECUTE FUNCTION fails()"
        )
        with pytest.raises(DBAPIError):
            await turn(registry)
    finally:
        await owner.execute("DROP TRIGGER IF EXISTS fails ON station_job")
        await owner.execute("DROP FUNCTION IF EXISTS fails")
        await owner.close()
    await turn(registry)
    assert await counted(registry, *ids) == [{"waiting": 1, "ordered": 2}] * 2
    assert await registry.events("rollout.stopped") == []


async def test_a_station_whose_jobs_are_in_other_hands_is_passed_over(registry: Registry) -> None:
    rollout_id = await add(registry, 1, 4, prefix="S", concurrency=2)
    async with registry.engine.begin() as other:
        await lock_jobs_of(other, ["S000001"])
        await turn(registry)
        stations = await registry.query(
            "SELECT station_id FROM firmware_rollout_station WHERE job_id IS NOT NULL ORDER BY 1"
        )
        assert [row.station_id for row in stations] == ["S000002", "S000003"]
    await registry.query("UPDATE station_job SET status = 'succeeded'")
    await turn(registry)
    assert await counted(registry, rollout_id) == [{"succeeded": 2, "ordered": 2}]


async def test_two_replicas_at_once_start_no_more_than_may_be_open(registry: Registry) -> None:
    ids = [await add(registry, number, 50, concurrency=7) for number in range(1, 5)]
    for _ in range(3):
        await asyncio.gather(*(turn(registry) for _ in range(4)))
        assert await counted(registry, *ids) == [{"waiting": 43, "ordered": 7}] * 4
    assert len(await orders(registry)) == 28


async def test_a_station_in_two_rollouts_gets_a_job_of_each(registry: Registry) -> None:
    ids = [await add(registry, number, 2, prefix="S") for number in (1, 2)]
    await turn(registry)
    assert await counted(registry, *ids) == [{"ordered": 2}] * 2
