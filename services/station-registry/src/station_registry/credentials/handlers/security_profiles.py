"""Security profiles that operators choose, and what became of raising them (whitepaper, A05)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.refusals import refuse
from station_registry.credentials.domain.security_profiles import (
    ProfileChange,
    ProfileRules,
    accepted,
    declined,
    too_low,
)
from station_registry.credentials.store import security_profiles


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
    connection: AsyncConnection, changes: Sequence[ProfileChange]
) -> None:
    """Take over which stations accepted a higher profile.

    The same in any order and any number of times.
    """
    if not changes:
        return
    before = await security_profiles.lock(connection, {change.station_id for change in changes})
    after = dict(before)
    for change in changes:
        if change.station_id not in after:
            continue
        decide = accepted if change.may_be_taken else declined
        after[change.station_id] = decide(after[change.station_id], change.profile)
    changed = {
        station_id: profiles
        for station_id, profiles in after.items()
        if profiles != before[station_id]
    }
    if changed:
        await security_profiles.save_upgrades(connection, changed)
