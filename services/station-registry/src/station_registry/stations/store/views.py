"""What REST shows: stations, connections, owners, the fleet.

A station is online while its connection's gateway has a running lease; every query here asks
through `_ONLINE`, so that nothing says otherwise. While that gateway has not renewed its lease in
time, or was found away, it is not known whether the station is online: `unconfirmed`.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.stations import (
    ConnectionView,
    ConnectorView,
    FleetCounts,
    FleetStatus,
    GatewayView,
    ListConnections,
    ListStations,
    OwnerView,
    StationView,
)
from csms_shared.db.cursors import as_moment, as_text, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.times import format_time
from station_registry.availability.domain import ConnectorKey, SetAvailability, availability_of
from station_registry.availability.store import evse_id_of, set_of
from station_registry.database.sql import statement
from station_registry.ownership.store.leases import RENEWED_AT, UNCONFIRMED
from station_registry.sites.scopes import (
    STATIONS_IN_SCOPE,
    STATIONS_IN_SCOPE_AFTER,
    scope_parameters,
)
from station_registry.sites.store import HAS_TAG, HAS_TAG_AFTER

_ONLINE = (
    f"(SELECT c.*, {UNCONFIRMED} AS unconfirmed "
    "FROM station_connection c JOIN gateway g USING (gateway_id) "
    "WHERE g.lease_expires_at > now()) AS c"
)
_STATION = (
    "SELECT s.*, l.last_seen_at, c.gateway_id, c.connection_id, c.epoch AS connection_epoch, "
    "c.ocpp_version AS connection_version, c.remote_address, c.connected_at, c.unconfirmed "
    "FROM station s "
    f"LEFT JOIN station_liveness l USING (station_id) LEFT JOIN {_ONLINE} USING (station_id) "
)
_GET = statement(
    _STATION + f"WHERE {of_tenant('s')} AND s.deleted_at IS NULL AND s.station_id = :station_id"
)
# What does not match is passed over in the narrow table, which holds a whole fleet in some
# megabytes; of the wide one, only the rows of the page are read.
_LIST = (
    "WITH page AS MATERIALIZED (SELECT t.station_id FROM station_listing t "
    f"WHERE {of_tenant('t')} "
    "{conditions}ORDER BY t.station_id LIMIT :limit) "
    + _STATION
    + "WHERE s.station_id IN (SELECT station_id FROM page) ORDER BY s.station_id"
)
# One plan for all tags, sites and texts would be the worst for some: one tag has ten stations,
# another one the whole fleet.
_PLANNED_ANEW = statement("SET LOCAL plan_cache_mode = force_custom_plan")
_IS_ONLINE = (
    "EXISTS (SELECT FROM station_connection c WHERE c.station_id = t.station_id AND c.gateway_id "
    "= ANY(ARRAY(SELECT gateway_id FROM gateway WHERE lease_expires_at > now()))) "
)
_CONDITIONS = {
    "cursor": "AND t.station_id > :cursor ",
    "registration_status": "AND t.registration_status = :registration_status ",
    "vendor": "AND t.vendor = :vendor ",
    "site_id": "AND t.site_id = :site_id ",
    # Not LIKE: where PostgreSQL takes a text for rare, it reads all that have it, for one page.
    "q": 'AND strpos(t.search, lower(CAST(:q AS text) COLLATE "default") COLLATE "C") > 0 ',
}
# Releases before knew OCPP 1.6 only, where each connector is an EVSE of its own.
_CONNECTORS = statement(
    "SELECT c.*, h.plug_type, h.max_power_w FROM connector c LEFT JOIN connector_hardware h ON "
    "(h.station_id, h.evse_id, h.connector_id) "
    "= (c.station_id, coalesce(c.evse_id, c.connector_id), c.connector_id) "
    "WHERE c.station_id = ANY(:ids) ORDER BY c.station_id, c.connector_id"
)
_TOLERANCES = statement(
    "SELECT * FROM tolerance WHERE station_id = ANY(:ids) ORDER BY station_id, name"
)
_EXISTS = statement(
    f"SELECT 1 FROM station WHERE {of_tenant()} AND station_id = :station_id AND deleted_at IS NULL"
)
_CONNECTIONS = (
    f"SELECT c.* FROM {_ONLINE} WHERE {of_tenant('c')} {{conditions}}"
    "ORDER BY c.connected_at DESC, c.station_id DESC LIMIT :limit"
)
_AFTER = "AND (c.connected_at, c.station_id) < (:connected_at, CAST(:station_id AS text)) "
_OWNERS = statement(
    "SELECT s.station_id, s.tenant_id, s.registration_status, s.ocpp_version, c.gateway_id, "
    "c.connection_id, c.epoch, c.ocpp_version AS connection_version FROM station s "
    f"LEFT JOIN {_ONLINE} USING (station_id) "
    "WHERE s.station_id = ANY(:ids) AND s.deleted_at IS NULL"
)
_COUNT = "SELECT count(*) FROM station_listing"
_GATEWAYS = (
    "SELECT g.*, (SELECT count(*) FROM station_connection c WHERE c.gateway_id = g.gateway_id) "
    f"AS held, {UNCONFIRMED} AS unconfirmed, {RENEWED_AT} AS renewed_at "
    "FROM gateway g WHERE g.lease_expires_at > now() ORDER BY g.name"
)
COUNTS_OF_TENANT = (
    "SELECT (SELECT stations FROM tenant WHERE tenant_id = :tenant_id) AS stations, "
    "count(*) FILTER (WHERE NOT unconfirmed) AS online, "
    "count(*) FILTER (WHERE unconfirmed) AS unconfirmed "
    f"FROM (SELECT {UNCONFIRMED} AS unconfirmed FROM station_connection c "
    "JOIN gateway g USING (gateway_id) "
    "WHERE c.tenant_id = :tenant_id AND g.lease_expires_at > now()) held"
)
COUNTS = (_COUNT, _GATEWAYS)
"""What the fleet's status is made of."""


