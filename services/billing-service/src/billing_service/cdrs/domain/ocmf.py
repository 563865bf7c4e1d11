"""Values in the Open Charge Metering Format: `OCMF|payload|signature`, and whether they are signed.

The format is that of S.A.F.E. e.V., version 1: payload and signature are JSON, and what is signed
are the bytes of the payload as they were sent. So they are cut out, and never written anew.
"""

import json
from base64 import b64decode
from binascii import Error as NoBase64
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

_HEADER = "OCMF|"
_DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
_HASHES: dict[str, HashAlgorithm] = {"SHA256": SHA256(), "SHA512": SHA512()}
# As the format calls them, by how they are called here.
_CURVES = {
    "secp192r1": "secp192r1",
    "secp256k1": "secp256k1",
    "secp256r1": "secp256r1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "brainpool256r1": "brainpoolp256r1",
    "brainpoolp256r1": "brainpoolp256r1",
    "brainpool384r1": "brainpoolp384r1",
    "brainpoolp384r1": "brainpoolp384r1",
}
_KNOWN_ALGORITHMS = {
    f"ecdsa-{name}-{digest}".lower(): (curve, hash_)
    for name, curve in _CURVES.items()
    for digest, hash_ in _HASHES.items()
}


class NotOcmf(ValueError):
    """It is no such value."""


class NotChecked(ValueError):
    """Nobody can say whether the signature is right; `reason` is a word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OcmfValue:
    """The payload as it was sent, and what is said of its signature."""

    payload: str
    version: str | None
    algorithm: str
    encoding: str
    signature: str


def read_ocmf(text: str) -> OcmfValue:
    """Take a value apart.

    Raises:
        NotOcmf: it can't be.
    """
    if not text.startswith(_HEADER):
        raise NotOcmf("it does not begin with OCMF|")
    try:
        payload, ends = _json_at(text, len(_HEADER))
        if text[ends : ends + 1] != "|":
            raise NotOcmf("there is no signature after the payload")
        signature, _ = _json_at(text, ends + 1)
    except (ValueError, RecursionError) as error:
        raise NotOcmf(f"it can't be read: {error}") from error
    data = signature.get("SD")
    if not isinstance(data, str):
        raise NotOcmf("there is no signature data")
    version = payload.get("FV")
    return OcmfValue(
        payload=text[len(_HEADER) : ends],
        version=version if isinstance(version, str) else None,
        algorithm=str(signature.get("SA", _DEFAULT_ALGORITHM)),
        encoding=str(signature.get("SE", "hex")),
        signature=data,
    )


def is_signed_by(value: OcmfValue, public_key: bytes) -> bool:
    """Tell whether the value was signed with the key that belongs to this one (DER).

    Raises:
        NotChecked: the algorithm or the key is not known here.
    """
    try:
        curve, digest = _KNOWN_ALGORITHMS[value.algorithm.lower()]
    except KeyError:
        raise NotChecked("unknown_algorithm") from None
    try:
        key = load_der_public_key(public_key)
    except UnsupportedAlgorithm:
        raise NotChecked("unknown_algorithm") from None
    except ValueError:
        raise NotChecked("unreadable_key") from None
    # A signature by another curve is none of this key.
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name.lower() != curve:
        return False
    try:
        key.verify(_signature(value), value.payload.encode(), ec.ECDSA(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _json_at(text: str, begins: int) -> tuple[dict[str, Any], int]:
    while text[begins : begins + 1].isspace():
        begins += 1
    found, ends = json.JSONDecoder().raw_decode(text, begins)
    if not isinstance(found, dict):
        raise NotOcmf("it is no object")
    return found, ends


def _signature(value: OcmfValue) -> bytes:
    if value.encoding.lower() == "base64":
        try:
            sent = b64decode(value.signature, validate=True)
        except NoBase64 as error:
            raise ValueError(str(error)) from error
    else:
        sent = bytes.fromhex(value.signature)
    return encode_dss_signature(*_two_numbers(sent))


def _two_numbers(der: bytes) -> tuple[int, int]:
    """Read the two numbers of a signature.

    Some meters leave out the zero that keeps a number from being negative, or have more of them
    than are needed. Strictly that is not DER, and it is signed all the same.
    """
    numbers = _content(der, 0x30)
    first = _content(numbers, 0x02)
    second = _content(numbers[2 + len(first) :], 0x02)
    return int.from_bytes(first, "big"), int.from_bytes(second, "big")


def _content(der: bytes, tag: int) -> bytes:
    # Longer than 127 bytes is the sequence of two numbers of secp521r1 alone.
    begins, length = (3, der[2:3]) if der[1:2] == b"\x81" else (2, der[1:2])
    content = der[begins : begins + length[0]] if length else b""
    if der[:1] != bytes([tag]) or not content or len(content) != length[0]:
        raise ValueError("the signature is no two numbers")
    return content
