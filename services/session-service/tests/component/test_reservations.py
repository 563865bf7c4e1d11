"""Reservations on a real database: requests, starts, ends of commands, the clock, in any order."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reservation_records import answer, cancel, ended, out_of_service, reserve, soon, start
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.reservations import (
    FindReservation,
)
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.values.times import format_time
from session_service.database import SCHEMA
from session_service.reservations.handlers.judging import expire_reservations
from session_service.reservations.handlers.requests import (
    find_reservation,
)
from session_service.reservations.store.outages import forget_outages

_ROWS = "SELECT * FROM reservation ORDER BY id"
# The reservations, by status, reason and who used them, and the transactions.
Outcome = tuple[list[tuple[str, str | None, str | None]], list[dict[str, Any]]]


async def orders(records: Records) -> list[dict[str, Any]]:
    rows = await records.rows(
        "SELECT events FROM outbox WHERE routing_key = 'command-api.orders' ORDER BY id"
    )
    return [order for row in rows for order in orjson.loads(row["events"])]


async def told(records: Records) -> list[str]:
    rows = await records.rows(
        "SELECT routing_key FROM outbox WHERE routing_key LIKE 'reservation.%' ORDER BY id"
    )
    return [row["routing_key"] for row in rows]


async def status(records: Records) -> list[tuple[str, str | None]]:
    return [(row["status"], row["reason"]) for row in await records.rows(_ROWS)]


async def test_a_reservation_is_ordered_accepted_and_used(records: Records) -> None:
    await records.token("T1")
    made = await reserve(records, group_id="G")
    assert (made.reservation_id, made.status, made.station_reservation_id) == (1, "pending", 1)
    (order,) = await orders(records)
    assert order["action"] == "ReserveNow"
    assert order["order_id"] == made.command_id
    assert order["payload"] | {"expiryDate": ""} == {
        "connectorId": 1,
        "expiryDate": "",
        "idTag": "T1",
        "parentIdTag": "G",
        "reservationId": 1,
    }
    await records.report(answer(made, "Accepted"))
    assert await status(records) == [("active", None)]
    await records.decide(start(records, reservation_id=1))
    (row,) = await records.rows(_ROWS)
    assert (row["status"], row["transaction_id"]) == ("used", 1)
    assert await told(records) == [
        "reservation.created",
        "reservation.active",
        "reservation.used",
    ]
    with pytest.raises(ProblemRaised) as refused:
        await cancel(records)
    assert refused.value.problem.code == "reservation_ended"


@pytest.mark.parametrize("never", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_reservation_that_never_expires_is_used_like_any_other(
    records: Records, never: str
) -> None:
    await records.token("T1")
    made = await reserve(records, expires_at=never)
    assert made.expires_at[:19] == never[:19]
    await records.report(answer(made, "Accepted"))
    foreign = {"connectorId": 2, "expiryDate": never, "idTag": "T2", "reservationId": 77}
    await records.report(ended("ReserveNow", foreign, "Accepted"))
    await in_transaction(records.engine, expire_reservations)
    assert await status(records) == [("active", None)] * 2
    await records.decide(start(records, reservation_id=1))
    used, open_ = await records.rows(_ROWS)
    assert (used["status"], open_["status"]) == ("used", "active")


async def test_a_reservation_until_a_time_that_never_was_has_expired(records: Records) -> None:
    foreign = {"connectorId": 1, "expiryDate": "0001-01-01T00:00:00Z", "idTag": "T",
               "reservationId": 77}  # fmt: skip
    await records.report(ended("ReserveNow", foreign, "Accepted"))
    assert await status(records) == [("expired", None)]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ({"status": "Faulted"}, "faulted"),
        ({"status": "Occupied"}, "occupied"),
        ({"status": "Rejected"}, "rejected"),
        ({"status": "Unavailable"}, "unavailable"),
        ({"changes": {"status": "station_offline"}}, "offline"),
        ({"changes": {"status": "expired"}}, "offline"),
        ({"changes": {"status": "error", "error": {"code": "NotSupported"}}}, "unsupported"),
        ({"changes": {"status": "error", "error": {"code": "NotImplemented"}}}, "unsupported"),
        ({"changes": {"status": "error", "error": {"code": "BUSY"}}}, "busy"),
    ],
)
async def test_a_refusal_says_why(records: Records, end: dict[str, Any], reason: str) -> None:
    made = await reserve(records)
    await records.report(answer(made, end.get("status"), **end.get("changes", {})))
    assert await status(records) == [("refused", reason)]


async def test_an_unknown_outcome_stays_pending_until_a_late_answer(records: Records) -> None:
    made = await reserve(records)
    await records.report(answer(made, None, status="outcome_unknown"))
    assert await status(records) == [("pending", "outcome_unknown")]
    await records.report(answer(made, "Accepted"))
    await records.report(answer(made, None, status="outcome_unknown"))
    assert await status(records) == [("active", None)]


async def test_a_cancellation_waits_for_the_answer_to_the_reservation(records: Records) -> None:
    made = await reserve(records)
    assert (await cancel(records)).cancel_command_id is None
    assert len(await orders(records)) == 1
    await records.report(answer(made, "Accepted"))
    _, order = await orders(records)
    assert (order["action"], order["payload"]) == ("CancelReservation", {"reservationId": 1})
    assert (await cancel(records)).cancel_command_id == order["order_id"]
    assert len(await orders(records)) == 2
    await records.report(
        ended("CancelReservation", order["payload"], "Accepted", command_id=order["order_id"])
    )
    assert await status(records) == [("cancelled", None)]


async def test_a_failed_cancellation_is_shown_and_can_be_asked_for_again(records: Records) -> None:
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    first = await cancel(records)
    await records.report(
        ended(
            "CancelReservation",
            {"reservationId": 1},
            None,
            command_id=first.cancel_command_id,
            status="outcome_unknown",
        )
    )
    (row,) = await records.rows(_ROWS)
    assert (row["status"], row["cancel_failure"]) == ("active", "outcome_unknown")
    again = await cancel(records)
    assert again.cancel_command_id not in (None, first.cancel_command_id)
    await records.report(ended("CancelReservation", {"reservationId": 1}, "Rejected"))
    assert await status(records) == [("cancelled", "not_held_by_station")]


async def test_a_reservation_expires_without_a_word_from_the_station(records: Records) -> None:
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    await in_transaction(records.engine, expire_reservations)
    assert await status(records) == [("active", None)]
    await records.execute("UPDATE reservation SET expires_at = now()")
    await in_transaction(records.engine, expire_reservations)
    assert await status(records) == [("expired", None)]
    assert (await told(records))[-1] == "reservation.expired"


@pytest.mark.parametrize("shown", ["Faulted", "Unavailable"])
async def test_a_connector_out_of_service_keeps_no_reservation(
    records: Records, shown: str
) -> None:
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    await records.report(out_of_service(2, shown))
    assert await status(records) == [("active", None)]
    await records.report(out_of_service(1, shown))
    assert await status(records) == [("cancelled", shown.lower())]
    assert (await told(records))[-1] == "reservation.cancelled"
    with pytest.raises(ProblemRaised, match="cancelled already"):
        await cancel(records)


async def test_outages_that_no_reservation_met_are_forgotten_after_a_day(records: Records) -> None:
    made = await reserve(records)
    await records.report(
        answer(made, "Accepted"), out_of_service(1, "Faulted"), out_of_service(2, "Faulted")
    )
    await records.execute("UPDATE reservation SET created_at = created_at - interval '2 days'")
    await records.execute("UPDATE reservation_outage SET at = at - interval '25 hours'")
    await records.execute("UPDATE reservation_outage SET station_id = 'S2' WHERE connector_id = 2")
    await in_transaction(records.engine, forget_outages)
    rows = await records.rows("SELECT connector_id FROM reservation_outage")
    assert [row["connector_id"] for row in rows] == [1]


async def test_a_start_by_another_token_is_judged_on_the_token_and_flagged(
    records: Records,
) -> None:
    await records.token("T1")
    await records.token("T2")
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    (reply,) = await records.answers(start(records, id_tag="T2"))
    assert reply["idTagInfo"]["status"] == "Accepted"
    (transaction,) = await records.transactions()
    assert transaction["flags"] == ["reservation_conflict"]
    assert await status(records) == [("active", None)]


async def test_a_reservation_by_the_command_route_is_kept_too(records: Records) -> None:
    payload = {
        "connectorId": 0,
        "expiryDate": format_time(soon(60)),
        "idTag": "T9",
        "reservationId": 4711,
    }
    reserved = ended("ReserveNow", payload, "Accepted")
    cancelled = ended("CancelReservation", {"reservationId": 4711}, "Accepted")
    await records.report(cancelled)
    await records.report(reserved)
    await records.report(reserved)
    (row,) = await records.rows(_ROWS)
    assert (row["wire_id"], row["id_token"], row["status"]) == (4711, "T9", "cancelled")


async def test_starts_of_stations_without_reservations_cost_no_exchange_more(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def judged(*_: object) -> None:
        raise AssertionError("nothing is reserved there")

    monkeypatch.setattr("session_service.batches.decisions.judge_started", judged)
    await records.token("T1")
    await reserve(records, station_id="S2")
    await records.decide(start(records))


@pytest.mark.parametrize("changes", [{"expires_at": "2020-01-01T00:00:00Z"}, {"id_token": "  "}])
async def test_impossible_reservations_are_refused(
    records: Records, changes: dict[str, Any]
) -> None:
    with pytest.raises(ProblemRaised) as refused:
        await reserve(records, **changes)
    assert refused.value.problem.status == 422


@pytest.mark.scaled
def test_any_order_and_repetition_of_what_happened_gives_the_same_rows(
    session_url: str,
    records_of: Callable[[AsyncEngine], Records],
    clear: Callable[[], Awaitable[None]],
) -> None:
    async def check(order: Sequence[int], accepted: bool, named: bool, faulted: bool) -> Outcome:
        await clear()
        engine = create_engine(session_url, SCHEMA, name="any order", pool_size=4)
        records = records_of(engine)
        try:
            await records.token("T1")
            await records.token("T2")
            made = await reserve(records)
            unknown = answer(made, None, status="outcome_unknown")
            known = answer(made, "Accepted" if accepted else "Occupied")
            missing = ended(
                "CancelReservation", {"reservationId": 1}, "Rejected", answered_at=soon(9)
            )
            works = [
                unknown,
                known,
                missing,
                start(records, 1, minutes=1, id_tag="T2"),
                start(records, 2, minutes=2, reservation_id=1 if named else None),
                start(records, 3, minutes=3, id_tag="T2"),
                out_of_service(1 if faulted else 2, "Faulted"),
            ]
            for index in order:
                work = works[index]
                await (records.decide if work.type == "calls.v1" else records.report)(work)
            rows = await records.rows("SELECT status, reason, transaction_id FROM reservation")
            used = {
                row["id"]: row["id_token"]
                for row in await records.rows("SELECT * FROM transaction")
            }
            transactions = await records.rows(
                "SELECT seq, id_token, flags FROM transaction ORDER BY seq"
            )
            return (
                [(row["status"], row["reason"], used.get(row["transaction_id"])) for row in rows],
                transactions,
            )
        finally:
            await engine.dispose()

    expected = {
        case: asyncio.run(check(range(7), *case))
        for case in itertools.product([True, False], repeat=3)
    }
    assert expected[True, False, True][0] == [("cancelled", "faulted", None)]
    assert expected[True, False, False] == (
        [("used", None, "T1")],
        [
            {"seq": 1, "id_token": "T2", "flags": ["reservation_conflict"]},
            {"seq": 2, "id_token": "T1", "flags": []},
            {"seq": 3, "id_token": "T2", "flags": []},
        ],
    )

    @settings(
        max_examples=scaled(20, 6),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(data=st.data())
    def any_order(data: st.DataObject) -> None:
        extra = data.draw(st.lists(st.integers(0, 6), max_size=4))
        order = data.draw(st.permutations([*range(7), *extra]))
        case = (data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans()))
        assert asyncio.run(check(order, *case)) == expected[case]

    any_order()


async def test_a_reservation_that_is_asked_for_twice_under_one_command_is_one(
    records: Records,
) -> None:
    command_id = uuid4()
    find = FindReservation(command_id=command_id)
    with pytest.raises(ProblemRaised, match="no reservation"):
        await in_transaction(records.engine, lambda c: find_reservation(c, find))
    first, second = await asyncio.gather(
        *(reserve(records, command_id=command_id) for _ in range(2))
    )
    found = await in_transaction(records.engine, lambda c: find_reservation(c, find))
    assert first == second == found
    assert first.command_id == str(command_id)
    assert len(await records.rows(_ROWS)) == 1
