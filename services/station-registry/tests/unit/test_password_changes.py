"""Rotations of one station's password, told of in any order, late and more than once."""

import itertools
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.stations import SetPassword
from csms_shared.ocpp.credentials import credential_proofs
from station_registry.credentials.domain.password_changes import Passwords, change_password
from station_registry.credentials.domain.password_hashes import (
    CredentialMatch,
    Credentials,
    after_use,
    match,
    set_password,
)

PEPPER = b"pepper of these tests"
PASSWORDS = [f"password-number-{number}" for number in range(6)]
SALTS = (number.to_bytes(16, "big") for number in itertools.count(1))
IDS = [uuid.UUID(int=number) for number in range(1, 6)]
LASTS_S = 65.0
NOW = 1_000_000


def proofs(password: str) -> tuple[str, ...]:
    return credential_proofs(PEPPER, "A", password.encode())


FIRST = Passwords(
    set_password(Credentials(), proofs(PASSWORDS[0]), next(SALTS), keep_previous=False)
)


def valid(passwords: Passwords) -> set[str]:
    return {
        password
        for password in PASSWORDS
        if match(passwords.credentials, proofs(password)) is not CredentialMatch.NONE
    }


def telling(number: int, **what: bool | float) -> SetPassword:
    """Return what is told of the rotation to password `number`, from 1."""
    return SetPassword.model_validate(
        {
            "station_id": "A",
            "credential_proofs": proofs(PASSWORDS[number]),
            "rotation": IDS[number - 1],
            **what,
        }
    )


def offer(number: int) -> SetPassword:
    return telling(number, keep_previous=True, either=True, lasts_s=LASTS_S)


def silence(number: int) -> SetPassword:
    return telling(number, keep_previous=True, either=True)


def answer(number: int, *, took: bool) -> SetPassword:
    return telling(number) if took else telling(number, withdrawn=True)


def by_hand(number: int) -> SetPassword:
    return SetPassword(station_id="A", credential_proofs=proofs(PASSWORDS[number]))


def after(passwords: Passwords, *told: SetPassword, now: int = NOW) -> Passwords:
    for one in told:
        changed = change_password(passwords, one, next(SALTS), now)
        assert isinstance(changed, Passwords)
        passwords = changed
    return passwords


def test_a_second_rotation_waits_until_the_first_has_ended_or_can_not_end_any_more() -> None:
    begun = after(FIRST, offer(1))
    refused = change_password(begun, offer(2), next(SALTS), NOW + 64_999)
    assert isinstance(refused, Problem)
    assert (refused.status, refused.code) == (409, "rotation_under_way")
    assert after(begun, offer(1)) == begun
    for ended in (answer(1, took=True), answer(1, took=False), silence(1)):
        assert valid(after(begun, ended, offer(2), answer(2, took=True))) == {PASSWORDS[2]}
    assert valid(after(begun, offer(2), answer(2, took=True), now=NOW + 65_000)) == {PASSWORDS[2]}


def test_a_late_answer_to_the_rotation_before_changes_nothing() -> None:
    ended = after(FIRST, offer(1), silence(1), offer(2), answer(2, took=True))
    assert after(ended, answer(1, took=True), silence(1), offer(1)) == ended


def test_a_late_answer_does_not_undo_a_password_set_by_hand_meanwhile() -> None:
    by_hands = after(FIRST, offer(1), silence(1), by_hand(3), by_hand(2))
    assert valid(after(by_hands, answer(1, took=True))) == {PASSWORDS[2]}


def test_a_rotation_under_way_outlasts_a_password_set_by_hand() -> None:
    meanwhile = after(FIRST, offer(1), by_hand(2))
    assert valid(after(meanwhile, answer(1, took=True))) == {PASSWORDS[1]}


@settings(max_examples=1000, deadline=None)
@given(
    rotations=st.lists(
        st.tuples(st.booleans(), st.sampled_from(["answered", "silent", "never told"])),
        min_size=1,
        max_size=5,
    ),
    draw=st.data(),
)
def test_the_stations_own_password_counts_whatever_is_told_late_again_or_in_another_order(
    rotations: list[tuple[bool, str]], draw: st.DataObject
) -> None:
    passwords, own, now = FIRST, PASSWORDS[0], NOW
    told: list[SetPassword] = []
    for number, (took, heard) in enumerate(rotations, start=1):
        passwords = after(passwords, offer(number), now=now)
        told.append(offer(number))
        own = PASSWORDS[number] if took else own
        assert own in valid(passwords)
        if heard == "answered":
            told.append(answer(number, took=took))
            passwords = after(passwords, told[-1], now=now)
        else:
            if heard == "silent":
                passwords = after(passwords, silence(number), now=now)
            told += (silence(number), answer(number, took=took))
            now += round(LASTS_S * 1000)
        assert own in valid(passwords)
        for late in draw.draw(st.lists(st.sampled_from(told), max_size=4)):
            passwords = after(passwords, late, now=now)
            assert own in valid(passwords)
    used = after_use(passwords.credentials, proofs(own))
    assert valid(Passwords(used)) == {own}
