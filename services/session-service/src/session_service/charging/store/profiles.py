"""Statements on charging profiles, clearings, and schedules that stations reported."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import DateTime, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.numbers import INT32_MAX
from session_service.charging.domain.ends import AnsweredSchedule, NewClearing, NewProfile
from session_service.charging.domain.installed_profiles import AcceptedProfile, KnownTransaction
from session_service.charging.tables import charging_clearing, charging_profile
from session_service.values.keys import TenantStation

_STATION = columns_of(charging_profile, "station_id")
_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT "
    "hashtextextended('charging ' || station_id, 0) AS key "
    f"FROM {unnest(_STATION, 'given')} ORDER BY key) AS keys"
)
_PROFILE = columns_of(
    charging_profile,
    "command_id",
    "tenant_id",
    "station_id",
    "connector_id",
    "profile_id",
    "purpose",
    "stack_level",
    "transaction_id",
    "token_key",
    "sent_at",
    "ocpp_version",
)
_NEW_PROFILE = (*_PROFILE, *columns_of(charging_profile, "profile"))
_ADD = text(
    f"INSERT INTO charging_profile ({names(_PROFILE)}, state, profile) "
    f"SELECT {names(_PROFILE)}, 'waiting', CAST(profile AS json) "
    f"FROM {unnest(_NEW_PROFILE, 'new')} ON CONFLICT (command_id) DO NOTHING RETURNING command_id"
)
_CLEARING = columns_of(
    charging_clearing, "command_id", "tenant_id", "station_id", "sent_at", "ocpp_version", "payload"
)
_ADD_CLEARINGS = text(
    f"INSERT INTO charging_clearing ({names(_CLEARING)}) "
    "SELECT command_id, tenant_id, station_id, sent_at, ocpp_version, CAST(payload AS json) "
    f"FROM {unnest(_CLEARING, 'new')} ON CONFLICT (command_id) DO NOTHING"
)
_SINCE = columns_of(charging_profile, "tenant_id", "station_id", since=DateTime(True))
# Of what is over, only what something that has just arrived may have touched.
_READ = text(
    "SELECT charging_profile.* FROM charging_profile "
    f"JOIN {unnest(_SINCE, 'given')} USING (tenant_id, station_id) "
    "WHERE state IN ('waiting', 'installed') OR sent_at >= since OR ended_at >= since"
)
_READ_CLEARINGS = text(
    "SELECT charging_clearing.* FROM charging_clearing "
    f"JOIN {unnest(_SINCE, 'given')} USING (tenant_id, station_id) "
    "WHERE sent_at >= since"
)
_TRANSACTIONS = text(
    "SELECT tenant_id, station_id, id, connector_id, token_key, received_at, status "
    "FROM transaction WHERE station_id = ANY(:stations) "
    "AND (status <> 'completed' OR id = ANY(:ids) "
    "OR (started_at >= CAST(:since AS timestamptz) - interval '1 hour' "
    "AND received_at >= CAST(:since AS timestamptz)))"
)
_STATE = columns_of(
    charging_profile, "command_id", "connector_id", "transaction_id", "state", "ended_at"
)
_SAVE = text(
    "UPDATE charging_profile SET connector_id = new.connector_id, state = new.state, "
    "transaction_id = new.transaction_id, ended_at = new.ended_at "
    f"FROM {unnest(_STATE, 'new')} WHERE charging_profile.command_id = new.command_id"
)
_KEEP_REPORTED = text(
    "INSERT INTO reported_schedule (tenant_id, station_id, connector_id, command_id, sent_at, "
    "answered_at, response, computed, ocpp_version) VALUES (:tenant_id, :station_id, "
    ":connector_id, :command_id, :sent_at, :answered_at, CAST(:response AS json), "
    "CAST(:computed AS json), :ocpp_version) "
    "ON CONFLICT (station_id, connector_id) DO UPDATE SET tenant_id = excluded.tenant_id, "
    "command_id = excluded.command_id, sent_at = excluded.sent_at, "
    "answered_at = excluded.answered_at, response = excluded.response, "
    "computed = excluded.computed, ocpp_version = excluded.ocpp_version "
    "WHERE (excluded.sent_at, excluded.command_id) > "
    "(reported_schedule.sent_at, reported_schedule.command_id)"
)
_REPORTED = text(
    f"SELECT * FROM reported_schedule WHERE {of_tenant()} AND station_id = :station_id "
    "AND connector_id = :connector_id"
)
# Only of the profile's tenant, as what is read to settle it. In no order, so that no station waits
# for others that have something to settle for long.
_UNSETTLED = text(
    "SELECT tenant_id, station_id FROM (SELECT tenant_id, station_id FROM charging_profile "
    "WHERE state = 'waiting' UNION SELECT profile.tenant_id, profile.station_id "
    "FROM charging_profile AS profile JOIN transaction "
    "ON transaction.id = profile.transaction_id AND transaction.station_id = profile.station_id "
    "AND transaction.tenant_id = profile.tenant_id "
    "WHERE profile.state = 'installed' AND profile.transaction_id IS NOT NULL "
    "AND transaction.status <> 'active') AS due ORDER BY random() LIMIT 500"
)
_FORGET = (
    text(
        "DELETE FROM charging_profile WHERE state NOT IN ('waiting', 'installed') "
        "AND ended_at < now() - make_interval(days => :days)"
    ),
    text("DELETE FROM charging_clearing WHERE sent_at < now() - make_interval(days => :days)"),
)


async def lock_charging(connection: AsyncConnection, stations: Collection[TenantStation]) -> None:
    """Let nobody else settle the profiles of these stations in the meantime."""
    await connection.execute(_LOCK, {"station_id": sorted({station for _, station in stations})})


async def add_profiles(connection: AsyncConnection, profiles: Sequence[NewProfile]) -> None:
    """Store profiles; known ones stay as they are."""
    if not profiles:
        return
    rows = [
        (
            new.accepted.command_id,
            new.accepted.tenant_id,
            new.accepted.station_id,
            _connector(new.accepted),
            new.accepted.profile.profile_id,
            new.accepted.profile.purpose.value,
            new.accepted.profile.stack_level,
            new.accepted.profile.transaction_id,
            new.accepted.token_key,
            new.accepted.sent_at,
            new.ocpp_version,
            orjson.dumps(new.sent).decode(),
        )
        for new in profiles
    ]
    await connection.execute(_ADD, arrays(_NEW_PROFILE, rows))


async def add_clearings(connection: AsyncConnection, clearings: Sequence[NewClearing]) -> None:
    """Store clearings; a profile sent before one of them may still arrive."""
    if not clearings:
        return
    rows = [
        (
            new.command_id,
            new.tenant_id,
            new.station_id,
            new.sent_at,
            new.ocpp_version,
            orjson.dumps(new.payload).decode(),
        )
        for new in clearings
    ]
    await connection.execute(_ADD_CLEARINGS, arrays(_CLEARING, rows))


async def read_profiles(
    connection: AsyncConnection, since: Mapping[TenantStation, datetime]
) -> Sequence[Row[Any]]:
    """Return the live profiles of stations, and those sent since the station's time."""
    found = await connection.execute(_READ, _since(since))
    return found.all()


