"""What follows from commands on charging profiles that stations accepted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from csms_shared.values.id_tokens import token_key
from csms_shared.values.times import read_moment
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
    NewClearing,
    NewProfile,
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
from session_service.handling.events import Event
from session_service.ocpp.v16.charging import read_filter, read_profile
from session_service.store.service_tables import outbox

# What is over stays readable so long; a command that ends later than this finds nothing to undo.
KEPT_DAYS = 30
_UNDECIDED = (ProfileState.WAITING, ProfileState.UNUSED)


async def note_profiles(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Take in SetChargingProfile commands that stations accepted."""
    new = [
        NewProfile(
            AcceptedProfile(
                command.command_id,
                command.station_id,
                sent_at(command),
                read_profile(
                    command.payload["connectorId"],
                    command.payload["csChargingProfiles"],
                    sent_at(command),
                ),
            ),
            command.payload["csChargingProfiles"],
        )
        for command in commands
        if command.accepted
    ]
    await _take(connection, new)


async def note_remote_starts(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take in the charging profiles of remote starts that stations accepted."""
    new = []
    for command in commands:
        sent = command.payload.get("chargingProfile")
        if not command.accepted or sent is None:
            continue
        connector_id = command.payload.get("connectorId")
        profile = read_profile(connector_id or 0, sent, sent_at(command))
        accepted = AcceptedProfile(
            command.command_id,
            command.station_id,
            sent_at(command),
            profile,
            token_key=token_key(str(command.payload["idTag"])),
            connector_given=connector_id is not None,
        )
        new.append(NewProfile(accepted, sent))
    await _take(connection, new)


async def note_clearings(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Take in ClearChargingProfile commands that stations carried out.

    An answer Unknown cleared nothing, as nothing matched (7.21).
    """
    new = [
        NewClearing(command.command_id, command.station_id, sent_at(command), command.payload)
        for command in commands
        if command.accepted
    ]
    if new:
        since = _earliest((each.station_id, each.sent_at) for each in new)
        await lock_charging(connection, sorted(since))
        await add_clearings(connection, new)
        await _settle(connection, since)


async def settle(connection: AsyncConnection, stations: Sequence[str]) -> None:
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


def sent_at(command: CompletedCommand) -> datetime:
    """Return when a command was written to the station, which orders it among the others."""
    return read_moment(command.sent_at or command.completed_at)


def accepted_profile(row: Row[Any]) -> AcceptedProfile:
    """Return a stored profile."""
    sent: Mapping[str, Any] = {**row.profile, "transactionId": row.transaction_id}
    return AcceptedProfile(
        row.command_id,
        row.station_id,
        row.sent_at,
        read_profile(row.connector_id or 0, sent, row.sent_at),
        ProfileState(row.state),
        row.token_key,
        row.connector_id is not None,
        row.ended_at,
    )


async def _take(connection: AsyncConnection, new: Sequence[NewProfile]) -> None:
    if new:
        since = _earliest((each.accepted.station_id, each.accepted.sent_at) for each in new)
        await lock_charging(connection, sorted(since))
        await add_profiles(connection, new)
        await _settle(connection, since)


async def _settle(connection: AsyncConnection, since: Mapping[str, datetime]) -> None:
    before = [accepted_profile(row) for row in await read_profiles(connection, since)]
    if not before:
        return
    waiting = ((each.station_id, each.sent_at) for each in before if each.state in _UNDECIDED)
    # What waits may turn out to be for a connector that was cleared meanwhile.
    cleared_since = _earliest([*since.items(), *waiting])
    clearings = [
        AcceptedClearing(row.command_id, row.station_id, row.sent_at, read_filter(row.payload))
        for row in await read_clearings(connection, cleared_since)
    ]
    transactions = await read_transactions(
        connection,
        {each.station_id for each in before},
        {number for each in before if (number := each.profile.transaction_id) is not None},
        min(each.sent_at for each in before) - CLOCK_TOLERANCE,
    )
    now = utc_now()
    changed: list[AcceptedProfile] = []
    events: list[Event] = []
    for station_id in since:
        mine = {each.command_id: each for each in before if each.station_id == station_id}
        after = settled(
            mine.values(),
            [each for each in clearings if each.station_id == station_id],
            transactions.get(station_id, []),
            now,
        )
        for each in after:
            old = mine[each.command_id]
            if each != old:
                changed.append(each)
                events += _told(old.state, each)
    await save_states(connection, changed)
    await write_events(connection, outbox, events)


def _told(before: ProfileState, after: AcceptedProfile) -> Iterable[Event]:
    """Tell each step once, also where a station took and dropped a profile before we knew."""
    if before in _UNDECIDED and after.state not in _UNDECIDED:
        yield charging_profile_told("charging_profile.installed", after)
    if before in LIVE and after.state not in LIVE and after.state is not ProfileState.UNUSED:
        yield charging_profile_told("charging_profile.removed", after)


def _earliest(sent: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    earliest: dict[str, datetime] = {}
    for station_id, at in sorted(sent):
        earliest.setdefault(station_id, at)
    return earliest
