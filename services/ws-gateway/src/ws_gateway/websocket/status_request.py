"""Asking a station for its status when it reconnects without a boot and none is known."""

import uuid

from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.effects import Instant

WAIT_S = 5.0
_PATIENCE_MS = 30_000
_SETTLED_BY = frozenset({"BootNotification", "StatusNotification"})


class StatusRequest:
    """A TriggerMessage that is sent once, unless the station speaks up by itself."""

    __slots__ = ("_due_at",)

    def __init__(self, now: Instant, wait_s: float = WAIT_S) -> None:
        self._due_at = now.monotonic + wait_s

    def is_due(self, now: Instant) -> bool:
        """Tell whether the station was given enough time."""
        return now.monotonic >= self._due_at

    @staticmethod
    def is_settled_by(action: str) -> bool:
        """Tell whether this call makes the request needless: a boot is followed by a status."""
        return action in _SETTLED_BY

    @staticmethod
    def command(epoch: int, now: Instant) -> OutboundCommand:
        """Return the call to send."""
        return OutboundCommand(
            str(uuid.uuid4()),
            "TriggerMessage",
            {"requestedMessage": "StatusNotification"},
            epoch,
            now.wall_ms + _PATIENCE_MS,
        )
