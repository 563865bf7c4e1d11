"""Tables of state and start to decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.tokens.domain import (
    Authorization,
    AuthorizationStatus,
    Token,
    decide_authorization,
)
from session_service.transactions.domain.starts import (
    Start,
    StartedTransaction,
    StartLedger,
    TransactionStatus,
)

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def start(**changes: Any) -> Start:
    values: dict[str, Any] = {
        "station_id": "S1",
        "tenant_id": "default",
        "evse_id": 1,
        "connector_id": 1,
        "id_token": "T1",
        "token_key": "t1",
        "sent_at": NOW,
        "raw_time": "2026-11-20T08:00:00Z",
        "meter_start": 0,
        "boot_count": 1,
        "stamp": (1, 1),
        "received_at": NOW,
    }
    return Start(**(values | changes))


def ledger(max_concurrent: int | None = 1) -> StartLedger:
    return StartLedger({"t1": Token("t1", "accepted", None, None, max_concurrent)}, {})


@pytest.mark.parametrize(
    "change",
    [
        {"station_id": "S2"},
        {"connector_id": 2},
        {"token_key": "t2"},
        {"sent_at": NOW + timedelta(seconds=1)},
        {"meter_start": 1},
    ],
)
def test_every_part_of_the_natural_key_makes_another_transaction(change: dict[str, Any]) -> None:
    assert start().key != start(**change).key


@pytest.mark.parametrize(
    "change", [{"boot_count": 2}, {"stamp": (2, 7)}, {"raw_time": "20/11"}, {"id_token": "t1"}]
)
def test_nothing_else_makes_another_transaction(change: dict[str, Any]) -> None:
    assert start().key == start(**change).key


@pytest.mark.parametrize(
    ("sent_at", "flag", "known_key"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "clock_not_set", "398ab0215904cfced2c1919630de1203"),
        (
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            "unreadable_time",
            "9cef70364aac885dd9744a9d66504c64",
        ),
    ],
)
def test_a_start_of_an_impossible_time_happened_when_it_came_and_is_known_by_what_it_says(
    sent_at: datetime, flag: str, known_key: str
) -> None:
    first = start(sent_at=sent_at)
    assert (first.started_at, first.flags()) == (first.received_at, {flag})
    again = start(sent_at=sent_at, received_at=NOW + timedelta(days=1), stamp=(9, 9))
    assert again.key == first.key == start(sent_at=sent_at, boot_count=2).key
    # Stored by releases that kept such a time: the start may be sent again after an upgrade.
    assert known_key in {key.hex() for key in (first.key, *first.former_keys)}


@pytest.mark.parametrize("sent_at", [NOW, datetime(1970, 1, 1, tzinfo=UTC), None])
def test_a_retry_in_another_boot_is_the_same_session_until_its_own_stop_lies_before(
    sent_at: datetime | None,
) -> None:
    book = ledger()
    first = book.take(start(sent_at=sent_at), NOW, hold=False)
    assert first is not None
    retried = start(sent_at=sent_at, boot_count=2, stamp=(2, 1))
    assert book.take(retried, NOW, hold=False) is first
    first.own_stop, first.own_stop_boot = (1, 5), 1
    first.status = TransactionStatus.COMPLETED
    for same in (
        start(sent_at=sent_at, stamp=(1, 9)),  # after its stop, and in the same boot
        start(sent_at=sent_at, boot_count=2, stamp=(1, 4)),  # sent before its stop
    ):
        assert book.take(same, NOW, hold=False) is first
    second = book.take(retried, NOW, hold=False)
    assert second is not None
    assert second is not first
    assert (second.key, second.occurrence) == (first.key, 1)
    # Copies find theirs, whenever they come.
    assert book.take(replace(retried, stamp=(2, 2)), NOW, hold=False) is second
    assert book.take(start(sent_at=sent_at, stamp=(1, 1)), NOW, hold=False) is first
    earlier = book.take(replace(retried, stamp=(1, 8)), NOW, hold=False)
    assert (earlier is second, second.stamp) == (True, (1, 8))


def test_a_start_that_looks_like_one_of_a_boot_before_waits_for_what_its_stop_tells() -> None:
    book = ledger()
    first = book.take(start(), NOW, hold=True)
    assert book.take(start(stamp=(1, 2)), NOW, hold=True) is first
    retried = start(boot_count=2, stamp=(2, 1))
    assert book.take(retried, NOW, hold=True) is None
    assert book.take(retried, NOW, hold=False) is first


def test_a_session_that_a_release_before_kept_under_its_boot_is_found() -> None:
    sent_at = datetime(1970, 1, 1, tzinfo=UTC)
    for own_stop, same in ((None, True), ((1, 5), False)):
        book = ledger()
        (key,) = start(sent_at=sent_at).former_keys
        accepted = Authorization(AuthorizationStatus.ACCEPTED)
        stored = StartedTransaction(
            key, ("S1", 1), "t1", accepted, TransactionStatus.ACTIVE, (1, 1), 7, own_stop=own_stop
        )
        book.add(stored)
        assert book.take(start(sent_at=sent_at, stamp=(1, 3)), NOW, hold=False) is stored
        after_boot = book.take(start(sent_at=sent_at, boot_count=2, stamp=(2, 1)), NOW, hold=False)
        assert (after_boot is stored) == same


@pytest.mark.parametrize(("free_vend", "status"), [(False, "invalid"), (True, "accepted")])
def test_who_identifies_with_nothing_charges_only_where_a_setting_says_so(
    free_vend: bool, status: str
) -> None:
    book = StartLedger({}, {}, free_vend)
    taken = book.take(start(token_key=""), NOW, hold=True)
    assert taken is not None
    assert taken.authorization.status == status


@pytest.mark.parametrize(
    ("status", "expires_at", "expected"),
    [
        ("accepted", None, AuthorizationStatus.ACCEPTED),
        ("accepted", NOW + timedelta(seconds=1), AuthorizationStatus.ACCEPTED),
        ("accepted", NOW, AuthorizationStatus.EXPIRED),
        ("blocked", NOW, AuthorizationStatus.BLOCKED),
        ("expired", None, AuthorizationStatus.EXPIRED),
        ("invalid", None, AuthorizationStatus.INVALID),
    ],
)
def test_a_token_is_worth_its_status_until_it_expires(
    status: str, expires_at: datetime | None, expected: AuthorizationStatus
) -> None:
    token = Token("t1", status, expires_at, "G", 1)
    assert decide_authorization(token, NOW).status is expected


def test_an_unknown_token_is_invalid() -> None:
    assert decide_authorization(None, NOW).status is AuthorizationStatus.INVALID


@pytest.mark.parametrize(("max_concurrent", "accepted"), [(1, 1), (2, 2), (None, 4)])
def test_a_token_is_accepted_as_often_as_it_may_be(
    max_concurrent: int | None, accepted: int
) -> None:
    book = ledger(max_concurrent)
    taken = [book.take(start(station_id=f"S{n}"), NOW, hold=False) for n in range(4)]
    assert sum(t is not None and t.counts for t in taken) == accepted
    assert all(t is not None and t.status is TransactionStatus.ACTIVE for t in taken)


def test_a_held_start_leaves_no_trace() -> None:
    book = ledger()
    book.take(start(), NOW, hold=True)
    assert book.take(start(station_id="S2"), NOW, hold=True) is None
    assert [new.station_id for new in book.new.values()] == ["S1"]


@pytest.mark.parametrize("limit", [1, 2])
def test_a_start_that_was_here_before_its_token_was_taken_is_refused_at_once(limit: int) -> None:
    book = ledger(limit)
    for number in range(limit):
        book.take(start(station_id=f"S{number}", arrived_at=7.0), NOW, hold=True)
    refused = book.take(start(station_id="S9", arrived_at=7.5), NOW, hold=True)
    assert refused is not None
    assert refused.authorization.status is AuthorizationStatus.CONCURRENT_TX


@pytest.mark.parametrize(
    ("runs_until", "held"), [((10.0, 10.0), True), ((10.0, 12.0), True), ((11.5, 12.0), False)]
)
def test_a_start_is_held_while_one_that_was_answered_before_it_may_have_stopped(
    runs_until: tuple[float, float], held: bool
) -> None:
    book = ledger(2)
    for number, until in enumerate(runs_until):
        running = book.take(start(station_id=f"S{number}"), NOW, hold=True)
        assert running is not None
        running.runs_until = until
    taken = book.take(start(station_id="S9", arrived_at=11.0), NOW, hold=True)
    assert (taken is None) == held


def test_a_transaction_whose_start_nobody_waited_for_may_have_been_stopped_already() -> None:
    book = ledger()
    book.take(start(awaited=False, arrived_at=7.0), NOW, hold=True)
    assert book.take(start(station_id="S2", arrived_at=7.0), NOW, hold=True) is None


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 3, 2)])
def test_only_the_newest_start_of_a_connector_stays_active(order: tuple[int, ...]) -> None:
    book = ledger()
    for seq in order:
        book.take(start(stamp=(1, seq), meter_start=seq), NOW, hold=False)
    statuses = {t.stamp[1]: t.status.value for t in book.transactions.values()}
    assert statuses == {1: "stop_missing", 2: "stop_missing", 3: "active"}
    assert book.latest["S1", 1] == (1, 3)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=20),
    st.booleans(),
)
def test_copies_of_starts_that_look_alike_find_their_session_in_any_order(
    boots: int, copies: list[tuple[int, int]], stopped: bool
) -> None:
    book = ledger(None)
    sessions: list[StartedTransaction] = []
    for boot in range(boots):
        taken = book.take(start(boot_count=boot, stamp=(boot, 3)), NOW, hold=False)
        assert taken is not None
        if stopped:
            # The stop was sent later in this boot than every copy of its start.
            taken.own_stop, taken.own_stop_boot = (boot, 9), boot
        if taken not in sessions:
            sessions.append(taken)
    assert len(sessions) == (boots if stopped else 1)
    for boot, seq in copies:
        if boot < boots:
            copy = start(boot_count=boot, stamp=(boot, seq))
            assert book.take(copy, NOW, hold=False) is sessions[boot if stopped else 0]
    assert all(session.stamp <= (boot, 3) for boot, session in enumerate(sessions))
    assert len(book.new) == len(sessions)
