"""What is read when something becomes known of a job, and that it is enough."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from driven_registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_works import OUTCOMES, STATION, create, ended, report
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from statements import brief, explained, rows_of, scans_of

from csms_local.pytest_scale import scaled
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from station_registry.database import SCHEMA
from station_registry.jobs.domain.jobs import CommandEnd, JobFacts, job_state
from station_registry.jobs.handlers.jobs import time_out_jobs
from station_registry.jobs.store.jobs import OVERDUE_AT_ONCE, lock_jobs_of
from station_registry.routes import apply_by, report_routes

MINUTE_MS = 60_000


async def status_of(registry: Registry, job_id: UUID) -> str:
    return str((await registry.request("jobs.get", job_id=job_id)).status)


async def time_out(registry: Registry) -> bool:
    async with registry.engine.begin() as connection:
        return await time_out_jobs(connection)


def _belongs_to(
    report: Row[Any], jobs: Sequence[Row[Any]], done: dict[UUID, tuple[int, int]]
) -> UUID | None:
    def has_it(job: Row[Any]) -> bool:
        if job.command_end is None:
            got = job.created_at <= report.received_at
        else:
            got = job.command_end in ("accepted", "unknown")
            got = got and (job.sent_at or job.created_at) <= report.received_at
        if report.request_id is not None:
            return bool(got and job.request_id == report.request_id)
        moment = (report.epoch, report.seq)
        return bool(got and not done.get(job.job_id, moment) < moment)

    found = max(
        filter(has_it, jobs),
        key=lambda job: (job.command_end is not None, job.sent_at or job.created_at, job.job_id),
        default=None,
    )
    return None if found is None else found.job_id


async def check(registry: Registry) -> None:
    """Compare what is stored with what follows from all jobs and all reports of the station."""
    jobs = await registry.query("SELECT * FROM station_job")
    reports = await registry.query("SELECT * FROM station_job_report ORDER BY epoch, seq")
    done: dict[UUID, tuple[int, int]] = {}
    newest: dict[UUID, Row[Any]] = {}
    for one in reports:
        belongs = _belongs_to(one, jobs, done)
        assert one.job_id == belongs
        if belongs is None:
            continue
        if one.status in ("Installed", "Uploaded"):
            done.setdefault(belongs, (one.epoch, one.seq))
        if one.status != "Idle":
            newest[belongs] = one
    for job in jobs:
        last = newest.get(job.job_id)
        got_at = job.sent_at or job.created_at
        facts = JobFacts(
            command_end=None if job.command_end is None else CommandEnd(job.command_end),
            command_reason=job.command_reason,
            reported_status=None if last is None else last.status,
            reported_at=None if last is None else last.received_at,
            superseded=job.command_end in ("accepted", "unknown")
            and any(
                newer.command_end == "accepted" and (newer.sent_at or newer.created_at) > got_at
                for newer in jobs
            ),
            timed_out_at=job.timed_out_at,
            timeout=job.timeout,
            no_file=job.no_file,
        )
        state = job_state(facts)
        stored = (job.status, job.result, job.station_status)
        assert stored == (state.status.value, state.result, facts.reported_status)
        assert (job.finished_at is None) == state.status.is_open


_ENDS = st.tuples(
    st.just("end"),
    st.integers(0, 3),
    st.sampled_from(sorted(OUTCOMES)),
    st.integers(1, 20),
)
_REPORTS = st.tuples(
    st.just("report"),
    st.sampled_from(["Downloading", "Installing", "Installed", "InstallationFailed", "Idle"]),
    st.tuples(st.integers(1, 2), st.integers(1, 30)),
    st.integers(1, 25),
    st.none() | st.integers(0, 3),
)
_STEPS = st.lists(_ENDS | _REPORTS | st.just(("overdue",)) | st.just(("again",)), max_size=12)


@pytest.mark.scaled
@given(steps=_STEPS)
@settings(
    max_examples=scaled(80, 20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_what_is_stored_follows_from_all_that_is_known_whatever_was_read(
    registry: Registry, steps: list[Any]
) -> None:
    for table in ("station_job", "station_job_report", "station", "station_connection"):
        await registry.query(f"DELETE FROM {table}")
    await registry.send([registry.claim(STATION, "c1")])
    actions = ["UpdateFirmware", "SignedUpdateFirmware"] * 2
    # Two that REST made, and two that become known by the ends of their commands.
    jobs = [await create(registry, action) for action in actions[:2]]
    jobs += [new_command_id(now_ms()) for _ in actions[2:]]
    (row,) = await registry.query("SELECT max(request_id) AS number FROM station_job")
    numbers = [None, row.number, None, 7]
    begun = now_ms()
    sent: list[Work] = []
    for step in steps:
        match step:
            case ("end", number, outcome, minute):
                works = [ended(jobs[number], actions[number], outcome, begun + minute * MINUTE_MS)]
            case ("report", status, (epoch, seq), minute, number):
                request_id = None if number is None else numbers[number]
                signed = request_id is not None
                works = [
                    report(
                        registry,
                        status,
                        seq,
                        begun + minute * MINUTE_MS,
                        epoch=epoch,
                        request_id=request_id,
                        action=f"{'Signed' if signed else ''}FirmwareStatusNotification",
                    )
                ]
            case ("again",):
                works = sent[-3:]
            case _:
                works = []
                await registry.query(
                    "UPDATE station_job SET deadline = now() - interval '1 second' "
                    "WHERE status IN ('ordered', 'started', 'running')"
                )
                await time_out(registry)
        await registry.send(works)
        sent += works
        assert registry.parked == []
        await check(registry)


async def test_a_job_that_begins_in_months_is_followed_and_ends(registry: Registry) -> None:
    await registry.send([registry.claim(STATION, "c1")])
    jobs = [await create(registry) for _ in range(2)]
    sent = now_ms()
    for age, job_id in zip((200, 100), jobs, strict=True):
        await registry.send([ended(job_id, "UpdateFirmware", "unknown", sent)])
        await registry.query(
            "UPDATE station_job SET created_at = created_at - CAST(:age AS interval), "
            "sent_at = sent_at - CAST(:age AS interval), deadline = now() + interval '1 hour' "
            "WHERE job_id = :id",
            age=timedelta(days=age),
            id=job_id,
        )
    await registry.send([report(registry, "Downloading", 1, sent)])
    assert [await status_of(registry, one) for one in jobs] == ["ordered", "running"]
    await registry.send([report(registry, "Installed", 2, sent + 1)])
    assert [await status_of(registry, one) for one in jobs] == ["ordered", "succeeded"]
    await registry.query("UPDATE station_job SET deadline = now() - interval '1 second'")
    assert not await time_out(registry)
    assert [await status_of(registry, one) for one in jobs] == ["timed_out", "succeeded"]


async def test_each_report_gives_a_job_its_time_anew(registry: Registry) -> None:
    """Also one that says what the last one said, as from a station on a slow line."""
    await registry.send([registry.claim(STATION, "c1")])
    job_id = await create(registry)
    sent = now_ms()
    await registry.send([ended(job_id, "UpdateFirmware", "accepted", sent)])
    for minutes in (10, 50):
        await registry.send([report(registry, "Downloading", minutes, sent + minutes * MINUTE_MS)])
        shown = await registry.request("jobs.get", job_id=job_id)
        due = datetime.fromtimestamp(sent / 1000, UTC) + timedelta(minutes=minutes + 60)
        assert abs(datetime.fromisoformat(shown.deadline) - due) <= timedelta(milliseconds=1)
    assert len(await registry.events("job.status_changed")) == 2


_OVERDUE_JOBS = """
INSERT INTO station_job (job_id, station_id, kind, action, location, created_by, created_at,
    timeout, deadline, command_end, status)
