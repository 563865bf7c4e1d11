"""Handlers of the ends of commands: read, then handed on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.service.completed_commands import CompletedHandler

End = TypeVar("End")


def following(
    read: Callable[[CompletedCommand], End],
    take: Callable[[AsyncConnection, Sequence[End]], Awaitable[None]],
) -> CompletedHandler:
    """Return the handler of an action's ended commands."""

    async def handle(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
        await take(connection, [read(command) for command in commands])

    return handle
