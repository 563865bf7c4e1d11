"""Rows of the tables that say who handles what a work queue carries.

A table maps what an item is to its route: a station's call by OCPP version and action, everything
else by the type of its message. The order of a table is that in which handlers run, and so the
order of their locks.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.read_calls import Answer, Call
from csms_shared.service.inbox import Reply, Work
from csms_shared.service.station_calls import Reader

Said = TypeVar("Said")
Answered = TypeVar("Answered")
Locks = TypeVar("Locks")

MessageHandler = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]
CallHandler = Callable[
    [AsyncConnection, Sequence[Call[Said]]], Awaitable[Sequence[Answer[Answered]] | None]
]
Writer = Callable[[Answered], dict[str, Any]]
# (version, action), or the type of a message.
Key = tuple[str, str] | MessageType


@dataclass(frozen=True, slots=True, eq=False)
class CallRoute(Generic[Said, Answered, Locks]):
    """Where a station's call of one version and action goes.

    The calls of a batch whose routes have one handler and the same `locks` go to it together.
    `write` is left out where the gateway has answered.
    """

    read: Reader[Said]
    handler: CallHandler[Said, Answered]
    write: Writer[Answered] | None = None
    locks: Locks | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MessageRoute(Generic[Locks]):
    """Where messages of one type go.

    `first` runs before all handlers of a batch and what they lock.
    """

    handler: MessageHandler
    locks: Locks | None = None
    first: Callable[[AsyncConnection, Sequence[Work]], Awaitable[None]] | None = None


Route = CallRoute[Any, Any, Locks] | MessageRoute[Locks]
Routes = Mapping[Key, Route[Locks]]
