"""Proofs of a station's password: what travels and is stored instead of the password itself.

OCPP carries AuthorizationKey as hexadecimal text, and the station is to send the decoded bytes
as its HTTP Basic password; many send the text instead. So both forms of a password have a proof,
when it is set and when it is presented, and any proof in common means the same password.
"""

import binascii
import hmac

SALT_BYTES = 16
_CHECK_BYTES = 2


def credential_proof(pepper: bytes, station_id: str, password: bytes) -> bytes:
    """Return HMAC-SHA-256 under `pepper` of the station id and the password.

    The message is the length of the id in UTF-8 as four bytes, big-endian, then the id, then the
    password: no other pair of id and password makes the same message.
    """
    identity = station_id.encode()
    return hmac.digest(pepper, len(identity).to_bytes(4, "big") + identity + password, "sha256")


def password_forms(password: bytes) -> tuple[bytes, ...]:
    """Return the password as it is, then what it decodes to where it is hexadecimal text."""
    try:
        decoded = binascii.unhexlify(password)
    except binascii.Error:
        return (password,)
    return (password, decoded) if decoded else (password,)


def credential_proofs(pepper: bytes, station_id: str, password: bytes) -> tuple[str, ...]:
    """Return the proofs of both forms, in lower-case hexadecimal, the form as given first."""
    return tuple(
        credential_proof(pepper, station_id, form).hex() for form in password_forms(password)
    )


def hash_proof(salt: bytes, proof: str) -> bytes:
    """Return the salt followed by the proof's hash under it: what is stored."""
    return salt + hmac.digest(salt, proof.lower().encode(), "sha256")


def check_of(stored: bytes) -> str:
    """Return what rules a wrong proof out, and says next to nothing of the right one.

    The salt and two bytes of the hash: one wrong proof of 65,536 is not ruled out.
    """
    return stored[: SALT_BYTES + _CHECK_BYTES].hex()


def fits_check(check: str, proof: str) -> bool:
    """Tell whether the proof may be the one that `check` was made of."""
    salt = bytes.fromhex(check)[:SALT_BYTES]
    return hmac.compare_digest(check, check_of(hash_proof(salt, proof)))
