"""Starts, stops and meter values against a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from session_records import Records

from csms_shared.values.times import format_time

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def test_second_start_with_the_same_natural_key_returns_the_first_transaction_id(
    records: Records,
) -> None:
    await records.token("T1", group_id="G")
    (first,) = await records.answers(records.start(1))
    await records.execute("UPDATE id_token SET status = 'blocked'")
    again, moved = await records.answers(records.start(2), records.start(1, epoch=2, id_tag="t1"))
    assert first == {
        "transactionId": 1,
        "idTagInfo": {"status": "Accepted", "parentIdTag": "G"},
    }
    assert again == moved == first
    assert [event["type"] for event in await records.events()] == ["csms.transaction.started.v1"]


async def test_copies_of_a_start_inside_one_batch_get_one_id(records: Records) -> None:
    await records.token("T1")
    replies = await records.answers(records.start(3), records.start(1), records.start(2))
    assert [reply["transactionId"] for reply in replies] == [1, 1, 1]
    (row,) = await records.transactions()
    assert (row["epoch"], row["seq"]) == (1, 1)


async def test_concurrent_copies_of_a_start_get_one_id(records: Records) -> None:
    await records.token("T1")
    replies = await asyncio.gather(*(records.answers(records.start(seq)) for seq in range(6)))
    assert {reply[0]["transactionId"] for reply in replies} == {1}
    assert len(await records.transactions()) == 1
    (row,) = await records.transactions()
    assert row["seq"] == 0


async def test_refused_start_still_gets_a_positive_id(records: Records) -> None:
    await records.token("B1", "blocked")
    await records.token("E1", expires_at=BASE)
    replies = await records.answers(
        records.start(1, id_tag="unknown"),
        records.start(1, id_tag="b1", station_id="S2"),
        records.start(1, id_tag="E1", station_id="S3"),
    )
    assert [reply["idTagInfo"]["status"] for reply in replies] == ["Invalid", "Blocked", "Expired"]
    assert all(reply["transactionId"] > 0 for reply in replies)
    assert {row["status"] for row in await records.transactions()} == {"active"}


async def test_token_is_concurrent_only_on_other_connectors(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    later = format_time(BASE + timedelta(minutes=1))
    elsewhere, same = await records.answers(
        records.start(1, station_id="S2"), records.start(2, timestamp=later)
    )
    assert elsewhere["idTagInfo"]["status"] == "ConcurrentTx"
    assert same["idTagInfo"]["status"] == "Accepted"


async def test_superseded_transaction_does_not_keep_its_token_busy(records: Records) -> None:
    await records.token("T1")
    await records.token("T2")
    await records.decide(records.start(1))
    await records.decide(records.start(2, id_tag="T2", meter_start=200))
    (elsewhere,) = await records.answers(records.start(1, station_id="S2"))
    assert elsewhere["idTagInfo"]["status"] == "Accepted"
    assert [row["status"] for row in await records.transactions()] == [
        "stop_missing",
        "active",
        "active",
    ]


async def test_two_stations_racing_for_one_token_get_one_acceptance(records: Records) -> None:
    await records.token("T1")
    replies = await asyncio.gather(
        *(records.answers(records.start(1, station_id=f"S{n}")) for n in range(6))
    )
    statuses = sorted(reply[0]["idTagInfo"]["status"] for reply in replies)
    assert statuses == ["Accepted", *["ConcurrentTx"] * 5]


async def test_free_vend_token_and_unlimited_tokens_are_never_concurrent(records: Records) -> None:
    await records.token("FLEET", max_concurrent=None)
    replies = await records.answers(
        *(records.start(1, station_id=f"S{n}", id_tag="") for n in range(3)),
        *(records.start(1, station_id=f"F{n}", id_tag="Fleet") for n in range(3)),
        records.call("Authorize", 9, {"idTag": " "}),
        free_vend=True,
    )
    assert {reply["idTagInfo"]["status"] for reply in replies} == {"Accepted"}


async def test_a_blank_token_is_refused_unless_a_setting_accepts_it(records: Records) -> None:
    start, authorize = await records.answers(
        records.start(1, id_tag=" "), records.call("Authorize", 2, {"idTag": ""})
    )
    assert (start["transactionId"], start["idTagInfo"]["status"]) == (1, "Invalid")
    assert authorize["idTagInfo"]["status"] == "Invalid"


async def test_start_that_may_only_look_concurrent_is_held_and_then_accepted(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    elsewhere = records.start(1, station_id="S2")
    assert await records.decide(elsewhere, hold=True) == [None]
    await records.report(records.stop())
    (reply,) = await records.answers(elsewhere, hold=True)
    assert reply["idTagInfo"]["status"] == "Accepted"


async def test_start_that_was_here_before_another_took_its_token_is_refused_at_once(
    records: Records,
) -> None:
    await records.token("T1")
    earlier = records.start(1, station_id="S2")
    await records.decide(records.start(1))
    (reply,) = await records.answers(earlier, hold=True)
    assert reply["idTagInfo"]["status"] == "ConcurrentTx"


async def test_start_is_held_where_nobody_waited_for_the_one_that_took_its_token(
    records: Records,
) -> None:
    await records.token("T1")
    earlier = records.start(1, station_id="S2")
    await records.decide(records.start(1, deadline_ms=1))
    assert await records.decide(earlier, hold=True) == [None]


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:10Z", "2025-06-01T00:00:10Z", "soon"])
async def test_clock_that_falls_back_makes_a_new_transaction_after_the_boot_that_follows_a_stop(
    records: Records, timestamp: str
) -> None:
    await records.token("T1")

    async def started(seq: int, boot: int) -> int:
        start = records.start(seq, boot_count=boot, timestamp=timestamp, meter_start=0)
        (reply,) = await records.answers(start)
        return int(reply["transactionId"])

    assert [await started(1, 1), await started(2, 1)] == [1, 1]
    # Sent again after a boot, as its answer was lost: still the same.
    assert await started(3, 2) == 1
    await records.report(records.stop(4, 1, boot_count=2, meter_stop=900, timestamp=timestamp))
    assert [await started(5, 2), await started(6, 3), await started(7, 3)] == [1, 2, 2]
    await records.report(records.stop(8, 2, boot_count=3, meter_stop=700, timestamp=timestamp))
    assert [await started(9, 4), await started(6, 3), await started(1, 1)] == [3, 2, 1]
    first, second, third = await records.transactions()
    assert (first["meter_stop"], second["meter_stop"], third["status"]) == (900, 700, "active")
    told = [event for event in await records.events() if "started" in event["type"]]
    assert len({event["id"] for event in told}) == len(told) == 3


async def test_unreadable_time_of_a_start_falls_back_to_its_receipt(records: Records) -> None:
    await records.token("T1")
    ids = [
        (await records.answers(records.start(seq, timestamp="yesterday")))[0]["transactionId"]
        for seq in (1, 2)
    ]
    (row,) = await records.transactions()
    assert ids == [1, 1]
    assert row["started_raw"] == "yesterday"
    assert row["flags"] == ["unreadable_time"]


async def test_start_past_its_deadline_is_applied_and_not_answered(records: Records) -> None:
    await records.token("T1")
    late = records.start(1, deadline_ms=1)
    authorize = records.call("Authorize", 2, {"idTag": "T1"}, deadline_ms=1)
    assert await records.decide(late, authorize) == [None, None]
    assert len(await records.transactions()) == 1


async def test_authorize_tells_expiry_and_group_in_any_case(records: Records) -> None:
    await records.token("Card", expires_at=datetime(2030, 1, 1, tzinfo=UTC), group_id="G")
    known, unknown = await records.answers(
        records.call("Authorize", 1, {"idTag": "cARD"}),
        records.call("Authorize", 2, {"idTag": "nobody"}),
    )
    assert known == {
        "idTagInfo": {
            "status": "Accepted",
            "expiryDate": "2030-01-01T00:00:00.000Z",
            "parentIdTag": "G",
        }
    }
    assert unknown == {"idTagInfo": {"status": "Invalid"}}


async def test_stop_that_was_sent_first_wins_whatever_comes_first(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.stop(20, meter_stop=7000))
    await records.report(records.stop(10, meter_stop=6000))
    await records.report(records.stop(30, meter_stop=8000), records.stop(10, meter_stop=6000))
    (row,) = await records.transactions()
    assert (row["meter_stop"], row["stop_seq"]) == (6000, 10)
    assert row["flags"] == ["conflicting_stops"]
    assert len(await records.rows("SELECT * FROM stop")) == 3


async def test_stop_with_transaction_data_stores_its_meter_values_once(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    data = [
        {
            "timestamp": format_time(BASE + timedelta(minutes=n)),
            "sampledValue": [{"value": f"{100 + n}"}, {"value": "odd", "measurand": "Made.Up"}],
        }
        for n in range(3)
    ]
    await records.report(records.stop(5, transactionData=data))
    await records.report(records.stop(6, transactionData=data))
    rows = await records.rows("SELECT * FROM meter_value")
    assert len(rows) == 6
    assert {row["transaction_id"] for row in rows} == {1}
    assert {row["value"] for row in rows} == {100.0, 101.0, 102.0, None}


async def test_stop_of_a_superseded_transaction_completes_it_without_a_flag(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.decide(records.start(3, meter_start=5100, timestamp="2026-11-20T08:09:30Z"))
    assert [row["status"] for row in await records.transactions()] == ["stop_missing", "active"]
    await records.report(records.stop(2))
    first, second = await records.transactions()
    assert (first["status"], first["flags"]) == ("completed", [])
    assert second["status"] == "active"


async def test_start_that_is_processed_late_is_the_superseded_one(records: Records) -> None:
    await records.token("T1")
    newer = records.start(5, meter_start=900, timestamp="2026-11-20T08:05:00Z")
    await records.decide(newer)
    (reply,) = await records.answers(records.start(1))
    assert reply["idTagInfo"]["status"] == "Accepted"
    assert [row["status"] for row in await records.transactions()] == ["active", "stop_missing"]


@pytest.mark.parametrize("wire_id", [-1, 0, 77])
async def test_stop_without_a_usable_id_is_attached_to_the_one_that_fits(
    records: Records, wire_id: int
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.stop(5, wire_id, idTag="t1"))
    await records.report(records.stop(6, wire_id, idTag="t1"))
    (row,) = await records.transactions()
    assert (row["status"], row["flags"]) == ("completed", ["matched_without_id"])
    assert await records.rows("SELECT * FROM quarantine") == []


async def test_stop_of_an_unknown_id_by_another_token_or_of_before_ends_nothing(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(
        records.stop(5, 77, idTag="T2"),
        records.stop(6, 78, idTag="T1", timestamp="2026-11-19T00:00:00Z"),
    )
    (row,) = await records.transactions()
    assert (row["status"], row["flags"]) == ("active", [])
    open_items = await records.rows("SELECT * FROM quarantine WHERE status = 'open'")
    assert {item["wire_transaction_id"] for item in open_items} == {77, 78}


async def test_stop_that_fits_nothing_waits_in_quarantine_for_its_start(records: Records) -> None:
    await records.token("T1")
    data = [{"timestamp": format_time(BASE), "sampledValue": [{"value": "101"}]}]
    await records.report(
        records.stop(5, 0, idTag="T1", transactionData=data),
        records.stop(6, 0, idTag="T1", transactionData=data),
        records.meter_values(4, 0),
    )
    assert len(await records.rows("SELECT * FROM quarantine WHERE status = 'open'")) == 2
    await records.decide(records.start(1))
    (row,) = await records.transactions()
    assert (row["status"], row["meter_stop"]) == ("completed", 5100)
    assert len(await records.rows("SELECT * FROM meter_value WHERE transaction_id = 1")) == 3
    assert {row["status"] for row in await records.rows("SELECT * FROM quarantine")} == {
        "reconciled"
    }


async def test_a_transaction_of_another_station_is_never_touched(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    huge = 9_999_999_999
    await records.report(
        records.stop(5, 1, station_id="S2"),
        records.meter_values(4, 1, station_id="S2"),
        records.meter_values(5, huge, station_id="S2"),
    )
    (row,) = await records.transactions()
    assert row["status"] == "active"
    assert await records.rows("SELECT * FROM meter_value") == []
    kinds = await records.rows("SELECT kind FROM quarantine ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["meter_values", "meter_values", "stop"]


async def test_meter_values_without_id_belong_to_the_transaction_of_their_time(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(
        records.meter_values(2, None), records.meter_values(3, None, connector_id=2)
    )
    rows = await records.rows("SELECT connector_id, transaction_id FROM meter_value")
    assert {(row["connector_id"], row["transaction_id"]) for row in rows} == {(1, 1), (2, None)}


async def test_meter_values_again_are_stored_once_and_told_once(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.meter_values(2, minutes=2))
    await records.report(records.meter_values(7, minutes=2, meter_value=None))
    await records.report(records.meter_values(2, minutes=2), records.meter_values(2, minutes=2))
    told = [event for event in await records.events() if "meter_values" in event["type"]]
    assert len(await records.rows("SELECT * FROM meter_value")) == 3
    assert len({event["id"] for event in told}) == 2


async def test_odd_meter_values_are_stored_as_sent(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    odd = [
        {"timestamp": "1970-01-01T00:00:00Z", "sampledValue": [{"value": "1e999"}]},
        {"timestamp": "2026-11-20T08:01:00Z", "sampledValue": []},
        {"timestamp": "2026-11-20T08:01:00Z", "sampledValue": {"value": 12.5, "unit": "Hz"}},
        {"timestamp": "??", "sampledValue": [{"value": "\0x", "format": "SignedData"}]},
    ]
    await records.report(records.meter_values(2, meter_value=odd))
    rows = await records.rows("SELECT raw, value, unit FROM meter_value ORDER BY raw")
    assert [(row["raw"], row["value"], row["unit"]) for row in rows] == [
        ("12.5", 12.5, "Hz"),
        ("1e999", None, None),
        ("x", None, None),
    ]
    # Gateways mend such values: what is told of them without one is as odd as they are.
    await records.execute("DELETE FROM outbox")


async def test_suspect_values_flag_the_transaction_and_stay(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1, meter_start=9000))
    await records.report(records.meter_values(2))
    await records.report(records.stop(9, meter_stop=8000))
    (row,) = await records.transactions()
    assert row["flags"] == ["meter_backwards", "negative_energy"]
    assert row["meter_stop"] == 8000


async def test_copies_of_meter_values_inside_one_batch_are_told_once(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(
        records.meter_values(3), records.meter_values(3, epoch=2), records.meter_values(4)
    )
    told = [one for one in await records.events() if "meter_values" in one["type"]]
    assert [(one["data"]["epoch"], one["data"]["seq"]) for one in told] == [(1, 3), (1, 4)]
    assert len({one["id"] for one in told}) == 2
