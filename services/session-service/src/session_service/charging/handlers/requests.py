"""What operators ask of charging profiles: lists, composite schedules, a check before sending."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import (
    AskCompositeSchedule,
    ChargingProfileView,
    CheckChargingProfile,
    CompositeScheduleView,
    ListChargingProfiles,
    ProfileStateName,
)
from csms_shared.contracts.pages import Page
from csms_shared.contracts.requests import FieldProblem
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.charging.domain.installed_profiles import ProfileState
from session_service.charging.domain.obstacles import (
    NoTransaction,
    Obstacle,
    OtherTransaction,
    TooManyProfiles,
)
from session_service.charging.domain.profiles import Purpose, RateUnit, replaces
from session_service.charging.handlers.composite_schedules import (
    computed_schedule,
    computed_view,
    reported,
)
from session_service.charging.handlers.profiles import accepted_profiles, settle
from session_service.charging.store.pages import page_of_charging_profiles
from session_service.charging.store.profiles import read_profiles
from session_service.database.tenants import is_of
from session_service.ocpp.stored.charging import PURPOSES
from session_service.ocpp.v16.charging import read_wanted_profile, write_obstacle
from session_service.transactions.tables import transaction


async def list_profiles(
    connection: AsyncConnection, query: ListChargingProfiles
) -> Page[ChargingProfileView]:
    """Return a page of a station's profiles, newest first."""
    await settle(connection, [(query.tenant_id, query.station_id)])
    rows, cursor = await page_of_charging_profiles(connection, query)
    return Page(items=[_view(row) for row in rows], next_cursor=cursor)


async def composite(
    connection: AsyncConnection, query: AskCompositeSchedule
) -> CompositeScheduleView:
    """Return a connector's composite schedule from now on, and the station's last own one."""
    await settle(connection, [(query.tenant_id, query.station_id)])
    schedule, charging = await computed_schedule(
        connection,
        (query.tenant_id, query.station_id),
        query.connector_id,
        utc_now().replace(microsecond=0),
        query.duration,
        RateUnit(query.unit),
        query.line_voltage,
    )
    return CompositeScheduleView(
        station_id=query.station_id,
        connector_id=query.connector_id,
        transaction_id=charging.transaction_id,
        computed=computed_view(schedule),
        reported=await reported(
            connection, (query.tenant_id, query.station_id), query.connector_id
        ),
    )


async def check_profile(
    connection: AsyncConnection, query: CheckChargingProfile
) -> list[FieldProblem]:
    """Return what keeps a station from taking a profile, as far as we know of it."""
    await settle(connection, [(query.tenant_id, query.station_id)])
    now = utc_now()
    new = read_wanted_profile(query.payload, now)
    obstacles: list[Obstacle] = []
    if new.purpose is Purpose.TX:
        running = await _running(connection, query, new.connector_id)
        if not running:
            obstacles.append(NoTransaction())
        elif new.transaction_id is not None and new.transaction_id not in running:
            obstacles.append(OtherTransaction(new.connector_id))
    if query.max_installed is not None:
        rows = await read_profiles(connection, {(query.tenant_id, query.station_id): now})
        kept = [
            each
            for each in accepted_profiles(rows)
            if each.state is ProfileState.INSTALLED and not replaces(new, each.profile)
        ]
        if len(kept) >= query.max_installed:
            obstacles.append(TooManyProfiles(query.max_installed, len(kept)))
    return [write_obstacle(obstacle) for obstacle in obstacles]


async def _running(
    connection: AsyncConnection, query: CheckChargingProfile, connector_id: int
) -> set[int]:
    rows = await connection.execute(
        select(transaction.c.id).where(
            is_of(transaction, query.tenant_id),
            transaction.c.station_id == query.station_id,
            transaction.c.connector_id == connector_id,
            transaction.c.status == "active",
        )
    )
    return set(rows.scalars())


def _view(row: Row[Any]) -> ChargingProfileView:
    purpose_name = PURPOSES.find(row.ocpp_version)
    return ChargingProfileView(
        command_id=str(row.command_id),
        station_id=row.station_id,
        connector_id=row.connector_id,
        profile_id=row.profile_id,
        purpose=row.purpose if purpose_name is None else purpose_name(row.purpose),
        stack_level=row.stack_level,
        transaction_id=row.transaction_id,
        state=ProfileStateName(row.state),
        sent_at=format_time(row.sent_at),
        ended_at=None if row.ended_at is None else format_time(row.ended_at),
        ocpp_version=row.ocpp_version,
        profile=row.profile,
    )
