"""Which profiles a station holds, whatever order the ends of its commands arrive in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from session_service.charging.domain.installed_profiles import (
    LIVE,
    AcceptedClearing,
    AcceptedProfile,
    KnownTransaction,
    ProfileState,
    settled,
)
from session_service.charging.domain.profiles import (
    ClearFilter,
    Kind,
    Limit,
    Profile,
    Purpose,
    RateUnit,
    Schedule,
)

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLAN = Schedule(RateUnit.AMPERE, (0,), (Limit(Decimal("16.0")),))
INSTALLED, WAITING = ProfileState.INSTALLED, ProfileState.WAITING
REPLACED, CLEARED = ProfileState.REPLACED, ProfileState.CLEARED
DEFAULT, TX, MAX = Purpose.TX_DEFAULT, Purpose.TX, Purpose.STATION_MAX


def accepted(
    minute: int,
    profile_id: int,
    purpose: Purpose = DEFAULT,
    connector: int = 1,
    level: int = 0,
    transaction: int | None = None,
    token: str | None = None,
    connector_given: bool = True,
) -> AcceptedProfile:
    profile = Profile(
        profile_id,
        connector,
        purpose,
        Kind.ABSOLUTE,
        level,
        PLAN,
        transaction_id=transaction,
    )
    at = T0 + timedelta(minutes=minute)
    return AcceptedProfile(
        UUID(int=minute + 1), "default", "S", at, profile, WAITING, token, connector_given
    )


def clearing(minute: int, **fields: object) -> AcceptedClearing:
    at = T0 + timedelta(minutes=minute)
    chosen = ClearFilter(**fields)  # type: ignore[arg-type]
    return AcceptedClearing(UUID(int=minute + 1), "default", "S", at, chosen)


def transaction(
    number: int, minute: float, *, connector: int = 1, token: str = "t", active: bool = True
) -> KnownTransaction:
    return KnownTransaction(number, connector, token, T0 + timedelta(minutes=minute), active)


def states(
    *profiles: AcceptedProfile,
    clearings: tuple[AcceptedClearing, ...] = (),
    transactions: tuple[KnownTransaction, ...] = (),
    now_minute: float = 5,
) -> dict[int, ProfileState]:
    found = settled(profiles, clearings, transactions, T0 + timedelta(minutes=now_minute))
    return {each.profile.profile_id: each.state for each in found}


def test_the_same_purpose_and_level_on_a_connector_is_replaced() -> None:
    assert states(accepted(0, 1), accepted(1, 2)) == {1: REPLACED, 2: INSTALLED}


def test_another_level_purpose_or_connector_stays() -> None:
    found = states(
        accepted(0, 1),
        accepted(1, 2, level=1),
        accepted(2, 3, MAX, connector=0),
        accepted(3, 4, connector=0),
        accepted(4, 5, connector=2),
    )
    assert set(found.values()) == {INSTALLED}


def test_the_same_id_is_replaced_wherever_it_is() -> None:
    found = settled([accepted(0, 1), accepted(1, 1, MAX, 0, 3)], [], [], T0)
    assert [each.state for each in found] == [REPLACED, INSTALLED]


def test_a_clearing_by_id_ignores_its_other_fields() -> None:
    both = (accepted(0, 1), accepted(1, 2, level=1))
    cleared = clearing(2, profile_id=1, connector_id=9, purpose=MAX, stack_level=7)
    assert states(*both, clearings=(cleared,)) == {1: CLEARED, 2: INSTALLED}


def test_a_clearing_without_an_id_removes_what_matches_all_its_fields() -> None:
    three = (accepted(0, 1), accepted(1, 2, level=1), accepted(2, 3, connector=2, level=1))
    cleared = clearing(3, connector_id=1, stack_level=1)
    assert states(*three, clearings=(cleared,)) == {1: INSTALLED, 2: CLEARED, 3: INSTALLED}


def test_a_clearing_without_fields_removes_everything_sent_before_it() -> None:
    three = (accepted(0, 1), accepted(1, 2, MAX, 0), accepted(3, 3, level=2))
    assert states(*three, clearings=(clearing(2),)) == {1: CLEARED, 2: CLEARED, 3: INSTALLED}


def test_a_transactions_profile_ends_with_it() -> None:
    own = accepted(1, 1, TX, transaction=7)
    assert states(own, transactions=(transaction(7, 0),)) == {1: INSTALLED}
    assert states(own, transactions=(transaction(7, 0, active=False),)) == {1: ProfileState.ENDED}


def test_a_profile_without_a_number_is_for_the_running_transaction_of_its_connector() -> None:
    running = (transaction(7, 0), transaction(8, 0, connector=2))
    (found,) = settled([accepted(1, 1, TX)], [], running, T0)
    assert (found.state, found.profile.transaction_id) == (INSTALLED, 7)


def test_a_remote_starts_profile_waits_for_its_token_and_connector() -> None:
    started = accepted(1, 1, TX, token="t")
    others = (transaction(5, 2, token="u"), transaction(6, 2, connector=2), transaction(4, 0))
    assert states(started, transactions=others) == {1: WAITING}
    (found,) = settled([started], [], (*others, transaction(7, 3)), T0)
    assert (found.state, found.profile.transaction_id) == (INSTALLED, 7)


def test_a_remote_start_without_connector_gets_the_one_that_the_driver_chose() -> None:
    started = accepted(1, 1, TX, connector=0, token="t", connector_given=False)
    (found,) = settled([started], [], [transaction(7, 3, connector=2)], T0)
    assert (found.profile.connector_id, found.profile.transaction_id) == (2, 7)


def test_two_remote_starts_of_one_token_get_a_transaction_each() -> None:
    two = [accepted(1, 1, TX, token="t"), accepted(2, 2, TX, connector=2, token="t")]
    starts = [transaction(7, 3), transaction(8, 3, connector=2)]
    assert [each.profile.transaction_id for each in settled(two, [], starts, T0)] == [7, 8]
    one_start = settled([two[0], replace(two[1], connector_given=False)], [], starts[:1], T0)
    assert [each.profile.transaction_id for each in one_start] == [7, None]


def test_a_remote_start_that_nobody_uses_leaves_its_profile_unused() -> None:
    started = accepted(0, 1, TX, token="t")
    assert states(started, now_minute=9) == {1: WAITING}
    assert states(started, now_minute=11) == {1: ProfileState.UNUSED}


def test_a_later_profile_replaces_a_remote_starts_on_the_same_level() -> None:
    started = accepted(0, 1, TX, token="t")
    later = accepted(3, 2, TX, transaction=7)
    found = states(started, later, transactions=(transaction(7, 1),))
    assert found == {1: REPLACED, 2: INSTALLED}


_purposes = st.sampled_from(Purpose)


@st.composite
def _histories(draw: st.DrawFn) -> list[AcceptedProfile | AcceptedClearing]:
    made: list[AcceptedProfile | AcceptedClearing] = []
    for minute in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            purpose = draw(_purposes)
            made.append(
                accepted(
                    minute,
                    draw(st.integers(1, 3)),
                    purpose,
                    0 if purpose is MAX else draw(st.integers(1, 2)),
                    draw(st.integers(0, 1)),
                    draw(st.sampled_from([7, 8])) if purpose is TX else None,
                )
            )
        else:
            made.append(
                clearing(
                    minute,
                    connector_id=draw(st.none() | st.integers(0, 2)),
                    purpose=draw(st.none() | _purposes),
                    stack_level=draw(st.none() | st.integers(0, 1)),
                )
            )
    return made


@given(_histories(), st.randoms(use_true_random=False), st.booleans())
def test_the_states_do_not_depend_on_the_order_of_arrival_and_match_a_stations_own(
    history: list[AcceptedProfile | AcceptedClearing], random: object, ended: bool
) -> None:
    transactions = [transaction(7, -1, active=not ended), transaction(8, -1)]
    now = T0 + timedelta(minutes=9)
    station: list[AcceptedProfile] = []
    for each in history:  # what a station does, one command after the other
        if isinstance(each, AcceptedClearing):
            station = [one for one in station if not each.filter.matches(one.profile)]
            continue
        new = each.profile
        station = [
            one
            for one in station
            if one.profile.profile_id != new.profile_id
            and (
                one.profile.purpose,
                one.profile.stack_level,
                one.profile.connector_id,
                one.profile.transaction_id,
            )
            != (new.purpose, new.stack_level, new.connector_id, new.transaction_id)
        ]
        station.append(each)
    holds = {one.command_id for one in station if not (ended and one.profile.transaction_id == 7)}
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    known: dict[UUID, AcceptedProfile] = {}
    clearings: list[AcceptedClearing] = []
    for each in shuffled:  # what arrives here, one end after the other
        if isinstance(each, AcceptedClearing):
            clearings.append(each)
        else:
            known[each.command_id] = each
        for one in settled(known.values(), clearings, transactions, now):
            known[one.command_id] = one
    assert {one.command_id for one in known.values() if one.state in LIVE} == holds
