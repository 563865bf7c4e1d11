"""OCPP-J frames: text to typed frames and back (OCPP-J 1.6, chapter 4).

A frame that cannot be read is a value, `FrameProblem`, not an exception: what to do about it
depends on what could still be made out.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from csms_shared.ocpp.errors import RpcError

MAX_FRAME_BYTES = 1024 * 1024
# No OCPP message nests deeper than a dozen levels. What passes must be encoded again inside the
# messages between services, and the encoder ends at 254 levels.
MAX_DEPTH = 64

CALL = 2
CALL_RESULT = 3
CALL_ERROR = 4

_LEADING = b"\x00 \t\r\n\xef\xbb\xbf"
_TRAILING = b"\x00 \t\r\n"
_JUNK_AFTER_DOCUMENT = "unexpected content after document"
_START_OF_FRAME = re.compile(rb'\[\s*(\d{1,3})\s*(?:,\s*("(?:[^"\\\x00-\x1f]|\\.){0,255}"))?')


@dataclass(slots=True)
class Call:
    """A request; `mended` where the text was not exactly JSON or held NUL characters."""

    message_id: str
    action: str
    payload: dict[str, Any]
    mended: bool = False


@dataclass(slots=True)
class CallResult:
    """The answer to a call."""

    message_id: str
    payload: dict[str, Any]


@dataclass(slots=True)
class CallError:
    """The refusal of a call."""

    message_id: str
    code: str
    description: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FrameProblem:
    """A frame that is none of the above; `raw` is the whole of it, for the log.

    `message_type` and `message_id` are what could be recovered. `error` is None where the
    specification wants the frame ignored: an unknown message type (OCPP-J 1.6, 4.1.3).
    """

    error: RpcError | None
    description: str
    raw: bytes
    message_type: int | None = None
    message_id: str | None = None


Frame = Call | CallResult | CallError | FrameProblem


def parse_frame(raw: bytes | str, *, tolerant: bool = True) -> Frame:
    """Read one frame.

    Tolerant reading ignores NUL, blanks and a byte order mark before the array and anything
    after it, replaces bytes that are not UTF-8, and removes NUL characters inside text, which no
    service could store and no text of OCPP may hold (1.6, 2.2: printable ASCII only).
    """
    raw = raw.encode(errors="replace") if isinstance(raw, str) else raw
    if len(raw) > MAX_FRAME_BYTES:
        return _unreadable(raw, f"frame of more than {MAX_FRAME_BYTES} bytes")
    mended = False
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not tolerant:
            return _unreadable(raw, f"not JSON: {error.msg}")
        mended = True
        try:
            message = _loads_leniently(raw)
        except orjson.JSONDecodeError as second:
            return _unreadable(raw, f"not JSON: {second.msg}")
    if _is_too_deep(raw, message):
        return _unreadable(raw, f"nested deeper than {MAX_DEPTH} levels")
    if b"\\u0000" in raw and isinstance(message, list):
        # The id stays as it is: it is only echoed.
        without_nul = message[:2] + _without_nul(message[2:])
        if without_nul != message:
            if not tolerant:
                return _unreadable(raw, "text that holds NUL")
            message, mended = without_nul, True
    return _typed(raw, message, mended)


def encode_call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """Return a CALL as compact JSON."""
    return orjson.dumps([CALL, message_id, action, payload]).decode()


def encode_call_result(message_id: str, payload: dict[str, Any]) -> str:
    """Return a CALLRESULT as compact JSON."""
    return orjson.dumps([CALL_RESULT, message_id, payload]).decode()


def encode_call_error(message_id: str, code: str, description: str = "") -> str:
    """Return a CALLERROR without details as compact JSON; long descriptions are cut (4.2.3)."""
    return orjson.dumps([CALL_ERROR, message_id, code, description[:255], {}]).decode()


def _loads_leniently(raw: bytes) -> Any:
    text = raw.lstrip(_LEADING).rstrip(_TRAILING).decode(errors="replace")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not error.msg.startswith(_JUNK_AFTER_DOCUMENT):
            raise
        return orjson.loads(text[: error.pos])


def _is_too_deep(raw: bytes, message: Any) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH or not isinstance(message, list):
        return False
    level: list[Any] = [message]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _without_nul(node: Any) -> Any:
    if isinstance(node, str):
        return node.replace("\0", "")
    if isinstance(node, list):
        return [_without_nul(child) for child in node]
    if isinstance(node, dict):
        return {_without_nul(key): _without_nul(child) for key, child in node.items()}
    return node


def _typed(raw: bytes, message: Any, mended: bool) -> Frame:
    if not isinstance(message, list) or not message or type(message[0]) is not int:
        return FrameProblem(
            RpcError.FORMAT_VIOLATION, "not an array that begins with a message type", raw
        )
    message_type = message[0]
    if message_type not in (CALL, CALL_RESULT, CALL_ERROR):
        return FrameProblem(None, f"unknown message type {message_type}", raw, message_type)
    if len(message) < 2 or not isinstance(message[1], str):
        return FrameProblem(
            RpcError.FORMAT_VIOLATION, "the message id is not text", raw, message_type
        )
    match message:
        case [2, message_id, str(action), dict(payload)]:
            return Call(message_id, action, payload, mended)
        case [2, message_id, str(action), None]:
            return Call(message_id, action, {}, mended)
        case [3, message_id, dict(payload)]:
            return CallResult(message_id, payload)
        case [3, message_id, None]:
            return CallResult(message_id, {})
        case [4, message_id, str(code), *rest]:
            return _call_error(message_id, code, rest)
    return FrameProblem(
        RpcError.FORMAT_VIOLATION,
        "wrong number or types of elements",
        raw,
        message_type,
        message[1],
    )


def _call_error(message_id: str, code: str, rest: list[Any]) -> CallError:
    # A station that refuses in bad form has refused all the same.
    description = rest[0] if rest and isinstance(rest[0], str) else ""
    details = rest[1] if len(rest) > 1 and isinstance(rest[1], dict) else {}
    return CallError(message_id, code, description, details)


def _unreadable(raw: bytes, description: str) -> FrameProblem:
    start = _START_OF_FRAME.match(raw.lstrip(_LEADING))
    if start is None:
        return FrameProblem(RpcError.FORMAT_VIOLATION, description, raw)
    message_type = int(start[1])
    if message_type not in (CALL, CALL_RESULT, CALL_ERROR):
        return FrameProblem(None, description, raw, message_type)
    return FrameProblem(
        RpcError.FORMAT_VIOLATION, description, raw, message_type, _decoded_id(start[2])
    )


def _decoded_id(quoted: bytes | None) -> str | None:
    try:
        message_id = orjson.loads(quoted or b"null")
    except orjson.JSONDecodeError:
        return None
    return message_id if isinstance(message_id, str) else None
