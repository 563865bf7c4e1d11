"""Transactions that operators end many at a time, as they would one by one."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from session_asker import Asker
from session_records import Records
from sqlalchemy import text

from csms_shared.values.times import format_time

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
REASON = "stops were lost"


def closing(**fields: Any) -> dict[str, Any]:
    """A batch of an action of its own, unless `action_id` is given."""
    batch = {"action_id": str(uuid.uuid4()), "limit": 100}
    return {**batch, "reason": REASON, "closed_by": "admin", **fields}


async def missing(records: Records, number: int, **fields: Any) -> list[int]:
    """Start two at each of so many stations; return the ids of those that miss their stop."""
    await records.token("T1", max_concurrent=None)
    await records.decide(
        *(
            records.start(
                seq,
                station_id=f"S{station}",
                timestamp=format_time(BASE + timedelta(minutes=seq)),
                **fields,
            )
            for station in range(number)
            for seq in (1, 2)
        )
    )
    rows = await records.rows(
        "SELECT id FROM transaction WHERE status = 'stop_missing' ORDER BY station_id"
    )
    return [row["id"] for row in rows]


async def ended(records: Records) -> dict[str, dict[str, Any]]:
    return {
        row["station_id"]: row
        for row in await records.transactions()
        if row["status"] == "completed"
    }


async def stopped_events(records: Records) -> list[dict[str, Any]]:
    return [
        event["data"]
        for event in await records.events()
        if event["type"] == "csms.transaction.stopped.v1"
    ]


async def test_those_that_miss_their_stop_end_with_their_last_reading_and_no_other(
    ask: Asker, records: Records
) -> None:
    first, second, third = await missing(records, 3)
    await records.report(
        records.meter_values(3, first, station_id="S0"),
        records.meter_values(4, first, station_id="S0"),
        records.meter_values(3, second, station_id="S1"),
    )
    done = await ask("transactions.close_many", **closing(without_reading="fail"))
    assert (done["matched"], done["done"], done["failed"], done["next_cursor"]) == (3, 2, 1, None)
    (failure,) = done["failures"]
    assert (failure["id"], failure["code"]) == (str(third), "no_reading")
    by_id = {row["id"]: row for row in await records.transactions()}
    assert sorted(row["status"] for row in by_id.values()) == [
        *["active"] * 3,
        *["completed"] * 2,
        "stop_missing",
    ]
    assert (by_id[first]["meter_stop"], by_id[second]["meter_stop"]) == (140, 130)
    assert by_id[third]["status"] == "stop_missing"
    done = await ask("transactions.close_many", **closing(without_reading="meter_start"))
    assert (done["matched"], done["done"]) == (1, 1)
    (row,) = [row for row in await records.transactions() if row["id"] == third]
    assert (row["meter_stop"], row["stop_reason"], row["closed_by"]) == (100, REASON, "admin")
    assert row["flags"] == ["closed_by_hand"]


async def test_it_is_told_exactly_as_the_end_of_one_by_hand(ask: Asker, records: Records) -> None:
    one, other = await missing(records, 2)
    await records.report(
        records.meter_values(3, one, station_id="S0"),
        records.meter_values(3, other, station_id="S1"),
    )
    closed = await ask(
        "transactions.close", transaction_id=one, meter_stop=130, reason=REASON, closed_by="admin"
    )
    assert closed["status"] == "completed"
    await ask("transactions.close_many", **closing())
    by_hand, in_bulk = await stopped_events(records)
    of_one = ("transaction_id", "station_transaction_id", "station_id", "stopped_at")
    assert by_hand.keys() == in_bulk.keys()
    assert {key: by_hand[key] for key in by_hand if key not in of_one} == {
        key: in_bulk[key] for key in in_bulk if key not in of_one
    }
    rows = await ended(records)
    columns = ("status", "meter_stop", "stop_reason", "closed_by", "revision", "flags")
    assert [rows["S0"][name] for name in columns] == [rows["S1"][name] for name in columns]
    assert rows["S1"]["stopped_at"].microsecond % 1000 == 0
    # The station's own stop is evidence of either.
    await records.report(
        records.stop(9, one, station_id="S0"), records.stop(9, other, station_id="S1")
    )
    for row in (await ended(records)).values():
        assert (row["meter_stop"], row["flags"]) == (130, ["closed_by_hand", "stop_after_close"])


@pytest.mark.parametrize(
    ("filter", "stations"),
    [
        ({"station_id": "S1"}, {"S1"}),
        ({"connector_id": 2}, set()),
        ({"id_token": "t1"}, {"S0", "S1", "S2"}),
        ({"id_token": "other"}, set()),
        ({"flag": "clock_not_set"}, set()),
        ({"started_from": format_time(BASE + timedelta(minutes=2))}, set()),
        ({"started_to": format_time(BASE + timedelta(minutes=2))}, {"S0", "S1", "S2"}),
        ({"status": "completed"}, set()),
    ],
)
async def test_filters_are_those_of_the_list(
    ask: Asker, records: Records, filter: dict[str, Any], stations: set[str]
) -> None:
    await missing(records, 3)
    filter = {"without_reading": "meter_start", **filter}
    counted = await ask("transactions.close_many", **closing(dry_run=True, **filter))
    assert counted == {
        "matched": len(stations),
        "done": 0,
        "failed": 0,
        "failures": [],
        "next_cursor": None,
    }
    assert await ended(records) == {}
    done = await ask("transactions.close_many", **closing(**filter))
    assert done["done"] == len(stations)
    assert set(await ended(records)) == stations
    assert len(await stopped_events(records)) == len(stations)


async def test_active_ones_end_where_that_is_asked_for(ask: Asker, records: Records) -> None:
    (older,) = await missing(records, 1)
    filter = {"station_id": "S0", "status": "active", "without_reading": "meter_start"}
    assert (await ask("transactions.close_many", **closing(**filter)))["done"] == 1
    assert {row["status"]: row["id"] == older for row in await records.transactions()} == {
        "stop_missing": True,
        "completed": False,
    }


async def test_batches_go_on_behind_the_cursor_until_none_is_left(
    ask: Asker, records: Records
) -> None:
    ids = await missing(records, 7)
    await records.report(
        *(records.meter_values(3, ids[n], station_id=f"S{n}") for n in (0, 2, 4, 6))
    )
    cursor, seen, failed = None, 0, []
    while True:
        left = await ask("transactions.close_many", **closing(dry_run=True, cursor=cursor))
        assert left["matched"] == 7 - seen
        done = await ask("transactions.close_many", **closing(limit=2, cursor=cursor))
        seen += done["matched"]
        failed += [int(failure["id"]) for failure in done["failures"]]
        cursor = done["next_cursor"]
        if cursor is None:
            break
    assert (seen, sorted(failed)) == (7, sorted(ids[1::2]))
    assert set(await ended(records)) == {"S0", "S2", "S4", "S6"}
    for dry_run in (False, True):
        bad = await ask("transactions.close_many", **closing(cursor="rubbish", dry_run=dry_run))
        assert bad == (422, "bad_cursor", ["cursor"])


async def test_a_batch_that_is_asked_for_again_answers_what_it_has_done_and_does_nothing(
    ask: Asker, records: Records
) -> None:
    await missing(records, 3)
    batch = closing(limit=1, without_reading="meter_start")
    # Sent twice, at once and later: a message may be delivered again.
    answers = await asyncio.gather(*(ask("transactions.close_many", **batch) for _ in range(3)))
    answers.append(await ask("transactions.close_many", **batch))
    assert answers[0]["done"] == 1
    assert all(answer == answers[0] for answer in answers)
    assert len(await ended(records)) == 1
    assert len(await stopped_events(records)) == 1


async def test_one_that_somebody_else_has_is_left_to_them_and_costs_no_other(
    ask: Asker, records: Records
) -> None:
    ids = await missing(records, 5)
    filter = {"without_reading": "meter_start"}
    async with records.engine.connect() as other:
        await other.execute(text(f"SELECT 1 FROM transaction WHERE id = {ids[2]} FOR UPDATE"))
        done = await ask("transactions.close_many", **closing(**filter))
    assert (done["matched"], done["done"]) == (5, 4)
    assert [(one["id"], one["code"]) for one in done["failures"]] == [(str(ids[2]), "busy")]
    assert (await ask("transactions.close_many", **closing(**filter)))["done"] == 1


@pytest.mark.parametrize(
    ("sampled", "meter_stop"),
    [
        ([("130.5", "Wh", {})], 130),
        ([("0.25", "kWh", {})], 250),
        ([("300", None, {}), ("7200", "W", {"measurand": "Power.Active.Import"})], 300),
        # Nothing of these is the transaction's register.
        ([("300", "Wh", {"phase": "L1"})], None),
        ([("300", "Wh", {"location": "Inlet"})], None),
        ([("300", "Wh", {"measurand": "Energy.Reactive.Import.Register"})], None),
        ([("99", "Wh", {})], None),
        ([("1e300", "Wh", {})], None),
        # More Wh than a double can say.
        ([("1e306", "kWh", {})], None),
        ([("-1e306", "kWh", {}), ("0.25", "kWh", {"context": "Transaction.End"})], 250),
        ([("nonsense", "Wh", {})], None),
        # The greater of two of one time.
        ([("200", "Wh", {}), ("210", "Wh", {"context": "Transaction.End"})], 210),
    ],
)
async def test_the_last_reading_is_of_the_energy_register(
    ask: Asker,
    records: Records,
    sampled: list[tuple[str, str | None, dict[str, str]]],
    meter_stop: int | None,
) -> None:
    (first,) = await missing(records, 1)
    values = [
        {"value": value, **({} if unit is None else {"unit": unit}), **more}
        for value, unit, more in sampled
    ]
    meter_value = [{"timestamp": format_time(BASE + timedelta(minutes=5)), "sampledValue": values}]
    await records.report(records.meter_values(3, first, station_id="S0", meter_value=meter_value))
    done = await ask("transactions.close_many", **closing())
    assert [one["code"] for one in done["failures"]] == ([] if meter_stop else ["no_reading"])
    rows = await ended(records)
    assert [row["meter_stop"] for row in rows.values()] == ([meter_stop] if meter_stop else [])


async def test_a_value_that_named_the_transaction_counts_before_one_that_was_matched(
    ask: Asker, records: Records
) -> None:
    (first,) = await missing(records, 1)
    at = {"minutes": 5, "station_id": "S0"}
    other = [
        {
            "timestamp": format_time(BASE + timedelta(minutes=5)),
            "sampledValue": [{"value": "900000", "unit": "Wh"}],
        }
    ]
    await records.report(
        records.meter_values(3, first, **at), records.meter_values(4, 77, meter_value=other, **at)
    )
    # What was matched before the transaction's successor started.
    await records.execute("UPDATE meter_value SET transaction_id = :id", id=first)
    await ask("transactions.close_many", **closing())
    assert [row["meter_stop"] for row in (await ended(records)).values()] == [130]


async def test_a_value_beyond_all_numbers_keeps_no_other_transaction_from_ending(
    ask: Asker, records: Records
) -> None:
    first, second = await missing(records, 2)
    odd = {"timestamp": format_time(BASE), "sampledValue": [{"value": "1e306", "unit": "kWh"}]}
    await records.report(
        records.meter_values(3, first, station_id="S0", meter_value=[odd]),
        records.meter_values(3, second, station_id="S1"),
    )
    done = await ask("transactions.close_many", **closing())
    assert (done["matched"], done["done"]) == (2, 1)
    assert [(one["id"], one["code"]) for one in done["failures"]] == [(str(first), "no_reading")]
    assert set(await ended(records)) == {"S1"}
