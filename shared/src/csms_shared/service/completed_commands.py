"""Ends of commands, handed to whoever keeps the state that follows from them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import COMMAND_COMPLETED_KEY, command_completed_key
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp.actions import find_command
from csms_shared.ocpp.answers import readable_answer
from csms_shared.service.inbox import Work

CompletedHandler = Callable[[AsyncConnection, Sequence[CompletedCommand]], Awaitable[None]]

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
    handlers: Mapping[str, CompletedHandler],
) -> None:
    """Hand each action's ended commands to its handler, in the order of the table.

    A handler sees a command at most once per batch, sorted by station, and the same end again
    after a redelivery; of a station's answer it sees what can be read.

    Raises:
        ValidationError: an event does not hold a command.
    """
    by_action: dict[str, list[CompletedCommand]] = {}
    for command in _newest(_commands(works, handlers)):
        by_action.setdefault(command.action, []).append(command)
    for action, handler in handlers.items():
        if action in by_action:
            await handler(connection, by_action[action])


def _commands(
    works: Sequence[Work], handlers: Mapping[str, CompletedHandler]
) -> Iterable[CompletedCommand]:
    for work in works:
        if work.type == MessageType.EVENTS:
            for item in work.item:
                if isinstance(item, dict) and item.get("type", _COMPLETED) != _COMPLETED:
                    continue
                event = CloudEvent.model_validate(item)
                if event.data.get("action") in handlers:
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
