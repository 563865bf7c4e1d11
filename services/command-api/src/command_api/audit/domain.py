"""What an entry of the audit holds: of which resource it tells, and values that are fit to keep."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from csms_shared.ocpp.secret_keys import MASK, is_secret_key
from csms_shared.values.texts import is_storable

VALUE_MAX_BYTES = 65_536
FIELD_MAX_BYTES = 4_096
PATH_MAX = 2_000
ID_MAX = 255
_MAX_DEPTH = 32
# Of what a request makes, the field that names it.
_ID_FIELDS = {
    "stations": "station_id",
    "sites": "site_id",
    "id-tokens": "id_token",
    "users": "username",
    "api-keys": "id",
    "configuration-templates": "template_id",
    "reservations": "reservation_id",
    "firmware-rollouts": "rollout_id",
    "tenants": "tenant_id",
    "replays": "replay_id",
    "tariffs": "tariff_id",
    "tariff-assignments": "assignment_id",
}
# Whoever may log in chooses these texts: each pattern reads a text once, however it repeats itself.
_WORD = re.compile(r"\S+")
# Credentials that are shown once, whatever field has them.
_API_KEY = re.compile(r"csms_[\w\-]{20,}")
_DOTTED = re.compile(r"[\w\-.]+")
_TOKEN_BEGIN, _TOKEN_DOTS = "eyJ", 2
_SCHEME = re.compile(r"[\w+.\-]:/{0,2}")
_SECRET_IN_QUERY = re.compile(
    r"([?&;](?:(?!NAME)[^?&;=#\s])*NAME[^?&;=#\s]*=)[^&;#\s]+".replace(
        "NAME", "(?:pass|pwd|secret|token|key|sig|auth|credential)"
    ),
    re.IGNORECASE,
)
_REPLAYS = "/api/v1/events/replays"
# What stands in the place of an id.
_NO_ID = ("", "bulk")
# The fields of an object that say what its `value` is about.
_NAMING_FIELDS = ("key", "name", "variable")


@dataclass(frozen=True, slots=True)
class Target:
    """A resource: `type` is the first word of its path, `id` None for what is not made yet."""

    type: str
    id: str | None


def target_of(path: str, asked: Any, actor: str) -> Target:
    """Return what a raw path under /api/v1 is about; what is made is named by its body, if at all.

    A bulk action is about no single resource. `actor` is the name of who asks.
    """
    _, _, _, type_, *rest = [*path.split("/"), "", "", ""]
    if type_ == "auth" or (type_, rest[0]) == ("users", "me"):
        return Target("users", actor[:ID_MAX])
    if type_ == "events":
        # Of events there are replays, and nothing else that is made.
        type_, *rest = rest
    named = unquote(rest[0]) if rest[0] not in _NO_ID else made_id(type_, asked)
    return Target(type_[:ID_MAX], None if named is None else named[:ID_MAX])


def made_id(type_: str, document: Any) -> str | None:
    """Return the id in a resource of this type."""
    field = _ID_FIELDS.get(type_)
    value = document.get(field) if field is not None and isinstance(document, dict) else None
    if not isinstance(value, str | int) or not is_storable(str(value)):
        return None
    return str(value)[:ID_MAX]


def item_path(path: str) -> str | None:
    """Return the path of the single resource that a raw path under /api/v1 lies in."""
    parts = path.split("/")
    end = 6 if path.startswith(_REPLAYS) else 5
    return "/".join(parts[:end]) if len(parts) >= end and parts[end - 1] not in _NO_ID else None


def kept(document: Any) -> Any:
    """Return a value as the audit keeps it: without secrets, and bounded."""
    masked = _masked(document, _MAX_DEPTH)
    if _size(masked) <= VALUE_MAX_BYTES:
        return masked
    if isinstance(masked, dict):
        short = {
            name: value if _size(value) <= FIELD_MAX_BYTES else {"omitted_bytes": _size(value)}
            for name, value in masked.items()
        }
        if _size(short) <= VALUE_MAX_BYTES:
            return short
    return {"omitted_bytes": _size(masked)}


def _size(value: Any) -> int:
    return len(orjson.dumps(value))


def _masked(node: Any, depth: int) -> Any:
    if depth == 0:
        return MASK if isinstance(node, dict | list) else node
    if isinstance(node, dict):
        about = any(is_secret_key(str(node.get(name, ""))) for name in _NAMING_FIELDS)
        return {
            name: _hidden(value)
            if is_secret_key(name) or (about and name == "value")
            else _masked(value, depth - 1)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_masked(child, depth - 1) for child in node]
    return _masked_text(node) if isinstance(node, str) else node


def _hidden(value: Any) -> Any:
    """Return what shows nothing of a value but whether it is there."""
    return value if value is None or isinstance(value, bool) or value == "" else MASK


def _masked_text(text: str) -> str:
    return _SECRET_IN_QUERY.sub(rf"\1{MASK}", _WORD.sub(_masked_word, text))


def _masked_word(found: re.Match[str]) -> str:
    word = _DOTTED.sub(_without_token, _API_KEY.sub(MASK, found[0]))
    # Up to the last @: a password may hold any character, also unescaped.
    end = word.rfind("@")
    scheme = _SCHEME.search(word, 0, max(end, 0))
    return word if scheme is None else f"{word[: scheme.end()]}{MASK}{word[end:]}"


def _without_token(found: re.Match[str]) -> str:
    begin = found[0].find(_TOKEN_BEGIN)
    is_token = begin >= 0 and found[0].count(".", begin) >= _TOKEN_DOTS
    return found[0][:begin] + MASK if is_token else found[0]
