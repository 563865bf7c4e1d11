"""Probes of a decision path: answered by whoever can commit."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ProbeReply
from csms_shared.service.inbox import Reply, Work
from csms_shared.service.routes import MessageHandler


def answering_probes(service: str) -> MessageHandler:
    """Return the handler of gateways' probes of this service."""

    async def answer(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        keys = [work.envelope["reply_key"] for work in works if "reply_key" in work.envelope]
        if keys:
            # Once the database has answered.
            await connection.execute(text("SELECT 1"))
        return [
            Reply(key, MessageType.PROBE_REPLY, ProbeReply(service=service), batched=False)
            for key in keys
        ]

    return answer
