"""When certificates end, read from their DER (RFC 5280, 4.1): OpenSSL's own reader of times is
not to be had without a connection."""

import re
import ssl
from datetime import UTC, datetime

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----\s.*?\s-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)


class Unreadable(ValueError):
    """The bytes are no certificate."""


def first_end(pem: str) -> datetime:
    """Return when the first of the certificates in a PEM text ends: the chain ends with it.

    Raises:
        Unreadable: there is none, or one of them can't be read.
    """
    ends = [_end(block) for block in _PEM.findall(pem)]
    if not ends:
        raise Unreadable("no certificate in it")
    return min(ends)


def _end(block: str) -> datetime:
    try:
        der = ssl.PEM_cert_to_DER_cert(block)
        certificate = _inside(der, 0, _SEQUENCE)
        at = _inside(der, certificate, _SEQUENCE)
        if der[at] == _VERSION:
            at = _after(der, at)
        # Serial number, signature algorithm and issuer come before the validity.
        for _ in range(3):
            at = _after(der, at)
        not_before = _inside(der, at, _SEQUENCE)
        return _time(der, _after(der, not_before))
    except (IndexError, ValueError) as error:
        raise Unreadable(f"not a certificate: {error}") from error


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
