"""Composite schedules: computed from the installed profiles, and beside what stations report."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import (
    COMPOSITE_MAX_S,
    CompositePeriodView,
    ComputedSchedule,
    ReportedSchedule,
    ScheduleDifference,
)
from csms_shared.values.times import format_time
from session_service.charging.domain.composite_schedule import (
    NOMINAL_VOLTAGE,
    Charging,
    CompositeSchedule,
    StationPeriod,
    composite_schedule,
)
from session_service.charging.domain.ends import AnsweredSchedule
from session_service.charging.domain.installed_profiles import ProfileState
from session_service.charging.domain.profiles import RateUnit
from session_service.charging.handlers.profiles import accepted_profiles, settle
from session_service.charging.store.profiles import keep_reported, read_profiles, read_reported
from session_service.database.tenants import is_of
from session_service.ocpp.stored.charging import SCHEDULES
from session_service.transactions.tables import transaction
from session_service.values.keys import TenantStation


async def note_composite_schedules(
    connection: AsyncConnection, answered: Sequence[AnsweredSchedule]
) -> None:
    """Keep the composite schedules that stations answered, with our own of the same time."""
    if answered:
        await settle(connection, sorted({(each.tenant_id, each.station_id) for each in answered}))
    for each in answered:
        computed = await _counterpart(connection, each)
        await keep_reported(
            connection,
            each,
            None if computed is None else computed_view(computed).model_dump(mode="json"),
        )


async def computed_schedule(
    connection: AsyncConnection,
    station: TenantStation,
    connector_id: int,
    start_at: datetime,
    duration_s: int,
    unit: RateUnit,
    voltage: int = NOMINAL_VOLTAGE,
) -> tuple[CompositeSchedule, Charging]:
    """Compute a connector's schedule; the station's profiles are settled already."""
    rows = await read_profiles(connection, {station: start_at})
    installed = [
        accepted.profile
        for accepted in accepted_profiles(rows)
        if accepted.state is ProfileState.INSTALLED
    ]
    charging = await _charging(connection, station, connector_id)
    return composite_schedule(installed, charging, start_at, duration_s, unit, voltage), charging


async def reported(
    connection: AsyncConnection, station: TenantStation, connector_id: int
) -> ReportedSchedule | None:
    """Return a station's last own schedule of a connector, compared with ours of that time."""
    row = await read_reported(connection, station, connector_id)
    if row is None:
        return None
    computed = None if row.computed is None else ComputedSchedule.model_validate(row.computed)
    read = None if computed is None else SCHEDULES.find(row.ocpp_version)
    schedule = None if read is None else read(row.response)
    return ReportedSchedule(
        command_id=str(row.command_id),
        answered_at=format_time(row.answered_at),
        ocpp_version=row.ocpp_version,
        response=row.response,
        computed=computed,
        differences=[]
        if computed is None or schedule is None
        else differences(computed, schedule.periods),
    )


def computed_view(schedule: CompositeSchedule) -> ComputedSchedule:
    """Return a schedule as REST shows it; a decimal of one digit is exact as the float it names."""
    return ComputedSchedule(
        start_at=format_time(schedule.start_at),
        duration=schedule.duration_s,
        unit=schedule.unit.value,
        min_charging_rate=None if schedule.min_rate is None else float(schedule.min_rate),
        periods=[
            CompositePeriodView(
                start_period=period.start_s,
                limit=None if period.limit is None else float(period.limit),
                number_phases=period.phases,
            )
            for period in schedule.periods
        ],
    )


def differences(
    computed: ComputedSchedule, reported: Sequence[StationPeriod]
) -> list[ScheduleDifference]:
    """Return where a station's schedule has another limit than ours; ours without one agrees."""
    theirs = [
        (period.start_s, period.limit)
        for period in reported
        if period.start_s is not None and period.limit is not None
    ]
    ours = [(period.start_period, period.limit) for period in computed.periods]
    found: list[ScheduleDifference] = []
    last: tuple[float | None, float | None] = (None, None)
    for start in sorted({start for start, _ in (*ours, *theirs)}):
        limit, own = _limit_at(theirs, start), _limit_at(ours, start)
        if (own, limit) == last or not 0 <= start < computed.duration:
            continue
        last = own, limit
        if own is not None and limit is not None and own != limit:
            kind = "lower" if limit < own else "higher"
            found.append(
                ScheduleDifference(start_period=start, computed=own, reported=limit, kind=kind)
            )
    return found


def _limit_at(periods: Sequence[tuple[int, float | None]], second: int) -> float | None:
    begun = [limit for start, limit in sorted(periods, key=lambda each: each[0]) if start <= second]
    return begun[-1] if begun else None


async def _counterpart(
    connection: AsyncConnection, answered: AnsweredSchedule
) -> CompositeSchedule | None:
    schedule = answered.schedule
    if schedule is None or not schedule.periods or schedule.unit is None:
        return None
    duration_s = schedule.duration_s or answered.asked_s
    if not 1 <= duration_s <= COMPOSITE_MAX_S:
        return None
    found, _ = await computed_schedule(
        connection,
        (answered.tenant_id, answered.station_id),
        answered.connector_id,
        schedule.start_at or answered.answered_at,
        duration_s,
        schedule.unit,
    )
    return found


async def _charging(
    connection: AsyncConnection, station: TenantStation, connector_id: int
) -> Charging:
    tenant_id, station_id = station
    row = (
        await connection.execute(
            select(transaction.c.id, transaction.c.started_at)
            .where(
                is_of(transaction, tenant_id),
                transaction.c.station_id == station_id,
                transaction.c.connector_id == connector_id,
                # Spelled out, for a plan that is made once can't tell a parameter's value.
                transaction.c.status == literal_column("'active'"),
            )
            .order_by(transaction.c.id.desc())
            .limit(1)
        )
    ).first()
    if row is None:
        return Charging(connector_id)
    return Charging(connector_id, row.id, row.started_at)
