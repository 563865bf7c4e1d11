"""Takes secrets out of frames before they are recorded: in doubt, a value is masked.

Known are AuthorizationKey and every other configuration key, field or text whose name says
password, key or the like; logins inside URLs; private keys. What is not readable and may hold
one of them is not shown at all.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson

MASK = "***"
# In lower case: without one of these, nothing in a frame is to be masked. An escaped letter may
# be any of theirs.
_MARKERS = (
    "key",
    "pass",
    "token",
    "secret",
    "pwd",
    "psk",
    "credential",
    "private",
    "bearer",
    "authorization",
    "://",
    ":\\/",
    "@",
    "\\u",
)
_NAME_MARKS = ("pass", "pwd", "psk", "secret", "credential", "bearer", "token")
_NAME_ENDS = ("key", "authorization")
# Names with such a part that hold no secret.
_PLAIN_NAMES = frozenset({"key", "configurationkey", "unknownkey", "publickey"})
# The field of an object that says what its other fields are about.
_NAMING_FIELDS = ("key", "name", "variable", "configurationkey")
_SECRET_TEXT = re.compile(
    r"pass(?:w|phr|code|key|(?![a-z]))|pwd|psk|secret|credential|bearer"
    r"|authorization[\W_]*(?:key|basic|[:=])|(?:auth|api|access)[\W_]?token"
    r"|(?:private|auth|api|access|encryption|wifi|wpa)[\W_]?key",
    re.IGNORECASE,
)
# What cannot be a sentence or an assignment: a name, a number, base64.
_ONE_WORD = re.compile(r"[\w.\-+/]{1,4096}={0,2}")
# Up to the last @ of the word: a password may hold any character, also unescaped.
_LOGIN = re.compile(r"(\b[\w+.\-]{1,64}:/{0,2})\S{1,2000}@")
_SECRET_IN_QUERY = re.compile(
    r"([?&;][^=&;#\s]{0,100}(?:pass|pwd|secret|token|key|sig|auth|credential)[^=&;#\s]{0,100}=)"
    r"[^&;#\s]+",
    re.IGNORECASE,
)
# A segment of a URL's path that nobody types: a one-time token.
_TOKEN_IN_PATH = re.compile(r"/[\w\-]{20,}(?=[/?#]|$)")
_MAX_DEPTH = 64
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def may_hold_secrets(lowered: str) -> bool:
    """Tell whether a frame in lower case is worth a closer look; most are not."""
    return any(marker in lowered for marker in _MARKERS)


def shown(text: str) -> str:
    """Return the text of a frame as it may be shown; most need no closer look."""
    return masked(text) if may_hold_secrets(text.lower()) else text


def masked(text: str) -> str:
    """Return the frame with each secret replaced by `MASK`; unchanged where there is none."""
    try:
        document = orjson.loads(text)
        # Of a field that comes twice, only one would be looked at.
        json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        return _unreadable(text)
    mended = _masked(document, _MAX_DEPTH)
    return text if mended == document else orjson.dumps(mended).decode()


def without_description(text: str) -> str:
    """Return a CALLERROR without what a station wrote into it: it may repeat a refused secret."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return MASK
    if not isinstance(frame, list) or frame[:1] != [4]:
        return text
    try:
        return orjson.dumps([*frame[:3], MASK, {}]).decode()
    except orjson.JSONEncodeError:
        # Nested deeper than it is written.
        return MASK


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field comes twice")
    return fields


def _unreadable(text: str) -> str:
    spelled = re.sub(r"\\.|\W|_", "", text.casefold().replace("\0", ""))
    looks = spelled + text.casefold()
    if "\\u" in text or _SECRET_TEXT.search(looks) or "key" in looks or "@" in text:
        return f"(not shown: unreadable, and may hold a secret; {len(text)} characters)"
    return text


def _masked(node: Any, depth: int) -> Any:
    if depth == 0:
        return MASK if isinstance(node, dict | list) and node else node
    if isinstance(node, dict):
        return _masked_object(node, depth)
    if isinstance(node, list):
        return [_masked(child, depth - 1) for child in node]
    return _masked_text(node, depth) if isinstance(node, str) else node


def _masked_object(node: dict[str, Any], depth: int) -> dict[str, Any]:
    about_a_secret = any(
        isinstance(value, str) and _names_a_secret(value)
        for name, value in node.items()
        if _plain(name) in _NAMING_FIELDS
    )
    return {
        name: _hidden(value)
        if _names_a_secret(name) or (about_a_secret and _plain(name) not in _NAMING_FIELDS)
        else value
        if _plain(name) in _NAMING_FIELDS and _is_one_word(value)
        else _masked(value, depth - 1)
        for name, value in node.items()
    }


def _hidden(value: Any) -> Any:
    """Return what shows nothing of a value but whether it is there, and switches as they are."""
    return value if value is None or isinstance(value, bool) or value == "" else MASK


def _masked_text(text: str, depth: int) -> str:
    if text[:1] in ("{", "["):
        # Vendors carry JSON inside the text of a DataTransfer.
        try:
            inner = orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
        else:
            mended = _masked(inner, depth - 1)
            return text if mended == inner else orjson.dumps(mended).decode()
    text = _SECRET_IN_QUERY.sub(rf"\1{MASK}", _LOGIN.sub(rf"\1{MASK}@", text))
    if "://" in text:
        text = _TOKEN_IN_PATH.sub(f"/{MASK}", text)
    if text.startswith("-----BEGIN CERTIFICATE") and "PRIVATE" not in text:
        return text
    if not _ONE_WORD.fullmatch(text) and _SECRET_TEXT.search(text):
        return MASK
    return text


def _is_one_word(value: Any) -> bool:
    return isinstance(value, str) and _ONE_WORD.fullmatch(value) is not None


def _names_a_secret(name: str) -> bool:
    plain = _plain(name).replace("idtoken", "")
    if plain in _PLAIN_NAMES:
        return False
    return plain.endswith(_NAME_ENDS) or any(mark in plain for mark in _NAME_MARKS)


def _plain(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.casefold())
