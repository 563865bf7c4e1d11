"""How a simulated station answers a call of the central system."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from csms_simulator.wire import Payload


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a call of the central system; `then` runs after it was sent.

    Without a payload the call is never answered.
    """

    payload: Payload | None
    then: Callable[[], Coroutine[Any, Any, object]] | None = None


class AnswerWithCallError(Exception):
    """Raised by a handler to answer the central system's call with CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description
