"""A tenant's stations in numbers, and what of them needs attention.

The cost follows the stations that there are, and what happened within a day: nothing here reads
what has been stored before.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.overview import (
    AskStationsOverview,
    ConnectorCounts,
    StationCounts,
    StationsOverview,
)
from csms_shared.db.attention import AT_MOST, attention_sql, read_each
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.tenancy import of_tenant
from station_registry.database.sql import statement
from station_registry.ownership.store.leases import UNCONFIRMED
from station_registry.sites.scopes import STATIONS_IN_SCOPE, scope_parameters

STATIONS_FAULTED = "stations_faulted"

_HELD = (
    f"(SELECT c.station_id, {UNCONFIRMED} AS unconfirmed FROM station_connection c "
    f"JOIN gateway g USING (gateway_id) WHERE {of_tenant('c')} AND g.lease_expires_at > now())"
)
_DAY = "now() - interval '24 hours'"
# As OCPP 1.6 spells them.
_SUSPENDED = ("SuspendedEV", "SuspendedEVSE")
_OF_TENANT = f"{of_tenant('t')} {{within}}"
COUNT_STATIONS = (
    "SELECT count(*) AS total, "
    "count(*) FILTER (WHERE NOT held.unconfirmed) AS online, "
    "count(*) FILTER (WHERE held.unconfirmed) AS unconfirmed, "
    "count(*) FILTER (WHERE held.station_id IS NULL) AS offline, "
    "count(*) FILTER (WHERE t.registration_status = 'pending') AS pending, "
    "count(*) FILTER (WHERE t.registration_status = 'rejected') AS rejected "
    f"FROM station_listing t LEFT JOIN {_HELD} AS held USING (station_id) WHERE {_OF_TENANT}"
)
COUNT_CONNECTORS = (
    "SELECT k.status, count(*) AS connectors FROM connector k JOIN station_listing t "
    f"USING (station_id) WHERE k.connector_id > 0 AND {_OF_TENANT} GROUP BY k.status"
)
_OF_STATIONS = {
    STATIONS_FAULTED: (
        "SELECT k.station_id AS id, min(k.received_at) AS at, 1 AS of, "
        "string_agg('connector ' || k.connector_id || ': ' || k.error_code, ', ' "
        "ORDER BY k.connector_id) AS text FROM connector k JOIN station_listing t "
        f"USING (station_id) WHERE k.status = 'Faulted' AND {_OF_TENANT} "
        f"GROUP BY k.station_id {AT_MOST}"
    ),
    "stations_offline": (
        "SELECT t.station_id AS id, l.last_seen_at AS at, 1 AS of, "
        "coalesce('site ' || t.site_id, 'no site') AS text "
        "FROM station_listing t JOIN station_liveness l USING (station_id) "
        f"LEFT JOIN {_HELD} AS held USING (station_id) WHERE held.station_id IS NULL "
        f"AND t.registration_status = 'accepted' AND {_OF_TENANT} {AT_MOST}"
    ),
}
_OF_ALL = {
    "refusals": (
        "SELECT station_id AS id, max(refused_at) AS at, count(*) AS of, "
        "(array_agg(reason ORDER BY refused_at DESC))[1] AS text FROM ("
        "SELECT station_id, refused_at, reason FROM refusal "
        f"WHERE {of_tenant()} AND refused_at >= {_DAY} ORDER BY refused_at DESC {AT_MOST}"
        ") AS recent GROUP BY station_id"
    ),
    "rollouts_stopped": (
        "SELECT CAST(rollout_id AS text) AS id, created_at AS at, 1 AS of, name AS text "
        f"FROM firmware_rollout WHERE {of_tenant()} AND status = 'stopped' {AT_MOST}"
    ),
    "security_events": (
        "SELECT CAST(event_id AS text) AS id, received_at AS at, 1 AS of, "
        "station_id || ': ' || type AS text FROM security_event "
        f"WHERE {of_tenant()} AND critical AND received_at >= {_DAY} "
        f"ORDER BY received_at DESC {AT_MOST}"
    ),
}
RECENT = {kind: attention_sql(found) for kind, found in _OF_ALL.items()}
"""What belongs to the tenant, by kind: nobody who is limited to a scope may list it."""


def _statements(within: str) -> tuple[TextClause, TextClause, dict[str, TextClause]]:
    return (
        statement(COUNT_STATIONS.format(within=within)),
        statement(COUNT_CONNECTORS.format(within=within)),
        {kind: attention_sql(found.format(within=within)) for kind, found in _OF_STATIONS.items()},
    )


_EVERYWHERE = _statements("")
_WITHIN = _statements(f"AND t.station_id IN {STATIONS_IN_SCOPE}")


async def overview(connection: AsyncConnection, asked: AskStationsOverview) -> StationsOverview:
    """Return a tenant's stations in numbers; within a scope, those that are in it alone."""
    parameters: dict[str, Any] = {"tenant_id": asked.tenant_id, **scope_parameters(asked.scope)}
    count_stations, count_connectors, of_stations = _EVERYWHERE if asked.scope is None else _WITHIN
    counts = (await connection.execute(count_stations, parameters)).one()._asdict()
    by_status = {
        row.status: row.connectors for row in await connection.execute(count_connectors, parameters)
    }
    attention = await read_each(connection, of_stations, parameters)
    if asked.scope is None:
        await plan_by_indexes(connection)
        attention |= await read_each(connection, RECENT, parameters)
    faulted = attention.get(STATIONS_FAULTED)
    return StationsOverview(
        stations=StationCounts(**counts, faulted=0 if faulted is None else faulted.count),
        connectors=_connectors(by_status),
        attention=attention,
    )


def _connectors(by_status: dict[str, int]) -> ConnectorCounts:
    counts = {
        name: by_status.get(name.capitalize(), 0)
        for name in ConnectorCounts.model_fields
        if name != "suspended"
    }
    return ConnectorCounts(
        **counts, suspended=sum(by_status.get(status, 0) for status in _SUSPENDED)
    )
