"""A BootNotification that waits for its turn."""

from collections.abc import Callable
from typing import Protocol

from ws_gateway.domain.connection import SERVICE_RESTART


class _Booting(Protocol):
    @property
    def ended(self) -> bool:
        """Tell whether the connection is over."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""


class BootTurn:
    """The waiter of one boot; `hand_over` sends it on to the registry."""

    __slots__ = ("_hand_over", "_session")

    def __init__(self, session: _Booting, hand_over: Callable[[], None]) -> None:
        self._session = session
        self._hand_over = hand_over

    @property
    def gone(self) -> bool:
        """Tell whether nobody waits for the answer any more."""
        return self._session.ended

    def turn_came(self) -> None:
        """Go on to the registry."""
        self._hand_over()

    def turned_away(self) -> None:
        """Close: offline the station waits, while an unanswered boot would be sent again soon."""
        self._session.close(SERVICE_RESTART, "too many stations boot at once")
