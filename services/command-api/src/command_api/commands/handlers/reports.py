"""What gateways report, written in sets; the durable copy of every report comes here."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.states import CommandRecord, after_report
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import lock_commands, write_changes
from command_api.commands.store.transaction_starts import link_starts
from csms_shared.contracts.commands import CommandOutcome, CommandReport
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work


class UnknownOutcome(ValueError):
    """A gateway reports what this version has no name for."""


class CommandReports:
    """Applies reports; reports of unknown commands (purged, or of another system) are dropped."""

    def __init__(
        self,
        *,
        watched: WatchedCommands,
        dispatch: Dispatch,
        wake_relay: Callable[[], None],
        wake_rotations: Callable[[], None],
    ) -> None:
        self._watched = watched
        self._dispatch = dispatch
        self._wake_relay = wake_relay
        self._wake_rotations = wake_rotations
        self._ended: list[UUID] = []
        self._lookups = False
        self._rotations = False
        self._free: set[str] = set()

    async def apply(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Bring the commands of all reports up to date."""
        reports = [
            (str(work.envelope.get("gateway_id", "")), CommandReport.model_validate(work.item))
            for work in works
            if work.type == MessageType.COMMAND_REPORTS
        ]
        if not reports:
            return []
        for _, report in reports:
            if not isinstance(report.outcome, CommandOutcome):
                # Parked alone, for a version that knows it; the sweeper ends the command.
                raise UnknownOutcome(report.outcome)
        now = now_ms()
        commands = await lock_commands(connection, [UUID(item.command_id) for _, item in reports])
        changed: dict[UUID, CommandRecord] = {}
        for gateway_id, report in reports:
            command = commands.get(UUID(report.command_id))
            after = command and after_report(command, report, gateway_id, now)
            if after is not None:
                commands[after.command_id] = changed[after.command_id] = after
        await write_changes(connection, list(changed.values()))
        await link_starts(
            connection,
            sorted(
                {
                    command.station_id
                    for command in changed.values()
                    if command.awaited_start is not None and command.status.is_final
                }
            ),
        )
        self._note(changed.values())
        return []

    def committed(self) -> None:
        """Tell whoever waits for what the last batch changed; telling too often is harmless."""
        ended, self._ended = self._ended, []
        self._watched.ended_elsewhere(ended)
        if ended:
            self._wake_relay()
        if self._lookups:
            self._lookups = False
            self._dispatch.wake_lookups()
        if self._free:
            free, self._free = self._free, set()
            self._dispatch.wake_held(sorted(free))
        if self._rotations:
            self._rotations = False
            self._wake_rotations()

    def _note(self, changed: Iterable[CommandRecord]) -> None:
        for command in changed:
            self._lookups |= command.lookup_again
            if command.status.is_final:
                self._ended.append(command.command_id)
                self._rotations |= command.rotation_proofs is not None
                if command.held:
                    self._free.add(command.station_id)
