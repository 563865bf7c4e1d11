"""How the routes of events say which events are wanted."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from command_api.accounts.domain.roles import Principal
from command_api.live_events.domain.events import Wanted
from csms_shared.contracts.event_store import TYPES_MAX, TypeGlob
from csms_shared.values.numbers import INT64_MAX, WholeText

PositionText = Annotated[int, WholeText(0, INT64_MAX)]
EventTypes = Annotated[
    list[TypeGlob] | None,
    Query(
        alias="type",
        max_length=TYPES_MAX,
        description="any of these: exact (`transaction.started` or `csms.transaction.started.v1`), "
        "or all that begin so (`transaction` or `transaction.*`); a star stands for any text",
    ),
]
EventStation = Annotated[
    str | None, Query(max_length=255, description="events whose subject is this station")
]
TypesOfBody = Annotated[list[TypeGlob], Field(max_length=TYPES_MAX)]
KEPT_NO_LONGER: dict[int | str, dict[str, Any]] = {
    410: {"description": "What follows the position is kept no longer."}
}


def wanted_by(viewer: Principal, station_id: str | None, types: list[str] | None) -> Wanted:
    """Return what of the tenant's events is wanted, and may be shown."""
    return Wanted(
        viewer.acts_for,
        station_id,
        tuple(types or ()),
        # Whose subject is no station is nobody's who is limited to some.
        of_stations=viewer.scope is not None,
    )
