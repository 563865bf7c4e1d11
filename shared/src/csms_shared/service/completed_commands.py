"""Ends of commands, handed to whoever keeps the state that follows from them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import COMMAND_COMPLETED_KEY, command_completed_key
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp.actions import find_command
from csms_shared.ocpp.answers import readable_answer
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.inbox import Work

CompletedHandler = Callable[[AsyncConnection, Sequence[CompletedCommand]], Awaitable[None]]
# By (version, action), in the order in which the handlers take their locks.
CompletedHandlers = Mapping[tuple[str, str], CompletedHandler]
End = TypeVar("End")

_COMPLETED = event_type(COMMAND_COMPLETED_KEY)


def completed_key(version: str, action: str, payload: Mapping[str, Any]) -> str:
    """Return the routing key under which the outbox keeps the end of a command.

    It names the action where a service may have to follow the command up, and is
    `command.completed` otherwise.
    """
    command = find_command(version, action)
    if command is None or not command.is_followed(payload):
        return COMMAND_COMPLETED_KEY
    return command_completed_key(action)


async def apply_completed(
    connection: AsyncConnection,
    works: Sequence[Work],
    handlers: CompletedHandlers,
) -> None:
    """Hand the ended commands of each version and action to their handler, in the table's order.

    Those that have no handler change nothing.

    A handler sees a command at most once per batch, sorted by station, and the same end again
    after a redelivery; of a station's answer it sees what can be read.

    Raises:
        ValidationError: an event does not hold a command.
    """
    by_key: dict[tuple[str, str], list[CompletedCommand]] = {}
    for command in _newest(_commands(works, handlers)):
        by_key.setdefault((command.ocpp_version, command.action), []).append(command)
    for key, handler in handlers.items():
        if key in by_key:
            await handler(connection, by_key[key])


def following(
    read: Callable[[CompletedCommand], End | None],
    take: Callable[[AsyncConnection, Sequence[End]], Awaitable[None]],
) -> CompletedHandler:
    """Return the handler of ends as `read` returns them; nothing follows from one that is None."""

    async def handle(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
        await take(connection, [end for one in commands if (end := read(one)) is not None])

    return handle


def key_of_end(data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what the handler of an ended command goes by: its (version, action)."""
    return data.get("ocpp_version", OCPP16), data.get("action")


def _commands(works: Sequence[Work], handlers: CompletedHandlers) -> Iterable[CompletedCommand]:
    for work in works:
        if work.type == MessageType.EVENTS:
            for item in work.item:
                if isinstance(item, dict) and item.get("type", _COMPLETED) != _COMPLETED:
                    continue
                event = CloudEvent.model_validate(item)
                if key_of_end(event.data) in handlers:
                    yield _readable(CompletedCommand.model_validate(event.data))


def _readable(command: CompletedCommand) -> CompletedCommand:
    if command.response is None:
        return command
    readable = readable_answer(command.ocpp_version, command.action, command.response)
    return command.model_copy(update={"response": readable})


def _newest(commands: Iterable[CompletedCommand]) -> list[CompletedCommand]:
    """Return each command once: the answer that came late instead of `outcome_unknown`."""
    newest: dict[UUID, CompletedCommand] = {}
    for command in commands:
        known = newest.get(command.command_id)
        if known is None or command.is_settled:
            newest[command.command_id] = command
    return sorted(newest.values(), key=lambda command: (command.station_id, command.command_id))