async def read_clearings(
    connection: AsyncConnection, since: Mapping[TenantStation, datetime]
) -> Sequence[Row[Any]]:
    """Return the clearings sent to stations since the station's time."""
    found = await connection.execute(_READ_CLEARINGS, _since(since))
    return found.all()


async def read_transactions(
    connection: AsyncConnection,
    stations: Collection[TenantStation],
    ids: Collection[int],
    since: datetime,
) -> dict[TenantStation, list[KnownTransaction]]:
    """Return transactions by tenant and station: the open ones, those named or received since."""
    rows = await connection.execute(
        _TRANSACTIONS,
        {
            "stations": sorted({station for _, station in stations}),
            "ids": _int32(ids),
            "since": since,
        },
    )
    found: dict[TenantStation, list[KnownTransaction]] = {}
    for row in rows:
        known = KnownTransaction(
            row.id, row.connector_id, row.token_key, row.received_at, row.status == "active"
        )
        found.setdefault((row.tenant_id, row.station_id), []).append(known)
    return found


async def save_states(connection: AsyncConnection, changed: Sequence[AcceptedProfile]) -> None:
    """Store where profiles belong and what became of them."""
    if not changed:
        return
    rows = [
        (
            each.command_id,
            _connector(each),
            each.profile.transaction_id,
            each.state.value,
            each.ended_at,
        )
        for each in changed
    ]
    await connection.execute(_SAVE, arrays(_STATE, rows))


async def keep_reported(
    connection: AsyncConnection, answered: AnsweredSchedule, computed: Mapping[str, Any] | None
) -> None:
    """Store a station's own schedule of a connector; the last one asked for stays."""
    await connection.execute(
        _KEEP_REPORTED,
        {
            "tenant_id": answered.tenant_id,
            "station_id": answered.station_id,
            "connector_id": answered.connector_id,
            "command_id": answered.command_id,
            "sent_at": answered.sent_at,
            "answered_at": answered.answered_at,
            "response": orjson.dumps(answered.response).decode(),
            "computed": None if computed is None else orjson.dumps(computed).decode(),
            "ocpp_version": answered.ocpp_version,
        },
    )


async def read_reported(
    connection: AsyncConnection, station: TenantStation, connector_id: int
) -> Row[Any] | None:
    """Return the last schedule that a station reported of a connector."""
    tenant_id, station_id = station
    parameters = {
        "tenant_id": tenant_id,
        "station_id": station_id,
        "connector_id": connector_id,
    }
    return (await connection.execute(_REPORTED, parameters)).first()


async def unsettled_stations(connection: AsyncConnection) -> list[TenantStation]:
    """Return stations, 500 at most, with profiles that wait for a transaction or outlived it."""
    rows = await connection.execute(_UNSETTLED)
    return [(row.tenant_id, row.station_id) for row in rows]


async def forget_charging(connection: AsyncConnection, days: int) -> None:
    """Delete what has been over for so many days."""
    for statement in _FORGET:
        await connection.execute(statement, {"days": days})


def _since(since: Mapping[TenantStation, datetime]) -> dict[str, list[Any]]:
    return arrays(_SINCE, [(*station, at) for station, at in since.items()])


def _connector(accepted: AcceptedProfile) -> int | None:
    return accepted.profile.connector_id if accepted.connector_given else None


def _int32(ids: Collection[int]) -> list[int]:
    return [number for number in ids if 0 < number <= INT32_MAX]
