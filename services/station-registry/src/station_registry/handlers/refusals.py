"""Refused handshakes, kept for a while so that an operator can see why a station stays away."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListRefusals, RefusalName, RefusalView
from csms_shared.contracts.ownership import Refusal
from csms_shared.contracts.pages import Page
from csms_shared.inbox import Reply, Work
from csms_shared.refusals import refuse
from station_registry.handlers.works import parsed
from station_registry.store import refusals


async def note_refusals(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store refusals."""
    await refusals.save(
        connection,
        [(work.envelope["gateway_id"], refusal) for work, refusal in parsed(works, Refusal)],
    )
    return []


async def list_refusals(connection: AsyncConnection, query: ListRefusals) -> Page[RefusalView]:
    """Return a page of refusals, also of stations that nobody knows."""
    if query.station_id is not None and "\0" in query.station_id:
        return Page(items=[])
    return await refusals.page(connection, query)


async def get_refusal(connection: AsyncConnection, name: RefusalName) -> RefusalView:
    """Return one row of refusals.

    Raises:
        ProblemRaised: 404, there is none of this id.
    """
    found = await refusals.get(connection, name.id)
    if found is None:
        raise refuse(404, "not_found", f"there is no refusal {name.id}")
    return found
