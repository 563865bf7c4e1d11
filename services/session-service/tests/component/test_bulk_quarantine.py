"""Items in quarantine that operators deal with many at a time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from session_asker import Asker
from session_records import Records
from sqlalchemy import text
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.sessions import DismissMany, Reconcile
from csms_shared.db.engine import in_transaction
from session_service.handling import isolation
from session_service.quarantine.handlers import bulk
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.quarantine.handlers.requests import reconcile_item
from session_service.quarantine.store.pages import next_open_items


def batch(**fields: Any) -> dict[str, Any]:
    """A batch of an action of its own, unless `action_id` is given."""
    return {"action_id": str(uuid.uuid4()), "limit": 100, **fields}


async def waiting(records: Records, number: int) -> None:
    """Have a stop and values wait at each of so many stations, which now have what they fit."""
    await records.token("T1", max_concurrent=None)
    await records.report(
        *(records.stop(9, 0, idTag="T1", station_id=f"S{n}") for n in range(number)),
        *(records.meter_values(5, -1, minutes=5, station_id=f"S{n}") for n in range(number)),
    )
    await started_unseen(records, *(f"S{n}" for n in range(number)))


async def started_unseen(records: Records, *stations: str, **fields: Any) -> None:
    """Have a transaction at each of these, without anybody having looked at what waits for it."""
    await records.decide(
        *(records.start(1, station_id=f"elsewhere {name}", **fields) for name in stations)
    )
    for table in ("transaction", "connector"):
        await records.execute(
            f"UPDATE {table} SET station_id = substr(station_id, 11) "
            "WHERE station_id LIKE 'elsewhere %'"
        )


async def transaction_of(records: Records, station_id: str) -> int:
    (row,) = await records.rows(
        "SELECT id FROM transaction WHERE station_id = :station_id", station_id=station_id
    )
    return int(row["id"])


async def statuses(records: Records) -> dict[str, int]:
    rows = await records.rows("SELECT status, count(*) AS number FROM quarantine GROUP BY status")
    return {row["status"]: row["number"] for row in rows}


async def test_each_goes_to_the_transaction_that_fits_it_and_is_told_as_ever(
    ask: Asker, records: Records
) -> None:
    await waiting(records, 4)
    await records.report(records.stop(9, 0, idTag="T1", station_id="nowhere"))
    counted = await ask("quarantine.reconcile_many", **batch(dry_run=True))
    assert (counted["matched"], counted["done"]) == (9, 0)
    done = await ask("quarantine.reconcile_many", **batch())
    assert (done["matched"], done["done"], done["failed"]) == (9, 8, 1)
    assert [one["code"] for one in done["failures"]] == ["no_match"]
    assert await statuses(records) == {"reconciled": 8, "open": 1}
    assert {row["status"] for row in await records.transactions()} == {"completed"}
    (row,) = await records.rows("SELECT sum(attempts) AS tried FROM quarantine")
    assert row["tried"] == 0, "a person's try delays no turn"


async def test_by_hand_in_turns_or_in_bulk_the_same_is_stored_and_told(
    ask: Asker, records: Records, clear: Callable[[], Awaitable[None]]
) -> None:
    outcomes = []
    for way in ("by hand", "in turns", "in bulk", "in bulk, chosen"):
        await clear()
        await waiting(records, 1)
        if way == "by hand":
            # The values first: where both come at once, the stop is told with their flag.
            for item in reversed((await ask("quarantine.list"))["items"]):
                await ask("quarantine.reconcile", id=item["id"], transaction_id=1)
        elif way == "in turns":
            await records.execute("UPDATE quarantine SET next_at = now()")
            await in_transaction(records.engine, reconcile_due)
        else:
            chosen = {"transaction_id": 1} if way == "in bulk, chosen" else {}
            assert (await ask("quarantine.reconcile_many", **batch(**chosen)))["done"] == 2
        events = {
            event["id"]: event["data"]
            for event in await records.events()
            # Live figures are told where the values come before the stop.
            if not event["type"].startswith(("csms.quarantine", "csms.transaction.updated"))
        }
        columns = "status, meter_stop, stop_reason, stop_epoch, stop_seq, revision, flags"
        outcomes.append(
            (
                events,
                await records.rows(f"SELECT {columns} FROM transaction"),
                await records.rows("SELECT seq, epoch, transaction_id FROM stop"),
                await records.rows("SELECT digest, transaction_id FROM meter_value ORDER BY 1"),
                await records.rows("SELECT id, status FROM quarantine ORDER BY id"),
            )
        )
    assert len(outcomes[0][0]) == 3
    for outcome in outcomes:
        assert outcome == outcomes[0]


@pytest.mark.parametrize(
    ("filter", "number"),
    [
        ({}, 6),
        ({"station_id": "S1"}, 2),
        ({"kind": "stop"}, 3),
        ({"kind": "meter_values", "station_id": "S2"}, 1),
        ({"received_from": "2026-11-20T08:10:00.007Z"}, 3),
        ({"received_to": "2026-11-20T08:10:00.007Z"}, 3),
        ({"received_to": "1970-01-01T00:00:00Z"}, 0),
    ],
)
async def test_filters_are_those_of_the_list(
    ask: Asker, records: Records, filter: dict[str, Any], number: int
) -> None:
    await waiting(records, 3)
    listed = {item["id"] for item in (await ask("quarantine.list", **filter))["items"]}
    assert len(listed) == number
    for operation in ("quarantine.reconcile_many", "quarantine.dismiss_many"):
        assert (await ask(operation, **batch(dry_run=True, **filter)))["matched"] == number
    assert (await ask("quarantine.dismiss_many", **batch(**filter)))["done"] == number
    rows = await records.rows("SELECT id FROM quarantine WHERE status = 'dismissed'")
    assert {str(row["id"]) for row in rows} == listed
    assert (await ask("quarantine.dismiss_many", **batch(**filter)))["matched"] == 0


async def test_batches_go_on_behind_what_fits_nothing(ask: Asker, records: Records) -> None:
    await waiting(records, 4)
    await records.report(
        *(records.stop(20 + n, 0, idTag="X", meter_stop=n, station_id="S1") for n in range(3))
    )
    cursor, seen, done, failed = None, 0, 0, 0
    while True:
        left = await ask("quarantine.dismiss_many", **batch(dry_run=True, cursor=cursor))
        assert left["matched"] == 11 - seen
        answer = await ask("quarantine.reconcile_many", **batch(limit=2, cursor=cursor))
        seen, done = seen + answer["matched"], done + answer["done"]
        failed += answer["failed"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert (seen, done, failed) == (11, 8, 3)
    for dry_run in (False, True):
        bad = await ask("quarantine.dismiss_many", **batch(cursor="rubbish", dry_run=dry_run))
        assert bad == (422, "bad_cursor", ["cursor"])


@pytest.mark.parametrize(
    "filter", [{}, {"station_id": "S0"}, {"received_to": "2099-01-01T00:00:00Z"}]
)
async def test_a_batch_reads_the_items_of_its_own_however_many_wait(
    records: Records, analyze: Callable[[str], Awaitable[None]], filter: dict[str, Any]
) -> None:
    await records.execute(
        "INSERT INTO quarantine (id, kind, station_id, connection_id, epoch, seq, received_at, "
        "reason, payload) SELECT gen_random_uuid(), "
        "CASE WHEN n % 3 = 0 THEN 'stop' ELSE 'meter_values' END, 'S' || n % 2, 'c', 1, n, now(), "
        "'why', '{}' FROM generate_series(1, 20000) AS n"
    )
    await analyze("quarantine")
    cursor = None
    async with records.engine.connect() as connection:
        for _ in range(3):
            request = DismissMany(**batch(cursor=cursor, **filter))
            nodes = await plan_of(connection, lambda to: next_open_items(to, request))  # noqa: B023
            read = [node for node in nodes if node.get("Relation Name") == "quarantine"]
            rows = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read)
            assert 0 < rows <= 2 * (request.limit + 1), nodes
            _, cursor = await next_open_items(connection, request)


async def plan_of(
    connection: AsyncConnection, work: Callable[[AsyncConnection], Awaitable[object]]
) -> list[dict[str, Any]]:
    """Return the nodes of the plan of the one statement that `work` sends, as it ran."""
    sent: list[tuple[str, tuple[Any, ...]]] = []

    def note(_: object, __: object, sql: str, parameters: tuple[Any, ...], *___: object) -> None:
        sent.append((sql, parameters))

    listen(connection.sync_connection, "before_cursor_execute", note)
    try:
        await work(connection)
    finally:
        remove(connection.sync_connection, "before_cursor_execute", note)
    ((sql, parameters),) = sent
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
    found = await connection.exec_driver_sql(explain, parameters)
    left, nodes = [found.scalar_one()[0]["Plan"]], []
    while left:
        node = left.pop()
        nodes.append(node)
        left += node.get("Plans", [])
    return nodes


async def test_all_go_to_a_chosen_transaction_of_their_station(
    ask: Asker, records: Records
) -> None:
    await waiting(records, 2)
    chosen = await transaction_of(records, "S0")
    done = await ask("quarantine.reconcile_many", **batch(transaction_id=chosen))
    assert (done["matched"], done["done"]) == (4, 2)
    assert [one["code"] for one in done["failures"]] == ["other_station"] * 2
    rows = await records.rows("SELECT station_id, transaction_id FROM quarantine")
    assert {(row["station_id"], row["transaction_id"]) for row in rows} == {
        ("S0", chosen),
        ("S1", None),
    }
    for dry_run in (False, True):
        unknown = await ask(
            "quarantine.reconcile_many", **batch(transaction_id=77, dry_run=dry_run)
        )
        assert unknown == (404, "not_found", [])


async def test_a_batch_answers_what_it_has_done_also_when_the_chosen_transaction_is_gone(
    ask: Asker, records: Records
) -> None:
    await waiting(records, 1)
    chosen = await transaction_of(records, "S0")
    same = batch(transaction_id=chosen, kind="meter_values")
    done = await ask("quarantine.reconcile_many", **same)
    assert done["done"] == 1
    await records.execute("DELETE FROM transaction")
    assert await ask("quarantine.reconcile_many", **same) == done


async def test_a_batch_that_is_asked_for_again_answers_what_it_has_done_and_does_nothing(
    ask: Asker, records: Records
) -> None:
    await waiting(records, 3)
    for operation in ("quarantine.reconcile_many", "quarantine.dismiss_many"):
        same = batch(limit=2)
        answers = await asyncio.gather(*(ask(operation, **same) for _ in range(3)))
        assert answers[0]["done"] == 2
        assert all(answer == answers[0] for answer in answers)
    assert await statuses(records) == {"reconciled": 2, "dismissed": 2, "open": 2}


async def test_an_item_that_can_not_be_read_costs_no_other(
    ask: Asker, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "LONGEST_S", 60.0)
    await waiting(records, 8)
    await records.execute(
        "UPDATE quarantine SET payload = '{}' WHERE kind = 'stop' AND station_id IN ('S2', 'S5')"
    )
    done = await ask("quarantine.reconcile_many", **batch())
    assert (done["matched"], done["done"]) == (16, 14)
    assert [one["code"] for one in done["failures"]] == ["defect", "defect"]
    assert await statuses(records) == {"reconciled": 14, "open": 2}


@pytest.mark.parametrize("chosen", [False, True])
async def test_what_belongs_to_a_transaction_that_somebody_has_costs_no_other(
    ask: Asker, records: Records, chosen: bool
) -> None:
    await waiting(records, 4)
    held = await transaction_of(records, "S2")
    which = {"transaction_id": held, "station_id": "S2"} if chosen else {}
    async with records.engine.connect() as other:
        await other.execute(text(f"SELECT 1 FROM transaction WHERE id = {held} FOR UPDATE"))
        done = await ask("quarantine.reconcile_many", **batch(**which))
    assert (done["matched"], done["done"]) == ((2, 0) if chosen else (8, 6))
    assert [one["code"] for one in done["failures"]] == ["busy", "busy"]
    assert (await ask("quarantine.reconcile_many", **batch(**which)))["done"] == 2


@pytest.mark.parametrize("chosen", [False, True])
async def test_what_somebody_had_for_a_moment_is_busy_and_no_misfit(
    ask: Asker, records: Records, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(records, 1)
    which = {"transaction_id": await transaction_of(records, "S0")} if chosen else {}
    async with records.engine.connect() as other:

        async def given_back_afterwards(*given: Any) -> Any:
            done = await isolation.each_apart(*given)
            await other.rollback()
            return done

        monkeypatch.setattr(bulk, "each_apart", given_back_afterwards)
        await other.execute(text("SELECT 1 FROM quarantine WHERE kind = 'stop' FOR UPDATE"))
        done = await ask("quarantine.reconcile_many", **batch(**which))
    assert (done["matched"], done["done"]) == (2, 1)
    assert [one["code"] for one in done["failures"]] == ["busy"]
    monkeypatch.undo()
    assert (await ask("quarantine.reconcile_many", **batch(**which)))["done"] == 1


async def test_what_fits_nothing_beside_an_item_that_somebody_has_is_busy(
    ask: Asker, records: Records
) -> None:
    await records.token("T1", max_concurrent=None)
    stops = [records.stop(seq, 0, idTag="T1", meter_stop=seq, station_id="S0") for seq in (9, 12)]
    await records.report(*stops)
    await started_unseen(records, "S0")
    async with records.engine.connect() as other:
        await other.execute(text("SELECT 1 FROM quarantine WHERE seq = 9 FOR UPDATE"))
        done = await ask("quarantine.reconcile_many", **batch())
        assert (done["matched"], done["done"]) == (2, 0)
        assert [one["code"] for one in done["failures"]] == ["busy", "busy"]
        await other.execute(text("UPDATE quarantine SET status = 'dismissed' WHERE seq = 9"))
        await other.commit()
    assert (await ask("quarantine.reconcile_many", **batch()))["done"] == 1


@pytest.mark.parametrize("way", ["in turns", "in bulk", "at a start"])
async def test_what_a_person_attaches_is_recorded_with_no_other_transaction_meanwhile(
    ask: Asker, records: Records, way: str
) -> None:
    """The one that fits is another than the one that was chosen."""
    await records.token("T1", max_concurrent=None)
    await records.report(records.stop(9, 0, idTag="T1", station_id="S0"))
    await started_unseen(records, "S0")
    await records.token("T2")
    await started_unseen(records, "S0", connector_id=2, id_tag="T2")
    await records.execute("UPDATE quarantine SET next_at = now()")
    (item,) = (await ask("quarantine.list"))["items"]
    async with records.engine.connect() as person:
        await reconcile_item(person, Reconcile(id=item["id"], transaction_id=2))
        other: asyncio.Task[object]
        if way == "in turns":
            other = asyncio.create_task(in_transaction(records.engine, reconcile_due))
        elif way == "in bulk":
            other = asyncio.create_task(ask("quarantine.reconcile_many", **batch()))
        else:
            other = asyncio.create_task(records.decide(records.start(0, station_id="S0")))
        await until_done_or_waiting(records, other)
        await person.commit()
    await other
    stops = await records.rows("SELECT transaction_id FROM stop")
    assert [row["transaction_id"] for row in stops] == [2]
    rows = {row["id"]: row["status"] for row in await records.transactions()}
    assert (rows[1], rows[2]) == ("active", "completed")


async def until_done_or_waiting(records: Records, task: asyncio.Task[object]) -> None:
    """Wait until the task has come to its end, or to a lock."""
    locks = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    async with asyncio.timeout(10):
        while not task.done() and not await records.rows(locks):
            await asyncio.sleep(0.01)
