"""Asking a station that reconnects without a boot for what is not known of it."""

import uuid

from csms_shared.ocpp.v16 import BOOT_NOTIFICATION, STATUS_NOTIFICATION, TRIGGER_MESSAGE
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.effects import Instant
from ws_gateway.domain.registration import ACCEPTED, REJECTED

WAIT_S = 5.0
_PATIENCE_MS = 30_000


class DataRequest:
    """A TriggerMessage that is sent once, unless the station speaks up by itself.

    It asks for the boot where none was ever accepted: some stations never boot again, and until
    then everything of their sessions is refused (OCPP 1.6, 4.2). A boot is followed by a status.
    """

    __slots__ = ("_due_at", "_wanted")

    def __init__(self, now: Instant, *, booted: bool) -> None:
        self._due_at = now.monotonic + WAIT_S
        self._wanted = STATUS_NOTIFICATION if booted else BOOT_NOTIFICATION

    def is_due(self, now: Instant) -> bool:
        """Tell whether the station was given enough time."""
        return now.monotonic >= self._due_at

    def is_settled_by(self, action: str) -> bool:
        """Tell whether this call makes the request needless."""
        return action in (BOOT_NOTIFICATION, self._wanted)

    def may_be_sent(self, registration_status: str) -> bool:
        """Tell whether a station of this standing may be asked."""
        if self._wanted == BOOT_NOTIFICATION:
            return registration_status != REJECTED
        return registration_status == ACCEPTED

    def command(self, epoch: int, now: Instant) -> OutboundCommand:
        """Return the call to send."""
        return OutboundCommand(
            str(uuid.uuid4()),
            TRIGGER_MESSAGE,
            {"requestedMessage": self._wanted},
            epoch,
            now.wall_ms + _PATIENCE_MS,
        )
