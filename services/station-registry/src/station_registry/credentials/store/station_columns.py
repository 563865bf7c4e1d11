"""What a row of `station` holds of a station's credentials."""

from typing import Any

from station_registry.credentials.domain.password_hashes import Credentials
from station_registry.credentials.domain.security_profiles import Profiles

CREDENTIALS = (
    "password_hashes, previous_password_hashes, either_password, password_reboot_at, reset_at"
)
PROFILES = "security_profile, upgrade_profile, upgrade_accepted, registered_serial_number"


def read_profiles(row: Any) -> Profiles:
    """Return the security profiles in a row of `station`."""
    return Profiles(
        row.security_profile,
        row.upgrade_profile,
        row.upgrade_accepted,
        row.registered_serial_number,
    )


def read_credentials(row: Any) -> Credentials:
    """Return the password hashes in a row of `station`.

    After a reset, a change that waited for it has been taken or never will be.
    """
    waited = row.password_reboot_at is not None and row.reset_at is not None
    return Credentials(
        tuple(map(bytes, row.password_hashes)),
        tuple(map(bytes, row.previous_password_hashes)),
        row.either_password or (waited and row.reset_at > row.password_reboot_at),
    )
