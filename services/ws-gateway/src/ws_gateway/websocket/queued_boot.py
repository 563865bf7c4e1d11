"""A BootNotification that waits to be admitted."""

from collections.abc import Callable
from typing import Protocol

from ws_gateway.domain.connection import SERVICE_RESTART


class _Booting(Protocol):
    @property
    def ended(self) -> bool:
        """Tell whether the connection is over."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""


class QueuedBoot:
    """The waiter of one boot; `hand_over` sends it on to the registry."""

    __slots__ = ("_hand_over", "_handler")

    def __init__(self, handler: _Booting, hand_over: Callable[[], None]) -> None:
        self._handler = handler
        self._hand_over = hand_over

    @property
    def gone(self) -> bool:
        """Tell whether nobody waits for the answer any more."""
        return self._handler.ended

    def admit(self) -> None:
        """Go on to the registry."""
        self._hand_over()

    def refuse(self) -> None:
        """Close: offline the station waits, while an unanswered boot would be sent again soon."""
        self._handler.close(SERVICE_RESTART, "too many stations boot at once")
