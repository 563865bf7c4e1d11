"""What a tenant's operators see first of its charging sessions."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from session_asker import Asker
from session_records import Records
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql
from tenant_rows import token

from csms_shared.contracts.overview import AskSessionsOverview
from csms_shared.contracts.scopes import Scope
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.overview import active_sessions, ended_by_hour, started_today

NOW = utc_now()
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
ASKED = {
    "today_from": format_time(HOUR - timedelta(hours=3)),
    "hours_from": format_time(HOUR - timedelta(hours=24)),
}


async def _stored(
    records: Records,
    station_id: str = "S1",
    *,
    started: datetime = NOW,
    stopped: datetime | None = None,
    energy_wh: int = 0,
    **columns: Any,
) -> int:
    values = {
        "station_id": station_id,
        "started_at": started,
        "stopped_at": stopped,
        "status": "active" if stopped is None else "completed",
        "meter_start": 100,
        "meter_stop": None if stopped is None else 100 + energy_wh,
        "site_id": None,
    } | columns
    (row,) = await records.rows("SELECT nextval('transaction_id')::int AS id")
    await records.execute(
        "INSERT INTO transaction (id, key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "stopped_at, meter_stop, site_id) VALUES (:id, int4send(:id), :station_id, 1, 'T1', 't1', "
        ":status, 'Accepted', :started_at, '', :meter_start, 1, :id, :started_at, :stopped_at, "
        ":meter_stop, :site_id)",
        id=row["id"],
        **values,
    )
    return int(row["id"])


async def _figures(records: Records, transaction_id: int, energy_wh: int, power_w: float) -> None:
    await records.execute(
        "INSERT INTO live_figures (transaction_id, energy_wh, energy_at, power_w, power_at, "
        "kept_until) VALUES (:id, :energy_wh, now(), :power_w, now(), now() + interval '1 day')",
        id=transaction_id,
        energy_wh=energy_wh,
        power_w=power_w,
    )


async def test_sessions_and_their_energy_are_counted_by_the_hour_in_which_they_ended(
    records: Records, ask: Asker
) -> None:
    yesterday = HOUR - timedelta(hours=20)
    await _stored(records, started=yesterday, stopped=yesterday, energy_wh=1_000)
    await _stored(records, started=HOUR - timedelta(days=3), stopped=HOUR, energy_wh=20_000)
    await _stored(records, started=HOUR, stopped=HOUR + timedelta(seconds=1), energy_wh=300)
    # Before all that is asked for, and dated far ahead by a wrong clock.
    await _stored(records, started=HOUR, stopped=HOUR - timedelta(days=2), energy_wh=9)
    await _stored(records, started=HOUR, stopped=HOUR + timedelta(days=30), energy_wh=9)
    # A register that went back has charged nothing.
    await _stored(records, started=HOUR, stopped=HOUR, energy_wh=-50)
    charging = await _stored(records, "S2")
    await _figures(records, charging, 4_000, 7_200.0)
    await _stored(records, "S3")
    shown = await ask("overview.sessions", **ASKED)
    assert shown["energy_by_hour"] == [
        {"hour": format_time(yesterday), "energy_wh": 1_000, "sessions": 1},
        {"hour": format_time(HOUR), "energy_wh": 20_300, "sessions": 3},
    ]
    sessions = shown["sessions"]
    assert (sessions["active"], sessions["power_w"]) == (2, 7_200.0)
    assert (sessions["energy_active_wh"], sessions["energy_today_wh"]) == (4_000, 24_300)
    assert sessions["started_today"] == 6
    assert shown["attention"] == {}


async def test_registers_of_any_size_make_no_sum_that_is_out_of_range(
    records: Records, ask: Asker
) -> None:
    for _ in range(2):
        await _stored(records, started=HOUR, stopped=HOUR, meter_start=-(2**62), meter_stop=2**62)
    charging = await _stored(records, "S2")
    await _figures(records, charging, 2**63 - 1, float("inf"))
    shown = await ask("overview.sessions", **ASKED)
    assert shown["sessions"]["energy_today_wh"] == 2**63 - 1
    assert shown["sessions"]["power_w"] == 0.0


async def test_within_a_scope_only_what_began_there_counts(records: Records, ask: Asker) -> None:
    await _stored(records, "S1", site_id="harbour")
    tagged = await _stored(records, "S2")
    await records.execute(
        "INSERT INTO transaction_tag (transaction_id, tag, started_at) VALUES (:id, 'fast', now())",
        id=tagged,
    )
    await _stored(records, "S3", started=HOUR, stopped=HOUR, energy_wh=700)
    for scope, active in (
        (Scope(site_ids=("harbour",)), 1),
        (Scope(site_ids=("harbour",), tags=("fast",)), 2),
        (Scope(), 0),
    ):
        shown = await ask.within(scope)("overview.sessions", **ASKED)
        assert (shown["sessions"]["active"], shown["energy_by_hour"]) == (active, [])


async def test_open_items_of_the_quarantine_are_told_to_who_may_list_them(
    records: Records, ask: Asker
) -> None:
    await token(records, "default")
    await records.report(records.stop(7, 4711, idTag="nobody"))
    shown = await ask("overview.sessions", **ASKED)
    quarantine = shown["attention"]["quarantine"]
    assert (quarantine["count"], quarantine["count_is_bound"]) == (1, False)
    (example,) = quarantine["examples"]
    assert example["text"].startswith("S1: stop, ")
    limited = await ask.within(Scope(site_ids=("harbour",)))("overview.sessions", **ASKED)
    assert limited["attention"] == {}
    await ask("quarantine.dismiss", id=example["id"])
    assert (await ask("overview.sessions", **ASKED))["attention"] == {}


async def test_what_was_stored_for_years_is_not_read(
    records: Records, analyze: Callable[[str], Awaitable[None]]
) -> None:
    asked = AskSessionsOverview(
        tenant_id="default",
        today_from=HOUR - timedelta(hours=3),
        hours_from=HOUR - timedelta(hours=24),
    )
    await records.execute(
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "stopped_at, meter_stop) SELECT int4send(n), 'S1', 1, 'T1', 't1', 'completed', 'Accepted', "
        "CAST(:now AS timestamptz) - make_interval(hours => 48 + n), '', 0, 1, n, now(), "
        "CAST(:now AS timestamptz) - make_interval(hours => 48 + n), 1 "
        "FROM generate_series(1, 20000) AS n",
        now=NOW,
    )
    await _stored(records, "S2")
    await analyze("transaction")
    for made, indexes in (
        # None of these holds a session that has ended.
        (active_sessions(asked), ("transaction_of_tenant_unfinished", "transaction_busy")),
        (started_today(asked, NOW), ("transaction_of_tenant",)),
        # Nothing has ended since: the index of all tenants finds that as fast.
        (ended_by_hour(asked, NOW), ("transaction_of_tenant_by_stop", "transaction_by_stop")),
    ):
        plan = await _plan(records, made)
        assert any(f" {index} " in plan for index in indexes), plan
        assert "Seq Scan on transaction" not in plan, plan
        assert "Rows Removed by Filter" not in plan, plan


async def _plan(records: Records, made: Select[Any]) -> str:
    """Return how a statement is really run as the service has it planned."""
    compiled = made.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    async with records.engine.begin() as connection:
        await plan_by_indexes(connection)
        rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {compiled}")
        return "\n".join(row[0] for row in rows)
