"""Orders of other services: stored as held commands, and sent to stations that are there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.domain.states import CommandRecord, CommandStatus, ended
from command_api.commands.handlers.order_preparation import (
    checked,
    in_spoken_version,
    waiting_command,
)
from command_api.commands.store.changes import write_changes
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.ports import OwnerDirectory, ServiceAway, ServiceFailed, ServiceOlder
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.stations import OwnerView
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Reply, Work

# The orders behind a batch wait no longer for what other services say of it.
_CHECKED_WITHIN_S = 1.0


class Orders:
    """Turns orders into commands; the same order again changes nothing.

    `look_up` comes before `apply` of the same works: other services are asked while no
    transaction is open.
    """

    def __init__(
        self,
        owners: OwnerDirectory,
        stored: Callable[[Sequence[UUID]], Awaitable[set[UUID]]],
        edge: CommandEdge,
        wake_held: Callable[[Sequence[str]], None],
        wake_relay: Callable[[], None],
    ) -> None:
        self._owners = owners
        self._stored = stored
        self._edge = edge
        self._wake_held = wake_held
        self._wake_relay = wake_relay
        self._commands: dict[UUID, CommandRecord | BaseException | None] = {}
        self._sendable: set[str] = set()

    async def look_up(self, works: Sequence[Work]) -> None:
        """Ask the other services about these orders.

        An order that one of them does not answer about in time is stored all the same, and checked
        when it is sent. Nobody is asked about an order that is a command already.

        Raises:
            Unavailable: the registry or the database does not answer; try the same orders again.
        """
        readable = list(_readable(works))
        stored = await self._stored([order.order_id for order in readable])
        asked = [order for order in readable if order.order_id not in stored]
        try:
            found = await self._owners.find_fresh(sorted({order.station_id for order in asked}))
        except ServiceAway as error:
            raise Unavailable(str(error)) from error
        # Of one that met a defect the error: raised here, it would send all back to the broker.
        commands = await asyncio.gather(
            *(self._command(order, found[order.station_id]) for order in asked),
            return_exceptions=True,
        )
        # Whoever stored them may have died before they were sent.
        self._sendable |= {order.station_id for order in readable if order.order_id in stored}
        self._commands = dict.fromkeys(stored)
        for order, command in zip(asked, commands, strict=True):
            self._commands[order.order_id] = command

    async def _command(self, order: CommandOrder, owner: OwnerView) -> CommandRecord:
        command = in_spoken_version(waiting_command(order, now_ms()), owner, self._edge)
        if command.error is not None:
            return command
        try:
            async with asyncio.timeout(_CHECKED_WITHIN_S):
                return await checked(command, self._edge)
        except TimeoutError:
            return command
        except ServiceAway as error:
            if _is_about_the_order(error):
                raise
            return command

    async def apply(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Store what is new; what can't be sent ends at once with its error.

        Raises:
            Exception: what the check of one of these orders met, which is parked alone.
        """
        now = now_ms()
        commands = {
            order.order_id: command
            for work in works
            if work.type == MessageType.COMMAND_ORDERS
            for order in (CommandOrder.model_validate(work.item),)
            if (command := self.prepared(order)) is not None
        }
        if not commands:
            return []
        new = await insert_commands(
            connection,
            [NewCommand(replace(command, error=None), None) for command in commands.values()],
        )
        await write_changes(
            connection,
            [
                ended(command, CommandStatus.ERROR, now)
                for command_id, command in sorted(commands.items())
                if command_id in new and command.error is not None
            ],
        )
        self._sendable |= {
            command.station_id for command in commands.values() if command.error is None
        }
        return []

    def prepared(self, order: CommandOrder) -> CommandRecord | None:
        """Return what was found of an order, None where it is a command already.

        Raises:
            Exception: what its check met.
        """
        command = self._commands[order.order_id]
        if isinstance(command, BaseException):
            raise command
        return command

    def committed(self) -> None:
        """Send what may be sent now, and tell of what has failed; too often is harmless."""
        stations, self._sendable = self._sendable, set()
        if stations:
            self._wake_held(sorted(stations))
        self._wake_relay()


def _is_about_the_order(error: ServiceAway) -> bool:
    """Tell whether asking again can't help."""
    return isinstance(error, ServiceFailed) and not isinstance(error, ServiceOlder)


def _readable(works: Iterable[Work]) -> Iterable[CommandOrder]:
    """Yield the orders that meet the contract; the others are parked when they are applied."""
    for work in works:
        if work.type == MessageType.COMMAND_ORDERS:
            try:
                yield CommandOrder.model_validate(work.item)
            except ValidationError:
                continue
