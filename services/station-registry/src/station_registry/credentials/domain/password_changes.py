"""What a change of a station's password, or what was told of one, makes of its passwords."""

from dataclasses import dataclass, field

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.stations import SetPassword
from station_registry.credentials.domain.password_hashes import (
    Credentials,
    set_password,
    withdraw_password,
)
from station_registry.credentials.domain.rotations import Rotations


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords that count for a station, and how they came to be asked of it."""

    credentials: Credentials
    rotations: Rotations = field(default_factory=Rotations)


def change_password(
    before: Passwords, wanted: SetPassword, salt: bytes, now_ms: int
) -> Passwords | Problem:
    """Return the passwords after the change, or why it is refused.

    What is told of a rotation after the next one has begun changes nothing, and `before` itself
    is returned: the station may have taken that one since, and would be locked out. `now_ms`:
    milliseconds since the epoch.
    """
    rotations = before.rotations
    rotation = wanted.rotation
    if rotation is None:
        rotations = rotations.replaced(now_ms)
    elif rotations.is_superseded(rotation):
        return before
    elif wanted.lasts_s is None:
        rotations = rotations.end(rotation)
    elif rotations.is_another_under_way(rotation, now_ms):
        return Problem(
            status=409,
            code="rotation_under_way",
            detail=f"{wanted.station_id} is being given another AuthorizationKey",
        )
    else:
        rotations = rotations.begin(rotation, now_ms + round(wanted.lasts_s * 1000))
    return Passwords(_credentials(before.credentials, wanted, salt), rotations)


def _credentials(before: Credentials, wanted: SetPassword, salt: bytes) -> Credentials:
    if wanted.withdrawn:
        return withdraw_password(before, wanted.credential_proofs)
    return set_password(
        before,
        wanted.credential_proofs,
        salt,
        keep_previous=wanted.keep_previous,
        either=wanted.either,
    )
