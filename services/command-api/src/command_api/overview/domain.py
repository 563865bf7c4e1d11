"""When a tenant's day began, and how the answers of the services become one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from csms_shared.contracts.overview import (
    COUNTED_MAX,
    EXAMPLES_MAX,
    Attention,
    HourOfSessions,
)
from csms_shared.values.times import format_time

HOURS_SHOWN = 24
# The most urgent first.
KINDS = (
    "stations_faulted",
    "stations_offline",
    "refusals",
    "quarantine",
    "parked",
    "commands_failed",
    "rollouts_stopped",
    "security_events",
    "system",
)


class AttentionOfKind(Attention):
    """What needs attention, with its kind."""

    kind: str


def day_began(now: datetime, zone: str | None) -> datetime:
    """Return when the day of `now` began where a tenant is; in UTC where its zone is not known."""
    try:
        where = UTC if zone is None else ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        where = UTC
    midnight = now.astimezone(where).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC)


def first_hour(now: datetime) -> datetime:
    """Return when the first of the hours that are shown begins; the last is the present one."""
    present = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return present - timedelta(hours=HOURS_SHOWN)


def every_hour(
    first: datetime, told: Sequence[HourOfSessions], energy_active_wh: int
) -> list[HourOfSessions]:
    """Return all hours that are shown, those without a session too.

    The present one has the energy so far of the sessions that go on: they would end in it.
    """
    by_hour = {hour.hour: hour for hour in told}
    hours: list[HourOfSessions] = []
    for number in range(HOURS_SHOWN + 1):
        begins = format_time(first + timedelta(hours=number))
        known = by_hour.get(begins)
        hours.append(
            HourOfSessions(
                hour=begins,
                energy_wh=0 if known is None else known.energy_wh,
                sessions=0 if known is None else known.sessions,
            )
        )
    hours[-1].energy_wh += energy_active_wh
    return hours


def by_urgency(found: Mapping[str, Attention | None]) -> list[AttentionOfKind]:
    """Return what there is, the most urgent kind first; a newer service may tell further ones."""
    others = sorted(found.keys() - set(KINDS))
    return [
        AttentionOfKind(kind=kind, **attention.model_dump())
        for kind in (*KINDS, *others)
        if (attention := found.get(kind)) is not None
    ]


def together(parts: Mapping[str, Attention | None]) -> Attention | None:
    """Return as one what several services tell; an example's id begins with its service."""
    told = {service: part for service, part in parts.items() if part is not None}
    if not told:
        return None
    examples = [
        example.model_copy(update={"id": f"{service}:{example.id}"})
        for service, part in told.items()
        for example in part.examples
    ]
    count = sum(part.count for part in told.values())
    return Attention(
        count=min(count, COUNTED_MAX),
        count_is_bound=count > COUNTED_MAX or any(part.count_is_bound for part in told.values()),
        since=min(part.since for part in told.values()),
        examples=sorted(examples, key=lambda one: one.at, reverse=True)[:EXAMPLES_MAX],
    )
