"""What is known of a station's configuration, and its drift from what is wanted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from csms_shared.contracts.configuration import DriftState
from csms_shared.ocpp.secret_keys import is_secret_key
from station_registry.configuration.domain import (
    KnownKey,
    drift,
    max_keys,
    pieces,
    same,
    to_send,
)
from station_registry.ocpp.v16.configuration import readings

NOW = datetime(2026, 3, 2, tzinfo=UTC)
READ = KnownKey(
    key="HeartbeatInterval",
    value="300",
    readonly=False,
    known=True,
    known_at=NOW,
    changed_to=None,
    change_status=None,
    changed_at=None,
    ordered_to=None,
    ordered_until=None,
    last_boot_at=NOW - timedelta(days=1),
)


def state(row: KnownKey | None, wanted: str = "60") -> DriftState | None:
    known = {} if row is None else {"heartbeatinterval": row}
    found = drift({"HeartBeatInterval": wanted}, known, NOW)
    return found[0].state if found else None


def test_a_value_as_wanted_is_no_drift_in_any_case_of_its_key() -> None:
    assert state(READ, "300") is None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, DriftState.UNREAD),
        (READ, DriftState.DIFFERS),
        (replace(READ, value=None), DriftState.DIFFERS),
        (replace(READ, known_at=None, value=None), DriftState.UNREAD),
        (replace(READ, readonly=True), DriftState.READ_ONLY),
        (replace(READ, known=False, value=None), DriftState.NOT_SUPPORTED),
        (
            replace(READ, changed_to="60", change_status="Rejected", changed_at=NOW),
            DriftState.REJECTED,
        ),
        (
            replace(READ, changed_to="61", change_status="Rejected", changed_at=NOW),
            DriftState.DIFFERS,
        ),
        (
            replace(READ, changed_to="60", change_status="NotSupported", changed_at=NOW),
            DriftState.NOT_SUPPORTED,
        ),
        (
            replace(READ, ordered_to="60", ordered_until=NOW + timedelta(hours=1)),
            DriftState.ORDERED,
        ),
        (replace(READ, ordered_to="60", ordered_until=NOW), DriftState.DIFFERS),
    ],
)
def test_what_is_not_as_wanted_says_why(row: KnownKey | None, expected: DriftState) -> None:
    assert state(row) is expected


def test_a_change_that_needs_a_reboot_is_pending_until_the_next_boot() -> None:
    taken = replace(
        READ, value="60", changed_to="60", change_status="RebootRequired", changed_at=NOW
    )
    assert taken.reboot_required
    assert state(taken) is DriftState.REBOOT_REQUIRED
    booted = replace(taken, last_boot_at=NOW + timedelta(minutes=1))
    assert not booted.reboot_required
    assert state(booted) is None
    # The station booted and does not have the value all the same: it is sent again.
    assert state(replace(booted, value="300")) is DriftState.DIFFERS


def test_only_what_is_known_to_differ_is_sent() -> None:
    known = {"a": replace(READ, value="1"), "b": replace(READ, value="2", readonly=True)}
    found = drift({"A": "9", "B": "9", "C": "9"}, known, NOW)
    assert [each.state for each in found] == [
        DriftState.DIFFERS,
        DriftState.READ_ONLY,
        DriftState.UNREAD,
    ]
    assert [each.key for each in to_send(found)] == ["A"]


def test_keys_are_asked_for_in_pieces_where_their_number_is_known_and_all_at_once_elsewhere() -> (
    None
):
    assert pieces(["a", "b", "c"], 2) == [["a", "b"], ["c"]]
    assert pieces(["a", "b", "c"], None) == [[]]
    assert pieces(["a", "b", "c"], 0) == [[]]
    assert pieces([], 2) == [[]]


def test_a_maximum_that_is_no_number_is_not_known() -> None:
    assert (max_keys("10"), max_keys("ten"), max_keys(None)) == (10, None, None)


def test_secrets_are_masked_when_they_are_read() -> None:
    (key, wifi, plain, unknown) = readings(
        {
            "configurationKey": [
                {"key": "AuthorizationKey", "readonly": False, "value": "hunter2"},
                {"key": "WiFi.Password", "readonly": False, "value": "hunter2"},
                {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
            ],
            "unknownKey": ["Nonsense"],
        }
    )
    assert (key.value, wifi.value, plain.value) == ("***", "***", "60")
    assert (unknown.key, unknown.known) == ("Nonsense", False)


def test_a_key_is_read_once_and_without_characters_that_no_database_takes() -> None:
    shown = [
        {"key": "A\0", "readonly": False, "value": "1\0"},
        {"key": "a", "readonly": True},
    ]
    (only,) = readings({"configurationKey": [*shown, {"value": "nobody's"}]})
    assert (only.key, only.value, only.readonly) == ("a", None, True)


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("true", "True", True),
        ("false", "FALSE ", True),
        ("true", "1", False),
        ("Abc", "abc", False),
        ("1", None, False),
    ],
)
def test_values_are_compared_as_stations_mean_them(
    wanted: str, value: str | None, expected: bool
) -> None:
    assert same(wanted, value) is expected


def test_the_names_of_secrets_are_known_in_any_case() -> None:
    assert is_secret_key("authorizationKEY")
    assert not is_secret_key("AuthorizeRemoteTxRequests")
