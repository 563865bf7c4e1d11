"""The station's password in the Authorization header (OCPP-J 1.6, 6.2.2)."""

import base64
import binascii


def presented_password(header: str | None, station_id: str) -> bytes | None:
    """Return the password of an HTTP Basic header as bytes, None where there is none to read.

    The id in the path is the identity, so the user name may differ or be absent. It ends at the
    first colon, but where it is the station's id, which may hold colons itself.
    """
    if header is None:
        return None
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    encoded = encoded.strip().rstrip("=")
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    own_name = station_id.encode() + b":"
    if text.startswith(own_name):
        return text[len(own_name) :]
    _, colon, password = text.partition(b":")
    return password if colon else text
