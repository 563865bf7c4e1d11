"""What a station may send and be sent, by its registration (OCPP 1.6, 4.2; OCPP-J errata 3.10)."""

from typing import Any

from csms_shared.ocpp.actions import commands, station_calls
from csms_shared.ocpp.v16 import BOOT_NOTIFICATION

ACCEPTED = "accepted"
PENDING = "pending"
REJECTED = "rejected"


class Registration:
    """A station's standing: `booted` once any boot of it was answered or is known of.

    `exempt`: it is on a test bench, and only what bounds memory counts for it (docs/adr/0020).
    """

    __slots__ = (
        "_boot_accepted",
        "_triggered",
        "_version",
        "booted",
        "exempt",
        "status",
        "strict",
    )

    def __init__(
        self, version: str, status: str, *, booted: bool, strict: bool, exempt: bool
    ) -> None:
        self._version = version
        self.status = status
        self.booted = booted
        self.strict = strict
        self.exempt = exempt
        # The last that it was told, which is not what an operator has decided since.
        self._boot_accepted = booted and status == ACCEPTED
        self._triggered: frozenset[str] = frozenset()

    def boot_answered(self, response: dict[str, Any]) -> None:
        """Take over what a BootNotification was answered."""
        self.booted = True
        self.status = str(response["status"]).lower()
        self._boot_accepted = self.status == ACCEPTED

    def lets_station_call(self, action: str) -> bool:
        """Tell whether a station may make this call now."""
        return (
            self.status == ACCEPTED
            or action == BOOT_NOTIFICATION
            or action in self._triggered
            or self.is_forgiven_before_boot(action)
        )

    def is_forgiven_before_boot(self, action: str) -> bool:
        """Tell whether this call is answered only because the station has not booted yet."""
        if self.status != PENDING or self.booted or self.strict:
            return False
        call = station_calls(self._version).get(action)
        return call is not None and call.before_boot

    def is_trigger(self, action: str) -> bool:
        """Tell whether this command asks the station for a call of its own."""
        command = commands(self._version).get(action)
        return command is not None and command.triggers

    def refusal_of_command(self, action: str, payload: dict[str, Any]) -> str | None:
        """Return the code of why a station must not be sent this call now, None if it may.

        A strict station whose boot was accepted is not asked for another one (errata 3.40);
        of others, operators may want to know what they are.
        """
        if self.status == REJECTED:
            return "STATION_REJECTED"
        command = commands(self._version).get(action)
        if self.status == PENDING and command is not None and not command.while_pending:
            return "STATION_PENDING"
        wants_boot = (
            self.is_trigger(action) and payload.get("requestedMessage") == BOOT_NOTIFICATION
        )
        if self.strict and self._boot_accepted and wants_boot:
            return "STATION_ACCEPTED"
        return None

    def command_sent(self, action: str, payload: dict[str, Any]) -> None:
        """Let the station send what this command triggers, although it is not accepted yet."""
        if self.is_trigger(action) and self.status != ACCEPTED:
            self._triggered |= {str(payload.get("requestedMessage"))}

    def command_refused(self, action: str, payload: dict[str, Any]) -> None:
        """Take back what `command_sent` allowed."""
        if self.is_trigger(action):
            self._triggered -= {str(payload.get("requestedMessage"))}
