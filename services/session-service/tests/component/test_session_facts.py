"""What session-service tells of sessions to those who charge for them, from a real database."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from session_asker import Asker
from session_records import BASE, Records
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.values.times import format_time
from session_service.database import SCHEMA
from session_service.database.upkeep import make_partitions
from session_service.transactions.handlers import facts
from session_service.transactions.store import facts as reading

SIGNED = json.dumps({"signedMeterData": "T0NNRnw=", "encodingMethod": "OCMF", "publicKey": ""})


def at(minutes: float) -> str:
    return f"{BASE + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.%f}Z"


def told(minutes: float, *samples: dict[str, str]) -> dict[str, Any]:
    said = format_time(BASE + timedelta(minutes=minutes))
    return {"timestamp": said, "sampledValue": list(samples)}


def phases(measurand: str, unit: str, **values: str) -> list[dict[str, str]]:
    return [
        {"value": value, "measurand": measurand, "unit": unit, "phase": phase.replace("_", "-")}
        for phase, value in values.items()
    ]


async def facts_of(ask: Asker, *ids: int) -> list[dict[str, Any]]:
    answer = await ask("sessions.facts", transaction_ids=list(ids))
    assert answer["later"] == []
    items: list[dict[str, Any]] = answer["items"]
    return items


async def test_a_session_is_told_by_its_own_times_with_the_end_that_counts(
    records: Records, ask: Asker
) -> None:
    await records.token("T1", group_id="fleet")
    await records.decide(records.start(1))
    (running,) = await facts_of(ask, 1)
    assert (running["revision"], running["stopped_at"], running["meter_stop"]) == (0, None, None)
    await records.report(records.stop(5, 77, meter_stop=4000))
    await records.report(records.stop(9, 1))
    (one,) = await facts_of(ask, 1, 5)
    # Whether values of then are kept is a matter of the day.
    del one["values_complete"]
    assert one == {
        "transaction_id": 1,
        "revision": 2,
        "station_id": "S1",
        "site_id": None,
        "connector_id": 1,
        "id_token": "T1",
        "group_id": "fleet",
        "started_at": at(0),
        "stopped_at": at(9),
        "meter_start": 100,
        "meter_stop": 5100,
        "stop_reason": "Local",
        "flags": ["conflicting_stops"],
        "tags": [],
        "readings": [],
        "currents": [],
        "signed": [],
        "reservation": None,
    }


async def test_the_register_is_exact_and_the_one_that_the_transaction_itself_goes_by(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    register = "Energy.Active.Import.Register"
    values = [
        told(1, {"value": "0.1234567", "unit": "kWh"}, {"value": "9", "location": "Inlet"}),
        told(2, {"value": "200"}, {"value": "201.50", "context": "Sample.Clock"}),
        told(3, *phases(register, "Wh", L1="100.1", L2_N="100.2", L3="100.3")),
        told(4, *phases(register, "Wh", L1="1000", L2="1000")),
        told(5, *phases(register, "Wh", L1="1", L2="1", L3="1"), {"value": "400"}),
        told(6, {"value": "1", "unit": "varh"}, {"value": "x"}),
        told(7, {"value": "7000", "measurand": "Power.Active.Import"}),
    ]
    await records.report(records.meter_values(2, meter_value=values))
    (one,) = await facts_of(ask, 1)
    assert [(reading["at"], reading["energy_wh"]) for reading in one["readings"]] == [
        (at(1), "123.4567"),
        (at(2), "201.5"),
        (at(3), "300.6"),
        (at(5), "400"),
    ]


async def test_currents_are_summed_over_the_phases_of_an_instant(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    current = "Current.Import"
    values = [
        told(1, *phases(current, "A", L1="16.1", L2="15.9", L3="16.05", N="0.4")),
        told(2, {"value": "30", "measurand": current}, *phases(current, "A", L1="10")),
        told(3, {"value": "12.50", "measurand": current, "unit": "A"}),
    ]
    await records.report(records.meter_values(2, meter_value=values))
    (one,) = await facts_of(ask, 1)
    assert [(reading["at"], reading["amperes"]) for reading in one["currents"]] == [
        (at(1), "48.05"),
        (at(2), "10"),
        (at(3), "12.5"),
    ]
    assert one["readings"] == []


async def test_signed_values_are_told_as_they_were_sent_and_once(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    begin = {"value": SIGNED, "format": "SignedData", "context": "Transaction.Begin"}
    end = {"value": "OCMF|{ }|{}", "format": "SignedData", "context": "Transaction.End"}
    await records.report(records.meter_values(2, meter_value=[told(0, begin)]))
    await records.report(records.stop(9, transactionData=[told(0, begin), told(9, end)]))
    (one,) = await facts_of(ask, 1)
    assert one["signed"] == [
        {"at": at(0), "context": "Transaction.Begin", "value": SIGNED},
        {"at": at(9), "context": "Transaction.End", "value": "OCMF|{ }|{}"},
    ]
    assert one["readings"] == []


async def test_a_value_that_named_another_session_gives_way(records: Records, ask: Asker) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.meter_values(2, 77, meter_value=[told(1, {"value": "900"})]))
    (guessed,) = await facts_of(ask, 1)
    assert [reading["energy_wh"] for reading in guessed["readings"]] == ["900"]
    await records.report(records.meter_values(3, 1, meter_value=[told(1, {"value": "150"})]))
    (one,) = await facts_of(ask, 1)
    assert [reading["energy_wh"] for reading in one["readings"]] == ["150"]


@pytest.mark.parametrize(("reserved", "expected"), [(-30, -30), (5, 0)])
async def test_the_reservation_that_was_used_is_told_and_begins_before_the_session(
    records: Records, ask: Asker, reserved: float, expected: float
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    for number, (status, used_by) in enumerate((("expired", None), ("used", 1), ("used", 2)), 1):
        await records.execute(
            "INSERT INTO reservation (station_id, wire_id, connector_id, id_token, token_key, "
            "created_at, answered_at, expires_at, created_by, command_id, status, transaction_id) "
            "VALUES ('S1', :number, 1, 'T1', 't1', :at, :at, :until, 'a', gen_random_uuid(), "
            ":status, :used_by)",
            number=number,
            at=BASE + timedelta(minutes=reserved),
            until=BASE + timedelta(hours=1),
            status=status,
            used_by=used_by,
        )
    (one,) = await facts_of(ask, 1)
    assert one["reservation"] == {"reserved_at": at(expected)}


async def test_sessions_that_do_not_fit_are_to_be_asked_for_again_and_one_alone_is_thinned(
    records: Records, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await records.token("T1", max_concurrent=5)
    for number in (1, 2):
        await records.decide(records.start(number, connector_id=number))
    many = [told(minutes / 10, {"value": str(100 + minutes)}) for minutes in range(90)]
    await records.report(records.meter_values(3, 1, meter_value=many))
    await records.report(records.meter_values(4, 2, connector_id=2, meter_value=many[:20]))
    _at_most(monkeypatch, 50)
    answer = await ask("sessions.facts", transaction_ids=[1, 2])
    (small,) = answer["items"]
    assert (small["transaction_id"], len(small["readings"]), answer["later"]) == (2, 20, [1])
    (thinned,) = await facts_of(ask, 1)
    # The last of each of its minutes, and so the last of all.
    expected = [(at(minutes / 10), str(100 + minutes)) for minutes in range(9, 90, 10)]
    assert [(one["at"], one["energy_wh"]) for one in thinned["readings"]] == expected


async def test_what_is_signed_at_length_fits_an_answer_and_no_reading_is_lost_for_it(
    records: Records, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await records.token("T1", max_concurrent=5)
    for number in (1, 2):
        await records.decide(records.start(number, connector_id=number))

    def signed(minutes: float, context: str) -> dict[str, str]:
        text = f"OCMF|{minutes:06.1f}|" + "x" * 1000
        return {"value": text, "format": "SignedData", "context": context}

    many = [
        told(minutes / 10, {"value": str(200 + minutes)}, signed(minutes / 10, "Sample.Periodic"))
        for minutes in range(1, 40)
    ]
    many = [told(0, signed(0, "Transaction.Begin")), *many]
    many.append(told(9, signed(9, "Transaction.End")))
    await records.report(records.meter_values(3, 1, meter_value=many))
    await records.report(records.meter_values(4, 2, connector_id=2, meter_value=many[:5]))
    most = 10_000
    for module in (facts, reading):
        monkeypatch.setattr(module, "TEXTS_MAX", most)
    thinned = reading._THINNED.text.replace("2097152", str(most))
    monkeypatch.setattr(reading, "_THINNED", type(reading._THINNED)(thinned))
    answer = await ask("sessions.facts", transaction_ids=[1, 2])
    (small,) = answer["items"]
    assert (small["transaction_id"], len(small["signed"]), answer["later"]) == (2, 5, [1])
    (long,) = await facts_of(ask, 1)
    assert [one["energy_wh"] for one in long["readings"]] == [
        str(200 + one) for one in range(1, 40)
    ]
    # The begin and the end, then the first of the others.
    assert [one["at"] for one in long["signed"]] == [
        *(at(minutes / 10) for minutes in range(8)),
        at(9),
    ]


def _at_most(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    for name in ("_COUNTS", "_VALUES", "_THINNED"):
        statement = getattr(reading, name)
        text = statement.text.replace("LIMIT 20001", f"LIMIT {most + 1}")
        monkeypatch.setattr(reading, name, type(statement)(text.replace("20000", str(most))))
    monkeypatch.setattr(reading, "ROWS_MAX", most)
    monkeypatch.setattr(reading, "_ROWS_OF_A_STRETCH", 2)
    monkeypatch.setattr(facts, "ROWS_MAX", most)


async def test_fifty_sessions_take_as_few_statements_as_one(
    records: Records, ask: Asker, requests_engine: AsyncEngine
) -> None:
    await records.token("T1", max_concurrent=None)
    for number in range(1, 51):
        await records.decide(records.start(number, connector_id=number))
        await records.report(records.meter_values(100 + number, number, connector_id=number))
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "set_config" not in statement:
            seen.append(statement)

    listen(requests_engine.sync_engine, "before_cursor_execute", note)
    try:
        first = await facts_of(ask, 1)
        of_one = len(seen)
        seen.clear()
        assert len(await facts_of(ask, *range(1, 51))) == 50
    finally:
        remove(requests_engine.sync_engine, "before_cursor_execute", note)
    assert len(seen) == of_one <= 6
    assert len(first[0]["readings"]) == 1


async def test_a_session_of_a_week_that_was_dropped_says_so(
    records: Records, ask: Asker, database_url: str
) -> None:
    await records.token("T1", max_concurrent=5)
    week_before = format_time(BASE - timedelta(days=7))
    await records.decide(records.start(1, timestamp=week_before))
    await records.report(records.stop(9, 1))
    await records.decide(records.start(2, connector_id=2))
    owner = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    own = BASE.date() - timedelta(days=BASE.weekday())
    mondays = (own - timedelta(days=7), own)
    try:
        for monday in mondays:
            until = monday + timedelta(days=7)
            await owner.execute(
                f"CREATE TABLE IF NOT EXISTS meter_value_{monday:%Y%m%d} PARTITION OF meter_value "
                f"FOR VALUES FROM ('{monday} 00:00+00') TO ('{until} 00:00+00')"
            )
        assert [one["values_complete"] for one in await facts_of(ask, 1, 2)] == [True, True]
        await owner.execute(f"DROP TABLE meter_value_{mondays[0]:%Y%m%d}")
        assert [one["values_complete"] for one in await facts_of(ask, 1, 2)] == [False, True]
        await owner.execute(f"DROP TABLE meter_value_{mondays[1]:%Y%m%d}")
        assert [one["values_complete"] for one in await facts_of(ask, 1, 2)] == [False, False]
    finally:
        await owner.close()
        await in_transaction(records.engine, make_partitions)