async def get_station(
    connection: AsyncConnection, tenant_id: str, station_id: str
) -> StationView | None:
    """Return one station of a tenant."""
    named = {"tenant_id": tenant_id, "station_id": station_id}
    row = (await connection.execute(_GET, named)).first()
    return (await _views(connection, [row]))[0] if row else None


async def list_stations(connection: AsyncConnection, query: ListStations) -> Page[StationView]:
    """Return stations in the order of their ids."""
    parameters: dict[str, Any] = query.model_dump(
        mode="json", exclude_none=True, exclude={"scope"}
    ) | scope_parameters(query.scope)
    if query.cursor is not None:
        parameters["cursor"] = decode_cursor(query.cursor, as_text)[0]
    parameters.pop("online", None)
    parameters["limit"] = query.limit + 1
    await connection.execute(_PLANNED_ANEW)
    rows = (await connection.execute(statement(list_sql(query)), parameters)).all()
    shown = rows[: query.limit]
    return Page(
        items=await _views(connection, shown),
        next_cursor=encode_cursor(shown[-1].station_id) if len(rows) > query.limit else None,
    )


def list_sql(query: ListStations) -> str:
    """Return the statement of a page; its parameters are named as in the query."""
    given = query.model_dump(exclude_none=True)
    conditions = [sql for name, sql in _CONDITIONS.items() if name in given]
    if query.tag is not None:
        # PostgreSQL does not see that what holds for the one id holds for the other.
        conditions.append(f"AND {HAS_TAG if query.cursor is None else HAS_TAG_AFTER} ")
    if query.scope is not None:
        ids = STATIONS_IN_SCOPE if query.cursor is None else STATIONS_IN_SCOPE_AFTER
        conditions.append(f"AND t.station_id IN {ids} ")
    if query.online is not None:
        conditions.append(f"AND {_IS_ONLINE}" if query.online else f"AND NOT {_IS_ONLINE}")
    return _LIST.format(conditions="".join(conditions))


async def list_connectors(
    connection: AsyncConnection, tenant_id: str, station_id: str
) -> list[ConnectorView] | None:
    """Return a station's connectors, None where there is no such station."""
    named = {"tenant_id": tenant_id, "station_id": station_id}
    if (await connection.execute(_EXISTS, named)).first() is None:
        return None
    known = await set_of(connection, [station_id])
    return (await _connectors(connection, [station_id], known)).get(station_id, [])


async def list_connections(
    connection: AsyncConnection, query: ListConnections
) -> Page[ConnectionView]:
    """Return open connections, newest first."""
    parameters: dict[str, Any] = {"tenant_id": query.tenant_id, "limit": query.limit + 1}
    parameters |= scope_parameters(query.scope)
    conditions = "" if query.scope is None else f"AND c.station_id IN {STATIONS_IN_SCOPE} "
    if query.cursor is not None:
        key = decode_cursor(query.cursor, as_moment, as_text)
        parameters["connected_at"], parameters["station_id"] = key
        conditions += _AFTER
    sql = _CONNECTIONS.format(conditions=conditions)
    rows = (await connection.execute(statement(sql), parameters)).all()
    shown = rows[: query.limit]
    return Page(
        items=[_connection(row, row.epoch, row.ocpp_version) for row in shown],
        next_cursor=encode_cursor(shown[-1].connected_at, shown[-1].station_id)
        if len(rows) > query.limit
        else None,
    )


async def look_up_owners(connection: AsyncConnection, ids: list[str]) -> list[OwnerView]:
    """Return where commands for these stations go, in the order asked."""
    rows = {
        row.station_id: row for row in await connection.execute(_OWNERS, {"ids": sorted(set(ids))})
    }
    return [_owner(station_id, rows.get(station_id)) for station_id in ids]


