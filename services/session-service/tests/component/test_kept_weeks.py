"""Whether the values of a session are kept, where weeks are made and dropped."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from session_asker import Asker
from session_records import BASE, Records

from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.database import SCHEMA
from session_service.database.upkeep import make_partitions, upkeep_tasks
from session_service.transactions.handlers import facts
from session_service.transactions.store import facts as reading


async def test_a_week_that_was_dropped_and_made_again_is_not_one_that_is_kept(
    records: Records, ask: Asker, database_url: str
) -> None:
    await in_transaction(records.engine, make_partitions)
    await records.token("T1", max_concurrent=5)
    began = utc_now() - timedelta(days=25)
    value = {
        "timestamp": format_time(began + timedelta(minutes=1)),
        "sampledValue": [{"value": "150"}],
    }
    await records.decide(records.start(1, timestamp=format_time(began)))
    await records.report(records.meter_values(2, 1, meter_value=[value]))
    await records.report(records.stop(9, 1, timestamp=format_time(began + timedelta(minutes=5))))
    (before,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert (len(before["readings"]), before["values_complete"]) == (1, True)
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    try:
        # As if its values had been received then.
        await owner.execute("UPDATE meter_value_week SET received_on = received_on - 20")
        while await owner.fetchval("SELECT drop_meter_value_week(10)") is not None:
            pass
    finally:
        await owner.close()
    (dropped,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert (dropped["readings"], dropped["values_complete"]) == ([], False)
    # Hourly, beside the dropping.
    tasks = upkeep_tasks(meter_value_days=10, stop_days=10, quarantine_days=10)
    (make,) = (one for one in tasks if one.name == "make_partitions")
    await in_transaction(records.engine, make.work)
    (made,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert (made["readings"], made["values_complete"]) == ([], False)
    await in_transaction(records.engine, make_partitions)


async def test_values_that_come_while_several_sessions_are_told_are_no_defect(
    records: Records, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await records.token("T1", max_concurrent=5)
    for number in (1, 2):
        await records.decide(records.start(number, connector_id=number))
        await records.report(records.meter_values(number + 10, number, connector_id=number))
    values = reading._VALUES.text.replace("LIMIT 20001", "LIMIT 5")
    monkeypatch.setattr(reading, "_VALUES", type(reading._VALUES)(values))
    for module in (facts, reading):
        monkeypatch.setattr(module, "ROWS_MAX", 4)
    samples = [{"value": "170"}]

    async def meanwhile(*asked: Any) -> dict[int, int]:
        found = await reading.sizes_of_values(*asked)
        later = [
            {"timestamp": format_time(BASE + timedelta(minutes=one)), "sampledValue": samples}
            for one in (16, 17, 18)
        ]
        await records.report(records.meter_values(20, 1, meter_value=later))
        return found

    monkeypatch.setattr(facts, "sizes_of_values", meanwhile)
    answer = await ask("sessions.facts", transaction_ids=[1, 2])
    assert isinstance(answer, dict), answer
    assert {one["transaction_id"] for one in answer["items"]} | {*answer["later"]} == {1, 2}
