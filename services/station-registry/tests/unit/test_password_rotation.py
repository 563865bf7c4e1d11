"""Password rotations end with exactly one valid password, wherever the station died."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_shared.ocpp.credentials import credential_proofs
from station_registry.credentials.domain.password_hashes import (
    CredentialMatch,
    Credentials,
    after_use,
    match,
    set_password,
    withdraw_password,
)

PEPPER = b"pepper of these tests"
SALTS = (number.to_bytes(16, "big") for number in itertools.count(1))
# Hexadecimal, as generated ones are: each has two forms.
PASSWORDS = [f"{number:040x}" for number in range(0xA0, 0xA6)]


def proofs(password: str) -> tuple[str, ...]:
    return credential_proofs(PEPPER, "A", password.encode())


def presented(password: str, *, decoded: bool = False) -> tuple[str, ...]:
    sent = bytes.fromhex(password) if decoded else password.encode()
    return credential_proofs(PEPPER, "A", sent)


def valid(credentials: Credentials) -> set[str]:
    return {
        password
        for password in PASSWORDS
        if match(credentials, proofs(password)) is not CredentialMatch.NONE
    }


def changed(before: Credentials, password: str, *, keep: bool, either: bool) -> Credentials:
    return set_password(before, proofs(password), next(SALTS), keep_previous=keep, either=either)


def lets_in(credentials: Credentials, own: str | None) -> bool:
    """Tell whether a station of profile 0 gets in with the password that it has, if any."""
    return not credentials.present or (own is not None and own in valid(credentials))


OLD, NEW, NEWER = PASSWORDS[:3]
FIRST = changed(Credentials(), OLD, keep=False, either=False)
UNKNOWN = changed(FIRST, NEW, keep=True, either=True)


def test_after_accepted_only_the_new_password_counts() -> None:
    assert valid(changed(FIRST, NEW, keep=False, either=False)) == {NEW}


def test_without_an_answer_the_first_password_used_is_the_one_that_stays() -> None:
    assert valid(UNKNOWN) == {OLD, NEW}
    for decoded in (False, True):
        for password in (OLD, NEW):
            used = after_use(UNKNOWN, presented(password, decoded=decoded))
            assert valid(used) == {password}
            # Both of its forms go on counting.
            assert match(used, presented(password)) is CredentialMatch.CURRENT
            assert match(used, presented(password, decoded=True)) is CredentialMatch.CURRENT
    assert after_use(UNKNOWN, presented(NEWER)) == UNKNOWN


def test_a_station_that_takes_it_at_its_next_boot_may_use_the_old_one_until_then() -> None:
    waiting = changed(FIRST, NEW, keep=True, either=False)
    assert after_use(waiting, presented(OLD)) == waiting
    assert valid(after_use(waiting, presented(NEW))) == {NEW}


def test_a_late_no_leaves_the_old_password_alone() -> None:
    assert valid(withdraw_password(UNKNOWN, proofs(NEW))) == {OLD}
    twice = changed(UNKNOWN, NEWER, keep=True, either=True)
    left = withdraw_password(twice, proofs(NEWER))
    assert valid(left) == {OLD, NEW}
    assert valid(after_use(left, presented(OLD))) == {OLD}
    assert valid(withdraw_password(twice, proofs(NEW))) == {OLD, NEWER}


def test_the_only_password_is_never_withdrawn() -> None:
    only = after_use(UNKNOWN, presented(NEW))
    assert withdraw_password(only, proofs(NEW)) == only
    assert withdraw_password(FIRST, proofs(NEWER)) == FIRST


def test_the_same_change_told_again_is_no_second_one() -> None:
    again = changed(UNKNOWN, NEW, keep=True, either=True)
    assert again == UNKNOWN
    ended = after_use(UNKNOWN, presented(NEW))
    assert changed(ended, NEW, keep=True, either=True) == ended


def test_what_waits_for_a_reboot_goes_on_waiting_while_the_next_change_is_under_way() -> None:
    waiting = changed(FIRST, NEW, keep=True, either=False)
    offered = changed(waiting, NEWER, keep=True, either=True)
    assert after_use(offered, presented(OLD)) == offered
    assert withdraw_password(offered, proofs(NEWER)) == waiting
    # A reset has settled the first of them, so that the next connection tells.
    settled = replace(waiting, either=True)
    assert valid(after_use(settled, presented(OLD))) == {OLD}
    assert valid(after_use(changed(settled, NEWER, keep=True, either=True), presented(NEW))) == {
        NEW
    }


@pytest.mark.parametrize("either", [True, False])
def test_a_first_password_counts_for_nothing_until_it_is_known_to_be_there(either: bool) -> None:
    offered = changed(Credentials(), NEW, keep=True, either=either)
    assert not offered.present
    assert changed(offered, NEW, keep=True, either=either) == offered
    assert after_use(offered, ()) == offered
    assert after_use(offered, presented(OLD)) == offered
    assert withdraw_password(offered, proofs(NEW)) == Credentials()
    used = after_use(offered, presented(NEW))
    assert used.present
    assert valid(used) == {NEW}
    assert valid(changed(offered, NEW, keep=False, either=False)) == {NEW}
    twice = changed(offered, NEWER, keep=True, either=either)
    assert not twice.present
    assert valid(after_use(twice, presented(NEW))) == {NEW}
    assert withdraw_password(twice, proofs(NEWER)) == offered


@settings(max_examples=1000, deadline=None)
@given(
    outcomes=st.lists(
        st.tuples(
            # What the station did with the change, and what we heard of it after the offer.
            st.sampled_from(["took it", "kept the old one"]),
            st.sampled_from(["answered", "silent", "silent, then answered"]),
            st.integers(1, 3),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    decoded=st.booleans(),
    first=st.sampled_from([OLD, None]),
)
def test_whatever_was_lost_the_stations_own_password_counts_and_in_the_end_no_other(
    outcomes: list[tuple[str, str, int, bool]], decoded: bool, first: str | None
) -> None:
    credentials, own = (FIRST, first) if first else (Credentials(), None)
    for (did, heard, told, reconnects), password in zip(outcomes, PASSWORDS[1:], strict=False):
        # Offered before it is sent.
        credentials = changed(credentials, password, keep=True, either=True)
        own = password if did == "took it" else own
        if reconnects:
            # Before anybody knows how it went.
            assert lets_in(credentials, own)
            credentials = after_use(credentials, presented(own) if own else ())
        if heard != "answered":
            # Told again and again: the registry's answer was lost.
            for _ in range(told):
                credentials = changed(credentials, password, keep=True, either=True)
        if heard != "silent":
            for _ in range(told):
                if did == "took it":
                    credentials = changed(credentials, password, keep=False, either=False)
                else:
                    credentials = withdraw_password(credentials, proofs(password))
        assert lets_in(credentials, own)
    if own is None:
        assert not credentials.present
    else:
        assert valid(after_use(credentials, presented(own, decoded=decoded))) == {own}
