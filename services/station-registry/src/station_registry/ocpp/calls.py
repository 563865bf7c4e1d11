"""Handlers of messages that carry stations' calls: read, hand on, write the answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import CallReply, StationCall
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.read_calls import Answer, Call
from csms_shared.service.inbox import Reply, Work
from station_registry.works import parsed

Handler = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]
Payload = Mapping[str, Any]
Said = TypeVar("Said")
Answered = TypeVar("Answered")


def reporting(
    read: Callable[[Payload], Said],
    take: Callable[[AsyncConnection, Sequence[Call[Said]]], Awaitable[None]],
) -> Handler:
    """Return the handler of a call that the gateway has answered already."""

    async def handle(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        await take(connection, _calls(works, read))
        return []

    return handle


def deciding(
    read: Callable[[Payload], Said],
    decide: Callable[[AsyncConnection, Sequence[Call[Said]]], Awaitable[list[Answer[Answered]]]],
    write: Callable[[Answered], dict[str, Any]],
) -> Handler:
    """Return the handler of a call that is answered once it is decided and committed."""

    async def handle(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        answers = await decide(connection, _calls(works, read))
        return [_reply(answer, write(answer.value)) for answer in answers]

    return handle


def _calls(works: Sequence[Work], read: Callable[[Payload], Said]) -> list[Call[Said]]:
    """Return the calls in the order of the works.

    Raises:
        ValidationError: an item is no station call.
    """
    return [
        Call(
            call.station_id,
            call.connection_id,
            call.epoch,
            call.seq,
            call.received_ms,
            call.deadline_ms,
            work.envelope.get("reply_key"),
            read(call.payload),
        )
        for work, call in parsed(works, StationCall)
    ]


def _reply(answer: Answer[Any], payload: dict[str, Any]) -> Reply:
    if answer.reply_key is None:
        raise ValueError("the message does not say where its answers go")
    return Reply(
        answer.reply_key,
        MessageType.CALL_REPLIES,
        CallReply(
            connection_id=answer.connection_id,
            seq=answer.seq,
            payload=payload,
            registration=answer.registration,
        ),
    )
