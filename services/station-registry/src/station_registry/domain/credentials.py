"""Stored passwords: salted hashes of their proofs, compared in constant time.

Generated keys are long and random, and the proofs are keyed with a pepper already: a slow hash
would only turn a reconnect storm into an outage.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

SALT_BYTES = 16
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


class CredentialMatch(Enum):
    """Which password was presented."""

    NONE = auto()
    PREVIOUS = auto()
    CURRENT = auto()


def hash_proof(salt: bytes, proof: str) -> bytes:
    """Return the salt followed by the proof's hash under it."""
    return salt + hmac.digest(salt, proof.lower().encode(), hashlib.sha256)


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
