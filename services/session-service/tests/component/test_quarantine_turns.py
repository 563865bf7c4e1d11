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
