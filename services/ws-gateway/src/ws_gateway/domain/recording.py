"""Frames on their way into a recording: what is known of each, how many are kept, how they look.

The path of a call only appends to a buffer here; everything else is done a batch at a time, away
from the event loop.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.contracts.recorded_levels import STRAY_ANSWER, UNREADABLE, worst_of
from csms_shared.contracts.recordings import (
    LONGEST_SPAN_MS,
    MAX_ACTION_LENGTH,
    MAX_ACTIONS,
    Direction,
    RecordedFrame,
    line,
    pack,
)
from csms_shared.ocpp.frames import Call, parse_frame
from csms_shared.values.levels import Level
from ws_gateway.domain.dialect import MaskingRules
from ws_gateway.domain.effects import (
    CallRefused,
    CommandFinished,
    Dispatch,
    Effect,
    FrameUnusable,
    HeartbeatAnswered,
    StrayAnswer,
    Tolerated,
)
from ws_gateway.domain.masking import shown, without_description

MAX_FRAMES = 20_000
MAX_BYTES = 16 * 1024 * 1024
BATCH_FRAMES = 2_000
BATCH_BYTES = 256 * 1024
_MAX_GAPS = 50_000


class Kept(NamedTuple):
    """A frame as the gateway saw it."""

    filed_as: str
    connection_id: str
    at_ms: int
    is_inbound: bool
    raw: bytes | str
    masking: MaskingRules
    action: str | None = None
    latency_ms: int | None = None
    error: str | None = None
    tolerated: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """What the state machine made of a station's frame; `command_id` where it was an answer."""

    action: str | None = None
    error: str | None = None
    tolerated: tuple[str, ...] = ()
    command_id: str | None = None
    latency_ms: int | None = None


_UNDECIDED = Verdict()


def verdict(effects: Sequence[Effect]) -> Verdict:
    """Return what the effects of one frame say of it; nothing of a call that waits for its turn."""
    if not effects:
        return _UNDECIDED
    action = error = command_id = latency_ms = None
    tolerated: tuple[str, ...] = ()
    for effect in effects:
        match effect:
            case Dispatch(call):
                action = call.action
            case HeartbeatAnswered():
                action = effect.action
            case CallRefused():
                action, error = effect.action, effect.code
            case Tolerated(names, of_action):
                tolerated += tuple(map(str, names))
                action = action or of_action
            case FrameUnusable():
                error = UNREADABLE
            case StrayAnswer():
                error = STRAY_ANSWER
            case CommandFinished(command_id=finished, sent_ms=int(sent_ms)) if effect.outcome in (
                CommandOutcome.COMPLETED,
                CommandOutcome.ERROR,
            ):
                command_id, latency_ms = finished, effect.at_ms - sent_ms
                error = error or effect.error_code
    return Verdict(action, error, tolerated, command_id, latency_ms)


class Gap:
    """Frames of one station that were not kept."""

    __slots__ = ("first_ms", "frames", "last_ms")

    def __init__(self, at_ms: int) -> None:
        self.first_ms = self.last_ms = at_ms
        self.frames = 0

    def grow(self, at_ms: int) -> None:
        """Count one more."""
        self.frames += 1
        self.first_ms = min(self.first_ms, at_ms)
        self.last_ms = max(self.last_ms, at_ms)


