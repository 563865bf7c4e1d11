"""Refused handshakes, kept for a while so that an operator can see why a station stays away."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import Refusal
from csms_shared.inbox import Reply, Work
from station_registry.handlers.works import parsed
from station_registry.store import reports


async def note_refusals(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store refusals."""
    await reports.save_refusals(
        connection,
        [(work.envelope["gateway_id"], refusal) for work, refusal in parsed(works, Refusal)],
    )
    return []
