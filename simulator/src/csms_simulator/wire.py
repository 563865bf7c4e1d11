"""OCPP-J frames as a station writes and reads them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Payload = dict[str, Any]

CALL = 2
CALLRESULT = 3
CALLERROR = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A request of either side."""

    message_id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallResult:
    """The positive answer to a call."""

    message_id: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallError:
    """The refusal of a call."""

    message_id: str
    code: str
    description: str
    details: Payload


Frame = Call | CallResult | CallError


def encode(frame: Frame) -> str:
    """Write a frame as compact JSON."""
    match frame:
        case Call():
            parts = [CALL, frame.message_id, frame.action, frame.payload]
        case CallResult():
            parts = [CALLRESULT, frame.message_id, frame.payload]
        case CallError():
            parts = [CALLERROR, frame.message_id, frame.code, frame.description, frame.details]
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def decode(text: str) -> Frame | None:
    """Read a frame; None for whatever is not an OCPP-J message."""
    try:
        match json.loads(text):
            case [2, str(message_id), str(action), dict(payload)]:
                return Call(message_id, action, payload)
            case [3, str(message_id), dict(payload)]:
                return CallResult(message_id, payload)
            case [4, str(message_id), str(code), str(description), dict(details)]:
                return CallError(message_id, code, description, details)
            case _:
                return None
    except ValueError:
        return None


def timestamp_text(moment: datetime) -> str:
    """Write a time as stations do: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def read_timestamp(text: str) -> datetime:
    """Read an RFC 3339 time; one without a zone counts as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
