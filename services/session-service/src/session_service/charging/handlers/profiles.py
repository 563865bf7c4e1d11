"""What follows from commands on charging profiles that stations accepted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from session_service.charging.domain.ends import NewClearing, NewProfile
from session_service.charging.domain.installed_profiles import (
    CLOCK_TOLERANCE,
    LIVE,
    AcceptedClearing,
    AcceptedProfile,
    ProfileState,
    settled,
)
from session_service.charging.handlers.events import charging_profile_told
from session_service.charging.store.profiles import (
    add_clearings,
    add_profiles,
    forget_charging,
    lock_charging,
    read_clearings,
    read_profiles,
    read_transactions,
    save_states,
    unsettled_stations,
)
from session_service.database.service_tables import outbox
from session_service.handling.events import Event
from session_service.ocpp.stored.charging import CLEARINGS, PROFILES
from session_service.values.keys import TenantStation

# What is over stays readable so long; a command that ends later than this finds nothing to undo.
KEPT_DAYS = 30
_UNDECIDED = (ProfileState.WAITING, ProfileState.UNUSED)


async def note_profiles(connection: AsyncConnection, new: Sequence[NewProfile]) -> None:
    """Take in profiles that stations accepted, by themselves or with a remote start."""
    if new:
        since = _earliest(
            ((each.accepted.tenant_id, each.accepted.station_id), each.accepted.sent_at)
            for each in new
        )
        await lock_charging(connection, since)
        await add_profiles(connection, new)
        await _settle(connection, since)


async def note_clearings(connection: AsyncConnection, new: Sequence[NewClearing]) -> None:
    """Take in clearings that stations carried out."""
    if new:
        since = _earliest(((each.tenant_id, each.station_id), each.sent_at) for each in new)
        await lock_charging(connection, since)
        await add_clearings(connection, new)
        await _settle(connection, since)


async def settle(connection: AsyncConnection, stations: Collection[TenantStation]) -> None:
    """Bind what waits to transactions that have started, and end what belongs to ended ones."""
    if stations:
        await lock_charging(connection, stations)
        await _settle(connection, dict.fromkeys(stations, utc_now()))


async def settle_waiting(connection: AsyncConnection) -> None:
    """Settle the stations that have something to settle."""
    await settle(connection, await unsettled_stations(connection))


async def forget_ended(connection: AsyncConnection) -> None:
    """Forget what is long over."""
    await forget_charging(connection, KEPT_DAYS)


def accepted_profiles(rows: Iterable[Row[Any]]) -> list[AcceptedProfile]:
    """Return stored profiles, but for those that only a newer program can read."""
    return [found for row in rows if (found := _accepted_profile(row)) is not None]


def _accepted_profile(row: Row[Any]) -> AcceptedProfile | None:
    read = PROFILES.find(row.ocpp_version)
    if read is None:
        return None
    profile = read(row.connector_id or 0, row.profile, row.sent_at)
    return AcceptedProfile(
        row.command_id,
        row.tenant_id,
        row.station_id,
        row.sent_at,
        replace(profile, transaction_id=row.transaction_id),
        ProfileState(row.state),
        row.token_key,
        row.connector_id is not None,
        row.ended_at,
    )


async def _settle(connection: AsyncConnection, since: Mapping[TenantStation, datetime]) -> None:
    before = accepted_profiles(await read_profiles(connection, since))
    if not before:
        return
    waiting = (
        ((each.tenant_id, each.station_id), each.sent_at)
        for each in before
        if each.state in _UNDECIDED
    )
    # What waits may turn out to be for a connector that was cleared meanwhile.
    cleared_since = _earliest([*since.items(), *waiting])
    clearings = [
        AcceptedClearing(
            row.command_id, row.tenant_id, row.station_id, row.sent_at, read(row.payload)
        )
        for row in await read_clearings(connection, cleared_since)
        if (read := CLEARINGS.find(row.ocpp_version)) is not None
    ]
    transactions = await read_transactions(
        connection,
        set(map(_station, before)),
        {number for each in before if (number := each.profile.transaction_id) is not None},
        min(each.sent_at for each in before) - CLOCK_TOLERANCE,
    )
    now = utc_now()
    changed: list[AcceptedProfile] = []
    events: list[Event] = []
    for station in since:
        mine = {each.command_id: each for each in before if _station(each) == station}
        after = settled(
            mine.values(),
            [each for each in clearings if _station(each) == station],
            transactions.get(station, []),
            now,
        )
        for each in after:
            old = mine[each.command_id]
            if each != old:
                changed.append(each)
                events += _told(old.state, each)
    await save_states(connection, changed)
    await write_events(connection, outbox, events)


def _station(each: AcceptedProfile | AcceptedClearing) -> TenantStation:
    return each.tenant_id, each.station_id


def _told(before: ProfileState, after: AcceptedProfile) -> Iterable[Event]:
    """Tell each step once, also where a station took and dropped a profile before we knew."""
    if before in _UNDECIDED and after.state not in _UNDECIDED:
        yield charging_profile_told("charging_profile.installed", after)
    if before in LIVE and after.state not in LIVE and after.state is not ProfileState.UNUSED:
        yield charging_profile_told("charging_profile.removed", after)


def _earliest(
    sent: Iterable[tuple[TenantStation, datetime]],
) -> dict[TenantStation, datetime]:
    earliest: dict[TenantStation, datetime] = {}
    for station, at in sorted(sent):
        earliest.setdefault(station, at)
    return earliest