SELECT gen_random_uuid(), 'T' || n, 'firmware', 'UpdateFirmware', 'x', 'admin',
    now() - interval '2 hours', interval '1 hour', now() - n * interval '1 second', :command_end,
    'started' FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
"""


async def overdue(registry: Registry, first: int, last: int, command_end: str = "accepted") -> None:
    await registry.query(_OVERDUE_JOBS, first=first, last=last, command_end=command_end)


@pytest.mark.parametrize("report_first", [True, False])
async def test_a_report_that_is_stored_after_the_time_out_counts_from_when_it_came(
    registry: Registry, report_first: bool
) -> None:
    await registry.send([registry.claim(STATION, "c1")])
    job_id, sent = await create(registry), now_ms() - 90 * MINUTE_MS
    apply = apply_by(report_routes(900))
    await registry.query("UPDATE station_job SET created_at = created_at - interval '2 hours'")

    async def take(work: Work) -> None:
        async with registry.engine.begin() as connection:
            await apply(connection, [work])

    await take(ended(job_id, "UpdateFirmware", "accepted", sent))
    said = report(registry, "Downloading", 1, now_ms() - 40 * MINUTE_MS)
    if report_first:
        await take(said)
        await time_out(registry)
    else:
        await time_out(registry)
        assert await status_of(registry, job_id) == "timed_out"
        await take(said)
    assert await status_of(registry, job_id) == "running"
    await registry.query("UPDATE station_job SET deadline = now() - interval '1 second'")
    await registry.query(
        "UPDATE station_job_report SET received_at = now() - interval '61 minutes'"
    )
    await time_out(registry)
    assert await status_of(registry, job_id) == "timed_out"


async def test_all_that_is_overdue_ends_part_by_part(registry: Registry) -> None:
    await overdue(registry, 1, OVERDUE_AT_ONCE + 100)
    assert await time_out(registry)
    assert not await time_out(registry)
    rows = await registry.query("SELECT DISTINCT status FROM station_job")
    assert [row.status for row in rows] == ["timed_out"]
    assert len(await registry.events("job.finished")) == OVERDUE_AT_ONCE + 100


async def test_a_job_that_can_not_be_read_keeps_no_other_from_its_end(registry: Registry) -> None:
    await overdue(registry, 1, 20)
    await overdue(registry, 30, 30, command_end="of a later version")
    assert not await time_out(registry)
    rows = await registry.query("SELECT station_id FROM station_job WHERE status = 'started'")
    assert [row.station_id for row in rows] == ["T30"]
    assert len(await registry.events("job.finished")) == 20


async def test_a_station_whose_jobs_are_in_other_hands_keeps_no_other_from_its_end(
    registry: Registry,
) -> None:
    await overdue(registry, 1, 3)
    async with registry.engine.begin() as other:
        await lock_jobs_of(other, ["T2"])
        assert not await time_out(registry)
        rows = await registry.query("SELECT station_id FROM station_job WHERE status = 'started'")
        assert [row.station_id for row in rows] == ["T2"]
    assert not await time_out(registry)
    assert len(await registry.events("job.finished")) == 3


@pytest.mark.parametrize(
    "item",
    [
        {"type": "csms.other.v1"},
        {"type": "csms.other.v1", "data": None},
        {"type": "csms.other.v1", "data": {"action": ["UpdateFirmware"]}},
    ],
)
async def test_an_event_of_another_kind_is_left_alone(
    registry: Registry, item: dict[str, Any]
) -> None:
    await registry.send([Work("events.v1", {}, [item])])
    assert registry.parked == []


# Of one station that has had 3,000 jobs, and of 97,000 others.
_HISTORY = """
INSERT INTO station_job (job_id, station_id, kind, action, location, created_by, created_at,
    sent_at, timeout, deadline, command_end, status, station_status, result, finished_at)
