"""Which stations stand within a scope, as far as it was told."""

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from csms_shared.contracts.requests import WithinScope
from session_service.database.tenants import is_of
from session_service.places.tables import station_place


def stands_within(
    station_id: ColumnElement[Any], asked: WithinScope
) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a station stands within the scope; none without a scope."""
    if asked.scope is None:
        return ()
    place = station_place.c
    stations = select(place.station_id).where(
        is_of(station_place, asked.tenant_id),
        or_(
            place.site_id.in_(asked.scope.site_ids),
            place.tags.op("&&")(cast(list(asked.scope.tags), ARRAY(Text))),
        ),
    )
    return (station_id.in_(stations),)
