"""Where the reports on a connection's commands go."""

from csms_shared.contracts.commands import Command, CommandOutcome
from csms_shared.runtime.clock import now_ms
from ws_gateway import metrics
from ws_gateway.amqp.command_reports import CommandReports
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.effects import CommandFinished, CommandSent


class CommandsUnderWay:
    """The commands of one connection whose requesters may still get a report."""

    __slots__ = ("_asked", "_most", "_reports", "_station_id", "_version")

    def __init__(self, station_id: str, version: str, reports: CommandReports) -> None:
        self._station_id = station_id
        self._version = version
        self._reports = reports
        self._asked: dict[str, tuple[str, str]] = {}
        self._most = 0

    def begin(self, command: Command, reply_key: str, known: int) -> OutboundCommand | None:
        """Return what to send, and remember whom to report to: whoever asked last.

        None where it cannot be sent at all, which is reported. `known`: how many the state machine
        knows at once now; of twice as many the oldest can have nothing to report any more.
        """
        try:
            outbound = OutboundCommand(
                command.command_id,
                command.action,
                command.payload,
                command.epoch,
                command.deadline_ms,
                command.attempt,
            )
        except ValueError as error:
            self._refuse(command.command_id, reply_key, str(error))
            return None
        self._asked[command.command_id] = (
            reply_key,
            metrics.action_label(self._version, command.action),
        )
        # Of a station that is exempt no more, what was taken while it was is still under way.
        self._most = max(self._most, 2 * known)
        while len(self._asked) > self._most:
            del self._asked[next(iter(self._asked))]
        return outbound

    def report(self, effect: CommandSent | CommandFinished) -> None:
        """Report a step; a command of the gateway's own has no requester."""
        asked = self._asked.get(effect.command_id)
        if asked is None:
            return
        reply_key, action = asked
        if isinstance(effect, CommandSent):
            metrics.messages("out", action, "sent").inc()
            self._reports.sent(reply_key, self._station_id, effect.command_id, effect.at_ms)
            return
        metrics.messages("out", action, effect.outcome.value).inc()
        self._reports.finished(reply_key, self._station_id, effect)
        # An outcome that is unknown may still be replaced by a late answer.
        if effect.outcome is not CommandOutcome.OUTCOME_UNKNOWN:
            del self._asked[effect.command_id]

    def _refuse(self, command_id: str, reply_key: str, description: str) -> None:
        finished = CommandFinished(command_id, CommandOutcome.ERROR, now_ms())
        finished.error_code = "INVALID_COMMAND"
        finished.error_description = description
        self._reports.finished(reply_key, self._station_id, finished)
