"""Security profiles that operators choose, and what became of raising them (whitepaper, A05)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.contracts.refusals import refuse
from csms_shared.values.texts import is_storable
from station_registry.credentials.domain.security_profiles import (
    ProfileRules,
    accepted,
    declined,
    too_low,
)
from station_registry.credentials.store import security_profiles

_KEY = "securityprofile"
# A station that never had the command, or refused it; what is not known may have been accepted.
_NOT_TAKEN = frozenset({"error", "station_offline", "expired"})
_TAKEN = frozenset({"Accepted", "RebootRequired"})


def check_profile(profile: int | None, rules: ProfileRules) -> None:
    """Refuse a profile with which nobody could connect.

    Raises:
        ProblemRaised: 422.
    """
    if too_low(profile, rules):
        raise refuse(
            422,
            "invalid_request",
            f"the suite's least security profile is {rules.minimum}",
            ("security_profile", "is too low"),
        )


async def check_serial_number(
    connection: AsyncConnection, station_id: str, serial_number: str | None
) -> None:
    """Refuse what would let two stations in by one certificate.

    Raises:
        ProblemRaised: 409.
    """
    other = await security_profiles.named_alike(connection, station_id, serial_number)
    if other is not None:
        raise refuse(
            409,
            "serial_number_taken",
            f"a certificate of {other} would name this station too",
            ("registered_serial_number" if serial_number else "station_id", f"is taken by {other}"),
        )


async def note_profile_changes(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take over which stations accepted a higher profile; other changes are left alone.

    The same in any order and any number of times.
    """
    changes = [
        (command, profile)
        for command in commands
        if (profile := _profile(command.payload)) is not None and is_storable(command.station_id)
    ]
    if not changes:
        return
    before = await security_profiles.lock(
        connection, {command.station_id for command, _ in changes}
    )
    after = dict(before)
    for command, profile in changes:
        station_id = command.station_id
        if station_id not in after:
            continue
        decide = accepted if _may_be_taken(command) else declined
        after[station_id] = decide(after[station_id], profile)
    changed = {
        station_id: profiles
        for station_id, profiles in after.items()
        if profiles != before[station_id]
    }
    if changed:
        await security_profiles.save_upgrades(connection, changed)


def _profile(payload: dict[str, Any]) -> int | None:
    key, value = payload.get("key"), payload.get("value")
    if not isinstance(key, str) or key.casefold() != _KEY or not isinstance(value, str):
        return None
    return int(value) if value in {"0", "1", "2", "3"} else None


def _may_be_taken(command: CompletedCommand) -> bool:
    if command.status == "completed":
        return (command.response or {}).get("status") in _TAKEN
    return command.status not in _NOT_TAKEN
