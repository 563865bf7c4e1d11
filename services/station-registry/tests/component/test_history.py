"""The history of stations against a real PostgreSQL: every change once, in order, for its time."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from driven_registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from statements import recorded

from csms_local.pytest_scale import scaled
from csms_shared.contracts.history import HistoryView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.cursors import BadCursor, encode_cursor
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time, format_time_ms
from station_registry.database.sql import at
from station_registry.history import store as history
from station_registry.ownership.handlers.leases import sweep_leases

NOW = now_ms() - 600_000
SHOWN = ("Available", "Charging", "Faulted")


def status(
    registry: Registry,
    shown: str,
    connector: int = 1,
    *,
    seq: int = 1,
    station_id: str = "A",
    payload: dict[str, Any] | None = None,
    **more: Any,
) -> Work:
    said = {"connectorId": connector, "status": shown, "errorCode": "NoError", **(payload or {})}
    return registry.call("StatusNotification", station_id, said, seq=seq, **more)


async def listed(registry: Registry, station_id: str = "A", **query: Any) -> list[HistoryView]:
    """Return the whole history, oldest first, read in pages."""
    found: list[HistoryView] = []
    cursor = None
    while True:
        page: Page[HistoryView] = await registry.request(
            "history.list", station_id=station_id, cursor=cursor, **query
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found[::-1]


async def told(registry: Registry) -> list[tuple[str, str | None, str, str | None]]:
    return [
        (each.status, each.reason, each.connection_id, each.gateway_id)
        for each in await listed(registry)
    ]


@pytest.fixture
async def known(registry: Registry) -> Registry:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c1")])
    await registry.query("DELETE FROM station_history")
    return registry


async def _sweep(registry: Registry) -> None:
    async with registry.engine.begin() as connection:
        await sweep_leases(connection, "registry-1")


async def test_every_change_of_presence_is_kept_once_with_its_reason(registry: Registry) -> None:
    first, second = registry.claim("A", "c1"), registry.claim("A", "c2", "gw-2")
    for work in (first, second, first, second, registry.release("A", "c1", 1)):
        await registry.send([work, work])
    release = registry.release("A", "c2", 2, "gw-2")
    await registry.send([release, release])
    await registry.send([release])
    await registry.send([registry.claim("A", "c3")])
    await _sweep(registry)  # nobody had looked before: one lease of grace
    await registry.end_lease("gw-1")
    await asyncio.gather(*(_sweep(registry) for _ in range(2)))
    back = registry.reassertion("A", "c3", 3)
    await registry.send([back, back])
    await registry.send([back])
    await registry.request("stations.delete", station_id="A")
    assert await told(registry) == [
        ("online", "new_connection", "c1", "gw-1"),
        ("online", "superseded", "c2", "gw-2"),
        ("offline", "closed", "c2", "gw-2"),
        ("online", "new_connection", "c3", "gw-1"),
        ("offline", "lease_expired", "c3", "gw-1"),
        ("online", "restored", "c3", "gw-1"),
        ("offline", "deleted", "c3", "gw-1"),
    ]
    assert {each.kind for each in await listed(registry)} == {"presence"}


async def test_a_claim_that_waited_is_no_older_than_the_end_of_the_connection_before(
    known: Registry,
) -> None:
    """A station connects anew while its last connection ends, or its gateway's lease."""
    waited_since = now_ms() - 5_000
    await known.send([known.release("A", "c1", 1)])
    await known.send([known.claim("A", "c2", connected_ms=waited_since)])
    await _sweep(known)  # nobody had looked before: one lease of grace
    await known.end_lease("gw-1")
    await _sweep(known)
    await known.send([known.claim("A", "c3", "gw-2", connected_ms=waited_since)])
    assert [status for status, *_ in await told(known)] == ["offline", "online"] * 2
    kept = await known.query(
        "SELECT received_at FROM station_history WHERE station_id = 'A' AND status = 'online' "
        "ORDER BY id"
    )
    online = [event for event in await known.events("station.online") if event["subject"] == "A"]
    assert [event["time"] for event in online[1:]] == [format_time(row.received_at) for row in kept]


async def test_a_connection_that_another_gateway_holds_now_is_no_change_of_presence(
    known: Registry,
) -> None:
    await known.send([known.reassertion("A", "c1", 1, "gw-1b")])
    assert await known.owner("A") == ("gw-1b", "c1", 1)
    assert await listed(known) == []


async def test_a_reason_of_any_text_is_kept(known: Registry) -> None:
    release = known.release("A", "c1", 1)
    release.item["reason"] = "\0" + "x" * 10_000
    await known.send([release])
    (change,) = await listed(known)
    assert change.reason == "x" * 255
    assert known.parked == []


