"""Composite schedules: computed from the installed profiles, and beside what stations report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.charging import (
    COMPOSITE_MAX_S,
    CompositePeriodView,
    ComputedSchedule,
    ReportedSchedule,
    ScheduleDifference,
)
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.times import format_time, parse_time, read_moment
from session_service.charging.domain.composite_schedule import (
    NOMINAL_VOLTAGE,
    Charging,
    CompositeSchedule,
    composite_schedule,
)
from session_service.charging.domain.installed_profiles import ProfileState
from session_service.charging.domain.profiles import RateUnit
from session_service.charging.handlers.profiles import accepted_profile, sent_at, settle
from session_service.charging.store.profiles import keep_reported, read_profiles, read_reported
from session_service.transactions.tables import transaction


async def note_composite_schedules(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Keep what stations answered to GetCompositeSchedule, with our own of the same time."""
    answered = [each for each in commands if each.accepted and each.response is not None]
    if answered:
        await settle(connection, sorted({each.station_id for each in answered}))
    for command in answered:
        response = command.response or {}
        connector_id = command.payload["connectorId"]
        computed = await _counterpart(connection, command, response)
        await keep_reported(
            connection,
            command.command_id,
            (command.station_id, connector_id),
            (sent_at(command), read_moment(command.completed_at)),
            response,
            None if computed is None else computed_view(computed).model_dump(mode="json"),
        )


async def computed_schedule(
    connection: AsyncConnection,
    place: tuple[str, int],
    start_at: datetime,
    duration_s: int,
    unit: RateUnit,
    voltage: int = NOMINAL_VOLTAGE,
) -> tuple[CompositeSchedule, Charging]:
    """Compute a connector's schedule; the station's profiles are settled already."""
    station_id, connector_id = place
    rows = await read_profiles(connection, {station_id: start_at})
    installed = [
        accepted.profile
        for accepted in map(accepted_profile, rows)
        if accepted.state is ProfileState.INSTALLED
    ]
    charging = await _charging(connection, station_id, connector_id)
    return composite_schedule(installed, charging, start_at, duration_s, unit, voltage), charging


async def reported(
    connection: AsyncConnection, station_id: str, connector_id: int
) -> ReportedSchedule | None:
    """Return a station's last own schedule of a connector, compared with ours of that time."""
    row = await read_reported(connection, station_id, connector_id)
    if row is None:
        return None
    computed = None if row.computed is None else ComputedSchedule.model_validate(row.computed)
    schedule = row.response.get("chargingSchedule")
    return ReportedSchedule(
        command_id=str(row.command_id),
        answered_at=format_time(row.answered_at),
        response=row.response,
        computed=computed,
        differences=[] if computed is None else differences(computed, schedule),
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
    computed: ComputedSchedule, schedule: Mapping[str, Any]
) -> list[ScheduleDifference]:
    """Return where a station's schedule has another limit than ours; ours without one agrees."""
    theirs = [
        (period["startPeriod"], period["limit"])
        for period in schedule.get("chargingSchedulePeriod", ())
        if "startPeriod" in period and "limit" in period
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
    connection: AsyncConnection, command: CompletedCommand, response: Mapping[str, Any]
) -> CompositeSchedule | None:
    schedule = response.get("chargingSchedule")
    if schedule is None or not schedule.get("chargingSchedulePeriod"):
        return None
    if "chargingRateUnit" not in schedule:
        return None
    told = parse_time(response.get("scheduleStart", ""))
    start = (told and told.at) or read_moment(command.completed_at)
    duration_s = schedule.get("duration") or command.payload["duration"]
    if not 1 <= duration_s <= COMPOSITE_MAX_S:
        return None
    found, _ = await computed_schedule(
        connection,
        (command.station_id, command.payload["connectorId"]),
        start,
        duration_s,
        RateUnit(schedule["chargingRateUnit"]),
    )
    return found


async def _charging(connection: AsyncConnection, station_id: str, connector_id: int) -> Charging:
    row = (
        await connection.execute(
            select(transaction.c.id, transaction.c.started_at)
            .where(
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
