"""A recording of one station's frames, as the suite exports it (docs/flight-recorder.md)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csms_simulator.errors import UnusableRecordingError
from csms_simulator.wire import Call, CallError, CallResult, Frame, decode, read_timestamp


@dataclass(frozen=True, slots=True)
class Said:
    """A frame of the station: `text` as recorded, `frame` where it could be read."""

    at: datetime
    connection_id: str
    text: str
    frame: Frame | None


@dataclass(slots=True)
class Recording:
    """What a station said, in order, and what it was answered.

    `answers` are the central system's, by connection and message id; `replies` the station's to
    commands, by action and in order.
    """

    said: list[Said] = field(default_factory=list)
    answers: dict[tuple[str, str], CallResult | CallError] = field(default_factory=dict)
    replies: dict[str, list[CallResult | CallError]] = field(default_factory=dict)
    missing_frames: int = 0


def read_recording(lines: Iterable[str]) -> Recording:
    """Read JSON lines.

    Raises:
        UnusableRecordingError: a line is none of a recording's.
    """
    recording = Recording()
    commands: dict[tuple[str, str], str] = {}
    for item in _items(lines):
        if item["direction"] == "gap":
            recording.missing_frames += item["gap_frames"]
            continue
        text, connection = item["frame"], item["connection_id"]
        frame = decode(text)
        if item["direction"] == "out":
            if isinstance(frame, Call):
                commands[connection, frame.message_id] = frame.action
            elif frame is not None:
                recording.answers[connection, frame.message_id] = frame
        elif isinstance(frame, CallResult | CallError):
            action = commands.get((connection, frame.message_id))
            if action is not None:
                recording.replies.setdefault(action, []).append(frame)
        else:
            recording.said.append(Said(read_timestamp(item["at"]), connection, text, frame))
    return recording


def _items(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(lines, 1):
        try:
            item = json.loads(text)
            if "end" in item:
                return
            _check(item)
        except (ValueError, TypeError, KeyError) as error:
            raise UnusableRecordingError(f"line {number} is no recorded frame: {error}") from None
        yield item


def _check(item: dict[str, Any]) -> None:
    if item["direction"] == "gap":
        wanted: dict[str, type] = {"gap_frames": int}
    else:
        wanted = {"at": str, "connection_id": str, "frame": str}
    for name, kind in wanted.items():
        if not isinstance(item[name], kind):
            raise TypeError(f"{name} is not {kind.__name__}")
    if "at" in wanted:
        read_timestamp(item["at"])