async def test_what_a_station_said_of_a_connector_is_kept_with_its_own_time(
    known: Registry,
) -> None:
    more = {
        "errorCode": "OtherError",
        "info": "door open",
        "vendorId": "ACME",
        "vendorErrorCode": "E42",
        "timestamp": format_time_ms(NOW - 1_000),
    }
    await known.send([status(known, "Faulted", 2, payload=more, received_ms=NOW)])
    (change,) = await listed(known)
    assert change.model_dump(exclude_none=True) == {
        "kind": "connector_status",
        "received_at": format_time_ms(NOW),
        "status": "Faulted",
        "evse_id": 2,
        "connector_id": 2,
        "error_code": "OtherError",
        "info": "door open",
        "vendor_id": "ACME",
        "vendor_error_code": "E42",
        "station_time": format_time_ms(NOW - 1_000),
        "occurred_at": format_time_ms(NOW - 1_000),
        "flags": [],
        "connection_id": "c1",
        "epoch": 1,
    }


@pytest.mark.parametrize(
    ("said", "occurred", "flags"),
    [
        (None, False, []),
        ("1970-01-01T00:00:10Z", True, ["clock_not_set"]),
        ("0001-01-01T00:00:00Z", False, ["clock_not_set"]),
        ("2099-06-01T00:00:00Z", True, ["clock_ahead"]),
        ("9999-12-31T23:59:59Z", False, ["unreadable_time"]),
        ("yesterday", False, ["unreadable_time"]),
    ],
)
async def test_a_wrong_clock_is_flagged_and_the_time_of_receipt_counts(
    known: Registry, said: str | None, occurred: bool, flags: list[str]
) -> None:
    payload = {} if said is None else {"timestamp": said}
    await known.send([status(known, "Available", payload=payload, received_ms=NOW)])
    (change,) = await listed(known)
    assert (change.station_time, change.flags) == (said, flags)
    assert change.received_at == format_time_ms(NOW)
    assert (change.occurred_at is not None) is occurred


_REPORTS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 1), st.sampled_from(SHOWN)),
    min_size=1,
    max_size=10,
)


