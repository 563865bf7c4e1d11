"""What a station may send and be sent, by its registration (OCPP 1.6, 4.2; OCPP-J errata 3.10)."""

from typing import Any

from ws_gateway.domain.dialect import Dialect

ACCEPTED = "accepted"
PENDING = "pending"
REJECTED = "rejected"


class Registration:
    """A station's standing: `booted` once any boot of it was answered or is known of.

    `exempt`: it is on a test bench, and only what bounds memory counts for it (docs/adr/0020).
    """

    __slots__ = (
        "_boot_accepted",
        "_commands",
        "_rules",
        "_triggered",
        "booted",
        "exempt",
        "status",
        "strict",
    )

    def __init__(
        self, dialect: Dialect, status: str, *, booted: bool, strict: bool, exempt: bool
    ) -> None:
        self._rules = dialect.registration
        self._commands = dialect.commands
        self.status = status
        self.booted = booted
        self.strict = strict
        self.exempt = exempt
        # The last that it was told, which is not what an operator has decided since.
        self._boot_accepted = booted and status == ACCEPTED
        self._triggered: frozenset[str] = frozenset()

    def boot_answered(self, response: dict[str, Any]) -> None:
        """Take over what a boot was answered."""
        self.booted = True
        self.status = self._rules.status(response)
        self._boot_accepted = self.status == ACCEPTED

    def lets_station_call(self, action: str) -> bool:
        """Tell whether a station may make this call now."""
        return (
            self.status == ACCEPTED
            or action == self._rules.boot
            or action in self._triggered
            or self.is_forgiven_before_boot(action)
        )

    def is_forgiven_before_boot(self, action: str) -> bool:
        """Tell whether this call is answered only because the station has not booted yet."""
        return (
            self.status == PENDING
            and not self.booted
            and not self.strict
            and action in self._rules.forgiven_before_boot
        )

    def refusal_of_command(self, action: str, payload: dict[str, Any]) -> str | None:
        """Return the code of why a station must not be sent this call now, None if it may.

        A strict station whose boot was accepted is not asked for another one (errata 3.40);
        of others, operators may want to know what they are.
        """
        if self.status == REJECTED:
            return "STATION_REJECTED"
        if self.status == PENDING and action in self._commands.withheld_while_pending:
            return "STATION_PENDING"
        if self.strict and self._boot_accepted and self._asks_for_boot(action, payload):
            return "STATION_ACCEPTED"
        return None

    def command_sent(self, action: str, payload: dict[str, Any]) -> None:
        """Let the station send what this command triggers, although it is not accepted yet."""
        if self.status != ACCEPTED and action in self._commands.triggers:
            self._triggered |= self._commands.triggered_calls(action, payload)

    def command_refused(self, action: str, payload: dict[str, Any]) -> None:
        """Take back what `command_sent` allowed."""
        if action in self._commands.triggers:
            self._triggered -= self._commands.triggered_calls(action, payload)

    def _asks_for_boot(self, action: str, payload: dict[str, Any]) -> bool:
        commands = self._commands
        return action in commands.triggers and (
            self._rules.boot in commands.triggered_calls(action, payload)
        )
