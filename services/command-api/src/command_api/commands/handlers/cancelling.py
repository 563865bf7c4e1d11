"""Cancelling a command that waits for its station."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.states import CommandRecord, cancelled
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.changes import lock_commands, write_changes
from csms_shared.contracts.refusals import refuse
from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import now_ms


class Cancelling:
    """Ends commands before they are sent.

    By the service's own role, as every end of a command: whoever calls it has looked whose it is.
    """

    def __init__(
        self, engine: AsyncEngine, watched: WatchedCommands, wake_relay: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._watched = watched
        self._wake_relay = wake_relay

    async def cancel(self, command_id: UUID, by: str) -> CommandRecord:
        """End a command that waits; return one that was cancelled before as it is.

        The row's lock decides between this and whoever takes the command to be sent: the other
        finds it changed.

        Raises:
            ProblemRaised: 409, it may have been written, or has ended.
        """

        async def work(connection: AsyncConnection) -> CommandRecord:
            locked = await lock_commands(connection, [command_id])
            command = locked[command_id]
            if command.is_cancelled:
                return command
            ended = cancelled(command, by, now_ms())
            if ended is None:
                detail = f"the command is {command.status}: only one that is waiting is cancelled"
                raise refuse(409, "command_not_waiting", detail)
            await write_changes(connection, [ended])
            return ended

        command = await in_transaction(self._engine, work)
        self._watched.became(command)
        self._wake_relay()
        return command
