"""Frames that went wrong on their way or in a firmware: real ones, changed by a seed."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from csms_simulator.sample_payloads import (
    CENTRAL_SYSTEM_CALLS,
    STATION_ANSWERS,
    STATION_CALLS,
)

_CALLS = tuple(STATION_CALLS.items())
_WRONG_WAY = tuple(CENTRAL_SYSTEM_CALLS.items())
_ACTIONS_OF_NOBODY = ("TransactionEvent", "NotifyReport", "heartbeat", "", "Fro\u0000b", "Ä" * 60)
_MOST_MUTATIONS = 3

_JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**53, 2**63, 2**64 - 1, 2**64, 10**40, 1e308,
    "", " ", "0", "null", "Accepted", "x" * 21, "x" * 300, "\u0000", "a\u0000b", "\ud800",
    "😀" * 30, "\u202e", "NaN", "1e999", "2026-11-21T02:00:00", "9999-12-31T23:59:59Z", "0000",
    "1970-01-01T00:00:00+24:00", "'; --", [], {}, [[]], [None], {"": None}, {"a": {"a": {}}},
    [{}] * 20, {"timestamp": 1}, [{"timestamp": "", "sampledValue": None}],
    [{"timestamp": None, "sampledValue": [{"value": {}}]}],
)  # fmt: skip
_BYTES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\", b'"', b"[", b"]", b"{", b"}", b",",
    b":", b"\n", b"\\u0000", b"\\ud800", b"NaN", b"1e400", b"-", b"\xf0\x9f", b" " * 200,
)  # fmt: skip


class FrameMutator:
    """Makes frames of every action in both directions; the same seed makes the same frames."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._changes_of_frames = (self._change_node, self._change_element, self._nest)
        self._changes_of_bytes: tuple[Callable[[bytes], bytes], ...] = (
            self._truncate,
            self._insert,
            self._overwrite,
            self._cut_out,
            self._repeat,
            self._surround,
            self._recode,
        )

    def call(self, message_id: str) -> bytes:
        """Return a call, spoilt or not."""
        action, payload = self._random.choice(_CALLS if self._random.random() < 0.8 else _WRONG_WAY)
        return self._spoil([2, message_id, action, copy.deepcopy(payload)])

    def answer(self, message_id: str, action: str) -> bytes:
        """Return an answer to our call of this action, spoilt or not."""
        if self._random.random() < 0.2:
            return self._spoil([4, message_id, "GenericError", "no", {}])
        return self._spoil([3, message_id, copy.deepcopy(STATION_ANSWERS[action])])

    def _spoil(self, frame: list[Any]) -> bytes:
        count = self._random.randint(0, _MOST_MUTATIONS)
        in_bytes = self._random.randint(0, count)
        changed: Any = frame
        for _ in range(count - in_bytes):
            changed = self._random.choice(self._changes_of_frames)(changed)
        separators = (",", ":") if self._random.random() < 0.8 else (", ", " : ")
        text = json.dumps(changed, separators=separators, ensure_ascii=self._random.random() < 0.5)
        raw = text.encode(errors="surrogatepass")
        for _ in range(in_bytes):
            raw = self._random.choice(self._changes_of_bytes)(raw)
        return raw

    # Changes of what the frame says.

    def _change_node(self, frame: Any) -> Any:
        holder, key = self._any_place(frame)
        if holder is None:
            return copy.deepcopy(self._random.choice(_JUNK))
        match self._random.randrange(5):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1:
                holder[key] = [holder[key]]
            case 2 if isinstance(holder, dict):
                holder[self._random.choice(("more", str(key).lower(), "", "customData"))] = 1
            case 3 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case _:
                holder[key] = copy.deepcopy(self._random.choice(_JUNK))
        return frame

    def _change_element(self, frame: Any) -> Any:
        if not isinstance(frame, list) or not frame:
            return frame
        place = self._random.randrange(len(frame))
        match place:
            case 0:
                frame[0] = self._random.choice((0, 1, 2, 3, 4, 5, 6, 2.0, "2", -1, 10**30, True))
            case 1:
                frame[1] = self._random.choice(
                    (1, None, "", "x" * 400, [], "\u0000", "é\u2028", "😀")
                )
            case 2 if frame[0] == 2:
                frame[2] = self._random.choice(
                    (*_ACTIONS_OF_NOBODY, *STATION_CALLS, *CENTRAL_SYSTEM_CALLS)
                )
            case _:
                frame.pop(place)
        return frame

    def _nest(self, frame: Any) -> Any:
        depth = self._random.choice((5, 60, 63, 64, 65, 120, 200, 250))
        nested: Any = self._random.choice((1, "", {}, []))
        for _ in range(depth):
            nested = {"a": nested} if self._random.random() < 0.5 else [nested]
        holder, key = self._any_place(frame)
        if holder is None:
            return nested
        holder[key] = nested
        return frame

    def _any_place(self, frame: Any) -> tuple[Any, Any]:
        places: list[tuple[Any, Any]] = []
        holders = [frame]
        while holders and len(places) < 200:
            holder = holders.pop()
            if isinstance(holder, dict):
                keys: list[Any] = list(holder)
            elif isinstance(holder, list):
                keys = list(range(len(holder)))
            else:
                continue
            for key in keys:
                places.append((holder, key))
                holders.append(holder[key])
        return self._random.choice(places) if places else (None, None)

    # Changes of its bytes.

    def _truncate(self, raw: bytes) -> bytes:
        return raw[: self._random.randrange(len(raw) + 1)]

    def _insert(self, raw: bytes) -> bytes:
        place = self._random.randrange(len(raw) + 1)
        return raw[:place] + self._random.choice(_BYTES) + raw[place:]

    def _overwrite(self, raw: bytes) -> bytes:
        if not raw:
            return raw
        place = self._random.randrange(len(raw))
        return raw[:place] + bytes([self._random.randrange(256)]) + raw[place + 1 :]

    def _cut_out(self, raw: bytes) -> bytes:
        start = self._random.randrange(len(raw) + 1)
        return raw[:start] + raw[start + self._random.randrange(20) :]

    def _repeat(self, raw: bytes) -> bytes:
        start = self._random.randrange(len(raw) + 1)
        end = self._random.randrange(start, len(raw) + 1)
        return raw[:end] + raw[start:]

    def _surround(self, raw: bytes) -> bytes:
        before, after = self._random.choice(_BYTES), self._random.choice(_BYTES)
        return self._random.choice((before + raw, raw + after, before + raw + after, raw + raw))

    def _recode(self, raw: bytes) -> bytes:
        encoding = self._random.choice(("utf-16", "utf-16-be", "latin-1", "utf-32"))
        return raw.decode(errors="ignore").encode(encoding, errors="replace")
