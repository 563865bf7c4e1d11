"""Probes of the decision path: answered by whoever can commit."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ProbeReply
from csms_shared.service.inbox import Reply, Work


async def answer_probes(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Answer once the database has answered."""
    await connection.execute(text("SELECT 1"))
    return [
        Reply(
            work.envelope["reply_key"],
            MessageType.PROBE_REPLY,
            ProbeReply(service=STATION_REGISTRY),
            batched=False,
        )
        for work in works
    ]
