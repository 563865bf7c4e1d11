"""Stored passwords: salted hashes of their proofs, compared in constant time.

Generated keys are long and random, and the proofs are keyed with a pepper already: a slow hash
would only turn a reconnect storm into an outage.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from csms_shared.ocpp.credentials import SALT_BYTES, check_of, hash_proof

# Passwords that count beside the newest, at most; see `_kept`.
PREVIOUS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Credentials:
    """A station's password hashes; `previous` ones count until a current one is used.

    All hashes of one password have one salt. `either`: nobody knows which password the station
    has, and the first one that it uses is the one that stays. Without a current one, `previous`
    are those that the station may have taken as its first: it needs none until it uses one.
    """

    current: tuple[bytes, ...] = ()
    previous: tuple[bytes, ...] = ()
    either: bool = False

    @property
    def present(self) -> bool:
        """Tell whether the station has a password."""
        return bool(self.current)

    @property
    def checks(self) -> tuple[str, ...]:
        """Return what lets a gateway rule out wrong passwords by itself."""
        return tuple(check_of(stored) for stored in (*self.current, *self.previous))


class CredentialMatch(Enum):
    """Which password was presented."""

    NONE = auto()
    PREVIOUS = auto()
    CURRENT = auto()


def set_password(
    before: Credentials,
    proofs: Sequence[str],
    salt: bytes,
    *,
    keep_previous: bool,
    either: bool = False,
) -> Credentials:
    """Return the credentials after a change of the password; the same change again is none.

    A change that waits for a reboot goes on waiting, whatever becomes of the next one: until then
    the use of the old password proves nothing.
    """
    either = either and (before.either or not before.previous)
    hashes = tuple(hash_proof(salt, proof) for proof in proofs)
    if not keep_previous:
        return Credentials(hashes)
    if not before.present:
        known = _fits(before.previous, proofs)
        return before if known else Credentials((), _kept((*hashes, *before.previous)))
    if _fits(before.current, proofs):
        return replace(before, either=either and bool(before.previous))
    return Credentials(hashes, _kept((*before.current, *before.previous)), either)


def withdraw_password(before: Credentials, proofs: Sequence[str]) -> Credentials:
    """Return the credentials without a password that the station turned out not to have taken.

    The only password of a station is never withdrawn: without one it would be open to anybody.
    """
    left = [
        group
        for group in _passwords((*before.current, *before.previous))
        if not _fits(group, proofs)
    ]
    if not before.present:
        return Credentials((), tuple(stored for group in left for stored in group))
    if not left:
        return before
    previous = tuple(stored for group in left[1:] for stored in group)
    return Credentials(left[0], previous, before.either and bool(previous))


def after_use(credentials: Credentials, proofs: Sequence[str]) -> Credentials:
    """Return the credentials once the station has connected with this password.

    The use of the new one ends a rotation (whitepaper, A01.FR.03), and so does that of an old one
    where the answer to the change was lost: the station has shown that it did not take it.
    """
    found = match(credentials, proofs)
    if found is CredentialMatch.CURRENT:
        return Credentials(credentials.current)
    if found is CredentialMatch.PREVIOUS and (credentials.either or not credentials.present):
        for group in _passwords(credentials.previous):
            if _fits(group, proofs):
                return Credentials(group)
    return credentials


def _kept(hashes: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return what goes on counting: the newest passwords, and the oldest in any case.

    The oldest is the one that the station has really used.
    """
    groups = _passwords(hashes)
    if len(groups) > PREVIOUS_KEPT:
        groups = [*groups[: PREVIOUS_KEPT - 1], groups[-1]]
    return tuple(stored for group in groups for stored in group)


def _passwords(hashes: Iterable[bytes]) -> list[tuple[bytes, ...]]:
    """Return the hashes of each password together, in their order."""
    groups: dict[bytes, list[bytes]] = {}
    for stored in hashes:
        groups.setdefault(stored[:SALT_BYTES], []).append(stored)
    return [tuple(group) for group in groups.values()]


def match(credentials: Credentials, proofs: Sequence[str]) -> CredentialMatch:
    """Compare every proof with every hash, however early one fits."""
    current = _fits(credentials.current, proofs)
    previous = _fits(credentials.previous, proofs)
    if current:
        return CredentialMatch.CURRENT
    return CredentialMatch.PREVIOUS if previous else CredentialMatch.NONE


def _fits(hashes: Iterable[bytes], proofs: Sequence[str]) -> bool:
    fits = False
    for stored in hashes:
        salt = stored[:SALT_BYTES]
        for proof in proofs:
            fits |= hmac.compare_digest(stored, hash_proof(salt, proof))
    return fits
