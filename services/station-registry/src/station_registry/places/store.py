"""Where sessions were, and what stations said of connectors meanwhile: two statements for many."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, DateTime, Row, Text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.session_facts import STATUSES_MAX, ConnectorTimes
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.station_clocks import CLOCK_TOLERANCE
from station_registry.database.sql import statement
from station_registry.history.tables import station_history

# How stations call the key of a connector's meter (OCA, Signed Meter Values in OCPP, 3.3.1), as
# keys are compared.
_PUBLIC_KEY = "'meterpublickey' || asked.connector_id"
_ASKED = columns_of(
    station_history,
    "station_id",
    "connector_id",
    transaction_id=BigInteger(),
    from_time=DateTime(True),
    to_time=DateTime(True),
    site_id=Text(),
)
# Also of a station that was deleted, which stands nowhere any more, or that another tenant has now.
_PLACES = statement(
    "SELECT asked.transaction_id, asked.station_id, s.phase_count, "
    "coalesce(p.site_id, s.site_id) AS site_id, "
    "s.meter_serial_number AS meter_id, p.name AS site_name, p.address, p.city, p.postal_code, "
    "p.country, p.latitude, p.longitude, coalesce(p.time_zone, t.time_zone) AS time_zone, "
    "t.country_code AS tenant_country, t.party_id, h.plug_type AS connector_type, "
    f"k.value AS meter_public_key FROM {unnest(_ASKED, 'asked')} "
    f"JOIN tenant t ON {of_tenant('t')} "
    f"LEFT JOIN station s ON s.station_id = asked.station_id AND {of_tenant('s')} "
    f"LEFT JOIN site p ON {of_tenant('p')} AND p.site_id = coalesce(asked.site_id, s.site_id) "
    "LEFT JOIN connector_hardware h ON h.station_id = s.station_id "
    "AND h.evse_id = asked.connector_id AND h.connector_id = asked.connector_id "
    "LEFT JOIN configuration_value k ON k.station_id = s.station_id "
    f"AND k.key = {_PUBLIC_KEY} AND k.known "
    "WHERE s.station_id IS NOT NULL OR p.site_id IS NOT NULL ORDER BY asked.transaction_id"
)
# By the station's own time, but where its clock was wrong: then by when it was heard of.
_AT = "CASE WHEN clock_flag IS NULL THEN coalesce(occurred_at, received_at) ELSE received_at END"
_OF_CONNECTOR = (
    f"FROM station_history AS told WHERE {of_tenant('told')} "
    "AND told.station_id = asked.station_id AND told.connector_id = asked.connector_id "
    "AND told.kind = 'connector_status'"
)
_TOLERATED = f"interval '{CLOCK_TOLERANCE.total_seconds():.0f} s'"
# What was heard before a session began, newest first; and all that was heard from then on, for a
# station that was away tells later what was before.
_BEFORE = (
    f"(SELECT {_AT} AS at, told.status, told.id {_OF_CONNECTOR} "
    f"AND told.received_at < asked.from_time - {_TOLERATED} "
    "ORDER BY told.received_at DESC, told.id DESC LIMIT 1)"
)
_SINCE = (
    f"(SELECT {_AT} AS at, told.status, told.id {_OF_CONNECTOR} "
    f"AND told.received_at >= asked.from_time - {_TOLERATED} AND {_AT} <= asked.to_time "
    f"ORDER BY told.received_at, told.id LIMIT {STATUSES_MAX})"
)
_STATUSES = statement(
    "SELECT asked.transaction_id, said.at, said.status, said.at <= asked.from_time AS before "
    f"FROM {unnest(_ASKED, 'asked')} "
    f"CROSS JOIN LATERAL ({_BEFORE} UNION ALL {_SINCE}) AS said "
    "ORDER BY asked.transaction_id, said.at, said.id"
)


async def read_places(
    connection: AsyncConnection, tenant_id: str, sessions: Sequence[ConnectorTimes]
) -> list[Row[Any]]:
    """Return a row for each session of which the tenant has the station or the site."""
    return list(await connection.execute(_PLACES, _parameters(tenant_id, sessions)))


async def read_statuses(
    connection: AsyncConnection, tenant_id: str, sessions: Sequence[ConnectorTimes]
) -> list[Row[Any]]:
    """Return what was said of each session's connector until its end, in the order of time.

    Of what was said before its start there may be more than what held then.
    """
    return list(await connection.execute(_STATUSES, _parameters(tenant_id, sessions)))


def _parameters(tenant_id: str, sessions: Sequence[ConnectorTimes]) -> dict[str, Any]:
    rows = [
        (
            one.station_id,
            one.connector_id,
            one.transaction_id,
            one.from_time,
            one.to_time,
            one.site_id,
        )
        for one in sessions
    ]
    return arrays(_ASKED, rows) | {"tenant_id": tenant_id}
