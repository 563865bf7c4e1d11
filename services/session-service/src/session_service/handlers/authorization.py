"""Authorize: what a token is worth now."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.inbox import Reply
from session_service.domain.authorization import decide_authorization, token_key
from session_service.handlers.calls import ReceivedCall, call_reply
from session_service.handlers.ocpp16 import id_tag_info
from session_service.store.tokens import read_tokens


async def authorize(
    connection: AsyncConnection, calls: Sequence[ReceivedCall], now: datetime
) -> list[Reply]:
    """Answer a batch of Authorize calls; nobody waits for one past its deadline."""
    now_ms = int(now.timestamp() * 1000)
    keys = {
        id(received): token_key(str(received.payload["idTag"]).replace("\0", ""))
        for received in calls
        if received.call.deadline_ms > now_ms
    }
    tokens = await read_tokens(connection, set(keys.values()))
    return [
        call_reply(
            received,
            {"idTagInfo": id_tag_info(decide_authorization(tokens.get(keys[id(received)]), now))},
        )
        for received in calls
        if id(received) in keys
    ]