@pytest.mark.scaled
@settings(
    max_examples=scaled(40, 12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(reports=_REPORTS, data=st.data())
async def test_reports_in_any_order_and_number_over_two_consumers_keep_changes_only(
    known: Registry, reports: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    await known.query("DELETE FROM connector")
    await known.query("DELETE FROM station_history")
    await known.query("DELETE FROM outbox")
    works = [
        status(
            known,
            shown,
            connector,
            seq=seq,
            epoch=epoch,
            connection_id=f"c{epoch}",
            received_ms=NOW + epoch * 100_000 + seq * 1_000,
        )
        for seq, (epoch, connector, shown) in enumerate(reports)
    ]
    delivered = data.draw(st.permutations(works * 2), label="delivered")
    size = data.draw(st.integers(1, len(delivered)), label="size")
    batches = [delivered[start : start + size] for start in range(0, len(delivered), size)]
    for pair in zip(batches[::2], [*batches[1::2], []], strict=False):
        await asyncio.gather(*(known.send(batch) for batch in pair))
    kept = await listed(known, limit=data.draw(st.integers(1, 5), label="limit"))
    newest = await known.query("SELECT connector_id, status, received_at FROM connector")
    assert {row.connector_id for row in newest} == {connector for _, connector, _ in reports}
    for row in newest:
        own = [each for each in kept if each.connector_id == row.connector_id]
        assert all(one.status != after.status for one, after in pairwise(own))
        assert own[-1].status == row.status
    changed = await known.events("connector.status_changed")
    assert sorted((each["time"], each["data"]["status"]) for each in changed) == [
        (each.received_at, each.status) for each in kept
    ]
    await known.send(works)
    assert await listed(known) == kept


async def test_a_first_report_that_two_consumers_get_is_one_change(known: Registry) -> None:
    works = [status(known, "Available", seq=seq) for seq in (1, 2)]
    async with known.engine.connect() as holding:
        # Whoever is first with a connector is waited for by whoever is second.
        await holding.execute(text("LOCK TABLE connector IN SHARE MODE"))
        sending = [asyncio.create_task(known.send([work])) for work in works]
        await _waiting(known, 2)
        await holding.rollback()
        await asyncio.gather(*sending)
    assert [each.status for each in await listed(known)] == ["Available"]
    assert len(await known.events("connector.status_changed")) == 1
    assert len(await known.events("connector.added")) == 1


async def _waiting(registry: Registry, many: int) -> None:
    async with asyncio.timeout(10):
        while (
            len(
                await registry.query(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database()"
                )
            )
            < many
        ):
            await asyncio.sleep(0.01)


async def test_a_batch_of_changes_costs_one_more_statement_and_a_batch_of_none_costs_none(
    known: Registry,
) -> None:
    def works(shown: str, seq: int) -> list[Work]:
        return [status(known, shown, n, seq=seq, station_id=name) for name in "AB" for n in (0, 1)]

    async def tables(batch: list[Work]) -> list[str]:
        with recorded(known.engine) as sent:
            await known.send(batch)
        return ["station_history" if "station_history" in sql else "others" for sql, _ in sent]

    await known.send(works("Available", 1))
    assert sorted(await tables(works("Charging", 2))) == [*["others"] * 3, "station_history"]
    assert await tables(works("Charging", 2)) == ["others"]
    assert await tables(works("Charging", 3)) == ["others"] * 2


async def test_a_page_is_newest_first_within_times_of_receipt(known: Registry) -> None:
    for seq in range(6):
        work = status(known, SHOWN[seq % 3], seq=seq, received_ms=NOW + seq * 1000)
        await known.send([work])
    first = await known.request("history.list", station_id="A", limit=4)
    rest = await known.request("history.list", station_id="A", limit=4, cursor=first.next_cursor)
    times = [each.received_at for each in (*first.items, *rest.items)]
    assert times == [format_time_ms(NOW + seq * 1000) for seq in reversed(range(6))]
    assert rest.next_cursor is None
    bounds: dict[str, Any] = {"from_time": at(NOW + 1000), "to_time": at(NOW + 3000)}
    assert [each.received_at for each in await listed(known, **bounds)] == times[-2:-4:-1]
    assert await listed(known, "B") == []


async def test_changes_of_one_moment_stay_in_their_order_over_pages(known: Registry) -> None:
    shown = [SHOWN[seq % 3] for seq in range(7)]
    await known.send(
        [status(known, each, seq=seq, received_ms=NOW) for seq, each in enumerate(shown)]
    )
    assert [each.status for each in await listed(known, limit=2)] == shown


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "\0", encode_cursor("A"), encode_cursor(at(0), 2**63), encode_cursor(at(0), "1")],
)
async def test_a_made_up_cursor_is_refused(known: Registry, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await known.request("history.list", station_id="A", cursor=cursor)


async def test_a_station_that_never_was_is_not_found_and_a_deleted_one_keeps_its_history(
    known: Registry,
) -> None:
    for name in ("X", "x\0"):
        with pytest.raises(ProblemRaised) as raised:
            await known.request("history.list", station_id=name)
        assert raised.value.problem.status == 404
    await known.request("stations.delete", station_id="A")
    assert [each.reason for each in await listed(known)] == ["deleted"]


async def _partitions(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
                "WHERE inhparent = 'station_history'::regclass"
            )
        )
        return {row.relname for row in rows}


async def test_weeks_are_made_ahead_and_dropped_after_the_retention(
    known: Registry, migrated_urls: tuple[str, str]
) -> None:
    make, drop, purge = history.upkeep_tasks(7)
    ahead = await _partitions(known.engine)
    assert len(ahead) >= 1 + history.WEEKS_BACK + 1 + history.WEEKS_AHEAD
    week = at(NOW) - timedelta(days=at(NOW).weekday() + 6 * 7)
    made = f"station_history_{week:%Y%m%d}"
    await _as_owner(
        migrated_urls[0],
        f"CREATE TABLE {made} PARTITION OF station_history FOR VALUES "
        f"FROM ('{week:%Y-%m-%d}Z') TO ('{week + timedelta(days=7):%Y-%m-%d}Z')",
    )
    ages = {"of a week": 6 * 7, "too old": 20 * 7, "late": 20 * 7, "now": 0}
    for seq, (info, days) in enumerate(ages.items()):
        received = week if info == "of a week" else at(NOW) - timedelta(days=days)
        received_ms = round(received.timestamp() * 1000)
        work = status(known, "Faulted", seq=seq, payload={"info": info}, received_ms=received_ms)
        await known.send([work])
    await known.query("UPDATE station_history SET stored_at = received_at WHERE info <> 'late'")
    for task in (make, drop, purge):
        async with known.engine.begin() as connection:
            while await task.work(connection):
                pass
    # What came late is kept for as long as what came in time.
    assert {each.info for each in await listed(known)} == {"late", "now"}
    assert await _partitions(known.engine) == ahead


async def test_changes_of_a_week_without_a_partition_move_into_it(
    known: Registry, migrated_urls: tuple[str, str]
) -> None:
    (week,) = await known.query(
        "SELECT 'station_history_' || to_char(date_trunc('week', now() AT TIME ZONE 'UTC'), "
        "'YYYYMMDD') AS name"
    )
    await _as_owner(migrated_urls[0], f"DROP TABLE {week.name}")
    await known.send([status(known, "Available", received_ms=now_ms())])
    in_default = "SELECT count(*) AS n FROM station_history_default"
    assert (await known.query(in_default))[0].n == 1
    async with known.engine.begin() as connection:
        await history.make_partitions(connection)
    assert (await known.query(in_default))[0].n == 0
    assert len(await listed(known)) == 1


async def _as_owner(url: str, sql: str) -> None:
    owner = await asyncpg.connect(url, server_settings={"search_path": "registry"})
    try:
        await owner.execute(sql)
    finally:
        await owner.close()
