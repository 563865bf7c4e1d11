"""Tables of state and start to decision."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from session_service.domain.authorization import (
    AuthorizationStatus,
    Token,
    decide_authorization,
    token_key,
)
from session_service.domain.starts import Start, StartLedger, TransactionStatus

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def start(**changes: Any) -> Start:
    values: dict[str, Any] = {
        "station_id": "S1",
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


@pytest.mark.parametrize("sent_at", [datetime(1970, 1, 1, tzinfo=UTC), None])
def test_boot_counts_where_the_clock_is_not_set(sent_at: datetime | None) -> None:
    assert start(sent_at=sent_at).key != start(sent_at=sent_at, boot_count=2).key


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


def test_tokens_are_compared_without_case() -> None:
    assert token_key("StraßE-1 ") == token_key("strasse-1")


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


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 3, 2)])
def test_only_the_newest_start_of_a_connector_stays_active(order: tuple[int, ...]) -> None:
    book = ledger()
    for seq in order:
        book.take(start(stamp=(1, seq), meter_start=seq), NOW, hold=False)
    statuses = {t.stamp[1]: t.status.value for t in book.transactions.values()}
    assert statuses == {1: "stop_missing", 2: "stop_missing", 3: "active"}
    assert book.latest["S1", 1] == (1, 3)
