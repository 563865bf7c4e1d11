"""A tenant's charging sessions in numbers, and what of them needs attention.

The cost follows the sessions that go on, and those that ended within a day or so: each is found by
an index, and no meter value is read.
"""

import math
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, and_, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.overview import (
    AskSessionsOverview,
    HourOfSessions,
    SessionCounts,
    SessionsOverview,
)
from csms_shared.db.attention import AT_MOST, attention_sql, read_each
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.db.tenancy import of_tenant
from csms_shared.runtime.clock import utc_now
from csms_shared.values.numbers import in_64_bits
from csms_shared.values.times import format_time
from session_service.database.tenants import is_of
from session_service.transactions.store.scopes import began_within
from session_service.transactions.tables import live_figures, transaction

_HOUR = timedelta(hours=1)
# What a station has stored of one meter may be anything: no sum of it is out of range.
_ENERGY = func.greatest(
    cast(transaction.c.meter_stop, Numeric) - cast(transaction.c.meter_start, Numeric), 0
)
_HOUR_OF_STOP = func.date_trunc("hour", transaction.c.stopped_at, literal_column("'UTC'"))
QUARANTINED = attention_sql(
    "SELECT CAST(id AS text) AS id, received_at AS at, 1 AS of, "  # noqa: S608 - constants
    "station_id || ': ' || kind || ', ' || reason AS text FROM quarantine "
    f"WHERE {of_tenant()} AND status = 'open' {AT_MOST}"
)


async def overview(connection: AsyncConnection, asked: AskSessionsOverview) -> SessionsOverview:
    """Return a tenant's sessions in numbers; within a scope, those that began in it alone."""
    await plan_by_indexes(connection)
    now = utc_now()
    active = (await connection.execute(active_sessions(asked))).one()
    started = (await connection.execute(started_today(asked, now))).scalar_one()
    hours = (await connection.execute(ended_by_hour(asked, now))).all()
    # The list of what is quarantined is not for those who are limited to a scope.
    parameters = {"tenant_id": asked.tenant_id}
    attention = (
        {}
        if asked.scope is not None
        else await read_each(connection, {"quarantine": QUARANTINED}, parameters)
    )
    energy_active = _wh(active.energy_wh)
    ended_today = sum(_wh(row.energy_today_wh) for row in hours)
    return SessionsOverview(
        sessions=SessionCounts(
            active=active.sessions,
            power_w=active.power_w if math.isfinite(active.power_w) else 0.0,
            energy_active_wh=energy_active,
            energy_today_wh=in_64_bits(ended_today + energy_active),
            started_today=started,
        ),
        energy_by_hour=[
            HourOfSessions(
                hour=format_time(row.hour), energy_wh=_wh(row.energy_wh), sessions=row.sessions
            )
            for row in hours
            if row.hour >= asked.hours_from
        ],
        attention=attention,
    )


def active_sessions(asked: AskSessionsOverview) -> Select[Any]:
    """Return the statement on the sessions that go on, with their newest figures."""
    figures = live_figures.c
    known = live_figures.c.transaction_id == transaction.c.id
    return (
        select(
            func.count().label("sessions"),
            func.coalesce(func.sum(figures.power_w), 0.0).label("power_w"),
            func.sum(func.greatest(cast(figures.energy_wh, Numeric), 0)).label("energy_wh"),
        )
        .select_from(transaction.outerjoin(live_figures, and_(known, ~figures.ended)))
        .where(*_of(asked), transaction.c.status == "active")
    )


def started_today(asked: AskSessionsOverview, now: datetime) -> Select[Any]:
    """Return the statement on what has started today; what a wrong clock dates later is not."""
    return select(func.count()).where(
        *_of(asked),
        transaction.c.started_at >= asked.today_from,
        transaction.c.started_at < now + _HOUR,
    )


def ended_by_hour(asked: AskSessionsOverview, now: datetime) -> Select[Any]:
    """Return the statement on what has ended, hour by hour, since the earlier of the two times."""
    today = transaction.c.stopped_at >= asked.today_from
    hour = _HOUR_OF_STOP.label("hour")
    return (
        select(
            hour,
            func.count().label("sessions"),
            func.sum(_ENERGY).label("energy_wh"),
            func.sum(_ENERGY).filter(today).label("energy_today_wh"),
        )
        .where(
            *_of(asked),
            transaction.c.status == "completed",
            transaction.c.stopped_at >= min(asked.today_from, asked.hours_from),
            transaction.c.stopped_at < now + _HOUR,
        )
        .group_by(hour)
        .order_by(hour)
    )


def _of(asked: AskSessionsOverview) -> list[ColumnElement[bool]]:
    return [is_of(transaction, asked.tenant_id), *began_within(asked)]


def _wh(total: Any) -> int:
    return in_64_bits(int(total or 0))
