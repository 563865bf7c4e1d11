"""Commands on their way to the gateways that hold their stations' sockets, and back.

What the broker returns was not written, which is stored like a gateway's word for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.preparation import error_of, refusal_of_version
from command_api.commands.domain.states import CommandRecord, CommandStatus, after_report, ended
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import lock_commands, write_changes
from command_api.ports import CommandSender
from csms_shared.contracts.commands import Command, CommandOutcome, CommandReport
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

_MAX_SECRETS = 10_000
_OWN_REPORTS = "command-api"


class Sending:
    """Sends commands, ends those that can't be sent, and owns the tasks that do so."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        sender: CommandSender,
        watched: WatchedCommands,
        wake_relay: Callable[[], None],
        wake_lookups: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._sender = sender
        self._watched = watched
        self._wake_relay = wake_relay
        self._wake_lookups = wake_lookups
        # Real payloads of commands that are stored masked; this process alone can send them.
        self._secrets: OrderedDict[UUID, dict[str, Any]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def keep_secret(self, command_id: UUID, payload: dict[str, Any]) -> None:
        """Remember what the stored payload hides, for as long as the command may be sent."""
        self._secrets[command_id] = payload
        while len(self._secrets) > _MAX_SECRETS:
            self._secrets.popitem(last=False)

    def lost_secret(self, command: CommandRecord) -> bool:
        """Tell whether another process alone could send the command, or none."""
        return command.rotation_proofs is not None and command.command_id not in self._secrets

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin what `until_sent` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def until_sent(self) -> None:
        """Wait for all that was begun, and for what it begins."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, sendable: Iterable[tuple[CommandRecord, OwnerView]]) -> None:
        """Send to each gateway by itself: nobody waits for one that does not confirm."""
        by_gateway: dict[str, list[tuple[CommandRecord, Command]]] = {}
        for command, owner in sendable:
            message = self._message(command, owner)
            by_gateway.setdefault(str(owner.gateway_id), []).append((command, message))
        for gateway_id, commands in by_gateway.items():
            self.start(self._publish(gateway_id, commands))

    async def end_of_other_version(self, command: CommandRecord, owner: OwnerView) -> bool:
        """End a command whose station speaks another version by now; tell whether it does."""
        refusal = refusal_of_version(command.ocpp_version, owner)
        if refusal is not None:
            await self.finish([command], CommandStatus.ERROR, error_of(refusal))
        return refusal is not None

    async def finish(
        self,
        commands: Sequence[CommandRecord],
        status: CommandStatus,
        error: dict[str, Any] | None = None,
    ) -> None:
        """End commands, but for those whose state has changed meanwhile."""
        if not commands:
            return
        now = now_ms()
        known = {command.command_id: (command.status, command.unchecked) for command in commands}

        async def work(connection: AsyncConnection) -> list[CommandRecord]:
            locked = await lock_commands(connection, known)
            changed = [
                replace(ended(command, status, now), error=error)
                for command in locked.values()
                # Whoever has checked it meanwhile may have sent it.
                if (command.status, command.unchecked) == known[command.command_id]
            ]
            await write_changes(connection, changed)
            return changed

        self._tell(await in_transaction(self._engine, work))

    async def _publish(
        self, gateway_id: str, commands: Sequence[tuple[CommandRecord, Command]]
    ) -> None:
        may_have_it = await asyncio.gather(
            *(self._sender.send(gateway_id, message) for _, message in commands)
        )
        lost = [
            command
            for (command, _), stored in zip(commands, may_have_it, strict=True)
            if not stored
        ]
        try:
            if lost:
                await self._not_written(lost)
        except Unavailable as error:
            # Not written, and that could not be stored: the sweeper ends the commands.
            log.warning("refusals_not_stored", commands=len(lost), error=str(error))

    def _message(self, command: CommandRecord, owner: OwnerView) -> Command:
        return Command(
            command_id=str(command.command_id),
            station_id=command.station_id,
            epoch=owner.epoch or 0,
            action=command.action,
            payload=self._secrets.get(command.command_id, command.payload),
            deadline_ms=command.attempt_deadline_ms or command.deadline_ms,
            attempt=command.attempts,
        )

    async def _not_written(self, commands: Sequence[CommandRecord]) -> None:
        """Treat a returned message like a gateway's word that nothing was written."""
        now = now_ms()
        attempts = {command.command_id: command.attempts for command in commands}

        async def work(connection: AsyncConnection) -> list[CommandRecord]:
            locked = await lock_commands(connection, attempts)
            changed = [
                after
                for command in locked.values()
                if (
                    after := after_report(
                        command,
                        CommandReport(
                            command_id=str(command.command_id),
                            station_id=command.station_id,
                            outcome=CommandOutcome.NOT_OWNER,
                            at_ms=now,
                            attempt=attempts[command.command_id],
                        ),
                        _OWN_REPORTS,
                        now,
                    )
                )
            ]
            await write_changes(connection, changed)
            return changed

        changed = await in_transaction(self._engine, work)
        self._tell(changed)
        if any(command.lookup_again for command in changed):
            self._wake_lookups()

    def _tell(self, changed: Sequence[CommandRecord]) -> None:
        for command in changed:
            self._watched.became(command)
            if command.status.is_final:
                self._secrets.pop(command.command_id, None)
        self._wake_relay()
