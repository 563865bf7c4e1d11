"""Recorded frames: from gateways to station-registry, a batch at a time (docs/flight-recorder.md).

A recording holds the frames of many stations, a line of JSON each, compressed together: that is
cheap to write, and one station's line is read without a look at the others. What was said as a
station of one tenant is another line than what was said as one of another (`filed_as`).
"""

import base64
import zlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

import orjson
from pydantic import Field

from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.values.levels import Level
from csms_shared.values.tenant_keys import key_in_tenant

# From the first frame of a recording to its last, so that a time finds its recordings.
LONGEST_SPAN_MS = 60_000
# Level 1 costs a third of the default and stores a tenth more.
_LEVEL = 1
# A recording of more actions does not name them: stations may call whatever they like.
MAX_ACTIONS = 64
MAX_ACTION_LENGTH = 64
# What a recording may grow to when it is read: frames are text of at most 1 MiB.
_MAX_UNPACKED_BYTES = 64 * 1024 * 1024


class Direction(StrEnum):
    """Which way a frame went, seen from the central system; a gap is frames that were not kept."""

    IN = "in"
    OUT = "out"
    GAP = "gap"


class RecordedFrame(NamedTuple):
    """A frame as it is kept.

    `text` is the frame with its secrets masked. `action` is that of the call, also on its answer.
    `latency_ms` is from a call to its answer, on the answer. `error` is the code that the frame
    was refused with, `tolerated` what was forgiven. Of a gap, `gap_frames` tells how many frames
    are missing between `gap_from_ms` and `gap_to_ms`; `at_ms` is when it was told.
    """

    at_ms: int
    direction: str
    connection_id: str
    text: str
    action: str | None = None
    latency_ms: int | None = None
    error: str | None = None
    tolerated: tuple[str, ...] = ()
    gap_from_ms: int = 0
    gap_to_ms: int = 0
    gap_frames: int = 0


class Recording(Contract):
    """Frames of one gateway; `body` is base64 of what `pack` makes of them.

    `stations`: as `filed_as` names them. `level`: the worst of the frames. `actions`: of the calls
    and answers; those that are longer than anybody may ask for are left out. None: not known.
    """

    recording_id: str
    first_ms: int
    last_ms: int
    frames: int = Field(ge=1)
    stations: list[str] = Field(min_length=1)
    body: str
    level: Level | None = None
    actions: list[str] | None = Field(None, max_length=MAX_ACTIONS)


class RecordingBatch(Batch[Recording]):
    """Recordings of one gateway incarnation."""

    gateway_id: str


class Line(NamedTuple):
    """The frames of one station in a recording; `number` is where they stand in it."""

    number: int
    filed_as: str
    frames: list[RecordedFrame]


class UnreadableRecording(ValueError):
    """A stored body is not what `pack` makes."""


def filed_as(tenant_id: str, station_id: str) -> str:
    """Return the name under which frames of a tenant's station are kept and found."""
    return key_in_tenant(tenant_id, station_id)


def pack(lines: Iterable[tuple[str, bytes]]) -> bytes:
    """Return stations with their lines (JSON arrays of frames, see `line`) as one document."""
    lines = list(lines)
    index = orjson.dumps([station_id for station_id, _ in lines])
    return zlib.compress(b"\n".join([index, *(text for _, text in lines)]), _LEVEL)


def line(frames: Iterable[RecordedFrame]) -> bytes:
    """Return the frames of one station as a line; frames without a verdict are kept short."""
    return orjson.dumps([_without_defaults(frame) for frame in frames])


def unpack(body: bytes, station_id: str) -> list[RecordedFrame]:
    """Return the frames of one station in a packed document.

    Raises:
        UnreadableRecording: it is none.
    """
    lines = unpack_lines(body, lambda name: name == station_id)
    return lines[0].frames if lines else []


def unpack_lines(body: bytes, is_wanted: Callable[[str], bool]) -> list["Line"]:
    """Return the lines of those stations that are wanted; no other one is parsed.

    Raises:
        UnreadableRecording: it is no packed document.
    """
    try:
        decompressor = zlib.decompressobj()
        document = decompressor.decompress(body, _MAX_UNPACKED_BYTES)
        if not decompressor.eof:
            raise UnreadableRecording("cut off, or larger than any recording")
        index, *lines = document.split(b"\n")
        return [
            Line(number, name, [_frame(row) for row in orjson.loads(lines[number])])
            for number, name in enumerate(orjson.loads(index))
            if is_wanted(name)
        ]
    except (zlib.error, ValueError, TypeError, IndexError) as error:
        raise UnreadableRecording(repr(error)) from error


def encode_body(packed: bytes) -> str:
    """Return a packed document as it travels."""
    return base64.b64encode(packed).decode()


def decode_body(body: str) -> bytes:
    """Return a packed document as it is stored.

    Raises:
        UnreadableRecording: it is not base64.
    """
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise UnreadableRecording(repr(error)) from error


def _without_defaults(frame: RecordedFrame) -> tuple[object, ...]:
    if frame.gap_frames:
        return tuple(frame)
    return tuple(frame[:8] if frame.tolerated else frame[:7] if frame.error else frame[:6])


def _frame(row: list[object]) -> RecordedFrame:
    frame = RecordedFrame(*row)  # type: ignore[arg-type]
    return frame._replace(tolerated=tuple(frame.tolerated))
