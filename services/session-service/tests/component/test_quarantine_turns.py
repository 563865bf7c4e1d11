"""What waits in quarantine is found by its start, and tried in turns that all stations share."""

from datetime import timedelta
from typing import Any

from csms_shared.db.engine import in_transaction
from session_service.handlers.quarantine import reconcile_due


async def test_one_stations_quarantine_hides_no_other_and_is_tried_in_turns(records: Any) -> None:
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
    tried: set[Any] = set()
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
    records: Any,
) -> None:
    await records.token("T1")
    await records.report(
        *(records.stop(10 + number, 0, idTag=f"X{number}") for number in range(600)),
        records.stop(700, 0, idTag="T1"),
    )
    await records.decide(records.start(699))
    (row,) = await records.transactions()
    assert row["status"] == "completed"


async def test_a_stop_in_words_that_another_boot_used_before_waits_as_well(records: Any) -> None:
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