SELECT gen_random_uuid(), CASE WHEN n % 100 < 3 THEN 'S1' ELSE 'H' || n % 9700 END, 'firmware',
    'UpdateFirmware', 'x', 'admin', at, at, interval '1 hour', at + interval '1 hour', 'accepted',
    'succeeded', 'Installed', 'Installed', at
FROM generate_series(1, 100000) AS n, LATERAL (SELECT now() - n * interval '40 seconds' AS at) AS t
"""
_REPORTED = """
INSERT INTO station_job_report (connection_id, seq, station_id, epoch, kind, status, received_at,
    job_id)
SELECT 'h', row_number() OVER (ORDER BY created_at), station_id, 0, 'firmware', 'Installed',
    created_at, job_id FROM station_job
"""


async def test_what_a_change_reads_does_not_grow_with_what_is_over(
    registry: Registry, engine: AsyncEngine, migrated_urls: tuple[str, str], registry_url: str
) -> None:
    await registry.send([registry.claim(STATION, "c1")])
    # The owner's statements may take long.
    owner = await asyncpg.connect(migrated_urls[0], server_settings={"search_path": SCHEMA})
    await owner.execute(_HISTORY)
    await owner.execute(_REPORTED)
    job_id = await create(registry)
    other = await create(registry, "SignedUpdateFirmware")
    await registry.send([ended(job_id, "UpdateFirmware", "unknown", now_ms())])
    await overdue(registry, 1, 2 * OVERDUE_AT_ONCE)
    now = now_ms()

    async def apply(connection: AsyncConnection, works: Sequence[Work]) -> None:
        await apply_by(report_routes(900))(connection, works)

    try:
        for table in ("station_job", "station_job_report"):
            await owner.execute(f"VACUUM ANALYZE {table}")
        for works, jobs_most in (
            ([report(registry, "Downloading", 1, now + 1)], 60),
            ([report(registry, "Installed", 1, now + 1)], 60),
            # Of no job: every one that it could be of is done.
            ([report(registry, "Installed", 1, now - 3_600_000)], 120),
            (
                [
                    report(
                        registry,
                        "Installed",
                        1,
                        now + 1,
                        request_id=999,
                        action="SignedFirmwareStatusNotification",
                    )
                ],
                60,
            ),
            ([ended(job_id, "UpdateFirmware", "accepted", now)], 60),
            ([ended(other, "SignedUpdateFirmware", "accepted", now)], 60),
        ):
            plans = await explained(engine, registry_url, SCHEMA, partial(apply, works=works))
            assert len(plans) <= 12
            for sql, nodes in plans:
                for table, most in (("station_job", jobs_most), ("station_job_report", 210)):
                    assert "Seq Scan" not in scans_of(nodes, table), sql
                    assert rows_of(nodes, table) <= most, sql + brief(nodes)
        plans = await explained(engine, registry_url, SCHEMA, time_out_jobs)
        assert len(plans) <= 6
        for sql, nodes in plans:
            assert "Seq Scan" not in scans_of(nodes, "station_job"), sql
            assert rows_of(nodes, "station_job") <= 8 * OVERDUE_AT_ONCE, sql + brief(nodes)
    finally:
        await owner.execute("TRUNCATE station_job, station_job_report, outbox")
        await owner.close()