async def fleet_status(connection: AsyncConnection) -> FleetStatus:
    """Return how many stations there are, and which gateways hold them."""
    stations = (await connection.execute(statement(_COUNT))).scalar_one()
    gateways = (await connection.execute(statement(_GATEWAYS))).all()
    return FleetStatus(
        stations=stations,
        stations_online=sum(row.held for row in gateways if not row.unconfirmed),
        stations_unconfirmed=sum(row.held for row in gateways if row.unconfirmed),
        gateways=[
            GatewayView(
                gateway_id=row.gateway_id,
                name=row.name,
                connections=row.held,
                version=row.version,
                started_at=format_time(row.started_at),
                lease_expires_at=format_time(row.lease_expires_at),
                renewed_at=_time(row.renewed_at),
                unconfirmed=row.unconfirmed,
            )
            for row in gateways
        ],
    )


async def fleet_counts(connection: AsyncConnection, tenant_id: str) -> FleetCounts:
    """Return how many stations a tenant has."""
    of_tenant = {"tenant_id": tenant_id}
    row = (await connection.execute(statement(COUNTS_OF_TENANT), of_tenant)).one()
    return FleetCounts(
        stations=row.stations or 0,
        stations_online=row.online,
        stations_unconfirmed=row.unconfirmed,
    )


async def _views(connection: AsyncConnection, rows: Iterable[Any]) -> list[StationView]:
    rows = list(rows)
    ids = [row.station_id for row in rows]
    known = await set_of(connection, ids)
    connectors = await _connectors(connection, ids, known)
    tolerated: dict[str, dict[str, int]] = {}
    for row in await connection.execute(_TOLERANCES, {"ids": ids}):
        tolerated.setdefault(row.station_id, {})[row.name] = row.times
    return [
        StationView(
            station_id=row.station_id,
            online=row.connection_id is not None,
            online_unconfirmed=bool(row.unconfirmed),
            ocpp_version=row.connection_version or row.ocpp_version,
            registration_status=row.registration_status,
            boot_policy=row.boot_policy,
            security_profile=row.security_profile,
            upgrade_profile=row.upgrade_profile,
            registered_serial_number=row.registered_serial_number,
            has_password=bool(row.password_hashes),
            password_change_pending=bool(row.previous_password_hashes),
            strict=row.strict,
            exempt_from_limits=row.exempt_from_limits,
            heartbeat_interval=row.heartbeat_interval,
            vendor=row.vendor,
            model=row.model,
            serial_number=row.serial_number or row.charge_box_serial_number,
            firmware_version=row.firmware_version,
            iccid=row.iccid,
            imsi=row.imsi,
            site_id=row.site_id,
            display_name=row.display_name,
            tags=row.tags,
            installed_on=_day(row.installed_on),
            commissioned_on=_day(row.commissioned_on),
            phase_count=row.phase_count,
            max_current_a=row.max_current_a,
            created_at=format_time(row.created_at),
            last_seen_at=_time(row.last_seen_at),
            last_boot_at=_time(row.last_boot_at),
            tolerated=tolerated.get(row.station_id, {}),
            **_availability(known, row.station_id, 0),
            connection=_connection(row, row.connection_epoch, row.connection_version)
            if row.connection_id is not None
            else None,
            connectors=connectors.get(row.station_id, []),
        )
        for row in rows
    ]


async def _connectors(
    connection: AsyncConnection, ids: list[str], known: Mapping[ConnectorKey, SetAvailability]
) -> dict[str, list[ConnectorView]]:
    found: dict[str, list[ConnectorView]] = {}
    for row in await connection.execute(_CONNECTORS, {"ids": ids}):
        found.setdefault(row.station_id, []).append(
            ConnectorView(
                evse_id=evse_id_of(row),
                connector_id=row.connector_id,
                status=row.status,
                error_code=row.error_code,
                updated_at=format_time(row.received_at),
                info=row.info,
                vendor_error_code=row.vendor_error_code,
                **_availability(known, row.station_id, row.connector_id),
                plug_type=row.plug_type,
                max_power_w=row.max_power_w,
            )
        )
    return found


def _availability(
    known: Mapping[ConnectorKey, SetAvailability], station_id: str, connector_id: int
) -> dict[str, Any]:
    found = availability_of(known, station_id, connector_id)
    if found is None:
        return {}
    return {"availability": found.availability, "availability_scheduled": found.scheduled}


def _connection(row: Any, epoch: int, version: str) -> ConnectionView:
    return ConnectionView(
        station_id=row.station_id,
        gateway_id=row.gateway_id,
        connection_id=row.connection_id,
        epoch=epoch,
        ocpp_version=version,
        remote_address=row.remote_address,
        connected_at=format_time(row.connected_at),
        unconfirmed=row.unconfirmed,
    )


def _owner(station_id: str, row: Any) -> OwnerView:
    if row is None:
        return OwnerView(station_id=station_id, known=False)
    return OwnerView(
        station_id=station_id,
        tenant_id=row.tenant_id,
        known=True,
        registration_status=row.registration_status,
        ocpp_version=row.connection_version or row.ocpp_version,
        gateway_id=row.gateway_id,
        connection_id=row.connection_id,
        epoch=row.epoch,
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
