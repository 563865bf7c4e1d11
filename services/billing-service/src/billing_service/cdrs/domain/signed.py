"""Values that a meter signed: taken over as they are, checked, handed on (mod_cdrs, SignedData).

Stations of OCPP 1.6 send them as the Open Charge Alliance says (Signed Meter Values in OCPP, 3.2.1:
an object with `signedMeterData`), or as the meter itself writes them.
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing_service.cdrs.domain.ocmf import NotChecked, NotOcmf, is_signed_by, read_ocmf
from csms_shared.contracts.billing import SignatureView
from csms_shared.contracts.session_facts import SignedValue

OCMF = "OCMF"
UNKNOWN = "UNKNOWN"
SIGNATURE_INVALID = "signature_invalid"
_NATURES = {"Transaction.Begin": "Start", "Transaction.End": "End"}
_INTERMEDIATE = "Intermediate"
_METHOD_MAX, _KEY_MAX, _DATA_MAX = 36, 512, 5000
_NO_HEX = re.compile(r"[^0-9A-Fa-f]")


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a value holds: `blob` in base64, what that is as text, and the key sent with it."""

    method: str
    blob: str
    text: str | None
    key: str | None


def signatures(values: Sequence[SignedValue], public_key: str | None) -> list[SignatureView]:
    """Check every value by the key that is known of the meter, else by the one sent with values.

    A key that came with a value says that nothing was changed since it was signed with that key,
    and not whose key it is. One that came once holds for the session.
    """
    sent = [_sent(one.value) for one in values]
    key = _key_of(sent, public_key)
    return [_signature(value, content, key) for value, content in zip(values, sent, strict=True)]


def signed_data(values: Sequence[SignedValue], public_key: str | None) -> dict[str, Any] | None:
    """Return OCPI's SignedData; null where nothing was signed.

    There is one method for all: that of the last value. Values of another are not in it, nor those
    that are too long for it, for what is cut is not signed.
    """
    sent = [_sent(one.value) for one in values]
    if not sent:
        return None
    method = sent[-1].method
    signed_values = [
        {
            "nature": nature_of(value),
            "plain_data": _plain(content),
            "signed_data": content.blob,
        }
        for value, content in zip(values, sent, strict=True)
        if content.method == method
        and len(content.blob) <= _DATA_MAX
        and len(_plain(content)) <= _DATA_MAX
    ]
    if not signed_values:
        return None
    found: dict[str, Any] = {"encoding_method": method}
    version = _version(sent[-1])
    if version is not None:
        found["encoding_method_version"] = version
    key = _key_of(sent, public_key)
    if key is not None:
        der = _der(key)
        shown = key if der is None else b64encode(der).decode()
        if len(shown) <= _KEY_MAX:
            found["public_key"] = shown
    return found | {"signed_values": signed_values}


def nature_of(value: SignedValue) -> str:
    """Return which event of the session a value belongs to, in OCPI's words."""
    return _NATURES.get(value.context or "", _INTERMEDIATE)


def _signature(value: SignedValue, sent: _Sent, key: str | None) -> SignatureView:
    verified, reason = _checked(sent, key)
    return SignatureView(at=value.at, nature=nature_of(value), verified=verified, reason=reason)


def _checked(sent: _Sent, key: str | None) -> tuple[bool | None, str | None]:
    if sent.method.upper() != OCMF:
        return None, "unknown_encoding"
    try:
        value = read_ocmf(sent.text or "")
    except NotOcmf:
        return None, "unreadable_value"
    if key is None:
        return None, "no_key"
    der = _der(key)
    if der is None:
        return None, "unreadable_key"
    try:
        verified = is_signed_by(value, der)
    except NotChecked as error:
        return None, error.reason
    return verified, None if verified else SIGNATURE_INVALID


def _sent(raw: str) -> _Sent:
    wrapped = _wrapped(raw)
    if wrapped is None:
        method = OCMF if raw.startswith("OCMF|") else UNKNOWN
        return _Sent(method, b64encode(raw.encode()).decode(), raw, None)
    data = wrapped["signedMeterData"]
    text = _text(data)
    method = str(wrapped.get("encodingMethod") or "").strip()
    if not method or len(method) > _METHOD_MAX or not (method.isascii() and method.isprintable()):
        method = OCMF if text is not None and text.startswith("OCMF|") else UNKNOWN
    key = wrapped.get("publicKey")
    return _Sent(method, data, text, key if isinstance(key, str) and key.strip() else None)


def _wrapped(raw: str) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and isinstance(found.get("signedMeterData"), str):
        return found
    return None


def _text(data: str) -> str | None:
    try:
        return b64decode(data, validate=True).decode()
    except (NoBase64, ValueError):
        return None


def _plain(sent: _Sent) -> str:
    """Return what was signed, as text; empty where that is none, for OCPI demands the field."""
    if sent.text is None:
        return ""
    try:
        return read_ocmf(sent.text).payload
    except NotOcmf:
        return sent.text if sent.text.isprintable() else ""


def _version(sent: _Sent) -> int | None:
    """Return the version of the method, which is a whole number in OCPI: of 1.0 it is 1."""
    try:
        major = (read_ocmf(sent.text or "").version or "").split(".")[0]
    except NotOcmf:
        return None
    return int(major) if major.isascii() and major.isdigit() and len(major) < 5 else None


def _key_of(sent: Sequence[_Sent], known: str | None) -> str | None:
    if known is not None and known.strip():
        return known
    return next((one.key for one in sent if one.key is not None), None)


def _der(key: str) -> bytes | None:
    """Read a key: as the Open Charge Alliance writes it (3.2.2), or DER in base16 or base64.

    `oca:base16:asn1:...` is sent in base64, and may be configured as it is.
    """
    text = key.strip()
    if not text.startswith("oca:"):
        decoded = _text(text)
        if decoded is not None and decoded.startswith("oca:"):
            text = decoded.strip()
    if not text.startswith("oca:"):
        return _from_base16(text) or _from_base64(text)
    marker, _, rest = text.partition(":")
    encoding, _, rest = rest.partition(":")
    content, _, printed = rest.partition(":")
    if (marker, content) != ("oca", "asn1"):
        return None
    # Whatever else is printed between the digits is to be left out.
    if encoding == "base16":
        return _from_base16(_NO_HEX.sub("", printed.removeprefix("0x")))
    return _from_base64(printed) if encoding == "base64" else None


def _from_base16(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) or None
    except ValueError:
        return None


def _from_base64(text: str) -> bytes | None:
    try:
        return b64decode("".join(text.split()), validate=True) or None
    except (NoBase64, ValueError):
        return None
