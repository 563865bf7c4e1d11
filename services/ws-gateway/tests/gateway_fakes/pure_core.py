"""The pure core at a fixed moment, and what is to be seen of its effects."""

from dataclasses import dataclass
from typing import Any

import orjson

from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import Dispatch, Effect, Instant, Send, Tolerated
from ws_gateway.ocpp.v16 import DIALECT

T0 = Instant(1000.0, 1_795_226_400_000)


def later(seconds: float) -> Instant:
    return Instant(T0.monotonic + seconds, T0.wall_ms + int(seconds * 1000))


def accepted_station() -> StationConnection:
    return StationConnection(DIALECT, 3, "accepted", T0, booted=True)


@dataclass
class Forgiven:
    """A call that goes on to its service, and what was forgiven of it."""

    action: str
    payload: dict[str, Any]
    tolerated: tuple[str, ...]


def dispatched(frame: str | bytes) -> Forgiven:
    effects = accepted_station().receive(frame, T0)
    calls = [effect.call for effect in effects if isinstance(effect, Dispatch)]
    assert len(calls) == 1, effects
    return Forgiven(calls[0].action, calls[0].payload, tolerated(effects))


def tolerated(effects: list[Effect]) -> tuple[str, ...]:
    return tuple(
        name for effect in effects if isinstance(effect, Tolerated) for name in effect.names
    )


def sent(effects: list[Effect]) -> list[list[Any]]:
    return [orjson.loads(effect.text) for effect in effects if isinstance(effect, Send)]
