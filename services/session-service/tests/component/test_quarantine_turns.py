"""What waits in quarantine is found by its start, and tried in turns that all stations share."""

from datetime import timedelta
from uuid import UUID

from session_records import Records
from sqlalchemy.event import listen, remove

from csms_shared.db.engine import in_transaction
from session_service.quarantine.handlers.reconciling import reconcile_due


async def test_one_stations_quarantine_hides_no_other_and_is_tried_in_turns(
    records: Records,
) -> None:
    await records.token("T1")
    await records.report(
        *(records.stop(10 + number, 0, idTag=f"X{number}") for number in range(300)),
        *(records.meter_values(400 + number, 0, minutes=5) for number in range(300)),
    )
    await records.report(records.stop(9, 0, idTag="T1", station_id="S2"))
    # The start is there without anybody having looked at what waits for it.
    await records.decide(records.start(1, station_id="S3"))
    await records.execute("UPDATE transaction SET station_id = 'S2'")
    await records.execute("UPDATE connector SET station_id = 'S2'")
    await records.execute(
        "UPDATE quarantine SET next_at = now(), received_at = now() - interval '2 days'"
    )
    await in_transaction(records.engine, reconcile_due)
    (row,) = await records.transactions()
    assert row["status"] == "completed"
    tried: set[UUID] = set()
    for _ in range(30):
        await in_transaction(records.engine, reconcile_due)
        tried |= {
            item["id"]
            for item in await records.rows("SELECT id FROM quarantine WHERE attempts = 1")
        }
    assert len(tried) == len(
        await records.rows("SELECT id FROM quarantine WHERE station_id = 'S1'")
    )
    (least,) = await records.rows(
        "SELECT min(next_at - tried_at) AS wait FROM quarantine WHERE status = 'open'"
    )
    assert least["wait"] > timedelta(seconds=30)


async def test_the_stop_that_a_start_waited_for_is_found_behind_hundreds_of_others(
    records: Records,
) -> None:
    await records.token("T1")
    await records.report(
        *(records.stop(10 + number, 0, idTag=f"X{number}") for number in range(600)),
        records.stop(700, 0, idTag="T1"),
    )
    await records.decide(records.start(699))
    (row,) = await records.transactions()
    assert row["status"] == "completed"


async def test_a_stop_in_words_that_another_boot_used_before_waits_as_well(
    records: Records,
) -> None:
    await records.token("T1")
    # Power was lost: the stop is sent at the boot, at which the clock always begins anew.
    stops, starts = [], []
    for boot in (1, 2):
        sent = {"epoch": boot, "boot_count": boot}
        at = f"1970-01-01T01:0{boot}:00Z"
        starts.append(records.start(1, meter_start=0, timestamp=at, **sent))
        said = {"idTag": "T1", "meter_stop": 0, "timestamp": "1970-01-01T00:00:05Z"}
        stops += [records.stop(seq, -1, **said, **sent) for seq in (8, 9)]
    await records.report(*stops)
    assert len(await records.rows("SELECT * FROM quarantine")) == 2
    await records.decide(*reversed(starts))
    rows = await records.transactions()
    assert {(row["status"], row["stop_epoch"]) for row in rows} == {
        ("completed", 1),
        ("completed", 2),
    }


async def _waiting_stops(records: Records, stations: range) -> None:
    """Have each station's stop in quarantine, and the start that it is of stored beside it."""
    for number in stations:
        await records.report(records.stop(9, 0, idTag="T1", station_id=f"S{number}"))
        await records.decide(records.start(1, station_id=f"X{number}"))
    await records.execute("UPDATE transaction SET station_id = replace(station_id, 'X', 'S')")
    await records.execute("UPDATE connector SET station_id = replace(station_id, 'X', 'S')")
    await records.execute("UPDATE quarantine SET next_at = now()")


async def test_a_turn_of_many_stations_takes_as_many_statements_as_of_one(records: Records) -> None:
    sent: list[str] = []

    def note(_: object, __: object, sql: str, *___: object) -> None:
        sent.append(sql)

    async def turn() -> int:
        sent.clear()
        listen(records.engine.sync_engine, "before_cursor_execute", note)
        try:
            await in_transaction(records.engine, reconcile_due)
        finally:
            remove(records.engine.sync_engine, "before_cursor_execute", note)
        return len(sent)

    await records.token("T1", max_concurrent=100)
    await _waiting_stops(records, range(1))
    of_one = await turn()
    await _waiting_stops(records, range(1, 31))
    assert await turn() <= of_one
    assert {row["status"] for row in await records.transactions()} == {"completed"}
    assert len(await records.transactions()) == 31


async def test_an_item_that_can_not_be_read_keeps_no_other_station_waiting(
    records: Records,
) -> None:
    await records.token("T1", max_concurrent=100)
    await _waiting_stops(records, range(5))
    await records.execute("UPDATE quarantine SET payload = '{}' WHERE station_id = 'S2'")
    await in_transaction(records.engine, reconcile_due)
    statuses = {row["station_id"]: row["status"] for row in await records.transactions()}
    assert statuses == {
        f"S{number}": "active" if number == 2 else "completed" for number in range(5)
    }
    (item,) = await records.rows("SELECT attempts FROM quarantine WHERE status = 'open'")
    assert item["attempts"] == 1
