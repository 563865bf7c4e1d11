"""What becomes of reservations: tables of facts and verdicts, and any order of the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.reservations.domain import (
    Answer,
    Cancellation,
    Outage,
    Reservation,
    ReservationStatus,
    ReservedStart,
    Verdict,
    conflicting,
    judge,
    start_time,
)

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
END = NOW + timedelta(hours=1)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def reservation(**changes: Any) -> Reservation:
    values: dict[str, Any] = {
        "id": 7,
        "station_id": "S1",
        "tenant_id": "default",
        "wire_id": 7,
        "connector_id": 1,
        "token_key": "t1",
        "group_key": None,
        "created_at": NOW,
        "expires_at": END,
        "answer": Answer.ACCEPTED,
        "answered_at": at(0.1),
    }
    return Reservation(**(values | changes))


def start(**changes: Any) -> ReservedStart:
    values: dict[str, Any] = {
        "transaction_id": 100,
        "station_id": "S1",
        "connector_id": 1,
        "token_key": "t1",
        "group_key": None,
        "wire_id": None,
        "at": at(5),
    }
    return ReservedStart(**(values | changes))


def cancelled(minutes: float, *, accepted: bool = True) -> Cancellation:
    return Cancellation(7, at(minutes), at(minutes), accepted)


def verdict(
    held: Reservation,
    *starts: ReservedStart,
    cancellations: tuple[Cancellation, ...] = (),
    outages: tuple[Outage, ...] = (),
    now: datetime = LATER,
) -> Verdict:
    return judge([held], cancellations, starts, now, outages)[held.id]


@pytest.mark.parametrize(
    ("answer", "now", "expected"),
    [
        (Answer.NONE, LATER, ReservationStatus.PENDING),
        (Answer.UNKNOWN, LATER, ReservationStatus.PENDING),
        (Answer.ACCEPTED, LATER, ReservationStatus.ACTIVE),
        (Answer.REFUSED, LATER, ReservationStatus.REFUSED),
        (Answer.NONE, END, ReservationStatus.EXPIRED),
        (Answer.UNKNOWN, END, ReservationStatus.EXPIRED),
        (Answer.ACCEPTED, END, ReservationStatus.EXPIRED),
        (Answer.REFUSED, END, ReservationStatus.REFUSED),
    ],
)
def test_without_a_start_the_answer_and_the_clock_decide(
    answer: Answer, now: datetime, expected: ReservationStatus
) -> None:
    assert verdict(reservation(answer=answer), now=now).status is expected


@pytest.mark.parametrize("answer", list(Answer))
def test_a_start_that_names_it_uses_it_whatever_else_is_said(answer: Answer) -> None:
    used = verdict(
        reservation(answer=answer), start(wire_id=7, token_key="x"), cancellations=(cancelled(2),)
    )
    assert used == Verdict(ReservationStatus.USED, None, at(5), 100)


def test_a_start_told_after_the_expiry_that_names_it_uses_it() -> None:
    late = start(wire_id=7, at=END + timedelta(days=2))
    assert verdict(reservation(), late, now=END + timedelta(days=2)).transaction_id == 100


@pytest.mark.parametrize(
    ("changes", "uses"),
    [
        ({}, True),
        ({"token_key": "t2"}, False),
        ({"token_key": "t2", "group_key": "g"}, True),
        ({"connector_id": 2}, False),
        ({"wire_id": 8}, False),
        ({"at": NOW - timedelta(seconds=1)}, False),
        ({"at": END}, False),
    ],
)
def test_an_unnamed_start_uses_what_was_held_for_its_token_or_group(
    changes: dict[str, Any], uses: bool
) -> None:
    found = verdict(reservation(group_key="g"), start(**changes))
    assert (found.status is ReservationStatus.USED) is uses


@pytest.mark.parametrize("answer", [Answer.NONE, Answer.REFUSED])
def test_an_unnamed_start_uses_nothing_that_the_station_did_not_take(answer: Answer) -> None:
    assert verdict(reservation(answer=answer), start()).status is not ReservationStatus.USED


def test_a_reservation_of_any_connector_is_used_on_each_and_after_one_of_the_very_connector() -> (
    None
):
    specific, any_one = reservation(id=8, wire_id=8), reservation(connector_id=0)
    first = judge([any_one, specific], [], [start()], LATER)
    assert first[8].status is ReservationStatus.USED
    assert first[7].status is ReservationStatus.ACTIVE
    both = judge(
        [any_one, specific], [], [start(), start(transaction_id=101, connector_id=2)], LATER
    )
    assert both[7].transaction_id == 101


@pytest.mark.parametrize(
    ("minutes", "expected"), [(4, ReservationStatus.CANCELLED), (6, ReservationStatus.USED)]
)
def test_of_cancellation_and_unnamed_use_the_first_counts(
    minutes: float, expected: ReservationStatus
) -> None:
    found = verdict(reservation(), start(), cancellations=(cancelled(minutes),))
    assert found.status is expected


def test_what_the_station_does_not_know_any_more_is_cancelled() -> None:
    found = verdict(reservation(), cancellations=(cancelled(4, accepted=False),))
    assert found == Verdict(ReservationStatus.CANCELLED, "not_held_by_station", at(4))


@pytest.mark.parametrize(
    ("held", "connector_id", "minutes", "ends"),
    [
        ({}, 1, 4, True),
        ({}, 0, 4, True),
        ({}, 2, 4, False),
        ({"connector_id": 0}, 0, 4, True),
        ({"connector_id": 0}, 1, 4, False),
        ({}, 1, 0, False),
        ({"answer": Answer.REFUSED}, 1, 4, False),
        ({"answer": Answer.NONE, "answered_at": None}, 1, 4, False),
    ],
)
def test_a_connector_or_station_out_of_service_ends_what_it_held(
    held: dict[str, Any], connector_id: int, minutes: float, ends: bool
) -> None:
    found = verdict(reservation(**held), outages=(Outage(connector_id, at(minutes), "faulted"),))
    ended = Verdict(ReservationStatus.CANCELLED, "faulted", at(4))
    assert (found == ended) is ends


def test_a_start_that_names_what_an_outage_ended_used_it_and_one_that_does_not_did_not() -> None:
    outages = (Outage(1, at(4), "unavailable"), Outage(1, at(3), "faulted"))
    named = verdict(reservation(), start(wire_id=7), outages=outages)
    assert named == Verdict(ReservationStatus.USED, None, at(5), 100)
    unnamed = verdict(reservation(), start(), outages=outages)
    assert unnamed == Verdict(ReservationStatus.CANCELLED, "faulted", at(3))


def test_a_cancellation_that_overtook_the_reservation_means_nothing() -> None:
    found = verdict(reservation(), cancellations=(cancelled(0, accepted=False),))
    assert found.status is ReservationStatus.ACTIVE


def test_an_id_used_again_replaces_the_reservation_and_takes_the_later_facts() -> None:
    first = reservation()
    second = reservation(id=9, created_at=at(10), answered_at=at(10))
    found = judge([first, second], [cancelled(12)], [start(wire_id=7, at=at(11))], LATER)
    assert found[7] == Verdict(ReservationStatus.CANCELLED, "replaced", at(10))
    assert found[9].status is ReservationStatus.USED


@pytest.mark.parametrize(
    ("held", "other", "expected"),
    [
        ({}, {}, True),
        ({}, {"token_key": "t1"}, False),
        ({"group_key": "g"}, {"group_key": "g"}, False),
        ({}, {"connector_id": 2}, False),
        ({"connector_id": 0}, {}, False),
        ({"answer": Answer.REFUSED}, {}, False),
        ({"answer": Answer.NONE, "answered_at": None}, {}, False),
        ({}, {"at": END}, False),
        ({}, {"at": NOW}, False),
    ],
)
def test_a_start_by_another_token_on_a_held_connector_is_a_conflict(
    held: dict[str, Any], other: dict[str, Any], expected: bool
) -> None:
    kept = reservation(**held)
    stranger = start(**({"token_key": "t2"} | other))
    verdicts = judge([kept], [], [stranger], LATER)
    assert conflicting(stranger, [kept], verdicts) is expected


@pytest.mark.parametrize("minutes", [3, 4])
def test_after_use_or_cancellation_nobody_is_in_conflict(minutes: int) -> None:
    kept = reservation()
    use, stranger = start(at=at(3)), start(transaction_id=101, token_key="t2")
    facts: list[tuple[list[Cancellation], list[ReservedStart]]] = [
        ([], [use, stranger]),
        ([cancelled(minutes)], [stranger]),
    ]
    for answers, begun in facts:
        assert not conflicting(stranger, [kept], judge([kept], answers, begun, LATER))


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        (NOW - timedelta(minutes=1), NOW),
        (NOW + timedelta(minutes=2), NOW),
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW),
    ],
)
def test_our_clock_tells_when_a_start_happened_unless_it_was_sent_later(
    started_at: datetime, expected: datetime
) -> None:
    assert start_time(started_at, NOW) == expected


minutes = st.integers(0, 70)
LAST_FACT = at(70.5)  # the answer to the last reservation
reservations = st.builds(
    lambda row_id, wire_id, connector_id, token, group, created, answer: reservation(
        id=row_id,
        wire_id=wire_id,
        connector_id=connector_id,
        token_key=token,
        group_key=group,
        created_at=at(created),
        expires_at=at(created + 20),
        answer=answer,
        answered_at=None if answer is Answer.NONE else at(created + 0.5),
    ),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(["t1", "t2"]),
    st.sampled_from([None, "g"]),
    minutes,
    st.sampled_from(list(Answer)),
)
starts = st.builds(
    lambda row_id, connector_id, token, group, wire_id, minute: start(
        transaction_id=row_id,
        connector_id=connector_id,
        token_key=token,
        group_key=group,
        wire_id=wire_id,
        at=at(minute),
    ),
    st.integers(100, 110),
    st.integers(1, 2),
    st.sampled_from(["t1", "t2", "t3"]),
    st.sampled_from([None, "g"]),
    st.sampled_from([None, 1, 2]),
    minutes,
)
cancellations = st.builds(
    lambda wire_id, minute, accepted: Cancellation(wire_id, at(minute), at(minute), accepted),
    st.integers(1, 3),
    minutes,
    st.booleans(),
)

outages = st.builds(
    lambda connector_id, minute, reason: Outage(connector_id, at(minute), reason),
    st.integers(0, 2),
    minutes,
    st.sampled_from(["faulted", "unavailable"]),
)


@given(
    st.lists(reservations, unique_by=lambda item: item.id),
    st.lists(cancellations),
    st.lists(outages),
    st.lists(starts, unique_by=lambda item: item.transaction_id),
    st.data(),
)
def test_the_order_of_facts_does_not_show(
    held: list[Reservation],
    answers: list[Cancellation],
    out: list[Outage],
    begun: list[ReservedStart],
    data: st.DataObject,
) -> None:
    now = at(data.draw(minutes))
    verdicts = judge(held, answers, begun, now, out)
    assert verdicts == judge(
        data.draw(st.permutations(held)),
        [*data.draw(st.permutations(answers)), *answers],
        data.draw(st.permutations(begun)),
        now,
        [*data.draw(st.permutations(out)), *out],
    )
    uses = [found.transaction_id for found in verdicts.values() if found.transaction_id]
    assert len(uses) == len(set(uses)), "a start uses one reservation"
    for found in verdicts.values():
        assert (found.ended_at is None) is found.status.is_open
        assert found.ended_at is None or found.ended_at <= max(now, LAST_FACT)
    forever = judge(held, answers, begun, at(1000), out)
    assert not any(found.status.is_open for found in forever.values())


@given(st.lists(starts, unique_by=lambda item: item.transaction_id), st.booleans())
def test_a_late_answer_gives_what_an_early_one_gives(
    begun: list[ReservedStart], accepted: bool
) -> None:
    settled = reservation(answer=Answer.ACCEPTED if accepted else Answer.REFUSED, wire_id=1)
    pending = replace(settled, answer=Answer.NONE, answered_at=None)
    judge([pending], [], begun, LATER)
    learnt = replace(pending, answer=settled.answer, answered_at=settled.answered_at)
    assert judge([learnt], [], begun, LATER) == judge([settled], [], begun, LATER)
