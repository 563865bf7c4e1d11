"""Asking a station that reconnects without a boot for what is not known of it."""

import uuid

from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.dialect import Dialect
from ws_gateway.domain.effects import Instant
from ws_gateway.domain.registration import ACCEPTED, REJECTED

WAIT_S = 5.0
_PATIENCE_MS = 30_000


class DataRequest:
    """A trigger that is sent once, unless the station speaks up by itself.

    It asks for the boot where none was ever accepted: some stations never boot again, and until
    then everything of their transactions is refused (OCPP 1.6, 4.2). A boot is followed by a
    status.
    """

    __slots__ = ("_dialect", "_due_at", "wanted")

    def __init__(self, dialect: Dialect, now: Instant, *, booted: bool) -> None:
        self._dialect = dialect
        self._due_at = now.monotonic + WAIT_S
        rules = dialect.registration
        self.wanted = rules.status_report if booted else rules.boot

    def is_due(self, now: Instant) -> bool:
        """Tell whether the station was given enough time."""
        return now.monotonic >= self._due_at

    def is_settled_by(self, action: str) -> bool:
        """Tell whether this call makes the request needless."""
        return action in (self._dialect.registration.boot, self.wanted)

    def may_be_sent(self, registration_status: str) -> bool:
        """Tell whether a station of this standing may be asked."""
        if self.wanted == self._dialect.registration.boot:
            return registration_status != REJECTED
        return registration_status == ACCEPTED

    def command(self, epoch: int, now: Instant) -> OutboundCommand:
        """Return the call to send."""
        action, payload = self._dialect.commands.trigger(self.wanted)
        deadline_ms = now.wall_ms + _PATIENCE_MS
        return OutboundCommand(str(uuid.uuid4()), action, payload, epoch, deadline_ms)
