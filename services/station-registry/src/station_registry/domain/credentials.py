"""Stored passwords: salted hashes of their proofs, compared in constant time.

Generated keys are long and random, and the proofs are keyed with a pepper already: a slow hash
would only turn a reconnect storm into an outage.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from csms_shared.ocpp.credentials import SALT_BYTES, check_of, hash_proof

PREVIOUS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Credentials:
    """A station's password hashes; `previous` ones count until a current one is used."""

    current: tuple[bytes, ...] = ()
    previous: tuple[bytes, ...] = ()

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
    before: Credentials, proofs: Sequence[str], salt: bytes, *, keep_previous: bool
) -> Credentials:
    """Return the credentials after a change of the password."""
    kept = (*before.current, *before.previous)[:PREVIOUS_KEPT] if keep_previous else ()
    return Credentials(tuple(hash_proof(salt, proof) for proof in proofs), kept)


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
