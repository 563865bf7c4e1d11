"""The station's identity in the path of its connection URL (OCPP-J 1.6, 3.1.1)."""

from enum import StrEnum
from urllib.parse import unquote_to_bytes

_PREFIX = "/ocpp/"
_MAX_BYTES = 255


class IdentityProblem(StrEnum):
    """Why a path names no station; the value is the counted reason of the refusal."""

    WRONG_PATH = "wrong_path"
    EMPTY = "empty_station_id"
    TOO_LONG = "station_id_too_long"
    DOTS = "station_id_of_dots"
    NOT_UTF8 = "station_id_not_utf8"
    CONTROL_CHARACTER = "control_character_in_station_id"


def station_id_from_path(raw_path: str) -> str | IdentityProblem:
    """Return the station id: the last segment of the path as it was sent, decoded once.

    Slashes inside an id arrive percent-encoded and stay part of it. Slashes at the end and a
    query are ignored, and so is whatever stands between the prefix and the last segment: some
    stations append a whole URL to the one they were given.
    """
    path = raw_path.partition("?")[0]
    if not path.startswith(_PREFIX):
        return IdentityProblem.EMPTY if path == _PREFIX[:-1] else IdentityProblem.WRONG_PATH
    between, _, segment = path[len(_PREFIX) :].rstrip("/").rpartition("/")
    if ".." in between.split("/"):
        # By the rules of URLs this is another path (RFC 3986, 5.2.4), outside the prefix.
        return IdentityProblem.WRONG_PATH
    try:
        identity = unquote_to_bytes(segment).decode()
    except UnicodeError:
        return IdentityProblem.NOT_UTF8
    if not identity:
        return IdentityProblem.EMPTY
    if identity in (".", ".."):
        # In an address they mean another path, also encoded (RFC 3986, 5.2.4; URL Standard).
        return IdentityProblem.DOTS
    if len(identity.encode()) > _MAX_BYTES:
        return IdentityProblem.TOO_LONG
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in identity):
        return IdentityProblem.CONTROL_CHARACTER
    return identity
