"""What is known of reservations, for another service that charges for them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from reservation_records import answer, cancel, ended, out_of_service, reserve, soon, start
from session_records import Records

from csms_shared.db.engine import in_transaction
from csms_shared.values.times import format_exact_time, format_time
from session_service.reservations.handlers.judging import expire_reservations

Asker = Callable[..., Awaitable[Any]]


async def _facts(ask: Asker, *ids: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask("reservations.facts", reservation_ids=[*ids]))["items"]
    return found


async def _told(records: Records) -> list[tuple[str, str]]:
    rows = await records.rows(
        "SELECT events FROM outbox WHERE routing_key LIKE 'reservation.%' ORDER BY id"
    )
    events = [one for row in rows for one in orjson.loads(row["events"])]
    return [(one["data"]["status"], one["id"]) for one in events]


async def _days_later(records: Records) -> None:
    """Let three days pass: all that was, was so much longer ago."""
    for table, columns in {
        "reservation": ("created_at", "answered_at", "ended_at", "expires_at"),
        "transaction": ("started_at", "received_at"),
    }.items():
        moved = ", ".join(f"{one} = {one} - interval '3 days'" for one in columns)
        await records.execute(f"UPDATE {table} SET {moved}")


async def test_a_reservation_is_told_with_its_own_times_and_the_place_of_when_it_was_made(
    records: Records, ask: Asker
) -> None:
    await records.execute(
        "INSERT INTO station_place (station_id, site_id, tags, version) "
        "VALUES ('S1', 'harbour', '{fast}', 1)"
    )
    made = await reserve(records, group_id="G")
    foreign = {"connectorId": 0, "expiryDate": "2099-01-01T00:00:00Z", "idTag": "T2",
               "reservationId": 77}  # fmt: skip
    await records.report(ended("ReserveNow", foreign, "Accepted"))
    await records.execute("UPDATE station_place SET site_id = 'pier', tags = '{dear}', version = 2")
    at = soon()
    await records.report(answer(made, "Accepted", answered_at=at))
    own, other = await _facts(ask, 1, 2, 3, -1, 2**40)
    assert own == {
        "reservation_id": 1,
        "station_id": "S1",
        "site_id": "harbour",
        "connector_id": 1,
        "id_token": "T1",
        "group_id": "G",
        "started_at": format_exact_time(at.replace(microsecond=at.microsecond // 1000 * 1000)),
        "stopped_at": None,
        "tags": ["fast"],
        "was_held": True,
        "status": "active",
        "reason": None,
    }
    assert (other["site_id"], other["tags"], other["connector_id"]) == ("harbour", ["fast"], 0)


async def test_one_that_the_station_has_not_accepted_was_not_held(
    records: Records, ask: Asker
) -> None:
    made = await reserve(records)
    (asked,) = await _facts(ask, 1)
    assert (asked["was_held"], asked["status"], asked["stopped_at"]) == (False, "pending", None)
    assert asked["started_at"][:19] == made.created_at[:19]
    await records.report(answer(made, None, status="outcome_unknown", accepted=False))
    (unknown,) = await _facts(ask, 1)
    assert unknown["was_held"] is False


async def test_who_charges_is_told_again_when_it_was_held_after_all(
    records: Records, ask: Asker
) -> None:
    made = await reserve(records)
    await records.report(answer(made, None, status="outcome_unknown", accepted=False))
    await records.execute("UPDATE reservation SET expires_at = now() - interval '1 second'")
    await in_transaction(records.engine, expire_reservations)
    assert [status for status, _ in await _told(records)] == ["pending", "expired"]
    await records.report(answer(made, "Accepted", answered_at=soon(-1)))
    (_, (first, first_id), (again, again_id)) = await _told(records)
    assert (first, again) == ("expired", "expired")
    assert first_id != again_id
    (facts,) = await _facts(ask, 1)
    assert (facts["status"], facts["was_held"]) == ("expired", True)
    # What changes nothing of it is not told.
    await records.report(answer(made, "Accepted", answered_at=soon(-1)))
    await in_transaction(records.engine, expire_reservations)
    assert len(await _told(records)) == 3


async def test_who_charges_is_told_again_when_it_ended_sooner(records: Records, ask: Asker) -> None:
    made = await reserve(records)
    await records.execute("UPDATE reservation SET created_at = now() - interval '20 minutes'")
    await records.report(answer(made, "Accepted", answered_at=soon(-10)))
    await cancel(records)
    await records.report(ended("CancelReservation", {"reservationId": 1}, "Accepted"))
    (before,) = await _facts(ask, 1)
    assert (before["status"], before["reason"]) == ("cancelled", None)
    await records.report(out_of_service(1, "Faulted", -5))
    (after,) = await _facts(ask, 1)
    assert (after["status"], after["reason"]) == ("cancelled", "faulted")
    assert after["stopped_at"] < before["stopped_at"]
    assert [status for status, _ in await _told(records)][-2:] == ["cancelled", "cancelled"]
    assert timedelta(minutes=4) < datetime.fromisoformat(before["stopped_at"]) - (
        datetime.fromisoformat(after["stopped_at"])
    )


async def test_who_charges_is_told_which_transaction_has_not_used_it_after_all(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    made = await reserve(records)
    await records.execute("UPDATE reservation SET created_at = now() - interval '20 minutes'")
    await records.report(answer(made, "Accepted", answered_at=soon(-19)))
    await records.decide(start(records, 1, minutes=-1))
    # One that came late, and was before it.
    await records.decide(start(records, 2, minutes=-10))
    rows = await records.rows("SELECT events FROM outbox WHERE routing_key = 'reservation.used'")
    first, second = (one["data"] for row in rows for one in orjson.loads(row["events"]))
    assert "former_transaction_id" not in first
    assert (second["transaction_id"], second["former_transaction_id"]) == (2, 1)
    facts = (await ask("sessions.facts", transaction_ids=[1, 2]))["items"]
    assert [one["reservation"] is None for one in facts] == [True, False]


async def test_an_id_that_a_station_is_told_again_is_not_used_by_who_came_for_the_one_before(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    wanted = {"connectorId": 1, "idTag": "T1", "reservationId": 77}
    first = wanted | {"expiryDate": format_exact_time(soon(60))}
    await records.report(ended("ReserveNow", first, "Accepted", answered_at=soon(-5)))
    await records.decide(start(records, 1, reservation_id=77))
    await _days_later(records)
    second = wanted | {"expiryDate": format_exact_time(soon(60))}
    await records.report(ended("ReserveNow", second, "Accepted"))
    facts = await _facts(ask, 1, 2)
    assert [one["status"] for one in facts] == ["used", "active"]


async def test_who_has_used_a_short_one_has_not_used_a_long_one_too(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    made = await reserve(records)
    longer = await reserve(records, expires_at=soon(7 * 24 * 60))
    await records.report(answer(made, "Accepted"))
    await records.report(answer(longer, "Accepted"))
    await records.decide(start(records, 1))
    assert [one["status"] for one in await _facts(ask, 1, 2)] == ["used", "active"]
    await _days_later(records)
    await records.report(out_of_service(2, "Faulted"))
    assert [one["status"] for one in await _facts(ask, 1, 2)] == ["used", "active"]


async def test_who_charges_is_told_that_what_a_session_used_was_refused(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    made = await reserve(records)
    await records.report(answer(made, None, status="outcome_unknown", accepted=False))
    await records.decide(start(records, 1))
    assert [one["status"] for one in await _facts(ask, 1)] == ["used"]
    await records.report(answer(made, "Occupied"))
    assert [one["status"] for one in await _facts(ask, 1)] == ["refused"]
    assert (await _told(records))[-1][0] == "refused"
    (session,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert session["reservation"] is None


async def test_one_that_is_named_days_after_it_was_over_is_paid_by_itself_as_no_session_pays_it(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    await _days_later(records)
    await in_transaction(records.engine, expire_reservations)
    await records.decide(start(records, 1, reservation_id=1))
    (facts,) = await _facts(ask, 1)
    (session,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert session["reservation"] is None
    assert (facts["status"], facts["reason"]) == ("expired", "named_late")
    (row,) = await records.rows("SELECT * FROM reservation")
    assert row["status"] == "used"
    assert facts["stopped_at"] == format_exact_time(row["expires_at"])


# Without a name nobody looks for a clock that is so wrong.
@pytest.mark.parametrize(("named", "hours"), [(None, 2), (1, 2), (1, 72)])
async def test_who_came_in_time_to_a_station_whose_clock_is_ahead_has_used_it(
    records: Records, ask: Asker, named: int | None, hours: int
) -> None:
    await records.token("T1")
    made = await reserve(records)
    await records.report(answer(made, "Accepted"))
    work = start(records, 1, reservation_id=named)
    work.item["payload"]["timestamp"] = format_time(soon(hours * 60))
    await records.decide(work)
    (facts,) = await _facts(ask, 1)
    (session,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert facts["status"] == "used"
    assert session["reservation"] is not None