class FrameBuffer:
    """Frames that wait to be sent, bounded in number and in bytes; beyond, they become gaps."""

    def __init__(self, max_frames: int = MAX_FRAMES, max_bytes: int = MAX_BYTES) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: deque[Kept] = deque()
        self._gaps: dict[str, Gap] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to tell, not even of a gap."""
        return not self._frames and not self._gaps

    @property
    def fills_a_batch(self) -> bool:
        """Tell whether a whole batch waits."""
        return self.size >= BATCH_BYTES or len(self._frames) >= BATCH_FRAMES

    def add(self, frame: Kept) -> bool:
        """Keep a frame; False where there is no room, which its station's gap tells of."""
        if len(self._frames) >= self._max_frames or self.size >= self._max_bytes:
            self.lost((frame,))
            return False
        self._frames.append(frame)
        self.size += len(frame.raw)
        return True

    def lost(self, frames: Iterable[Kept]) -> None:
        """Count frames as missing."""
        for frame in frames:
            gap = self._gaps.get(frame.filed_as)
            if gap is None:
                if len(self._gaps) >= _MAX_GAPS:
                    continue
                gap = self._gaps[frame.filed_as] = Gap(frame.at_ms)
            gap.grow(frame.at_ms)

    def put_back(self, gaps: dict[str, Gap]) -> None:
        """Take back gaps that could not be told of."""
        for station_id, gap in gaps.items():
            newer = self._gaps.setdefault(station_id, gap)
            if newer is not gap:
                newer.frames += gap.frames
                newer.first_ms = min(newer.first_ms, gap.first_ms)

    def take(self) -> tuple[list[Kept], dict[str, Gap]]:
        """Return the oldest batch of frames, and the gaps so far."""
        batch: list[Kept] = []
        size = 0
        while self._frames and len(batch) < BATCH_FRAMES and size < BATCH_BYTES:
            # Half before and half after the first: clocks are set back, too.
            if abs(self._frames[0].at_ms - (batch or self._frames)[0].at_ms) > LONGEST_SPAN_MS // 2:
                break
            frame = self._frames.popleft()
            size += len(frame.raw)
            batch.append(frame)
        self.size -= size
        gaps, self._gaps = self._gaps, {}
        return batch, gaps


class Sealed(NamedTuple):
    """A batch as it is stored."""

    first_ms: int
    last_ms: int
    frames: int
    stations: list[str]
    packed: bytes
    level: Level
    actions: list[str] | None


def seal(batch: Sequence[Kept], gaps: dict[str, Gap]) -> Sealed:
    """Mask and pack a batch that is not empty."""
    stations: dict[str, list[RecordedFrame]] = {}
    for kept in batch:
        stations.setdefault(kept.filed_as, []).append(_recorded(kept))
    # At a time of the batch's, whenever the gap was: a recording spans so much and no more.
    told_ms = batch[-1].at_ms if batch else max(gap.last_ms for gap in gaps.values())
    for station_id, gap in gaps.items():
        stations.setdefault(station_id, []).append(_of_gap(gap, told_ms))
    frames = [frame for of_station in stations.values() for frame in of_station]
    times = [frame.at_ms for frame in frames]
    return Sealed(
        min(times),
        max(times),
        len(frames),
        list(stations),
        pack((station_id, line(of_station)) for station_id, of_station in stations.items()),
        worst_of(frames),
        _actions(frames),
    )


def _actions(frames: Iterable[RecordedFrame]) -> list[str] | None:
    """Return what was called, None where that is too much to say."""
    actions = {frame.action or _called(frame.text) for frame in frames} - {None}
    named = sorted(action for action in actions if action and len(action) <= MAX_ACTION_LENGTH)
    return named if len(named) <= MAX_ACTIONS else None


def _called(text: str) -> str | None:
    """Return the action of a call that was recorded without one: ours, and one that waits."""
    frame = parse_frame(text)
    return frame.action if isinstance(frame, Call) else None


def _recorded(kept: Kept) -> RecordedFrame:
    raw = kept.raw
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    # Met its schema to the letter: there is no place for a secret in it.
    if kept.action not in kept.masking.without_secrets or kept.error is not None or kept.tolerated:
        text = _without_secrets(kept, text)
    return RecordedFrame(
        kept.at_ms,
        Direction.IN if kept.is_inbound else Direction.OUT,
        kept.connection_id,
        text,
        kept.action,
        kept.latency_ms,
        kept.error,
        kept.tolerated,
    )


def _without_secrets(kept: Kept, text: str) -> str:
    is_refusal = kept.is_inbound and kept.error is not None
    if is_refusal and kept.action in kept.masking.repeated_in_refusals:
        text = without_description(text)
    return shown(text)


def _of_gap(gap: Gap, told_ms: int) -> RecordedFrame:
    return RecordedFrame(
        told_ms,
        Direction.GAP,
        "",
        "",
        gap_from_ms=gap.first_ms,
        gap_to_ms=gap.last_ms,
        gap_frames=gap.frames,
    )
