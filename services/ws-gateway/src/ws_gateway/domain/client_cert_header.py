"""The client certificate that a proxy hands on in the header `Client-Cert`.

As RFC 9440 writes it, DER in base64 between colons, or as PEM with percent-encoding, as nginx
(`$ssl_client_escaped_cert`) and envoy (`%DOWNSTREAM_PEER_CERT%`) write it.
"""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import unquote

HEADER = "Client-Cert"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class BadClientCert(ValueError):
    """The header holds no certificate in a known form."""


def certificate_in(values: Sequence[str]) -> bytes | None:
    """Return the certificate in DER, None where the header is missing or empty.

    Raises:
        BadClientCert: it is neither form, or there more than once.
    """
    present = [value.strip() for value in values if value.strip()]
    if not present:
        return None
    if len(present) > 1:
        raise BadClientCert(f"{HEADER} came {len(present)} times")
    text = present[0]
    if text.startswith(":"):
        body = text[1:-1] if len(text) > 1 and text.endswith(":") else "!"
    else:
        pem = unquote(text).strip()
        if not (pem.startswith(_BEGIN) and pem.endswith(_END)):
            raise BadClientCert(f"{HEADER} is neither base64 between colons nor encoded PEM")
        body = "".join(pem[len(_BEGIN) : -len(_END)].split())
    try:
        certificate = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise BadClientCert(f"{HEADER} is no base64") from None
    if not certificate:
        raise BadClientCert(f"{HEADER} is empty")
    return certificate
