"""What REST asks of stations' histories."""

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.history import HistoryView, ListHistory
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.values.texts import is_storable
from station_registry.history import store as history
from station_registry.provisioning.store import was_known


async def list_history(connection: AsyncConnection, query: ListHistory) -> Page[HistoryView]:
    """Return a page of a station's changes, also of one that was deleted, or is another's now.

    Raises:
        ProblemRaised: 404, there is and was no such station.
        BadCursor: the cursor is not one of ours.
    """
    page = await history.page(connection, query) if is_storable(query.station_id) else None
    if page is None or not (
        page.items or await was_known(connection, query.tenant_id, query.station_id)
    ):
        raise refuse(404, "not_found", f"there is no station {query.station_id}")
    return page
