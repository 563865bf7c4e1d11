"""Proofs of a station's password: what travels and is stored instead of the password itself.

OCPP carries AuthorizationKey as hexadecimal text, and the station is to send the decoded bytes
as its HTTP Basic password; many send the text instead. So both forms of a password have a proof,
when it is set and when it is presented, and any proof in common means the same password.
"""

import binascii
import hmac


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
