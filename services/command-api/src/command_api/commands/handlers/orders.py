"""Orders of other services: stored as held commands, and sent to stations that are there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.commands.domain.orders import command_of_order
from command_api.commands.domain.states import CommandStatus, ended
from command_api.commands.store.changes import write_changes
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.ports import OwnerDirectory, ServiceAway
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.stations import OwnerView
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Reply, Work


class Orders:
    """Turns orders into commands; the same order again changes nothing.

    `look_up` comes before `apply` of the same works: the registry is asked while no transaction
    is open.
    """

    def __init__(
        self,
        owners: OwnerDirectory,
        wake_held: Callable[[Sequence[str]], None],
        wake_relay: Callable[[], None],
    ) -> None:
        self._owners = owners
        self._wake_held = wake_held
        self._wake_relay = wake_relay
        self._found: dict[str, OwnerView] = {}
        self._sendable: set[str] = set()

    async def look_up(self, works: Sequence[Work]) -> None:
        """Ask the registry about the stations of these orders.

        Raises:
            Unavailable: it does not answer; try the same orders again.
        """
        stations = sorted({order.station_id for order in _readable(works)})
        try:
            self._found = await self._owners.find_fresh(stations)
        except ServiceAway as error:
            raise Unavailable(str(error)) from error

    async def apply(self, connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        """Store what is new; what can't be sent ends at once with its error."""
        now = now_ms()
        orders = [
            CommandOrder.model_validate(work.item)
            for work in works
            if work.type == MessageType.COMMAND_ORDERS
        ]
        commands = {
            order.order_id: command_of_order(order, self._found[order.station_id], now)
            for order in orders
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

    def committed(self) -> None:
        """Send what may be sent now, and tell of what has failed; too often is harmless."""
        stations, self._sendable = self._sendable, set()
        if stations:
            self._wake_held(sorted(stations))
        self._wake_relay()


def _readable(works: Iterable[Work]) -> Iterable[CommandOrder]:
    """Yield the orders that meet the contract; the others are parked when they are applied."""
    for work in works:
        if work.type == MessageType.COMMAND_ORDERS:
            try:
                yield CommandOrder.model_validate(work.item)
            except ValidationError:
                continue
