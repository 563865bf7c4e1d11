"""What names a transaction beats what was matched with it; changed ends are told as such."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from session_records import Records

from csms_shared.contracts.pages import Page
from csms_shared.contracts.sessions import (
    CloseTransaction,
    EvidenceView,
    ListEvidence,
    ListMeterValues,
    MeterValueView,
)
from csms_shared.db.engine import in_transaction
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.transactions.handlers.evidence import list_evidence
from session_service.transactions.handlers.requests import close_transaction, list_meter_values

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def evidence(records: Records, transaction_id: int = 1, **page: Any) -> Page[EvidenceView]:
    query = ListEvidence(transaction_id=transaction_id, **page)
    return await in_transaction(records.engine, lambda c: list_evidence(c, query))


async def ends(records: Records) -> list[tuple[str, dict[str, Any]]]:
    return [
        (event["type"].split(".")[2], event["data"])
        for event in await records.events()
        if event["type"] in ("csms.transaction.stopped.v1", "csms.transaction.corrected.v1")
    ]


async def test_a_stop_of_another_systems_id_gives_way_to_the_real_one(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.stop(5, 77, meter_stop=900_000))
    (guessed,) = await records.transactions()
    assert (guessed["meter_stop"], guessed["flags"]) == (
        900_000,
        ["implausible_power", "matched_without_id"],
    )
    await records.report(records.stop(9, 1))
    (row,) = await records.transactions()
    assert (row["meter_stop"], row["stop_seq"]) == (5100, 9)
    assert row["flags"] == ["conflicting_stops", "implausible_power"]
    (stopped, first), (corrected, then) = await ends(records)
    assert (stopped, first["energy_wh"], first["revision"]) == ("stopped", 899_900, 1)
    assert (corrected, then["energy_wh"], then["revision"]) == ("corrected", 5000, 2)
    assert (then["correction"], then["previous"]["energy_wh"]) == ("own_stop", 899_900)
    (item,) = (await evidence(records)).items
    assert (item.kind, item.why, item.sent_transaction_id, item.energy_wh) == (
        "stop",
        "matched_without_id",
        77,
        899_900,
    )


async def test_an_unknown_id_without_a_token_ends_nothing_on_a_station_of_several_connectors(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1, connector_id=2))
    await records.report(records.stop(5, 77), records.meter_values(4, 78, connector_id=2))
    (row,) = await records.transactions()
    assert row["status"] == "active"
    items = await records.rows("SELECT * FROM quarantine WHERE status = 'open'")
    assert {item["wire_transaction_id"] for item in items} == {77, 78}


async def test_a_connector_that_nothing_has_started_at_is_known_by_its_status(
    records: Records,
) -> None:
    event = {
        "id": "1",
        "source": "/csms/station-registry",
        "type": "csms.connector.added.v1",
        "subject": "S1",
        "time": format_time(BASE),
        "data": {"station_id": "S1", "connector_id": 2},
    }
    added = Work("events.v1", {}, [event])
    await records.token("T1")
    await records.report(added, added)
    await records.decide(records.start(1))
    await records.report(added, records.stop(5, 77))
    (row,) = await records.transactions()
    assert row["status"] == "active"
    (waiting,) = await records.rows("SELECT wire_transaction_id FROM quarantine")
    assert waiting["wire_transaction_id"] == 77


async def test_whatever_the_order_the_facts_stand_and_every_stop_is_kept(records: Records) -> None:
    results = []
    for number, order in enumerate(permutations(range(4))):
        station = f"P{number}"
        await records.token(f"T{number}")
        (reply,) = await records.answers(records.start(1, station_id=station, id_tag=f"T{number}"))
        own = reply["transactionId"]
        stops = [
            records.stop(3, 77, station_id=station, meter_stop=900_000),
            records.stop(5, own, station_id=station),
            records.stop(6, own, station_id=station, meter_stop=5200),
            records.stop(7, 0, station_id=station, meter_stop=8000),
        ]
        for index in order:
            await records.report(stops[index])
        (row,) = await records.rows("SELECT * FROM transaction WHERE id = :id", id=own)
        kept = await records.rows("SELECT * FROM stop WHERE transaction_id = :id", id=own)
        quarantined = await records.rows(
            "SELECT * FROM quarantine WHERE station_id = :station", station=station
        )
        told = [data for _, data in await ends(records) if data["transaction_id"] == own]
        results.append(
            (
                row["meter_stop"],
                (row["stop_epoch"], row["stop_seq"]),
                len(kept) + len(quarantined),
                # Who keeps the highest revision has what is stored.
                max(told, key=lambda data: data["revision"])["meter_stop"],
                len({data["revision"] for data in told}) == len(told),
            )
        )
    assert set(results) == {(5100, (1, 5), 4, 5100, True)}


async def test_a_batch_of_many_sessions_ends_none_on_another_connector(records: Records) -> None:
    await records.token("T1", max_concurrent=None)
    early = format_time(BASE - timedelta(minutes=1))
    await records.decide(records.start(1, connector_id=2, timestamp=early))
    stops = []
    for number in range(5):
        at = BASE + timedelta(minutes=number)
        await records.decide(
            records.start(10 + 2 * number, meter_start=number, timestamp=format_time(at))
        )
        at += timedelta(seconds=30)
        stops.append(records.stop(11 + 2 * number, -1, idTag="T1", timestamp=format_time(at)))
    # They were answered, and have waited for us.
    await records.report(*stops)
    assert [row["status"] for row in await records.transactions()] == [
        "active",
        *["stop_missing"] * 4,
        "active",
    ]
    assert len(await records.rows("SELECT * FROM quarantine WHERE status = 'open'")) == 5


@pytest.mark.parametrize("started", [0, 1])
@pytest.mark.parametrize("together", [True, False])
async def test_the_next_sessions_stop_waits_for_its_start_however_many_come_at_once(
    records: Records, started: int, together: bool
) -> None:
    await records.token("T1")
    starts, stops = [], []
    for number in range(2):
        at = BASE + timedelta(minutes=4 * number)
        starts.append(
            records.start(1 + 6 * number, meter_start=500 * number, timestamp=format_time(at))
        )
        at += timedelta(minutes=2)
        said = {"idTag": "T1", "meter_stop": 500 + number, "timestamp": format_time(at)}
        stops.append(records.stop(5 + 6 * number, -1, **said))
    for start in starts[:started]:
        await records.decide(start)
    for batch in [stops] if together else [[stop] for stop in stops]:
        await records.report(*batch)
    for start in starts[started:]:
        await records.decide(start)
    rows = await records.transactions()
    assert [(row["status"], row["stop_seq"]) for row in rows] == [
        ("completed", 5),
        ("completed", 11),
    ]


async def test_a_reset_ends_every_session_of_a_station_without_meters(records: Records) -> None:
    for connector_id, token in enumerate(("A", "B"), 1):
        await records.token(token)
        await records.decide(
            records.start(connector_id, connector_id=connector_id, id_tag=token, meter_start=0)
        )
    for seq, token in enumerate(("A", "B"), 3):
        await records.report(records.stop(seq, -1, idTag=token, meter_stop=0))
    rows = await records.transactions()
    assert [(row["status"], row["stop_seq"]) for row in rows] == [
        ("completed", 3),
        ("completed", 4),
    ]


async def test_an_old_stop_in_quarantine_does_not_end_a_later_session(records: Records) -> None:
    await records.token("T1")
    ahead = format_time(BASE + timedelta(days=700))
    await records.report(
        records.stop(3, 0, idTag="T1", timestamp="1970-01-01T00:00:00Z"),
        records.stop(4, -1, idTag="T1", timestamp=ahead),
        records.stop(5, 0, timestamp="soon"),
        records.meter_values(6, 0),
    )
    await records.decide(records.start(7))
    await records.execute("UPDATE quarantine SET next_at = now()")
    await in_transaction(records.engine, reconcile_due)
    (row,) = await records.transactions()
    assert (row["status"], row["flags"]) == ("active", [])
    assert await records.rows("SELECT * FROM stop") == []


async def test_a_clock_that_is_wrong_keeps_no_stop_from_its_session(records: Records) -> None:
    await records.token("T1")
    ahead = format_time(BASE + timedelta(days=700))
    await records.decide(records.start(1, timestamp=ahead))
    await records.report(records.stop(5, 0, idTag="T1"))
    (row,) = await records.transactions()
    assert (row["status"], row["meter_stop"]) == ("completed", 5100)


async def test_a_session_whose_stop_is_missing_makes_no_later_match_ambiguous(
    records: Records,
) -> None:
    await records.token("T1", max_concurrent=None)
    for number in range(4):
        at = format_time(BASE + timedelta(minutes=number))
        await records.decide(records.start(1 + number, timestamp=at, meter_start=number))
    await records.report(records.stop(9, 0, idTag="T1"))
    statuses = [row["status"] for row in await records.transactions()]
    assert statuses == ["stop_missing"] * 3 + ["completed"]


async def test_a_real_stop_after_a_close_by_hand_is_told_once(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    close = CloseTransaction(transaction_id=1, meter_stop=300, reason="lost", closed_by="admin")
    await in_transaction(records.engine, lambda c: close_transaction(c, close))
    await records.report(records.stop(9))
    await records.report(records.stop(9), records.stop(10))
    (_, closed), (kind, told) = await ends(records)
    assert (closed["closed_by"], closed["energy_wh"], closed["revision"]) == ("admin", 200, 1)
    assert (kind, told["correction"], told["energy_wh"]) == ("corrected", "stop_after_close", 200)
    assert told["station_stop"]["energy_wh"] == 5000
    assert told["previous"]["flags"] == ["closed_by_hand"]
    assert told["flags"] == ["closed_by_hand", "stop_after_close"]
    whys = [(item.why, item.seq) for item in (await evidence(records)).items]
    assert whys == [("closed_by_hand", 9), ("closed_by_hand", 10)]


async def test_an_event_id_stands_for_one_content(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    for seq, meter_stop in ((30, 8000), (20, 7000), (10, 6000), (11, 6000)):
        await records.report(records.stop(seq, meter_stop=meter_stop))
        await records.report(records.stop(seq, meter_stop=meter_stop))
    told = [event for event in await records.events() if "started" not in event["type"]]
    assert len({event["id"] for event in told}) == len(told) == 3
    figures = [
        (e["data"]["meter_stop"], e["data"].get("previous", {}).get("meter_stop")) for e in told
    ]
    assert figures == [(8000, None), (7000, 8000), (6000, 7000)]
    assert [e["data"].get("correction") for e in told] == [None, "earlier_stop", "earlier_stop"]


async def test_a_value_that_names_its_transaction_beats_one_that_was_matched(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.meter_values(2, 1, minutes=5), records.meter_values(3, 1))
    wrong = records.meter_values(90, 77, minutes=5)
    await records.report(wrong, records.meter_values(4, None))

    async def values(limit: int) -> list[MeterValueView]:
        found: list[MeterValueView] = []
        cursor = None
        while True:
            query = ListMeterValues(transaction_id=1, limit=limit, cursor=cursor)
            page = await in_transaction(records.engine, partial(list_meter_values, query=query))
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found

    for limit in (1, 2, 50):
        shown = await values(limit)
        raws = {(value.timestamp[14:16], value.raw) for value in shown}
        assert len(shown) == len(raws) == 6
        assert {("05", "120"), ("04", "140")} < raws
        assert ("05", "1000") not in raws
    items = (await evidence(records)).items
    assert {(item.kind, item.why, item.raw) for item in items} == {
        ("meter_value", "matched_without_id", "1000"),
        ("meter_value", "matched_without_id", "7200"),
    }


async def test_evidence_is_paged_without_gaps(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(*(records.stop(seq, meter_stop=5000 + seq) for seq in range(9, 15)))
    await records.report(records.meter_values(2, 1, minutes=5))
    await records.report(records.meter_values(3, 77, minutes=5))
    whole = [item.model_dump() for item in (await evidence(records)).items]
    assert [item["seq"] for item in whole] == [10, 11, 12, 13, 14, None, None]
    for limit in (1, 2, 5, 6):
        seen: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await evidence(records, limit=limit, cursor=cursor)
            seen += [item.model_dump() for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == whole


async def late(records: Records) -> list[int]:
    return [
        event["data"]["number"]
        for event in await records.events()
        if event["type"] == "csms.transaction.values_late.v1"
    ]


async def test_values_of_a_session_that_come_after_its_end_are_told(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.meter_values(2), records.stop(9, 1))
    await records.report(records.meter_values(3))
    assert await late(records) == [1]
    power = [{"value": "7200", "measurand": "Power.Active.Import"}]
    said = [{"timestamp": format_time(BASE + timedelta(minutes=4)), "sampledValue": power}]
    await records.report(records.meter_values(3), records.meter_values(4, meter_value=said))
    assert await late(records) == [1]


async def test_values_that_come_with_an_end_or_before_it_are_not_told_as_late(
    records: Records,
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    said = [{"timestamp": format_time(BASE), "sampledValue": [{"value": "100"}]}]
    await records.report(records.meter_values(2))
    await records.report(records.stop(9, 1, transactionData=said), records.meter_values(3))
    assert await late(records) == []


async def test_values_of_a_stop_that_changes_nothing_are_told_as_late(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.stop(9, 1))
    said = [{"timestamp": format_time(BASE), "sampledValue": [{"value": "100"}]}]
    await records.report(records.stop(11, 1, transactionData=said))
    assert await late(records) == [1]
