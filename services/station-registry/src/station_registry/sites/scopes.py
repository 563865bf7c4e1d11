"""Which stations are in a scope: by the indexes of sites and of tags, whose cost is the scope's.

Conditions on columns named by whoever uses them, with the parameters `scope_sites`, `scope_tags`
and `tenant_id`.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.stations import StationsInScope
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.texts import is_storable
from station_registry.database.sql import statement

_AT_SITES = (
    f"SELECT at_site.station_id FROM station_listing at_site WHERE {of_tenant('at_site')} "
    "AND at_site.site_id = ANY(:scope_sites)"
)
_WITH_TAGS = (
    f"SELECT tagged.station_id FROM station_tag tagged WHERE {of_tenant('tagged')} "
    "AND tagged.tag = ANY(:scope_tags)"
)
STATIONS_IN_SCOPE = f"({_AT_SITES} UNION {_WITH_TAGS})"
"""The ids of all stations in the scope."""

STATIONS_IN_SCOPE_AFTER = (
    f"({_AT_SITES} AND at_site.station_id > :cursor "
    f"UNION {_WITH_TAGS} AND tagged.station_id > :cursor)"
)

SITE_IN_SCOPE = (
    "(t.site_id = ANY(:scope_sites) OR t.site_id IN (SELECT stands.site_id "
    "FROM station_tag tagged JOIN station_listing stands ON stands.station_id = tagged.station_id "
    f"AND {of_tenant('stands')} "
    f"WHERE {of_tenant('tagged')} AND tagged.tag = ANY(:scope_tags)))"
)
"""Site `t` is one of the scope, or a station that has one of its tags stands there."""

_AMONG = statement(
    f"{_AT_SITES} AND at_site.station_id = ANY(:ids) "
    f"UNION {_WITH_TAGS} AND tagged.station_id = ANY(:ids)"
)


def scope_parameters(scope: Scope | None) -> dict[str, Any]:
    """Return the parameters of the conditions; none without a scope."""
    if scope is None:
        return {}
    return {"scope_sites": list(scope.site_ids), "scope_tags": list(scope.tags)}


async def stations_in_scope(connection: AsyncConnection, asked: StationsInScope) -> Sequence[str]:
    """Return those of the stations that there are in the scope; none without a scope."""
    scope = asked.scope or Scope()
    ids = sorted({one for one in asked.station_ids if is_storable(one)})
    parameters = {**scope_parameters(scope), "tenant_id": asked.tenant_id, "ids": ids}
    return [row.station_id for row in await connection.execute(_AMONG, parameters)]
