"""Every order of events in small worlds; and, of each rule, what happens without it."""

import dataclasses

import pytest

from tests.models.ownership.explorer import SMALL_SCOPES, explore
from tests.models.ownership.state import Allowed, Rules


@pytest.mark.parametrize("scope", SMALL_SCOPES)
def test_nothing_goes_wrong_in_any_order_of_events(scope: str) -> None:
    explored = explore(SMALL_SCOPES[scope], Rules())
    print(f"{scope}: {explored.states} states, {explored.steps} steps")  # noqa: T201 - with -s
    assert (explored.violation, explored.trace) == ("", [])


# The defects that were found with this model are among these: the last four.
WITHOUT = [
    (
        "releases_match_the_newest_connection",
        Allowed(connections=2, impatience=1),
        "a release cleared another owner",
    ),
    (
        "reassertions_match_the_newest_connection",
        Allowed(connections=2, losses=1),
        "two connections of one station stay open",
    ),
    (
        "released_connections_stay_released",
        Allowed(connections=1, asks=1),
        "a station without a connection reads as online",
    ),
    (
        "repeated_claims_change_nothing",
        Allowed(connections=1, duplicates=1),
        "a station without a connection reads as online",
    ),
    (
        "controls_wait_for_pending_claims",
        Allowed(connections=2),
        "a connection is open to writes after a higher epoch was learnt",
    ),
    (
        "unanswered_claims_are_released",
        Allowed(connections=1, impatience=1),
        "a station without a connection reads as online",
    ),
    (
        "releases_are_kept_until_stored",
        Allowed(connections=1),
        "a station without a connection reads as online",
    ),
    (
        "held_connections_are_verified",
        Allowed(connections=1, asks=1, ends_of_leases=1),
        "a connected station reads as offline",
    ),
    (
        "held_connections_are_verified",
        Allowed(connections=2, asks=2, losses=1),
        "two connections of one station stay open",
    ),
]


@pytest.mark.parametrize(
    ("rule", "allowed", "violation"), WITHOUT, ids=[f"{case[0]}-{case[2]}" for case in WITHOUT]
)
def test_every_rule_is_needed(rule: str, allowed: Allowed, violation: str) -> None:
    explored = explore(allowed, dataclasses.replace(Rules(), **{rule: False}))
    assert explored.violation == violation
    assert explored.trace


def test_every_rule_has_its_counterexample() -> None:
    assert {rule for rule, _, _ in WITHOUT} == {field.name for field in dataclasses.fields(Rules)}
