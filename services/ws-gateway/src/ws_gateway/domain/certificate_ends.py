"""When certificates and revocation lists end, read from their DER (RFC 5280, 4.1 and 5.1).

OpenSSL's own reader of times is not to be had without a connection.
"""

import re
from base64 import b64decode
from datetime import UTC, datetime

_SEQUENCE, _INTEGER, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0x02, 0xA0, 0x17, 0x18
_PEM = re.compile(
    r"-----BEGIN (CERTIFICATE|X509 CRL)-----\s(.*?)\s-----END \1-----", re.DOTALL | re.ASCII
)


class Unreadable(ValueError):
    """The bytes are no certificate and no revocation list, or a list without an end."""


def first_end(pem: str) -> datetime:
    """Return when the first of the certificates or lists in a PEM text ends: all do with it.

    Raises:
        Unreadable: there is none, or one of them can't be read.
    """
    ends = [_end(kind, base64) for kind, base64 in _PEM.findall(pem)]
    if not ends:
        raise Unreadable("no certificate and no revocation list in it")
    return min(ends)


def _end(kind: str, base64: str) -> datetime:
    try:
        der = b64decode(base64)
        signed = _inside(der, _inside(der, 0, _SEQUENCE), _SEQUENCE)
        return _certificate_end(der, signed) if kind == "CERTIFICATE" else _list_end(der, signed)
    except (IndexError, ValueError) as error:
        raise Unreadable(f"not a {kind}: {error}") from error


def _certificate_end(der: bytes, at: int) -> datetime:
    if der[at] == _VERSION:
        at = _after(der, at)
    # Serial number, signature algorithm and issuer come before the validity.
    for _ in range(3):
        at = _after(der, at)
    not_before = _inside(der, at, _SEQUENCE)
    return _time(der, _after(der, not_before))


def _list_end(der: bytes, at: int) -> datetime:
    if der[at] == _INTEGER:
        at = _after(der, at)
    # Signature algorithm, issuer and this update come before the next update.
    for _ in range(3):
        at = _after(der, at)
    return _time(der, at)


def _element(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of an element begins and ends (X.690, 8.1)."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size]), start + size
    if start + length > len(der):
        raise Unreadable("cut short")
    return start, start + length


def _inside(der: bytes, at: int, tag: int) -> int:
    if der[at] != tag:
        raise Unreadable(f"tag {der[at]:#x} where {tag:#x} is due")
    return _element(der, at)[0]


def _after(der: bytes, at: int) -> int:
    return _element(der, at)[1]


def _time(der: bytes, at: int) -> datetime:
    """Read a Time, which is in UTC and has seconds (RFC 5280, 4.1.2.5)."""
    start, end = _element(der, at)
    text = der[start:end].decode("ascii")
    if der[at] == _UTC_TIME:
        text = ("20" if text < "5" else "19") + text
    elif der[at] != _GENERALIZED_TIME:
        raise Unreadable("no time where one is due")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
